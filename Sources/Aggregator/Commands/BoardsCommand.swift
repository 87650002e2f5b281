import ArgumentParser
import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

struct BoardsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "boards",
        Words(
            "What can be counted: the program's boards and the committee's own.", zh: "可统计的看板：程序自带的和党委自建的。"),
        example: "aggregator boards publish visits.json --data DIR; aggregator board visits --data DIR",
        subcommands: [List.self, Check.self, Publish.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            "list", Words("List all boards.", zh: "列出全部看板。"), example: "aggregator boards list --data DIR")

        @OptionGroup var store: DataOption
        @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
        var json = false

        func run() async throws {
            try await Program.run {
                let boards = try store.folder.open().boards().definitions.sorted {
                    $0.board.utf8.lexicographicallyPrecedes($1.board.utf8)
                }
                if json { return try Output.json(boards) }
                for board in boards {
                    let label = Output.printable(Words(board.labels.en, zh: board.labels.zh).text())
                    let counts = board.counts.map(\.id).joined(separator: " ")
                    Output.line("\(board.board)  \(board.revision)  \(label)  \(counts)")
                }
            }
        }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            "check",
            Words(
                "Name every mistake in a board's file with its line and column; nothing is published.",
                zh: "逐条指出看板文件中的错误及其行列；不发布。"),
            example: "aggregator boards check visits.json --data DIR")

        @Argument(help: ArgumentHelp("The board's file (JSON).", zh: "看板文件（JSON）。"))
        var file: String
        @Option(
            name: .long,
            help: ArgumentHelp(
                "The file of a form of the committee's own that the board counts; may be repeated.",
                zh: "看板所统计的自建表单文件；可多次使用。"))
        var form: [String] = []
        @Option(name: .long, help: ArgumentHelp("The folder that holds the hub's store.", zh: "汇总端的数据目录。"))
        var data: String?

        func run() async throws {
            try await Program.run {
                let board = try Publishing.board(
                    file, at: try data.map { try HubFolder(path: $0).open() }, forms: form)
                Output.line(
                    Words(
                        "\(file): nothing is wrong with \(board.board), revision \(board.revision)",
                        zh: "\(file)：\(board.board) 第 \(board.revision) 版无误"))
            }
        }
    }

    struct Publish: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            "publish",
            Words("Publish a board, or a later revision of one.", zh: "发布看板或其新修订版。"),
            example: "aggregator boards publish visits.json --data DIR")

        @Argument(help: ArgumentHelp("The board's file (JSON).", zh: "看板文件（JSON）。"))
        var file: String
        @OptionGroup var store: DataOption
        @OptionGroup var act: ActOption

        func run() async throws {
            try await Program.run {
                let folder = try act.folder(store)
                let hub = try folder.open()
                let board = try Publishing.board(file, at: hub)
                try Publishing.publish(
                    PublishedDefinition(
                        kind: .board, name: board.board, revision: Int64(board.revision),
                        json: try Files.read(file), author: folder.actor), at: hub)
            }
        }
    }
}

extension Publishing {
    /// - Parameter forms: files of forms that count as published.
    static func board(
        _ file: String, at hub: SQLiteHubStore?, forms: [String] = []
    ) throws -> BoardDefinition {
        let settings = try hub?.settings() ?? Settings()
        var known = try hub?.forms() ?? .builtIn
        for form in forms { known = try known.adding(try self.form(form, at: hub, beside: known)) }
        let catalog = try CompiledCatalog(
            known, settings: settings,
            zone: LocalZone(identifier: settings.timeZone) ?? .fixed(hours: 8))
        let json = try Files.read(file)
        let name = (try? JSONNode(parsing: json))?["board"]?.text ?? ""
        let checked = BoardCheck.check(
            json, catalog: catalog, known: try (hub?.boards() ?? .builtIn)[name])
        switch checked {
        case .success(let board): return board
        case .failure(let found): throw refusal(found, of: file)
        }
    }
}

struct BoardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "board",
        Words("Show a board of a day; every number opens into its records.", zh: "显示某日的看板；每个数字都可展开为记录。"),
        discussion: Words(
            "--explain UNIT/COUNT lists what a number counts, --explain COUNT what its total counts; "
                + "COUNT is the number's name as --json has it.",
            zh: "--explain 单位/数字名 列出该数字所计的记录，--explain 数字名 列出合计所计的记录；数字名见 --json。"),
        example: "aggregator board coverage --day 2020-02-03 --explain B01/missing --data DIR")

    @Argument(help: ArgumentHelp("The board, for example coverage.", zh: "看板，例如 coverage。"))
    var name: String
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption
    @OptionGroup var personal: UnmaskOption
    @Option(
        name: .long,
        help: ArgumentHelp(
            "The committee's local day, YYYY-MM-DD; without it today.", zh: "当地日期，YYYY-MM-DD；不写即为今天。"))
    var day: String?
    @Option(
        name: .long, help: ArgumentHelp("List what this number counts.", zh: "列出此数字所计的记录。"))
    var explain: String?
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func run() async throws {
        try await Program.run {
            let hub = try act.folder(store).open()
            let boards = try hub.boards()
            guard let board = boards[name] else { throw BoardWords.unknown(name, boards) }
            let date = try BoardDay.read(day, hub)
            let table = try hub.boardTable(board, of: date)
            if let explain {
                let report = try BoardExplanation(explain, in: table, hub, personal: personal)
                return json ? try Output.json(report) : report.lines().forEach { Output.line($0) }
            }
            let report = BoardReport(
                table, links: board.link == true ? try UnitLink.all(hub) : [:], forms: try hub.forms())
            if json { return try Output.json(report) }
            report.lines(TimeText(zone: try hub.settings().timeZone)).forEach { Output.line($0) }
        }
    }
}

/// The day that is asked for.
enum BoardDay {
    static func read(_ text: String?, _ hub: SQLiteHubStore) throws -> Int32 {
        guard let text else {
            let zone = LocalZone(identifier: try hub.settings().timeZone) ?? .fixed(hours: 8)
            return zone.day(of: HubFolder.milliseconds())
        }
        guard let day = CivilDay.parse(text) else {
            throw Failure(
                .usage,
                Words(
                    "\(Output.printable(text)) is no day of the calendar; write it as 2020-02-03",
                    zh: "\(Output.printable(text)) 不是有效日期；请写成 2020-02-03 的样式"))
        }
        return day
    }
}
