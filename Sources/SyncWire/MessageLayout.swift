import SyncCore

/// Where each field of a message's payload lies: for tools that say of every byte what it is.
public enum MessageLayout {
    public struct Part: Sendable, Hashable {
        /// As in `Protocol/SPEC.md`; items of lists with their number, as `origins 1 nonce`.
        public var name: String
        /// What it says; empty where the bytes speak for themselves.
        public var value: String
        public var offset: Int
        public var size: Int
        /// Of a rows part: the form of its group, for who knows which of its fields are personal.
        public var form: String?

        public init(name: String, value: String, offset: Int, size: Int, form: String? = nil) {
            self.name = name
            self.value = value
            self.offset = offset
            self.size = size
            self.form = form
        }
    }

    /// - Throws: ``WireError`` where the payload is none of this type.
    public static func parts(type: UInt8, payload: [UInt8]) throws(WireError) -> [Part] {
        try payload.withUnsafeBufferPointer { (buffer) throws(WireError) -> [Part] in
            var walk = MessageWalk(ByteReader(buffer, frameType: type))
            try walk.message(type)
            return walk.parts
        }
    }
}

/// How a field lies in bytes.
private enum Shape {
    case byte, word, varint, zigzag, digest, token, text, counted
}

private indirect enum Item {
    case field(Shape, String)
    case list(String, [Item])
    /// A flag, and what follows where it is 1.
    case optional(String, [Item])
}

private enum Schema {
    static let feedToken: [Item] = [
        .field(.token, "epoch"), .field(.varint, "position"), .field(.varint, "step"),
        .field(.word, "hash"),
    ]
    static let receipt: [Item] = [
        .field(.word, "origin"), .field(.varint, "sequence"), .field(.digest, "head"),
        .field(.zigzag, "time"), .field(.counted, "signature"),
    ]
    static let backlog: [Item] = [.field(.varint, "count"), .field(.varint, "oldest age")]
    static let refuse: [Item] = [
        .field(.varint, "code"), .field(.varint, "retry after"), .field(.text, "words"),
    ]
    static let capabilities = Item.list("capability", [.field(.text, "name")])

    static let greetings: [UInt8: [Item]] = [
        MessageType.join: [
            .field(.token, "secret"), .field(.token, "replica"), .field(.text, "label"),
            .field(.zigzag, "clock"),
        ],
        MessageType.joined: [
            .field(.byte, "state"), .field(.varint, "confirmation"), .field(.text, "unit"),
            .field(.text, "unit's name"), .field(.text, "hub's name"), .field(.zigzag, "clock"),
            .field(.counted, "settings"),
        ],
        MessageType.hello: [
            .field(.token, "replica"),
            .list(
                "origin",
                [
                    .field(.byte, "lane"), .field(.token, "nonce"), .field(.varint, "last"),
                    .field(.word, "head"), .field(.varint, "receipted"),
                ]),
            capabilities, .list("dictionary", [.field(.varint, "id")]), .field(.zigzag, "clock"),
            .field(.token, "session token"), .field(.token, "its epoch"),
        ] + feedToken + backlog + backlog + [.field(.text, "program"), .field(.word, "settings")],
        MessageType.welcome: [
            .field(.token, "epoch"), .field(.token, "session token"), .field(.byte, "token unknown"),
            .list(
                "held",
                [
                    .field(.word, "origin"), .field(.varint, "sequence"), .field(.digest, "head"),
                    .optional("receipt", receipt), .field(.varint, "backed up"),
                ]),
            .field(.varint, "urgent window"), .field(.varint, "routine window"),
            .field(.varint, "largest batch"), .field(.zigzag, "clock"), capabilities,
            .field(.varint, "dictionary"), .field(.counted, "settings"),
        ],
        MessageType.refuse: refuse, MessageType.close: refuse,
    ]

    static let others: [UInt8: [Item]] = [
        MessageType.receipt: [.list("receipt", receipt), .field(.varint, "position")],
        MessageType.feedAck: feedToken,
        MessageType.mark: [.field(.varint, "position"), .field(.varint, "count"), .field(.word, "sum")],
        MessageType.heads: [
            .field(.word, "origin"),
            .list("entry", [.field(.varint, "sequence"), .optional("told", [.field(.digest, "head")])]),
        ],
        MessageType.fork: [
            .field(.word, "origin"), .field(.varint, "sequence"), .field(.digest, "head"),
        ],
        MessageType.gap: [.field(.word, "origin"), .field(.varint, "sequence wanted")],
        MessageType.hole: [.field(.varint, "sequence"), .field(.digest, "head")] + receipt
            + [.field(.token, "receipt's epoch")],
        MessageType.ping: [.field(.byte, "answer"), .field(.word, "token")],
    ]

    static let batchHead: [Item] = [
        .field(.word, "origin"), .field(.varint, "first"), .field(.varint, "count"),
        .field(.word, "before"), .field(.word, "after"),
        .list("salt", [.field(.zigzag, "day"), .field(.byte, "class"), .field(.token, "bytes")]),
        .list("seal", [.field(.varint, "sequence less first"), .field(.counted, "signature")]),
    ]

