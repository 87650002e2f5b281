import Console
import Forms
import SyncCore
import SyncStore

/// The sheet of changes of the register.
extension RegisterImport {
    func change(_ row: RegisterRow, _ book: MembershipBook, _ transaction: any HubTransaction) throws -> Bool
    {
        let person = try row.id("person_id")
        try checkPerson(person, transaction)
        let day = try row.day("effective_date")
        let from = row.cell("from_unit")
        if !from.isEmpty { try check(.text(from), row, "from_unit", transaction) }
        let unit: Value
        switch row.cell("change").uppercased() {
        case "MOVE", "JOIN":
            unit = .text(try row.id("to_unit"))
            try check(unit, row, "to_unit", transaction)
        case "LEAVE":
            guard row.cell("to_unit").isEmpty else { throw RegisterImport.leavesForAUnit(row) }
            unit = .notStated
        default:
            throw Refused(
                column: "change", reason: "not_a_choice",
                words: Words(
                    "“\(row.cell("change"))” is no change; write MOVE, JOIN or LEAVE",
                    zh: "“\(row.cell("change"))”不是变动类型；请写 MOVE、JOIN 或 LEAVE"))
        }
        try book.require(person, isFrom: from, on: day)
        var values = ["unit": unit]
        if columns["note"] != nil { values["note"] = row.text("note") }
        return try write(
            BuiltIn.membership, [.text(person), .integer(Int64(day))], values, transaction)
    }

    private static func leavesForAUnit(_ row: RegisterRow) -> Refused {
        Refused(
            column: "to_unit", reason: "not_a_choice",
            words: Words(
                "who LEAVEs goes to no unit, and the row names \(row.cell("to_unit")): leave to_unit blank, "
                    + "or write MOVE",
                zh: "LEAVE 表示离开且不进入其他单位，本行却写了 \(row.cell("to_unit"))：请留空 to_unit，或改写 MOVE"))
    }
}

/// Who belongs where when: what the store says, and all that the sheet says, wherever in it.
struct MembershipBook {
    private var units: [[UInt8]: [(day: Int32, unit: String)]] = [:]

    init(_ sheet: [RegisterRow], _ store: any HubStore) throws {
        try store.export(form: BuiltIn.membership, from: nil, to: nil) { key, record in
            guard key.count == 2, let person = key[0].string, let day = key[1].integer else { return }
            units[Array(person.utf8), default: []].append(
                (Int32(clamping: day), record[BuiltIn.membershipUnit]?.string ?? ""))
        }
        for row in sheet {
            guard let day = try? row.day("effective_date") else { continue }
            let person = Array(row.cell("person_id").utf8)
            let unit = row.cell("change").uppercased() == "LEAVE" ? "" : row.cell("to_unit")
            units[person, default: []].removeAll { $0.day == day }
            units[person, default: []].append((day, unit))
        }
    }

    /// - Throws: ``RegisterImport/Refused`` when the row says another unit than the person was in before.
    func require(_ person: String, isFrom unit: String, on day: Int32) throws {
        guard !unit.isEmpty else { return }
        let before = (units[Array(person.utf8)] ?? []).filter { $0.day < day }.max { $0.day < $1.day }
        let present = before?.unit ?? ""
        guard !present.utf8.elementsEqual(unit.utf8) else { return }
        let words =
            present.isEmpty
            ? Words(
                "\(person) was in no unit before that day, and not in \(unit); leave from_unit blank and "
                    + "write JOIN, or check the person and the day",
                zh: "\(person) 在该日之前不属于任何单位，并非 \(unit)；请留空 from_unit 并写 JOIN，或核对人员和日期")
            : Words(
                "\(person) was in \(present) before that day, not in \(unit); check the person, the day and "
                    + "from_unit",
                zh: "\(person) 在该日之前属于 \(present)，而非 \(unit)；请核对人员、日期和 from_unit")
        throw RegisterImport.Refused(column: "from_unit", reason: "not_a_choice", words: words)
    }
}
