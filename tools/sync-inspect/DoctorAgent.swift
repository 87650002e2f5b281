import Console
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// What a branch's store says of itself.
extension Doctor {
    mutating func look(at store: SQLiteAgentStore) {
        do {
            guard let configuration = try store.configuration() else {
                return lookAtJoining(store)
            }
            let unit = Masking.clean(configuration.unit)
            checkup.ok(
                "joined",
                Words(
                    "a device of \(unit), hub \(Masking.clean(configuration.address))",
                    zh: "单位 \(unit)，汇总端 \(Masking.clean(configuration.address))"))
            try lookAtOwnKey(store)
            try lookAtClock(store)
            try lookAtPast(store)
            try lookAtQueue(store)
            try lookAtReport(store, of: configuration)
            try lookAtVerdicts(store)
            try lookAtSessions(store)
        } catch {
            let words = (error as? Failure ?? Program.failure(for: error)).message
            checkup.trouble(
                "content", words,
                next: Words("look at a copy with `sync-inspect verify`", zh: "对副本运行 sync-inspect verify"))
        }
    }

    private mutating func lookAtJoining(_ store: SQLiteAgentStore) {
        let step = Words(
            "`branch-agent join CODE`, with a code from the centre", zh: "用中心的加入码运行 branch-agent join")
        guard let failure = (try? store.contact())?.lastFailure else {
            return checkup.trouble(
                "joined", Words("this store has joined no hub", zh: "此数据尚未加入汇总端"), next: step)
        }
        let words = FailureWords.words(for: failure)
        checkup.trouble(
            "joined",
            Words(
                "this store has joined no hub; the last try ended so: \(words.en)",
                zh: "此数据尚未加入汇总端；最近一次尝试的结果：\(words.zh)"),
            next: Words("do as it says, then \(step.en)", zh: "按提示处理后，再\(step.zh)"))
    }

    /// The own unit's report of the last day on which one was due: silence is no zero report.
    private mutating func lookAtReport(
        _ store: SQLiteAgentStore, of configuration: AgentConfiguration
    ) throws {
        let opened = StoreAtHand.agent(store)
        guard let due = DueReports(opened.settings(), now: now),
            let isMissing = try due.isMissing(of: configuration.unit, at: store, try opened.forms())
        else { return }
        guard isMissing else {
            return checkup.ok(
                "report", Words("the report for \(due.name) is made", zh: "\(due.name) 的报告已填"))
        }
        checkup.note(
            "report",
            Words(
                "no report of this unit for \(due.name) is here, which is not the same as zero",
                zh: "本机没有本单位 \(due.name) 的报告；不报不等于零报告"),
            next: due.step)
    }

    private mutating func lookAtOwnKey(_ store: SQLiteAgentStore) throws {
        guard let key = try? DeviceKey.load(from: folder.path + "/device.key") else { return }
        let isOwn = try store.origins().allSatisfy {
            $0.derivation == $0.claim.derivation(publicKey: key.publicKey, hashing: .sha256)
        }
        if isOwn {
            checkup.ok("own_key", Words("the key is this store's own", zh: "密钥与数据相符"))
        } else {
            checkup.trouble(
                "own_key", Words("the key is not the one that this store was made with", zh: "密钥不是创建此数据时的密钥"),
                next: Words("put the right device.key back from a backup", zh: "请从备份恢复正确的 device.key"))
        }
    }

    private mutating func lookAtClock(_ store: SQLiteAgentStore) throws {
        let contact = try store.contact()
        let clock = AuthoringClock(now: now, lastHubTime: contact.lastHubTime)
        let isOff = contact.skew.magnitude > AuthoringClock.tolerance.magnitude
        if clock.isTrusted && !isOff {
            return checkup.ok("clock", Words("the clock fits the hub's", zh: "时钟与汇总端相符"))
        }
        let words =
            isOff
            ? Words(
                "this machine's clock was \(BranchTroubles.clock(contact.skew).en) when last measured",
                zh: "最近一次测得本机时钟\(BranchTroubles.clock(contact.skew).zh)")
            : Words(
                "this machine's clock lies outside of what the last contact allows", zh: "本机时钟超出最近联系所允许的范围")
        checkup.trouble(
            "clock", words,
            next: Words(
                "set the clock; what is entered meanwhile is marked, and days must be written out",
                zh: "请校准时钟；其间录入的内容会被标记，且须写明日期"))
    }

