import SyncCore

/// What a batch may still spend before its limits: few bytes can stand for many.
///
/// Who writes counts as who reads: a hub writes anew what it keeps, and again when something of it is over,
/// and must be able to read it.
struct RowsBudget {
    private var cells = Limits.batchCells
    private var textBytes: Int

    init(textBytes: Int = Limits.batchTextBytes) { self.textBytes = textBytes }

    mutating func spend(cells count: Int) -> Bool {
        cells -= min(count, cells + 1)
        return cells >= 0
    }

    mutating func spend(text count: Int) -> Bool {
        textBytes -= min(count, textBytes + 1)
        return textBytes >= 0
    }
}

/// The entries of a text or list column: where each ends, and all bytes one after the other.
struct TextTable {
    var ends: [UInt32] = []
    var heap: [UInt8] = []

    var count: Int { ends.count }

    func range(_ entry: Int) -> Range<Int> {
        (entry == 0 ? 0 : Int(ends[entry - 1]))..<Int(ends[entry])
    }

    mutating func append(_ bytes: some Collection<UInt8>) {
        heap.append(contentsOf: bytes)
        ends.append(UInt32(heap.count))
    }

    /// How long each entry is.
    var lengths: [Int64] {
        precondition(Int(ends.last ?? 0) == heap.count)
        return [Int64](unsafeUninitializedCapacity: ends.count) { lengths, count in
            ends.withUnsafeBufferPointer { ends in
                var start: UInt32 = 0
                for entry in ends.indices {
                    lengths[entry] = Int64(ends[entry] &- start)
                    start = ends[entry]
                }
                count = ends.count
            }
        }
    }

    /// All bytes, and where each entry ends.
    func withBytes<Result>(
        _ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt32>) -> Result
    ) -> Result {
        heap.withUnsafeBufferPointer { heap in ends.withUnsafeBufferPointer { body(heap, $0) } }
    }

    /// Some entries, in the order that is asked for.
    ///
    /// - Parameters:
    ///   - entries: below the count of both tables.
    ///   - other: has those that are named behind the own ones.
    func picking(_ entries: [UInt32], behind other: TextTable = TextTable()) -> TextTable {
        if entries.count == count, TextTable.areInOrder(entries) { return self }
        let total = entries.reduce(0) { $0 + place(Int($1), other).range.count }
        var picked = TextTable()
        picked.ends.reserveCapacity(entries.count)
        picked.heap = [UInt8](unsafeUninitializedCapacity: total) { buffer, used in
            heap.withUnsafeBufferPointer { own in
                other.heap.withUnsafeBufferPointer { theirs in
                    for entry in entries {
                        let (isOther, range) = place(Int(entry), other)
                        let source = isOther ? theirs : own
                        for at in range {
                            buffer[used] = source[at]
                            used += 1
                        }
                        picked.ends.append(UInt32(used))
                    }
                }
            }
        }
        return picked
    }

    /// Whether they are all from 0 on.
    static func areInOrder(_ entries: [UInt32]) -> Bool {
        entries.withUnsafeBufferPointer { entries in
            var isInOrder = true
            for place in entries.indices { isInOrder = isInOrder && entries[place] == UInt32(place) }
            return isInOrder
        }
    }

    private func place(_ entry: Int, _ other: TextTable) -> (isOther: Bool, range: Range<Int>) {
        entry < count ? (false, range(entry)) : (true, other.range(entry - count))
    }

}

/// Dictionary entries as bytes; `Protocol/SPEC.md`, "Dictionaries".
enum TextDictionary {
    static let plain: UInt8 = 0
    static let numbered: UInt8 = 1

    static func encode(_ table: TextTable, into writer: inout ByteWriter, budget: inout RowsBudget) {
        let plan =
            budget.spend(text: table.heap.count) ? DictionaryPlan(table) : DictionaryPlan(unnumbered: table)
        plan.write(table, into: &writer)
    }

    // MARK: - Decoding

    /// - Parameters:
    ///   - limit: the most entries that there may be.
    ///   - budget: what the batch may still spend on text.
    static func decode(
        _ reader: inout ByteReader, entries limit: Int, isList: Bool, budget: inout RowsBudget
    ) throws(WireError) -> TextTable {
        let count = try reader.number(upTo: limit, .dictionary)
        guard count > 0 else { return TextTable() }
        let table: TextTable
        switch try reader.byte(.dictionary) {
        case plain: table = try decodePlain(&reader, count: count)
        case numbered:
            let isPlain: Bool
            (table, isPlain) = try decodeNumbered(&reader, count: count, budget: &budget)
            if isPlain, !isList { return table }
        default: throw reader.error(.unknownEncoding, .dictionary)
        }
        try check(table, isList: isList, reader)
        return table
    }

