import SQLiteStore
import SyncCore
import Testing

@testable import SyncStore

/// Many small pieces of work are one durable transaction, and each is still by itself.
@Suite struct HubTogetherTests {
    private struct Stop: Error {}

    private func lastSeen(_ store: any HubStore) throws -> [Milliseconds?] {
        try store.devices().map(\.lastSeen)
    }

    @Test(arguments: HubKind.allCases) func eachIsDoneAndToldByItself(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let one = try HubDevice(world, unit: "B1", number: 1)
        let two = try HubDevice(world, unit: "B2", number: 2)
        world.now += 1_000
        let errors = world.store.together([{ try one.hello() }, { throw Stop() }, { try two.hello() }])
        #expect(errors.map { $0 is Stop } == [false, true, false])
        #expect(errors[0] == nil && errors[2] == nil)
        #expect(try lastSeen(world.store) == [world.now, world.now])
        // Their sessions are good for what comes next.
        #expect(try one.send([HubWorld.checkIn("p1")]).isHeld)
        #expect(try two.send([HubWorld.checkIn("p4")]).isHeld)
    }

    @Test func whatThrowsIsUndoneAndNothingElse() throws {
        let world = try HubWorld(.sqlite)
        let one = try HubDevice(world, unit: "B1", number: 1)
        let two = try HubDevice(world, unit: "B2", number: 2)
        let earlier = world.now
        world.now += 1_000
        let store = world.store
        let errors = store.together([
            { try one.hello() },
            {
                try two.hello()
                throw Stop()
            },
        ])
        #expect(errors[0] == nil && errors[1] is Stop)
        #expect(try lastSeen(store) == [world.now, earlier])
        #expect(try lastSeen(world.reopened()) == [world.now, earlier])
    }

    @Test func theyAreOneTransaction() throws {
        let world = try HubWorld(.sqlite)
        let one = try HubDevice(world, unit: "B1", number: 1)
        let two = try HubDevice(world, unit: "B2", number: 2)
        let earlier = world.now
        world.now += 1_000
        let reader = try SQLiteHubStore(readingFrom: world.folder.path, means: HubFake.means(seed: 99))
        let errors = world.store.together([
            { try one.hello() },
            {
                #expect(try lastSeen(reader) == [earlier, earlier], "nothing is durable in the middle")
                try two.hello()
            },
        ])
        #expect(errors.allSatisfy { $0 == nil })
        #expect(try lastSeen(reader) == [world.now, world.now])
    }
}
