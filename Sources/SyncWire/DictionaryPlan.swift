import SyncCore

/// How a dictionary is written in the fewest bytes: found out without writing any.
struct DictionaryPlan {
    /// Bytes in all, with the count.
    private(set) var size: Int
    private let count: Int
    private var lengths: [Int64] = []
    private var lengthPlan: IntegerPlan?
    private var numbered: Numbered?

    /// Entries of one pattern, and those that are not.
    private struct Numbered {
        var pattern: TextPattern
        var prefix: [UInt8]
        var numbers: [Int64] = []
        var numberPlan: IntegerPlan?
        var places: [Int64] = []
        var placePlan: IntegerPlan?
        var others = TextTable()
        var otherLengths: [Int64] = []
        var otherPlan: IntegerPlan?

        /// What follows the encoding's id.
        var size: Int {
            var size = 2 + varintSize(UInt64(prefix.count)) + prefix.count
            size += varintSize(UInt64(others.count)) + (placePlan?.size ?? 0)
            return size + (otherPlan?.size ?? 0) + others.heap.count + (numberPlan?.size ?? 0)
        }
    }

    /// The number of each entry where all follow one pattern, which says how they are written: entries in
    /// another order then follow it, too.
    var numbers: [Int64]? {
        guard let numbered, numbered.others.count == 0 else { return nil }
        return numbered.numbers
    }

    init(_ table: TextTable) {
        self.init(unnumbered: table)
        guard count > 0 else { return }
        var best = size - varintSize(UInt64(count))
        size -= best
        for base: UInt64 in [10, 16] where numbers == nil {
            guard let found = DictionaryPlan.numbered(table, base: base), 1 + found.size < best else {
                continue
            }
            numbered = found
            best = 1 + found.size
        }
        size += best
    }

    /// Entry by entry, whatever pattern they follow.
    init(unnumbered table: TextTable) {
        count = table.count
        size = varintSize(UInt64(count))
        guard count > 0 else { return }
        lengths = table.lengths
        let plan = lengths.withUnsafeBufferPointer { IntegerPlan($0) }
        lengthPlan = plan
        size += 1 + plan.size + table.heap.count
    }

    /// The plan for some of the entries of another one, whose `numbers` are not nil, in another order.
    ///
    /// - Returns: nil where they would not be written as numbers.
    func picking(_ entries: [UInt32]) -> DictionaryPlan? {
        guard let numbered, numbered.others.count == 0, entries.count >= 3, let length = lengths.first
        else { return nil }
        var own = numbered
        own.numbers = entries.map { numbered.numbers[Int($0)] }
        own.numberPlan = own.numbers.withUnsafeBufferPointer { IntegerPlan($0) }
        let plain = 1 + varintSize(zigzag(length)) + entries.count * Int(length)
        guard own.size < plain else { return nil }
        return DictionaryPlan(own, count: entries.count)
    }

    private init(_ numbered: Numbered, count: Int) {
        self.count = count
        self.numbered = numbered
        size = varintSize(UInt64(count)) + 1 + numbered.size
    }

    /// Nil when too few entries follow one pattern to make it worth while.
    private static func numbered(_ table: TextTable, base: UInt64) -> Numbered? {
        guard table.count >= 3 else { return nil }
        return table.withBytes { bytes, ends -> Numbered? in
            guard let pattern = TextPattern(bytes, ends, base: base) else { return nil }
            var found = Numbered(pattern: pattern, prefix: Array(bytes[pattern.prefix]))
            if let all = pattern.numbers(bytes, ends) {
                found.numbers = all
                found.numberPlan = all.withUnsafeBufferPointer { IntegerPlan($0) }
                return found
            }
            found.numbers.reserveCapacity(ends.count)
            var start = 0
            for (entry, end) in ends.enumerated() {
                let number = pattern.number(bytes, start..<Int(end))
                if number >= 0 {
                    found.numbers.append(number)
                } else {
                    found.places.append(Int64(entry))
                    found.others.append(bytes[start..<Int(end)])
                    if found.places.count * 2 >= ends.count + 1 { return nil }
                }
                start = Int(end)
            }
            guard found.numbers.count > ends.count / 2 else { return nil }
            found.numberPlan = found.numbers.withUnsafeBufferPointer { IntegerPlan($0) }
            guard found.others.count > 0 else { return found }
            found.otherLengths = found.others.lengths
            found.placePlan = found.places.withUnsafeBufferPointer { IntegerPlan($0) }
            found.otherPlan = found.otherLengths.withUnsafeBufferPointer { IntegerPlan($0) }
            return found
        }
    }

    /// - Parameter table: the one that was planned, or in the same order that was picked.
    func write(_ table: TextTable, into writer: inout ByteWriter) {
        writer.put(count: count)
        guard count > 0 else { return }
        guard let numbered else {
            writer.put(TextDictionary.plain)
            put(lengths, lengthPlan, into: &writer)
            return writer.put(raw: table.heap)
        }
        writer.put(TextDictionary.numbered)
        writer.put(UInt8(numbered.pattern.base))
        writer.put(UInt8(numbered.pattern.digits))
        writer.put(counted: numbered.prefix)
        writer.put(count: numbered.others.count)
        put(numbered.places, numbered.placePlan, into: &writer)
        put(numbered.otherLengths, numbered.otherPlan, into: &writer)
        writer.put(raw: numbered.others.heap)
        put(numbered.numbers, numbered.numberPlan, into: &writer)
    }

    private func put(_ values: [Int64], _ plan: IntegerPlan?, into writer: inout ByteWriter) {
        guard let plan else { return }
        values.withUnsafeBufferPointer { plan.write($0, into: &writer) }
    }
}

