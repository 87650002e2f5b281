import SyncCore

/// What the batches of one direction have said since its deflate stream began: keys, and what went with them;
/// `Protocol/SPEC.md`, "What a stream remembers". It lives and ends with the stream.
final class StreamMemory {
    /// What tells one column from another.
    struct Name: Equatable {
        /// Of a recalled key the form's number, of what follows one the number of that column.
        var owner: Int
        var isFollowing: Bool
        var isKey: Bool
        /// A field's number, or a key's place.
        var field: FieldID
        var kind: ValueKind
    }

    private var forms: [String] = []
    private var shapes: [GroupShape] = []
    private var columns: [RememberedColumn] = []
    /// What may still be remembered.
    private var room = Limits.memoryBytes
    /// The place in the batch at hand of each entry of the column at hand; `.max` between columns.
    private var places: [UInt32] = []
    /// Whether something was read or written with it since this was set to false.
    var wasUsed = false

    /// - Returns: nil where none has that number.
    func shape(_ number: Int) -> GroupShape? {
        guard number < shapes.count else { return nil }
        wasUsed = true
        return shapes[number]
    }

    /// The shape that says the most of what a group is; nil where saying it anew is not much longer, and
    /// serves those that follow better.
    func number(of shape: GroupShape) -> Int? {
        var best: (number: Int, spare: Int)?
        for (number, known) in shapes.enumerated() {
            guard let spare = known.spare(for: shape), spare < best?.spare ?? .max else { continue }
            best = (number, spare)
        }
        guard let best, best.spare <= StreamMemory.spareColumns || shapes.count == Limits.memoryShapes else {
            return nil
        }
        return best.number
    }

    /// A presence takes two bytes, most of which deflate saves; a shape about forty.
    private static let spareColumns = 6

    /// Remembers the shape of a group with a recalled key, as long as there is room.
    func remember(_ shape: @autoclosure () -> GroupShape) {
        guard shapes.count < Limits.memoryShapes else { return }
        let shape = shape()
        guard shape.cost <= room else { return }
        room -= shape.cost
        shapes.append(shape)
    }

    /// What is remembered of a key column; something empty that stays so where there are too many columns.
    func key(_ place: Int, of form: String, _ kind: ValueKind) -> RememberedColumn {
        wasUsed = true
        var number = forms.firstIndex { $0.utf8.elementsEqual(form.utf8) }
        if number == nil, columns.count < Limits.memoryColumns {
            number = forms.count
            forms.append(form)
        }
        guard let number else { return RememberedColumn(number: nil) }
        return column(
            Name(owner: number, isFollowing: false, isKey: true, field: FieldID(place), kind: kind))
    }

    /// The same of a column that follows a key.
    func column(_ field: FieldID, isKey: Bool, _ kind: ValueKind, after key: RememberedColumn)
        -> RememberedColumn
    {
        guard let owner = key.number else { return RememberedColumn(number: nil) }
        return column(Name(owner: owner, isFollowing: true, isKey: isKey, field: field, kind: kind))
    }

    /// That column if it has been used; else something empty. Who only asks leaves nothing behind.
    func used(_ field: FieldID, isKey: Bool, _ kind: ValueKind, after key: RememberedColumn)
        -> RememberedColumn
    {
        guard let owner = key.number else { return RememberedColumn(number: nil) }
        let name = Name(owner: owner, isFollowing: true, isKey: isKey, field: field, kind: kind)
        return columns.first { $0.name == name } ?? RememberedColumn(number: nil)
    }

    private func column(_ name: Name) -> RememberedColumn {
        for column in columns where column.name == name { return column }
        guard columns.count < Limits.memoryColumns else { return RememberedColumn(number: nil) }
        let column = RememberedColumn(number: columns.count, name: name)
        columns.append(column)
        return column
    }

    /// Numbers the entries of a batch in the order in which its rows use them.
    ///
    /// - Parameters:
    ///   - index: for each row an entry, those that are new behind the ones that are remembered; afterwards
    ///     the place.
    ///   - known: how many are remembered.
    ///   - new: how many are new.
    /// - Returns: the entry of each place, and the place of each new entry, `.max` for those that no row has.
    func placing(
        _ index: inout [UInt32], known: Int, new: Int
    ) -> (entries: [UInt32], newPlaces: [UInt32]) {
        let all = known + new
        if places.count < all { places += [UInt32](repeating: .max, count: all - places.count) }
        var entries: [UInt32] = []
        entries.reserveCapacity(min(index.count, all))
        places.withUnsafeMutableBufferPointer { places in
            index.withUnsafeMutableBufferPointer { index in
                for row in index.indices {
                    let entry = Int(index[row])
                    precondition(entry < all)
                    if places[entry] == .max {
                        places[entry] = UInt32(truncatingIfNeeded: entries.count)
                        entries.append(index[row])
                    }
                    index[row] = places[entry]
                }
            }
        }
        let newPlaces = Array(places[known..<all])
        for entry in entries { places[Int(entry)] = .max }
        return (entries, newPlaces)
    }

