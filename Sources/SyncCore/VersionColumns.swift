/// Flags of one version, as they lie on the wire and in the digest.
public struct VersionFlags: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let delete = VersionFlags(rawValue: 1)
    public static let clockUntrusted = VersionFlags(rawValue: 2)
    public static let hasAuthoredDot = VersionFlags(rawValue: 4)
    /// Feed only, never in a digest: an earlier version of the record by this origin was held back.
    public static let afterHole = VersionFlags(rawValue: 128)

    public static let digested: VersionFlags = [.delete, .clockUntrusted, .hasAuthoredDot]
}

/// What a version does to a field.
public enum Presence: UInt8, Sendable, Hashable {
    /// The field keeps the dot that set it.
    case leftAlone = 0
    case notStated = 1
    case value = 2
}

/// One key or field of one form group, an entry per row of the group.
///
/// Integers and decimals lie in `integers`. Texts and lists lie in a dictionary: `index` names an entry for
/// each row, and entry *i* is `heap[ends[i-1]..<ends[i]]`. A list entry holds its canonical bytes (count,
/// then each text with its length, all varints). Rows without a value hold 0 in `integers` or `index`.
public struct Column: Sendable, Hashable {
    /// The field's id; for a key column its position.
    public var field: FieldID
    public var kind: ValueKind
    /// Decimal digits after the point; 0 unless `kind` is `.decimal`.
    public var scale: UInt8
    public var retentionClass: RetentionClass
    /// A `Presence` per row; empty means that every row has a value. Key columns are always empty here.
    public var presence: [UInt8]
    public var integers: [Int64]
    public var index: [UInt32]
    public var ends: [UInt32]
    public var heap: [UInt8]

    public init(
        field: FieldID, kind: ValueKind, scale: UInt8 = 0, retentionClass: RetentionClass = 0,
        presence: [UInt8] = [], integers: [Int64] = [], index: [UInt32] = [], ends: [UInt32] = [],
        heap: [UInt8] = []
    ) {
        self.field = field
        self.kind = kind
        self.scale = scale
        self.retentionClass = retentionClass
        self.presence = presence
        self.integers = integers
        self.index = index
        self.ends = ends
        self.heap = heap
    }

    public var isDictionary: Bool { kind == .text || kind == .list }

    fileprivate var footprint: Int {
        presence.count + integers.count * 8 + (index.count + ends.count) * 4 + heap.count
    }

    public func presence(at row: Int) -> Presence {
        presence.isEmpty ? .value : (Presence(rawValue: presence[row]) ?? .leftAlone)
    }

    /// The bytes of dictionary entry `entry`, as a range of `heap`.
    public func range(ofEntry entry: Int) -> Range<Int> {
        (entry == 0 ? 0 : Int(ends[entry - 1]))..<Int(ends[entry])
    }

    /// How many bytes ``Canonical/encode(_:)`` gives for the value of `row`; 0 where it leaves the field.
    public func canonicalSize(at row: Int) -> Int {
        switch presence(at: row) {
        case .leftAlone: return 0
        case .notStated: return 1
        case .value: break
        }
        switch kind {
        case .integer: return 1 + Canonical.sizeOfVarint(Canonical.zigzag(integers[row]))
        case .decimal: return 2 + Canonical.sizeOfVarint(Canonical.zigzag(integers[row]))
        case .text:
            let count = range(ofEntry: Int(index[row])).count
            return 1 + Canonical.sizeOfVarint(UInt64(count)) + count
        case .list: return 1 + range(ofEntry: Int(index[row])).count
        }
    }

    /// The value of `row`, or nil when the row leaves the field alone.
    public func value(at row: Int) -> Value? {
        switch presence(at: row) {
        case .leftAlone: return nil
        case .notStated: return .notStated
        case .value: break
        }
        switch kind {
        case .integer: return .integer(integers[row])
        case .decimal: return .decimal(unscaled: integers[row], scale: scale)
        case .text: return .text(Array(heap[range(ofEntry: Int(index[row]))]))
        case .list: return .list(Canonical.decodeList(heap[range(ofEntry: Int(index[row]))]) ?? [])
        }
    }
}

/// The versions of one form and revision within a batch.
public struct FormGroup: Sendable, Hashable {
    public var form: String
    public var revision: UInt32
    /// The batch rows that belong to this group, ascending.
    public var rows: [UInt32]
    public var keys: [Column]
    /// Ascending by (field, kind, scale): a field normally has one column.
    public var fields: [Column]

    public init(form: String, revision: UInt32, rows: [UInt32], keys: [Column], fields: [Column]) {
        self.form = form
        self.revision = revision
        self.rows = rows
        self.keys = keys
        self.fields = fields
    }
}

/// Versions as columns: what is common to all, and a group per form and revision.
public struct VersionColumns: Sendable, Hashable {
    public var authored: [Milliseconds]
    public var stated: [Milliseconds]
    public var firstCreated: [Milliseconds]
    public var flags: [UInt8]
    /// Index into `authors` per row.
    public var author: [UInt32]
    public var authors: [[UInt8]]
    /// Index into `contexts` per row; `contexts[0]` is always the empty context.
    public var context: [UInt32]
    public var contexts: [Context]
    /// For each row with `.hasAuthoredDot`, in row order.
    public var authoredDots: [Dot]
    /// The group of each row, and its place within that group.
    public var group: [UInt32]
    public var place: [UInt32]
    public var groups: [FormGroup]

    public var count: Int { authored.count }

    /// Roughly, the bytes that it takes in memory. A column that is constant takes none on the wire.
    public var footprint: Int {
        var bytes = count * 64 + authors.reduce(0) { $0 + $1.count + 32 } + authoredDots.count * 16
        for context in contexts {
            bytes += 32 + (context.vector.entries.count + context.dots.count) * 16
        }
        for group in groups {
            for column in group.keys + group.fields { bytes += column.footprint }
        }
        return bytes
    }

    public init() {
        authored = []
        stated = []
        firstCreated = []
        flags = []
        author = []
        authors = []
        context = []
        contexts = [.empty]
        authoredDots = []
        group = []
        place = []
        groups = []
    }

    /// The row as a value of its own. Costs allocations: only where a record has siblings, and in tools.
    public func version(at row: Int, dot: Dot) -> Version {
        let group = groups[Int(self.group[row])]
        let place = Int(self.place[row])
        let flags = VersionFlags(rawValue: self.flags[row])
        let assignments = group.fields.compactMap { column in
            column.value(at: place).map {
                Assignment(field: column.field, retentionClass: column.retentionClass, value: $0)
            }
        }
        return Version(
            dot: dot,
            key: RecordKey(form: group.form, values: group.keys.map { $0.value(at: place) ?? .notStated }),
            formRevision: group.revision, context: contexts[Int(context[row])],
            isDelete: flags.contains(.delete),
            clockTrusted: !flags.contains(.clockUntrusted), authored: authored[row], stated: stated[row],
            firstCreated: firstCreated[row], author: authors[Int(author[row])],
            authoredDot: authoredDot(of: row),
            assignments: assignments)
    }

    /// The version's first name, when it has one beside its dot.
    public func authoredDot(of row: Int) -> Dot? {
        guard VersionFlags(rawValue: flags[row]).contains(.hasAuthoredDot) else { return nil }
        var index = 0
        for earlier in 0..<row where VersionFlags(rawValue: flags[earlier]).contains(.hasAuthoredDot) {
            index += 1
        }
        return authoredDots[index]
    }
}
