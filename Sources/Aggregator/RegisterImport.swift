import Console
import Forms
import Foundation
import SyncCore
import SyncStore

/// The sheets that the centre imports: units, people, changes of the register, excuses.
enum RegisterSheet: String, CaseIterable {
    case units
    case people
    case registerChanges = "register-changes"
    case excused

    /// Columns that must be there.
    var required: [String] {
        switch self {
        case .units: ["unit_id", "unit_name"]
        case .people: ["person_id", "name", "unit_id"]
        case .registerChanges: ["effective_date", "person_id", "change"]
        case .excused: ["person_id", "from_date", "to_date"]
        }
    }

    /// Columns of which two rows that agree are about the same.
    var key: [String] {
        switch self {
        case .units: ["unit_id"]
        case .people: ["person_id"]
        case .registerChanges: ["effective_date", "person_id"]
        case .excused: ["person_id", "from_date"]
        }
    }

    /// Columns that may be there.
    var optional: [String] {
        switch self {
        case .units: ["unit_type", "parent_id", "line"]
        case .people:
            [
                "sex", "role", "party_member", "department_id", "phone", "home_region_code",
                "responsible_for", "duty_flag",
            ]
        case .registerChanges: ["from_unit", "to_unit", "note"]
        case .excused: ["reason"]
        }
    }
}

/// What an import did: accepted + unchanged + rejected + blank = records.
struct RegisterResult: Encodable {
    struct Rejection: Encodable {
        var record: Int
        var line: Int
        var column: String
        var reason: String
        var message: String
    }

    var records = 0
    var accepted = 0
    var unchanged = 0
    var rejected = 0
    var blank = 0
    var errors: [Rejection] = []
    /// Columns whose content was left out.
    var unknownColumns: [UnknownColumn] = []
    /// People of the sheet who are in no unit: on nobody's register, and never missing.
    var withoutUnit = 0
    /// People who were in another unit: they belong to that of the sheet from today on, and to theirs before.
    var moved: [String] = []
    /// People who have moved since a sheet that said the same: they stay where they are.
    var elsewhere: [String] = []

    struct UnknownColumn: Encodable {
        var heading: String
        var suggestion: String?
    }

    /// Whether something was left out that was probably meant to be read.
    var isShort: Bool { rejected > 0 || unknownColumns.contains { $0.suggestion != nil } }
}

/// Reads one register sheet into records of the centre; the same file again changes nothing.
struct RegisterImport {
    /// Why a row is refused.
    struct Refused: Error {
        var column: String
        var reason: String
        var words: Words
    }

    let kind: RegisterSheet
    let sheet: Sheet
    let file: String
    let columns: [String: Int]

    /// - Parameter file: how the sheet is called in messages.
    init(_ kind: RegisterSheet, bytes: [UInt8], file: String = "") throws {
        self.kind = kind
        self.file = file
        do {
            sheet = try Sheet(bytes)
        } catch var error as SheetError {
            error.file = file
            throw error
        }
        var columns: [String: Int] = [:]
        for (index, cell) in sheet.header.enumerated() {
            columns[String(decoding: CellText.trimmed(cell), as: UTF8.self)] = index
        }
        for name in kind.required where columns[name] == nil {
            let headings = columns.keys.sorted().map(Output.printable).joined(separator: ", ")
            let needs = kind.required.joined(separator: ", ")
            throw Failure(
                .usage,
                Words(
                    "\(file): the column \(name) is missing; a sheet of \(kind.rawValue) needs "
                        + "\(needs), this "
                        + "one has \(headings)",
                    zh: "\(file)：缺少“\(name)”列；\(kind.rawValue) 表须有 \(needs)，现有 \(headings)"))
        }
        self.columns = columns
    }

