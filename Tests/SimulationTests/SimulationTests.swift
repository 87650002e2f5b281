import Testing

@testable import sync_sim

/// Branches and a hub in a world that breaks, over and over with other seeds. `sync-sim` runs more of them.
@Suite struct SimulationTests {
    static func scenario(_ seed: UInt64) -> Scenario {
        Scenario(seed: seed, agents: 1 + Int(seed % 6), steps: 60)
    }

    @Test(arguments: 0..<10)
    func everythingSettlesAndNothingIsLost(block: UInt64) {
        for seed in (block * 12 + 1)...(block * 12 + 12) {
            let result = Run.run(SimulationTests.scenario(seed))
            #expect(result.findings == [], "sync-sim --seed \(seed) --agents \(1 + seed % 6)")
        }
    }

    @Test func theSameSeedGivesTheSameRun() {
        let scenario = SimulationTests.scenario(77)
        let first = Run.run(scenario, isTracing: true)
        #expect(!first.trace.isEmpty)
        let isSame = Run.run(scenario, isTracing: true).trace == first.trace
        #expect(isSame)
    }

    @Test(arguments: Plant.allCases)
    func plantedBugsAreFound(plant: Plant) {
        let found = (1...100).first { seed in
            !Run.run(SimulationTests.scenario(UInt64(seed)), plant: plant).findings.isEmpty
        }
        #expect(found != nil, "nobody noticed \(plant.rawValue)")
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
