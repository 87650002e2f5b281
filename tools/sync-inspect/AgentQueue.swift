import Console
import SQLiteStore
import SyncCore
import SyncStore

/// What waits in a branch's store, by lane.
struct AgentQueue: Encodable {
    struct Entry: Encodable {
        var dot: String
        var form: String
        var key: [String]
        var authored: String
        var ageSeconds: Int64
        /// As the version lies in the store.
        var bytes: Int
        var receipted: Bool
        /// Kind and reason, when the centre said something about it.
        var verdicts: [String]
    }

    /// Versions of one form and age.
    struct Group: Encodable {
        var form: String
        /// `hour`, `day`, `week` or `older`.
        var age: String
        var versions: Int
        var bytes: Int
        var oldest: String
    }

    struct LaneQueue: Encodable {
        var origin: String
        /// Highest sequences written and receipted, of the origin that is written to now.
        var last: UInt64
        var receipted: UInt64
        /// Versions without a receipt, by form as well; those of closed origins too.
        var queued: Int
        var forms: [String: Int]
        var groups: [Group]
        var bytes: Int
        var oldest: String?
        var entries: [Entry]
        /// Origins that were closed, and still have something that waits.
        var closed: [String]
        fileprivate var oldestTime: Milliseconds?

        private enum CodingKeys: String, CodingKey {
            case origin, last, receipted, queued, forms, groups, bytes, oldest, entries, closed
        }
    }

    var store = "agent"
    var unit: String?
    var hub: String?
    var lanes: [String: LaneQueue]
    var damaged: [Damages.Entry] = []
    private let times: TimeText

    private enum CodingKeys: String, CodingKey { case store, unit, hub, lanes, damaged }

    init(
        _ store: SQLiteAgentStore, lanes: [Lane], all: Bool, limit: Int, now: Milliseconds,
        masking: Masking, times: TimeText = TimeText(zone: "UTC"), filter: QueueFilter = QueueFilter(),
        damages: Damages = Damages()
    ) throws {
        let configuration = try store.configuration()
        unit = configuration.map { Masking.clean($0.unit) }
        hub = configuration.map { Masking.clean($0.address) }
        self.lanes = [:]
        self.times = times
        // Authored times carry the measured skew: so must the clock that they are compared with.
        let skew = try damages.attempt("contact", Words("the clock's skew", zh: "时钟偏差"), 0) {
            try store.contact().skew
        }
        let skewed = now.addingReportingOverflow(skew)
        let now = skewed.overflow ? now : skewed.partialValue
        let current = try store.origins().filter { lanes.contains($0.claim.lane) }
        let closed = try store.closedOrigins()
        for origin in current {
            let lane = origin.claim.lane
            let waiting = closed.filter {
                $0.claim.lane == lane && $0.receipted < $0.sequence && !$0.isParted
            }
            self.lanes["\(lane)"] = try AgentQueue.read(
                store, waiting, origin, all: all, limit: limit, now: now, masking, filter, damages)
        }
        damaged = damages.entries
    }

    private static let ages = ["hour", "day", "week", "older"]

    private static func read(
        _ store: SQLiteAgentStore, _ closed: [OwnOrigin], _ origin: OwnOrigin, all: Bool, limit: Int,
        now: Milliseconds, _ masking: Masking, _ filter: QueueFilter, _ damages: Damages
    ) throws -> LaneQueue {
        var queue = LaneQueue(
            origin: RecordText.origin(origin.id), last: origin.sequence, receipted: origin.receipted,
            queued: 0, forms: [:], groups: [], bytes: 0, oldest: nil, entries: [],
            closed: closed.map { RecordText.origin($0.id) })
        for one in closed + [origin] {
            let look = try store.queue(of: one, after: one.receipted, now: now, filter, limit: limit)
            note(look, one, damages)
            queue.add(look)
            let listed = all ? try store.queue(of: one, after: 0, now: now, filter, limit: limit) : look
            for entry in listed.entries where queue.entries.count < limit {
                let isReceipted = entry.dot.sequence <= one.receipted
                queue.entries.append(
                    try AgentQueue.entry(entry, isReceipted, store, now: now, masking, damages))
            }
        }
        queue.oldest = queue.oldestTime.map(RecordText.time)
        return queue
    }

    private static func note(_ look: QueueLook, _ origin: OwnOrigin, _ damages: Damages) {
        let lane = origin.claim.lane.words
        if look.unreadable > 0 {
            damages.note(
                "version", Words("the \(lane.en) lane's journal", zh: "\(lane.zh)通道的日志"),
                "\(look.unreadable) versions cannot be read")
        }
        if look.missing > 0 {
            damages.note(
                "version", Words("the \(lane.en) lane's journal", zh: "\(lane.zh)通道的日志"),
                "\(look.missing) versions are missing")
        }
    }

