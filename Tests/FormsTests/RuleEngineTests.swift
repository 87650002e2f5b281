import SyncCore
import Testing

@testable import Forms
@testable import SyncCore

/// A hub in a few lines: records by key, and the events that the engine has called for written into them.
final class MadeUpHub: RuleFacts {
    private(set) var records: [RecordKey: EffectiveRecord] = [:]
    private(set) var events: [RuleEvent] = []
    /// Forms whose records were gone through.
    var asked: Set<String> = []
    private var touched: [TouchedRecord] = []
    private var through: Milliseconds
    let catalog: CompiledCatalog

    init(settings: Settings = Settings(), at time: Milliseconds) throws {
        catalog = try CompiledCatalog(.builtIn, settings: settings, zone: .fixed(hours: 8))
        through = time
    }

    func each(
        of form: String, from: Int32?, to: Int32?, _ body: (RecordKey, EffectiveRecord) throws -> Void
    ) throws {
        asked.insert(form)
        let dayKey = FormCatalog.builtIn[form]?.keys.firstIndex { $0.type == .date }
        let found = records.filter { key, record in
            guard key.form == form, record.exists else { return false }
            let day = dayKey.flatMap { key.values[$0].integer } ?? 0
            return day >= Int64(from ?? .min) && day <= Int64(to ?? .max)
        }
        for (key, record) in found.sorted(by: {
            Canonical.encode(key: $0.key.values).lexicographicallyPrecedes(
                Canonical.encode(key: $1.key.values))
        }) { try body(key, record) }
    }

    func each(
        of form: String, where field: FieldID, is text: [UInt8],
        _ body: (RecordKey, EffectiveRecord) throws -> Void
    ) throws {
        try each(of: form, from: nil, to: nil) { key, record in
            if record[field] == .text(text) { try body(key, record) }
        }
    }

    func record(_ key: RecordKey) -> EffectiveRecord? { records[key] }
    func isWithdrawn(_ key: RecordKey) -> Bool { records[key]?.exists == false }
    func turns(of key: RecordKey, _ field: FieldID) -> [String] {
        events.compactMap { event in
            if event.key == key, case .turn(_, let person) = event.action { return person }
            return nil
        }
    }
    func record(_ key: RecordKey, asOf time: Milliseconds) -> EffectiveRecord? {
        records[key].flatMap { $0.exists && $0.firstCreated <= time ? $0 : nil }
    }
    func unit(of person: String, on day: Int32) throws -> String? {
        var stays: [(from: Int64, unit: String?)] = []
        try each(of: BuiltIn.membership, from: nil, to: nil) { key, record in
            guard key.values[0].string == person, let from = key.values[1].integer else { return }
            if from <= Int64(day) { stays.append((from, record[BuiltIn.membershipUnit]?.string)) }
        }
        return stays.max { $0.from < $1.from }?.unit
    }
    /// By the record's key.
    var reporting: [RecordKey: String] = [:]
    func reportingUnit(of key: RecordKey) -> String? { reporting[key] }
    func stated(_ key: RecordKey, _ field: FieldID) -> Milliseconds? { records[key]?.firstCreated }

    /// Takes something in, as a hub does: what was due before comes first.
    ///
    /// - Parameter looks: false for what comes in one transaction with what was written before.
    func write(
        _ form: String, _ key: [Value], _ values: [String: Value], at time: Milliseconds, looks: Bool = true
    ) throws {
        if looks { try look(time) }
        set(RecordKey(form: form, values: key), values, at: time)
    }

    private func set(_ key: RecordKey, _ values: [String: Value], at time: Milliseconds) {
        var record =
            records[key]
            ?? EffectiveRecord(exists: true, fields: [], firstCreated: time, isDeleteConflict: false)
        for field in FormCatalog.builtIn[key.form]?.fields ?? [] {
            guard let value = values[field.name] else { continue }
            record.fields.removeAll { $0.field == field.id }
            record.fields.append(
                EffectiveField(
                    field: field.id, value: value, setter: Dot(origin: 1, sequence: 1), candidates: [],
                    isConflict: false))
        }
        records[key] = record
        touched.append(TouchedRecord(key: key, arrived: time))
    }

