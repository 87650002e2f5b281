import SyncCore

/// Frames as they lie on the wire: headers, checks and the deflate stream.
enum FrameCases {
    static let critical: UInt8 = 1
    static let inStream: UInt8 = 2
    static let fresh: UInt8 = 4

    /// Ping, a question, token 1.
    static let pingPayload: [UInt8] = [0] + Bytes.word(1)
    static let pingFrame = Bytes.frame(24, pingPayload, flags: 0)
    static let gapPayload: [UInt8] = Bytes.word(0xa1a2_a3a4_a5a6_a7a8) + Bytes.varint(300)

    static func closePayload(_ words: String) -> [UInt8] { [0, 0] + Bytes.text(words) }

    /// A frame of the deflate stream: `payload` inflates to `content`.
    static func streamed(
        _ type: UInt8, _ payload: [UInt8], _ content: [UInt8], fresh: Bool = false, critical: Bool = true,
        inflatedLength: Int? = nil
    ) -> [UInt8] {
        Bytes.frame(
            type, payload, flags: inStream | (critical ? Self.critical : 0) | (fresh ? Self.fresh : 0),
            inflated: content, inflatedLength: inflatedLength)
    }

    /// The content in one stored block.
    static func stored(_ type: UInt8, _ content: [UInt8], fresh: Bool = false, critical: Bool = true)
        -> [UInt8]
    {
        streamed(type, Blocks.stored(content) + Blocks.flush, content, fresh: fresh, critical: critical)
    }

    static func hex(_ text: String) -> [UInt8] { Hex.decode(text) ?? [] }

    // Made with zlib (window 13, memory level 6, level 6), one stream.
    private static let threeCloses: [(words: String, payload: String)] = [
        (
            "the branch closes for today, and opens again tomorrow",
            "6260302dc94855482a4acc4bce5048cec92f4e2d5648cb2f5228c94f49acd45148cc4b51c82f48cd2b56484c4fcccc"
                + "030ae7e61715e5970300"
        ),
        (
            "the branch closes for today, and does not open tomorrow",
            "62603027a82f251f2896975f023600ae1300"
        ),
        (
            "明天再来：the branch closes for today",
            "6260d07a36a3efe992954fdb7a9fcd5dfa7ecf2c3c060100"
        ),
    ]

    static func sequence(_ numbers: [Int], firstIsFresh: Bool = true) -> [UInt8] {
        numbers.flatMap { number in
            streamed(
                25, hex(threeCloses[number].payload), closePayload(threeCloses[number].words),
                fresh: number == 0 && firstIsFresh)
        }
    }

    /// A frame of an unknown type, and a Close that is told by pointing back into it.
    static func unknownThenClose(critical: Bool) -> [UInt8] {
        let words = "what a later version says here about the weather in the branches"
        let packed = hex(
            "1cc7510a80300c03d0abe46a99043a900ed2eaf0f68a5f8fb7830de264cbb8e59a2b517c0a210b1ceb6a74085bfc3066"
                + "fe1d661ea17a01")
        let unknown = streamed(99, packed, Array(words.utf8), fresh: true, critical: critical)
        return unknown
            + streamed(25, hex("62605024a80600"), closePayload("about the weather in the branches"))
    }

    /// 4 MiB of zero bytes.
    static let fourMebibytes: [UInt8] =
        hex("ecc101010000008220ffaf6e484001") + Bytes.zeros(4_063) + hex("7c1b00")

    /// Zero bytes, 258 for each run, one before them and a seven behind, then in a frame of its own a match
    /// that points `distance` back.
    static func farBack(_ distance: Int, runs: Int = 32) -> [UInt8] {
        let run = Blocks.Symbol.match(isLong: true, distance: 1)
        let first = Blocks.fixed([.literal(0)] + Array(repeating: run, count: runs) + [.literal(7)])
        let content = Bytes.zeros(1 + 258 * runs) + [7]
        let second = Blocks.fixed([.match(isLong: false, distance: distance)])
        return streamed(99, first, content, fresh: true, critical: false)
            + streamed(99, second, Bytes.zeros(3), critical: false) + pingFrame
    }

    static let dynamicWords = String(
        decoding: (0..<300).map { (row: Int) -> UInt8 in
            let letter: Int = (row * row * 7 + row / 3) % 17
            return UInt8(97 + letter)
        }, as: UTF8.self)

    @Sendable static func file() throws -> [(String, JSON)] {
        [
            ("valid", .cases(try (plain + streams + MemoryCases.valid).map(FrameCase.valid))),
            ("invalid", .cases(headerDefects + streamDefects + MemoryCases.invalid)),
        ]
    }

