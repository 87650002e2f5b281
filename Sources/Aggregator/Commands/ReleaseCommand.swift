import ArgumentParser
import Console
import SQLiteStore
import SyncCore
import SyncStore

struct ReleaseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "release",
        Words(
            "Let in what a revoked device had delivered before, and a restored backup lacked.",
            zh: "接受被撤销设备在撤销前已送达、而恢复的备份中缺少的内容。"),
        discussion: Words(
            "After `aggregator restore` a revoked device hands over again what it had delivered between the "
                + "backup and its revocation; it is held back like all that comes from it. revocations.jsonl "
                + "says how far its journals had come: what is the same as then counts again, under the "
                + "hub's own name. --all lets in everything that it handed over, also what was never here "
                + "before.",
            zh: "执行 aggregator restore 后，被撤销设备会再次交出备份之后、撤销之前已送达的内容，并与其他内容一样被隔离。"
                + "revocations.jsonl 记有当时收到何处：与当时相同的内容重新计入（以汇总端的名义）。"
                + "--all 会接受其交出的全部内容，包括以前从未送达的。"),
        example: "aggregator release 3 --reason \"delivered before the laptop was lost\" --data DIR")

    @Argument(help: ArgumentHelp("Its number in `aggregator devices`.", zh: "aggregator devices 中的设备编号。"))
    var device: Int64
    @Option(name: .long, help: ArgumentHelp("Why; the audit log keeps it.", zh: "原因；记入审计日志。"))
    var reason: String
    @Flag(
        name: .long,
        help: ArgumentHelp("Also what was never here before.", zh: "也接受以前从未送达的内容。"))
    var all = false
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption

    func run() async throws {
        try await Program.run {
            guard reason.utf8.count <= RevokeCommand.reasonLimit else {
                throw Failure(
                    .usage,
                    Words(
                        "--reason has at most \(RevokeCommand.reasonLimit) bytes; shorten it",
                        zh: "--reason 最多 \(RevokeCommand.reasonLimit) 字节；请缩短"))
            }
            let release = try act.folder(store).open().release(
                of: device, all: all, reason: reason,
                clock: AuthoringClock(now: HubFolder.milliseconds(), isTrusted: true))
            guard let release else {
                throw Failure(
                    .noInput,
                    Words(
                        "there is no revoked device \(device); `aggregator devices` lists them",
                        zh: "没有编号为 \(device) 的已撤销设备；请用 aggregator devices 查看"))
            }
            ReleaseCommand.words(for: release, of: device).forEach { Output.remark($0) }
        }
    }

    private static func words(for release: Release, of device: Int64) -> [Words] {
        var words = [
            Words(
                "\(release.released) entries of device \(device) count now",
                zh: "设备 \(device) 的 \(release.released) 条内容现已计入")
        ]
        if release.refused > 0 {
            words.append(
                Words(
                    "\(release.refused) entries are held back for another reason; `sync-inspect queue --all` "
                        + "says why",
                    zh: "\(release.refused) 条因其他原因仍被隔离；用 sync-inspect queue --all 查看原因"))
        }
        if release.unproven > 0 {
            words.append(
                Words(
                    "\(release.unproven) entries stay held back: nothing shows that they were here before "
                        + "the "
                        + "device was revoked; --all lets them in too",
                    zh: "\(release.unproven) 条仍被隔离：没有凭据表明撤销前已送达；用 --all 可一并接受"))
        }
        return words
    }
}