    private static func decodePlain(
        _ reader: inout ByteReader, count: Int
    ) throws(WireError) -> TextTable {
        let lengths = try IntegerSequence.decode(&reader, count: count, .dictionary)
        var ends: [UInt32] = []
        ends.reserveCapacity(count)
        var total = 0
        for length in lengths {
            guard length >= 0 else { throw reader.error(.outOfRange, .dictionary) }
            guard length <= Int64(Limits.valueBytes) else { throw reader.error(.limit, .dictionary) }
            total += Int(length)
            guard total <= reader.remaining else { throw reader.error(.truncated, .dictionary) }
            ends.append(UInt32(total))
        }
        return TextTable(ends: ends, heap: Array(try reader.take(total, .dictionary)))
    }

    /// - Returns: also whether all that is not a digit is ASCII, too.
    private static func decodeNumbered(
        _ reader: inout ByteReader, count: Int, budget: inout RowsBudget
    ) throws(WireError) -> (table: TextTable, isPlain: Bool) {
        let base = UInt64(try reader.byte(.dictionary))
        let digits = Int(try reader.byte(.dictionary))
        guard base == 10 || base == 16, (1...(base == 10 ? 18 : 15)).contains(digits) else {
            throw reader.error(.outOfRange, .dictionary)
        }
        let prefix = try reader.counted(upTo: Limits.keyBytes, .dictionary)
        let otherCount = try reader.number(upTo: count, .dictionary)
        let positions = try IntegerSequence.decode(&reader, count: otherCount, .dictionary)
        let others = otherCount > 0 ? try decodePlain(&reader, count: otherCount) : TextTable()
        let numbers = try IntegerSequence.decode(&reader, count: count - otherCount, .dictionary)
        guard budget.spend(text: numbers.count * (prefix.count + digits)) else {
            throw reader.error(.limit, .dictionary)
        }
        var ceiling: UInt64 = 1
        for _ in 0..<digits { ceiling *= base }
        var most: UInt64 = 0
        for number in numbers { most = max(most, UInt64(bitPattern: number)) }
        var last: Int64 = -1
        for place in positions {
            guard place > last, place < count else { throw reader.error(.outOfRange, .dictionary) }
            last = place
        }
        guard most < ceiling else { throw reader.error(.outOfRange, .dictionary) }
        var all: UInt8 = 0
        for byte in prefix { all |= byte }
        for byte in others.heap { all |= byte }
        let form = NumberForm(prefix: prefix, digits: digits, base: base)
        return (
            numbered(numbers, form, others: others, at: positions), all < 0x80
        )
    }

    /// - Precondition: the places ascend and lie below the count of all entries.
    private static func numbered(
        _ numbers: [Int64], _ form: NumberForm, others: TextTable, at places: [Int64]
    ) -> TextTable {
        let width = form.width
        let count = numbers.count + places.count
        let size = numbers.count * width + others.heap.count
        var table = TextTable()
        table.ends = [UInt32](repeating: 0, count: count)
        table.heap = [UInt8](unsafeUninitializedCapacity: size + NumberForm.slack) { heap, used in
            guard let base = UnsafeMutableRawPointer(heap.baseAddress) else { return }
            let room = heap.count - NumberForm.slack
            var pattern = [UInt8](repeating: 0, count: width + NumberForm.slack)
            pattern.withUnsafeMutableBytes { pattern in
                table.ends.withUnsafeMutableBufferPointer { ends in
                    numbers.withUnsafeBufferPointer { numbers in
                        var writer = NumberWriter(form, pattern: pattern)
                        var other = 0
                        for entry in 0..<count {
                            if other < places.count && places[other] == Int64(entry) {
                                for byte in others.heap[others.range(other)] {
                                    heap[used] = byte
                                    used += 1
                                }
                                other += 1
                            } else {
                                precondition(used + width <= room)
                                writer.write(UInt64(bitPattern: numbers[entry - other]), to: base + used)
                                used += width
                            }
                            ends[entry] = UInt32(truncatingIfNeeded: used)
                        }
                    }
                }
            }
        }
        return table
    }

    /// Texts must be UTF-8 one by one; lists must be canonical, and their texts UTF-8.
    private static func check(_ table: TextTable, isList: Bool, _ reader: ByteReader) throws(WireError) {
        guard isList else {
            guard UTF8Check.areValid(table) else { throw reader.error(.badText, .text) }
            return
        }
        let failure = table.heap.withUnsafeBufferPointer { heap -> WireError? in
            var start = 0
            for end in table.ends {
                var list = ByteReader(UnsafeBufferPointer(rebasing: heap[start..<Int(end)]))
                do {
                    let count = try list.count(upTo: Limits.valueBytes, ofAtLeast: 1, .list)
                    for _ in 0..<count {
                        let length = try list.count(upTo: Limits.valueBytes, .list)
                        guard UTF8Check.isValid(try list.take(length, .list)) else {
                            return reader.error(.badText, .list)
                        }
                    }
                    try list.end(.list)
                } catch {
                    return reader.error(.notCanonical, .list)
                }
                start = Int(end)
            }
            return nil
        }
        if let failure { throw failure }
    }
}
