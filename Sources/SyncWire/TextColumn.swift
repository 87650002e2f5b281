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
        /// Its entries in the order in which they were written.
        var order: [UInt32]
    }

    /// - Returns: the column as its reader will have it, and the order in which its entries were written.
    @discardableResult static func encode(
        _ index: [UInt32], table: TextTable, isList: Bool, leaders: [Leader], into writer: inout ByteWriter
    ) -> (index: [UInt32], table: TextTable, order: [UInt32]) {
        guard !index.isEmpty else { return ([], TextTable(), []) }
        let (index, table, _) = inOrderOfUse(index, table)
        let best = TextColumnPlan.best(index, table, isList: isList, leaders: leaders)
        best.write(into: &writer)
        return (index, table, best.order ?? Array(0..<UInt32(table.count)))
    }

    /// Renumbers the entries in the order in which rows use them, and drops what no row uses.
    ///
    /// - Returns: also the names of those that stay, in the order in which they stood.
    static func inOrderOfUse(
        _ index: [UInt32], _ table: TextTable
    ) -> (index: [UInt32], table: TextTable, order: [UInt32]) {
        if isInOrderOfUse(index, table.count) { return (index, table, Array(0..<UInt32(table.count))) }
        var names = [UInt32](repeating: .max, count: table.count)
        var ordered = TextTable()
        let renamed = index.map { entry -> UInt32 in
            if names[Int(entry)] == .max {
                names[Int(entry)] = UInt32(ordered.count)
                ordered.append(table.heap[table.range(Int(entry))])
            }
            return names[Int(entry)]
        }
        return (renamed, ordered, names.filter { $0 != .max })
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
    ///   written.
    static func decode(
        _ reader: inout ByteReader, count: Int, isList: Bool, leader: (Int) -> Leader?,
        budget: inout RowsBudget
    ) throws(WireError) -> (index: [UInt32], table: TextTable, order: [UInt32]) {
        guard count > 0 else { return ([], TextTable(), []) }
        let encoding = try reader.byte(.column)
        switch encoding {
        case plain, sorted:
            let table = try TextDictionary.decode(&reader, entries: count, isList: isList, budget: &budget)
            let index = try IndexSequence.decode(&reader, count: count, below: table.count)
            return encoding == plain
                ? (index, table, Array(0..<UInt32(table.count))) : inOrderOfUse(index, table)
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
            return (rows.index, rows.table, Array(0..<UInt32(rows.table.count)))
        default: throw reader.error(.unknownEncoding, .column)
        }
    }
}

/// The entries of a followed column as its rows bring them up.
private struct FollowedRows {
    private let leader: TextColumn.Leader
    private let own: TextTable
    private let mode: UInt8
    /// What each key entry had last.
    private var last: [UInt32]
    /// The next own entry of those that stand in the order of the rows.
    private var next = 0
    private(set) var index: [UInt32]
    private(set) var table = TextTable()
    /// Where the entries come from: places among the own ones, and behind them among the key's.
    private var sources: [UInt32] = []

    init(_ leader: TextColumn.Leader, own: TextTable, mode: UInt8) {
        self.leader = leader
        self.own = own
        self.mode = mode
        last = [UInt32](repeating: .max, count: leader.table.count)
        index = leader.index
    }

    mutating func read(
        _ codes: [UInt32], _ reader: ByteReader, budget: inout RowsBudget
    ) throws(WireError) {
        var any: UInt32 = 0
        for code in codes { any |= code }
        if any == 0, try readSame(reader, budget: &budget) { return }
        let firsts = mode == TextColumn.aligned ? try alignedFirsts(codes, reader) : []
        sources.reserveCapacity(own.count)
        for row in index.indices {
            let key = Int(leader.index[row])
            let code = codes[row]
            var entry = last[key]
            if code == 0 {
                if entry == .max {
                    entry = UInt32(sources.count)
                    switch mode {
                    case TextColumn.sameText:
                        guard budget.spend(text: leader.table.range(key).count) else {
                            throw reader.error(.limit, .index)
                        }
                        sources.append(UInt32(own.count + key))
                    case TextColumn.aligned: sources.append(firsts[key])
                    default: throw reader.error(.outOfRange, .index)
                    }
                }
            } else if code == 1 {
                guard next < own.count else { throw reader.error(.outOfRange, .index) }
                entry = UInt32(sources.count)
                sources.append(UInt32(next))
                next += 1
            } else {
                entry = code - 2
                guard Int(entry) < sources.count else { throw reader.error(.outOfRange, .index) }
            }
            last[key] = entry
            index[row] = entry
        }
        guard next == own.count else { throw reader.error(.leftover, .dictionary) }
        table = own.picking(sources, behind: leader.table)
    }

    /// Where all rows have what their key has first, and the key's entries come up in their order, the places
    /// are the key's own.
    ///
    /// - Returns: false where they are not.
    private mutating func readSame(
        _ reader: ByteReader, budget: inout RowsBudget
    ) throws(WireError) -> Bool {
        guard TextColumn.isInOrderOfUse(leader.index, leader.table.count) else { return false }
        switch mode {
        case TextColumn.sameText:
            guard own.count == 0 else { throw reader.error(.leftover, .dictionary) }
            guard budget.spend(text: leader.table.heap.count) else { throw reader.error(.limit, .index) }
            table = leader.table
        case TextColumn.aligned:
            guard own.count <= leader.table.count else { throw reader.error(.leftover, .dictionary) }
            guard own.count == leader.table.count else { throw reader.error(.outOfRange, .index) }
            var firsts = last
            for (place, key) in leader.order.enumerated() { firsts[Int(key)] = UInt32(place) }
            table = own.picking(firsts)
        default: return false
        }
        return true
    }

    /// Which own entry each key entry begins with, if its first row says so: they come first among the own
    /// ones, in the order in which the key's entries were written.
    private mutating func alignedFirsts(
        _ codes: [UInt32], _ reader: ByteReader
    ) throws(WireError) -> [UInt32] {
        var firsts = last
        var isSeen = [Bool](repeating: false, count: last.count)
        for (row, key) in leader.index.enumerated() where !isSeen[Int(key)] {
            isSeen[Int(key)] = true
            if codes[row] == 0 { firsts[Int(key)] = 0 }
        }
        for key in leader.order where firsts[Int(key)] == 0 {
            guard next < own.count else { throw reader.error(.outOfRange, .index) }
            firsts[Int(key)] = UInt32(next)
            next += 1
        }
        return firsts
    }
}
