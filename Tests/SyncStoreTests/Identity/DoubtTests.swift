import Forms
import SyncCore
import SyncStore
import Testing

/// What a branch holds of others, and the hub has lost.
@Suite struct DoubtTests {
    /// A version of one field only.
    private static func remark(_ person: String, _ text: String, context: Context) -> Draft {
        var draft = HubWorld.checkIn(person, remark: text, context: context)
        draft.assignments.removeAll { $0.field != 14 }
        return draft
    }

    @Test(arguments: HubKind.allCases)
    func whatTheHubHasLostIsDroppedAtTheNextMark(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let branch = try Branch(kind, 1, unit: "B1", at: world)
        let other = try Branch(kind, 2, unit: "B1", at: world)
        try branch.write(HubWorld.checkIn("p1", remark: "branch"), at: world)
        try other.write(HubWorld.checkIn("p2", remark: "other"), at: world)
        for branch in [branch, other, branch] { try branch.sync(world) }
        let image = try world.image()
        let key = HubWorld.key("p1")
        try world.hub.write(clock: AuthoringClock(now: world.now, isTrusted: true)) { centre in
            _ = try centre.author(Self.remark("p1", "centre", context: try centre.context(of: key)))
        }
        try branch.sync(world)
        #expect(try branch.store.versions(of: key).count == 2)

        try world.putBack(image, seed: 100)
        world.now += 7_200_000
        for branch in [branch, other, branch] { try branch.sync(world) }
        #expect(branch.endings.isEmpty)
        #expect(try world.value("p1") == .text("branch"))
        // What was covered by what is gone stands again; what the hub still has is not touched.
        for (person, remark) in [("p1", "branch"), ("p2", "other")] {
            let key = HubWorld.key(person)
            #expect(
                try branch.store.versions(of: key).map(\.dot) == world.hub.versions(of: key).map(\.dot))
            let siblings = try branch.store.record(key)?.siblings ?? []
            #expect(siblings.flatMap(\.assignments).first { $0.field == 14 }?.value == .text(remark))
        }

        // And an edit at the branch settles everything again.
        try branch.edit(Self.remark("p1", "after", context: .empty), at: world)
        try branch.sync(world)
        #expect(try world.value("p1") == .text("after"))
    }

    /// The hub is restored, the link breaks behind its Welcome, and then its disk is put back to the life
    /// before.
    @Test(arguments: HubKind.allCases)
    func aHubThatComesBackToAnEarlierEpochFeedsEverythingAnew(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let branch = try Branch(kind, 1, unit: "B1", at: world)
        let other = try Branch(kind, 2, unit: "B1", at: world)
        try other.write(HubWorld.checkIn("p2", remark: "other"), at: world)
        for branch in [other, branch] { try branch.sync(world) }
        let held = try branch.store.versions(of: HubWorld.key("p2"))
        #expect(held.count == 1)
        let image = try world.image()
        try world.tellRestored()
        let hello = try branch.store.hello(now: world.now, program: "test")
        let greeting = try world.hub.admit(
            hello, publicKey: Branch.key(1), sessionToken: Token16(high: 1, low: 77), now: world.now
        ).get()
        #expect(greeting.welcome.epoch != hello.epoch)
        _ = try branch.store.accept(greeting.welcome, now: world.now)
        try world.putBack(image, seed: 100)
        try branch.sync(world)
        #expect(try world.hub.epoch == hello.epoch)
        #expect(try branch.store.versions(of: HubWorld.key("p2")) == held)
    }

    /// Trimmed, dropped with what the hub had lost, and then fed again whole.
    @Test(arguments: HubKind.allCases)
    func whatIsFedAgainIsTrimmedAgain(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let branch = try Branch(kind, 1, unit: "B1", at: world)
        let other = try Branch(kind, 2, unit: "B1", at: world)
        for branch in [branch, other] { try branch.sync(world) }
        let image = try world.image()
        try branch.write(HubWorld.checkIn("p1", remark: "goes"), at: world)
        for branch in [branch, other] { try branch.sync(world) }
        let later = Retention(FormCatalog.builtIn, today: Int32(world.now / 86_400_000) + 300)
        func prune() throws -> [Value?] {
            while try !other.store.prune(later, limit: 8).isComplete {}
            return try other.store.versions(of: HubWorld.key("p1")).map { version in
                version.assignments.first { $0.field == 14 }?.value
            }
        }
        #expect(try prune() == [.notStated])
        try world.putBack(image, seed: 100)
        try other.sync(world)
        #expect(try prune() == [])
        for branch in [branch, other] { try branch.sync(world) }
        #expect(try prune() == [.notStated])
    }
}
