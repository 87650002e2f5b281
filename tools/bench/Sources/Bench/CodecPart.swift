import AllocationCount
import CFloor
import Forms
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport
import SyncWire

/// What one check-in costs on its way, step by step, in batches of 1,000.
enum CodecPart {
    private static let count = 100_000
    private static let rowsABatch = 1_000
    private static let day: Int32 = 18_290

    static func run(_ bench: Bench) throws {
        var checkIns = CheckIns(
            people: 0..<5_000, firstDay: day, authored: Milliseconds(day + 40) * 86_400_000)
        let rows = stride(from: 0, to: count, by: rowsABatch).map {
            VersionColumns(checkIns.versions($0..<($0 + rowsABatch)))
        }
        let bytes = rows.map { RowsCodec.encode($0) }
        guard let zone = LocalZone.named("Asia/Shanghai") else { throw Skipped("there are no time zones") }
        let checks = try CompiledCatalog(settings: Settings(), zone: zone)
        let deflater = try Deflater()
        let packed = bytes.map { deflater.sync($0) }
        let chain = JournalChain(hashing: .sha256)
        let measured = try bench.inTurn([
            { try each(bytes) { try RowsCodec.decode($0).count } },
            { try each(rows) { RowsCodec.encode($0).count } },
            { try each(rows) { checks.findings(of: $0).count + 1 } },
            {
                let inflater = try Inflater()
                return try each(zip(packed, bytes)) { try inflater.sync($0, count: $1.count).count }
            },
            { try floor(packed, inflatedBytes: bytes.reduce(0) { $0 + $1.count }) },
            {
                let deflater = try Deflater()
                return try each(bytes) { deflater.sync($0).count }
            },
            {
                try each(rows) { rows in
                    try chain.walk(rows, origin: 1, first: 1, from: .zero) { _, _ in .zero }.heads.count
                }
            },
        ])
        let unit = "ns a record"
        try bench.add(Figure("decode with validation", unit: unit, measured[0]).atMost(25))
        try bench.add(Figure("encode", unit: unit, measured[1]).atMost(80))
        try bench.add(Figure("check by the form", unit: unit, measured[2]))
        try bench.add(
            Figure("inflate", unit: unit, measured[3]).beside("zlib in C", measured[4], measured[3]))
        try bench.add(Figure("deflate", unit: unit, measured[5]))
        try bench.add(Figure("digests and chain", unit: unit, measured[6]))
        try allocations(bench, of: rows[1])
        try vectors(bench)
    }

    /// What one batch asks memory for: with its columns and texts, not with its records.
    private static func allocations(_ bench: Bench, of rows: VersionColumns) throws {
        guard allocation_count_works() else { return }
        let bytes = RowsCodec.encode(rows)
        let start = allocation_count()
        guard RowsCodec.encode(rows) == bytes else { throw BenchError("the same rows gave other bytes") }
        let encoded = allocation_count()
        guard try RowsCodec.decode(bytes).count == rows.count else { throw BenchError("rows were lost") }
        let decoded = allocation_count()
        let unit = "allocations a batch of \(rows.count)"
        try bench.add(Figure("decode", unit: unit, [Double(decoded - encoded)]).atMost(120))
        try bench.add(Figure("encode", unit: unit, [Double(encoded - start)]).atMost(450))
    }

    /// Nanoseconds a record that `body` takes; it gives something that is not 0 for each batch.
    private static func each<Item>(
        _ items: some Sequence<Item>, _ body: (Item) throws -> Int
    ) throws -> Double {
        var sum = 0
        let seconds = try Bench.seconds { for item in items { sum += try body(item) } }
        guard sum > 0 else { throw BenchError("nothing was done") }
        return seconds * 1e9 / Double(count)
    }

    /// The same for zlib called from C.
    private static func floor(_ packed: [[UInt8]], inflatedBytes: Int) throws -> Double {
        let stream = Array(packed.map { $0 + [0, 0, 0xff, 0xff] }.joined())
        let seconds = floor_inflate(stream, stream.count, inflatedBytes)
        guard seconds > 0 else { throw BenchError("zlib failed") }
        return seconds * 1e9 / Double(count)
    }

    /// Vectors whose merge has up to three entries: alike, one above the other, and neither.
    private static func vectors(_ bench: Bench) throws {
        var random = BenchRandom(state: 5)
        let lefts = (0..<1_024).map { _ in vector(&random) }
        let rights = (0..<1_024).map { _ in vector(&random) }
        var merged = lefts
        let measured = try bench.inTurn([
            {
                // In place, and kept: a loop over pairs would time how they are copied as well, and of what
                // nobody keeps the compiler leaves out the most.
                let seconds = Bench.seconds {
                    lefts.withUnsafeBufferPointer { lefts in
                        rights.withUnsafeBufferPointer { rights in
                            merged.withUnsafeMutableBufferPointer { merged in
                                for turn in 0..<102_400 {
                                    let at = turn & 1_023
                                    merged[at] = lefts[at].merged(with: rights[at])
                                }
                            }
                        }
                    }
                }
                return seconds * 1e9 / 102_400
            }
        ])
        guard zip(zip(lefts, rights), merged).allSatisfy({ $0.0.merged(with: $0.1) == $1 }) else {
            throw BenchError("nothing was merged")
        }
        try bench.add(
            Figure("merge of version vectors, up to three entries", unit: "ns", measured[0]).atMost(25))
    }

    private static func vector(_ random: inout BenchRandom) -> VersionVector {
        var entries: [VersionVector.Entry] = []
        for origin: OriginID in [11, 1 << 40, 1 << 63] where Int.random(in: 0..<4, using: &random) > 0 {
            entries.append(
                VersionVector.Entry(origin: origin, count: .random(in: 1...3, using: &random)))
        }
        return VersionVector(normalizing: entries)
    }
}
