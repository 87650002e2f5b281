package import ArgumentParser
import Forms
import SyncCore
import SyncStore

package struct ConflictResolveCommand<P: DeskProgram>: AsyncParsableCommand {
    struct Report: Encodable {
        var form: String
        var key: [String]
        /// The versions that decide.
        var versions: [String]
        var decided: [String]
        /// What stays in question.
        var open: [String]
    }

    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            "resolve",
            Words("Decide about one record, or about many alike.", zh: "裁定一条记录，或同类的多条记录。"),
            discussion: Words(
                "--take chooses an answer: its number, its version, or latest, earliest, highest, lowest, "
                    + "keep or delete; FIELD=... in front of it says which field is meant. --set "
                    + "FIELD=VALUE says something else. Fields that are not named stay in question. --shown "
                    + "hands back the code of what you were shown: when something was written since, "
                    + "nothing is changed. With --all and --form, and a word behind --take, all records in "
                    + "question are decided alike: without --shown it only says what it would do, and with "
                    + "which code. `conflicts undo` takes a decision back.",
                zh: "--take 选定一项：序号、版本名，或 latest（最新）、earliest（最早）、highest（最高）、lowest（最低）、"
                    + "keep（保留）、delete（删除）；前面加“字段=”指明字段。--set 字段=值 另行填写。未写明的字段仍待裁定。"
                    + "--shown 交回所显示内容的代码：若其间有新的写入，则不作任何改动。--all 与 --form、--take 合用，"
                    + "可一并裁定同类记录：不带 --shown 时只说明将怎样做并给出代码。conflicts undo 可撤销裁定。"),
            example:
                "\(P.name) conflicts resolve check-in 2020-02-03 T001 --take 1 --shown 1a2b3c4d --data DIR")
    }

    @Argument(help: ArgumentHelp("The form and the key's values.", zh: "表单和键值。"))
    var record: [String] = []
    @Option(name: .long, help: ArgumentHelp("The answer to take.", zh: "选定的一项。")) var take: [String] = []
    @Option(name: .long, help: ArgumentHelp("FIELD=VALUE: another value.", zh: "字段=值：另行填写。"))
    var set: [String] = []
    @Option(name: .long, help: ArgumentHelp("The code of what you were shown.", zh: "所显示内容的代码。"))
    var shown: String?
    @Flag(name: .long, help: ArgumentHelp("All records in question alike.", zh: "一并裁定所有同类记录。"))
    var all = false
    @Option(name: .long, help: ArgumentHelp("With --all: this form.", zh: "与 --all 合用：表单。"))
    var form: String?
    @Option(name: .long, help: ArgumentHelp("With --all: these fields only.", zh: "与 --all 合用：只裁定这些字段。"))
    var field: [String] = []
    @Option(name: .long, help: ArgumentHelp("Who decides: a person's id.", zh: "裁定人编号。")) var by = ""
    @OptionGroup var options: DeskOptions<P>
    @OptionGroup var personal: UnmaskOption

    package init() {}

    package func run() async throws {
        try await P.run {
            let desk = try P.desk(options.data)
            if all { try resolveAll(desk) } else { try resolveOne(desk) }
        }
    }

    private func resolveOne(_ desk: any RecordDesk) throws {
        let (key, form, state) = try P.record(record, at: desk)
        let decision = Decision(
            takes: take.map(Decision.Take.init),
            sets: try set.map { try DecisionCheck.assignment($0, form) })
        // What is wrong with the wish is said before anybody is asked.
        _ = try decision.applied(to: state, form)
        let again = "\(P.name) conflicts show \(record.joined(separator: " "))"
        if let shown {
            try ShownCode.require(shown, toBe: ShownCode.text([state]), again: again)
        } else {
            try personal.note(
                "conflict \(key.form) \(RecordText.text(key))", at: desk, isAsked: P.asksWhyUnmasked)
            let report = try ConflictReport(key, state, form, at: desk, unmask: personal.unmask)
            try ShownCode.ask(showing: report, times: desk.times, again: again)
        }
        let moment = try desk.moment()
        let author = try P.author(by, at: options.data)
        let report = try desk.write { writer -> Report in
            let now = try writer.record(key) ?? RecordState()
            try ShownCode.require(ShownCode.text([state]), toBe: ShownCode.text([now]), again: again)
            let outcome = try decision.applied(to: now, form)
            let edits = try DecisionCheck.checked(outcome.edits, of: key, onto: now, form, at: moment)
            let dots = try writer.author(edits, of: key, by: author)
            return Report(key, dots, outcome, form.definition)
        }
        if options.json { return try Output.json(report) }
        let decided = report.decided.joined(separator: ", ")
        Output.line(
            Words(
                "decided \(decided): \(record.joined(separator: " "))",
                zh: "已裁定 \(decided)：\(record.joined(separator: " "))"))
        guard !report.open.isEmpty else { return }
        let open = report.open.joined(separator: ", ")
        Output.remark(Words("still in question: \(open)", zh: "仍待裁定：\(open)"))
    }
}

extension ConflictResolveCommand.Report {
    init(_ key: RecordKey, _ dots: [Dot], _ outcome: Decision.Outcome, _ form: FormDefinition) {
        self.form = Masking.clean(key.form)
        self.key = Masking(forms: FormCatalog([form]), unmask: true).text(key)
        versions = dots.map { RecordText.text($0) }
        decided = outcome.decided.map { ConflictNames.subject($0, in: form) }
        open = outcome.open.map { ConflictNames.subject($0, in: form) }
    }
}

