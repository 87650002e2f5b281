import SyncCore

@testable import SyncWire

/// Cases that are whole frames, and what they mean.
enum FrameCase {
    /// Everything that a reader makes of the bytes.
    static func messages(_ bytes: [UInt8]) throws -> [Message] {
        var reader = FrameReader()
        reader.append(bytes)
        var messages: [Message] = []
        while let next = try reader.next() { messages.append(next.message) }
        return messages
    }

    /// What the reference writer makes of the messages, not in-stream.
    static func written(_ messages: [Message]) throws -> [UInt8] {
        var writer = FrameWriter()
        var bytes: [UInt8] = []
        for message in messages {
            if case .unknown = message { return [] }
            bytes += try writer.frame(message.bare, compress: false)
        }
        return bytes
    }

    static func valid(_ name: String, _ shows: String, _ bytes: [UInt8]) throws -> Case {
        let messages = try messages(bytes)
        return Case(
            name, shows,
            [
                ("writer", try written(messages) == bytes ? "reference" : "any"), ("bytes", .hex(bytes)),
                ("messages", .array(messages.map(Meaning.message))),
            ])
    }

    static func valid(_ name: String, _ shows: String, _ message: Message) throws -> Case {
        var writer = FrameWriter()
        return try valid(name, shows, try writer.frame(message, compress: false))
    }

    /// - Parameter before: messages that are read in full before the error.
    static func invalid(
        _ name: String, _ shows: String, _ bytes: [UInt8], _ code: Int64, before: Int64 = 0,
        beforeWelcome: Bool = false
    ) -> Case {
        var content: [(String, JSON)] = []
        if beforeWelcome { content.append(("beforeWelcome", true)) }
        content.append(("bytes", .hex(bytes)))
        content.append(("messagesBefore", .number(before)))
        content.append(("code", .number(code)))
        return Case(name, shows, content)
    }
}

extension Message {
    /// Without the bytes that a batch keeps as it came.
    var bare: Message {
        guard case .batch(var batch) = self else { return self }
        batch.encodedRows = []
        return .batch(batch)
    }
}
