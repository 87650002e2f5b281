public import SyncCore

/// One version in as few bytes as it takes, for lines that are read out. `Protocol/SPEC.md`, "Read out", is
/// the authority.
public enum SpokenEntry {
    /// Texts that are said by their number. A number keeps its meaning; new texts go to the end.
    package static let words = [
        "alert", "daily-report", "check-in", "symptoms", "open", "taken", "closed", "ZERO", "CASES",
        "temperature=", "fever", "fatigue", "cough",
    ]

    private enum Flag {
        static let delete: UInt8 = 1
        static let clockUntrusted: UInt8 = 2
        static let stated: UInt8 = 4
        static let firstCreated: UInt8 = 8
        static let author: UInt8 = 16
        static let context: UInt8 = 32
        static let all: UInt8 = 63
    }

    /// The version under its first name.
    ///
    /// - Returns: nil when it takes more than `maximum` bytes.
    public static func encode(_ version: Version, maximum: Int) -> [UInt8]? {
        // What cannot fit anyway is not looked at field by field.
        let seen = version.context.vector.entries.count + version.context.dots.count
        guard seen * 9 <= maximum, version.assignments.count * 2 <= maximum else { return nil }
        var writer = ByteWriter()
        var flags: UInt8 = 0
        if version.isDelete { flags |= Flag.delete }
        if !version.clockTrusted { flags |= Flag.clockUntrusted }
        if version.stated != version.authored { flags |= Flag.stated }
        if version.firstCreated != version.stated { flags |= Flag.firstCreated }
        if !version.author.isEmpty { flags |= Flag.author }
        if !version.context.isEmpty { flags |= Flag.context }
        writer.put(flags)
        writer.put(version.firstName)
        writer.put(zigzag: version.authored)
        if flags & Flag.stated != 0 { writer.put(zigzag: version.stated &- version.authored) }
        if flags & Flag.firstCreated != 0 { writer.put(zigzag: version.firstCreated &- version.stated) }
        if flags & Flag.author != 0 { writer.put(said: version.author) }
        if flags & Flag.context != 0 { writer.put(version.context) }
        writer.put(said: Array(version.key.form.utf8))
        writer.put(varint: UInt64(version.formRevision))
        writer.put(count: version.key.values.count)
        for value in version.key.values {
            writer.put(value.kind?.rawValue ?? 0)
            writer.put(said: value)
        }
        writer.put(count: version.assignments.count)
        for assignment in version.assignments {
            writer.put(varint: UInt64(assignment.field))
            let kind = UInt64(assignment.value.kind?.rawValue ?? 0)
            writer.put(varint: UInt64(assignment.retentionClass) << 3 | kind)
            writer.put(said: assignment.value)
        }
        return writer.bytes.count <= maximum ? writer.bytes : nil
    }

    /// - Returns: the version, called by its first name.
    /// - Throws: ``WireError`` when the bytes do not read.
    public static func decode(_ bytes: [UInt8]) throws(WireError) -> Version {
        try bytes.withUnsafeBufferPointer { (buffer) throws(WireError) -> Version in
            var reader = ByteReader(buffer)
            let version = try decode(&reader)
            try reader.end(.message)
            return version
        }
    }

    private static func decode(_ reader: inout ByteReader) throws(WireError) -> Version {
        let flags = try reader.byte(.flags)
        guard flags & ~Flag.all == 0 else { throw reader.error(.outOfRange, .flags) }
        let dot = try reader.namedDot()
        let authored = try reader.clock()
        let stated = flags & Flag.stated == 0 ? authored : try reader.time(after: authored)
        let firstCreated = flags & Flag.firstCreated == 0 ? stated : try reader.time(after: stated)
        let author = flags & Flag.author == 0 ? [] : try reader.said(upTo: Limits.authorBytes)
        let context = flags & Flag.context == 0 ? Context.empty : try reader.shown()
        let form = try reader.said(upTo: Limits.formNameBytes)
        guard !form.isEmpty else { throw reader.error(.outOfRange, .form) }
        let revision = try reader.varint32(.form)
        var key: [Value] = []
        for _ in 0..<(try reader.count(upTo: Limits.groupKeys, ofAtLeast: 1, .column)) {
            key.append(try reader.value(of: try reader.byte(.column)))
        }
        var assignments: [Assignment] = []
        for _ in 0..<(try reader.count(upTo: Limits.groupFields, ofAtLeast: 2, .column)) {
            let field = try reader.varint(.column)
            guard let field = FieldID(exactly: field), field > assignments.last?.field ?? 0 else {
                throw reader.error(.notCanonical, .column)
            }
            let kind = try reader.varint(.column)
            guard let retentionClass = RetentionClass(exactly: kind >> 3), retentionClass <= 254 else {
                throw reader.error(.outOfRange, .column)
            }
            assignments.append(
                Assignment(
                    field: field, retentionClass: retentionClass,
                    value: try reader.value(of: UInt8(truncatingIfNeeded: kind & 7))))
        }
        return Version(
            dot: dot, key: RecordKey(form: String(decoding: form, as: UTF8.self), values: key),
            formRevision: revision, context: context, isDelete: flags & Flag.delete != 0,
            clockTrusted: flags & Flag.clockUntrusted == 0, authored: authored, stated: stated,
            firstCreated: firstCreated, author: author, assignments: assignments)
    }
}

/// How a text is said: the low bits say which, the others are a length or a word's number.
private enum Saying {
    static let literal: UInt64 = 0
    static let word: UInt64 = 1
    /// A text that ends with decimal digits.
    static let numbered: UInt64 = 2
    /// A word and what follows it.
    static let begun: UInt64 = 3
    static let digits = 18
}