    /// Stores and hubs that were put back.
    private mutating func lookAtPast(_ store: SQLiteAgentStore) throws {
        guard let event = try store.identityEvents(limit: 1).first else { return }
        let (what, next): (Words, Words)
        switch event.kind {
        case .renewed:
            what = Words(
                "this store was restored or copied; \(event.versions) versions were written again",
                zh: "此数据曾被恢复或复制；已重写 \(event.versions) 条")
            next = Words(
                "nothing is lost; if a second machine works with a copy, have it join by itself",
                zh: "没有内容丢失；若有另一台电脑使用副本，请让它单独加入")
        case .hubPutBack, .givenBack, .forgotten:
            what = Words("the hub was put back to an earlier state", zh: "汇总端曾恢复到较早的状态")
            next = Words("nothing: what it lacks is sent again by itself", zh: "无需处理：缺少的内容会自动重新发送")
        case .hole, .parted:
            what = Words(
                "the hub was put back, and may lack \(event.versions) versions for good",
                zh: "汇总端曾恢复到较早的状态，可能永久缺少 \(event.versions) 条")
            next = Words(
                "compare with `sync-inspect reconcile`, and enter again what is missing",
                zh: "用 sync-inspect reconcile 对账，并重新录入缺少的内容")
        case .hubKeyChanged:
            what = Words("the hub has a new key, which was blessed", zh: "汇总端已更换密钥，新密钥经认可")
            next = Standing.nothing
        }
        checkup.note("past", what, next: next)
    }

    private mutating func lookAtQueue(_ store: SQLiteAgentStore) throws {
        var queued: UInt64 = 0
        var oldest: Milliseconds?
        for lane in Lane.allCases {
            let status = try store.status(of: lane)
            queued += status.queued
            oldest = [oldest, status.oldestQueued].compactMap { $0 }.min()
        }
        guard queued > 0, let oldest else {
            return checkup.ok("queue", Words("nothing waits to be sent", zh: "没有待发内容"))
        }
        let age = now.subtractingClamped(oldest)
        let span = TimeText.span(max(0, age))
        let words = Words(
            "\(queued) records wait, the oldest \(span.en)", zh: "待发记录 \(queued) 条，最早的已等待 \(span.zh)")
        let next = Words(
            "run `branch-agent sync`, or keep `branch-agent serve` running",
            zh: "运行 branch-agent sync，或让 branch-agent serve 持续运行")
        if age > 86_400_000 {
            checkup.trouble("queue", words, next: next)
        } else {
            checkup.note("queue", words, next: next)
        }
    }

    private mutating func lookAtVerdicts(_ store: SQLiteAgentStore) throws {
        let held = try store.verdicts([.quarantined], limit: .max)
        if !held.isEmpty {
            checkup.trouble(
                "quarantine",
                Words("\(held.count) records are held back by the centre", zh: "有 \(held.count) 条记录被中心隔离"),
                next: Words(
                    "`sync-inspect quarantine` says why and who can mend them",
                    zh: "用 sync-inspect quarantine 查看原因和处理人"))
        }
    }

    private mutating func lookAtSessions(_ store: SQLiteAgentStore) throws {
        let isServed = folder.isServed
        let sessions = try store.sessions(of: nil, limit: 1)
        checkup.note(
            "program_runs",
            isServed
                ? Words("a `serve` or `sync` runs on this store now", zh: "此数据上正在运行 serve 或 sync")
                : Words("no `serve` runs on this store", zh: "此数据上没有运行 serve"))
        guard let last = sessions.first else {
            return checkup.note("session", Words("no session is written down yet", zh: "尚无会话记录"))
        }
        let end = SessionWords.ending(last, isRunning: isServed)
        let isBad = last.ending != nil && last.ending != SessionEntry.done
        let words = Words("the last session: \(end.en)", zh: "最近一次会话：\(end.zh)")
        if isBad {
            checkup.trouble(
                "session", words,
                next: Words(
                    "do as it says; `sync-inspect session` lists more",
                    zh: "按提示处理；用 sync-inspect session 查看更多"))
        } else {
            checkup.ok("session", words)
        }
    }
}