    /// Imports everything in one transaction.
    func run(on store: any HubStore, now: Milliseconds, progress: ProgressBar) throws -> RegisterResult {
        // What was due before is judged by what was there before.
        var rules = HubRules()
        _ = try? rules.lookAll(at: store, now: now)
        let settings = try store.settings()
        guard let zone = LocalZone(identifier: settings.timeZone) else {
            throw StoreError(.corrupt, "the settings name an unknown time zone")
        }
        let today = zone.day(of: now)
        let present = kind == .people ? try presentUnits(store, today) : [:]
        let result = try store.write(clock: AuthoringClock(now: now, isTrusted: true)) { transaction in
            var result = RegisterResult()
            result.unknownColumns = unknownColumns
            let tree = kind == .units ? try unitTree(transaction) : nil
            var withoutUnit: Set<[UInt8]> = []
            var seen: [[String]: (line: Int, cells: [String])] = [:]
            for record in sheet.records {
                result.records += 1
                progress.show(result.records, of: sheet.records.count)
                if record.isBlank {
                    result.blank += 1
                    continue
                }
                do {
                    let row = try Row(record, columns, width: sheet.header.count)
                    try refuseSecond(row, record.line, &seen)
                    let isNew =
                        kind == .people
                        ? try person(row, present, today, transaction, &result)
                        : try take(row, tree, transaction)
                    if isNew { result.accepted += 1 } else { result.unchanged += 1 }
                    if kind == .people {
                        let person = Array(row.cell("person_id").utf8)
                        if row.cell("unit_id").isEmpty {
                            withoutUnit.insert(person)
                        } else {
                            withoutUnit.remove(person)
                        }
                    }
                } catch let refused as Refused {
                    result.rejected += 1
                    result.errors.append(
                        RegisterResult.Rejection(
                            record: record.number, line: record.line, column: refused.column,
                            reason: refused.reason, message: refused.words.text()))
                }
            }
            result.withoutUnit = withoutUnit.count
            let name = file.split(separator: "/").last.map { " \($0)" } ?? ""
            try transaction.act(
                "imported",
                detail:
                    "\(kind.rawValue)\(name): \(result.accepted) rows taken, \(result.unchanged) unchanged, "
                    + "\(result.rejected) refused")
            return result
        }
        progress.finish()
        return result
    }

    // MARK: - The same once more

    /// Two rows about the same that differ cannot both be meant: the second one is refused, and names the
    /// first.
    private func refuseSecond(
        _ row: Row, _ line: Int, _ seen: inout [[String]: (line: Int, cells: [String])]
    ) throws {
        let key = kind.key.map(row.cell)
        guard !key.contains("") else { return }
        let cells = (kind.required + kind.optional).map(row.cell)
        guard let first = seen[key] else {
            seen[key] = (line, cells)
            return
        }
        guard first.cells != cells else { return }
        let name = Output.printable(key.joined(separator: " "))
        throw Refused(
            column: kind.key.last ?? "", reason: "listed_twice",
            words: Words(
                "\(name) stands on line \(first.line) already, and there says something else; keep one of "
                    + "the two",
                zh: "\(name) 在第 \(first.line) 行已出现，且内容不同；请只保留一行"))
    }

    // MARK: - Where people belong

    private enum Place { case unchanged, written, moved, elsewhere }

    /// The unit of each person of the sheet today, by id.
    private func presentUnits(_ store: any HubStore, _ today: Int32) throws -> [String: String] {
        var units: [String: String] = [:]
        for record in sheet.records where !record.isBlank {
            guard let row = try? Row(record, columns, width: sheet.header.count),
                let person = try? row.id("person_id")
            else { continue }
            units[person] = try store.unit(of: RegisterImport.membership(person, today))
        }
        return units
    }

    private static func membership(_ person: String, _ day: Int32) -> RecordKey {
        RecordKey(form: BuiltIn.membership, values: [.text(person), .integer(Int64(day))])
    }

