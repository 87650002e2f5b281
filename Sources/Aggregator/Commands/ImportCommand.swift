import ArgumentParser
import Console
import Foundation

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "import",
        Words(
            "Import the register from a sheet: units, people, register-changes or excused; or take in what a "
                + "branch sent by hand or read out.",
            zh: "从表格导入登记册，或收取支部带来的文件、电话念读的内容。"),
        example: "aggregator import people people.csv --data DIR; aggregator import --carried today.carried "
            + "--data DIR; aggregator import --text - --data DIR")

    @Argument(
        help: ArgumentHelp(
            "units, people, register-changes or excused.", zh: "units、people、register-changes 或 excused。"))
    var kind: String?
    @Argument(help: ArgumentHelp("The sheet, CSV in UTF-8 or GBK.", zh: "表格文件，UTF-8 或 GBK 编码的 CSV。"))
    var file: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Instead of a sheet: a file of `branch-agent carry`. The hub may go on serving.",
            zh: "不导入表格，而收取 branch-agent carry 写出的文件。汇总端可继续运行。"))
    var carried: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Instead of a sheet: the lines that `branch-agent carry --text` shows, in a file, or typed in "
                + "here with -. The hub may go on serving.",
            zh: "不导入表格，而收取 branch-agent carry --text 显示的数字：写在文件中，或用 - 在此录入。汇总端可继续运行。"))
    var text: String?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "With --carried: where to write the answer for the branch. FILE.answer when not said.",
            zh: "与 --carried 同用：给支部的答复文件写到哪里；不写则为 FILE.answer。"))
    var answer: String?
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func validate() throws {
        let isSheet = kind != nil && file != nil && carried == nil && answer == nil && text == nil
        let isCarried = kind == nil && file == nil && carried != nil && text == nil
        let isSpoken = kind == nil && file == nil && carried == nil && answer == nil && text != nil
        if !isSheet && !isCarried && !isSpoken {
            throw ValidationError(
                Words(
                    "Name a kind of sheet and its file, a carried file with --carried, or what was read out "
                        + "with --text.",
                    zh: "请写明表格种类和文件，或用 --carried 指定带来的文件，或用 --text 收取电话念读的内容。"
                ).text())
        }
    }

    func run() async throws {
        try await Program.run {
            if let carried { return try take(carried) }
            if let text { return try SpokenImport(folder: try act.folder(store)).run(text, json: json) }
            if let kind, let file { try importSheet(kind, file) }
        }
    }

    private func take(_ path: String) throws {
        let result = try CarriedImport(
            folder: try act.folder(store), path: path, answer: answer ?? path + ".answer"
        ).run()
        if json { try Output.json(result) } else { result.show(path) }
        if !result.refused.isEmpty { Program.end(.someRefused) }
    }

    /// A sheet that a form alone explains, such as the duty roster.
    private func importRecords(_ kind: String, _ file: String) throws -> Bool {
        let hub = try act.folder(store).open()
        guard RegisterSheet(rawValue: kind) == nil, CentreEntries.takes(kind, hub) else { return false }
        let entries = try CentreEntries(hub, form: kind)
        let now = HubFolder.milliseconds()
        var (rows, result) = try entries.read(try Files.read(file), file: file, now: now)
        result.accepted = try entries.write(rows, by: act.name ?? "", now: now)
        result.unchanged = rows.count - result.accepted
        try show(result, of: file)
        if result.isShort { Program.end(.someRefused) }
        return true
    }

    private func importSheet(_ kind: String, _ file: String) throws {
        if try importRecords(kind, file) { return }
        guard let kind = RegisterSheet(rawValue: kind) else {
            let hint = Typo.hint(kind, among: RegisterSheet.allCases.map(\.rawValue))
            throw Failure(
                .usage,
                Words(
                    "import takes units, people, register-changes or excused, not \(kind)\(hint.en)",
                    zh: "可导入 units、people、register-changes、excused，不能导入 \(kind)\(hint.zh)"))
        }
        let bytes = try Files.read(file)
        let sheet = try RegisterImport(kind, bytes: bytes, file: file)
        let result = try sheet.run(
            on: try act.folder(store).open(), now: HubFolder.milliseconds(),
            progress: ProgressBar(Words("importing", zh: "正在导入")))
        try show(result, of: file, areUnits: kind == .units)
        if result.isShort { Program.end(.someRefused) }
    }

    private func show(_ result: RegisterResult, of file: String, areUnits: Bool = false) throws {
        if json { return try Output.json(result) }
        let away = result.elsewhere.count
        let stays =
            away == 0
            ? Words("", zh: "")
            : Words(
                " (\(away) of them \(areUnits ? "under" : "in") another unit than the sheet says, and left "
                    + "there)",
                zh: areUnits
                    ? "（其中 \(away) 个单位的上级与本表不同，保持现状）" : "（其中 \(away) 人所在单位与本表不同，保持现状）")
        Output.line(
            Words(
                "\(file): \(result.records) rows: \(result.accepted) taken, \(result.unchanged) unchanged"
                    + "\(stays.en), \(result.rejected) refused, \(result.blank) blank",
                zh: "\(file)：共 \(result.records) 行：接受 \(result.accepted)，未变 \(result.unchanged)\(stays.zh)，"
                    + "拒绝 \(result.rejected)，空行 \(result.blank)"))
        for column in result.unknownColumns {
            let hint =
                column.suggestion.map { Words("; did you mean \($0)?", zh: "；是否应为“\($0)”？") }
                ?? Words("", zh: "")
            let heading = Output.printable(column.heading)
            Output.remark(
                Words(
                    "\(file): there is no column \(heading), its content was left out\(hint.en)",
                    zh: "\(file)：没有“\(heading)”这一列，其内容已略过\(hint.zh)"))
        }
        let moves =
            areUnits
            ? ImportCommand.words(forMovedUnits: result.moved, elsewhere: result.elsewhere)
            : ImportCommand.words(forMoved: result.moved, elsewhere: result.elsewhere)
        for words in moves {
            Output.remark(words)
        }
        if let words = ImportCommand.words(forWithoutUnit: result.withoutUnit) { Output.remark(words) }
        for error in result.errors {
            let column = error.column.isEmpty ? "" : Output.printable(error.column)
            Output.remark(
                Words(
                    "  \(file), line \(error.line) (row \(error.record))"
                        + "\(column.isEmpty ? "" : ", " + column): \(error.message) [\(error.reason)]",
                    zh: "  \(file) 第 \(error.line) 行（第 \(error.record) 条）"
                        + "\(column.isEmpty ? "" : "，" + column)：\(error.message)〔\(error.reason)〕"))
        }
    }

    /// So many people are named.
    private static let named = 10

    private static func names(_ people: [String]) -> String {
        let names = people.prefix(named).map(Output.printable).joined(separator: ", ")
        return people.count > named ? names + ", ..." : names
    }

    static func words(forMoved moved: [String], elsewhere: [String]) -> [Words] {
        var words: [Words] = []
        if !moved.isEmpty {
            words.append(
                Words(
                    "\(moved.count) moved to another unit as of today: \(names(moved)). Days before count "
                        + "where they were; register-changes says it for another day",
                    zh: "\(moved.count) 人自今日起转入其他单位：\(names(moved))。此前各日仍计入原单位；若从其他日期起，请用 register-changes"))
        }
        if !elsewhere.isEmpty {
            words.append(
                Words(
                    "\(elsewhere.count) have moved since this sheet was first imported, and stay where they "
                        + "are: \(names(elsewhere)). Should they move back, say so with register-changes",
                    zh: "\(elsewhere.count) 人在此表首次导入之后已调动，保持现状：\(names(elsewhere))。若须调回，请用 register-changes"))
        }
        return words
    }

    static func words(forMovedUnits moved: [String], elsewhere: [String]) -> [Words] {
        var words: [Words] = []
        if !moved.isEmpty {
            words.append(
                Words(
                    "\(moved.count) \(moved.count == 1 ? "unit comes" : "units come") under another as of "
                        + "today, or of the effective_date of the row: \(names(moved)). Days before stay as "
                        + "they were; a column effective_date says another day",
                    zh: "\(moved.count) 个单位的上级自今日（或该行 effective_date）起变更：\(names(moved))。此前各日不变；"
                        + "若从其他日期起，请加 effective_date 列"))
        }
        if !elsewhere.isEmpty {
            words.append(
                Words(
                    "\(elsewhere.count) \(elsewhere.count == 1 ? "stands" : "stand") under another unit than "
                        + "this sheet says, which may be an old one: it names a parent of an earlier or a "
                        + "later time. They stay there: \(names(elsewhere)). To put one back, say from which "
                        + "day in a column effective_date",
                    zh: "\(elsewhere.count) 个单位的上级与本表不同；本表所写是其以前或将来的上级，可能是旧表，故保持现状："
                        + "\(names(elsewhere))。若须改回，请在 effective_date 列写明从哪天起"))
        }
        return words
    }

    /// Nil for nobody.
    static func words(forWithoutUnit count: Int) -> Words? {
        guard count > 0 else { return nil }
        return Words(
            "\(count == 1 ? "1 person is in no unit: on" : "\(count) people are in no unit: they are on") "
                + "nobody's register and never missing. Fill in unit_id and import again, or have them JOIN "
                + "with register-changes",
            zh: "\(count) 人不属于任何单位：不在任何登记册中，也不会计为缺报。请填写 unit_id 后再次导入，"
                + "或用 register-changes（JOIN）加入单位")
    }
}
