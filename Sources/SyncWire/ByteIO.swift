import SyncCore

/// A cursor over bytes that came from outside. Every read checks first; nothing here traps.
struct ByteReader {
    let bytes: UnsafeBufferPointer<UInt8>
    private(set) var offset = 0
    let frameType: UInt8

    init(_ bytes: UnsafeBufferPointer<UInt8>, frameType: UInt8 = 0) {
        self.bytes = bytes
        self.frameType = frameType
    }

    var remaining: Int { bytes.count - offset }

    func error(_ code: WireError.Code, _ part: WireError.Part) -> WireError {
        WireError(code, part, offset: offset, frameType: frameType)
    }

    @inline(__always)
    mutating func byte(_ part: WireError.Part) throws(WireError) -> UInt8 {
        guard offset < bytes.count else { throw error(.truncated, part) }
        let value = bytes[offset]
        offset += 1
        return value
    }

    /// A minimal LEB128 varint.
    @inline(__always)
    mutating func varint(_ part: WireError.Part) throws(WireError) -> UInt64 {
        if offset < bytes.count {
            let first = bytes[offset]
            if first < 0x80 {
                offset += 1
                return UInt64(first)
            }
        }
        if remaining >= 8, let value = wordVarint() { return value }
        let (value, end) = try longVarint(part)
        offset = end
        return value
    }

    /// The next `count` bytes where each is a varint by itself; nil, and nothing is read, where they are not.
    @inline(__always)
    mutating func singleByteVarints(_ count: Int) -> UnsafeBufferPointer<UInt8>? {
        guard count <= remaining else { return nil }
        let slice = UnsafeBufferPointer(rebasing: bytes[offset..<(offset + count)])
        var all: UInt8 = 0
        for byte in slice { all |= byte }
        guard all < 0x80 else { return nil }
        offset += count
        return slice
    }

    /// A varint that ends within the next eight bytes and is minimal; nil for others, which are read byte by
    /// byte.
    @inline(__always)
    private mutating func wordVarint() -> UInt64? {
        let word = UInt64(
            littleEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        )
        let stops = ~word & 0x8080_8080_8080_8080
        guard stops != 0 else { return nil }
        // Through the first byte without the highest bit, seven bits of each.
        var value = word & (stops ^ (stops &- 1)) & 0x7f7f_7f7f_7f7f_7f7f
        value = (value & 0x007f_007f_007f_007f) | (value & 0x7f00_7f00_7f00_7f00) &>> 1
        value = (value & 0x0000_3fff_0000_3fff) | (value & 0x3fff_0000_3fff_0000) &>> 2
        value = (value & 0x0000_0000_0fff_ffff) | (value & 0x0fff_ffff_0000_0000) &>> 4
        let more = stops.trailingZeroBitCount &>> 3
        // The last byte of several is not 0.
        guard more == 0 || value &>> UInt64(truncatingIfNeeded: more &* 7) != 0 else { return nil }
        offset &+= more &+ 1
        return value
    }

    /// The next varint, and where it ends. Moves nothing: a reader whose place somebody else may write would
    /// have to keep it in memory.
    @inline(never)
    private func longVarint(_ part: WireError.Part) throws(WireError) -> (value: UInt64, end: Int) {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        var at = offset
        while at < bytes.count {
            let next = bytes[at]
            at += 1
            guard shift < 63 || next <= 1 else { throw error(.overlong, part) }
            value |= UInt64(next & 0x7f) << shift
            if next < 0x80 {
                guard next != 0 || shift == 0 else { throw error(.overlong, part) }
                return (value, at)
            }
            shift += 7
        }
        throw error(.truncated, part)
    }

    @inline(__always)
    mutating func zigzag(_ part: WireError.Part) throws(WireError) -> Int64 {
        unzigzag(try varint(part))
    }

    /// A varint that must not be above `limit`, which `Limits` names.
    mutating func count(upTo limit: Int, _ part: WireError.Part) throws(WireError) -> Int {
        let value = try varint(part)
        guard value <= UInt64(limit) else { throw error(.limit, part) }
        return Int(value)
    }

    /// A varint that must not be above what the bytes before it allow.
    mutating func number(upTo bound: Int, _ part: WireError.Part) throws(WireError) -> Int {
        let value = try varint(part)
        guard value <= UInt64(bound) else { throw error(.outOfRange, part) }
        return Int(value)
    }

    /// A count of things that take at least `size` bytes each: checked against what is left before any
    /// allocation.
    mutating func count(
        upTo limit: Int, ofAtLeast size: Int, _ part: WireError.Part
    ) throws(WireError) -> Int {
        let value = try count(upTo: limit, part)
        guard value * size <= remaining else { throw error(.truncated, part) }
        return value
    }

    /// A varint that fits `UInt32`.
    mutating func varint32(_ part: WireError.Part) throws(WireError) -> UInt32 {
        guard let value = UInt32(exactly: try varint(part)) else { throw error(.outOfRange, part) }
        return value
    }

    mutating func word(_ part: WireError.Part) throws(WireError) -> UInt64 {
        let raw = try take(8, part)
        var value: UInt64 = 0
        for byte in raw { value = value << 8 | UInt64(byte) }
        return value
    }

    mutating func digest(_ part: WireError.Part) throws(WireError) -> Digest {
        Digest(words: (try word(part), try word(part), try word(part), try word(part)))
    }

    mutating func token(_ part: WireError.Part) throws(WireError) -> Token16 {
        Token16(high: try word(part), low: try word(part))
    }

    /// The next `count` bytes, in place.
    @inline(__always)
    mutating func take(_ count: Int, _ part: WireError.Part) throws(WireError) -> UnsafeBufferPointer<UInt8> {
        guard count >= 0, count <= remaining else { throw error(.truncated, part) }
        let slice = UnsafeBufferPointer(rebasing: bytes[offset..<(offset + count)])
        offset += count
        return slice
    }

