import ArgumentParser
import Console
import Foundation
import SQLiteStore
import SyncCore
import SyncStore

struct BackupCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "backup",
        Words(
            "Write a backup of the store to a new file, while the hub may go on.",
            zh: "把数据备份到一个新文件；汇总端可继续运行。"),
        discussion: Words(
            "hub.key is not in it: keep a copy of that apart, once. Without it, and without a recovery key "
                + "(`aggregator key recovery`), branches believe no hub that has the backup.",
            zh: "备份不含 hub.key：请另行妥善保存一份。若既没有它，也没有恢复密钥（aggregator key recovery），"
                + "各支部不会认可由备份恢复的汇总端。"),
        example: "aggregator backup /backups/hub-2020-02-03.sqlite --data DIR")

    @Argument(help: ArgumentHelp("The file to write; it must not be there yet.", zh: "要写入的文件；不能已存在。"))
    var file: String
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption

    func run() async throws {
        try await Program.run {
            do {
                try act.folder(store).open().backUp(to: file, now: HubFolder.milliseconds())
            } catch let error as StoreError where error.code == .alreadyExists {
                throw Failure(
                    .usage,
                    Words(
                        "\(file) is there already; nothing was changed. Name a new file for each backup",
                        zh: "\(file) 已存在，未作任何改动。每次备份请用新的文件名"))
            }
            Output.remark(
                Words(
                    "backed up to \(file). Keep it away from this machine; hub.key is not in it",
                    zh: "已备份到 \(file)。请存放在其他机器上；备份不含 hub.key"))
        }
    }
}

struct RestoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "restore",
        Words(
            "Put the store back from a backup; what the branches sent since then they send again.",
            zh: "从备份恢复数据；此后收到的内容由各支部自动重新发送。"),
        discussion: Words(
            "The hub must be stopped. The folder holds hub.key, and may hold a store, which is kept beside. "
                + "Where the whole folder is lost, name a new one: the hub goes on once hub.key is put "
                + "back, or "
                + "`aggregator key rotate --recovery FILE` has made another.",
            zh: "须先停止汇总端。目录中应有 hub.key；原有数据会另行保留。若整个目录已丢失，请指定新目录："
                + "放回 hub.key，或用 aggregator key rotate --recovery FILE 生成新密钥后，汇总端即可继续。"),
        example: "aggregator restore /backups/hub-2020-02-03.sqlite --data DIR")

    @Argument(help: ArgumentHelp("The backup.", zh: "备份文件。"))
    var file: String
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption

    func run() async throws {
        try await Program.run {
            let now = HubFolder.milliseconds()
            let folder = try act.folder(store)
            let restored = try folder.restore(from: file, now: now)
            guard let restoration = restored.restoration else {
                return Output.remark(RestoreCommand.words(withoutKeyIn: folder.path, from: file))
            }
            let kept = restored.kept
            Output.remark(
                Words(
                    "restored from \(file). Branches send again what is missing with their next sync. "
                        + "\(restoration.codes) unused join codes are void; "
                        + "\(restoration.revoked) devices revoked since then stay revoked",
                    zh: "已从 \(file) 恢复。各支部下次同步时会自动补发缺少的内容。"
                        + "\(restoration.codes) 个未使用的加入码已作废；此后撤销的 \(restoration.revoked) 台设备仍为已撤销"))
            if let kept {
                Output.remark(
                    Words("the store that was here is kept in \(kept)", zh: "原有数据保留在 \(kept)"))
            }
            if let words = try folder.doubtOfRevocations(in: folder.open()) { Output.remark(words) }
        }
    }

    private static func words(withoutKeyIn folder: String, from file: String) -> Words {
        Words(
            "restored from \(file) into \(folder), where hub.key is missing: branches believe no hub "
                + "without it. Put hub.key back, and hub.keys and revocations.jsonl where you have them; "
                + "or make "
                + "another key with `aggregator key rotate --recovery FILE --data \(folder)`. Then start "
                + "`serve`: branches send again what is missing. Devices that were revoked since the backup, "
                + "and are not in revocations.jsonl, have to be revoked again",
            zh: "已从 \(file) 恢复到 \(folder)，但该处没有 hub.key，各支部不会认可没有它的汇总端。"
                + "请放回 hub.key（以及 hub.keys 和 revocations.jsonl，若有）；"
                + "或用 aggregator key rotate --recovery FILE --data \(folder) 生成新密钥。然后启动 serve，"
                + "各支部会自动补发缺少的内容。备份之后撤销、且不在 revocations.jsonl 中的设备须重新撤销")
    }
}
