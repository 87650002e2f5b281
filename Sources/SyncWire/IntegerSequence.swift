/// A run of integers with an encoding id in front; `Protocol/SPEC.md`, "Integer sequences".
///
/// Arithmetic is modulo 2^64 on both sides, so every input has an answer.
enum IntegerSequence {
    static let constant: UInt8 = 0
    static let offsets: UInt8 = 1
    static let deltas: UInt8 = 2
    static let runs: UInt8 = 3
    static let planes: UInt8 = 4
    static let difference: UInt8 = 5

    /// What one pass over the numbers finds out.
    private struct Shape {
        var least = Int64.max
        var most = Int64.min
        var factor: UInt64 = 0
        var runCount = 1
        var runBytes = 0
        var range: UInt64 { UInt64(bitPattern: most) &- UInt64(bitPattern: least) }

        init(_ values: [Int64]) {
            var previous = values[0]
            var runLength: UInt64 = 0
            runBytes = varintSize(zigzag(previous))
            for value in values {
                least = min(least, value)
                most = max(most, value)
                if value == previous {
                    runLength += 1
                    continue
                }
                let step = value &- previous
                runBytes += varintSize(runLength - 1) + varintSize(zigzag(step))
                runLength = 1
                runCount += 1
                if factor != 1 { factor = Shape.commonFactor(factor, step.magnitude) }
                previous = value
            }
            runBytes += varintSize(runLength - 1)
            if factor == 0 || factor > 1 << 62 || range > UInt64(Int64.max) { factor = 1 }
        }

        static func commonFactor(_ left: UInt64, _ right: UInt64) -> UInt64 {
            var (big, small) = (left, right)
            while small != 0 { (big, small) = (small, big % small) }
            return big
        }
    }

    /// - Parameter reference: numbers that these may lie close to, of the same count.
    static func encode(_ values: [Int64], reference: [Int64]? = nil, into writer: inout ByteWriter) {
        if let reference, reference.count == values.count, !values.isEmpty {
            var differences = values
            for index in differences.indices { differences[index] &-= reference[index] }
            var own = ByteWriter()
            encode(values, into: &own)
            var other = ByteWriter()
            other.put(difference)
            encode(differences, into: &other)
            writer.put(raw: other.bytes.count < own.bytes.count ? other.bytes : own.bytes)
            return
        }
        guard !values.isEmpty else { return }
        let shape = Shape(values)
        if shape.runCount == 1 {
            writer.put(constant)
            writer.put(zigzag: values[0])
            return
        }
        encode(values, shape: shape, into: &writer)
    }

    private static func encode(_ values: [Int64], shape: Shape, into writer: inout ByteWriter) {
        let factor = shape.factor
        let divisor = Int64(factor)
        let width = (64 - (shape.range / factor).leadingZeroBitCount + 7) / 8
        let head = varintSize(zigzag(shape.least)) + varintSize(factor)
        var offsetBytes = head
        var deltaBytes = varintSize(zigzag(values[0])) + varintSize(factor)
        var travelled: Double = 0
        var previous = values[0]
        for value in values {
            offsetBytes += varintSize(UInt64(bitPattern: value &- shape.least) / factor)
            let step = (value &- previous) / divisor
            deltaBytes += varintSize(zigzag(step))
            travelled += Double(step.magnitude)
            previous = value
        }
        deltaBytes -= 1
        let planeBytes = head + 1 + width * values.count
        // Where bytes tie, small steps deflate better than places in a wide range.
        let slow = travelled * 4 < Double(shape.range / factor) * Double(values.count)
        let best = min(shape.runBytes, offsetBytes, deltaBytes, planeBytes)
        if shape.runBytes == best {
            writer.put(runs)
            putRuns(values, into: &writer)
        } else if deltaBytes == best || (slow && deltaBytes <= best + best / 16) {
            writer.put(deltas)
            putDeltas(values, factor: factor, into: &writer)
        } else if planeBytes <= offsetBytes {
            writer.put(planes)
            putPlanes(values, least: shape.least, factor: factor, width: width, into: &writer)
        } else {
            writer.put(offsets)
            writer.put(zigzag: shape.least)
            writer.put(varint: factor)
            for value in values { writer.put(varint: UInt64(bitPattern: value &- shape.least) / factor) }
        }
    }

    private static func putRuns(_ values: [Int64], into writer: inout ByteWriter) {
        var start = 0
        var before: Int64 = 0
        while start < values.count {
            var end = start + 1
            while end < values.count && values[end] == values[start] { end += 1 }
            writer.put(zigzag: values[start] &- before)
            writer.put(varint: UInt64(end - start - 1))
            before = values[start]
            start = end
        }
    }

