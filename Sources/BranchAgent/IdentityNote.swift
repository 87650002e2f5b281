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
    /// `renewed`: this store was restored or copied. `hub_put_back`: the hub was.
    var kind: String
    /// Versions that are sent again.
    var versions: UInt64
    let time: Milliseconds

    init(_ event: IdentityEvent) {
        time = event.at
        at = RecordText.time(event.at)
        versions = event.versions
        switch event.kind {
        case .renewed: kind = "renewed"
        case .hubPutBack: kind = "hub_put_back"
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
                "this device's data was restored from a backup or copied. \(done.en); nothing is lost, "
                    + "and nothing counts twice. When another machine works with a copy, both may go on; "
                    + "tell the centre, so that it joins by itself",
                zh: "本设备的数据曾从备份恢复或被复制。\(done.zh)；没有内容丢失，也不会重复计算。"
                    + "若另有电脑在使用副本，两边都可继续；请告知中心，让它单独加入")
        default:
            return Words(
                "the centre's hub was put back to an earlier state; \(versions) entries that it had "
                    + "receipted are sent again. There is nothing to do here",
                zh: "汇总端曾恢复到较早的状态；此前已获回执的 \(versions) 条内容将重新发送。本机无需任何操作")
        }
    }
}
