import Console
import Forms
import SyncCore
import SyncStore
import Testing

@testable import BranchAgent

struct ImporterTests {
    static let columns = [
        "person_id", "name", "check_date", "recorded_at", "entered_by", "device_id", "region_code", "track",
        "temperature", "fever", "fatigue", "cough", "sob", "headache", "sore_throat", "contact_key_region",
        "remark",
    ]
    static let corrections = columns + ["corrected_at", "corrected_by", "reason"]
    let catalog: CompiledCatalog
    let importer: Importer
    let now: Milliseconds
    let transaction: TransactionDouble

    init() throws {
        let zone = LocalZone.fixed(hours: 8)
        catalog = try CompiledCatalog(settings: Settings(), zone: zone)
        var importer = try Importer(form: BuiltIn.checkIn, catalog: catalog, hashing: sha256)
        importer.language = .english
        self.importer = importer
        now = zone.midnight(of: try #require(CivilDay.parse("2020-02-20")))
        transaction = TransactionDouble(now: now)
    }

    func row(_ cells: [String: String] = [:], of columns: [String] = columns) -> String {
        let plain = [
            "person_id": "P1", "check_date": "2020-02-03", "recorded_at": "2020-02-03 08:00:00",
            "temperature": "36.5", "fever": "False", "fatigue": "False", "cough": "False",
        ]
        return columns.map { cells[$0] ?? plain[$0] ?? "" }.joined(separator: ",")
    }

    func file(_ name: String, _ rows: [String], columns: [String] = columns) -> SheetFile {
        SheetFile(
            path: "in/" + name,
            bytes: Array(([columns.joined(separator: ",")] + rows).joined(separator: "\n").utf8))
    }

    @discardableResult func run(_ files: SheetFile...) throws -> ImportResult {
        let clock = AuthoringClock(now: transaction.now, isTrusted: transaction.isTrusted)
        let plan = try ImportPlan(form: importer.form, files: files, map: HeaderMap(), now: clock.now)
        let result = try importer.write(plan, isTrusted: clock.isTrusted, in: transaction)
        #expect(result.accepted + result.unchanged + result.rejected + result.blank == result.records)
        return result
    }

    var key: RecordKey {
        RecordKey(
            form: BuiltIn.checkIn, values: [.integer(Int64(CivilDay.parse("2020-02-03") ?? 0)), .text("P1")])
    }

    func field(_ id: FieldID) -> Value? { transaction.effective(key)?[id] }

    // MARK: - Refusals

    @Test(arguments: [
        (["person_id": "  "], "unknown_person", "person_id"),
        (["check_date": "2020-02-30"], "bad_date", "check_date"),
        (["check_date": ""], "bad_date", "check_date"),
        (["check_date": "2019-02-03"], "date_out_of_period", "check_date"),
        (["recorded_at": ""], "bad_time", "recorded_at"),
        (["recorded_at": "2020-02-03 25:61:00"], "bad_time", "recorded_at"),
        (["recorded_at": "2020-02-02 23:59:59"], "recorded_before_day", "recorded_at"),
        (["temperature": "正常"], "temperature_not_a_number", "temperature"),
        (["temperature": "43.01"], "temperature_out_of_range", "temperature"),
        (["cough": "有点"], "bad_symptom_value", "cough"),
        // The first reason that holds.
        (["cough": "有点", "temperature": "98"], "temperature_out_of_range", "temperature"),
        (["recorded_at": "x", "temperature": "98"], "bad_time", "recorded_at"),
        (["check_date": "x", "person_id": ""], "unknown_person", "person_id"),
    ])
    func refusalsNameFileRowColumnAndReason(cells: [String: String], reason: String, column: String) throws {
        let result = try run(file("day.csv", [row(["person_id": "P0"]), row(cells)]))
        #expect(result.accepted == 1)
        let issue = try #require(result.errors.first)
        #expect(result.errors.count == 1)
        #expect(issue.file == "in/day.csv")
        #expect([issue.record, issue.line] == [2, 3])
        #expect(issue.reason == reason)
        #expect(issue.column == column)
        #expect(!issue.message.isEmpty)
    }

    @Test func aRowWithAnotherNumberOfCellsIsRefusedAndABlankOneCounted() throws {
        let result = try run(file("day.csv", [row() + ",", ",,", "P9,x"]))
        #expect(result.errors.map(\.reason) == ["malformed_row", "malformed_row"])
        #expect(result.errors.map(\.record) == [1, 3])
        #expect(result.blank == 1)
    }

    @Test func aSheetWithoutItsKeysIsRefusedAsAWhole() {
        #expect(
            throws: SheetError(
                .missingColumn, subject: "check_date", file: "in/x.csv", headings: ["person_id"])
        ) {
            try run(file("x.csv", ["P1"], columns: ["person_id"]))
        }
    }

