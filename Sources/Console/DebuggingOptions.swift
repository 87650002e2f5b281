package import ArgumentParser
import Forms
package import SyncCore

/// What a program that has sessions writes down of them for whoever looks for a fault.
package struct DebuggingOptions: ParsableArguments {
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Write every frame of the sessions to this new file, for `sync-inspect capture`. Personal fields "
                + "are masked, secrets left out.",
            zh: "把会话的每一帧写入这个新文件，供 sync-inspect capture 查看。个人信息会隐去，不含密钥。"))
    package var transcript: String?
    @Flag(
        name: .long,
        help: ArgumentHelp(
            "With --transcript: leave personal fields as they travelled.", zh: "与 --transcript 同用：个人信息保留原文。"))
    package var transcriptUnmasked = false
    @Option(
        name: .long,
        help: ArgumentHelp(
            "For debugging only: append the secrets of the TLS connections to this file. Whoever has it can "
                + "read what was recorded of them.",
            zh: "仅供排错：把 TLS 连接的密钥追加到此文件。得到该文件的人可以解读这些连接的录制内容。"))
    package var tlsKeyLog: String?

    @Option(
        name: .long,
        help: ArgumentHelp(
            "With --transcript-unmasked or --tls-key-log: why; it is kept, with who asked.",
            zh: "与 --transcript-unmasked 或 --tls-key-log 同用：原因；会与操作人一并保存。"))
    package var reason: String?

    package init() {}

    /// What is to be written down before anything of it is: who gets at people's data by it, and why.
    ///
    /// - Throws: ``Failure`` with `.usage` where no reason is given.
    package func unmasked() throws -> [String] {
        guard transcriptUnmasked || tlsKeyLog != nil else { return [] }
        let reason = try UnmaskOption.checked(reason, isAsked: true)
        return (transcriptUnmasked ? ["transcript of sessions: \(reason)"] : [])
            + (tlsKeyLog == nil ? [] : ["secrets of connections logged: \(reason)"])
    }

    package func validate() throws {
        if transcriptUnmasked && transcript == nil {
            throw ValidationError(
                Words(
                    "--transcript-unmasked goes with --transcript FILE.",
                    zh: "--transcript-unmasked 须与 --transcript 同用。"
                ).text())
        }
    }

    /// Which values are masked, by form and field; nil for none. A field that no form at hand knows counts as
    /// personal.
    package var masking: (@Sendable (String, FieldID) -> Bool)? {
        if transcriptUnmasked { return nil }
        return { form, field in FormCatalog.builtIn[form]?.field(field)?.personal ?? true }
    }

    /// Says what is written while it is.
    package func warn() {
        if let transcript, transcriptUnmasked {
            Output.remark(
                Words(
                    "everything that the sessions say goes to \(transcript), people's data too: delete it "
                        + "when it has served",
                    zh: "会话的全部内容（包括个人信息）将写入 \(transcript)：用完请删除"))
        }
        if let tlsKeyLog {
            Output.remark(
                Words(
                    "the secrets of the connections go to \(tlsKeyLog): whoever has them can read what was "
                        + "recorded. Delete it when it has served",
                    zh: "连接的密钥将写入 \(tlsKeyLog)：得到它的人可解读录制的内容。用完请删除"))
        }
    }
}
