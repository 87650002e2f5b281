import Foundation
import Testing

/// Texts that are kept beside the tests. `ROLLCALL_REWRITE_SNAPSHOTS=1` writes them anew: look at what
/// changed.
enum Snapshot {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Snapshots")

    /// What must not stand in any of them.
    private static let secrets = ["Secret", "38.60", "T999", "36.50"]

    /// Compares text for people and what scripts read.
    ///
    /// - Parameter plain: takes out of the text what is another at each run.
    static func compare(
        _ name: String, _ lines: [String], _ report: (any Encodable)? = nil,
        plain: (String) -> String = { $0 }
    ) throws {
        var text = lines.joined(separator: "\n") + "\n"
        if let report {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
            text += "\n" + String(decoding: try encoder.encode(report), as: UTF8.self) + "\n"
        }
        text = plain(text)
        for secret in secrets { #expect(!text.contains(secret), "\(name)") }
        let file = folder.appending(path: name + ".txt")
        if ProcessInfo.processInfo.environment["ROLLCALL_REWRITE_SNAPSHOTS"] == "1" {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
            return
        }
        let kept = try String(contentsOf: file, encoding: .utf8)
        #expect(kept == text, "\(name) differs from \(file.path)")
    }
}
