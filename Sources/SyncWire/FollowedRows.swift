import SyncCore

/// The entries of a followed column as its rows bring them up; `Protocol/SPEC.md`, "Text columns".
struct FollowedRows {
    private let leader: TextColumn.Leader
    private let own: TextTable
    private let mode: UInt8
    private(set) var index: [UInt32]
    private(set) var table = TextTable()
    /// What the stream remembers; nil for a column that stands alone.
    private let known: RememberedColumn?
    /// What each key entry had last.
    private var last: [UInt32] = []

    /// - Precondition: each place of the leader lies below the count of its entries.
    init(_ leader: TextColumn.Leader, own: TextTable, mode: UInt8, known: RememberedColumn?) {
        self.leader = leader
        self.own = own
        self.mode = mode
        self.known = known
        index = leader.index
    }

    /// - Parameter codes: as many as the leader has rows.
    mutating func read(
        _ codes: [UInt32], _ reader: ByteReader, budget: inout RowsBudget
    ) throws(WireError) {
        try readCodes(codes, reader, budget: &budget)
        guard let known, let recall = leader.recall else { return }
        let new = table
        if known.count > 0 {
            let entries = recall.memory.placing(&index, known: known.count, new: new.count).entries
            guard budget.spend(text: known.bytes(of: entries)) else { throw reader.error(.limit, .index) }
            table = known.table.picking(entries, behind: new)
        }
        recall.memory.remember(new, in: known)
        known.keep(last, of: recall.numbers)
    }

    private mutating func readCodes(
        _ codes: [UInt32], _ reader: ByteReader, budget: inout RowsBudget
    ) throws(WireError) {
        var any: UInt32 = 0
        for code in codes { any |= code }
        let isNew = known?.count ?? 0 == 0
        if any == 0, isNew, try readSame(reader, budget: &budget) { return }
        last = leader.lasts(in: known)
        var next = 0
        let firsts =
            mode == TextColumn.aligned
            ? try alignedFirsts(codes, after: isNew ? [] : last, next: &next, reader) : []
        // Where entries come from: places among the own ones, and behind them among the key's.
        var sources = [UInt32](repeating: 0, count: codes.count)
        let walked = walk(codes, firsts: firsts, from: next, sources: &sources)
        guard let walked else { throw reader.error(.outOfRange, .index) }
        guard budget.spend(text: walked.keyBytes) else { throw reader.error(.limit, .index) }
        guard walked.next == own.count else { throw reader.error(.leftover, .dictionary) }
        sources.removeLast(sources.count - walked.used)
        table = own.picking(sources, behind: leader.table)
    }

    /// Row by row; nil where a code says nothing that there is.
    ///
    /// - Parameters:
    ///   - next: the next own entry of those that stand in the order of the rows.
    ///   - sources: has room for an entry a row.
    /// - Returns: the same afterwards, how many entries came up, and the bytes of those that are the key's.
    private mutating func walk(
        _ codes: [UInt32], firsts: [UInt32], from next: Int, sources: inout [UInt32]
    ) -> (next: Int, used: Int, keyBytes: Int)? {
        var (next, used, keyBytes) = (next, 0, 0)
        var isSound = true
        let (mode, ownCount, keys) = (mode, own.count, leader.table)
        var last = self.last
        self.last = []
        defer { self.last = last }
        let first = UInt32(truncatingIfNeeded: known?.count ?? 0)
        last.withUnsafeMutableBufferPointer { last in
            sources.withUnsafeMutableBufferPointer { sources in
                index.withUnsafeMutableBufferPointer { index in
                    codes.withUnsafeBufferPointer { codes in
                        precondition(codes.count == index.count && sources.count == index.count)
                        for row in index.indices where isSound {
                            let key = Int(index[row])
                            let code = codes[row]
                            var entry = last[key]
                            if code > 1 {
                                entry = code - 2
                                isSound = entry < first + UInt32(truncatingIfNeeded: used)
                            } else if code == 1 {
                                isSound = next < ownCount
                                entry = first + UInt32(truncatingIfNeeded: used)
                                sources[used] = UInt32(truncatingIfNeeded: next)
                                used += 1
                                next += 1
                            } else if entry == .max {
                                entry = first + UInt32(truncatingIfNeeded: used)
                                if mode == TextColumn.aligned {
                                    sources[used] = firsts[key]
                                } else if mode == TextColumn.sameText {
                                    keyBytes += keys.range(key).count
                                    sources[used] = UInt32(truncatingIfNeeded: ownCount + key)
                                } else {
                                    isSound = false
                                }
                                used += 1
                            }
                            last[key] = entry
                            index[row] = entry
                        }
                    }
                }
            }
        }
        return isSound ? (next, used, keyBytes) : nil
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
            if let order = leader.order {
                var firsts = order
                for (place, key) in order.enumerated() { firsts[Int(key)] = UInt32(place) }
                table = own.picking(firsts)
            } else {
                table = own
            }
        default: return false
        }
        if known != nil { last = Array(0..<UInt32(truncatingIfNeeded: leader.table.count)) }
        return true
    }

    /// Which own entry each key entry begins with, if its first row says so: they come first among the own
    /// ones, in the order in which the key's entries were written.
    private func alignedFirsts(
        _ codes: [UInt32], after last: [UInt32], next: inout Int, _ reader: ByteReader
    ) throws(WireError) -> [UInt32] {
        let (unseen, told) = (UInt32.max, UInt32.max - 1)
        var firsts = [UInt32](repeating: unseen, count: leader.table.count)
        firsts.withUnsafeMutableBufferPointer { firsts in
            codes.withUnsafeBufferPointer { codes in
                leader.index.withUnsafeBufferPointer { keys in
                    precondition(codes.count == keys.count)
                    for row in keys.indices {
                        let key = Int(keys[row])
                        guard firsts[key] == unseen else { continue }
                        let needsNone = codes[row] != 0 || (!last.isEmpty && last[key] != .max)
                        firsts[key] = needsNone ? told : 0
                    }
                }
            }
        }
        var count = next
        func number(_ first: inout UInt32) {
            guard first == 0 else { return }
            first = UInt32(truncatingIfNeeded: count)
            count += 1
        }
        firsts.withUnsafeMutableBufferPointer { firsts in
            if let order = leader.order {
                for key in order { number(&firsts[Int(key)]) }
            } else {
                for key in firsts.indices { number(&firsts[key]) }
            }
        }
        guard count <= own.count else { throw reader.error(.outOfRange, .index) }
        next = count
        return firsts
    }
}
