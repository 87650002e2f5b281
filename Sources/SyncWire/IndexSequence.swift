/// Places in a table, an entry per row; `Protocol/SPEC.md`, "Index sequences".
enum IndexSequence {
    static let constant: UInt8 = 0
    static let bytes: UInt8 = 1
    static let runs: UInt8 = 2
    static let pairs: UInt8 = 3

    static func encode(_ values: [UInt32], into writer: inout ByteWriter) {
        guard let first = values.first else { return }
        var most: UInt32 = 0
        var runBytes = 0
        var start = 0
        for (index, value) in values.enumerated() {
            most = max(most, value)
            let next = index + 1
            if next == values.count || values[next] != value {
                runBytes += varintSize(UInt64(value)) + varintSize(UInt64(index - start))
                start = next
            }
        }
        let flat = most < 256 ? values.count : 2 * values.count
        if values.allSatisfy({ $0 == first }) {
            writer.put(constant)
            writer.put(varint: UInt64(first))
        } else if runBytes <= flat / 2 || most > 0xffff {
            writer.put(runs)
            putRuns(values, into: &writer)
        } else if most < 256 {
            writer.put(bytes)
            for value in values { writer.put(UInt8(truncatingIfNeeded: value)) }
        } else {
            writer.put(pairs)
            for value in values { writer.put(UInt8(truncatingIfNeeded: value)) }
            for value in values { writer.put(UInt8(truncatingIfNeeded: value >> 8)) }
        }
    }

    private static func putRuns(_ values: [UInt32], into writer: inout ByteWriter) {
        var start = 0
        while start < values.count {
            var end = start + 1
            while end < values.count && values[end] == values[start] { end += 1 }
            writer.put(varint: UInt64(values[start]))
            writer.put(varint: UInt64(end - start - 1))
            start = end
        }
    }

    /// Reads `count` numbers that must lie below `bound`; nothing at all is read for none.
    ///
    /// - Parameter excess: what a number that does not is called.
    static func decode(
        _ reader: inout ByteReader, count: Int, below bound: Int, _ part: WireError.Part = .index,
        excess: WireError.Code = .outOfRange
    ) throws(WireError) -> [UInt32] {
        guard count > 0 else { return [] }
        switch try reader.byte(part) {
        case constant:
            let value = try number(&reader, below: bound, part, excess)
            return [UInt32](repeating: value, count: count)
        case bytes:
            let raw = try reader.take(count, part)
            var most: UInt8 = 0
            let values = [UInt32](unsafeUninitializedCapacity: count) { buffer, initialized in
                for index in 0..<count {
                    buffer[index] = UInt32(raw[index])
                    most = max(most, raw[index])
                }
                initialized = count
            }
            guard Int(most) < bound else { throw reader.error(excess, part) }
            return values
        case runs:
            return try decodeRuns(
                &reader, count: count, below: bound, part, excess)
        case pairs:
            let low = try reader.take(count, part)
            let high = try reader.take(count, part)
            var most: UInt32 = 0
            let values = [UInt32](unsafeUninitializedCapacity: count) { buffer, initialized in
                for index in 0..<count {
                    let value = UInt32(low[index]) | UInt32(high[index]) << 8
                    buffer[index] = value
                    most = max(most, value)
                }
                initialized = count
            }
            guard Int(most) < bound else { throw reader.error(excess, part) }
            return values
        default: throw reader.error(.unknownEncoding, part)
        }
    }

    private static func number(
        _ reader: inout ByteReader, below bound: Int, _ part: WireError.Part, _ excess: WireError.Code
    ) throws(WireError) -> UInt32 {
        let value = try reader.varint(part)
        guard value < UInt64(bound), let number = UInt32(exactly: value) else {
            throw reader.error(excess, part)
        }
        return number
    }

    private static func decodeRuns(
        _ reader: inout ByteReader, count: Int, below bound: Int, _ part: WireError.Part,
        _ excess: WireError.Code
    ) throws(WireError) -> [UInt32] {
        var values: [UInt32] = []
        values.reserveCapacity(count)
        while values.count < count {
            let value = try number(&reader, below: bound, part, excess)
            let more = try reader.varint(part)
            guard more < UInt64(count - values.count) else { throw reader.error(.outOfRange, part) }
            values.append(contentsOf: repeatElement(value, count: Int(more) + 1))
        }
        return values
    }
}

/// One byte per row: flags and presence; `Protocol/SPEC.md`, "Byte sequences".
enum ByteSequence {
    static let constant: UInt8 = 0
    static let plain: UInt8 = 1
    static let runs: UInt8 = 2

    static func encode(_ values: [UInt8], into writer: inout ByteWriter) {
        guard let first = values.first else { return }
        var runBytes = 0
        var start = 0
        for (index, value) in values.enumerated()
        where index + 1 == values.count || values[index + 1] != value {
            runBytes += 1 + varintSize(UInt64(index - start))
            start = index + 1
        }
        if values.allSatisfy({ $0 == first }) {
            writer.put(constant)
            writer.put(first)
        } else if runBytes <= values.count / 2 {
            writer.put(runs)
            start = 0
            while start < values.count {
                var end = start + 1
                while end < values.count && values[end] == values[start] { end += 1 }
                writer.put(values[start])
                writer.put(varint: UInt64(end - start - 1))
                start = end
            }
        } else {
            writer.put(plain)
            writer.put(raw: values)
        }
    }

    /// Reads `count` bytes, of which only the bits of `allowed` may be set.
    static func decode(
        _ reader: inout ByteReader, count: Int, allowed: UInt8, _ part: WireError.Part
    ) throws(WireError) -> [UInt8] {
        guard count > 0 else { return [] }
        var values: [UInt8] = []
        var seen: UInt8 = 0
        switch try reader.byte(part) {
        case constant:
            seen = try reader.byte(part)
            values = [UInt8](repeating: seen, count: count)
        case plain:
            values = Array(try reader.take(count, part))
            for value in values { seen |= value }
        case runs:
            values.reserveCapacity(count)
            while values.count < count {
                let value = try reader.byte(part)
                let more = try reader.varint(part)
                guard more < UInt64(count - values.count) else { throw reader.error(.outOfRange, part) }
                values.append(contentsOf: repeatElement(value, count: Int(more) + 1))
                seen |= value
            }
        default: throw reader.error(.unknownEncoding, part)
        }
        guard seen & ~allowed == 0 else { throw reader.error(.outOfRange, part) }
        return values
    }
}
