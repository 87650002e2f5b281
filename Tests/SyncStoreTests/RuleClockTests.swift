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

    private static func missing(_ world: RuleWorld, on day: Int32) throws -> [Value]? {
        let key = RuleWorld.concernKey("missing-check-in", "B1", on: day, about: "check-in")
        guard let record = try world.store.effective(key), record.exists, case .list(let names)? = record[1]
        else { return nil }
        return names.map { .text($0) }
    }

    private static func expectOnce(_ world: RuleWorld) throws {
        try world.store.export(form: BuiltIn.concern, from: nil, to: nil) { values, _ in
            let key = RecordKey(form: BuiltIn.concern, values: values)
            let first = try world.store.versions(of: key).filter { $0.context.isEmpty }
            #expect(first.count == 1, "\(values)")
        }
    }

    /// A look at a date a year ahead does not silence what falls due until then.
    @Test(arguments: HubKind.allCases) func aClockThatRanAheadSilencesNothing(kind: HubKind) throws {
        let world = try RuleWorld(kind)
        try world.look(at: HubWorld.local(9, on: Self.day + 400))
        let marks = try #require(try world.store.ruleMarks())
        #expect(marks.isAhead(of: HubWorld.local(10)) && !marks.isAhead(of: marks.through - Self.minute))
        let back = try world.look(at: HubWorld.local(10))
        #expect(RuleWorld.raised(back) == ["hub-clock"], "a person is told")
        let told = try #require(back.first { $0.rule == "hub-clock" })
        #expect(told.isUrgent && told.key.values[2] == .text("C0"))
        #expect(try world.store.effective(told.key)?[1] != nil)
        #expect(try world.store.ruleMarks()?.wentBack?.to == HubWorld.local(10))
        #expect(try world.look(at: HubWorld.local(10) + 1).isEmpty, "once")
        try world.hub.centre { _ = try $0.author(HubWorld.checkIn("p1")) }
        try world.look(at: HubWorld.local(16) + 1)
        #expect(try Self.missing(world, on: Self.day) == [.text("p2"), .text("p3")])
        if kind == .sqlite {
            let other = try world.hub.reopened()
            #expect(try other.ruleMarks() == world.store.ruleMarks())
        }
        try Self.expectOnce(world)
    }

    /// What has fired by the wrong clock is a record: at its real moment it does not fire again. What fell
    /// due between the last look and the wrong one is made up for.
    @Test(arguments: HubKind.allCases) func whatHasFiredDoesNotFireAgain(kind: HubKind) throws {
        let world = try RuleWorld(kind)
        try world.look(at: HubWorld.local(12, on: Self.day + 3))
        #expect(try Self.missing(world, on: Self.day + 2) != nil)
        try world.look(at: HubWorld.local(17))
        for day in Self.day...(Self.day + 4) {
            for hour in [9.0, 16.5, 19] {
                try world.look(at: max(world.now, HubWorld.local(hour, on: day)))
            }
        }
        for day in Self.day...(Self.day + 4) { #expect(try Self.missing(world, on: day) != nil) }
        try Self.expectOnce(world)

        // More than is looked back over: the cut-off of the day on which the clock was wrong has passed.
        let other = try RuleWorld(kind)
        try other.look(at: HubWorld.local(12, on: Self.day + 100))
        try other.look(at: HubWorld.local(17))
        #expect(try Self.missing(other, on: Self.day) != nil)
        try Self.expectOnce(other)
    }

    /// What was raised for days that have not come goes when the clock is right again, whatever somebody
    /// answered meanwhile, and comes when its time has come: as if the clock had never been wrong.
    @Test(arguments: HubKind.allCases) func daysThatHaveNotComeAreTakenBack(kind: HubKind) throws {
        func week(_ world: RuleWorld) throws {
            for day in Self.day...(Self.day + 4) {
                for hour in [10.5, 16.5, 19] {
                    if hour > 16, day == Self.day + 2 {
                        try world.hub.centre { transaction in
                            for person in ["p1", "p2", "p3"]
                            where try transaction.record(HubWorld.key(person, day: day)) == nil {
                                try transaction.author(HubWorld.checkIn(person, day: day))
                            }
                        }
                    }
                    try world.look(at: HubWorld.local(hour, on: day))
                }
            }
        }
        let straight = try RuleWorld(kind)
        try week(straight)
        let world = try RuleWorld(kind)
        try world.look(at: HubWorld.local(12, on: Self.day + 6))
        let early = RuleWorld.concernKey("missing-check-in", "B1", on: Self.day + 3, about: "check-in")
        try world.answer(early, "closed")
        #expect(try Self.missing(world, on: Self.day + 2) != nil)
        let back = try world.look(at: HubWorld.local(10))
        #expect(back.count { $0.action == .withdrawn } == 24, "two units, two rules, six days")
        #expect(try world.made().count == 1, "that the clock was wrong, and nothing else")
        #expect(try world.look(at: HubWorld.local(10) + 1).isEmpty)
        if kind == .sqlite {
            var rules = HubRules()
            let fired = try rules.lookAll(at: try world.hub.reopened(), now: HubWorld.local(10) + 2)
            #expect(fired.isEmpty, "a program that is started now withdraws nothing and raises nothing")
        }
        try week(world)
        let (made, wanted) = (try world.made([BuiltIn.concern]), try straight.made([BuiltIn.concern]))
        #expect(made.filter { !$0.contains("hub-clock") } == wanted)
        // What was answered is in the record's history.
        let versions = try world.store.versions(of: early)
        #expect(versions.contains { $0.author == Array("T1".utf8) } && versions.count { $0.isDelete } == 1)
        try Self.expectOnce(world)
    }

    /// By the wrong clock the cut-off had passed, and everybody was in time by the right one.
    @Test(arguments: HubKind.allCases) func whoWasInTimeAfterAllIsNotMissing(kind: HubKind) throws {
        let world = try RuleWorld(kind)
        try world.look(at: HubWorld.local(17))
        #expect(try Self.missing(world, on: Self.day) == [.text("p1"), .text("p2"), .text("p3")])
        world.now = HubWorld.local(17.1)
        try world.hub.centre { transaction in
            for person in ["p1", "p2", "p3"] { try transaction.author(HubWorld.checkIn(person)) }
        }
        try world.look(at: HubWorld.local(9.1))
        #expect(try Self.missing(world, on: Self.day) == nil)
        try world.look(at: HubWorld.local(17.2))
        #expect(try Self.missing(world, on: Self.day) == nil, "they have checked in")
        let other = RuleWorld.concernKey("missing-check-in", "B2", on: Self.day, about: "check-in")
        #expect(try world.store.effective(other)?.exists == true, "these have not")
        #expect(try world.store.versions(of: other).count { $0.isDelete } == 1)

        // The clock was ahead of the cut-off until after it: what holds by now stays as it stood.
        let late = try RuleWorld(kind)
        try late.look(at: HubWorld.local(12, on: Self.day + 1))
        try late.answer(other, "closed")
        late.now = HubWorld.local(12, on: Self.day + 1) + 1
        try late.hub.centre { transaction in
            for person in ["p1", "p2", "p3"] { try transaction.author(HubWorld.checkIn(person)) }
        }
        try late.look(at: HubWorld.local(17))
        #expect(try Self.missing(late, on: Self.day) == nil)
        let kept = try #require(try late.store.effective(other))
        #expect(kept.exists && kept[2] == .text("closed"), "answered, and true")
    }

    /// Drift is no leap, and each of many leaps is remembered or counted in.
    @Test func howFarAClockGoesBackDecides() throws {
        let world = try RuleWorld(.memory)
        for hour in 1...80 { try world.look(at: HubWorld.local(8 + Double(hour) * 12)) }
        let through = try #require(try world.store.ruleMarks()).through
        #expect(try world.look(at: through - Self.minute).isEmpty)
        #expect(try world.store.ruleMarks()?.wentBack == nil)
        let leaps = try #require(try world.store.ruleMarks()).leaps
        #expect(leaps.count <= 32 && leaps.first?.from ?? .max < HubWorld.local(24))
        #expect(zip(leaps, leaps.dropFirst()).allSatisfy { $0.to <= $1.from })
    }

    /// Whoever was told by a clock that ran ahead has not been told: the next turn is now, and goes on from
    /// there.
    @Test(arguments: HubKind.allCases) func whoWaitsIsNotForgotten(kind: HubKind) throws {
        let world = try RuleWorld(kind)
        let device = try HubDevice(world.hub, unit: "B1", number: 1)
        try device.hello()
        _ = try device.send([HubWorld.checkIn("p1", fever: true)])
        try world.look(at: world.now + RuleEngine.patience + 1)
        try world.look(at: HubWorld.local(9, on: Self.day + 200))
        let key = RuleWorld.alertKey("p1")
        let ahead = try #require(try world.store.effective(key)?[9]?.integer)
        #expect(ahead > HubWorld.local(9.25), "all of its turns, by the wrong clock")
        #expect(RuleWorld.turns(try world.look(at: HubWorld.local(8.25)), of: "symptoms").count == 1)
        let later = try world.look(at: HubWorld.local(8.25) + Self.minute)
        #expect(RuleWorld.turns(later, of: "symptoms").isEmpty)
        let due = try #require(try world.store.effective(key)?[9]?.integer)
        #expect(due <= world.now)
    }

    /// A fever that came while the clock ran ahead is raised once it is right again.
    @Test(arguments: HubKind.allCases) func aFeverOfTheWrongTimeIsRaised(kind: HubKind) throws {
        let world = try RuleWorld(kind)
        world.now = HubWorld.local(9, on: Self.day + 50)
        try world.hub.centre { _ = try $0.author(HubWorld.checkIn("p1", fever: true)) }
        #expect(try RuleWorld.raised(world.look(at: HubWorld.local(10))).contains("symptoms"))
    }

    /// A store that was put back is sent again what it lacks before its cut-offs are judged.
    @Test func whatBranchesSendAgainCounts() throws {
        let world = try RuleWorld(.sqlite)
        let store = try #require(world.hub.sqlite)
        _ = try store.restored(revoked: [], now: HubWorld.local(20))
        #expect(try !RuleWorld.raised(world.look(at: HubWorld.local(20))).contains("missing-check-in"))
        let device = try HubDevice(world.hub, unit: "B1", number: 1)
        try device.hello()
        _ = try device.send([HubWorld.checkIn("p1"), HubWorld.checkIn("p2", fever: true)])
        let during = RuleWorld.raised(try world.look(at: HubWorld.local(20) + 10 * Self.minute))
        #expect(during == ["symptoms"], "what is urgent does not wait")
        #expect(try Self.missing(world, on: Self.day) == nil)
        try world.look(at: HubWorld.local(20) + 29 * Self.minute)
        #expect(try store.ruleMarks()?.held?.from == HubWorld.local(8))
        let after = RuleWorld.raised(try world.look(at: HubWorld.local(20) + RuleMarks.grace))
        #expect(after.contains("missing-check-in") && after.contains("missing-report"))
        #expect(try Self.missing(world, on: Self.day) == [.text("p3")])
        #expect(try store.ruleMarks()?.held == nil)
        #expect(try world.look(at: world.now + 1).isEmpty)
        try Self.expectOnce(world)
    }
}
