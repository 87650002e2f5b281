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
        var best = encodePlain(index, table)
        var order = Array(0..<UInt32(table.count))
        if table.count > 2 {
            let (other, sorted) = encodeSorted(index, table)
            if other.bytes.count < best.bytes.count {
                best = other
                order = sorted
            }
        }
        if table.count > 1 {
            for leader in leaders {
                let other = encodeFollowed(index, table, isList: isList, leader)
                guard other.weight < best.weight else { continue }
                best = other
                order = Array(0..<UInt32(table.count))
            }
        }
        writer.put(raw: best.bytes)
        return (index, table, order)
    }

    /// Bytes, and what they are guessed to weigh once deflated.
    private struct Candidate {
        var bytes: [UInt8]
        var weight: Int
    }

    /// Renumbers the entries in the order in which rows use them, and drops what no row uses.
    ///
    /// - Returns: also the names of those that stay, in the order in which they stood.
    static func inOrderOfUse(
        _ index: [UInt32], _ table: TextTable
    ) -> (index: [UInt32], table: TextTable, order: [UInt32]) {
        var next: UInt32 = 0
        if index.allSatisfy({
            if $0 == next { next += 1 }
            return $0 < next
        }), Int(next) == table.count {
            return (index, table, Array(0..<next))
        }
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

    private static func encodePlain(_ index: [UInt32], _ table: TextTable) -> Candidate {
        var writer = ByteWriter()
        writer.put(plain)
        TextDictionary.encode(table, into: &writer)
        let size = writer.bytes.count
        IndexSequence.encode(index, into: &writer)
        return Candidate(bytes: writer.bytes, weight: size + weight(index))
    }

    private static func encodeSorted(_ index: [UInt32], _ table: TextTable) -> (Candidate, [UInt32]) {
        let order = table.heap.withUnsafeBufferPointer { heap in
            (0..<table.count).sorted { left, right in
                heap[table.range(left)].lexicographicallyPrecedes(heap[table.range(right)])
            }.map { UInt32($0) }
        }
        var names = [UInt32](repeating: 0, count: table.count)
        var ordered = TextTable()
        for (place, entry) in order.enumerated() {
            names[Int(entry)] = UInt32(place)
            ordered.append(table.heap[table.range(Int(entry))])
        }
        var writer = ByteWriter()
        writer.put(sorted)
        TextDictionary.encode(ordered, into: &writer)
        let size = writer.bytes.count
        let renamed = index.map { names[Int($0)] }
        IndexSequence.encode(renamed, into: &writer)
        return (Candidate(bytes: writer.bytes, weight: size + weight(renamed)), order)
    }

    /// A code per row: 0 what this column last said for the row's key, 1 the next new entry, 2 + i entry i.
    ///
    /// What a key has first stands in the order of the keys where it is not the key itself: the next batch
    /// about the same people then has the same bytes.
    private static func encodeFollowed(
        _ index: [UInt32], _ table: TextTable, isList: Bool, _ leader: Leader
    ) -> Candidate {
        let isSame = !isList && leader.kind == .text && isMostlySame(index, table, leader)
        var last = [UInt32](repeating: .max, count: leader.table.count)
        var firsts = last
        var others = TextTable()
        var codes: [UInt32] = []
        codes.reserveCapacity(index.count)
        var used: UInt32 = 0
        for (row, entry) in index.enumerated() {
            let key = Int(leader.index[row])
            let isNew = entry == used
            if last[key] == entry {
                codes.append(0)
            } else if isNew && last[key] == .max && isSame
                && table.heap[table.range(Int(entry))] == leader.table.heap[leader.table.range(key)]
            {
                codes.append(0)
            } else if isNew && last[key] == .max && !isSame {
                firsts[key] = entry
                codes.append(0)
            } else if isNew {
                others.append(table.heap[table.range(Int(entry))])
                codes.append(1)
            } else {
                codes.append(entry + 2)
            }
            if isNew { used += 1 }
            last[key] = entry
        }
        var own = TextTable()
        for key in leader.order where firsts[Int(key)] != .max {
            own.append(table.heap[table.range(Int(firsts[Int(key)]))])
        }
        for entry in 0..<others.count { own.append(others.heap[others.range(entry)]) }
        var writer = ByteWriter()
        writer.put(followed)
        writer.put(leader.key)
        writer.put(isSame ? sameText : aligned)
        TextDictionary.encode(own, into: &writer)
        let size = writer.bytes.count
        IndexSequence.encode(codes, into: &writer)
        return Candidate(bytes: writer.bytes, weight: size + weight(codes))
    }

    private static func isMostlySame(_ index: [UInt32], _ table: TextTable, _ leader: Leader) -> Bool {
        var same = 0
        let tried = min(index.count, 16)
        for row in 0..<tried
        where table.heap[table.range(Int(index[row]))]
            == leader.table.heap[leader.table.range(Int(leader.index[row]))]
        {
            same += 1
        }
        return same * 2 > tried
    }

    /// Guesses the deflated size of an index: what is most common costs next to nothing.
    private static func weight(_ index: [UInt32]) -> Int {
        var counts = [Int](repeating: 0, count: 256)
        var changes = 1
        var previous = index[0]
        for value in index {
            counts[Int(min(value, 255))] += 1
            if value != previous { changes += 1 }
            previous = value
        }
        let most = counts.reduce(0, max)
        return min(2 * changes, index.count / 10 + (index.count - most))
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

    init(_ leader: TextColumn.Leader, own: TextTable, mode: UInt8) {
        self.leader = leader
        self.own = own
        self.mode = mode
        last = [UInt32](repeating: .max, count: leader.table.count)
        index = [UInt32](repeating: 0, count: leader.index.count)
    }

    mutating func read(
        _ codes: [UInt32], _ reader: ByteReader, budget: inout RowsBudget
    ) throws(WireError) {
        let firsts = mode == TextColumn.aligned ? try alignedFirsts(codes, reader) : []
        for row in index.indices {
            let key = Int(leader.index[row])
            let code = codes[row]
            var entry = last[key]
            if code == 0 {
                if entry == .max {
                    entry = UInt32(table.count)
                    switch mode {
                    case TextColumn.sameText:
                        let range = leader.table.range(key)
                        guard budget.spend(text: range.count) else { throw reader.error(.limit, .index) }
                        table.append(leader.table.heap[range])
                    case TextColumn.aligned: table.append(own.heap[own.range(Int(firsts[key]))])
                    default: throw reader.error(.outOfRange, .index)
                    }
                }
            } else if code == 1 {
                guard next < own.count else { throw reader.error(.outOfRange, .index) }
                entry = UInt32(table.count)
                table.append(own.heap[own.range(next)])
                next += 1
            } else {
                entry = code - 2
                guard Int(entry) < table.count else { throw reader.error(.outOfRange, .index) }
            }
            last[key] = entry
            index[row] = entry
        }
        guard next == own.count else { throw reader.error(.leftover, .dictionary) }
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
