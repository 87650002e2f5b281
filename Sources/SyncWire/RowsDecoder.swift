import SyncCore

/// The reading side of ``RowsCodec``: every promise of the columns is checked here, once.
enum RowsDecoder {
    /// - Parameter memory: what the stream remembers; nil for rows that stand alone.
    static func decode(
        _ reader: inout ByteReader, memory: StreamMemory? = nil
    ) throws(WireError) -> VersionColumns {
        var rows = VersionColumns()
        var budget = RowsBudget()
        let count = try reader.count(upTo: Limits.batchVersions, .rows)
        guard count > 0 else { return rows }
        rows.authored = try times(&reader, count: count, reference: nil)
        rows.stated = try times(&reader, count: count, reference: rows.authored)
        rows.firstCreated = try times(&reader, count: count, reference: rows.stated)
        rows.flags = try ByteSequence.decode(&reader, count: count, allowed: 0x87, .flags)
        let authors = try TextDictionary.decode(&reader, entries: count, isList: false, budget: &budget)
        for entry in 0..<authors.count {
            let range = authors.range(entry)
            guard range.count <= Limits.authorBytes else { throw reader.error(.limit, .authors) }
            rows.authors.append(Array(authors.heap[range]))
        }
        rows.author = try IndexSequence.decode(&reader, count: count, below: authors.count, .authors)
        try decodeContexts(&reader, count: count, into: &rows)
        try decodeGroups(&reader, count: count, memory, into: &rows, budget: &budget)
        return rows
    }

    private static func times(
        _ reader: inout ByteReader, count: Int, reference: [Int64]?
    ) throws(WireError) -> [Int64] {
        let times = try IntegerSequence.decode(&reader, count: count, reference: reference, .times)
        var least: Int64 = 0
        var most: Int64 = 0
        for time in times {
            least = min(least, time)
            most = max(most, time)
        }
        guard least >= -Limits.time, most <= Limits.time else { throw reader.error(.limit, .times) }
        return times
    }

    private static func decodeContexts(
        _ reader: inout ByteReader, count: Int, into rows: inout VersionColumns
    ) throws(WireError) {
        let authoredCount = rows.flags.reduce(0) {
            $0 + ($1 & VersionFlags.hasAuthoredDot.rawValue != 0 ? 1 : 0)
        }
        let entryLimit = Limits.batchContextEntries + authoredCount
        let originCount = try reader.count(upTo: entryLimit, ofAtLeast: 8, .contexts)
        var origins: [OriginID] = []
        for _ in 0..<originCount {
            let origin = try reader.word(.contexts)
            guard origin > (origins.last ?? 0) else { throw reader.error(.notCanonical, .contexts) }
            origins.append(origin)
        }
        let contextCount = try reader.count(upTo: Limits.batchContexts, .contexts)
        guard contextCount <= count else { throw reader.error(.outOfRange, .contexts) }
        let vectors = try IndexSequence.decode(
            &reader, count: contextCount, below: Limits.contextEntries + 1, .contexts, excess: .limit)
        let dots = try IndexSequence.decode(
            &reader, count: contextCount, below: Limits.contextDots + 1, .contexts, excess: .limit)
        let total = vectors.reduce(0) { $0 + Int($1) } + dots.reduce(0) { $0 + Int($1) } + authoredCount
        guard total <= entryLimit else { throw reader.error(.limit, .contexts) }
        let places = try IndexSequence.decode(&reader, count: total, below: originCount, .contexts)
        let sequences = try IntegerSequence.decode(&reader, count: total, .contexts)
        var all: [Dot] = []
        all.reserveCapacity(total)
        for (place, sequence) in zip(places, sequences) {
            guard sequence > 0 else { throw reader.error(.outOfRange, .contexts) }
            guard sequence <= Limits.sequence else { throw reader.error(.limit, .contexts) }
            all.append(Dot(origin: origins[Int(place)], sequence: UInt64(sequence)))
        }
        var at = 0
        for index in 0..<contextCount {
            let middle = at + Int(vectors[index])
            let end = middle + Int(dots[index])
            let entries = all[at..<middle].map { VersionVector.Entry(origin: $0.origin, count: $0.sequence) }
            guard end > at, let vector = VersionVector(canonical: entries),
                let context = Context(canonical: vector, dots: Array(all[middle..<end]))
            else { throw reader.error(.notCanonical, .contexts) }
            rows.contexts.append(context)
            at = end
        }
        rows.authoredDots = Array(all[at...])
        rows.context = try IndexSequence.decode(&reader, count: count, below: contextCount + 1, .contexts)
    }

