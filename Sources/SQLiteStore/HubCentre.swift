import Forms
public import SyncCore
public import SyncStore

/// What the centre itself writes and reads.
extension SQLiteHubStore {
    public func write<Result>(
        clock: AuthoringClock, _ body: (any HubTransaction) throws -> Result
    ) throws -> Result {
        try writing(.routine, clock: clock, body)
    }

    func writing<Result>(
        _ claim: StoreClaim, clock: AuthoringClock, _ body: (HubWriting) throws -> Result
    ) throws -> Result {
        // Origins bound in a transaction that failed are not there.
        let lanes = ownLanes
        do {
            return try connection.write(claim) {
                let transaction = try HubWriting(self, clock: clock)
                let result = try body(transaction)
                try transaction.finish()
                return result
            }
        } catch {
            ownLanes = lanes
            throw error
        }
    }

    public func effective(_ key: RecordKey) throws -> EffectiveRecord? {
        try connection.read {
            guard let table = table(key.form) else { return nil }
            let state = try state(of: key, in: table)
            return state.isEmpty ? nil : state.effective(under: table.rules)
        }
    }

    public func versions(of key: RecordKey) throws -> [Version] {
        try connection.read {
            guard let table = table(key.form) else { return [] }
            let seen = try state(of: key, in: table).seen
            let held = try connection.all(
                "SELECT origin, sequence FROM quarantine WHERE form = ? AND key = ?", .text(key.form),
                .blob(Canonical.encode(key: key.values))
            ) { Dot(origin: try originID($0.int(0)), sequence: $0.word(1)) }
            var reach = seen.vector
            for dot in seen.dots + held { reach.include(dot) }
            var found: [Version] = []
            for entry in reach.entries {
                found += try versions(of: key, by: entry.origin, through: entry.count)
            }
            return found.sorted { $0.dot < $1.dot }
        }
    }

    /// Looks through an origin's segments: what the record's state has covered is only there.
    private func versions(of key: RecordKey, by id: OriginID, through: UInt64) throws -> [Version] {
        guard let origin = try origin(id) else { return [] }
        let positions = try connection.all(
            "SELECT position FROM segment WHERE origin = ? AND first <= ? ORDER BY last", .int(origin.number),
            .word(through)
        ) { $0.word(0) }
        var found: [Version] = []
        for position in positions {
            let segment = try segment(at: position)
            for group in segment.rows.groups where group.form.utf8.elementsEqual(key.form.utf8) {
                for (place, row) in group.rows.enumerated() {
                    let isSame =
                        group.keys.count == key.values.count
                        && zip(group.keys, key.values).allSatisfy { $0.value(at: place) == $1 }
                    guard isSame, !segment.gone.contains(Int(row)) else { continue }
                    let dot = Dot(origin: id, sequence: segment.first + UInt64(row))
                    found.append(segment.rows.version(at: Int(row), dot: dot))
                }
            }
        }
        return found
    }

    func unitExists(_ unit: String) throws -> Bool {
        guard let number = try terms.find(Array(unit.utf8)) else { return false }
        return try loadedRegister().tree.units[number] != nil
    }

    func unitName(_ unit: String) throws -> String {
        guard let table = tables.first(where: { $0.roles.kind == .unit }),
            let name = table.definition.fields.first(where: { $0.name == "name" })
        else { return "" }
        let state = try state(of: RecordKey(form: table.definition.form, values: [.text(unit)]), in: table)
        return state.effective(under: table.rules)[name.id]?.string ?? ""
    }

    /// The origin of `lane` that this instance writes to, bound when first needed: two processes never share
    /// one.
    func ownOrigin(_ lane: Lane) throws -> HubOrigin {
        if let id = ownLanes[lane], let origin = try origin(id) { return origin }
        let claim = OriginClaim(lane: lane, nonce: means.random())
        let derivation = claim.derivation(publicKey: means.signing.publicKey, hashing: means.hashing)
        let origin = try bind(derivation, claim: claim, device: nil)
        ownLanes[lane] = origin.id
        return origin
    }
}

/// One transaction of the centre's: each version is applied as it is written, and logged at the end.
final class HubWriting: HubTransaction {
    /// One lane's journal while it grows.
    private struct Journal {
        var journalist: Journalist
        var pending: HubPending
        var versions: [Version] = []
        var salts: [SaltGrant] = []
        var seals: [Seal] = []
    }

    private let store: SQLiteHubStore
    private let clock: AuthoringClock
    private var journals: [Lane: Journal] = [:]
    private var moved = HubMoves()
    private var knownTerms: Int64

    init(_ store: SQLiteHubStore, clock: AuthoringClock) throws {
        self.store = store
        self.clock = clock
        knownTerms = try store.terms.last()
    }

    func effective(_ key: RecordKey) throws -> EffectiveRecord? {
        guard let table = store.table(key.form) else { return nil }
        let state = try store.state(of: key, in: table)
        return state.isEmpty ? nil : state.effective(under: table.rules)
    }

    func record(_ key: RecordKey) throws -> RecordState? {
        guard let table = store.table(key.form) else { return nil }
        let state = try store.state(of: key, in: table)
        return state.isEmpty ? nil : state
    }

