import Forms
import SyncCore
import SyncStore
import Testing

/// A hub whose rules are looked at by hand.
struct RuleWorld {
    let hub: HubWorld

    var store: any HubStore { hub.store }
    var now: Milliseconds {
        get { hub.now }
        nonmutating set { hub.now = newValue }
    }

    /// At eight in the morning, rules have been looked at once.
    ///
    /// - Parameter days: so long the roster has two people on duty at the committee.
    init(_ kind: HubKind, rosterDays days: Int32 = 900) throws {
        hub = try HubWorld(kind)
        hub.now = HubWorld.local(8)
        if days > 0 { try duty(["d1", "d2"], until: HubWorld.local(24 * Double(days))) }
        try look()
    }

    /// Puts people on duty at the committee, the last of them as leader.
    func duty(
        _ people: [String], from: Milliseconds = HubWorld.local(0), until: Milliseconds
    ) throws {
        try hub.centre { transaction in
            for (index, person) in people.enumerated() {
                try transaction.author(
                    HubWorld.draft(
                        BuiltIn.dutyShift, [.text("C0"), .integer(from), .integer(Int64(index) + 1)],
                        [
                            1: .integer(until), 2: .text(person), 3: .text("1-\(person)"),
                            4: .boolean(index == people.count - 1), 5: .notStated,
                        ]))
            }
        }
    }

    @discardableResult func look(at time: Milliseconds? = nil) throws -> [RuleEvent] {
        hub.now = time ?? hub.now
        var rules = HubRules()
        return try rules.lookAll(at: hub.store, now: hub.now)
    }

    /// A named person says of a record how it stands.
    func answer(_ key: RecordKey, _ status: String) throws {
        let form = try #require(FormCatalog.builtIn[key.form].flatMap { RaisedForm($0) })
        try hub.centre { transaction in
            let seen = try #require(try transaction.record(key)).seen
            let said = form.assignments([("status", .text(status)), ("taken_by", .text("T1"))])
            try transaction.author(
                Draft(
                    lane: .urgent, key: key, formRevision: form.definition.revision, context: seen,
                    author: Array("T1".utf8), assignments: said))
        }
    }

    static func alertKey(_ person: String) -> RecordKey {
        RecordKey(
            form: BuiltIn.alert,
            values: [.integer(Int64(HubWorld.day)), .text("symptoms"), .text(person)])
    }

    static func concernKey(_ rule: String, _ unit: String, on day: Int32, about: String) -> RecordKey {
        RecordKey(
            form: BuiltIn.concern,
            values: [.integer(Int64(day)), .text(rule), .text(unit), .text(about)])
    }

    /// What rules have made and nobody has taken back, as it stands.
    func made(_ forms: [String] = [BuiltIn.alert, BuiltIn.concern]) throws -> [String] {
        var lines: [String] = []
        for name in forms {
            let form = try #require(FormCatalog.builtIn[name])
            let raised = try #require(RaisedForm(form))
            try store.export(form: name, from: nil, to: nil) { key, record in
                let said = ["facts", "status", "step", "turn", "due_at", "arrived_at"].map {
                    "\($0)=\(raised.value($0, of: record).map { "\($0)" } ?? "-")"
                }
                let parts = key.map { $0.string ?? $0.integer.map { "\($0)" } ?? "-" }
                lines.append("\(name) \(parts.joined(separator: " ")) \(said.joined(separator: " "))")
            }
        }
        return lines
    }

    static func raised(_ events: [RuleEvent]) -> [String] {
        events.compactMap { event in
            if case .raised = event.action { return event.rule }
            return nil
        }
    }

    static func turns(_ events: [RuleEvent], of rule: String) -> [String?] {
        events.compactMap { event -> String?? in
            if event.rule == rule, case .turn(_, let person) = event.action { return person }
            return nil
        }
    }
}
