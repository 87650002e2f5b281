import SyncCore
import Testing

@testable import SyncWire

@Suite struct FrameTests {
    private func stream(_ messages: [Message], compress: Bool) throws -> [UInt8] {
        var writer = FrameWriter()
        return try messages.flatMap { try writer.frame($0, compress: compress) }
    }

    private func drain(_ reader: inout FrameReader) throws -> [Message] {
        var result: [Message] = []
        while let next = try reader.next() { result.append(next.message.bare) }
        return result
    }

    @Test(arguments: [false, true])
    func everyMessageComesBackHoweverTheBytesArrive(compress: Bool) throws {
        let messages = Samples.messages(seed: 1) + Samples.messages(seed: 2)
        let bytes = try stream(messages, compress: compress)
        for step in [1, 7, 4096, bytes.count] {
            var reader = FrameReader()
            var result: [Message] = []
            for start in stride(from: 0, to: bytes.count, by: step) {
                reader.append(Array(bytes[start..<min(start + step, bytes.count)]))
                result += try drain(&reader)
            }
            #expect(result == messages, "step \(step)")
            #expect(reader.waiting == 0)
        }
    }

    @Test(arguments: [false, true])
    func aFrameIsNamedOnceItIsWhole(compress: Bool) throws {
        var writer = FrameWriter()
        var reader = FrameReader()
        let inflater = try Inflater()
        for message in Samples.messages(seed: 4) {
            let bytes = try writer.frame(message, compress: compress)
            let header = try FrameHeader(bytes[..<FrameHeader.size])
            // What a batch is in the stream goes by what was said before it there.
            let payload =
                header.isInStream
                ? try inflater.sync(
                    Array(bytes[FrameHeader.size...]), count: Int(header.inflatedLength))
                : MessageCodec.encode(message).payload
            for byte in bytes.dropLast() {
                reader.append([byte])
                #expect(reader.pending == nil)
                if byte & 1 == 0 { #expect(try reader.next() == nil) }
            }
            reader.append(Array(bytes.suffix(1)))
            let named = try #require(reader.pending)
            #expect(named.checksum == Checksum.crc32(payload) && Int(named.inflatedLength) == payload.count)
            #expect(try reader.next() != nil)
            #expect(reader.pending == nil)
        }
    }

    @Test func everyTruncatedPayloadIsRefused() {
        for message in Samples.messages(seed: 3) {
            let encoded = MessageCodec.encode(message)
            for length in 0..<encoded.payload.count {
                #expect(throws: WireError.self, "type \(encoded.type), length \(length)") {
                    try MessageCodec.decode(type: encoded.type, payload: Array(encoded.payload[..<length]))
                }
            }
            #expect(throws: WireError.self) {
                try MessageCodec.decode(type: encoded.type, payload: encoded.payload + [0])
            }
        }
    }

    @Test func aFlippedBitNeverGivesAnotherMessage() throws {
        for (message, compress) in [
            (Samples.messages(seed: 4)[2], false), (Samples.messages(seed: 4)[6], true),
        ] {
            let bytes = try stream([message], compress: compress)
            for bit in 0..<(bytes.count * 8) {
                var broken = bytes
                broken[bit / 8] ^= 1 << UInt8(bit % 8)
                var reader = FrameReader()
                reader.append(broken)
                let result = try? drain(&reader)
                #expect(result == nil || result == [] || result == [message], "bit \(bit)")
            }
        }
    }

    @Test func anErrorEndsTheStream() throws {
        var reader = FrameReader()
        reader.append([UInt8](repeating: 0, count: 16))
        #expect(throws: WireError.self) { try reader.next() }
        reader.append(try stream([.ping(Ping(isReply: false, token: 1))], compress: false))
        #expect(throws: WireError(.poisoned, .frame)) { try reader.next() }
    }

    @Test func unknownTypesAreInflatedAndSkippedUnlessCritical() throws {
        let payload = [UInt8](repeating: 9, count: 500)
        let ping = Message.ping(Ping(isReply: false, token: 1))
        for critical in [false, true] {
            var writer = FrameWriter()
            var bytes = try writer.frame(type: 99, isCritical: critical, payload: payload, compress: true)
            bytes += try writer.frame(ping, compress: true)
            var reader = FrameReader()
            reader.append(bytes)
            if critical {
                #expect(throws: WireError(.unknownCritical, .frame, frameType: 99)) { try reader.next() }
            } else {
                #expect(try drain(&reader) == [.unknown(type: 99), ping])
            }
        }
    }

    @Test func inStreamFramesWaitUntilTheyAreAccepted() throws {
        let ping = Message.ping(Ping(isReply: false, token: 1))
        let bytes = try stream([ping], compress: true)
        var early = FrameReader()
        early.acceptsInStream = false
        early.append(try stream([ping], compress: false))
        #expect(try drain(&early) == [ping])
        early.append(bytes)
        let error = WireError(.inStreamTooEarly, .header, frameType: MessageType.ping)
        #expect(throws: error) { try early.next() }
        #expect(error.refusal == .wrongOrder)
        var later = FrameReader()
        later.acceptsInStream = false
        later.acceptsInStream = true
        later.append(bytes)
        #expect(try drain(&later) == [ping])
    }

    @Test func aDroppedContextStartsAfresh() throws {
        var writer = FrameWriter()
        let messages = Samples.messages(seed: 5)
        var bytes = try writer.frame(messages[6], compress: true)
        writer.dropContext()
        #expect(!writer.holdsContext)
        bytes += try writer.frame(messages[6], compress: true)
        var reader = FrameReader()
        reader.append(bytes)
        #expect(try drain(&reader) == [messages[6], messages[6]])
    }

    @Test func aPresetDictionaryServesBothSides() throws {
        let dictionary = Array(String(repeating: "branch-agent check-in temperature ", count: 9).utf8)
        let message = Message.refuse(Refuse(.done, words: "branch-agent check-in temperature branch"))
        var writer = FrameWriter(dictionary: dictionary)
        var reader = FrameReader(dictionary: dictionary)
        let bytes = try writer.frame(message, compress: true)
        reader.append(bytes)
        #expect(try drain(&reader) == [message])
        var bare = FrameReader()
        bare.append(bytes)
        #expect(throws: WireError.self) { while try bare.next() != nil {} }
    }

    @Test func limitsHoldAtTheValueAndNotOneAbove() throws {
        func bytes(_ length: Int) throws -> [UInt8] {
            var writer = FrameWriter()
            return try writer.frame(
                type: 99, isCritical: false, payload: [UInt8](repeating: 0, count: length), compress: false)
        }
        for limit in [100, Limits.frameBeforeWelcome, Limits.framePayload] {
            var reader = FrameReader(frameLimit: limit)
            reader.append(try bytes(limit))
            #expect(try drain(&reader) == [.unknown(type: 99)])
            guard limit < Limits.framePayload else { continue }
            reader.append(try bytes(limit + 1))
            #expect(throws: WireError(.frameTooLong, .header, frameType: 99)) { try reader.next() }
        }
        #expect(throws: WireError.self) { try bytes(Limits.framePayload + 1) }
    }

    @Test func bombsStopAtWhatTheyDeclare() throws {
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        let packed = try Deflater().sync(zeros)
        for declared in [0, 1, zeros.count - 1, zeros.count + 1, Limits.frameInflated + 1] {
            var reader = FrameReader()
            let header = FrameHeader(
                type: MessageType.ping, flags: FrameHeader.inStream | FrameHeader.freshContext,
                payloadLength: UInt32(packed.count), inflatedLength: UInt32(declared),
                checksum: Checksum.crc32(zeros))
            reader.append(header.bytes + packed)
            #expect(throws: WireError.self, "declared \(declared)") { try reader.next() }
        }
        #expect(throws: WireError.self) { try Deflate.decompress(try Deflate.compress(zeros), limit: 1000) }
        #expect(try Deflate.decompress(try Deflate.compress(zeros), limit: zeros.count) == zeros)
    }
}

