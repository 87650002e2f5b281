import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// Rules on a hub whose clock was wrong for a while, or whose store was put back: what lies between is judged
/// again, and nothing fires twice.
struct RuleClockTests {
    private static let day = HubWorld.day
    private static let minute: Milliseconds = 60_000

    private static func world(_ kind: HubKind) throws -> HubWorld {
        let world = try HubWorld(kind)
        world.now = HubWorld.local(8)
        try world.centre { transaction in
            for (place, person) in [(Int64(1), "d1"), (2, "d2")] {
                try transaction.author(
                    HubWorld.draft(
                        BuiltIn.dutyShift, [.text("C0"), .integer(HubWorld.local(0)), .integer(place)],
                        [
                            1: .integer(HubWorld.local(24 * 900)), 2: .text(person), 3: .text("1-\(person)"),
                            4: .boolean(place == 2), 5: .notStated,
                        ]))
            }
        }
        try look(world, at: world.now)
        return world
    }

    @discardableResult private static func look(_ world: HubWorld, at time: Milliseconds) throws
        -> [RuleEvent]
    {
        world.now = time
        var rules = HubRules()
        return try rules.lookAll(at: world.store, now: time)
    }

    private static func raised(_ events: [RuleEvent]) -> [String] {
        events.compactMap { event in
            if case .raised = event.action { return event.rule }
            return nil
        }
    }

    private static func missing(_ world: HubWorld, on day: Int32) throws -> [Value]? {
        let key = RecordKey(
            form: BuiltIn.concern,
            values: [.integer(Int64(day)), .text("missing-check-in"), .text("B1"), .text("check-in")])
        guard case .list(let names)? = try world.store.effective(key)?[1] else { return nil }
        return names.map { .text($0) }
    }

    private static func expectOnce(_ world: HubWorld) throws {
        try world.store.export(form: BuiltIn.concern, from: nil, to: nil) { values, _ in
            let key = RecordKey(form: BuiltIn.concern, values: values)
            let first = try world.store.versions(of: key).filter { $0.context.isEmpty }
            #expect(first.count == 1, "\(values)")
        }
    }

    /// A look at a date a year ahead does not silence what falls due until then.
    @Test(arguments: HubKind.allCases) func aClockThatRanAheadSilencesNothing(kind: HubKind) throws {
        let world = try Self.world(kind)
        try Self.look(world, at: HubWorld.local(9, on: Self.day + 400))
        let marks = try #require(try world.store.ruleMarks())
        #expect(marks.isAhead(of: HubWorld.local(10)) && !marks.isAhead(of: marks.through - Self.minute))
        let back = try Self.look(world, at: HubWorld.local(10))
        #expect(Self.raised(back) == ["hub-clock"], "a person is told")
        #expect(back.first?.isUrgent == true && back.first?.key.values[2] == .text("C0"))
        #expect(try world.store.ruleMarks()?.wentBack?.to == HubWorld.local(10))
        #expect(try Self.look(world, at: HubWorld.local(10) + 1).isEmpty, "once")
        try world.centre { _ = try $0.author(HubWorld.checkIn("p1")) }
        try Self.look(world, at: HubWorld.local(16) + 1)
        #expect(try Self.missing(world, on: Self.day) == [.text("p2"), .text("p3")])
        if kind == .sqlite {
            let other = try world.reopened()
            #expect(try other.ruleMarks() == world.store.ruleMarks())
        }
        try Self.expectOnce(world)
    }

