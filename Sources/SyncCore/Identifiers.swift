/// The first eight bytes (big-endian) of an origin's derivation. Never zero.
///
/// The whole derivation is 32 bytes, see ``OriginClaim``; the hub binds the short id to it at first sight.
public typealias OriginID = UInt64

/// The two append-only journals of a replica. Urgent versions go before everything else, always.
public enum Lane: UInt8, Sendable, Hashable, CaseIterable, Comparable {
    case urgent = 0
    case routine = 1

    public static func < (left: Lane, right: Lane) -> Bool { left.rawValue < right.rawValue }
}

/// The name of one version for ever: the origin and its sequence, counted from 1 without gaps.
public struct Dot: Sendable, Hashable, Comparable {
    public var origin: OriginID
    public var sequence: UInt64

    public init(origin: OriginID, sequence: UInt64) {
        self.origin = origin
        self.sequence = sequence
    }

    public static func < (left: Dot, right: Dot) -> Bool {
        (left.origin, left.sequence) < (right.origin, right.sequence)
    }
}

/// The first eight bytes of a chain head, or of the arrival log's hash. By them two ends see whether they
/// speak of one history; what is signed is the whole.
public struct ShortDigest: Sendable, Hashable, CustomStringConvertible {
    public var word: UInt64

    public static let zero = ShortDigest(word: 0)

    public init(word: UInt64) { self.word = word }
    public init(_ digest: Digest) { word = digest.words.0 }

    /// Of the bytes of either; nil where they are too few.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count >= 8 else { return nil }
        word = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    public var bytes: [UInt8] { Array(Digest(words: (word, 0, 0, 0)).bytes.prefix(8)) }

    /// Sixteen hexadecimal digits.
    public var description: String { Digest(words: (word, 0, 0, 0)).short }
}

/// A SHA-256 value, kept as four big-endian words so that copying and comparing it never allocates.
public struct Digest: Sendable, Hashable {
    public var words: (UInt64, UInt64, UInt64, UInt64)

    public static let size = 32
    public static let zero = Digest(words: (0, 0, 0, 0))

    public init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// Reads 32 bytes; returns nil for any other length.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Digest.size else { return nil }
        var parts: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        for (index, byte) in bytes.enumerated() {
            let word = UInt64(byte) << (56 - 8 * UInt64(index % 8))
            switch index / 8 {
            case 0: parts.0 |= word
            case 1: parts.1 |= word
            case 2: parts.2 |= word
            default: parts.3 |= word
            }
        }
        words = parts
    }

    public var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(Digest.size)
        for word in [words.0, words.1, words.2, words.3] {
            for shift in stride(from: 56, through: 0, by: -8) {
                result.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return result
    }

    /// Sixteen hexadecimal digits, enough for people to compare.
    public var short: String { Hex.encode(bytes.prefix(8)) }

    public static func == (left: Digest, right: Digest) -> Bool { left.words == right.words }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}

/// Sixteen random bytes: replica ids, nonces, salts, epochs and session tokens.
public struct Token16: Sendable, Hashable {
    public var high: UInt64
    public var low: UInt64

    public static let size = 16
    public static let zero = Token16(high: 0, low: 0)

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Draws from the generator that the caller passes in; nothing below the transport makes its own
    /// randomness.
    public init(using generator: inout some RandomNumberGenerator) {
        self.init(high: generator.next(), low: generator.next())
    }

    /// Reads 16 bytes; returns nil for any other length.
    public init?(bytes: some Collection<UInt8>) {
        guard bytes.count == Token16.size else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            if index < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt64(byte) }
        }
        self.init(high: high, low: low)
    }

    public var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(Token16.size)
        for word in [high, low] {
            for shift in stride(from: 56, through: 0, by: -8) {
                result.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return result
    }
}

/// Hexadecimal text, lower case.
public enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        var text: [UInt8] = []
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Returns nil for an odd length or any other character.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        var result: [UInt8] = []
        var pending: UInt8?
        for character in text.utf8 {
            let value: UInt8
            switch character {
            case 0x30...0x39: value = character - 0x30
            case 0x41...0x46: value = character - 0x41 + 10
            case 0x61...0x66: value = character - 0x61 + 10
            default: return nil
            }
            if let high = pending {
                result.append(high << 4 | value)
                pending = nil
            } else {
                pending = value
            }
        }
        return pending == nil ? result : nil
    }
}

extension Digest: CustomStringConvertible {
    /// All 64 hexadecimal digits.
    public var description: String { Hex.encode(bytes) }
}
