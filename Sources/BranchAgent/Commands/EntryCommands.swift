import ArgumentParser
import Console
import Forms
import Foundation
import SyncCore
import SyncStore
import SyncTransport

struct AddCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "add", Words("Enter or correct one record.", zh: "填写或更正一条记录。"),
        discussion: Words(
            "Needs no network. What is not named stays as it is; NAME= (nothing behind it) means not stated. "
                + "Without day= it is today, as long as the clock fits the hub's.",
            zh: "无需联网。未写的字段保持不变；“字段=”（后面不写内容）表示未填。不写 day= 即为今天（本机时钟须与汇总端相符）。"),
        example: "branch-agent add check-in day=2020-02-03 person=T001 temperature=36.5 --data DIR")

    @Argument(help: ArgumentHelp("The form, for example check-in.", zh: "表单，例如 check-in。"))
    var form: String
    @Argument(help: ArgumentHelp("field=value ...", zh: "字段=值 ……"))
    var fields: [String] = []
    @Flag(
        name: .customLong("as-stated"),
        help: ArgumentHelp(
            "Keep counts as they are written, though the check-ins here say otherwise.",
            zh: "按所写人数保存，即使与本机打卡汇总不符。"))
    var asStated = false
    @OptionGroup var author: AuthorOption
    @OptionGroup var store: DataOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    private struct Added: Encodable {
        var form: String
        var key: String
        var origin: String
        var sequence: UInt64
        var lane: String
        var alerts: Int
        var clockTrusted: Bool
    }

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            let context = try AgentContext(store.folder)
            let compiled = try context.form(form)
            let clock = try context.clock()
            let moment = try context.store.moment(of: clock)
            var row = try EntryReader.row(fields, compiled, context, clock: clock, moment: moment)
            let check = try CountBook(context).check(row, compiled)
            if let check, check.isOtherwise, !asStated { throw ReportWords.differs(check) }
            let isCounted = try context.store.record(row.key) == nil
            if isCounted, let check {
                row.assignments += check.missing(in: row)
                row.assignments.sort { $0.field < $1.field }
            }
            guard !row.assignments.isEmpty else {
                let names = compiled.definition.fields.filter { $0.hidden != true }.map(\.name)
                    .joined(separator: " ")
                throw Failure(
                    .usage,
                    Words(
                        "nothing is said of \(RecordText.text(row.key)); name at least one of: \(names)",
                        zh: "没有为 \(RecordText.text(row.key)) 填写任何内容；请至少填写其一：\(names)"))
            }
            let writer = RecordAuthor(catalog: context.forms)
            let name = try AuthorList.author(author.by, in: store.folder)
            defer { context.leaveOpen() }
            let written = try context.store.write(clock: clock) { transaction -> RecordAuthor.Written? in
                let known = try transaction.record(row.key)?.effective(under: compiled.mergeRules)
                if let known, known.exists, row.assignments.allSatisfy(known.says) { return nil }
                return try writer.author(
                    compiled, key: row.key, assignments: row.assignments, stated: row.stated,
                    firstCreated: row.firstCreated, author: name, in: transaction)
            }
            guard let written else {
                return Output.remark(
                    Words(
                        "unchanged: \(form) \(RecordText.text(row.key)) says this already",
                        zh: "未变：\(form) \(RecordText.text(row.key)) 已有相同内容"))
            }
            if isCounted, !json, let check { Output.line(ReportWords.counted(check)) }
            try tell(written, row.key, moment: moment, compiled, context)
            let unknown = try UnknownPeople.among([row.key], compiled, context)
            if !unknown.isEmpty {
                Output.remark(UnknownPeople.words(unknown, unit: context.configuration.unit))
            }
            try context.tellCaveats()
            if let report = try UnitDay.reportThatBecameWrong(by: row.key, context) {
                Output.remark(ReportWords.becameWrong(report))
            }
            if let words = try AddCommand.wanting(row.key, compiled, context) { Output.remark(words) }
            guard try isInQuestion(row, compiled, context) else { return }
            Output.remark(
                Words(
                    "others wrote something else of it, which this device had not shown you; all of it "
                        + "stands side by side. Decide with `branch-agent conflicts show \(form) "
                        + "\(RecordText.text(row.key))`",
                    zh: "他人填写过不同内容，而您尚未见到；各方内容现并存。请用 branch-agent conflicts show \(form) "
                        + "\(RecordText.text(row.key)) 查看并裁定"))
        }
    }

    /// What a later revision of the form asks for, and a record of an earlier one does not say; nil for
    /// nothing.
    private static func wanting(
        _ key: RecordKey, _ compiled: CompiledForm, _ context: AgentContext
    ) throws -> Words? {
        let record = try context.store.record(key)?.effective(under: compiled.mergeRules)
        let fields = compiled.definition.fields.filter { field in
            field.required == true && field.hidden != true
                && (record?[field.id] ?? .notStated) == .notStated
        }
        guard !fields.isEmpty else { return nil }
        let names = fields.map(\.name).joined(separator: ", ")
        let labels = fields.map { "“\($0.labels.zh)”（\($0.name)）" }.joined(separator: "、")
        return Words(
            "the form asks for more by now, and this record does not say it yet: \(names); fill it in",
            zh: "表单现已要求填写，而此记录尚未填写：\(labels)；请补填")
    }

    private func isInQuestion(
        _ row: SheetRow, _ compiled: CompiledForm, _ context: AgentContext
    ) throws -> Bool {
        let record = try context.store.record(row.key)?.effective(under: compiled.mergeRules)
        return record?.fields.contains { field in
            field.isConflict && row.assignments.contains { $0.field == field.field }
        } ?? false
    }

    private func tell(
        _ written: RecordAuthor.Written, _ key: RecordKey, moment: AuthoringMoment,
        _ compiled: CompiledForm, _ context: AgentContext
    ) throws {
        if json {
            return try Output.json(
                Added(
                    form: form, key: RecordText.text(key),
                    origin: RecordText.origin(written.dots.last?.origin ?? 0),
                    sequence: written.dots.last?.sequence ?? 0, lane: "\(written.lane)",
                    alerts: written.raised.count,
                    clockTrusted: moment.isTrusted))
        }
        let name = "\(form) \(RecordText.text(key))"
        Output.line(
            written.lane == .urgent
                ? Words(
                    "saved \(name); it is urgent and leaves before everything else",
                    zh: "已保存 \(name)；属紧急内容，将最先发送")
                : Words("saved \(name); it leaves with the next sync", zh: "已保存 \(name)；下次同步时发送"))
        if written.lane == .urgent { try RaisedHere.advice(compiled, context).forEach { Output.line($0) } }
        guard !moment.isTrusted else { return }
        Output.remark(
            Words(
                "this machine's clock does not fit the hub's; the entry is marked, please set the clock "
                    + "(`branch-agent status` says how far off it is)",
                zh: "本机时钟与汇总端不符；此条已标记，请校准时钟（branch-agent status 显示相差多少）"))
    }
}

extension EffectiveRecord {
    /// Whether it is among what the record says already.
    func says(_ assignment: Assignment) -> Bool {
        guard let field = fields.first(where: { $0.field == assignment.field }) else { return false }
        return field.value == assignment.value
            || field.isConflict && field.candidates.contains { $0.value == assignment.value }
    }
}