    // MARK: - What is written

    @Test func aBlankCellSaysNotStatedAndTheFirstVersionIsWhole() throws {
        try run(file("day.csv", [row(["fever": "", "person_id": "P1 "])]))
        #expect(field(2) == .notStated)
        #expect(field(1) == .decimal(unscaled: 3650, scale: 2))
        #expect(transaction.drafts[0].assignments.count == importer.form.definition.fields.count)
    }

    @Test func chineseHeadingsAndMappedOnesMeanTheSame() throws {
        let chinese = ["学号/工号", "打卡日期", "填报时间", "体温", "发热"]
        try run(file("a.csv", ["P1,2020/2/3,2020/2/3 8:31,36.8,是"], columns: chinese))
        #expect(field(1) == .decimal(unscaled: 3680, scale: 2))
        #expect(field(2) == .boolean(true))
        let map = try HeaderMap(Array("en,zh\ntemperature,测温\n".utf8), file: "map.csv")
        let layout = try SheetLayout(
            header: ["学号/工号", "打卡日期", "测温"].map { Array($0.utf8)[...] }, form: importer.form.definition,
            map: map, file: "b.csv")
        #expect(layout.targets.last == .field(0))
    }

    @Test func repeatsAreUnchanged() throws {
        try run(file("day.csv", [row(), row()]))
        #expect(transaction.drafts.count == 1)
        let again = try run(file("day.csv", [row(), row()]), file("copy.csv", [row()]))
        #expect(again.unchanged == 3)
        #expect(transaction.drafts.count == 1)
    }

    @Test func aCorrectionWinsAndDoesNotMakeTheEntryLate() throws {
        let mended = row(
            [
                "temperature": "36.9", "corrected_at": "2020-02-04 20:00:00", "corrected_by": "S1",
                "reason": "typo",
            ],
            of: Self.corrections)
        // The correction comes first, the row it mends afterwards: the order of files decides nothing.
        try run(file("corrections.csv", [mended], columns: Self.corrections), file("day.csv", [row()]))
        #expect(field(1) == .decimal(unscaled: 3690, scale: 2))
        #expect(field(15) == .text("S1"))
        let first = try #require(transaction.effective(key)?.firstCreated)
        #expect(catalog.zone.text(first) == "2020-02-03 08:00:00")
    }

    @Test func aSheetDecidesNothingBetweenPeople() throws {
        try run(file("monday.csv", [row()]))
        let shown = try #require(transaction.record(key))
        // Two who had not seen each other's correction.
        for temperature in [3_600, 3_620] as [Int64] {
            try RecordAuthor(catalog: catalog).author(
                importer.form, key: key,
                assignments: [
                    Assignment(
                        field: 1, retentionClass: 0, value: .decimal(unscaled: temperature, scale: 2))
                ], shown: shown, in: transaction)
        }
        let rules = importer.form.mergeRules
        let conflict = try #require(transaction.record(key)?.conflicts(under: rules).first)
        let state = try #require(transaction.record(key))
        try RecordAuthor(catalog: catalog).author(
            importer.form, key: key,
            assignments: [
                Assignment(field: 1, retentionClass: 0, value: .decimal(unscaled: 3_640, scale: 2)),
                Assignment(field: 14, retentionClass: 2, value: .text("from a sheet")),
            ], in: transaction)
        let after = try #require(transaction.record(key)?.conflicts(under: rules).first)
        #expect(after.options.count == 3, "it stands beside the others")
        #expect(Set(conflict.options.flatMap(\.dots)).isSubset(of: after.options.flatMap(\.dots)))
        #expect(field(14) == .text("from a sheet"))
        // Whoever was shown them decides.
        try RecordAuthor(catalog: catalog).author(
            importer.form, key: key,
            assignments: [
                Assignment(field: 1, retentionClass: 0, value: .decimal(unscaled: 3_600, scale: 2))
            ],
            shown: state, settling: [1], in: transaction)
        let last = try #require(transaction.record(key)?.conflicts(under: rules).first)
        #expect(last.options.count == 2, "the sheet's value came after what was shown")
    }

