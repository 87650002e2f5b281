import ArgumentParser
import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

struct FormsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "forms",
        Words(
            "The forms that branches fill in: those of the program, and the committee's own.",
            zh: "各支部填写的表单：程序自带的和党委自建的。"),
        example: "aggregator forms check visit.json; aggregator forms publish visit.json --data DIR",
        subcommands: [List.self, Show.self, Check.self, Publish.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            "list", Words("List all forms with their revisions.", zh: "列出全部表单及其修订号。"),
            example: "aggregator forms list --data DIR")

        @OptionGroup var store: DataOption
        @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
        var json = false

        func run() async throws {
            try await Program.run {
                let hub = try store.folder.open()
                let rows = try FormRow.rows(hub)
                if json { return try Output.json(rows) }
                let times = TimeText(zone: try hub.settings().timeZone)
                Output.line(FormRow.title)
                for row in rows { Output.line(row.line(times)) }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            "show", Words("Show one form as people read it.", zh: "以便于阅读的方式显示一个表单。"),
            example: "aggregator forms show check-in --data DIR")

        @Argument(help: ArgumentHelp("The form, for example check-in.", zh: "表单，例如 check-in。"))
        var form: String
        @OptionGroup var store: DataOption
        @Flag(name: .long, help: ArgumentHelp("Print the definition as JSON.", zh: "输出 JSON 形式的定义。"))
        var json = false

        func run() async throws {
            try await Program.run {
                let forms = try store.folder.open().forms()
                guard let definition = forms[form] else { throw FormText.unknown(form, forms) }
                if json { return try Output.json(definition) }
                FormText(definition).lines().forEach { Output.line($0.text()) }
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            "check",
            Words(
                "Name every mistake in a form's file with its line and column; nothing is published.",
                zh: "逐条指出表单文件中的错误及其行列；不发布。"),
            discussion: Words(
                "With --data it is checked against the forms and settings of that hub as well.",
                zh: "加 --data 时还会与该汇总端的表单和设置核对。"),
            example: "aggregator forms check visit.json")

        @Argument(help: ArgumentHelp("The form's file (JSON).", zh: "表单文件（JSON）。"))
        var file: String
        @Option(name: .long, help: ArgumentHelp("The folder that holds the hub's store.", zh: "汇总端的数据目录。"))
        var data: String?

        func run() async throws {
            try await Program.run {
                let hub = try data.map { try HubFolder(path: $0).open() }
                let definition = try Publishing.form(file, at: hub)
                let name = definition.form
                Output.line(
                    Words(
                        "\(file): nothing is wrong with \(name), revision \(definition.revision)",
                        zh: "\(file)：\(name) 第 \(definition.revision) 版无误"))
            }
        }
    }

    struct Publish: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            "publish",
            Words(
                "Publish a form, or a later revision of one: branches get it with their next sync.",
                zh: "发布表单或其新修订版：各支部下次同步时收到。"),
            discussion: Words(
                "For the life of a form its keys, and the ids, names, types, policies, groups and retention "
                    + "of its fields stay, and what is personal stays personal. A revision may add fields, "
                    + "choices, labels, checks and rules, hide fields, and make fields personal. Also while "
                    + "`serve` runs.",
                zh: "表单存续期间，键以及字段的编号、名称、类型、合并规则、合并组和保存期限不变，个人信息始终为个人信息。"
                    + "修订版可增加字段、选项、名称、校验和规则，可隐藏字段或将其改为个人信息。serve 运行时也可发布。"),
            example: "aggregator forms publish visit.json --data DIR")

        @Argument(help: ArgumentHelp("The form's file (JSON).", zh: "表单文件（JSON）。"))
        var file: String
        @OptionGroup var store: DataOption
        @OptionGroup var act: ActOption

        func run() async throws {
            try await Program.run {
                let folder = try act.folder(store)
                let hub = try folder.open()
                let definition = try Publishing.form(file, at: hub)
                let published = PublishedDefinition(
                    kind: .form, name: definition.form, revision: Int64(definition.revision),
                    json: try Files.read(file), author: folder.actor)
                try Publishing.publish(published, at: hub)
            }
        }
    }
}

