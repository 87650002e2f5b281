import SyncCore

/// A text or list column: a dictionary and a place in it for each row; `Protocol/SPEC.md`, "Text columns".
enum TextColumn {
    static let plain: UInt8 = 0
    static let sorted: UInt8 = 1
    static let followed: UInt8 = 2

    /// A key of the group that other columns may follow: most people enter for themselves, on their own
    /// device.
    struct Leader {
        var key: UInt8
        /// `.text` or `.list`: only a text can stand in for another text.
        var kind: ValueKind
        var index: [UInt32]
        var table: TextTable
    }

    static func encode(
        _ index: [UInt32], table: TextTable, isList: Bool, leaders: [Leader], into writer: inout ByteWriter
    ) {
        guard !index.isEmpty else { return }
        let (index, table) = inOrderOfUse(index, table)
        var best = encodePlain(index, table)
        if table.count > 2 {
            let other = encodeSorted(index, table)
            if other.bytes.count < best.bytes.count { best = other }
        }
        if table.count > 1 {
            for leader in leaders {
                let other = encodeFollowed(index, table, isList: isList, leader)
                if other.weight < best.weight { best = other }
            }
        }
        writer.put(raw: best.bytes)
    }

    /// Bytes, and what they are guessed to weigh once deflated.
    private struct Candidate {
        var bytes: [UInt8]
        var weight: Int
    }

    /// Renumbers the entries in the order in which rows use them, and drops what no row uses.
    static func inOrderOfUse(_ index: [UInt32], _ table: TextTable) -> ([UInt32], TextTable) {
        var next: UInt32 = 0
        if index.allSatisfy({
            if $0 == next { next += 1 }
            return $0 < next
        }), Int(next) == table.count {
            return (index, table)
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
        return (renamed, ordered)
    }

    private static func encodePlain(_ index: [UInt32], _ table: TextTable) -> Candidate {
        var writer = ByteWriter()
        writer.put(plain)
        TextDictionary.encode(table, into: &writer)
        let size = writer.bytes.count
        IndexSequence.encode(index, into: &writer)
        return Candidate(bytes: writer.bytes, weight: size + weight(index))
    }

    private static func encodeSorted(_ index: [UInt32], _ table: TextTable) -> Candidate {
        let order = table.heap.withUnsafeBufferPointer { heap in
            (0..<table.count).sorted { left, right in
                heap[table.range(left)].lexicographicallyPrecedes(heap[table.range(right)])
            }
        }
        var names = [UInt32](repeating: 0, count: table.count)
        var ordered = TextTable()
        for (place, entry) in order.enumerated() {
            names[entry] = UInt32(place)
            ordered.append(table.heap[table.range(entry)])
        }
        var writer = ByteWriter()
        writer.put(sorted)
        TextDictionary.encode(ordered, into: &writer)
        let size = writer.bytes.count
        let renamed = index.map { names[Int($0)] }
        IndexSequence.encode(renamed, into: &writer)
        return Candidate(bytes: writer.bytes, weight: size + weight(renamed))
    }

    /// A code per row: 0 what this column last said for the row's key, 1 the next new entry, 2 + i entry i.
    private static func encodeFollowed(
        _ index: [UInt32], _ table: TextTable, isList: Bool, _ leader: Leader
    ) -> Candidate {
        let sameText = !isList && leader.kind == .text && isMostlySame(index, table, leader)
        var last = [UInt32](repeating: .max, count: leader.table.count)
        var own = TextTable()
        var codes: [UInt32] = []
        codes.reserveCapacity(index.count)
        var used: UInt32 = 0
        for (row, entry) in index.enumerated() {
            let key = Int(leader.index[row])
            let isNew = entry == used
            if last[key] == entry {
                codes.append(0)
            } else if isNew && last[key] == .max && sameText
                && table.heap[table.range(Int(entry))] == leader.table.heap[leader.table.range(key)]
            {
                codes.append(0)
            } else if isNew {
                own.append(table.heap[table.range(Int(entry))])
                codes.append(1)
            } else {
                codes.append(entry + 2)
            }
            if isNew { used += 1 }
            last[key] = entry
        }
        var writer = ByteWriter()
        writer.put(followed)
        writer.put(leader.key)
        writer.put(sameText ? 1 : 0)
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

    static func decode(
        _ reader: inout ByteReader, count: Int, isList: Bool, leader: (Int) -> Leader?,
        budget: inout RowsBudget
    ) throws(WireError) -> ([UInt32], TextTable) {
        guard count > 0 else { return ([], TextTable()) }
        let encoding = try reader.byte(.column)
        switch encoding {
        case plain, sorted:
            let table = try TextDictionary.decode(&reader, entries: count, isList: isList, budget: &budget)
            let index = try IndexSequence.decode(&reader, count: count, below: table.count)
            return encoding == plain ? (index, table) : inOrderOfUse(index, table)
        case followed:
            let key = Int(try reader.byte(.column))
            let mode = try reader.byte(.column)
            guard mode <= 1 else { throw reader.error(.outOfRange, .column) }
            guard let leader = leader(key), leader.index.count == count,
                mode == 0 || (!isList && leader.kind == .text)
            else { throw reader.error(.outOfRange, .column) }
            return try decodeFollowed(
                &reader, leader, sameText: mode == 1, isList: isList, budget: &budget)
        default: throw reader.error(.unknownEncoding, .column)
        }
    }

    private static func decodeFollowed(
        _ reader: inout ByteReader, _ leader: Leader, sameText: Bool, isList: Bool, budget: inout RowsBudget
    ) throws(WireError) -> ([UInt32], TextTable) {
        let count = leader.index.count
        let own = try TextDictionary.decode(&reader, entries: count, isList: isList, budget: &budget)
        let codes = try IndexSequence.decode(&reader, count: count, below: count + 2)
        var last = [UInt32](repeating: .max, count: leader.table.count)
        var table = TextTable()
        var index = [UInt32](repeating: 0, count: count)
        var next = 0
        for row in 0..<count {
            let key = Int(leader.index[row])
            let code = codes[row]
            var entry = last[key]
            if code == 0 {
                if entry == .max {
                    let range = leader.table.range(key)
                    guard sameText else { throw reader.error(.outOfRange, .index) }
                    guard budget.spend(text: range.count) else { throw reader.error(.limit, .index) }
                    entry = UInt32(table.count)
                    table.append(leader.table.heap[range])
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
        return (index, table)
    }
}
