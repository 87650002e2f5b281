import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// What flows down: everything in a device's scope that is not its own, once.
@Suite struct HubFeedTests {
    @Test(arguments: HubKind.allCases, [1, 3, 100]) func isCompleteAndInOrder(kind: HubKind, page: Int) throws
    {
        let world = try HubWorld(kind)
        let one = try HubDevice(world, unit: "B1", number: 1)
        let two = try HubDevice(world, unit: "B2", number: 2)
        let above = try HubDevice(world, unit: "C0", number: 3)
        try one.send([HubWorld.checkIn("p1"), HubWorld.checkIn("p4")])
        try two.send([HubWorld.checkIn("p5"), HubWorld.checkIn("p2")])
        try two.send([HubWorld.checkIn("p3")])
        let registers = 4 + 3 * 2
        let fed = try one.drain(maximumItems: page).versions
        #expect(fed.filter { $0.key.form == "check-in" }.map { $0.key.values[1].string } == ["p2", "p3"])
        #expect(fed.count == registers + 2)
        #expect(Set(fed.map(\.dot)).count == fed.count)
        #expect(try one.drain(maximumItems: page).versions.isEmpty)
        #expect(try above.drain(maximumItems: page).versions.filter { $0.key.form == "check-in" }.count == 5)
        let known = one.feed
        try one.hello()
        #expect(one.feed == known)
        let mark = try world.store.mark(for: one.session)
        #expect(mark.position == known.position || kind == .memory)
        #expect(mark.count == UInt64(registers + 2))
        #expect(try world.store.mark(for: above.session).count == UInt64(4 + 5 * 2 + 5))
    }

    @Test(arguments: HubKind.allCases) func anUnknownTokenStartsAgain(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let all = try device.drain().versions.count
        device.feed.hash = .zero
        try device.hello()
        #expect(device.feed.position == 0)
        #expect(try device.drain().versions.count == all)
    }

    @Test(arguments: HubKind.allCases) func whatIsHeldBackIsNotFed(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let one = try HubDevice(world, unit: "B1", number: 1)
        let two = try HubDevice(world, unit: "B1", number: 2)
        _ = try two.drain()
        try one.send([HubWorld.checkIn("p1", temperature: 9_000), HubWorld.checkIn("p1", at: 9)])
        let page = try #require(try world.store.feed(for: two.session, after: two.feed, maximumItems: 10))
        #expect(page.versions.dots.map(\.sequence) == [2])
        #expect(VersionFlags(rawValue: page.versions.rows.flags[0]).contains(.afterHole))
        #expect(page.verdicts.isEmpty)
    }

    @Test(arguments: HubKind.allCases) func devicesJoinByCode(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let key = [UInt8](repeating: 9, count: 65)
        let secret = Token16(high: 1, low: 2)
        let join = Join(secret: secret, replica: secret, label: "new", clock: 0)
        #expect(
            try world.store.join(join, publicKey: key, now: 0) == .failure(Refuse(.codeUnknown))
                || kind == .sqlite)
        #expect(throws: StoreError.self) {
            try world.store.invite(
                Invitation(secretHash: .zero, unit: "B9", isTrusted: false, expires: 10), now: 0)
        }
        try world.store.invite(
            Invitation(secretHash: HubFake.hashing(secret.bytes), unit: "B1", isTrusted: false, expires: 10),
            now: 0)
        let joined = try world.store.join(join, publicKey: key, now: 5).get()
        #expect(joined.state == .pending && joined.unitName == "Unit B1")
        #expect(try world.store.join(join, publicKey: key, now: 50).get().confirmation == joined.confirmation)
        #expect(throws: Refuse.self) { try world.store.join(join, publicKey: [1], now: 5).get() }
        let hello = Hello(
            replica: secret, origins: [], capabilities: [], dictionaries: [], clock: 0, sessionToken: .zero,
            feed: .beginning, urgent: Backlog(), routine: Backlog(), program: "x")
        func admit(_ key: [UInt8]) throws -> RefusalCode? {
            guard
                case .failure(let refuse) = try world.store.admit(
                    hello, publicKey: key, sessionToken: secret, now: 9)
            else { return nil }
            return refuse.code
        }
        #expect(try admit([2]) == .unknownDevice)
        #expect(try admit(key) == .pendingDevice)
        #expect(try !world.store.confirm(confirmation: 1_000_000, now: 9))
        #expect(try world.store.confirm(confirmation: joined.confirmation, now: 9))
        #expect(try admit(key) == nil)
        #expect(try world.store.devices().first?.state == .active)
    }

    // MARK: - On disk only

    @Test func aFullDiskAcknowledgesNothing() throws {
        let world = try HubWorld(.sqlite)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let store = try #require(world.sqlite)
        let batch = try device.batch(
            (0..<400).map { HubWorld.checkIn("x\($0)", remark: String(repeating: "x", count: 300)) })
        try store.limitPages(to: 60)
        #expect(try device.send(batch).refusal == .diskFull)
        #expect(try store.effective(HubWorld.key("x1")) == nil)
        try store.limitPages(to: 1_000_000)
        #expect(try device.send(batch).receipt?.sequence == 400)
        #expect(try store.countersAgree(on: HubWorld.day))
    }

    @Test func anotherProcessSeesOnlyWhatIsCommitted() throws {
        let world = try HubWorld(.sqlite)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let other = try world.reopened()
        struct Killed: Error {}
        #expect(throws: Killed.self) {
            try world.centre { transaction in
                try transaction.author(HubWorld.membership("p1", from: HubWorld.day, unit: "B2"))
                #expect(try other.coverage(of: HubWorld.day).lines.first { $0.unit == "B1" }?.register == 3)
                throw Killed()
            }
        }
        #expect(try world.line("B1").register == 3)
        // The other process writes: what this one has cached must not be believed any more.
        try other.write(clock: AuthoringClock(now: world.now, isTrusted: true)) {
            _ = try $0.author(HubWorld.membership("p1", from: HubWorld.day, unit: "B2"))
        }
        try device.send([HubWorld.checkIn("p1")])
        #expect(try device.drain().verdicts.map(\.reason) == ["outside_unit"])
        #expect(try world.line("B2").checkedIn == 1)
        #expect(try other.line("B2").checkedIn == 1)
        #expect(try other.countersAgree(on: HubWorld.day))
    }
}

extension SQLiteHubStore {
    func line(_ unit: String) throws -> CoverageBoard.Line {
        try #require(try coverage(of: HubWorld.day).lines.first { $0.unit == unit })
    }
}
