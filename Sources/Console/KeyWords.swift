import Foundation
public import SyncCore

/// A key file that cannot be used, in words that say what to do next.
public enum KeyWords {
    /// Whose key it is.
    private enum Owner {
        case device
        case hub
    }

    public static func failure(for error: KeyError) -> Failure {
        if case .system(let number) = error.reason, [ENOSPC, EDQUOT].contains(number) {
            return Failure(
                .diskFull,
                Words(
                    "the disk is full: the key \(error.path) could not be written, nothing was made. Free "
                        + "some space and run it again",
                    zh: "磁盘已满：无法写入密钥 \(error.path)，没有建立任何内容。请腾出空间后重新运行"))
        }
        let isDisk = error.reason == .system(EIO)
        return Failure(isDisk ? .diskFailed : .noInput, words(for: error))
    }

    static func words(for error: KeyError) -> Words {
        let isHub = error.path.hasSuffix("hub.key") || error.path.hasSuffix("hub.key.new")
        let owner = isHub ? Owner.hub : .device
        let what =
            isHub
            ? Words("the hub's key cannot be used: ", zh: "汇总端密钥无法使用：")
            : Words("the device's key cannot be used: ", zh: "设备密钥无法使用：")
        return what.joined(why(error)).joined(next(error, owner))
    }

    private static func why(_ error: KeyError) -> Words {
        let path = Output.printable(error.path)
        switch error.reason {
        case .missing: return Words("\(path) is missing. ", zh: "缺少 \(path)。")
        case .alreadyExists:
            return Words("\(path) stands there already, and was not changed. ", zh: "\(path) 已存在，未作改动。")
        case .tooOpen(let mode):
            let rights = String(mode, radix: 8)
            return Words(
                "others on this machine may read \(path) (mode \(rights)). ",
                zh: "本机其他用户可以读取 \(path)（权限 \(rights)）。")
        case .unreadable:
            return Words(
                "\(path) holds no key; it is damaged, or something else. ", zh: "\(path) 中没有密钥：已损坏，或是其他内容。")
        case .system(let number):
            let reason = SystemWords.reason(number)
            return Words("\(path): \(reason.en). ", zh: "\(path)：\(reason.zh)。")
        }
    }

    private static func next(_ error: KeyError, _ owner: Owner) -> Words {
        switch (error.reason, owner) {
        case (.tooOpen, .device):
            Words(
                "Run `chmod 600 \(error.path)`; if somebody may have copied it, tell the centre",
                zh: "请运行 chmod 600 \(error.path)；若可能已被他人复制，请告知中心")
        case (.tooOpen, .hub):
            Words(
                "Run `chmod 600 \(error.path)`; if somebody may have copied it, ask whoever helps you before "
                    + "branches connect again",
                zh: "请运行 chmod 600 \(error.path)；若可能已被他人复制，请先咨询技术人员，再让各支部连接")
        case (.alreadyExists, _):
            Words("Run it again", zh: "请重新运行")
        case (.system(EIO), _):
            Words("The disk or its cable may be bad: check them, then try again", zh: "磁盘或连接线可能损坏：请检查后重试")
        case (.system(let number), _): SystemWords.next(number)
        case (.missing, .device), (.unreadable, .device):
            Words(
                "Put it back from a backup; if there is none, ring the centre: a new device joins with "
                    + "another folder. Nothing was changed here",
                zh: "请从备份恢复；若无备份，请联系中心：新设备须用另一个目录加入。此处未作任何改动")
        case (.missing, .hub), (.unreadable, .hub):
            Words(
                "Put it back from a backup of your own (`aggregator backup` leaves it out), or make a new "
                    + "one with the recovery key (`aggregator key rotate --recovery FILE`): branches believe "
                    + "no other key. Nothing was changed here",
                zh: "请从备份恢复，或用恢复密钥生成新密钥（aggregator key rotate --recovery FILE）：除此之外，各支部只认此密钥。"
                    + "此处未作任何改动")
        }
    }
}

/// The key that lies beside a store.
public struct KeyFile: Sendable {
    public let path: String
    private let folder: String

    /// - Parameter name: `device.key` or `hub.key`.
    public init(_ name: String, in folder: String) {
        self.folder = folder
        path = folder + "/" + name
    }

    public var isThere: Bool { FileManager.default.fileExists(atPath: path) }

    /// A store whose key is gone must not get another one: what is there is sealed with it, or believed for
    /// it.
    ///
    /// - Throws: ``Failure`` with `.noInput` when the folder holds a store, and no key.
    public func refuseStoreWithoutKey() throws {
        guard FileManager.default.fileExists(atPath: folder + "/store.sqlite"), !isThere else { return }
        throw KeyWords.failure(for: KeyError(.missing, path))
    }
}
