import SyncCore

/// One way to write a text column, found out without writing it.
struct TextColumnPlan {
    /// The encoding's id, and what stands between it and the dictionary.
    private let head: [UInt8]
    private let dictionary: DictionaryPlan
    private let table: TextTable
    private let index: [UInt32]
    private let indexPlan: IndexPlan
    /// The entries as they are written; nil for those of the column in the order of use.
    private(set) var order: [UInt32]?

    /// Bytes in all.
    private var size: Int { head.count + dictionary.size + indexPlan.size }
    /// What the bytes are guessed to weigh once deflated.
    let weight: Int

    init(
        head: [UInt8], _ dictionary: DictionaryPlan, _ table: TextTable, _ index: [UInt32],
        order: [UInt32]? = nil, indexWeight: Int? = nil
    ) {
        self.head = head
        self.dictionary = dictionary
        self.table = table
        self.index = index
        self.order = order
        let plan = index.withUnsafeBufferPointer { IndexPlan($0) }
        indexPlan = plan
        weight =
            head.count + dictionary.size
            + (indexWeight ?? TextColumnPlan.weight(index, changes: plan.changes))
    }

    /// Of a followed column: nothing but what each key had last.
    var isUnchanged: Bool { table.count == 0 && !index.contains { $0 != 0 } }

    func write(into writer: inout ByteWriter) {
        writer.put(raw: head)
        dictionary.write(table, into: &writer)
        index.withUnsafeBufferPointer { indexPlan.write($0, into: &writer) }
    }

    /// - Parameters:
    ///   - index: numbers the entries in the order of use; there is at least one.
    ///   - table: holds no entry that is not used.
    static func best(
        _ index: [UInt32], _ table: TextTable, isList: Bool, leaders: [TextColumn.Leader]
    ) -> TextColumnPlan {
        let own = DictionaryOnce(table)
        var following: TextColumnPlan?
        if table.count > 1 {
            for leader in leaders {
                let other = followed(index, own, isList: isList, leader, known: nil).plan
                if other.weight < following?.weight ?? .max { following = other }
            }
        }
        // Without a leader the dictionary alone takes six, and every entry comes up.
        if let following, following.weight < 6 + min(table.count - 1, 255) { return following }
        var best = TextColumnPlan(head: [TextColumn.plain], own.plan, table, index)
        if table.count > 2, let other = sorted(index, own, weight: table.count <= 256 ? best : nil),
            other.size < best.size
        {
            best = other
        }
        if let following, following.weight < best.weight { return following }
        return best
    }

    /// The dictionary of a column's own table, planned when it is first asked for.
    final class DictionaryOnce {
        let table: TextTable
        private(set) lazy var plan = DictionaryPlan(table)

        init(_ table: TextTable) { self.table = table }

        /// The table and the plan for entries in another order.
        func picking(_ entries: [UInt32]) -> (TextTable, DictionaryPlan) {
            if entries.isEmpty { return (TextTable(), DictionaryPlan(TextTable())) }
            if entries.count == table.count, TextTable.areInOrder(entries) {
                return (table, plan)
            }
            if plan.numbers != nil, let picked = plan.picking(entries) { return (TextTable(), picked) }
            let picked = table.picking(entries)
            return (picked, DictionaryPlan(picked))
        }
    }

    // MARK: - Sorted

    /// - Returns: nil where they are sorted already.
    private static func sorted(
        _ index: [UInt32], _ own: DictionaryOnce, weight plain: TextColumnPlan?
    ) -> TextColumnPlan? {
        guard let order = sortedOrder(own) else { return nil }
        var names = [UInt32](repeating: 0, count: order.count)
        for (place, entry) in order.enumerated() { names[Int(entry)] = UInt32(place) }
        let (table, plan) = own.picking(order)
        // What is only renamed weighs the same.
        return TextColumnPlan(
            head: [TextColumn.sorted], plan, table, index.map { names[Int($0)] }, order: order,
            indexWeight: plain.map { $0.weight - $0.head.count - $0.dictionary.size })
    }

