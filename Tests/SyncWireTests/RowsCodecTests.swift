import SyncCore
import SyncWire
import Testing

@Suite struct RowsCodecTests {
    @Test(arguments: 0..<30)
    func randomRowsComeBackAsTheyWere(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let count = random.number(0...120)
        let versions = Samples.versions(count, mixed: seed % 3 == 0, &random)
        let rows = VersionColumns(versions, afterHole: { $0 % 17 == 3 })
        let bytes = RowsCodec.encode(rows)
        let back = try RowsCodec.decode(bytes)
        #expect(back == rows, "seed \(seed)")
        for column in back.groups.flatMap({ $0.keys + $0.fields }) {
            let count = column.isDictionary ? column.index.count : column.integers.count
            for row in 0..<count {
                let size = column.value(at: row).map { Canonical.encode($0).count } ?? 0
                #expect(column.canonicalSize(at: row) == size, "seed \(seed)")
            }
        }
        #expect(RowsCodec.encode(back) == bytes, "seed \(seed)")
        for (row, version) in versions.enumerated() where row % 37 == 0 {
            #expect(back.version(at: row, dot: version.dot) == version, "seed \(seed), row \(row)")
        }
    }

    /// Numbered texts are many from few bytes, and a reader takes 4 MiB of them: a hub that has read them
    /// plain and writes them anew must be able to read them again.
    @Test func whatIsWrittenIsNeverMoreThanAReaderTakes() throws {
        let rows = VersionColumns(Samples.longTexts(groups: 20, rows: 255, fields: 1))
        let text = rows.groups.flatMap { $0.keys + $0.fields }.reduce(0) { $0 + $1.heap.count }
        #expect(text > Limits.batchTextBytes)
        #expect(try RowsCodec.decode(RowsCodec.encode(rows)) == rows)
        let parts = RowsCodec.encode(inStream: [rows, rows])
        #expect(RowsCodec.decode(inStream: parts) == [rows, rows])
    }

    @Test func noRowsAreOneByte() throws {
        #expect(RowsCodec.encode(VersionColumns()) == [0])
        #expect(try RowsCodec.decode([0]) == VersionColumns())
    }

    @Test func everyTruncationIsRefused() throws {
        var random = SeededGenerator(seed: 4)
        let bytes = RowsCodec.encode(VersionColumns(Samples.versions(8, &random)))
        for length in 0..<bytes.count {
            #expect(throws: WireError.self, "length \(length)") {
                try RowsCodec.decode(Array(bytes[..<length]))
            }
        }
        #expect(throws: WireError.self) { try RowsCodec.decode(bytes + [0]) }
    }

    /// Long remarks that differ in a number at their end: what is written can be read.
    @Test(arguments: [Limits.keyBytes, Limits.keyBytes + 1, 3_000])
    func longTextsThatEndInNumbers(length: Int) throws {
        var column = Column(field: 1, kind: .text)
        for number in 1...5 {
            column.index.append(UInt32(number - 1))
            column.heap += Array((String(repeating: "z", count: length) + "\(number)").utf8)
            column.ends.append(UInt32(column.heap.count))
        }
        var rows = VersionColumns(
            (1...5).map { number in
                Version(
                    dot: Dot(origin: 1, sequence: UInt64(number)),
                    key: RecordKey(form: "f", values: [.integer(Int64(number))]), formRevision: 1,
                    authored: 0, stated: 0, firstCreated: 0, assignments: [])
            })
        rows.groups[0].fields = [column]
        #expect(try RowsCodec.decode(RowsCodec.encode(rows)) == rows)
    }

    /// Whatever a flipped bit makes of the rows, it never traps, and what decodes can be walked and encoded
    /// again.
    @Test(arguments: 0..<6)
    func flippedBitsNeverTrap(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        let bytes = RowsCodec.encode(
            VersionColumns(Samples.versions(9, mixed: seed % 2 == 0, &random)))
        for bit in stride(from: seed, to: bytes.count * 8, by: 29) {
            var broken = bytes
            broken[bit / 8] ^= 1 << UInt8(bit % 8)
            guard let rows = try? RowsCodec.decode(broken) else { continue }
            for row in 0..<rows.count { _ = rows.version(at: row, dot: Dot(origin: 1, sequence: 1)) }
            _ = JournalChain.saltsNeeded(rows)
            #expect((try? RowsCodec.decode(RowsCodec.encode(rows))) != nil)
        }
    }
}

@Suite struct RecordStateCodecTests {
    @Test(arguments: 0..<20)
    func statesComeBackAsTheyWere(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        var state = RecordState()
        for version in Samples.versions(random.number(0...6), &random) {
            state.merge(version, afterHole: random.chance(20))
            guard random.chance(30) else { continue }
            state.merge(version.renamed([OriginRename(origin: version.dot.origin, after: 0, fresh: 71)]))
        }
        let bytes = RecordStateCodec.encode(state)
        #expect(try RecordStateCodec.decode(bytes) == state, "seed \(seed)")
        for length in 0..<bytes.count {
            #expect(throws: WireError.self) { try RecordStateCodec.decode(Array(bytes[..<length])) }
        }
    }

    /// One record, one way to write it.
    @Test func namesThatAreNotInOrderAreRefused() throws {
        var version = Version(
            dot: Dot(origin: 5, sequence: 1), key: RecordKey(form: "f", values: [.integer(1)]),
            formRevision: 1, authored: 1, stated: 1, firstCreated: 1, assignments: [])
        var state = RecordState()
        for origin in [7, 8] as [OriginID] {
            version.authoredDot = Dot(origin: 5, sequence: 1)
            version.dot.origin = origin
            state.merge(version)
        }
        let group = try #require(state.aliases.first)
        #expect(group.dots.count == 2)
        func decoded(_ aliases: [RecordState.Aliases]) throws -> RecordState {
            try RecordStateCodec.decode(
                RecordStateCodec.encode(
                    RecordState(
                        siblings: [], covers: [], seen: state.seen, firstCreated: 1, formRevision: 1,
                        aliases: aliases)))
        }
        #expect(try decoded([group]).aliases == [group])
        #expect(throws: WireError.self) { try decoded([group, group]) }
        let other = try #require(
            RecordState.Aliases(first: Dot(origin: 6, sequence: 1), print: 1, canonical: [group.dots[0]]))
        // A dot names one version.
        #expect(throws: WireError.self) { try decoded([group, other]) }
        let beside = try #require(
            RecordState.Aliases(
                first: Dot(origin: 6, sequence: 1), print: 1, canonical: [Dot(origin: 9, sequence: 1)]))
        #expect(try decoded([group, beside]).aliases == [group, beside])
        #expect(throws: WireError.self) { try decoded([beside, group]) }
        #expect(RecordState.Aliases(first: group.first, print: 1, canonical: group.dots.reversed()) == nil)
        #expect(RecordState.Aliases(first: group.first, print: 1, canonical: [group.first]) == nil)
        #expect(RecordState.Aliases(first: group.first, print: 1, canonical: []) == nil)
    }
}
