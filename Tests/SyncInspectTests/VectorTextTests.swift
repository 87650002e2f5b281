import Console
import SyncCore
import Testing

@testable import sync_inspect

@Suite struct VectorTextTests {
    private typealias Entry = VersionVector.Entry

    @Test(arguments: [
        ("{}", "{}", 0), (" { } ", "{}", 0), ("{42:1}", "{42:1}", 0),
        ("{1:2,3:4}", "{1:2, 3:4}", 0), ("{0:5}", "{}", 1), ("{7:0}", "{}", 1), ("{0:0}", "{}", 1),
        ("{3:1, 1:2}", "{1:2, 3:1}", 1), ("{1:2, 1:9, 1:3}", "{1:9}", 1),
        ("{9:1, 0:3, 9:0, 2:2}", "{2:2, 9:1}", 4), ("{0x2A:1}", "{42:1}", 0),
        ("{007:08}", "{7:8}", 0),
        ("{18446744073709551615:18446744073709551615}", "{18446744073709551615:18446744073709551615}", 0),
        ("{0xffffffffffffffff:1}", "{18446744073709551615:1}", 0),
        ("{\t1\n:\r\n2 , 3 : 4 }", "{1:2, 3:4}", 0),
    ])
    func isPutRight(text: String, canonical: String, notes: Int) throws {
        let parsed = try VectorText(text)
        #expect(VectorText.text(parsed.vector) == canonical)
        #expect(parsed.notes.count == notes, "\(parsed.notes)")
        let again = try VectorText(VectorText.text(parsed.vector))
        #expect(again.vector == parsed.vector)
        #expect(again.notes.isEmpty)
    }

    @Test(arguments: [
        ("", 1), ("42:1", 1), ("{", 2), ("{42}", 4), ("{42:}", 5), ("{42:1", 6), ("{42:1,}", 7),
        ("{42:1} x", 8), ("{42:1}}", 7), ("{,}", 2), ("{-1:1}", 2), ("{1:-1}", 4), ("{1:+1}", 4),
        ("{1:1.5}", 5), ("{a:1}", 2), ("{0x:1}", 4), ("{1:0x2}", 5), ("{1:1 2:2}", 6), ("{１:1}", 2),
        ("{18446744073709551616:1}", 2), ("{1:18446744073709551616}", 4),
        ("{1:99999999999999999999999999999999999}", 4), ("{0x10000000000000000:1}", 2), ("[[1,2]]", 1),
    ])
    func namesThePlaceOfWhatIsWrong(text: String, place: Int) {
        #expect { try VectorText(text) } throws: { ($0 as? VectorTextError)?.place == place }
    }

    /// Shuffled, repeated and zero entries read like what `VersionVector` makes of the same list.
    @Test func readsWhatVersionVectorMakes() throws {
        let seed: UInt64 = 20_200_203
        var random = InspectRandom(state: seed)
        for round in 0..<60 {
            let entries = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                Entry(
                    origin: UInt64.random(in: 0...4, using: &random) &* (UInt64.max / 4),
                    count: UInt64.random(in: 0...3, using: &random) &* (UInt64.max / 3))
            }
            let text = "{" + entries.map { "\($0.origin):\($0.count)" }.joined(separator: ",") + "}"
            #expect(
                try VectorText(text).vector == VersionVector(normalizing: entries),
                "seed \(seed), round \(round)")
        }
    }

    @Test func thousandsOfEntriesAreRead() throws {
        let text = "{" + (0..<4_000).reversed().map { "\($0 + 1):1" }.joined(separator: ",") + "}"
        #expect(try VectorText(text).vector.entries.count == 4_000)
    }
}
