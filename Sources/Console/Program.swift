import Foundation
public import SyncCore
public import SyncStore

/// Runs a verb and turns what went wrong into words and an exit code.
public enum Program {
    public static let version = "0.1.0"

    /// Runs `body`; on an error tells the person on standard error and ends with the code that the error
    /// means.
    public static func run(
        explaining explain: @Sendable (any Error) -> Failure? = { _ in nil }, _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
        } catch let failure as Failure {
            end(failure)
        } catch {
            end(explain(error) ?? failure(for: error))
        }
    }

    /// The TLS library ends the process when the clock stands before 1970: said in words before it comes to
    /// that.
    public static func requireClockForTLS() throws {
        guard Date().timeIntervalSince1970 < 0 else { return }
        throw Failure(
            .unreachable,
            Words(
                "this machine's clock stands before 1970, and no secure connection can be made; set the "
                    + "clock. "
                    + "What is entered meanwhile stays queued",
                zh: "本机时钟早于 1970 年，无法建立安全连接；请校准时钟。其间录入的内容仍在本机排队"))
    }

    /// Ends the program with a message.
    public static func end(_ failure: Failure) -> Never {
        Output.remark(failure.message)
        exit(failure.status.rawValue)
    }

    /// Ends the program at once when a store has lost its footing: nothing more is said to anybody, and
    /// nothing is tidied up on a disk that cannot be believed.
    public static func endIfDiskFailed(_ error: any Error) {
        guard let error = error as? StoreError, error.code == .syncFailed else { return }
        let failure = failure(for: error)
        Output.remark(failure.message)
        _exit(failure.status.rawValue)
    }

    public static func end(_ status: ExitStatus) -> Never { exit(status.rawValue) }

    public static func failure(for error: any Error) -> Failure {
        switch error {
        case let error as StoreError: failure(for: error)
        case let error as Refuse: Failure(.refusedByHub, RefusalWords.words(for: error))
        case let error as SheetError: Failure(.usage, error.words)
        default: Failure(.software, Words("unexpected: \(error)", zh: "意外错误：\(error)"))
        }
    }

    private static func failure(for error: StoreError) -> Failure {
        switch error.code {
        case .diskFull:
            Failure(
                .diskFull,
                Words(
                    "the disk is full; nothing was saved by this command. Free some space and run it again. "
                        + "What is urgent (a fever, an alert) is still taken",
                    zh: "磁盘已满；本命令没有保存任何内容。请腾出空间后重试。紧急内容（发热、预警）仍可录入"))
        case .inUse:
            Failure(
                .storeInUse,
                Words(
                    "another program is using this store (\(error.context)); stop it, or wait and try again",
                    zh: "另一程序正在使用此数据目录（\(error.context)）；请停止它，或稍后再试"))
        case .notAStore:
            Failure(
                .noInput,
                Words(
                    "no store here: \(error.context). Make one with `aggregator init` or `branch-agent "
                        + "join`.",
                    zh: "此处没有数据：\(error.context)。请先用 aggregator init 或 branch-agent join 建立。"))
        case .tooNew:
            Failure(
                .noInput,
                Words(
                    "this store was written by a newer program (\(error.context)); update this one",
                    zh: "此数据由更新的程序写成（\(error.context)）；请升级本程序"))
        case .alreadyExists:
            Failure(
                .usage,
                Words("there is a store here already: \(error.context)", zh: "此处已有数据：\(error.context)"))
        case .unknownUnit:
            Failure(
                .noInput,
                Words(
                    "unknown unit: \(error.context); import the units first",
                    zh: "未知单位：\(error.context)；请先导入单位"))
        case .notJoined:
            Failure(
                .noInput,
                Words(
                    "this store has not joined a hub yet; run `branch-agent join` with a join code",
                    zh: "此数据目录尚未加入汇总端；请先用加入码运行 branch-agent join"))
        case .tooLarge:
            Failure(
                .usage,
                Words(
                    "too large to be kept: \(error.context); nothing was saved by this command",
                    zh: "内容过大：\(error.context)；本命令没有保存任何内容"))
        case .syncFailed:
            Failure(
                .diskFailed,
                Words(
                    "the disk did not confirm what was written (\(error.context)), so the program ends: what "
                        + "it did last may be kept or not, and counts as not done. Check the disk and its "
                        + "cable, then run it again; what is kept already is not entered twice",
                    zh: "磁盘未能确认写入（\(error.context)），程序已停止：最后一步可能已保存，也可能没有，按未完成处理。"
                        + "请检查磁盘及连接后重试；已保存的内容不会重复录入"))
        case .corrupt, .inputOutput:
            Failure(.software, Words("the store failed: \(error)", zh: "数据读写失败：\(error)"))
        }
    }
}

