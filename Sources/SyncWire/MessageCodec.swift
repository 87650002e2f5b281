public import SyncCore

/// Messages as frame payloads and back; `Protocol/SPEC.md`, "Messages".
public enum MessageCodec {
    /// A message ready to be framed.
    public struct Encoded: Sendable, Hashable {
        public var type: UInt8
        public var isCritical: Bool
        public var payload: [UInt8]
    }

    /// - Precondition: counts and lengths are within ``Limits``; ``FrameWriter`` checks the payload as a
    ///   whole.
    /// Bytes that the message's frame has at most, compressed or not.
    public static func weight(_ message: Message) -> Int {
        let bytes = encode(message).payload.count
        return FrameHeader.size + bytes + bytes / 1_000 + 32
    }

    public static func encode(_ message: Message) -> Encoded { encode(message, memory: nil) }

    /// - Parameter memory: what the direction's stream remembers, of a batch that goes into it.
    static func encode(_ message: Message, memory: StreamMemory?) -> Encoded {
        let type = MessageType.of(message)
        var writer = ByteWriter()
        switch message {
        case .join(let join): writer.put(join)
        case .joined(let joined): writer.put(joined)
        case .hello(let hello): writer.put(hello)
        case .welcome(let welcome): writer.put(welcome)
        case .refuse(let refuse), .close(let refuse): writer.put(refuse)
        case .batch(let batch): writer.put(batch, memory: memory)
        case .receipt(let frame): writer.put(frame)
        case .feed(let feed): writer.put(feed)
        case .feedAck(let token): writer.put(token)
        case .mark(let mark):
            writer.put(varint: mark.position)
            writer.put(varint: mark.count)
            writer.put(word: mark.sum)
        case .heads(let heads): writer.put(heads)
        case .fork(let fork):
            writer.put(word: fork.origin)
            writer.put(varint: fork.sequence)
            writer.put(fork.head)
        case .gap(let gap):
            writer.put(word: gap.origin)
            writer.put(varint: gap.wanted)
        case .hole(let hole):
            writer.put(varint: hole.sequence)
            writer.put(hole.head)
            writer.put(hole.receipt)
            writer.put(hole.epoch)
        case .ping(let ping):
            writer.put(ping.isReply ? 1 : 0)
            writer.put(word: ping.token)
        case .ask(let question): writer.put(question)
        case .tally(let answer): writer.put(answer)
        case .unknown: break
        }
        return Encoded(type: type, isCritical: MessageType.isCritical(type), payload: writer.bytes)
    }

    /// The message of a payload. A type that is not known gives ``Message/unknown(type:)``, whatever its
    /// payload.
    ///
    /// - Throws: ``WireError`` when the payload is cut off, has bytes left over, or is not canonical.
    public static func decode(type: UInt8, payload: [UInt8]) throws(WireError) -> Message {
        try decode(type: type, payload: payload, memory: nil)
    }

    /// - Parameter memory: what the direction's stream remembers; nil for a payload that is not part of it.
    static func decode(
        type: UInt8, payload: [UInt8], memory: StreamMemory?
    ) throws(WireError) -> Message {
        guard MessageType.isKnown(type) else { return .unknown(type: type) }
        return try payload.withUnsafeBufferPointer { (buffer) throws(WireError) -> Message in
            var reader = ByteReader(buffer, frameType: type)
            let message = try decode(type, &reader, memory)
            try reader.end(.message)
            return message
        }
    }

    private static func decode(
        _ type: UInt8, _ reader: inout ByteReader, _ memory: StreamMemory?
    ) throws(WireError) -> Message {
        switch type {
        case MessageType.join: return .join(try reader.join())
        case MessageType.joined: return .joined(try reader.joined())
        case MessageType.hello: return .hello(try reader.hello())
        case MessageType.welcome: return .welcome(try reader.welcome())
        case MessageType.refuse: return .refuse(try reader.refuse())
        case MessageType.batch: return .batch(try reader.batch(memory))
        case MessageType.receipt: return .receipt(try reader.receiptFrame())
        case MessageType.feed: return .feed(try reader.feed())
        case MessageType.feedAck: return .feedAck(try reader.feedToken())
        case MessageType.mark:
            return .mark(
                Mark(
                    position: try reader.varint(.message), count: try reader.varint(.message),
                    sum: try reader.word(.message)))
        case MessageType.heads: return .heads(try reader.heads())
        case MessageType.fork:
            return .fork(
                Fork(
                    origin: try reader.origin(), sequence: try reader.sequence(),
                    head: try reader.digest(.message)))
        case MessageType.gap:
            return .gap(Gap(origin: try reader.origin(), wanted: try reader.sequence()))
        case MessageType.hole:
            return .hole(
                Hole(
                    sequence: try reader.sequence(), head: try reader.digest(.message),
                    receipt: try reader.receipt(), epoch: try reader.token(.message)))
        case MessageType.ping:
            return .ping(Ping(isReply: try reader.flag(), token: try reader.word(.message)))
        case MessageType.close: return .close(try reader.refuse())
        case MessageType.ask: return .ask(try reader.tallyQuestion())
        case MessageType.tally: return .tally(try reader.tallyAnswer())
        default: return .unknown(type: type)
        }
    }
}
