import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// Batches that are taken in parts, and versions that are set aside unseen, the same for every store.
@Suite struct HubPartTests {
    private func send(
        _ batch: VersionBatch, _ range: ClosedRange<UInt64>, isRaw: Bool = false, by device: HubDevice
    ) throws -> HubSession.Outcome {
        let part = Submission.Part(range, isRaw: isRaw)
        let submission = Submission(session: device.session, batch: batch, part: part)
        return try #require(try device.world.store.ingest([submission], now: device.world.now).first)
    }

    @Test(arguments: HubKind.allCases) func partsComeToTheSameAsTheWhole(kind: HubKind) throws {
        var pictures: [[String]] = []
        for isCut in [false, true] {
            let world = try HubWorld(kind)
            let device = try HubDevice(world, unit: "B1", number: 1)
            let batch = try device.batch(
                ["p1", "p2", "p1", "p3", "p2"].enumerated().map { index, person in
                    HubWorld.checkIn(person, temperature: 3_600 + Int64(index), at: 8 + Double(index))
                })
            if isCut {
                #expect(try send(batch, 1...2, by: device).receipt == nil, "no seal reaches there")
                #expect(try send(batch, 1...2, by: device).isHeld, "twice is once")
                try device.hello()
                let held = try #require(device.welcome?.held.first { $0.origin == device.origin() })
                #expect(held.sequence == 2)
                #expect(try send(batch, 3...3, by: device).isHeld)
                let receipt = try #require(try send(batch, 4...5, by: device).receipt)
                #expect(receipt.sequence == 5 && ShortDigest(receipt.head) == batch.after)
            } else {
                #expect(try device.send(batch).receipt?.sequence == 5)
            }
            #expect(try world.store.versions(of: HubWorld.key("p1")).count == 2)
            pictures.append(try world.picture(days: HubWorld.day...HubWorld.day))
        }
        #expect(pictures[0] == pictures[1])
    }

    @Test(arguments: HubKind.allCases) func aPartIsJudgedByItsWholeBatch(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let batch = try device.batch(["p1", "p2", "p3"].map { HubWorld.checkIn($0) })
        #expect(try send(batch, 2...3, by: device) == .gap(Gap(origin: device.origin(), wanted: 1)))
        #expect(try send(batch, 1...4, by: device).refusal == .limitExceeded)
        var changed = batch
        changed.rows.stated[2] -= 1
        changed.encodedRows = []
        let fork = Fork(origin: device.origin(), sequence: 0, head: try device.head(batch.before))
        #expect(try send(changed, 1...1, by: device) == .fork(fork), "an end that nobody vouched for")
        var forged = batch
        forged.seals[0].signature[0] ^= 1
        #expect(try send(forged, 1...1, by: device).refusal == .forgedSeal)
        #expect(try send(batch, 1...1, by: device).isHeld)
        #expect(try send(changed, 2...2, by: device) != .held(receipt: nil, position: 0))
        #expect(try world.store.effective(HubWorld.key("p2")) == nil)
        #expect(try send(batch, 2...3, by: device).receipt?.sequence == 3)
    }

    @Test(arguments: HubKind.allCases) func oneVersionIsSetAsideUnseen(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        // A perfectly good version, and one later of the same record.
        let batch = try device.batch([
            HubWorld.checkIn("p1", temperature: 3_650), HubWorld.checkIn("p2"),
            HubWorld.checkIn("p1", temperature: 3_660, at: 9),
        ])
        #expect(try send(batch, 1...1, isRaw: true, by: device).isHeld)
        #expect(try world.store.effective(HubWorld.key("p1")) == nil, "it holds nothing")
        #expect(try world.line("B1").checkedIn == 0)
        let receipt = try send(batch, 2...3, by: device).receipt
        #expect(receipt?.sequence == 3, "receipted like any other")
        #expect(try world.line("B1").checkedIn == 2)
        let record = try #require(try world.store.effective(HubWorld.key("p1")))
        #expect(record.firstCreated == HubWorld.local(9))
        #expect(try world.store.versions(of: HubWorld.key("p1")).count == 2, "kept whole")
        let seen = try world.centre { try $0.context(of: HubWorld.key("p1")) }
        #expect(!seen.covers(Dot(origin: device.origin(), sequence: 1)), "covering nothing")
        let verdicts = try device.drain().verdicts
        #expect(verdicts.map { "\($0.kind) \($0.dot.sequence) \($0.reason)" } == ["quarantined 1 trap"])
        #expect(try device.send(batch).receipt == receipt, "once")
        let mark = try world.store.mark(for: device.session)
        let other = try HubDevice(world, unit: "B1", number: 2)
        #expect(try other.drain().versions.filter { $0.key == HubWorld.key("p1") }.count == 1)
        // What the device wrote and is held is in scope of the other.
        #expect(try world.store.mark(for: other.session).count == mark.count + 2)
    }

    @Test(arguments: HubKind.allCases) func itIsSaidHowFarAnIngestHasCome(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let devices = try (1...2).map { try HubDevice(world, unit: "B1", number: $0) }
        let batches = try devices.map { try $0.batch([HubWorld.checkIn("p1")]) }
        let submissions = zip(devices, batches).map { Submission(session: $0.session, batch: $1) }
        var stages: [IngestStage] = []
        _ = try world.store.ingest(submissions + [submissions[0]], now: world.now) { stages.append($0) }
        #expect(
            stages == [.judging(0), .applying(0), .judging(1), .applying(1), .judging(2), .committing])
    }

    @Test(arguments: HubKind.allCases) func whatIsKeptOfTrapsStays(kind: HubKind) throws {
        let world = try HubWorld(kind)
        #expect(try world.store.suspicion().isEmpty)
        try world.store.keep(suspicion: [1, 2])
        try world.store.keep(suspicion: [3])
        #expect(try world.store.suspicion() == [3])
        if kind == .sqlite { #expect(try world.reopened().suspicion() == [3]) }
    }
}
