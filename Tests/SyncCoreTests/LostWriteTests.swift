import SyncCore
import Testing

/// Three replicas edit three fields of one record, and look at each other's work now and then.
@Suite struct LostWriteTests {
    struct Run {
        var versions: [Version] = []
        var union = RecordState()
    }

    static func run(_ random: inout SeededRandom) -> Run {
        var run = Run()
        var replicas = Array(repeating: RecordState(), count: 3)
        var next: [UInt64] = [0, 0, 0]
        var shown = [0, 0, 0]
        for step in 0..<Int.random(in: 3...6, using: &random) {
            let writer = Int.random(in: 0..<3, using: &random)
            next[writer] += 1
            let field = FieldID.random(in: 1...3, using: &random)
            var fields: [FieldID: Value] = [:]
            if replicas[writer].isEmpty { for field in FieldID(1)...3 { fields[field] = .integer(0) } }
            fields[field] = .integer(Int64(step + 1))
            let version = RecordStateTests.version(
                UInt64(writer + 1), next[writer], fields, seen: replicas[writer].seen, stated: Int64(step))
            run.versions.append(version)
            run.union.merge(version)
            replicas[writer].merge(version)
            // Mostly they are in touch: everybody sees everything at once.
            for reader in replicas.indices where Int.random(in: 0..<20, using: &random) > 0 {
                for version in run.versions[shown[reader]...] { replicas[reader].merge(version) }
                shown[reader] = run.versions.count
            }
        }
        return run
    }

    /// Field writes that are not what the record says, nor listed beside it, and that nobody was shown who
    /// wrote the field.
    static func lost(_ run: Run, says: (Version, Assignment) -> Bool) -> Int {
        var lost = 0
        for version in run.versions {
            for assignment in version.assignments where !says(version, assignment) {
                let isShown = run.versions.contains { later in
                    later.context.covers(version.dot)
                        && later.assignments.contains { $0.field == assignment.field }
                }
                if !isShown { lost += 1 }
            }
        }
        return lost
    }

    /// Ten times two thousand runs.
    @Test(arguments: (1...10) as ClosedRange<UInt64>)
    func noFieldWriteIsLostThatNobodyWasShown(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var lostPerField = 0
        var lostWhole = 0
        for _ in 0..<2_000 {
            let run = Self.run(&random)
            let record = run.union.effective { _ in .latest }
            lostPerField += Self.lost(run) { version, assignment in
                record.fields.first { $0.field == assignment.field }?.candidates
                    .contains { $0.setter == version.dot && $0.value == assignment.value } ?? false
            }
            // The control: the latest version wins the record as a whole, with what its author had seen.
            let whole = Self.wholeRecord(run)
            lostWhole += Self.lost(run) { _, assignment in whole[assignment.field] == assignment.value }
        }
        print("seed \(seed): lost per field \(lostPerField), as whole records \(lostWhole)")
        #expect(lostPerField == 0, "seed \(seed)")
        #expect(lostWhole > 25, "seed \(seed): the runs must hold something to lose")
    }

    private static func wholeRecord(_ run: Run) -> EffectiveRecord {
        guard var latest = run.versions.first else { return RecordState().effective { _ in .latest } }
        for version in run.versions where version.isLater(than: latest) { latest = version }
        var state = RecordState()
        for version in run.versions where latest.context.covers(version.dot) { state.merge(version) }
        state.merge(latest)
        return state.effective { _ in .latest }
    }
}