    func context(of key: RecordKey) throws -> Context {
        guard let table = store.table(key.form) else { return .empty }
        return try store.state(of: key, in: table).seen
    }

    func unitExists(_ unit: String) throws -> Bool { try store.unitExists(unit) }

    func personExists(_ person: String) throws -> Bool {
        guard let number = try store.terms.find(Array(person.utf8)) else { return false }
        return try store.loadedRegister().persons.contains(number)
    }

    func act(_ event: String, detail: String) throws {
        try store.act(event, detail: detail, at: clock.now)
    }

    func ruleMarks() throws -> RuleMarks? { try store.ruleMarks() }
    func set(_ marks: RuleMarks) throws { try store.keep(marks) }

    func author(_ draft: Draft) throws -> Dot {
        try append(draft.key, in: draft.lane) { journalist, state, knownSalt in
            try journalist.write(draft, onto: state, random: store.means.random, knownSalt: knownSalt)
        }.dot
    }

    /// Gives a version that a device authored a name in the hub's own journal.
    ///
    /// - Returns: the name, and what was found out about the version.
    func author(again version: Version) throws -> (dot: Dot, verdicts: [Verdict]) {
        try append(version.key, in: .urgent) { journalist, _, knownSalt in
            try journalist.write(again: version, random: store.means.random, knownSalt: knownSalt)
        }
    }

    private func append(
        _ key: RecordKey, in lane: Lane,
        _ write: (
            inout Journalist, RecordState, (Int32, RetentionClass) throws -> Token16?
        ) throws -> Journalist.Entry
    ) throws -> (dot: Dot, verdicts: [Verdict]) {
        var journal = try journal(lane)
        journals[lane] = nil
        let state = try store.table(key.form).map { try store.state(of: key, in: $0) } ?? RecordState()
        let origin = journal.pending.origin
        let entry = try write(&journal.journalist, state) {
            try store.salt(of: origin, day: $0, retentionClass: $1)
        }
        var single = HubPending(
            origin: origin, first: entry.version.dot.sequence, count: 1, unit: 0, now: clock.now,
            today: journal.pending.today)
        try store.apply(entry.columns, &single)
        // Both lanes' versions lie in the scopes that the transaction ends with.
        moved.take(single.moved)
        single.moved = HubMoves()
        journal.pending.take(single, row: journal.versions.count)
        journal.pending.heads.append(entry.head)
        journal.versions.append(entry.version)
        journal.salts += entry.salts
        if journal.journalist.isSealDue, let seal = try journal.journalist.seal() {
            journal.seals.append(seal)
        }
        if journal.versions.count == Limits.batchVersions || journal.seals.count == Limits.batchSeals - 1
            || journal.salts.count >= Limits.batchSalts - 16
        {
            try log(&journal)
        }
        journals[lane] = journal
        if key.form.utf8.elementsEqual(BuiltIn.definition.utf8) { try store.takeForms() }
        return (entry.version.dot, single.verdicts.map(\.verdict))
    }

    func finish() throws {
        for lane in Lane.allCases {
            guard var journal = journals[lane], !journal.versions.isEmpty else { continue }
            try log(&journal)
            journals[lane] = nil
        }
    }

    private func journal(_ lane: Lane) throws -> Journal {
        if let known = journals[lane] { return known }
        let origin = try store.ownOrigin(lane)
        let last = try store.connection.first("SELECT value FROM meta WHERE name = 'last_authored'") {
            $0.int(0)
        }
        let authored = clock.authored(skew: 0, last: last)
        try store.connection.run(
            "INSERT OR REPLACE INTO meta (name, value) VALUES ('last_authored', ?)", .int(authored.time))
        return Journal(
            journalist: Journalist(
                origin: origin.id, sequence: origin.held, head: origin.head, authored: authored,
                hashing: store.means.hashing, signing: store.means.signing),
            pending: try pending(for: origin))
    }

    private func pending(for origin: HubOrigin) throws -> HubPending {
        HubPending(
            origin: origin, first: origin.held + 1, count: 0, unit: 0, now: clock.now,
            today: try store.loadedChecks().zone.day(of: clock.now))
    }

    /// Puts what has been written so far into the arrival log, sealed.
    private func log(_ journal: inout Journal) throws {
        if let seal = try journal.journalist.seal() { journal.seals.append(seal) }
        let batch = VersionBatch(
            origin: journal.pending.origin.id, first: journal.pending.first,
            headBefore: journal.pending.origin.head,
            headAfter: journal.journalist.head, salts: journal.salts, seals: journal.seals,
            rows: VersionColumns(journal.versions))
        try store.store(journal.salts, of: journal.pending.origin)
        journal.pending.moved = moved
        journal.pending.knownTerms = knownTerms
        moved = HubMoves()
        _ = try store.log(
            batch, sealed: (journal.journalist.sequence, journal.journalist.head), &journal.pending)
        try store.renewReceipt(of: batch.origin, now: clock.now)
        guard let origin = try store.origin(batch.origin) else {
            throw StoreError(.corrupt, "an own origin is gone")
        }
        journal.pending = try pending(for: origin)
        knownTerms = try store.terms.last()
        journal.versions = []
        journal.salts = []
        journal.seals = []
    }
}
