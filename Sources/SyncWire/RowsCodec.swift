public import SyncCore

/// Versions as columns, turned into bytes and back: `Protocol/SPEC.md`, "Rows".
///
/// The bytes describe themselves (form, revision, field ids, kinds, classes), so that they decode without the
/// form. The same columns always give the same bytes. What `decode` returns keeps every promise of
/// ``VersionColumns``.
public enum RowsCodec {
    /// - Precondition: `rows` keeps the promises of ``VersionColumns``.
    public static func encode(_ rows: VersionColumns) -> [UInt8] {
        var writer = ByteWriter()
        writer.bytes.reserveCapacity(256 + 24 * rows.count)
        RowsEncoder.encode(rows, into: &writer)
        return writer.bytes
    }

    /// - Throws: ``WireError`` when the bytes are cut off, not canonical, or above a limit.
    public static func decode(_ bytes: [UInt8]) throws(WireError) -> VersionColumns {
        try bytes.withUnsafeBufferPointer { (buffer) throws(WireError) -> VersionColumns in
            var reader = ByteReader(buffer)
            let rows = try RowsDecoder.decode(&reader)
            try reader.end(.rows)
            return rows
        }
    }

    /// The rows of one stream's batches as they lie in it: each goes on with what was said before.
    public static func encode(inStream batches: [VersionColumns]) -> [[UInt8]] {
        let memory = StreamMemory()
        return batches.map { rows in
            var writer = ByteWriter()
            RowsEncoder.encode(rows, memory: memory, into: &writer)
            return writer.bytes
        }
    }

    /// What ``encode(inStream:)`` made, up to the first that is not sound.
    public static func decode(inStream parts: [[UInt8]]) -> [VersionColumns] {
        let memory = StreamMemory()
        var batches: [VersionColumns] = []
        for bytes in parts {
            let rows = bytes.withUnsafeBufferPointer { buffer in
                var reader = ByteReader(buffer)
                guard let rows = try? RowsDecoder.decode(&reader, memory: memory), reader.remaining == 0
                else { return nil as VersionColumns? }
                return rows
            }
            guard let rows else { break }
            batches.append(rows)
        }
        return batches
    }
}

/// The writing side, part by part in the order of the bytes.
enum RowsEncoder {
    /// - Parameters:
    ///   - memory: what the stream remembers; nil for rows that stand alone.
    ///   - budget: what a reader takes.
    static func encode(
        _ rows: VersionColumns, memory: StreamMemory? = nil, into writer: inout ByteWriter,
        budget: RowsBudget = RowsBudget()
    ) {
        writer.put(count: rows.count)
        guard rows.count > 0 else { return }
        var budget = budget
        IntegerSequence.encode(rows.authored, into: &writer)
        IntegerSequence.encode(rows.stated, reference: rows.authored, into: &writer)
        IntegerSequence.encode(rows.firstCreated, reference: rows.stated, into: &writer)
        ByteSequence.encode(rows.flags, into: &writer)
        var authors = TextTable()
        for author in rows.authors { authors.append(author) }
        TextDictionary.encode(authors, into: &writer, budget: &budget)
        IndexSequence.encode(rows.author, into: &writer)
        encodeContexts(rows, into: &writer)
        writer.put(count: rows.groups.count)
        IndexSequence.encode(rows.group, into: &writer)
        for group in rows.groups { encode(group, memory, into: &writer, budget: &budget) }
    }

    /// Contexts and authored dots share one table of origins.
    private static func encodeContexts(_ rows: VersionColumns, into writer: inout ByteWriter) {
        var dots: [Dot] = []
        var vectorLengths: [UInt32] = []
        var dotLengths: [UInt32] = []
        for context in rows.contexts.dropFirst() {
            vectorLengths.append(UInt32(context.vector.entries.count))
            dotLengths.append(UInt32(context.dots.count))
            for entry in context.vector.entries {
                dots.append(Dot(origin: entry.origin, sequence: entry.count))
            }
            dots.append(contentsOf: context.dots)
        }
        dots.append(contentsOf: rows.authoredDots)
        let origins = sortedDistinct(dots.map(\.origin))
        writer.put(count: origins.count)
        for origin in origins { writer.put(word: origin) }
        writer.put(count: vectorLengths.count)
        IndexSequence.encode(vectorLengths, into: &writer)
        IndexSequence.encode(dotLengths, into: &writer)
        IndexSequence.encode(dots.map { place(of: $0.origin, in: origins) }, into: &writer)
        IntegerSequence.encode(dots.map { Int64(bitPattern: $0.sequence) }, into: &writer)
        IndexSequence.encode(rows.context, into: &writer)
    }

