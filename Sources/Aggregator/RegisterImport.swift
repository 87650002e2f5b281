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
        case .units: ["unit_id", "effective_date"]
        case .people: ["person_id"]
        case .registerChanges: ["effective_date", "person_id"]
        case .excused: ["person_id", "from_date"]
        }
    }

    /// Columns that may be there.
    var optional: [String] {
        switch self {
        case .units: ["unit_type", "parent_id", "line", "effective_date"]
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
    /// Units that stood under another, likewise.
    var moved: [String] = []
    /// People and units that have moved since a sheet that said the same: they stay where they are.
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
        let rows = sheet.records.compactMap { try? RegisterRow($0, columns, width: sheet.header.count) }
        let book = kind == .registerChanges ? try MembershipBook(rows, store) : nil
        let result = try store.write(clock: AuthoringClock(now: now, isTrusted: true)) { transaction in
            var result = RegisterResult()
            result.unknownColumns = unknownColumns
            // Within the transaction: of two sheets at once one must see where the other has put units.
            let units = kind == .units ? try UnitBook(self, store, today: today) : nil
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
                    let row = try RegisterRow(record, columns, width: sheet.header.count)
                    if try isRepeated(row, record.line, &seen) {
                        result.unchanged += 1
                        continue
                    }
                    let isNew: Bool
                    if kind == .people {
                        isNew = try person(row, present, today, transaction, &result)
                    } else if let units {
                        isNew = try unit(row, record.number, units, transaction, &result)
                    } else {
                        isNew = try take(row, book, transaction)
                    }
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
    ///
    /// - Returns: whether a row before it says just the same.
    private func isRepeated(
        _ row: RegisterRow, _ line: Int, _ seen: inout [[String]: (line: Int, cells: [String])]
    ) throws -> Bool {
        let key = kind.key.map(row.cell)
        // Of a unit's days one may be blank.
        guard zip(kind.key, key).allSatisfy({ !kind.required.contains($0) || !$1.isEmpty }) else {
            return false
        }
        let cells = (kind.required + kind.optional).map(row.cell)
        guard let first = seen[key] else {
            seen[key] = (line, cells)
            return false
        }
        guard first.cells != cells else { return true }
        let name = Output.printable(key.filter { !$0.isEmpty }.joined(separator: " "))
        throw Refused(
            column: kind.key.last { !row.cell($0).isEmpty } ?? "", reason: "listed_twice",
            words: Words(
                "\(name) stands on line \(first.line) already, and there says something else; keep one of "
                    + "the two",
                zh: "\(name) 在第 \(first.line) 行已出现，且内容不同；请只保留一行"))
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
    private func take(
        _ row: RegisterRow, _ book: MembershipBook?, _ transaction: any HubTransaction
    ) throws -> Bool {
        switch kind {
        case .units, .people: false
        case .registerChanges: try book.map { try change(row, $0, transaction) } ?? false
        case .excused: try excuse(row, transaction)
        }
    }

    func checkPerson(_ person: String, _ transaction: any HubTransaction) throws {
        guard try transaction.personExists(person) else {
            throw Refused(
                column: "person_id", reason: "unknown_person",
                words: Words(
                    "nobody with the id \(person) was imported; check it, or import the people first",
                    zh: "没有导入过编号为 \(person) 的人员；请核对编号，或先导入人员"))
        }
    }

    func check(
        _ unit: Value, _ row: RegisterRow, _ column: String, _ transaction: any HubTransaction
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
    func write(
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
