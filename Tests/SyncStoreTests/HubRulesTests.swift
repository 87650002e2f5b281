import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// Rules on a hub's store: what they call for is a record, once, whoever evaluates and whatever fails.
struct HubRulesTests {
    private static let hour: Milliseconds = 3_600_000

    private static func world(_ kind: HubKind) throws -> RuleWorld { try RuleWorld(kind, rosterDays: 30) }

    @Test(arguments: HubKind.allCases) func whatIsMissingAtTheCutOffIsRaisedOnce(kind: HubKind) throws {
        let world = try Self.world(kind)
        try world.hub.centre { _ = try $0.author(HubWorld.checkIn("p1")) }
        try world.look()
        world.now = HubWorld.local(16) + 1
        let fired = try world.look()
        #expect(RuleWorld.raised(fired) == ["missing-check-in", "missing-check-in"])
        let key = RecordKey(
            form: BuiltIn.concern,
            values: [
                .integer(Int64(HubWorld.day)), .text("missing-check-in"), .text("B1"), .text("check-in"),
            ])
        let record = try #require(try world.store.effective(key))
        #expect(record[1] == .list([Array("p2".utf8), Array("p3".utf8)]))
        #expect(record[2] == .text("open") && record[6] == .integer(HubWorld.local(16) + 1))
        let before = try world.made()
        #expect(try world.look().isEmpty)
        world.now += 1_000
        #expect(try world.look().isEmpty)
        if kind == .sqlite {
            var rules = HubRules()
            #expect(try rules.lookAll(at: try world.hub.reopened(), now: world.now).isEmpty)
        }
        #expect(try world.made() == before)
    }