    private static func entry(
        _ entry: QueueLook.Entry, _ isReceipted: Bool, _ store: SQLiteAgentStore, now: Milliseconds,
        _ masking: Masking, _ damages: Damages
    ) throws -> Entry {
        let verdicts = try damages.attempt("verdict", Words("what the centre said", zh: "中心判定"), []) {
            try store.verdicts(of: entry.dot)
        }
        return Entry(
            dot: RecordText.text(entry.dot), form: Masking.clean(entry.form),
            key: entry.key.map(masking.text) ?? ["?"], authored: RecordText.time(entry.authored),
            ageSeconds: age(of: entry.authored, at: now), bytes: entry.bytes, receipted: isReceipted,
            verdicts: verdicts.map { "\($0.kind) \(Masking.clean($0.reason))" })
    }

    /// Whole seconds; 0 where the clock went backwards.
    private static func age(of time: Milliseconds, at now: Milliseconds) -> Int64 {
        let age = now.subtractingReportingOverflow(time)
        return age.overflow ? 0 : max(0, age.partialValue) / 1_000
    }
}

extension AgentQueue.LaneQueue {
    fileprivate mutating func add(_ look: QueueLook) {
        for group in look.groups {
            queued += group.versions
            bytes += group.bytes
            forms[Masking.clean(group.form), default: 0] += group.versions
            oldestTime = min(oldestTime ?? .max, group.oldest)
            groups.append(
                .init(
                    form: Masking.clean(group.form),
                    age: ["hour", "day", "week", "older"][max(0, min(3, group.age))],
                    versions: group.versions, bytes: group.bytes, oldest: RecordText.time(group.oldest)))
        }
    }
}

/// As people read it.
extension AgentQueue {
    func lines(byGroups: Bool = false) -> [String] {
        var lines: [String] = []
        if let unit, let hub {
            lines.append(Words("branch \(unit), hub \(hub)", zh: "支部 \(unit)，汇总端 \(hub)").text())
        }
        for lane in Lane.allCases {
            guard let queue = lanes["\(lane)"] else { continue }
            lines.append(summary(queue, lane).text())
            if byGroups, !queue.groups.isEmpty { lines += groupTable(queue).lines() }
            guard !queue.entries.isEmpty else { continue }
            lines += AgentQueue.table(queue).lines()
            let listed = queue.entries.filter { !$0.receipted }.count
            if queue.queued > listed {
                lines.append(
                    Words(
                        "and \(queue.queued - listed) more; --limit lists more of them",
                        zh: "另有 \(queue.queued - listed) 条；用 --limit 可列出更多"
                    ).text())
            }
        }
        return lines
    }

    private func summary(_ queue: LaneQueue, _ lane: Lane) -> Words {
        let name = lane.words
        guard queue.queued > 0 else {
            return Words(
                "\(name.en): nothing waits, \(queue.receipted) receipted (origin \(queue.origin))",
                zh: "\(name.zh)：无待发，已获回执 \(queue.receipted) 条（来源 \(queue.origin)）")
        }
        let forms = queue.forms.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
            .joined(separator: ", ")
        let oldest = queue.oldestTime.map(times.text) ?? ""
        return Words(
            "\(name.en): \(queue.queued) wait (\(forms)), \(queue.bytes) bytes, "
                + "oldest \(oldest) (\(times.name)), "
                + "\(queue.receipted) receipted (origin \(queue.origin))",
            zh: "\(name.zh)：待发 \(queue.queued) 条（\(forms)），\(queue.bytes) 字节，最早 \(oldest)（\(times.name)），"
                + "已获回执 \(queue.receipted) 条（来源 \(queue.origin)）")
    }

    private func groupTable(_ queue: LaneQueue) -> TextTable {
        var table = TextTable(
            [
                Words("form", zh: "表单"), Words("waiting for", zh: "已等待"), Words("versions", zh: "版本"),
                Words("bytes", zh: "字节"),
            ].map { $0.text() })
        for group in queue.groups {
            table.add([
                group.form, AgentQueue.words(forAge: group.age).text(), "\(group.versions)", "\(group.bytes)",
            ])
        }
        return table
    }

    private static func words(forAge age: String) -> Words {
        switch age {
        case "hour": Words("less than an hour", zh: "不到一小时")
        case "day": Words("less than a day", zh: "不到一天")
        case "week": Words("less than a week", zh: "不到一周")
        default: Words("a week or more", zh: "一周以上")
        }
    }

    private static func table(_ queue: LaneQueue) -> TextTable {
        var table = TextTable(
            [
                Words("sequence", zh: "序号"), Words("form", zh: "表单"), Words("key", zh: "记录"),
                Words("age", zh: "已等待"), Words("bytes", zh: "字节"), Words("receipted", zh: "回执"),
                Words("verdicts", zh: "中心判定"),
            ].map { $0.text() })
        for entry in queue.entries {
            table.add([
                entry.dot.split(separator: "/").last.map(String.init) ?? "", entry.form,
                entry.key.joined(separator: " "), Now.age(entry.ageSeconds * 1_000).text(), "\(entry.bytes)",
                (entry.receipted ? Words("yes", zh: "有") : Words("no", zh: "无")).text(),
                entry.verdicts.joined(separator: "; "),
            ])
        }
        return table
    }
}
