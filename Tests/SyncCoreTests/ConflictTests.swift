import SyncCore
import Testing

@Suite struct ConflictTests {
    static let rules = MergeRules([
        MergeRules.Field(id: 1, policy: .latest), MergeRules.Field(id: 2, policy: .latest),
        MergeRules.Field(id: 3, policy: .highest), MergeRules.Field(id: 5, policy: .latest, group: 0),
        MergeRules.Field(id: 6, policy: .latest, group: 0),
    ])

    private static func entry() -> Version {
        RecordStateTests.version(1, 1, [1: .integer(1), 2: .integer(1), 3: .integer(1)], stated: 10)
    }

    /// One entry, and three corrections whose authors had seen it and not each other.
    private static func crowd() -> RecordState {
        let seen = RecordStateTests.state([entry()]).seen
        return RecordStateTests.state([
            entry(), RecordStateTests.version(2, 1, [1: .integer(7)], seen: seen, stated: 30),
            RecordStateTests.version(3, 1, [1: .integer(8), 2: .integer(4)], seen: seen, stated: 20),
            RecordStateTests.version(4, 1, [1: .integer(7), 3: .integer(9)], seen: seen, stated: 15),
        ])
    }

    private static func write(_ edits: [RecordEdit], onto state: RecordState, as origin: UInt64)
        -> RecordState
    {
        var state = state
        for (index, edit) in edits.enumerated() {
            state.merge(
                Version(
                    dot: Dot(origin: origin, sequence: UInt64(index + 1)), key: RecordStateTests.key,
                    formRevision: 1, context: edit.context, isDelete: edit.isDelete, authored: 100,
                    stated: edit.stated ?? 100, firstCreated: 0, assignments: edit.assignments))
        }
        return state
    }

    @Test func answersStandSideBySide() throws {
        let conflicts = Self.crowd().conflicts(under: Self.rules)
        #expect(conflicts.map(\.fields) == [[1]])
        let conflict = try #require(conflicts.first)
        #expect(conflict.options.map { $0.dots.map(\.origin) } == [[2, 4], [3]], "equal answers are one")
        #expect(conflict.options.map { $0.assignments.map(\.value) } == [[.integer(7)], [.integer(8)]])
        #expect(conflict.since == 20)
    }

    @Test func aDecisionCoversWhatWasShownAndNothingElse() throws {
        let shown = Self.crowd()
        let value = [Assignment(field: 1, retentionClass: 0, value: .integer(8))]
        let edits = shown.edits(value, settling: [1], under: Self.rules)
        #expect(edits.count == 1)
        // Meanwhile somebody else, who had seen none of it, wrote too.
        var now = shown
        now.merge(RecordStateTests.version(9, 1, [1: .integer(5)], stated: 40))
        let after = Self.write(edits, onto: now, as: 7)
        let conflict = try #require(after.conflicts(under: Self.rules).first)
        #expect(Set(conflict.options.flatMap { $0.dots.map(\.origin) }) == [7, 9])
        #expect(Self.write(edits, onto: shown, as: 7).conflicts(under: Self.rules).isEmpty)
    }

    @Test func editingAnotherFieldSettlesNothing() {
        let state = Self.crowd()
        let value = [Assignment(field: 2, retentionClass: 0, value: .integer(6))]
        let after = Self.write(state.edits(value, under: Self.rules), onto: state, as: 7)
        #expect(after.conflicts(under: Self.rules).map(\.fields) == [[1]])
        #expect(after.effective(under: Self.rules)[2] == .integer(6))
    }