    private static func putDeltas(_ values: [Int64], factor: UInt64, into writer: inout ByteWriter) {
        writer.put(zigzag: values[0])
        writer.put(varint: factor)
        let divisor = Int64(factor)
        var previous = values[0]
        for value in values.dropFirst() {
            writer.put(zigzag: (value &- previous) / divisor)
            previous = value
        }
    }

    private static func putPlanes(
        _ values: [Int64], least: Int64, factor: UInt64, width: Int, into writer: inout ByteWriter
    ) {
        writer.put(zigzag: least)
        writer.put(varint: factor)
        writer.put(UInt8(width))
        for plane in 0..<width {
            let shift = UInt64(plane * 8)
            for value in values {
                let place = UInt64(bitPattern: value &- least) / factor
                writer.put(UInt8(truncatingIfNeeded: place >> shift))
            }
        }
    }

    // MARK: - Decoding

    /// Reads `count` integers; nothing at all is read for none.
    ///
    /// - Parameter reference: given where the specification names a reference column.
    static func decode(
        _ reader: inout ByteReader, count: Int, reference: [Int64]? = nil, _ part: WireError.Part = .integers
    ) throws(WireError) -> [Int64] {
        guard count > 0 else { return [] }
        let encoding = try reader.byte(part)
        guard encoding == difference else { return try decode(&reader, encoding, count: count, part) }
        guard let reference, reference.count == count else { throw reader.error(.unknownEncoding, part) }
        let inner = try reader.byte(part)
        var values = try decode(&reader, inner, count: count, part)
        for index in values.indices { values[index] &+= reference[index] }
        return values
    }

    private static func decode(
        _ reader: inout ByteReader, _ encoding: UInt8, count: Int, _ part: WireError.Part
    ) throws(WireError) -> [Int64] {
        switch encoding {
        case constant: return [Int64](repeating: try reader.zigzag(part), count: count)
        case offsets: return try decodeOffsets(&reader, count: count, part)
        case deltas: return try decodeDeltas(&reader, count: count, part)
        case runs: return try decodeRuns(&reader, count: count, part)
        case planes: return try decodePlanes(&reader, count: count, part)
        default: throw reader.error(.unknownEncoding, part)
        }
    }

    private static func factor(_ reader: inout ByteReader, _ part: WireError.Part) throws(WireError) -> Int64
    {
        let factor = try reader.varint(part)
        guard factor >= 1, factor <= 1 << 62 else { throw reader.error(.outOfRange, part) }
        return Int64(factor)
    }

    private static func decodeOffsets(
        _ reader: inout ByteReader, count: Int, _ part: WireError.Part
    ) throws(WireError) -> [Int64] {
        let least = try reader.zigzag(part)
        let factor = try factor(&reader, part)
        guard count <= reader.remaining else { throw reader.error(.truncated, part) }
        var values = [Int64](repeating: least, count: count)
        for index in 0..<count { values[index] &+= Int64(bitPattern: try reader.varint(part)) &* factor }
        return values
    }

    private static func decodeDeltas(
        _ reader: inout ByteReader, count: Int, _ part: WireError.Part
    ) throws(WireError) -> [Int64] {
        var value = try reader.zigzag(part)
        let factor = try factor(&reader, part)
        guard count - 1 <= reader.remaining else { throw reader.error(.truncated, part) }
        var values = [Int64](repeating: value, count: count)
        for index in 1..<count {
            value &+= try reader.zigzag(part) &* factor
            values[index] = value
        }
        return values
    }

    private static func decodeRuns(
        _ reader: inout ByteReader, count: Int, _ part: WireError.Part
    ) throws(WireError) -> [Int64] {
        var values: [Int64] = []
        values.reserveCapacity(count)
        var value: Int64 = 0
        while values.count < count {
            value &+= try reader.zigzag(part)
            let more = try reader.varint(part)
            guard more < UInt64(count - values.count) else { throw reader.error(.outOfRange, part) }
            values.append(contentsOf: repeatElement(value, count: Int(more) + 1))
        }
        return values
    }

    private static func decodePlanes(
        _ reader: inout ByteReader, count: Int, _ part: WireError.Part
    ) throws(WireError) -> [Int64] {
        let least = try reader.zigzag(part)
        let factor = try factor(&reader, part)
        let width = Int(try reader.byte(part))
        guard (1...8).contains(width) else { throw reader.error(.outOfRange, part) }
        let raw = try reader.take(width * count, part)
        return [Int64](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count {
                var place = UInt64(raw[index])
                for plane in 1..<max(width, 1) {
                    place |= UInt64(raw[plane * count + index]) << UInt64(plane * 8)
                }
                buffer[index] = least &+ Int64(bitPattern: place) &* factor
            }
            initialized = count
        }
    }
}
