import SyncCore
import Testing

@Suite struct VersionVectorTests {
    typealias Entry = VersionVector.Entry

    static func vector(_ pairs: [(UInt64, UInt64)]) -> VersionVector {
        VersionVector(normalizing: pairs.map { Entry(origin: $0.0, count: $0.1) })
    }

    @Test func refusesWhatIsNotCanonical() {
        #expect(VersionVector(canonical: [Entry(origin: 0, count: 1)]) == nil)
        #expect(VersionVector(canonical: [Entry(origin: 1, count: 0)]) == nil)
        #expect(VersionVector(canonical: [Entry(origin: 2, count: 1), Entry(origin: 1, count: 1)]) == nil)
        #expect(VersionVector(canonical: [Entry(origin: 1, count: 1), Entry(origin: 1, count: 2)]) == nil)
        #expect(
            VersionVector(canonical: [Entry(origin: 1, count: 1), Entry(origin: .max, count: .max)]) != nil)
    }

    @Test func normalizingSortsAndKeepsTheHighest() {
        let vector = Self.vector([(9, 1), (3, 4), (9, 7), (0, 5), (4, 0)])
        #expect(Array(vector.entries) == [Entry(origin: 3, count: 4), Entry(origin: 9, count: 7)])
    }

    @Test func comparesOverTheFullRange() {
        let one = Self.vector([(1, .max)])
        let two = Self.vector([(1, .max - 1), (.max, 1)])
        #expect(one.compare(two) == .concurrent)
        #expect(one.compare(one) == .equal)
        #expect(VersionVector().compare(one) == .lesser)
        #expect(one.compare(VersionVector()) == .greater)
        #expect(one.merged(with: two) == Self.vector([(1, .max), (.max, 1)]))
    }

    @Test func mergeIsTheLeastUpperBound() {
        var random = SeededRandom(seed: 20_200_131)
        for _ in 0..<2_000 {
            let vectors = (0..<3).map { _ in random.vector() }
            let (a, b, c) = (vectors[0], vectors[1], vectors[2])
            #expect(a.merged(with: b) == b.merged(with: a), "seed \(random.seed)")
            #expect(
                a.merged(with: b).merged(with: c) == a.merged(with: b.merged(with: c)), "seed \(random.seed)")
            #expect(a.merged(with: a) == a)
            let both = a.merged(with: b)
            #expect(
                [.greater, .equal].contains(both.compare(a)) && [.greater, .equal].contains(both.compare(b)))
            #expect(VersionVector(canonical: Array(both.entries)) != nil)
            for origin in UInt64(1)...6 { #expect(both[origin] == max(a[origin], b[origin])) }
        }
    }

    @Test func relationAgreesWithTheDefinition() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<2_000 {
            let a = random.vector()
            let b = random.vector()
            let origins = UInt64(1)...6
            let less = origins.contains { a[$0] < b[$0] }
            let more = origins.contains { a[$0] > b[$0] }
            let expected: VersionVector.Relation =
                less && more ? .concurrent : less ? .lesser : more ? .greater : .equal
            #expect(a.compare(b) == expected, "seed \(random.seed)")
        }
    }
}

/// SplitMix64: the same seed gives the same run on every machine.
struct SeededRandom: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func vector() -> VersionVector {
        let count = Int.random(in: 0...4, using: &self)
        var entries: [VersionVector.Entry] = []
        for _ in 0..<count {
            let origin = UInt64.random(in: 1...6, using: &self)
            let sequence = UInt64.random(in: 0...4, using: &self)
            entries.append(VersionVector.Entry(origin: origin, count: sequence))
        }
        return VersionVector(normalizing: entries)
    }
}
