import Console
import SyncStore

/// How a session ended, as people read it.
enum SessionWords {
    static func ending(_ entry: SessionEntry, isRunning: Bool) -> Words {
        guard let ending = entry.ending else {
            return isRunning
                ? Words("still runs", zh: "仍在进行")
                : Words(
                    "no end was written down: the program was killed, or the power failed",
                    zh: "未记下结束：程序被强行终止，或断电")
        }
        switch ending {
        case SessionEntry.done: return Words("ended in good order", zh: "正常结束")
        case SessionEntry.lost:
            return Words(
                "no end was written down: the program was killed, or the power failed",
                zh: "未记下结束：程序被强行终止，或断电")
        case "cut": return Words("the link broke", zh: "链路中断")
        case "unreachable" where entry.isWelcomed:
            return Words(
                "the link broke in the middle; what was receipted has arrived, the rest stays queued",
                zh: "链路中途断开；已获回执的已到中心，其余仍在排队")
        default: return FailureWords.words(for: ending)
        }
    }

    /// Bytes a second of a session that moved something; nil when it says nothing about the link.
    static func goodput(_ entry: SessionEntry) -> Double? {
        let bytes = entry.bytesUp &+ entry.bytesDown
        guard entry.isWelcomed, bytes >= 4_096, let length = entry.length, length > 0 else { return nil }
        return Double(bytes) * 1_000 / Double(length)
    }

    static func rate(_ bytesPerSecond: Double) -> Words {
        let shown =
            bytesPerSecond >= 10_000
            ? "\(Int((bytesPerSecond / 1_000).rounded()))" : "\((bytesPerSecond / 100).rounded() / 10)"
        return Words("\(shown) kB/s", zh: "每秒 \(shown) 千字节")
    }
}
