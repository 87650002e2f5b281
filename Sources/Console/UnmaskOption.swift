package import ArgumentParser
import Foundation

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
        guard let reason = try why(isAsked: isAsked) else { return }
        try desk.note(unmasked: reason.isEmpty ? what : "\(what): \(reason)")
    }

    /// The reason as it is to be written down; nil when nothing is unmasked.
    ///
    /// - Parameter isAsked: there must be one.
    /// - Throws: ``Failure`` with `.usage` when there is none, or it is too long.
    package func why(isAsked: Bool) throws -> String? {
        guard unmask else { return nil }
        return try UnmaskOption.checked(reason, isAsked: isAsked)
    }

    /// - Throws: ``Failure`` with `.usage` when it is empty and must not be, or too long.
    package static func checked(_ reason: String?, isAsked: Bool) throws -> String {
        let reason = (reason ?? "").trimmingCharacters(in: .whitespacesAndNewlines)
        guard !(isAsked && reason.isEmpty), reason.utf8.count <= UnmaskOption.reasonLimit else {
            throw Failure(
                .usage,
                Words(
                    "say with --reason why personal fields are to be shown (at most "
                        + "\(UnmaskOption.reasonLimit) bytes); it is written down",
                    zh: "请用 --reason 说明查看个人信息原文的原因（最多 \(UnmaskOption.reasonLimit) 字节）；会被记录"))
        }
        return Output.printable(reason)
    }
}
