/// Makes prints: 64 bits by which two ends find out that they hold the same, without sending it.
///
/// FNV-1a over the bytes, then mixed, so that sums of prints keep what they are made of apart. It finds
/// accidents, not forgeries: nothing is ever taken for received because a print agrees.
public struct PrintHasher: Sendable, Hashable {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    public init() {}

    public var value: UInt64 {
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    public mutating func put(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }

    public mutating func put(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            put(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        put(UInt8(truncatingIfNeeded: rest))
    }

    public mutating func put(zigzag value: Int64) { put(varint: Canonical.zigzag(value)) }

    public mutating func put(word: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) { put(UInt8(truncatingIfNeeded: word >> shift)) }
    }

    public mutating func put(_ bytes: UnsafeRawBufferPointer) {
        var hash = state
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        state = hash
    }

    public mutating func put(_ bytes: [UInt8]) { bytes.withUnsafeBytes { put($0) } }

    public mutating func put(counted bytes: [UInt8]) {
        put(varint: UInt64(bytes.count))
        put(bytes)
    }

    /// The value's canonical bytes.
    public mutating func put(_ value: Value) {
        switch value {
        case .notStated: put(0 as UInt8)
        case .integer(let number): put(integer: number)
        case .decimal(let unscaled, let scale): put(decimal: unscaled, scale: scale)
        case .text(let text): text.withUnsafeBytes { put(text: $0) }
        case .list(let items):
            put(ValueKind.list.rawValue)
            put(Canonical.encodeList(items))
        }
    }

    public mutating func put(integer: Int64) {
        put(ValueKind.integer.rawValue)
        put(zigzag: integer)
    }

    public mutating func put(decimal unscaled: Int64, scale: UInt8) {
        put(ValueKind.decimal.rawValue)
        put(scale)
        put(zigzag: unscaled)
    }

    public mutating func put(text: UnsafeRawBufferPointer) {
        put(ValueKind.text.rawValue)
        put(varint: UInt64(text.count))
        put(text)
    }
}

/// What a record is compared by. `Protocol/SPEC.md`, "Tallies", is the authority on its bytes.
///
/// It covers what is in force: each version that holds a field, with the fields that it holds. What has been
/// covered, and the contexts that covered it, do not count: two ends that say the same of a record have the
/// same print, also when one of them was never sent what had been replaced before.
public struct RecordPrint: Sendable, Hashable {
    /// Names the record: of its form and key.
    public var hash: UInt64
    public var print: UInt64

    public init(hash: UInt64, print: UInt64) {
        self.hash = hash
        self.print = print
    }

    /// Follows in the print of a record of which the end itself finds that it was altered.
    public static let altered: UInt8 = 0xfe
    /// Ends the values of a key; no value begins with it.
    static let keyEnd: UInt8 = 0xff

    /// Begins with the form and the canonical bytes of the key. What a hasher says then is ``hash``.
    public static func hasher(form: [UInt8], key: [UInt8]) -> PrintHasher {
        var hasher = beginning(form: form)
        hasher.put(key)
        hasher.put(keyEnd)
        return hasher
    }

    /// To be followed by the key's values and ``endKey(_:)``.
    public static func beginning(form: [UInt8]) -> PrintHasher {
        var hasher = PrintHasher()
        hasher.put(counted: form)
        return hasher
    }

    public static func endKey(_ hasher: inout PrintHasher) { hasher.put(keyEnd) }

    /// - Parameter key: canonical bytes.
    public init(form: [UInt8], key: [UInt8], _ state: RecordState) {
        var hasher = RecordPrint.hasher(form: form, key: key)
        hash = hasher.value
        hasher.put(state)
        print = hasher.value
    }
}

extension PrintHasher {
    /// What a record says: its revision and first-created time, then its siblings, ascending by first name.
    public mutating func put(_ state: RecordState) {
        begin(revision: state.formRevision, firstCreated: state.firstCreated, siblings: state.siblings.count)
        for sibling in state.siblings.sorted(by: PrintHasher.isFirst) {
            let held = sibling.assignments.filter { state.holds(sibling, $0.field) }
            let isHeld = state.holds(sibling, RecordState.existence)
            begin(
                sibling.firstName, isDelete: sibling.isDelete, clockTrusted: sibling.clockTrusted,
                authored: sibling.authored, stated: sibling.stated, author: sibling.author,
                fields: held.count + (isHeld ? 1 : 0))
            if isHeld { put(varint: UInt64(RecordState.existence)) }
            for assignment in held {
                put(varint: UInt64(assignment.field))
                put(assignment.value)
            }
        }
    }

    /// Two different versions may have been called alike at first.
    private static func isFirst(_ one: Version, _ other: Version) -> Bool {
        let (mine, theirs) = (one.firstName, other.firstName)
        return mine != theirs ? mine < theirs : one.dot < other.dot
    }

    public mutating func begin(revision: UInt32, firstCreated: Milliseconds, siblings: Int) {
        put(varint: UInt64(revision))
        put(zigzag: firstCreated)
        put(varint: UInt64(siblings))
    }

    /// One sibling, to be followed by the fields that it holds: each number, and unless it is the existence
    /// its value.
    public mutating func begin(
        _ dot: Dot, isDelete: Bool, clockTrusted: Bool, authored: Milliseconds, stated: Milliseconds,
        author: [UInt8], fields: Int
    ) {
        put(word: dot.origin)
        put(varint: dot.sequence)
        put((isDelete ? 1 : 0) | (clockTrusted ? 0 : 2))
        put(zigzag: authored)
        put(zigzag: stated)
        put(counted: author)
        put(varint: UInt64(fields))
    }
}
