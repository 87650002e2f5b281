import Forms
import SyncCore
import Testing

@testable import Console

/// What a raised record says of its times.
@Suite struct RaisedRowTests {
    private static let key = RecordKey(
        form: BuiltIn.alert, values: [.integer(18_290), .text("symptoms"), .text("p1")])
    private static let second: Milliseconds = 1_000

    private func version(
        _ sequence: UInt64, _ values: [(name: String, value: Value)], of raised: RaisedForm,
        after: UInt64? = nil, authored: Milliseconds = 100_000
    ) -> Version {
        var context = Context.empty
        if let after { context.includePrefix(Dot(origin: 1, sequence: after)) }
        return Version(
            dot: Dot(origin: 1, sequence: sequence), key: Self.key, formRevision: 2, context: context,
            authored: authored, stated: authored, firstCreated: authored,
            assignments: raised.assignments(values))
    }

    private func row(
        _ versions: [Version], _ raised: RaisedForm, unmask: Bool = true
    ) -> RaisedRow {
        var state = RecordState()
        for version in versions { state.merge(version) }
        let record = state.effective(under: raised.definition.mergeRules)
        return RaisedRow(
            Self.key, record, raised, versions: versions, unit: "B1", isUrgent: true, unmask: unmask)
    }

    /// Two clocks that differ make no time that runs backwards.
    @Test func noIntervalIsNegative() throws {
        let raised = try #require(FormCatalog.builtIn[BuiltIn.alert].flatMap { RaisedForm($0) })
        // Below a minute nobody is told: the moments are said to the minute.
        for (arrived, skew, isTold) in [(Int64(98_000), Int64(2), false), (28_000, 72, true)] {
            let first = version(
                1, [("status", .text("open")), ("taken_by", .notStated), ("arrived_at", .integer(arrived))],
                of: raised)
            let shown = row([first], raised)
            #expect(shown.seconds["entered-arrived"] == 0 && shown.skew == ["entered-arrived": skew])
            let lines = shown.lines(times: TimeText(zone: "UTC"), now: 200_000)
            #expect(lines.contains { $0.contains("arrived stands \(skew) s before entered") } == isTold)
        }
    }

    /// What the hub's own rule raised has one clock: it came to it late, and that is said.
    @Test func whatTheHubCameToLateIsNoDifferenceOfClocks() throws {
        let raised = try #require(FormCatalog.builtIn[BuiltIn.alert].flatMap { RaisedForm($0) })
        for (due, isLate) in [(Int64(99_000), false), (100_000 - 14_400_000, true)] {
            let first = version(
                1, [("status", .text("open")), ("taken_by", .notStated), ("arrived_at", .integer(due))],
                of: raised)
            var state = RecordState()
            state.merge(first)
            let record = state.effective(under: raised.definition.mergeRules)
            let shown = RaisedRow(
                Self.key, record, raised, versions: [first], unit: "B1", isUrgent: true, isByHub: true,
                unmask: true)
            let text = shown.lines(times: TimeText(zone: "UTC"), now: 200_000).joined(separator: "\n")
            #expect(text.contains("the hub noted it 4 h") == isLate, "\(text)")
            #expect(text.contains("fell due") == isLate && !text.contains("clocks differ"), "\(text)")
            #expect(shown.seconds["arrived-entered"] == (isLate ? 14_400 : nil))
            #expect((shown.skew == nil) == isLate)
        }
    }

    /// Each later turn is told as well; how long it took counts from the first.
    @Test func theFirstTellingCounts() throws {
        let raised = try #require(FormCatalog.builtIn[BuiltIn.alert].flatMap { RaisedForm($0) })
        let versions = [
            version(
                1, [("status", .text("open")), ("taken_by", .notStated), ("arrived_at", .integer(101_000))],
                of: raised),
            version(2, [("told_to", .text("d1")), ("told_at", .integer(105_000))], of: raised, after: 1),
            version(3, [("told_to", .text("d2")), ("told_at", .integer(900_000))], of: raised, after: 2),
        ]
        let shown = row(versions, raised)
        #expect(shown.seconds["arrived-told"] == 4)
        #expect(shown.told == RecordText.time(105_000) && shown.toldLast == RecordText.time(900_000))
    }

    /// What the form calls personal is masked, times as well, and what would tell it.
    @Test func timesMayBePersonal() throws {
        let raised = try #require(FormCatalog.builtIn[BuiltIn.alert].flatMap { RaisedForm($0) })
        let first = version(
            1,
            [("status", .text("open")), ("taken_by", .notStated), ("onset_at", .integer(50_000))], of: raised)
        #expect(row([first], raised).seconds["onset-entered"] == 50)
        let masked = row([first], raised, unmask: false)
        #expect(masked.onset == Masking.mask && masked.seconds["onset-entered"] == nil)
        let lines = masked.lines(times: TimeText(zone: "UTC"), now: 200_000).joined()
        #expect(!lines.contains("onset"))
    }
}
