import SyncCore

/// A text or list column: a dictionary and a place in it for each row; `Protocol/SPEC.md`, "Text columns".
enum TextColumn {
    static let plain: UInt8 = 0
    static let sorted: UInt8 = 1
    static let followed: UInt8 = 2
    /// Modes of ``followed``: where what a key has first is found.
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
    }

    /// - Returns: the column as its reader will have it, and the order in which its entries were written.
    @discardableResult static func encode(
        _ index: [UInt32], table: TextTable, isList: Bool, leaders: [Leader], into writer: inout ByteWriter
    ) -> (index: [UInt32], table: TextTable, order: [UInt32]?) {
        guard !index.isEmpty else { return ([], TextTable(), nil) }
        let (index, table, _) = inOrderOfUse(index, table)
        let best = TextColumnPlan.best(index, table, isList: isList, leaders: leaders)
        best.write(into: &writer)
        return (index, table, best.order)
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

    /// - Returns: the places, the entries in the order of use, and these in the order in which they were
    ///   written; nil where that is the same.
    static func decode(
        _ reader: inout ByteReader, count: Int, isList: Bool, leader: (Int) -> Leader?,
        budget: inout RowsBudget
    ) throws(WireError) -> (index: [UInt32], table: TextTable, order: [UInt32]?) {
        guard count > 0 else { return ([], TextTable(), nil) }
        let encoding = try reader.byte(.column)
        switch encoding {
        case plain, sorted:
            let table = try TextDictionary.decode(&reader, entries: count, isList: isList, budget: &budget)
            let index = try IndexSequence.decode(&reader, count: count, below: table.count)
            return encoding == plain ? (index, table, nil) : inOrderOfUse(index, table)
        case followed:
            let key = Int(try reader.byte(.column))
            let mode = try reader.byte(.column)
            guard mode <= aligned else { throw reader.error(.outOfRange, .column) }
            guard let leader = leader(key), leader.index.count == count,
                mode != sameText || (!isList && leader.kind == .text)
            else { throw reader.error(.outOfRange, .column) }
            let own = try TextDictionary.decode(&reader, entries: count, isList: isList, budget: &budget)
            let codes = try IndexSequence.decode(&reader, count: count, below: count + 2)
            var rows = FollowedRows(leader, own: own, mode: mode)
            try rows.read(codes, reader, budget: &budget)
            return (rows.index, rows.table, nil)
        default: throw reader.error(.unknownEncoding, .column)
        }
    }
}
