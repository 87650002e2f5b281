import ArgumentParser
import Console
import SQLiteStore
import SyncCore
import SyncStore

enum LaneName: String, ExpressibleByArgument, CaseIterable {
    case urgent, routine

    var lane: Lane { self == .urgent ? .urgent : .routine }
}

extension Lane {
    var words: Words {
        switch self {
        case .urgent: Words("urgent", zh: "紧急")
        case .routine: Words("routine", zh: "常规")
        }
    }
}

struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "queue",
        Words(
            "What waits in a branch's store; of a hub, what its devices last said that they hold back.",
            zh: "支部数据中待发的内容；对汇总端则为各设备最近报告的积压。"),
        example: "sync-inspect queue --data DIR --lane urgent")

    @OptionGroup var store: DataOption
    @Option(name: .long, help: ArgumentHelp("Only this lane.", zh: "只看此通道。")) var lane: LaneName?
    @Option(
        name: .long,
        help: ArgumentHelp(
            "So many versions of each lane are listed; the counts are of all.", zh: "每个通道最多列出的版本数；总数不受影响。"))
    var limit: Int?
    @Option(name: .long, help: ArgumentHelp("Only this form.", zh: "只看此表单。")) var form: String?
    @Option(
        name: .long, help: ArgumentHelp("Only what has waited for so many hours.", zh: "只看已等待这么多小时的内容。"))
    var hours: Double?
    @Option(name: .long, help: ArgumentHelp("Only versions of so many bytes or more.", zh: "只看不少于这么多字节的版本。"))
    var bytes: Int?
    @Flag(name: .long, help: ArgumentHelp("The largest first.", zh: "最大的在前。")) var largest = false
    @Flag(name: .long, help: ArgumentHelp("Count by form and age.", zh: "按表单和等待时间计数。")) var groups = false
    @Flag(name: .long, help: ArgumentHelp("List what is receipted as well.", zh: "也列出已获回执的。")) var all = false
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func validate() throws {
        if let limit, limit < 0 {
            throw ValidationError(Words("--limit is a number from 0 on.", zh: "--limit 应为不小于 0 的数。").text())
        }
        if let hours, !(0...1_000_000).contains(hours) {
            throw ValidationError(Words("--hours is a number from 0 on.", zh: "--hours 应为不小于 0 的数。").text())
        }
    }

    func run() async throws {
        try await Program.run {
            let store = try StoreAtHand(store.data)
            let now = Now.milliseconds()
            let times = store.times()
            let masking = Masking(forms: try store.forms(), unmask: false)
            switch store {
            case .agent(let store):
                var filter = QueueFilter()
                filter.form = form
                filter.until = hours.map { now - Milliseconds($0 * 3_600_000) }
                filter.bytes = bytes
                filter.largestFirst = largest
                let damages = Damages()
                let report = try AgentQueue(
                    store, lanes: lane.map { [$0.lane] } ?? Lane.allCases, all: all,
                    limit: limit ?? (json ? .max >> 1 : 20), now: now, masking: masking,
                    times: times, filter: filter, damages: damages)
                if json {
                    try Output.json(report)
                } else {
                    report.lines(byGroups: groups).forEach { Output.line($0) }
                    damages.words.forEach { Output.remark($0) }
                }
                damages.end()
            case .hub(let store):
                let report = try HubQueue(store, times: times)
                if json { try Output.json(report) } else { report.lines().forEach { Output.line($0) } }
            }
        }
    }
}
