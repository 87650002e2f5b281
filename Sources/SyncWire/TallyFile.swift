public import SyncCore

/// What one end holds, as a file that the other end is compared with. It names no record: only hashes of
/// keys, prints, units and counts.
public struct TallyFile: Sendable, Hashable {
    public enum Side: UInt8, Sendable { case branch = 1, hub = 2 }

    /// A journal as far as the maker holds it. Of a branch: its own.
    public struct Journal: Sendable, Hashable {
        public var origin: OriginID
        /// The number that entries name whoever brought them by; 0 is the hub itself.
        public var bringer: UInt32
        public var sequence: UInt64
        public var head: Digest

        public init(origin: OriginID, bringer: UInt32, sequence: UInt64, head: Digest) {
            self.origin = origin
            self.bringer = bringer
            self.sequence = sequence
            self.head = head
        }
    }

    public var side: Side
    public var made: Milliseconds
    /// The hub's local day by which units were found.
    public var today: Int32
    /// SHA-256 of the hub's public key.
    public var hub: Digest
    public var epoch: Token16
    /// Of a hub its arrival log's end, of a branch its place in the feed.
    public var position: UInt64
    /// Whose scope it holds; empty for a hub's everything.
    public var unit: [UInt8]
    public var journals: [Journal]
    public var listing: TallyListing

    public init(
        side: Side, made: Milliseconds, today: Int32, hub: Digest, epoch: Token16, position: UInt64,
        unit: [UInt8], journals: [Journal], listing: TallyListing
    ) {
        self.side = side
        self.made = made
        self.today = today
        self.hub = hub
        self.epoch = epoch
        self.position = position
        self.unit = unit
        self.journals = journals
        self.listing = listing
    }

    private static let mark: [UInt8] = Array("RCTALLY1".utf8)

    public func encoded() -> [UInt8] {
        var writer = ByteWriter()
        writer.put(raw: TallyFile.mark)
        writer.put(side.rawValue)
        writer.put(zigzag: made)
        writer.put(zigzag: Int64(today))
        writer.put(hub)
        writer.put(epoch)
        writer.put(varint: position)
        writer.put(counted: unit)
        writer.put(count: journals.count)
        for journal in journals {
            writer.put(word: journal.origin)
            writer.put(varint: UInt64(journal.bringer))
            writer.put(varint: journal.sequence)
            writer.put(journal.head)
        }
        writer.put(count: listing.groups.count)
        for group in listing.groups {
            writer.put(TallyPath.unit(form: group.place.form, day: group.place.day, unit: group.place.unit))
            writer.put(count: group.entries.count)
            for entry in group.entries {
                writer.put(word: entry.hash)
                writer.put(word: entry.print)
                writer.put(entry.flags.rawValue)
                writer.put(varint: UInt64(entry.bringer))
                writer.put(varint: entry.position)
                writer.put(varint: entry.othersPosition)
            }
        }
        let check = Checksum.crc32(writer.bytes)
        for shift in stride(from: 24, through: 0, by: -8) {
            writer.put(UInt8(truncatingIfNeeded: check >> UInt32(shift)))
        }
        return writer.bytes
    }

    /// - Throws: ``WireError`` when the bytes are not what ``encoded()`` writes, all of it.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        let body = bytes.dropLast(4)
        let check = bytes.suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        let isWhole = Checksum.crc32(body) == check
        self = try Array(body).withUnsafeBufferPointer { (buffer) throws(WireError) -> TallyFile in
            var reader = ByteReader(buffer)
            guard isWhole, buffer.starts(with: TallyFile.mark) else {
                throw reader.error(.notCanonical, .message)
            }
            _ = try reader.take(TallyFile.mark.count, .message)
            let file = try TallyFile(&reader)
            try reader.end(.message)
            return file
        }
    }

    private init(_ reader: inout ByteReader) throws(WireError) {
        guard let side = Side(rawValue: try reader.byte(.message)) else {
            throw reader.error(.outOfRange, .message)
        }
        self.side = side
        made = try reader.zigzag(.message)
        today = Int32(clamping: try reader.zigzag(.message))
        hub = try reader.digest(.message)
        epoch = try reader.token(.message)
        position = try reader.varint(.message)
        unit = Array(try reader.string(upTo: Limits.keyBytes, .message).utf8)
        journals = []
        for _ in 0..<(try reader.number(upTo: reader.remaining / 42, .message)) {
            journals.append(
                Journal(
                    origin: try reader.word(.message), bringer: try reader.varint32(.message),
                    sequence: try reader.varint(.message), head: try reader.digest(.message)))
        }
        var groups: [TallyListing.Group] = []
        for _ in 0..<(try reader.number(upTo: reader.remaining / 5, .message)) {
            groups.append(try TallyFile.group(&reader))
        }
        listing = TallyListing(groups)
    }

    private static func group(_ reader: inout ByteReader) throws(WireError) -> TallyListing.Group {
        guard case .unit(let form, let day, let unit) = try reader.tallyPath() else {
            throw reader.error(.outOfRange, .message)
        }
        let count = try reader.number(upTo: reader.remaining / 20, .message)
        var entries: [TallyListing.Entry] = []
        entries.reserveCapacity(count)
        for _ in 0..<count {
            let print = RecordPrint(hash: try reader.word(.message), print: try reader.word(.message))
            let flags = TallyFlags(rawValue: try reader.byte(.message))
            entries.append(
                TallyListing.Entry(
                    print, flags: flags, bringer: try reader.varint32(.message),
                    position: try reader.varint(.message), othersPosition: try reader.varint(.message)))
        }
        return TallyListing.Group(place: TallyPlace(form: form, day: day, unit: unit), entries: entries)
    }
}
