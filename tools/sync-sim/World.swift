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
    private(set) lazy var watch = Watch(self)
    private(set) var findings: [String] = []
    private(set) var traced: [String] = []
    let isTracing: Bool
    var timeline = Timeline()
    /// Bytes in a second and milliseconds of every line from now on; nil leaves them to chance.
    var line: (rate: UInt64, delay: UInt64)?
    var transcript: Transcript?
    private var built: (hub: SimHub, agents: [SimAgent])?
    /// What stores have refused to believe, with the agent that it concerned.
    var refusals: [(agent: Int, refuse: Refuse)] = []
    /// Devices of which a store was restored or copied.
    var suspects: Set<Int> = []
    private var hasPutBackHub = false
    /// Versions that the centre has lost.
    private(set) var lost: Set<Dot> = []
    /// Persons who have moved during the run: who sees their records is a matter of the order of things.
    private(set) var moved: Set<Int> = []
    /// So many segments of the hub's log are the register that it began with.
    private(set) var registerLength = 0

    init(_ scenario: Scenario, plant: Plant? = nil, isTracing: Bool = false) throws {
        self.scenario = scenario
        self.plant = plant
        self.isTracing = isTracing
        let hub = try SimHub(in: self, seed: scenario.seed ^ 0xC0FFEE)
        built = (hub, [])
        built?.agents = try (0..<scenario.agents).map {
            try SimAgent($0, in: self, seed: scenario.seed &* 31 &+ UInt64($0))
        }
        try populate()
    }

    var hub: SimHub {
        guard let built else { preconditionFailure("the world is being made") }
        return built.hub
    }
    var agents: [SimAgent] { built?.agents ?? [] }

    /// Days that have gone by at once, in milliseconds.
    private var leap: Milliseconds = 0
    /// True time.
    var time: Milliseconds { World.beginning + 12 * 3_600_000 + leap + Milliseconds(timeline.now) }
    /// What may be kept at this moment.
    var retention: Retention {
        Retention(SimForms.catalog, today: World.zone.day(of: time))
    }
    private static let zone = LocalZone.fixed(hours: 8)
    /// Devices that are let in no more, with what the hub had of theirs then.
    private(set) var revoked: [Int: Set<FirstName>] = [:]
    /// What branches could not send again to a hub that had been put back.
    private(set) var holes: [(origin: OriginID, sequences: ClosedRange<UInt64>)] = []

    func complain(_ finding: @autoclosure () -> String) {
        if findings.count < 20 { findings.append("at \(timeline.now) ms: \(finding())") }
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
        registerLength = Int(try hub.disk.store.logPosition())
    }

    private func join(_ agent: SimAgent) throws {
        let secret = Token16(high: 42, low: UInt64(agent.number))
        let unit = "B\(scenario.unit(of: agent.number))"
        try hub.disk.store.invite(
            Invitation(
                secretHash: SimKeys.hashing(secret.bytes), unit: unit, isTrusted: true,
                expires: time + 1_000),
            now: time)
        let replica = Token16(high: 43, low: UInt64(agent.number))
        _ = try hub.disk.store.join(
            Join(secret: secret, replica: replica, label: "agent", clock: agent.clock),
            publicKey: SimKeys.key(agent.number + 1), now: time
        ).get()
        try agent.disk.store.configure(
            AgentConfiguration(
                replica: replica, address: "hub:1", hub: SimKeys.hashing(SimKeys.key(0)),
                hubPublicKey: SimKeys.key(0), unit: unit, unitName: unit, hubName: "Centre", settings: []))
    }

    /// A disk is copied, and the copy runs somewhere else, beside the first.
    func copy(_ agent: Int) throws {
        let number = agents.count
        guard number < scenario.agents + 3 else { return }
        let copy = try SimAgent(
            number, device: agents[agent].device, in: self, seed: scenario.seed &* 37 &+ UInt64(number))
        built?.agents.append(copy)
        try copy.become(agents[agent])
    }

    /// The centre's versions that are on its disk no more are lost, and its people have been told so;
    /// branches may hold some of them. So are those of a branch whose own disk was put back as well and had
    /// not got them again by then.
    func hubWasPutBack() throws {
        hasPutBackHub = true
        lost = lost.filter { !watch.isDurable($0) }
        for saved in ledger.saved where saved.author == Ledger.centre {
            if !watch.isDurable(saved.version.dot) { lost.insert(saved.version.dot) }
        }
        ledger.forget { saved in
            if saved.author == Ledger.centre { return lost.contains(saved.version.dot) }
            let device = agents[saved.author].device
            guard suspects.contains(device), !watch.isDurable(saved.version) else { return false }
            return !agents.contains { $0.device == device && watch.holds(saved.version, at: $0) }
        }
    }

    /// Whether a version of a device that was restored or copied, or one that lay in a hole, may have got
    /// another name that the author of a later one, who was shown it, does not know.
    func mayBeCalledAnew(_ name: FirstName, besides later: Version) -> Bool {
        let isOfSuspect = ledger.saved.contains {
            FirstName($0.version) == name && $0.author != Ledger.centre
                && suspects.contains(agents[$0.author].device)
        }
        return isInHole(name.dot) || isOfSuspect && (hasPutBackHub || !hasWriter(later))
    }

    /// Whether the store lives that wrote it, or a copy that has it as its own.
    private func hasWriter(_ version: Version) -> Bool {
        let dots = [version.dot, FirstName(version).dot]
        return agents.contains { agent in
            let own = ((try? agent.store.origins()) ?? []) + ((try? agent.store.closedOrigins()) ?? [])
            return own.contains { origin in
                dots.contains { $0.origin == origin.id && $0.sequence <= origin.sequence }
            }
        }
    }

    // MARK: - What is let go of

    func age(days: Int) { leap += Milliseconds(days) * 86_400_000 }

    func passed(_ hole: Hole, behind held: UInt64) {
        guard hole.sequence > held else { return }
        holes.append((hole.origin, (held + 1)...hole.sequence))
        if hole.sequence > hub.backedUp(hole.origin) {
            complain("version \(hole.sequence) of \(hole.origin) was let go of and is in no backup")
        }
    }

    func isInHole(_ dot: Dot) -> Bool {
        holes.contains { $0.origin == dot.origin && $0.sequences.contains(dot.sequence) }
    }

    func isRevoked(_ agent: SimAgent) -> Bool { revoked[agent.device] != nil }

    func revoke(_ device: Int) throws {
        guard revoked[device] == nil else { return }
        let known = Set(try hub.versions(of: device).map(FirstName.init))
        if try hub.revoke(device) { revoked[device] = known }
    }

    var hasMoves: Bool { !moved.isEmpty }

    func move(_ person: Int, to unit: Int) throws {
        try register([person], membership(person, from: Int32(time / 86_400_000), unit: unit))
    }

    /// From now on a unit, with all its people, stands under another: under the centre, or under nobody.
    func place(_ unit: Int, under above: Int) throws {
        let parent: Value =
            switch above {
            case Scenario.units: .text("C0")
            case ..<Scenario.units: .text("B\(above)")
            default: .notStated
            }
        let key: [Value] = [.text("B\(unit)"), .integer(time / 86_400_000)]
        try register(Array(0..<Scenario.persons), World.registerDraft("placement", key, [1: parent]))
    }

    /// The centre changes the register, as far as its disk lets it.
    private func register(_ people: [Int], _ draft: Draft) throws {
        do {
            try hub.write { transaction in
                var draft = draft
                if draft.key.form == BuiltIn.placement {
                    draft.context = try transaction.context(of: draft.key)
                }
                try transaction.author(draft)
            }
            moved.formUnion(people)
        } catch let error as StoreError where error.code == .diskFull {
            return
        } catch let error as StoreError where error.code == .syncFailed {
            moved.formUnion(people)
            try hub.crash()
        }
    }

    private func membership(_ person: Int, from: Int32, unit: Int) -> Draft {
        World.registerDraft(
            "membership", [.text("p\(person)"), .integer(Int64(from))], [1: .text("B\(unit)")])
    }

    private static func registerDraft(_ form: String, _ key: [Value], _ values: [FieldID: Value]) -> Draft {
        let definition = SimForms.catalog[form]
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

    /// - Parameter fields: bits, in the order of ``SimForms/fields``.
    /// - Parameter isOld: the author's program knows the form's first revision only.
    func draft(
        _ record: Int, fields: UInt8, context: Context, lane: Lane, isDelete: Bool, author: String,
        isOld: Bool, using numbers: inout Numbers
    ) -> Draft {
        var bits = fields
        if isOld { bits = bits & 7 == 0 ? 1 : bits & 7 }
        var assignments: [Assignment] = []
        for (place, field) in SimForms.fields.enumerated() where !isDelete && bits & (1 << UInt8(place)) != 0
        {
            for id in field.ids {
                assignments.append(
                    Assignment(
                        field: id, retentionClass: field.retentionClass,
                        value: SimForms.value(place, using: &numbers)))
            }
        }
        return Draft(
            lane: lane, key: key(record), formRevision: isOld ? 1 : 2, context: context, isDelete: isDelete,
            author: Array(author.utf8), assignments: assignments)
    }

}