    /// The transaction in which a rule fires fails, as it does when the program dies: it fires with the next.
    @Test(arguments: HubKind.allCases) func aLookThatFailsIsMadeGood(kind: HubKind) throws {
        struct Died: Error {}
        let world = try Self.world(kind)
        world.now = HubWorld.local(18) + 1
        let marks = try world.store.ruleMarks()
        #expect(throws: Died.self) {
            try world.hub.centre { transaction in
                try transaction.set(RuleMarks(through: world.now, position: 10_000))
                throw Died()
            }
        }
        #expect(try world.store.ruleMarks() == marks)
        let fired = try world.look()
        #expect(Set(RuleWorld.raised(fired)) == ["missing-check-in", "missing-report"])
        #expect(Set(fired).count == fired.count)
    }

    /// A verb and the server may look at the same moment.
    @Test func twoProgramsThatLookFireOnce() throws {
        let world = try Self.world(.sqlite)
        let other = try world.hub.reopened()
        var rules = [HubRules(), HubRules()]
        for hour in stride(from: 9.0, to: 60, by: 0.4) {
            world.now = HubWorld.local(hour)
            if hour < 20 {
                try world.hub.centre {
                    _ = try $0.author(HubWorld.checkIn("p\(Int(hour) % 6 + 1)", remark: "\(hour)"))
                }
            }
            _ = try rules[0].look(at: world.store, now: world.now)
            _ = try rules[1].look(at: other, now: world.now)
        }
        var count = 0
        try world.store.export(form: BuiltIn.concern, from: nil, to: nil) { values, _ in
            let key = RecordKey(form: BuiltIn.concern, values: values)
            let raised = try world.store.versions(of: key).filter { $0.context.isEmpty }
            #expect(raised.count == 1, "\(values)")
            count += 1
        }
        #expect(count == 6)
    }

    @Test(arguments: HubKind.allCases) func aWeekInStepsIsAWeekInOne(kind: HubKind) throws {
        func week(step: Milliseconds?) throws -> [String] {
            let world = try Self.world(kind)
            func advance(to time: Milliseconds) throws {
                if let step {
                    while world.now + step < time {
                        world.now += step
                        try world.look()
                    }
                }
                world.now = time
                // As every program does before it writes.
                try world.look()
            }
            for day in HubWorld.day..<(HubWorld.day + 7) {
                try advance(to: HubWorld.local(9, on: day))
                let isIll = day % 3 == 0
                try world.hub.centre { transaction in
                    _ = try transaction.author(HubWorld.checkIn("p1", day: day, fever: isIll))
                    _ = try transaction.author(HubWorld.checkIn("p4", day: day))
                    _ = try transaction.author(
                        HubWorld.draft(
                            BuiltIn.dailyReport, [.integer(Int64(day)), .text("B1")],
                            [1: .text("ZERO"), 2: .integer(3), 3: .integer(1)],
                            stated: HubWorld.local(9, on: day)))
                }
            }
            try advance(to: HubWorld.local(8, on: HubWorld.day + 7))
            return try world.made()
        }
        let straight = try week(step: nil)
        #expect(straight.contains { $0.contains("zero-beside") } || straight.count > 20)
        #expect(try week(step: 7 * Self.hour / 4) == straight)
    }

    @Test(arguments: HubKind.allCases) func aFeverWithoutItsAlertIsRaisedAtTheHub(kind: HubKind) throws {
        let world = try Self.world(kind)
        let device = try HubDevice(world.hub, unit: "B1", number: 1)
        try device.hello()
        _ = try device.send([HubWorld.checkIn("p1", fever: true)])
        #expect(try world.look().isEmpty, "the branch's own may be on its way")
        world.now += RuleEngine.patience + 1
        #expect(RuleWorld.raised(try world.look()) == ["symptoms"])
        let record = try #require(try world.store.effective(RuleWorld.alertKey("p1")))
        #expect(record[1] == .list([Array("fever".utf8)]) && record[2] == .text("open"))
        #expect(try world.look().isEmpty)
        // The branch's own comes later: both have made the same record.
        let branchs = HubWorld.draft(
            BuiltIn.alert, RuleWorld.alertKey("p1").values,
            [1: .list([Array("fever".utf8)]), 2: .text("open"), 3: .notStated])
        _ = try device.send([branchs], lane: .urgent)
        #expect(try world.look().isEmpty)
        let both = try #require(try world.store.effective(RuleWorld.alertKey("p1")))
        #expect(!both.hasConflict && both[7] == .integer(0) && both[8] == .text("d1"))
    }

    @Test(arguments: HubKind.allCases) func aBranchsAlertTakesItsTurns(kind: HubKind) throws {
        let world = try Self.world(kind)
        let device = try HubDevice(world.hub, unit: "B1", number: 1)
        try device.hello()
        let key = RuleWorld.alertKey("p1")
        let alert = HubWorld.draft(
            BuiltIn.alert, key.values, [1: .list([Array("fever".utf8)]), 2: .text("open"), 3: .notStated])
        _ = try device.send([HubWorld.checkIn("p1", fever: true), alert], lane: .urgent)
        let arrived = world.now
        world.now += 1_000
        try world.look()
        var record = try #require(try world.store.effective(key))
        #expect(record[6] == .integer(arrived), "when it came, not when it was looked at")
        #expect(record[7] == .integer(0) && record[8] == .text("d1") && record[9] == .integer(arrived))
        world.now = arrived + 30 * 60_000
        try world.look()
        record = try #require(try world.store.effective(key))
        #expect(record[7] == .integer(1) && record[8] == .text("d2"))
        // It is fed to the branch like everything about its people.
        let fed = try device.drain().versions.filter {
            $0.key == key && $0.dot.origin != device.origin(.urgent)
        }
        #expect(fed.count == 2)
    }

    /// The roster is everybody's; a concern is its unit's.
    @Test(arguments: HubKind.allCases) func theRosterIsFedToEachBranch(kind: HubKind) throws {
        let world = try Self.world(kind)
        world.now = HubWorld.local(18) + 1
        try world.look()
        let device = try HubDevice(world.hub, unit: "B2", number: 1)
        try device.hello()
        let fed = try device.drain().versions
        #expect(fed.count { $0.key.form == BuiltIn.dutyShift } == 2)
        let concerns = fed.filter { $0.key.form == BuiltIn.concern }
        #expect(!concerns.isEmpty && concerns.allSatisfy { $0.key.values[2] == .text("B2") })
    }

    /// Whoever comes on duty later takes what was nobody's at once, and not when the step after it is due.
    @Test(arguments: HubKind.allCases, [0.05, 5]) func whatWasNobodysGoesToWhoComesOnDuty(
        kind: HubKind, hours: Double
    ) throws {
        let world = try RuleWorld(kind, rosterDays: 0)
        let start = world.now
        try world.hub.centre { _ = try $0.author(HubWorld.checkIn("p1", fever: true)) }
        try world.look(at: start + RuleEngine.patience + 1)
        let key = RuleWorld.alertKey("p1")
        #expect(try world.store.effective(key)?[7] == .integer(0), "it was told, to nobody")
        #expect(try world.store.effective(key)?[8] == .notStated)
        let came = start + Milliseconds(hours * 3_600_000)
        try world.look(at: came)
        try world.duty(["d1", "d2"], until: HubWorld.local(24 * 30))
        let events = try world.look(at: came + 1_000)
        #expect(RuleWorld.turns(events, of: "symptoms") == ["d1"])
        var record = try #require(try world.store.effective(key))
        #expect(record[7] == .integer(0) && record[8] == .text("d1"))
        #expect(record[9] == .integer(came), "when the roster came")
        #expect(try world.look(at: came + 2_000).isEmpty)
        try world.look(at: came + 30 * 60_000)
        record = try #require(try world.store.effective(key))
        #expect(record[7] == .integer(1) && record[8] == .text("d2"), "it goes on from there")
    }

    /// A shift of which the roster knows begins.
    @Test(arguments: HubKind.allCases) func whatWasNobodysGoesToTheNextShift(kind: HubKind) throws {
        let world = try RuleWorld(kind, rosterDays: 0)
        let begin = HubWorld.local(8.2)
        try world.duty(["d1"], from: begin, until: HubWorld.local(24))
        try world.hub.centre { _ = try $0.author(HubWorld.checkIn("p1", fever: true)) }
        var rules = HubRules()
        world.now += RuleEngine.patience + 1
        _ = try rules.lookAll(at: world.store, now: world.now)
        #expect(try world.store.effective(RuleWorld.alertKey("p1"))?[8] == .notStated)
        #expect(rules.next == begin)
        _ = try rules.lookAll(at: world.store, now: begin + 60_000)
        let record = try #require(try world.store.effective(RuleWorld.alertKey("p1")))
        #expect(record[8] == .text("d1") && record[9] == .integer(begin))
    }

    /// A report that came before what it counted says nothing wrong: once that has come, nobody is accused.
    @Test(arguments: HubKind.allCases) func whatWasCountedMayComeLater(kind: HubKind) throws {
        let world = try RuleWorld(kind)
        func report(_ unit: String, _ people: Int64) throws {
            try world.hub.centre { transaction in
                _ = try transaction.author(
                    HubWorld.draft(
                        BuiltIn.dailyReport, [.integer(Int64(HubWorld.day)), .text(unit)],
                        [1: .text("CASES"), 2: .integer(people), 3: .integer(people)],
                        stated: HubWorld.local(9)))
            }
        }
        func concern(_ unit: String) throws -> EffectiveRecord? {
            let key = RuleWorld.concernKey("counts-differ", unit, on: HubWorld.day, about: "daily-report")
            return try world.store.effective(key).flatMap { $0.exists ? $0 : nil }
        }
        world.now = HubWorld.local(9)
        try report("B1", 3)
        try report("B2", 2)
        #expect(RuleWorld.raised(try world.look()) == ["counts-differ", "counts-differ"])
        let taken = RuleWorld.concernKey("counts-differ", "B2", on: HubWorld.day, about: "daily-report")
        try world.answer(taken, "taken")
        world.now = HubWorld.local(10)
        try world.hub.centre { transaction in
            for person in ["p1", "p2", "p3", "p4"] { try transaction.author(HubWorld.checkIn(person)) }
        }
        try world.look()
        #expect(try concern("B1") == nil, "the numbers agree")
        #expect(try concern("B2")?[1] != nil, "one is wanting still, and somebody has it in hand")
        try world.hub.centre { _ = try $0.author(HubWorld.checkIn("p5")) }
        try world.look()
        #expect(try concern("B2")?[2] == .text("taken"), "what is answered stays for whoever has it")
        #expect(try world.look().isEmpty)

        // What goes afterwards was there when it was counted.
        func delete(_ person: String, stated: Milliseconds?) throws {
            try world.hub.centre { transaction in
                let key = HubWorld.key(person)
                let seen = try #require(try transaction.record(key)).seen
                try transaction.author(
                    Draft(
                        lane: .routine, key: key, formRevision: 1, context: seen, isDelete: true,
                        stated: stated, author: Array("x".utf8), assignments: []))
            }
        }
        try delete("p2", stated: nil)
        #expect(try world.look().isEmpty)
        // It differs again, by what came of the past: it is raised again.
        try delete("p1", stated: HubWorld.local(8.5))
        #expect(RuleWorld.raised(try world.look()) == ["counts-differ"])
        #expect(try concern("B1")?[2] == .text("open"))
    }

    /// The roster begins tomorrow: until then nobody is on duty, which is said once.
    @Test(arguments: HubKind.allCases) func beforeTheFirstShiftNobodyIsOnDuty(kind: HubKind) throws {
        let world = try RuleWorld(kind, rosterDays: 0)
        try world.duty(["d1"], from: HubWorld.local(20), until: HubWorld.local(24 * 30))
        let fired = try world.look(at: world.now + 1_000)
        #expect(RuleWorld.raised(fired) == ["duty-gap"])
        #expect(fired.first?.isUrgent == true && fired.first?.at == HubWorld.local(8))
        #expect(RuleWorld.raised(try world.look(at: HubWorld.local(12))).isEmpty)
        #expect(RuleWorld.raised(try world.look(at: HubWorld.local(20))).allSatisfy { $0 != "duty-gap" })
    }
}
