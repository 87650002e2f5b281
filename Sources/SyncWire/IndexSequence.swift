/// Places in a table, an entry per row; `Protocol/SPEC.md`, "Index sequences".
enum IndexSequence {
    static let constant: UInt8 = 0
    static let bytes: UInt8 = 1
    static let runs: UInt8 = 2
    static let pairs: UInt8 = 3
    static let packed: UInt8 = 4

    static func encode(_ values: [UInt32], into writer: inout ByteWriter) {
        values.withUnsafeBufferPointer { IndexPlan($0).write($0, into: &writer) }
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
        case packed:
            var values: [UInt32] = []
            values.reserveCapacity(count)
            for value in try reader.packed(count, part) {
                guard value < UInt64(bound), let number = UInt32(exactly: value) else {
                    throw reader.error(excess, part)
                }
                values.append(number)
            }
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
        var values = [UInt32](repeating: 0, count: count)
        try values.withUnsafeMutableBufferPointer { (values) throws(WireError) in
            var at = 0
            while at < count {
                let value = try number(&reader, below: bound, part, excess)
                let more = try reader.varint(part)
                guard more < UInt64(count - at) else { throw reader.error(.outOfRange, part) }
                let end = at + Int(more) + 1
                if value != 0 {
                    for index in at..<end { values[index] = value }
                }
                at = end
            }
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
        values.withUnsafeBufferPointer { values in
            guard let first = values.first else { return }
            let count = runCount(values)
            guard count > 1 else { return encode(constant: first, into: &writer) }
            var runBytes = 0
            if 2 * count <= values.count / 2 {
                forEachRun(values) { _, length in runBytes += 1 + varintSize(UInt64(length - 1)) }
            } else {
                runBytes = .max
            }
            guard runBytes <= values.count / 2 else {
                writer.put(plain)
                return writer.put(raw: values)
            }
            writer.fill(1 + runBytes) { cursor in
                cursor.put(runs)
                forEachRun(values) { value, length in
                    cursor.put(value)
                    cursor.put(varint: UInt64(length - 1))
                }
            }
        }
    }

    /// All are the same.
    static func encode(constant value: UInt8, into writer: inout ByteWriter) {
        writer.put(constant)
        writer.put(value)
    }

    /// Reads `count` bytes, of which only the bits of `allowed` may be set.
    static func decode(
        _ reader: inout ByteReader, count: Int, allowed: UInt8, _ part: WireError.Part
    ) throws(WireError) -> [UInt8] {
        guard count > 0 else { return [] }
        if let value = try constant(&reader, allowed: allowed, part) {
            return [UInt8](repeating: value, count: count)
        }
        var values: [UInt8] = []
        var seen: UInt8 = 0
        switch try reader.byte(part) {
        case plain:
            values = Array(try reader.take(count, part))
            for value in values { seen |= value }
        case runs:
            values = [UInt8](repeating: 0, count: count)
            var at = 0
            while at < count {
                let value = try reader.byte(part)
                let more = try reader.varint(part)
                guard more < UInt64(count - at) else { throw reader.error(.outOfRange, part) }
                let end = at + Int(more) + 1
                values.withUnsafeMutableBufferPointer { values in
                    for index in at..<end { values[index] = value }
                }
                at = end
                seen |= value
            }
        default: throw reader.error(.unknownEncoding, part)
        }
        guard seen & ~allowed == 0 else { throw reader.error(.outOfRange, part) }
        return values
    }

    /// The byte that all are, where the encoding says that they are the same; else nil, and nothing is read.
    static func constant(
        _ reader: inout ByteReader, allowed: UInt8, _ part: WireError.Part
    ) throws(WireError) -> UInt8? {
        guard reader.remaining > 0, reader.bytes[reader.offset] == constant else { return nil }
        _ = try reader.byte(part)
        let value = try reader.byte(part)
        guard value & ~allowed == 0 else { throw reader.error(.outOfRange, part) }
        return value
    }
}

/// How places are written, found out without writing any.
struct IndexPlan {
    private var encoding: UInt8
    /// Bytes in all, with the encoding's id; 0 for no places.
    private(set) var size: Int
    private var width = 0
    /// How often a place begins that is not the one before it.
    let changes: Int

    init(_ values: UnsafeBufferPointer<UInt32>) {
        guard let first = values.first else {
            encoding = IndexSequence.constant
            size = 0
            changes = 0
            return
        }
        let count = runCount(values)
        changes = count
        // All bits that occur: as good as the greatest one for what is asked of it.
        var most: UInt32 = 0
        for value in values { most |= value }
        let flat = most < 256 ? values.count : 2 * values.count
        var runBytes = Int.max
        if most > 0xffff || 2 * count <= flat / 2 {
            runBytes = 0
            forEachRun(values) { value, length in
                runBytes += varintSize(UInt64(value)) + varintSize(UInt64(length - 1))
            }
        }
        if count == 1 {
            encoding = IndexSequence.constant
            size = 1 + varintSize(UInt64(first))
        } else if runBytes <= flat / 2 || most > 0xffff {
            encoding = IndexSequence.runs
            size = 1 + runBytes
        } else {
            encoding = most < 256 ? IndexSequence.bytes : IndexSequence.pairs
            size = 1 + flat
        }
        guard values.count <= PackedBits.mostNumbers, count > 1 else { return }
        // What comes in runs deflates well as it is.
        let bits = PackedBits.width(UInt64(most))
        let packed = 1 + PackedBits.size(values.count, width: bits)
        if packed < min(size, 3 + count + count / 4) {
            (encoding, size, width) = (IndexSequence.packed, packed, bits)
        }
    }

    func write(_ values: UnsafeBufferPointer<UInt32>, into writer: inout ByteWriter) {
        guard size > 0 else { return }
        writer.fill(size) { cursor in
            cursor.put(encoding)
            switch encoding {
            case IndexSequence.constant: cursor.put(varint: UInt64(values[0]))
            case IndexSequence.runs:
                forEachRun(values) { value, length in
                    cursor.put(varint: UInt64(value))
                    cursor.put(varint: UInt64(length - 1))
                }
            case IndexSequence.packed:
                cursor.put(packed: values.count, width: width) { UInt64(values[$0]) }
            default:
                let low = cursor.take(values.count)
                for index in values.indices { low[index] = UInt8(truncatingIfNeeded: values[index]) }
                guard encoding == IndexSequence.pairs else { return }
                let high = cursor.take(values.count)
                for index in values.indices { high[index] = UInt8(truncatingIfNeeded: values[index] >> 8) }
            }
        }
    }
}
