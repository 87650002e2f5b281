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
            var lanes: [(old: OwnOrigin, fresh: OwnOrigin, names: OriginRename)] = []
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
                lanes.append((origin, fresh, names))
                try self.seal(origin, in: tables)
            }
            let renames = lanes.map(\.names)
            var versions: UInt64 = 0
            for lane in lanes {
                let end = try healer.write(lane.fresh, again: lane.names, renames: renames)
                versions += end.sequence
                try tables.cut(lane.old.id, after: lane.old.sequence)
                try tables.close(lane.old)
                try tables.put(end)
                try tables.put(
                    ReplicaRename(from: former, to: configuration.replica, names: lane.names))
            }
            try healer.renameRecords(renames)
            tables.isVital = healer.bytes <= AgentWriter.vitalBytes
            try self.begin(configuration, with: welcome, now: now, in: tables)
            let event = IdentityEvent(at: now, kind: .renewed, versions: versions)
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

/// Writes versions again under new origins, within one transaction.
private final class AgentHealer {
    /// Versions that are in memory at a time.
    private static let page = 256

    private let tables: any AgentTables
    private let means: AgentMeans
    private let again: (Version, [OriginRename]) -> Version
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

    /// - Returns: the new origin as it stands then, sealed to its end.
    func write(
        _ fresh: OwnOrigin, again names: OriginRename, renames: [OriginRename]
    ) throws -> OwnOrigin {
        var pen = Rewriter(fresh, means: means)
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
                let entry = try pen.write(again(stored.version, renames))
                let version = entry.version
                for grant in entry.salts {
                    try tables.put(grant, of: fresh.id, firstUse: version.dot.sequence)
                }
                try tables.append(
                    StoredVersion(version: version, head: pen.origin.head, bytes: stored.bytes),
                    columns: entry.columns)
                records.insert(RecordName(version.key))
                bytes += stored.bytes
                if let seal = try pen.seal(after: stored.bytes) { try tables.put(seal, of: fresh.id) }
            }
        }
        if let seal = try pen.seal() { try tables.put(seal, of: fresh.id) }
        return pen.origin
    }

    func renameRecords(_ renames: [OriginRename]) throws {
        for name in records.sorted(by: { $0.isBefore($1) }) {
            guard let state = try tables.record(name) else {
                throw StoreError(.corrupt, "a version without its record")
            }
            try tables.put(state.renamed(renames, versions: try tables.versions(of: name)), of: name)
        }
    }
}

/// Continues a new origin's journal with versions that keep their times and authors.
private struct Rewriter {
    struct Entry {
        var version: Version
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

    /// - Parameter version: under its new name.
    mutating func write(_ version: Version) throws -> Entry {
        guard version.dot == Dot(origin: origin.id, sequence: origin.sequence + 1) else {
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
        return Entry(version: version, columns: columns, salts: fresh)
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
