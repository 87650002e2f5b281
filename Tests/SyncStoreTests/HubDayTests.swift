import SQLiteStore
import SyncCore
import Testing

@testable import SyncStore

/// A device fills no disk in a day, the same for every store.
@Suite struct HubDayTests {
    private static func checkIn(_ person: String) -> Draft {
        HubWorld.checkIn(person, remark: String(repeating: person, count: 500))
    }

    @Test(arguments: HubKind.allCases) func aDeviceBringsSoMuchInADay(kind: HubKind) throws {
        let world = try HubWorld(kind, dayLimit: 2_500)
        let device = try HubDevice(world, unit: "B1", number: 1)
        #expect(try device.send([Self.checkIn("p1")]).isHeld)
        #expect(try device.send([Self.checkIn("p2")]).isHeld)
        let third = try device.batch([Self.checkIn("p3")])
        let refuse = try device.send(third).refusal
        #expect(refuse == .dayIsFull)
        #expect(try device.send(third).refusal == .dayIsFull, "and what was refused is not counted")
        #expect(try world.store.effective(HubWorld.key("p3")) == nil)
        // Another device has a day of its own.
        let other = try HubDevice(world, unit: "B1", number: 2)
        #expect(try other.send([Self.checkIn("p1")]).isHeld)
        // What is urgent is taken all the same, and not without end either.
        #expect(try device.send([Self.checkIn("p4")], lane: .urgent).isHeld)
        #expect(try device.send([Self.checkIn("p5")], lane: .urgent).isHeld)
        #expect(try device.send([Self.checkIn("p6")], lane: .urgent).refusal == .dayIsFull)
        // The next day by the hub's clock, it goes on where it was.
        world.now += 86_400_000
        #expect(try device.send(third).isHeld)
        #expect(try world.store.effective(HubWorld.key("p3")) != nil)
    }

    /// What counts is in the store with the entries themselves, whoever opens it next.
    @Test func theDayGoesOnWhereTheStoreWasLeft() throws {
        let world = try HubWorld(.sqlite, dayLimit: 2_500)
        let device = try HubDevice(world, unit: "B1", number: 1)
        #expect(try device.send([Self.checkIn("p1")]).isHeld)
        #expect(try device.send([Self.checkIn("p2")]).isHeld)
        let store = try #require(world.sqlite)
        let before = try store.broughtToday(world.now)
        #expect(before.count == 1 && before.values.allSatisfy { (1_000...2_500).contains($0) })
        #expect(try store.dayLimit() == 2_500)
        try store.limitDay(toBytes: 2_600)
        let again = try world.reopened()
        #expect(try again.broughtToday(world.now) == before)
        #expect(try again.dayLimit() == 2_600, "who only asks is told what the hub was told")
        #expect(try device.send([Self.checkIn("p3")]).refusal == .dayIsFull)
        #expect(try again.broughtToday(world.now) == before)
    }

    @Test func daysAreUTCDaysWhateverTheClock() {
        #expect(HubDay.number(of: 0) == 0 && HubDay.number(of: 86_399_999) == 0)
        #expect(HubDay.number(of: 86_400_000) == 1)
        #expect(HubDay.number(of: -1) == -1 && HubDay.number(of: -86_400_000) == -1)
        #expect(HubDay.number(of: -86_400_001) == -2)
        #expect(Refuse.dayIsFull(86_400_000 - 1_000).retryAfter == 2)
        #expect(Refuse.dayIsFull(0).retryAfter == 86_401)
        #expect(
            HubDay.fits(5, in: .routine, taken: 5, limit: 10)
                && !HubDay.fits(6, in: .routine, taken: 5, limit: 10))
        #expect(HubDay.fits(1, in: .urgent, taken: 10, limit: .max))
        #expect(
            HubDay.fits(15, in: .urgent, taken: 5, limit: 10)
                && !HubDay.fits(16, in: .urgent, taken: 5, limit: 10))
    }
}
