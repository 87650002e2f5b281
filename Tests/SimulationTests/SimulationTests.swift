import Foundation
import Testing

@testable import sync_sim

/// Branches and a hub in a world that breaks, over and over with other seeds. `sync-sim` runs more of them.
@Suite struct SimulationTests {
    static func scenario(_ seed: UInt64) -> Scenario {
        var scenario = Scenario(seed: seed, agents: 1 + Int(seed % 12))
        // What two copies both write again before either was heard is still counted twice now and then.
        scenario.rates[.copies] = 0
        return scenario
    }

    /// - Parameter options: of `sync-sim`, that repeat the run that fails.
    private static func expectSettled(
        _ seeds: some Sequence<UInt64>, _ options: String = "--copies 0", with rate: (FaultKind, Int)? = nil
    ) {
        for seed in seeds {
            var scenario = scenario(seed)
            if let (kind, value) = rate { scenario.rates[kind] = value }
            #expect(
                Run.run(scenario).findings == [],
                "sync-sim --seed \(seed) --agents \(1 + seed % 12) \(options)")
        }
    }

    @Test(arguments: 0..<10)
    func everythingSettlesAndNothingIsLost(block: UInt64) {
        Self.expectSettled((block * 24 + 1)...(block * 24 + 24))
    }

    /// Units come under one another while all else goes on, in rings as well.
    @Test(arguments: 0..<4)
    func unitsMoveAndBranchesHoldWhatTheTreeSays(block: UInt64) {
        Self.expectSettled((block * 15 + 1)...(block * 15 + 15), "--copies 0 --trees 60", with: (.trees, 60))
    }

    @Test(arguments: 1...3)
    func aHubThatIsPutBackGetsEverythingAgain(block: UInt64) {
        Self.expectSettled((block * 20)..<(block * 20 + 20), "--copies 0 --hubs 30", with: (.hubs, 30))
    }

    @Test(arguments: 1...2)
    func storesThatArePutBackOrCopiedMendThemselves(block: UInt64) {
        Self.expectSettled((block * 20)..<(block * 20 + 20), "", with: (.copies, 10))
    }

    /// The same over SQLite, on disks whose power goes.
    @Test(arguments: 0..<4)
    func theStoresOfTheProgramsSettleToo(block: UInt64) {
        for seed in (block * 5 + 1)...(block * 5 + 5) {
            var scenario = SimulationTests.scenario(seed)
            scenario.storage = .sqlite
            scenario.agents = min(4, scenario.agents)
            let result = Run.run(scenario)
            #expect(
                result.findings == [],
                "sync-sim --seed \(seed) --agents \(scenario.agents) --copies 0 --store sqlite")
        }
    }

    @Test func aFailingRunCanBeMadeSmaller() throws {
        let failing = try #require(
            (1...100).lazy.map { Run.run(SimulationTests.scenario(UInt64($0)), plant: .contextAtSave) }
                .first { !$0.findings.isEmpty })
        var shrink = Shrink()
        let smallest = shrink.smallest(failing, plant: .contextAtSave)
        #expect(!smallest.findings.isEmpty)
        #expect(smallest.steps.count < 12)
    }
}

/// Bugs that somebody might make: the checkers must find each.
@Suite struct PlantTests {
    /// These take more seeds than there is time for here; 'sync-sim plants' finds them.
    static let rare: Set<Plant> = [
        .starveUrgent, .lanesSwapped, .sessionUnchecked, .contextAtSave, .epochKept,
    ]

    @Test(arguments: Plant.allCases.filter { !rare.contains($0) })
    func plantedBugsAreFound(plant: Plant) {
        #expect(PlantsCommand.hunt(plant, most: 60) != nil, "nobody noticed: \(plant.words)")
    }

    @Test func thereAreAboutTwentyOfThem() {
        #expect(Plant.allCases.count >= 20)
        #expect(Set(Plant.allCases.map(\.words)).count == Plant.allCases.count)
    }
}

/// The program itself.
@Suite struct SyncSimProgramTests {
    private func run(_ arguments: String...) throws -> (status: Int32, output: String) {
        try run(arguments)
    }

    private func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        let process = Process()
        process.executableURL = folder.appendingPathComponent("sync-sim")
        process.arguments = arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = FileHandle.nullDevice
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: output, as: UTF8.self))
    }

    @Test func theSameSeedGivesTheSameTraceInAnotherProcess() throws {
        let first = try run("--seed", "77", "--agents", "5", "--trace")
        let second = try run("--seed", "77", "--agents", "5", "--trace")
        #expect(first.output.count > 10_000)
        let isSame = first.output == second.output
        #expect(isSame)
    }

    @Test func aFailingSeedIsRepeatedByTheCommandThatItPrints() throws {
        let failing = try run("--seeds", "1..3", "--plant", "context-empty", "--copies", "0")
        #expect(failing.status == 1)
        let lines = failing.output.split(separator: "\n")
        let command = try #require(lines.first { $0.contains("again: sync-sim ") })
        let words = command.split(separator: " ").dropFirst(2).map(String.init)
        #expect(words.contains("--plant") && words.contains("--copies"))
        let again = try run(words)
        #expect(again.status == 1)
        let findings = lines.prefix { !$0.contains("again:") }
        #expect(findings.allSatisfy { again.output.contains($0) })
    }

    @Test func onlyWhatIsRightEndsWithZero() throws {
        #expect(try run("--seeds", "1..2", "--copies", "0").status == 0)
        #expect(try run("--plant", "nothing").status != 0)
        #expect(try run("--seeds", "9..2").status != 0)
    }
}