    private static let plain: [(String, String, [UInt8])] = [
        ("ping", "a plain frame, not critical", pingFrame),
        ("gap", "a plain frame, critical", Bytes.frame(23, gapPayload)),
        (
            "several-glued-together", "a direction is one run of bytes; frames begin anywhere in a segment",
            pingFrame + Bytes.frame(23, gapPayload) + Bytes.frame(25, closePayload("done"))
        ),
        (
            "unknown-flag-bits", "bits 3 to 7 are ignored, and the header check covers them",
            Bytes.frame(24, pingPayload, flags: 0xf8)
        ),
        (
            "critical-or-not-does-not-matter-for-a-known-type", "a Gap without, a Ping with the critical bit",
            Bytes.frame(23, gapPayload, flags: 0) + Bytes.frame(24, pingPayload, flags: 1)
        ),
        (
            "unknown-type", "a type of a later version, not critical: skipped",
            Bytes.frame(99, [1, 2, 3], flags: 0) + pingFrame
        ),
        (
            "unknown-type-without-payload", "a payload may be empty",
            Bytes.frame(200, [], flags: 0) + pingFrame
        ),
    ]

    private static let streams: [(String, String, [UInt8])] = [
        (
            "stored-block", "in-stream and fresh: a stored block, then the flush less its four bytes",
            stored(24, pingPayload, fresh: true, critical: false)
        ),
        (
            "fixed-codes", "in-stream: a block with the fixed codes of RFC 1951",
            streamed(
                25, Blocks.fixed(closePayload("done").map { .literal($0) }), closePayload("done"),
                fresh: true)
        ),
        (
            "dynamic-codes", "in-stream: a block with codes of its own",
            streamed(
                25,
                hex(
                    "e4cbc90dc0300804402985a4b74598f501463cd3538a74219eff7cefffa0fb76968d49ccac0a"
                        + "db1044f3cc60aa3571613759a58ad0e18bd79603"),
                [121, 30] + Bytes.text(dynamicWords), fresh: true)
        ),
        (
            "several-blocks-in-one-frame", "a stored block, one with fixed codes, and a stored one again",
            streamed(
                25,
                Blocks.stored([0, 0]) + Blocks.fixed([.literal(3)]) + [0, 0, 0xff, 0xff]
                    + Blocks.stored(Array("abc".utf8)) + Blocks.flush, closePayload("abc"), fresh: true)
        ),
        (
            "one-stream-over-three-frames", "the second and third frame point back into those before",
            sequence([0, 1, 2])
        ),
        (
            "plain-frames-between", "a plain frame does not touch the stream",
            sequence([0]) + pingFrame + sequence([1]) + Bytes.frame(23, gapPayload) + sequence([2])
        ),
        (
            "fresh-context-in-the-middle", "the sender dropped its stream and begins another",
            sequence([0, 1]) + sequence([0, 1, 2])
        ),
        (
            "unknown-type-in-stream", "it is inflated all the same: the Close after it points back into it",
            unknownThenClose(critical: false)
        ),
        (
            "distance-8192", "across frames a match points back as far as a hub's window reaches",
            farBack(8_192)
        ),
        ("distance-32768", "and as far as an agent's reaches", farBack(32_768, runs: 128)),
        (
            "inflates-to-the-limit", "4,194,304 bytes, all zero, of an unknown type",
            streamed(99, fourMebibytes, Bytes.zeros(4 << 20), fresh: true, critical: false) + pingFrame
        ),
    ]

    private static func flipped(_ frame: [UInt8], bit: Int) -> [UInt8] {
        var copy = frame
        copy[bit / 8] ^= 1 << UInt8(7 - bit % 8)
        return copy
    }

    private static var headerDefects: [Case] {
        let gap = Bytes.frame(23, gapPayload)
        let header: [(String, Int)] = [
            ("type", 7), ("flags", 15), ("header-check", 16), ("payload-length", 63),
            ("inflated-length", 95), ("crc", 96),
        ]
        return header.map { part, bit in
            FrameCase.invalid(
                "\(part)-off-by-one-bit", "a bit of the header flipped; its check shows it",
                flipped(gap, bit: bit), 102)
        } + [
            FrameCase.invalid(
                "payload-off-by-one-bit", "a bit of the payload flipped; the CRC shows it",
                pingFrame + flipped(gap, bit: 16 * 8 + 3), 102, before: 1),
            FrameCase.invalid(
                "frame-crc-off-by-one-bit", "the header is in order, and its CRC is not the payload's",
                crcOff, 102),
            FrameCase.invalid(
                "plain-lengths-differ", "not in-stream, and the lengths differ",
                Bytes.frame(24, pingPayload, flags: 0, inflatedLength: 10), 100),
            FrameCase.invalid(
                "fresh-context-but-not-in-stream", "fresh-context goes with in-stream only",
                Bytes.frame(24, pingPayload, flags: fresh), 100),
            FrameCase.invalid(
                "payload-above-its-limit", "a payload of 1,048,577 bytes; the header is enough",
                Bytes.frame(99, [], flags: 0, payloadLength: 1_048_577, inflatedLength: 1_048_577), 101),
            FrameCase.invalid(
                "longest-lengths", "both lengths are 2^32 - 1",
                Bytes.frame(
                    99, [], flags: inStream | fresh, payloadLength: 0xffff_ffff, inflatedLength: 0xffff_ffff),
                101),
            FrameCase.invalid(
                "inflated-length-above-its-limit", "4,194,305 bytes; the header is enough",
                Bytes.frame(99, [], flags: inStream | fresh, payloadLength: 9_000, inflatedLength: 4_194_305),
                104),
            FrameCase.invalid(
                "unknown-critical-type", "a type of a later version that must not be skipped",
                pingFrame + Bytes.frame(99, [1, 2, 3]), 105, before: 1),
            FrameCase.invalid(
                "unknown-critical-type-in-stream", "the same within the stream",
                unknownThenClose(critical: true), 105),
            FrameCase.invalid(
                "unknown-critical-type-with-wrong-crc", "the CRC is looked at first",
                flipped(Bytes.frame(99, [1, 2, 3]), bit: 16 * 8), 102),
            FrameCase.invalid(
                "in-stream-before-welcome", "before a hub has judged Hello nothing is in-stream",
                stored(24, pingPayload, fresh: true, critical: false), 106, beforeWelcome: true),
            FrameCase.invalid(
                "payload-above-its-limit-before-welcome", "32,768 bytes before a hub has said Welcome",
                Bytes.frame(3, [], payloadLength: 32_768, inflatedLength: 32_768), 101, beforeWelcome: true),
            FrameCase.invalid(
                "nothing-is-read-after-an-error", "a broken frame, and a good one behind it",
                flipped(gap, bit: 0) + pingFrame, 102),
        ]
    }

