import ArgumentParser
import Console
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "doctor",
        Words(
            "Look for what is wrong: folder, files, rights, "
                + "disk, clock, key, store, queue, and the way to the "
                + "hub, step by step.",
            zh: "逐项查找问题：目录、文件、权限、磁盘、时钟、密钥、数据、待发内容，以及到汇总端的各步。"),
        discussion: Words(
            "Ends with 0 when nothing is wrong, and with 1 when something is. Of a branch it tries the hub's "
                + "address unless --offline is given; it only says Hello there, as `reconcile` does, and "
                + "nothing is sent or stored.",
            zh: "没有问题时退出码为 0，有问题为 1。对支部会尝试连接汇总端（写 --offline 则不连接）；"
                + "只打招呼，与 reconcile 相同，不发送也不保存任何内容。"),
        example: "sync-inspect doctor --data DIR --offline")

    @OptionGroup var store: DataOption
    @Flag(name: .long, help: ArgumentHelp("Do not try the hub's address.", zh: "不连接汇总端。"))
    var offline = false
    @OptionGroup var output: OutputOption

    func run() async throws {
        try await Program.run {
            let checkup = await DoctorCommand.checkup(store.data, isOffline: offline)
            try output.show(checkup, checkup.lines())
            if !checkup.isWell { Program.end(.someRefused) }
        }
    }

    /// - Parameter isOffline: nothing but this machine is looked at.
    static func checkup(
        _ path: String, isOffline: Bool, now: Milliseconds = Now.milliseconds()
    ) async -> Checkup {
        var doctor = Doctor(folder: StoreFolder(path), now: now)
        guard let opened = doctor.look() else { return doctor.checkup }
        switch opened {
        case .agent(let agent):
            doctor.look(at: agent)
            if !isOffline { await DoctorLink(path: path, now: now).look(agent, &doctor.checkup) }
        case .hub(let hub): doctor.look(at: hub)
        }
        return doctor.checkup
    }
}

/// Looks at folder and files, whatever store lies there.
struct Doctor {
    let folder: StoreFolder
    let now: Milliseconds
    var checkup = Checkup(store: "unknown")

    init(folder: StoreFolder, now: Milliseconds) {
        self.folder = folder
        self.now = now
    }

    /// - Returns: nil when there is no store that can be read: then it was said why.
    mutating func look() -> StoreAtHand? {
        checkup.ok(
            "program",
            Words("this program is version \(Program.version)", zh: "本程序版本 \(Program.version)"))
        guard lookAtFolder() else { return nil }
        lookAtKey()
        guard let opened = open() else { return nil }
        checkup.store = opened.kind
        lookAtRoom(isHub: opened.kind == "hub")
        lookAtFile(opened)
        return opened
    }

    private mutating func lookAtFolder() -> Bool {
        guard let facts = folder.facts("") else {
            checkup.trouble(
                "folder", Words("there is no folder \(folder.path)", zh: "没有目录 \(folder.path)"),
                next: Words("check the name that --data gives", zh: "核对 --data 所指的目录"))
            return false
        }
        guard folder.has("store.sqlite") else {
            let isEntered = folder.mayEnter
            checkup.trouble(
                "folder",
                isEntered
                    ? Words("\(folder.path) holds no store", zh: "\(folder.path) 中没有数据")
                    : Words("you may not enter \(folder.path)", zh: "无权进入 \(folder.path)"),
                next: isEntered
                    ? Words(
                        "check --data; a branch makes its store with `branch-agent join`",
                        zh: "核对 --data；支部的数据由 branch-agent join 建立")
                    : Words("work as the user who owns it", zh: "请以该目录所有者的身份运行"))
            return false
        }
        let open = ["", "store.sqlite", "device.key", "hub.key"].filter {
            (folder.facts($0)?.mode ?? 0) & 0o077 != 0
        }
        let names = open.map { $0.isEmpty ? folder.path : $0 }.joined(separator: ", ")
        if facts.owner != StoreFolder.user, StoreFolder.user != 0 {
            checkup.trouble(
                "rights", Words("the folder belongs to another user", zh: "该目录属于另一用户"),
                next: Words("work as that user, or look at a copy", zh: "请以该用户的身份运行，或查看副本"))
        } else if !open.isEmpty {
            checkup.trouble(
                "rights", Words("others may read: \(names)", zh: "其他用户可读取：\(names)"),
                next: Words(
                    "chmod 700 the folder, chmod 600 the files", zh: "目录用 chmod 700，文件用 chmod 600"))
        } else {
            checkup.ok("rights", Words("only the owner may read the folder", zh: "只有所有者可读取该目录"))
        }
        return true
    }

