import ArgumentParser
import Console
import Forms
import SyncCore
import SyncStore

struct EditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "edit",
        Words("Open one record, and correct it.", zh: "打开并更正一条记录。"),
        discussion: Words(
            "With the key alone it shows the record and a code. With fields it saves them: --shown hands the "
                + "code back, and when something was written since, nothing is saved. Where a field is in "
                + "question it shows the answers first and asks; what you save then decides about that field "
                + "and about no other.",
            zh: "只写键即显示该记录和一个代码。写明字段即保存：--shown 交回代码，若其间有新的写入则不保存。"
                + "若字段有冲突，会先显示各方内容并询问；保存即裁定该字段，不涉及其他字段。"),
        example: "branch-agent edit check-in day=2020-02-03 person=T001 temperature=36.5 --data DIR")

    @Argument(help: ArgumentHelp("The form, for example check-in.", zh: "表单，例如 check-in。"))
    var form: String
    @Argument(help: ArgumentHelp("The key and what changes, field=value ...", zh: "键和要更正的内容，字段=值 ……"))
    var fields: [String]
    @Option(name: .long, help: ArgumentHelp("The code of what you were shown.", zh: "所显示内容的代码。"))
    var shown: String?
    @OptionGroup var author: AuthorOption
    @OptionGroup var store: DataOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    private struct Saved: Encodable {
        var form: String
        var key: String
        var versions: [String]
        var lane: String
        var alerts: Int
        /// To be handed back with the next edit.
        var shown: String
    }

    private struct Shown: Encodable {
        var record: RecordReport
        var shown: String
    }

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            let context = try AgentContext(store.folder)
            let desk = try AgentDesk(context)
            let compiled = try context.form(form)
            let clock = try context.clock()
            let moment = try context.store.moment(of: clock)
            let row = try EntryReader.row(fields, compiled, context, clock: clock, moment: moment)
            guard let state = try desk.record(row.key) else { throw unknown(row.key) }
            if row.assignments.isEmpty { return try open(row.key, state, desk) }
            let settling = try ShownCode.confirm(
                shown, editing: row.assignments.map(\.field), of: row.key, state, compiled, at: desk,
                again: "branch-agent conflicts show \(form) \(RecordText.text(row.key))")
            let writer = RecordAuthor(catalog: context.forms)
            let name = try AuthorList.author(author.by, in: store.folder)
            defer { context.leaveOpen() }
            let written = try context.store.write(clock: clock) { transaction in
                // What was shown is what is covered, also when something came since.
                try writer.author(
                    compiled, key: row.key, assignments: row.assignments, stated: row.stated,
                    firstCreated: row.firstCreated, author: name, shown: state,
                    replica: context.configuration.replica, settling: settling,
                    in: transaction)
            }
            try tell(written, row.key, desk)
            try context.tellCaveats()
        }
    }

    private func unknown(_ key: RecordKey) -> Failure {
        Failure(
            .noInput,
            Words(
                "\(form) \(RecordText.text(key)): nothing is known of this record here; check the key, or "
                    + "enter it with `branch-agent add`",
                zh: "\(form) \(RecordText.text(key))：此处没有该记录；请核对键，或用 branch-agent add 填写"))
    }

    private func open(_ key: RecordKey, _ state: RecordState, _ desk: AgentDesk) throws {
        let versions = try desk.versions(of: key)
        let forms = desk.catalog.catalog
        // Whoever edits reads what stands there, and that is why.
        try desk.note(unmasked: "edit \(form) \(RecordText.text(key)): opened to be edited")
        let report = RecordReport(
            key, state, versions, try desk.surroundings(of: versions), forms: forms,
            masking: Masking(forms: forms, unmask: true), times: desk.times)
        let code = ShownCode.text([state])
        if json { return try Output.json(Shown(record: report, shown: code)) }
        report.lines().forEach { Output.line($0) }
        Output.line("")
        Output.line(Words("save with --shown \(code)", zh: "保存时加上 --shown \(code)"))
    }

    private func tell(_ written: RecordAuthor.Written, _ key: RecordKey, _ desk: AgentDesk) throws {
        let name = "\(form) \(RecordText.text(key))"
        if json {
            return try Output.json(
                Saved(
                    form: form, key: RecordText.text(key), versions: written.dots.map { RecordText.text($0) },
                    lane: "\(written.lane)", alerts: written.raised.count,
                    shown: ShownCode.text([try desk.record(key) ?? RecordState()])))
        }
        Output.line(
            written.lane == .urgent
                ? Words(
                    "saved \(name); it is urgent and leaves before everything else",
                    zh: "已保存 \(name)；属紧急内容，将最先发送")
                : Words("saved \(name); it leaves with the next sync", zh: "已保存 \(name)；下次同步时发送"))
    }
}
