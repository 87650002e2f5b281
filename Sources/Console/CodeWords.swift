import SyncCore

/// Codes that people meet in tables; reports for scripts keep the code.
public enum CodeWords {
    /// A merge policy's name.
    public static func policy(_ name: String) -> Words {
        switch name {
        case "latest": Words("latest", zh: "取最新")
        case "highest": Words("highest", zh: "取最高")
        case "union": Words("union", zh: "合并全部")
        case "any": Words("any", zh: "任一为是")
        default: Words(name, zh: name)
        }
    }

    /// A kind of verdict and its reason.
    public static func verdict(_ kind: String, _ reason: String) -> Words {
        let name =
            switch kind {
            case "quarantined": Words("quarantined", zh: "已隔离")
            case "noted": Words("noted", zh: "备注")
            case "heldAlready": Words("held already", zh: "中心已有")
            case "released": Words("released", zh: "已解除隔离")
            default: Words(kind, zh: kind)
            }
        return Words("\(name.en) \(reason)", zh: "\(name.zh)（\(reason)）")
    }

    /// Whether a device may send.
    public static func device(_ state: String) -> Words {
        switch state {
        case "pending": Words("pending", zh: "待确认")
        case "active": Words("active", zh: "已启用")
        case "revoked": Words("revoked", zh: "已撤销")
        default: Words(state, zh: state)
        }
    }
}
