import Forms
import SQLiteStore
import SyncCore
import Testing

@testable import SyncStore

/// What a branch has let go and a hub that was put back lacks.
@Suite struct HoleTests {
    private static let oldEpoch = Token16(high: 8, low: 8)

    /// As this hub would have signed it once.
    private static func receipt(
        _ origin: OriginID, _ sequence: UInt64, _ head: Digest,
        key: [UInt8] = [UInt8](repeating: 7, count: 65)
    ) throws -> Receipt {
        let hub = HubFake.hashing([UInt8](repeating: 7, count: 65))
        var receipt = Receipt(origin: origin, sequence: sequence, head: head)
        receipt.signature = HubFake.signature(receipt.statement(hub: hub, epoch: oldEpoch), key)
        return receipt
    }

    @Test(arguments: HubKind.allCases)
    func aHubGoesOnBehindWhatItOnceReceipted(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let other = try HubDevice(world, unit: "B2", number: 2)
        #expect(try device.send([HubWorld.checkIn("p1")]).isHeld)
        let missing = try device.batch([HubWorld.checkIn("p2"), HubWorld.checkIn("p3", remark: "first")])
        let next = try device.batch([HubWorld.checkIn("p3", remark: "second"), HubWorld.checkIn("p4")])
        guard case .gap = try device.send(next) else {
            Issue.record("a gap is one")
            return
        }
        let origin = device.origin()
        let receipt = try Self.receipt(origin, 5, device.head(next.after))
        let hole = Hole(
            sequence: 3, head: try device.head(missing.after), receipt: receipt, epoch: Self.oldEpoch)
        func pass(_ hole: Hole, by device: HubDevice) throws -> HubSession.Outcome {
            try world.store.pass(hole, for: device.session, now: world.now)
        }
        var wrong: [(String, Hole)] = []
        var present = hole
        present.epoch = try world.store.epoch
        wrong.append(("of the present epoch", present))
        var forged = hole
        forged.receipt = try Self.receipt(origin, 5, device.head(next.after), key: device.key)
        wrong.append(("signed by somebody else", forged))
        var short = hole
        short.receipt = try Self.receipt(origin, 2, device.head(missing.after))
        wrong.append(("that does not reach so far", short))
        var twisted = hole
        twisted.receipt = try Self.receipt(origin, 3, device.head(next.after))
        wrong.append(("with another head", twisted))
        for (what, hole) in wrong {
            let code = what.hasPrefix("signed") ? RefusalCode.forgedReceipt : .protocolError
            #expect(try pass(hole, by: device).refusal == code, "a receipt \(what)")
        }
        #expect(try pass(hole, by: other).refusal == .originOfAnother)
        var ended = device.session
        ended.number = 0
        #expect(try world.store.pass(hole, for: ended, now: world.now).refusal == .replaced)
        guard case .gap = try device.send(next) else {
            Issue.record("nothing has been passed yet")
            return
        }
        for _ in 0..<2 { #expect(try pass(hole, by: device).isHeld) }
        #expect(try device.send(next).receipt?.sequence == 5)
        #expect(try pass(hole, by: device).isHeld, "an old one changes nothing")
        let heads = try world.store.heads(
            Heads(
                origin: origin, entries: [1, 2, 5].map { Heads.Entry(sequence: $0, head: nil) }),
            for: device.session)
        #expect(heads.entries.map { $0.head == nil } == [false, true, false])
        // Nobody knows what the missing ones said: what comes after covers itself only.
        let third = try #require(try world.store.record(HubWorld.key("p3")))
        #expect(third.seen.vector.entries.isEmpty)
        #expect(third.seen.dots == [Dot(origin: origin, sequence: 4)])
        #expect(try world.store.effective(HubWorld.key("p3"))?[14] == .text("second"))
        #expect(try world.store.segment(of: origin, holding: 2) == nil)
        if let hub = world.store as? SQLiteHubStore {
            let notes = try hub.identityNotes(limit: 9)
            #expect(notes.map(\.event) == [IdentityAudit.holePassed])
            #expect(notes.first?.detail.hasPrefix("2 versions: ") == true)
        }
    }

    @Test(arguments: HubKind.allCases)
    func aBranchDeclaresWhatItHasLetGo(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let branch = try Branch(kind, 1, unit: "B1", at: world)
        try branch.sync(world)
        let image = try world.image()
        try branch.write(
            HubWorld.checkIn("p1", remark: "one"), HubWorld.checkIn("p2", remark: "two"), at: world)
        try branch.write(HubWorld.checkIn("p3", remark: "three"), at: world)
        try branch.sync(world)
        try branch.letGo(below: 3)
        for round in UInt64(1)...2 {
            try world.putBack(image, seed: 100 + round)
            world.now += 7_200_000
            try branch.sync(world)
            #expect(branch.endings.isEmpty)
            #expect(try world.versions("p1").isEmpty && world.versions("p2").isEmpty)
            #expect(try world.value("p3") == .text("three"))
            #expect(try branch.queued == 0)
            let events = try branch.store.identityEvents(limit: 2)
            #expect(events.map(\.kind) == [.hole, .hubPutBack] && events.map(\.versions) == [2, 1])
        }
        try branch.write(HubWorld.checkIn("p4", remark: "and on"), at: world)
        try branch.sync(world)
        #expect(try world.value("p4") == .text("and on"))
    }

    /// A branch whose two entries the hub has taken since its image.
    private static func worldWithTwoSince(
        _ kind: HubKind
    ) throws -> (world: IdentityWorld, branch: Branch, image: (any HubStore, HubFolder?)) {
        let world = try IdentityWorld(kind)
        let branch = try Branch(kind, 1, unit: "B1", at: world)
        try branch.sync(world)
        let image = try world.image()
        try branch.write(
            HubWorld.checkIn("p1", remark: "one"), HubWorld.checkIn("p2", remark: "two"), at: world)
        try branch.sync(world)
        return (world, branch, image)
    }

    /// Nobody but a revoked branch knows that the hub was put back, and it opens no epoch: its receipt is of
    /// the present one.
    @Test(arguments: HubKind.allCases)
    func aRevokedBranchHandsOverWhatFollowsWhatItHasLetGo(kind: HubKind) throws {
        let (world, branch, image) = try Self.worldWithTwoSince(kind)
        try branch.letGo(below: 2)
        try branch.write(HubWorld.checkIn("p3", remark: "three"), at: world)
        try world.putBack(image, seed: 100)
        try world.revoke(branch)
        #expect(try branch.handOver(world) == Refuse.revoked.code)
        #expect(try branch.queued == 0)
        let dots = try world.versions("p3").map(\.dot)
        #expect(dots.count == 1)
        #expect(try world.hub.verdicts(on: dots[0]).last?.kind == .quarantined)
        #expect(try world.value("p3") == nil, "nothing of it counts")
    }

    private static func walk(
        _ person: String, _ mood: String, track: String? = nil, daysAgo: Int64 = 0
    ) -> Draft {
        RetentionForms.draft(
            "walk", day: Int64(HubWorld.day) - daysAgo, person, mood: mood, track: track)
    }

    /// Only some values of some entries were over: everything else comes back, and counts once.
    @Test(arguments: HubKind.allCases, [false, true])
    func whatIsStillKeptComesBack(kind: HubKind, isCut: Bool) throws {
        let world = try IdentityWorld(kind, forms: RetentionForms.catalog)
        let branch = try Branch(kind, 1, unit: "B1", at: world)
        let other = try Branch(kind, 2, unit: "B1", at: world)
        for each in [branch, other] { try each.sync(world) }
        let image = try world.image()
        let first = Self.walk("p1", "one", track: "TRACK")
        let keys = ["p1", "p2", "p3"].map { Self.walk($0, "").key } + [Self.walk("p1", "", daysAgo: 1).key]
        try branch.write(
            first, Self.walk("p2", "two"), Self.walk("p3", "three", track: "TRACK"),
            at: world)
        try branch.edit(Self.walk("p1", "edited"), at: world)
        var urgent = Self.walk("p1", "urgent", track: "TRACK", daysAgo: 1)
        urgent.lane = .urgent
        try branch.write(urgent, at: world)
        try branch.sync(world)
        try world.backUp()
        world.now += 11 * RetentionForms.day
        try branch.sync(world)
        try branch.edit(Self.walk("p3", "late"), at: world)
        for each in [branch, other] { try each.sync(world) }
        let retention = RetentionForms.retention(on: Int64(JournalChain.day(of: world.now)))
        while try !branch.store.prune(retention, limit: 8).isComplete {}
        #expect(try branch.store.origins().allSatisfy { $0.floor > 1 })
        func moods(_ store: any AgentStore) throws -> [Value?] {
            let rules = try #require(RetentionForms.catalog["walk"]).mergeRules
            return try keys.map { try store.record($0)?.effective(under: rules)[1] }
        }
        let expected = ["edited", "two", "late", "urgent"].map { Value.text(Array($0.utf8)) }
        // One that was corrected stands beside its correction as far as that says nothing: as before.
        let before = try keys.map { try #require(try world.hub.record($0)).siblings.count }
        for round in UInt64(1)...2 {
            try world.putBack(image, seed: 100 + round)
            world.now += 7_200_000
            if isCut { try branch.sync(world, cutBefore: .routine) }
            for each in [branch, other, branch] { try each.sync(world) }
            #expect(try keys.map { try world.hub.effective($0)?[1] } == expected)
            #expect(try moods(branch.store) == expected && moods(other.store) == expected)
            for (key, count) in zip(keys, before) {
                let siblings = try #require(try world.hub.record(key)).siblings
                #expect(siblings.count == count)
                #expect(try branch.store.record(key)?.siblings == siblings)
                #expect(try other.store.record(key)?.siblings == siblings)
            }
            let track = try world.hub.effective(keys[0])?[2]
            #expect(track == .notStated, "it may be kept no longer")
            #expect(try branch.queued == 0)
        }
        let events = try branch.store.identityEvents(limit: 99)
        #expect(events.contains { $0.kind == .hole } && events.contains { $0.kind == .givenBack })
        #expect(Set(branch.endings).isSubset(of: [.identityRenewed]))
        #expect(other.endings.isEmpty)
    }

    /// The image's epoch is the one in which the hub had receipted what is gone: nothing of a later epoch
    /// shows it, so the branch says once more what it had been told then.
    @Test(arguments: HubKind.allCases, [false, true])
    func aLaneThatLiesWhollyInAHoleIsPassedAgainAndAgain(kind: HubKind, isClosed: Bool) throws {
        let (world, branch, image) = try Self.worldWithTwoSince(kind)
        try branch.letGo(below: 3)
        if isClosed {
            let stale = try Branch(copyOf: branch, seed: 9)
            for _ in 0..<2 { try stale.sync(world) }
            try branch.write(HubWorld.checkIn("p3", remark: "three"), at: world)
            try branch.sync(world)
            #expect(branch.endings == [.identityRenewed])
        }
        for round in UInt64(1)...3 {
            try world.putBack(image, seed: 100 + round)
            world.now += 7_200_000
            try branch.sync(world)
            let person = "q\(round)"
            try branch.write(HubWorld.checkIn(person, remark: "and on"), at: world)
            try branch.sync(world)
            #expect(try world.value(person) == .text("and on"))
            #expect(try branch.queued == 0)
            try branch.letGo(below: try #require(try branch.store.origins().last).sequence + 1)
        }
    }

    /// A hub that is put back gets nothing by it.
    @Test(arguments: StoreFlavour.allCases)
    func aClosedOriginOfWhichNothingIsHeldIsNotNamed(flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.author(0..<2)
        let closed = try fixture.origin().id
        let points = try fixture.store.origins().map { ForkPoint(origin: $0.id, sequence: $0.sequence) }
        try fixture.store.heal(points, after: fixture.welcome(), now: AgentFixture.start)
        func isNamed() throws -> Bool {
            let named = try fixture.store.laneOrigins()
            let hello = try fixture.store.hello(now: AgentFixture.start, program: "test")
            #expect(hello.origins.count == named.count)
            return named.contains { $0.origin == closed }
        }
        #expect(try isNamed())
        try fixture.store.letGo(below: 2, of: closed)
        #expect(try isNamed(), "what is left can be sent")
        try fixture.store.letGo(below: 3, of: closed)
        #expect(try !isNamed())
    }

    /// Otherwise the branch would wait for a backup of it, and keep what it may not keep.
    @Test(arguments: HubKind.allCases)
    func whatIsMissingForEverNeedsNoBackup(kind: HubKind) throws {
        let (world, branch, image) = try Self.worldWithTwoSince(kind)
        try branch.letGo(below: 3)
        try world.putBack(image, seed: 100)
        try branch.sync(world)
        try world.backUp()
        try branch.sync(world)
        let routine = try #require(try branch.store.origins().first { $0.claim.lane == .routine })
        #expect(routine.sequence == 2 && routine.backedUp == 2)
        #expect(try branch.store.oldestWithoutBackup() == nil)
    }

    /// What a branch writes with a clock that stands still is over as soon as it is backed up.
    @Test(arguments: HubKind.allCases, [false, true])
    func onADayThatIsOverMoreCanBeWritten(kind: HubKind, isPurged: Bool) throws {
        let world = try IdentityWorld(kind)
        let branch = try Branch(kind, 1, unit: "B1", at: world)
        let later = Retention(FormCatalog.builtIn, today: Int32(world.now / 86_400_000) + 300)
        for person in ["p1", "p2", "p3"] {
            try branch.write(HubWorld.checkIn(person, remark: "one"), at: world)
            try branch.sync(world)
            try world.backUp()
            try branch.sync(world)
            while try !branch.store.prune(later, limit: 8).isComplete {}
            if isPurged { _ = try world.hub.purge(now: world.now + 300 * 86_400_000, limit: .max) }
        }
        #expect(branch.endings.isEmpty)
        #expect(try branch.queued == 0)
        #expect(try world.versions("p3").count == 1)
    }

    @Test(arguments: StoreFlavour.allCases)
    func onlyAnEarlierEpochsReceiptIsShown(flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.author(0..<4)
        let origin = try fixture.origin()
        let heads = try fixture.store.journal(lane: .routine, after: 0, limit: 9).map(\.head)
        func welcome(_ held: UInt64, epoch: Token16) throws -> Welcome {
            let head = held == 0 ? origin.derivation : heads[Int(held) - 1]
            var welcome = fixture.welcome([
                HeldOrigin(origin: origin.id, sequence: held, head: head, receipt: nil)
            ])
            welcome.epoch = epoch
            return welcome
        }
        let now = AgentFixture.start
        _ = try fixture.store.accept(welcome(4, epoch: AgentFixture.epoch), now: now)
        try fixture.store.accept([try fixture.receipt(at: 4)], now: now)
        try fixture.store.letGo(below: 3)
        // In the same epoch the hub contradicts itself.
        let same = try welcome(0, epoch: AgentFixture.epoch)
        #expect(try fixture.store.partings(same).isEmpty)
        let refusal = #expect(throws: Refuse.self) { _ = try fixture.store.accept(same, now: now) }
        #expect(refusal?.code == .identityLost)
        let later = try welcome(0, epoch: Token16(high: 9, low: 1))
        let hole = try #require(
            try fixture.store.accept(later, now: now).first { $0.origin == origin.id }?.hole)
        #expect(hole.sequence == 2 && hole.receipt.sequence == 4 && hole.epoch == AgentFixture.epoch)
        #expect(try fixture.origin().receipted == 0, "the hub has not answered yet")
        // Its answer was lost, but it had taken note.
        let passed = try welcome(2, epoch: Token16(high: 9, low: 1))
        let resume = try fixture.store.accept(passed, now: now).first { $0.origin == origin.id }
        #expect(resume == AgentSession.Resume(origin: origin.id, behind: 2, receipted: 2))
        let kinds: [IdentityEvent.Kind] = [.hole, .hubPutBack]
        #expect(try fixture.store.identityEvents(limit: 9).map(\.kind) == kinds)
        try fixture.store.note(hole, now: now)
        #expect(try fixture.store.identityEvents(limit: 9).count == 2, "told once")
        // In an epoch that it had left the hub would not believe its receipts: it is shown what it was.
        let again = #expect(throws: Refuse.self) { _ = try fixture.store.accept(same, now: now) }
        #expect(again?.code == .identityLost)
        let hello = try fixture.store.hello(now: now, program: "test")
        #expect(hello.epoch == AgentFixture.epoch)
        #expect(hello.origins.last?.receipted == 2, "nothing else has changed")
    }
}

extension AgentStore {
    /// As if a retention had passed: own routine versions below are not kept any more.
    func letGo(below floor: UInt64, of id: OriginID? = nil) throws {
        let store = try #require(self as? TableAgentStore)
        try store.backend.write { tables in
            let current = try tables.origins().first { $0.claim.lane == .routine }?.id
            var origin = try #require(try tables.ownOrigins().first { $0.id == id ?? current })
            let head = try tables.head(of: Dot(origin: origin.id, sequence: floor - 1))
            origin.headBelow = try #require(head)
            origin.floor = floor
            try tables.put(origin)
            for sequence in 1..<floor {
                let dot = Dot(origin: origin.id, sequence: sequence)
                guard let version = try tables.version(dot)?.version else { continue }
                let name = RecordName(version.key)
                try tables.erase(dot)
                if try tables.versions(of: name).isEmpty { try tables.removeRecord(name) }
            }
        }
    }
}

extension Branch {
    func letGo(below floor: UInt64) throws { try store.letGo(below: floor) }
}
