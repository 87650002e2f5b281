public import SyncCore

/// The fixed header of a frame; `Protocol/SPEC.md`, "Frames".
public struct FrameHeader: Sendable, Hashable {
    public static let size = 16
    public static let critical: UInt8 = 1
    public static let inStream: UInt8 = 2
    public static let freshContext: UInt8 = 4

    public var type: UInt8
    public var flags: UInt8
    /// Bytes of the payload as it travels.
    public var payloadLength: UInt32
    public var inflatedLength: UInt32
    /// CRC-32 of the inflated payload.
    public var checksum: UInt32

    var isInStream: Bool { flags & FrameHeader.inStream != 0 }

    init(type: UInt8, flags: UInt8, payloadLength: UInt32, inflatedLength: UInt32, checksum: UInt32) {
        self.type = type
        self.flags = flags
        self.payloadLength = payloadLength
        self.inflatedLength = inflatedLength
        self.checksum = checksum
    }

    var bytes: [UInt8] {
        var rest: [UInt8] = []
        for word in [payloadLength, inflatedLength, checksum] {
            for shift in stride(from: 24, through: 0, by: -8) {
                rest.append(UInt8(truncatingIfNeeded: word >> UInt32(shift)))
            }
        }
        let check = UInt16(truncatingIfNeeded: Checksum.crc32([type, flags] + rest))
        return [type, flags, UInt8(check >> 8), UInt8(check & 0xff)] + rest
    }

    /// - Throws: `.headerCheck`
    init(_ bytes: ArraySlice<UInt8>) throws(WireError) {
        let raw = Array(bytes)
        guard raw.count == FrameHeader.size else { throw WireError(.truncated, .header) }
        let check = UInt16(raw[2]) << 8 | UInt16(raw[3])
        guard check == UInt16(truncatingIfNeeded: Checksum.crc32(Array(raw[..<2] + raw[4...]))) else {
            throw WireError(.headerCheck, .header, frameType: raw[0])
        }
        func word(_ at: Int) -> UInt32 { raw[at..<(at + 4)].reduce(0) { $0 << 8 | UInt32($1) } }
        self.init(
            type: raw[0], flags: raw[1], payloadLength: word(4), inflatedLength: word(8), checksum: word(12))
    }
}

/// Turns messages into frames, one writer a direction of a connection.
///
/// It owns the direction's deflate stream, made at the first frame that is compressed.
public struct FrameWriter {
    private var deflater: Deflater?
    /// What the batches in it have said.
    private var memory: StreamMemory?
    /// What the next stream starts with.
    public var dictionary: [UInt8]
    private let isDownward: Bool

    /// - Parameter isDownward: a hub's, whose matches reach back less far.
    public init(dictionary: [UInt8] = [], isDownward: Bool = false) {
        self.dictionary = dictionary
        self.isDownward = isDownward
    }

    /// Whether a deflate stream is held at present.
    public var holdsContext: Bool { deflater != nil }

    /// Gives the stream's memory back; the next compressed frame starts a fresh one.
    public mutating func dropContext() {
        deflater = nil
        memory = nil
    }

    /// - Parameter compress: deflate in the direction's stream. Compressed frames must be sent in the order
    ///   made.
    /// - Throws: `.limit` when the message is too large for one frame; the next frame is whole all the same.
    public mutating func frame(_ message: Message, compress: Bool) throws(WireError) -> [UInt8] {
        var recalled: StreamMemory?
        if compress, !isDownward, case .batch(let batch) = message, batch.count <= Limits.memoryEntries {
            recalled = memory ?? StreamMemory()
            memory = recalled
        }
        let encoded = MessageCodec.encode(message, memory: recalled)
        do {
            return try frame(
                type: encoded.type, isCritical: encoded.isCritical, payload: encoded.payload,
                compress: compress)
        } catch {
            // What nobody reads is not to be gone on with.
            if recalled != nil { dropContext() }
            throw error
        }
    }

    mutating func frame(
        type: UInt8, isCritical: Bool, payload: [UInt8], compress: Bool
    ) throws(WireError) -> [UInt8] {
        let inStream = compress && !payload.isEmpty
        guard payload.count <= (inStream ? Limits.frameInflated : Limits.framePayload) else {
            throw WireError(.limit, .frame, offset: payload.count, frameType: type)
        }
        var flags = isCritical ? FrameHeader.critical : 0
        var travelling = payload
        if inStream {
            flags |= FrameHeader.inStream
            let stream: Deflater
            if let deflater {
                stream = deflater
            } else {
                flags |= FrameHeader.freshContext
                stream = try Deflater(
                    dictionary: dictionary,
                    windowBits: isDownward ? DeflateSetting.downwardWindow : DeflateSetting.upwardWindow)
                deflater = stream
            }
            travelling = stream.sync(payload)
            guard travelling.count <= Limits.framePayload else {
                dropContext()
                throw WireError(.limit, .frame, offset: payload.count, frameType: type)
            }
        }
        let header = FrameHeader(
            type: type, flags: flags, payloadLength: UInt32(travelling.count),
            inflatedLength: UInt32(payload.count), checksum: Checksum.crc32(payload))
        return header.bytes + travelling
    }
}

