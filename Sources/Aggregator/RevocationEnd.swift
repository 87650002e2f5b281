import Foundation
import Glibc
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// `revocations.end` beside `revocations.jsonl`: how many lines that has, and which, so that a list of which
/// a part is gone does not pass for a short one. A restore leaves both as they are.
struct RevocationEnd {
    static let name = "revocations.end"

    private struct Content: Codable {
        var count: Int
        /// Made of the keys in their order.
        var sum: String
    }

    private let path: String

    init(in folder: String) { path = folder + "/" + RevocationEnd.name }

    /// Of how many revocations it is known that they were there, and that no line tells any more. A list that
    /// is another one lacks one at least; of one that nobody has counted nothing is known.
    func lost(of lines: [RevocationFile.Line]) -> Int {
        guard let end = read() else { return FileManager.default.fileExists(atPath: path) ? 1 : 0 }
        let keys = lines.compactMap(\.revocation?.publicKey)
        // A crash between the two may have left the end behind the list.
        if keys.count >= end.count, RevocationEnd.sum(keys.prefix(end.count)) == end.sum { return 0 }
        // Whom a damaged line names can still be found out.
        let damaged = lines.count { $0.revocation == nil && $0.holdsKey }
        let missing = end.count - keys.count - damaged
        return missing > 0 ? missing : damaged > 0 && missing == 0 ? 0 : 1
    }

    /// How many lines there were; nil where nobody has counted, or it cannot be read.
    var count: Int? { read()?.count }

    /// From here on this list is the whole one.
    func settle(at lines: [RevocationFile.Line]) throws {
        let keys = lines.compactMap(\.revocation?.publicKey)
        try write(Content(count: keys.count, sum: RevocationEnd.sum(keys)))
    }

    /// The list has one line more. One that lacks some goes on lacking them.
    func extend(onto lines: [RevocationFile.Line]) throws {
        guard lost(of: lines) > 0 else { return try settle(at: lines) }
        // An end that cannot be read stays so until somebody has compared.
        guard let end = read() else { return }
        try write(Content(count: end.count + 1, sum: end.sum))
    }

    private static func sum(_ keys: some Sequence<[UInt8]>) -> String {
        Hex.encode(keys.reduce(Digest.zero) { Hashing.sha256($0.bytes + $1) }.bytes.prefix(8))
    }

    private func read() -> Content? {
        guard let bytes = FileManager.default.contents(atPath: path) else { return nil }
        return try? JSONDecoder().decode(Content.self, from: bytes)
    }

    /// In its place and always as long, so that it goes through on a full disk.
    private func write(_ content: Content) throws {
        let count = String(content.count)
        let room = String(repeating: " ", count: max(0, 10 - count.utf8.count))
        let bytes = Array("{\"count\":\(room)\(count),\"sum\":\"\(content.sum)\"}\n".utf8)
        if FileManager.default.contents(atPath: path) == Data(bytes) { return }
        let descriptor = try DatabaseFolder.openPlain(path)
        defer { close(descriptor) }
        guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count, fsync(descriptor) == 0 else {
            throw StoreError(
                errno == ENOSPC || errno == EDQUOT ? .diskFull : .inputOutput, "keeping the revocation",
                file: path, systemError: errno)
        }
    }
}
