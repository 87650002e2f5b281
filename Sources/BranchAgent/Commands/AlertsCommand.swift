import ArgumentParser
import Console
import Forms
import SyncCore
import SyncStore

struct AlertsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "alerts",
        Words(
            "This branch's alerts: whether each has arrived, who has taken it and when, how it ended. "
                + "Needs no network.",
            zh: "本支部的预警：是否已到中心、由谁何时接手、结果如何。无需联网。"),
        example: "branch-agent alerts --data DIR")

    @Flag(name: .long, help: ArgumentHelp("Also those that are closed.", zh: "包括已办结的。")) var all = false
    @OptionGroup var store: DataOption
    @OptionGroup var personal: UnmaskOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            let context = try AgentContext(store.folder)
            try personal.note("alerts", at: try AgentDesk(context), isAsked: true)
            let here = try RaisedHere(context)
            let rows = try here.rows(unmask: personal.unmask) { all || $0.status != RaisedForm.closed }
            if json { return try Output.json(rows) }
            if rows.isEmpty { return Output.line(Words("no alert waits", zh: "没有待处理的预警")) }
            for row in rows { here.lines(row).forEach { Output.line($0) } }
        }
    }
}
