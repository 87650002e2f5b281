import ArgumentParser
import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

struct BriefCommand: AsyncParsableCommand {
    enum Format: String, ExpressibleByArgument, CaseIterable { case text, md, csv }

    static let configuration = CommandConfiguration(
        "brief",
        Words("The brief of a day, to be sent upward.", zh: "某日简报，供上报。"),
        discussion: Words(
            "It is made of all boards that have an order, the committee's own among them. The same data give "
                + "the same bytes; each number opens with `aggregator board --explain`.",
            zh: "由所有列入简报的看板组成，包括党委自建的看板。相同数据输出相同字节；每个数字都可在看板中展开。"),
        example: "aggregator brief 2020-02-03 --format md --data DIR")

    @Argument(help: ArgumentHelp("The committee's local day, YYYY-MM-DD.", zh: "当地日期，YYYY-MM-DD。"))
    var day: String
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption
    @Option(
        name: .long,
        help: ArgumentHelp(
            "text (unless you say another), md (Markdown) or csv.", zh: "纯文本（默认）、Markdown 或 CSV。"))
    var format: Format?

    func run() async throws {
        try await Program.run {
            let hub = try act.folder(store).open()
            let date = try BoardDay.read(day, hub)
            let tables = try hub.boards().brief.map { try hub.boardTable($0, of: date) }
            // Before the first line: what is not written down is not handed out.
            try hub.record(act: "exported", detail: "brief \(day)", now: HubFolder.milliseconds())
            Brief(tables: tables, committee: hub.name, day: date).lines(format ?? .text).forEach {
                Output.line($0)
            }
        }
    }
}

/// The brief of a day.
struct Brief {
    let tables: [BoardTable]
    let committee: String
    let day: Int32

    func lines(_ format: BriefCommand.Format) -> [String] {
        switch format {
        case .text: text()
        case .md: markdown()
        case .csv: csv()
        }
    }

    private var title: String {
        let name = Output.printable(committee)
        return Words("Brief of \(CivilDay.text(day)), \(name)", zh: "\(name) \(CivilDay.text(day)) 简报").text()
    }

    private func label(_ board: BoardDefinition) -> String {
        Output.printable(Words(board.labels.en, zh: board.labels.zh).text())
    }

    private func text() -> [String] {
        [title]
            + tables.flatMap { table in
                let counts = table.definition.counts.enumerated().map { index, count in
                    "\(BoardWords.label(count)) \(table.items(index).count)"
                }
                let comma = Words(", ", zh: "，").text()
                let colon = Words(": ", zh: "：").text()
                return [label(table.definition) + colon + counts.joined(separator: comma)]
                    + BoardNames.lines(table).map { "  " + $0 }
            }
    }

    private func markdown() -> [String] {
        ["# " + Brief.escaped(title)]
            + tables.flatMap { table in
                let counts = table.definition.counts
                let head = [table.definition.group ?? ""] + counts.map(BoardWords.label)
                var lines = ["", "## " + Brief.escaped(label(table.definition)), ""]
                lines.append(Brief.row(head))
                lines.append(Brief.row(head.map { _ in "---" }))
                if table.definition.group != nil {
                    lines += table.lines.map { line in
                        Brief.row([line.group] + line.items.map { "\($0.count)" })
                    }
                }
                let total = counts.indices.map { "\(table.items($0).count)" }
                lines.append(Brief.row([BoardWords.total.text()] + total))
                let names = BoardNames.lines(table)
                if !names.isEmpty { lines += [""] + names.map { "- " + Brief.escaped($0) } }
                return lines
            }
    }

    private static func row(_ cells: [String]) -> String {
        "| " + cells.map { escaped($0) }.joined(separator: " | ") + " |"
    }

    private static func escaped(_ text: String) -> String {
        Output.printable(text).replacing("|", with: "\\|").replacing("<", with: "&lt;")
    }

    /// A line for each number, zeros among them; the total has no group.
    private func csv() -> [String] {
        let words = [
            Words("day", zh: "日期"), Words("board", zh: "看板"), Words("group", zh: "分组"),
            Words("count", zh: "项目"), Words("number", zh: "数量"),
        ]
        let head = CSV.line(words.map { $0.text() })
        return [head]
            + tables.flatMap { table in
                let groups: [(String, (Int) -> Int)] =
                    (table.definition.group == nil ? [] : table.lines).map { line in
                        (line.group, { line.items[$0].count })
                    } + [("", { table.items($0).count })]
                return groups.flatMap { group, number in
                    table.definition.counts.enumerated().map { index, count in
                        let names = [table.definition.board, group, count.id].map(CellText.guarded)
                        return CSV.line([CivilDay.text(day)] + names + ["\(number(index))"])
                    }
                }
            }
    }
}
