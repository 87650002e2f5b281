import SyncCore
import SyncStore
import SyncWire

/// One row of the hub's journal: a stretch of one origin as it came, or what a purge has left of it.
struct HubSegment {
    var position: UInt64
    /// The store's own number.
    var origin: Int64
    var first: UInt64
    var last: UInt64
    var before: Digest
    var after: Digest
    var arrived: Milliseconds
    /// UTC days of authoring.
    var authored: ClosedRange<Int64>
    /// Runs of rows that are gone: see `HubBytes.runs`.
    var gone: [UInt8]
    /// Hashes that stand for values whose salts were destroyed: see `KeptCodec`; nil while none was.
    var kept: [UInt8]?
    /// The first two bytes of each head: which entry it is that was altered.
    var marks: [UInt8]
    var seals: [UInt8]
    var rows: [UInt8]

    static let columns = """
        position, origin, first, last, head_before, head_after, arrived, authored_from, authored_to, gone,
        kept, marks, seals, rows
        """

    /// - Parameters:
    ///   - origin: as it was before the batch.
    ///   - heads: of the batch's rows.
    init(
        position: UInt64, origin: HubOrigin, batch: VersionBatch, arrived: Milliseconds, heads: [Digest],
        kept: [KeptHashes]?, seals: [UInt8], rows: [UInt8]
    ) {
        self.position = position
        self.origin = origin.number
        first = batch.first
        last = batch.last
        before = origin.head
        after = heads.last ?? origin.head
        self.arrived = arrived
        let days = batch.rows.authored.map { Int64(JournalChain.day(of: $0)) }
        authored = (days.min() ?? 0)...(days.max() ?? 0)
        gone = []
        self.kept = kept.map(KeptCodec.encode)
        marks = HubSegment.marks(heads)
        self.seals = seals
        self.rows = rows
    }

    /// Of a row that begins with ``columns``.
    init(_ row: HubStatement) throws {
        position = row.word(0)
        origin = row.int(1)
        first = row.word(2)
        last = row.word(3)
        before = try row.digest(4)
        after = try row.digest(5)
        arrived = row.int(6)
        authored = min(row.int(7), row.int(8))...max(row.int(7), row.int(8))
        gone = row.bytes(9)
        kept = row.isNull(10) ? nil : row.bytes(10)
        marks = row.bytes(11)
        seals = row.bytes(12)
        rows = row.bytes(13)
    }

    static func marks(_ heads: [Digest]) -> [UInt8] {
        heads.flatMap { head in
            [UInt8(truncatingIfNeeded: head.words.0 >> 56), UInt8(truncatingIfNeeded: head.words.0 >> 48)]
        }
    }

    /// A hash of the row as it stands. It finds damage that changes nothing of what the row says.
    func print(_ hashing: Hashing) -> Digest {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(rows.count + marks.count + seals.count + 256)
        for word in [
            position, UInt64(bitPattern: origin), first, last, UInt64(bitPattern: arrived),
            UInt64(bitPattern: authored.lowerBound), UInt64(bitPattern: authored.upperBound),
        ] { bytes += HubBytes.bigEndian(word) }
        bytes += before.bytes + after.bytes
        for part in [gone, kept ?? [], marks, seals, rows] {
            bytes += HubBytes.bigEndian(UInt64(part.count))
            bytes += part
        }
        return hashing(bytes)
    }
}

/// What the hub signs of a segment whose values it can no longer prove by their hashes alone.
enum PurgeStatement {
    static func bytes(hub: Digest, print: Digest) -> [UInt8] {
        Array("rollcall purge v1".utf8) + hub.bytes + print.bytes
    }
}

/// Per row: 255 and its digest, or how many classes, and for each its number and hash.
enum KeptCodec {
    static func encode(_ kept: [KeptHashes]) -> [UInt8] {
        var bytes: [UInt8] = []
        for row in kept {
            switch row {
            case .whole(let digest): bytes += [255] + digest.bytes
            case .classes(let classes):
                bytes.append(UInt8(clamping: min(classes.count, 254)))
                for part in classes { bytes += [part.retentionClass] + part.hash.bytes }
            }
        }
        return bytes
    }

    /// Nil unless the bytes are used up exactly.
    static func decode(_ bytes: [UInt8]) -> [KeptHashes]? {
        var kept: [KeptHashes] = []
        var offset = 0
        func digest() -> Digest? {
            guard bytes.count - offset >= Digest.size else { return nil }
            defer { offset += Digest.size }
            return Digest(bytes: bytes[offset..<(offset + Digest.size)])
        }
        while offset < bytes.count {
            let count = bytes[offset]
            offset += 1
            if count == 255 {
                guard let digest = digest() else { return nil }
                kept.append(.whole(digest))
                continue
            }
            var classes: [KeptHashes.ClassHash] = []
            for _ in 0..<count {
                guard offset < bytes.count else { return nil }
                let retentionClass = bytes[offset]
                offset += 1
                guard let hash = digest() else { return nil }
                classes.append(KeptHashes.ClassHash(retentionClass: retentionClass, hash: hash))
            }
            kept.append(.classes(classes))
        }
        return kept
    }
}
