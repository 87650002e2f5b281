import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// Devices that are let in no more, the same for every store.
@Suite struct HubRevokingTests {
    private static func revoked(
        _ kind: HubKind, surrenderLimit: Int? = nil
    ) throws -> (world: HubWorld, device: HubDevice) {
        let world = try HubWorld(kind, surrenderLimit: surrenderLimit)
        let device = try HubDevice(world, unit: "B1", number: 1)
        try device.send([HubWorld.checkIn("p1")])
        let id = try #require(try world.store.devices().first).id
        #expect(try world.store.revokedDevices().isEmpty)
        #expect(try world.store.revoke(id, reason: "lost", now: world.now))
        #expect(try !world.store.revoke(id, reason: "again", now: world.now), "once")
        #expect(try !world.store.revoke(99, reason: "nobody", now: world.now))
        #expect(try world.store.revokedDevices() == [id])
        return (world, device)
    }

    @Test(arguments: HubKind.allCases) func takesEffectInTheOpenSession(kind: HubKind) throws {
        let (world, device) = try Self.revoked(kind)
        #expect(try device.send([HubWorld.checkIn("p2")]).refusal == .revokedDevice)
        #expect(try world.store.effective(HubWorld.key("p2")) == nil)
        #expect(throws: Refuse.self) { try device.drain() }
        #expect(throws: Refuse.self) { try world.store.mark(for: device.session) }
    }

    @Test(arguments: HubKind.allCases) func whoHasNothingToHandOverIsRefused(kind: HubKind) throws {
        let (_, device) = try Self.revoked(kind)
        // It does not know that all of it is here: then it hears so first.
        try device.hello()
        #expect(device.session.isSurrender)
        let receipt = device.welcome?.held.first { $0.origin == device.origin() }?.receipt
        #expect(receipt?.sequence == 1)
        device.hasReceipts = true
        let refuse = #expect(throws: Refuse.self) { try device.hello() }
        #expect(refuse?.code == .revokedDevice)
    }

    @Test(arguments: HubKind.allCases) func whatIsHandedOverIsReceiptedAndDoesNotCount(
        kind: HubKind
    ) throws {
        let (world, device) = try Self.revoked(kind)
        let before = try world.picture(days: HubWorld.day...HubWorld.day)
        // One record that is new, and one that had counted.
        let batch = try device.batch([HubWorld.checkIn("p2"), HubWorld.checkIn("p1", temperature: 3_900)])
        try device.hello()
        #expect(device.session.isSurrender)
        let receipt = try #require(try device.send(batch).receipt)
        #expect(receipt.sequence == 3 && ShortDigest(receipt.head) == batch.after)
        #expect(try world.picture(days: HubWorld.day...HubWorld.day) == before)
        let verdicts = try world.store.verdicts(on: Dot(origin: device.origin(), sequence: 2))
        #expect(verdicts.map(\.kind) == [.quarantined] && verdicts.map(\.reason) == [Reason.revokedDevice])
        #expect(try world.store.versions(of: HubWorld.key("p2")).count == 1, "kept whole")
        #expect(throws: Refuse.self) { try device.drain() }
        // Nothing is left: the door is shut.
        device.hasReceipts = true
        let refuse = #expect(throws: Refuse.self) { try device.hello() }
        #expect(refuse?.code == .revokedDevice)
    }

    @Test(arguments: HubKind.allCases) func itFillsNoDisk(kind: HubKind) throws {
        let (world, device) = try Self.revoked(kind, surrenderLimit: 2_000)
        let first = try device.batch([HubWorld.checkIn("p2", remark: String(repeating: "x", count: 1_000))])
        try device.hello()
        #expect(try device.send(first).isHeld)
        let second = try device.batch([HubWorld.checkIn("p3", remark: String(repeating: "y", count: 1_000))])
        #expect(try device.send(second).refusal == .revokedDevice)
        // What was refused is not counted.
        #expect(try device.send(second).refusal == .revokedDevice)
        try device.hello()
        #expect(device.welcome?.held.map(\.sequence).max() == 2)
        #expect(try device.send(first).isHeld, "it is here already")
        #expect(try world.store.effective(HubWorld.key("p2")) == nil)
    }

