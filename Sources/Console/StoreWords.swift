import Foundation
public import SyncStore

/// A store's failure in words that say what to do next.
public enum StoreWords {
    public static func failure(for error: StoreError) -> Failure {
        Failure(status(of: error.code), words(for: error))
    }

    static func status(of code: StoreError.Code) -> ExitStatus {
        switch code {
        case .diskFull, .noRoomToBegin: .diskFull
        case .inUse: .storeInUse
        case .notAStore, .tooNew, .tooOld, .unknownUnit, .notJoined, .corrupt, .denied, .notAFile, .exposed,
            .unfit:
            .noInput
        case .noBallast: .noInput
        case .alreadyExists, .tooLarge: .usage
        case .syncFailed, .deviceFailed: .diskFailed
        case .inputOutput: .software
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
        case .notAStore: return notAStore(context, file(error))
        case .tooNew:
            return Words(
                "this store was written by a newer program (\(context)); update this one",
                zh: "此数据由更新的程序写成（技术信息：\(context)）；请升级本程序")
        case .tooOld:
            return Words(
                "this store was written by an older program (\(context)). Look at it with that program's "
                    + "`sync-inspect`; or, once no older program runs on it, run `aggregator status` or "
                    + "`branch-agent status` of the present one first, which brings it up to date for good",
                zh: "此数据由较早版本的程序写成（技术信息：\(context)）。请用该版本的 sync-inspect 查看；或在旧程序停止后，"
                    + "先用当前版本执行 aggregator status 或 branch-agent status，数据会随之更新且不可退回")
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
                "the store\(file(error).en) is damaged (\(context)). Change nothing in the folder, make a "
                    + "copy of it, and show this to whoever helps you",
                zh: "数据\(file(error).zh)已损坏（技术信息：\(context)）。请勿改动该目录，先复制一份，并告知技术人员")
        case .inputOutput:
            return Words(
                "the store\(file(error).en) could not be used (\(context)). What was saved before is kept. "
                    + "Try again, and show this to whoever helps you",
                zh: "数据\(file(error).zh)无法使用（技术信息：\(context)）。先前保存的内容不受影响。请重试，并告知技术人员")
        case .deviceFailed, .denied, .notAFile, .exposed, .noBallast, .unfit, .noRoomToBegin:
            return aboutFile(error, context)
        }
    }

    private static func aboutFile(_ error: StoreError, _ context: String) -> Words {
        let file = file(error)
        let reason = SystemWords.reason(error.systemError)
        switch error.code {
        case .deviceFailed:
            return Words(
                "the disk failed while the store\(file.en) was read or written (\(context)): the disk or its "
                    + "cable may be bad. What this command was doing is not saved; what was saved before "
                    + "is. Copy the folder to another disk, check disk and cable, then run it again",
                zh: "读写数据\(file.zh)时磁盘出错（技术信息：\(context)）：磁盘或连接线可能损坏。"
                    + "本命令所做的内容没有保存；先前保存的不受影响。请把该目录复制到另一磁盘，检查磁盘和连接线后重新运行")
        case .denied:
            let next = SystemWords.next(error.systemError)
            let name = error.file.isEmpty ? Words("the store", zh: "数据") : file
            return Words(
                "\(name.en.trimmed) cannot be made, opened or written: \(reason.en). Nothing was saved by "
                    + "this command. \(next.en)",
                zh: "\(name.zh.trimmed) 无法建立、打开或写入：\(reason.zh)。本命令没有保存任何内容。\(next.zh)")
        case .noBallast where error.systemError == 0 || [EISDIR, ELOOP].contains(error.systemError):
            return aboutFile(StoreError(.notAFile, error.context, file: error.file), context)
                .joined(urgentStays)
        case .noBallast:
            return aboutFile(
                StoreError(.denied, context, file: error.file, systemError: error.systemError), context
            )
            .joined(urgentStays)
        case .notAFile:
            let name = Output.printable(error.file)
            return Words(
                "\(name) belongs to the store, but is no plain file (a folder, a link, a device). "
                    + "Nothing was saved by this command. \(moving(name).en)",
                zh: "\(name) 属于本数据，但不是普通文件（而是目录、链接或设备）。本命令没有保存任何内容。\(moving(name).zh)")
        case .exposed:
            let name = Output.printable(error.file)
            let mode = context.hasPrefix("7") ? "700" : "600"
            return Words(
                "\(name) is open to others than its owner (mode \(context.dropFirst(4))), and people's data "
                    + "lies there. Nothing was done. See who may have read it, close it with "
                    + "`chmod \(mode) \(name)`, and run this again",
                zh: "\(name) 对所有者以外的用户开放（权限 \(context.dropFirst(4))），其中有个人信息。未作任何操作。"
                    + "请查明何人可能读取过，用 chmod \(mode) \(name) 收紧权限后重新运行")
        case .noRoomToBegin:
            return Words(
                "the disk has no room for a new store\(file.en): it takes \(context). Free some space and "
                    + "run it again",
                zh: "磁盘空间不足，无法建立数据\(file.zh)：需要 \(context)。请腾出空间后重新运行")
        default:
            return Words(
                "the disk under the store\(file.en) cannot keep data safely (\(context)). Name a folder on a "
                    + "disk of this machine with --data, not on the network",
                zh: "数据\(file.zh)所在的磁盘无法可靠保存（技术信息：\(context)）。请用 --data 指定本机磁盘上的目录，不要用网络磁盘")
        }
    }

    private static let urgentStays = Words(
        ". What is urgent (a fever, an alert) is still taken", zh: "。紧急内容（发热、预警）仍可录入")

    /// " FILE", or nothing.
    private static func file(_ error: StoreError) -> Words {
        guard !error.file.isEmpty else { return Words("", zh: "") }
        let name = Output.printable(error.file)
        return Words(" \(name)", zh: " \(name) ")
    }

    /// What is to be done with what stands in a file's place.
    private static func moving(_ name: String) -> Words {
        name.hasSuffix("store.sqlite")
            ? Words(
                "Move it away, and put the store back from a backup", zh: "请将其移走，并从备份恢复数据")
            : Words(
                "Move it away and run it again: the file is made anew", zh: "请将其移走后重新运行：该文件会自动重建")
    }

    private static func notAStore(_ context: String, _ file: Words) -> Words {
        let name = file.en.trimmed
        let place = name.isEmpty ? Words("", zh: "") : Words(" (\(name))", zh: "（\(name)）")
        return Words(
            "no store here: \(detail(context).en)\(place.en). Check --data; "
                + "`aggregator init` makes a hub's store, `branch-agent join` a branch's.",
            zh:
                "此处没有可用的数据：\(detail(context).zh)\(place.zh)。请检查 --data；汇总端用 aggregator init 建立，"
                + "支部用 branch-agent join 建立。")
    }

    /// The few contexts that a person meets; the rest are paths.
    private static func detail(_ context: String) -> Words {
        switch context {
        case "the store was never finished", "the hub's store was not finished":
            Words("it was never finished", zh: "建立时中断，尚未完成")
        case "the folder holds no store": Words("the folder holds no store", zh: "目录中没有数据")
        case "not a folder": Words("this is no folder", zh: "不是目录")
        case "another program's database": Words("this is another program's database", zh: "是其他程序的数据库")
        case "no agent store": Words("this is no branch's store", zh: "不是支部的数据")
        case "no hub store": Words("this is no hub's store", zh: "不是汇总端的数据")
        default: Words(context, zh: context)
        }
    }
}

extension String {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespaces) }
}

/// What a full disk means, in words.
public enum StorageWords {
    /// When it has passed.
    public static let ample = Words(
        "there is room on the disk again; everything is taken", zh: "磁盘又有空间；恢复接受所有内容")

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
        case .noBallast:
            Words(
                "the file `ballast` in the data folder cannot be made: something else stands in its place, "
                    + "it may not be written, or the disk fails. Only what is urgent is taken; move away "
                    + "what stands there, and look at rights and disk",
                zh: "数据目录中的 ballast 文件无法建立：该处有其他内容、没有写入权限，或磁盘出错。只接受紧急内容；"
                    + "请移走该处的内容，并检查权限和磁盘")
        }
    }
}