    private static var crcOff: [UInt8] {
        let rest = Bytes.u32(9) + Bytes.u32(9) + Bytes.u32(Bytes.crc(pingPayload) ^ 1)
        let check = Bytes.crc([24, 0] + rest)
        return [24, 0, UInt8(check >> 8 & 0xff), UInt8(check & 0xff)] + rest + pingPayload
    }

    private static var streamDefects: [Case] {
        let zeros = Bytes.zeros(20_000)
        let bomb = hex("ecc13101000000c2a0f54f6d0d0fa000000000000000000000000000000000000000783000")
        let long = pingPayload + [0]
        let stored = Blocks.stored(pingPayload) + Blocks.flush
        return [
            FrameCase.invalid(
                "no-stream-yet", "in-stream without fresh-context, and there is no stream",
                Self.stored(24, pingPayload, critical: false), 103),
            FrameCase.invalid(
                "second-frame-of-a-stream-first", "what it points back to never came",
                pingFrame + sequence([1], firstIsFresh: false), 103, before: 1),
            FrameCase.invalid(
                "points-back-before-a-fresh-context", "a fresh stream has nothing before it",
                Self.stored(24, pingPayload, fresh: true, critical: false)
                    + streamed(
                        25, hex(threeCloses[1].payload), closePayload(threeCloses[1].words), fresh: true),
                103, before: 1),
            FrameCase.invalid(
                "distance-before-the-beginning", "a match that points back further than there is",
                farBack(8_259), 103, before: 1),
            FrameCase.invalid(
                "reserved-block-type", "block type 3 does not exist",
                streamed(24, [0x06], pingPayload, fresh: true), 103),
            FrameCase.invalid(
                "stored-block-with-wrong-complement", "the length and its complement disagree",
                streamed(24, [0, 9, 0, 0, 0] + pingPayload + [0], pingPayload, fresh: true), 103),
            FrameCase.invalid(
                "final-block", "a block is marked as the last one",
                streamed(
                    24, Blocks.stored(pingPayload, isFinal: true) + Blocks.flush, pingPayload, fresh: true),
                103),
            FrameCase.invalid(
                "garbage", "bytes that are no deflate at all",
                streamed(24, [UInt8](repeating: 0xff, count: 40), pingPayload, fresh: true), 103),
            FrameCase.invalid(
                "inflates-past-declared-length", "one byte more than the header says",
                streamed(
                    24, Blocks.stored(long) + Blocks.flush, pingPayload, fresh: true, critical: false), 104),
            FrameCase.invalid(
                "ends-before-declared-length", "one byte less than the header says",
                streamed(24, stored, long, fresh: true, critical: false), 103),
            FrameCase.invalid(
                "deflate-bomb", "37 bytes that become 20,000, where the header says 9",
                streamed(24, bomb, zeros, fresh: true, critical: false, inflatedLength: 9), 104),
            FrameCase.invalid(
                "declared-beyond-what-deflate-can-grow", "1,040 times (payload length + 8), and one more",
                streamed(
                    99, stored, [], fresh: true, critical: false,
                    inflatedLength: 1_040 * (stored.count + 8) + 1), 104),
            FrameCase.invalid(
                "crc-of-an-in-stream-frame", "the CRC is that of the inflated payload",
                Bytes.frame(24, stored, flags: inStream | fresh, inflatedLength: pingPayload.count), 102),
        ]
    }
}
