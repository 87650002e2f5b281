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
            "The history of one record: all versions held here, what became of each field, by which rule.",
            zh: "一条记录的历史：此处的所有版本，以及各字段按何规则成为现状。"),
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
            let key = try RecordKeyText.key(form, key, forms)
            let damages = Damages()
            let (state, versions, around) = try store.record(key, damages)
            let report = RecordReport(
                key, state, versions, around, forms: forms,
                masking: try store.masking(forms, unmask: unmask), times: store.times())
            if json { try Output.json(report) } else { report.lines().forEach { Output.line($0) } }
            damages.words.forEach { Output.remark($0) }
            damages.end()
        }
    }
}