extension ByteWriter {
    fileprivate mutating func put(_ dot: Dot) {
        put(word: dot.origin)
        put(varint: dot.sequence)
    }

    fileprivate mutating func put(_ context: Context) {
        put(count: context.vector.entries.count)
        for entry in context.vector.entries { put(Dot(origin: entry.origin, sequence: entry.count)) }
        put(count: context.dots.count)
        for dot in context.dots { put(dot) }
    }

    fileprivate mutating func put(said value: Value) {
        switch value {
        case .notStated: break
        case .integer(let number): put(zigzag: number)
        case .decimal(let unscaled, let scale):
            put(scale)
            put(zigzag: unscaled)
        case .text(let text): put(said: text)
        case .list(let items):
            put(count: items.count)
            for item in items { put(said: item) }
        }
    }

    fileprivate mutating func put(said text: [UInt8]) {
        let words = SpokenEntry.words.enumerated().map { (number: UInt64($0.offset), text: $0.element.utf8) }
        if let word = words.first(where: { $0.text.elementsEqual(text) }) {
            return put(varint: word.number << 2 | Saying.word)
        }
        if let word = words.first(where: { text.starts(with: $0.text) }) {
            put(varint: word.number << 2 | Saying.begun)
            return put(counted: text.dropFirst(word.text.count))
        }
        let digits = text.reversed().prefix(Saying.digits).prefix { (0x30...0x39).contains($0) }.count
        let number = text.suffix(digits).reduce(UInt64(0)) { $0 * 10 + UInt64($1 - 0x30) }
        if digits > varintSize(number) + 1 {
            put(varint: UInt64(text.count - digits) << 2 | Saying.numbered)
            put(raw: text.dropLast(digits))
            put(UInt8(digits))
            put(varint: number)
        } else {
            put(varint: UInt64(text.count) << 2 | Saying.literal)
            put(raw: text)
        }
    }
}

extension ByteReader {
    fileprivate mutating func namedDot() throws(WireError) -> Dot {
        let dot = Dot(origin: try word(.message), sequence: try varint(.message))
        guard dot.origin != 0, (1...Limits.sequence).contains(dot.sequence) else {
            throw error(.outOfRange, .message)
        }
        return dot
    }

    fileprivate mutating func time(after base: Milliseconds) throws(WireError) -> Milliseconds {
        let sum = base.addingReportingOverflow(try zigzag(.times))
        guard !sum.overflow, (-Limits.time...Limits.time).contains(sum.partialValue) else {
            throw error(.limit, .times)
        }
        return sum.partialValue
    }

    fileprivate mutating func shown() throws(WireError) -> Context {
        var entries: [VersionVector.Entry] = []
        for _ in 0..<(try count(upTo: Limits.contextEntries, ofAtLeast: 9, .contexts)) {
            let dot = try namedDot()
            entries.append(VersionVector.Entry(origin: dot.origin, count: dot.sequence))
        }
        var dots: [Dot] = []
        for _ in 0..<(try count(upTo: Limits.contextDots, ofAtLeast: 9, .contexts)) {
            dots.append(try namedDot())
        }
        guard let vector = VersionVector(canonical: entries),
            let context = Context(canonical: vector, dots: dots)
        else { throw error(.notCanonical, .contexts) }
        return context
    }

    fileprivate mutating func value(of kind: UInt8) throws(WireError) -> Value {
        if kind == 0 { return .notStated }
        switch ValueKind(rawValue: kind) {
        case .integer: return .integer(try zigzag(.integers))
        case .decimal:
            let scale = try byte(.integers)
            guard scale <= 18 else { throw error(.outOfRange, .integers) }
            return .decimal(unscaled: try zigzag(.integers), scale: scale)
        case .text: return .text(try said(upTo: Limits.valueBytes))
        case .list:
            var items: [[UInt8]] = []
            for _ in 0..<(try count(upTo: Limits.spokenBytes, ofAtLeast: 1, .list)) {
                items.append(try said(upTo: Limits.valueBytes))
            }
            return .list(items)
        case nil: throw error(.unknownEncoding, .column)
        }
    }

    fileprivate mutating func said(upTo limit: Int) throws(WireError) -> [UInt8] {
        let head = try varint(.text)
        var text: [UInt8] = []
        switch head & 3 {
        case Saying.literal: text = Array(try take(try length(head >> 2), .text))
        case Saying.word: text = try spokenWord(head >> 2)
        case Saying.begun:
            text = try spokenWord(head >> 2)
            text += try counted(upTo: limit, .text)
        default:
            text = Array(try take(try length(head >> 2), .text))
            let digits = Int(try byte(.text))
            let number = String(try varint(.text)).utf8
            guard (1...Saying.digits).contains(digits), number.count <= digits else {
                throw error(.outOfRange, .text)
            }
            text += [UInt8](repeating: 0x30, count: digits - number.count) + number
        }
        guard text.count <= limit else { throw error(.limit, .text) }
        guard text.withUnsafeBufferPointer(UTF8Check.isValid) else { throw error(.badText, .text) }
        return text
    }

    private func length(_ number: UInt64) throws(WireError) -> Int {
        guard number <= UInt64(remaining) else { throw error(.truncated, .text) }
        return Int(number)
    }

    private func spokenWord(_ number: UInt64) throws(WireError) -> [UInt8] {
        guard number < UInt64(SpokenEntry.words.count) else { throw error(.unknownEncoding, .text) }
        return Array(SpokenEntry.words[Int(number)].utf8)
    }
}
