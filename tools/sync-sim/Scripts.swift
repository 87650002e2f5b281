import SyncCore
import SyncStore

/// A short story in a world: who does what, and what the machines say to each other then.
struct Script: Sendable {
    var name: String
    var title: String
    var words: String
    var agents = 1
    var body: @Sendable (Stage) throws -> Void

    /// The story as it is told, with a line end after each line.
    func told() throws -> String {
        let scenario = Scenario(seed: 1, agents: agents, steps: 0)
        let world = try World(scenario)
        world.line = (rate: 8_000, delay: 40)
        let transcript = Transcript(world)
        world.transcript = transcript
        transcript.say("# " + title)
        for line in Script.wrapped(words) { transcript.say(line) }
        let stage = Stage(world: world, transcript: transcript)
        try body(stage)
        try transcript.state()
        for finding in world.findings { transcript.say("WRONG: " + finding) }
        return transcript.lines.joined(separator: "\n") + "\n"
    }

    private static func wrapped(_ words: String) -> [String] {
        var lines = [""]
        for word in words.split(separator: " ") {
            if lines[lines.count - 1].count + word.count > 100 { lines.append("") }
            lines[lines.count - 1] += (lines[lines.count - 1].isEmpty ? "" : " ") + word
        }
        return lines
    }
}

/// What can be done in a story.
struct Stage {
    let world: World
    let transcript: Transcript

    private func act(_ words: String, _ body: () throws -> Void) throws {
        transcript.act(words)
        try body()
    }

    private func name(_ agent: Int) -> String { Transcript.name(agent) }

    func wait(_ milliseconds: UInt64) throws { try world.pass(milliseconds) }

    /// Enters the check-in of a person; the record is new, or is edited as it is seen now.
    func save(_ agent: Int, person: Int, isUrgent: Bool = false, fields: UInt8 = 1) throws {
        let lane = isUrgent ? "an urgent check-in" : "a check-in"
        try act("\(name(agent)) saves \(lane) of p\(person)") {
            try world.agents[agent].save(person * Scenario.days, fields: fields, isUrgent: isUrgent)
        }
    }

    func spoil(_ agent: Int, person: Int) throws {
        try act("\(name(agent)) saves a temperature of 99.00 for p\(person)") {
            try world.agents[agent].spoil(person * Scenario.days, goesOn: false)
        }
    }

    func sheet(_ agent: Int) throws {
        try act("\(name(agent)) imports a sheet of \(Scenario.records) check-ins with long remarks") {
            try world.agents[agent].sheet(bytes: 600, withAlert: false)
        }
    }

    func connect(_ agent: Int, stays: Bool = false) throws {
        try act("\(name(agent)) connects" + (stays ? " and stays" : " to sync")) {
            try world.agents[agent].connect(stays: stays)
        }
    }

    func leave(_ agent: Int) throws {
        try act("\(name(agent)) goes offline") { try world.agents[agent].leave() }
    }

    func cut(_ agent: Int, bytes: Int) throws {
        var numbers = Numbers(seed: 3)
        try act("the line breaks; \(bytes) bytes each way still arrive") {
            world.agents[agent].link?.cut(bytes: bytes, using: &numbers)
        }
    }

    func stall(_ agent: Int) throws {
        try act("the line goes dead, and nobody is told") { world.agents[agent].link?.stall(10_000_000) }
    }

    func crash(_ agent: Int) throws {
        try act("the program of \(name(agent)) dies") { try world.agents[agent].crash() }
    }

    func crowd() throws {
        try act("the hub has as many connections as it can take") {
            world.hub.isCrowdedUntil = world.timeline.now + 60_000
        }
    }

    func fillHubDisk() throws {
        try act("the hub's disk is full") { world.hub.disk.fill(after: 0) }
    }

    func backUp(_ agent: Int) throws {
        try act("the disk of \(name(agent)) is backed up") { try world.agents[agent].backUp() }
    }

    func restore(_ agent: Int) throws {
        try act("the disk of \(name(agent)) is lost, and made what it was at the backup") {
            try world.agents[agent].restore()
        }
    }

