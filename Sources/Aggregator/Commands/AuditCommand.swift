import ArgumentParser
import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "audit",
        Words(
            "Show who did what at this hub and who was turned away, and verify that nothing was changed.",
            zh: "显示本汇总端的操作记录和被拒绝的连接，并核验记录未被改动。"),
        discussion: Words(
            "Each entry is chained to the one before and signed with hub.key, and so is the end, which is "
                + "also kept in audit.head beside the store. An entry that was altered, dropped, inserted or "
                + "moved is named, and an older log that was put back. What shows nowhere in it: a store "
                + "that was put back together with its audit.head, and what somebody wrote who has hub.key.",
            zh: "每条记录都与前一条相连，并由 hub.key 签名，末尾亦然，并另存于数据旁的 audit.head；"
                + "被改动、删除、插入或移动的记录，以及被换回的早先记录，会被指出。"
                + "无法发现的情形：数据与 audit.head 一同被换回早先的状态，以及持有 hub.key 者所写的内容。"),
        example: "aggregator audit --from 2020-02-03 --data DIR")

    @OptionGroup var store: DataOption
    @Option(name: .long, help: ArgumentHelp("First day that is shown, YYYY-MM-DD.", zh: "起始日期，YYYY-MM-DD。"))
    var from: String?
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func run() async throws {
        try await Program.run {
            let hub = try store.folder.openForReading()
            let settings = try hub.settings()
            let start = try day(from, settings)
            var log = try hub.auditLog()
            var finding = hub.auditFinding(in: log)
            if finding != nil {
                // A hub that serves may have written between two looks.
                log = try hub.auditLog()
                finding = hub.auditFinding(in: log)
            }
            let shown = log.entries.filter { $0.at >= start }
            let report = AuditReport(shown, in: log.entries, finding)
            if json {
                try Output.json(report)
            } else {
                let times = TimeText(zone: settings.timeZone)
                for line in AuditReport.lines(shown, times: times) { Output.line(line) }
                Output.line(AuditReport.words(for: finding, of: log.entries.count))
            }
            if finding != nil { Program.end(.altered) }
        }
    }

    /// The first moment of the day where the committee is.
    private func day(_ text: String?, _ settings: Settings) throws -> Milliseconds {
        guard let text else { return .min }
        guard let day = CivilDay.parse(text), let zone = LocalZone(identifier: settings.timeZone) else {
            throw Failure(
                .usage,
                Words(
                    "\(Output.printable(text)) is no day of the calendar; write it as 2020-02-03",
                    zh: "\(Output.printable(text)) 不是有效日期；请写成 2020-02-03 的样式"))
        }
        return zone.midnight(of: day)
    }
}

/// The audit log as scripts read it.
struct AuditReport: Encodable {
    struct Entry: Encodable {
        var number: UInt64
        var at: String
        var event: String
        var who: String?
        var device: Int64?
        var detail: String
    }

    struct Finding: Encodable {
        /// `altered`, `dropped`, `inserted`, `reordered`, `not_following`, `end_unsigned`, `beside_gone`,
        /// `beside_old`, `end_was_gone`.
        var kind: String
        /// 0 where it is about no entry.
        var number: UInt64
    }

    var entries: [Entry]
    /// Entries in all.
    var count: Int
    var intact: Bool
    var finding: Finding?

    init(_ shown: [AuditEntry], in all: [AuditEntry], _ finding: AuditFinding?) {
        entries = shown.map { entry in
            Entry(
                number: entry.number, at: RecordText.time(entry.at), event: entry.event,
                who: entry.who.isEmpty ? nil : entry.who, device: entry.device == 0 ? nil : entry.device,
                detail: Output.printable(entry.detail))
        }
        count = all.count
        intact = finding == nil
        self.finding = finding.map { finding in
            switch finding {
            case .altered(let number): Finding(kind: "altered", number: number)
            case .dropped(let number): Finding(kind: "dropped", number: number)
            case .inserted(let number): Finding(kind: "inserted", number: number)
            case .reordered(let number): Finding(kind: "reordered", number: number)
            case .notFollowing(let number): Finding(kind: "not_following", number: number)
            case .endUnsigned(let number): Finding(kind: "end_unsigned", number: number)
            case .besideGone: Finding(kind: "beside_gone", number: 0)
            case .besideOld(let number): Finding(kind: "beside_old", number: number)
            case .endWasGone(let number): Finding(kind: "end_was_gone", number: number)
            }
        }
    }

    /// - Parameter times: the committee's.
    static func lines(_ entries: [AuditEntry], times: TimeText) -> [String] {
        let head = [
            Words("no.", zh: "序号"), Words("when (\(times.name))", zh: "时间（\(times.name)）"),
            Words("what", zh: "事项"), Words("who", zh: "操作人"), Words("device", zh: "设备"),
            Words("detail", zh: "详情"),
        ]
        var table = TextTable(head.map { $0.text() })
        for entry in entries {
            table.add([
                "\(entry.number)", times.text(entry.at), AuditWords.words(for: entry.event).text(),
                entry.who.isEmpty ? "-" : Output.printable(entry.who),
                entry.device == 0 ? "-" : "\(entry.device)",
                AuditDetail.words(entry.detail, of: entry.event).text(),
            ])
        }
        return entries.isEmpty ? [] : table.lines()
    }

    static func words(for finding: AuditFinding?, of count: Int) -> Words {
        guard let finding else {
            return Words(
                "verified: all \(count) entries are as this hub wrote them",
                zh: "核验通过：\(count) 条记录均为本汇总端所写，未被改动")
        }
        let what = AuditWords.words(for: finding)
        return what.joined(
            Words(
                ". Somebody has written to the store: keep a copy of it, and compare with a backup",
                zh: "。有人直接改写过数据：请保留一份副本，并与备份对照"))
    }
}
