import Forms
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire
import Testing

/// Versions that are read out to the centre, before, after and without their wire copies.
@Suite struct HubSpokenTests {
    private let world: HubWorld
    private let store: SQLiteHubStore
    private let device: HubDevice
    private static let key = HubWorld.key("p1")

    init() throws {
        world = try HubWorld(.sqlite)
        store = try #require(world.sqlite)
        device = try HubDevice(world, unit: "B1", number: 1)
    }

    /// As it is heard.
    private func say(_ version: Version, by device: HubDevice? = nil) throws -> Result<SpokenOutcome, Refuse>
    {
        let body = try #require(SpokenEntry.encode(version, maximum: 1_000))
        return try store.takeSpoken(
            SpokenEntry.decode(body), from: (device ?? self.device).session.device,
            clock: AuthoringClock(now: world.now, isTrusted: true))
    }

    private func isTaken(_ outcome: Result<SpokenOutcome, Refuse>) -> Bool {
        if case .success(.taken) = outcome { return true }
        return false
    }

    private func record(_ key: RecordKey = HubSpokenTests.key) throws -> EffectiveRecord {
        try #require(try store.effective(key))
    }

    @Test func whatIsReadOutStandsAtOnceAndIsTheSameWhenItComesByWire() throws {
        let batch = try device.batch([HubWorld.checkIn("p1", temperature: 3_890, remark: "说明")])
        let version = batch.version(at: 0)
        #expect(isTaken(try say(version)))
        let board = try world.line("B1")
        #expect(board.checkedIn == 1 && board.flagged.count == 1)
        #expect(try record()[1] == .decimal(unscaled: 3_890, scale: 2))
        let position = try store.logPosition()
        #expect(try say(version) == .success(.known))
        #expect(try store.logPosition() == position)
        // The branch is fed its own version under the hub's name.
        let fed = try device.drain().versions.filter { $0.key == Self.key }
        #expect(fed.map(\.firstName) == [version.dot])

        #expect(try device.send(batch).isHeld)
        #expect(try device.drain().verdicts.map(\.kind) == [.heldAlready])
        #expect(try world.line("B1") == board)
        let state = try #require(try store.record(Self.key))
        #expect(state.siblings.count == 1 && state.names(of: version.dot).count == 2)
        #expect(try !record().hasConflict && store.conflictCount() == 0)
        #expect(try say(version) == .success(.known))
        #expect(try store.auditFinding(in: store.auditLog()) == nil)
    }

    @Test func whatCameByWireIsNotWrittenAgain() throws {
        let batch = try device.batch([HubWorld.checkIn("p1")])
        try device.send(batch)
        let position = try store.logPosition()
        #expect(try say(batch.version(at: 0)) == .success(.known))
        #expect(try store.logPosition() == position)
    }

    /// The ones before it have not come, and it was shown one of them.
    @Test func aLaterOneMayBeReadOutBeforeTheOnesThatItReplaces() throws {
        let first = try device.batch([HubWorld.checkIn("p2"), HubWorld.checkIn("p1", temperature: 3_650)])
        var context = Context.empty
        context.includePrefix(first.version(at: 1).dot)
        let second = try device.batch([HubWorld.checkIn("p1", temperature: 3_900, context: context, at: 9)])
        #expect(isTaken(try say(second.version(at: 0))))
        for batch in [first, second] { #expect(try device.send(batch).isHeld) }
        #expect(try record()[1] == .decimal(unscaled: 3_900, scale: 2) && !record().hasConflict)
        #expect(try store.record(Self.key)?.siblings.count == 1)
        #expect(History(try store.versions(of: Self.key), under: .latest).entries.count == 2)
    }

    /// A branch that was restored calls another version so.
    @Test func aVersionThatIsOnlyCalledAlikeStandsBesideTheOther() throws {
        try device.send([HubWorld.checkIn("p1", temperature: 3_650)])
        let known = try #require(try store.versions(of: Self.key).first)
        var other = known
        other.authored += 1
        other.assignments[0].value = .decimal(unscaled: 3_900, scale: 2)
        #expect(isTaken(try say(other)))
        #expect(try record().hasConflict)
        #expect(try store.versions(of: Self.key).count == 2)
    }

    @Test func whoMayNotIsRefusedAndNothingIsWritten() throws {
        let other = try HubDevice(world, unit: "B2", number: 2)
        try other.send([HubWorld.checkIn("p4")])
        let theirs = try #require(try store.versions(of: HubWorld.key("p4")).first)
        let mine = try device.batch([HubWorld.checkIn("p1")]).version(at: 0)
        let position = try store.logPosition()
        guard case .failure(let refuse) = try say(theirs) else {
            Issue.record("a journal of another device was taken")
            return
        }
        #expect(refuse.code == .originOfAnother)
        var late = mine
        late.firstCreated = HubWorld.morning - 86_400_000
        guard case .success(.refused(let reason)) = try say(late) else {
            Issue.record("what would be quarantined was taken")
            return
        }
        #expect(reason == "bad_time" || reason == "created_before_day" || !reason.isEmpty)
        let unit = HubWorld.draft("unit", [.text("B9")], [1: .text("Unit")])
        #expect(
            try say(try device.batch([unit]).version(at: 0)) == .success(.refused(reason: Reason.notWritable))
        )
        _ = try store.revoke(device.session.device, reason: "lost", now: world.now)
        guard case .failure(let revoked) = try say(mine) else {
            Issue.record("a revoked device was heard")
            return
        }
        #expect(revoked.code == .revokedDevice)
        #expect(try store.logPosition() == position)
        #expect(try store.effective(Self.key) == nil)
    }
}
