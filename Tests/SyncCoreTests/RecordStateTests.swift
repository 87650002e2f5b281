import SyncCore
import Testing

@Suite struct RecordStateTests {
    static let key = RecordKey(form: "check-in", values: [.integer(18_289), .text("T90001")])

    static func version(
        _ origin: UInt64, _ sequence: UInt64, _ fields: [FieldID: Value], seen: Context = .empty,
        stated: Milliseconds = 0, delete: Bool = false, created: Milliseconds = 1_000
    ) -> Version {
        Version(
            dot: Dot(origin: origin, sequence: sequence), key: key, formRevision: 1, context: seen,
            isDelete: delete, authored: stated, stated: stated, firstCreated: created,
            assignments: fields.keys.sorted().map {
                Assignment(field: $0, retentionClass: 0, value: fields[$0] ?? .notStated)
            })
    }

    static func state(_ versions: [Version]) -> RecordState {
        var state = RecordState()
        for version in versions { state.merge(version) }
        return state
    }

    @Test func correctionThatSawTheEntryReplacesIt() {
        let entry = Self.version(1, 1, [1: .integer(365), 2: .integer(0)], stated: 10)
        let seen = Self.state([entry]).seen
        let correction = Self.version(1, 2, [1: .integer(380)], seen: seen, stated: 20)
        let state = Self.state([entry, correction])
        let effective = state.effective { _ in .latest }
        #expect(effective[1] == .integer(380))
        #expect(effective[2] == .integer(0), "what the correction left alone stays")
        #expect(!effective.hasConflict)
        #expect(state.siblings.count == 2, "both still hold a field")
    }

    @Test func twoWhoHadNotSeenEachOtherAreAConflict() {
        let one = Self.version(1, 1, [1: .integer(365)], stated: 10)
        let two = Self.version(2, 1, [1: .integer(380)], stated: 20)
        let effective = Self.state([one, two]).effective { _ in .latest }
        #expect(effective[1] == .integer(380))
        #expect(effective.hasConflict)
        let same = Self.version(3, 1, [1: .integer(380)], stated: 5)
        #expect(
            !Self.state([two, same]).effective { _ in .latest }.hasConflict, "equal bytes are no question")
    }

    @Test func aNoteOfBeingOlderAssignsNothingButFirstCreated() {
        let entry = Self.version(1, 1, [1: .integer(365)], stated: 10, created: 10)
        let older = Self.version(1, 2, [:], seen: Self.state([entry]).seen, stated: 5, created: 5)
        let state = Self.state([entry, older])
        #expect(state.effective { _ in .latest }[1] == .integer(365))
        #expect(state.firstCreated == 5)
        #expect(state.siblings.map(\.dot) == [entry.dot])
        #expect(state.seen.covers(older.dot))
    }

    @Test func deleteBesideEditIsAConflictAndKeepsTheRecord() {
        let entry = Self.version(1, 1, [1: .integer(1)])
        let seen = Self.state([entry]).seen
        let delete = Self.version(1, 2, [:], seen: seen, delete: true)
        let edit = Self.version(2, 1, [1: .integer(2)], seen: seen)
        #expect(!Self.state([entry, delete]).effective { _ in .latest }.exists)
        let both = Self.state([entry, delete, edit]).effective { _ in .latest }
        #expect(both.exists && both.isDeleteConflict)
    }

    @Test func policiesMergeWithoutConflict() {
        let versions = [
            Self.version(1, 1, [1: .integer(3), 2: .list([[1]]), 3: .boolean(false)], stated: 2),
            Self.version(2, 1, [1: .integer(9), 2: .list([[2], [1]]), 3: .boolean(true)], stated: 1),
        ]
        let policies: [FieldID: MergePolicy] = [1: .highest, 2: .union, 3: .any]
        let effective = Self.state(versions).effective { policies[$0] ?? .latest }
        #expect(effective[1] == .integer(9))
        #expect(effective[2] == .list([[1], [2]]))
        #expect(effective[3] == .boolean(true))
        #expect(!effective.hasConflict)
    }

    @Test func versionHeldBackIsNotCoveredByItsFollower() {
        var state = RecordState()
        state.merge(Self.version(1, 7, [1: .integer(7)]), afterHole: true)
        #expect(!state.seen.covers(Dot(origin: 1, sequence: 5)))
        let edit = Self.version(2, 1, [1: .integer(8)], seen: state.seen)
        state.merge(edit)
        state.merge(Self.version(1, 5, [1: .integer(5)]))
        #expect(
            state.siblings.map(\.dot).contains(Dot(origin: 1, sequence: 5)),
            "released late, still asked about")
    }

    /// Three replicas write three fields, sometimes after having seen the others' work. In whatever order the
    /// versions come, and however often, every replica ends up with the same state, and no field write that
    /// nobody had been shown is gone.
    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func orderAndRepetitionDoNotMatter(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<200 {
            let versions = Self.history(&random)
            let straight = Self.state(versions)
            var shuffled = versions + versions.prefix(Int.random(in: 0...versions.count, using: &random))
            shuffled.shuffle(using: &random)
            let other = Self.state(shuffled)
            #expect(straight.siblings == other.siblings, "seed \(seed)")
            #expect(straight.covers == other.covers, "seed \(seed)")
            #expect(
                straight.effective { _ in .latest } == other.effective { _ in .latest }, "seed \(seed)")
            for version in versions {
                for assignment in version.assignments {
                    let isShown = versions.contains { later in
                        later.context.covers(version.dot)
                            && later.assignments.contains { $0.field == assignment.field }
                    }
                    let isCandidate =
                        straight.effective { _ in .latest }.fields
                        .first { $0.field == assignment.field }?.candidates
                        .contains { $0.setter == version.dot } ?? false
                    #expect(isShown != isCandidate, "seed \(seed)")
                }
            }
        }
    }

    static func history(_ random: inout SeededRandom) -> [Version] {
        var replicas = Array(repeating: RecordState(), count: 3)
        var next: [UInt64] = [1, 1, 1]
        var versions: [Version] = []
        for _ in 0..<Int.random(in: 1...9, using: &random) {
            let writer = Int.random(in: 0..<3, using: &random)
            var fields: [FieldID: Value] = [:]
            for field in FieldID(1)...3 where Bool.random(using: &random) {
                fields[field] = .integer(Int64.random(in: 0...3, using: &random))
            }
            let version = version(
                UInt64(writer + 1), next[writer], fields, seen: replicas[writer].seen,
                stated: Int64.random(in: 0...5, using: &random),
                delete: Int.random(in: 0..<8, using: &random) == 0)
            next[writer] += 1
            versions.append(version)
            replicas[writer].merge(version)
            if Bool.random(using: &random) {
                let reader = Int.random(in: 0..<3, using: &random)
                // A reader is shown a prefix of everything, in order, as a feed would bring it.
                for version in versions { replicas[reader].merge(version) }
            }
        }
        return versions
    }
}