/// What the entries of a numbered dictionary have in common: a prefix, then digits of one length.
struct TextPattern {
    /// Where the prefix lies among the bytes of the table.
    let prefix: Range<Int>
    let digits: Int
    let base: UInt64

    typealias Bytes = UnsafeBufferPointer<UInt8>

    /// The pattern that most of the first entries follow: digits at the end, and what stands before them.
    init?(_ bytes: Bytes, _ ends: UnsafeBufferPointer<UInt32>, base: UInt64) {
        var found: [(pattern: TextPattern, votes: Int)] = []
        var start = 0
        for end in ends.prefix(16).map({ Int($0) }) {
            defer { start = end }
            let range = start..<end
            guard let candidate = TextPattern(bytes, range, base: base) else { continue }
            if let at = found.firstIndex(where: { $0.pattern.number(bytes, range) >= 0 }) {
                found[at].votes += 1
            } else {
                found.append((candidate, 1))
            }
        }
        guard var best = found.first else { return nil }
        for next in found where next.votes > best.votes { best = next }
        self = best.pattern
    }

    /// The pattern of one entry.
    private init?(_ bytes: Bytes, _ range: Range<Int>, base: UInt64) {
        let limit = base == 10 ? 18 : 15
        var digits = 0
        while digits < min(limit, range.count),
            UInt64(TextPattern.digit(bytes[range.upperBound - 1 - digits])) < base
        { digits += 1 }
        guard digits > 0, range.count - digits <= Limits.keyBytes else { return nil }
        prefix = range.lowerBound..<(range.upperBound - digits)
        self.digits = digits
        self.base = base
    }

    /// The number that an entry stands for; -1 when it does not follow the pattern.
    @inline(__always)
    func number(_ bytes: Bytes, _ range: Range<Int>) -> Int64 {
        guard range.count == prefix.count + digits else { return -1 }
        for offset in 0..<prefix.count
        where bytes[range.lowerBound + offset] != bytes[prefix.lowerBound + offset] { return -1 }
        var value: UInt64 = 0
        var isNumber = true
        var at = range.lowerBound + prefix.count
        if base == 10, digits >= 8 {
            guard let eight = TextPattern.eightDigits(bytes, at) else { return -1 }
            value = eight
            at += 8
        }
        while at < range.upperBound {
            let digit = UInt64(TextPattern.digit(bytes[at]))
            isNumber = isNumber && digit < base
            value = (base == 10 ? value &* 10 : value &<< 4) &+ digit
            at += 1
        }
        return isNumber ? Int64(bitPattern: value) : -1
    }

    /// The number of each entry; nil where one does not follow the pattern.
    func numbers(_ bytes: Bytes, _ ends: UnsafeBufferPointer<UInt32>) -> [Int64]? {
        let width = prefix.count + digits
        // Ends from end to end: then nothing has to be looked up.
        var isEven = true
        for entry in ends.indices { isEven = isEven && Int(ends[entry]) == (entry + 1) * width }
        guard isEven else { return nil }
        let numbers = [Int64](unsafeUninitializedCapacity: ends.count) { buffer, count in
            var start = 0
            var before: Int64 = 0
            while count < ends.count {
                var value = nearNumber(bytes, start, before)
                if value < 0 { value = self.number(bytes, start..<(start + width)) }
                guard value >= 0 else { return }
                buffer[count] = value
                before = value
                count += 1
                start += width
            }
        }
        return numbers.count == ends.count ? numbers : nil
    }

    /// The number of an entry that differs from the one before in its last two digits alone; -1 for others.
    @inline(__always)
    private func nearNumber(_ bytes: Bytes, _ start: Int, _ before: Int64) -> Int64 {
        let same = prefix.count + digits - 2
        guard start > 0, base == 10, digits >= 2 else { return -1 }
        let raw = UnsafeRawBufferPointer(bytes)
        var at = start
        while at + 8 <= start + same {
            let word = raw.loadUnaligned(fromByteOffset: at, as: UInt64.self)
            guard word == raw.loadUnaligned(fromByteOffset: at - same - 2, as: UInt64.self) else { return -1 }
            at += 8
        }
        while at < start + same {
            guard bytes[at] == bytes[at - same - 2] else { return -1 }
            at += 1
        }
        let (tens, ones) = (bytes[at] &- 0x30, bytes[at + 1] &- 0x30)
        guard tens < 10, ones < 10 else { return -1 }
        let last = Int64(bytes[start - 2] &- 0x30) &* 10 &+ Int64(bytes[start - 1] &- 0x30)
        return before &- last &+ Int64(tens) &* 10 &+ Int64(ones)
    }

    /// Eight decimal digits in one word: tens of all pairs first, then hundreds, then the upper half.
    @inline(__always)
    private static func eightDigits(_ bytes: Bytes, _ at: Int) -> UInt64? {
        let word = UInt64(
            littleEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: at, as: UInt64.self))
        let digits = word ^ 0x3030_3030_3030_3030
        guard ((digits &+ 0x7676_7676_7676_7676) | digits) & 0x8080_8080_8080_8080 == 0 else { return nil }
        let pairs = digits &* 10 &+ digits &>> 8
        let even = (pairs & 0x0000_00ff_0000_00ff) &* 0x000f_4240_0000_0064
        let odd = (pairs &>> 16 & 0x0000_00ff_0000_00ff) &* 0x0000_2710_0000_0001
        return (even &+ odd) &>> 32
    }

    /// What a decimal digit or one of the lower-case letters a to f stands for; 255 for others.
    @inline(__always)
    private static func digit(_ byte: UInt8) -> UInt8 {
        let decimal = byte &- 0x30
        let letter = byte &- 0x61
        return decimal < 10 ? decimal : letter < 6 ? letter &+ 10 : 255
    }
}
