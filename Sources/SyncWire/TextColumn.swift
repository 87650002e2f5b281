import SyncCore

/// A text or list column: a dictionary and a place in it for each row; `Protocol/SPEC.md`, "Text columns".
enum TextColumn {
    static let plain: UInt8 = 0
    static let sorted: UInt8 = 1
    static let followed: UInt8 = 2
    /// As ``sorted``, with the entries that the stream remembers; keys only.
    static let recalled: UInt8 = 3
    /// As ``followed``, going on with what the stream remembers.
    static let resumed: UInt8 = 4
    /// As ``resumed``, and all rows have what their key had last.
    static let unchanged: UInt8 = 5
    /// Modes of ``followed`` and ``resumed``: where what a key has first is found.
    static let sameText: UInt8 = 1
    static let aligned: UInt8 = 2

    /// A key of the group that other columns may follow: most people enter for themselves, on their own
    /// device.
    struct Leader {
        var key: UInt8
        /// `.text` or `.list`: only a text can stand in for another text.
        var kind: ValueKind
        var index: [UInt32]
        var table: TextTable
        /// Its entries in the order in which they were written; nil where that is the order of use.
        var order: [UInt32]?
        /// What the stream remembers of it; nil unless it is recalled.
        var recall: Recall?
    }

    /// What a stream remembers of a key column that is recalled.
    struct Recall {
        var memory: StreamMemory
        var column: RememberedColumn
        /// The number of each entry of the batch; `.max` for those that are not remembered.
        var numbers: [UInt32]
    }

    /// A text column as its reader has it.
    struct Written {
        var index: [UInt32]
        var table: TextTable
        /// The entries in the order in which they were written; nil for that of use.
        var order: [UInt32]?
        var recall: Recall?

        init(
            _ index: [UInt32] = [], _ table: TextTable = TextTable(), order: [UInt32]? = nil,
            recall: Recall? = nil
        ) {
            self.index = index
            self.table = table
            self.order = order
            self.recall = recall
        }
    }

    /// Which column of its group it is, for what a stream remembers.
    struct Place {
        var form: String
        /// A field's number, or a key's place.
        var field: FieldID
        var isKey: Bool
        var kind: ValueKind
        /// Nil for rows that stand alone.
        var memory: StreamMemory?

        var isList: Bool { kind == .list }
    }

    /// - Parameter budget: what a reader bears beyond what lies before it. Numbered, recalled and copied
    ///   entries cost it no more than all entries have bytes; plain ones cost nothing, and are taken where
    ///   the rest does not reach.
    /// - Returns: the column as its reader will have it.
    @discardableResult static func encode(
        _ index: [UInt32], table: TextTable, _ place: Place, leaders: [Leader],
        into writer: inout ByteWriter, budget: inout RowsBudget
    ) -> Written {
        guard !index.isEmpty else { return Written() }
        let (index, table, _) = inOrderOfUse(index, table)
        guard budget.spend(text: table.heap.count) else {
            TextColumnPlan(head: [plain], DictionaryPlan(unnumbered: table), table, index)
                .write(into: &writer)
            return Written(index, table)
        }
        if let memory = place.memory {
            if place.isKey { return encodeRecalled(index, table, place, memory, into: &writer) }
            if leaders.contains(where: { $0.recall != nil }) {
                return encodeResumed(index, table, place, leaders: leaders, into: &writer)
            }
        }
        let best = TextColumnPlan.best(index, table, isList: place.isList, leaders: leaders)
        best.write(into: &writer)
        return Written(index, table, order: best.order)
    }

