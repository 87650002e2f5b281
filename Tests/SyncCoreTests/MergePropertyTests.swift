import SyncCore
import Testing

/// The merge under arbitrary versions, with contexts that no honest replica would write as well.
@Suite struct MergePropertyTests {
    static let rules = MergeRules([
        MergeRules.Field(id: 1, policy: .latest), MergeRules.Field(id: 2, policy: .highest),
        MergeRules.Field(id: 3, policy: .union), MergeRules.Field(id: 4, policy: .any),
        MergeRules.Field(id: 5, policy: .latest, group: 0),
        MergeRules.Field(id: 6, policy: .latest, group: 0),
        MergeRules.Field(id: 7, policy: .highest, since: 2),
    ])

    static func value(of field: FieldID, _ random: inout SeededRandom) -> Value {
        if Int.random(in: 0..<6, using: &random) == 0 { return .notStated }
        let number = Int64.random(in: 0...3, using: &random)
        switch field {
        case 3: return .list((0...number).map { [UInt8($0 & 1), UInt8($0)] })
        case 2 where number == 3: return .text("x")
        case 4: return .boolean(number > 1)
        default: return .integer(number)
        }
    }

    static func context(_ random: inout SeededRandom) -> Context {
        var context = Context.empty
        for _ in 0..<Int.random(in: 0...3, using: &random) {
            let dot = Dot(
                origin: UInt64.random(in: 1...4, using: &random),
                sequence: UInt64.random(in: 1...4, using: &random))
            if Bool.random(using: &random) { context.includePrefix(dot) } else { context.includeSingle(dot) }
        }
        return context
    }

    /// Versions of up to four origins, any fields, any contexts.
    static func versions(_ random: inout SeededRandom) -> [(version: Version, afterHole: Bool)] {
        var next: [UInt64: UInt64] = [:]
        return (0..<Int.random(in: 1...8, using: &random)).map { _ in
            let origin = UInt64.random(in: 1...4, using: &random)
            next[origin, default: 0] += 1
            var fields = (FieldID(1)...7).filter { _ in Bool.random(using: &random) }
            // A version says all of a merge group or nothing of it.
            fields = fields.filter { $0 != 6 }.flatMap { $0 == 5 ? [5, 6] : [$0] }
            let version = Version(
                dot: Dot(origin: origin, sequence: next[origin] ?? 1), key: RecordStateTests.key,
                formRevision: UInt32.random(in: 1...2, using: &random), context: context(&random),
                isDelete: Int.random(in: 0..<5, using: &random) == 0,
                clockTrusted: Int.random(in: 0..<5, using: &random) > 0,
                authored: Int64.random(in: 0...3, using: &random),
                stated: Int64.random(in: 0...3, using: &random),
                firstCreated: Int64.random(in: 0...9, using: &random),
                assignments: fields.map {
                    Assignment(field: $0, retentionClass: 0, value: value(of: $0, &random))
                })
            return (version, Int.random(in: 0..<4, using: &random) == 0)
        }
    }

    static func state(_ list: [(version: Version, afterHole: Bool)]) -> RecordState {
        var state = RecordState()
        for item in list { state.merge(item.version, afterHole: item.afterHole) }
        return state
    }

