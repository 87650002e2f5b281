/// What the author of a version had been shown of *that record*: a vector and, rarely, single dots beyond it.
///
/// Canonical: the dots are sorted, distinct, and none is covered by the vector.
public struct Context: Sendable, Hashable {
    public private(set) var vector: VersionVector
    public private(set) var dots: [Dot]

    public static let empty = Context()

    public init() {
        vector = VersionVector()
        dots = []
    }

    /// Takes parts that are canonical already; nil otherwise.
    public init?(canonical vector: VersionVector, dots: [Dot]) {
        var last = Dot(origin: 0, sequence: .max)
        for dot in dots {
            guard last < dot, dot.sequence > 0, !vector.covers(dot) else { return nil }
            last = dot
        }
        self.vector = vector
        self.dots = dots
    }

    public var isEmpty: Bool { vector.isEmpty && dots.isEmpty }

    /// Of each origin the last version that was shown.
    public var last: [Dot] {
        var reach = vector
        for dot in dots { reach.include(dot) }
        return reach.entries.map { Dot(origin: $0.origin, sequence: $0.count) }
    }

    public func covers(_ dot: Dot) -> Bool {
        vector.covers(dot) || dots.contains(dot)
    }

    /// Adds a dot and everything of its origin before it: right where the origin's versions of the record
    /// were shown without a hole.
    public mutating func includePrefix(_ dot: Dot) {
        vector.include(dot)
        dots.removeAll { vector.covers($0) }
    }

    /// Adds this dot alone: right where something before it was held back, such as a quarantined version.
    public mutating func includeSingle(_ dot: Dot) {
        guard !covers(dot) else { return }
        let index = dots.firstIndex { dot < $0 } ?? dots.count
        dots.insert(dot, at: index)
    }

    /// The least context that covers both.
    public func merged(with other: Context) -> Context {
        if other.isEmpty { return self }
        if isEmpty { return other }
        var result = Context()
        result.vector = vector.merged(with: other.vector)
        if dots.isEmpty && other.dots.isEmpty { return result }
        var all = (dots + other.dots).filter { !result.vector.covers($0) }.sorted()
        all = all.enumerated().filter { $0.offset == 0 || all[$0.offset - 1] != $0.element }.map(\.element)
        result.dots = all
        return result
    }
}
