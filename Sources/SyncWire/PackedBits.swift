import SyncCore

/// Numbers of so many bits each, one behind the other, lowest bit first; `Protocol/SPEC.md`, "Integer
/// sequences". For a few rows: many have bytes that deflate finds again.
enum PackedBits {
    /// Of more numbers than these a writer packs none.
    static let mostNumbers = 64
    /// What a number of a packed sequence has at most; the bits before a byte's end and those of the next
    /// number fit into a word.
    static let mostBits = 56

    /// How many bits the number has.
    static func width(_ most: UInt64) -> Int { max(1, 64 - most.leadingZeroBitCount) }

    /// Width and numbers.
    static func size(_ count: Int, width: Int) -> Int { 1 + (count * width + 7) / 8 }
}

extension ByteCursor {
    /// Width, then the numbers, as many as `count`; the last byte ends with zeros.
    mutating func put(packed count: Int, width: Int, _ number: (Int) -> UInt64) {
        put(UInt8(truncatingIfNeeded: width))
        var word: UInt64 = 0
        var bits = 0
        for index in 0..<count {
            word |= number(index) << UInt64(bits)
            bits += width
            while bits >= 8 {
                put(UInt8(truncatingIfNeeded: word))
                word >>= 8
                bits -= 8
            }
        }
        if bits > 0 { put(UInt8(truncatingIfNeeded: word)) }
    }
}

extension ByteReader {
    /// Width, then as many numbers.
    mutating func packed(_ count: Int, _ part: WireError.Part) throws(WireError) -> [UInt64] {
        let width = Int(try byte(part))
        guard (1...PackedBits.mostBits).contains(width) else { throw error(.outOfRange, part) }
        let raw = try take((count * width + 7) / 8, part)
        var numbers: [UInt64] = []
        numbers.reserveCapacity(count)
        let mask = (UInt64(1) << UInt64(width)) - 1
        var word: UInt64 = 0
        var bits = 0
        for byte in raw {
            word |= UInt64(byte) << UInt64(bits)
            bits += 8
            while bits >= width, numbers.count < count {
                numbers.append(word & mask)
                word >>= UInt64(width)
                bits -= width
            }
        }
        guard word == 0 else { throw error(.notCanonical, part) }
        return numbers
    }
}
