import ArgumentParser
import Console
import SyncCore

struct AddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "add",
        Words(
            "Enter or correct one record that the centre writes, such as a shift of the duty roster.",
            zh: "由中心填写或更正一条记录，例如一个值班班次。"),
        example: "aggregator add duty-shift unit=C00 from=\"2020-02-03 08:00\" place=1 "
            + "to=\"2020-02-03 20:00\" person=T00001 phone=10000000001 --data DIR")

    @Argument(help: ArgumentHelp("The form, for example duty-shift.", zh: "表单，例如 duty-shift。"))
    var form: String
    @Argument(help: ArgumentHelp("field=value ...", zh: "字段=值 ……")) var fields: [String] = []
    @Option(name: .long, help: ArgumentHelp("Who enters it: a person's id.", zh: "填写人编号。")) var by = ""
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption

    func run() async throws {
        try await Program.run {
            let pairs = try fields.map { field in
                guard let equals = field.firstIndex(of: "=") else {
                    throw Failure(
                        .usage,
                        Words(
                            "write field=value, not \(Output.printable(field))",
                            zh: "请写 字段=值，而不是 \(Output.printable(field))"))
                }
                return (
                    name: String(field[..<equals]), value: String(field[field.index(after: equals)...])
                )
            }
            let entries = try CentreEntries(try act.folder(store).open(), form: form)
            let isNew = try entries.add(pairs, by: by, now: HubFolder.milliseconds())
            Output.line(
                isNew
                    ? Words("saved: \(form)", zh: "已保存：\(entries.chineseName)")
                    : Words(
                        "unchanged: \(form) says this already", zh: "未变：\(entries.chineseName)已有相同内容"))
        }
    }
}