    private static func sortedDistinct(_ origins: [OriginID]) -> [OriginID] {
        var result: [OriginID] = []
        for origin in origins.sorted() where result.last != origin { result.append(origin) }
        return result
    }

    private static func place(of origin: OriginID, in origins: [OriginID]) -> UInt32 {
        var low = 0
        var high = origins.count
        while low < high {
            let middle = (low + high) / 2
            if origins[middle] < origin { low = middle + 1 } else { high = middle }
        }
        return UInt32(low)
    }

    private static func encode(
        _ group: FormGroup, _ memory: StreamMemory?, into writer: inout ByteWriter,
        budget: inout RowsBudget
    ) {
        let own = memory.map { _ in GroupShape(group) }
        let known = own.flatMap { memory?.number(of: $0) }
        let shape = known.flatMap { memory?.shape($0) }
        if let known {
            writer.put(count: 0)
            writer.put(count: known)
        } else {
            writer.put(group.form)
            writer.put(varint: UInt64(group.revision))
            writer.put(count: group.keys.count)
        }
        var leaders: [TextColumn.Leader] = []
        var place = TextColumn.Place(form: group.form, field: 0, isKey: true, kind: .text, memory: memory)
        for (position, column) in group.keys.enumerated() {
            if shape == nil { putHead(column, into: &writer) }
            place.field = FieldID(position)
            let written = putValues(
                column, present: nil, place, leaders: leaders, into: &writer, budget: &budget)
            if let written {
                leaders.append(
                    TextColumn.Leader(
                        key: UInt8(position), kind: column.kind, index: written.index,
                        table: written.table, order: written.order, recall: written.recall))
            }
        }
        if shape == nil { writer.put(count: group.fields.count) }
        place.isKey = false
        for (position, column) in group.fields.enumerated() {
            place.field = column.field
            if shape == nil {
                writer.put(varint: UInt64(column.field))
                putHead(column, into: &writer)
                writer.put(column.retentionClass)
            }
            let isSaid = shape?.fields[position].presence != nil
            guard !column.presence.isEmpty else {
                if !isSaid, !group.rows.isEmpty {
                    ByteSequence.encode(constant: Presence.value.rawValue, into: &writer)
                }
                putValues(column, present: nil, place, leaders: leaders, into: &writer, budget: &budget)
                continue
            }
            if !isSaid { ByteSequence.encode(column.presence, into: &writer) }
            let present = PresentRows(column.presence)
            let sifted =
                column.isDictionary
                ? leaders.map { leader -> TextColumn.Leader in
                    var leader = leader
                    leader.index = present.sift(leader.index)
                    return leader
                } : []
            putValues(column, present: present, place, leaders: sifted, into: &writer, budget: &budget)
        }
        if known == nil, let own, leaders.contains(where: { $0.recall != nil }) { memory?.remember(own) }
    }

    private static func putHead(_ column: Column, into writer: inout ByteWriter) {
        writer.put(column.kind.rawValue)
        if column.kind == .decimal { writer.put(column.scale) }
    }

    /// - Parameter present: the rows that have a value; nil when all have.
    /// - Returns: a text column as its reader will have it; nil for others.
    @discardableResult private static func putValues(
        _ column: Column, present: PresentRows?, _ place: TextColumn.Place, leaders: [TextColumn.Leader],
        into writer: inout ByteWriter, budget: inout RowsBudget
    ) -> TextColumn.Written? {
        if column.isDictionary {
            var place = place
            place.kind = column.kind
            let index = present?.sift(column.index) ?? column.index
            return TextColumn.encode(
                index, table: TextTable(ends: column.ends, heap: column.heap), place, leaders: leaders,
                into: &writer, budget: &budget)
        } else {
            let integers = present?.sift(column.integers) ?? column.integers
            IntegerSequence.encode(integers, into: &writer)
            return nil
        }
    }
}

/// The rows of a group that have a value in a column.
struct PresentRows {
    private let places: [UInt32]

    var count: Int { places.count }

    init(_ presence: [UInt8]) {
        places = [UInt32](unsafeUninitializedCapacity: presence.count) { buffer, count in
            for (row, value) in presence.enumerated() {
                buffer[count] = UInt32(truncatingIfNeeded: row)
                count += value == Presence.value.rawValue ? 1 : 0
            }
        }
    }

    /// What stands at these rows.
    func sift<Number>(_ values: [Number]) -> [Number] { places.map { values[Int($0)] } }

    /// Puts the values into their places among so many rows, 0 elsewhere.
    func spread<Number: FixedWidthInteger>(_ values: [Number], count: Int) -> [Number] {
        var result = [Number](repeating: 0, count: count)
        for index in places.indices { result[Int(places[index])] = values[index] }
        return result
    }
}
