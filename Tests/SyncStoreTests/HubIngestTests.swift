import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// What a hub does with batches, the same for every store.
@Suite struct HubIngestTests {
    @Test(arguments: HubKind.allCases) func receiptsWhatIsSealed(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let unsealed = try device.batch([HubWorld.checkIn("p1")], isSealed: false)
        let first = try device.send(unsealed)
        #expect(first.isHeld)
        #expect(first.receipt == nil)
        #expect(try world.store.effective(HubWorld.key("p1"))?.exists == true)
        let sealed = try device.batch([HubWorld.checkIn("p2")])
        let receipt = try #require(try device.send(sealed).receipt)
        #expect(receipt.sequence == 2)
        #expect(ShortDigest(receipt.head) == sealed.after)
        let hub = HubFake.means(seed: 1).signing.publicKey
        let statement = receipt.statement(hub: HubFake.hashing(hub), epoch: try world.store.epoch)
        #expect(HubFake.verifying.isValid(statement, receipt.signature, hub))
    }

    @Test(arguments: HubKind.allCases) func takesABatchOnce(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let batch = try device.batch([HubWorld.checkIn("p1"), HubWorld.checkIn("p2")])
        let first = try device.send(batch)
        let picture = try world.picture(days: HubWorld.day...HubWorld.day)
        let again = try device.send(batch)
        #expect(again.receipt == first.receipt && again.isHeld)
        let both = try world.store.ingest(
            [batch, batch].map { Submission(session: device.session, batch: $0) }, now: world.now)
        #expect(both.allSatisfy { $0.receipt == first.receipt })
        #expect(try world.picture(days: HubWorld.day...HubWorld.day) == picture)
        #expect(try world.line("B1").checkedIn == 2)
    }

    @Test(arguments: HubKind.allCases) func tellsGapsForksAndForgeries(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let first = try device.batch([HubWorld.checkIn("p1")])
        let second = try device.batch([HubWorld.checkIn("p2")])
        #expect(try device.send(second) == .gap(Gap(origin: device.origin(), wanted: 1)))
        var forged = first
        forged.seals[0].signature[0] ^= 1
        #expect(try device.send(forged).refusal == .forgedSeal)
        var bare = first
        bare.salts = []
        #expect(try device.send(bare).refusal == .saltMissing)
        var changed = first
        changed.rows.stated[0] -= 1
        changed.encodedRows = []
        let fork = Fork(origin: device.origin(), sequence: 0, head: try device.head(first.before))
        #expect(try device.send(changed) == .fork(fork))
        #expect(try world.store.effective(HubWorld.key("p1")) == nil)
        #expect(try device.send(first).isHeld)
        var other = second
        other.before = .zero
        let later = Fork(origin: device.origin(), sequence: 1, head: try device.head(first.after))
        #expect(try device.send(other) == .fork(later))
        #expect(try device.send(second).isHeld)
        var overlap = try device.batch([HubWorld.checkIn("p3")])
        overlap.first = 2
        overlap.rows = VersionColumns([second.version(at: 0), overlap.version(at: 0)])
        #expect(try device.send(overlap) == .gap(Gap(origin: device.origin(), wanted: 3)))
    }

    @Test(arguments: HubKind.allCases) func aSaltStaysWhatItWas(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        #expect(try device.send([HubWorld.checkIn("p1")]).isHeld)
        device.forgetSalts()
        let batch = try device.batch([HubWorld.checkIn("p2")])
        #expect(!batch.salts.isEmpty)
        #expect(try device.send(batch).refusal == .protocolError)
        #expect(try world.store.effective(HubWorld.key("p2")) == nil)
    }

    @Test(arguments: HubKind.allCases) func whatWaitsAtADeviceIsWhatHasNotCome(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let first = try device.batch([HubWorld.checkIn("p1"), HubWorld.checkIn("p2")])
        let second = try device.batch([HubWorld.checkIn("p3")])
        try device.hello()
        func waiting() throws -> UInt64? { try world.store.devices().first?.routine.count }
        #expect(try waiting() == 3)
        try device.send(first)
        #expect(try waiting() == 1)
        try device.send(first)
        #expect(try waiting() == 1)
        try device.send(second)
        #expect(try waiting() == 0)
        #expect(try world.store.devices().first?.routine.oldestAge == 0)
    }

    @Test(arguments: HubKind.allCases) func aLaterSessionReplacesTheEarlier(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let old = device.session
        let batch = try device.batch([HubWorld.checkIn("p1")])
        try device.hello()
        let outcomes = try world.store.ingest(
            [old, device.session].map { Submission(session: $0, batch: batch) }, now: world.now)
        #expect(outcomes[0].refusal == .replaced)
        #expect(outcomes[1].isHeld)
        try device.hello()
        #expect(device.welcome?.held.first { $0.origin == device.origin() }?.sequence == 1)
    }

