import ArgumentParser
import Console
import SQLiteStore
import SyncCore
import SyncStore

struct RevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "revoke",
        Words(
            "Let a device in no more, at once and for good.", zh: "撤销一台设备：立即生效，不再接受其加入。"),
        discussion: Words(
            "A hub that is running hangs up on it within a second. What the device has not sent, it can "
                + "still hand over: that is kept and does not count. Its key is never let in again, also "
                + "after `aggregator restore`; a device that was revoked by mistake joins anew from an empty "
                + "folder.",
            zh: "正在运行的汇总端会在一秒内断开它。该设备尚未发送的内容仍可交出：将被隔离保存，不计入。"
                + "其密钥不再被接受，aggregator restore 之后也是如此；若属误撤销，该设备须用空目录重新加入。"),
        example: "aggregator revoke 3 --reason \"laptop lost\" --data DIR")

    @Argument(help: ArgumentHelp("Its number in `aggregator devices`.", zh: "aggregator devices 中的设备编号。"))
    var device: Int64?
    @Option(name: .long, help: ArgumentHelp("Why; kept with it.", zh: "原因；一并保存。"))
    var reason = ""
    @Flag(
        name: .long,
        help: ArgumentHelp(
            "Instead of a device: everybody whom a line of revocations.jsonl may name that cannot be read is "
                + "revoked.",
            zh: "不指定设备时使用：revocations.jsonl 中无法读取的行所列设备均已撤销。"))
    var settled = false
    @OptionGroup var store: DataOption
    @OptionGroup var act: ActOption

    /// Bytes of a reason.
    static let reasonLimit = 512

    func run() async throws {
        try await Program.run {
            guard reason.utf8.count <= RevokeCommand.reasonLimit else {
                throw Failure(
                    .usage,
                    Words(
                        "--reason has at most \(RevokeCommand.reasonLimit) bytes; shorten it",
                        zh: "--reason 最多 \(RevokeCommand.reasonLimit) 字节；请缩短"))
            }
            do {
                try revoke(in: try act.folder(store))
            } catch let error as StoreError where error.isOfRoom {
                throw noRoom
            }
        }
    }

    private func revoke(in folder: HubFolder) throws {
        let hub = try folder.open()
        let now = HubFolder.milliseconds()
        guard let device, !settled else { return try settle(folder, hub) }
        guard let revocation = try hub.revocation(of: device, reason: reason, now: now) else {
            throw Failure(
                .noInput,
                Words(
                    "there is no device \(device); `aggregator devices` lists them",
                    zh: "没有编号为 \(device) 的设备；请用 aggregator devices 查看"))
        }
        hub.makeRoomForAct()
        // The file first: what only the store knew would be forgotten when it is put back.
        let unkept = try RevokeCommand.keep(revocation, in: folder)
        guard try hub.revoke(device, reason: reason, now: now) || unkept != nil else {
            return Output.remark(
                Words("device \(device) was revoked before", zh: "设备 \(device) 此前已撤销"))
        }
        if let unkept { throw unkept }
        let unit = Output.printable(revocation.unit)
        Output.remark(
            Words(
                "device \(device) of \(unit) is revoked; what it had not sent it can only hand over to "
                    + "quarantine",
                zh: "\(unit) 的设备 \(device) 已撤销；其尚未发送的内容只能交出并隔离"))
    }

    /// Also what is kept free for this is used up.
    private var noRoom: Failure {
        Failure(
            .diskFull,
            Words(
                "nobody was revoked: the disk is full to the last byte. Stop `aggregator serve`, so that the "
                    + "device is not let in meanwhile, make room, and run this once more",
                zh: "未撤销任何设备：磁盘已完全写满。请先停止 aggregator serve，以免该设备此时接入，"
                    + "腾出空间后再运行一次"))
    }

    private func settle(_ folder: HubFolder, _ hub: SQLiteHubStore) throws {
        guard device == nil, settled, !reason.isEmpty else {
            throw Failure(
                .usage,
                Words(
                    "name a device by its number in `aggregator devices`; or write --settled --reason WHY "
                        + "once everybody is revoked whom a damaged revocations.jsonl may have named",
                    zh: "请用 aggregator devices 中的编号指定设备；或在核对受损的 revocations.jsonl 并撤销应撤销的设备后，"
                        + "写 --settled --reason 原因"))
        }
        Output.remark(RevocationWords.settled(try folder.settleRevocations(in: hub, reason: reason)))
    }

    /// - Returns: what to say when the disk has no room for it; the store, which keeps room for such things,
    ///   revokes all the same.
    private static func keep(_ revocation: Revocation, in folder: HubFolder) throws -> Failure? {
        guard try !folder.revocations().contains(where: { $0.publicKey == revocation.publicKey }) else {
            return nil
        }
        do {
            try folder.keep(revocation)
            return nil
        } catch let error as StoreError where error.isOfRoom {
            return Failure(
                .diskFull,
                Words(
                    "the device is revoked, but the disk is full: a backup that is put back would let it in "
                        + "again. Make room, and run this once more",
                    zh: "设备已撤销，但磁盘已满：若从备份恢复，该设备会被重新接受。请腾出空间后再运行一次"))
        }
    }
}
