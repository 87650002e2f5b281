import Console
import Logging
import SyncCore
import SyncStore

/// What the hub's log tells whoever looks after it, and what to do.
enum HubLogWords {
    static func alertCommand(_ outcome: CalledCommand.Outcome) -> Words {
        if outcome == .hung {
            return Words(
                "the command of --on-alert had not ended after 30 seconds and was ended; it is run again, "
                    + "see to it",
                zh: "--on-alert 指定的命令超过 30 秒未结束，已被终止；稍后会再次运行，请检查该命令")
        }
        return Words(
            "the command of --on-alert did not do its work (\(outcome)); it is run again, see to it",
            zh: "--on-alert 指定的命令未能完成（技术信息：\(outcome)）；稍后会再次运行，请检查该命令")
    }

    static let rulesFailed = Words(
        "the rules could not be evaluated; they are tried again", zh: "规则未能执行；将再次尝试")

    static let clockWentBack = Words(
        "the clock of this machine has gone back; what rules judged by the time that it showed before is "
            + "judged again as it falls due. Look at `aggregator alerts list` for what was raised too early",
        zh: "本机时钟被拨回；此前按错误时间执行的规则将在到期时重新判断。请用 aggregator alerts list 查看过早触发的事项")

    static func fired(_ name: String) -> Words { Words("a rule fired: \(name)", zh: "规则触发：\(name)") }

    static let compares = Words("a device compares its records with the hub's", zh: "一台设备正在与汇总端核对记录")
    static let opened = Words("session opened", zh: "设备已连接")

    static let surrenders = Words(
        "a revoked device hands over what it had not sent; it is kept and does not count",
        zh: "一台已撤销的设备正在交出尚未发送的内容；已隔离保存，不计入")

    private static let overloaded = Words(
        "overloaded: as many devices are connected as the hub takes, of this one only what is urgent is "
            + "taken; it comes again by itself, `--sessions` allows more",
        zh: "汇总端繁忙：连接的设备已达上限，本设备只接收紧急内容；它会自动重试，可用 --sessions 提高上限")

    private static let fork = Words(
        "a device sent other entries under numbers that it had used before: its folder was restored from "
            + "a backup, or copied. It puts that in order by itself and sends them under new numbers",
        zh: "有设备用已使用过的编号发来不同的内容：其目录是从备份恢复或复制的。该设备会自行理顺，并以新编号重新发送")

    private static let restoredOrCopied = Words(
        "a device's folder was restored from a backup, or copied; it puts its entries in order by itself, "
            + "nothing is lost. `aggregator devices` tells whether two machines run as one device",
        zh: "有设备的目录是从备份恢复或复制的；该设备会自行理顺其内容，没有内容丢失。"
            + "可用 aggregator devices 查看是否有两台机器以同一设备运行")

    /// What the log calls these.
    static let deviceRefused = "device_refused"
    static let isOverloaded = "overloaded"
    static let forked = "fork"

    /// How loud a line is that may stand for many, and its words.
    static func said(_ line: RefusedAttempt) -> (level: Logger.Level, words: Words) {
        switch line.event {
        case isOverloaded: (.notice, overloaded)
        case forked: (.warning, fork)
        case IdentityAudit.restoredOrCopied: (.warning, restoredOrCopied)
        default: (.notice, refused(line.code ?? .unknownDevice))
        }
    }

    private static func refused(_ code: RefusalCode) -> Words {
        switch code {
        case .pendingDevice:
            Words(
                "a device waits to be confirmed: compare its six digits and run `aggregator confirm`, see "
                    + "`aggregator devices`",
                zh: "有设备等待确认：请核对六位数字后运行 aggregator confirm，可用 aggregator devices 查看")
        case .unknownDevice:
            Words(
                "a device that has not joined was refused; if it is one of yours, give it a join code with "
                    + "`aggregator invite`",
                zh: "拒绝了一台尚未加入的设备；若为本单位设备，请用 aggregator invite 生成加入码")
        case .revokedDevice:
            Words("a revoked device was refused; nothing to do", zh: "拒绝了一台已撤销的设备；无须处理")
        default:
            Words(
                "a device was refused; it was told why, see `aggregator devices`",
                zh: "拒绝了一台设备；已告知对方原因，可用 aggregator devices 查看")
        }
    }

    // MARK: - Traps

    static let died = Words(
        "the hub's program failed over what a branch sent, and was started again; it is tried once more, and "
            + "set aside if it fails again",
        zh: "汇总端程序处理支部发来的内容时出错并已重新启动；将再试一次，若再出错则搁置该内容")

    static let setAside = Words(
        "set aside: the hub died over this version again and again; it is quarantined as it came. Show this "
            + "to whoever helps you",
        zh: "已搁置：程序处理此版本时反复出错；已原样隔离。请告知技术人员")

    static let holePassed = Words(
        "a branch cannot send again as it was what it sent before this hub was put back: values that may be "
            + "kept no longer are gone; it sends the rest under new names",
        zh: "汇总端恢复前支部曾发送的部分内容已无法按原样补发：超过保存期限的值已删除；其余由支部以新名称补发")

    static let batchRefused = Words(
        "refused without being looked at: the hub died over it again and again. It stays queued at the "
            + "branch; update the program, or try again with `aggregator serve --retry-refused`",
        zh: "未查看即拒绝：程序处理它时反复出错。内容仍在支部排队；请升级程序，或用 aggregator serve --retry-refused 重试")

    static let frameRefused = Words(
        "refused without being decoded: the hub died over this frame again and again. It stays queued at the "
            + "branch; update the program, or try again with `aggregator serve --retry-refused`",
        zh: "未解码即拒绝：程序处理此帧时反复出错。内容仍在支部排队；请升级程序，或用 aggregator serve --retry-refused 重试")

    static let markerTorn = Words(
        "the file trap.marker, in which the hub notes over what it failed, is damaged; nothing is suspected, "
            + "nothing to do",
        zh: "记录程序出错原因的 trap.marker 文件已损坏；不作怀疑，无须处理")

    static let trapsUnreadable = Words(
        "what was kept of earlier failures of the hub does not read; nothing is suspected, nothing to do",
        zh: "先前保存的程序出错记录无法读取；不作怀疑，无须处理")

    static let trapsNotKept = Words(
        "what is known of failures of the hub could not be kept; nothing is lost, look at the disk",
        zh: "程序出错记录无法保存；没有内容丢失，请检查磁盘")
}
