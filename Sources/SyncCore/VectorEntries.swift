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
        /// All of them when there are more than three, else nil.
        private var many: [Entry]?

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
            return many?[position] ?? inline(position)
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
                many?[position].count = number
            } else {
                var entry = inline(position)
                entry.count = number
                place(entry, at: position)
            }
        }

        /// The least entries that cover both; nil when there are more than three in any of them.
        ///
        /// Three steps without a branch that depends on the entries. An entry that is not there has origin 0
        /// and counts as the last: origins compare by what lies one below them.
        @inline(__always) func mergedIfFew(with other: Entries) -> Entries? {
            guard many == nil, other.many == nil else { return nil }
            var mine = (first, second, third)
            var theirs = (other.first, other.second, other.third)
            var result = Entries()
            result.first = Entries.leastOfBoth(&mine, &theirs)
            result.second = Entries.leastOfBoth(&mine, &theirs)
            result.third = Entries.leastOfBoth(&mine, &theirs)
            guard mine.0.origin | theirs.0.origin == 0 else { return nil }
            result.count =
                (result.first.origin == 0 ? 0 : 1) + (result.second.origin == 0 ? 0 : 1)
                + (result.third.origin == 0 ? 0 : 1)
            return result
        }

        private typealias Few = (Entry, Entry, Entry)

        /// Takes the entry with the least origin out of those that have it.
        @inline(__always) private static func leastOfBoth(_ mine: inout Few, _ theirs: inout Few) -> Entry {
            let (left, right) = (mine.0, theirs.0)
            let isMine = left.origin &- 1 <= right.origin &- 1
            let isTheirs = right.origin &- 1 <= left.origin &- 1
            mine = isMine ? (mine.1, mine.2, nothing) : mine
            theirs = isTheirs ? (theirs.1, theirs.2, nothing) : theirs
            return Entry(
                origin: isMine ? left.origin : right.origin,
                count: Swift.max(isMine ? left.count : 0, isTheirs ? right.count : 0))
        }
    }
}