    static let feedHead: [Item] =
        [.field(.byte, "lane")] + feedToken + [
            .list("form", [.field(.counted, "definition")]), .field(.counted, "settings"),
            .list(
                "scope",
                [
                    .field(.byte, "kind"), .field(.text, "subject"), .field(.text, "id"),
                    .list("kept", [.field(.zigzag, "first day"), .field(.varint, "days that follow")]),
                ]),
            .list(
                "verdict",
                [
                    .field(.word, "origin"), .field(.varint, "sequence"), .field(.byte, "kind"),
                    .field(.varint, "field"), .field(.text, "reason"),
                ]),
        ]
}

private struct MessageWalk {
    private var reader: ByteReader
    private(set) var parts: [MessageLayout.Part] = []

    init(_ reader: ByteReader) { self.reader = reader }

    mutating func message(_ type: UInt8) throws(WireError) {
        switch type {
        case MessageType.batch:
            try items(Schema.batchHead, "")
            try rows()
        case MessageType.feed:
            try items(Schema.feedHead, "")
            try feedDots()
            try rows()
        case MessageType.ask, MessageType.tally: rest("question or answer of a comparison")
        default:
            guard let known = Schema.greetings[type] ?? Schema.others[type] else {
                return rest("payload of a type that is not known")
            }
            try items(known, "")
        }
        try reader.end(.message)
    }

    private mutating func rest(_ name: String) {
        let start = reader.offset
        let size = reader.remaining
        _ = try? reader.take(size, .message)
        parts.append(.init(name: name, value: "", offset: start, size: size))
    }

    private mutating func items(_ items: [Item], _ prefix: String) throws(WireError) {
        for item in items {
            switch item {
            case .field(let shape, let name): try field(shape, prefix + name)
            case .list(let name, let inner):
                let count = try number("\(prefix)\(name): count")
                // Each takes a byte at least: no more than are there.
                guard count <= UInt64(reader.remaining) else { throw reader.error(.truncated, .message) }
                for index in 0..<count { try self.items(inner, "\(prefix)\(name) \(index + 1) ") }
            case .optional(let name, let inner):
                let start = reader.offset
                let flag = try reader.flag()
                close(prefix + name, flag ? "yes" : "no", start)
                if flag { try self.items(inner, "\(prefix)\(name) ") }
            }
        }
    }

    private mutating func number(_ name: String) throws(WireError) -> UInt64 {
        let start = reader.offset
        let value = try reader.varint(.message)
        close(name, "\(value)", start)
        return value
    }

    private mutating func field(_ shape: Shape, _ name: String) throws(WireError) {
        let start = reader.offset
        let value: String
        switch shape {
        case .byte: value = "\(try reader.byte(.message))"
        case .word:
            let word = String(try reader.word(.message), radix: 16)
            value = String(repeating: "0", count: 16 - word.count) + word
        case .varint: value = "\(try reader.varint(.message))"
        case .zigzag: value = "\(try reader.zigzag(.message))"
        case .digest:
            _ = try reader.digest(.message)
            value = ""
        case .token:
            _ = try reader.token(.message)
            value = ""
        case .text: value = try reader.string(upTo: Limits.framePayload, .message)
        case .counted: value = "\(try reader.counted(upTo: Limits.frameInflated, .message).count) bytes"
        }
        close(name, value, start)
    }

    private mutating func close(_ name: String, _ value: String, _ start: Int) {
        parts.append(.init(name: name, value: value, offset: start, size: reader.offset - start))
    }

    private mutating func feedDots() throws(WireError) {
        let origins = try number("origins")
        guard origins <= UInt64(reader.remaining / 8) else { throw reader.error(.truncated, .message) }
        for index in 0..<origins { try field(.word, "origin \(index + 1)") }
        let count = try number("versions")
        guard count <= UInt64(Limits.feedItems) else { throw reader.error(.limit, .message) }
        var start = reader.offset
        _ = try IndexSequence.decode(&reader, count: Int(count), below: Int(origins), .message)
        close("origin of each version", "", start)
        start = reader.offset
        _ = try IntegerSequence.decode(&reader, count: Int(count), .message)
        close("sequence of each version", "", start)
    }

    /// To the end of the payload.
    private mutating func rows() throws(WireError) {
        let start = reader.offset
        let bytes = Array(try reader.take(reader.remaining, .rows))
        let columns = try RowsCodec.decode(bytes)
        for part in try RowsLayout.parts(of: bytes) {
            parts.append(
                .init(
                    name: part.name, value: part.encoding, offset: start + part.offset, size: part.size,
                    form: part.group.map { columns.groups[$0].form }))
        }
        if columns.count == 0 {
            parts.append(.init(name: "count", value: "0", offset: start, size: bytes.count))
        }
    }
}
