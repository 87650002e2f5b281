import Forms
import SyncCore
import SyncStore
import Testing

extension RuleEvent {
    /// Nil where it raises something.
    fileprivate var step: Int64? {
        if case .turn(let step, _) = action { return step }
        return nil
    }
}

/// Every instant is covered, or the gap is listed while it is one.
struct RosterTests {
    private static let rule = "duty-gap"

    /// What is open of the roster, with what is said of it.
    private func open(_ world: RuleWorld) throws -> [[String]] {
        let form = try #require(FormCatalog.builtIn[BuiltIn.concern].flatMap { RaisedForm($0) })
        var found: [[String]] = []
        try world.store.export(form: BuiltIn.concern, from: nil, to: nil) { values, record in
            let key = RecordKey(form: BuiltIn.concern, values: values)
            guard form.rule(of: key) == Self.rule, form.status(of: record) == RaisedForm.open else { return }
            found.append([values[2].string ?? ""] + form.facts(of: record))
        }
        return found
    }

    private func key(_ event: RuleEvent?) throws -> RecordKey { try #require(event?.key) }

    /// No shift of anybody: within the hour it is said of the committee, with the units that have nobody.
    @Test(arguments: HubKind.allCases) func aHubWithoutARosterSaysSo(kind: HubKind) throws {
        let world = try RuleWorld(kind, rosterDays: 0)
        let noon = HubWorld.local(20)
        #expect(RuleWorld.raised(try world.look(at: noon + 59 * 60_000)).allSatisfy { $0 != Self.rule })
        let fired = try world.look(at: noon + 61 * 60_000).filter { $0.rule == Self.rule }
        #expect(RuleWorld.raised(fired) == [Self.rule] && fired.first?.isUrgent == true)
        #expect(fired.first?.at == noon + 60 * 60_000, "when it was due, however late it is looked at")
        let said = try open(world)
        #expect(said.map { $0[0] } == ["C0"] && said[0].suffix(2) == ["B1", "B2"])
        for hour in [22, 23, 30, 50] as [Double] {
            #expect(RuleWorld.raised(try world.look(at: HubWorld.local(hour))).allSatisfy { $0 != Self.rule })
        }
        // The roster comes: there is a gap no more.
        try world.duty(["d1"], from: HubWorld.local(0), until: HubWorld.local(24 * 90))
        try world.look()
        #expect(try open(world).isEmpty)
        #expect(try world.look().isEmpty)
    }

    /// Branches with rosters of their own need none above; the one without is named.
    @Test(arguments: HubKind.allCases) func theUnitsWithoutARosterAreNamed(kind: HubKind) throws {
        let world = try RuleWorld(kind, rosterDays: 0)
        func shift(_ unit: String) throws {
            try world.hub.centre { transaction in
                _ = try transaction.author(
                    HubWorld.draft(
                        BuiltIn.dutyShift, [.text(unit), .integer(HubWorld.local(0)), .integer(1)],
                        [1: .integer(HubWorld.local(24 * 90)), 2: .text("x"), 3: .text("1")]))
            }
        }
        try shift("B1")
        try world.look(at: HubWorld.local(22))
        let said = try open(world)
        #expect(said.count == 1 && said[0][0] == "C0" && said[0].dropFirst(2) == ["B2"])
        try shift("B2")
        try world.look()
        #expect(try open(world).isEmpty, "who is on a register has somebody on duty")
    }

    /// What is filled is over, unless somebody has it in hand; what opens again is said again.
    @Test(arguments: HubKind.allCases) func aGapThatIsFilledIsOver(kind: HubKind) throws {
        let world = try RuleWorld(kind, rosterDays: 0)
        try world.duty(["d1"], until: HubWorld.local(12))
        try world.duty(["d1"], from: HubWorld.local(14), until: HubWorld.local(18))
        let fired = try world.look(at: HubWorld.local(8.5)).filter { $0.rule == Self.rule }
        let abouts = fired.filter { $0.step == nil }.map { $0.key.values[3].string?.suffix(8) }
        #expect(abouts == ["12:00:00", "18:00:00"])
        let taken = try key(fired.last { $0.step == nil })
        try world.answer(taken, "taken")
        try world.duty(["d2"], from: HubWorld.local(12), until: HubWorld.local(14))
        try world.look(at: HubWorld.local(8.6))
        #expect(try open(world).isEmpty)
        try world.duty(["d2"], from: HubWorld.local(18), until: HubWorld.local(24 * 90))
        try world.look(at: HubWorld.local(8.7))
        let record = try #require(try world.store.effective(taken))
        #expect(record.exists && record[2] == .text("taken"), "it stays for whoever has it")

        // The shift in between is cancelled: the gap is there again.
        try world.hub.centre { transaction in
            let key = RecordKey(
                form: BuiltIn.dutyShift,
                values: [.text("C0"), .integer(HubWorld.local(12)), .integer(1)])
            let seen = try #require(try transaction.record(key)).seen
            try transaction.author(
                Draft(
                    lane: .routine, key: key, formRevision: 2, context: seen, isDelete: true,
                    author: Array("x".utf8), assignments: []))
        }
        let again = try world.look(at: HubWorld.local(8.8))
        #expect(RuleWorld.raised(again) == [Self.rule])
        #expect(try open(world).map { $0[0] } == ["C0"])
    }
}
