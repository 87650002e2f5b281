import Console
import Foundation
import SQLiteStore
import SyncCore
import SyncStore

/// What a hub's store says of itself.
extension Doctor {
    mutating func look(at store: SQLiteHubStore) {
        do {
            if folder.isServed {
                checkup.ok(
                    "program_runs",
                    Words("`aggregator serve` runs on this store", zh: "此数据上正在运行 aggregator serve"))
            } else {
                checkup.note(
                    "program_runs",
                    Words("no `aggregator serve` runs on this store", zh: "此数据上没有运行 aggregator serve"),
                    next: Words("start it; nobody can connect meanwhile", zh: "请启动；否则支部无法连接"))
            }
            try lookAtClock(store)
            try lookAtDevices(store)
            try lookAtBackup(store)
            try lookAtHeldBack(store)
            try lookAtIncidents(store)
            let kept = try store.suspicion()
            let suspicion =
                kept.isEmpty ? nil : try? JSONDecoder().decode(TrapSuspicion.self, from: Data(kept))
            if suspicion?.isEmpty == false {
                checkup.trouble(
                    "trap",
                    Words(
                        "the program died over something that came",
                        zh: "程序处理收到的内容时崩溃过"),
                    next: Words(
                        "start `aggregator serve` again: it finds the "
                            + "version and sets it aside. Show its log to "
                            + "whoever looks after the programs",
                        zh: "重新启动 aggregator serve：它会找出并隔离该版本。请把日志交给程序维护人员"))
            }
        } catch {
            checkup.trouble(
                "content", (error as? Failure ?? Program.failure(for: error)).message,
                next: Words("look at a copy with `sync-inspect verify`", zh: "对副本运行 sync-inspect verify"))
        }
    }

    private mutating func lookAtClock(_ store: SQLiteHubStore) throws {
        let last = try store.devices().compactMap(\.lastSeen).max()
        if let last, last.subtractingClamped(now) > AuthoringClock.tolerance {
            let span = TimeText.span(last.subtractingClamped(now))
            return checkup.trouble(
                "clock",
                Words(
                    "this machine's clock stands \(span.en) before the last contact",
                    zh: "本机时钟比最近一次联系早 \(span.zh)"),
                next: Words("set the clock; branches learn the time from it", zh: "请校准时钟；各支部以此为准"))
        }
        // Of many branches no clock runs right: then it is this one that is wrong.
        let skews = try store.devices().filter { $0.lastSeen != nil }.map(\.skew).sorted()
        if skews.count >= 3, skews[skews.count / 2].magnitude > AuthoringClock.tolerance.magnitude {
            let words = BranchTroubles.clock(skews[skews.count / 2])
            return checkup.trouble(
                "clock",
                Words(
                    "most branches' clocks seem \(words.en): this machine's is wrong",
                    zh: "多数支部的时钟看似\(words.zh)：应是本机时钟有误"),
                next: Words("set this machine's clock", zh: "请校准本机时钟"))
        }
        checkup.ok("clock", Words("the clock fits the last contacts", zh: "时钟与最近的联系相符"))
    }

    private mutating func lookAtDevices(_ store: SQLiteHubStore) throws {
        let devices = try store.devices()
        let pending = devices.count { $0.state == .pending }
        let silent = devices.count {
            $0.state == .active && now.subtractingClamped($0.lastSeen ?? .min) > 86_400_000
        }
        let words = Words(
            "\(devices.count) devices, \(pending) to be confirmed, \(silent) not heard for a day",
            zh: "设备 \(devices.count) 台，待确认 \(pending) 台，一天没有联系的 \(silent) 台")
        if pending + silent > 0 {
            checkup.note(
                "devices", words,
                next: Words(
                    "`sync-inspect branches` says what is wrong with each",
                    zh: "用 sync-inspect branches 查看各自的问题"))
        } else {
            checkup.ok("devices", words)
        }
    }

    private mutating func lookAtBackup(_ store: SQLiteHubStore) throws {
        guard let oldest = try store.oldestWithoutBackup() else {
            return checkup.ok("backup", Words("all that came lies in a backup", zh: "全部内容已有备份"))
        }
        let age = now.subtractingClamped(oldest)
        let span = TimeText.span(max(0, age))
        let words = Words("the oldest that is in no backup came \(span.en) ago", zh: "最早的未备份内容已收到 \(span.zh)")
        let next = Words("`aggregator backup FILE`", zh: "运行 aggregator backup")
        if age > 2 * 86_400_000 {
            checkup.trouble("backup", words, next: next)
        } else {
            checkup.note("backup", words, next: next)
        }
    }

    private mutating func lookAtHeldBack(_ store: SQLiteHubStore) throws {
        let held = try store.heldBackCount()
        if held > 0 {
            checkup.note(
                "quarantine", Words("\(held) versions are held back", zh: "隔离中的版本 \(held) 条"),
                next: Words(
                    "`sync-inspect quarantine` says why and who can mend them",
                    zh: "用 sync-inspect quarantine 查看原因和处理人"))
        }
        let conflicts = try store.conflictCount()
        if conflicts > 0 {
            checkup.note(
                "conflicts", Words("\(conflicts) records wait for a decision", zh: "有 \(conflicts) 条记录待裁定"),
                next: Words("`aggregator conflicts list`", zh: "运行 aggregator conflicts list"))
        }
    }
}
