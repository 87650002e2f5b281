public import SyncCore

/// What a store does that was restored, or has a copy beside it.
extension TableAgentStore {
    public func partings(_ welcome: Welcome) throws -> [Parting] {
        try backend.read { tables in
            var isParted = welcome.isTokenUnknown
            var partings: [Parting] = []
            for origin in try tables.origins() {
                let theirs = welcome.held.first { $0.origin == origin.id }
                let held = theirs?.sequence ?? 0
                let top = min(held, origin.sequence)
                // What was pruned here was backed up at the hub: there the two were the same.
                let isSame =
                    try held <= origin.sequence
                    && (held == 0 || held + 1 < origin.floor
                        || TableAgentStore.ownHead(origin, at: held, in: tables) == theirs?.head)
                if !isSame { isParted = true }
                partings.append(Parting(origin: origin.id, common: isSame ? held : 0, limit: top))
            }
            return isParted ? partings : []
        }
    }

    public func heads(of id: OriginID, at sequences: [UInt64]) throws -> Heads {
        try backend.read { tables in
            guard let origin = try tables.origins().first(where: { $0.id == id }) else {
                throw StoreError(.corrupt, "heads of an origin that is not this store's")
            }
            let entries = try sequences.map {
                Heads.Entry(
                    sequence: $0, head: try TableAgentStore.ownHead(origin, at: $0, in: tables))
            }
            return Heads(origin: id, entries: entries)
        }
    }

    @discardableResult
    public func heal(
        _ points: [ForkPoint], after welcome: Welcome, now: Milliseconds
    ) throws -> IdentityEvent {
        try backend.write { tables in
            guard var configuration = try tables.configuration() else {
                throw StoreError(.notJoined, "this store has not joined a hub")
            }
            let healer = AgentHealer(tables: tables, means: self.means) { self.again($0, under: $1) }
            let former = configuration.replica
            configuration.replica = self.means.random()
            var lanes: [HealedLane] = []
            for var origin in try tables.origins() {
                guard let point = points.first(where: { $0.origin == origin.id }),
                    point.sequence <= origin.sequence,
                    let head = try TableAgentStore.ownHead(origin, at: point.sequence, in: tables)
                else { throw StoreError(.corrupt, "no point to go back to") }
                let fresh = self.openOrigin(origin.claim.lane)
                let names = OriginRename(origin: origin.id, after: point.sequence, fresh: fresh.id)
                origin.sequence = point.sequence
                origin.head = head
                origin.receipted = point.sequence
                lanes.append(HealedLane(old: origin, fresh: fresh, names: names))
                try self.seal(origin, in: tables)
            }
            try healer.write(lanes)
            for lane in lanes {
                try tables.cut(lane.old.id, after: lane.names.after)
                try tables.close(lane.old)
            }
            try healer.nameAgainWhatCovers()
            let ends = try healer.finish()
            for (lane, end) in zip(lanes, ends) {
                try tables.put(end)
                try tables.put(
                    ReplicaRename(from: former, to: configuration.replica, names: lane.names))
            }
            tables.isVital = healer.bytes <= AgentWriter.vitalBytes
            try self.begin(configuration, with: welcome, now: now, in: tables)
            let event = IdentityEvent(
                at: now, kind: .renewed, versions: ends.reduce(0) { $0 + $1.sequence })
            try tables.put(event)
            return event
        }
    }

    /// The hub may have taken part of a transaction, which ends where no seal is: what the journal is cut to
    /// must be receiptable as long as a hub that is put back may need it.
    private func seal(_ origin: OwnOrigin, in tables: any AgentTables) throws {
        let end = origin.sequence
        guard end > 0, try tables.seals(of: origin.id, in: end...end).isEmpty else { return }
        let statement = SealStatement.bytes(origin: origin.id, sequence: end, head: origin.head)
        try tables.put(Seal(sequence: end, signature: try means.signing.sign(statement)), of: origin.id)
    }

    /// A new replica has no session yet; what the Welcome says of the hub is true all the same.
    private func begin(
        _ configuration: AgentConfiguration, with welcome: Welcome, now: Milliseconds,
        in tables: any AgentTables
    ) throws {
        var configuration = configuration
        if !welcome.settings.isEmpty, welcome.settings.count <= Limits.settingsBytes {
            configuration.settings = welcome.settings
        }
        try tables.put(configuration)
        var session = try tables.session()
        session.token = .zero
        try tables.enter(welcome.epoch, &session)
        try tables.put(session)
        var contact = try tables.contact()
        contact.skew = welcome.clock.subtractingClamped(now)
        contact.lastHubTime = welcome.clock
        contact.lastContact = now
        try tables.put(contact)
    }

    public func identityEvents(limit: Int) throws -> [IdentityEvent] {
        try backend.read { try $0.identityEvents(limit: limit) }
    }
}

private struct HealedLane {
    /// As it ends now, at the common point.
    var old: OwnOrigin
    var fresh: OwnOrigin
    var names: OriginRename
}

/// Writes versions again under new origins, within one transaction.
private final class AgentHealer {
    /// Versions that are in memory at a time.
    private static let page = 256

    private let tables: any AgentTables
    private let means: AgentMeans
    private let again: (Version, [OriginRename]) -> Version
    private var renames: [OriginRename] = []
    private var pens: [Rewriter] = []
    private var records: Set<RecordName> = []
    /// Canonical bytes written.
    private(set) var bytes = 0

