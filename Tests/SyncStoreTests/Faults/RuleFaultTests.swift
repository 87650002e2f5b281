import FaultKit
import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// A hub that dies, or whose disk fails, at each single operation around the moments at which rules fire:
/// each fires once, and in the end all is as if nothing had happened.
@Suite struct RuleFaultTests {
    @Test(arguments: Fault.Aftermath.allCases) func everyOperationMayFail(_ aftermath: Fault.Aftermath) throws
    {
        try FaultWalk<RuleWork>().walk(aftermath)
    }
}

private final class RuleWork: FaultWork {
    static let steps = 8
    private let folder: String

    init(folder: String) throws { self.folder = folder }

    func open() throws -> SQLiteHubStore {
        let means = HubFake.means(seed: 5)
        do {
            return try SQLiteHubStore(folder: folder, means: means)
        } catch let error as StoreError where error.code == .notAStore {
            return try SQLiteHubStore.create(
                folder: folder, name: "Hub", settings: Settings(), means: means)
        }
    }

    func poke(_ store: SQLiteHubStore) throws { _ = try store.devices() }

    func run(_ number: Int, on store: SQLiteHubStore) throws {
        let day = HubWorld.day
        switch number {
        case 0: try fill(store)
        case 1: try look(store, at: HubWorld.local(8))
        case 2: try fever(store)
        case 3: try look(store, at: HubWorld.local(9) + RuleEngine.patience + 1)
        case 4: try look(store, at: HubWorld.local(9.6))
        case 5: try look(store, at: HubWorld.local(16) + 1)
        case 6: try look(store, at: HubWorld.local(18) + 1)
        default: try look(store, at: HubWorld.local(16, on: day + 1) + 1)
        }
    }

    /// One look is one transaction. A time that has been looked at is over.
    private func look(_ store: SQLiteHubStore, at time: Milliseconds) throws {
        if let marks = try store.ruleMarks(), marks.through >= time { return }
        var rules = HubRules()
        _ = try rules.look(at: store, now: time)
    }

    private func clock(_ hour: Double) -> AuthoringClock {
        AuthoringClock(now: HubWorld.local(hour), isTrusted: true)
    }

    private func fill(_ store: SQLiteHubStore) throws {
        let first = RecordKey(form: BuiltIn.unit, values: [.text(HubWorld.units[0])])
        guard try store.record(first) == nil else { return }
        try store.write(clock: clock(7)) { transaction in
            for unit in HubWorld.units {
                try transaction.author(
                    HubWorld.draft(
                        "unit", [.text(unit)],
                        [1: .text(unit), 3: unit == "C0" ? .notStated : .text("C0"), 4: .text("party")]))
            }
            for (person, unit) in HubWorld.people {
                try transaction.author(HubWorld.membership(person, from: CivilDay.beginning, unit: unit))
            }
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
    }

    private func fever(_ store: SQLiteHubStore) throws {
        guard try store.record(HubWorld.key("p1", day: HubWorld.day)) == nil else { return }
        try store.write(clock: clock(9)) { _ = try $0.author(HubWorld.checkIn("p1", fever: true)) }
    }

    /// What rules have made, and how far they have come.
    func picture(_ store: SQLiteHubStore) throws -> [String] {
        var lines = ["log \(try store.logPosition())"]
        if let marks = try store.ruleMarks() { lines.append("\(marks)") }
        for form in [BuiltIn.checkIn, BuiltIn.alert, BuiltIn.concern] {
            try store.export(form: form, from: nil, to: nil) { key, record in
                lines.append("\(form) \(key) \(record.fields.map { "\($0.field)=\($0.value)" })")
            }
        }
        return lines
    }

    func audit(_ store: SQLiteHubStore) throws {
        for form in [BuiltIn.alert, BuiltIn.concern] {
            var keys: [RecordKey] = []
            try store.export(form: form, from: nil, to: nil) { values, _ in
                keys.append(RecordKey(form: form, values: values))
            }
            for key in keys {
                let versions = try store.versions(of: key)
                #expect(versions.count { $0.context.isEmpty } == 1, "\(key) was raised twice")
                let steps = versions.flatMap(\.assignments).filter { $0.field == 7 }.compactMap(
                    \.value.integer)
                #expect(Set(steps).count == steps.count, "\(key): a turn comes twice")
            }
        }
    }
}