    /// Length as a varint, then as many bytes.
    mutating func counted(upTo limit: Int, _ part: WireError.Part) throws(WireError) -> [UInt8] {
        let length = try count(upTo: limit, part)
        return Array(try take(length, part))
    }

    /// Counted bytes that must be UTF-8.
    mutating func string(upTo limit: Int, _ part: WireError.Part) throws(WireError) -> String {
        let length = try count(upTo: limit, part)
        let raw = try take(length, part)
        guard UTF8Check.isValid(raw) else { throw error(.badText, part) }
        return String(decoding: raw, as: UTF8.self)
    }

    func end(_ part: WireError.Part) throws(WireError) {
        guard remaining == 0 else { throw error(.leftover, part) }
    }
}

/// Where bytes are written whose number was found out before.
struct ByteCursor {
    private var at: UnsafeMutablePointer<UInt8>
    private let end: UnsafeMutablePointer<UInt8>
    /// Room behind the end that one varint may take.
    static let slack = 10

    init(_ start: UnsafeMutablePointer<UInt8>, count: Int) {
        at = start
        end = start + count
    }

    var isAtEnd: Bool { at == end }

    @inline(__always)
    mutating func put(_ byte: UInt8) {
        precondition(at < end)
        at.pointee = byte
        at += 1
    }

    @inline(__always)
    mutating func put(varint value: UInt64) {
        precondition(at < end)
        var rest = value
        while rest >= 0x80 {
            at.pointee = UInt8(truncatingIfNeeded: rest) | 0x80
            at += 1
            rest >>= 7
        }
        at.pointee = UInt8(truncatingIfNeeded: rest)
        at += 1
    }

    /// The next bytes, to be written by the caller.
    mutating func take(_ count: Int) -> UnsafeMutableBufferPointer<UInt8> {
        precondition(count <= end - at)
        defer { at += count }
        return UnsafeMutableBufferPointer(start: at, count: count)
    }
}

/// The writing side. Lists that the caller passes are trusted to be within their limits.
struct ByteWriter {
    var bytes: [UInt8] = []

    mutating func put(_ byte: UInt8) { bytes.append(byte) }

    /// Writes as many bytes in place.
    @inline(__always)
    mutating func fill(_ count: Int, _ body: (inout ByteCursor) -> Void) {
        let start = bytes.count
        bytes.append(contentsOf: repeatElement(0, count: count + ByteCursor.slack))
        bytes.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            var cursor = ByteCursor(base + start, count: count)
            body(&cursor)
            precondition(cursor.isAtEnd)
        }
        bytes.removeLast(ByteCursor.slack)
    }

    @inline(__always)
    mutating func put(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func put(zigzag value: Int64) { put(varint: SyncWire.zigzag(value)) }
    mutating func put(count: Int) { put(varint: UInt64(count)) }

    mutating func put(word: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
        }
    }

    mutating func put(_ digest: Digest) {
        put(word: digest.words.0)
        put(word: digest.words.1)
        put(word: digest.words.2)
        put(word: digest.words.3)
    }

    mutating func put(_ token: Token16) {
        put(word: token.high)
        put(word: token.low)
    }

    mutating func put(raw more: some Collection<UInt8>) { bytes.append(contentsOf: more) }

    mutating func put(counted more: some Collection<UInt8>) {
        put(varint: UInt64(more.count))
        bytes.append(contentsOf: more)
    }

    mutating func put(_ text: String) { put(counted: Array(text.utf8)) }
}

@inline(__always)
func zigzag(_ value: Int64) -> UInt64 { UInt64(bitPattern: (value << 1) ^ (value >> 63)) }

@inline(__always)
func unzigzag(_ value: UInt64) -> Int64 { Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1) }

/// Bytes that a varint takes.
@inline(__always)
func varintSize(_ value: UInt64) -> Int {
    // Bits times 9/64 is bits over 7 up to 64 of them, rounded up.
    ((64 &- (value | 1).leadingZeroBitCount) &* 9 &+ 64) &>> 6
}

/// Well-formed UTF-8, as Unicode defines it: no surrogates, nothing overlong, nothing above U+10FFFF.
enum UTF8Check {
    /// Every entry by itself; one look at all bytes settles it where they are ASCII, as ids are.
    static func areValid(_ table: TextTable) -> Bool {
        table.heap.withUnsafeBufferPointer { heap in
            var all: UInt8 = 0
            for byte in heap { all |= byte }
            if all < 0x80 { return true }
            var start = 0
            for end in table.ends {
                guard isValid(UnsafeBufferPointer(rebasing: heap[start..<Int(end)])) else { return false }
                start = Int(end)
            }
            return true
        }
    }

    static func isValid(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var at = 0
        let end = bytes.count
        while at < end {
            let lead = bytes[at]
            if lead < 0x80 {
                at += 1
                continue
            }
            let length: Int
            var low: UInt8 = 0x80
            var high: UInt8 = 0xbf
            switch lead {
            case 0xc2...0xdf: length = 2
            case 0xe0...0xef:
                length = 3
                if lead == 0xe0 { low = 0xa0 }
                if lead == 0xed { high = 0x9f }
            case 0xf0...0xf4:
                length = 4
                if lead == 0xf0 { low = 0x90 }
                if lead == 0xf4 { high = 0x8f }
            default: return false
            }
            guard at + length <= end, bytes[at + 1] >= low, bytes[at + 1] <= high else { return false }
            for next in stride(from: at + 2, to: at + length, by: 1) where bytes[next] & 0xc0 != 0x80 {
                return false
            }
            at += length
        }
        return true
    }
}
