import SyncCore
import SyncStore
import Testing

/// Stores that were copied and a hub that was put back, at once.
@Suite struct TwoMishapsTests {
    private static func remark(_ person: String, _ text: String) -> Draft {
        HubWorld.checkIn(person, remark: text)
    }

    /// The hub opens a new epoch for the first of two copies; what it knew of their tokens means nothing in
    /// it.
    @Test(arguments: HubKind.allCases, [false, true])
    func copiesAreToldApartInANewEpoch(kind: HubKind, haveWritten: Bool) throws {
        let world = try IdentityWorld(kind)
        let first = try Branch(kind, 1, unit: "C0", at: world)
        try first.sync(world)
        let image = try world.image()
        try first.write(Self.remark("p1", "before"), at: world)
        try first.sync(world)
        let second = try Branch(copyOf: first, seed: 5)
        try world.putBack(image, seed: 101)
        world.now += 7_200_000
        var wanted = ["p1": "before", "p4": "first again", "p5": "second again"]
        if haveWritten {
            try first.write(Self.remark("p2", "by the first"), at: world)
            try second.write(Self.remark("p3", "by the second"), at: world)
            wanted["p2"] = "by the first"
            wanted["p3"] = "by the second"
        }
        for branch in [second, first, second, first] { try branch.sync(world) }
        try first.write(Self.remark("p4", "first again"), at: world)
        try second.write(Self.remark("p5", "second again"), at: world)
        for branch in [first, second, first] { try branch.sync(world) }
        #expect((first.endings + second.endings) == [.identityRenewed])
        for (person, text) in wanted {
            #expect(try world.value(person) == .text(text), "\(person)")
            #expect(try world.versions(person).count == 1, "\(person)")
            for branch in [first, second] {
                #expect(try branch.store.versions(of: HubWorld.key(person)).count == 1, "\(person)")
            }
        }
    }

    /// A machine resumed from a snapshot with its program running: what it has in memory is as old as its
    /// disk.
    @Test func aHubResumedWithItsProgramOpensNewOriginsToo() throws {
        let world = try IdentityWorld(.memory)
        let hub = try #require(world.hub as? MemoryHubStore)
        let branch = try Branch(.memory, 1, unit: "C0", at: world)
        func write(_ text: String) throws -> Dot {
            try hub.write(clock: AuthoringClock(now: world.now, isTrusted: true)) {
                try $0.author(Self.remark("p1", text))
            }
        }
        let before = try write("before")
        try branch.sync(world)
        let snapshot = hub.snapshot
        let lost = try write("lost")
        #expect(lost.origin == before.origin)
        try branch.sync(world)
        hub.restore(snapshot)
        world.now += 7_200_000
        try branch.sync(world)
        let after = try write("after")
        #expect(after.origin != before.origin)
        try branch.sync(world)
        let dots = try branch.store.versions(of: HubWorld.key("p1")).map(\.dot)
        #expect(Set(dots) == [before, after], "what the hub has lost it does not feed again")
    }

