import Console
import SyncTransport

/// What a person reads when there was no session.
enum LinkWords {
    static func words(for error: TransportError) -> Words {
        switch error {
        case .unreachable(let reason):
            Words(
                "the hub cannot be reached (\(reason)); everything stays queued here, try again when "
                    + "there is a link",
                zh: "无法连接汇总端（\(cause(reason))）；所有内容仍在本机排队，有网络时再试")
        case .wrongHubKey:
            Words(
                "whoever answers there is not the hub that this device joined: its key is another. "
                    + "Nothing was sent; check the address, or ring the centre",
                zh: "对方不是本设备加入的汇总端（密钥不同）。没有发送任何内容；请检查地址或联系中心")
        case .tls(let reason):
            Words(
                "no secure connection to the hub (\(reason)); check the address, everything stays "
                    + "queued here",
                zh: "无法与汇总端建立安全连接（\(cause(reason))）；请检查地址，所有内容仍在本机排队")
        case .cut(let reason):
            Words(
                "the connection broke (\(reason)); what was receipted has arrived, the rest is still queued "
                    + "here, try again",
                zh: "连接中断（\(cause(reason))）；已获回执的内容已到中心，其余仍在本机排队，请重试")
        }
    }

    private static let causes = [
        ("Connection refused", "对方没有运行汇总端，或端口不对"), ("No route to host", "没有到对方的网络路径"),
        ("Network is unreachable", "本机没有网络"), ("Connection timed out", "对方没有应答"),
        ("Connection reset by peer", "对方断开了连接"), ("Broken pipe", "对方断开了连接"),
        ("no answer within", "对方没有应答"), ("is unknown", "找不到该主机名"), ("no address", "找不到该主机名"),
        ("the hub hung up", "对方断开了连接"), ("the hub does not answer", "对方没有应答"),
        ("hung up during the handshake", "对方在握手时断开"), ("the handshake took too long", "握手超时"),
        ("does not speak Rollcall", "对方不是 Rollcall 汇总端"), ("did not say that it speaks", "对方不是 Rollcall 汇总端"),
    ]

    /// The transport speaks English; what it says often has a translation.
    private static func cause(_ reason: String) -> String {
        causes.first { reason.contains($0.0) }?.1 ?? "技术信息：\(Output.printable(reason))"
    }
}