    private static func decodeGroups(
        _ reader: inout ByteReader, count: Int, _ memory: StreamMemory?, into rows: inout VersionColumns,
        budget: inout RowsBudget
    ) throws(WireError) {
        let groupCount = try reader.count(upTo: Limits.batchGroups, .groups)
        guard groupCount <= count else { throw reader.error(.outOfRange, .groups) }
        rows.group = try IndexSequence.decode(&reader, count: count, below: groupCount, .groups)
        var members = [[UInt32]](repeating: [], count: groupCount)
        if groupCount == 1 {
            members[0] = Array(0..<UInt32(count))
            rows.place = members[0]
        } else {
            rows.place.reserveCapacity(count)
            for (row, group) in rows.group.enumerated() {
                rows.place.append(UInt32(members[Int(group)].count))
                members[Int(group)].append(UInt32(row))
            }
        }
        for own in members {
            guard !own.isEmpty else { throw reader.error(.notCanonical, .groups) }
            rows.groups.append(try decodeGroup(&reader, rows: own, memory, budget: &budget))
        }
    }

    private static func decodeGroup(
        _ reader: inout ByteReader, rows: [UInt32], _ memory: StreamMemory?, budget: inout RowsBudget
    ) throws(WireError) -> FormGroup {
        var form = try reader.string(upTo: Limits.formNameBytes, .form)
        var known: GroupShape?
        if form.isEmpty {
            guard let memory else { throw reader.error(.outOfRange, .form) }
            known = memory.shape(Int(try reader.varint32(.form)))
            guard let known else { throw reader.error(.outOfRange, .form) }
            form = known.form
        }
        let revision: UInt32
        if let known { revision = known.revision } else { revision = try reader.varint32(.form) }
        var group = FormGroup(form: form, revision: revision, rows: rows, keys: [], fields: [])
        let keyCount: Int
        if let known {
            keyCount = known.keys.count
        } else {
            keyCount = try reader.count(upTo: Limits.groupKeys, .form)
        }
        var leaders: [TextColumn.Leader?] = []
        var place = TextColumn.Place(form: form, field: 0, isKey: true, kind: .text, memory: memory)
        for position in 0..<keyCount {
            guard budget.spend(cells: rows.count) else { throw reader.error(.limit, .column) }
            var column = Column(field: FieldID(position), kind: .integer)
            if let key = known?.keys[position] {
                (column.kind, column.scale) = (key.kind, key.scale)
            } else {
                column = try head(&reader, field: FieldID(position))
            }
            place.field = FieldID(position)
            let written = try values(
                &reader, into: &column, rows: rows.count, place, leaders: leaders, budget: &budget)
            leaders.append(
                written.map {
                    TextColumn.Leader(
                        key: UInt8(position), kind: column.kind, index: $0.index, table: $0.table,
                        order: $0.order, recall: $0.recall)
                })
            group.keys.append(column)
        }
        let fieldCount: Int
        if let known {
            fieldCount = known.fields.count
        } else {
            fieldCount = try reader.count(upTo: Limits.groupFields, .form)
        }
        group.fields.reserveCapacity(fieldCount)
        place.isKey = false
        for position in 0..<fieldCount {
            guard budget.spend(cells: rows.count) else { throw reader.error(.limit, .column) }
            let column = try field(
                &reader, known?.fields[position], rows: rows.count, place, leaders: leaders, budget: &budget)
            guard follows(column, group.fields) else { throw reader.error(.notCanonical, .column) }
            group.fields.append(column)
        }
        if known == nil, let memory, leaders.contains(where: { $0?.recall != nil }) {
            memory.remember(GroupShape(group))
        }
        return group
    }

    /// Ascending by (field, kind, scale, class); columns of one field never share a row.
    private static func follows(_ column: Column, _ earlier: [Column]) -> Bool {
        guard let last = earlier.last, last.field >= column.field else { return true }
        guard last.field == column.field,
            (last.kind.rawValue, last.scale, last.retentionClass)
                < (column.kind.rawValue, column.scale, column.retentionClass)
        else { return false }
        return earlier.reversed().prefix { $0.field == column.field }.allSatisfy { other in
            guard !other.presence.isEmpty, other.presence.count == column.presence.count else { return false }
            return zip(other.presence, column.presence).allSatisfy { $0 == 0 || $1 == 0 }
        }
    }

