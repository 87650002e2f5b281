import SyncCore
import Testing

@testable import Forms

struct ValidationTests {
    let zone = LocalZone.fixed(hours: 8)
    let form: CompiledForm
    let day: Int32

    init() throws {
        form = try CompiledForm(
            #require(FormCatalog.builtIn[BuiltIn.checkIn]), settings: Settings(), zone: .fixed(hours: 8))
        day = try #require(CivilDay.parse("2020-02-03"))
    }

    func version(
        _ values: [FieldID: Value] = [:], key: [Value]? = nil, at hour: Int64 = 8,
        form: String = BuiltIn.checkIn,
        trusted: Bool = true, authoredHour: Int64 = 30
    ) -> Version {
        let definition = FormCatalog.builtIn[form]
        let midnight = zone.midnight(of: day)
        return Version(
            dot: Dot(origin: 1, sequence: 1),
            key: RecordKey(form: form, values: key ?? [.integer(Int64(day)), .text("P1")]), formRevision: 1,
            clockTrusted: trusted, authored: midnight + authoredHour * 3_600_000,
            stated: midnight + hour * 3_600_000, firstCreated: midnight + hour * 3_600_000,
            assignments: values.sorted { $0.key < $1.key }.map {
                Assignment(
                    field: $0.key, retentionClass: definition?.field($0.key)?.retentionClass ?? 0,
                    value: $0.value)
            })
    }

    func reasons(_ version: Version) -> [String] { form.findings(of: version).map(\.reason) }

    @Test func aWrongClockSaysNothingAboutTheDay() {
        for hour in [-40 * 8_766, 40 * 8_766] as [Int64] {
            let entered = version([2: .boolean(true)], at: hour, trusted: false, authoredHour: hour)
            #expect(reasons(entered) == [Reason.clockUntrusted])
            let trusted = version([2: .boolean(true)], at: hour, authoredHour: hour)
            #expect(
                form.findings(of: trusted).contains { $0.isRefusal }, "a good clock is held against the day")
        }
    }

    @Test func aPlainCheckInIsInOrder() {
        let version = version([1: .decimal(unscaled: 3650, scale: 2), 2: .boolean(false), 10: .text("在家")])
        #expect(form.findings(of: version).isEmpty)
    }

    @Test func blanksAreInOrder() {
        #expect(form.findings(of: version([1: .notStated, 2: .notStated, 13: .notStated])).isEmpty)
    }

    @Test(arguments: [(3399, false), (3400, true), (4300, true), (4301, false)])
    func temperaturesAtTheirBounds(unscaled: Int64, isAccepted: Bool) {
        let reasons = reasons(version([1: .decimal(unscaled: unscaled, scale: 2)]))
        #expect(reasons == (isAccepted ? [] : ["temperature_out_of_range"]))
    }

    @Test func wrongKindsScalesAndClasses() {
        #expect(reasons(version([1: .integer(36)])) == [Reason.wrongKind])
        #expect(reasons(version([1: .decimal(unscaled: 365, scale: 1)])) == [Reason.wrongKind])
        #expect(reasons(version([2: .integer(2)])) == ["bad_symptom_value"])
        var claimed = version([13: .text("x")])
        claimed.assignments[0].retentionClass = 0
        #expect(reasons(claimed) == [Reason.wrongClass])
    }

    @Test func keysThatAreMissingOrOfAnotherKind() {
        #expect(reasons(version(key: [.integer(Int64(day))])) == [Reason.missingKey])
        #expect(reasons(version(key: [.text("P1"), .integer(1)])) == [Reason.missingKey])
        #expect(reasons(version(key: [.integer(Int64(day)), .text("")])) == [Reason.missingKey])
        let long = Value.text([UInt8](repeating: 0x61, count: Limits.keyBytes))
        #expect(reasons(version(key: [.integer(Int64(day)), long])).contains(Reason.tooLarge))
        #expect(reasons(version(key: [.integer(.max), .text("P1")])).contains(Reason.badDate))
    }

    @Test func unknownFieldsAreKeptWithANote() {
        let findings = form.findings(of: version([99: .text("new")]))
        #expect(findings == [Finding(row: 0, isRefusal: false, reason: Reason.unknownField, field: 99)])
    }

