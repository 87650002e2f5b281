/// Names a part of the records that two ends compare: all, then by form and 32 days, day, unit, and at last
/// by the first bits of the records' hashes. Forms and units are UTF-8.
public enum TallyPath: Sendable, Hashable {
    case all
    /// Days from 32 × `period` on.
    case period(form: [UInt8], period: Int32)
    /// Nil: the form's keys name no day.
    case day(form: [UInt8], day: Int32?)
    /// The unit that a record counts under; empty for none.
    case unit(form: [UInt8], day: Int32?, unit: [UInt8])
    /// Records whose hashes begin with the 6 × `depth` bits of `prefix`.
    case bucket(form: [UInt8], day: Int32?, unit: [UInt8], depth: UInt8, prefix: UInt64)

    /// Days of one period.
    public static let periodDays: Int32 = 32
    /// Bits by which one depth of buckets tells hashes apart.
    static let bucketBits = 6
    public static let deepest: UInt8 = 10

    public static func period(of day: Int32) -> Int32 {
        day >= 0 ? day / periodDays : -((-(day + 1)) / periodDays) - 1
    }

    /// Empty for ``all``.
    public var form: [UInt8] {
        switch self {
        case .all: []
        case .period(let form, _), .day(let form, _), .unit(let form, _, _), .bucket(let form, _, _, _, _):
            form
        }
    }

    /// The days that records under it may have; nil when it is about records without a day, or about all.
    public var days: ClosedRange<Int32>? {
        switch self {
        case .all: nil
        case .period(_, let period):
            TallyPath.firstDay(of: period)...TallyPath.lastDay(of: period)
        case .day(_, let day), .unit(_, let day, _), .bucket(_, let day, _, _, _): day.map { $0...$0 }
        }
    }

    private static func firstDay(of period: Int32) -> Int32 {
        Int32(clamping: Int64(period) * Int64(periodDays))
    }

    private static func lastDay(of period: Int32) -> Int32 {
        Int32(clamping: Int64(period) * Int64(periodDays) + Int64(periodDays) - 1)
    }

    /// Whether a record lies under it.
    public func contains(_ place: TallyPlace, hash: UInt64) -> Bool {
        switch self {
        case .all: true
        case .period(let form, let period):
            place.form == form && place.day.map(TallyPath.period(of:)) == period
        case .day(let form, let day): place.form == form && place.day == day
        case .unit(let form, let day, let unit):
            place.form == form && place.day == day && place.unit == unit
        case .bucket(let form, let day, let unit, let depth, let prefix):
            place.form == form && place.day == day && place.unit == unit
                && TallyPath.prefix(of: hash, depth: depth) == prefix
        }
    }

    /// The next part that a record under this one belongs to; nil when there are records below it and nothing
    /// else.
    public func child(_ place: TallyPlace, hash: UInt64) -> TallyPath? {
        switch self {
        case .all:
            place.day.map { .period(form: place.form, period: TallyPath.period(of: $0)) }
                ?? .day(form: place.form, day: nil)
        case .period(let form, _): .day(form: form, day: place.day)
        case .day(let form, let day): .unit(form: form, day: day, unit: place.unit)
        case .unit(let form, let day, let unit):
            .bucket(
                form: form, day: day, unit: unit, depth: 1, prefix: TallyPath.prefix(of: hash, depth: 1))
        case .bucket(let form, let day, let unit, let depth, _):
            depth < TallyPath.deepest
                ? .bucket(
                    form: form, day: day, unit: unit, depth: depth + 1,
                    prefix: TallyPath.prefix(of: hash, depth: depth + 1)) : nil
        }
    }

    /// Whether few records under it are named one by one.
    public var mayNameRecords: Bool {
        switch self {
        case .unit, .bucket: true
        default: false
        }
    }

    static func prefix(of hash: UInt64, depth: UInt8) -> UInt64 {
        hash >> (64 - UInt64(bucketBits) * UInt64(depth))
    }
}

