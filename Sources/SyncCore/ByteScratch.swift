/// A growing buffer for canonical bytes, reused from version to version so that hashing allocates nothing.
///
/// Unsafe memory is confined to this file: every write asks for its room first.
struct ByteScratch: ~Copyable {
    private var base: UnsafeMutableRawBufferPointer
    private(set) var count = 0

    init(capacity: Int = 4096) {
        base = UnsafeMutableRawBufferPointer.allocate(byteCount: max(64, capacity), alignment: 8)
    }

    deinit { base.deallocate() }

    mutating func clear() { count = 0 }

    /// Valid until the next write.
    func bytes() -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(base)[0..<count])
    }

    private mutating func reserve(_ more: Int) {
        guard count + more > base.count else { return }
        let larger = UnsafeMutableRawBufferPointer.allocate(
            byteCount: max(base.count * 2, count + more), alignment: 8)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(base)[0..<count]))
        base.deallocate()
        base = larger
    }

    mutating func put(_ byte: UInt8) {
        reserve(1)
        base[count] = byte
        count += 1
    }

    /// Overwrites one byte that was put before.
    mutating func patch(_ byte: UInt8, at offset: Int) {
        if offset < count { base[offset] = byte }
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
            base[count] = UInt8(truncatingIfNeeded: rest) | 0x80
            count += 1
            rest >>= 7
        }
        base[count] = UInt8(truncatingIfNeeded: rest)
        count += 1
    }

    mutating func put(zigzag value: Int64) {
        put(varint: UInt64(bitPattern: (value << 1) ^ (value >> 63)))
    }

    mutating func put(raw bytes: UnsafeRawBufferPointer) {
        reserve(bytes.count)
        if bytes.count > 0 {
            UnsafeMutableRawBufferPointer(rebasing: base[count..<(count + bytes.count)]).copyMemory(
                from: bytes)
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
