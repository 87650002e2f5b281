import SyncCore

enum VersionVectorCases {
    private typealias Entry = VersionVector.Entry

    private static func vector(_ entries: [(UInt64, UInt64)]) -> VersionVector {
        VersionVector(normalizing: entries.map { Entry(origin: $0.0, count: $0.1) })
    }

    private static func pair(
        _ name: String, _ shows: String, _ left: [(UInt64, UInt64)], _ right: [(UInt64, UInt64)]
    ) -> Case {
        let (left, right) = (vector(left), vector(right))
        return Case(
            name, shows,
            [
                ("left", Meaning.vector(left)), ("right", Meaning.vector(right)),
                ("relation", .string(left.compare(right).rawValue)),
                ("merged", Meaning.vector(left.merged(with: right))),
            ])
    }

    private static func list(_ name: String, _ shows: String, _ entries: [(UInt64, UInt64)]) -> Case {
        Case(
            name, shows,
            [
                (
                    "entries",
                    .array(entries.map { [Meaning.origin($0.0), Meaning.number($0.1)] })
                ), ("vector", Meaning.vector(vector(entries))),
            ])
    }

    private static func context(_ entries: [(UInt64, UInt64)], _ dots: [(UInt64, UInt64)]) -> Context {
        var context = Context(canonical: vector(entries), dots: []) ?? .empty
        for dot in dots { context.includeSingle(Dot(origin: dot.0, sequence: dot.1)) }
        return context
    }

    private static func contexts(_ name: String, _ shows: String, _ left: Context, _ right: Context) -> Case {
        Case(
            name, shows,
            [
                ("left", Meaning.context(left)), ("right", Meaning.context(right)),
                ("merged", Meaning.context(left.merged(with: right))),
            ])
    }

    private static func covers(
        _ name: String, _ shows: String, _ context: Context, _ dots: [(UInt64, UInt64)]
    )
        -> Case
    {
        Case(
            name, shows,
            [
                ("context", Meaning.context(context)),
                (
                    "dots",
                    .array(
                        dots.map {
                            let dot = Dot(origin: $0.0, sequence: $0.1)
                            return ["dot": Meaning.dot(dot), "covered": .bool(context.covers(dot))]
                        })
                ),
            ])
    }

    @Sendable static func file() -> [(String, JSON)] {
        let top = UInt64.max
        return [
            (
                "pairs",
                .cases([
                    pair("both-empty", "nothing is equal to nothing", [], []),
                    pair("one-empty", "anything is greater than nothing", [(1, 1)], []),
                    pair("other-empty", "and nothing is lesser", [], [(1, 1)]),
                    pair("equal", "the same entries", [(1, 4), (2, 7)], [(1, 4), (2, 7)]),
                    pair("higher-count", "one count is higher", [(1, 5), (2, 7)], [(1, 4), (2, 7)]),
                    pair("another-origin", "an origin more", [(1, 4)], [(1, 4), (2, 1)]),
                    pair(
                        "concurrent-counts", "each has a higher count", [(1, 5), (2, 6)], [(1, 4), (2, 7)]),
                    pair("concurrent-origins", "each has an origin of its own", [(1, 1)], [(2, 1)]),
                    pair(
                        "higher-but-lacking", "a higher count, and an origin less", [(1, 9)],
                        [(1, 1), (2, 1)]),
                    pair(
                        "full-range", "origins and counts are unsigned and fill 64 bits",
                        [(1, 1), (1 << 63, top), (top, 1)], [(1 << 63, 1 << 63), (top, top)]),
                    pair(
                        "interleaved", "origins in turn", [(1, 1), (3, 3), (5, 5)], [(2, 2), (4, 4), (6, 6)]),
                ])
            ),
            (
                "lists",
                .cases([
                    list("shuffled", "a vector ascends by origin", [(3, 1), (1, 2), (2, 9)]),
                    list("repeated", "the highest count of an origin stays", [(1, 2), (1, 9), (1, 3)]),
                    list("zeros", "origin 0 names nobody, count 0 says nothing", [(0, 5), (7, 0), (9, 1)]),
                    list(
                        "unsigned-order", "ids above 2^63 come last", [(top, 1), (1 << 63, 2), (1, 3)]),
                ])
            ),
            (
                "contexts",
                .cases([
                    contexts(
                        "vectors-only", "merged like vectors", context([(1, 3)], []),
                        context([(1, 2), (2, 5)], [])),
                    contexts(
                        "dot-covered-by-the-other", "a dot that the merged vector covers is left out",
                        context([(1, 3)], [(2, 4)]), context([(2, 9)], [(1, 7)])),
                    contexts(
                        "dots-joined", "dots ascend, each once", context([], [(2, 4), (1, 7)]),
                        context([], [(1, 7), (1, 2), (3, 1)])),
                    contexts(
                        "dots-next-to-a-vector", "a dot that follows its vector entry stays a dot",
                        context([(1, 3)], [(1, 4)]), context([], [(1, 5)])),
                ])
            ),
            (
                "coverage",
                .cases([
                    covers(
                        "vector-and-dots", "up to the count, and single dots beyond it",
                        context([(1, 3)], [(1, 5), (2, 2)]),
                        [(1, 1), (1, 3), (1, 4), (1, 5), (1, 6), (2, 1), (2, 2), (3, 1)])
                ])
            ),
        ]
    }
}
