import SyncCore
import SyncStore
import Testing

/// What a store wrote before it was restored or copied, and a hub that is put back to before that.
@Suite struct ClosedOriginTests {
    private static func remark(_ person: String, _ text: String) -> Draft {
        HubWorld.checkIn(person, remark: text)
    }

    private static func alert(_ person: String, _ text: String) -> Draft {
        var draft = remark(person, text)
        draft.lane = .urgent
        return draft
    }

    private static func expect(
        _ world: IdentityWorld, _ wanted: [String: String], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for (person, text) in wanted {
            #expect(try world.value(person) == .text(text), "\(person)", sourceLocation: sourceLocation)
            #expect(try world.versions(person).count == 1, "\(person)", sourceLocation: sourceLocation)
        }
    }

    /// A store that was restored once, with p1 and a1 under names that it has closed, and p3 under the new
    /// ones; and the hub's disk from before all that.
    private static func story(
        _ kind: HubKind, _ world: IdentityWorld
    ) throws -> (Branch, empty: Branch, image: (any HubStore, HubFolder?)) {
        let lost = try Branch(kind, 1, unit: "B1", at: world)
        try lost.sync(world)
        let empty = try Branch(copyOf: lost, seed: 9)
        let image = try world.image()
        try lost.write(remark("p1", "one"), remark("p2", "two"), alert("p5", "urgent"), at: world)
        try lost.sync(world)
        let branch = try Branch(copyOf: lost, seed: 5)
        for _ in 0..<2 { try lost.sync(world) }
        try branch.write(remark("p3", "three"), at: world)
        try branch.sync(world)
        #expect(branch.endings == [.identityRenewed])
        try expect(world, ["p1": "one", "p2": "two", "p5": "urgent", "p3": "three"])
        return (branch, empty, image)
    }

    @Test(arguments: HubKind.allCases, [1, 2])
    func aHubPutBackToBeforeGetsThemAgain(kind: HubKind, times: Int) throws {
        let world = try IdentityWorld(kind)
        let (branch, _, image) = try Self.story(kind, world)
        for round in 1...times {
            try world.putBack(image, seed: 100 + UInt64(round))
            world.now += 7_200_000
            try branch.sync(world)
            try Self.expect(world, ["p1": "one", "p2": "two", "p5": "urgent", "p3": "three"])
            #expect(try branch.queued == 0)
            #expect(try branch.store.identityEvents(limit: 1).first?.kind == .hubPutBack)
        }
        #expect(branch.endings == [.identityRenewed])
        try branch.write(Self.remark("p4", "and on"), at: world)
        try branch.sync(world)
        try Self.expect(world, ["p4": "and on"])
        // Others get them once.
        let other = try Branch(kind, 2, unit: "C0", at: world)
        try other.sync(world)
        for person in ["p1", "p2", "p5", "p3", "p4"] {
            #expect(try other.store.versions(of: HubWorld.key(person)).count == 1, "\(person)")
        }
    }

    /// Only part of a transaction had come to the hub when it was cut there: no seal stands at its end.
    @Test(arguments: HubKind.allCases)
    func theEndOfAClosedOriginIsSealed(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let (branch, _, _) = try Self.story(kind, world)
        try branch.write(Self.remark("p5", "five"), Self.remark("p6", "six"), at: world)
        let current = try #require(try branch.store.origins().last)
        let points = try branch.store.origins().map { origin in
            ForkPoint(origin: origin.id, sequence: origin.sequence - min(1, origin.sequence))
        }
        let welcome = Welcome(
            epoch: try world.hub.epoch, sessionToken: .zero, held: [], urgentWindow: 0, routineWindow: 0,
            maximumBatch: 0, clock: world.now, capabilities: [], dictionary: 0, settings: [])
        try branch.store.heal(points, after: welcome, now: world.now)
        let end = current.sequence - 1
        let batch = try #require(
            try branch.store.batch(of: current.id, after: 0, maximumVersions: 99, maximumBytes: 1 << 20))
        #expect(batch.last == end && batch.seals.last?.sequence == end)
    }

    /// An older copy has come to life beside the hub that was put back, and writes under the old names.
    @Test(arguments: HubKind.allCases)
    func anotherJournalUnderAClosedNameIsToldOnce(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let (branch, copy, image) = try Self.story(kind, world)
        try world.putBack(image, seed: 101)
        world.now += 7_200_000
        try copy.write(Self.remark("p9", "by the older copy"), at: world)
        try copy.sync(world)
        let endings = branch.endings
        for _ in 0..<3 { try branch.sync(world) }
        #expect(branch.endings == endings, "no session ends because of it")
        let events = try branch.store.identityEvents(limit: 9)
        #expect(events.map(\.kind) == [.parted, .hubPutBack, .renewed])
        #expect(events.first?.versions == 2)
        // The urgent journal was not written to by the copy: it goes on.
        try Self.expect(world, ["p5": "urgent", "p3": "three", "p9": "by the older copy"])
        #expect(try branch.store.versions(of: HubWorld.key("p1")).count == 1)
    }

    /// Again and again restored: Hello names as many as it may, those first that somebody may miss.
    @Test(arguments: StoreFlavour.allCases)
    func helloNamesABoundedNumberOfThem(flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        var closed: [OriginID] = []
        for round in 0..<(Limits.closedOrigins + 6) {
            try fixture.author(round..<(round + 1))
            closed.append(try fixture.origin().id)
            let points = try fixture.store.origins().map {
                ForkPoint(origin: $0.id, sequence: $0.sequence)
            }
            try fixture.store.heal(points, after: fixture.welcome(), now: AgentFixture.start)
        }
        func named() throws -> [OriginID] {
            let origins = try fixture.store.laneOrigins()
            let hello = try fixture.store.hello(now: AgentFixture.start, program: "test")
            #expect(hello.origins.map(\.isClosed) == origins.map(\.isClosed))
            #expect(hello.origins.map(\.sequence) == origins.map(\.last))
            return origins.filter(\.isClosed).map(\.origin)
        }
        #expect(try named() == Array(closed.suffix(Limits.closedOrigins)))
        // The newest ten are backed up, and of another one the hub lacks everything.
        let lacking = closed[20]
        let held = try fixture.store.closedOrigins().filter { closed.suffix(10).contains($0.id) }.map {
            HeldOrigin(origin: $0.id, sequence: $0.sequence, head: $0.head, receipt: nil, backedUp: 1)
        }
        let claim = try #require(try fixture.store.closedOrigins().first { $0.id == lacking })
        let none = HeldOrigin(origin: lacking, sequence: 0, head: claim.derivation, receipt: nil)
        _ = try fixture.store.accept(fixture.welcome(held + [none]), now: AgentFixture.start)
        #expect(try named() == Array(closed.prefix(60) + closed.suffix(4)))
        let hello = try fixture.store.hello(now: AgentFixture.start, program: "test")
        #expect(hello.routine.count == 1)
        #expect(try fixture.store.status(of: .routine).queued == 1)
    }
}
