import ArgumentParser
import Console
import Foundation
import SyncCore
import SyncStore

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "What waits here, what has arrived at the centre, and what the centre asks.")

    @OptionGroup var store: DataOption
    @Flag(name: .long) var json = false

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            let status = try AgentStatus(store.folder)
            if json { try Output.json(status) } else { status.lines().forEach { Output.line($0) } }
        }
    }
}

/// What a branch knows of its queue; all of it from receipts, nothing from "the request finished".
struct AgentStatus: Encodable {
    struct LaneCounts: Encodable {
        var versions: UInt64
        var queued: UInt64
        var receipted: UInt64
        var quarantined: UInt64
        var oldestQueued: String?
    }

    struct Question: Encodable {
        var reason: String
        var form: String
        /// Key values as text; people's ids only.
        var key: String
    }

    var unit: String
    var unitName: String
    var hub: String
    var lanes: [String: LaneCounts]
    var lastContact: String?
    var lastReceipt: String?
    var nextTry: String?
    var lastFailure: String?
    var skewMilliseconds: Int64
    /// "ample", "full", or "ballast_in_use": see `StorageState`.
    var disk: String
    var questions: [Question]

    init(_ folder: AgentFolder) throws {
        let (store, configuration) = try folder.open()
        unit = configuration.unit
        unitName = configuration.unitName
        hub = configuration.address
        lanes = [:]
        for lane in Lane.allCases {
            let status = try store.status(of: lane)
            lanes["\(lane)"] = LaneCounts(
                versions: status.versions, queued: status.queued, receipted: status.receipted,
                quarantined: status.quarantined, oldestQueued: status.oldestQueued.map(RecordText.time))
        }
        disk = store.storage().rawValue
        let contact = try store.contact()
        lastContact = contact.lastContact.map(RecordText.time)
        lastReceipt = contact.lastReceipt.map(RecordText.time)
        nextTry = contact.nextTry.map(RecordText.time)
        lastFailure = contact.lastFailure
        skewMilliseconds = contact.skew
        questions = try store.verdicts([.quarantined, .noted], limit: 20).map { verdict, key in
            Question(
                reason: verdict.reason, form: key.form,
                key: RecordText.text(key))
        }
    }

    /// What a kept failure code means: a refusal's number, or a word of this program's.
    static func words(forFailure code: String) -> Words {
        if let number = UInt16(code) {
            return RefusalWords.words(for: Refuse(RefusalCode(rawValue: number)))
        }
        switch code {
        case "unreachable": return Words("the hub cannot be reached", zh: "无法连接汇总端")
        case "wrong_hub_key": return Words("another key than the hub's answers there", zh: "对方密钥与汇总端不符")
        case "disk_full": return Words("the disk here is full", zh: "本机磁盘已满")
        default: return Words("the link (\(code))", zh: "链路（\(code)）")
        }
    }

    /// What a note of the centre means, and what to do.
    static func words(forNote reason: String) -> Words {
        switch reason {
        case "unknown_person":
            Words("nobody with this id is on the register; check the id", zh: "登记册中无此编号；请核对编号")
        case "not_on_register":
            Words("this person was in no unit on that day; ask the centre", zh: "此人当日不在任何单位；请询问中心")
        case "outside_unit":
            Words("it concerns another unit; it counts there", zh: "属于其他单位；计入该单位")
        case "stated_after_authored":
            Words("its time lies after it was entered; check the clock", zh: "所填时间晚于录入时间；请核对时钟")
        case "clock_untrusted":
            Words("entered while this machine's clock was off", zh: "录入时本机时钟有误")
        case "form_not_writable":
            Words("only the centre writes this form; it does not count", zh: "此表只能由中心填写；不计入")
        case "trap":
            Words(
                "the hub's program fails over it; it is kept there and does not count yet. Tell the centre",
                zh: "汇总端程序处理此条时出错；已保存，暂不计入。请告知中心")
        default: Words(reason, zh: reason)
        }
    }

    func lines() -> [String] {
        var lines = [
            Words("\(unit) \(unitName), hub \(hub)", zh: "\(unit) \(unitName)，汇总端 \(hub)").text()
        ]
        var table = TextTable(
            [
                Words("lane", zh: "通道"), Words("queued here", zh: "本机待发"),
                Words("arrived at the centre", zh: "已到中心"), Words("quarantined there", zh: "中心存疑"),
            ].map { $0.text() })
        let names = [
            Lane.urgent: Words("urgent", zh: "紧急"), Lane.routine: Words("routine", zh: "常规"),
        ]
        for lane in Lane.allCases {
            guard let counts = lanes["\(lane)"], let name = names[lane] else { continue }
            table.add([name.text(), "\(counts.queued)", "\(counts.receipted)", "\(counts.quarantined)"])
        }
        lines += table.lines()
        let never = Words("never", zh: "从未")
        lines.append(
            Words(
                "last contact \(lastContact ?? never.en), last receipt \(lastReceipt ?? never.en)"
                    + (nextTry.map { ", next try \($0)" } ?? ""),
                zh: "最近联系 \(lastContact ?? never.zh)，最近回执 \(lastReceipt ?? never.zh)"
                    + (nextTry.map { "，下次尝试 \($0)" } ?? "")
            ).text())
        if let lastFailure {
            lines.append(
                Words("the last try failed: ", zh: "最近一次未成功：").joined(
                    AgentStatus.words(forFailure: lastFailure)
                )
                .text())
        }
        if let words = StorageState(rawValue: disk).flatMap(StorageWords.words) { lines.append(words.text()) }
        for question in questions {
            lines.append(
                Words(
                    "the centre notes: \(question.form) \(question.key): "
                        + AgentStatus.words(forNote: question.reason).en,
                    zh: "中心备注：\(question.form) \(question.key)："
                        + AgentStatus.words(forNote: question.reason).zh
                ).text())
        }
        return lines
    }
}
