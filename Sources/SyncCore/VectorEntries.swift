extension VersionVector {
    /// A vector's entries. Up to three lie in the value itself, since most records have few authors: merging
    /// such vectors allocates nothing.
    public struct Entries: RandomAccessCollection, Sendable, Hashable {
        private static let nothing = Entry(origin: 0, count: 0)
        static let few = 3

        public private(set) var count = 0
        private var first = Entries.nothing
        private var second = Entries.nothing
        private var third = Entries.nothing
        /// All of them when there are more than three, else none.
        private var many: [Entry] = []

        init() {}

        init(_ entries: [Entry]) {
            count = entries.count
            if entries.count > Entries.few {
                many = entries
                return
            }
            for (index, entry) in entries.enumerated() { place(entry, at: index) }
        }

        public var startIndex: Int { 0 }
        public var endIndex: Int { count }

        public subscript(position: Int) -> Entry {
            precondition(position >= 0 && position < count)
            return count > Entries.few ? many[position] : inline(position)
        }

        private func inline(_ position: Int) -> Entry {
            switch position {
            case 0: first
            case 1: second
            default: third
            }
        }

        private mutating func place(_ entry: Entry, at position: Int) {
            switch position {
            case 0: first = entry
            case 1: second = entry
            default: third = entry
            }
        }

        mutating func set(_ number: UInt64, at position: Int) {
            if count > Entries.few {
                many[position].count = number
            } else {
                var entry = inline(position)
                entry.count = number
                place(entry, at: position)
            }
        }

        /// The least entries that cover both; nil when there are more than three in any of them.
        func mergedIfFew(with other: Entries) -> Entries? {
            guard count <= Entries.few, other.count <= Entries.few else { return nil }
            var result = Entries()
            var left = 0
            var right = 0
            while left < count || right < other.count {
                guard result.count < Entries.few else { return nil }
                let mine = inline(left)
                let theirs = other.inline(right)
                var entry = mine
                if right == other.count || left < count && mine.origin < theirs.origin {
                    left += 1
                } else if left == count || mine.origin > theirs.origin {
                    entry = theirs
                    right += 1
                } else {
                    entry.count = mine.count >= theirs.count ? mine.count : theirs.count
                    left += 1
                    right += 1
                }
                result.place(entry, at: result.count)
                result.count += 1
            }
            return result
        }
    }
}