    /// A sheet of people says where they belong, not since when. Who is new belongs there from the beginning;
    /// who was in another unit moves today, for the figures of past days stay what they were. A sheet that
    /// says what it said before somebody moved moves nobody back.
    private func settle(
        _ row: Row, _ present: [String: String], _ today: Int32, _ transaction: any HubTransaction
    ) throws -> Place {
        let person = try row.id("person_id")
        let unit = row.text("unit_id")
        let beginning = RegisterImport.membership(person, CivilDay.beginning)
        let known = try transaction.effective(beginning)
        let first = known.flatMap { $0[BuiltIn.membershipUnit] } ?? .notStated
        let now: Value = present[person].map { .text($0) } ?? .notStated
        if known == nil || (first == .notStated && now == .notStated) {
            let isNew = try write(
                BuiltIn.membership, beginning.values, ["unit": unit], transaction)
            return isNew ? .written : .unchanged
        }
        if unit == now { return .unchanged }
        if unit == first { return .elsewhere }
        let key = RegisterImport.membership(person, today)
        return try write(BuiltIn.membership, key.values, ["unit": unit], transaction) ? .moved : .unchanged
    }

    private var unknownColumns: [RegisterResult.UnknownColumn] {
        let known = kind.required + kind.optional
        return sheet.header.map { String(decoding: CellText.trimmed($0), as: UTF8.self) }
            .filter { !$0.isEmpty && !known.contains($0) }
            .map {
                RegisterResult.UnknownColumn(heading: $0, suggestion: Typo.closest(to: $0, among: known))
            }
    }

    /// Whether the row said something new.
    private func take(_ row: Row, _ tree: UnitTree?, _ transaction: any HubTransaction) throws -> Bool {
        switch kind {
        case .units: try unit(row, tree, transaction)
        case .people: false
        case .registerChanges: try change(row, transaction)
        case .excused: try excuse(row, transaction)
        }
    }

    /// The units that are there after the whole sheet, wherever in it they stand.
    private func unitTree(_ transaction: any HubTransaction) throws -> UnitTree {
        var rows: [UnitTree.Row] = []
        for record in sheet.records where !record.isBlank {
            // What is wrong with a row is said when its turn comes.
            guard let row = try? Row(record, columns, width: sheet.header.count),
                let unit = try? row.id("unit_id"), (try? line(row)) != nil
            else { continue }
            rows.append(UnitTree.Row(unit: unit, parent: row.cell("parent_id")))
        }
        return try UnitTree(rows) { try transaction.unitExists($0) }
    }

    private func unit(_ row: Row, _ tree: UnitTree?, _ transaction: any HubTransaction) throws -> Bool {
        let unit = try row.id("unit_id")
        var values = [
            "name": row.text("unit_name"), "type": row.text("unit_type"), "parent": row.text("parent_id"),
        ]
        // A sheet without the column does not move a unit that is known from one line to the other.
        let isKept = try columns["line"] == nil && hasLine(unit, transaction)
        if !isKept {
            values["line"] = .text(try line(row))
        }
        let parent = row.cell("parent_id")
        guard parent.isEmpty || tree?.holds(parent) == true else {
            throw Refused(
                column: "parent_id", reason: "unknown_unit",
                words: Words(
                    "there is no unit \(parent), neither in the sheet nor in the store; check the code",
                    zh: "没有单位 \(parent)（表格和已导入的单位中都没有）；请核对代码"))
        }
        return try write(
            BuiltIn.unit, [.text(unit)], values,
            absent: row.absent(["type": "unit_type", "parent": "parent_id"]), transaction)
    }

    private func hasLine(_ unit: String, _ transaction: any HubTransaction) throws -> Bool {
        guard let field = FormCatalog.builtIn[BuiltIn.unit]?.fields.first(where: { $0.name == "line" })
        else { return false }
        let known = try transaction.effective(RecordKey(form: BuiltIn.unit, values: [.text(unit)]))
        return known?[field.id]?.string != nil
    }

    /// The line that a unit belongs to: `party` where the sheet says nothing.
    private func line(_ row: Row) throws -> String {
        let cell = row.cell("line")
        let field = FormCatalog.builtIn[BuiltIn.unit]?.fields.first { $0.name == "line" }
        let choices = field?.choices ?? []
        if cell.isEmpty { return "party" }
        guard choices.contains(where: { $0.utf8.elementsEqual(cell.utf8) }) else {
            throw Refused(
                column: "line", reason: "not_a_choice",
                words: Words(
                    "“\(cell)” is no line; write \(choices.joined(separator: " or ")), or leave it blank for "
                        + "party",
                    zh: "“\(cell)”不是条线；请写 \(choices.joined(separator: " 或 "))，空白即为 party"))
        }
        return cell
    }

