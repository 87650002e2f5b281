/// A growing buffer for canonical bytes, reused from version to version so that hashing allocates nothing.
///
/// Unsafe memory is confined to this file: every write asks for its room first.
struct ByteScratch: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    private(set) var count = 0
    /// Room behind `capacity`, so that a short copy need not be exact.
    private static let slack = 16

    init(capacity: Int = 4096) {
        self.capacity = max(64, capacity)
        base = ByteScratch.allocate(self.capacity)
    }

    deinit { base.deallocate() }

    private static func allocate(_ capacity: Int) -> UnsafeMutableRawPointer {
        UnsafeMutableRawPointer.allocate(byteCount: capacity + slack, alignment: 8)
    }

    mutating func clear() { count = 0 }

    /// Valid until the next write.
    func bytes() -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    @inline(__always) private mutating func reserve(_ more: Int) {
        if count + more > capacity { grow(more) }
    }

    @inline(never) private mutating func grow(_ more: Int) {
        let capacity = max(capacity * 2, count + more)
        let larger = ByteScratch.allocate(capacity)
        larger.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = larger
        self.capacity = capacity
    }

    @inline(__always) mutating func put(_ byte: UInt8) {
        reserve(1)
        base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
        count += 1
    }

    /// A stretch of what another one holds. Short ones are copied as two words: both have the room.
    @inline(__always) mutating func put(_ range: Range<Int>, of other: borrowing ByteScratch) {
        precondition(range.upperBound <= other.count)
        reserve(range.count)
        let source = UnsafeRawPointer(other.base + range.lowerBound)
        if range.count <= ByteScratch.slack {
            let words = (
                source.loadUnaligned(as: UInt64.self),
                source.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
            )
            base.storeBytes(of: words.0, toByteOffset: count, as: UInt64.self)
            base.storeBytes(of: words.1, toByteOffset: count + 8, as: UInt64.self)
        } else {
            (base + count).copyMemory(from: source, byteCount: range.count)
        }
        count += range.count
    }

    /// Overwrites one byte that was put before.
    mutating func patch(_ byte: UInt8, at offset: Int) {
        if offset < count { base.storeBytes(of: byte, toByteOffset: offset, as: UInt8.self) }
    }

    mutating func put(word: UInt64) {
        reserve(8)
        base.storeBytes(of: word.bigEndian, toByteOffset: count, as: UInt64.self)
        count += 8
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

    mutating func put(varint value: UInt64) {
        reserve(10)
        var rest = value
        while rest >= 0x80 {
            base.storeBytes(of: UInt8(truncatingIfNeeded: rest) | 0x80, toByteOffset: count, as: UInt8.self)
            count += 1
            rest >>= 7
        }
        base.storeBytes(of: UInt8(truncatingIfNeeded: rest), toByteOffset: count, as: UInt8.self)
        count += 1
    }

    mutating func put(zigzag value: Int64) {
        put(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    mutating func put(raw bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count)
        if let source = bytes.baseAddress {
            (base + count).copyMemory(from: source, byteCount: bytes.count)
        }
        count += bytes.count
    }

    mutating func put(raw bytes: [UInt8]) {
        bytes.withUnsafeBytes { put(raw: $0) }
    }

    /// Length as a varint, then the bytes.
    mutating func put(counted bytes: UnsafeRawBufferPointer) {
        put(varint: UInt64(bytes.count))
        put(raw: bytes)
    }

    mutating func put(counted bytes: [UInt8]) {
        bytes.withUnsafeBytes { put(counted: $0) }
    }
}
