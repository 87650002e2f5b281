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

    @OptionGroup var options: StoreOptions
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

    /// More are listed with `--limit`: a script that only counts is not given a hundred thousand entries.
    static let entriesForScripts = 1_000

    func validate() throws {
        if let limit, limit < 0 {
            throw LimitOption.tooSmall(0)
        }
        if let hours, !(0...1_000_000).contains(hours) {
            throw ValidationError(Words("--hours is a number from 0 on.", zh: "--hours 应为不小于 0 的数。").text())
        }
    }

    func run() async throws {
        try await options.inspect { opened, damages in
            try QueueReport(opened, self, damages)
        } lines: { report, _ in
            report.lines(byGroups: groups)
        }
    }
}

/// What waits, in a store of either kind.
enum QueueReport: StoreReport {
    case agent(AgentQueue)
    case hub(HubQueue)

    init(_ opened: StoreAtHand, _ asked: QueueCommand, _ damages: Damages) throws {
        let times = opened.times()
        switch opened {
        case .hub(let store): self = .hub(try HubQueue(store, times: times))
        case .agent(let store):
            let now = Now.milliseconds()
            var filter = QueueFilter()
            filter.form = asked.form
            filter.until = asked.hours.map { now - Milliseconds($0 * 3_600_000) }
            filter.bytes = asked.bytes
            filter.largestFirst = asked.largest
            self = .agent(
                try AgentQueue(
                    store, lanes: asked.lane.map { [$0.lane] } ?? Lane.allCases, all: asked.all,
                    limit: asked.limit ?? (asked.options.json ? QueueCommand.entriesForScripts : 20),
                    now: now,
                    masking: Masking(forms: try opened.forms(), unmask: false), times: times, filter: filter,
                    damages: damages))
        }
    }

    var damaged: [Damages.Entry] {
        get {
            switch self {
            case .agent(let queue): queue.damaged
            case .hub(let queue): queue.damaged
            }
        }
        set {
            switch self {
            case .agent(var queue):
                queue.damaged = newValue
                self = .agent(queue)
            case .hub(var queue):
                queue.damaged = newValue
                self = .hub(queue)
            }
        }
    }

    func encode(to encoder: any Encoder) throws {
        switch self {
        case .agent(let queue): try queue.encode(to: encoder)
        case .hub(let queue): try queue.encode(to: encoder)
        }
    }

    func lines(byGroups: Bool) -> [String] {
        switch self {
        case .agent(let queue): queue.lines(byGroups: byGroups)
        case .hub(let queue): queue.lines()
        }
    }
}
