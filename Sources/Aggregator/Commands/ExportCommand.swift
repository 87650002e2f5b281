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
        discussion: Words(
            "Personal fields are masked (\(Masking.mask)) unless --unmask --reason WHY hands them out; the "
                + "audit log has who exported what, and why.",
            zh: "个人信息字段以 \(Masking.mask) 遮盖；须用 --unmask --reason 原因 才会原样输出。谁导出了什么、原因为何，均记入审计日志。"),
        example: "aggregator export check-in --from 2020-02-01 --to 2020-02-14 --unmask "
            + "--reason \"asked by the school\" --data DIR")

    @Argument(
        help: ArgumentHelp(
            "The form, for example check-in; or units: the sheet that import takes, with their history.",
            zh: "表单，例如 check-in；或 units：可再次导入的单位表，含各单位的变更历史。"))
    var form: String
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption
    @OptionGroup var personal: UnmaskOption
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
            if form == RegisterSheet.units.rawValue { return try exportUnits(hub) }
            let forms = try hub.forms()
            guard let definition = forms[form] else { throw FormText.unknown(form, forms) }
            let first = try day(from)
            let last = try day(to)
            // Before the first line: what is not written down is not handed out.
            let reason = try personal.why(isAsked: true)
            let what = [form, from, to].compactMap { $0 }.joined(separator: " ")
            try hub.record(
                act: "exported", detail: reason.map { "\(what), unmasked: \($0)" } ?? what,
                now: HubFolder.milliseconds())
            let masking = Masking(forms: forms, unmask: personal.unmask)
            let columns = definition.fields
            let names = definition.keys.map(\.name) + columns.map(\.name) + ["first_created"]
            Output.line(CSV.line(names))
            try hub.export(form: form, from: first, to: last) { key, record in
                let shown =
                    personal.unmask
                    ? zip(definition.keys, key).map { RecordText.text($1, as: $0.type) }
                    : masking.text(RecordKey(form: form, values: key))
                let keys = zip(definition.keys, shown).map { CSV.cell($1, as: $0.type) }
                let values = columns.map { field in
                    let value = record[field.id] ?? .notStated
                    let isShown = personal.unmask || !field.personal || value == .notStated
                    return isShown
                        ? CSV.cell(RecordText.text(value, as: field.type), as: field.type) : Masking.mask
                }
                Output.line(CSV.line(keys + values + [RecordText.time(record.firstCreated)]))
            }
        }
    }

    /// The tree of units as a sheet that changes nothing when it is imported again.
    private func exportUnits(_ hub: SQLiteHubStore) throws {
        guard from == nil, to == nil else {
            throw Failure(
                .usage,
                Words(
                    "the sheet of units is exported whole; leave --from and --to out",
                    zh: "单位表只能整体导出；请不要写 --from 和 --to"))
        }
        try hub.record(act: "exported", detail: form, now: HubFolder.milliseconds())
        var placed: [[UInt8]: [(day: Int32, parent: String)]] = [:]
        try hub.export(form: BuiltIn.placement, from: nil, to: nil) { key, record in
            guard let unit = key.first?.string, let day = key.last?.integer else { return }
            placed[Array(unit.utf8), default: []].append(
                (Int32(clamping: day), record[BuiltIn.placementParent]?.string ?? ""))
        }
        let definition = FormCatalog.builtIn[BuiltIn.unit]
        Output.line(
            CSV.line(["unit_id", "unit_name", "unit_type", "parent_id", "line", "effective_date"]))
        try hub.export(form: BuiltIn.unit, from: nil, to: nil) { key, record in
            guard let unit = key.first?.string else { return }
            func text(_ name: String) -> String {
                definition?.field(named: name).flatMap { record[$0.id]?.string } ?? ""
            }
            func line(_ parent: String, _ day: String) {
                let cells = [unit, text("name"), text("type"), parent, text("line")]
                Output.line(CSV.line(cells.map(CellText.guarded) + [day]))
            }
            line(record[BuiltIn.unitParent]?.string ?? "", "")
            for (day, parent) in (placed[Array(unit.utf8)] ?? []).sorted(by: { $0.day < $1.day }) {
                line(parent, CivilDay.text(day))
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
    /// Numbers and times as they are; texts so that no spreadsheet program takes them for formulas.
    static func cell(_ text: String, as type: FieldType) -> String {
        switch type {
        case .integer, .decimal, .boolean, .date, .time: text
        case .text, .choice, .multiChoice, .person, .unit, .region, .placeList, .record:
            CellText.guarded(text)
        }
    }

    static func line(_ cells: [String]) -> String {
        cells.map { cell in
            let mustQuote = cell.utf8.contains { $0 == 0x22 || $0 == 0x2c || $0 == 0x0a || $0 == 0x0d }
            return mustQuote ? "\"" + cell.replacing("\"", with: "\"\"") + "\"" : cell
        }.joined(separator: ",")
    }
}
