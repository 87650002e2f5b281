import Console
import Foundation
import Glibc
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// `revocations.jsonl` beside the store: a line for each device that was ever revoked. `revocations.end` says
/// how many there were, and which: a list of which a part is gone does not pass for a short one.
struct RevocationFile {
    /// A line of it; one that begins with `#` has been set aside, and is none.
    struct Line {
        /// In the file.
        var offset: Int
        var bytes: [UInt8]
        /// Nil when it does not read: it was never finished, or damaged later.
        var revocation: Revocation?
    }

    private let path: String
    private let folder: String

    init(in folder: String) {
        self.folder = folder
        path = folder + "/revocations.jsonl"
    }

    // MARK: - Reading

    func lines() throws -> [Line] {
        guard FileManager.default.fileExists(atPath: path) else { return [] }
        // As editors of other systems leave it: a byte order mark in front, lines that end with CR LF.
        let bytes = try Files.read(path)
        let start = bytes.starts(with: RevocationFile.byteOrderMark) ? RevocationFile.byteOrderMark.count : 0
        return bytes[start...].split(separator: UInt8(ascii: "\n")).compactMap { part in
            let line = part.last == UInt8(ascii: "\r") ? part.dropLast() : part
            if line.isEmpty || line.first == RevocationFile.aside { return nil }
            return Line(
                offset: line.startIndex, bytes: Array(line),
                revocation: try? JSONDecoder().decode(Content.self, from: Data(line)).revocation)
        }
    }

    private static let byteOrderMark: [UInt8] = [0xef, 0xbb, 0xbf]

    // MARK: - Writing

    /// Durable when it returns.
    func append(_ revocation: Revocation) throws {
        let descriptor = try DatabaseFolder.openPlain(path)
        defer { close(descriptor) }
        // The line feed in front ends a line that a crash has left torn.
        let line =
            [UInt8(ascii: "\n")] + (try Content(revocation).encoded(isChecked: true)) + [UInt8(ascii: "\n")]
        let end = lseek(descriptor, 0, SEEK_END)
        let written = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard end >= 0, written == line.count, fsync(descriptor) == 0 else {
            let number = written >= 0 && written < line.count ? ENOSPC : errno
            throw StoreError(
                number == ENOSPC || number == EDQUOT ? .diskFull : .inputOutput, "keeping the revocation",
                file: path, systemError: number)
        }
        try sync()
        try counted.extend(onto: try lines())
    }

    /// Of how many revocations it is known that they were there, and that no line tells any more.
    func lost() throws -> Int { counted.lost(of: try lines()) }

    /// How many lines there were; nil where that is not known.
    var countOnce: Int? { counted.count }

    /// From here on the list is whole as it is.
    func settleEnd() throws { try counted.settle(at: try lines()) }

    private var counted: RevocationEnd { RevocationEnd(in: folder) }

    /// Leaves the line where it is, marked as one that counts no more. Needs no room.
    func setAside(_ line: Line) throws {
        let descriptor = try DatabaseFolder.openPlain(path)
        defer { close(descriptor) }
        var mark = RevocationFile.aside
        guard pwrite(descriptor, &mark, 1, off_t(line.offset)) == 1, fsync(descriptor) == 0 else {
            throw StoreError(
                .inputOutput, "setting a revocation aside", file: path, systemError: errno)
        }
    }

    private static let aside = UInt8(ascii: "#")

    private func sync() throws {
        let descriptor = Glibc.open(folder, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            throw StoreError(.inputOutput, "syncing", file: folder, systemError: errno)
        }
    }
}

extension RevocationFile.Line {
    /// Digits of a key, or of an origin's id, that are enough to recognise it by.
    private static let window = 16

    /// Whether what is left of the line names a device: damage leaves some of its key, or the id of one of
    /// its journals.
    func mayName(_ key: [UInt8], _ origins: [OriginID]) -> Bool {
        let found = windows
        let digits = Array(Hex.encode(key).utf8)
        for start in 0...max(0, digits.count - Self.window)
        where found.contains(Array(digits[start..<min(digits.count, start + Self.window)])) {
            return true
        }
        return origins.contains { found.contains(Array(RecordText.origin($0).utf8)) }
    }

    /// Whether so much of a key is left that a device whose key it was would have been recognised: more than
    /// a head's digits in a row.
    var holdsKey: Bool {
        var longest = 0
        var run = 0
        for byte in bytes {
            run = Self.isDigit(byte) ? run + 1 : 0
            longest = max(longest, run)
        }
        return longest > 2 * Digest.size
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    private var windows: Set<[UInt8]> {
        guard bytes.count >= Self.window else { return [] }
        return Set((0...(bytes.count - Self.window)).map { Array(bytes[$0..<($0 + Self.window)]) })
    }
}

/// A line's JSON.
private struct Content: Codable {
    var publicKey: String
    var unit: String
    var label: String
    var joined: Milliseconds
    var at: Milliseconds
    var reason: String
    /// How far the device's journals were held; none in a line of an earlier program.
    var held: [Held]?
    /// The first digits of the SHA-256 of the line without them; none in a line of an earlier program.
    var check: String?

    struct Held: Codable {
        var origin: String
        var sequence: UInt64
        var head: String
    }

    init(_ revocation: Revocation) {
        publicKey = Hex.encode(revocation.publicKey)
        unit = revocation.unit
        label = revocation.label
        joined = revocation.joined
        at = revocation.at
        reason = revocation.reason
        held = revocation.held.map {
            Held(
                origin: RecordText.origin($0.origin), sequence: $0.sequence, head: Hex.encode($0.head.bytes))
        }
    }

    func encoded(isChecked: Bool) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var content = self
        content.check = nil
        if isChecked { content.check = try sum }
        return Array(try encoder.encode(content))
    }

    private var sum: String {
        get throws { Hex.encode(Hashing.sha256(try encoded(isChecked: false)).bytes.prefix(4)) }
    }

    /// Nil when the line is not as it was written.
    var revocation: Revocation? {
        if let check, check != (try? sum) { return nil }
        return Hex.decode(publicKey).map {
            Revocation(
                publicKey: $0, unit: unit, label: label, joined: joined, at: at, reason: reason,
                held: (held ?? []).compactMap { held in
                    guard let origin = OriginID(held.origin, radix: 16),
                        let head = Hex.decode(held.head).flatMap({ Digest(bytes: $0) })
                    else { return nil }
                    return Revocation.Held(origin: origin, sequence: held.sequence, head: head)
                })
        }
    }
}
