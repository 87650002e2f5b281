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
                    + "written about the same since, unless --anyway says that this is to be replaced too.",
                zh: "不写 --version 即为该记录最近一次裁定。若此后又有人写过同一内容，则拒绝撤销；--anyway 表示一并取代。"),
            example: "\(P.name) conflicts undo check-in 2020-02-03 T001 --data DIR")
    }

    @Argument(help: ArgumentHelp("The form and the key's values.", zh: "表单和键值。"))
    var record: [String]
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
            let (key, form, state) = try P.record(record, at: desk)
            let rules = form.mergeRules
            let history = try desk.history(of: key, under: rules)
            let entry = try decision(in: history)
            try refuseWhatWasWritten(since: entry, history)
            let moment = try desk.moment()
            let again = "\(P.name) history \(record.joined(separator: " "))"
            let report = try desk.write { writer -> Report in
                let now = try writer.record(key) ?? RecordState()
                try ShownCode.require(ShownCode.text([state]), toBe: ShownCode.text([now]), again: again)
                let edits = try DecisionCheck.checked(
                    now.undoing(entry, under: rules), of: key, onto: now, form, at: moment)
                let dots = try writer.author(edits, of: key, by: Array(by.utf8))
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
