import SyncCore
import Testing

@Suite struct JournalChainTests {
    /// Stands in for SHA-256: mixes every byte and its place. The real one is checked by the wire vectors.
    static let hashing = Hashing { bytes in
        var words: [UInt64] = [1, 2, 3, 4]
        for (index, byte) in bytes.enumerated() {
            for lane in 0..<4 {
                words[lane] =
                    (words[lane] ^ UInt64(byte) &+ UInt64(index)) &* 0x0000_0100_0000_01b3 &+ UInt64(lane)
            }
        }
        return Digest(words: (words[0], words[1], words[2], words[3]))
    }

    static func salt(_ day: Int32, _ retentionClass: RetentionClass) -> Token16? {
        Token16(high: UInt64(bitPattern: Int64(day)), low: UInt64(retentionClass))
    }

    @Test func cuttingABatchAnywhereGivesTheSameHeads() throws {
        var random = SeededRandom(seed: 3)
        let versions = (0..<20).map { VersionColumnsTests.version($0, &random) }
        let chain = JournalChain(hashing: Self.hashing)
        let whole = try chain.walk(
            VersionColumns(versions), origin: 5, first: 1, from: .zero, salt: Self.salt)
        for cut in 1..<20 {
            let head = try chain.walk(
                VersionColumns(versions.prefix(cut)), origin: 5, first: 1, from: .zero, salt: Self.salt)
            let tail = try chain.walk(
                VersionColumns(Array(versions.dropFirst(cut))), origin: 5, first: UInt64(cut) + 1,
                from: whole.heads[cut - 1], salt: Self.salt)
            #expect(head.heads + tail.heads == whole.heads)
        }
    }

    @Test func everyPartOfAVersionMovesTheHead() throws {
        let base = RecordStateTests.version(5, 1, [1: .integer(1), 2: .text("a")], stated: 7)
        var variants: [Version] = [base]
        func variant(_ change: (inout Version) -> Void) {
            var copy = base
            change(&copy)
            variants.append(copy)
        }
        variant { $0.key.values[1] = .text("T90002") }
        variant { $0.key.form = "check-im" }
        variant { $0.formRevision = 2 }
        variant { $0.context.includePrefix(Dot(origin: 1, sequence: 1)) }
        variant { $0.context.includeSingle(Dot(origin: 1, sequence: 2)) }
        variant { $0.isDelete = true }
        variant { $0.clockTrusted = false }
        variant { $0.authored += 1 }
        variant { $0.stated += 1 }
        variant { $0.firstCreated += 1 }
        variant { $0.author = [1] }
        variant { $0.authoredDot = Dot(origin: 1, sequence: 1) }
        variant { $0.assignments[0].value = .notStated }
        variant { $0.assignments[0].value = .decimal(unscaled: 1, scale: 0) }
        variant { $0.assignments[1].retentionClass = 1 }
        variant { $0.assignments.removeLast() }
        let chain = JournalChain(hashing: Self.hashing)
        let heads = try variants.map { version in
            try chain.walk(VersionColumns([version]), origin: 5, first: 1, from: .zero, salt: Self.salt).heads
        }
        #expect(Set(heads.map(\.description)).count == variants.count)
    }

    @Test func daysOfTimesBefore1970() {
        #expect(JournalChain.day(of: -1) == -1)
        #expect(JournalChain.day(of: -86_400_000) == -1)
        #expect(JournalChain.day(of: -86_400_001) == -2)
        #expect(JournalChain.day(of: 86_399_999) == 0)
        #expect(JournalChain.day(of: .min) == .min)
        #expect(JournalChain.day(of: .max) == .max)
    }

    @Test func missingSaltIsSaid() {
        let version = RecordStateTests.version(5, 1, [1: .integer(1)], stated: 0)
        #expect(throws: JournalChain.Failure.saltMissing(day: 0, retentionClass: 0)) {
            try JournalChain(hashing: Self.hashing).walk(
                VersionColumns([version]), origin: 5, first: 1, from: .zero, salt: { _, _ in nil })
        }
    }
}
