import ArgumentParser
import Console
import Forms
import Foundation
import SyncCore
import SyncStore
import SyncTransport

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "import",
        Words(
            "Import sheets of one form; every row is taken, unchanged, or refused with a reason.",
            zh: "导入一种表单的表格；每一行或被接受，或未变，或被拒绝并说明原因。"),
        discussion: Words(
            "A file that cannot be read is left out and named; the others are imported.",
            zh: "无法读取的文件会被略过并指出，其余照常导入。"),
        example: "branch-agent import check-in 2020-02-03.csv --data DIR")

    @Argument(help: ArgumentHelp("The form, for example check-in.", zh: "表单，例如 check-in。"))
    var form: String
    @Argument(help: ArgumentHelp("The sheets, CSV in UTF-8 or GBK.", zh: "表格文件，UTF-8 或 GBK 编码的 CSV。"))
    var files: [String]
    @OptionGroup var author: AuthorOption
    @OptionGroup var store: DataOption
    @Option(
        name: .long,
        help: ArgumentHelp(
            "A CSV of two cells a line, the form's name and the sheet's heading.",
            zh: "列名对照表：CSV，每行两列，先写表单列名，再写表头列名。"))
    var map: String?
    @Flag(
        name: .customLong("dry-run"),
        help: ArgumentHelp("Say what would happen and save nothing.", zh: "只说明会怎样，不保存任何内容。"))
    var dryRun = false
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            let context = try AgentContext(store.folder)
            let compiled = try context.form(form)
            var importer = try Importer(form: form, catalog: context.forms, hashing: .sha256)
            if !dryRun { importer.name = try AuthorList.author(author.by, in: store.folder) }
            let sheets = files.map { SheetFile(path: $0, bytes: try? Files.read($0)) }
            let headings = try map.map { try HeaderMap(try Files.read($0), file: $0) } ?? HeaderMap()
            let progress = ProgressBar(Words("importing", zh: "正在导入"))
            Interrupt.say(
                Words(
                    "stopped. An import is saved whole or not at all: run it again, what was saved already "
                        + "counts as unchanged",
                    zh: "已中止。导入要么全部保存，要么完全不保存：请重新运行，已保存的内容会计为“未变”"))
            var result = try importer.run(
                sheets, map: headings, on: context.store, clock: try context.clock(), isDryRun: dryRun,
                progress: { progress.show($0, of: $1) })
            progress.finish()
            if compiled.definition.fields.contains(where: { $0.computed != nil }) {
                result.differing = try CountedOtherwise.among(
                    result.taken, files: files, compiled, context)
            }
            result.unknownPeople = try UnknownPeople.among(result.taken.map(\.key), compiled, context)
            try show(result, unit: context.configuration.unit)
            if result.alerts > 0, !dryRun {
                Output.remark(ImportCommand.urgent(result.alerts))
                try RaisedHere.advice(compiled, context).forEach { Output.remark($0) }
            }
            if result.accepted > 0, !dryRun { try context.tellCaveats() }
            if let status = ImportCommand.status(of: result, files: files.count) { Program.end(status) }
        }
    }

    private static func urgent(_ alerts: Int) -> Words {
        Words(
            "alerts raised by what the rows say: \(alerts); they leave before everything else "
                + "(`branch-agent alerts` names them)",
            zh: "表中内容触发了 \(alerts) 条预警，将最先发送（branch-agent alerts 可查看）")
    }

    /// So many rows that differ are written out.
    private static let listed = 10

    /// Nil when everything was taken.
    static func status(of result: ImportResult, files: Int) -> ExitStatus? {
        if result.filesRefused == files {
            let isUnreadable = result.errors.first?.reason == SheetError.Code.unreadable.rawValue
            return isUnreadable ? .noInput : .usage
        }
        // A heading with a typing error leaves out what somebody meant to send.
        let isMistyped = result.unknownColumns.contains { $0.suggestion != nil }
        return result.rejected > 0 || result.filesRefused > 0 || isMistyped ? .someRefused : nil
    }

    private func show(_ result: ImportResult, unit: String) throws {
        if json { return try Output.json(result) }
        for column in result.unknownColumns { Output.remark(ImportCommand.words(for: column)) }
        for twice in result.twice.prefix(ImportCommand.listed) {
            Output.remark(ImportCommand.words(for: twice))
        }
        if result.twice.count > ImportCommand.listed {
            let more = result.twice.count - ImportCommand.listed
            Output.remark(
                Words("and \(more) rows more; --json lists all", zh: "另有 \(more) 行；用 --json 可列出全部"))
        }
        if !result.unknownPeople.isEmpty {
            Output.remark(UnknownPeople.words(result.unknownPeople, unit: unit))
        }
        for row in result.differing.prefix(ImportCommand.listed) { Output.remark(row.words) }
        if result.differing.count > ImportCommand.listed {
            let more = result.differing.count - ImportCommand.listed
            Output.remark(
                Words("and \(more) rows more; --json lists all", zh: "另有 \(more) 行；用 --json 可列出全部"))
        }
        let saved = dryRun ? Words("nothing was saved; ", zh: "未保存任何内容；") : Words("", zh: "")
        Output.line(
            saved.joined(
                Words(
                    "\(result.records) rows in \(files.count - result.filesRefused) files: "
                        + "\(result.accepted) taken, \(result.unchanged) unchanged, \(result.rejected) "
                        + "refused, \(result.blank) blank",
                    zh: "\(files.count - result.filesRefused) 个文件共 \(result.records) 行：接受 \(result.accepted)，"
                        + "未变 \(result.unchanged)，拒绝 \(result.rejected)，空行 \(result.blank)")))
        if result.filesRefused > 0 {
            Output.remark(
                Words(
                    "\(result.filesRefused) of \(files.count) files were left out:",
                    zh: "\(files.count) 个文件中有 \(result.filesRefused) 个被略过："))
        }
        for error in result.errors { Output.remark(ImportCommand.words(for: error)) }
    }

    private static func words(for twice: ImportResult.Twice) -> Words {
        let key = Output.printable(twice.key)
        return Words(
            "\(twice.file): line \(twice.line) says something else of \(key) than line "
                + "\(twice.earlierLine), and neither was made later; both were taken, and line \(twice.line) "
                + "stands. Keep the right one in the sheet and import it again",
            zh: "\(twice.file)：第 \(twice.line) 行与第 \(twice.earlierLine) 行均为 \(key)，内容不同，且看不出先后；"
                + "两行均已保存，以第 \(twice.line) 行为准。请在表中只保留正确的一行，再次导入")
    }

    private static func words(for column: ImportResult.UnknownColumn) -> Words {
        let heading = Output.printable(column.heading)
        if column.isHidden {
            return Words(
                "\(column.file): the committee's form does not ask for \(heading) any more, its content was "
                    + "left out; the column may stay",
                zh: "\(column.file)：表单已停用“\(heading)”，其内容已略过；该列可保留")
        }
        let hint =
            column.suggestion.map { Words("; did you mean \($0)?", zh: "；是否应为“\($0)”？") }
            ?? Words("", zh: "")
        return Words(
            "\(column.file): the form does not know the column \(heading), its content was left out"
                + "\(hint.en) Correct the heading, or name it with --map, and import again",
            zh: "\(column.file)：表单没有“\(heading)”这一列，其内容已略过\(hint.zh)"
                + "请更正表头或用 --map 指定，再次导入")
    }

    static func words(for error: ImportResult.Issue) -> Words {
        // A file's words name it.
        guard error.record > 0 else { return Words("  " + error.message, zh: "  " + error.message) }
        let column = error.column.isEmpty ? "" : Output.printable(error.column)
        return Words(
            "  \(error.file), line \(error.line) (row \(error.record))"
                + "\(column.isEmpty ? "" : ", " + column): \(error.message) [\(error.reason)]",
            zh: "  \(error.file) 第 \(error.line) 行（第 \(error.record) 条）"
                + "\(column.isEmpty ? "" : "，" + column)：\(error.message)〔\(error.reason)〕")
    }
}
