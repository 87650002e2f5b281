package import ArgumentParser
import Forms
import SyncCore
import SyncStore

package struct ConflictUndoCommand<P: DeskProgram>: AsyncParsableCommand {
    struct Report: Encodable {
        var form: String
        var key: [String]
        /// The version whose decision was taken back.
        var undone: String
        /// The versions that say again what was in question.
        var versions: [String]
        /// What is in question again.
        var open: [String]
    }

    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            "undo",
            Words(
                "Take a decision back: what it replaced stands side by side again.",
                zh: "撤销裁定：恢复裁定前并存的各方内容。"),
            discussion: Words(
                "Without --version it is the latest decision about the record. Refused when somebody has "
                    + "written about the same since, unless --anyway says that this is to be replaced too. "
                    + "--run, as `conflicts resolve --all` said it, takes back everything decided at once.",
                zh: "不写 --version 即为该记录最近一次裁定。若此后又有人写过同一内容，则拒绝撤销；--anyway 表示一并取代。"
                    + "--run（由 conflicts resolve --all 给出）一并撤销同一次裁定的全部记录。"),
            example: "\(P.name) conflicts undo check-in 2020-02-03 T001 --data DIR")
    }

    @Argument(help: ArgumentHelp("The form and the key's values.", zh: "表单和键值。"))
    var record: [String] = []
    @Option(name: .long, help: ArgumentHelp("All that was decided at once.", zh: "同一次裁定的全部。"))
    var run: [String] = []
    @Option(name: .long, help: ArgumentHelp("The version that decided.", zh: "作出裁定的版本。"))
    var version: String?
    @Flag(name: .long, help: ArgumentHelp("Also when somebody has written since.", zh: "即使此后有人写过也撤销。"))
    var anyway = false
    @Option(name: .long, help: ArgumentHelp("Who takes it back: a person's id.", zh: "撤销人编号。")) var by = ""
    @OptionGroup var options: DeskOptions<P>

    package init() {}

    package func run() async throws {
        try await P.run {
            let desk = try P.desk(options.data)
            if !run.isEmpty { return try undoRuns(desk) }
            let (key, form, state) = try P.record(record, at: desk)
            let rules = form.mergeRules
            let history = try desk.history(of: key, under: rules)
            let entry = try decision(in: history)
            guard !isOpen(entry, state, form) else {
                throw Failure(
                    .someRefused,
                    Words(
                        "what was decided then is in question already; nothing was changed. Look with "
                            + "`\(P.name) conflicts show`",
                        zh: "当时裁定的内容目前已待裁定；未作任何改动。请用 \(P.name) conflicts show 查看"))
            }
            try refuseWhatWasWritten(since: entry, history)
            let moment = try desk.moment()
            let author = try P.author(by, at: options.data)
            let again = "\(P.name) history \(record.joined(separator: " "))"
            let report = try desk.write { writer -> Report in
                let now = try writer.record(key) ?? RecordState()
                try ShownCode.require(ShownCode.text([state]), toBe: ShownCode.text([now]), again: again)
                let edits = try DecisionCheck.checked(
                    now.undoing(entry, under: rules), of: key, onto: now, form, at: moment)
                let dots = try writer.author(edits, of: key, by: author)
                return Report(
                    form: Masking.clean(key.form),
                    key: Masking(forms: desk.catalog.catalog, unmask: true).text(key),
                    undone: RecordText.text(entry.version.dot), versions: dots.map { RecordText.text($0) },
                    open: entry.settled.map { ConflictNames.subject($0, in: form.definition) })
            }
            if options.json { return try Output.json(report) }
            let open = report.open.joined(separator: ", ")
            Output.line(
                Words(
                    "taken back \(report.undone); in question again: \(open)",
                    zh: "已撤销 \(report.undone)；重新待裁定：\(open)"))
        }
    }

    private func decision(in history: History) throws -> History.Entry {
        let found = version.map { name in
            history.entries.first { RecordText.text($0.version.dot) == name && !$0.settled.isEmpty }
        }
        guard let entry = version == nil ? history.lastSettlement : found ?? nil else {
            throw Failure(
                .noInput,
                Words(
                    "nothing was decided about this record here; `\(P.name) history` shows its versions",
                    zh: "此记录在此处没有裁定；可用 \(P.name) history 查看各版本"))
        }
        return entry
    }

    /// Whether all that a decision settled is in question now, perhaps because it was taken back before.
    private func isOpen(_ entry: History.Entry, _ state: RecordState, _ form: CompiledForm) -> Bool {
        let open = state.conflicts(under: form.mergeRules)
        return entry.settled.allSatisfy { settled in
            open.contains {
                $0.fields == settled.fields && $0.isAboutExistence == settled.isAboutExistence
            }
        }
    }

    private func refuseWhatWasWritten(since entry: History.Entry, _ history: History) throws {
        let later = history.writtenSince(entry.version.dot)
        guard !later.isEmpty, !anyway else { return }
        let names = later.map { RecordText.text($0.dot) }.joined(separator: ", ")
        throw Failure(
            .someRefused,
            Words(
                "somebody has written about the same since (\(names)); nothing was changed. Look with "
                    + "`\(P.name) history`, and use --anyway to replace that too",
                zh: "此后又有人写过同一内容（\(names)）；未作任何改动。请用 \(P.name) history 查看；--anyway 可一并取代"))
    }
}

