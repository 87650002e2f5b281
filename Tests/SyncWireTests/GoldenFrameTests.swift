import SyncCore
import Testing

@testable import SyncWire

/// Whole frames byte by byte: what another implementation has to send and understand.
@Suite struct GoldenFrameTests {
    private static let token = Token16(high: 0x0102_0304_0506_0708, low: 0x090a_0b0c_0d0e_0f10)
    private static let head = Digest(words: (1, 2, 3, 4))
    private static let signature = [UInt8](repeating: 0x5a, count: 64)

    static let hello = Message.hello(
        Hello(
            replica: token,
            origins: [
                OriginHead(claim: OriginClaim(lane: .routine, nonce: token), sequence: 300, head: head)
            ],
            capabilities: ["a"], dictionaries: [0], clock: 1_580_688_000_000, sessionToken: .zero,
            feed: .beginning,
            urgent: Backlog(), routine: Backlog(count: 2, oldestAge: 60_000), program: "golden"))

    static let batch = Message.batch(
        VersionBatch(
            origin: 0xa1a2_a3a4_a5a6_a7a8, first: 7, headBefore: head, headAfter: head,
            salts: [SaltGrant(day: 18_295, retentionClass: 0, salt: token)],
            seals: [Seal(sequence: 8, signature: signature)],
            rows: VersionColumns(
                [("T001", 3_650), ("T002", 3_730)].map { person, temperature in
                    Version(
                        dot: Dot(origin: 0xa1a2_a3a4_a5a6_a7a8, sequence: 7),
                        key: RecordKey(form: "check-in", values: [.integer(18_295), .text(person)]),
                        formRevision: 1, authored: 1_580_688_000_000, stated: 1_580_687_000_000,
                        firstCreated: 1_580_687_000_000,
                        assignments: [
                            Assignment(
                                field: 1, retentionClass: 0, value: .decimal(unscaled: temperature, scale: 2))
                        ])
                })))

    static let receipt = Message.receipt(
        ReceiptFrame(
            receipts: [
                Receipt(origin: 0xa1a2_a3a4_a5a6_a7a8, sequence: 8, head: head, signature: signature)
            ], position: 129))

    static let frames: [(name: String, message: Message, hex: String)] = [
        (
            "Hello", hello,
            "0301fe0c0000009d0000009db10190050102030405060708090a0b0c0d0e0f1001010102030405060708090a"
                + "0b0c0d0e0f10ac02000000000000000100000000000000020000000000000003000000000000000401016101"
                + "008090c685815c00000000000000000000000000000000000000000000000000000000000000000000000000"
                + "00000000000000000000000000000000000000000000000000000000000002e0d40306676f6c64656e"
        ),
        (
            "Batch", batch,
            "1001be85000000ee000000ee68126ecea1a2a3a4a5a6a7a80702000000000000000100000000000000020000"
                + "0000000000030000000000000004000000000000000100000000000000020000000000000003000000000000"
                + "000401ee9d02000102030405060708090a0b0c0d0e0f100101405a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
                + "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
                + "5a5a02008090c685815c0500ff887a05000000000100000000000000000001000008636865636b2d696e0102"
                + "0100ee9d020300020000085430303154303032010001010102020000020284395002"
        ),
        (
            "Receipt", receipt,
            "11015a1e0000006d0000006d7cdf559601a1a2a3a4a5a6a7a808000000000000000100000000000000020000"
                + "0000000000030000000000000004405a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
                + "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a8101"
        ),
    ]

    @Test(arguments: 0..<3)
    func aFrameIsTheseBytes(number: Int) throws {
        let (name, message, hex) = GoldenFrameTests.frames[number]
        var writer = FrameWriter()
        let frame = Hex.encode(try writer.frame(message, compress: false))
        #expect(frame == hex, "\(name)")
        var reader = FrameReader()
        reader.append(Hex.decode(hex) ?? [])
        #expect(try reader.next()?.message.bare == message.bare, "\(name)")
    }
}
