import Console
import Forms
import SyncCore
import SyncStore

/// The sheet of units.
extension RegisterImport {
    /// The units that are there after the whole sheet, wherever in it they stand.
    func unitTree(_ transaction: any HubTransaction) throws -> UnitTree {
        var rows: [UnitTree.Row] = []
        for record in sheet.records where !record.isBlank {
            // What is wrong with a row is said when its turn comes.
            guard let row = try? RegisterRow(record, columns, width: sheet.header.count),
                let unit = try? row.id("unit_id"), (try? line(row)) != nil
            else { continue }
            rows.append(UnitTree.Row(unit: unit, parent: row.cell("parent_id")))
        }
        return try UnitTree(rows) { try transaction.unitExists($0) }
    }

    func unit(
        _ row: RegisterRow, _ tree: UnitTree?, _ book: UnitBook, _ transaction: any HubTransaction,
        _ result: inout RegisterResult
    ) throws -> Bool {
        let unit = try row.id("unit_id")
        var values = ["name": row.text("unit_name"), "type": row.text("unit_type")]
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
        let place = try book.place(of: row, columns)
        try book.refuseRing(of: unit, place)
        if case .first = place { values["parent"] = row.text("parent_id") }
        var isNew = try write(
            BuiltIn.unit, [.text(unit)], values, absent: row.absent(["type": "unit_type"]), transaction)
        switch place {
        case .first, .unchanged: break
        case .elsewhere: result.elsewhere.append(unit)
        case .moved(let day):
            let values = ["parent": row.text("parent_id")]
            let key: [Value] = [.text(unit), .integer(Int64(day))]
            if try write(BuiltIn.placement, key, values, transaction) {
                result.moved.append(unit)
                isNew = true
            }
        }
        return isNew
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
