import SyncCore

/// The bytes of `Protocol/SPEC.md`, section 1, written down a second time: what is built here owes nothing
/// to the module under test.
enum Bytes {
    static func varint(_ value: UInt64) -> [UInt8] {
        var rest = value
        var bytes: [UInt8] = []
        while rest > 127 {
            bytes.append(UInt8(rest % 128) + 128)
            rest /= 128
        }
        return bytes + [UInt8(rest)]
    }

    static func zigzag(_ value: Int64) -> [UInt8] {
        varint(value < 0 ? UInt64(-(value + 1)) * 2 + 1 : UInt64(value) * 2)
    }

    static func u32(_ value: UInt32) -> [UInt8] { Array(word(UInt64(value)).suffix(4)) }

    static func word(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(value >> UInt64(56 - 8 * $0) & 0xff) }
    }

    static func counted(_ bytes: [UInt8]) -> [UInt8] { varint(UInt64(bytes.count)) + bytes }
    static func text(_ text: String) -> [UInt8] { counted(Array(text.utf8)) }

    static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    private static let crcTable = (0..<256).map { (byte: UInt32) -> UInt32 in
        var crc = byte
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
        return crc
    }

    static func crc(_ bytes: [UInt8]) -> UInt32 {
        let table = crcTable
        var crc = UInt32.max
        for byte in bytes { crc = crc >> 8 ^ table[Int((crc ^ UInt32(byte)) & 0xff)] }
        return ~crc
    }

    /// A frame as section 3 lays it out. What is not given is as it should be for a plain frame.
    static func frame(
        _ type: UInt8, _ payload: [UInt8], flags: UInt8 = 1, payloadLength: Int? = nil,
        inflated: [UInt8]? = nil, inflatedLength: Int? = nil
    ) -> [UInt8] {
        let content = inflated ?? payload
        let rest =
            u32(UInt32(payloadLength ?? payload.count)) + u32(UInt32(inflatedLength ?? content.count))
            + u32(crc(content))
        let check = crc([type, flags] + rest)
        return [type, flags, UInt8(check >> 8 & 0xff), UInt8(check & 0xff)] + rest + payload
    }
}

/// A payload in named parts, of which one at a time is replaced by something wrong.
struct Parts {
    private var parts: [(name: String, bytes: [UInt8])]

    init(_ parts: [(String, [UInt8])]) { self.parts = parts.map { (name: $0.0, bytes: $0.1) } }

    var bytes: [UInt8] { parts.flatMap(\.bytes) }

    func with(_ name: String, _ bytes: [UInt8]) -> Parts {
        var copy = self
        guard let at = parts.firstIndex(where: { $0.name == name }) else {
            preconditionFailure("no part is called \(name)")
        }
        copy.parts[at].bytes = bytes
        return copy
    }

    /// Everything before `name`, then `bytes`, and nothing more.
    func endingAt(_ name: String, _ bytes: [UInt8]) -> [UInt8] {
        parts.prefix { $0.name != name }.flatMap(\.bytes) + bytes
    }
}

/// Deflate blocks made by hand, which are the same whatever compressor is installed.
enum Blocks {
    /// What the sync flush adds, without the four bytes that do not travel.
    static let flush: [UInt8] = [0]

    static func stored(_ bytes: [UInt8], isFinal: Bool = false) -> [UInt8] {
        let count = UInt16(bytes.count)
        return [isFinal ? 1 : 0] + [UInt8(count & 0xff), UInt8(count >> 8)]
            + [UInt8(~count & 0xff), UInt8(~count >> 8)] + bytes
    }

    enum Symbol {
        case literal(UInt8)
        /// 3 or 258 bytes from so far back.
        case match(isLong: Bool, distance: Int)
    }

    /// One block with the fixed codes, then the flush. Literals are below 144.
    static func fixed(_ symbols: [Symbol]) -> [UInt8] {
        var bits: [UInt8] = [0, 1, 0]
        func put(_ value: Int, _ count: Int, highFirst: Bool) {
            for bit in 0..<count {
                bits.append(UInt8(value >> (highFirst ? count - 1 - bit : bit) & 1))
            }
        }
        for symbol in symbols {
            switch symbol {
            case .literal(let byte): put(0x30 + Int(byte), 8, highFirst: true)
            case .match(let isLong, let distance):
                if isLong { put(0xc5, 8, highFirst: true) } else { put(1, 7, highFirst: true) }
                let (code, extra, base) = place(distance)
                put(code, 5, highFirst: true)
                put(distance - base, extra, highFirst: false)
            }
        }
        put(0, 7, highFirst: true)
        bits += [0, 0, 0]
        while bits.count % 8 != 0 { bits.append(0) }
        return stride(from: 0, to: bits.count, by: 8).map { start in
            (0..<8).reduce(UInt8(0)) { $0 | bits[start + $1] << UInt8($1) }
        }
    }

    /// The code of a distance, its extra bits, and the first distance of that code.
    private static func place(_ distance: Int) -> (Int, Int, Int) {
        if distance <= 4 { return (distance - 1, 0, distance) }
        var base = 5
        for code in 4..<30 {
            let extra = code / 2 - 1
            if distance < base + 1 << extra { return (code, extra, base) }
            base += 1 << extra
        }
        preconditionFailure("no code for distance \(distance)")
    }
}

/// One meaning for `+` between bytes: the compiler need not weigh all the others.
func + (left: [UInt8], right: [UInt8]) -> [UInt8] {
    var bytes = left
    bytes.append(contentsOf: right)
    return bytes
}