    @Test func textThatIsNotUTF8AndTextThatIsTooLong() {
        #expect(reasons(version([10: .text([0xff, 0xfe])])) == [Reason.badText])
        let longest = [UInt8](repeating: 0x61, count: Limits.valueBytes)
        #expect(reasons(version([10: .text(longest)])).isEmpty)
        #expect(reasons(version([10: .text(longest + [0x61])])) == [Reason.tooLarge])
        #expect(
            reasons(version([10: .text(longest), 13: .text(longest), 14: .text(longest)])) == [
                Reason.tooLarge
            ])
    }

    /// A record counts alone: what others of its batch say makes it no larger.
    @Test func aRecordAtItsLimitAmongOthers() throws {
        func text(_ count: Int) -> Value { .text([UInt8](repeating: 0x61, count: count)) }
        let each = (Limits.recordBytes - 18) / 3
        for (above, isTaken) in [(0, true), (1, false)] {
            let rest = Limits.recordBytes - 18 - 2 * each + above
            let large = version([10: text(each), 13: text(each), 14: text(rest)])
            let other = version([1: .decimal(unscaled: 3650, scale: 2), 2: .boolean(true)])
            let columns = VersionColumns([large, other])
            let found = columns.groups.flatMap { form.findings(in: $0, of: columns) }
            #expect(found.map(\.reason) == (isTaken ? [] : [Reason.tooLarge]))
        }
        for (above, isTaken) in [(0, true), (1, false)] {
            let key = [Value.integer(Int64(day)), text(Limits.keyBytes - 4 - 3 + above)]
            #expect(reasons(version(key: key)) == (isTaken ? [] : [Reason.tooLarge]))
        }
    }

    @Test func entriesMadeBeforeTheirDay() {
        #expect(reasons(version(at: 0)).isEmpty)
        #expect(reasons(version(at: -1)) == [Reason.recordedBeforeDay])
    }

    @Test func daysOutsideTheWindowAndThePeriod() throws {
        #expect(reasons(version(at: 60 * 24, authoredHour: 100 * 24)).isEmpty)
        #expect(reasons(version(at: 61 * 24, authoredHour: 100 * 24)) == [Reason.dateOutOfPeriod])
        var settings = Settings()
        settings.firstDay = "2020-02-04"
        let later = try CompiledForm(form.definition, settings: settings, zone: zone)
        #expect(later.findings(of: version()).map(\.reason) == [Reason.dateOutOfPeriod])
    }

    @Test func notesDoNotRefuse() {
        let findings = form.findings(of: version(trusted: false, authoredHour: 1))
        #expect(findings.map(\.reason) == [Reason.statedAfterAuthored, Reason.clockUntrusted])
        #expect(findings.allSatisfy { !$0.isRefusal })
    }

    @Test func hostileTimesAreRefusedAndDoNotTrap() {
        var bad = version()
        for time in [Milliseconds.min, .max] {
            bad.stated = time
            #expect(reasons(bad) == [Reason.badTime])
        }
    }

    @Test func rowsOfABatchAreNamedByTheirPlaceInIt() throws {
        let catalog = try CompiledCatalog(settings: Settings(), zone: zone)
        let report = version([1: .text("ZERO")], form: BuiltIn.dailyReport)
        let kindless = version([2: .integer(5)], form: BuiltIn.dailyReport)
        let strange = version([1: .text("MAYBE")], form: BuiltIn.dailyReport)
        let unknown = version(form: "sauna")
        let hot = version([1: .decimal(unscaled: 9840, scale: 2)])
        let findings = catalog.findings(
            of: VersionColumns([report, unknown, hot, kindless, version(), strange]))
        #expect(findings.map(\.row) == [1, 2, 3, 5])
        #expect(
            findings.map(\.reason) == [
                Reason.unknownForm, "temperature_out_of_range", Reason.missingValue, Reason.badValue,
            ])
    }

    @Test func flaggedByTemperatureOrSymptom() {
        let values: [([FieldID: Value], Bool)] = [
            ([1: .decimal(unscaled: 3729, scale: 2)], false), ([1: .decimal(unscaled: 3730, scale: 2)], true),
            ([2: .boolean(true)], true), ([3: .boolean(true)], true), ([4: .boolean(true)], true),
            ([5: .boolean(true)], false), ([4: .boolean(false)], false), ([4: .notStated], false),
            ([:], false),
        ]
        let columns = VersionColumns(values.map { version($0.0) })
        #expect(columns.groups.flatMap { form.flagged($0) } == values.map(\.1))
        for (assigned, isFlagged) in values { #expect(form.isFlagged { assigned[$0] } == isFlagged) }
    }

    /// Somebody else wrote later and had not been shown the fever: nobody has decided yet.
    @Test func whatIsInQuestionIsFlagged() {
        var fever = version([1: .decimal(unscaled: 3_840, scale: 2), 2: .boolean(true)])
        var later = version([1: .decimal(unscaled: 3_650, scale: 2), 2: .notStated], at: 9)
        later.dot = Dot(origin: 2, sequence: 1)
        func isFlagged() -> Bool {
            var state = RecordState()
            for version in [fever, later] { state.merge(version) }
            return form.isFlagged(state.effective(under: form.mergeRules))
        }
        #expect(isFlagged())
        later.context =
            Context(canonical: VersionVector(normalizing: [.init(origin: 1, count: 1)]), dots: []) ?? .empty
        #expect(!isFlagged(), "corrected by somebody who saw it")
        later.context = .empty
        (fever.context, fever.stated) = (later.context, fever.stated - 1)
        fever.assignments = [Assignment(field: 2, retentionClass: 0, value: .boolean(false))]
        #expect(!isFlagged())
    }

    @Test func whatARuleRaisesIsKeyedByDayRuleAndPerson() throws {
        let key = version().key
        let values: [FieldID: Value] = [1: .decimal(unscaled: 3780, scale: 2), 2: .boolean(true)]
        let raised = form.raised(for: key, { values[$0] }, definition: { FormCatalog.builtIn[$0] })
        let alert = try #require(raised.first)
        #expect(alert.key.values == [.integer(Int64(day)), .text("symptoms"), .text("P1")])
        #expect(alert.facts == ["temperature=37.80", "fever"])
        let definition = try #require(FormCatalog.builtIn[BuiltIn.alert])
        let compiled = try CompiledForm(definition, settings: Settings(), zone: zone)
        var first = version(form: BuiltIn.alert)
        first.key = alert.key
        first.assignments = alert.assignments(definition)
        #expect(compiled.findings(of: first).isEmpty)
    }
}
