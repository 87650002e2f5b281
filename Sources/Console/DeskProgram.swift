package import ArgumentParser
package import Forms
import Foundation
package import SyncCore

/// A program that has verbs about conflicts and histories: where its records are, and how it is called.
package protocol DeskProgram: SendableMetatype {
    static var name: String { get }
    static var dataHelp: ArgumentHelp { get }
    /// - Parameter folder: as given with `--data`.
    static func desk(_ folder: String) throws -> any RecordDesk
    /// Whoever wants to see personal fields as they are has to say why.
    static var asksWhyUnmasked: Bool { get }
    /// Makes sure that who writes is who they say.
    ///
    /// - Parameter name: as given with `--by`.
    static func author(_ name: String, at folder: String) throws -> [UInt8]
    /// Words for errors that only this program knows.
    static func failure(for error: any Error) -> Failure?
}

extension DeskProgram {
    static func run(_ body: () throws -> Void) async throws {
        try await Program.run(explaining: { failure(for: $0) }) { try body() }
    }

    /// Reads `FORM KEY...`, and what is known of the record.
    static func record(
        _ words: [String], at desk: any RecordDesk
    ) throws -> (key: RecordKey, form: CompiledForm, state: RecordState) {
        guard let name = words.first else {
            throw Failure(
                .usage,
                Words(
                    "name the record: its form and its key, such as check-in 2020-02-03 T001",
                    zh: "请写明记录：表单和键，例如 check-in 2020-02-03 T001"))
        }
        let form = try desk.form(name)
        let key = try RecordKeyText.key(name, Array(words.dropFirst()), desk.catalog.catalog)
        guard let state = try desk.record(key) else {
            throw Failure(
                .noInput,
                Words(
                    "\(name) \(RecordText.text(key)): nothing is known of this record here; check form and "
                        + "key",
                    zh: "\(name) \(RecordText.text(key))：此处没有该记录；请核对表单和键"))
        }
        return (key, form, state)
    }
}

/// The options that all these verbs share.
package struct DeskOptions<P: DeskProgram>: ParsableArguments {
    @Option(name: .long, help: P.dataHelp) package var data: String
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    package var json = false

    package init() {}
}

/// The history of one record.
package struct HistoryCommand<P: DeskProgram>: AsyncParsableCommand {
    package static var configuration: CommandConfiguration {
        CommandConfiguration(
            "history",
            Words(
                "The history of one record: every version, by whom, when and where, and what replaced it.",
                zh: "一条记录的完整历史：每个版本由谁、何时、在哪台设备写入，以及被什么取代。"),
            example: "\(P.name) history check-in 2020-02-03 T001 --data DIR")
    }

    @Argument(help: ArgumentHelp("The form and the key's values.", zh: "表单和键值。"))
    var record: [String]
    @OptionGroup var options: DeskOptions<P>
    @OptionGroup var personal: UnmaskOption

    package init() {}

    package func run() async throws {
        try await P.run {
            let desk = try P.desk(options.data)
            let (key, _, state) = try P.record(record, at: desk)
            try personal.note(
                "history \(key.form) \(RecordText.text(key))", at: desk, isAsked: P.asksWhyUnmasked)
            let versions = try desk.versions(of: key)
            let forms = desk.catalog.catalog
            let report = RecordReport(
                key, state, versions, try desk.surroundings(of: versions), forms: forms,
                masking: Masking(forms: forms, unmask: personal.unmask), times: desk.times)
            if options.json { try Output.json(report) } else { report.lines().forEach { Output.line($0) } }
        }
    }
}

extension ShownCode {
    /// Makes sure that who edits fields in question has been shown their candidates: by the code that was
    /// handed back, or by asking now.
    ///
    /// - Returns: the fields in question that the edit decides.
    /// - Throws: ``Failure`` when something was written since, or nobody is there to be asked.
    package static func confirm(
        _ code: String?, editing fields: [FieldID], of key: RecordKey, _ state: RecordState,
        _ form: CompiledForm, at desk: any RecordDesk, again: String
    ) throws -> Set<FieldID> {
        let touched = state.conflicts(under: form.mergeRules).filter { conflict in
            conflict.fields.contains(where: fields.contains)
        }
        if let code {
            try require(code, toBe: text([state]), again: again)
        } else if !touched.isEmpty {
            let report = try ConflictReport(key, state, form, at: desk, unmask: false)
            try ask(showing: report, times: desk.times, again: again)
        }
        return Set(touched.flatMap(\.fields))
    }

    /// - Throws: ``Failure`` when the code is not that of what stands there now.
    package static func require(_ code: String, toBe current: String, again: String) throws {
        guard !code.utf8.elementsEqual(current.utf8) else { return }
        throw Failure(
            .someRefused,
            Words(
                "\(Output.printable(code)) is not the code of what stands there now: it was mistyped, or "
                    + "something was written since it was shown; nothing was changed. Look again: \(again)",
                zh: "\(Output.printable(code)) 不是当前内容的代码：可能输入有误，或显示之后又有新的内容写入；未作任何改动。"
                    + "请重新查看：\(again)"))
    }

    /// Asks a person who was just shown what is to be decided.
    ///
    /// - Throws: ``Failure`` when nobody is there to be asked.
    static func ask(showing report: ConflictReport, times: TimeText, again: String) throws {
        if isSomebodyThere, report.isMasked {
            throw Failure(
                .usage,
                ConflictReport.unmasking(again).joined(
                    Words(
                        "; then hand back the code that is shown with it (--shown CODE)",
                        zh: "，并用 --shown 交回其中显示的代码")))
        }
        guard isSomebodyThere else {
            throw Failure(
                .usage,
                Words(
                    "look first at what is to be decided, and hand back the code that is shown with it "
                        + "(--shown CODE): \(again)",
                    zh: "请先查看待裁定的内容，并用 --shown 交回其中显示的代码：\(again)"))
        }
        for line in report.lines(times: times) { Output.remark(Words(line, zh: line)) }
        try ask(Words("Decide so, having seen this? [y/N]", zh: "已看过以上内容，确定这样裁定吗？[y/N]"))
    }

    /// Whether a person can be asked.
    package static var isSomebodyThere: Bool { isatty(0) == 1 && Output.isTerminal }

    /// - Throws: ``Failure`` when the answer is no.
    package static func ask(_ question: Words) throws {
        Output.remark(question)
        let answer = readLine()?.lowercased() ?? ""
        guard ["y", "yes", "是"].contains(answer) else {
            throw Failure(
                .someRefused, Words("nothing was changed; run it again at any time", zh: "未作任何改动；可随时重新运行"))
        }
    }
}
