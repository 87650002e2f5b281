import SyncCore

/// Where each part of a rows part lies, and how it is encoded: for tools that show what a batch costs.
public enum RowsLayout {
    public struct Part: Sendable, Hashable {
        /// As in `Protocol/SPEC.md`, "Rows"; columns as `key 0` and `field 3`.
        public var name: String
        /// The form group that a column belongs to; nil for what is common to all rows.
        public var group: Int?
        /// How it is encoded; several, joined by a plus sign, where it is made of several.
        public var encoding: String
        /// From the beginning of the rows part.
        public var offset: Int
        public var size: Int
    }

    /// - Throws: ``WireError`` when the bytes are no rows part.
    public static func parts(of bytes: [UInt8]) throws(WireError) -> [Part] {
        let rows = try RowsCodec.decode(bytes)
        guard rows.count > 0 else { return [] }
        return try bytes.withUnsafeBufferPointer { (buffer) throws(WireError) -> [Part] in
            var walk = RowsWalk(ByteReader(buffer))
            try walk.common(rows)
            for (number, group) in rows.groups.enumerated() { try walk.group(group, number: number) }
            return walk.parts
        }
    }
}

/// Walks over bytes that were decoded before, part by part.
private struct RowsWalk {
    private var reader: ByteReader
    private var budget = RowsBudget()
    private(set) var parts: [RowsLayout.Part] = []
    private var start = 0

    init(_ reader: ByteReader) { self.reader = reader }

    private static let integers = [
        "constant", "offsets", "deltas", "runs", "planes", "difference", "packed", "packed deltas",
    ]
    private static let indexes = ["constant", "bytes", "runs", "pairs", "packed"]
    private static let bytes = ["constant", "plain", "runs"]
    private static let dictionaries = ["plain", "numbered"]
    private static let texts = ["plain", "sorted", "followed"]

    /// The name of the encoding whose id stands next.
    private func next(_ names: [String], count: Int, skipping: Int = 0) -> String {
        let at = reader.offset + skipping
        guard count > 0, at < reader.bytes.count, Int(reader.bytes[at]) < names.count else { return "none" }
        return names[Int(reader.bytes[at])]
    }

    private mutating func close(_ name: String, _ encoding: String, group: Int? = nil) {
        parts.append(
            RowsLayout.Part(
                name: name, group: group, encoding: encoding, offset: start, size: reader.offset - start))
        start = reader.offset
    }

    private mutating func integers(
        _ name: String, _ count: Int, reference: [Int64]? = nil
    ) throws(WireError) {
        var encoding = next(RowsWalk.integers, count: count)
        if encoding == "difference" {
            encoding += " " + next(RowsWalk.integers, count: count, skipping: 1)
        }
        _ = try IntegerSequence.decode(&reader, count: count, reference: reference, .times)
        close(name, encoding)
    }

    private mutating func index(_ name: String, _ count: Int, below bound: Int) throws(WireError) {
        let encoding = next(RowsWalk.indexes, count: count)
        _ = try IndexSequence.decode(&reader, count: count, below: bound, .index)
        close(name, encoding)
    }

    mutating func common(_ rows: VersionColumns) throws(WireError) {
        let count = try reader.count(upTo: Limits.batchVersions, .rows)
        close("count", "varint")
        try integers("authored", count)
        try integers("stated", count, reference: rows.authored)
        try integers("first created", count, reference: rows.stated)
        let flags = next(RowsWalk.bytes, count: count)
        _ = try ByteSequence.decode(&reader, count: count, allowed: 0xff, .flags)
        close("flags", flags)
        let authors = dictionary()
        _ = try TextDictionary.decode(&reader, entries: count, isList: false, budget: &budget)
        close("authors", authors)
        try index("author", count, below: rows.authors.count)
        try contexts(rows, count: count)
        _ = try reader.count(upTo: Limits.batchGroups, .groups)
        close("groups", "varint")
        try index("group", count, below: rows.groups.count)
    }