/// What forms and boards have in common when they are published.
enum Publishing {
    /// - Parameter hub: nil: only what the program itself knows counts.
    /// - Parameter known: the forms that are there; nil: the hub's, or the program's.
    static func form(
        _ file: String, at hub: SQLiteHubStore?, beside known: FormCatalog? = nil
    ) throws -> FormDefinition {
        let settings = try hub?.settings() ?? Settings()
        let checked = FormCheck.check(
            try Files.read(file), catalog: try known ?? hub?.forms() ?? .builtIn, settings: settings,
            zone: LocalZone(identifier: settings.timeZone) ?? .fixed(hours: 8))
        switch checked {
        case .success(let definition): return definition
        case .failure(let found): throw refusal(found, of: file)
        }
    }

    static func refusal(_ found: DefinitionMistakes, of file: String) -> Failure {
        for mistake in found.mistakes.dropLast() {
            Output.remark(DefinitionWords.line(mistake, in: file))
        }
        let last = found.mistakes.last.map { DefinitionWords.line($0, in: file) } ?? Words("", zh: "")
        let count = found.mistakes.count
        return Failure(
            .someRefused,
            last.joined(
                Words(
                    "\n\(count) mistake\(count == 1 ? "" : "s"); nothing was published",
                    zh: "\n共 \(count) 处错误；未发布任何内容")))
    }

    static func publish(_ definition: PublishedDefinition, at hub: SQLiteHubStore) throws {
        let name = "\(definition.name), revision \(definition.revision)"
        let chinese = "\(definition.name) 第 \(definition.revision) 版"
        let known = try hub.published().contains {
            $0.kind == definition.kind && $0.name == definition.name && $0.revision == definition.revision
                && $0.json == definition.json
        }
        if known {
            return Output.line(
                Words("unchanged: \(name) is published already", zh: "未变：\(chinese) 此前已发布"))
        }
        let release = try hub.publish(
            definition, clock: AuthoringClock(now: HubFolder.milliseconds(), isTrusted: true))
        Output.line(
            Words(
                "published \(name); branches get it with their next sync",
                zh: "已发布 \(chinese)；各支部下次同步时收到"))
        guard release.released + release.refused > 0 else { return }
        Output.line(
            Words(
                "\(release.released) entries that had come before it count now, \(release.refused) are still "
                    + "held back",
                zh: "此前收到的 \(release.released) 条现计入，\(release.refused) 条仍被隔离"))
    }
}

/// One form of `forms list`.
struct FormRow: Encodable {
    var form: String
    var revision: UInt32
    var labels: Labels
    var rules: [String]
    var writers: [String]
    /// Where it comes from: `program` or `committee`.
    var source: String
    var publishedAt: String?
    var publishedBy: String?
    private var at: Milliseconds?

    private enum CodingKeys: String, CodingKey {
        case form, revision, labels, rules, writers, source, publishedAt, publishedBy
    }

    static func rows(_ hub: SQLiteHubStore) throws -> [FormRow] {
        let published = try hub.published().filter { $0.kind == .form }
        return try hub.forms().definitions.sorted { $0.form.utf8.lexicographicallyPrecedes($1.form.utf8) }
            .map { definition in
                let found = published.last {
                    $0.name == definition.form && $0.revision == Int64(definition.revision)
                }
                return FormRow(
                    form: definition.form, revision: definition.revision, labels: definition.labels,
                    rules: (definition.rules ?? []).map(\.id) + (definition.watches ?? []).map(\.id),
                    writers: definition.writers,
                    source: found == nil ? "program" : "committee",
                    publishedAt: found.map { RecordText.time($0.at) }, publishedBy: found?.author,
                    at: found?.at)
            }
    }

    static let title = Words(
        "form  revision  name  rules  published", zh: "表单  修订号  名称  规则  发布"
    ).text()

    func line(_ times: TimeText) -> String {
        let rules = rules.isEmpty ? "-" : rules.map(Output.printable).joined(separator: " ")
        let when = at.map { times.text($0) + " " + Output.printable(publishedBy ?? "") }
        let label = Output.printable(Words(labels.en, zh: labels.zh).text())
        let own = Words("with the program", zh: "程序自带").text()
        return "\(form)  \(revision)  \(label)  \(rules)  \(when ?? own)"
    }
}
