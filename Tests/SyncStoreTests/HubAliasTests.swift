import Forms
import SyncCore
import SyncStore
import Testing

/// Versions that come under two names, in every order, at a hub.
@Suite struct HubAliasTests {
    private static let key = HubWorld.key("p1")

    /// Two copies of one device's store and somebody else.
    private struct Scene {
        let world: HubWorld
        let first: HubDevice
        let copy: HubDevice
        let other: HubDevice

        init(_ kind: HubKind) throws {
            world = try HubWorld(kind)
            first = try HubDevice(world, unit: "B1", number: 1)
            copy = try HubDevice(world, unit: "B1", number: 2)
            other = try HubDevice(world, unit: "C0", number: 3)
        }

        func state() throws -> RecordState { try #require(try world.store.record(HubAliasTests.key)) }

        func edit(shown: [Dot], _ temperature: Int64, by device: HubDevice) throws {
            var context = Context.empty
            for dot in shown { context.includeSingle(dot) }
            var draft = HubWorld.checkIn("p1", temperature: temperature, at: 9)
            draft.context = context
            try device.send([draft])
        }
    }

    @Test(arguments: HubKind.allCases) func aVersionWrittenAgainCountsOnce(kind: HubKind) throws {
        let scene = try Scene(kind)
        try scene.first.send([HubWorld.checkIn("p1", temperature: 3_650)])
        let original = try #require(try scene.world.store.versions(of: Self.key).first)
        let before = try scene.world.line("B1")
        #expect(try scene.copy.send(try scene.copy.batch(again: [original], lane: .routine)).isHeld)
        #expect(try scene.copy.drain().verdicts.map(\.kind) == [.heldAlready])
        let state = try scene.state()
        #expect(state.siblings.count == 1 && state.names(of: original.dot).count == 2)
        #expect(try scene.world.line("B1") == before)
        // Both names come to everybody, so that a context may name either.
        let fed = try scene.other.drain().versions.filter { $0.key == Self.key }
        #expect(fed.map(\.dot).sorted() == state.names(of: original.dot))
        // Who was shown one of them was shown the version.
        let again = try #require(fed.first { $0.dot != original.dot })
        try scene.edit(shown: [again.dot], 3_700, by: scene.other)
        let record = try #require(try scene.world.store.effective(Self.key))
        #expect(record[1] == .decimal(unscaled: 3_700, scale: 2) && !record.hasConflict)
        #expect(try scene.state().siblings.count == 1)
        #expect(History(try scene.world.store.versions(of: Self.key), under: .latest).entries.count == 2)
    }

    /// What is covered, the state does not keep: the journal has to say that it is the same.
    @Test(arguments: HubKind.allCases) func aVersionReplacedBeforeItsOtherNameCame(kind: HubKind) throws {
        let scene = try Scene(kind)
        try scene.first.send([HubWorld.checkIn("p1", temperature: 3_650)])
        let original = try #require(try scene.world.store.versions(of: Self.key).first)
        try scene.edit(shown: [original.dot], 3_700, by: scene.other)
        try scene.copy.send(try scene.copy.batch(again: [original], lane: .routine))
        #expect(try scene.copy.drain().verdicts.map(\.kind) == [.heldAlready])
        let record = try #require(try scene.world.store.effective(Self.key))
        #expect(record[1] == .decimal(unscaled: 3_700, scale: 2) && !record.hasConflict)
        #expect(try scene.state().siblings.map(\.dot.origin) == [scene.other.origin()])
    }

    @Test(arguments: HubKind.allCases) func theOriginalComesAfterAll(kind: HubKind) throws {
        let scene = try Scene(kind)
        let batch = try scene.first.batch([HubWorld.checkIn("p1", temperature: 3_650)])
        let original = batch.version(at: 0)
        try scene.copy.send(try scene.copy.batch(again: [original], lane: .routine))
        let again = try #require(try scene.world.store.versions(of: Self.key).first)
        #expect(again.authoredDot == original.dot)
        try scene.edit(shown: [again.dot], 3_700, by: scene.other)
        #expect(try scene.first.send(batch).isHeld)
        #expect(try scene.first.drain().verdicts.map(\.kind) == [.heldAlready])
        let record = try #require(try scene.world.store.effective(Self.key))
        #expect(record[1] == .decimal(unscaled: 3_700, scale: 2) && !record.hasConflict)
    }

    @Test(arguments: HubKind.allCases) func anotherVersionOfTheSameFirstNameStandsBeside(
        kind: HubKind
    ) throws {
        let scene = try Scene(kind)
        try scene.first.send([HubWorld.checkIn("p1", temperature: 3_650)])
        var twin = try #require(try scene.world.store.versions(of: Self.key).first)
        let original = twin.dot
        twin.authored += 1
        try scene.edit(shown: [original], 3_700, by: scene.other)
        try scene.copy.send(try scene.copy.batch(again: [twin], lane: .routine))
        #expect(try scene.copy.drain().verdicts.isEmpty)
        #expect(try scene.world.store.effective(Self.key)?.hasConflict == true)
        #expect(try scene.state().siblings.count == 2)
    }

    /// Two journals that come to the same hold the same, whatever came first, in memory and on disk.
    @Test func everyOrderGivesTheSameState() throws {
        var states: [RecordState] = []
        for kind in HubKind.allCases {
            for order in [[0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1], [1, 3, 0, 2]] {
                let scene = try Scene(kind)
                let original = try scene.first.batch([HubWorld.checkIn("p1", temperature: 3_650)])
                let version = original.version(at: 0)
                let again = try scene.copy.batch(again: [version], lane: .routine)
                let thrice = try scene.copy.batch(again: [again.version(at: 0)], lane: .urgent)
                var draft = HubWorld.checkIn("p1", temperature: 3_700, at: 9)
                draft.context.includeSingle(again.version(at: 0).dot)
                let edit = try scene.other.batch([draft])
                let batches = [
                    (scene.first, original), (scene.copy, again), (scene.copy, thrice), (scene.other, edit),
                ]
                for index in order { #expect(try batches[index].0.send(batches[index].1).isHeld) }
                states.append(try scene.state())
            }
        }
        #expect(Set(states).count == 1)
        #expect(states.first?.siblings.count == 1)
        #expect(states.first?.aliases.first?.dots.count == 3)
    }

    @Test(arguments: HubKind.allCases) func namesOfARecordAreBounded(kind: HubKind) throws {
        let scene = try Scene(kind)
        // Versions that assign nothing are no siblings.
        let empty = (0..<Limits.recordAliases + 1).map { index in
            Version(
                dot: Dot(origin: 77, sequence: UInt64(index) + 1), key: Self.key, formRevision: 1,
                authored: scene.world.now, stated: HubWorld.local(8), firstCreated: HubWorld.local(8),
                assignments: [])
        }
        try scene.first.send([HubWorld.checkIn("p1", temperature: 3_650)])
        try scene.copy.send(try scene.copy.batch(again: Array(empty.dropLast()), lane: .routine))
        #expect(try scene.state().aliasCount == Limits.recordAliases)
        #expect(try scene.copy.drain(maximumItems: 4_000).verdicts.isEmpty)
        try scene.copy.send(try scene.copy.batch(again: empty.suffix(1), lane: .routine))
        #expect(try scene.copy.drain(maximumItems: 4_000).verdicts.map(\.reason) == [Reason.tooManyNames])
        #expect(try scene.state().aliasCount == Limits.recordAliases)
    }
}
