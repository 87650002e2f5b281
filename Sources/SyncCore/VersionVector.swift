/// Origin → highest sequence, in canonical form: sorted by origin, no origin 0, no count 0, no origin twice.
///
/// Ids and counts use the full range of UInt64. An absent origin counts as 0.
public struct VersionVector: Sendable, Hashable {
    public struct Entry: Sendable, Hashable {
        public var origin: OriginID
        public var count: UInt64

        public init(origin: OriginID, count: UInt64) {
            self.origin = origin
            self.count = count
        }
    }

    /// How two vectors lie to each other.
    public enum Relation: String, Sendable {
        case equal, greater, lesser, concurrent
    }

    /// Ascending by origin.
    public private(set) var entries: Entries

    public init() { entries = Entries() }

    private init(entries: Entries) { self.entries = entries }

    /// Takes entries that are canonical already; nil otherwise. What comes from the wire goes through here.
    public init?(canonical entries: [Entry]) {
        var last: OriginID = 0
        for entry in entries {
            guard entry.origin > last, entry.count > 0 else { return nil }
            last = entry.origin
        }
        self.entries = Entries(entries)
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
        entries = Entries(kept)
    }

    public var isEmpty: Bool { entries.isEmpty }

    /// Highest known sequence of `origin`; 0 when it is absent. Setting 0 removes the entry.
    public subscript(origin: OriginID) -> UInt64 {
        get {
            let index = position(of: origin)
            return index < entries.count && entries[index].origin == origin ? entries[index].count : 0
        }
        set {
            guard origin != 0 else { return }
            let index = position(of: origin)
            let present = index < entries.count && entries[index].origin == origin
            if present, newValue > 0 { return entries.set(newValue, at: index) }
            guard present || newValue > 0 else { return }
            var all = Array(entries)
            if present {
                all.remove(at: index)
            } else {
                all.insert(Entry(origin: origin, count: newValue), at: index)
            }
            entries = Entries(all)
        }
    }

    public func covers(_ dot: Dot) -> Bool { self[dot.origin] >= dot.sequence }

    /// Raises the count of the dot's origin to its sequence, never lowers it.
    public mutating func include(_ dot: Dot) {
        if self[dot.origin] < dot.sequence { self[dot.origin] = dot.sequence }
    }

    /// Compares in one pass over both sorted lists.
    public func compare(_ other: VersionVector) -> Relation {
        var left = 0
        var right = 0
        var more = false
        var less = false
        while left < entries.count || right < other.entries.count {
            if right == other.entries.count
                || (left < entries.count && entries[left].origin < other.entries[right].origin)
            {
                more = true
                left += 1
            } else if left == entries.count || entries[left].origin > other.entries[right].origin {
                less = true
                right += 1
            } else {
                if entries[left].count > other.entries[right].count { more = true }
                if entries[left].count < other.entries[right].count { less = true }
                left += 1
                right += 1
            }
            if more && less { return .concurrent }
        }
        return more ? .greater : less ? .lesser : .equal
    }

    /// The least vector that covers both, made in one pass.
    public func merged(with other: VersionVector) -> VersionVector {
        if let few = entries.mergedIfFew(with: other.entries) { return VersionVector(entries: few) }
        if other.entries.isEmpty { return self }
        if entries.isEmpty { return other }
        var result: [Entry] = []
        result.reserveCapacity(entries.count + other.entries.count)
        var left = 0
        var right = 0
        while left < entries.count && right < other.entries.count {
            let mine = entries[left]
            let theirs = other.entries[right]
            if mine.origin < theirs.origin {
                result.append(mine)
                left += 1
            } else if mine.origin > theirs.origin {
                result.append(theirs)
                right += 1
            } else {
                result.append(mine.count >= theirs.count ? mine : theirs)
                left += 1
                right += 1
            }
        }
        result.append(contentsOf: entries[left...])
        result.append(contentsOf: other.entries[right...])
        return VersionVector(entries: Entries(result))
    }

    /// Index of the first entry whose origin is not below `origin`.
    private func position(of origin: OriginID) -> Int {
        var low = 0
        var high = entries.count
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].origin < origin { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