    /// Renumbers the entries in the order in which rows use them, and drops what no row uses.
    ///
    /// - Returns: also the names of those that stay, in the order in which they stood; nil where they stay as
    ///   they are.
    static func inOrderOfUse(
        _ index: [UInt32], _ table: TextTable
    ) -> (index: [UInt32], table: TextTable, order: [UInt32]?) {
        if isInOrderOfUse(index, table.count) { return (index, table, nil) }
        var names = [UInt32](repeating: .max, count: table.count)
        var used = names
        var count = 0
        var renamed = index
        names.withUnsafeMutableBufferPointer { names in
            used.withUnsafeMutableBufferPointer { used in
                renamed.withUnsafeMutableBufferPointer { renamed in
                    for row in renamed.indices {
                        let entry = Int(renamed[row])
                        precondition(entry < names.count)
                        if names[entry] == .max {
                            names[entry] = UInt32(truncatingIfNeeded: count)
                            used[count] = renamed[row]
                            count += 1
                        }
                        renamed[row] = names[entry]
                    }
                }
            }
        }
        used.removeLast(used.count - count)
        return (renamed, table.picking(used), count == table.count ? names : names.filter { $0 != .max })
    }

    /// Whether entries come up one after the other, and all of them.
    static func isInOrderOfUse(_ index: [UInt32], _ count: Int) -> Bool {
        var next: UInt32 = 0
        var isInOrder = true
        for entry in index {
            isInOrder = isInOrder && entry <= next
            next = max(next, entry &+ 1)
        }
        return isInOrder && Int(next) == count
    }

    // MARK: - Decoding

    /// - Returns: nothing for no rows.
    static func decode(
        _ reader: inout ByteReader, count: Int, _ place: Place, leader: (Int) -> Leader?,
        budget: inout RowsBudget
    ) throws(WireError) -> Written {
        guard count > 0 else { return Written() }
        let isList = place.isList
        let encoding = try reader.byte(.column)
        switch encoding {
        case plain, sorted:
            let table = try TextDictionary.decode(&reader, entries: count, isList: isList, budget: &budget)
            let index = try IndexSequence.decode(&reader, count: count, below: table.count)
            if encoding == plain { return Written(index, table) }
            let (places, used, order) = inOrderOfUse(index, table)
            return Written(places, used, order: order)
        case recalled:
            guard let memory = place.memory else { throw reader.error(.unknownEncoding, .column) }
            guard place.isKey else { throw reader.error(.outOfRange, .column) }
            return try decodeRecalled(&reader, count: count, place, memory, budget: &budget)
        case followed, resumed:
            guard encoding == followed || place.memory != nil else {
                throw reader.error(.unknownEncoding, .column)
            }
            let key = Int(try reader.byte(.column))
            let mode = try reader.byte(.column)
            guard mode <= aligned else { throw reader.error(.outOfRange, .column) }
            guard let leader = leader(key), leader.index.count == count,
                mode != sameText || (!isList && leader.kind == .text)
            else { throw reader.error(.outOfRange, .column) }
            let recall = encoding == resumed ? leader.recall : nil
            guard encoding == followed || recall != nil else { throw reader.error(.outOfRange, .column) }
            let known = recall.map {
                $0.memory.column(place.field, isKey: place.isKey, place.kind, after: $0.column)
            }
            let own = try TextDictionary.decode(&reader, entries: count, isList: isList, budget: &budget)
            let codes = try IndexSequence.decode(
                &reader, count: count, below: count + 2 + (known?.count ?? 0))
            var rows = FollowedRows(leader, own: own, mode: mode, known: known)
            try rows.read(codes, reader, budget: &budget)
            return Written(rows.index, rows.table)
        case unchanged:
            guard place.memory != nil else { throw reader.error(.unknownEncoding, .column) }
            guard
                let leader = (0..<Limits.groupKeys).lazy.compactMap(leader).first(where: { $0.recall != nil }
                ),
                let recall = leader.recall, leader.index.count == count
            else { throw reader.error(.outOfRange, .column) }
            let known = recall.memory.column(
                place.field, isKey: place.isKey, place.kind, after: recall.column)
            var rows = FollowedRows(leader, own: TextTable(), mode: 0, known: known)
            try rows.read([UInt32](repeating: 0, count: count), reader, budget: &budget)
            return Written(rows.index, rows.table)
        default: throw reader.error(.unknownEncoding, .column)
        }
    }
}
