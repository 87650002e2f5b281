import ArgumentParser
import Dispatch
import Synchronization

@main
struct SyncSim: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sync-sim",
        abstract:
            "Runs branches and a hub in a simulated world that breaks, and checks what must hold.",
        discussion: """
            The session machines, the merge and the frames are the real ones; time, network and disks are \
            simulated. The same seed gives the same run. Ends with 0 only when every seed passed; a seed \
            that fails prints the command that repeats it.
            """, subcommands: [PlantsCommand.self, ScenariosCommand.self])

    @Option(help: "One seed.") var seed: UInt64?
    @Option(help: "Seeds from A to B, written A..B.") var seeds: String?
    @Option(help: "Branches, 1 to 12.") var agents: Int?
    @Option(help: "Steps of each run.") var steps = 60
    @Option(help: "Where stores lie: memory, or sqlite on disks that fail.") var store = Scenario.Storage
        .memory
    @Option(help: "How often links break; 0 never, 10 as usual.") var cuts = 10
    @Option(help: "How often links stall.") var stalls = 10
    @Option(help: "How often programs die.") var crashes = 10
    @Option(help: "How often disks are full.") var disks = 10
    @Option(help: "How often disks fail to say what is on them.") var syncs = 10
    @Option(help: "How often clocks jump.") var clocks = 10
    @Option(help: "How often the hub has as much as it can take.") var crowds = 10
    @Option(help: "How often somebody saves what cannot be right.") var spoils = 10
    @Option(help: "How often disks are put back or copied.") var copies = 10
    @Option(help: "How often the hub's disk is put back.") var hubs = 10
    @Option(help: "How often persons move.") var moves = 10
    @Option(help: "How often units come under others; 10 as usual.") var trees = 0
    @Option(help: "How often devices are revoked.") var revocations = 10
    @Option(help: "How often weeks go by, and what may be kept no longer goes.") var retention = 10
    @Option(help: "Plant a bug, one of those that 'sync-sim plants' lists.") var plant: String?
    @Flag(help: "Make a failing run as small as possible.") var shrink = false
    @Flag(help: "Show everything that happens; with --shrink, in the smaller run.") var trace = false
    @Option(help: "Runs at a time.") var jobs = 2

    func run() throws {
        let range = try seedRange()
        let planted = try plant.map { name in
            guard let plant = Plant(rawValue: name) else {
                throw ValidationError("There is no bug \(name) to plant.")
            }
            return plant
        }
        let failures = Mutex<[Run.Result]>([])
        let totals = Mutex((saved: 0, events: UInt64(0), slowest: UInt64(0), backlog: 0))
        let next = Mutex(range.lowerBound)
        DispatchQueue.concurrentPerform(iterations: max(1, min(jobs, 64))) { _ in
            while true {
                let seed = next.withLock { next -> UInt64? in
                    guard next <= range.upperBound else { return nil }
                    defer { next += 1 }
                    return next
                }
                guard let seed else { return }
                let result = Run.run(scenario(seed), plant: planted, isTracing: trace)
                totals.withLock {
                    $0 = (
                        $0.saved + result.saved, $0.events + result.events, max($0.slowest, result.slowest),
                        max($0.backlog, result.backlog)
                    )
                }
                if !result.findings.isEmpty { failures.withLock { $0.append(result) } }
                if trace, !shrink { print(result.trace.joined(separator: "\n")) }
            }
        }
        let failed = failures.withLock { $0 }.sorted { $0.scenario.seed < $1.scenario.seed }
        for result in failed.prefix(10) { report(result, planted) }
        let total = totals.withLock { $0 }
        print(
            "\(range.count) runs, \(total.saved) versions saved, \(total.events) events; the slowest urgent "
                + "version took \(total.slowest) ms, \(total.backlog) bytes waited at most; "
                + "\(failed.count) runs failed")
        if !failed.isEmpty { throw ExitCode(1) }
    }

    private func seedRange() throws -> ClosedRange<UInt64> {
        if let seed { return seed...seed }
        guard let seeds else { return 1...100 }
        let ends = seeds.split(separator: ".", omittingEmptySubsequences: true).compactMap { UInt64($0) }
        guard ends.count == 2, ends[0] <= ends[1] else { throw ValidationError("Seeds are written A..B.") }
        return ends[0]...ends[1]
    }

    private func scenario(_ seed: UInt64) -> Scenario {
        var numbers = Numbers(seed: ~seed)
        return Scenario(
            seed: seed, agents: max(1, min(12, agents ?? 1 + numbers.below(12))), steps: steps,
            rates: rates, storage: store)
    }

    private var given: [(kind: FaultKind, rate: Int)] {
        [
            (.cuts, cuts), (.stalls, stalls), (.crashes, crashes), (.disks, disks), (.syncs, syncs),
            (.clocks, clocks), (.crowds, crowds), (.spoils, spoils), (.copies, copies),
            (.hubs, hubs), (.moves, moves), (.revocations, revocations), (.retention, retention),
            (.trees, trees),
        ]
    }

    private var rates: FaultRates {
        var rates = FaultRates()
        for (kind, rate) in given { rates[kind] = rate }
        return rates
    }

    private func report(_ result: Run.Result, _ planted: Plant?) {
        print("seed \(result.scenario.seed):")
        for finding in result.findings { print("  \(finding)") }
        print("  again: \(command(result.scenario))")
        guard shrink else { return }
        var shrink = Shrink()
        let smallest = shrink.smallest(result, plant: planted)
        let (few, all) = (smallest.steps.count, result.steps.count)
        print("  still fails with \(few) of \(all) steps (\(shrink.tries) tries):")
        for step in smallest.steps { print("    \(step)") }
        for finding in smallest.findings { print("  \(finding)") }
        guard trace else { return }
        let again = Run.run(smallest.scenario, steps: smallest.steps, plant: planted, isTracing: true)
        print(again.trace.joined(separator: "\n"))
    }

    private func command(_ scenario: Scenario) -> String {
        var words = [
            "sync-sim", "--seed \(scenario.seed)", "--agents \(scenario.agents)", "--steps \(steps)",
        ]
        words += given.filter { $0.rate != 10 }.map { "--\($0.kind.rawValue) \($0.rate)" }
        if store != .memory { words.append("--store \(store.rawValue)") }
        if let plant { words.append("--plant \(plant)") }
        return words.joined(separator: " ")
    }
}

extension Scenario.Storage: ExpressibleByArgument {}