// MARK: - Many at once

extension ConflictUndoCommand {
    struct Many: Encodable {
        /// Decisions that were taken back.
        var undone: Int
        /// Decisions that stay, because somebody has written since.
        var left: Int
        /// Decisions whose subject is in question already.
        var open: Int
    }

    private func undoRuns(_ desk: any RecordDesk) throws {
        guard record.isEmpty, version == nil else {
            throw Failure(
                .usage,
                Words("--run names the records by itself; leave the others out", zh: "--run 已指明记录；请勿再写其他"))
        }
        var many = Many(undone: 0, left: 0, open: 0)
        let moment = try desk.moment()
        var found: [(key: RecordKey, form: CompiledForm, entry: History.Entry, seen: Context)] = []
        for run in try run.map({ try DecisionRun($0) }) {
            for version in try desk.versions(by: run.origin, run.range) {
                guard let form = desk.catalog[version.key.form], let state = try desk.record(version.key)
                else { continue }
                let history = try desk.history(of: version.key, under: form.mergeRules)
                guard let entry = history[version.dot], !entry.settled.isEmpty else { continue }
                if isOpen(entry, state, form) {
                    many.open += 1
                } else if anyway || history.writtenSince(version.dot).isEmpty {
                    found.append((version.key, form, entry, state.seen))
                } else {
                    many.left += 1
                }
            }
        }
        let author = try P.author(by, at: options.data)
        try desk.write { writer in
            for one in found {
                let now = try writer.record(one.key) ?? RecordState()
                guard now.seen == one.seen else {
                    many.left += 1
                    continue
                }
                let edits = try DecisionCheck.checked(
                    now.undoing(one.entry, under: one.form.mergeRules), of: one.key, onto: now, one.form,
                    at: moment)
                _ = try writer.author(edits, of: one.key, by: author)
                many.undone += 1
            }
        }
        try show(many)
    }

    private func show(_ many: Many) throws {
        if options.json { return try Output.json(many) }
        Output.line(Words("taken back: \(many.undone) decisions", zh: "已撤销 \(many.undone) 项裁定"))
        if many.open > 0 {
            Output.remark(Words("in question already: \(many.open)", zh: "已待裁定：\(many.open) 项"))
        }
        guard many.left > 0 else { return }
        Output.remark(
            Words(
                "left as they are, somebody has written since: \(many.left); --anyway replaces that too",
                zh: "此后又有人写过，未撤销：\(many.left) 项；--anyway 可一并取代"))
    }
}