    private func person(
        _ row: Row, _ present: [String: String], _ today: Int32, _ transaction: any HubTransaction,
        _ result: inout RegisterResult
    ) throws -> Bool {
        let person = try row.id("person_id")
        let unit = row.text("unit_id")
        try check(unit, row, "unit_id", transaction)
        var values: [String: Value] = [:]
        let cells = [
            "name": "name", "sex": "sex", "role": "role", "department": "department_id", "phone": "phone",
            "home_region": "home_region_code", "responsible_for": "responsible_for",
        ]
        for (field, column) in cells { values[field] = row.text(column) }
        let flags = ["party_member", "duty_flag"]
        for flag in flags { values[flag] = try row.flag(flag) }
        let place = try settle(row, present, today, transaction)
        if place == .moved { result.moved.append(person) }
        if place == .elsewhere { result.elsewhere.append(person) }
        let known = try write(
            BuiltIn.person, [.text(person)], values,
            absent: row.absent(cells).union(flags.filter { columns[$0] == nil }), transaction)
        return known || place == .written || place == .moved
    }

    private func change(_ row: Row, _ transaction: any HubTransaction) throws -> Bool {
        let person = try row.id("person_id")
        try checkPerson(person, transaction)
        let day = try row.day("effective_date")
        let unit: Value
        switch row.cell("change").uppercased() {
        case "MOVE", "JOIN":
            unit = .text(try row.id("to_unit"))
            try check(unit, row, "to_unit", transaction)
        case "LEAVE": unit = .notStated
        default:
            throw Refused(
                column: "change", reason: "not_a_choice",
                words: Words(
                    "“\(row.cell("change"))” is no change; write MOVE, JOIN or LEAVE",
                    zh: "“\(row.cell("change"))”不是变动类型；请写 MOVE、JOIN 或 LEAVE"))
        }
        var values = ["unit": unit]
        if columns["note"] != nil { values["note"] = row.text("note") }
        return try write(
            BuiltIn.membership, [.text(person), .integer(Int64(day))], values, transaction)
    }

    private func excuse(_ row: Row, _ transaction: any HubTransaction) throws -> Bool {
        let person = try row.id("person_id")
        try checkPerson(person, transaction)
        let from = try row.day("from_date")
        let to = try row.day("to_date")
        guard to >= from else {
            throw Refused(
                column: "to_date", reason: "out_of_range",
                words: Words(
                    "the last day lies before the first; check both", zh: "结束日期早于开始日期；请核对两个日期"))
        }
        return try write(
            BuiltIn.excuse, [.text(person), .integer(Int64(from))],
            ["to": .integer(Int64(to)), "reason": row.text("reason")],
            absent: row.absent(["reason": "reason"]), transaction)
    }

    private func checkPerson(_ person: String, _ transaction: any HubTransaction) throws {
        guard try transaction.personExists(person) else {
            throw Refused(
                column: "person_id", reason: "unknown_person",
                words: Words(
                    "nobody with the id \(person) was imported; check it, or import the people first",
                    zh: "没有导入过编号为 \(person) 的人员；请核对编号，或先导入人员"))
        }
    }

    private func check(
        _ unit: Value, _ row: Row, _ column: String, _ transaction: any HubTransaction
    ) throws {
        guard let code = unit.string, try !transaction.unitExists(code) else { return }
        throw Refused(
            column: column, reason: "unknown_unit",
            words: Words(
                "there is no unit \(code); check the code, or import the units first",
                zh: "没有单位 \(code)；请核对代码，或先导入单位"))
    }

