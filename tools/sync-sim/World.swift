import Forms
import SyncCore
import SyncStore

/// Agents, a hub, what lies between them, and the book of what was said to people. Everything in it follows
/// from the scenario's seed and the steps.
final class World {
    /// Midnight (UTC) of a day in 2020 that the first step finds.
    static let beginning: Milliseconds = 18_290 * 86_400_000

    let scenario: Scenario
    let plant: Plant?
    let ledger = Ledger()
    private(set) var findings: [String] = []
    private(set) var traced: [String] = []
    let isTracing: Bool
    var timeline = Timeline()
    private var built: (hub: SimHub, agents: [SimAgent])?
    /// What stores have refused to believe, with the agent that it concerned.
    var refusals: [(agent: Int, refuse: Refuse)] = []
    /// Persons who have moved during the run: who sees their records is a matter of the order of things.
    private(set) var moved: Set<Int> = []

    init(_ scenario: Scenario, plant: Plant? = nil, isTracing: Bool = false) throws {
        self.scenario = scenario
        self.plant = plant
        self.isTracing = isTracing
        let hub = try SimHub(in: self, seed: scenario.seed ^ 0xC0FFEE)
        built = (hub, [])
        built?.agents = (0..<scenario.agents).map {
            SimAgent($0, in: self, seed: scenario.seed &* 31 &+ UInt64($0))
        }
        try populate()
    }

    var hub: SimHub {
        guard let built else { preconditionFailure("the world is being made") }
        return built.hub
    }
    var agents: [SimAgent] { built?.agents ?? [] }

    /// True time.
    var time: Milliseconds { World.beginning + 12 * 3_600_000 + Milliseconds(timeline.now) }

    func complain(_ finding: String) {
        if findings.count < 20 { findings.append("at \(timeline.now) ms: \(finding)") }
    }

    func appendTrace(_ line: String) { traced.append(line) }

    func trace(_ who: String, _ event: some Any, _ actions: [some Any]) {
        guard isTracing else { return }
        let said = actions.map { "\n      -> \(Trace.short($0))" }.joined()
        traced.append("  \(timeline.now) \(who): \(Trace.short(event))\(said)")
    }

    // MARK: - The register

    private func populate() throws {
        try hub.write { transaction in
            try transaction.author(
                World.registerDraft("unit", [.text("C0")], [1: .text("Centre"), 4: .text("party")]))
            for unit in 0..<Scenario.units {
                try transaction.author(
                    World.registerDraft(
                        "unit", [.text("B\(unit)")],
                        [1: .text("Branch \(unit)"), 3: .text("C0"), 4: .text("party")]))
            }
            for person in 0..<Scenario.persons {
                try transaction.author(
                    World.registerDraft("person", [.text("p\(person)")], [1: .text("Person \(person)")]))
                try transaction.author(
                    membership(person, from: CivilDay.beginning, unit: person % Scenario.units))
            }
        }
        for agent in agents { try join(agent) }
    }

    private func join(_ agent: SimAgent) throws {
        let secret = Token16(high: 42, low: UInt64(agent.number))
        let unit = "B\(scenario.unit(of: agent.number))"
        try hub.store.invite(
            Invitation(
                secretHash: SimKeys.hashing(secret.bytes), unit: unit, isTrusted: true,
                expires: time + 1_000),
            now: time)
        let replica = Token16(high: 43, low: UInt64(agent.number))
        _ = try hub.store.join(
            Join(secret: secret, replica: replica, label: "agent", clock: agent.clock),
            publicKey: SimKeys.key(agent.number + 1), now: time
        ).get()
        try agent.store.configure(
            AgentConfiguration(
                replica: replica, address: "hub:1", hub: SimKeys.hashing(SimKeys.key(0)),
                hubPublicKey: SimKeys.key(0), unit: unit, unitName: unit, hubName: "Centre", settings: []))
    }

    func move(_ person: Int, to unit: Int) throws {
        moved.insert(person)
        try hub.write {
            _ = try $0.author(membership(person, from: Int32(time / 86_400_000), unit: unit))
        }
    }

    private func membership(_ person: Int, from: Int32, unit: Int) -> Draft {
        World.registerDraft(
            "membership", [.text("p\(person)"), .integer(Int64(from))], [1: .text("B\(unit)")])
    }

    private static func registerDraft(_ form: String, _ key: [Value], _ values: [FieldID: Value]) -> Draft {
        let definition = FormCatalog.builtIn[form]
        let assignments = values.keys.sorted().map { id in
            Assignment(
                field: id, retentionClass: definition?.fields.first { $0.id == id }?.retentionClass ?? 0,
                value: values[id] ?? .notStated)
        }
        return Draft(
            lane: .routine, key: RecordKey(form: form, values: key), formRevision: definition?.revision ?? 1,
            context: .empty, assignments: assignments)
    }

    // MARK: - Records

    func person(of record: Int) -> Int { record / Scenario.days }

    func key(_ record: Int) -> RecordKey {
        let day = World.beginning / 86_400_000 - Int64(record % Scenario.days)
        return RecordKey(
            form: "check-in", values: [.integer(day), .text(Array("p\(person(of: record))".utf8))])
    }

    /// The three fields that are edited: temperature, fever, remark.
    static let fields: [(id: FieldID, retentionClass: RetentionClass)] = [(1, 0), (2, 0), (14, 2)]

    func draft(
        _ record: Int, fields: UInt8, context: Context, lane: Lane, isDelete: Bool, author: String,
        using numbers: inout Numbers
    ) -> Draft {
        var assignments: [Assignment] = []
        for (place, field) in World.fields.enumerated() where !isDelete && fields & (1 << UInt8(place)) != 0 {
            let value: Value =
                switch place {
                case 0: .decimal(unscaled: 3_600 + Int64(numbers.below(100)), scale: 2)
                case 1: .integer(Int64(numbers.below(2)))
                default: .text(Array("remark \(numbers.below(1_000))".utf8))
                }
            assignments.append(
                Assignment(field: field.id, retentionClass: field.retentionClass, value: value))
        }
        return Draft(
            lane: lane, key: key(record), formRevision: 1, context: context, isDelete: isDelete,
            author: Array(author.utf8), assignments: assignments)
    }

    // MARK: - While it runs

    /// No agent ever believes more than is durable at the hub.
    func checkReceipts(of agent: SimAgent) throws {
        for origin in try agent.store.origins() where origin.receipted > hub.durable[origin.id] ?? 0 {
            complain(
                "agent \(agent.number) believes \(origin.receipted) of its \(origin.claim.lane) journal to "
                    + "have arrived, the hub has \(hub.durable[origin.id] ?? 0)")
        }
    }
}
