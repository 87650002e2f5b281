import Foundation

/// What a worker waits for at a branch, and what the program takes while it has nothing to do.
enum BranchPart {
    private static let idleSeconds = 60.0

    static func run(_ bench: Bench) throws {
        let programs = try RealPrograms()
        try programs.enterUnit()
        let people = (0..<200).map { "2018\(100_000 + $0)" }
        try programs.enterPeople(people)
        try programs.open()
        try programs.join("B01", as: "branch")
        _ = try programs.sync("branch")
        try add(bench, programs, people)
        try stay(bench, programs)
    }

    /// `add` as a person runs it, beside the same program that only says its version.
    private static func add(_ bench: Bench, _ programs: RealPrograms, _ people: [String]) throws {
        var next = people.makeIterator()
        let agent = RealPrograms.folder.appending(path: "branch-agent").path
        // A round of several: one process more or less disturbed says little.
        let round = 9
        let measured = try bench.inTurn([
            { try median((0..<round).map { _ in try milliseconds([agent, "--version"]) }) },
            {
                try median(
                    (0..<round).map { _ in
                        guard let person = next.next() else { throw BenchError("there are too many runs") }
                        return try milliseconds([
                            agent, "add", "check-in", "person=\(person)", "temperature=36.5", "--data",
                            programs.data("branch"),
                        ])
                    })
            },
        ])
        try bench.add(Figure("branch-agent add, all of it", unit: "ms", measured[1]).atMost(60))
        try bench.add(
            Figure(
                "branch-agent add, without the start of a process", unit: "ms",
                zip(measured[1], measured[0]).map { $0 - $1 }
            ).atMost(10))
    }

    /// How long a program runs. Foundation's `Process` waits in steps that are longer than that.
    private static func milliseconds(_ words: [String]) throws -> Double {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for number in [Int32(1), 2] {
            posix_spawn_file_actions_addopen(&actions, number, "/dev/null", O_WRONLY, 0)
        }
        var arguments = words.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var child = pid_t()
        var status: Int32 = 0
        let seconds = try Bench.seconds {
            guard posix_spawn(&child, words[0], &actions, nil, &arguments, environ) == 0,
                waitpid(child, &status, 0) == child
            else { throw BenchError("\(words[0]) cannot be started") }
        }
        guard status == 0 else { throw BenchError("\(words.prefix(2)) ended with \(status)") }
        return seconds * 1_000
    }

    private static func median(_ values: [Double]) -> Double { Figure.Spread(values).median }

    private static func stay(_ bench: Bench, _ programs: RealPrograms) throws {
        let agent = try programs.start(
            "branch-agent", ["serve", "--data", programs.data("branch")], output: programs.path + "/serve")
        defer { agent.terminate() }
        let end = ContinuousClock.now + .seconds(60)
        while try programs.queued("routine", of: "branch") > 0, ContinuousClock.now < end { usleep(100_000) }
        // What a first sync leaves to tidy up is over by then.
        sleep(15)
        let facts = ProcessFacts(agent.processIdentifier)
        guard let before = facts.wakes, let processor = facts.processorSeconds else {
            throw Skipped("the system does not say how often a process wakes")
        }
        usleep(UInt32(idleSeconds * 1e6))
        guard let after = facts.wakes, let memory = facts.memory, let used = facts.processorSeconds else {
            throw BenchError("branch-agent serve has ended")
        }
        try bench.add(
            Figure(
                "the idle branch-agent: wakes", unit: "in ten seconds",
                [
                    ProcessFacts.wakes(from: before, to: after) * 10 / idleSeconds
                ]
            ).atMost(1))
        try bench.add(Figure("the idle branch-agent: memory", unit: "MB", [memory.now / 1e6]).atMost(40))
        try bench.add(
            Figure(
                "the idle branch-agent: processor time", unit: "ms in a minute",
                [
                    (used - processor) * 60_000 / idleSeconds
                ]))
    }
}
