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
}