    @discardableResult func look(_ now: Milliseconds) throws -> RuleOutcome {
        let outcome = try RuleEngine(catalog).evaluate(touched, through: through, now: now, facts: self)
        through = now
        if outcome.waitingAt == nil { touched = [] }
        for event in outcome.events {
            events.append(event)
            switch event.action {
            case .raised(let facts):
                set(
                    event.key,
                    [
                        "facts": .list(facts.map { Array($0.utf8) }), "status": .text("open"),
                        "arrived_at": .integer(event.at),
                    ], at: event.at)
            case .turn(let step, let person):
                set(
                    event.key,
                    [
                        "step": .integer(step), "turn": person.map { .text($0) } ?? .notStated,
                        "due_at": .integer(event.at),
                    ], at: event.at)
            case .withdrawn: records[event.key]?.exists = false
            }
        }
        return outcome
    }
}

struct RuleEngineTests {
    static let day: Int32 = 18_295
    static let minute: Milliseconds = 60_000

    /// A local time of day.
    static func at(_ hour: Double, _ day: Int32 = RuleEngineTests.day) -> Milliseconds {
        Milliseconds(day) * 86_400_000 + Milliseconds((hour - 8) * 3_600_000)
    }

    /// A committee, two branches with two people each, and a roster of two shifts a day.
    static func hub(_ settings: Settings = Settings(), days: Int32 = 8) throws -> MadeUpHub {
        let start = at(0)
        let hub = try MadeUpHub(settings: settings, at: start)
        for unit in ["C0", "B1", "B2"] {
            try hub.write(
                "unit", [.text(unit)],
                ["parent": unit == "C0" ? .notStated : .text("C0"), "line": .text("party")], at: start)
        }
        for (person, unit) in [("p1", "B1"), ("p2", "B1"), ("p3", "B2"), ("p4", "B2")] {
            try hub.write(
                "membership", [.text(person), .integer(0)], ["unit": .text(unit)], at: start)
        }
        for day in 0..<days {
            for (place, from, to, person) in [
                (Int64(1), 0.0, 12.0, "night"), (2, 0, 24, "second"), (1, 12, 24, "day"),
            ] {
                try hub.write(
                    "duty-shift", [.text("C0"), .integer(at(from, Self.day + day)), .integer(place)],
                    [
                        "to": .integer(at(to, Self.day + day)), "person": .text(person),
                        "leader": .boolean(place == 2),
                    ], at: start, looks: false)
            }
        }
        return hub
    }

    static func checkIn(
        _ hub: MadeUpHub, _ person: String, fever: Bool = false, on day: Int32 = RuleEngineTests.day,
        at time: Milliseconds
    ) throws {
        try hub.write(
            "check-in", [.integer(Int64(day)), .text(person)],
            ["temperature": .decimal(unscaled: 3_650, scale: 2), "fever": .boolean(fever)], at: time)
    }

    private func raised(_ hub: MadeUpHub, _ rule: String) -> [RuleEvent] {
        hub.events.filter { event in
            if case .raised = event.action { return event.rule == rule }
            return false
        }
    }

    @Test func whoHasSaidNothingByTheCutOffIsNamedOnce() throws {
        let hub = try Self.hub()
        try Self.checkIn(hub, "p1", at: Self.at(9))
        try Self.checkIn(hub, "p3", at: Self.at(9))
        try hub.write("excuse", [.text("p4"), .integer(Int64(Self.day))], [:], at: Self.at(9))
        try hub.look(Self.at(16))
        #expect(raised(hub, "missing-check-in").isEmpty, "the cut-off itself is in time")
        for hour in [16.01, 16.5, 23] { try hub.look(Self.at(hour)) }
        let found = raised(hub, "missing-check-in")
        #expect(found.map { $0.key.values[2] } == [.text("B1")] && found.map(\.at) == [Self.at(16) + 1])
        #expect(found.first?.action == .raised(facts: ["p2"]))
        #expect(raised(hub, "missing-report").map { $0.key.values[2] } == [.text("B1"), .text("B2")])
        // Who comes in late changes nothing of it, nor raises it again.
        try Self.checkIn(hub, "p2", at: Self.at(23.5))
        try hub.look(Self.at(24))
        #expect(raised(hub, "missing-check-in").count == 1)
    }

