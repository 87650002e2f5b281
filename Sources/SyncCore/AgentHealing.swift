/// Where an own journal and the hub's have parted, or may have.
public struct Parting: Sendable, Hashable {
    public var origin: OriginID
    /// Both certainly hold the same up to here.
    public var common: UInt64
    /// Above this the journals certainly differ, or one of them has ended. Not below `common`.
    public var limit: UInt64

    public init(origin: OriginID, common: UInt64, limit: UInt64) {
        self.origin = origin
        self.common = common
        self.limit = limit
    }
}

/// The highest sequence up to which an own journal and the hub's are the same.
public struct ForkPoint: Sendable, Hashable {
    public var origin: OriginID
    public var sequence: UInt64

    public init(origin: OriginID, sequence: UInt64) {
        self.origin = origin
        self.sequence = sequence
    }
}

/// Bisects own journals against the hub's with questions for heads, one origin after the other.
///
/// Equal heads mean equal journals below them, so each answer narrows the search to one part in
/// ``questionEntries``.
struct AgentHealing: Sendable {
    enum Step: Sendable, Hashable {
        /// Own heads are wanted.
        case load(OriginID, [UInt64])
        case ask(Heads)
        case found([ForkPoint])
    }

    static let questionEntries: UInt64 = 32

    private var searches: [Parting]
    /// Own heads at the sequences in question.
    private var question: Heads?
    private var isAsked = false

    init(_ partings: [Parting]) { searches = partings }

    /// What to do next, once nothing is under way.
    mutating func next() -> Step {
        guard let open = searches.first(where: { $0.common < $0.limit }) else {
            return .found(searches.map { ForkPoint(origin: $0.origin, sequence: $0.common) })
        }
        return .load(open.origin, AgentHealing.places(from: open.common, through: open.limit))
    }

    /// Evenly spread sequences above `common`, ascending, with `limit` as the last.
    static func places(from common: UInt64, through limit: UInt64) -> [UInt64] {
        let span = limit - common
        let count = min(span, questionEntries)
        let (step, rest) = span.quotientAndRemainder(dividingBy: count)
        var places: [UInt64] = []
        var place = common
        for index in 0..<count {
            place += step + (index < rest ? 1 : 0)
            places.append(place)
        }
        return places
    }

    /// Own heads have been loaded; nil when they are not those that were asked for.
    mutating func loaded(_ heads: Heads) -> Step? {
        guard !isAsked, let open = searches.first(where: { $0.common < $0.limit }),
            heads.origin == open.origin,
            heads.entries.map(\.sequence) == AgentHealing.places(from: open.common, through: open.limit)
        else { return nil }
        question = heads
        isAsked = true
        let entries = heads.entries.map { Heads.Entry(sequence: $0.sequence, head: nil) }
        return .ask(Heads(origin: heads.origin, entries: entries))
    }

    /// The hub has answered; nil when the answer is not to the question.
    mutating func answered(_ heads: Heads) -> Step? {
        guard isAsked, let question, heads.origin == question.origin,
            heads.entries.map(\.sequence) == question.entries.map(\.sequence),
            let index = searches.firstIndex(where: { $0.origin == heads.origin })
        else { return nil }
        isAsked = false
        self.question = nil
        var common = searches[index].common
        var limit = searches[index].limit
        for (own, theirs) in zip(question.entries, heads.entries) {
            // What this store has dropped was receipted and backed up: the hub has it.
            let isEqual = own.head == nil || own.head == theirs.head
            if isEqual { common = own.sequence } else { limit = own.sequence - 1 }
            if !isEqual { break }
        }
        searches[index].common = common
        searches[index].limit = max(common, limit)
        return next()
    }
}
