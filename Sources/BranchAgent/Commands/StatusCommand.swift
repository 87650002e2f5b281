import ArgumentParser
import Console
import Forms
import Foundation
import SyncCore
import SyncStore

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "status",
        Words(
            "What waits here, what has arrived at the centre, and what the centre asks.",
            zh: "本机待发的内容、已到中心的内容，以及中心的疑问。"),
        example: "branch-agent status --data DIR")

    @OptionGroup var store: DataOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

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
        /// Versions of the lane's journal; a record that was corrected has several.
        var versions: UInt64
        /// Records with a version that waits, with none that waits, and put aside at the centre.
        var recordsQueued: UInt64
        var recordsReceipted: UInt64
        var recordsQuarantined: UInt64
        var oldestQueued: String?
    }

    struct Question: Encodable {
        /// `quarantined` or `noted`.
        var kind: String
        var reason: String
        var form: String
        /// Key values as text; people's ids only.
        var key: String
    }

    private enum CodingKeys: String, CodingKey {
        case unit, unitName, hub, lanes, lastContact, lastReceipt, nextTry, lastFailure, confirmation
        case skewMilliseconds, clockTrusted, timeZone, disk, conflicts, questions, takenByPhone, identity
        case oldestWithoutBackup, alerts
    }

    var unit: String
    var unitName: String
    var hub: String
    var lanes: [String: LaneCounts]
    /// By this machine's clock, UTC.
    var lastContact: String?
    var lastReceipt: String?
    var nextTry: String?
    var lastFailure: String?
    /// Six digits to read out to the centre; absent once it has confirmed the device.
    var confirmation: String?
    /// Hub clock minus own clock when last measured.
    var skewMilliseconds: Int64
    /// "ample", "full", or "ballast_in_use": see `StorageState`.
    var disk: String
    var clockTrusted: Bool
    var timeZone: String
    /// When the oldest was written that has arrived and is in no backup of the centre's, UTC.
    var oldestWithoutBackup: String?
    /// Records about which a person has to decide.
    var conflicts: Int
    var questions: [Question]
    /// Entries that the centre took by telephone and for which no receipt has come.
    var takenByPhone: Int
    /// What was found out about this store's or the hub's past; the newest first.
    var identity: [IdentityNote]

    /// Urgent alerts that nobody has closed.
    var alerts: [RaisedRow]

    private let raised: RaisedHere
    private let contact: ContactFacts
    private let unsaved: Milliseconds?
    private let clock: AuthoringClock
    private let times: TimeText

    init(_ folder: AgentFolder) throws {
        let context = try AgentContext(folder)
        let (store, configuration) = (context.store, context.configuration)
        unit = configuration.unit
        unitName = configuration.unitName
        hub = configuration.address
        lanes = [:]
        for lane in Lane.allCases {
            let status = try store.status(of: lane)
            lanes["\(lane)"] = LaneCounts(
                versions: status.versions, recordsQueued: status.queued, recordsReceipted: status.receipted,
                recordsQuarantined: status.quarantined, oldestQueued: status.oldestQueued.map(RecordText.time)
            )
        }
        disk = store.storage().rawValue
        contact = try store.contact()
        unsaved = try store.oldestWithoutBackup()
        oldestWithoutBackup = unsaved.map(RecordText.time)
        lastContact = contact.lastContact.map(RecordText.time)
        lastReceipt = contact.lastReceipt.map(RecordText.time)
        nextTry = contact.nextTry.map(RecordText.time)
        lastFailure = contact.lastFailure
        if contact.lastFailure == "\(RefusalCode.pendingDevice.rawValue)" {
            confirmation = Confirmation.digits(of: try folder.key(), at: configuration)
        }
        skewMilliseconds = contact.skew
        clock = try context.clock()
        clockTrusted = clock.isTrusted
        times = TimeText(zone: context.settings.timeZone)
        timeZone = times.name
        var conflicts = 0
        try AgentDesk(context).eachConflict(form: nil) { _, _, _ in
            conflicts += 1
            return true
        }
        self.conflicts = conflicts
        raised = try RaisedHere(context)
        alerts = try raised.rows { $0.isUrgent && $0.status != RaisedForm.closed }
        takenByPhone = try store.spoken().count
        identity = try store.identityEvents(limit: 10).map(IdentityNote.init)
        questions = try store.verdicts([.quarantined, .noted], limit: 20).map { verdict, key in
            Question(
                kind: "\(verdict.kind)", reason: verdict.reason, form: key.form, key: RecordText.text(key))
        }
    }

    func lines() -> [String] {
        let hubName = Output.printable(hub)
        let own = Output.printable("\(unit) \(unitName)")
        var lines = [Words("\(own), hub \(hubName)", zh: "\(own)，汇总端 \(hubName)").text()]
        lines += table()
        lines.append(contactWords.text())
        for alert in alerts { lines += raised.lines(alert) }
        if conflicts > 0 {
            let words = Words(
                "\(conflicts) records wait for a decision; `branch-agent conflicts list` names them",
                zh: "有 \(conflicts) 条记录待裁定；用 branch-agent conflicts list 查看")
            lines.append(words.text())
        }
        if takenByPhone > 0 {
            let words = Words(
                "\(takenByPhone) of what is queued the centre has taken by telephone; it is sent all the "
                    + "same",
                zh: "待发内容中有 \(takenByPhone) 条中心已通过电话收取；仍会照常发送")
            lines.append(words.text())
        }
        if let words = StorageState(rawValue: disk).flatMap(StorageWords.words) { lines.append(words.text()) }
        if let words = BackupWords.words(oldest: unsaved, now: clock.now) { lines.append(words.text()) }
        if let skew = AgentStatus.words(skew: contact.skew, isTrusted: clockTrusted) {
            lines.append(skew.text())
        }
        if let lastFailure {
            lines.append(
                Words("the last try failed: ", zh: "最近一次未成功：").joined(
                    FailureWords.words(for: lastFailure, confirmation: confirmation)
                )
                .text())
        }
        if let last = identity.first {
            lines.append(
                Words("\(times.text(last.time)): ", zh: "\(times.text(last.time))：").joined(last.words).text()
            )
        }
        return lines + questions.map { $0.words.text() }
    }

    private func table() -> [String] {
        var table = TextTable(
            [
                Words("lane", zh: "通道"), Words("records queued here", zh: "本机待发记录"),
                Words("arrived at the centre", zh: "已到中心"), Words("quarantined there", zh: "中心隔离"),
            ].map { $0.text() })
        let names = [
            Lane.urgent: Words("urgent", zh: "紧急"), Lane.routine: Words("routine", zh: "常规"),
        ]
        for lane in Lane.allCases {
            guard let counts = lanes["\(lane)"], let name = names[lane] else { continue }
            table.add([
                name.text(), "\(counts.recordsQueued)", "\(counts.recordsReceipted)",
                "\(counts.recordsQuarantined)",
            ])
        }
        return table.lines()
    }

    private var contactWords: Words {
        let never = Words("never", zh: "从未")
        func text(_ time: Milliseconds?) -> Words {
            time.map { Words(times.text($0), zh: times.text($0)) } ?? never
        }
        let (last, receipt) = (text(contact.lastContact), text(contact.lastReceipt))
        let next =
            contact.nextTry.map {
                Words(", next try \(times.text($0))", zh: "，下次尝试 \(times.text($0))")
            } ?? Words("", zh: "")
        return Words(
            "last contact \(last.en), last receipt \(receipt.en)\(next.en) (\(times.name))",
            zh: "最近联系 \(last.zh)，最近回执 \(receipt.zh)\(next.zh)（\(times.name) 时间）")
    }

    /// Nil while the clock is as good as right.
    static func words(skew: Milliseconds, isTrusted: Bool) -> Words? {
        let isOff = skew.magnitude > AuthoringClock.tolerance.magnitude
        guard isOff || !isTrusted else { return nil }
        guard isOff else {
            return Words(
                "this machine's clock does not fit the time at which the hub was last heard; set the clock. "
                    + "What is entered meanwhile is marked, and the day has to be written out",
                zh: "本机时钟与最近一次联系汇总端的时间不符；请校准时钟。其间录入的内容会被标记，且须写明日期")
        }
        let span = TimeText.span(skew)
        let next = Words(
            "entries carry the hub's time all the same, please set the clock",
            zh: "录入内容仍按汇总端时间记录，请校准时钟")
        return skew > 0
            ? Words(
                "this machine's clock was \(span.en) behind the hub's when last measured; \(next.en)",
                zh: "最近一次测得本机时钟比汇总端慢 \(span.zh)；\(next.zh)")
            : Words(
                "this machine's clock was \(span.en) ahead of the hub's when last measured; \(next.en)",
                zh: "最近一次测得本机时钟比汇总端快 \(span.zh)；\(next.zh)")
    }
}

extension AgentStatus.Question {
    var words: Words {
        let meaning = ReasonWords.words(for: reason)
        let name = Output.printable("\(form) \(key)")
        return kind == "quarantined"
            ? Words(
                "the centre has quarantined \(name), it does not count yet: \(meaning.en)",
                zh: "中心已隔离 \(name)，暂不计入：\(meaning.zh)")
            : Words("the centre notes: \(name): \(meaning.en)", zh: "中心备注：\(name)：\(meaning.zh)")
    }
}
