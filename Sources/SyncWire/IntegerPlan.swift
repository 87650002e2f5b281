/// How a run of integers is written in the fewest bytes: found out without writing any.
struct IntegerPlan {
    private(set) var encoding: UInt8
    /// Bytes in all, with the encoding's id.
    private(set) var size: Int
    private var least: Int64 = 0
    private var factor: UInt64 = 1
    private var width = 0
    /// The least step, of those that are packed.
    private var leastStep: Int64 = 0

    /// - Precondition: there is at least one number.
    init(_ values: UnsafeBufferPointer<Int64>) {
        self.init(IntegerShape(values), shift: 0)
    }

    /// - Parameter shift: what is taken from each number before it is written.
    init(_ shape: IntegerShape, shift: Int64) {
        let first = varintSize(zigzag(shape.first &- shift))
        let runBytes = shape.runBody.map { first + $0 } ?? .max
        if shape.runCount == 1 || shape.range == nil {
            encoding = shape.runCount == 1 ? IntegerSequence.constant : IntegerSequence.runs
            size = 1 + (shape.runCount == 1 ? first : runBytes)
            return
        }
        least = shape.least &- shift
        factor = shape.factor
        width = shape.width
        let head = varintSize(zigzag(least)) + varintSize(factor)
        let offsetBytes = head + shape.offsetBody
        let deltaBytes = first + varintSize(factor) + shape.deltaBody
        let planeBytes = head + 1 + width * shape.count
        let best = min(runBytes, offsetBytes, deltaBytes, planeBytes)
        if runBytes == best {
            encoding = IntegerSequence.runs
            size = 1 + best
        } else if deltaBytes == best || (shape.isSlow && deltaBytes <= best + best / 16) {
            encoding = IntegerSequence.deltas
            size = 1 + deltaBytes
        } else {
            encoding = planeBytes <= offsetBytes ? IntegerSequence.planes : IntegerSequence.offsets
            size = 1 + best
        }
        if shape.count <= PackedBits.mostNumbers { pack(shape, head: head, first: first) }
    }

    /// Where few numbers take less so, also once deflated: what comes in runs deflates well as it is.
    private mutating func pack(_ shape: IntegerShape, head: Int, first: Int) {
        let body = max(1, (size - 1 - head) / shape.count) * shape.runCount
        var most = min(size, 1 + head + body + body / 4 + 2)
        let packed = 1 + head + PackedBits.size(shape.count, width: shape.bits)
        if shape.bits <= PackedBits.mostBits, packed < most {
            (encoding, size, width, most) = (IntegerSequence.packed, packed, shape.bits, packed)
        }
        let steps =
            1 + first + varintSize(factor) + varintSize(zigzag(shape.leastStep))
            + PackedBits.size(shape.count - 1, width: shape.stepBits)
        if shape.stepBits <= PackedBits.mostBits, steps < most {
            (encoding, size, width) = (IntegerSequence.packedDeltas, steps, shape.stepBits)
            leastStep = shape.leastStep
        }
    }

    /// Writes the numbers less `shift`, as they were planned.
    func write(_ values: UnsafeBufferPointer<Int64>, shift: Int64 = 0, into writer: inout ByteWriter) {
        writer.fill(size) { cursor in
            cursor.put(encoding)
            switch encoding {
            case IntegerSequence.constant: cursor.put(varint: zigzag(values[0] &- shift))
            case IntegerSequence.runs: putRuns(values, shift: shift, into: &cursor)
            case IntegerSequence.deltas: putDeltas(values, shift: shift, into: &cursor)
            case IntegerSequence.planes: putPlanes(values, shift: shift, into: &cursor)
            case IntegerSequence.packed: putPacked(values, shift: shift, into: &cursor)
            case IntegerSequence.packedDeltas: putPackedDeltas(values, shift: shift, into: &cursor)
            default:
                cursor.put(varint: zigzag(least))
                cursor.put(varint: factor)
                for value in values {
                    let place = UInt64(bitPattern: value &- shift &- least)
                    cursor.put(varint: factor == 1 ? place : place / factor)
                }
            }
        }
    }