    /// The dictionary that begins here: its count is one byte up to 127 entries, and more otherwise.
    private func dictionary() -> String {
        var at = reader.offset
        while at < reader.bytes.count, reader.bytes[at] >= 0x80 { at += 1 }
        let isEmpty = at == reader.offset && at < reader.bytes.count && reader.bytes[at] == 0
        return isEmpty ? "empty" : next(RowsWalk.dictionaries, count: 1, skipping: at + 1 - reader.offset)
    }

    private mutating func contexts(_ rows: VersionColumns, count: Int) throws(WireError) {
        let entryLimit = Limits.batchContextEntries + rows.authoredDots.count
        let origins = try reader.count(upTo: entryLimit, .contexts)
        _ = try reader.take(origins * 8, .contexts)
        close("origins", "words")
        let contexts = try reader.count(upTo: Limits.batchContexts, .contexts)
        close("contexts", "varint")
        try index("vector lengths", contexts, below: Limits.contextEntries + 1)
        try index("dot lengths", contexts, below: Limits.contextDots + 1)
        let total = rows.contexts.reduce(rows.authoredDots.count) {
            $0 + $1.vector.entries.count + $1.dots.count
        }
        try index("places", total, below: origins)
        try integers("sequences", total)
        try index("context", count, below: contexts + 1)
    }

    mutating func group(_ group: FormGroup, number: Int) throws(WireError) {
        _ = try reader.string(upTo: Limits.formNameBytes, .form)
        _ = try reader.varint(.form)
        _ = try reader.count(upTo: Limits.groupKeys, .form)
        close("form", "text", group: number)
        var leaders: [TextColumn.Leader?] = []
        for column in group.keys {
            try head(column)
            let (encoding, order) = try values(column, rows: group.rows.count, leaders: leaders)
            close("key \(leaders.count)", encoding, group: number)
            leaders.append(
                column.isDictionary
                    ? TextColumn.Leader(
                        key: UInt8(leaders.count), kind: column.kind, index: column.index,
                        table: TextTable(ends: column.ends, heap: column.heap), order: order) : nil)
        }
        _ = try reader.count(upTo: Limits.groupFields, .form)
        close("fields", "varint", group: number)
        for column in group.fields { try field(column, rows: group.rows.count, leaders, number) }
    }

    private mutating func head(_ column: Column) throws(WireError) {
        _ = try reader.take(column.kind == .decimal ? 2 : 1, .column)
    }

    private mutating func field(
        _ column: Column, rows: Int, _ leaders: [TextColumn.Leader?], _ number: Int
    ) throws(WireError) {
        _ = try reader.varint(.column)
        try head(column)
        _ = try reader.byte(.column)
        let presence = next(RowsWalk.bytes, count: rows)
        _ = try ByteSequence.decode(&reader, count: rows, allowed: 3, .presence)
        var present = rows
        var sifted = leaders
        if !column.presence.isEmpty {
            let places = column.presence.indices.filter { column.presence[$0] == Presence.value.rawValue }
            present = places.count
            for at in sifted.indices {
                guard let leader = leaders[at] else { continue }
                sifted[at]?.index = places.map { leader.index[$0] }
            }
        }
        let (encoding, _) = try values(column, rows: present, leaders: sifted)
        close("field \(column.field)", "\(presence) + \(encoding)", group: number)
    }

    private mutating func values(
        _ column: Column, rows: Int, leaders: [TextColumn.Leader?]
    ) throws(WireError) -> (encoding: String, order: [UInt32]?) {
        guard column.isDictionary else {
            let encoding = next(RowsWalk.integers, count: rows)
            _ = try IntegerSequence.decode(&reader, count: rows)
            return (encoding, nil)
        }
        let encoding = next(RowsWalk.texts, count: rows)
        let order = try TextColumn.decode(
            &reader, count: rows,
            TextColumn.Place(form: "", field: column.field, isKey: false, kind: column.kind, memory: nil),
            leader: { $0 < leaders.count ? leaders[$0] : nil }, budget: &budget
        ).order
        return (encoding, order)
    }
}
