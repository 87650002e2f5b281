import Console
import Forms
import SyncCore
import SyncStore

/// The sheet of units.
extension RegisterImport {
    /// - Parameter number: the row's, in the sheet.
    func unit(
        _ row: RegisterRow, _ number: Int, _ book: UnitBook, _ transaction: any HubTransaction,
        _ result: inout RegisterResult
    ) throws -> Bool {
        let unit = try row.id("unit_id")
        var values = ["name": row.text("unit_name"), "type": row.text("unit_type")]
        let line = try line(row)
        if try !keepsLine(unit, row, transaction) { values["line"] = .text(line) }
        _ = try effectiveDay(row)
        let place = try book.place(of: number)
        if case .first = place { values["parent"] = book.firstParent(of: unit) }
        let isNew = try write(
            BuiltIn.unit, [.text(unit)], values, absent: row.absent(["type": "unit_type"]), transaction)
        let day: Int32
        switch place {
        case .first(nil), .unchanged: return isNew
        case .elsewhere:
            result.elsewhere.append(unit)
            return isNew
        case .first(let from?), .moved(let from): day = from
        }
        let key: [Value] = [.text(unit), .integer(Int64(day))]
        guard try write(BuiltIn.placement, key, ["parent": row.text("parent_id")], transaction) else {
            return isNew
        }
        if case .moved = place, result.moved.last != unit { result.moved.append(unit) }
        return true
    }

    /// The day from which on a unit's row speaks; nil where it names none.
    func effectiveDay(_ row: RegisterRow) throws -> Int32? {
        row.cell("effective_date").isEmpty ? nil : try row.day("effective_date")
    }

    /// A sheet that says nothing of the line does not move a unit that is known from one line to the other,
    /// and gives none to one that is known without.
    private func keepsLine(
        _ unit: String, _ row: RegisterRow, _ transaction: any HubTransaction
    ) throws -> Bool {
        let hasLine = try hasLine(unit, transaction)
        if columns["line"] == nil { return hasLine }
        return try row.cell("line").isEmpty && !hasLine && transaction.unitExists(unit)
    }

    func hasLine(_ unit: String, _ transaction: any HubTransaction) throws -> Bool {
        guard let field = FormCatalog.builtIn[BuiltIn.unit]?.fields.first(where: { $0.name == "line" })
        else { return false }
        let known = try transaction.effective(RecordKey(form: BuiltIn.unit, values: [.text(unit)]))
        return known?[field.id]?.string != nil
    }

    /// The line that a unit belongs to: `party` where the sheet says nothing.
    func line(_ row: RegisterRow) throws -> String {
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
}
