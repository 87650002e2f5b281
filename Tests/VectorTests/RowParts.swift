/// A rows part in its named parts.
enum RowParts {
    static func constant(_ value: Int64) -> [UInt8] { [0] + Bytes.zigzag(value) }
    static func plain(_ texts: [String]) -> [UInt8] { plain(texts.map { Array($0.utf8) }) }

    /// A plain dictionary whose lengths are offsets from 0.
    static func plain(_ entries: [[UInt8]]) -> [UInt8] {
        guard !entries.isEmpty else { return [0] }
        return Bytes.varint(UInt64(entries.count)) + [0, 1, 0, 1]
            + entries.flatMap { Bytes.varint(UInt64($0.count)) } + entries.flatMap { $0 }
    }

    /// The list as one dictionary entry.
    static func list(_ items: [String]) -> [UInt8] {
        Bytes.varint(UInt64(items.count)) + items.flatMap { Bytes.text($0) }
    }

    /// A field column of which every row has a value.
    static func field(
        _ number: UInt64, _ kind: UInt8, scale: UInt8? = nil, class retentionClass: UInt8 = 0,
        presence: [UInt8] = [0, 2], _ values: [UInt8]
    ) -> [UInt8] {
        Bytes.varint(number) + [kind] + (scale.map { [$0] } ?? []) + [retentionClass] + presence + values
    }

    static func rows(_ count: UInt64) -> Parts {
        Parts([
            ("count", Bytes.varint(count)), ("authored", constant(1_580_688_000_000)),
            ("stated", [5] + constant(0)), ("first created", [5] + constant(0)), ("flags", [0, 0]),
            ("authors", plain([""])), ("author", [0, 0]), ("origins", [0]), ("contexts", [0]),
            ("vector lengths", []), ("dot lengths", []), ("places", []), ("sequences", []),
            ("context", [0, 0]), ("groups", [1]), ("group", [0, 0]), ("form", Bytes.text("f")),
            ("revision", [1]), ("keys", [1]), ("key", [1] + constant(7)), ("fields", [1]),
            ("field", field(1, 1, constant(5))), ("more", []),
        ])
    }

    static let one = rows(1)
    static let two = rows(2)
    static let four = rows(4)

    /// One context for the only row: its vector and dots as places and sequences.
    static func context(
        origins: [UInt64], vector: Int, dots: Int, places: [UInt8], sequences: [Int64]
    ) -> Parts {
        one.with("origins", Bytes.varint(UInt64(origins.count)) + origins.flatMap(Bytes.word))
            .with("contexts", [1]).with("vector lengths", [0] + Bytes.varint(UInt64(vector)))
            .with("dot lengths", [0] + Bytes.varint(UInt64(dots))).with("places", [1] + places)
            .with("sequences", deltas(sequences)).with("context", [0, 1])
    }

    static func deltas(_ values: [Int64]) -> [UInt8] {
        var bytes: [UInt8] = [2] + Bytes.zigzag(values.first ?? 0) + [1]
        for (before, value) in zip(values, values.dropFirst()) { bytes += Bytes.zigzag(value &- before) }
        return bytes
    }
}
