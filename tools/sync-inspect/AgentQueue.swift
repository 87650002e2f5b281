import Console
import SyncCore
import SyncStore
import SyncWire

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

    struct LaneQueue: Encodable {
        var origin: String
        /// Highest sequences written and receipted.
        var last: UInt64
        var receipted: UInt64
        /// Versions without a receipt, by form as well.
        var queued: Int
        var forms: [String: Int]
        var bytes: Int
        var oldest: String?
        var entries: [Entry]
        fileprivate var oldestTime: Milliseconds?

        private enum CodingKeys: String, CodingKey {
            case origin, last, receipted, queued, forms, bytes, oldest, entries
        }
    }

    var store = "agent"
    var unit: String?
    var hub: String?
    var lanes: [String: LaneQueue]
    private let times: TimeText

    private enum CodingKeys: String, CodingKey { case store, unit, hub, lanes }

    init(
        _ store: any AgentStore, lanes: [Lane], all: Bool, limit: Int, now: Milliseconds, masking: Masking,
        times: TimeText = TimeText(zone: "UTC")
    ) throws {
        let configuration = try store.configuration()
        unit = configuration?.unit
        hub = configuration?.address
        self.lanes = [:]
        self.times = times
        // Authored times carry the measured skew: so must the clock that they are compared with.
        let skewed = now.addingReportingOverflow(try store.contact().skew)
        let now = skewed.overflow ? now : skewed.partialValue
        for origin in try store.origins() where lanes.contains(origin.claim.lane) {
            self.lanes["\(origin.claim.lane)"] = try AgentQueue.read(
                store, origin, all: all, limit: limit, now: now, masking: masking)
        }
    }

    private static func read(
        _ store: any AgentStore, _ origin: OwnOrigin, all: Bool, limit: Int, now: Milliseconds,
        masking: Masking
    ) throws -> LaneQueue {
        var queue = LaneQueue(
            origin: RecordText.origin(origin.id), last: origin.sequence, receipted: origin.receipted,
            queued: 0, forms: [:], bytes: 0, oldest: nil, entries: [])
        var after = all ? 0 : origin.receipted
        var oldest: Milliseconds?
        while true {
            let page = try store.journal(lane: origin.claim.lane, after: after, limit: 1_024)
            guard let last = page.last else { break }
            after = last.version.dot.sequence
            for entry in page {
                let version = entry.version
                let bytes = RowsCodec.encode(VersionColumns([version])).count
                if !entry.isReceipted {
                    queue.queued += 1
                    queue.bytes += bytes
                    queue.forms[Masking.clean(version.key.form), default: 0] += 1
                    oldest = min(oldest ?? .max, version.authored)
                }
                guard queue.entries.count < limit else { continue }
                queue.entries.append(
                    Entry(
                        dot: RecordText.text(version.dot), form: Masking.clean(version.key.form),
                        key: masking.text(version.key),
                        authored: RecordText.time(version.authored),
                        ageSeconds: AgentQueue.age(of: version.authored, at: now),
                        bytes: bytes, receipted: entry.isReceipted,
                        verdicts: entry.verdicts.map { "\($0.kind) \(Masking.clean($0.reason))" }))
            }
        }
        queue.oldest = oldest.map(RecordText.time)
        queue.oldestTime = oldest
        return queue
    }

    /// Whole seconds; 0 where the clock went backwards.
    private static func age(of time: Milliseconds, at now: Milliseconds) -> Int64 {
        let age = now.subtractingReportingOverflow(time)
        return age.overflow ? 0 : max(0, age.partialValue) / 1_000
    }

    func lines() -> [String] {
        var lines: [String] = []
        if let unit, let hub {
            lines.append(Words("branch \(unit), hub \(hub)", zh: "支部 \(unit)，汇总端 \(hub)").text())
        }
        for lane in Lane.allCases {
            guard let queue = lanes["\(lane)"] else { continue }
            lines.append(summary(queue, lane).text())
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