    /// What has fired by the wrong clock is a record: at its real moment it does not fire again. What fell
    /// due between the last look and the wrong one is made up for.
    @Test(arguments: HubKind.allCases) func whatHasFiredDoesNotFireAgain(kind: HubKind) throws {
        let world = try Self.world(kind)
        try Self.look(world, at: HubWorld.local(12, on: Self.day + 3))
        #expect(try Self.missing(world, on: Self.day + 2) != nil)
        try Self.look(world, at: HubWorld.local(17))
        for day in Self.day...(Self.day + 4) {
            for hour in [9.0, 16.5, 19] {
                try Self.look(world, at: max(world.now, HubWorld.local(hour, on: day)))
            }
        }
        for day in Self.day...(Self.day + 4) { #expect(try Self.missing(world, on: day) != nil) }
        try Self.expectOnce(world)

        // More than is looked back over: the cut-off of the day on which the clock was wrong has passed.
        let other = try Self.world(kind)
        try Self.look(other, at: HubWorld.local(12, on: Self.day + 100))
        try Self.look(other, at: HubWorld.local(17))
        #expect(try Self.missing(other, on: Self.day) != nil)
        try Self.expectOnce(other)
    }

    /// Drift is no leap, and each of many leaps is remembered or counted in.
    @Test func howFarAClockGoesBackDecides() throws {
        let world = try Self.world(.memory)
        for hour in 1...80 { try Self.look(world, at: HubWorld.local(8 + Double(hour) * 12)) }
        let through = try #require(try world.store.ruleMarks()).through
        #expect(try Self.look(world, at: through - Self.minute).isEmpty)
        #expect(try world.store.ruleMarks()?.wentBack == nil)
        let leaps = try #require(try world.store.ruleMarks()).leaps
        #expect(leaps.count <= 32 && leaps.first?.from ?? .max < HubWorld.local(24))
        #expect(zip(leaps, leaps.dropFirst()).allSatisfy { $0.to <= $1.from })
    }

    /// Whoever was told by a clock that ran ahead has not been told: the next turn is now, and goes on from
    /// there.
    @Test(arguments: HubKind.allCases) func whoWaitsIsNotForgotten(kind: HubKind) throws {
        let world = try Self.world(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        try device.hello()
        _ = try device.send([HubWorld.checkIn("p1", fever: true)])
        try Self.look(world, at: world.now + RuleEngine.patience + 1)
        try Self.look(world, at: HubWorld.local(9, on: Self.day + 200))
        func turns(_ events: [RuleEvent]) -> [String?] {
            events.compactMap { event -> String?? in
                if event.rule == "symptoms", case .turn(_, let person) = event.action { return person }
                return nil
            }
        }
        let key = RecordKey(
            form: BuiltIn.alert, values: [.integer(Int64(Self.day)), .text("symptoms"), .text("p1")])
        let ahead = try #require(try world.store.effective(key)?[9]?.integer)
        #expect(ahead > HubWorld.local(9.25), "all of its turns, by the wrong clock")
        #expect(turns(try Self.look(world, at: HubWorld.local(8.25))).count == 1)
        #expect(turns(try Self.look(world, at: HubWorld.local(8.25) + Self.minute)).isEmpty)
        let due = try #require(try world.store.effective(key)?[9]?.integer)
        #expect(due <= world.now)
    }

    /// A fever that came while the clock ran ahead is raised once it is right again.
    @Test(arguments: HubKind.allCases) func aFeverOfTheWrongTimeIsRaised(kind: HubKind) throws {
        let world = try Self.world(kind)
        world.now = HubWorld.local(9, on: Self.day + 50)
        try world.centre { _ = try $0.author(HubWorld.checkIn("p1", fever: true)) }
        #expect(try Self.raised(Self.look(world, at: HubWorld.local(10))).contains("symptoms"))
    }

    /// A store that was put back is sent again what it lacks before its cut-offs are judged.
    @Test func whatBranchesSendAgainCounts() throws {
        let world = try Self.world(.sqlite)
        let store = try #require(world.sqlite)
        _ = try store.restored(revoked: [], now: HubWorld.local(20))
        #expect(try !Self.raised(Self.look(world, at: HubWorld.local(20))).contains("missing-check-in"))
        let device = try HubDevice(world, unit: "B1", number: 1)
        try device.hello()
        _ = try device.send([HubWorld.checkIn("p1"), HubWorld.checkIn("p2", fever: true)])
        let during = Self.raised(try Self.look(world, at: HubWorld.local(20) + 10 * Self.minute))
        #expect(during == ["symptoms"], "what is urgent does not wait")
        #expect(try Self.missing(world, on: Self.day) == nil)
        try Self.look(world, at: HubWorld.local(20) + 29 * Self.minute)
        #expect(try store.ruleMarks()?.held?.from == HubWorld.local(8))
        let after = Self.raised(try Self.look(world, at: HubWorld.local(20) + RuleMarks.grace))
        #expect(after.contains("missing-check-in") && after.contains("missing-report"))
        #expect(try Self.missing(world, on: Self.day) == [.text("p3")])
        #expect(try store.ruleMarks()?.held == nil)
        #expect(try Self.look(world, at: world.now + 1).isEmpty)
        try Self.expectOnce(world)
    }
}