    @Test func mondaysSheetImportedAgainOnWednesdayRevertsNothing() throws {
        try run(file("monday.csv", [row()]))
        try RecordAuthor(catalog: catalog).author(
            importer.form, key: key,
            assignments: [Assignment(field: 1, retentionClass: 0, value: .decimal(unscaled: 3600, scale: 2))],
            in: transaction)
        let again = try run(file("monday.csv", [row()]))
        #expect(again.unchanged == 1)
        #expect(field(1) == .decimal(unscaled: 3600, scale: 2))
        // The same row with another remark is older than what was typed since.
        try run(file("monday.csv", [row(["remark": "late"])]))
        #expect(field(1) == .decimal(unscaled: 3600, scale: 2))
    }

    @Test func aChangedCellAssignsOnlyThatCell() throws {
        try run(file("day.csv", [row()]))
        try run(file("day.csv", [row(["region_code": "330106"])]))
        #expect(transaction.drafts.last?.assignments.map(\.field) == [9])
        #expect(field(9) == .text("330106"))
    }

    @Test func anOlderRowAssignsNothingButFirstCreated() throws {
        try run(file("day.csv", [row(["recorded_at": "2020-02-03 17:00:00"])]))
        try run(file("early.csv", [row(["recorded_at": "2020-02-03 07:00:00", "temperature": "38.0"])]))
        #expect(transaction.drafts.last?.assignments.isEmpty == true)
        #expect(field(1) == .decimal(unscaled: 3650, scale: 2))
        let first = try #require(transaction.effective(key)?.firstCreated)
        #expect(catalog.zone.text(first) == "2020-02-03 07:00:00")
    }

    @Test func aLaterEntryHoldsAsAWholeWhereverItsFileStands() throws {
        let mended = row(["cough": "True", "corrected_at": "2020-02-03 12:00:00"], of: Self.corrections)
        try run(
            file("day.csv", [row(), row(["recorded_at": "2020-02-03 20:00:00", "temperature": "36.7"])]),
            file("corrections.csv", [mended], columns: Self.corrections))
        #expect(field(1) == .decimal(unscaled: 3670, scale: 2))
        #expect(field(4) == .boolean(false))
    }

    // MARK: - Rules

    @Test func aFlaggedCheckInAndItsAlertGoTogetherIntoTheUrgentLaneOnce() throws {
        try run(file("day.csv", [row(["person_id": "P0"]), row(["temperature": "37.3"])]))
        #expect(transaction.drafts.map(\.lane) == [.routine, .urgent, .urgent])
        #expect(transaction.drafts.map(\.key.form) == [BuiltIn.checkIn, BuiltIn.checkIn, BuiltIn.alert])
        let alert = try #require(transaction.drafts.last)
        #expect(alert.key.values == [key.values[0], .text("symptoms"), .text("P1")])
        #expect(transaction.effective(alert.key)?[BuiltIn.alertStatus] == .text("open"))
        try run(file("day.csv", [row(["temperature": "37.9", "recorded_at": "2020-02-03 10:00:00"])]))
        #expect(transaction.drafts.filter { $0.key.form == BuiltIn.alert }.count == 1)
    }

    @Test func whatIsTypedIsReadByTheSameRules() throws {
        let typed = try SheetEntry.read(
            [("person", "P1"), ("day", "2020-02-03"), ("temperature", "36.6")], form: importer.form, now: now)
        #expect(try typed.get().assignments.map(\.value) == [.decimal(unscaled: 3660, scale: 2)])
        let refused = try SheetEntry.read(
            [("person", "P1"), ("day", "2020-02-03"), ("temperature", "99")], form: importer.form, now: now)
        #expect(throws: RefusedEntry.self) { try refused.get() }
    }

    @Test func dailyReportsComeByTheSameWay() throws {
        let reports = try Importer(form: BuiltIn.dailyReport, catalog: catalog, hashing: sha256)
        let sheet = file(
            "reports.csv",
            ["U1,2020-02-03,ZERO,12,2020-02-03 17:00:00", "U1,2020-02-04,ZERO,12,2020-02-03 21:05:00"],
            columns: ["unit_id", "report_date", "report_kind", "n_register", "submitted_at"])
        let clock = AuthoringClock(now: now, isTrusted: true)
        let plan = try ImportPlan(form: reports.form, files: [sheet], map: HeaderMap(), now: now)
        let result = try reports.write(plan, isTrusted: clock.isTrusted, in: transaction)
        #expect(result.accepted == 1)
        #expect(result.errors.map(\.reason) == ["submitted_before_day"])
    }
}