    @Test(arguments: [11, 12, 13, 14] as [UInt64])
    func orderGroupingAndRepetitionDoNotMatter(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<1_000 {
            let all = Self.versions(&random)
            let straight = Self.state(all)
            let cut = Int.random(in: 0...all.count, using: &random)
            let halves = [Array(all[..<cut]), Array(all[cut...])].map { $0.shuffled(using: &random) }
            for other in [
                Self.state(all.shuffled(using: &random)), Self.state(halves[1] + halves[0]),
                Self.state(halves[0] + halves[1] + halves[0]), Self.state(all + all.reversed()),
            ] {
                #expect(straight == other, "seed \(seed), round \(round)")
                #expect(
                    straight.effective(under: Self.rules) == other.effective(under: Self.rules),
                    "seed \(seed), round \(round)")
                #expect(
                    straight.conflicts(under: Self.rules) == other.conflicts(under: Self.rules),
                    "seed \(seed), round \(round)")
            }
        }
    }

    /// A candidate is what no context of an assignment of the field covers; nothing else is one.
    @Test(arguments: [21, 22] as [UInt64])
    func candidatesAreWhatNobodyWasShown(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<1_000 {
            let all = Self.versions(&random)
            let record = Self.state(all).effective(under: Self.rules)
            for field in FieldID(1)...7 {
                let writers = all.map(\.version).filter { version in
                    version.assignments.contains { $0.field == field }
                }
                let open = writers.filter { one in !writers.contains { $0.context.covers(one.dot) } }
                let found = record.fields.first { $0.field == field }?.candidates.map(\.setter) ?? []
                #expect(Set(found) == Set(open.map(\.dot)), "seed \(seed), round \(round), field \(field)")
            }
        }
    }

    /// Whatever revision a replica learnt first, those with the same versions say the same: a field is merged
    /// by the highest revision among the versions, and not by the one that the replica happens to know.
    @Test(arguments: [31, 32] as [UInt64])
    func rulesOfALaterRevisionSayTheSameOfEarlierVersions(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        let first = MergeRules(Self.rules.fields.filter { $0.since == 1 })
        for round in 0..<500 {
            let all = Self.versions(&random).map { item in
                var version = item.version
                version.formRevision = 1
                return (version: version, afterHole: item.afterHole)
            }
            let state = Self.state(all)
            #expect(
                state.effective(under: first) == state.effective(under: Self.rules),
                "seed \(seed), round \(round)")
        }
    }

    /// All fields of a merge group come from one version, and are in conflict together.
    @Test(arguments: [41, 42] as [UInt64])
    func aMergeGroupMovesAsOne(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for round in 0..<1_000 {
            let record = Self.state(Self.versions(&random)).effective(under: Self.rules)
            let group = record.fields.filter { $0.field == 5 || $0.field == 6 }
            #expect(group.count != 1, "seed \(seed), round \(round)")
            guard let one = group.first, let other = group.last else { continue }
            #expect(one.setter == other.setter, "seed \(seed), round \(round)")
            #expect(one.isConflict == other.isConflict, "seed \(seed), round \(round)")
            #expect(one.candidates.map(\.setter) == other.candidates.map(\.setter))
        }
    }

    /// A hundred replicas write one field through a hub, a hundred rounds long, some of them seldom looking.
    @Test(arguments: [51, 52] as [UInt64])
    func aHundredWritersLeaveOnlyWhatIsTrulyConcurrent(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var hub = RecordState()
        var writers = Array(repeating: RecordState(), count: 100)
        var next = Array(repeating: UInt64(0), count: 100)
        var open: Set<Dot> = []
        var most = 0
        for round in 0..<100 {
            for writer in writers.indices.shuffled(using: &random) {
                next[writer] += 1
                let version = RecordStateTests.version(
                    UInt64(writer + 1), next[writer], [1: .integer(Int64(round * 100 + writer))],
                    seen: writers[writer].seen, stated: Int64(round))
                writers[writer].merge(version)
                hub.merge(version)
                open = open.filter { !version.context.covers($0) }
                open.insert(version.dot)
                // Some look every time; others once in a while.
                if Int.random(in: 0..<(1 + writer % 10), using: &random) == 0 { writers[writer] = hub }
            }
            #expect(hub.siblings.map(\.dot) == open.sorted(), "seed \(seed), round \(round)")
            most = max(most, hub.siblings.count)
        }
        #expect(most <= 100 && hub.siblings.count == open.count, "seed \(seed)")
        let seen = hub.siblings.map(\.context) + [hub.seen] + hub.covers.map(\.context)
        #expect(seen.allSatisfy { $0.vector.entries.count <= 100 && $0.dots.isEmpty }, "seed \(seed)")
        #expect(hub.covers.count == 1, "seed \(seed)")
    }
}
