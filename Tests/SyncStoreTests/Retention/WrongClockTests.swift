import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// How long values are kept that were written with a clock that is years off, and known to be.
@Suite struct WrongClockTests {
    private static let years = 1_100 * RetentionForms.day

    private static func today(_ world: IdentityWorld) -> Int64 {
        Int64(JournalChain.day(of: world.now + 8 * 3_600_000))
    }

    private static func purge(_ world: IdentityWorld) throws -> Purge {
        var total = Purge()
        repeat { total.add(try world.hub.purge(now: world.now, limit: 2)) } while !total.isComplete
        return total
    }

    private static func prune(_ branch: Branch, _ world: IdentityWorld) throws -> PruneStep {
        var total = PruneStep()
        let retention = RetentionForms.retention(on: today(world))
        repeat { total.add(try branch.store.prune(retention, limit: 1)) } while !total.isComplete
        return total
    }

    @Test(arguments: HubKind.allCases, [-years, years])
    func valuesAreKeptFromTheRecordsDayOn(kind: HubKind, off: Milliseconds) throws {
        let world = try IdentityWorld(kind, forms: RetentionForms.catalog)
        let branch = try Branch(kind, 1, unit: "B1", at: world)
        let other = try Branch(kind, 2, unit: "B1", at: world)
        try branch.sync(world)
        let drafts = [Int64(0), 4].map {
            RetentionForms.draft(
                "walk", day: Self.today(world) - $0, $0 == 0 ? "p1" : "p2", track: "TRACK")
        }
        let clock = AuthoringClock(now: world.now + off, isTrusted: false, lastHubTime: world.now)
        try branch.store.write(clock: clock) { for draft in drafts { try $0.author(draft) } }
        func tracks() throws -> [[Value?]] {
            try drafts.map { draft in
                let rules = try #require(RetentionForms.catalog["walk"]).mergeRules
                return [try world.hub.effective(draft.key)?[2]]
                    + (try [branch, other].map { try $0.store.record(draft.key)?.effective(under: rules)[2] })
            }
        }
        func goOn(days: Int64) throws -> Int {
            world.now += days * RetentionForms.day
            for each in [branch, other] { try each.sync(world) }
            try world.backUp()
            for each in [branch, other] { try each.sync(world) }
            let purged = try Self.purge(world).forms["walk"]?.trimmed ?? 0
            for each in [branch, other] {
                #expect(try Self.prune(each, world).trimmed == purged)
            }
            return purged
        }
        #expect(try goOn(days: 0) == 0)
        #expect(try goOn(days: 6) == 0)
        #expect(try tracks() == Array(repeating: Array(repeating: .text("TRACK"), count: 3), count: 2))
        #expect(try goOn(days: 1) == 1, "of four days ago")
        #expect(
            try tracks()
                == [.text("TRACK"), .notStated].map { Array(repeating: $0, count: 3) })
        #expect(try goOn(days: 4) == 1)
        #expect(try tracks() == Array(repeating: Array(repeating: .notStated, count: 3), count: 2))
        #expect(try goOn(days: 40) == 0)
        #expect(try branch.queued == 0 && branch.endings.isEmpty)
        // Whoever comes later is told the same.
        let late = try Branch(kind, 3, unit: "B1", at: world)
        try late.sync(world)
        #expect(try late.store.record(drafts[0].key)?.siblings.first?.assignments.count == 2)
    }

    /// What the two ends compare is the same on every day, whether the values went already or not.
    @Test(arguments: HubKind.allCases, [-years, years])
    func bothEndsCountTheSameDays(kind: HubKind, off: Milliseconds) throws {
        let world = try IdentityWorld(kind, forms: RetentionForms.catalog)
        let branch = try Branch(kind, 1, unit: "B1", at: world)
        let clock = AuthoringClock(now: world.now + off, isTrusted: false, lastHubTime: world.now)
        let draft = RetentionForms.draft("walk", day: Self.today(world), "p1", track: "TRACK")
        _ = try branch.store.write(clock: clock) { try $0.author(draft) }
        let versions = try branch.store.versions(of: draft.key)
        let start = Self.today(world)
        for day in [start, start + 10, start + 11, start + 2_000] {
            let retention = RetentionForms.retention(on: day)
            #expect((retention.trimmed(versions[0]) == nil) == (day <= start + 10))
            #expect(retention.firstDayOver(versions[0]) == Int32(start + 11))
            #expect(retention.firstDayOver(VersionColumns(versions)) == Int32(start + 11))
        }
        try branch.sync(world)
        #expect(try branch.queued == 0)
    }

    /// A record of long ago, written just now: its salts may still be needed, and both ends wait.
    @Test(arguments: HubKind.allCases)
    func whatWasJustWrittenStaysUntilItsSaltsAreNotNeeded(kind: HubKind) throws {
        let world = try IdentityWorld(kind, forms: RetentionForms.catalog)
        let branch = try Branch(kind, 1, unit: "B1", at: world)
        try branch.sync(world)
        let clock = AuthoringClock(now: world.now, isTrusted: false, lastHubTime: world.now)
        let draft = RetentionForms.draft(
            "walk", day: Self.today(world) - 40, "p1", track: "TRACK", note: "NOTE")
        _ = try branch.store.write(clock: clock) { try $0.author(draft) }
        try branch.sync(world)
        try world.backUp()
        try branch.sync(world)
        for expected in [0, 0, 1, 0] {
            // Each of the two spans takes its values.
            #expect(try Self.prune(branch, world).trimmed == expected)
            #expect(try Self.purge(world).forms["walk"]?.trimmed ?? 0 == expected)
            let rules = try #require(RetentionForms.catalog["walk"]).mergeRules
            let here = try branch.store.record(draft.key)?.effective(under: rules)
            #expect(try world.hub.effective(draft.key) == here)
            world.now += RetentionForms.day
        }
    }
}