    private mutating func lookAtKey() {
        let name = folder.has("hub.key") ? "hub.key" : "device.key"
        do {
            let key = try DeviceKey.load(from: folder.path + "/" + name)
            checkup.ok(
                "key",
                Words(
                    "\(name) reads, fingerprint \(key.fingerprint.short)",
                    zh: "\(name) 可读取，指纹 \(key.fingerprint.short)"))
        } catch {
            let failure = KeyWords.failure(for: error)
            if case .tooOpen(let mode) = error.reason {
                let rights = String(mode, radix: 8)
                return checkup.trouble(
                    "key", failure.message,
                    next: Words(
                        "the key is there, with mode \(rights): no program takes it before `chmod 600 "
                            + "\(Output.printable(folder.path))/\(name)`",
                        zh: "密钥存在，但权限为 \(rights)：执行 chmod 600 "
                            + "\(Output.printable(folder.path))/\(name) 之前，程序不会使用它"))
            }
            checkup.trouble(
                "key", failure.message,
                next: Words(
                    "of a copy without its key this is as it should be; else put the key back from a backup",
                    zh: "若只是不含密钥的副本则属正常；否则请从备份恢复密钥"))
        }
    }

    private mutating func open() -> StoreAtHand? {
        do {
            return try StoreAtHand(folder.path, hashing: .sha256, verifying: .p256)
        } catch {
            let failure = error as? Failure ?? Program.failure(for: error)
            if let next = Doctor.otherFormat(error) {
                checkup.trouble("store", failure.message, next: next)
                return nil
            }
            checkup.trouble(
                "store", failure.message,
                next: folder.has("hub.key")
                    ? Words(
                        "copy the folder, and bring the last backup back: `aggregator restore`",
                        zh: "先复制该目录，再用最近的备份恢复：aggregator restore")
                    : Words(
                        "copy the folder and keep it; what was receipted is at the centre. Try to save what "
                            + "was not with the copy, then join again",
                        zh: "先复制并保留该目录；有回执的内容已在中心。请用副本抢救其余内容，再重新加入"))
            return nil
        }
    }

    /// A whole store of another program's: a backup would bring nothing back, and lose what came since.
    private static func otherFormat(_ error: any Error) -> Words? {
        switch (error as? StoreError)?.code {
        case .tooOld:
            Words(
                "nothing is lost; use either program as it says here, and copy the folder before the newer "
                    + "one opens it",
                zh: "数据完好。请按上文选用其中一个版本；由新版本打开之前，先复制该目录")
        case .tooNew: Words("nothing is lost; update this program", zh: "数据完好。请升级本程序")
        default: nil
        }
    }

    private mutating func lookAtRoom(isHub: Bool) {
        let room = folder.room
        let mebibytes = room >> 20
        switch StoreRoom.state(of: folder.path, isHub: isHub) {
        case .ample:
            checkup.ok(
                "disk",
                Words("\(mebibytes) MiB free, the ballast is whole", zh: "剩余 \(mebibytes) MiB，ballast 完整"))
        case .noBallast:
            checkup.note(
                "disk",
                Words(
                    "\(mebibytes) MiB free, and no ballast: a copy, or it was taken away",
                    zh: "剩余 \(mebibytes) MiB，没有 ballast：可能是副本，或已被删除"),
                next: Words(
                    "nothing for a copy; else the next program that writes makes it again",
                    zh: "副本无须处理；否则下次写入时会自动重建"))
        case .full, .ballastInUse:
            checkup.trouble(
                "disk",
                Words(
                    "the disk is full (\(room >> 10) KiB free): only urgent work is taken",
                    zh: "磁盘已满（剩余 \(room >> 10) KiB）：只接收紧急内容"),
                next: Words("free some space", zh: "请腾出空间"))
        }
    }

    private mutating func lookAtFile(_ opened: StoreAtHand) {
        do {
            let found: [String]
            switch opened {
            case .agent(let store): found = try store.fileDamages(limit: 3)
            case .hub(let store): found = try store.fileDamages(limit: 3)
            }
            guard let first = found.first else {
                return checkup.ok("store", Words("the store's file is in order", zh: "数据文件正常"))
            }
            damaged(first)
        } catch {
            damaged("\(error)")
        }
    }

    private mutating func damaged(_ detail: String) {
        let detail = Masking.clean(String(detail.prefix(200)))
        checkup.trouble(
            "store", Words("the store's file is damaged (\(detail))", zh: "数据文件已损坏（技术信息：\(detail)）"),
            next: Words(
                "stop the programs, copy the folder, and look at the copy with `sync-inspect verify` and "
                    + "`queue`; what was receipted is at the centre",
                zh: "停止程序，先复制该目录，再对副本运行 sync-inspect verify 和 queue；有回执的内容已在中心"))
    }
}