/// Where a record counts.
public struct TallyPlace: Sendable, Hashable, Comparable {
    public var form: [UInt8]
    public var day: Int32?
    public var unit: [UInt8]

    public init(form: [UInt8], day: Int32?, unit: [UInt8]) {
        self.form = form
        self.day = day
        self.unit = unit
    }

    public static func < (left: TallyPlace, right: TallyPlace) -> Bool {
        if left.form != right.form { return left.form.lexicographicallyPrecedes(right.form) }
        if left.day != right.day {
            return (left.day.map { Int64($0) } ?? .min) < (right.day.map { Int64($0) } ?? .min)
        }
        return left.unit.lexicographicallyPrecedes(right.unit)
    }
}

/// Count, and sum of prints modulo 2^64, of the records that are not on their way.
public struct Tally: Sendable, Hashable {
    public var count: UInt64
    public var sum: UInt64
    /// Records that the other side cannot hold like this yet; they are not in count and sum.
    public var moving: UInt64

    public init(count: UInt64 = 0, sum: UInt64 = 0, moving: UInt64 = 0) {
        self.count = count
        self.sum = sum
        self.moving = moving
    }

    public mutating func add(_ print: UInt64, isMoving: Bool) {
        if isMoving {
            moving += 1
        } else {
            count += 1
            sum &+= print
        }
    }

    public static func += (left: inout Tally, right: Tally) {
        left.count &+= right.count
        left.sum &+= right.sum
        left.moving &+= right.moving
    }

    public func agrees(with other: Tally) -> Bool { count == other.count && sum == other.sum }
}

public struct TallyGroup: Sendable, Hashable {
    /// A child of what was asked for.
    public var path: TallyPath
    public var tally: Tally

    public init(path: TallyPath, tally: Tally) {
        self.path = path
        self.tally = tally
    }
}

/// What is known of a record beside its print.
public struct TallyFlags: OptionSet, Sendable, Hashable {
    public let rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Something of it came after what the other side says that it holds.
    public static let moving = TallyFlags(rawValue: 1)
    /// Its row does not say what its versions say.
    public static let altered = TallyFlags(rawValue: 2)
    /// Here only: the centre holds a version of it back.
    public static let heldBack = TallyFlags(rawValue: 4)

    public static let sent: TallyFlags = [.moving, .altered]
    /// Such a record is not compared.
    public static let apart: TallyFlags = [.moving, .heldBack]
}

public struct TallyRecord: Sendable, Hashable {
    /// Canonical bytes of the key.
    public var key: [UInt8]
    public var print: UInt64
    public var flags: TallyFlags

    public init(key: [UInt8], print: UInt64, flags: TallyFlags = []) {
        self.key = key
        self.print = print
        self.flags = flags
    }
}

/// Asks what the hub holds under some paths, in the scope of the one who asks.
public struct TallyQuestion: Sendable, Hashable {
    /// The asker has applied the feed up to here; what others did after it is on its way.
    public var position: UInt64
    /// The asker's own journals reach to here; what lies above came after it looked.
    public var own: [Dot]
    /// Distinct; `all` only by itself.
    public var paths: [TallyPath]

    public init(position: UInt64, own: [Dot], paths: [TallyPath]) {
        self.position = position
        self.own = own
        self.paths = paths
    }
}

/// What was found, part by part in the order of the question.
public struct TallyAnswer: Sendable, Hashable {
    public enum Content: Sendable, Hashable {
        case groups([TallyGroup])
        case records([TallyRecord])
    }

    public struct Part: Sendable, Hashable {
        public var path: TallyPath
        public var content: Content
        /// There is more than fits an answer.
        public var isCut: Bool

        public init(path: TallyPath, content: Content, isCut: Bool = false) {
            self.path = path
            self.content = content
            self.isCut = isCut
        }
    }

    /// The arrival log's end when the hub looked.
    public var position: UInt64
    /// The hub's local day, which says who belongs where at present.
    public var today: Int32
    public var parts: [Part]

    public init(position: UInt64, today: Int32, parts: [Part]) {
        self.position = position
        self.today = today
        self.parts = parts
    }
}