    private func putRuns(
        _ values: UnsafeBufferPointer<Int64>, shift: Int64, into cursor: inout ByteCursor
    ) {
        var before = shift
        forEachRun(values) { value, length in
            cursor.put(varint: zigzag(value &- before))
            cursor.put(varint: UInt64(length - 1))
            before = value
        }
    }

    private func putDeltas(
        _ values: UnsafeBufferPointer<Int64>, shift: Int64, into cursor: inout ByteCursor
    ) {
        var before = values[0]
        cursor.put(varint: zigzag(before &- shift))
        cursor.put(varint: factor)
        let divisor = Int64(bitPattern: factor)
        for index in 1..<values.count {
            let step = values[index] &- before
            cursor.put(varint: zigzag(factor == 1 ? step : step / divisor))
            before = values[index]
        }
    }

    private func putPacked(
        _ values: UnsafeBufferPointer<Int64>, shift: Int64, into cursor: inout ByteCursor
    ) {
        cursor.put(varint: zigzag(least))
        cursor.put(varint: factor)
        let base = least &+ shift
        cursor.put(packed: values.count, width: width) { UInt64(bitPattern: values[$0] &- base) / factor }
    }

    private func putPackedDeltas(
        _ values: UnsafeBufferPointer<Int64>, shift: Int64, into cursor: inout ByteCursor
    ) {
        cursor.put(varint: zigzag(values[0] &- shift))
        cursor.put(varint: factor)
        cursor.put(varint: zigzag(leastStep))
        let divisor = Int64(bitPattern: factor)
        cursor.put(packed: values.count - 1, width: width) {
            UInt64(bitPattern: (values[$0 + 1] &- values[$0]) / divisor &- leastStep)
        }
    }

    private func putPlanes(
        _ values: UnsafeBufferPointer<Int64>, shift: Int64, into cursor: inout ByteCursor
    ) {
        cursor.put(varint: zigzag(least))
        cursor.put(varint: factor)
        cursor.put(UInt8(width))
        let base = least &+ shift
        for plane in 0..<width {
            let bits = UInt64(plane * 8)
            for value in values {
                let place = UInt64(bitPattern: value &- base)
                cursor.put(UInt8(truncatingIfNeeded: (factor == 1 ? place : place / factor) >> bits))
            }
        }
    }
}

/// Calls `body` with each value that follows another one, and how often it stands there.
@inline(__always)
func forEachRun<Number: FixedWidthInteger>(
    _ values: UnsafeBufferPointer<Number>, _ body: (Number, Int) -> Void
) {
    var start = 0
    while start < values.count {
        let end = runEnd(values, from: start)
        body(values[start], end - start)
        start = end
    }
}

/// How many are looked at in one step where they may all be the same.
private let block = 16

/// Where the values end that are the same as the first.
@inline(__always)
private func runEnd<Number: FixedWidthInteger>(
    _ values: UnsafeBufferPointer<Number>, from start: Int
) -> Int {
    let value = values[start]
    var end = start + 1
    while end < values.count && values[end] == value {
        end += 1
        while end + block <= values.count {
            var differences: Number = 0
            for index in end..<(end + block) { differences |= values[index] ^ value }
            guard differences == 0 else { break }
            end += block
        }
    }
    return end
}

/// How often a value begins that is not the one before it.
@inline(__always)
func runCount<Number: FixedWidthInteger>(_ values: UnsafeBufferPointer<Number>) -> Int {
    guard values.count > 0 else { return 0 }
    var changes: UInt32 = 0
    var index = 1
    while index + block <= values.count {
        var differences: Number = 0
        for place in index..<(index + block) { differences |= values[place] ^ values[place - 1] }
        if differences != 0 {
            for place in index..<(index + block) { changes &+= values[place] == values[place - 1] ? 0 : 1 }
        }
        index += block
    }
    while index < values.count {
        changes &+= values[index] == values[index - 1] ? 0 : 1
        index += 1
    }
    return Int(changes) + 1
}

