import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// Rules on a hub's store: what they call for is a record, once, whoever evaluates and whatever fails.
struct HubRulesTests {
    private static let hour: Milliseconds = 3_600_000

    private static func alertKey(_ person: String) -> RecordKey {
        RecordKey(
            form: BuiltIn.alert,
            values: [.integer(Int64(HubWorld.day)), .text("symptoms"), .text(person)])
    }

    /// At eight in the morning, rules have been looked at once, and the roster has two people for the day.
    private static func world(_ kind: HubKind) throws -> HubWorld {
        let world = try HubWorld(kind)
        world.now = HubWorld.local(8)
        try world.centre { transaction in
            for (place, person) in [(Int64(1), "d1"), (2, "d2")] {
                try transaction.author(
                    HubWorld.draft(
                        BuiltIn.dutyShift, [.text("C0"), .integer(HubWorld.local(0)), .integer(place)],
                        [
                            1: .integer(HubWorld.local(24 * 30)), 2: .text(person), 3: .text("1-\(person)"),
                            4: .boolean(place == 2), 5: .notStated,
                        ]))
            }
        }
        try look(world)
        return world
    }

    @discardableResult private static func look(
        _ world: HubWorld, _ store: (any HubStore)? = nil
    ) throws -> [RuleEvent] {
        var rules = HubRules()
        return try rules.lookAll(at: store ?? world.store, now: world.now)
    }

    /// What rules have made, as it stands.
    private static func made(_ store: any HubStore) throws -> [String] {
        var lines: [String] = []
        for name in [BuiltIn.alert, BuiltIn.concern] {
            let form = try #require(FormCatalog.builtIn[name])
            let raised = try #require(RaisedForm(form))
            try store.export(form: name, from: nil, to: nil) { key, record in
                let said = ["facts", "status", "step", "turn", "due_at", "arrived_at"].map {
                    "\($0)=\(raised.value($0, of: record).map { "\($0)" } ?? "-")"
                }
                lines.append("\(name) \(key) \(said.joined(separator: " "))")
            }
        }
        return lines
    }

    private static func raised(_ events: [RuleEvent]) -> [String] {
        events.compactMap { event in
            if case .raised = event.action { return event.rule }
            return nil
        }
    }

    @Test(arguments: HubKind.allCases) func whatIsMissingAtTheCutOffIsRaisedOnce(kind: HubKind) throws {
        let world = try Self.world(kind)
        try world.centre { _ = try $0.author(HubWorld.checkIn("p1")) }
        try Self.look(world)
        world.now = HubWorld.local(16) + 1
        let fired = try Self.look(world)
        #expect(Self.raised(fired) == ["missing-check-in", "missing-check-in"])
        let key = RecordKey(
            form: BuiltIn.concern,
            values: [
                .integer(Int64(HubWorld.day)), .text("missing-check-in"), .text("B1"), .text("check-in"),
            ])
        let record = try #require(try world.store.effective(key))
        #expect(record[1] == .list([Array("p2".utf8), Array("p3".utf8)]))
        #expect(record[2] == .text("open") && record[6] == .integer(HubWorld.local(16) + 1))
        let before = try Self.made(world.store)
        #expect(try Self.look(world).isEmpty)
        world.now += 1_000
        #expect(try Self.look(world).isEmpty)
        if kind == .sqlite { #expect(try Self.look(world, try world.reopened()).isEmpty) }
        #expect(try Self.made(world.store) == before)
    }

    /// The transaction in which a rule fires fails, as it does when the program dies: it fires with the next.
    @Test(arguments: HubKind.allCases) func aLookThatFailsIsMadeGood(kind: HubKind) throws {
        struct Died: Error {}
        let world = try Self.world(kind)
        world.now = HubWorld.local(18) + 1
        let marks = try world.store.ruleMarks()
        #expect(throws: Died.self) {
            try world.centre { transaction in
                try transaction.set(RuleMarks(through: world.now, position: 10_000))
                throw Died()
            }
        }
        #expect(try world.store.ruleMarks() == marks)
        let fired = try Self.look(world)
        #expect(Set(Self.raised(fired)) == ["missing-check-in", "missing-report"])
        #expect(Set(fired).count == fired.count)
    }

    /// A verb and the server may look at the same moment.
    @Test func twoProgramsThatLookFireOnce() throws {
        let world = try Self.world(.sqlite)
        let other = try world.reopened()
        var rules = [HubRules(), HubRules()]
        for hour in stride(from: 9.0, to: 60, by: 0.4) {
            world.now = HubWorld.local(hour)
            if hour < 20 {
                try world.centre {
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
                        try Self.look(world)
                    }
                }
                world.now = time
                // As every program does before it writes.
                try Self.look(world)
            }
            for day in HubWorld.day..<(HubWorld.day + 7) {
                try advance(to: HubWorld.local(9, on: day))
                let isIll = day % 3 == 0
                try world.centre { transaction in
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
            return try Self.made(world.store)
        }
        let straight = try week(step: nil)
        #expect(straight.contains { $0.contains("zero-beside") } || straight.count > 20)
        #expect(try week(step: 7 * Self.hour / 4) == straight)
    }

    @Test(arguments: HubKind.allCases) func aFeverWithoutItsAlertIsRaisedAtTheHub(kind: HubKind) throws {
        let world = try Self.world(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        try device.hello()
        _ = try device.send([HubWorld.checkIn("p1", fever: true)])
        #expect(try Self.look(world).isEmpty, "the branch's own may be on its way")
        world.now += RuleEngine.patience + 1
        #expect(Self.raised(try Self.look(world)) == ["symptoms"])
        let record = try #require(try world.store.effective(Self.alertKey("p1")))
        #expect(record[1] == .list([Array("fever".utf8)]) && record[2] == .text("open"))
        #expect(try Self.look(world).isEmpty)
        // The branch's own comes later: both have made the same record.
        let branchs = HubWorld.draft(
            BuiltIn.alert, Self.alertKey("p1").values,
            [1: .list([Array("fever".utf8)]), 2: .text("open"), 3: .notStated])
        _ = try device.send([branchs], lane: .urgent)
        #expect(try Self.look(world).isEmpty)
        let both = try #require(try world.store.effective(Self.alertKey("p1")))
        #expect(!both.hasConflict && both[7] == .integer(0) && both[8] == .text("d1"))
    }

    @Test(arguments: HubKind.allCases) func aBranchsAlertTakesItsTurns(kind: HubKind) throws {
        let world = try Self.world(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        try device.hello()
        let key = Self.alertKey("p1")
        let alert = HubWorld.draft(
            BuiltIn.alert, key.values, [1: .list([Array("fever".utf8)]), 2: .text("open"), 3: .notStated])
        _ = try device.send([HubWorld.checkIn("p1", fever: true), alert], lane: .urgent)
        let arrived = world.now
        world.now += 1_000
        try Self.look(world)
        var record = try #require(try world.store.effective(key))
        #expect(record[6] == .integer(arrived), "when it came, not when it was looked at")
        #expect(record[7] == .integer(0) && record[8] == .text("d1") && record[9] == .integer(arrived))
        world.now = arrived + 30 * 60_000
        try Self.look(world)
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
        try Self.look(world)
        let device = try HubDevice(world, unit: "B2", number: 1)
        try device.hello()
        let fed = try device.drain().versions
        #expect(fed.count { $0.key.form == BuiltIn.dutyShift } == 2)
        let concerns = fed.filter { $0.key.form == BuiltIn.concern }
        #expect(!concerns.isEmpty && concerns.allSatisfy { $0.key.values[2] == .text("B2") })
    }
}