/// Turns a direction's bytes into messages, in whatever pieces they come. After an error it gives nothing
/// more.
public struct FrameReader {
    /// Bytes of payload that a frame may have now; lower before the greeting.
    public var frameLimit: Int
    /// Whether frames may be in-stream now; not before the greeting.
    public var acceptsInStream = true
    private var buffer: [UInt8] = []
    private var start = 0
    private var header: FrameHeader?
    private var inflater: Inflater?
    /// What the batches in the stream have said.
    private var memory: StreamMemory?
    /// What the next stream starts with.
    public var dictionary: [UInt8] {
        didSet { if dictionary != oldValue { isDictionaryNew = true } }
    }
    private var isDictionaryNew = false
    private var isPoisoned = false

    public init(frameLimit: Int = Limits.framePayload, dictionary: [UInt8] = []) {
        self.frameLimit = frameLimit
        self.dictionary = dictionary
    }

    /// Bytes that wait for the rest of their frame.
    public var waiting: Int { buffer.count - start }
    /// The same with the frame's header, where that has been read.
    public var begun: Int { waiting + (header == nil ? 0 : FrameHeader.size) }
    public var holdsContext: Bool { inflater != nil }

    public mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

    /// Call ``next()`` until it is nil after each piece, so that no more than one frame waits here.
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard !isPoisoned else { return }
        if start > 0 && (start == buffer.count || start > 1 << 16) {
            buffer.removeFirst(start)
            start = 0
        }
        buffer.append(contentsOf: bytes)
    }

    /// What the next frame says of its payload, once it is there as a whole.
    public var pending: (checksum: UInt32, inflatedLength: UInt32)? {
        if isPoisoned { return nil }
        var next = header
        var rest = waiting
        if next == nil, rest >= FrameHeader.size {
            next = try? FrameHeader(buffer[start..<(start + FrameHeader.size)])
            rest -= FrameHeader.size
        }
        guard let next, rest >= Int(next.payloadLength) else { return nil }
        return (next.checksum, next.inflatedLength)
    }

    /// The next message that is there as a whole; nil when more bytes are needed.
    ///
    /// - Throws: ``WireError``; from then on `.poisoned`.
    public mutating func next() throws(WireError) -> (message: Message, wireBytes: Int, inflatedBytes: Int)? {
        guard !isPoisoned else { throw WireError(.poisoned, .frame) }
        do {
            return try read()
        } catch {
            isPoisoned = true
            buffer = []
            start = 0
            inflater = nil
            memory = nil
            throw error
        }
    }

    private mutating func read() throws(WireError) -> (message: Message, wireBytes: Int, inflatedBytes: Int)?
    {
        if header == nil {
            guard waiting >= FrameHeader.size else { return nil }
            let next = try FrameHeader(buffer[start..<(start + FrameHeader.size)])
            try check(next)
            header = next
            start += FrameHeader.size
        }
        guard let header, waiting >= Int(header.payloadLength) else { return nil }
        let end = start + Int(header.payloadLength)
        let payload = try inflated(header, Array(buffer[start..<end]))
        start = end
        self.header = nil
        guard Checksum.crc32(payload) == header.checksum else {
            throw WireError(.checksum, .frame, frameType: header.type)
        }
        if header.isInStream, header.type == MessageType.batch, memory == nil { memory = StreamMemory() }
        let message = try MessageCodec.decode(
            type: header.type, payload: payload, memory: header.isInStream ? memory : nil)
        if case .unknown = message, header.flags & FrameHeader.critical != 0 {
            throw WireError(.unknownCritical, .frame, frameType: header.type)
        }
        return (message, FrameHeader.size + Int(header.payloadLength), payload.count)
    }

    private func check(_ header: FrameHeader) throws(WireError) {
        guard acceptsInStream || !header.isInStream else {
            throw WireError(.inStreamTooEarly, .header, frameType: header.type)
        }
        guard header.payloadLength <= UInt32(clamping: min(frameLimit, Limits.framePayload)) else {
            throw WireError(.frameTooLong, .header, frameType: header.type)
        }
        let inflatedLimit = frameLimit < Limits.framePayload ? frameLimit : Limits.frameInflated
        guard header.inflatedLength <= UInt32(clamping: inflatedLimit) else {
            throw WireError(.inflatesTooLarge, .header, frameType: header.type)
        }
        if !header.isInStream {
            guard header.payloadLength == header.inflatedLength, header.flags & FrameHeader.freshContext == 0
            else { throw WireError(.notCanonical, .header, frameType: header.type) }
        }
    }

    private mutating func inflated(_ header: FrameHeader, _ payload: [UInt8]) throws(WireError) -> [UInt8] {
        guard header.isInStream else { return payload }
        if header.flags & FrameHeader.freshContext != 0 {
            memory = nil
            if let inflater, !isDictionaryNew {
                inflater.reset()
            } else {
                inflater = try Inflater(dictionary: dictionary)
                isDictionaryNew = false
            }
        }
        guard let inflater else { throw WireError(.corruptDeflate, .frame, frameType: header.type) }
        do {
            return try inflater.sync(payload, count: Int(header.inflatedLength))
        } catch {
            throw WireError(error.code, error.part, frameType: header.type)
        }
    }
}
