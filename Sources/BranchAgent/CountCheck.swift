import Console
import Forms
import SyncCore
import SyncStore

/// What is written about a unit and a day, beside what is counted of it here: for forms with computed fields,
/// and units whose people this branch knows.
struct CountCheck {
    struct Difference: Encodable, Sendable, Hashable {
        var field: String
        var says: Int64
        var counted: Int
    }

    let unit: String
    let day: Int32
    let counts: [UnitDay.Count]
    /// Check-ins that were counted.
    let counted: Int
    /// Computed fields that are written otherwise.
    let differences: [Difference]
    /// Records against which it would stand, by the rules: form, day and person of each.
    let against: [String]

    var isOtherwise: Bool { !differences.isEmpty || !against.isEmpty }

    fileprivate init(
        _ row: SheetRow, _ form: CompiledForm, _ found: UnitDay, _ context: AgentContext
    ) throws {
        func said(_ field: FieldID) -> Value? { row.assignments.first { $0.field == field }?.value }
        let counts = try found.counts(of: form, context.forms)
        unit = found.line.unit
        day = found.day
        self.counts = counts
        counted = found.present.count
        differences = counts.compactMap { count in
            guard let says = said(count.field.id)?.integer, says != Int64(count.count) else { return nil }
            return Difference(field: count.field.name, says: says, counted: count.count)
        }
        against = try found.contradictions(of: form, context, saying: said)
    }

    /// The computed fields that the row leaves out.
    func missing(in row: SheetRow) -> [Assignment] {
        counts.filter { count in !row.assignments.contains { $0.field == count.field.id } }.map { count in
            Assignment(
                field: count.field.id, retentionClass: count.field.retentionClass,
                value: .integer(Int64(count.count)))
        }
    }
}

/// Counts days once, however many rows are about them.
final class CountBook {
    private let context: AgentContext
    private var days: [Int32: UnitDay.Day] = [:]
    private var book: ResponsibleBook?

    init(_ context: AgentContext) { self.context = context }

    /// Nil where nothing can be counted: the form has no computed fields, the unit is another branch's, or
    /// nobody of it is known.
    func check(_ row: SheetRow, _ form: CompiledForm) throws -> CountCheck? {
        let definition = form.definition
        guard !row.assignments.isEmpty, definition.fields.contains(where: { $0.computed != nil }),
            let unit = definition.keys.firstIndex(where: { $0.type == .unit }),
            let day = definition.keys.firstIndex(where: { $0.type == .date }),
            let name = row.key.values[unit].string, let date = row.key.values[day].integer
        else { return nil }
        let known = try book ?? ResponsibleBook(context)
        book = known
        let number = Int32(clamping: date)
        // Of others' people a branch may hold some.
        guard known.isWithin(name, context.configuration.unit, on: number) else { return nil }
        let all = try days[number] ?? UnitDay.Day(number, context)
        days[number] = all
        guard let found = UnitDay(name, in: all), found.line.owesReport else { return nil }
        return try CountCheck(row, form, found, context)
    }
}

/// A row of a sheet that says otherwise than is counted here: it is kept, for paper is evidence.
struct CountedOtherwise: Encodable, Sendable, Hashable {
    var file: String
    var record: Int
    var line: Int
    var unit: String
    var day: String
    var differences: [CountCheck.Difference]
    var against: [String]

    /// So many days are counted, the latest of the sheet.
    private static let days = 31

    /// Those among rows that were taken.
    static func among(
        _ rows: [SheetRow], files: [String], _ form: CompiledForm, _ context: AgentContext
    ) throws -> [CountedOtherwise] {
        guard let day = form.definition.keys.firstIndex(where: { $0.type == .date }) else { return [] }
        func date(_ row: SheetRow) -> Int64 { row.key.values[day].integer ?? 0 }
        let latest = Set(Set(rows.map(date)).sorted().suffix(days))
        let book = CountBook(context)
        return try rows.filter { latest.contains(date($0)) }.compactMap { row in
            guard let check = try book.check(row, form), check.isOtherwise else { return nil }
            return CountedOtherwise(
                file: files[row.file], record: row.record, line: row.line, unit: check.unit,
                day: CivilDay.text(check.day), differences: check.differences, against: check.against)
        }
    }

    var words: Words {
        let place = Words("\(file), line \(line)", zh: "\(file) 第 \(line) 行")
        let what = ReportWords.otherwise(differences, against)
        return place.joined(
            Words(
                " (\(unit) \(day)): \(what.en). Kept as it stands there; the centre lists it as a "
                    + "discrepancy",
                zh: "（\(unit) \(day)）：\(what.zh)。已按原样保存；中心会将其列为不符"))
    }
}
