/// The canonical bytes that digests are made of. `Protocol/SPEC.md`, "Canonical bytes", is the authority.
public enum Canonical {
    /// What a field counts towards `Limits.recordBytes` beside its value, bytes.
    public static let fieldOverhead = 2
    static let versionMark: [UInt8] = Array("RCv1".utf8)
    static let originMark: [UInt8] = Array("rollcall origin v1".utf8)
    static let sealMark: [UInt8] = Array("rollcall seal v1".utf8)
    static let receiptMark: [UInt8] = Array("rollcall receipt v1".utf8)
    static let arrivalMark: [UInt8] = Array("rollcall arrival v1".utf8)

    /// A list as one dictionary entry: count, then each text with its length.
    public static func encodeList(_ items: [[UInt8]]) -> [UInt8] {
        var bytes: [UInt8] = []
        appendVarint(UInt64(items.count), to: &bytes)
        for item in items {
            appendVarint(UInt64(item.count), to: &bytes)
            bytes.append(contentsOf: item)
        }
        return bytes
    }

    /// The inverse of ``encodeList(_:)``; nil unless the bytes are canonical and used up exactly.
    public static func decodeList(_ bytes: ArraySlice<UInt8>) -> [[UInt8]]? {
        var offset = bytes.startIndex
        guard let count = readVarint(bytes, at: &offset), count <= UInt64(bytes.count) else { return nil }
        var items: [[UInt8]] = []
        for _ in 0..<count {
            guard let length = readVarint(bytes, at: &offset), length <= UInt64(bytes.endIndex - offset)
            else { return nil }
            items.append(Array(bytes[offset..<(offset + Int(length))]))
            offset += Int(length)
        }
        return offset == bytes.endIndex ? items : nil
    }

    /// A value by itself, as keys are stored and compared: kind, then content.
    public static func encode(_ value: Value) -> [UInt8] {
        var bytes: [UInt8] = [value.kind?.rawValue ?? 0]
        switch value {
        case .notStated: break
        case .integer(let number): appendVarint(zigzag(number), to: &bytes)
        case .decimal(let unscaled, let scale):
            bytes.append(scale)
            appendVarint(zigzag(unscaled), to: &bytes)
        case .text(let text):
            appendVarint(UInt64(text.count), to: &bytes)
            bytes.append(contentsOf: text)
        case .list(let items): bytes.append(contentsOf: encodeList(items))
        }
        return bytes
    }

    /// Key values one after the other; what names a record within its form in stores and tools.
    public static func encode(key values: [Value]) -> [UInt8] {
        values.flatMap { encode($0) }
    }

    /// The inverse of ``encode(_:)`` for one value that starts at `offset`, which moves behind it.
    ///
    /// - Returns: nil unless the bytes are canonical.
    public static func decode(_ bytes: ArraySlice<UInt8>, at offset: inout Int) -> Value? {
        guard offset < bytes.endIndex else { return nil }
        let mark = bytes[offset]
        offset += 1
        if mark == 0 { return .notStated }
        switch ValueKind(rawValue: mark) {
        case .integer: return readVarint(bytes, at: &offset).map { .integer(unzigzag($0)) }
        case .decimal:
            guard offset < bytes.endIndex else { return nil }
            let scale = bytes[offset]
            offset += 1
            return readVarint(bytes, at: &offset).map { .decimal(unscaled: unzigzag($0), scale: scale) }
        case .text: return readCounted(bytes, at: &offset).map { .text($0) }
        case .list:
            guard let count = readVarint(bytes, at: &offset), count <= UInt64(bytes.endIndex - offset)
            else { return nil }
            var items: [[UInt8]] = []
            for _ in 0..<count {
                guard let item = readCounted(bytes, at: &offset) else { return nil }
                items.append(item)
            }
            return .list(items)
        case nil: return nil
        }
    }

    /// The inverse of ``encode(key:)``; nil unless the bytes are canonical and used up exactly.
    public static func decode(key bytes: [UInt8]) -> [Value]? {
        var offset = 0
        var values: [Value] = []
        while offset < bytes.count {
            guard let value = decode(bytes[...], at: &offset) else { return nil }
            values.append(value)
        }
        return values
    }