    func backUpHub() throws { try act("the hub's disk is backed up") { try world.hub.backUp() } }

    func restoreHub(isTold: Bool) throws {
        let words = isTold ? "the hub is restored from the backup" : "the backup is put back in silence"
        try act(words) {
            try world.hub.restore(isTold: isTold)
            world.hub.comeUp()
        }
    }

    func edit(person: Int) throws {
        try act("the centre edits the check-in of p\(person)") {
            var numbers = Numbers(seed: 5)
            try world.edit(person * Scenario.days, 1, using: &numbers)
        }
    }
}

extension Script {
    static let all: [Script] = [
        Script(
            name: "first-contact", title: "First contact",
            words: "A branch that has written nothing yet comes for the first time. It gets the register of "
                + "its unit, confirms it, and learns from the Mark that it has everything."
        ) { stage in
            try stage.connect(0)
            try stage.wait(5_000)
        },
        Script(
            name: "lone-alert", title: "A lone alert",
            words: "An urgent version goes right behind Hello, before the hub has answered: one round trip, "
                + "and it is there. The receipt comes behind Welcome."
        ) { stage in
            try stage.save(0, person: 0, isUrgent: true)
            try stage.connect(0)
            try stage.wait(5_000)
        },
        Script(
            name: "batch-and-receipt", title: "Batches and receipts",
            words: "What was written offline goes as a batch; what is written while the line stands follows "
                + "at once. Only a receipt says that something has arrived."
        ) { stage in
            try stage.save(0, person: 0)
            try stage.save(0, person: 3)
            try stage.connect(0, stays: true)
            try stage.wait(3_000)
            try stage.save(0, person: 0, fields: 4)
            try stage.wait(3_000)
        },
        Script(
            name: "urgent-overtakes", title: "Urgent overtakes routine",
            words: "A sheet is on its way over a slow line when somebody saves an urgent check-in. It waits "
                + "for what the line already carries, and for nothing else."
        ) { stage in
            stage.world.line = (rate: 2_000, delay: 40)
            try stage.sheet(0)
            try stage.connect(0, stays: true)
            try stage.wait(3_000)
            try stage.save(0, person: 0, isUrgent: true)
            try stage.wait(12_000)
        },
        Script(
            name: "gap", title: "A gap",
            words:
                "The first urgent version has arrived, but its receipt was lost. The next connection sends "
                + "it again together with a second one, before Welcome: the hub holds part of that, and says "
                + "from where it wants more."
        ) { stage in
            try stage.save(0, person: 0, isUrgent: true)
            try stage.connect(0)
            try stage.wait(190)
            try stage.crash(0)
            try stage.wait(2_000)
            try stage.save(0, person: 3, isUrgent: true)
            try stage.connect(0)
            try stage.wait(5_000)
        },
        Script(
            name: "cut-and-resume", title: "Cut and resumed",
            words:
                "The line breaks in the middle of a frame. The hub has what came whole; the next connection "
                + "goes on behind it."
        ) { stage in
            stage.world.line = (rate: 2_000, delay: 40)
            try stage.sheet(0)
            try stage.connect(0)
            try stage.wait(3_500)
            try stage.cut(0, bytes: 700)
            try stage.wait(5_000)
            stage.world.line = (rate: 100_000, delay: 40)
            try stage.connect(0)
            try stage.wait(5_000)
        },
        Script(
            name: "feed", title: "One branch sees what the other wrote",
            words: "Two devices share a unit: what one has sent comes to the other through the feed. Its own "
                + "versions never come back to it. An edit by the centre comes to both.", agents: 4
        ) { stage in
            try stage.connect(0, stays: true)
            try stage.wait(2_000)
            try stage.save(3, person: 0)
            try stage.connect(3, stays: true)
            try stage.wait(3_000)
            try stage.edit(person: 0)
            try stage.wait(3_000)
        },
        Script(
            name: "conflict", title: "Two at once",
            words:
                "Two devices write the same record while neither sees the other. Both values stand, and the "
                + "record is in conflict, until somebody who was shown both writes a third.", agents: 4
        ) { stage in
            try stage.connect(0)
            try stage.connect(3)
            try stage.wait(3_000)
            try stage.save(0, person: 0)
            try stage.save(3, person: 0)
            try stage.connect(0)
            try stage.wait(2_000)
            try stage.connect(3)
            try stage.wait(3_000)
            try stage.transcript.state()
            try stage.save(3, person: 0)
            try stage.connect(3)
            try stage.wait(3_000)
        },
        Script(
            name: "overload", title: "A hub without room",
            words: "The hub has as much as it can take. It takes and receipts what is urgent all the same, "
                + "refuses the rest, and says when to come again."
        ) { stage in
            try stage.save(0, person: 0, isUrgent: true)
            try stage.save(0, person: 3)
            try stage.crowd()
            try stage.connect(0)
            try stage.wait(5_000)
        },
        Script(
            name: "quarantine", title: "Quarantined",
            words: "A version that cannot be right is kept whole and receipted, and counts for nothing. Its "
                + "author learns it from the feed, where no broken line can lose it."
        ) { stage in
            try stage.save(0, person: 0)
            try stage.spoil(0, person: 0)
            try stage.connect(0)
            try stage.wait(5_000)
        },
        Script(
            name: "full-disk", title: "The hub's disk is full",
            words: "Nothing is receipted that is not on the disk. The branch is told so and comes again."
        ) { stage in
            try stage.connect(0, stays: true)
            try stage.wait(1_000)
            try stage.fillHubDisk()
            try stage.save(0, person: 0)
            try stage.wait(8_000)
        },
        Script(
            name: "silence", title: "A line that is dead",
            words:
                "Nothing comes through, and nobody is told. Whoever syncs asks after ten seconds, and gives "
                + "the line up after thirty."
        ) { stage in
            try stage.save(0, person: 0)
            try stage.connect(0)
            try stage.wait(300)
            try stage.stall(0)
            try stage.wait(60_000)
        },
        Script(
            name: "restored-branch", title: "A branch restored from a backup",
            words:
                "The hub holds more of the branch's journal than the branch does. Both look for the point up "
                + "to which they agree; the branch opens new journals and writes there what the hub has not. "
                + "What was lost with the disk comes down the feed."
        ) { stage in
            try stage.save(0, person: 0)
            try stage.connect(0)
            try stage.wait(3_000)
            try stage.backUp(0)
            for person in [3, 6] {
                try stage.save(0, person: person)
                try stage.connect(0)
                try stage.wait(3_000)
            }
            try stage.restore(0)
            try stage.save(0, person: 0, isUrgent: true, fields: 4)
            for _ in 0..<2 {
                try stage.connect(0)
                try stage.wait(3_000)
            }
        },
        Script(
            name: "restored-hub", title: "A hub restored from a backup",
            words:
                "The hub begins another epoch: receipts and feed tokens of before mean nothing now. The "
                + "branch sends again what the hub has lost; what it holds of others is dropped unless it "
                + "is fed again."
        ) { stage in
            try stage.save(0, person: 0)
            try stage.connect(0)
            try stage.wait(3_000)
            try stage.backUpHub()
            try stage.save(0, person: 3)
            try stage.edit(person: 0)
            try stage.connect(0)
            try stage.wait(3_000)
            try stage.restoreHub(isTold: true)
            try stage.connect(0)
            try stage.wait(3_000)
        },
        Script(
            name: "hub-put-back", title: "A hub whose disk was put back without a word",
            words:
                "Nobody has told the hub. The branch shows that it was receipted beyond what the hub holds; "
                + "then all goes as after a restore."
        ) { stage in
            try stage.backUpHub()
            try stage.save(0, person: 0)
            try stage.connect(0)
            try stage.wait(3_000)
            try stage.restoreHub(isTold: false)
            try stage.connect(0)
            try stage.wait(3_000)
        },
    ]
}
