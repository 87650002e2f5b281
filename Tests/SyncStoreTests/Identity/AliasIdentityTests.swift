import SyncCore
import SyncStore
import Testing

/// Versions that two stores bring under two names, session after session, with the real machines.
@Suite struct AliasIdentityTests {
    private static let key = HubWorld.key("p1")

    private static func remark(_ text: String) -> Draft { HubWorld.checkIn("p1", remark: text) }

    /// A branch whose disk is older than what the hub knows of it, with an entry that it has not sent.
    private static func restored(_ kind: HubKind, at world: IdentityWorld) throws -> Branch {
        let original = try Branch(kind, 1, unit: "B1", at: world)
        try original.sync(world)
        let backup = try Branch(copyOf: original, seed: 5)
        for _ in 0..<3 { try original.sync(world) }
        try backup.write(remark("written once"), at: world)
        return backup
    }

    /// One version under so many names, and an edit by somebody who was shown one of them, everywhere.
    private static func expect(
        _ world: IdentityWorld, _ branches: [Branch], names: Int,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let record = try #require(try world.hub.effective(key), sourceLocation: sourceLocation)
        #expect(record[14] == .text("edited") && !record.hasConflict, sourceLocation: sourceLocation)
        let versions = try world.hub.versions(of: key)
        #expect(versions.count == names + 1, sourceLocation: sourceLocation)
        let history = History(versions, under: .latest)
        #expect(history.entries.map(\.names.count) == [names, 1], sourceLocation: sourceLocation)
        let form = Array(key.form.utf8)
        let bytes = Canonical.encode(key: key.values)
        let wanted = RecordPrint(
            form: form, key: bytes,
            try #require(try world.hub.record(key), sourceLocation: sourceLocation))
        for branch in branches {
            let state = try #require(try branch.store.record(key), sourceLocation: sourceLocation)
            #expect(
                RecordPrint(form: form, key: bytes, state) == wanted, sourceLocation: sourceLocation)
            #expect(state == (try world.hub.record(key)), sourceLocation: sourceLocation)
            #expect(
                History(try branch.store.versions(of: key), under: .latest) == history,
                sourceLocation: sourceLocation)
        }
    }

    /// Whichever of the copies edits, whether or not it has been fed the other's name.
    @Test(arguments: HubKind.allCases, [false, true])
    func bothCopiesWriteAgainWhatNeitherHadSent(kind: HubKind, isFed: Bool) throws {
        let world = try IdentityWorld(kind)
        let first = try Self.restored(kind, at: world)
        let second = try Branch(copyOf: first, seed: 6)
        try first.sync(world)
        try second.sync(world)
        #expect(first.endings == [.identityRenewed] && second.endings == [.identityRenewed])
        #expect(try second.store.verdicts([.heldAlready], limit: 9).count == 1)
        if isFed { try first.sync(world) }
        try first.edit(Self.remark("edited"), at: world)
        for branch in [first, second, first] { try branch.sync(world) }
        try Self.expect(world, [first, second], names: 2)
        #expect(try first.queued == 0 && second.queued == 0)
    }

    /// The second one edits before it learns that it is a copy.
    @Test(arguments: HubKind.allCases) func aCopyEditsUnderTheOldName(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let first = try Self.restored(kind, at: world)
        let second = try Branch(copyOf: first, seed: 6)
        try second.edit(Self.remark("edited"), at: world)
        for branch in [first, second, first] { try branch.sync(world) }
        try Self.expect(world, [first, second], names: 2)
    }

    /// The hub is put back to before it was told that one of them was old, and takes the other for the
    /// original.
    @Test(arguments: HubKind.allCases, [false, true])
    func theOriginalNameComesAfterAll(kind: HubKind, isReplaced: Bool) throws {
        let world = try IdentityWorld(kind)
        let first = try Self.restored(kind, at: world)
        let second = try Branch(copyOf: first, seed: 6)
        let image = try world.image()
        try first.sync(world)
        #expect(first.endings == [.identityRenewed])
        if isReplaced { try first.edit(Self.remark("edited"), at: world) }
        try world.putBack(image, seed: 100)
        world.now += 7_200_000
        try first.sync(world)
        try second.sync(world)
        #expect(second.endings.isEmpty)
        if !isReplaced { try second.edit(Self.remark("edited"), at: world) }
        for branch in [second, first, second] { try branch.sync(world) }
        try Self.expect(world, [first, second], names: 2)
    }

    /// The urgent lane has gone, and what its version was shown waits in the other when the store turns out
    /// to be one of two; it goes up under another name, and still stands covered.
    @Test(arguments: HubKind.allCases, [false, true])
    func whatIsReceiptedCoversWhatIsWrittenAgain(kind: HubKind, isSentTwice: Bool) throws {
        let world = try IdentityWorld(kind)
        let first = try Branch(kind, 1, unit: "B1", at: world)
        try first.sync(world)
        try first.write(Self.remark("written once"), at: world)
        var edited = Self.remark("edited")
        edited.lane = .urgent
        try first.edit(edited, at: world)
        let second = try Branch(copyOf: first, seed: 6)
        for _ in 0..<2 { try first.sync(world, cutBefore: .routine) }
        #expect(try world.hub.versions(of: Self.key).count == 1)
        if isSentTwice {
            // What was written again is one of two once more before it has gone.
            try second.sync(world, cutBefore: .routine)
            #expect(second.endings == [.identityRenewed])
            try second.sync(world, cutBefore: .routine)
            let third = try Branch(copyOf: second, seed: 7)
            for _ in 0..<2 { try second.sync(world, cutBefore: .routine) }
            try third.sync(world)
            #expect(third.endings == [.identityRenewed])
            try Self.expectOneOfEach(world, [third])
        }
        try second.sync(world)
        #expect(second.endings == [.identityRenewed])
        try Self.expectOneOfEach(world, [second])
        for branch in [first, second, first] { try branch.sync(world) }
        #expect(try first.queued == 0 && second.queued == 0)
        try Self.expectOneOfEach(world, [first, second])
    }

    /// Two versions, of which one covers the other, under however many names.
    private static func expectOneOfEach(
        _ world: IdentityWorld, _ branches: [Branch], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let record = try #require(try world.hub.effective(key), sourceLocation: sourceLocation)
        #expect(record[14] == .text("edited") && !record.hasConflict, sourceLocation: sourceLocation)
        let history = History(try world.hub.versions(of: key), under: .latest)
        #expect(history.entries.count == 2, sourceLocation: sourceLocation)
        let state = try world.hub.record(key)
        for branch in branches {
            #expect(try branch.store.record(key) == state, sourceLocation: sourceLocation)
            #expect(
                History(try branch.store.versions(of: key), under: .latest) == history,
                sourceLocation: sourceLocation)
        }
    }

    /// What leaves a branch's scope and comes back is called what it was called.
    @Test(arguments: HubKind.allCases) func namesOutliveALeave(kind: HubKind) throws {
        let world = try IdentityWorld(kind)
        let first = try Self.restored(kind, at: world)
        let second = try Branch(copyOf: first, seed: 6)
        try first.sync(world)
        try second.sync(world)
        try first.edit(Self.remark("edited"), at: world)
        for branch in [first, second, first] { try branch.sync(world) }
        for (unit, from) in [("B2", HubWorld.day), ("B1", HubWorld.day)] {
            _ = try world.hub.write(clock: AuthoringClock(now: world.now, isTrusted: true)) {
                try $0.author(HubWorld.membership("p1", from: from, unit: unit))
            }
            for branch in [first, second] {
                try branch.sync(world)
                #expect(try branch.store.record(Self.key)?.siblings.count ?? 0 <= 1)
            }
        }
        let record = try #require(try world.hub.effective(Self.key))
        #expect(record[14] == .text("edited") && !record.hasConflict)
        for branch in [first, second] {
            #expect(try branch.store.record(Self.key)?.siblings == world.hub.record(Self.key)?.siblings)
        }
    }
}
