import CZlib
import SyncCore

/// Parameters of every raw deflate stream of the protocol.
enum DeflateSetting {
    /// Upward matches reach back 32 KiB: the next batch about the same people says little anew. It costs a
    /// hub 32 KiB for each branch that is sending.
    static let upwardWindow: Int32 = 15
    /// Downward 8 KiB: what a hub compresses with takes eight times as much memory, and it has many branches.
    static let downwardWindow: Int32 = 13
    static let memoryLevel: Int32 = 6
    static let level: Int32 = 6
    /// What a sync flush ends with; it does not travel.
    static let tail: [UInt8] = [0x00, 0x00, 0xff, 0xff]
    /// No deflate stream grows a byte to more than this.
    static let growth = 1_040
}

/// One raw deflate stream. It owns zlib's memory, some 160 KiB at 15 bits and 64 KiB at 13.
public final class Deflater {
    private let stream: UnsafeMutablePointer<z_stream>

    /// - Parameters:
    ///   - dictionary: a preset dictionary that the other side starts with as well.
    ///   - windowBits: how far back matches reach.
    /// - Throws: ``WireError`` with `.outOfMemory`.
    init(dictionary: [UInt8] = [], windowBits: Int32) throws(WireError) {
        stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = deflateInit2_(
            stream, DeflateSetting.level, Z_DEFLATED, -windowBits, DeflateSetting.memoryLevel,
            Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw WireError(.outOfMemory, .frame) }
        if !dictionary.isEmpty { deflateSetDictionary(stream, dictionary, UInt32(dictionary.count)) }
    }

    public convenience init(dictionary: [UInt8] = []) throws(WireError) {
        try self.init(dictionary: dictionary, windowBits: DeflateSetting.upwardWindow)
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    /// Compresses `input` so that all of it can be inflated, without the tail of the sync flush.
    public func sync(_ input: [UInt8]) -> [UInt8] {
        var output = run(input, flush: Z_SYNC_FLUSH)
        if output.suffix(4).elementsEqual(DeflateSetting.tail) { output.removeLast(4) }
        return output
    }

    func finish(_ input: [UInt8]) -> [UInt8] { run(input, flush: Z_FINISH) }

    private func run(_ input: [UInt8], flush: Int32) -> [UInt8] {
        var output: [UInt8] = []
        output.reserveCapacity(input.count / 2 + 64)
        var chunk = [UInt8](repeating: 0, count: 16_384)
        var source = input
        source.withUnsafeMutableBufferPointer { source in
            stream.pointee.next_in = source.baseAddress
            stream.pointee.avail_in = UInt32(source.count)
            chunk.withUnsafeMutableBufferPointer { chunk in
                repeat {
                    stream.pointee.next_out = chunk.baseAddress
                    stream.pointee.avail_out = UInt32(chunk.count)
                    deflate(stream, flush)
                    let made = chunk.count - Int(stream.pointee.avail_out)
                    output.append(contentsOf: chunk[..<made])
                } while stream.pointee.avail_out == 0
            }
            stream.pointee.next_in = nil
        }
        return output
    }
}

/// One raw inflate stream.
public final class Inflater {
    private let stream: UnsafeMutablePointer<z_stream>
    private let dictionary: [UInt8]

    /// - Throws: ``WireError`` with `.outOfMemory`.
    public init(dictionary: [UInt8] = []) throws(WireError) {
        self.dictionary = dictionary
        stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let status = inflateInit2_(
            stream, -DeflateSetting.upwardWindow, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard status == Z_OK else { throw WireError(.outOfMemory, .frame) }
        setDictionary()
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// Forgets everything inflated so far.
    public func reset() {
        inflateReset(stream)
        setDictionary()
    }

    private func setDictionary() {
        if !dictionary.isEmpty { inflateSetDictionary(stream, dictionary, UInt32(dictionary.count)) }
    }

    /// Inflates what ``Deflater/sync(_:)`` made; the result must be exactly `count` bytes.
    ///
    /// - Throws: `.inflatesTooLarge` or `.corruptDeflate`; the stream is of no use afterwards.
    public func sync(_ input: [UInt8], count: Int) throws(WireError) -> [UInt8] {
        guard count <= (input.count + 8) * DeflateSetting.growth else {
            throw WireError(.inflatesTooLarge, .frame)
        }
        let (output, status) = run(input + DeflateSetting.tail, limit: count)
        guard output.count <= count else { throw WireError(.inflatesTooLarge, .frame) }
        guard status == Z_OK || status == Z_BUF_ERROR, output.count == count, stream.pointee.avail_in == 0
        else { throw WireError(.corruptDeflate, .frame) }
        return output
    }

    /// Inflates a stream that ends, of at most `limit` bytes.
    func whole(_ input: [UInt8], limit: Int) throws(WireError) -> [UInt8] {
        let (output, status) = run(input, limit: min(limit, (input.count + 8) * DeflateSetting.growth))
        guard output.count <= limit else { throw WireError(.inflatesTooLarge, .frame) }
        guard status == Z_STREAM_END, stream.pointee.avail_in == 0 else {
            throw WireError(.corruptDeflate, .frame)
        }
        return output
    }

    /// Stops at `limit` and one byte, which shows that there is more.
    private func run(_ input: [UInt8], limit: Int) -> ([UInt8], Int32) {
        var source = input
        var status = Z_OK
        let output = source.withUnsafeMutableBufferPointer { source in
            [UInt8](unsafeUninitializedCapacity: limit + 1) { output, made in
                stream.pointee.next_in = source.baseAddress
                stream.pointee.avail_in = UInt32(source.count)
                stream.pointee.next_out = output.baseAddress
                stream.pointee.avail_out = UInt32(limit + 1)
                status = inflate(stream, Z_SYNC_FLUSH)
                made = limit + 1 - Int(stream.pointee.avail_out)
                stream.pointee.next_in = nil
                stream.pointee.next_out = nil
            }
        }
        return (output, status)
    }
}

/// Raw deflate of a whole value at once, as stores keep journal segments.
public enum Deflate {
    public static func compress(_ bytes: [UInt8]) throws(WireError) -> [UInt8] {
        try Deflater().finish(bytes)
    }

    /// - Throws: `.inflatesTooLarge` above `limit` bytes, `.corruptDeflate` for what is no whole stream.
    public static func decompress(_ bytes: [UInt8], limit: Int) throws(WireError) -> [UInt8] {
        try Inflater().whole(bytes, limit: limit)
    }
}

/// CRC-32 as in zlib and Ethernet.
package enum Checksum {
    package static func crc32(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBufferPointer {
            UInt32(truncatingIfNeeded: CZlib.crc32(0, $0.baseAddress, UInt32($0.count)))
        }
    }

    static func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 { crc32(Array(bytes)) }
}
