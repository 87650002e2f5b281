import Foundation
import Glibc
import SQLiteStore
import SyncCore
import SyncStore

/// `unmasked.jsonl` beside a branch's store: who looked at personal fields, when, at what, and why. A line
/// each; nothing is ever taken out of it.
struct UnmaskedFile {
    static let name = "unmasked.jsonl"

    private struct Line: Encodable {
        /// Milliseconds.
        var at: Milliseconds
        /// The system's user.
        var user: String
        var what: String
    }

    private let path: String

    init(in folder: String) { path = folder + "/" + UnmaskedFile.name }

    /// Durable when it returns: what is not written down is not shown.
    func append(_ what: String) throws {
        let descriptor = try DatabaseFolder.openPlain(path)
        defer { close(descriptor) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let line = Line(at: AgentFolder.milliseconds(), user: NSUserName(), what: what)
        let bytes = Array(try encoder.encode(line)) + [UInt8(ascii: "\n")]
        let end = lseek(descriptor, 0, SEEK_END)
        let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard end >= 0, written == bytes.count, fsync(descriptor) == 0 else {
            let number = written >= 0 && written < bytes.count ? ENOSPC : errno
            throw StoreError(
                number == ENOSPC || number == EDQUOT ? .diskFull : .inputOutput, "writing down who looks",
                file: path, systemError: number)
        }
    }
}