    private static func readCounted(_ bytes: ArraySlice<UInt8>, at offset: inout Int) -> [UInt8]? {
        guard let length = readVarint(bytes, at: &offset), length <= UInt64(bytes.endIndex - offset)
        else { return nil }
        defer { offset += Int(length) }
        return Array(bytes[offset..<(offset + Int(length))])
    }

    static func unzigzag(_ word: UInt64) -> Int64 {
        Int64(bitPattern: word >> 1) ^ -Int64(bitPattern: word & 1)
    }

    static func zigzag(_ value: Int64) -> UInt64 {
        UInt64(bitPattern: (value << 1) ^ (value >> 63))
    }

    static func appendVarint(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    static func sizeOfVarint(_ value: UInt64) -> Int { max(1, (70 - value.leadingZeroBitCount) / 7) }

    /// A minimal varint; nil when it is cut off, overlong or above 64 bits.
    static func readVarint(_ bytes: ArraySlice<UInt8>, at offset: inout Int) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.endIndex {
            let byte = bytes[offset]
            offset += 1
            guard shift < 63 || byte <= 1 else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return byte == 0 && shift > 0 ? nil : value }
            shift += 7
        }
        return nil
    }

    package static func bigEndian(_ word: UInt64) -> [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
    }
}

/// The parts that an origin id is derived from.
public struct OriginClaim: Sendable, Hashable {
    public var lane: Lane
    public var nonce: Token16

    public init(lane: Lane, nonce: Token16) {
        self.lane = lane
        self.nonce = nonce
    }

    /// SHA-256("rollcall origin v1" ‖ SHA-256(public key) ‖ lane ‖ nonce). Its first eight bytes are the
    /// origin id, and the whole is the head of the empty journal.
    public func derivation(publicKey: [UInt8], hashing: Hashing) -> Digest {
        hashing(Canonical.originMark + hashing(publicKey).bytes + [lane.rawValue] + nonce.bytes)
    }
}

extension Digest {
    /// The short id of the origin that this derivation names.
    public var originID: OriginID { words.0 }
}

/// What a seal signs.
public enum SealStatement {
    public static func bytes(origin: OriginID, sequence: UInt64, head: Digest) -> [UInt8] {
        Canonical.sealMark + Canonical.bigEndian(origin) + Canonical.bigEndian(sequence) + head.bytes
    }
}

/// A named hub's signed statement: `origin` through `sequence` with `head` is durable here at `time`.
public struct Receipt: Sendable, Hashable {
    public var origin: OriginID
    public var sequence: UInt64
    public var head: Digest
    /// The hub's clock when it signed.
    public var time: Milliseconds
    /// 64 bytes by the hub's key over ``statement(hub:epoch:)``.
    public var signature: [UInt8]

    public init(
        origin: OriginID, sequence: UInt64, head: Digest, time: Milliseconds = 0, signature: [UInt8] = []
    ) {
        self.origin = origin
        self.sequence = sequence
        self.head = head
        self.time = time
        self.signature = signature
    }

    /// The bytes under the signature. `hub` is the SHA-256 of the hub's public key.
    public func statement(hub: Digest, epoch: Token16) -> [UInt8] {
        Canonical.receiptMark + hub.bytes + epoch.bytes + Canonical.bigEndian(origin)
            + Canonical.bigEndian(sequence) + head.bytes + Canonical.bigEndian(UInt64(bitPattern: time))
    }
}

/// The running hash of a hub's arrival log: each stored segment moves it on.
public enum ArrivalLog {
    public static func next(
        _ before: Digest, position: UInt64, origin: OriginID, first: UInt64, last: UInt64, head: Digest,
        hashing: Hashing
    ) -> Digest {
        hashing(
            Canonical.arrivalMark + before.bytes + Canonical.bigEndian(position) + Canonical.bigEndian(origin)
                + Canonical.bigEndian(first) + Canonical.bigEndian(last) + head.bytes)
    }
}