    /// Remembers entries, one after the other, as long as there is room.
    func remember(_ entries: TextTable, in column: RememberedColumn) {
        guard column.number != nil else { return }
        for entry in 0..<entries.count {
            let range = entries.range(entry)
            let cost = range.count + Limits.memoryEntryOverhead
            guard column.count < Limits.memoryEntries, cost <= room else { return }
            room -= cost
            column.append(entries.heap[range])
        }
    }
}

/// The entries that a column has said, by number, and which of them went last with each entry of its key.
final class RememberedColumn {
    /// Among the columns of the memory; nil for one that remembers nothing.
    let number: Int?
    fileprivate let name: StreamMemory.Name?
    private(set) var table = TextTable()
    private var lasts: [UInt32] = []
    private var finder = EntryFinder()

    fileprivate init(number: Int?, name: StreamMemory.Name? = nil) {
        self.number = number
        self.name = name
    }

    var count: Int { table.count }

    fileprivate func append(_ entry: ArraySlice<UInt8>) { table.append(entry) }

    /// What went last with each of these entries of the key; `.max` for nothing.
    func lasts(of keys: [UInt32]) -> [UInt32] {
        let lasts = lasts
        return keys.map { Int($0) < lasts.count ? lasts[Int($0)] : .max }
    }

    /// Keeps what the entries of the key had last in a batch.
    ///
    /// - Parameters:
    ///   - lasts: for each of the batch's entries of the key; `.max` for nothing.
    ///   - keys: their numbers; `.max` for those that are not remembered.
    func keep(_ newest: [UInt32], of keys: [UInt32]) {
        guard number != nil else { return }
        RememberedColumn.keep(newest, of: keys, count: count, in: &lasts)
    }

    /// The lasts in one piece: a member of a class is asked for leave each time that it is touched.
    private static func keep(
        _ newest: [UInt32], of keys: [UInt32], count: Int, in lasts: inout [UInt32]
    ) {
        for (entry, key) in zip(newest, keys) where key != .max && entry != .max {
            while lasts.count <= Int(key) { lasts.append(.max) }
            lasts[Int(key)] = Int(entry) < count ? entry : .max
        }
    }

    /// Bytes of those entries that are remembered.
    func bytes(of entries: [UInt32]) -> Int {
        var total = 0
        for entry in entries where Int(entry) < count { total += table.range(Int(entry)).count }
        return total
    }

    /// The number of an entry with the same bytes; nil where none is remembered.
    func find(_ entry: Int, of other: TextTable) -> UInt32? { finder.find(entry, of: other, in: table) }
}

/// Finds entries of a growing table by their bytes, where they lie: only who writes has to. With the store's
/// index of terms instead, which keeps the texts once more, a core takes in 7 % less.
private struct EntryFinder {
    /// Numbers of entries and 1 more, by hash; 0 for none.
    private var slots: [UInt32] = []
    private var count = 0

    mutating func find(_ entry: Int, of other: TextTable, in table: TextTable) -> UInt32? {
        guard table.count > 0 else { return nil }
        if count < table.count { add(table) }
        let mask = slots.count - 1
        var at = EntryFinder.hash(other, entry) & mask
        while slots[at] != 0 {
            let number = Int(slots[at] - 1)
            if other.isEqual(entry, to: number, of: table) { return UInt32(truncatingIfNeeded: number) }
            at = (at + 1) & mask
        }
        return nil
    }

    private mutating func add(_ table: TextTable) {
        if slots.count < 2 * table.count {
            var size = max(16, slots.count)
            while size < 4 * table.count { size *= 2 }
            slots = [UInt32](repeating: 0, count: size)
            count = 0
        }
        let mask = slots.count - 1
        for entry in count..<table.count {
            var at = EntryFinder.hash(table, entry) & mask
            while slots[at] != 0 { at = (at + 1) & mask }
            slots[at] = UInt32(truncatingIfNeeded: entry + 1)
        }
        count = table.count
    }

    private static func hash(_ table: TextTable, _ entry: Int) -> Int {
        let range = table.range(entry)
        return table.heap.withUnsafeBytes { bytes in
            var hash = UInt64(truncatingIfNeeded: range.count) &* 0x9e37_79b9_7f4a_7c15
            var at = range.lowerBound
            while at + 8 <= range.upperBound {
                hash ^= bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                hash = (hash &* 0xff51_afd7_ed55_8ccd) ^ (hash &>> 29)
                at += 8
            }
            while at < range.upperBound {
                hash = (hash ^ UInt64(bytes[at])) &* 0x0000_0100_0000_01b3
                at += 1
            }
            hash ^= hash &>> 32
            return Int(truncatingIfNeeded: (hash &* 0xc4ce_b9fe_1a85_ec53) &>> 33)
        }
    }
}
