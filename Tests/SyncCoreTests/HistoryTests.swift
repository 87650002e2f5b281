import SyncCore
import Testing

@Suite struct HistoryTests {
    private static let rules = ConflictTests.rules

    private static func version(
        _ origin: UInt64, _ sequence: UInt64, _ fields: [FieldID: Value], seen: [Version] = [],
        at time: Milliseconds, delete: Bool = false
    ) -> Version {
        RecordStateTests.version(
            origin, sequence, fields, seen: RecordStateTests.state(seen).seen, stated: time, delete: delete)
    }

    /// An entry, two corrections apart, and a decision by somebody who was shown both.
    private static func life() -> [Version] {
        let entry = version(1, 1, [1: .integer(1), 2: .integer(0), 3: .integer(4)], at: 10)
        let one = version(2, 1, [1: .integer(2), 3: .integer(9)], seen: [entry], at: 30)
        // Its clock is wrong by far: what follows from it stands behind it all the same.
        let two = version(3, 1, [1: .integer(3), 3: .integer(5)], seen: [entry], at: 9_000)
        let decision = version(1, 2, [1: .integer(2)], seen: [entry, one, two], at: 50)
        return [entry, one, two, decision]
    }

    private static func outcome(_ history: History, _ dot: Dot, _ field: FieldID) -> History.Fate? {
        history[dot]?.fates.first { $0.field == field }
    }

    @Test func everyFieldSaysWhatBecameOfItAndByWhichRule() throws {
        let life = Self.life()
        let history = History(life.reversed(), under: Self.rules)
        #expect(history.entries.map(\.version.dot) == life.map(\.dot), "causes before what follows")
        let entry = try #require(Self.outcome(history, life[0].dot, 1))
        #expect(entry.outcome == .replaced)
        #expect(
            entry.by == [life[1].dot, life[2].dot], "those that replaced it first, not all that followed")
        #expect(Self.outcome(history, life[0].dot, 2)?.outcome == .inForce)
        #expect(Self.outcome(history, life[1].dot, 1)?.by == [life[3].dot])
        #expect(Self.outcome(history, life[3].dot, 1)?.outcome == .inForce)
        #expect(Self.outcome(history, life[1].dot, 3)?.outcome == .inForce)
        let overruled = try #require(Self.outcome(history, life[2].dot, 3))
        #expect(overruled.outcome == .overruled && overruled.policy == .highest)
    }

    @Test func aDecisionIsFoundAndTakenBack() throws {
        let life = Self.life()
        let history = History(life, under: Self.rules)
        let decision = try #require(history.lastSettlement)
        #expect(decision.version.dot == life[3].dot)
        #expect(decision.settled.map(\.fields) == [[1]])
        #expect(history.writtenSince(decision.version.dot).isEmpty)
        var state = RecordStateTests.state(life)
        let edits = state.undoing(decision, under: Self.rules)
        #expect(edits.count == 2)
        for (index, edit) in edits.enumerated() {
            state.merge(
                Version(
                    dot: Dot(origin: 5, sequence: UInt64(index + 1)), key: RecordStateTests.key,
                    formRevision: 1, context: edit.context, authored: 100, stated: edit.stated ?? 100,
                    firstCreated: 0, assignments: edit.assignments))
        }
        let again = try #require(state.conflicts(under: Self.rules).first)
        #expect(again.options.map { $0.assignments.map(\.value) } == [[.integer(3)], [.integer(2)]])
        #expect(state.effective(under: Self.rules)[1] == .integer(3), "the latest stands, as before")
    }

    @Test func whoWroteSinceIsNamed() {
        let life = Self.life()
        let later = Self.version(4, 1, [1: .integer(8)], seen: life, at: 60)
        let apart = Self.version(6, 1, [1: .integer(8)], at: 20)
        let other = Self.version(7, 1, [2: .integer(8)], seen: life, at: 60)
        let history = History(life + [later, apart, other], under: Self.rules)
        #expect(Set(history.writtenSince(life[3].dot).map(\.dot)) == [later.dot, apart.dot])
    }

    @Test func whatIsHeldBackDoesNotCount() {
        let life = Self.life()
        let history = History(life, heldBack: [life[3].dot], under: Self.rules)
        #expect(Self.outcome(history, life[3].dot, 1)?.outcome == .heldBack)
        #expect(Self.outcome(history, life[1].dot, 1)?.outcome == .inQuestion)
        #expect(Self.outcome(history, life[2].dot, 1)?.outcome == .inForce)
        #expect(history.lastSettlement == nil)
    }

    @Test func aDecisionAboutADeleteIsTakenBack() throws {
        let entry = Self.version(1, 1, [1: .integer(1)], at: 10)
        let delete = Self.version(2, 1, [:], seen: [entry], at: 20, delete: true)
        let edit = Self.version(3, 1, [1: .integer(2)], seen: [entry], at: 30)
        let gone = Self.version(1, 2, [:], seen: [entry, delete, edit], at: 40, delete: true)
        let life = [entry, delete, edit, gone]
        let history = History(life, under: Self.rules)
        let decision = try #require(history.lastSettlement)
        #expect(decision.settled.map(\.isAboutExistence) == [true])
        var state = RecordStateTests.state(life)
        #expect(!state.effective(under: Self.rules).exists)
        for (index, edit) in state.undoing(decision, under: Self.rules).enumerated() {
            state.merge(
                Version(
                    dot: Dot(origin: 5, sequence: UInt64(index + 1)), key: RecordStateTests.key,
                    formRevision: 1, context: edit.context, isDelete: edit.isDelete, authored: 100,
                    stated: edit.stated ?? 100, firstCreated: 0, assignments: edit.assignments))
        }
        #expect(state.effective(under: Self.rules).isDeleteConflict)
        #expect(state.effective(under: Self.rules)[1] == .integer(2))
    }

    /// However versions come: the same entries in the same order, and what replaced what is true.
    @Test(arguments: [71, 72] as [UInt64])
    func theSameVersionsHaveTheSameHistory(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<300 {
            let versions = MergePropertyTests.versions(&random).map(\.version)
            let rules = MergePropertyTests.rules
            let history = History(versions, under: rules)
            #expect(
                history == History(versions.shuffled(using: &random), under: rules), "seed \(seed), \(round)")
            let record = RecordStateTests.state(versions).effective(under: rules)
            for entry in history.entries {
                for fate in entry.fates where fate.field != 0 {
                    let candidates = record.fields.first { $0.field == fate.field }?.candidates ?? []
                    let isOne = candidates.contains { $0.setter == entry.version.dot }
                    #expect(isOne == (fate.outcome != .replaced), "seed \(seed), \(round)")
                    #expect(isOne == fate.by.isEmpty, "seed \(seed), \(round)")
                }
            }
        }
    }
}