extension World {
    func makeAgentDisk(_ number: Int, seed: UInt64) throws -> any AgentDisk {
        var random = Numbers(seed: seed ^ 0xA5A5)
        let means = AgentMeans(
            hashing: SimKeys.hashing, signing: SimKeys.signing(number + 1), verifying: SimKeys.verifying,
            random: { Token16(using: &random) })
        switch scenario.storage {
        case .memory: return MemoryAgentDisk(MemoryAgentStore(means: means, defects: plant?.defects ?? []))
        case .sqlite: return try FileAgentDisk(means: means)
        }
    }

    func makeHubDisk(seed: UInt64) throws -> any HubDisk {
        switch scenario.storage {
        case .memory:
            let memory = try makeMemoryHub(seed: seed)
            memory.defects = plant?.defects ?? []
            return MemoryHubDisk(memory)
        case .sqlite: return try FileHubDisk(means: hubMeans(seed: seed))
        }
    }

    func makeMemoryHub(seed: UInt64) throws -> MemoryHubStore {
        try MemoryHubStore(name: "Centre", settings: Settings(), means: hubMeans(seed: seed))
    }

    private func hubMeans(seed: UInt64) -> HubMeans {
        var random = Numbers(seed: seed ^ 0xA5A5)
        return HubMeans(
            hashing: SimKeys.hashing, verifying: SimKeys.verifying, signing: SimKeys.signing(0),
            forms: SimForms.catalog, zone: { _ in World.zone }, random: { Token16(using: &random) })
    }
}
