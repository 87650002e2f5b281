package import ArgumentParser
import Forms
import SyncCore

/// What people have to decide.
package struct ConflictsCommand<P: DeskProgram>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            "conflicts",
            Words(
                "What was written by people who had not seen each other's, and has to be decided.",
                zh: "互不知情的人写下的不同内容，须由人裁定。"),
            discussion: Words(
                "Until somebody decides, the latest answer stands, and nothing is lost. A decision covers "
                    + "what was shown, and nothing that came in between.",
                zh: "裁定之前以最新的内容为准，其余不会丢失。裁定只涉及已显示的内容，不涉及其间新到的内容。"),
            example: "\(P.name) conflicts list --data DIR",
            subcommands: [
                ConflictListCommand<P>.self, ConflictShowCommand<P>.self, ConflictResolveCommand<P>.self,
                ConflictUndoCommand<P>.self,
            ])
    }

    package init() {}
}

package struct ConflictListCommand<P: DeskProgram>: AsyncParsableCommand {
    struct Report: Encodable {
        var conflicts: [ConflictRow]
        /// All there are, shown here or not.
        var count: Int
    }

    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            "list", Words("List the records in question.", zh: "列出待裁定的记录。"),
            example: "\(P.name) conflicts list --form check-in --data DIR")
    }

    @OptionGroup var options: DeskOptions<P>
    @Option(name: .long, help: ArgumentHelp("This form only.", zh: "只列此表单。")) var form: String?
    @Option(name: .long, help: ArgumentHelp("This field only.", zh: "只列此字段。")) var field: String?
    @Option(name: .long, help: ArgumentHelp("At most so many.", zh: "最多列出的条数。")) var limit = 200

    package init() {}

    package func run() async throws {
        try await P.run {
            let desk = try P.desk(options.data)
            if let form { _ = try desk.form(form) }
            var report = Report(conflicts: [], count: 0)
            try desk.eachConflict(form: form) { key, state, form in
                let definition = form.definition
                let conflicts = state.conflicts(under: form.mergeRules).filter { conflict in
                    field.map { ConflictNames.means($0, conflict, in: definition) } ?? true
                }
                guard !conflicts.isEmpty else { return true }
                report.count += 1
                guard report.conflicts.count < limit else { return true }
                report.conflicts.append(
                    ConflictRow(
                        key, state, conflicts, unit: try desk.unit(of: key), definition, times: desk.times))
                return true
            }
            try show(report, desk)
        }
    }

    private func show(_ report: Report, _ desk: any RecordDesk) throws {
        if options.json { return try Output.json(report) }
        guard !report.conflicts.isEmpty else {
            return Output.line(Words("nothing is in question", zh: "没有待裁定的内容"))
        }
        ConflictRow.lines(report.conflicts, times: desk.times).forEach { Output.line($0) }
        let more = report.count - report.conflicts.count
        if more > 0 {
            Output.remark(Words("and \(more) more; --limit shows more", zh: "另有 \(more) 条；可用 --limit 显示更多"))
        }
        Output.remark(
            Words(
                "`\(P.name) conflicts show FORM KEY` shows the answers side by side",
                zh: "用 \(P.name) conflicts show 表单 键 并列显示各方内容"))
    }
}

package struct ConflictShowCommand<P: DeskProgram>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            "show",
            Words(
                "Show the answers of one record side by side, with who wrote each, when and where.",
                zh: "并列显示一条记录的各方内容：由谁、何时、在哪台设备写入。"),
            example: "\(P.name) conflicts show check-in 2020-02-03 T001 --data DIR")
    }

    @Argument(help: ArgumentHelp("The form and the key's values.", zh: "表单和键值。"))
    var record: [String]
    @OptionGroup var options: DeskOptions<P>
    @OptionGroup var personal: UnmaskOption

    package init() {}

    package func run() async throws {
        try await P.run {
            let desk = try P.desk(options.data)
            let (key, form, state) = try P.record(record, at: desk)
            try personal.note(
                "conflict \(key.form) \(RecordText.text(key))", at: desk, isAsked: P.asksWhyUnmasked)
            let report = try ConflictReport(key, state, form, at: desk, unmask: personal.unmask)
            if options.json { return try Output.json(report) }
            report.lines(times: desk.times).forEach { Output.line($0) }
            if report.isMasked {
                Output.remark(
                    ConflictReport.unmasking("\(P.name) conflicts show \(record.joined(separator: " "))"))
            }
            guard !report.conflicts.isEmpty else {
                return Output.line(Words("nothing is in question", zh: "没有待裁定的内容"))
            }
            Output.line("")
            let name = record.joined(separator: " ")
            let subjects = report.conflicts.map(\.name)
            let takes = subjects.map { "--take " + (subjects.count == 1 ? "N" : "\($0)=N") }
            let command =
                "\(P.name) conflicts resolve \(name) \(takes.joined(separator: " ")) --shown \(report.shown) "
                + "--data \(options.data)"
            Output.line(Words("decide with: \(command)", zh: "裁定：\(command)"))
        }
    }
}
