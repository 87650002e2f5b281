import Console
import SQLiteStore
import SyncCore
import SyncStore

/// What the centre reads about devices that were restored or copied, and about its own store.
enum IdentityLines {
    /// So many of the latest events are shown.
    static let limit = 5

    static func lines(_ store: SQLiteHubStore, _ devices: [DeviceInfo], times: TimeText) throws -> [String] {
        let copied = devices.filter { $0.replicas > 1 }.map { device in
            Words(
                "device \(device.id) runs on \(device.replicas) machines with copies of one folder; both may "
                    + "go on, but each should join by itself: `aggregator invite "
                    + "\(Output.printable(device.unit))`",
                zh: "设备 \(device.id) 的目录被复制，正在 \(device.replicas) 台机器上运行；两边都可继续，"
                    + "但每台应单独加入：aggregator invite \(Output.printable(device.unit))"
            ).text()
        }
        let notes = try store.identityNotes(limit: limit).reversed().map { note in
            let at = times.text(note.at)
            return Words("\(at): ", zh: "\(at)：")
                .joined(words(note.event, device: note.device, detail: note.detail)).text()
        }
        return copied + notes
    }

    private static func words(_ event: String, device: Int64?, detail: String) -> Words {
        let device = device ?? 0
        switch event {
        case IdentityAudit.restoredOrCopied:
            return Words(
                "device \(device) came with a folder that was restored from a backup or copied; it has put "
                    + "its entries in order by itself",
                zh: "设备 \(device) 的目录是从备份恢复或复制的；该设备已自行理顺其内容")
        case IdentityAudit.replicaOpened:
            return Words(
                "device \(device) goes on with a store of another history: wiped, restored or copied",
                zh: "设备 \(device) 以另一份数据继续：曾被清空、恢复或复制")
        case IdentityAudit.hubPutBack:
            return Words(
                "this hub was put back to an earlier state without `aggregator restore`, as device \(device) "
                    + "has shown; the branches send again what is missing",
                zh: "设备 \(device) 表明本汇总端未经 aggregator restore 被恢复到较早的状态；各支部会补发缺少的内容")
        case IdentityAudit.holePassed:
            let count = detail.prefix { $0 != " " }
            return Words(
                "device \(device) cannot send again \(count) entries as this hub had them before it was put "
                    + "back: values that may be kept no longer are gone there; it sends the rest by itself",
                zh: "本汇总端恢复前曾有的 \(count) 条内容，设备 \(device) 已无法按原样补发：超过保存期限的值已删除；"
                    + "其余由该设备自动补发")
        default:
            return Words(
                "this hub was restored from a backup; the branches send again what is missing",
                zh: "本汇总端曾从备份恢复；各支部会补发缺少的内容")
        }
    }
}
