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
            let former = configuration.replica
            configuration.replica = self.means.random()
            let opened = Lane.allCases.map(self.openOrigin)
            var lanes: [HealedLane] = []
            for var origin in try tables.origins() {
                guard let point = points.first(where: { $0.origin == origin.id }),
                    point.sequence <= origin.sequence,
                    let head = try TableAgentStore.ownHead(origin, at: point.sequence, in: tables),
                    let fresh = opened.first(where: { $0.claim.lane == origin.claim.lane })
                else { throw StoreError(.corrupt, "no point to go back to") }
                let names = OriginRename(origin: origin.id, after: point.sequence, fresh: fresh.id)
                origin.sequence = point.sequence
                origin.head = head
                origin.receipted = point.sequence
                lanes.append(HealedLane(old: origin, names: names))
                try self.seal(origin, in: tables)
            }
            let fresh = FreshLanes(opened, tables: tables, means: self.means)
            try AgentHealer(lanes, tables: tables, fresh: fresh) { self.again($0, under: $1) }.run()
            let ends = try fresh.finish()
            for lane in lanes {
                try tables.put(
                    ReplicaRename(from: former, to: configuration.replica, names: lane.names))
            }
            tables.isVital = fresh.bytes <= AgentWriter.vitalBytes
            try self.begin(configuration, with: welcome, now: now, in: tables)
            let event = IdentityEvent(
                at: now, kind: .renewed, versions: ends.reduce(0) { $0 + $1.sequence })
            try tables.put(event)
            return event
        }
    }

    /// The hub may have taken part of a transaction, which ends where no seal is: what the journal is cut to
    /// must be receiptable as long as a hub that is put back may need it.
    func seal(_ origin: OwnOrigin, in tables: any AgentTables) throws {
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
    var names: OriginRename
}

/// Writes own versions again behind the points where the journals parted, within one transaction.
private final class AgentHealer {
    /// Versions that are in memory at a time.
    private static let page = 256

    private let tables: any AgentTables
    private let fresh: FreshLanes
    private let lanes: [HealedLane]
    private let renames: [OriginRename]
    private let again: (Version, [OriginRename]) -> Version
    private var records: Set<RecordName> = []

    init(
        _ lanes: [HealedLane], tables: any AgentTables, fresh: FreshLanes,
        again: @escaping (Version, [OriginRename]) -> Version
    ) {
        self.tables = tables
        self.fresh = fresh
        self.lanes = lanes
        renames = lanes.map(\.names)
        self.again = again
    }

    func run() throws {
        for lane in lanes { try write(lane) }
        for lane in lanes {
            try tables.cut(lane.old.id, after: lane.names.after)
            try tables.close(lane.old)
        }
        try nameAgainWhatCovers()
    }

    /// What lies above the common point, in order.
    private func write(_ lane: HealedLane) throws {
        var after = lane.names.after
        while true {
            var page: [Version] = []
            try tables.eachVersion(of: lane.old.id, after: after) { stored in
                page.append(stored.version)
                return page.count < AgentHealer.page
            }
            guard let last = page.last else { return }
            after = last.dot.sequence
            for version in page {
                try fresh.append(again(version, renames), in: lane.old.claim.lane)
                records.insert(RecordName(version.key))
            }
        }
    }

    /// Gives the records' versions their new names. A version that the hub has may have been shown one of
    /// another lane that it has not: it goes up once more, so that it covers that one under its new name.
    private func nameAgainWhatCovers() throws {
        for name in records.sorted(by: { $0.isBefore($1) }) {
            guard let state = try tables.record(name) else {
                throw StoreError(.corrupt, "a version without its record")
            }
            var seen = state.seen.renamed(renames)
            for version in try tables.versions(of: name) {
                guard let lane = lanes.first(where: { $0.old.id == version.dot.origin })?.old.claim.lane,
                    version.context.renamed(renames) != version.context,
                    try tables.verdicts(of: version.dot).last?.kind != .quarantined
                else { continue }
                var twin = again(version, renames)
                twin.dot = try fresh.next(in: lane)
                twin.authoredDot = version.authoredDot ?? version.dot
                try fresh.append(twin, in: lane)
                seen.includePrefix(twin.dot)
            }
            // What others have written speaks of versions at the hub, whatever is called so here.
            try tables.put(RecordState(of: try tables.versions(of: name), seen: seen), of: name)
        }
    }
}
