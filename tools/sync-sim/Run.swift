import SyncCore
import SyncStore

/// One run: its steps, the time in which everything settles, and the checks.
struct Run {
    struct Result: Sendable {
        var scenario: Scenario
        var steps: [Step]
        /// What is wrong; empty when nothing is.
        var findings: [String]
        var trace: [String]
        /// Versions that were saved.
        var saved = 0
        /// Simulated milliseconds, and things that happened.
        var time: UInt64 = 0
        var events: UInt64 = 0
    }

    /// Simulated milliseconds after which a world without faults must have come to rest.
    static let settlingLimit: UInt64 = 3_600_000
    /// Things that may happen in one run.
    static let eventLimit: UInt64 = 400_000

    static func run(
        _ scenario: Scenario, steps: [Step]? = nil, plant: Plant? = nil, isTracing: Bool = false
    ) -> Result {
        let steps = steps ?? scenario.makeSteps()
        var result = Result(scenario: scenario, steps: steps, findings: [], trace: [])
        do {
            let world = try World(scenario, plant: plant, isTracing: isTracing)
            do {
                for step in steps {
                    try world.pass(step.wait)
                    if isTracing { world.note("\(step.action)") }
                    try world.perform(step)
                }
                try world.settle()
                try Checkers(world).check()
            } catch {
                world.complain("an error that nobody expected: \(error)")
            }
            result.findings = world.findings
            result.trace = world.traced
            result.saved = world.ledger.saved.count
            result.time = world.timeline.now
            result.events = world.timeline.done
        } catch {
            result.findings = ["the world could not be made: \(error)"]
        }
        return result
    }
}

extension World {
    /// Lets simulated time pass.
    func pass(_ milliseconds: UInt64) throws {
        let end = timeline.now + milliseconds
        while let body = timeline.take(until: end) {
            try body()
            if timeline.done > Run.eventLimit {
                complain("it does not come to rest: \(timeline.done) things have happened")
                return
            }
        }
    }

    func perform(_ step: Step) throws {
        var numbers = Numbers(seed: step.seed)
        switch step.action {
        case .open(let agent, let record): try agents[agent].open(record)
        case .save(let agent, let record, let fields, let isUrgent):
            try agents[agent].save(record, fields: fields, isUrgent: isUrgent)
        case .remove(let agent, let record):
            try agents[agent].save(record, fields: 0, isUrgent: false, isDelete: true)
        case .centre(let record, let fields): try edit(record, fields, using: &numbers)
        case .connect(let agent, let stays): try agents[agent].connect(stays: stays)
        case .cut(let agent, let bytes): agents[agent].link?.cut(bytes: bytes, using: &numbers)
        case .stall(let agent, let milliseconds): agents[agent].link?.stall(milliseconds)
        case .crashAgent(let agent): agents[agent].crash()
        case .crashHub: hub.crash()
        case .fillDisk(let agent): agents[agent].failsNextWrite = true
        case .fillHubDisk: hub.failsNextWrite = true
        case .jump(let agent, let milliseconds): agents[agent].clockOffset += milliseconds
        case .jumpHub(let milliseconds): hub.clockOffset += milliseconds
        case .move(let person, let unit): try move(person, to: unit)
        case .rest: break
        }
    }

    /// The centre edits what it sees now.
    private func edit(_ record: Int, _ fields: UInt8, using numbers: inout Numbers) throws {
        let shown = hub.store.versions(of: key(record)).map(\.dot)
        ledger.shown(agent: Ledger.centre, record, shown)
        var written: Dot?
        var isNew = false
        try hub.write { transaction in
            isNew = try transaction.effective(key(record)) == nil
            written = try transaction.author(
                draft(
                    record, fields: isNew ? 7 : fields, context: try transaction.context(of: key(record)),
                    lane: .routine, isDelete: false, author: "centre", using: &numbers))
        }
        if let version = hub.store.versions(of: key(record)).first(where: { $0.dot == written }) {
            ledger.acknowledged(version, record: record, agent: Ledger.centre)
        }
    }

    /// No more faults: everybody syncs until nothing is left to send or to be told.
    func settle() throws {
        hub.comeUp()
        hub.failsNextWrite = false
        hub.clockOffset = 0
        for agent in agents {
            agent.failsNextWrite = false
            agent.clockOffset = 0
            try agent.leave()
        }
        let limit = timeline.now + Run.settlingLimit
        try pass(5_000)
        // Twice: what one has sent in the first round is told to the others in the second.
        for _ in 0..<2 {
            for agent in agents {
                while timeline.now < limit, timeline.done <= Run.eventLimit {
                    if !agent.isConnected { try agent.connect(stays: false) }
                    try pass(1_000)
                    if agent.isDrained, !agent.isConnected { break }
                }
                guard agent.isDrained else {
                    let reason = agent.lastEnding.map { "\($0.code) \($0.words)" } ?? "no reason given"
                    return complain("agent \(agent.number) never comes to rest: \(reason)")
                }
            }
        }
        // Nothing is left: a sync more sends nothing.
        for agent in agents {
            let before = agent.batchesSent
            try agent.connect(stays: false)
            try pass(60_000)
            if agent.batchesSent != before { complain("agent \(agent.number) goes on sending") }
        }
    }

    func note(_ line: String) { appendTrace("\(timeline.now) \(line)") }
}

enum Trace {
    static func short(_ value: some Any) -> String {
        // A dictionary is described in another order each time.
        if case .appended(let lasts)? = value as? AgentSession.Event {
            return "appended(urgent: \(lasts[.urgent] ?? 0), routine: \(lasts[.routine] ?? 0))"
        }
        let text = String(describing: value)
        return text.count > 220 ? text.prefix(220) + "..." : text
    }
}
