public import SyncCore

/// What a look at every entry of a store's journals came to.
public struct StoreVerification: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
        /// An entry, or something beside it, is not what was written.
        case altered
        /// Entries are missing.
        case dropped
        /// There is more than was written.
        case inserted
        /// Entries stand where others belong.
        case moved
        /// A seal that the device has not signed.
        case seal
        /// A receipt or statement that the hub has not signed.
        case receipt
    }

    /// Something that does not hold.
    public struct Damage: Sendable, Hashable {
        public var kind: Kind
        /// Nil: the store as a whole.
        public var origin: OriginID?
        /// The entry; several where the store cannot tell which of them.
        public var sequences: ClosedRange<UInt64>?
        /// Of the first entry, as it reads now.
        public var key: RecordKey?
        public var authored: Milliseconds?
        /// What of it: names columns and tables, for whoever helps.
        public var part: String

        package init(
            _ kind: Kind, _ origin: OriginID?, _ sequences: ClosedRange<UInt64>? = nil,
            key: RecordKey? = nil, authored: Milliseconds? = nil, part: String
        ) {
            self.kind = kind
            self.origin = origin
            self.sequences = sequences
            self.key = key
            self.authored = authored
            self.part = part
        }
    }

    /// One journal, as far as it holds.
    public struct Journal: Sendable, Hashable {
        public var origin: OriginID
        public var lane: Lane
        public var last: UInt64
        public var head: Digest
        /// Checked from here on; what lies below was pruned.
        public var from: UInt64

        package init(origin: OriginID, lane: Lane, last: UInt64, head: Digest, from: UInt64) {
            self.origin = origin
            self.lane = lane
            self.last = last
            self.head = head
            self.from = from
        }
    }

    /// In the order in which the entries were written or came.
    public internal(set) var damages: [Damage] = []
    /// Beyond those that are listed.
    public internal(set) var more = 0
    public package(set) var journals: [Journal] = []
    public package(set) var versions = 0
    public package(set) var seals = 0
    public package(set) var receipts = 0
    /// Versions of which only hashes are left, or some of their classes.
    public package(set) var purged = 0
    /// Versions that are missing for ever, as the hub's own old receipt says.
    public package(set) var holes: UInt64 = 0

    package init() {}

    /// So many are listed.
    private static let listed = 100
    private var orders: [(UInt64, UInt64)] = []

    /// - Parameter order: where in the store, so that what is found later goes to its place.
    package mutating func add(_ damage: Damage, order: UInt64) {
        let place = (order, damage.sequences?.lowerBound ?? 0)
        let index = orders.firstIndex { place < $0 } ?? orders.count
        orders.insert(place, at: index)
        damages.insert(damage, at: index)
        if damages.count > StoreVerification.listed {
            orders.removeLast()
            damages.removeLast()
            more += 1
        }
    }

    public static func == (left: StoreVerification, right: StoreVerification) -> Bool {
        left.damages == right.damages && left.journals == right.journals && left.versions == right.versions
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(damages) }
}
