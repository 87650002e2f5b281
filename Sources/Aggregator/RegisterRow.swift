import Console
import Forms
import SyncCore
import SyncStore

/// One row of a register sheet, by column name.
struct RegisterRow {
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
