import SyncCore
import Testing

@testable import SyncTransport
@testable import SyncWire

/// Bytes that are not what the protocol says, said to a real hub: each ends the connection with its code and
/// words, and nothing else notices.
@Suite(.timeLimit(.minutes(8))) struct HostileFrameTests {
    struct Spoiled: Sendable {
        var name: String
        var code: RefusalCode
        var words: String
        var bytes: [UInt8]

        init(_ name: String, _ code: RefusalCode, _ words: String, _ bytes: [UInt8]) {
            (self.name, self.code, self.words, self.bytes) = (name, code, words, bytes)
        }
    }

    /// A frame that is not in-stream, with whatever its header is to say.
    static func frame(
        _ type: UInt8, _ payload: [UInt8] = [], flags: UInt8 = 0,
        _ change: (inout FrameHeader) -> Void = { _ in }
    ) -> [UInt8] {
        var header = FrameHeader(
            type: type, flags: flags, payloadLength: UInt32(payload.count),
            inflatedLength: UInt32(payload.count), checksum: Checksum.crc32(payload))
        change(&header)
        return header.bytes + payload
    }

    static func frame(_ message: Message) -> [UInt8] {
        let encoded = MessageCodec.encode(message)
        return frame(encoded.type, encoded.payload, flags: encoded.isCritical ? 1 : 0)
    }

    /// An in-stream frame that begins a stream, of `payload` as it is to travel.
    static func stream(
        _ type: UInt8, _ payload: [UInt8], inflated: Int, of content: [UInt8] = [], flags: UInt8 = 6
    ) -> [UInt8] {
        frame(type, payload, flags: flags) {
            $0.inflatedLength = UInt32(inflated)
            $0.checksum = Checksum.crc32(content)
        }
    }

    private func expect(
        _ cases: [Spoiled], _ farewell: (Spoiled) async throws -> Refuse?
    ) async throws {
        for spoiled in cases {
            let refuse = try await farewell(spoiled)
            #expect(refuse?.code == spoiled.code, "\(spoiled.name)")
            #expect(
                refuse?.words.contains(spoiled.words) ?? false, "\(spoiled.name): \(refuse?.words ?? "")")
            #expect(refuse?.retryAfter == 0, "\(spoiled.name)")
        }
    }

    @Test func whatIsSaidBeforeWelcome() async throws {
        let siege = try await Siege()
        let device = try await siege.device()
        // The preamble itself.
        let preambles = [
            Spoiled("wrong magic", .notRollcall, "does not speak", Array("ROLLCALK".utf8) + [0, 1, 0, 1]),
            Spoiled("another protocol", .notRollcall, "does not speak", Array("GET / HTTP/1.1\r\n".utf8)),
            Spoiled("version 0", .notRollcall, "does not speak", Preamble.bytes(min: 0, max: 0)),
            Spoiled("backwards", .notRollcall, "does not speak", Preamble.bytes(min: 3, max: 2)),
            Spoiled("too new", .tooNew, "too new", Preamble.bytes(min: 2, max: 9)),
        ]
        try await expect(preambles) { spoiled in
            let peer = try await RawPeer.open(port: device.port, key: device.key, pinned: device.hub)
            await peer.say(spoiled.bytes)
            return try await peer.farewell()
        }
        try await expect(Self.early(device.hello())) { try await siege.farewell(device, to: $0.bytes) }
        // Whatever only fits later is out of order here.
        let known: [Message] = [
            .feedAck(.beginning), .heads(Heads(origin: 1, entries: [])),
            .ping(Ping(isReply: false, token: 1)),
            .mark(Mark(position: 1, count: 1, sum: 1)), .gap(Gap(origin: 1, wanted: 1)),
            .fork(Fork(origin: 1, sequence: 1, head: .zero)),
            .receipt(ReceiptFrame(receipts: [], position: 1)),
            .refuse(Refuse(.overloaded)), .batch(try RawJournal(lane: .urgent, key: device.key).trial(siege)),
        ]
        try await expect(
            known.map { Spoiled("\($0)", .wrongOrder, "does not belong", Self.frame($0)) }
        ) { try await siege.farewell(device, to: $0.bytes) }

        // A device that skips what it does not know is heard out.
        let peer = try await device.connect()
        await peer.say(Self.frame(99, [UInt8](repeating: 7, count: Limits.frameBeforeWelcome)))
        try await peer.say(.hello(device.hello()))
        guard case .welcome? = try await peer.hear() else {
            Issue.record("not welcomed")
            return
        }
        peer.close()
        try await siege.lift()
    }

    private static func early(_ hello: Hello) -> [Spoiled] {
        let whole = frame(.hello(hello))
        let payload = MessageCodec.encode(.hello(hello)).payload
        let type = MessageType.hello
        func flipped(_ at: Int) -> [UInt8] {
            var bytes = whole
            bytes[at] ^= 1 << UInt8(at % 8)
            return bytes
        }
        let long = UInt32(Limits.frameBeforeWelcome) + 1
        var cases = (0..<FrameHeader.size).map {
            Spoiled("header bit in byte \($0)", .checksum, "headerCheck", flipped($0))
        }
        cases += stride(from: FrameHeader.size, to: whole.count, by: 29).map {
            Spoiled("payload bit in byte \($0)", .checksum, "checksum", flipped($0))
        }
        cases += [
            Spoiled("frame too long", .frameTooLong, "frameTooLong", frame(type) { $0.payloadLength = long }),
            Spoiled(
                "the longest length", .frameTooLong, "frameTooLong", frame(type) { $0.payloadLength = .max }),
            Spoiled(
                "inflates too large", .inflatesTooLarge, "inflatesTooLarge",
                frame(type) { $0.inflatedLength = long }),
            Spoiled(
                "payload longer than said", .checksum, "checksum",
                frame(type, payload) {
                    $0.payloadLength -= 1
                    $0.inflatedLength -= 1
                }),
            Spoiled(
                "two lengths", .protocolError, "notCanonical",
                frame(type, payload, flags: 1) { $0.inflatedLength += 1 }),
            Spoiled(
                "two lengths, the other way", .protocolError, "notCanonical",
                frame(type, payload, flags: 1) { $0.inflatedLength -= 1 }),
            Spoiled(
                "fresh context alone", .protocolError, "notCanonical", frame(type, payload, flags: 5)),
            Spoiled("in-stream", .wrongOrder, "inStreamTooEarly", frame(type, payload, flags: 7)),
            Spoiled("bytes left over", .protocolError, "leftover", frame(type, payload + [0], flags: 1)),
            Spoiled(
                "bytes missing", .protocolError, "truncated", frame(type, payload.dropLast(), flags: 1)),
            Spoiled("nothing in it", .protocolError, "truncated", frame(type, [], flags: 1)),
            Spoiled("unknown and critical", .unknownCritical, "unknownCritical", frame(99, flags: 1)),
            Spoiled("Hello twice", .wrongOrder, "does not belong", whole + whole),
            Spoiled(
                "a word from the hub", .wrongOrder, "does not belong",
                frame(
                    .joined(
                        Joined(
                            state: .active, confirmation: 0, unit: "", unitName: "", hubName: "", clock: 0,
                            settings: [])))),
        ]
        return cases
    }

    @Test func whatIsSaidAfterWelcome() async throws {
        let siege = try await Siege()
        let device = try await siege.device()
        let type = MessageType.ping
        let zeros = [UInt8](repeating: 0, count: Limits.frameInflated)
        let bomb = try Deflater().sync(zeros)
        let final = try Deflater().finish([1, 2, 3])
        var noise: [UInt8] = (0..<200).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ 77) }
        noise[0] = 0x07
        let long = UInt32(Limits.framePayload) + 1
        let cases = [
            Spoiled(
                "frame too long", .frameTooLong, "frameTooLong",
                Self.frame(type) { $0.payloadLength = long }),
            Spoiled(
                "inflates too large", .inflatesTooLarge, "inflatesTooLarge",
                Self.stream(type, bomb, inflated: Limits.frameInflated + 1)),
            Spoiled(
                "a bomb that says little", .inflatesTooLarge, "inflatesTooLarge",
                Self.stream(type, bomb, inflated: 100)),
            Spoiled(
                "a bomb that says a byte less", .inflatesTooLarge, "inflatesTooLarge",
                Self.stream(type, bomb, inflated: zeros.count - 1)),
            Spoiled(
                "more than deflate can hold", .inflatesTooLarge, "inflatesTooLarge",
                Self.stream(type, [1, 2, 3], inflated: 1_040 * 11 + 1)),
            Spoiled(
                "inflates to less", .corruptDeflate, "corruptDeflate",
                Self.stream(type, try Deflater().sync([1, 2, 3]), inflated: 4)),
            Spoiled(
                "garbage", .corruptDeflate, "corruptDeflate",
                Self.stream(type, noise, inflated: 100)),
            Spoiled(
                "a last block", .corruptDeflate, "corruptDeflate",
                Self.stream(type, final, inflated: 3, of: [1, 2, 3])),
            Spoiled(
                "a stream that never began", .corruptDeflate, "corruptDeflate",
                Self.stream(type, try Deflater().sync([1]), inflated: 1, of: [1], flags: 2)),
            Spoiled(
                "another checksum", .checksum, "checksum",
                Self.stream(type, try Deflater().sync([1, 2]), inflated: 2, of: [1, 3])),
            Spoiled(
                "zeros for a batch", .protocolError, "frame type 16",
                Self.stream(MessageType.batch, bomb, inflated: zeros.count, of: zeros)),
            Spoiled(
                "unknown and critical, in-stream", .unknownCritical, "unknownCritical",
                Self.stream(99, try Deflater().sync([1]), inflated: 1, of: [1], flags: 7)),
            Spoiled("Hello again", .wrongOrder, "does not belong", Self.frame(.hello(device.hello()))),
            Spoiled(
                "a token that was not sent", .protocolError, "was not sent",
                Self.frame(.feedAck(FeedToken(epoch: .zero, position: 9, hash: .zero)))),
        ]
        try await expect(cases) { spoiled in
            try await siege.farewell(welcomed: device) { _ in spoiled.bytes }
        }
        let fromHubs: [Message] = [
            .mark(Mark(position: 1, count: 1, sum: 1)), .gap(Gap(origin: 1, wanted: 1)),
            .fork(Fork(origin: 1, sequence: 1, head: .zero)),
            .receipt(ReceiptFrame(receipts: [], position: 1)),
            .refuse(Refuse(.overloaded)),
            .join(Join(secret: .zero, replica: .zero, label: "", clock: 0)),
        ]
        try await expect(
            fromHubs.map { Spoiled("\($0)", .wrongOrder, "does not belong", Self.frame($0)) }
        ) { spoiled in try await siege.farewell(welcomed: device) { _ in spoiled.bytes } }
        try await siege.lift()
    }

    /// What is not known and not critical is skipped, in the stream and out of it, and the stream goes on.
    @Test func whatMayBeSkippedIsSkipped() async throws {
        let siege = try await Siege()
        var device = try await siege.device()
        let (peer, _) = try await device.welcomed()
        func skip(_ count: Int, compress: Bool) async throws {
            let payload = [UInt8](repeating: 42, count: count)
            await peer.say(
                try peer.frame(type: 99, isCritical: false, payload: payload, compress: compress))
        }
        try await skip(Limits.framePayload, compress: false)
        try await skip(0, compress: false)
        try await skip(Limits.frameInflated, compress: true)
        for round in 0..<3 {
            try await skip(1_000 + round, compress: true)
            let batch = try device.routine.write([siege.valid(), siege.valid()])
            try await peer.say(.batch(batch), compress: true)
            guard case .receipt(let frame)? = try await peer.answer() else {
                Issue.record("no receipt")
                return
            }
            #expect(frame.receipts.first?.sequence == batch.last)
        }
        peer.close()
        try await siege.lift()
    }

    /// A conversation of Hello and a batch, broken off behind every single byte.
    @Test func aConversationThatBreaksOffAnywhere() async throws {
        let siege = try await Siege()
        var device = try await siege.device()
        let hello = Self.frame(.hello(device.hello()))
        let batch = try device.urgent.write([siege.valid(), siege.valid()])
        let words = Preamble.bytes() + hello + Self.frame(.batch(batch))
        let (port, key, hub) = (device.port, device.key, device.hub)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for length in 0..<words.count {
                if length >= 8 { try await group.next() }
                group.addTask {
                    let peer = try await RawPeer.open(port: port, key: key, pinned: hub)
                    await peer.say(Array(words.prefix(length)))
                    peer.close()
                }
            }
            try await group.waitForAll()
        }
        var answer: Message?
        // A busy hub may come to one of the broken ones only now, which takes the place of this one: a branch
        // comes again then.
        repeat {
            let peer = try await RawPeer.open(port: port, key: key, pinned: hub)
            await peer.say(words)
            answer = try await peer.answer()
            peer.close()
        } while answer?.code == .replaced
        guard case .receipt(let frame)? = answer else {
            Issue.record("no receipt: \(String(describing: answer))")
            return
        }
        #expect(frame.receipts.first?.sequence == 2)
        try await siege.lift()
    }

    /// The same behind Welcome, in the deflate stream; the next connection begins a stream of its own.
    @Test func aBatchInTheStreamThatBreaksOffAnywhere() async throws {
        let siege = try await Siege()
        var device = try await siege.device()
        let plain = device
        let batch = try device.routine.write((0..<3).map { siege.valid(3_650 + $0) })
        var writer = FrameWriter()
        let frame = try writer.frame(.batch(batch), compress: true)
        for length in 0..<frame.count {
            let (peer, welcome) = try await plain.welcomed()
            #expect(welcome.held.map(\.sequence) == [0, 0])
            await peer.say(Array(frame.prefix(length)))
            peer.close()
        }
        try await siege.deliver(plain, batch)
        try await siege.lift()
    }
}

extension Message {
    /// With which somebody is turned away.
    fileprivate var code: RefusalCode? {
        switch self {
        case .close(let refuse), .refuse(let refuse): refuse.code
        default: nil
        }
    }
}

extension RawJournal {
    /// A batch of one version that is in order, which this journal forgets again.
    func trial(_ siege: Siege) throws -> VersionBatch {
        var copy = self
        return try copy.write([siege.passing()])
    }
}
