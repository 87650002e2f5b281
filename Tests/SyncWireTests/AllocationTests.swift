import AllocationCount
import SyncCore
import SyncWire
import Testing

/// What a batch asks memory for goes with its columns, not with its records. Pinned for unoptimised programs,
/// as tests are, where some steps of the standard library ask for memory each time; `tools/bench` pins
/// optimised ones.
@Suite(.enabled(if: allocation_count_works())) struct AllocationTests {
    private static func allocations(_ body: () throws -> Void) rethrows -> Int {
        let before = allocation_count()
        try body()
        return Int(allocation_count() - before)
    }

    /// How many more there are for a record more, from a batch of a thousand to one of twice as many.
    private static func growth<Batch>(
        of batch: (VersionColumns) -> Batch, _ body: (Batch) throws -> Void
    ) rethrows -> Double {
        let versions = Fortnight.versions()
        let few = batch(VersionColumns(Array(versions[..<1_000])))
        let many = batch(VersionColumns(Array(versions[..<2_000])))
        // What is made once is made now.
        try body(few)
        let first = try allocations { try body(few) }
        return Double(try allocations { try body(many) } - first) / 1_000
    }

    @Test func countsWhatIsAskedFor() {
        let count = Self.allocations { for size in 1...100 { _ = [UInt8](repeating: 1, count: size * 100) } }
        #expect(count >= 100)
    }

    @Test func decoding() throws {
        let growth = try Self.growth(of: { RowsCodec.encode($0) }) { _ = try RowsCodec.decode($0) }
        #expect(growth < 27)
    }

    @Test func encoding() {
        #expect(Self.growth(of: { $0 }) { _ = RowsCodec.encode($0) } < 60)
    }

    @Test func mergingVersionVectorsAsksForNothing() {
        let one = VersionVector(normalizing: [.init(origin: 1, count: 1), .init(origin: 9, count: 3)])
        let other = VersionVector(normalizing: [.init(origin: 1, count: 2), .init(origin: 5, count: 1)])
        var merged = one.merged(with: other)
        let count = Self.allocations { for _ in 0..<1_000 { merged = one.merged(with: other) } }
        #expect(count < 10)
        #expect(merged.entries.count == 3)
    }
}