    /// Entries by their bytes; nil where they stand so.
    static func sortedOrder(_ own: DictionaryOnce) -> [UInt32]? {
        let count = own.table.count
        if let numbers = own.plan.numbers {
            if (1..<count).allSatisfy({ numbers[$0 - 1] <= numbers[$0] }) { return nil }
            return (0..<UInt32(count)).sorted {
                (numbers[Int($0)], $0) < (numbers[Int($1)], $1)
            }
        }
        return own.table.withBytes { bytes, ends -> [UInt32]? in
            var names: [TextName] = []
            names.reserveCapacity(count)
            var start = 0
            for (entry, end) in ends.enumerated() {
                let text = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start..<Int(end)])
                names.append(TextName(text: text, entry: UInt32(truncatingIfNeeded: entry)))
                start = Int(end)
            }
            TextName.shorten(&names)
            if (1..<count).allSatisfy({ !(names[$0] < names[$0 - 1]) }) { return nil }
            names.sort()
            return names.map(\.entry)
        }
    }

    // MARK: - Followed

    /// What a followed column leaves behind.
    struct Followed {
        var plan: TextColumnPlan
        /// Numbers of what each key entry had last; `.max` for nothing.
        var last: [UInt32]
        /// The entries that are not remembered, in the order in which they come up.
        var new: [UInt32]
    }

    /// A code per row: 0 what this column last said for the row's key, 1 the next new entry, 2 + i entry i.
    ///
    /// What a key has first stands in the order of the keys where it is not the key itself: the next batch
    /// about the same people then has the same bytes.
    ///
    /// - Parameter known: what the stream remembers of the column; nil for one that stands alone.
    static func followed(
        _ index: [UInt32], _ own: DictionaryOnce, isList: Bool, _ leader: TextColumn.Leader,
        known: RememberedColumn?
    ) -> Followed {
        let isSame = !isList && leader.kind == .text && isMostlySame(index, own.table, leader)
        var codes = index
        var last = leader.lasts(in: known)
        var new: [UInt32] = []
        if let known {
            let numbers = known.numbers(index, own.table, leader, last, new: &new)
            if known.count > 0 { codes = index.map { numbers[Int($0)] } }
        }
        var firsts = [UInt32](repeating: .max, count: leader.table.count)
        var others = [UInt32](repeating: 0, count: own.table.count)
        let walk = FollowedCodes(
            leader: leader, table: own.table, isSame: isSame,
            known: UInt32(truncatingIfNeeded: known?.count ?? 0))
        let count = walk.write(&codes, index: index, last: &last, firsts: &firsts, others: &others)
        others.removeLast(others.count - count)
        var entries: [UInt32] = []
        if !isSame {
            entries.reserveCapacity(own.table.count)
            if let order = leader.order {
                for key in order where firsts[Int(key)] != .max { entries.append(firsts[Int(key)]) }
            } else {
                for first in firsts where first != .max { entries.append(first) }
            }
        }
        let (table, plan) = own.picking(entries + others)
        let head = [
            known == nil ? TextColumn.followed : TextColumn.resumed, leader.key,
            isSame ? TextColumn.sameText : TextColumn.aligned,
        ]
        return Followed(plan: TextColumnPlan(head: head, plan, table, codes), last: last, new: new)
    }

    private static func isMostlySame(
        _ index: [UInt32], _ table: TextTable, _ leader: TextColumn.Leader
    ) -> Bool {
        let tried = min(index.count, 16)
        var same = 0
        for row in 0..<tried
        where table.isEqual(Int(index[row]), to: Int(leader.index[row]), of: leader.table) { same += 1 }
        return same * 2 > tried
    }

    /// Guesses the deflated size of an index: what is most common costs next to nothing.
    private static func weight(_ index: [UInt32], changes: Int) -> Int {
        // The other side is at least so much.
        if 2 * changes <= index.count / 10 { return 2 * changes }
        // Four tables in turn: the same place twice in a row would have to wait for the memory.
        let most = withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 4 * 256) { counts -> Int in
            counts.initialize(repeating: 0)
            for row in index.indices {
                let place = (row & 3) * 256 + Int(min(index[row], 255))
                counts[place] += 1
            }
            var most: UInt32 = 0
            for place in 0..<256 {
                let even = counts[place] + counts[512 + place]
                most = max(most, even + counts[256 + place] + counts[768 + place])
            }
            return Int(most)
        }
        return min(2 * changes, index.count / 10 + (index.count - most))
    }
}
