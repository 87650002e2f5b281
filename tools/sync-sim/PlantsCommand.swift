import ArgumentParser
import Dispatch
import Synchronization

/// How many seeds it takes until each planted bug is found.
struct PlantsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plants", abstract: "Plants each bug in turn and counts the seeds until it is found.",
        discussion: "Ends with 0 only when every bug was found.")

    @Option(help: "So many seeds at most for each.") var most = 2_000
    @Option(help: "Bugs at a time.") var jobs = 2

    func run() throws {
        let found = Mutex<[Plant: (seed: Int, finding: String)]>([:])
        let plants = Plant.allCases
        let next = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: max(1, min(jobs, 64))) { _ in
            while true {
                let index = next.withLock { next in
                    defer { next += 1 }
                    return next
                }
                guard index < plants.count else { return }
                guard let first = PlantsCommand.hunt(plants[index], most: most) else { continue }
                found.withLock { $0[plants[index]] = first }
            }
        }
        let table = found.withLock { $0 }
        for plant in plants {
            let name = plant.rawValue + String(repeating: " ", count: max(1, 24 - plant.rawValue.count))
            guard let first = table[plant] else {
                print("\(name)not found in \(most) seeds: \(plant.words)")
                continue
            }
            let seeds = String(first.seed)
            print(
                "\(name)\(String(repeating: " ", count: max(0, 5 - seeds.count)))\(seeds)  \(plant.words)\n"
                    + "                               \(first.finding.prefix(150))")
        }
        print("\(table.count) of \(plants.count) bugs found")
        if table.count < plants.count { throw ExitCode(1) }
    }

    /// The first seed from 1 on that shows the bug, with the first thing that it shows.
    static func hunt(_ plant: Plant, most: Int) -> (seed: Int, finding: String)? {
        for seed in 1...max(1, most) {
            var scenario = Scenario(seed: UInt64(seed), agents: 1 + seed % 6)
            for kind in [FaultKind.copies, .hubs, .revocations, .retention] {
                scenario.rates[kind] = plant.kinds.contains(kind) ? 10 : 0
            }
            guard let finding = Run.run(scenario, plant: plant).findings.first else { continue }
            if Run.run(scenario).findings.isEmpty { return (seed, finding) }
        }
        return nil
    }
}
