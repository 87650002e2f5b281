import SyncCore

/// One transaction of a branch's store: authors versions through a ``Journalist`` per lane.
final class AgentWriter: AgentTransaction {
    private let tables: any AgentTables
    private let means: AgentMeans
    private let clock: AuthoringClock
    /// An urgent transaction above this, in canonical bytes, finds no room on a full disk: an alert takes
    /// some hundred.
    static let vitalBytes = 65_536

    private var bytes = 0
    private var pens: [(origin: OwnOrigin, journalist: Journalist)] = []

    init(tables: any AgentTables, means: AgentMeans, clock: AuthoringClock) {
        self.tables = tables
        self.means = means
        self.clock = clock
    }

    func record(_ key: RecordKey) throws -> RecordState? { try tables.record(RecordName(key)) }

    func verdicts(of dot: Dot) throws -> [Verdict] { try tables.verdicts(of: dot) }

    @discardableResult
    func author(_ draft: Draft) throws -> Dot {
        let pen = try self.pen(for: draft.lane)
        let draft = try translated(draft)
        let origin = pens[pen].origin.id
        let name = RecordName(draft.key)
        var state = try tables.record(name) ?? RecordState()
        let entry = try pens[pen].journalist.write(draft, onto: state, random: means.random) { day, wanted in
            try tables.salt(of: origin, day: day, retentionClass: wanted)
        }
        bytes += entry.bytes
        for grant in entry.salts { try tables.put(grant, of: origin, firstUse: entry.version.dot.sequence) }
        state.merge(entry.version)
        try tables.put(state, of: name)
        try tables.append(
            StoredVersion(version: entry.version, head: entry.head, bytes: entry.bytes),
            columns: entry.columns)
        if pens[pen].journalist.isSealDue { try seal(pen) }
        return entry.version.dot
    }

    /// The draft with a context that names what its author was shown as it is called now.
    private func translated(_ draft: Draft) throws -> Draft {
        guard let shown = draft.replica, let present = try tables.configuration()?.replica, shown != present
        else { return draft }
        var draft = draft
        var replica = shown
        let renames = try tables.renames()
        // Each replica id is left once and never taken again, so that this ends.
        for _ in 0..<renames.count {
            let step = renames.filter { $0.from == replica }
            guard let next = step.first?.to else { break }
            draft.context = draft.context.renamed(step.map(\.names))
            replica = next
        }
        return draft
    }

    func isKnown(_ print: Digest, of key: RecordKey) throws -> Bool {
        try tables.hasPrint(print, of: RecordName(key))
    }

    func remember(_ print: Digest, of key: RecordKey) throws { try tables.put(print, of: RecordName(key)) }

    func imported(from source: String, _ key: RecordKey) throws -> [Assignment]? {
        try tables.imported(from: source, RecordName(key))
    }

    func rememberImport(from source: String, _ key: RecordKey, _ assignments: [Assignment]) throws {
        try tables.putImport(from: source, RecordName(key), assignments)
    }

    /// Seals what was written and keeps where the journals end.
    func finish() throws {
        let isUrgent = pens.contains { $0.origin.claim.lane == .urgent }
        tables.isVital = isUrgent && bytes <= AgentWriter.vitalBytes
        for pen in pens.indices {
            try seal(pen)
            var origin = pens[pen].origin
            origin.sequence = pens[pen].journalist.sequence
            origin.head = pens[pen].journalist.head
            try tables.put(origin)
            // A wrong clock must not hold later times up once it is right again.
            guard pens[pen].journalist.isTrusted else { continue }
            var session = try tables.session()
            session.lastAuthored = pens[pen].journalist.authored
            try tables.put(session)
        }
    }

    private func seal(_ pen: Int) throws {
        if let seal = try pens[pen].journalist.seal() { try tables.put(seal, of: pens[pen].origin.id) }
    }

    private func pen(for lane: Lane) throws -> Int {
        if let known = pens.firstIndex(where: { $0.origin.claim.lane == lane }) { return known }
        guard let origin = try tables.origins().first(where: { $0.claim.lane == lane }) else {
            throw StoreError(.notJoined, "the store has no origins yet")
        }
        let authored = clock.authored(
            skew: try tables.contact().skew, last: try tables.session().lastAuthored)
        let journalist = Journalist(
            origin: origin.id, sequence: origin.sequence, head: origin.head, authored: authored,
            hashing: means.hashing, signing: means.signing)
        pens.append((origin, journalist))
        return pens.count - 1
    }
}
