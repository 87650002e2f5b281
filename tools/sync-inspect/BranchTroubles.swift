import Console
import SQLiteStore
import SyncCore
import SyncStore

/// What is wrong with a branch, as the centre can see it, and what to do.
struct BranchTroubles {
    let device: DeviceInfo
    let gaps: [HubGap]
    let sessions: [SessionEntry]
    let held: Int
    /// What its unit was to send and the centre has not.
    let report: DueReports?
    /// When its store was noticed to have been restored or copied, in the last month.
    let copied: Milliseconds?
    let isConnected: Bool
    let now: Milliseconds
    let silence: Milliseconds

    var all: [BranchesReport.Trouble] { admission + contact + journals + content }

    private var admission: [BranchesReport.Trouble] {
        switch device.state {
        case .pending:
            [
                .init(
                    "pending", Words("the device waits to be confirmed", zh: "设备待确认"),
                    next: Words(
                        "have its user read out six digits, then `aggregator confirm NUMBER`",
                        zh: "请对方报出六位数字，再运行 aggregator confirm 数字"))
            ]
        case .revoked:
            [
                .init(
                    "revoked", Words("the device is revoked", zh: "设备已撤销"),
                    next: Words(
                        "nothing; what it hands over stays in quarantine (`sync-inspect quarantine`)",
                        zh: "无需处理；其交出的内容留在隔离区（sync-inspect quarantine）"))
            ]
        case .active: []
        }
    }

    private var contact: [BranchesReport.Trouble] {
        guard device.state == .active else { return [] }
        var troubles: [BranchesReport.Trouble] = []
        if let seen = device.lastSeen {
            let age = now.subtractingClamped(seen)
            if age > silence, !isConnected {
                let span = TimeText.span(age)
                troubles.append(
                    .init(
                        "silent", Words("not heard for \(span.en)", zh: "已 \(span.zh) 没有联系"),
                        next: Words(
                            "ring the branch; there: `sync-inspect doctor --data DIR`",
                            zh: "致电支部；请其运行 sync-inspect doctor --data DIR")))
            }
        } else {
            troubles.append(
                .init(
                    "never", Words("joined, and never synced", zh: "已加入，但从未同步"),
                    next: Words(
                        "ring the branch; there: `branch-agent sync`", zh: "致电支部；请其运行 branch-agent sync")))
        }
        if device.skew.magnitude > AuthoringClock.tolerance.magnitude {
            let words = BranchTroubles.clock(device.skew)
            troubles.append(
                .init(
                    "clock", Words("its clock is \(words.en)", zh: "其时钟\(words.zh)"),
                    next: Words("have the clock of that machine set", zh: "请对方校准时钟")))
        }
        if let last = sessions.first, let ending = last.ending, ending != SessionEntry.done,
            ending != SessionEntry.lost, ending != "cut", UInt16(ending) ?? 0 != 206,
            UInt16(ending) ?? 0 != 121
        {
            let words = FailureWords.words(for: ending)
            troubles.append(
                .init(
                    "refused", Words("its last session ended with \(ending)", zh: "其最近一次会话以 \(ending) 结束"),
                    next: words))
        }
        return troubles
    }

    private var journals: [BranchesReport.Trouble] {
        var troubles: [BranchesReport.Trouble] = []
        if let copied {
            let ago = TimeText.span(max(0, now.subtractingClamped(copied)))
            troubles.append(
                .init(
                    "copied",
                    Words(
                        "its store was restored or copied, noticed \(ago.en) ago",
                        zh: "其数据曾被恢复或复制，\(ago.zh)前发现"),
                    next: Words(
                        "nothing is lost; if a second machine works with a copy, have it join by itself",
                        zh: "没有内容丢失；若有第二台电脑使用副本，请让它单独加入")))
        } else if device.replicas > 1 {
            troubles.append(
                .init(
                    "copied",
                    Words(
                        "\(device.replicas) stores work as this device: it was copied",
                        zh: "有 \(device.replicas) 份数据以此设备运行：数据曾被复制"),
                    next: Words(
                        "nothing is lost; have the second machine join by itself",
                        zh: "没有内容丢失；请让第二台电脑单独加入")))
        }
        let missing = gaps.flatMap(\.holes).reduce(UInt64(0)) { $0 &+ ($1.upperBound - $1.lowerBound) &+ 1 }
        if missing > 0 {
            troubles.append(
                .init(
                    "gap",
                    Words(
                        "\(missing) versions of its journals are missing here", zh: "其日志在此处缺少 \(missing) 条"),
                    next: Words(
                        "compare at the branch: `sync-inspect reconcile`", zh: "在支部对账：sync-inspect reconcile")
                ))
        }
        let unsealed = gaps.reduce(UInt64(0)) { $0 &+ $1.unsealed }
        if unsealed > 0 {
            troubles.append(
                .init(
                    "unsealed",
                    Words("\(unsealed) versions came without their seal", zh: "有 \(unsealed) 条已到但签封未到"),
                    next: Words("nothing; the next session brings it", zh: "无需处理；下次会话会补上")))
        }
        return troubles
    }

    private var content: [BranchesReport.Trouble] {
        var troubles: [BranchesReport.Trouble] = []
        let backlog = device.urgent.count &+ device.routine.count
        let oldest = Milliseconds(clamping: max(device.urgent.oldestAge, device.routine.oldestAge))
        if backlog > 0, oldest > 86_400_000 {
            let span = TimeText.span(oldest)
            troubles.append(
                .init(
                    "backlog",
                    Words(
                        "\(backlog) entries had not come, the oldest \(span.en) old",
                        zh: "有 \(backlog) 条未到，最早的已 \(span.zh)"),
                    next: Words(
                        "`sync-inspect estimate` at the branch says how long they take",
                        zh: "在支部运行 sync-inspect estimate 可估算所需时间")))
        }
        if let report {
            troubles.append(
                .init(
                    "no_report",
                    Words(
                        "no report for \(report.name), which is not the same as zero",
                        zh: "\(report.name) 缺报；不报不等于零报告"),
                    next: Words("ring the branch; there: \(report.step.en)", zh: "致电支部；请其\(report.step.zh)")))
        }
        if held > 0 {
            troubles.append(
                .init(
                    "quarantine", Words("\(held) of its versions are held back", zh: "有 \(held) 条被隔离"),
                    next: Words(
                        "`sync-inspect quarantine` says why and who can mend them",
                        zh: "用 sync-inspect quarantine 查看原因和处理人")))
        }
        return troubles
    }

    static func clock(_ skew: Milliseconds) -> Words {
        guard skew.magnitude > AuthoringClock.tolerance.magnitude else { return Words("right", zh: "正确") }
        let span = TimeText.span(skew)
        return skew > 0
            ? Words("\(span.en) behind", zh: "慢 \(span.zh)") : Words("\(span.en) ahead", zh: "快 \(span.zh)")
    }
}