    @Test func aZeroReportBesideAFeverNamesBoth() throws {
        for isReportFirst in [true, false] {
            let hub = try Self.hub()
            let key: [Value] = [.integer(Int64(Self.day)), .text("B1")]
            if isReportFirst { try hub.write("daily-report", key, ["kind": .text("ZERO")], at: Self.at(10)) }
            try Self.checkIn(hub, "p2", fever: true, at: Self.at(11))
            try Self.checkIn(hub, "p3", fever: true, at: Self.at(11))
            if !isReportFirst { try hub.write("daily-report", key, ["kind": .text("ZERO")], at: Self.at(12)) }
            try hub.look(Self.at(13))
            try hub.look(Self.at(14))
            let found = raised(hub, "zero-beside-findings")
            let day = CivilDay.text(Self.day)
            #expect(
                found.map(\.action) == [.raised(facts: ["daily-report \(day) B1", "check-in \(day) p2"])])
        }
    }

    /// A hub that takes in weeks of check-ins does not go through its register for each batch.
    @Test func aDayWithoutAReportAsksForNoRegister() throws {
        let hub = try Self.hub()
        try hub.look(Self.at(9))
        hub.asked = []
        try Self.checkIn(hub, "p1", at: Self.at(9.1))
        try hub.look(Self.at(9.2))
        #expect(!hub.asked.contains(BuiltIn.membership), "\(hub.asked)")
        let key: [Value] = [.integer(Int64(Self.day)), .text("B1")]
        try hub.write("daily-report", key, ["kind": .text("ZERO")], at: Self.at(9.3))
        try Self.checkIn(hub, "p2", fever: true, at: Self.at(9.3))
        try hub.look(Self.at(9.4))
        #expect(hub.asked.contains(BuiltIn.membership))
        #expect(raised(hub, "zero-beside-findings").count == 1)
    }

    @Test func countsThatDifferAreNamedAndWhatCameLaterIsNot() throws {
        let hub = try Self.hub()
        for person in ["p1", "p3"] { try Self.checkIn(hub, person, at: Self.at(9)) }
        for (unit, checkedIn) in [("B1", Int64(1)), ("B2", 2)] {
            try hub.write(
                "daily-report", [.integer(Int64(Self.day)), .text(unit)],
                [
                    "kind": .text("CASES"), "n_register": .integer(2), "n_checked_in": .integer(checkedIn),
                    "n_temp_ge_37_3": .integer(0),
                ], at: Self.at(10))
        }
        try Self.checkIn(hub, "p2", at: Self.at(11))
        try hub.look(Self.at(12))
        let found = raised(hub, "counts-differ")
        #expect(found.map { $0.key.values[2] } == [.text("B2")])
        #expect(
            found.first?.action
                == .raised(facts: ["daily-report \(CivilDay.text(Self.day)) B2", "n_checked_in=2/1"]))
    }

    @Test func anAlertGoesFromOneToTheNextUntilItIsTaken() throws {
        let hub = try Self.hub()
        let key: [Value] = [.integer(Int64(Self.day)), .text("phone"), .text("p1")]
        try hub.write("alert", key, ["status": .text("open")], at: Self.at(11))
        var turns: [String?] {
            hub.events.filter { $0.key.form == "alert" }.map { event in
                if case .turn(_, let person) = event.action { return person }
                return "?"
            }
        }
        try hub.look(Self.at(11))
        #expect(turns == ["night"])
        try hub.look(Self.at(11.49))
        #expect(turns == ["night"])
        try hub.look(Self.at(11.5))
        #expect(turns == ["night", "second"])
        try hub.look(Self.at(12.5))
        #expect(turns == ["night", "second", "second", "day"], "the leader, then whoever is on duty by then")
        try hub.write(
            "alert", key, ["status": .text("taken"), "taken_by": .text("day")], at: Self.at(12.75))
        try hub.look(Self.at(20))
        #expect(turns.count == 4)
    }

    /// An alert goes up the line in which its unit stood on the alert's day, whenever it is asked.
    @Test func theLineOfTheRecordsDayIsTold() throws {
        let hub = try Self.hub(days: 0)
        for (unit, person) in [("G1", "one"), ("G2", "two")] {
            try hub.write(
                "unit", [.text(unit)], ["parent": .text("C0"), "line": .text("party")], at: Self.at(1))
            try hub.write(
                "duty-shift", [.text(unit), .integer(Self.at(0)), .integer(1)],
                ["to": .integer(Self.at(96)), "person": .text(person)], at: Self.at(1))
        }
        for (from, unit) in [(Self.day, "G1"), (Self.day + 1, "G2")] {
            try hub.write(
                "placement", [.text("B1"), .integer(Int64(from))], ["parent": .text(unit)], at: Self.at(1))
        }
        for day in [Self.day, Self.day + 1] {
            let key: [Value] = [.integer(Int64(day)), .text("phone"), .text("p1")]
            try hub.write("alert", key, ["status": .text("open")], at: Self.at(30))
        }
        try hub.look(Self.at(30.1))
        var turns: [Value: String?] = [:]
        for event in hub.events {
            if case .turn(_, let person) = event.action { turns[event.key.values[0]] = person }
        }
        #expect(turns == [.integer(Int64(Self.day)): "one", .integer(Int64(Self.day + 1)): "two"])
    }

    @Test func whatABranchHasNotRaisedTheHubRaises() throws {
        let hub = try Self.hub()
        try Self.checkIn(hub, "p1", fever: true, at: Self.at(9))
        #expect(try hub.look(Self.at(9) + 1_000).waitingAt != nil)
        #expect(raised(hub, "symptoms").isEmpty, "the branch's own may be on its way")
        try hub.look(Self.at(9) + 6_000)
        try hub.look(Self.at(9) + 9_000)
        #expect(raised(hub, "symptoms").map(\.at) == [Self.at(9)])
        #expect(hub.events.first?.isUrgent == true)
    }

    @Test func aGapIsListedBeforeItComes() throws {
        let hub = try Self.hub(days: 2)
        try hub.look(Self.at(23))
        let outcome = try hub.look(Self.at(23.9))
        #expect(raised(hub, "duty-gap").isEmpty)
        #expect(outcome.next == Self.at(24))
        for hour in [24, 30, 60] as [Double] { try hub.look(Self.at(hour)) }
        let found = raised(hub, "duty-gap")
        #expect(found.map(\.at) == [Self.at(24)] && found.first?.isUrgent == true)
        #expect(found.first?.key.values[0] == .integer(Int64(Self.day) + 2))
    }

    /// Time in many small steps and in one long one come to the same.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func aWeekInStepsIsAWeekInOne(seed: UInt64) throws {
        func week(step: Double?) throws -> [RuleEvent] {
            let hub = try Self.hub(days: 5)
            var numbers = SmallNumbers(state: seed)
            var last = Self.at(0)
            func act(_ hour: Double, _ day: Int32, _ body: (Milliseconds) throws -> Void) throws {
                let time = Self.at(hour, day)
                if let step {
                    var now = last
                    while now + Milliseconds(step * 3_600_000) < time {
                        now += Milliseconds(step * 3_600_000)
                        try hub.look(now)
                    }
                }
                last = time
                try body(time)
            }
            for day in Self.day..<(Self.day + 7) {
                for (place, person) in ["p1", "p2", "p3", "p4"].enumerated() where numbers.below(4) > 0 {
                    let isIll = numbers.below(6) == 0
                    try act(8 + Double(place) / 3, day) { time in
                        try Self.checkIn(hub, person, fever: isIll, on: day, at: time)
                    }
                }
                try act(10, day) { time in
                    try hub.write(
                        "daily-report", [.integer(Int64(day)), .text("B1")],
                        ["kind": .text("ZERO"), "n_checked_in": .integer(2)], at: time)
                    try hub.write(
                        "alert", [.integer(Int64(day)), .text("phone"), .text("p2")],
                        ["status": .text("open")], at: time)
                }
                try act(10 + Double(numbers.below(12)) + 0.1, day) { time in
                    try hub.write(
                        "alert", [.integer(Int64(day)), .text("phone"), .text("p2")],
                        ["status": .text("taken"), "taken_by": .text("day")], at: time)
                }
            }
            try act(24, Self.day + 7) { try hub.look($0) }
            return hub.events.sorted { "\($0)" < "\($1)" }
        }
        let straight = try week(step: nil)
        #expect(straight.count > 40)
        #expect(Set(straight).count == straight.count, "nothing fires twice")
        for step in [0.3, 1, 5.7] { #expect(try week(step: step) == straight) }
    }
}

private struct SmallNumbers {
    var state: UInt64

    mutating func below(_ bound: UInt64) -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return (state >> 33) % bound
    }
}
