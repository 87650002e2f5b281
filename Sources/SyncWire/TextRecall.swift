import SyncCore

/// Text columns that go on with what a stream remembers; `Protocol/SPEC.md`, "What a stream remembers".
extension TextColumn {
    /// - Parameters:
    ///   - index: numbers the entries in the order of use.
    ///   - table: holds no entry that is not used.
    static func encodeRecalled(
        _ index: [UInt32], _ table: TextTable, _ place: Place, _ memory: StreamMemory,
        into writer: inout ByteWriter
    ) -> Written {
        let column = memory.key(Int(place.field), of: place.form, place.kind)
        let known = column.count
        var numbers = [UInt32](repeating: .max, count: table.count)
        var new: [UInt32] = []
        var order: [UInt32] = []
        for entry in 0..<table.count {
            if let number = column.find(entry, of: table) {
                numbers[entry] = number
                order.append(UInt32(truncatingIfNeeded: entry))
            } else {
                new.append(UInt32(truncatingIfNeeded: entry))
            }
        }
        let own = TextColumnPlan.DictionaryOnce(table.picking(new))
        var (written, dictionary) = (own.table, own.plan)
        if new.count > 2, let sorted = TextColumnPlan.sortedOrder(own) {
            let (other, plan) = own.picking(sorted)
            if plan.size < dictionary.size {
                (written, dictionary) = (other.count == 0 ? own.table.picking(sorted) : other, plan)
                new = sorted.map { new[Int($0)] }
            }
        }
        for (place, entry) in new.enumerated() {
            numbers[Int(entry)] = UInt32(truncatingIfNeeded: known + place)
        }
        order += new
        TextColumnPlan(head: [recalled], dictionary, written, index.map { numbers[Int($0)] })
            .write(into: &writer)
        let recall = remember(written, &numbers, column, memory)
        return Written(index, table, order: TextTable.areInOrder(order) ? nil : order, recall: recall)
    }

    /// Remembers what is new, and forgets the numbers of what is not remembered.
    private static func remember(
        _ new: TextTable, _ numbers: inout [UInt32], _ column: RememberedColumn, _ memory: StreamMemory
    ) -> Recall {
        memory.remember(new, in: column)
        let end = column.count
        for entry in numbers.indices where Int(numbers[entry]) >= end { numbers[entry] = .max }
        return Recall(memory: memory, column: column, numbers: numbers)
    }

    static func decodeRecalled(
        _ reader: inout ByteReader, count: Int, _ place: Place, _ memory: StreamMemory,
        budget: inout RowsBudget
    ) throws(WireError) -> Written {
        let column = memory.key(Int(place.field), of: place.form, place.kind)
        let known = column.count
        let own = try TextDictionary.decode(
            &reader, entries: count, isList: place.isList, budget: &budget)
        var index = try IndexSequence.decode(&reader, count: count, below: known + own.count)
        var (numbers, newPlaces) = memory.placing(&index, known: known, new: own.count)
        guard !newPlaces.contains(.max) else { throw reader.error(.leftover, .dictionary) }
        guard budget.spend(text: column.bytes(of: numbers)) else { throw reader.error(.limit, .index) }
        let table = column.table.picking(numbers, behind: own)
        var order: [UInt32] = []
        order.reserveCapacity(numbers.count)
        for (entry, number) in numbers.enumerated() where Int(number) < known {
            order.append(UInt32(truncatingIfNeeded: entry))
        }
        order += newPlaces
        let recall = remember(own, &numbers, column, memory)
        return Written(index, table, order: TextTable.areInOrder(order) ? nil : order, recall: recall)
    }

    /// - Precondition: one of the leaders is recalled; the entries are numbered in the order of use.
    static func encodeResumed(
        _ index: [UInt32], _ table: TextTable, _ place: Place, leaders: [Leader],
        into writer: inout ByteWriter
    ) -> Written {
        let own = TextColumnPlan.DictionaryOnce(table)
        var best: (followed: TextColumnPlan.Followed, recall: Recall)?
        for leader in leaders {
            guard let recall = leader.recall else { continue }
            let column = recall.memory.used(
                place.field, isKey: place.isKey, place.kind, after: recall.column)
            let followed = TextColumnPlan.followed(
                index, own, isList: place.isList, leader, known: column)
            if followed.plan.weight < best?.followed.plan.weight ?? .max { best = (followed, recall) }
        }
        guard let best else { preconditionFailure("no key is recalled") }
        let first = leaders.first { $0.recall != nil }?.recall?.column
        if best.followed.new.isEmpty, best.followed.plan.isUnchanged, best.recall.column === first {
            writer.put(unchanged)
        } else {
            best.followed.plan.write(into: &writer)
        }
        let memory = best.recall.memory
        let column = memory.column(place.field, isKey: place.isKey, place.kind, after: best.recall.column)
        memory.remember(table.picking(best.followed.new), in: column)
        column.keep(best.followed.last, of: best.recall.numbers)
        return Written(index, table)
    }
}

extension TextColumn.Leader {
    /// What each key entry had last in a column; `.max` for nothing.
    func lasts(in column: RememberedColumn?) -> [UInt32] {
        guard let column, column.count > 0, let recall else {
            return [UInt32](repeating: .max, count: table.count)
        }
        return column.lasts(of: recall.numbers)
    }
}

extension RememberedColumn {
    /// The number of each entry of a batch: what its first row's key had last, else what is found, else the
    /// next one.
    func numbers(
        _ index: [UInt32], _ table: TextTable, _ leader: TextColumn.Leader, _ last: [UInt32],
        new: inout [UInt32]
    ) -> [UInt32] {
        guard count > 0 else {
            new = Array(0..<UInt32(truncatingIfNeeded: table.count))
            return new
        }
        var numbers: [UInt32] = []
        numbers.reserveCapacity(table.count)
        for row in index.indices where Int(index[row]) == numbers.count {
            let entry = numbers.count
            let before = last[Int(leader.index[row])]
            if before != .max, table.isEqual(entry, to: Int(before), of: self.table) {
                numbers.append(before)
            } else if let found = find(entry, of: table) {
                numbers.append(found)
            } else {
                numbers.append(UInt32(truncatingIfNeeded: count + new.count))
                new.append(UInt32(truncatingIfNeeded: entry))
            }
        }
        return numbers
    }
}
