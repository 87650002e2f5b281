public import SyncStore

/// A store's failure in words that say what to do next.
public enum StoreWords {
    public static func failure(for error: StoreError) -> Failure {
        Failure(status(of: error.code), words(for: error))
    }

    static func status(of code: StoreError.Code) -> ExitStatus {
        switch code {
        case .diskFull: .diskFull
        case .inUse: .storeInUse
        case .notAStore, .tooNew, .unknownUnit, .notJoined: .noInput
        case .alreadyExists, .tooLarge: .usage
        case .syncFailed: .diskFailed
        case .corrupt, .inputOutput: .software
        }
    }

    /// The context is for whoever helps: it is said where it tells more than the code does.
    static func words(for error: StoreError) -> Words {
        let context = Output.printable(error.context)
        switch error.code {
        case .diskFull:
            return Words(
                "the disk is full; nothing was saved by this command. Free some space and run it again. "
                    + "What is urgent (a fever, an alert) is still taken",
                zh: "磁盘已满；本命令没有保存任何内容。请腾出空间后重试。紧急内容（发热、预警）仍可录入")
        case .inUse:
            return Words(
                "another program is using this store; stop it, or wait and try again",
                zh: "另一程序正在使用此数据目录；请停止它，或稍后再试")
        case .notAStore: return notAStore(context)
        case .tooNew:
            return Words(
                "this store was written by a newer program (\(context)); update this one",
                zh: "此数据由更新的程序写成（技术信息：\(context)）；请升级本程序")
        case .alreadyExists:
            return Words(
                "there is a store here already (\(context)); nothing was changed. Name another folder with "
                    + "--data",
                zh: "此目录中已有数据，未作任何改动。请用 --data 指定另一个目录")
        case .unknownUnit:
            return Words(
                "unknown unit: \(context); check the code, or import the units first",
                zh: "未知单位：\(context)；请核对代码，或先导入单位")
        case .notJoined:
            return Words(
                "this store has not joined a hub yet; run `branch-agent join` with a join code",
                zh: "此数据目录尚未加入汇总端；请先用加入码运行 branch-agent join")
        case .tooLarge:
            return Words(
                "too large to be kept: \(context); nothing was saved by this command. Shorten it and try "
                    + "again",
                zh: "内容过大（技术信息：\(context)）；本命令没有保存任何内容。请缩短后重试")
        case .syncFailed:
            return Words(
                "the disk did not confirm what was written (\(context)), so the program ends: what it did "
                    + "last may be kept or not, and counts as not done. Check the disk and its cable, "
                    + "then run it again; what is kept already is not entered twice",
                zh: "磁盘未能确认写入（技术信息：\(context)），程序已停止：最后一步可能已保存，也可能没有，按未完成处理。"
                    + "请检查磁盘及连接后重试；已保存的内容不会重复录入")
        case .corrupt:
            return Words(
                "the store is damaged (\(context)). Change nothing in the folder, make a copy of it, "
                    + "and show this to whoever helps you",
                zh: "数据已损坏（技术信息：\(context)）。请勿改动该目录，先复制一份，并告知技术人员")
        case .inputOutput:
            return Words(
                "the store cannot be read or written (\(context)). Check the disk and your rights to the "
                    + "folder, then try again",
                zh: "数据无法读写（技术信息：\(context)）。请检查磁盘和该目录的权限，然后重试")
        }
    }

    private static func notAStore(_ context: String) -> Words {
        Words(
            "no store here: \(context). Check --data; `aggregator init` makes a hub's store, "
                + "`branch-agent join` a branch's.",
            zh: "此处没有可用的数据：\(detail(context))。请检查 --data；汇总端用 aggregator init 建立，"
                + "支部用 branch-agent join 建立。")
    }

    /// The few contexts that a person meets; the rest are paths.
    private static func detail(_ context: String) -> String {
        switch context {
        case "the store was never finished", "the hub's store was not finished": "建立时中断，尚未完成"
        case "the folder holds no store": "目录中没有数据"
        case "not a folder": "不是目录"
        case "another program's database": "是其他程序的数据库"
        case "no agent store": "不是支部的数据"
        case "no hub store": "不是汇总端的数据"
        default: context
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
