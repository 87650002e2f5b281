public import SyncCore

/// What the audit log tells, in words.
public enum AuditWords {
    /// What an entry is about; the code itself when this program does not know it.
    public static func words(for event: String) -> Words {
        ofPeople(event) ?? ofAnswers(event) ?? ofDevices(event)
            ?? Words(Output.printable(event), zh: Output.printable(event))
    }

    private static func ofPeople(_ event: String) -> Words? {
        switch event {
        case "initialized": Words("hub made", zh: "建立汇总端")
        case "imported": Words("imported", zh: "导入")
        case "carried": Words("took in a carried file", zh: "收取带来的文件")
        case "spoken": Words("took in an entry by telephone", zh: "电话收取一条内容")
        case "invited": Words("join code made", zh: "生成加入码")
        case "confirmed": Words("device confirmed", zh: "确认设备")
        case "revoked": Words("device revoked", zh: "撤销设备")
        case "released": Words("let in what a revoked device had handed over", zh: "接受被撤销设备交出的内容")
        case "revocations_mended": Words("revocations written again", zh: "补写撤销记录")
        case "revocations_settled": Words("compared who is revoked", zh: "核对已撤销的设备")
        case "key_rotated": Words("changed the hub's key", zh: "更换汇总端密钥")
        case "recovery_key": Words("made a recovery key", zh: "生成恢复密钥")
        case "purged": Words("removed what may be kept no longer", zh: "删除超期内容")
        case "backed_up": Words("backed up", zh: "备份")
        case "restored": Words("restored from a backup", zh: "从备份恢复")
        case "exported": Words("exported", zh: "导出")
        case "unmasked": Words("looked at unmasked", zh: "查看未遮盖内容")
        case "decided": Words("decided", zh: "裁定或更正")
        case "published": Words("published", zh: "发布")
        case "settings": Words("settings changed", zh: "更改设置")
        case "entered": Words("entered at the centre", zh: "中心录入")
        default: nil
        }
    }

    private static func ofAnswers(_ event: String) -> Words? {
        switch event {
        case "alert_taken": Words("took an alert", zh: "接手预警")
        case "alert_referred": Words("referred an alert", zh: "转介预警")
        case "alert_closed": Words("closed an alert", zh: "办结预警")
        default: nil
        }
    }

    private static func ofDevices(_ event: String) -> Words? {
        switch event {
        case "joined": Words("device joined", zh: "设备加入")
        case "refused": Words("turned away", zh: "拒绝")
        case AuditChain.endWasGone: Words("the log's end was gone", zh: "记录末尾缺失")
        case "set_aside": Words("set aside", zh: "搁置")
        case "store_restored_or_copied": Words("device restored or copied", zh: "设备数据被恢复或复制")
        case "replica_opened": Words("device goes on with another store", zh: "设备更换数据")
        case "hub_put_back": Words("hub put back", zh: "汇总端被换回")
        case "hole_passed": Words("entries that cannot come as they were", zh: "内容无法按原样补发")
        default: nil
        }
    }

    public static func words(for finding: AuditFinding) -> Words {
        switch finding {
        case .altered(let number): Words("entry \(number) was altered", zh: "第 \(number) 条被改动")
        case .dropped(let number): Words("entry \(number) was dropped", zh: "第 \(number) 条被删除")
        case .inserted(let number): Words("entry \(number) was inserted", zh: "第 \(number) 条是插入的")
        case .reordered(let number): Words("entry \(number) was moved", zh: "第 \(number) 条被移动")
        case .notFollowing(let number):
            Words(
                "entry \(number) does not follow the one before: they are of different lives of the store",
                zh: "第 \(number) 条与前一条不相连：分属数据的不同时期")
        case .besideGone:
            Words(
                "audit.head beside the store is gone or not this hub's: entries at the end may have been "
                    + "dropped",
                zh: "数据旁的 audit.head 缺失或不属于本汇总端：末尾的记录可能已被删除")
        case .besideOld(let number):
            Words(
                "audit.head beside the store is an older one, of entry \(number)",
                zh: "数据旁的 audit.head 是早先的，停在第 \(number) 条")
        case .endWasGone(let number):
            Words(
                "before entry \(number) the log's end had been removed or put back",
                zh: "第 \(number) 条之前，记录的末尾曾被删除或换回")
        case .endUnsigned(let number):
            Words(
                "the end is not signed: entries from \(number) on may have been dropped",
                zh: "末尾未签名：第 \(number) 条起的记录可能已被删除")
        }
    }
}
