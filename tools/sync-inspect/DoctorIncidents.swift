import Console
import SQLiteStore
import SyncCore
import SyncStore

/// What has happened at a hub: it was put back, turned people away, or did not hear of units.
extension Doctor {
    private static let week: Milliseconds = 7 * 86_400_000

    mutating func lookAtIncidents(_ store: SQLiteHubStore) throws {
        if let time = try store.lastPutBack() {
            let since = TimeText.span(max(0, now.subtractingClamped(time)))
            checkup.note(
                "past",
                Words(
                    "this store was put back to an earlier state \(since.en) ago",
                    zh: "此数据在 \(since.zh)前曾恢复到较早的状态"),
                next: Words(
                    "nothing: what came after that state comes again by itself when each branch connects; "
                        + "`sync-inspect branches` says who has not yet",
                    zh: "无需处理：此后的内容会在各支部连接时自动重新到达；用 sync-inspect branches 查看哪些支部尚未联系"))
        }
        for one in try store.turnedAway(since: now.subtractingClamped(Doctor.week)) {
            let code = one.code.map { "\($0.rawValue)" } ?? "-"
            let place = Masking.clean(one.from)
            let ago = TimeText.span(max(0, now.subtractingClamped(one.last)))
            checkup.note(
                "turned_away",
                Words(
                    "turned away this week with code \(code): \(one.attempts) times, the last \(ago.en) ago"
                        + (place.isEmpty ? "" : " from \(place)"),
                    zh: "本周以代码 \(code) 拒绝 \(one.attempts) 次，最近一次在 \(ago.zh)前"
                        + (place.isEmpty ? "" : "，来自 \(place)")),
                next: Doctor.step(for: one.code))
        }
        try lookAtReports(store)
    }

    private mutating func lookAtReports(_ store: SQLiteHubStore) throws {
        guard let due = DueReports(try store.settings(), now: now) else { return }
        let missing = try due.missing(at: store)
        guard !missing.isEmpty else {
            return checkup.ok("reports", Words("no report is missing", zh: "没有缺报"))
        }
        let names =
            missing.prefix(8).map(Masking.clean).joined(separator: ", ") + (missing.count > 8 ? " …" : "")
        checkup.note(
            "reports",
            Words(
                "\(missing.count) units have sent no report for \(due.name), which is not the same as zero: "
                    + names,
                zh: "\(due.name) 缺报的单位 \(missing.count) 个（不报不等于零报告）：\(names)"),
            next: Words("ring them; there: \(due.step.en)", zh: "致电这些单位；请其\(due.step.zh)"))
    }

    /// What the centre does about callers who are turned away with a code.
    private static func step(for code: RefusalCode?) -> Words {
        switch code {
        case .codeSpent, .codeExpired, .codeUnknown:
            Words(
                "a join code is good for one device, until it expires: make another with "
                    + "`aggregator invite UNIT`",
                zh: "加入码只供一台设备在有效期内使用：用 aggregator invite 单位 另行生成")
        case .unknownDevice:
            Words(
                "a device of which this store knows nothing: have it join with `aggregator invite UNIT`",
                zh: "本数据不认识该设备：用 aggregator invite 单位 生成加入码，让其加入")
        case .pendingDevice:
            Words(
                "have its user read out six digits, then `aggregator confirm NUMBER`",
                zh: "请对方报出六位数字，再运行 aggregator confirm 数字")
        case .revokedDevice:
            Words(
                "nothing, when that is meant; else have it join anew with `aggregator invite UNIT`",
                zh: "若属有意撤销则无需处理；否则用 aggregator invite 单位 让其重新加入")
        case .tooOld, .tooNew:
            Words("update the older of the two programs", zh: "请升级两端中较旧的程序")
        case .tooManyAttempts:
            Words(
                "somebody tries codes: ask at that address; honest branches are let in meanwhile",
                zh: "有人在试加入码：请查问该地址；正常支部不受影响")
        default:
            Words(
                "run `aggregator serve --transcript FILE` for a while, and look at it with `sync-inspect "
                    + "capture`: it shows what they said",
                zh: "以 aggregator serve --transcript 运行一段时间，再用 sync-inspect capture 查看对方发送的内容")
        }
    }
}