    @Test func whoWasNotAskedStandsBesideTheOthers() throws {
        let state = Self.crowd()
        let values = [
            Assignment(field: 1, retentionClass: 0, value: .integer(3)),
            Assignment(field: 2, retentionClass: 0, value: .integer(6)),
        ]
        let edits = state.edits(values, under: Self.rules)
        #expect(edits.map { $0.assignments.map(\.field) } == [[2], [1]])
        let after = Self.write(edits, onto: state, as: 7)
        let conflict = try #require(after.conflicts(under: Self.rules).first)
        #expect(
            conflict.options.map { $0.assignments.map(\.value) } == [
                [.integer(3)], [.integer(7)], [.integer(8)],
            ])
        #expect(after.effective(under: Self.rules)[2] == .integer(6))
        #expect(after.conflicts(under: Self.rules).count == 1, "field 2 is in no question")
    }

    @Test func aDeleteInQuestionStaysSoUntilSomebodyIsAsked() throws {
        let seen = RecordStateTests.state([Self.entry()]).seen
        let state = RecordStateTests.state([
            Self.entry(), RecordStateTests.version(2, 1, [:], seen: seen, stated: 20, delete: true),
            RecordStateTests.version(3, 1, [1: .integer(2)], seen: seen, stated: 30),
        ])
        let conflict = try #require(state.conflicts(under: Self.rules).first)
        #expect(conflict.isAboutExistence)
        #expect(conflict.options.map(\.isDelete) == [false, true])
        let value = [Assignment(field: 2, retentionClass: 0, value: .integer(6))]
        let edited = Self.write(state.edits(value, under: Self.rules), onto: state, as: 7)
        #expect(edited.effective(under: Self.rules).isDeleteConflict)
        #expect(edited.effective(under: Self.rules)[2] == .integer(6))
        let said = try #require(edited.assertion(under: Self.rules))
        let kept = Self.write(edited.edits(said, settling: [0], under: Self.rules), onto: edited, as: 8)
        #expect(kept.effective(under: Self.rules).exists)
        #expect(!kept.effective(under: Self.rules).hasConflict)
        let gone = Self.write(
            [RecordEdit(assignments: [], isDelete: true, context: edited.seen)], onto: edited, as: 9)
        #expect(!gone.effective(under: Self.rules).exists)
        #expect(gone.conflicts(under: Self.rules).isEmpty)
    }

    @Test func aMergeGroupIsOneQuestionAndIsEditedWhole() throws {
        let one = RecordStateTests.version(1, 1, [5: .integer(1), 6: .integer(1)], stated: 10)
        let two = RecordStateTests.version(2, 1, [5: .integer(1), 6: .integer(2)], stated: 20)
        let state = RecordStateTests.state([one, two])
        let conflict = try #require(state.conflicts(under: Self.rules).first)
        #expect(conflict.fields == [5, 6])
        #expect(conflict.options.count == 2)
        let value = [Assignment(field: 5, retentionClass: 0, value: .integer(3))]
        let edits = RecordStateTests.state([one]).edits(value, under: Self.rules)
        #expect(
            edits.map(\.assignments) == [
                value + [Assignment(field: 6, retentionClass: 0, value: .integer(1))]
            ])
    }

    /// Whatever is edited of whatever record: what was in question and not asked about stays so.
    @Test(arguments: [61, 62, 63] as [UInt64])
    func editsNeverSettleByTheWay(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<500 {
            let state = MergePropertyTests.state(MergePropertyTests.versions(&random))
            let rules = MergePropertyTests.rules
            let fields = (FieldID(1)...7).filter { _ in Bool.random(using: &random) }
            let values = fields.map {
                Assignment(field: $0, retentionClass: 0, value: MergePropertyTests.value(of: $0, &random))
            }
            let before = state.conflicts(under: rules)
            let after = Self.write(state.edits(values, under: rules), onto: state, as: 99)
                .conflicts(under: rules)
            for conflict in before {
                // That a record lives may be said anew; that it was deleted stays open.
                let open = conflict.options.filter { !conflict.isAboutExistence || $0.isDelete }
                let dots = Set(open.flatMap(\.dots))
                let still = after.first { $0.fields == conflict.fields }
                #expect(
                    still.map { dots.isSubset(of: $0.options.flatMap(\.dots)) } == true,
                    "seed \(seed), round \(round), \(conflict.fields)")
            }
        }
    }
}
