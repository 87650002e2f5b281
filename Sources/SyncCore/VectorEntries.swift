extension VersionVector {
    /// Up to three entries, in the value itself, since most records have few authors. One that is not there
    /// has origin 0, and stands behind all others.
    @usableFromInline struct Few: Sendable, Hashable {
        @usableFromInline var first: Entry
        @usableFromInline var second: Entry
        @usableFromInline var third: Entry

        static let most = 3
        static let none = Few(Few.nothing, Few.nothing, Few.nothing)
        private static let nothing = Entry(origin: 0, count: 0)

        @inlinable @inline(__always)
        init(_ first: Entry, _ second: Entry, _ third: Entry) {
            self.first = first
            self.second = second
            self.third = third
        }

        @inlinable @inline(__always)
        var count: Int {
            (first.origin == 0 ? 0 : 1) + (second.origin == 0 ? 0 : 1) + (third.origin == 0 ? 0 : 1)
        }

        /// - Parameter position: below three; behind the last entry lies one of origin 0.
        subscript(position: Int) -> Entry {
            get {
                switch position {
                case 0: first
                case 1: second
                default: third
                }
            }
            set {
                switch position {
                case 0: first = newValue
                case 1: second = newValue
                default: third = newValue
                }
            }
        }

        /// 0 where there is no such entry.
        func count(of origin: OriginID) -> UInt64 {
            origin == first.origin
                ? first.count
                : origin == second.origin ? second.count : origin == third.origin ? third.count : 0
        }

        /// The least entries that cover both; nil when there are more than three of them.
        ///
        /// Three steps without a branch that depends on the entries.
        @inlinable @inline(__always)
        func merged(with other: Few) -> Few? {
            var mine = self
            var theirs = other
            let first = Few.takeLeast(&mine, &theirs)
            let second = Few.takeLeast(&mine, &theirs)
            let third = Few.takeLeast(&mine, &theirs)
            return mine.first.origin | theirs.first.origin == 0 ? Few(first, second, third) : nil
        }

        /// Takes the entry with the least origin out of those that have it. Origins compare by what lies one
        /// below them, so that one that is not there counts as the last.
        @inlinable @inline(__always)
        static func takeLeast(_ mine: inout Few, _ theirs: inout Few) -> Entry {
            let (left, right) = (mine.first, theirs.first)
            let isMine = left.origin &- 1 <= right.origin &- 1
            let isTheirs = right.origin &- 1 <= left.origin &- 1
            let nothing = Entry(origin: 0, count: 0)
            mine = isMine ? Few(mine.second, mine.third, nothing) : mine
            theirs = isTheirs ? Few(theirs.second, theirs.third, nothing) : theirs
            return Entry(
                origin: isMine ? left.origin : right.origin,
                count: max(isMine ? left.count : 0, isTheirs ? right.count : 0))
        }
    }

    /// A vector's entries, ascending by origin.
    public struct Entries: RandomAccessCollection, Sendable, Hashable {
        public let count: Int
        private let few: Few
        private let many: [Entry]?

        init(few: Few, many: [Entry]?) {
            count = many?.count ?? few.count
            self.few = few
            self.many = many
        }

        public var startIndex: Int { 0 }
        public var endIndex: Int { count }

        public subscript(position: Int) -> Entry {
            precondition(position >= 0 && position < count)
            return many?[position] ?? few[position]
        }
    }
}
