import SyncCore

@testable import SyncWire

/// Rows bytes that no program writes: one version of a form that nobody knows, whose context is as it is
/// told.
struct RawRows {
    var authored: [Int64] = [0]
    var origins: [UInt64] = []
    /// Lengths of the vector and the dots of each context.
    var lengths: [(vector: UInt32, dots: UInt32)] = []
    var places: [UInt32] = []
    var sequences: [Int64] = []
    var contextOfRow: UInt32 = 0

    /// One context of these entries and dots, in this order, over origins as they are.
    static func context(_ vector: [Dot], _ dots: [Dot] = [], origins: [UInt64]) -> RawRows {
        var rows = RawRows()
        let all = vector + dots
        rows.origins = origins
        rows.lengths = [(UInt32(vector.count), UInt32(dots.count))]
        rows.places = all.map { dot in UInt32(origins.firstIndex(of: dot.origin) ?? 0) }
        rows.sequences = all.map { Int64(bitPattern: $0.sequence) }
        rows.contextOfRow = 1
        return rows
    }

    var bytes: [UInt8] {
        var writer = ByteWriter()
        let count = authored.count
        writer.put(count: count)
        for _ in 0..<3 { IntegerSequence.encode(authored, into: &writer) }
        ByteSequence.encode([UInt8](repeating: 0, count: count), into: &writer)
        var authors = TextTable()
        authors.append([])
        var budget = RowsBudget()
        TextDictionary.encode(authors, into: &writer, budget: &budget)
        IndexSequence.encode([UInt32](repeating: 0, count: count), into: &writer)
        writer.put(count: origins.count)
        for origin in origins { writer.put(word: origin) }
        writer.put(count: lengths.count)
        IndexSequence.encode(lengths.map(\.vector), into: &writer)
        IndexSequence.encode(lengths.map(\.dots), into: &writer)
        IndexSequence.encode(places, into: &writer)
        IntegerSequence.encode(sequences, into: &writer)
        IndexSequence.encode([UInt32](repeating: contextOfRow, count: count), into: &writer)
        writer.put(count: 1)
        IndexSequence.encode([UInt32](repeating: 0, count: count), into: &writer)
        writer.put("nonsense")
        writer.put(varint: 1)
        writer.put(count: 0)
        writer.put(count: 0)
        return writer.bytes
    }

    /// The payload of a batch with these rows; heads and seal are never looked at.
    func batch(_ origin: OriginID, first: UInt64) -> [UInt8] {
        var writer = ByteWriter()
        writer.put(word: origin)
        writer.put(varint: first)
        writer.put(count: authored.count)
        for _ in 0..<2 { writer.put(word: ShortDigest.zero.word) }
        writer.put(count: 0)
        writer.put(count: 0)
        writer.put(raw: bytes)
        return writer.bytes
    }
}
