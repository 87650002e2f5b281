import ArgumentParser
import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire

struct ProofCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        "proof",
        Words(
            "Write a proof of what this branch submitted and when the centre had it.",
            zh: "写出提交证明：本支部提交了什么，中心何时已收到。"),
        discussion: Words(
            "Anybody who has the fingerprint of the hub's key can check the file, without a network: "
                + "`sync-inspect verify FILE --hub FINGERPRINT`. It shows the values of the records that it "
                + "is about, and of no others.",
            zh: "任何持有汇总端密钥指纹的人都可离线核验：sync-inspect verify FILE --hub 指纹。"
                + "文件包含所证明记录的内容，不含其他记录。"),
        example: "branch-agent proof sent.proof --form check-in --key 2020-02-03 T001 "
            + "--reason \"asked by T001\" --data DIR")

    @Argument(help: ArgumentHelp("The file to write.", zh: "要写入的文件。"))
    var file: String
    @Option(name: .long, help: ArgumentHelp("The record's form, such as check-in.", zh: "记录的表单，例如 check-in。"))
    var form: String?
    @Option(
        name: .long, parsing: .upToNextOption,
        help: ArgumentHelp(
            "The record's key in the form's order, such as 2020-02-03 T001.",
            zh: "按表单顺序写出记录的键值，例如 2020-02-03 T001。"))
    var key: [String] = []
    @Flag(name: .long, help: ArgumentHelp("Everything that has a receipt.", zh: "所有已获回执的内容。"))
    var all = false
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Why, and for whom: a proof shows values as they are, so that it is kept who made it.",
            zh: "原因及交给谁：证明含原文，因此会记录由谁生成。"))
    var reason: String
    @OptionGroup var store: DataOption
    @Flag(name: .long, help: ArgumentHelp("Print JSON, for scripts.", zh: "输出 JSON，供脚本使用。"))
    var json = false

    private struct Written: Encodable {
        var versions: Int
        var withoutReceipt: Int
        var pruned: Int
        /// SHA-256 of the hub's key, by which the file is checked.
        var hub: String
    }

    func validate() throws {
        if all == (form != nil) || (form == nil) != key.isEmpty {
            throw ValidationError(
                Words(
                    "Name one record with --form and --key, or everything with --all.",
                    zh: "请用 --form 和 --key 指定一条记录，或用 --all 指定全部。"
                ).text())
        }
    }

    func run() async throws {
        try await Program.run(explaining: SyncWords.failure) {
            let context = try AgentContext(store.folder)
            let record = try form.map { try RecordKeyText.key($0, key, context.forms.catalog) }
            let evidence = try context.store.evidence(of: record)
            guard evidence.versions > 0 else { throw ProofCommand.nothing(evidence) }
            let reason = try UnmaskOption.checked(reason, isAsked: true)
            let what = record.map { "\($0.form) \(RecordText.text($0))" } ?? "everything"
            try UnmaskedFile(in: store.folder.path).append("proof \(what): \(reason)")
            try Files.write(ProofFile.encode(evidence.proof), to: file)
            let written = Written(
                versions: evidence.versions, withoutReceipt: evidence.withoutReceipt, pruned: evidence.pruned,
                hub: context.configuration.hub.description)
            if json { return try Output.json(written) }
            tell(written)
        }
    }

    private func tell(_ written: Written) {
        Output.line(
            Words(
                "\(file) proves \(written.versions) entries; it holds their values. Check it with "
                    + "`sync-inspect verify \(file) --hub \(written.hub)`",
                zh: "\(file) 可证明 \(written.versions) 条内容，并含其原文。核验："
                    + "sync-inspect verify \(file) --hub \(written.hub)"))
        if written.withoutReceipt > 0 {
            Output.remark(
                Words(
                    "\(written.withoutReceipt) more have no receipt yet; sync, and write it again",
                    zh: "另有 \(written.withoutReceipt) 条尚无回执；请同步后重新生成"))
        }
        if written.pruned > 0 {
            Output.remark(
                Words(
                    "\(written.pruned) more can be proved here no longer: something of what lies there may "
                        + "be kept no longer and was taken out",
                    zh: "另有 \(written.pruned) 条已无法在此证明：其中有内容已过保存期限并被清除"))
        }
    }

    private static func nothing(_ evidence: AgentEvidence) -> Failure {
        if evidence.withoutReceipt > 0 {
            return Failure(
                .noInput,
                Words(
                    "the centre has not confirmed it yet, so that nothing can be proved; run "
                        + "`branch-agent sync` first",
                    zh: "中心尚未确认收到，无法证明；请先运行 branch-agent sync"))
        }
        if evidence.pruned > 0 {
            return Failure(
                .noInput,
                Words(
                    "it can be proved here no longer: something of it may be kept no longer and was "
                        + "taken out",
                    zh: "已无法在此证明：其中有内容已过保存期限并被清除"))
        }
        return Failure(
            .noInput,
            Words(
                "this branch has written nothing of it; `branch-agent history` shows who did",
                zh: "本支部没有写过此记录；可用 branch-agent history 查看由谁填写"))
    }
}
