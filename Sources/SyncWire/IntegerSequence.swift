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
    static let packed: UInt8 = 6
    static let packedDeltas: UInt8 = 7

    /// - Parameter reference: numbers that these may lie close to, of the same count.
    static func encode(_ values: [Int64], reference: [Int64]? = nil, into writer: inout ByteWriter) {
        values.withUnsafeBufferPointer { values in
            guard !values.isEmpty else { return }
            if let reference, isSame(values, reference), runCount(values) > 1 {
                // Two bytes beside two runs at least.
                writer.put(difference)
                writer.put(constant)
                return writer.put(zigzag: 0)
            }
            let shape = IntegerShape(values)
            let own = IntegerPlan(shape, shift: 0)
            guard let reference, reference.count == values.count else {
                return own.write(values, into: &writer)
            }
            let lies = reference.withUnsafeBufferPointer { runCount($0) == 1 }
            if lies, shape.shifts(by: reference[0]) {
                let other = IntegerPlan(shape, shift: reference[0])
                guard other.size + 1 < own.size else { return own.write(values, into: &writer) }
                writer.put(difference)
                return other.write(values, shift: reference[0], into: &writer)
            }
            encode(values, own, reference: reference, into: &writer)
        }
    }

    private static func isSame(_ values: UnsafeBufferPointer<Int64>, _ reference: [Int64]) -> Bool {
        guard values.count == reference.count else { return false }
        return reference.withUnsafeBufferPointer { reference in
            var differences: Int64 = 0
            for index in values.indices { differences |= values[index] ^ reference[index] }
            return differences == 0
        }
    }

    private static func encode(
        _ values: UnsafeBufferPointer<Int64>, _ own: IntegerPlan, reference: [Int64],
        into writer: inout ByteWriter
    ) {
        var differences = reference
        for index in differences.indices { differences[index] = values[index] &- differences[index] }
        differences.withUnsafeBufferPointer { differences in
            let other = IntegerPlan(differences)
            guard other.size + 1 < own.size else { return own.write(values, into: &writer) }
            writer.put(difference)
            other.write(differences, into: &writer)
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
        case packed: return try decodePacked(&reader, count: count, part)
        case packedDeltas: return try decodePackedDeltas(&reader, count: count, part)
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
        try values.withUnsafeMutableBufferPointer { (values) throws(WireError) in
            if let places = reader.singleByteVarints(count) {
                for index in 0..<count { values[index] &+= Int64(places[index]) &* factor }
                return
            }
            var own = reader
            for index in 0..<count { values[index] &+= Int64(bitPattern: try own.varint(part)) &* factor }
            reader = own
        }
        return values
    }

    private static func decodeDeltas(
        _ reader: inout ByteReader, count: Int, _ part: WireError.Part
    ) throws(WireError) -> [Int64] {
        let first = try reader.zigzag(part)
        let factor = try factor(&reader, part)
        guard count - 1 <= reader.remaining else { throw reader.error(.truncated, part) }
        var values = [Int64](repeating: first, count: count)
        try values.withUnsafeMutableBufferPointer { (values) throws(WireError) in
            var value = first
            if let steps = reader.singleByteVarints(count - 1) {
                for index in 1..<max(count, 1) {
                    value &+= unzigzag(UInt64(steps[index - 1])) &* factor
                    values[index] = value
                }
                return
            }
            var own = reader
            for index in 1..<max(count, 1) {
                value &+= try own.zigzag(part) &* factor
                values[index] = value
            }
            reader = own
        }
        return values
    }

    private static func decodeRuns(
        _ reader: inout ByteReader, count: Int, _ part: WireError.Part
    ) throws(WireError) -> [Int64] {
        var values = [Int64](repeating: 0, count: count)
        try values.withUnsafeMutableBufferPointer { (values) throws(WireError) in
            var value: Int64 = 0
            var at = 0
            while at < count {
                value &+= try reader.zigzag(part)
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

    private static func decodePacked(
        _ reader: inout ByteReader, count: Int, _ part: WireError.Part
    ) throws(WireError) -> [Int64] {
        let least = try reader.zigzag(part)
        let factor = try factor(&reader, part)
        return try reader.packed(count, part).map { least &+ Int64(bitPattern: $0) &* factor }
    }

    private static func decodePackedDeltas(
        _ reader: inout ByteReader, count: Int, _ part: WireError.Part
    ) throws(WireError) -> [Int64] {
        var value = try reader.zigzag(part)
        let factor = try factor(&reader, part)
        let least = try reader.zigzag(part)
        var values = [value]
        values.reserveCapacity(count)
        for step in try reader.packed(count - 1, part) {
            value &+= (least &+ Int64(bitPattern: step)) &* factor
            values.append(value)
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
            for index in 0..<count { buffer[index] = Int64(raw[index]) }
            for plane in 1..<max(width, 1) {
                let bytes = UnsafeBufferPointer(rebasing: raw[(plane * count)..<((plane + 1) * count)])
                for index in 0..<count { buffer[index] |= Int64(bytes[index]) << Int64(plane * 8) }
            }
            for index in 0..<count { buffer[index] = least &+ buffer[index] &* factor }
            initialized = count
        }
    }
}