// MARK: - Many alike

extension ConflictResolveCommand {
    struct Many: Encodable {
        /// Records that the decision fits.
        var records: Int
        /// Records in question that it does not fit.
        var left: Int
        /// Records that somebody wrote to in between.
        var changed: Int
        var written: Bool
        /// To be handed back so that it is written.
        var shown: String
        /// What was written, to be handed to `undo --run`.
        var runs: [String]
        var decided: [Report]
    }

    private struct Found {
        var key: RecordKey
        var form: CompiledForm
        var state: RecordState
        var decision: Decision
    }

    private func resolveAll(_ desk: any RecordDesk) throws {
        guard let form, record.isEmpty, set.isEmpty, take.count == 1,
            let word = take.first, Decision.words.contains(word)
        else {
            throw Failure(
                .usage,
                Words(
                    "--all takes --form FORM, perhaps --field FIELD, and --take with one of "
                        + Decision.words.joined(separator: ", "),
                    zh: "--all 须与 --form 表单、--take 合用（可加 --field 字段）；--take 可写："
                        + Decision.words.joined(separator: "、")))
        }
        _ = try desk.form(form)
        let (found, left) = try search(desk, form: form, word)
        let code = ShownCode.text(found.map(\.state), wish: [form, word] + field.sorted())
        var many = Many(
            records: found.count, left: left, changed: 0, written: false, shown: code, runs: [], decided: [])
        if let shown {
            try ShownCode.require(
                shown, toBe: code, again: "\(P.name) conflicts resolve --all --form \(form) --take \(word)")
            let moment = try desk.moment()
            let author = try P.author(by, at: options.data)
            var written: [Dot] = []
            try desk.write { writer in
                for one in found {
                    let now = try writer.record(one.key) ?? RecordState()
                    guard now.seen == one.state.seen else {
                        many.changed += 1
                        continue
                    }
                    let outcome = try one.decision.applied(to: now, one.form)
                    let edits = try DecisionCheck.checked(
                        outcome.edits, of: one.key, onto: now, one.form, at: moment)
                    let dots = try writer.author(edits, of: one.key, by: author)
                    written += dots
                    many.decided.append(Report(one.key, dots, outcome, one.form.definition))
                }
            }
            many.written = true
            many.runs = DecisionRun.runs(written).map(\.text)
        } else {
            many.decided = try found.map { one in
                Report(one.key, [], try one.decision.applied(to: one.state, one.form), one.form.definition)
            }
        }
        try show(many)
    }

    private func search(
        _ desk: any RecordDesk, form: String, _ word: String
    ) throws -> (found: [Found], left: Int) {
        var found: [Found] = []
        var left = 0
        try desk.eachConflict(form: form) { key, state, form in
            let conflicts = state.conflicts(under: form.mergeRules)
            let wanted = conflicts.filter { conflict in
                field.isEmpty || field.contains { ConflictNames.means($0, conflict, in: form.definition) }
            }
            let fitting = wanted.filter { Decision.option(word, of: $0) != nil }
            guard !fitting.isEmpty else {
                left += 1
                return true
            }
            let takes = fitting.map { conflict in
                Decision.Take("\(ConflictNames.subject(conflict, in: form.definition))=\(word)")
            }
            let decision = Decision(takes: takes, sets: [])
            // A record that is to be kept and says nothing that is not in question cannot be decided so.
            guard (try? decision.applied(to: state, form)) != nil else {
                left += 1
                return true
            }
            found.append(Found(key: key, form: form, state: state, decision: decision))
            return true
        }
        return (found, left)
    }

    private func show(_ many: Many) throws {
        if options.json { return try Output.json(many) }
        for one in many.decided.prefix(20) {
            Output.line(
                "\(one.form) \(one.key.joined(separator: " ")): \(one.decided.joined(separator: ", "))")
        }
        if many.decided.count > 20 {
            Output.line(Words("and \(many.decided.count - 20) more", zh: "另有 \(many.decided.count - 20) 条"))
        }
        if many.left > 0 {
            Output.remark(
                Words("left in question, it does not fit: \(many.left)", zh: "不适用，仍待裁定：\(many.left) 条"))
        }
        if many.changed > 0 {
            Output.remark(
                Words(
                    "left in question, somebody wrote meanwhile: \(many.changed)",
                    zh: "其间有新的写入，仍待裁定：\(many.changed) 条"))
        }
        if many.written {
            Output.line(
                Words("decided: \(many.decided.count) records", zh: "已裁定 \(many.decided.count) 条记录"))
            let runs = many.runs.map { "--run \($0)" }.joined(separator: " ")
            return Output.line(
                Words(
                    "to take all of it back: \(P.name) conflicts undo \(runs)",
                    zh: "全部撤销：\(P.name) conflicts undo \(runs)"))
        }
        Output.line(
            Words(
                "nothing was changed yet: \(many.records) records would be decided so; to do it, run this "
                    + "again with --shown \(many.shown)",
                zh: "尚未改动：将这样裁定 \(many.records) 条记录；确认后加上 --shown \(many.shown) 再次运行"))
    }
}
