import SyncCore

/// What a store does about versions that a hub which was put back has lost, or calls by another name: at the
/// Mark those of others that it has not fed again since it began another epoch, and own ones that lie in a
/// hole; in a feed those whose name means something else now.
final class AgentDoubts {
    private let tables: any AgentTables
    private let own: Set<OriginID>
    /// Own origins that are current no more. What lies above an end was written by this device as well,
    /// before its store was restored, or by a copy of it.
    private let ends: [OriginID: UInt64]
    private let lanes: [OriginID: Lane]
    private let open: () throws -> FreshLanes
    private var fresh: FreshLanes?
    private var forgotten: UInt64 = 0
    private var givenBack: UInt64 = 0

    /// - Parameters:
    ///   - current: the store's origins, as they stand in this transaction.
    ///   - closed: those that are current no more.
    ///   - open: closes the current origins and opens new ones.
    init(
        _ tables: any AgentTables, current: [OwnOrigin], closed: [OwnOrigin],
        open: @escaping () throws -> FreshLanes
    ) {
        self.tables = tables
        self.open = open
        own = Set(current.map(\.id))
        ends = Dictionary(closed.map { ($0.id, $0.sequence) }, uniquingKeysWith: max)
        lanes = Dictionary(
            (closed + current).map { ($0.id, $0.claim.lane) }, uniquingKeysWith: { first, _ in first })
    }

    /// At the Mark: everything that is doubted still.
    func settleAll() throws {
        let doubted = try tables.doubted()
        for (name, dots) in doubted.sorted(by: { $0.key.isBefore($1.key) }) {
            try settle(name, dropping: dots)
        }
        if !doubted.isEmpty { try tables.doubtNothing() }
    }

    /// The hub that was put back calls by this name something else than what is held here.
    func settle(_ stored: Version) throws {
        try settle(RecordName(stored.key), dropping: [stored.dot])
    }

    /// - Returns: what was found out, which is put down as well.
    func finish(now: Milliseconds) throws -> [IdentityEvent] {
        _ = try fresh?.finish()
        var events: [IdentityEvent] = []
        if forgotten > 0 { events.append(IdentityEvent(at: now, kind: .forgotten, versions: forgotten)) }
        if givenBack > 0 { events.append(IdentityEvent(at: now, kind: .givenBack, versions: givenBack)) }
        for event in events { try tables.put(event) }
        return events
    }

    /// What the dropped versions covered stands again, as it does at the hub.
    private func settle(_ name: RecordName, dropping dots: Set<Dot>) throws {
        guard let state = try tables.record(name) else { return }
        let versions = try tables.versions(of: name)
        let again = try giveBack(
            versions.filter { dots.contains($0.dot) && lanes[$0.dot.origin] != nil }, versions)
        let held = versions.filter { !dots.contains($0.dot) } + again
        let kept = held.map(\.dot).filter { !own.contains($0.origin) }
        for dot in versions.map(\.dot) where dots.contains(dot) {
            try tables.erase(dot)
            if lanes[dot.origin] == nil { forgotten += 1 }
        }
        guard !held.isEmpty else { return try tables.removeRecord(name) }
        var seen = state.limited(to: own, and: kept).seen
        for version in again { seen.includePrefix(version.dot) }
        try tables.put(RecordState(of: held, seen: seen), of: name)
    }

    /// Writes own versions again that only the feed had brought back, or that lie in a hole, as far as they
    /// are kept, and with them those own ones that cover them under their old names.
    ///
    /// - Returns: what was written.
    private func giveBack(_ lost: [Version], _ versions: [Version]) throws -> [Version] {
        if lost.isEmpty { return [] }
        let fresh = try self.fresh ?? open()
        self.fresh = fresh
        givenBack += UInt64(lost.count)
        var next: [Lane: Dot] = [:]
        for lane in Lane.allCases { next[lane] = try fresh.next(in: lane) }
        var written: [Version] = []
        var names: [Dot: Dot] = [:]
        func rename(_ version: Version) {
            guard let lane = lanes[version.dot.origin], let dot = next[lane] else { return }
            var twin = version
            twin.dot = dot
            twin.authoredDot = version.authoredDot ?? version.dot
            written.append(twin)
            next[lane] = Dot(origin: dot.origin, sequence: dot.sequence + 1)
        }
        for version in lost {
            rename(version)
            if let new = written.last { names[version.dot] = new.dot }
        }
        let gone = Set(lost.map(\.dot))
        for version in versions where !gone.contains(version.dot) && lanes[version.dot.origin] != nil {
            guard version.context.renamed(names, beyond: [:]) != version.context,
                try tables.verdicts(of: version.dot).last?.kind != .quarantined
            else { continue }
            rename(version)
        }
        for index in written.indices {
            written[index].context = written[index].context.renamed(names, beyond: ends)
            let dot = written[index].dot
            guard let lane = Lane.allCases.first(where: { next[$0]?.origin == dot.origin }) else { continue }
            try fresh.append(written[index], in: lane)
        }
        return written
    }
}
