import Console
import Foundation
import Glibc
import SQLiteStore
import SyncCore
import SyncStore

/// The revocations beside the store: a store that is put back from a backup has forgotten them.
extension HubFolder {
    /// A line each.
    private var revocationsFile: String { path + "/revocations.jsonl" }

    private struct Line: Codable {
        var publicKey: String
        var unit: String
        var label: String
        var joined: Milliseconds
        var at: Milliseconds
        var reason: String
        /// How far the device's journals were held; none in a line of an earlier program.
        var held: [Held]?

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
                    origin: RecordText.origin($0.origin), sequence: $0.sequence,
                    head: Hex.encode($0.head.bytes))
            }
        }

        var revocation: Revocation? {
            Hex.decode(publicKey).map {
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

    /// All that were ever revoked. A line that does not read is passed over: it was never finished, or
    /// damaged later, see ``unreadableRevocations()``.
    func revocations() throws -> [Revocation] { try revocationLines().compactMap(\.self) }

    /// How many lines do not read.
    func unreadableRevocations() throws -> Int { try revocationLines().count { $0 == nil } }

    private func revocationLines() throws -> [Revocation?] {
        guard FileManager.default.fileExists(atPath: revocationsFile) else { return [] }
        return try Files.read(revocationsFile).split(separator: UInt8(ascii: "\n")).map { line in
            try? JSONDecoder().decode(Line.self, from: Data(line)).revocation
        }
    }

    /// Those that the store knows and the file does not: somebody removed or cut it, or the disk was full.
    func revocationsMissing(in store: SQLiteHubStore) throws -> [Revocation] {
        let kept = Set(try revocations().map(\.publicKey))
        return try store.revocations().filter { !kept.contains($0.publicKey) }
    }

    /// Tells store and file of each other's: a store that somebody copied back has forgotten whom it lets in
    /// no more, and a file may have been cut or left behind.
    ///
    /// - Returns: how many the file lacked.
    func reconcileRevocations(with store: SQLiteHubStore) throws -> Int {
        let now = HubFolder.milliseconds()
        _ = try store.replay(try revocations(), now: now)
        let missing = try revocationsMissing(in: store)
        guard !missing.isEmpty else { return 0 }
        do {
            for revocation in missing { try keep(revocation) }
            try store.record(
                act: "revocations_mended", detail: "\(missing.count) were not in revocations.jsonl", now: now)
        } catch let error as StoreError where error.isOfRoom {
            // The store knows; the next start tries again.
        }
        return missing.count
    }

    /// Durable when it returns.
    func keep(_ revocation: Revocation) throws {
        let descriptor = try DatabaseFolder.openPlain(revocationsFile)
        defer { close(descriptor) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        // The line feed in front ends a line that a crash has left torn.
        let line = [UInt8(ascii: "\n")] + (try encoder.encode(Line(revocation))) + [UInt8(ascii: "\n")]
        let end = lseek(descriptor, 0, SEEK_END)
        let written = line.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        guard end >= 0, written == line.count, fsync(descriptor) == 0 else {
            let number = written >= 0 && written < line.count ? ENOSPC : errno
            throw StoreError(
                number == ENOSPC || number == EDQUOT ? .diskFull : .inputOutput, "keeping the revocation",
                file: revocationsFile, systemError: number)
        }
        try sync(path)
    }
}

/// What is said of a file that lacks revocations.
enum RevocationWords {
    static func unreadable(_ count: Int) -> Words {
        Words(
            "\(count) lines of revocations.jsonl cannot be read: a device that one of them names may be let "
                + "in again. Compare `aggregator devices` with whom you revoked, and revoke again who is "
                + "missing",
            zh: "revocations.jsonl 有 \(count) 行无法读取：其中所列设备可能被重新接受。"
                + "请用 aggregator devices 与已撤销的设备核对，缺少的须重新撤销")
    }

    static func missing(_ count: Int) -> Words {
        Words(
            "revocations.jsonl lacked \(count) revoked devices that the store knows: it was removed or cut, "
                + "or the disk was full. Without it a backup that is put back may let them in again",
            zh: "revocations.jsonl 缺少数据中已撤销的 \(count) 台设备：文件被删除或截短，或当时磁盘已满。"
                + "缺少它时，从备份恢复可能会重新接受这些设备")
    }
}
