import ArgumentParser
import Console
import Forms
import Foundation
import SyncCore
import SyncStore
import SyncTransport

struct AddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "add",
        abstract:
            "Enter or correct one record: branch-agent add check-in day=2020-02-03 person=T001 "
            + "temperature=36.5",
        discussion:
            "Needs no network. What is not named stays as it is; NAME= (nothing behind it) means not stated.")

    @Argument(help: "The form, for example check-in.")
    var form: String
    @Argument(help: "field=value ...")
    var fields: [String] = []
    @OptionGroup var store: DataOption
    @Flag(name: .long) var json = false

    private struct Added: Encodable {
        var origin: String
        var sequence: UInt64
        var lane: String
        var alerts: Int
    }

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            let context = try AgentContext(store.folder)
            let compiled = try context.form(form)
            let clock = try context.clock()
            let row: SheetRow
            switch try SheetEntry.read(
                try pairs(), form: compiled, now: clock.now, isClockTrusted: clock.isTrusted)
            {
            case .success(let read): row = read
            case .failure(let refused):
                for error in refused.errors {
                    Output.remark(
                        Words("refused: ", zh: "拒绝：").joined(
                            SheetMessages.words(for: error, form: compiled, settings: context.settings)))
                }
                Program.end(.someRefused)
            }
            guard !row.assignments.isEmpty else {
                let names = compiled.definition.fields.map(\.name).joined(separator: " ")
                throw Failure(
                    .usage,
                    Words(
                        "nothing is said of \(RecordText.text(row.key)); name at least one of: \(names)",
                        zh: "没有为 \(RecordText.text(row.key)) 填写任何内容；请至少填写其一：\(names)"))
            }
            let author = RecordAuthor(catalog: context.forms)
            let written = try context.store.write(clock: clock) { transaction -> RecordAuthor.Written? in
                let known = try transaction.record(row.key)?.effective { compiled.definition.policy(of: $0) }
                let isKnown = row.assignments.allSatisfy { known?[$0.field] == $0.value }
                if let known, known.exists, !known.hasConflict, isKnown { return nil }
                return try author.author(
                    compiled, key: row.key, assignments: row.assignments, stated: row.stated,
                    firstCreated: row.firstCreated, in: transaction)
            }
            guard let written else {
                return Output.remark(
                    Words(
                        "unchanged: \(RecordText.text(row.key)) says this already",
                        zh: "未变：\(RecordText.text(row.key)) 已有相同内容"))
            }
            try tell(written, clock: clock, rule: compiled.definition.rules?.first)
        }
    }

    private func pairs() throws -> [(name: String, value: String)] {
        try fields.map { field in
            guard let equals = field.firstIndex(of: "=") else {
                throw Failure(
                    .usage, Words("write field=value, not \(field)", zh: "请写 字段=值，而不是 \(field)"))
            }
            return (String(field[..<equals]), String(field[field.index(after: equals)...]))
        }
    }

    private func tell(_ written: RecordAuthor.Written, clock: AuthoringClock, rule: RaiseRule?) throws {
        if json {
            return try Output.json(
                Added(
                    origin: RecordText.origin(written.dot.origin), sequence: written.dot.sequence,
                    lane: "\(written.lane)", alerts: written.raised.count))
        }
        Output.line(
            written.lane == .urgent
                ? Words(
                    "saved; it is urgent and leaves before everything else", zh: "已保存；属紧急内容，将最先发送")
                : Words("saved; it leaves with the next sync", zh: "已保存；下次同步时发送"))
        if written.lane == .urgent, let advice = rule?.advice {
            Output.line(Words(advice.en, zh: advice.zh))
        }
        guard !clock.isTrusted else { return }
        Output.remark(
            Words(
                "this machine's clock does not fit the hub's; the entry is marked, please set the clock",
                zh: "本机时钟与汇总端不符；此条已标记，请校准时钟"))
    }
}

struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Import sheets of one form; every row is taken, unchanged, or refused with a reason.")

    @Argument(help: "The form, for example check-in.")
    var form: String
    @Argument(help: "The sheets, CSV in UTF-8 or GBK.")
    var files: [String]
    @OptionGroup var store: DataOption
    @Option(name: .long, help: "A CSV of en,zh that names the columns otherwise.")
    var map: String?
    @Flag(name: .customLong("dry-run"), help: "Say what would happen and save nothing.")
    var dryRun = false
    @Flag(name: .long) var json = false

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            let context = try AgentContext(store.folder)
            _ = try context.form(form)
            let importer = try Importer(form: form, catalog: context.forms, hashing: .sha256)
            let sheets = try files.map { SheetFile(path: $0, bytes: try Files.read($0)) }
            let headings = try map.map { try HeaderMap(try Files.read($0), file: $0) } ?? HeaderMap()
            let progress = ProgressBar(Words("importing", zh: "正在导入"))
            let result = try importer.run(
                sheets, map: headings, on: context.store, clock: try context.clock(), isDryRun: dryRun,
                unknownColumn: { file, heading in
                    Output.remark(
                        Words(
                            "\(file): the form does not know the column \(heading); it was left out",
                            zh: "\(file)：表单没有“\(heading)”这一列，已略过"))
                },
                progress: { progress.show($0, of: $1) })
            progress.finish()
            try show(result)
            if result.rejected > 0 { Program.end(.someRefused) }
        }
    }

    private func show(_ result: ImportResult) throws {
        if json { return try Output.json(result) }
        Output.line(
            Words(
                "\(result.records) rows in \(files.count) files: \(result.accepted) taken,"
                    + " \(result.unchanged) "
                    + "unchanged, \(result.rejected) refused, \(result.blank) blank",
                zh: "\(files.count) 个文件共 \(result.records) 行：接受 \(result.accepted)，未变 \(result.unchanged)，"
                    + "拒绝 \(result.rejected)，空行 \(result.blank)"))
        for error in result.errors {
            Output.remark(
                Words(
                    "  \(error.file), line \(error.line) (row \(error.record)), \(error.column):"
                        + " \(error.reason): "
                        + error.message,
                    zh:
                        "  \(error.file) 第 \(error.line) 行（第 \(error.record) "
                        + "条），\(error.column)：\(error.reason)："
                        + error.message))
        }
    }
}
