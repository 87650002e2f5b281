import SyncCore
import SyncStore

/// How a try to reach the hub ended, as a store keeps it, in words that say what to do next.
public enum FailureWords {
    /// What a kept failure code means: a refusal's number, or a word of this program's.
    public static func words(for code: String, confirmation: String? = nil) -> Words {
        if let number = UInt16(code) {
            return RefusalWords.words(
                for: Refuse(RefusalCode(rawValue: number)), confirmation: confirmation)
        }
        switch code {
        case "unreachable":
            return Words(
                "the hub cannot be reached; everything stays queued here, the next `sync` or a "
                    + "running `serve` tries again",
                zh: "无法连接汇总端；所有内容仍在本机排队，下次运行 sync 或持续运行的 serve 会再次发送")
        case "no_secure_connection":
            return Words(
                "something answers at the hub's address, but no secure connection comes about: a frozen hub, "
                    + "or another program; check the address, everything stays queued here",
                zh: "汇总端地址有应答，但无法建立安全连接：汇总端可能停滞，或是其他程序；请检查地址，所有内容仍在本机排队")
        case "wrong_hub_key":
            return Words(
                "another key than the hub's answers there; check the address, or ring the centre",
                zh: "对方密钥与汇总端不符；请检查地址或联系中心")
        case "disk_full":
            return Words("the disk here is full; free some space", zh: "本机磁盘已满；请腾出空间")
        case let code where StoreError.Code(rawValue: code) != nil:
            return Words(
                "the store on this machine could not be used (\(code)); run `branch-agent sync` and do as it "
                    + "says, everything stays queued here",
                zh: "本机数据无法使用（技术信息：\(code)）；请运行 branch-agent sync 并按提示处理，所有内容仍在本机排队")
        default:
            return Words(
                "the link (\(Output.printable(code))); everything stays queued here, try again",
                zh: "链路问题（技术信息：\(Output.printable(code))）；所有内容仍在本机排队，请重试")
        }
    }
}