    init(
        tables: any AgentTables, means: AgentMeans, again: @escaping (Version, [OriginRename]) -> Version
    ) {
        self.tables = tables
        self.means = means
        self.again = again
    }

    /// What lies above the common points, in order.
    func write(_ lanes: [HealedLane]) throws {
        renames = lanes.map(\.names)
        pens = lanes.map { Rewriter($0.fresh, means: means) }
        for (pen, names) in renames.enumerated() {
            var after = names.after
            while true {
                var page: [StoredVersion] = []
                try tables.eachVersion(of: names.origin, after: after) { stored in
                    page.append(stored)
                    return page.count < AgentHealer.page
                }
                guard let last = page.last else { break }
                after = last.version.dot.sequence
                for stored in page {
                    try append(again(stored.version, renames), bytes: stored.bytes, with: pen)
                    records.insert(RecordName(stored.version.key))
                }
            }
        }
    }

    private func append(_ version: Version, bytes: Int, with pen: Int) throws {
        let entry = try pens[pen].write(version)
        let origin = pens[pen].origin
        for grant in entry.salts { try tables.put(grant, of: origin.id, firstUse: origin.sequence) }
        try tables.append(
            StoredVersion(version: version, head: origin.head, bytes: bytes), columns: entry.columns)
        self.bytes += bytes
        if let seal = try pens[pen].seal(after: bytes) { try tables.put(seal, of: origin.id) }
    }

    /// Gives the records' versions their new names. A version that the hub has may have been shown one of
    /// another lane that it has not: it goes up once more, so that it covers that one under its new name.
    func nameAgainWhatCovers() throws {
        for name in records.sorted(by: { $0.isBefore($1) }) {
            guard var state = try tables.record(name) else {
                throw StoreError(.corrupt, "a version without its record")
            }
            var covering: [Version] = []
            for version in try tables.versions(of: name) {
                guard let pen = renames.firstIndex(where: { $0.origin == version.dot.origin }),
                    version.context.renamed(renames) != version.context,
                    try tables.verdicts(of: version.dot).last?.kind != .quarantined
                else { continue }
                var twin = again(version, renames)
                twin.dot = pens[pen].next
                twin.authoredDot = version.authoredDot ?? version.dot
                try append(twin, bytes: try bytes(of: version), with: pen)
                covering += [version, twin]
            }
            let versions = try tables.versions(of: name)
            state = state.renamed(renames, versions: versions)
            for version in covering {
                state.merge(version) { first in versions.first { $0.dot == first } }
            }
            try tables.put(state, of: name)
        }
    }

    private func bytes(of version: Version) throws -> Int {
        var bytes = 0
        let dot = version.dot
        try tables.eachVersion(of: dot.origin, after: dot.sequence - 1) { stored in
            bytes = stored.bytes
            return false
        }
        return bytes
    }

    /// - Returns: the new origins as they stand then, sealed to their ends.
    func finish() throws -> [OwnOrigin] {
        for pen in pens.indices {
            if let seal = try pens[pen].seal() { try tables.put(seal, of: pens[pen].origin.id) }
        }
        return pens.map(\.origin)
    }
}

/// Continues a new origin's journal with versions that keep their times and authors.
private struct Rewriter {
    struct Entry {
        var columns: VersionColumns
        var salts: [SaltGrant]
    }

    private(set) var origin: OwnOrigin
    private let means: AgentMeans
    private let chain: JournalChain
    private var grants: [SaltGrant] = []
    private var sealed: UInt64 = 0
    private var unsealedBytes = 0

    init(_ origin: OwnOrigin, means: AgentMeans) {
        self.origin = origin
        self.means = means
        chain = JournalChain(hashing: means.hashing)
    }

    /// What the next version has to be called.
    var next: Dot { Dot(origin: origin.id, sequence: origin.sequence + 1) }

    /// - Parameter version: under its new name.
    mutating func write(_ version: Version) throws -> Entry {
        guard version.dot == next else {
            throw StoreError(.corrupt, "a hole in the own journal")
        }
        let columns = VersionColumns(CollectionOfOne(version))
        var fresh: [SaltGrant] = []
        for needed in JournalChain.saltsNeeded(columns) {
            let isKnown = grants.contains {
                $0.day == needed.day && $0.retentionClass == needed.retentionClass
            }
            if isKnown { continue }
            let grant = SaltGrant(
                day: needed.day, retentionClass: needed.retentionClass, salt: means.random())
            grants.append(grant)
            fresh.append(grant)
        }
        let known = grants
        let walk = try chain.walk(
            columns, origin: origin.id, first: version.dot.sequence, from: origin.head
        ) { day, wanted in
            known.first { $0.day == day && $0.retentionClass == wanted }?.salt
        }
        guard let head = walk.heads.last else { throw StoreError(.corrupt, "empty walk") }
        origin.sequence += 1
        origin.head = head
        return Entry(columns: columns, salts: fresh)
    }

    /// The seal that is due after so many more bytes; nil when none is.
    mutating func seal(after bytes: Int) throws -> Seal? {
        unsealedBytes += bytes
        return unsealedBytes >= Limits.sealInterval ? try seal() : nil
    }

    mutating func seal() throws -> Seal? {
        guard sealed < origin.sequence else { return nil }
        let statement = SealStatement.bytes(origin: origin.id, sequence: origin.sequence, head: origin.head)
        sealed = origin.sequence
        unsealedBytes = 0
        return Seal(sequence: origin.sequence, signature: try means.signing.sign(statement))
    }
}