    /// What a branch wrote before its disk was lost came back down the feed; then the hub's disk is put back
    /// to before it, too.
    @Test(arguments: HubKind.allCases, Lane.allCases)
    func aRestoredBranchGivesBackWhatTheHubHasLost(kind: HubKind, lane: Lane) throws {
        let hasEdited = lane == .urgent
        let world = try IdentityWorld(kind)
        let lost = try Branch(kind, 1, unit: "B1", at: world)
        let other = try Branch(kind, 2, unit: "B1", at: world)
        try lost.write(Self.remark("p1", "before"), at: world)
        for branch in [lost, other] { try branch.sync(world) }
        let image = try world.image()
        let restored = try Branch(copyOf: lost, seed: 5)
        var two = Self.remark("p2", "two")
        // Of the urgent lane the backup has nothing.
        two.lane = lane
        try lost.write(two, at: world)
        try lost.edit(Self.remark("p2", "three"), at: world)
        try lost.sync(world)
        try other.edit(Self.remark("p2", "other's"), at: world)
        for branch in [other, restored] { try branch.sync(world) }
        #expect(restored.endings == [.identityRenewed])
        if hasEdited { try restored.edit(Self.remark("p2", "four"), at: world) }
        try restored.sync(world)
        #expect(try world.versions("p2").count == (hasEdited ? 4 : 3))

        try world.putBack(image, seed: 101)
        world.now += 7_200_000
        for branch in [restored, other, restored] { try branch.sync(world) }
        #expect(restored.endings == [.identityRenewed, .identityRenewed])
        let events = try restored.store.identityEvents(limit: 9)
        #expect(events.filter { $0.kind == .givenBack }.map(\.versions) == [2])
        let record = try #require(try world.hub.effective(HubWorld.key("p2")))
        let history = History(try world.versions("p2"), under: .latest)
        #expect(history.entries.count == (hasEdited ? 4 : 3))
        // What the other branch covers it calls by names that nobody uses any more: it stands beside it now.
        #expect(record[14] == .text(hasEdited ? "four" : "other's"))
        for branch in [restored, other] {
            #expect(
                try branch.store.record(HubWorld.key("p2"))?.siblings
                    == world.hub.record(HubWorld.key("p2"))?.siblings)
        }
        #expect(try restored.queued == 0)
    }

    /// One of two copies has brought something, and others have it; then the hub is put back, and under the
    /// same name comes what the other copy wrote.
    @Test(arguments: HubKind.allCases)
    func aNameMayMeanSomethingElseInANewEpoch(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let first = try Branch(kind, 1, unit: "B1", at: world)
        let other = try Branch(kind, 2, unit: "B1", at: world)
        for branch in [first, other] { try branch.sync(world) }
        let second = try Branch(copyOf: first, seed: 5)
        let image = try world.image()
        let name = try first.write(Self.remark("p1", "first's"), at: world)
        for branch in [first, other] { try branch.sync(world) }
        try world.putBack(image, seed: 101)
        world.now += 7_200_000
        // It shows the hub that it was put back.
        try other.write(Self.remark("p3", "other's"), at: world)
        #expect(try second.write(Self.remark("p2", "second's"), at: world) == name)
        for branch in [second, other, first, other, second, first] { try branch.sync(world) }
        for (person, text) in ["p1": "first's", "p2": "second's", "p3": "other's"] {
            #expect(try world.value(person) == .text(text), "\(person)")
            for branch in [first, second, other] {
                #expect(
                    try branch.store.versions(of: HubWorld.key(person))
                        == world.hub.versions(of: HubWorld.key(person)), "\(person)")
                #expect(
                    try branch.store.record(HubWorld.key(person))?.siblings
                        == world.hub.record(HubWorld.key(person))?.siblings, "\(person)")
            }
        }
    }

    /// A copy finds out what it is after the hub was put back. Others have edited what it wrote, under the
    /// name that it had then.
    @Test(arguments: HubKind.allCases)
    func whatOthersSayOfTheOldNamesIsNotChanged(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let first = try Branch(kind, 1, unit: "B1", at: world)
        let other = try Branch(kind, 2, unit: "B1", at: world)
        for branch in [first, other] { try branch.sync(world) }
        let second = try Branch(copyOf: first, seed: 5)
        let image = try world.image()
        try second.write(Self.remark("p1", "second's"), at: world)
        for branch in [second, other] { try branch.sync(world) }
        try other.edit(Self.remark("p1", "other's"), at: world)
        for branch in [other, second] { try branch.sync(world) }
        try world.putBack(image, seed: 101)
        world.now += 7_200_000
        try first.write(Self.remark("p2", "first's"), at: world)
        for branch in [first, other, second, other, first, second] { try branch.sync(world) }
        let key = HubWorld.key("p1")
        let there = try world.hub.record(key)
        #expect(there?.siblings.count == 2, "the edit covers a name that means nothing any more")
        for branch in [first, second, other] {
            #expect(try branch.store.record(key)?.siblings == there?.siblings)
            #expect(try branch.store.record(key)?.covers == there?.covers)
        }
    }
}