@Suite struct PreambleTests {
    @Test func theLowerHighestVersionIsChosen() throws {
        var reader = PreambleReader(min: 1, max: 3)
        for byte in Preamble.bytes(min: 2, max: 9).dropLast() { #expect(try reader.append([byte]) == nil) }
        let chosen = try reader.append([9, 0xaa])
        #expect(chosen?.version == 3)
        #expect(chosen?.rest == [0xaa])
    }

    @Test func threeDifferentFailures() {
        var one = PreambleReader()
        #expect(throws: WireError(.notRollcall, .preamble)) { try one.append(Array("GET / ".utf8)) }
        var two = PreambleReader(min: 2, max: 3)
        #expect(throws: WireError(.tooOld, .preamble, offset: 10)) {
            try two.append(Preamble.bytes(min: 1, max: 1))
        }
        var three = PreambleReader(min: 1, max: 3)
        #expect(throws: WireError(.tooNew, .preamble, offset: 8)) {
            try three.append(Preamble.bytes(min: 4, max: 5))
        }
    }
}

@Suite struct StrictnessTests {
    @Test func overlongVarintsAreRefused() {
        #expect(throws: WireError.self) { try RowsCodec.decode([0x80, 0x00]) }
        let gap: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1]
        #expect(throws: WireError(.overlong, .message, offset: 8, frameType: MessageType.gap)) {
            try MessageCodec.decode(type: MessageType.gap, payload: gap + [0x81, 0x00])
        }
        #expect(throws: WireError.self) {
            try MessageCodec.decode(
                type: MessageType.gap, payload: gap + [UInt8](repeating: 0xff, count: 9) + [2])
        }
    }

    @Test func textMustBeUTF8() {
        for bad: [UInt8] in [
            [0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe4, 0xb8], [0xf4, 0x90, 0x80, 0x80],
        ] {
            let version = Version(
                dot: Dot(origin: 1, sequence: 1), key: RecordKey(form: "f", values: [.text(bad)]),
                formRevision: 1, authored: 0, stated: 0, firstCreated: 0, assignments: [])
            let bytes = RowsCodec.encode(VersionColumns([version]))
            #expect(throws: WireError.self) { try RowsCodec.decode(bytes) }
        }
    }

    @Test func aValueAtItsLimitPassesAndOneAboveDoesNot() {
        for (length, holds) in [(Limits.valueBytes, true), (Limits.valueBytes + 1, false)] {
            let text = Value.text([UInt8](repeating: 0x61, count: length))
            let version = Version(
                dot: Dot(origin: 1, sequence: 1), key: RecordKey(form: "f", values: [.integer(1)]),
                formRevision: 1, authored: 0, stated: 0, firstCreated: 0,
                assignments: [Assignment(field: 1, retentionClass: 0, value: text)])
            let bytes = RowsCodec.encode(VersionColumns([version]))
            #expect(((try? RowsCodec.decode(bytes)) != nil) == holds)
        }
    }
}
