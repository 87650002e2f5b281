import ArgumentParser
import Console
import Foundation
import SQLiteStore
import SyncCore
import SyncTransport

struct KeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "key",
        Words("Show or change the key that branches believe.", zh: "查看或更换各支部认定的汇总端密钥。"),
        discussion: Words(
            "Branches believe a new key by themselves when the one before, or the recovery key, has blessed "
                + "it; nobody has to visit them, however long they are away.",
            zh: "新密钥经原密钥或恢复密钥认可后，各支部自动认定；无论离线多久，都不必上门处理。"),
        example: "aggregator key show --data DIR",
        subcommands: [KeyShowCommand.self, KeyRotateCommand.self, KeyRecoveryCommand.self])
}

/// A hub's keys as scripts and people read them.
private struct KeyReport: Encodable {
    struct Change: Encodable {
        /// `key` or `recovery`.
        var kind: String
        /// UTC.
        var at: String
        var fingerprint: String
        /// `key`: blessed by the one before; `recovery`: by the recovery key.
        var blessedBy: String
    }

    /// By which branches, proofs and certificates call this hub: that of its first key.
    var hub: String
    var present: String
    /// Nil while there is no recovery key.
    var recovery: String?
    var changes: [Change]

    init(_ keys: HubKeyring) {
        hub = keys.identity(.sha256).description
        present = Hashing.sha256(keys.current).description
        recovery = keys.recovery.map { Hashing.sha256($0).description }
        changes = keys.entries.map {
            Change(
                kind: $0.kind == .key ? "key" : "recovery", at: RecordText.time($0.at),
                fingerprint: Hashing.sha256($0.key).description,
                blessedBy: $0.isByRecovery ? "recovery" : "key")
        }
    }

    func tell() {
        Output.line(Words("this hub: \(hub)", zh: "本汇总端：\(hub)"))
        Output.line(Words("its present key: \(present)", zh: "现用密钥：\(present)"))
        Output.line(
            recovery.map { Words("its recovery key: \($0)", zh: "恢复密钥：\($0)") }
                ?? Words(
                    "it has no recovery key: when hub.key is lost, every branch has to join anew. "
                        + "`aggregator key recovery FILE` makes one",
                    zh: "没有恢复密钥：一旦丢失 hub.key，所有支部都须重新加入。可用 aggregator key recovery FILE 生成"))
        for change in changes {
            let isKey = change.kind == "key"
            let by = change.blessedBy == "key"
            Output.line(
                Words(
                    "  \(change.at) \(isKey ? "key" : "recovery key") \(change.fingerprint), blessed by the "
                        + (by ? "key before" : "recovery key"),
                    zh: "  \(change.at) \(isKey ? "密钥" : "恢复密钥") \(change.fingerprint)，由"
                        + (by ? "原密钥" : "恢复密钥") + "认可"))
        }
    }
}

struct KeyShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "show", Words("The hub's keys, and how each came to be believed.", zh: "显示汇总端的密钥及其认可经过。"),
        example: "aggregator key show --data DIR")

    @OptionGroup var store: DataOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    func run() async throws {
        try await Program.run {
            let report = KeyReport(try store.folder.open().keys)
            if json { try Output.json(report) } else { report.tell() }
        }
    }
}

struct KeyRotateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "rotate", Words("Make a new key for this hub.", zh: "为本汇总端更换新密钥。"),
        discussion: Words(
            "The hub must be stopped. Its former key stays in the folder, for files from branches that do "
                + "not know the new one yet; take it away when it was stolen. Join codes that nobody has "
                + "used are void. Keep hub.key and hub.keys where you keep the hub's key.",
            zh: "须先停止汇总端。原密钥留在目录中，用于打开尚不知道新密钥的支部所带的文件；若原密钥已被盗，请将其移走。"
                + "尚未使用的加入码失效。请把 hub.key 和 hub.keys 一并另行保存。"),
        example: "aggregator key rotate --data DIR; aggregator key rotate --recovery FILE --data DIR")

    @Option(
        name: .long,
        help: ArgumentHelp(
            "The recovery key, where hub.key is lost or stolen.", zh: "恢复密钥文件，用于 hub.key 丢失或被盗时。"))
    var recovery: String?
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption

    func run() async throws {
        try await Program.run {
            let keys = try act.folder(store).rotate(recovery: recovery)
            let print = Hashing.sha256(keys.current).short
            Output.remark(
                Words(
                    "the hub's key is \(print) now; branches believe it when they next connect",
                    zh: "汇总端密钥现为 \(print)；各支部下次连接时自动认定"))
        }
    }
}

struct KeyRecoveryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "recovery",
        Words(
            "Make a recovery key, which can bless a new key when hub.key is lost.",
            zh: "生成恢复密钥：hub.key 丢失时可用它认可新密钥。"),
        discussion: Words(
            "The hub must be stopped. Branches learn of the recovery key when they next connect. Keep the "
                + "file away from this machine, and safe: who has it can be the hub.",
            zh: "须先停止汇总端。各支部下次连接时得知恢复密钥。请把该文件移离本机并妥善保管：持有者可冒充汇总端。"),
        example: "aggregator key recovery /media/usb/rollcall-recovery.key --data DIR")

    @Argument(help: ArgumentHelp("The file to write.", zh: "要写入的文件。"))
    var file: String
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption

    func run() async throws {
        try await Program.run {
            _ = try act.folder(store).makeRecovery(at: file)
            Output.remark(
                Words(
                    "\(file) is the recovery key; take it away from this machine, and keep it safe. Make a "
                        + "backup now: one that was made earlier does not know this key",
                    zh: "\(file) 是恢复密钥；请移离本机并妥善保管。请立即备份：此前的备份不认识此密钥"))
        }
    }
}