    @Test(arguments: HubKind.allCases) func anOriginBelongsToOneDevice(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let one = try HubDevice(world, unit: "B1", number: 1)
        let two = try HubDevice(world, unit: "B2", number: 2)
        let batch = try one.batch([HubWorld.checkIn("p1")])
        let outcome = try world.store.ingest([Submission(session: two.session, batch: batch)], now: world.now)
        #expect(outcome.first?.refusal == .originOfAnother)
    }

    @Test(arguments: HubKind.allCases) func quarantinesOneVersionAndGoesOn(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let receipt = try device.send([
            HubWorld.checkIn("p1", temperature: 9_900), HubWorld.checkIn("p2"),
            HubWorld.checkIn("p1", temperature: 3_660, at: 9),
        ]).receipt
        #expect(receipt?.sequence == 3)
        let record = try #require(try world.store.effective(HubWorld.key("p1")))
        #expect(record[1] == .decimal(unscaled: 3_660, scale: 2))
        #expect(record.firstCreated == HubWorld.local(9))
        #expect(try world.store.versions(of: HubWorld.key("p1")).count == 2)
        let seen = try world.centre { try $0.context(of: HubWorld.key("p1")) }
        #expect(seen.covers(Dot(origin: device.origin(), sequence: 3)))
        #expect(!seen.covers(Dot(origin: device.origin(), sequence: 1)))
        let verdicts = try device.drain().verdicts
        #expect(verdicts.contains { $0.kind == .quarantined && $0.dot.sequence == 1 && $0.field == 1 })
        #expect(!verdicts.contains { $0.dot.sequence == 2 })
    }

    @Test(arguments: HubKind.allCases) func siblingsOfARecordAreBounded(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let drafts = (0..<(Limits.siblings + 4)).map { index in
            HubWorld.checkIn("p1", temperature: 3_600 + Int64(index % 90), at: 8 + Double(index) / 1_000)
        }
        let receipt = try device.send(drafts).receipt
        #expect(receipt?.sequence == UInt64(drafts.count), "all are kept and receipted")
        let held = try device.drain(maximumItems: 2_000).verdicts.filter {
            $0.reason == Reason.tooManySiblings
        }
        #expect(held.map(\.dot.sequence) == (1...4).map { UInt64(Limits.siblings + $0) })
        #expect(try world.store.effective(HubWorld.key("p1"))?.exists == true)
    }

    @Test(arguments: HubKind.allCases) func aBranchCannotWriteTheRegister(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let key = RecordKey(form: BuiltIn.membership, values: [.text("p1"), .integer(18_000)])
        let receipt = try device.send([
            Draft(
                lane: .routine, key: key, formRevision: 1, context: .empty,
                assignments: [Assignment(field: 1, retentionClass: 0, value: .text("B2"))])
        ]).receipt
        #expect(receipt?.sequence == 1, "it is kept and receipted")
        #expect(try world.store.effective(key) == nil, "but it holds nothing")
        #expect(try device.drain().verdicts.map(\.reason).contains(Reason.notWritable))
    }

    @Test(arguments: HubKind.allCases) func notesWhomItDoesNotExpect(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        try device.send(["p1", "stranger", "p6", "p4"].map { HubWorld.checkIn($0) })
        let verdicts = try device.drain().verdicts
        let told = verdicts.map { "\($0.dot.sequence) \($0.reason)" }
        #expect(told == ["2 unknown_person", "3 not_on_register", "4 outside_unit"])
        #expect(verdicts.allSatisfy { $0.kind == .noted })
        #expect(try world.line("B2").checkedIn == 1)
    }

    @Test(arguments: HubKind.allCases) func mergesWhatOthersHadNotSeen(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let one = try HubDevice(world, unit: "B1", number: 1)
        let two = try HubDevice(world, unit: "B1", number: 2)
        try one.send([HubWorld.checkIn("p1", temperature: 3_650, at: 8)])
        try two.send([HubWorld.checkIn("p1", temperature: 3_790, at: 9)])
        var record = try #require(try world.store.effective(HubWorld.key("p1")))
        #expect(record[1] == .decimal(unscaled: 3_790, scale: 2))
        #expect(record.hasConflict)
        #expect(record.firstCreated == HubWorld.local(8))
        let context = try world.centre { try $0.context(of: HubWorld.key("p1")) }
        try one.send([HubWorld.checkIn("p1", temperature: 3_700, context: context, at: 10)])
        record = try #require(try world.store.effective(HubWorld.key("p1")))
        #expect(!record.hasConflict)
        #expect(record[1] == .decimal(unscaled: 3_700, scale: 2))
        #expect(try world.store.versions(of: HubWorld.key("p1")).count == 3)
        let delete = HubWorld.draft(
            "check-in", [.integer(Int64(HubWorld.day)), .text("p1")], [:],
            context: try world.centre { try $0.context(of: HubWorld.key("p1")) }, stated: HubWorld.local(11),
            isDelete: true)
        try two.send([delete])
        #expect(try world.store.effective(HubWorld.key("p1"))?.exists == false)
        #expect(try world.line("B1").checkedIn == 0)
    }
}
