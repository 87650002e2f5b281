import ArgumentParser
import Console
import SyncCore
import SyncStore
import SyncTransport

struct RetireCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "retire",
        Words(
            "Certify that nothing is left to send, before this device is wiped or handed on.",
            zh: "出具证明：本设备已没有待发内容，可清除或转交。"),
        discussion: Words(
            "The file holds the hub's signed receipts and this device's signature: anybody can check it "
                + "later, without the hub. While something waits, nothing is written and the records are "
                + "named.",
            zh: "证明文件含汇总端签名的回执和本设备的签名，日后无须联系汇总端即可核验。"
                + "若仍有待发内容，则不出具证明，并列出相关记录。"),
        example: "branch-agent retire certificate.json --data DIR")

    @Argument(help: ArgumentHelp("The file to write.", zh: "要写入的文件。"))
    var file: String
    @OptionGroup var store: DataOption

    /// Records that are named at most.
    private static let named = 10

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            let key = try store.folder.key()
            let (agent, configuration) = try store.folder.open()
            let ends = try agent.ends(limit: RetireCommand.named)
            if let words = RetireCommand.words(forLeft: ends) { throw Failure(.someRefused, words) }
            var certificate = Certificate(
                device: key.publicKey, hub: configuration.hubKeys, at: AgentFolder.milliseconds(),
                journals: ends.journals)
            certificate.signature = try Signing(key).sign(certificate.statement(hashing: .sha256))
            let document = CertificateFile(
                certificate, unit: configuration.unit, quarantined: ends.quarantined, hashing: .sha256)
            // First: what is entered from here on hears of it, also where the certificate cannot be written.
            try RetiredFile(in: store.folder.path).make()
            try Files.write(try document.bytes, to: file)
            Output.line(RetireCommand.words(for: certificate, in: file))
            if let words = RetireCommand.words(forQuarantined: ends.quarantined) { Output.line(words) }
            if let words = RetireCommand.words(forReleasable: ends.releasable) { Output.line(words) }
        }
    }

    static func words(for certificate: Certificate, in file: String) -> Words {
        let versions = certificate.journals.reduce(0) { $0 + $1.sequence }
        let unsigned = certificate.journals.reduce(0) { $0 + $1.unsigned }
        let gap =
            unsigned == 0
            ? Words("", zh: "")
            : Words(
                " For \(unsigned) of them, from before this folder was restored or copied, the hub said so "
                    + "without signing it.",
                zh: "其中 \(unsigned) 条属本目录恢复或复制之前，汇总端仅告知已收到，未签名。")
        return Words(
            "nothing is left to send: \(versions) entries are receipted.\(gap.en) The certificate is in "
                + "\(file); keep it elsewhere. Enter nothing more here: it would not be covered",
            zh: "没有待发内容：\(versions) 条均已获回执。\(gap.zh)证明已写入 \(file)；请另行保存。此后请勿再在本机录入：不在证明范围内")
    }

    /// Nil when everything counts.
    static func words(forQuarantined count: UInt64) -> Words? {
        guard count > 0 else { return nil }
        return Words(
            "of \(count) records the centre holds entries back in quarantine: it has them, and they do not "
                + "count there. `branch-agent status` names them and says why; the centre decides, before "
                + "this device is wiped",
            zh: "有 \(count) 条记录的内容被中心隔离：中心已收到，但不计入。branch-agent status 会列出这些记录及原因；"
                + "请在清除本设备之前由中心决定")
    }

    /// Nil when there are none.
    static func words(forReleasable count: UInt64) -> Words? {
        guard count > 0 else { return nil }
        return Words(
            "\(count) of them the centre had before it was restored from a backup: they count again once it "
                + "has run `aggregator release`, of which this device hears nothing. Ask the centre whether "
                + "it has",
            zh: "其中 \(count) 条中心在从备份恢复之前已收到：执行 aggregator release 后重新计入，但本设备不会得知。"
                + "请询问中心是否已执行")
    }

    /// Nil when nothing is left.
    static func words(forLeft ends: AgentEnds) -> Words? {
        if ends.waiting > 0 {
            let records = ends.records.map { "\($0.form) \(RecordText.text($0))" }
                .map(Output.printable)
            let more = ends.records.count < RetireCommand.named ? "" : ", ..."
            return Words(
                "\(ends.waiting) entries have no receipt yet, nothing was certified. Run `branch-agent "
                    + "sync`. They are about: \(records.joined(separator: ", "))\(more)",
                zh: "\(ends.waiting) 条内容尚未获得回执，未出具证明。请先运行 branch-agent sync。"
                    + "相关记录：\(records.joined(separator: "，"))\(more)")
        }
        guard ends.parted > 0 else { return nil }
        return Words(
            "\(ends.parted) entries from before this folder was restored or copied may be missing at the "
                + "hub and are not sent; nothing was certified. Ring the centre: `sync-inspect reconcile` "
                + "names the records that differ",
            zh: "本目录恢复或复制之前的 \(ends.parted) 条内容可能未到汇总端，且不会发送；未出具证明。"
                + "请联系中心；可用 sync-inspect reconcile 找出不一致的记录")
    }
}