/// What passes over the numbers find out; the bodies are the bytes of an encoding behind its head.
struct IntegerShape {
    let count: Int
    let first: Int64
    let runCount: Int
    /// Nil where runs cannot be shorter than deltas.
    private(set) var runBody: Int?
    private(set) var least: Int64 = 0
    /// Between the least and the greatest; nil where nothing can be shorter than runs, and nothing else is
    /// known then.
    private(set) var range: UInt64?
    private(set) var factor: UInt64 = 1
    private(set) var width = 0
    /// Bits of the greatest offset, and of the greatest step beyond the least one; only of a few numbers.
    private(set) var bits = Int.max
    private(set) var stepBits = Int.max
    private(set) var leastStep: Int64 = 0
    private(set) var offsetBody = 0
    private(set) var deltaBody = 0
    /// Where bytes tie, small steps deflate better than places in a wide range.
    private(set) var isSlow = false

    init(_ values: UnsafeBufferPointer<Int64>) {
        count = values.count
        first = values[0]
        runCount = SyncWire.runCount(values)
        guard runCount > 1 else { return }
        // Each run takes two bytes, and each delta one; what deltas have more is their factor.
        if 2 * runCount <= count + 10 {
            var body = 0
            var before = first
            forEachRun(values) { value, length in
                if value != before { body += varintSize(zigzag(value &- before)) }
                body += varintSize(UInt64(length - 1))
                before = value
            }
            runBody = body
            // All others have a byte for each number.
            if body + 10 <= count { return }
        }
        measure(values)
    }

    /// Whether the numbers less `shift` have this shape as well: none of them wraps around.
    func shifts(by shift: Int64) -> Bool {
        guard let range else { return true }
        let most = least &+ Int64(bitPattern: range)
        return !least.subtractingReportingOverflow(shift).overflow
            && !most.subtractingReportingOverflow(shift).overflow
    }

    private mutating func measure(_ values: UnsafeBufferPointer<Int64>) {
        var least = first
        var most = first
        for value in values {
            least = min(least, value)
            most = max(most, value)
        }
        let range = UInt64(bitPattern: most) &- UInt64(bitPattern: least)
        factor = range > UInt64(Int64.max) ? 1 : IntegerShape.factor(values)
        let scaled = factor == 1 ? range : range / factor
        width = (64 - scaled.leadingZeroBitCount + 7) / 8
        var before = first
        var travelled: UInt64 = 0
        var farTravelled: Double = 0
        let isFar = scaled >= 1 << 40
        let divisor = Int64(bitPattern: factor)
        if factor == 1, scaled < 64 {
            // One byte each, whatever stands where.
            for value in values {
                travelled &+= (value &- before).magnitude
                before = value
            }
            (offsetBody, deltaBody) = (count, count)
        } else {
            for value in values {
                let place = UInt64(bitPattern: value &- least)
                let step = factor == 1 ? value &- before : (value &- before) / divisor
                offsetBody += varintSize(factor == 1 ? place : place / factor)
                deltaBody += varintSize(zigzag(step))
                if isFar { farTravelled += Double(step.magnitude) } else { travelled &+= step.magnitude }
                before = value
            }
        }
        deltaBody -= 1
        if count <= PackedBits.mostNumbers { measureBits(values, scaled: scaled) }
        isSlow = (isFar ? farTravelled : Double(travelled)) * 4 < Double(scaled) * Double(count)
        self.least = least
        self.range = range
    }

    private mutating func measureBits(_ values: UnsafeBufferPointer<Int64>, scaled: UInt64) {
        bits = PackedBits.width(scaled)
        let divisor = Int64(bitPattern: factor)
        var (least, most) = (Int64.max, Int64.min)
        for index in 1..<values.count {
            let step = (values[index] &- values[index - 1]) / divisor
            least = min(least, step)
            most = max(most, step)
        }
        leastStep = least
        stepBits = PackedBits.width(UInt64(bitPattern: most &- least))
    }

    /// The greatest number that all steps are multiples of.
    private static func factor(_ values: UnsafeBufferPointer<Int64>) -> UInt64 {
        var factor: UInt64 = 0
        var before = values[0]
        for value in values where value != before {
            var (big, small) = (factor, (value &- before).magnitude)
            while small != 0 { (big, small) = (small, big % small) }
            factor = big
            if factor == 1 { break }
            before = value
        }
        return factor == 0 || factor > 1 << 62 ? 1 : factor
    }
}