/// What a full disk means, in words.
public enum StorageWords {
    /// Nil when there is room.
    public static func words(for state: StorageState) -> Words? {
        switch state {
        case .ample: nil
        case .full:
            Words(
                "the disk here is full: only what is urgent is taken; free some space",
                zh: "本机磁盘已满：只接受紧急内容；请腾出空间")
        case .ballastInUse:
            Words(
                "the disk here is full, and urgent work uses the room kept for it (the ballast): nothing "
                    + "else is taken; free some space soon",
                zh: "本机磁盘已满，紧急内容正在使用预留空间：其他内容暂不接受；请尽快腾出空间")
        }
    }
}

/// A refusal in words that say what to do next.
public enum RefusalWords {
    public static func words(for refuse: Refuse) -> Words {
        let next = next(refuse.code)
        let said = Output.printable(refuse.words)
        let detail = said.isEmpty ? "" : " (\(said))"
        return Words(
            "the hub refused, code \(refuse.code.rawValue)\(detail): \(next.en)",
            zh: "汇总端拒绝，代码 \(refuse.code.rawValue)\(detail)：\(next.zh)")
    }

    private static func next(_ code: RefusalCode) -> Words {
        switch code {
        case .unknownDevice:
            Words("this device has not joined; ask the centre for a join code", zh: "本设备尚未加入；请向中心索取加入码")
        case .pendingDevice:
            Words(
                "the centre has not confirmed this device yet; ring them with the six digits",
                zh: "中心尚未确认本设备；请致电并报出六位数字")
        case .revokedDevice:
            Words("the centre has revoked this device", zh: "中心已撤销本设备")
        case .codeUnknown:
            Words("the hub does not know this join code; ask for a new one", zh: "汇总端不认识此加入码；请索取新码")
        case .codeSpent:
            Words("another device has used this join code; ask for a new one", zh: "此加入码已被另一设备使用；请索取新码")
        case .codeExpired:
            Words("this join code has expired; ask for a new one", zh: "此加入码已过期；请索取新码")
        case .identityLost:
            Words(
                "this store and the hub's journal disagree: a restored or copied store. Nothing is lost; "
                    + "ring the "
                    + "centre before going on",
                zh: "本机数据与汇总端记录不一致（可能是恢复或复制的数据）。没有内容丢失；请先联系中心")
        case .overloaded, .shuttingDown:
            Words("try again in a little while", zh: "请稍后再试")
        case .diskFull:
            Words(
                "the hub's disk is full; what was not receipted stays queued here",
                zh: "汇总端磁盘已满；未获回执的内容仍在本机排队")
        case .setAside:
            Words(
                "nothing is lost, it stays queued here; tell the centre that the hub's log has more",
                zh: "没有内容丢失，仍在本机排队；请告知中心查看汇总端日志")
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
            Words("another connection of this device took over", zh: "本设备的另一连接已接管")
        default:
            Words("try again; if it stays so, show this code to whoever helps you", zh: "请重试；若仍如此，请把代码告知技术人员")
        }
    }
}
