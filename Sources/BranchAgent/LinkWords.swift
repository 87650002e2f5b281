import Console
import SyncCore
import SyncTransport

/// What a person reads when there was no session.
enum LinkWords {
    /// - Parameter target: where the hub was sought.
    static func words(for error: TransportError, at target: HostPort? = nil) -> Words {
        switch error {
        case .unreachable(let reason):
            unreachable(reason, target).joined(
                Words(
                    "; everything stays queued here, try again when there is a link",
                    zh: "；所有内容仍在本机排队，有网络时再试"))
        case .wrongHubKey: RefusalWords.words(for: Refuse(.anotherHub))
        case .forgedHubKey: RefusalWords.words(for: Refuse(.forgedHubKey))
        case .tls(let reason):
            insecure(reason, target).joined(
                Words("; check the address, everything stays queued here", zh: "；请检查地址，所有内容仍在本机排队"))
        case .cut(let reason):
            Words(
                "the connection broke (\(reason)); what was receipted has arrived, the rest is still queued "
                    + "here, try again",
                zh: "连接中断（\(cause(reason))）；已获回执的内容已到中心，其余仍在本机排队，请重试")
        }
    }

    /// The same of a device that has not joined yet: there is no queue to speak of.
    static func words(joining error: TransportError, at target: HostPort) -> Words {
        let again = Words(
            "; this device has not joined yet, run join again with the same code",
            zh: "；本设备尚未加入，请稍后用同一加入码重新运行 join")
        switch error {
        case .unreachable(let reason): return unreachable(reason, target).joined(again)
        case .wrongHubKey, .forgedHubKey:
            return Words(
                "code \(error.code?.rawValue ?? 0): whoever answers there is not the hub that made this join "
                    + "code: its key is another. "
                    + "Nothing was sent; check the address, or ring the centre: if the hub's key has changed "
                    + "since, they make a new code",
                zh:
                    "代码 \(error.code?.rawValue ?? 0)：对方不是生成此加入码的汇总端（密钥不同）。没有发送任何内容；"
                    + "请检查地址或联系中心：若其密钥已更换，须另发新的加入码"
            )
        case .tls(let reason): return insecure(reason, target).joined(again)
        case .cut(let reason):
            return Words(
                "the connection broke (\(reason))", zh: "连接中断（\(cause(reason))）"
            ).joined(again)
        }
    }

    /// A disk that had no room while a session ran.
    static let noRoom = Words(
        "the disk is full: not all that the centre sent could be kept here. What was receipted has "
            + "arrived, the rest stays queued; free some space and sync again",
        zh: "磁盘已满：中心发来的内容未能全部保存在本机。已获回执的内容已到中心，其余仍在本机排队；请腾出空间后重新同步")

    private static func unreachable(_ reason: String, _ target: HostPort?) -> Words {
        let meaning = meanings.first { reason.contains($0.0) }.map { ": \($0.1)" } ?? ""
        let place = name(target)
        return Words(
            "the hub\(place.en) cannot be reached (\(reason)\(meaning))",
            zh: "无法连接汇总端\(place.zh)（\(cause(reason))）")
    }

    private static func insecure(_ reason: String, _ target: HostPort?) -> Words {
        let place = name(target)
        return Words(
            "no secure connection to the hub\(place.en) (\(reason))",
            zh: "无法与汇总端\(place.zh)建立安全连接（\(cause(reason))）")
    }

    private static func name(_ target: HostPort?) -> (en: String, zh: String) {
        guard let target else { return ("", "") }
        let name = Output.printable("\(target)")
        return (" at \(name)", " \(name) ")
    }

    /// What the system's words mean for whoever sits in front of it.
    private static let meanings = [
        ("Connection refused", "nobody listens there; is the hub running, are address and port right?"),
        ("No route to host", "no network leads there"),
        ("Network is unreachable", "this machine has no network"),
    ]

    private static let causes = [
        ("Connection refused", "该地址无人监听：汇总端是否在运行，地址和端口是否正确？"), ("No route to host", "没有到对方的网络路径"),
        ("Network is unreachable", "本机没有网络"), ("Connection timed out", "对方没有应答"),
        ("Connection reset by peer", "对方断开了连接"), ("Broken pipe", "对方断开了连接"),
        ("no answer within", "对方没有应答"), ("is unknown", "找不到该主机名"), ("no address", "找不到该主机名"),
        ("the hub hung up", "对方断开了连接"), ("the hub does not answer", "对方没有应答"),
        ("hung up during the handshake", "对方在握手时断开"), ("the handshake took too long", "握手超时"),
        ("does not speak Rollcall", "对方不是 Rollcall 汇总端"), ("did not say that it speaks", "对方不是 Rollcall 汇总端"),
        ("does not speak TLS", "对方不使用 TLS 1.3，可能不是汇总端"), ("hung up without a farewell", "对方突然断开了连接"),
        ("the secure connection failed", "安全连接出错"),
    ]

    /// The transport speaks English; what it says often has a translation.
    private static func cause(_ reason: String) -> String {
        causes.first { reason.contains($0.0) }?.1 ?? "技术信息：\(Output.printable(reason))"
    }
}
