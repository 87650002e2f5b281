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
        /// Milliseconds that an urgent version took, and bytes that waited before a line: the most.
        var slowest: UInt64 = 0
        var backlog = 0
    }

    /// Simulated milliseconds after which a world without faults must have come to rest.
    static let settlingLimit: UInt64 = 3_600_000
    /// Things that may happen in one run.
    static let eventLimit: UInt64 = 400_000

    /// Frames with which a branch comes to rest: a few for each connection, and for what there is to say.
    static func settlingFrames(versions: Int) -> Int { 60 + 6 * versions }

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
            result.slowest = world.watch.slowest
            result.backlog = world.watch.largestBacklog
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
        case .spoil(let agent, let record):
            try agents[agent].spoil(record, goesOn: numbers.isOne(in: 2))
        case .sheet(let agent, let bytes): try agents[agent].sheet(bytes: bytes, withAlert: true)
        case .centre(let record, let fields): try edit(record, fields, using: &numbers)
        case .connect(let agent, let stays): try agents[agent].connect(stays: stays)
        case .cut(let agent, let bytes): agents[agent].link?.cut(bytes: bytes, using: &numbers)
        case .stall(let agent, let milliseconds): agents[agent].link?.stall(milliseconds)
        case .crashAgent(let agent):
            try agents[agent].crash()
            // Somebody starts it again, perhaps before the hub has noticed.
            let stays = numbers.isOne(in: 2)
            timeline.plan(in: UInt64(numbers.logarithmic(below: 10_000))) { [self] in
                try agents[agent].connect(stays: stays)
            }
        case .crashHub: try hub.crash()
        case .fillDisk(let agent, let writes): agents[agent].disk.fill(after: writes)
        case .fillHubDisk(let writes): hub.disk.fill(after: writes)
        case .failSync(let agent, let isWritten):
            agents[agent].disk.failNextSync(isWritten ? .written : .lost)
        case .failHubSync(let isWritten): hub.disk.failNextSync(isWritten ? .written : .lost)
        case .jump(let agent, let milliseconds): agents[agent].clockOffset += milliseconds
        case .jumpHub(let milliseconds): hub.clockOffset += milliseconds
        case .crowd(let milliseconds): hub.isCrowdedUntil = timeline.now + milliseconds
        case .backUp(let agent): try agents[agent].backUp()
        case .restore(let agent): try agents[agent].restore()
        case .copy(let agent): try copy(agent)
        case .backUpHub: try hub.backUp()
        case .restoreHub(let isTold, let isOlder): try hub.restore(isTold: isTold, isOlder: isOlder)
        case .move(let person, let unit): try move(person, to: unit)
        case .place(let unit, let under): try place(unit, under: under)
        case .revoke(let agent): try revoke(agents[agent].device)
        case .age(let days): age(days: days)
        case .purge: try hub.purge()
        case .prune(let agent): try agents[agent].prune()
        case .letGo(let agent):
            try hub.backUp()
            try agents[agent].connect(stays: false)
            timeline.plan(in: 60_000) { [self] in
                age(days: SimForms.remarkDays + 1)
                try agents[agent].prune()
            }
        case .rest: break
        }
    }

    /// The centre edits what it sees now.
    func edit(_ record: Int, _ fields: UInt8, using numbers: inout Numbers) throws {
        let key = key(record)
        let held = try hub.disk.quarantined()
        let shown = try hub.disk.store.versions(of: key).filter { !held.contains($0.dot) }
        var written: Dot?
        do {
            try hub.write { transaction in
                let isNew = try transaction.effective(key) == nil
                let draft = draft(
                    record, fields: isNew ? SimForms.all : fields, context: try transaction.context(of: key),
                    lane: .routine, isDelete: false, author: "centre", isOld: false, using: &numbers)
                written = try transaction.author(draft)
            }
        } catch let error as StoreError where error.code == .diskFull {
            return
        } catch let error as StoreError where error.code == .syncFailed {
            return try hub.crash()
        }
        ledger.shown(to: Ledger.centre, record, shown)
        if let version = try hub.disk.store.versions(of: key).first(where: { $0.dot == written }) {
            ledger.acknowledged(version, record: record, author: Ledger.centre)
        }
    }

    /// No more faults: everybody syncs until nothing is left to send or to be told.
    func settle() throws {
        hub.comeUp()
        hub.disk.heal()
        hub.clockOffset = 0
        hub.isCrowdedUntil = 0
        for agent in agents {
            agent.disk.heal()
            agent.clockOffset = 0
        }
        try pass(1_000 * 400)
        for agent in agents {
            // Longer than any silence that is borne.
            if let link = agent.link, link.isBroken, !isRevoked(agent) {
                complain("agent \(agent.number) holds on to a dead line")
            }
            try agent.leave()
        }
        let limit = timeline.now + Run.settlingLimit
        try pass(5_000)
        // Twice: what one has sent in the first round is told to the others in the second.
        for _ in 0..<2 {
            try hub.purge()
            try hub.backUp()
            for agent in agents {
                var frames = 0
                while timeline.now < limit, timeline.done <= Run.eventLimit {
                    if !agent.isConnected { try agent.connect(stays: false) }
                    let link = agent.link
                    try pass(1_000)
                    if !agent.isConnected { frames += link?.frames ?? 0 }
                    if agent.isConnected { continue }
                    if isRevoked(agent) ? agent.lastEnding?.code == .revokedDevice : agent.isDrained { break }
                }
                if isRevoked(agent), agent.lastEnding?.code == .revokedDevice { continue }
                guard agent.isDrained, !isRevoked(agent) else {
                    let reason = agent.lastEnding.map { "\($0.code) \($0.words)" } ?? "no reason given"
                    return complain("agent \(agent.number) never comes to rest: \(reason)")
                }
                if frames > Run.settlingFrames(versions: ledger.saved.count) {
                    complain("agent \(agent.number) came to rest with \(frames) frames")
                }
            }
        }
        try hub.purge()
        for agent in agents { try agent.prune() }
        try hush()
    }

    /// Nothing is left: a sync more says what it must and no more, and then there is silence.
    private func hush() throws {
        let agents = agents.filter { !isRevoked($0) }
        for agent in agents {
            let before = agent.batchesSent
            try agent.connect(stays: true)
            try pass(20_000)
            if agent.batchesSent != before { complain("agent \(agent.number) goes on sending") }
        }
        let links = agents.map { ($0, $0.link, $0.link?.frames ?? 0) }
        try pass(200_000)
        for (agent, link, frames) in links {
            guard let link, agent.link === link else {
                complain("agent \(agent.number) was cut off though nothing was wrong")
                continue
            }
            // A ping of either side in 45 and 90 seconds, with its answer.
            if link.frames - frames > 2 * (200 / 45 + 1) + 2 * (200 / 90 + 1) {
                complain("agent \(agent.number) is not silent: \(link.frames - frames) frames")
            }
            try agent.leave()
        }
        try pass(5_000)
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
