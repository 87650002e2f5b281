package import ArgumentParser

/// Showing personal fields as they are, and why.
package struct UnmaskOption: ParsableArguments {
    @Flag(name: .long, help: ArgumentHelp("Show personal fields and names as they are.", zh: "显示个人信息和填写人原文。"))
    package var unmask = false
    @Option(
        name: .long,
        help: ArgumentHelp(
            "Why they are shown; it is kept, with who asked.", zh: "查看原文的原因；会与查看人一并保存。"))
    package var reason: String?

    /// Bytes of a reason.
    private static let reasonLimit = 512

    package init() {}

    /// Has it written down that somebody looks, where that is kept.
    ///
    /// - Parameters:
    ///   - what: what is shown.
    ///   - isAsked: a reason must be given.
    /// - Throws: ``Failure`` with `.usage` when there is none, or it is too long.
    package func note(_ what: String, at desk: any RecordDesk, isAsked: Bool) throws {
        guard unmask else { return }
        let reason = reason ?? ""
        guard !(isAsked && reason.isEmpty), reason.utf8.count <= UnmaskOption.reasonLimit else {
            throw Failure(
                .usage,
                Words(
                    "say with --reason why personal fields are to be shown (at most "
                        + "\(UnmaskOption.reasonLimit) bytes); it is written down",
                    zh: "请用 --reason 说明查看个人信息原文的原因（最多 \(UnmaskOption.reasonLimit) 字节）；会被记录"))
        }
        try desk.note(unmasked: reason.isEmpty ? what : "\(what): \(Output.printable(reason))")
    }
}