    private static func head(
        _ reader: inout ByteReader, field: FieldID
    ) throws(WireError) -> Column {
        guard let kind = ValueKind(rawValue: try reader.byte(.column)) else {
            throw reader.error(.outOfRange, .column)
        }
        var column = Column(field: field, kind: kind)
        if kind == .decimal {
            column.scale = try reader.byte(.column)
            guard column.scale <= 18 else { throw reader.error(.outOfRange, .column) }
        }
        return column
    }

    private static func field(
        _ reader: inout ByteReader, _ known: GroupShape.Field?, rows: Int, _ place: TextColumn.Place,
        leaders: [TextColumn.Leader?], budget: inout RowsBudget
    ) throws(WireError) -> Column {
        var place = place
        var column: Column
        if let known { column = Column(of: known) } else { column = try fieldHead(&reader) }
        place.field = column.field
        var constant = known?.presence
        if constant == nil { constant = try presence(&reader, rows: rows, into: &column) }
        if let constant {
            guard constant == .value else {
                column.presence = [UInt8](repeating: constant.rawValue, count: rows)
                try values(&reader, into: &column, rows: 0, place, leaders: [], budget: &budget)
                if column.isDictionary {
                    column.index = [UInt32](repeating: 0, count: rows)
                } else {
                    column.integers = [Int64](repeating: 0, count: rows)
                }
                return column
            }
            try values(&reader, into: &column, rows: rows, place, leaders: leaders, budget: &budget)
            return column
        }
        let present = PresentRows(column.presence)
        // Only a text column follows a key, and then it follows the key's values of its own rows.
        let sifted =
            column.isDictionary
            ? leaders.map { leader -> TextColumn.Leader? in
                guard var leader else { return nil }
                leader.index = present.sift(leader.index)
                return leader
            } : []
        try values(&reader, into: &column, rows: present.count, place, leaders: sifted, budget: &budget)
        if column.isDictionary {
            column.index = present.spread(column.index, count: rows)
        } else {
            column.integers = present.spread(column.integers, count: rows)
        }
        return column
    }

    /// Number, kind, scale and class.
    private static func fieldHead(_ reader: inout ByteReader) throws(WireError) -> Column {
        guard let id = FieldID(exactly: try reader.varint(.column)), id != RecordState.existence else {
            throw reader.error(.outOfRange, .column)
        }
        var column = try head(&reader, field: id)
        column.retentionClass = try reader.byte(.column)
        // A digest counts the classes of a version in one byte.
        guard column.retentionClass < .max else { throw reader.error(.outOfRange, .column) }
        return column
    }

    /// - Returns: what all rows have, without a list of it; nil where they differ, or where there are none.
    private static func presence(
        _ reader: inout ByteReader, rows: Int, into column: inout Column
    ) throws(WireError) -> Presence? {
        if rows > 0, let same = try ByteSequence.constant(&reader, allowed: 3, .presence) {
            guard let presence = Presence(rawValue: same) else {
                throw reader.error(.outOfRange, .presence)
            }
            return presence
        }
        let presence = try ByteSequence.decode(&reader, count: rows, allowed: 3, .presence)
        var all = Presence.value.rawValue
        var most: UInt8 = 0
        for value in presence {
            all &= value
            most = max(most, value)
        }
        guard most <= Presence.value.rawValue else { throw reader.error(.outOfRange, .presence) }
        if all == Presence.value.rawValue { return .value }
        column.presence = presence
        return nil
    }

    /// - Returns: a text column as it was written; nil for others.
    @discardableResult private static func values(
        _ reader: inout ByteReader, into column: inout Column, rows: Int, _ place: TextColumn.Place,
        leaders: [TextColumn.Leader?], budget: inout RowsBudget
    ) throws(WireError) -> TextColumn.Written? {
        guard column.isDictionary else {
            column.integers = try IntegerSequence.decode(&reader, count: rows)
            return nil
        }
        var place = place
        place.kind = column.kind
        let written = try TextColumn.decode(
            &reader, count: rows, place, leader: { $0 < leaders.count ? leaders[$0] : nil },
            budget: &budget)
        column.index = written.index
        column.ends = written.table.ends
        column.heap = written.table.heap
        return written
    }
}

extension Column {
    /// As a remembered shape has it.
    fileprivate init(of field: GroupShape.Field) {
        self.init(field: field.field, kind: field.kind)
        scale = field.scale
        retentionClass = field.retentionClass
    }
}
