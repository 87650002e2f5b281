import SyncCore
import SyncTransport
import Testing

/// SHA-256 of many messages by the processor gives what the library gives, and what NIST says.
@Suite struct HashingTests {
    private static func bytes(_ count: Int, seed: UInt8 = 0) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ Int(seed) &* 31 &+ ($0 >> 8)) }
    }

    private static func each(_ messages: [[UInt8]], _ hashing: Hashing) -> [Digest] {
        var ends: [UInt32] = []
        var end = 0
        for message in messages {
            end += message.count
            ends.append(UInt32(end))
        }
        var digests = [Digest](repeating: .zero, count: messages.count)
        Array(messages.joined()).withUnsafeBytes { bytes in
            ends.withUnsafeBufferPointer { ends in
                digests.withUnsafeMutableBufferPointer { hashing.each(bytes, ends, $0) }
            }
        }
        return digests
    }

    /// FIPS 180-4's examples, with the million of "a" that NIST gives beside them.
    @Test(arguments: [Hashing.sha256, .library])
    func examplesOfNIST(_ hashing: Hashing) throws {
        let examples: [(message: [UInt8], digest: String)] = [
            ([], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            (Array("abc".utf8), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8),
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
            (
                Array(
                    ("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
                        + "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu").utf8),
                "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"
            ),
            (
                [UInt8](repeating: 0x61, count: 1_000_000),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
            ),
        ]
        let digests = Self.each(examples.map(\.message), hashing)
        for (example, digest) in zip(examples, digests) {
            #expect(Hex.encode(digest.bytes) == example.digest)
            #expect(hashing(example.message) == digest)
        }
    }

    /// Every length around the ends of blocks, each at the end of its bytes and before others.
    @Test func manyAreEachAsOne() {
        let messages = (0...300).map { Self.bytes($0, seed: UInt8($0 & 0xff)) }
        #expect(Self.each(messages, .sha256) == messages.map { Hashing.library($0) })
        for message in messages {
            #expect(Self.each([message], .sha256) == [Hashing.library(message)])
        }
        #expect(Self.each([], .sha256).isEmpty)
    }

    @Test(arguments: [0, 1, 2, 65])
    func chainIsTheHashOfHeadAndDigest(_ count: Int) {
        let first = Hashing.library(Self.bytes(3))
        let digests = (0..<count).map { Hashing.library(Self.bytes($0, seed: 9)) }
        var expected: [Digest] = []
        for digest in digests {
            expected.append(Hashing.library((expected.last ?? first).bytes + digest.bytes))
        }
        for hashing in [Hashing.sha256, .library] {
            var heads = digests
            heads.withUnsafeMutableBufferPointer { hashing.chain(first, $0) }
            #expect(heads == expected)
        }
    }
}