    /// Writes a version when the values differ from the effective ones.
    ///
    /// - Parameter absent: fields for which the sheet has no column: left alone in a record that is there.
    private func write(
        _ form: String, _ key: [Value], _ values: [String: Value], absent: Set<String> = [],
        _ transaction: any HubTransaction
    ) throws -> Bool {
        guard let definition = FormCatalog.builtIn[form] else { throw StoreError(.corrupt, "form \(form)") }
        let key = RecordKey(form: form, values: key)
        let rules = definition.mergeRules
        let state = try transaction.record(key) ?? RecordState()
        let effective = state.effective(under: rules)
        let assignments: [Assignment] = definition.fields.compactMap { field in
            guard let value = values[field.name], effective[field.id] != value,
                !(effective.exists && absent.contains(field.name))
            else { return nil }
            return Assignment(field: field.id, retentionClass: field.retentionClass, value: value)
        }
        guard !assignments.isEmpty else { return false }
        // What is in question stays so: a sheet decides nothing between people.
        for edit in state.edits(assignments, under: rules) {
            try transaction.author(
                Draft(
                    lane: .routine, key: key, formRevision: definition.revision, context: edit.context,
                    assignments: edit.assignments))
        }
        return true
    }
}

/// One row of a register sheet, by column name.
private struct Row {
    let cells: [ArraySlice<UInt8>]
    let columns: [String: Int]

    init(_ record: SheetRecord, _ columns: [String: Int], width: Int) throws {
        guard record.cells.count == width else {
            throw RegisterImport.Refused(
                column: "", reason: "malformed_row",
                words: Words(
                    "the row has \(record.cells.count) cells and the header \(width); look for a comma "
                        + "too many "
                        + "or a cut-off line",
                    zh: "本行有 \(record.cells.count) 格，表头有 \(width) 格；请检查是否多了逗号或该行被截断"))
        }
        cells = record.cells
        self.columns = columns
    }

    /// Trimmed; empty where the sheet has no such column.
    func cell(_ column: String) -> String {
        guard let index = columns[column] else { return "" }
        return String(decoding: CellText.trimmed(cells[index]), as: UTF8.self)
    }

    /// Those of the fields whose column the sheet does not have.
    func absent(_ fields: [String: String]) -> Set<String> {
        Set(fields.filter { columns[$0.value] == nil }.keys)
    }

    /// A text, or *not stated* for a blank cell.
    func text(_ column: String) -> Value {
        let cell = cell(column)
        return cell.isEmpty ? .notStated : .text(cell)
    }

    /// Yes or no in any of the spellings that sheets use; *not stated* for a blank cell.
    func flag(_ column: String) throws -> Value {
        guard let index = columns[column], !SheetRecord.isBlank(cells[index]) else { return .notStated }
        guard let flag = CellText.boolean(CellText.trimmed(cells[index])) else {
            throw RegisterImport.Refused(
                column: column, reason: "bad_value",
                words: Words(
                    "“\(cell(column))” is neither yes nor no; write Y or N",
                    zh: "“\(cell(column))”不是“是/否”；请写 Y 或 N"))
        }
        return .boolean(flag)
    }

    func id(_ column: String) throws -> String {
        let cell = cell(column)
        guard !cell.isEmpty, cell.utf8.count <= Limits.keyBytes / 2 else {
            let words =
                cell.isEmpty
                ? Words("\(column) is blank; fill it in", zh: "\(column) 为空；请填写")
                : Words("\(column) is too long; shorten it", zh: "\(column) 过长；请缩短")
            throw RegisterImport.Refused(
                column: column, reason: cell.isEmpty ? "missing_key" : "too_large", words: words)
        }
        return cell
    }

    func day(_ column: String) throws -> Int32 {
        guard let index = columns[column], let day = CellText.date(CellText.trimmed(cells[index])) else {
            throw RegisterImport.Refused(
                column: column, reason: "bad_date",
                words: Words(
                    "“\(self.cell(column))” is no date; write it as 2020-02-03",
                    zh: "“\(self.cell(column))”不是日期；请写成 2020-02-03 的样式"))
        }
        return day
    }
}
