import SyncCore
import Testing

@Suite struct ContextTests {
    @Test func prefixSwallowsDotsBelowIt() {
        var context = Context()
        context.includeSingle(Dot(origin: 1, sequence: 3))
        context.includeSingle(Dot(origin: 1, sequence: 5))
        context.includeSingle(Dot(origin: 1, sequence: 5))
        #expect(context.dots.count == 2)
        #expect(!context.covers(Dot(origin: 1, sequence: 1)))
        context.includePrefix(Dot(origin: 1, sequence: 4))
        #expect(context.dots == [Dot(origin: 1, sequence: 5)])
        #expect(context.covers(Dot(origin: 1, sequence: 1)))
        #expect(!context.covers(Dot(origin: 1, sequence: 6)))
    }

    @Test func refusesWhatIsNotCanonical() {
        let vector = VersionVectorTests.vector([(1, 4)])
        #expect(Context(canonical: vector, dots: [Dot(origin: 1, sequence: 4)]) == nil)
        #expect(Context(canonical: vector, dots: [Dot(origin: 2, sequence: 0)]) == nil)
        let two = [Dot(origin: 2, sequence: 2), Dot(origin: 2, sequence: 1)]
        #expect(Context(canonical: vector, dots: two) == nil)
        #expect(Context(canonical: vector, dots: two.reversed()) != nil)
    }

    @Test func mergeCoversExactlyWhatEitherCovers() {
        var random = SeededRandom(seed: 99)
        for _ in 0..<1_000 {
            let a = Self.context(&random)
            let b = Self.context(&random)
            let both = a.merged(with: b)
            #expect(both == b.merged(with: a))
            #expect(Context(canonical: both.vector, dots: both.dots) == both, "seed \(random.seed)")
            for origin in UInt64(1)...6 {
                for sequence in UInt64(1)...8 {
                    let dot = Dot(origin: origin, sequence: sequence)
                    #expect(both.covers(dot) == (a.covers(dot) || b.covers(dot)), "seed \(random.seed)")
                }
            }
        }
    }

    static func context(_ random: inout SeededRandom) -> Context {
        var context = Context()
        for entry in random.vector().entries {
            context.includePrefix(Dot(origin: entry.origin, sequence: entry.count))
        }
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            context.includeSingle(
                Dot(
                    origin: UInt64.random(in: 1...6, using: &random),
                    sequence: UInt64.random(in: 1...8, using: &random)))
        }
        return context
    }
}
