import ArgumentParser
import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "export",
        Words(
            "Print a form's records as CSV: effective values, in key order, the same bytes for the same "
                + "data. Times are UTC.",
            zh: "以 CSV 输出某种表单的记录：生效值，按键排序，相同数据输出相同字节。时间为 UTC。"),
        example: "aggregator export check-in --from 2020-02-01 --to 2020-02-14 --data DIR")

    @Argument(help: ArgumentHelp("The form, for example check-in.", zh: "表单，例如 check-in。"))
    var form: String
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption
    @Option(
        name: .long,
        help: ArgumentHelp(
            "First day, YYYY-MM-DD; for forms with a day in their key.", zh: "起始日期，YYYY-MM-DD；用于按日的表单。"))
    var from: String?
    @Option(name: .long, help: ArgumentHelp("Last day, YYYY-MM-DD.", zh: "结束日期，YYYY-MM-DD。"))
    var to: String?

    func run() async throws {
        try await Program.run {
            let hub = try act.folder(store).open()
            let forms = try hub.forms()
            guard let definition = forms[form] else { throw FormText.unknown(form, forms) }
            let first = try day(from)
            let last = try day(to)
            // Before the first line: what is not written down is not handed out.
            try hub.record(
                act: "exported", detail: [form, from, to].compactMap { $0 }.joined(separator: " "),
                now: HubFolder.milliseconds())
            let columns = definition.fields
            let names = definition.keys.map(\.name) + columns.map(\.name) + ["first_created"]
            Output.line(CSV.line(names))
            try hub.export(form: form, from: first, to: last) { key, record in
                let keys = zip(definition.keys, key).map { RecordText.text($1, as: $0.type) }
                let values = columns.map { RecordText.text(record[$0.id] ?? .notStated, as: $0.type) }
                Output.line(CSV.line(keys + values + [RecordText.time(record.firstCreated)]))
            }
        }
    }

    private func day(_ text: String?) throws -> Int32? {
        guard let text else { return nil }
        guard let day = CivilDay.parse(text) else {
            throw Failure(
                .usage,
                Words(
                    "\(text) is no day of the calendar; write it as 2020-02-03",
                    zh: "\(text) 不是有效日期；请写成 2020-02-03 的样式"))
        }
        return day
    }
}

/// Values and lines of a CSV as exports write them.
enum CSV {
    static func line(_ cells: [String]) -> String {
        cells.map { cell in
            let mustQuote = cell.utf8.contains { $0 == 0x22 || $0 == 0x2c || $0 == 0x0a || $0 == 0x0d }
            return mustQuote ? "\"" + cell.replacing("\"", with: "\"\"") + "\"" : cell
        }.joined(separator: ",")
    }
}
