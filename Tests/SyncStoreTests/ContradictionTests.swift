import Forms
import SyncCore
import SyncStore
import Testing

/// A contradiction is open exactly while a report's numbers differ from the check-ins made by the time that
/// the numbers give for themselves, as those read then; a zero beside a finding, while both stand.
struct ContradictionTests {
    private struct Unit {
        let world: RuleWorld

        init(_ kind: HubKind) throws { world = try RuleWorld(kind) }

        /// Writes with everything before in view.
        private func write(at hour: Double, _ draft: (Context) -> Draft) throws {
            world.now = max(world.now, HubWorld.local(hour))
            try world.hub.centre { transaction in
                let seen = try transaction.record(draft(.empty).key)?.seen ?? .empty
                _ = try transaction.author(draft(seen))
            }
            try world.look()
        }

        func checkIn(_ person: String, fever: Bool = false, at hour: Double) throws {
            try write(at: hour) { HubWorld.checkIn(person, fever: fever, context: $0, at: hour) }
        }

        func report(_ values: [FieldID: Value], at hour: Double) throws {
            try write(at: hour) { seen in
                HubWorld.draft(
                    BuiltIn.dailyReport, [.integer(Int64(HubWorld.day)), .text("B2")], values,
                    context: seen, stated: HubWorld.local(hour))
            }
        }

        /// What is open, by rule, with what is said of it.
        func facts(_ rule: String) throws -> [String]? {
            let key = RuleWorld.concernKey(rule, "B2", on: HubWorld.day, about: "daily-report")
            guard let record = try world.store.effective(key), record.exists else { return nil }
            let form = try #require(FormCatalog.builtIn[BuiltIn.concern].flatMap { RaisedForm($0) })
            return form.facts(of: record)
        }
    }

    private static let zero: [FieldID: Value] = [
        1: .text("ZERO"), 2: .integer(2), 3: .integer(2), 6: .integer(0), 7: .integer(0),
    ]
    private static let name = "daily-report \(CivilDay.text(HubWorld.day)) B2"

    @Test(arguments: HubKind.allCases) func whatCameOrWasCorrectedLaterIsNone(kind: HubKind) throws {
        let unit = try Unit(kind)
        for person in ["p4", "p5"] { try unit.checkIn(person, at: 8) }
        try unit.report(Self.zero, at: 9)
        #expect(try unit.facts("counts-differ") == nil)
        try unit.checkIn("p4", fever: true, at: 10)
        #expect(try unit.facts("counts-differ") == nil, "at nine nobody had said so")
        #expect(
            try unit.facts("zero-beside-findings")
                == [Self.name, "check-in \(CivilDay.text(HubWorld.day)) p4"],
            "that it is none stands by itself")
        // A remark says no number anew.
        try unit.report([10: .text("later")], at: 11)
        #expect(try unit.facts("counts-differ") == nil)
        // A number that is stated anew is compared with what there is by then; the others are as they were.
        try unit.report([7: .integer(2)], at: 12)
        #expect(try unit.facts("counts-differ") == [Self.name, "n_symptom=2/1"])
        try unit.report([7: .integer(1), 1: .text("CASES")], at: 12.5)
        #expect(try unit.facts("counts-differ") == nil)
        #expect(try unit.facts("zero-beside-findings") == nil, "it says no longer that there is nothing")
    }

    @Test(arguments: HubKind.allCases) func whatWasThereIsOneAlsoWhenItIsCorrectedAway(kind: HubKind) throws {
        let unit = try Unit(kind)
        try unit.checkIn("p4", fever: true, at: 8)
        try unit.checkIn("p5", at: 8)
        try unit.report(Self.zero, at: 9)
        #expect(try unit.facts("counts-differ") == [Self.name, "n_symptom=0/1"])
        #expect(try unit.facts("zero-beside-findings") != nil)
        try unit.checkIn("p4", fever: false, at: 10)
        #expect(try unit.facts("counts-differ") == [Self.name, "n_symptom=0/1"], "at nine it stood there")
        #expect(try unit.facts("zero-beside-findings") == nil, "it is beside nothing now")
        // A report by what is there now: the numbers agree, and the contradiction is over.
        try unit.report(Self.zero, at: 11)
        #expect(try unit.facts("counts-differ") == nil)
        // It comes back with what contradicts it.
        try unit.checkIn("p5", fever: true, at: 10.5)
        #expect(try unit.facts("counts-differ") == [Self.name, "n_symptom=0/1"])
        #expect(try unit.facts("zero-beside-findings") != nil)
    }
}
