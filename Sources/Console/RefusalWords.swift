public import SyncCore

/// A refusal in words that say what to do next.
public enum RefusalWords {
    /// - Parameter confirmation: the six digits of a device that waits for the centre.
    public static func words(for refuse: Refuse, confirmation: String? = nil) -> Words {
        var next = next(refuse.code) ?? unexpected
        if refuse.code == .pendingDevice, let confirmation {
            next = pending(confirmation)
        }
        let said = Output.printable(refuse.words)
        // What the peer says in English is worth its place only where the code alone does not say it.
        let isDetailed = refuse.code == .identityLost || self.next(refuse.code) == nil
        let hasDetail = isDetailed && !said.isEmpty
        if let own = ownJudgement(refuse.code) { return own }
        return Words(
            "the hub refused, code \(refuse.code.rawValue)\(hasDetail ? " (\(said))" : ""): \(next.en)",
            zh: "汇总端拒绝，代码 \(refuse.code.rawValue)\(hasDetail ? "（技术信息：\(said)）" : "")：\(next.zh)")
    }

    /// What no hub says, since the device finds it out by itself; or what either side says of a link that
    /// carries nothing.
    private static func ownJudgement(_ code: RefusalCode) -> Words? {
        guard [.forgedHubKey, .anotherHub, .silence].contains(code), let next = next(code) else { return nil }
        return Words("code \(code.rawValue): \(next.en)", zh: "代码 \(code.rawValue)：\(next.zh)")
    }

    /// What a device that waits for the centre is told.
    public static func pending(_ confirmation: String) -> Words {
        Words(
            "the centre has not confirmed this device yet; ring them and read out \(confirmation). "
                + "Everything entered here is kept meanwhile",
            zh: "中心尚未确认本设备；请致电中心并报出 \(confirmation)。其间录入的内容保存在本机")
    }

    private static let unexpected = Words(
        "nothing is lost, what was not receipted stays queued here. Try again; if it stays so, show "
            + "this code "
            + "to whoever helps you",
        zh: "没有内容丢失，未获回执的内容仍在本机排队。请重试；若仍如此，请把代码告知技术人员")

    /// Nil for codes that only show that something is broken.
    static func next(_ code: RefusalCode) -> Words? { aboutDevice(code) ?? aboutLink(code) }

    private static func aboutDevice(_ code: RefusalCode) -> Words? {
        switch code {
        case .unknownDevice:
            Words("this device has not joined; ask the centre for a join code", zh: "本设备尚未加入；请向中心索取加入码")
        case .pendingDevice:
            Words(
                "the centre has not confirmed this device yet; ring them with the six digits that "
                    + "`branch-agent status` shows",
                zh: "中心尚未确认本设备；请致电中心，报出 branch-agent status 显示的六位数字")
        case .revokedDevice:
            Words(
                "the centre has revoked this device: what is entered here does not count. What had not been "
                    + "sent is handed over to quarantine or stays here; ring them. To go on, ask for a "
                    + "new join code and join with another data folder (`branch-agent join CODE --data NEW`)",
                zh: "中心已撤销本设备：此处录入的内容不再计入。尚未发送的内容会交中心隔离保存，或留在本机。"
                    + "请联系中心；若要继续使用，请索取新的加入码，用另一数据目录加入（branch-agent join 加入码 --data 新目录）")
        case .codeUnknown:
            Words("the hub does not know this join code; ask for a new one", zh: "汇总端不认识此加入码；请索取新码")
        case .codeSpent:
            Words("another device has used this join code; ask for a new one", zh: "此加入码已被另一设备使用；请索取新码")
        case .codeExpired:
            Words("this join code has expired; ask for a new one", zh: "此加入码已过期；请索取新码")
        case .identityLost:
            Words(
                "this store and the hub's journal disagree: a restored or copied store. Nothing is lost; "
                    + "ring the centre before going on",
                zh: "本机数据与汇总端记录不一致（可能是恢复或复制的数据）。没有内容丢失；请先联系中心")
        case .identityRenewed:
            Words(
                "this device's data was restored or copied and has been put in order; sync once more",
                zh: "本设备的数据曾被恢复或复制，现已理顺；请再同步一次")
        case .forgedHubKey:
            Words(
                "whoever answers there shows a new key of the hub's that neither its former one nor its "
                    + "recovery key has blessed. Nothing was sent; ring the centre",
                zh: "对方出示的汇总端新密钥未经原密钥或恢复密钥认可。没有发送任何内容；请联系中心")
        case .anotherHub:
            Words(
                "whoever answers there is not the hub that this device joined: its key is another. "
                    + "Nothing was sent; check the address, or ring the centre",
                zh: "对方不是本设备加入的汇总端（密钥不同）。没有发送任何内容；请检查地址或联系中心")
        case .noClientKey:
            Words(
                "whoever called showed no key; only a device that has joined is listened to",
                zh: "对方未出示密钥；只接受已加入的设备")
        case .chainParted, .oldSessionToken:
            Words(
                "this device's data was restored or copied; it puts that in order by itself, nothing is lost",
                zh: "本设备的数据曾被恢复或复制；设备会自行理顺，没有内容丢失")
        case .forgedReceipt:
            Words(
                "the hub's receipt is not signed by any of its keys, so nothing of it is believed; what was "
                    + "not receipted stays queued here. Ring the centre",
                zh: "汇总端的回执未经其任何密钥签名，不予采信；未获回执的内容仍在本机排队。请联系中心")
        case .originOfAnother:
            Words(
                "this store's journal belongs to another device: a copied store. Ring the centre before "
                    + "going on",
                zh: "本机的数据属于另一设备（可能是复制的数据）。请先联系中心")
        default: nil
        }
    }

    private static func aboutLink(_ code: RefusalCode) -> Words? {
        switch code {
        case .overloaded: Words("it is busy; try again in a little while", zh: "汇总端繁忙；请稍后再试")
        case .shuttingDown: Words("it is being stopped; try again in a little while", zh: "汇总端正在停止；请稍后再试")
        case .silence:
            Words(
                "nothing was heard for too long; try again when the link is better",
                zh: "长时间没有回应；请在网络好转后再试")
        case .diskFull:
            Words(
                "the hub's disk is full; what was not receipted stays queued here. Tell the centre",
                zh: "汇总端磁盘已满；未获回执的内容仍在本机排队。请告知中心")
        case .dayIsFull:
            Words(
                "this device has sent as much as the centre takes of one in a day; what was not receipted "
                    + "stays queued here, what is urgent is still taken. Tell the centre",
                zh: "本设备今日发送量已达中心上限；未获回执的内容仍在本机排队，紧急内容仍会接收。请告知中心")
        case .setAside:
            Words(
                "nothing is lost, it stays queued here; tell the centre that the hub's log has more",
                zh: "没有内容丢失，仍在本机排队；请告知中心查看汇总端日志")
        case .tooManyAttempts:
            Words(
                "too many joins have failed there; check the join code, and try again in a minute",
                zh: "加入失败次数过多；请核对加入码，一分钟后再试")
        case .tooOld, .tooNew:
            Words(
                "this program and the hub speak different versions of the protocol; update the older of "
                    + "the two",
                zh: "本程序与汇总端的协议版本不同；请升级较旧的一方")
        case .notRollcall:
            Words(
                "something else than a Rollcall hub answers there; check the address",
                zh: "该地址不是 Rollcall 汇总端；请检查地址")
        case .replaced:
            Words(
                "another connection of this device took over; stop the other program, or let it go on",
                zh: "本设备的另一连接已接管；请停止另一程序，或由它继续")
        default: nil
        }
    }
}
