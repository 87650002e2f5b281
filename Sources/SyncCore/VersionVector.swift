/// Origin → highest sequence, in canonical form: sorted by origin, no origin 0, no count 0, no origin twice.
///
/// Ids and counts use the full range of UInt64. An absent origin counts as 0.
public struct VersionVector: Sendable, Hashable {
    public struct Entry: Sendable, Hashable {
        public var origin: OriginID
        public var count: UInt64

        @inlinable public init(origin: OriginID, count: UInt64) {
            self.origin = origin
            self.count = count
        }
    }

    /// How two vectors lie to each other.
    public enum Relation: String, Sendable {
        case equal, greater, lesser, concurrent
    }

    /// All entries when there are no more than three; else none.
    @usableFromInline var few: Few
    /// All entries when there are more than three; else nil.
    @usableFromInline var many: [Entry]?

    /// Ascending by origin.
    public var entries: Entries { Entries(few: few, many: many) }

    public init() { self.init(few: .none) }

    @inlinable @inline(__always)
    init(few: Few) {
        self.few = few
        many = nil
    }

    private init(_ entries: [Entry]) {
        self.init()
        if entries.count > Few.most {
            many = entries
        } else {
            for (index, entry) in entries.enumerated() { few[index] = entry }
        }
    }

    /// Takes entries that are canonical already; nil otherwise. What comes from the wire goes through here.
    public init?(canonical entries: [Entry]) {
        var last: OriginID = 0
        for entry in entries {
            guard entry.origin > last, entry.count > 0 else { return nil }
            last = entry.origin
        }
        self.init(entries)
    }

    /// Puts any list right: drops origin 0 and count 0, sorts, and keeps the highest count of an origin.
    public init(normalizing list: some Sequence<Entry>) {
        let sorted = list.filter { $0.origin != 0 && $0.count != 0 }
            .sorted { ($0.origin, $0.count) < ($1.origin, $1.count) }
        var kept: [Entry] = []
        for entry in sorted {
            if kept.last?.origin == entry.origin {
                kept[kept.count - 1].count = entry.count
            } else {
                kept.append(entry)
            }
        }
        self.init(kept)
    }

    @inlinable public var isEmpty: Bool { many == nil && few.first.origin == 0 }

    /// Highest known sequence of `origin`; 0 when it is absent. Setting 0 removes the entry.
    public subscript(origin: OriginID) -> UInt64 {
        get {
            if many == nil { return few.count(of: origin) }
            let entries = entries
            let index = VersionVector.position(of: origin, in: entries)
            return index < entries.count && entries[index].origin == origin ? entries[index].count : 0
        }
        set {
            guard origin != 0 else { return }
            let entries = entries
            let index = VersionVector.position(of: origin, in: entries)
            let present = index < entries.count && entries[index].origin == origin
            if present, newValue > 0 { return replaceCount(at: index, newValue) }
            guard present || newValue > 0 else { return }
            var all = Array(entries)
            if present {
                all.remove(at: index)
            } else {
                all.insert(Entry(origin: origin, count: newValue), at: index)
            }
            self = VersionVector(all)
        }
    }

    private mutating func replaceCount(at index: Int, _ count: UInt64) {
        if many == nil { few[index].count = count } else { many?[index].count = count }
    }

    public func covers(_ dot: Dot) -> Bool { self[dot.origin] >= dot.sequence }

    /// Raises the count of the dot's origin to its sequence, never lowers it.
    public mutating func include(_ dot: Dot) {
        if self[dot.origin] < dot.sequence { self[dot.origin] = dot.sequence }
    }

    /// Compares in one pass over both sorted lists.
    public func compare(_ other: VersionVector) -> Relation {
        let (mine, theirs) = (entries, other.entries)
        var left = 0
        var right = 0
        var more = false
        var less = false
        while left < mine.count || right < theirs.count {
            if right == theirs.count
                || (left < mine.count && mine[left].origin < theirs[right].origin)
            {
                more = true
                left += 1
            } else if left == mine.count || mine[left].origin > theirs[right].origin {
                less = true
                right += 1
            } else {
                if mine[left].count > theirs[right].count { more = true }
                if mine[left].count < theirs[right].count { less = true }
                left += 1
                right += 1
            }
            if more && less { return .concurrent }
        }
        return more ? .greater : less ? .lesser : .equal
    }

    /// The least vector that covers both, made in one pass.
    ///
    /// Inlined into other modules: a call would copy both whole, and the copy of a list counts its users even
    /// where there is no list.
    @inlinable public func merged(with other: VersionVector) -> VersionVector {
        if many == nil, other.many == nil, let few = few.merged(with: other.few) {
            return VersionVector(few: few)
        }
        return mergedEntryByEntry(with: other)
    }

    @usableFromInline @inline(never)
    func mergedEntryByEntry(with other: VersionVector) -> VersionVector {
        let (mine, theirs) = (entries, other.entries)
        var result: [Entry] = []
        result.reserveCapacity(mine.count + theirs.count)
        var left = 0
        var right = 0
        while left < mine.count && right < theirs.count {
            let (one, two) = (mine[left], theirs[right])
            if one.origin == two.origin {
                result.append(Entry(origin: one.origin, count: max(one.count, two.count)))
            } else {
                result.append(one.origin < two.origin ? one : two)
            }
            left += one.origin <= two.origin ? 1 : 0
            right += two.origin <= one.origin ? 1 : 0
        }
        result.append(contentsOf: mine[left...])
        result.append(contentsOf: theirs[right...])
        return VersionVector(result)
    }

    /// Index of the first entry whose origin is not below `origin`.
    private static func position(of origin: OriginID, in entries: Entries) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].origin < origin { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
