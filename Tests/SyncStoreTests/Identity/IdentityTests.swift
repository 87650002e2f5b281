import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// Stores that were restored, copied or put back, session after session, with the real machines.
@Suite struct IdentityTests {
    private static func remark(_ person: String, _ text: String) -> Draft {
        HubWorld.checkIn(person, remark: text)
    }

    /// What the hub holds of each person: written once, and under which value.
    private static func expect(
        _ world: IdentityWorld, _ wanted: [String: String], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for (person, text) in wanted {
            #expect(try world.value(person) == .text(text), "\(person)", sourceLocation: sourceLocation)
            #expect(try world.versions(person).count == 1, "\(person)", sourceLocation: sourceLocation)
            #expect(
                try world.hub.effective(HubWorld.key(person))?.hasConflict == false, "\(person)",
                sourceLocation: sourceLocation)
        }
    }

    @Test(arguments: HubKind.allCases)
    func aStoreRestoredFromABackupGoesOnUnderNewNames(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let branch = try Branch(kind, 1, unit: "B1", at: world)
        try branch.write(Self.remark("p1", "one"), at: world)
        try branch.sync(world)
        try branch.write(Self.remark("p2", "queued in the backup"), at: world)
        let backup = try Branch(copyOf: branch, seed: 5)
        try branch.sync(world)
        try branch.write(Self.remark("p3", "after the backup"), at: world)
        try branch.sync(world)
        try backup.write(Self.remark("p4", "after restoring"), at: world)
        try backup.sync(world)
        #expect(backup.endings == [.identityRenewed])
        try Self.expect(
            world,
            [
                "p1": "one", "p2": "queued in the backup", "p3": "after the backup", "p4": "after restoring",
            ])
        #expect(try backup.queued == 0)
        #expect(try backup.store.identityEvents(limit: 9).map(\.kind) == [.renewed])
        // What was lost with the disk came back down the feed.
        #expect(try backup.store.versions(of: HubWorld.key("p3")).count == 1)
        try backup.write(Self.remark("p5", "and on"), at: world)
        try backup.sync(world)
        #expect(backup.endings.count == 1)
        try Self.expect(world, ["p5": "and on"])
    }

    @Test(arguments: HubKind.allCases, [false, true])
    func aCopyThatRunsBesideTheOriginal(kind: HubKind, hasWritten: Bool) throws {
        let world = try IdentityWorld(kind)
        let first = try Branch(kind, 1, unit: "C0", at: world)
        try first.write(Self.remark("p1", "before"), at: world)
        try first.sync(world)
        let second = try Branch(copyOf: first, seed: 5)
        if hasWritten {
            try first.write(Self.remark("p2", "by the first"), at: world)
            try second.write(Self.remark("p3", "by the second"), at: world)
        }
        try first.sync(world)
        try second.sync(world)
        try first.sync(world)
        try second.sync(world)
        try first.write(Self.remark("p4", "first again"), at: world)
        try second.write(Self.remark("p5", "second again"), at: world)
        try second.sync(world)
        try first.sync(world)
        #expect((first.endings + second.endings).filter { $0 == .identityRenewed }.count == 1)
        #expect((first.endings + second.endings).allSatisfy { $0 == .identityRenewed })
        var wanted = ["p1": "before", "p4": "first again", "p5": "second again"]
        if hasWritten {
            wanted["p2"] = "by the first"
            wanted["p3"] = "by the second"
        }
        try Self.expect(world, wanted)
        try second.sync(world)
        for person in wanted.keys {
            for branch in [first, second] {
                #expect(
                    try branch.store.record(HubWorld.key(person))?.siblings.count == 1, "\(person)")
            }
        }
        #expect(try world.hub.devices().first?.replicas == 2)
    }

    /// Both have written under the same names, and one edits what the other has not seen.
    @Test(arguments: HubKind.allCases)
    func contextsThatWereTakenBeforeNameTheSameVersionsAfter(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let first = try Branch(kind, 1, unit: "B1", at: world)
        try first.sync(world)
        let second = try Branch(copyOf: first, seed: 5)
        try first.write(Self.remark("p1", "first's"), Self.remark("p2", "first's other"), at: world)
        try first.sync(world)
        // p1 and p2 trade places: the same names as the first's, for other versions.
        try second.write(Self.remark("p2", "second's"), Self.remark("p3", "second's other"), at: world)
        try second.edit(Self.remark("p3", "second's own edit"), at: world)
        let replica = try #require(try second.store.configuration()).replica
        var opened = Self.remark("p3", "opened before, saved after")
        opened.context = try #require(try second.store.record(opened.key)).seen
        opened.replica = replica
        try second.sync(world)
        #expect(second.endings == [.identityRenewed])
        #expect(try second.store.configuration()?.replica != replica)
        try second.write(opened, at: world)
        try second.sync(world)
        // p3 went through three versions, each of which had been shown the one before.
        let third = try #require(try world.hub.effective(HubWorld.key("p3")))
        #expect(third[14] == .text("opened before, saved after") && !third.hasConflict)
        #expect(try world.versions("p3").count == 3)
        #expect(try world.value("p1") == .text("first's"))
        // p2 was written by both, neither of whom had seen the other: that is a conflict, and a true one.
        #expect(try world.hub.effective(HubWorld.key("p2"))?.hasConflict == true)
        try first.sync(world)
        #expect(first.endings.isEmpty)
        for branch in [first, second] {
            for person in ["p1", "p2", "p3"] {
                let key = HubWorld.key(person)
                #expect(
                    try branch.store.versions(of: key).map(\.dot) == world.hub.versions(of: key).map(\.dot))
            }
        }
    }

    @Test(arguments: HubKind.allCases)
    func aHubPutBackGetsAgainWhatItHadReceipted(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let first = try Branch(kind, 1, unit: "B1", at: world)
        let other = try Branch(kind, 2, unit: "B2", at: world)
        try first.write(Self.remark("p1", "one"), at: world)
        try first.sync(world)
        try other.sync(world)
        let image = try world.image()
        for round in UInt64(1)...2 {
            let epoch = try world.hub.epoch
            try first.write(Self.remark("p\(round + 1)", "round \(round)"), at: world)
            try other.write(Self.remark("p\(round + 3)", "other \(round)"), at: world)
            try first.sync(world)
            try other.sync(world)
            try world.putBack(image, seed: 100 + round)
            world.now += 7_200_000
            try other.sync(world)
            #expect(try world.hub.epoch != epoch)
            try first.sync(world)
            try other.sync(world)
            #expect(first.endings.isEmpty && other.endings.isEmpty)
            #expect(try first.store.identityEvents(limit: 1).first?.kind == .hubPutBack)
        }
        try Self.expect(
            world,
            ["p1": "one", "p2": "round 1", "p3": "round 2", "p4": "other 1", "p5": "other 2"])
        #expect(try first.queued == 0 && other.queued == 0)
    }

    /// Each new epoch has every branch fed from the beginning: one device alone cannot have that without end.
    /// Until then it is believed, however soon one mishap follows the other.
    @Test(arguments: HubKind.allCases)
    func aDeviceOpensSoManyEpochsInAnHour(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let branch = try Branch(kind, 1, unit: "B1", at: world)
        let limit = IdentityAudit.putBackLimit.epochs
        try branch.sync(world)
        var text = ""
        for round in 1...(limit + 1) {
            let image = try world.image()
            let epoch = try world.hub.epoch
            text = "round \(round)"
            try branch.edit(Self.remark("p1", text), at: world)
            try branch.sync(world)
            try world.putBack(image, seed: 100 + UInt64(round))
            world.now += 60_000
            try branch.sync(world)
            #expect(try (world.hub.epoch != epoch) == (round <= limit), "\(text)")
            #expect(try world.value("p1") == .text(text))
        }
        world.now += IdentityAudit.putBackLimit.within
        let image = try world.image()
        let epoch = try world.hub.epoch
        try branch.write(Self.remark("p2", "later"), at: world)
        try branch.sync(world)
        try world.putBack(image, seed: 200)
        try branch.sync(world)
        #expect(try world.hub.epoch != epoch)
        #expect(branch.endings.isEmpty)
    }

    @Test(arguments: HubKind.allCases)
    func twoReplicasOfADeviceDoNotReplaceOneAnother(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let first = device.session
        let key = device.key
        let claim = OriginClaim(lane: .routine, nonce: Token16(high: 77, low: 1))
        let hello = Hello(
            replica: Token16(high: 9, low: 9),
            origins: [OriginHead(claim: claim, sequence: 0, head: .zero)], capabilities: [],
            dictionaries: [], clock: world.now, sessionToken: .zero, feed: .beginning, urgent: Backlog(),
            routine: Backlog(), program: "test")
        world.now += 1
        let second = try world.store.admit(
            hello, publicKey: key, sessionToken: Token16(high: 1, low: 1), now: world.now
        ).get()
        #expect(second.session.replica != first.replica && second.session.device == first.device)
        #expect(try device.send([HubWorld.checkIn("p1")]).isHeld)
        // What one of them wrote comes to the other.
        let page = try #require(
            try world.store.feed(for: second.session, after: second.feed, maximumItems: 1_000))
        #expect((0..<page.versions.count).contains { page.versions.dots[$0].origin == device.origin() })
        #expect(!(try device.drain()).versions.contains { $0.dot.origin == device.origin() })
    }

    /// Both have written before either came, one of them more than the hub can compare.
    @Test(arguments: HubKind.allCases)
    func onlyOneOfTwoCopiesMendsItself(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let first = try Branch(kind, 1, unit: "C0", at: world)
        try first.sync(world)
        let second = try Branch(copyOf: first, seed: 5)
        try first.sync(world)
        try first.write(Self.remark("p1", "one"), Self.remark("p2", "two"), at: world)
        try second.write(Self.remark("p3", "three"), at: world)
        try second.sync(world)
        try first.sync(world)
        try second.sync(world)
        try Self.expect(world, ["p1": "one", "p2": "two", "p3": "three"])
        #expect((first.endings + second.endings) == [.identityRenewed])
    }

    /// A device that says as often as it likes that it was restored, or that it is another store, fills no
    /// log: one entry stands for many.
    @Test(arguments: [false, true])
    func whoSaysItAgainAndAgainFillsNoLog(isOther: Bool) throws {
        let world = try HubWorld(.sqlite)
        let store = try #require(world.sqlite)
        let device = try HubDevice(world, unit: "B1", number: 1)
        var epoch = try world.store.epoch
        for number in UInt64(0)..<300 {
            let hello = Hello(
                replica: Token16(high: 77, low: isOther ? number : 9), origins: [], capabilities: [],
                dictionaries: [], clock: world.now,
                sessionToken: isOther ? .zero : Token16(high: 0, low: 1 + number), epoch: epoch,
                feed: .beginning, urgent: Backlog(), routine: Backlog(), program: "test")
            if number == 0, !isOther {
                // Its first session, from which tokens are compared.
                var first = hello
                first.sessionToken = .zero
                let token = try world.store.admit(
                    first, publicKey: device.key, sessionToken: Token16(high: 1, low: 1), now: world.now
                ).get().welcome.sessionToken
                first.sessionToken = token
                epoch = try world.store.epoch
                first.epoch = epoch
                _ = try world.store.admit(
                    first, publicKey: device.key, sessionToken: Token16(high: 1, low: 2), now: world.now
                ).get()
            }
            _ = try world.store.admit(
                hello, publicKey: device.key, sessionToken: Token16(high: 1, low: number), now: world.now
            ).get()
            world.now += 10
        }
        let event = isOther ? IdentityAudit.replicaOpened : IdentityAudit.restoredOrCopied
        func entries() throws -> [String] {
            try store.auditLog().entries.filter { $0.event == event }.map(\.detail)
        }
        #expect(try entries().count == 3)
        try store.noteSums(now: world.now, isLast: false)
        #expect(try entries().count == 3, "not more often than once a minute")
        world.now += 60_000
        try store.noteSums(now: world.now, isLast: false)
        let last = try #require(try entries().last)
        #expect(try entries().count == 4 && last.hasSuffix("; 296 more like it"), "\(last)")
        try store.noteSums(now: world.now + 60_000, isLast: true)
        #expect(try entries().count == 4)
    }

    /// A device opens two journals each time that it is restored; one that opens thousands fills no disk.
    @Test(arguments: HubKind.allCases)
    func aDeviceHasSoManyJournals(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        func open(_ range: Range<UInt64>) throws -> Result<Admission, Refuse> {
            let origins = range.map {
                OriginHead(
                    claim: OriginClaim(lane: .routine, nonce: Token16(high: 5, low: $0)), sequence: 0,
                    head: .zero, isClosed: true)
            }
            let hello = Hello(
                replica: Token16(high: 77, low: 9), origins: origins, capabilities: [], dictionaries: [],
                clock: world.now, sessionToken: .zero, feed: .beginning, urgent: Backlog(),
                routine: Backlog(), program: "test")
            return try world.store.admit(
                hello, publicKey: device.key, sessionToken: Token16(high: 1, low: 1), now: world.now)
        }
        // The two of the device itself are there.
        let all = UInt64(Limits.deviceOrigins - 2)
        for start in stride(from: UInt64(0), to: all, by: 400) {
            _ = try open(start..<min(all, start + 400)).get()
        }
        guard case .failure(let refuse) = try open(all..<(all + 1)) else {
            Issue.record("taken")
            return
        }
        #expect(refuse == .tooManyOrigins)
        // Those that are there are welcome as before, and so are other devices.
        _ = try open(0..<2).get()
        let other = try HubDevice(world, unit: "B1", number: 2)
        #expect(try other.send([HubWorld.checkIn("p1")]).isHeld)
        #expect(try device.send([HubWorld.checkIn("p2")]).isHeld)
    }

    /// Half a device's tokens may be lost with a connection.
    @Test(arguments: HubKind.allCases)
    func tokensOfAnswersThatWereLostAreExpected(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        func hello(_ token: Token16) throws -> Admission {
            let epoch = try world.store.epoch
            let hello = Hello(
                replica: Token16(high: 5, low: 5), origins: [], capabilities: [], dictionaries: [],
                clock: world.now, sessionToken: token, epoch: epoch, feed: .beginning, urgent: Backlog(),
                routine: Backlog(), program: "test")
            world.now += 1
            return try world.store.admit(
                hello, publicKey: device.key, sessionToken: Token16(high: 0, low: UInt64(world.now)),
                now: world.now
            ).get()
        }
        let first = try hello(.zero)
        #expect(!(try hello(.zero)).welcome.isTokenUnknown)
        let second = try hello(.zero).welcome
        #expect(!second.isTokenUnknown)
        let third = try hello(second.sessionToken).welcome
        #expect(!third.isTokenUnknown)
        #expect(!(try hello(second.sessionToken)).welcome.isTokenUnknown)
        // Given, but two sessions ago; and none at all.
        let latest = try hello(second.sessionToken)
        for stale in [first.welcome.sessionToken, third.sessionToken, .zero] {
            let copy = try hello(stale)
            #expect(copy.welcome.isTokenUnknown && copy.session.number == 0)
            let submission = Submission(
                session: copy.session, batch: try device.batch([HubWorld.checkIn("p1")]))
            #expect(try world.store.ingest([submission], now: world.now).first?.refusal == .replaced)
        }
        // The copy has changed nothing for the other.
        #expect(!(try hello(latest.welcome.sessionToken)).welcome.isTokenUnknown)
    }

    /// Two copies of a store that has never had an answer call different versions alike. An urgent version of
    /// the second that goes ahead of Welcome must not cover what the first has sent.
    @Test(arguments: HubKind.allCases, [1, 3])
    func whatGoesAheadOfWelcomeCoversOnlyWhatWasShown(kind: HubKind, firstWrites: Int) throws {
        let world = try IdentityWorld(kind)
        let first = try Branch(kind, 1, unit: "B1", at: world)
        let second = try Branch(copyOf: first, seed: 5)
        for number in 1...firstWrites {
            try first.write(Self.remark("p\(number)", "first's"), at: world)
        }
        world.now += 1
        try second.write(Self.remark("p1", "second's"), at: world)
        try second.write(Self.remark("p9", "another"), at: world)
        var edited = Self.remark("p1", "second's edit")
        edited.lane = .urgent
        try second.edit(edited, at: world)
        for branch in [first, second, first] { try branch.sync(world) }
        #expect(second.endings == [.identityRenewed])
        let record = try #require(try world.hub.effective(HubWorld.key("p1")))
        let remark = try #require(record.fields.first { $0.field == 14 })
        let candidates: Set<Value> = [.text("first's"), .text("second's edit")]
        #expect(Set(remark.candidates.map(\.value)) == candidates)
        #expect(try world.value("p9") == .text("another"))
    }

    /// A device that has not heard that it is revoked sends what is urgent together with its Hello, as ever.
    /// It is not taken before it has heard: else it would count as arrived here and be held back there.
    @Test(arguments: HubKind.allCases)
    func whatWentAheadOfALostWelcomeIsKnownToBeHeldBack(_ kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let branch = try Branch(kind, 1, unit: "B1", at: world)
        try branch.write(HubWorld.checkIn("p1"), at: world)
        try branch.sync(world)
        let id = try #require(try world.hub.devices().first).id
        #expect(try world.hub.revoke(id, reason: "lost", now: world.now))
        var urgent = HubWorld.checkIn("p2")
        urgent.lane = .urgent
        let dot = try #require(try branch.write(urgent, at: world).first)
        for _ in 0..<2 {
            #expect(try branch.handOver(world, losingWelcome: true) == nil)
            #expect(try branch.queued == 1 && world.hub.verdicts(on: dot).isEmpty)
        }
        #expect(try branch.handOver(world) == .revokedDevice)
        #expect(try branch.queued == 0)
        #expect(try world.hub.verdicts(on: dot).map(\.kind) == [.quarantined])
        let known = try branch.store.verdicts([.quarantined], limit: 9).map(\.verdict)
        #expect(known.map(\.dot) == [dot] && known.map(\.reason) == [Reason.revokedDevice])
        #expect(try branch.store.status(of: .urgent).quarantined == 1)
    }
}