    @Test(arguments: HubKind.allCases) func othersAreNotFedWhatWasHandedOver(kind: HubKind) throws {
        let (world, device) = try Self.revoked(kind)
        let other = try HubDevice(world, unit: "B1", number: 2)
        _ = try other.drain()
        let batch = try device.batch([HubWorld.checkIn("p2")])
        try device.hello()
        #expect(try device.send(batch).isHeld)
        let fed = try other.drain()
        #expect(fed.versions.isEmpty && fed.verdicts.isEmpty)
    }

    @Test(arguments: HubKind.allCases) func itsKeySpendsNoCode(kind: HubKind) throws {
        let (world, device) = try Self.revoked(kind)
        let secret = Token16(high: 1, low: 1)
        try world.store.invite(
            Invitation(
                secretHash: HubFake.hashing(secret.bytes), unit: "B2", isTrusted: true,
                expires: world.now + 1_000), now: world.now)
        let join = Join(secret: secret, replica: secret, label: "again", clock: world.now)
        let refuse = #expect(throws: Refuse.self) {
            try world.store.join(join, publicKey: device.key, now: world.now).get()
        }
        #expect(refuse?.code == .revokedDevice)
        let other = [4] + [UInt8](repeating: 77, count: 64)
        #expect(try world.store.join(join, publicKey: other, now: world.now).get().state == .active)
    }

    @Test func aStoreThatWasPutBackIsToldOfThoseItNeverKnew() throws {
        let (world, device) = try Self.revoked(.sqlite)
        let store = try #require(world.sqlite)
        let revocation = try #require(try store.revocation(of: 1, reason: "lost", now: world.now))
        #expect(revocation.publicKey == device.key && revocation.unit == "B1")
        #expect(try store.replay([revocation], now: world.now) == 0)
        let older = try HubWorld(.sqlite, seed: 2)
        let putBack = try #require(older.sqlite)
        #expect(try putBack.replay([revocation], now: world.now) == 1)
        let known = try #require(try putBack.devices().first)
        #expect(known.state == .revoked && known.unit == "B1" && known.label == "Device 1")
        #expect(known.fingerprint == HubFake.hashing(device.key))
        #expect(try putBack.restored(revoked: [revocation], now: world.now).revoked == 0, "known by now")
    }

    /// Who has the key of a revoked device writes another journal under the old names, as long as the old
    /// one: heads tell that nothing of it was ever here.
    @Test func releaseLetsInNothingOfAForgedJournal() throws {
        func surrendered(forging: Bool) throws -> (Release?, HubWorld) {
            let world = try HubWorld(.sqlite)
            let hub = try #require(world.sqlite)
            let device = try HubDevice(world, unit: "B1", number: 1)
            let held = try device.batch([HubWorld.checkIn("p1"), HubWorld.checkIn("p2", remark: "true")])
            try device.send(held)
            var revocation = try #require(try hub.revocation(of: 1, reason: "lost", now: world.now))
            // A store that was put back to before all that, with whom to revoke kept beside it.
            let putBack = try HubWorld(.sqlite, seed: 2)
            let store = try #require(putBack.sqlite)
            let again = try HubDevice(putBack, unit: "B1", number: 1)
            #expect(again.origin() == device.origin())
            revocation.joined = putBack.now
            _ = try store.restored(revoked: [revocation], now: putBack.now)
            let second = HubWorld.checkIn("p2", remark: forging ? "forged" : "true")
            let batch = forging ? try again.batch([HubWorld.checkIn("p1"), second]) : held
            if !forging { _ = try again.batch([HubWorld.checkIn("p1"), second]) }
            try again.hello()
            #expect(again.session.isSurrender)
            #expect(try again.send(batch).isHeld)
            #expect(try putBack.store.effective(HubWorld.key("p2")) == nil)
            let clock = AuthoringClock(now: putBack.now, isTrusted: true)
            #expect(try store.release(of: 9, all: true, reason: "nobody", clock: clock) == nil)
            return (try store.release(of: 1, all: false, reason: "delivered", clock: clock), putBack)
        }
        let (good, world) = try surrendered(forging: false)
        #expect(good == Release(released: 2, refused: 0, unproven: 0))
        #expect(try world.store.effective(HubWorld.key("p2"))?[14] == .text("true"))
        let (bad, other) = try surrendered(forging: true)
        #expect(bad == Release(released: 0, refused: 0, unproven: 2))
        #expect(try other.store.effective(HubWorld.key("p1")) == nil, "also what looks the same")
        #expect(try other.store.effective(HubWorld.key("p2")) == nil)
    }
}
