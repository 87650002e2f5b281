import Console
import SyncCore
import SyncStore

/// What a store found out about its own past or the hub's, as scripts and people read it.
struct IdentityNote: Encodable, Sendable {
    private enum CodingKeys: String, CodingKey {
        case at, kind, versions
    }

    /// By this machine's clock, UTC.
    var at: String
    /// `renewed`: this store was restored or copied. `hub_put_back`: the hub was. `parted`: the hub holds
    /// something else under names of this store's. `hole`: it will not get again what it once had.
    /// `given_back`: it gets again what this store once had from it. `forgotten`: what it has lost was
    /// dropped here. `hub_key_changed`: the hub shows another key, as it may.
    var kind: String
    /// Versions that are sent again, or cannot be, or are here no more.
    var versions: UInt64
    let time: Milliseconds

    init(_ event: IdentityEvent) {
        time = event.at
        at = RecordText.time(event.at)
        versions = event.versions
        switch event.kind {
        case .renewed: kind = "renewed"
        case .hubPutBack: kind = "hub_put_back"
        case .parted: kind = "parted"
        case .hole: kind = "hole"
        case .givenBack: kind = "given_back"
        case .forgotten: kind = "forgotten"
        case .hubKeyChanged: kind = "hub_key_changed"
        }
    }

    var words: Words {
        switch kind {
        case "renewed":
            let done =
                versions == 0
                ? Words("The centre has everything that is here", zh: "本机内容中心均已收到")
                : Words(
                    "\(versions) entries that the centre did not have are sent again",
                    zh: "中心没有的 \(versions) 条内容将重新发送")
            return Words(
                "this device's data was restored from a backup or copied (code "
                    + "\(RefusalCode.oldSessionToken.rawValue)). \(done.en); nothing is lost, "
                    + "and nothing counts twice. When another machine works with a copy, both may go on; "
                    + "tell the centre, so that it joins by itself",
                zh: "本设备的数据曾从备份恢复或被复制（代码 \(RefusalCode.oldSessionToken.rawValue)）。\(done.zh)；没有内容丢失，也不会重复计算。"
                    + "若另有电脑在使用副本，两边都可继续；请告知中心，让它单独加入")
        case "hole":
            return Words(
                "the centre's hub was put back to before \(versions) entries of this device that it had "
                    + "receipted. Values that may be kept no longer are gone from some of them, and "
                    + "cannot be "
                    + "sent again; all the rest of them is. The centre has been told. There is nothing to "
                    + "do here",
                zh: "汇总端曾恢复到较早的状态，缺少本设备此前已获回执的 \(versions) 条内容；"
                    + "其中超过保存期限的值已删除，无法再发送；其余内容将重新发送。已告知中心。本机无需任何操作")
        case "given_back":
            return Words(
                "the centre's hub was put back to an earlier state and had lost \(versions) entries of this "
                    + "device; they are sent again, and count once. There is nothing to do here",
                zh: "汇总端曾恢复到较早的状态，缺少本设备的 \(versions) 条内容；"
                    + "这些内容将重新发送，不会重复计算。本机无需任何操作")
        case "forgotten":
            return Words(
                "the centre's hub was put back to an earlier state; \(versions) entries made by others "
                    + "that it has no more, or no longer shows to this device, were removed here. What other "
                    + "devices wrote comes again when they send it again; what the centre itself had "
                    + "entered or decided since then it has to enter again",
                zh: "汇总端曾恢复到较早的状态；其他人录入的 \(versions) 条内容已不在汇总端"
                    + "（或不再向本设备显示），本机也已移除。其他设备录入的内容重新发送后会再次出现；"
                    + "中心自己此后录入或裁定的内容须由中心重新办理")
        case "hub_key_changed":
            return Words(
                "the centre's hub has a new key, which its former one or its recovery key has blessed; this "
                    + "device believes it from now on. There is nothing to do here",
                zh: "汇总端已更换密钥，新密钥经原密钥或恢复密钥认可；本设备自此认定新密钥。本机无需任何操作")
        case "parted":
            return Words(
                "the centre's hub was put back, and an old copy of this device's data has written there "
                    + "under the same names since. Up to \(versions) entries of this device may be missing "
                    + "at the centre and cannot be sent any more; they are kept here. Compare with "
                    + "`sync-inspect reconcile`, and enter again what is missing",
                zh: "汇总端曾恢复到较早的状态，此后本设备数据的旧副本又以相同名称写入了其他内容。"
                    + "本设备最多有 \(versions) 条内容可能不在中心，且无法再发送；它们仍保存在本机。"
                    + "请用 `sync-inspect reconcile` 对账，并重新录入缺少的内容")
        default:
            return Words(
                "the centre's hub was put back to an earlier state; \(versions) entries that it had "
                    + "receipted are sent again. There is nothing to do here",
                zh: "汇总端曾恢复到较早的状态；此前已获回执的 \(versions) 条内容将重新发送。本机无需任何操作")
        }
    }
}
