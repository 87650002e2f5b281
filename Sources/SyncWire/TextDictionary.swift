import SyncCore

/// What a batch may still spend before its limits: few bytes can stand for many.
struct RowsBudget {
    private var cells = Limits.batchCells
    private var textBytes = Limits.batchTextBytes

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
        var start: UInt32 = 0
        return ends.map { end in
            defer { start = end }
            return Int64(end - start)
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
        if entries.count == count, entries.indices.allSatisfy({ entries[$0] == UInt32($0) }) { return self }
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

    private func place(_ entry: Int, _ other: TextTable) -> (isOther: Bool, range: Range<Int>) {
        entry < count ? (false, range(entry)) : (true, other.range(entry - count))
    }

}

/// Dictionary entries as bytes; `Protocol/SPEC.md`, "Dictionaries".
enum TextDictionary {
    static let plain: UInt8 = 0
    static let numbered: UInt8 = 1

    static func encode(_ table: TextTable, into writer: inout ByteWriter) {
        DictionaryPlan(table).write(table, into: &writer)
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
        case numbered: table = try decodeNumbered(&reader, count: count, budget: &budget)
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

    private static func decodeNumbered(
        _ reader: inout ByteReader, count: Int, budget: inout RowsBudget
    ) throws(WireError) -> TextTable {
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
        return numbered(
            numbers, NumberForm(prefix: prefix, digits: digits, base: base), others: others, at: positions)
    }

    /// How the numbers of a dictionary are written out.
    private struct NumberForm {
        var prefix: [UInt8]
        var digits: Int
        var base: UInt64

        @inline(__always)
        func write(_ number: UInt64, to bytes: UnsafeMutablePointer<UInt8>) {
            for at in prefix.indices { bytes[at] = prefix[at] }
            var rest = number
            var at = prefix.count + digits
            while at > prefix.count {
                at -= 1
                let next = base == 10 ? rest / 10 : rest &>> 4
                let digit = UInt8(truncatingIfNeeded: rest &- next &* base)
                bytes[at] = digit < 10 ? 0x30 &+ digit : 0x57 &+ digit
                rest = next
            }
        }

        /// Whether an entry differs from another one in its last two digits alone.
        @inline(__always)
        func isNear(_ number: UInt64, _ other: UInt64) -> Bool {
            base == 10 && digits >= 2 && number / 100 == other / 100
        }

        /// Copies the entry that lies before, but for its last two digits.
        @inline(__always)
        func writeNear(_ number: UInt64, to bytes: UnsafeMutablePointer<UInt8>) {
            let width = prefix.count + digits
            let source = UnsafeRawPointer(bytes - width)
            let target = UnsafeMutableRawPointer(bytes)
            var at = 0
            while at + 8 <= width {
                let word = source.loadUnaligned(fromByteOffset: at, as: UInt64.self)
                target.storeBytes(of: word, toByteOffset: at, as: UInt64.self)
                at += 8
            }
            while at < width {
                bytes[at] = (bytes - width)[at]
                at += 1
            }
            let last = UInt8(truncatingIfNeeded: number % 100)
            bytes[width - 2] = 0x30 &+ last / 10
            bytes[width - 1] = 0x30 &+ last % 10
        }
    }

    /// - Precondition: the places ascend and lie below the count of all entries.
    private static func numbered(
        _ numbers: [Int64], _ form: NumberForm, others: TextTable, at places: [Int64]
    ) -> TextTable {
        let width = form.prefix.count + form.digits
        let count = numbers.count + places.count
        var table = TextTable()
        table.ends.reserveCapacity(count)
        table.heap = [UInt8](
            unsafeUninitializedCapacity: numbers.count * width + others.heap.count
        ) { buffer, used in
            guard let base = buffer.baseAddress else { return }
            var other = 0
            var before: UInt64?
            for entry in 0..<count {
                if other < places.count && places[other] == Int64(entry) {
                    before = nil
                    for byte in others.heap[others.range(other)] {
                        buffer[used] = byte
                        used += 1
                    }
                    other += 1
                } else {
                    precondition(used + width <= buffer.count)
                    let number = UInt64(bitPattern: numbers[entry - other])
                    if let before, form.isNear(number, before) {
                        form.writeNear(number, to: base + used)
                    } else {
                        form.write(number, to: base + used)
                    }
                    before = number
                    used += width
                }
                table.ends.append(UInt32(truncatingIfNeeded: used))
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
