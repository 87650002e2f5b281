public import SyncCore

/// Cuts a direction's bytes into frames without looking into them: for transcripts.
public struct FrameSplitter {
    /// One frame as it travelled.
    public struct Piece: Sendable, Hashable {
        /// Of the frame's first byte in its direction, the preamble included.
        public var offset: UInt64
        public var header: [UInt8]
        public var payload: [UInt8]
    }

    private var buffer: [UInt8] = []
    private var offset: UInt64
    /// A length that no frame may have: nothing more can be cut.
    public private(set) var isLost = false

    /// - Parameter offset: where in its direction the first byte stands.
    public init(offset: UInt64 = 0) { self.offset = offset }

    public mutating func append(_ bytes: some Sequence<UInt8>) {
        if !isLost { buffer += bytes }
    }

    /// What has come and is no whole frame yet.
    public var rest: [UInt8] { buffer }

    /// The next whole frame; nil when more bytes are needed, or the stream is lost.
    public mutating func next() -> Piece? {
        guard !isLost, buffer.count >= FrameHeader.size else { return nil }
        let length = buffer[4..<8].reduce(0) { $0 << 8 | Int($1) }
        guard length <= Limits.framePayload else {
            isLost = true
            return nil
        }
        let end = FrameHeader.size + length
        guard buffer.count >= end else { return nil }
        let piece = Piece(
            offset: offset, header: Array(buffer[..<FrameHeader.size]),
            payload: Array(buffer[FrameHeader.size..<end]))
        buffer.removeFirst(end)
        offset += UInt64(end)
        return piece
    }
}

/// Takes out of messages what a transcript must not keep.
public enum MessageMask {
    public static let text: [UInt8] = Array("***".utf8)

    /// The secret by which a device joins goes into no transcript at all.
    public static func holdsKey(_ type: UInt8) -> Bool { type == MessageType.join }

    /// The message without secrets, salts, tokens, who typed, and without values for which `isPersonal` says
    /// so, of form and field.
    public static func masked(
        _ message: Message, _ isPersonal: (String, FieldID) -> Bool
    ) -> Message {
        switch message {
        case .join(var join):
            join.secret = .zero
            join.label = join.label.isEmpty ? "" : "***"
            return .join(join)
        case .hello(var hello):
            hello.sessionToken = .zero
            return .hello(hello)
        case .welcome(var welcome):
            welcome.sessionToken = .zero
            return .welcome(welcome)
        case .batch(var batch):
            batch.salts = batch.salts.map {
                SaltGrant(day: $0.day, retentionClass: $0.retentionClass, salt: .zero)
            }
            batch.rows = masked(batch.rows, isPersonal)
            batch.encodedRows = []
            return .batch(batch)
        case .feed(var feed):
            feed.versions.rows = masked(feed.versions.rows, isPersonal)
            return .feed(feed)
        default: return message
        }
    }

    private static func masked(
        _ rows: VersionColumns, _ isPersonal: (String, FieldID) -> Bool
    ) -> VersionColumns {
        let versions = (0..<rows.count).map { row in
            var version = rows.version(at: row, dot: Dot(origin: 1, sequence: UInt64(row) + 1))
            if !version.author.isEmpty { version.author = text }
            for index in version.assignments.indices
            where isPersonal(version.key.form, version.assignments[index].field) {
                version.assignments[index].value = masked(version.assignments[index].value)
            }
            return version
        }
        return VersionColumns(versions) { row in
            VersionFlags(rawValue: rows.flags[row]).contains(.afterHole)
        }
    }

    private static func masked(_ value: Value) -> Value {
        switch value {
        case .notStated: .notStated
        case .integer: .integer(0)
        case .decimal(_, let scale): .decimal(unscaled: 0, scale: scale)
        case .text: .text(text)
        case .list(let items): .list(items.isEmpty ? [] : [text])
        }
    }
}
