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
}

/// Dictionary entries as bytes; `Protocol/SPEC.md`, "Dictionaries".
enum TextDictionary {
    static let plain: UInt8 = 0
    static let numbered: UInt8 = 1

    /// What the entries of a numbered dictionary have in common: a prefix, then digits of one length.
    private struct Pattern {
        var prefix: ArraySlice<UInt8>
        var digits: Int
        var base: UInt64

        /// The number that an entry stands for; nil when it does not follow the pattern.
        func number(_ entry: ArraySlice<UInt8>) -> Int64? {
            guard entry.count == prefix.count + digits, entry.starts(with: prefix) else { return nil }
            var value: UInt64 = 0
            for byte in entry.dropFirst(prefix.count) {
                guard let digit = digitValue(byte), UInt64(digit) < base else { return nil }
                value = value * base + UInt64(digit)
            }
            return Int64(value)
        }
    }

    static func encode(_ table: TextTable, into writer: inout ByteWriter) {
        writer.put(count: table.count)
        guard table.count > 0 else { return }
        var best = plainBytes(table)
        for base: UInt64 in [10, 16] {
            if let bytes = numberedBytes(table, base: base), bytes.count < best.count { best = bytes }
        }
        writer.put(raw: best)
    }

    private static func plainBytes(_ table: TextTable) -> [UInt8] {
        var writer = ByteWriter()
        writer.put(plain)
        putPlain(table, into: &writer)
        return writer.bytes
    }

    private static func putPlain(_ table: TextTable, into writer: inout ByteWriter) {
        IntegerSequence.encode((0..<table.count).map { Int64(table.range($0).count) }, into: &writer)
        writer.put(raw: table.heap)
    }

    /// Nil when too few entries follow one pattern to make it worth while.
    private static func numberedBytes(_ table: TextTable, base: UInt64) -> [UInt8]? {
        guard table.count >= 3, let pattern = pattern(of: table, base: base) else { return nil }
        var numbers: [Int64] = []
        var others = TextTable()
        var positions: [Int64] = []
        for entry in 0..<table.count {
            let bytes = table.heap[table.range(entry)]
            if let number = pattern.number(bytes) {
                numbers.append(number)
            } else {
                positions.append(Int64(entry))
                others.append(bytes)
            }
        }
        guard numbers.count > table.count / 2 else { return nil }
        var writer = ByteWriter()
        writer.put(numbered)
        writer.put(UInt8(base))
        writer.put(UInt8(pattern.digits))
        writer.put(counted: pattern.prefix)
        writer.put(count: others.count)
        IntegerSequence.encode(positions, into: &writer)
        if others.count > 0 { putPlain(others, into: &writer) }
        IntegerSequence.encode(numbers, into: &writer)
        return writer.bytes
    }

    /// The pattern of the entry in the middle among the first: digits at its end, and what stands before
    /// them.
    private static func pattern(of table: TextTable, base: UInt64) -> Pattern? {
        var found: [(pattern: Pattern, votes: Int)] = []
        for entry in 0..<min(table.count, 16) {
            let bytes = table.heap[table.range(entry)]
            let limit = base == 10 ? 18 : 15
            var digits = 0
            for byte in bytes.reversed() {
                guard digits < limit, let digit = digitValue(byte), UInt64(digit) < base else { break }
                digits += 1
            }
            guard digits > 0, bytes.count - digits <= Limits.keyBytes else { continue }
            let candidate = Pattern(prefix: bytes.dropLast(digits), digits: digits, base: base)
            if let at = found.firstIndex(where: { $0.pattern.number(bytes) != nil }) {
                found[at].votes += 1
            } else {
                found.append((candidate, 1))
            }
        }
        guard var best = found.first else { return nil }
        for next in found where next.votes > best.votes { best = next }
        return best.pattern
    }

    /// Decimal digits and the lower-case letters a to f.
    private static func digitValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
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
        var table = TextTable()
        table.ends.reserveCapacity(count)
        table.heap.reserveCapacity(numbers.count * (prefix.count + digits) + others.heap.count)
        let model = prefix + [UInt8](repeating: 0x30, count: digits)
        var other = 0
        for entry in 0..<count {
            if other < otherCount && positions[other] == Int64(entry) {
                table.append(others.heap[others.range(other)])
                other += 1
                continue
            }
            let at = entry - other
            guard at < numbers.count, numbers[at] >= 0, UInt64(numbers[at]) < ceiling else {
                throw reader.error(.outOfRange, .dictionary)
            }
            let start = table.heap.count
            table.heap.append(contentsOf: model)
            putDigits(UInt64(numbers[at]), base: base, from: start + prefix.count, into: &table.heap)
            table.ends.append(UInt32(table.heap.count))
        }
        guard other == otherCount else { throw reader.error(.outOfRange, .dictionary) }
        return table
    }

    /// Overwrites zeros, last digit first, down to `start`.
    private static func putDigits(_ number: UInt64, base: UInt64, from start: Int, into heap: inout [UInt8]) {
        var rest = number
        var at = heap.count - 1
        while rest > 0 && at >= start {
            let digit = UInt8(truncatingIfNeeded: base == 10 ? rest % 10 : rest & 15)
            heap[at] = digit < 10 ? 0x30 + digit : 0x61 + digit - 10
            rest = base == 10 ? rest / 10 : rest >> 4
            at -= 1
        }
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
