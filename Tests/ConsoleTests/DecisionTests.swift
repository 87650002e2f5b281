import Forms
import SyncCore
import SyncStore
import Testing

@testable import Console

@Suite struct DecisionTests {
    private let form: CompiledForm
    private let key = RecordKey(form: "check-in", values: [.integer(18_295), .text("T90001")])

    init() throws {
        let definition = try #require(FormCatalog.builtIn["check-in"])
        form = try CompiledForm(definition, settings: Settings(), zone: .fixed(hours: 8))
    }

    private func version(
        _ origin: UInt64, _ fields: [FieldID: Value], seen: RecordState = RecordState(),
        at time: Milliseconds,
        delete: Bool = false
    ) -> Version {
        Version(
            dot: Dot(origin: origin, sequence: 1), key: key, formRevision: 1, context: seen.seen,
            isDelete: delete, authored: time, stated: time, firstCreated: time,
            assignments: fields.keys.sorted().map {
                Assignment(
                    field: $0, retentionClass: form.definition.field($0)?.retentionClass ?? 0,
                    value: fields[$0] ?? .notStated)
            })
    }

    private func state(_ versions: [Version]) -> RecordState {
        var state = RecordState()
        for version in versions { state.merge(version) }
        return state
    }

    private func degrees(_ hundredths: Int64) -> Value { .decimal(unscaled: hundredths, scale: 2) }

    /// Two fields in question.
    private func two() -> RecordState {
        state([
            version(1, [1: degrees(3_650), 14: .text("well")], at: 10),
            version(2, [1: degrees(3_800), 14: .text("tired")], at: 20),
        ])
    }

    private func outcome(
        _ takes: [String], set: [String] = [], of state: RecordState
    ) throws -> Decision.Outcome {
        try Decision(
            takes: takes.map(Decision.Take.init), sets: set.map { try DecisionCheck.assignment($0, form) }
        ).applied(to: state, form)
    }

    private func said(_ outcome: Decision.Outcome) -> [FieldID: Value] {
        Dictionary(
            outcome.edits.flatMap(\.assignments).map { ($0.field, $0.value) }, uniquingKeysWith: { $1 })
    }

    @Test func answersAreTakenByNumberVersionAndWord() throws {
        let state = two()
        let first = try outcome(["temperature=2"], of: state)
        #expect(said(first) == [1: degrees(3_650)])
        #expect(first.open.map(\.fields) == [[14]], "field by field: the other stays in question")
        #expect(
            said(try outcome(["0000000000000002/1"], of: state)) == [1: degrees(3_800), 14: .text("tired")])
        #expect(said(try outcome(["earliest"], of: state)) == [1: degrees(3_650), 14: .text("well")])
        #expect(
            said(try outcome(["temperature=highest", "remark=2"], of: state)) == [
                1: degrees(3_800), 14: .text("well"),
            ])
        #expect(
            said(try outcome(["remark=latest"], set: ["temperature=37.1"], of: state)) == [
                1: degrees(3_710), 14: .text("tired"),
            ])
        for outcome in [first, try outcome(["latest"], of: state)] {
            #expect(outcome.edits.allSatisfy { $0.context == state.seen })
        }
    }

    @Test func aDeleteIsKeptOrDone() throws {
        let entry = version(1, [1: degrees(3_650)], at: 10)
        let seen = state([entry])
        let record = state([
            entry, version(2, [:], seen: seen, at: 20, delete: true),
            version(3, [14: .text("there")], seen: seen, at: 30),
        ])
        let kept = try outcome(["keep"], of: record)
        #expect(kept.edits.map(\.isDelete) == [false] && kept.edits[0].context == record.seen)
        #expect(try outcome(["record=delete"], of: record).edits.map(\.isDelete) == [true])
        #expect(try outcome(["1"], of: record).edits.map(\.isDelete) == [false])
        // Deciding about a field does not bring the record out of question.
        let other = state([
            entry, version(2, [:], seen: seen, at: 20, delete: true),
            version(3, [14: .text("there")], seen: seen, at: 30),
            version(4, [14: .text("away")], seen: seen, at: 40),
        ])
        let field = try outcome(["remark=latest"], of: other)
        #expect(field.open.map(\.isAboutExistence) == [true])
        #expect(field.edits.allSatisfy { !$0.context.covers(Dot(origin: 2, sequence: 1)) })
    }

    @Test func whatMakesNoSenseIsRefusedWithWords() {
        let state = two()
        let wishes: [([String], [String], String)] = [
            (["1"], [], "temperature=1"), (["temperature=3"], [], "1-2"), ([], [], "--take"),
            (["temprature=1"], [], "did you mean temperature"), (["fever=1"], [], "in no question"),
            (["keep"], [], "--take"), (["remark=highest"], [], "no answer"),
            ([], ["temperature"], "FIELD=VALUE"), ([], ["temperatur=36"], "did you mean temperature"),
            ([], ["temperature=warm"], "refused"),
        ]
        for (takes, sets, expected) in wishes {
            #expect {
                try outcome(takes, set: sets, of: state)
            } throws: { error in
                let message = (error as? Failure)?.message
                return message?.en.contains(expected) == true
                    && message.map { MessageTests.hasChinese($0.zh) } == true
            }
        }
    }

    @Test func theFormsChecksHoldForDecisions() throws {
        let state = two()
        let now = AuthoringMoment(
            time: Milliseconds(18_295) * 86_400_000 + 50_000_000, created: 0, isTrusted: true)
        let hot = try outcome([], set: ["temperature=99"], of: state)
        #expect(throws: Failure.self) {
            try DecisionCheck.checked(hot.edits, of: key, onto: state, form, at: now)
        }
        let good = try outcome(["latest"], of: state)
        #expect(
            try DecisionCheck.checked(good.edits, of: key, onto: state, form, at: now).map(\.stated) == [nil])
    }

    @Test func theCodeIsThatOfWhatWasShown() {
        let one = two()
        var more = one
        more.merge(version(3, [1: degrees(3_700)], at: 5))
        #expect(ShownCode.text([one]) == ShownCode.text([two()]))
        #expect(ShownCode.text([one]) != ShownCode.text([more]))
        #expect(ShownCode.text([one, more]) != ShownCode.text([more, one]))
        #expect(ShownCode.text([one]).utf8.count == 8)
    }
}
