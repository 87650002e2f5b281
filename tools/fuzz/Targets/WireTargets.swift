import SyncCore
import SyncWire

extension FuzzTarget {
    static let wire: [FuzzTarget] = [
        FuzzTarget("preamble", preamble), FuzzTarget("frames", frames), FuzzTarget("message", message),
        FuzzTarget("rows", rows), FuzzTarget("stream-rows", streamRows), FuzzTarget("state", state),
        FuzzTarget("deflate", deflate),
    ]

    /// Whatever is taken is taken alike in one piece and byte by byte.
    @Sendable private static func preamble(_ bytes: [UInt8]) {
        func read(_ pieces: [[UInt8]]) -> (version: UInt16?, error: WireError.Code?) {
            var reader = PreambleReader()
            for piece in pieces {
                do {
                    if let found = try reader.append(piece) { return (found.version, nil) }
                } catch {
                    return (nil, error.code)
                }
            }
            return (nil, nil)
        }
        check(read([bytes]) == read(bytes.map { [$0] }), "pieces make no difference to a preamble")
    }

    /// The first byte says how long the pieces are in which the rest comes the second time.
    @Sendable private static func frames(_ bytes: [UInt8]) {
        guard let length = bytes.first.map({ Int($0) + 1 }) else { return }
        let stream = Array(bytes.dropFirst())
        var pieces: [[UInt8]] = []
        var at = 0
        while at < stream.count {
            pieces.append(Array(stream[at..<min(stream.count, at + length)]))
            at += length
        }
        let whole = read([stream])
        let cut = read(pieces)
        check(whole.messages == cut.messages, "pieces make no difference to frames")
        check(whole.error == cut.error, "pieces make no difference to what is wrong")
        guard whole.error == nil else { return }
        var writer = FrameWriter()
        for message in whole.messages where !isUnknown(message) {
            let again = try? writer.frame(message, compress: false)
            check(again != nil || MessageCodec.encode(message).payload.count > Limits.framePayload, "fits")
        }
    }

    private static func isUnknown(_ message: Message) -> Bool {
        if case .unknown = message { return true }
        return false
    }

    private static func read(_ pieces: [[UInt8]]) -> (messages: [Message], error: WireError.Code?) {
        var reader = FrameReader()
        var messages: [Message] = []
        for piece in pieces {
            reader.append(piece)
            do {
                while let next = try reader.next() {
                    check(next.inflatedBytes <= Limits.frameInflated, "no frame is larger than its limit")
                    messages.append(next.message)
                }
            } catch {
                return (messages, error.code)
            }
        }
        return (messages, nil)
    }

    /// The first byte is the type. What reads is written as the same bytes: there is one way to say a thing.
    @Sendable private static func message(_ bytes: [UInt8]) {
        guard let type = bytes.first else { return }
        let payload = Array(bytes.dropFirst())
        guard let message = try? MessageCodec.decode(type: type, payload: payload), !isUnknown(message) else {
            return
        }
        let again = MessageCodec.encode(message)
        check(again.type == type, "a message keeps its type")
        let decoded = try? MessageCodec.decode(type: type, payload: again.payload)
        check(decoded.map(plain) == plain(message), "a message reads as it was written")
    }

    /// The message without its rows, whose columns may be numbered in another order.
    private static func plain(_ message: Message) -> Message {
        switch message {
        case .batch(var batch):
            batch.rows = VersionColumns()
            batch.encodedRows = []
            return .batch(batch)
        case .feed(var feed):
            feed.versions.rows = VersionColumns()
            return .feed(feed)
        default: return message
        }
    }

    /// The versions are what counts: their columns may be numbered in another order.
    @Sendable private static func rows(_ bytes: [UInt8]) {
        guard let rows = try? RowsCodec.decode(bytes) else { return }
        let versions = versions(rows)
        let again = (try? RowsCodec.decode(RowsCodec.encode(rows))).map(Self.versions)
        check(again == versions, "rows read as they were written")
        for value in versions.flatMap(\.assignments).map(\.value) {
            var offset = 0
            check(
                Canonical.decode(Canonical.encode(value)[...], at: &offset) == value,
                "a value reads as written")
        }
        check((try? RowsLayout.parts(of: bytes)) != nil, "what reads can be shown part by part")
    }

    /// Rows of one stream, each with two bytes before it that say how long it is: what was said before comes
    /// back as it was, and is written again as the same.
    @Sendable private static func streamRows(_ bytes: [UInt8]) {
        var parts: [[UInt8]] = []
        var rest = bytes[...]
        while rest.count >= 2 {
            let count = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
            rest = rest.dropFirst(2)
            parts.append(Array(rest.prefix(count)))
            rest = rest.dropFirst(count)
        }
        let batches = RowsCodec.decode(inStream: parts)
        check(batches.count <= parts.count, "a batch for each part")
        let again = RowsCodec.decode(inStream: RowsCodec.encode(inStream: batches))
        check(again.map(versions) == batches.map(versions), "rows of a stream read as they were written")
        for rows in batches {
            let alone = (try? RowsCodec.decode(RowsCodec.encode(rows))).map(versions)
            check(alone == versions(rows), "rows of a stream stand alone as well")
        }
    }

    private static func versions(_ rows: VersionColumns) -> [Version] {
        (0..<rows.count).map { rows.version(at: $0, dot: Dot(origin: 1, sequence: UInt64($0) + 1)) }
    }

    @Sendable private static func state(_ bytes: [UInt8]) {
        guard let state = try? RecordStateCodec.decode(bytes) else { return }
        let again = RecordStateCodec.encode(state)
        check((try? RecordStateCodec.decode(again)) == state, "a state reads as it was written")
        _ = state.effective { $0 % 2 == 0 ? .latest : .union }
        for sibling in state.siblings {
            var merged = state
            merged.merge(sibling)
        }
    }

    /// Two bytes say how long the result is said to be.
    @Sendable private static func deflate(_ bytes: [UInt8]) {
        guard bytes.count >= 2 else { return }
        let count = Int(bytes[0]) << 8 | Int(bytes[1])
        let input = Array(bytes.dropFirst(2))
        if let output = try? Deflate.decompress(input, limit: count) {
            check(output.count <= count, "inflating stops at its limit")
        }
        guard let inflater = try? Inflater() else { return }
        for piece in [input[..<(input.count / 2)], input[(input.count / 2)...]] {
            guard let output = try? inflater.sync(Array(piece), count: count) else { return }
            check(output.count == count, "a piece inflates to what was said")
        }
    }
}
