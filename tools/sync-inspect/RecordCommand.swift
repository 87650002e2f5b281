import ArgumentParser
import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore

struct RecordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "record",
        Words(
            "All versions of one record that are held here, and what each still says.",
            zh: "一条记录在此处的所有版本，以及各版本仍生效的内容。"),
        example: "sync-inspect record check-in 2020-02-03 T001 --data DIR")

    @Argument(help: ArgumentHelp("The form, such as check-in.", zh: "表单，例如 check-in。"))
    var form: String
    @Argument(
        help: ArgumentHelp(
            "The key's values in the form's order, such as 2020-02-03 T001.",
            zh: "按表单顺序写出键值，例如 2020-02-03 T001。"))
    var key: [String]
    @OptionGroup var store: DataOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false
    @Flag(name: .long, help: ArgumentHelp("Show personal fields as they are.", zh: "显示个人信息原文。")) var unmask =
        false

    func run() async throws {
        try await Program.run {
            let store = try StoreAtHand(store.data)
            let forms = try store.forms()
            let key = try RecordCommand.key(form, key, forms)
            let found: (state: RecordState?, versions: [Version], verdicts: [Verdict])
            switch store {
            case .agent(let store):
                let verdicts = try store.verdicts([.quarantined, .noted, .heldAlready], limit: .max)
                found = (try store.record(key), try store.versions(of: key), verdicts.map(\.verdict))
            case .hub(let store):
                let versions = try store.versions(of: key)
                let verdicts = try versions.flatMap { try store.verdicts(on: $0.dot) }
                found = (try store.record(key), versions, verdicts)
            }
            let report = RecordReport(
                key, found.state, found.versions, verdicts: found.verdicts, forms: forms,
                masking: Masking(forms: forms, unmask: unmask), times: store.times())
            if json { try Output.json(report) } else { report.lines().forEach { Output.line($0) } }
        }
    }

    /// Reads the key's values by the form.
    ///
    /// - Throws: ``Failure`` with `.usage` that names the form's keys.
    static func key(_ form: String, _ texts: [String], _ forms: FormCatalog) throws -> RecordKey {
        guard let definition = forms[form] else {
            throw SheetError(.unknownForm, subject: form)
        }
        guard texts.count == definition.keys.count else {
            let names = definition.keys.map { $0.name.uppercased() }.joined(separator: " ")
            throw Failure(
                .usage,
                Words(
                    "a record of \(form) is named by \(definition.keys.count) values; write "
                        + "`sync-inspect record \(form) \(names)`",
                    zh: "\(form) 的记录由 \(definition.keys.count) 个值确定；请写 "
                        + "sync-inspect record \(form) \(names)"))
        }
        var values: [Value] = []
        for (text, key) in zip(texts, definition.keys) {
            guard let value = value(CellText.trimmed(Array(text.utf8)[...]), as: key.type) else {
                throw Failure(
                    .usage,
                    Words(
                        "\(key.name) cannot be \(Masking.clean(text)); it is a \(key.type.rawValue)"
                            + (key.type == .date ? " such as 2020-02-03" : ""),
                        zh: "\(key.labels.zh)（\(key.name)）不能是 \(Masking.clean(text))"
                            + (key.type == .date ? "；请写成 2020-02-03 的样式" : "；类型为 \(key.type.rawValue)")))
            }
            values.append(value)
        }
        return RecordKey(form: form, values: values)
    }

    private static func value(_ text: ArraySlice<UInt8>, as type: FieldType) -> Value? {
        switch type.kind {
        case .integer where type == .date: CellText.date(text).map { .integer(Int64($0)) }
        case .integer where type == .boolean: CellText.boolean(text).map { .boolean($0) }
        case .integer: Int64(String(decoding: text, as: UTF8.self)).map { .integer($0) }
        case .text: text.isEmpty ? nil : .text(Array(text))
        case .decimal, .list: nil
        }
    }
}
