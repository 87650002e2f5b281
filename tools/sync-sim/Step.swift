import SyncCore

/// What is done to the world from outside, one thing after the other. A run is its seed and its steps:
/// leaving steps out leaves the others as they were, so that a failing run can be made smaller.
struct Step: Sendable, Hashable, CustomStringConvertible {
    enum Action: Sendable, Hashable {
        /// Somebody at a branch opens a record: what is shown then is the context of the next save there.
        case open(agent: Int, record: Int)
        /// Saves the opened record; without one, enters the record as seen now.
        case save(agent: Int, record: Int, fields: UInt8, isUrgent: Bool)
        case remove(agent: Int, record: Int)
        /// The centre edits a record.
        case centre(record: Int, fields: UInt8)
        case connect(agent: Int, stays: Bool)
        /// The link of an agent breaks at once; so many of the bytes under way still arrive.
        case cut(agent: Int, bytes: Int)
        /// Nothing gets through for so many milliseconds.
        case stall(agent: Int, milliseconds: UInt64)
        /// The agent's program dies and comes back.
        case crashAgent(Int)
        case crashHub
        /// The next write of the store fails with a full disk.
        case fillDisk(agent: Int)
        case fillHubDisk
        /// The clock of an agent jumps.
        case jump(agent: Int, milliseconds: Int64)
        case jumpHub(milliseconds: Int64)
        /// A person belongs to another unit from now on.
        case move(person: Int, unit: Int)
        /// Nothing: time passes.
        case rest
    }

    var action: Action
    /// Milliseconds that pass before it.
    var wait: UInt64
    /// Decides what is left to chance within the step.
    var seed: UInt64

    var description: String { "+\(wait) ms \(action)" }
}

/// How often each kind of fault happens; 0 is never, 10 the usual.
struct FaultRates: Sendable, Hashable {
    var cuts = 10
    var stalls = 10
    var crashes = 10
    var disks = 10
    var clocks = 10
    var moves = 10
}

/// The shape of a world.
struct Scenario: Sendable, Hashable {
    var seed: UInt64
    var agents = 4
    var steps = 60
    var rates = FaultRates()

    /// Persons, each with two days: the records that are edited.
    static let persons = 6
    static let days = 2
    static let records = persons * days
    static let units = 3

    /// The unit of an agent's device: several may share one.
    func unit(of agent: Int) -> Int { agent % Scenario.units }

    func makeSteps() -> [Step] {
        var numbers = Numbers(seed: seed)
        return (0..<steps).map { _ in
            Step(
                action: action(&numbers), wait: UInt64(numbers.logarithmic(below: 60_000)),
                seed: numbers.next())
        }
    }

    private func action(_ numbers: inout Numbers) -> Step.Action {
        let agent = numbers.below(agents)
        let record = numbers.below(Scenario.records)
        let fields = UInt8(truncatingIfNeeded: numbers.below(7) + 1)
        let day: Int64 = 86_400_000
        let choices: [(weight: Int, choice: Step.Action)] = [
            (60, .open(agent: agent, record: record)),
            (200, .save(agent: agent, record: record, fields: fields, isUrgent: numbers.isOne(in: 5))),
            (10, .remove(agent: agent, record: record)),
            (20, .centre(record: record, fields: fields)),
            (150, .connect(agent: agent, stays: numbers.isOne(in: 2))),
            (6 * rates.cuts, .cut(agent: agent, bytes: numbers.logarithmic(below: 20_000))),
            (
                2 * rates.stalls,
                .stall(agent: agent, milliseconds: UInt64(numbers.logarithmic(below: 200_000)))
            ),
            (4 * rates.crashes, .crashAgent(agent)),
            (2 * rates.crashes, .crashHub),
            (2 * rates.disks, .fillDisk(agent: agent)),
            (2 * rates.disks, .fillHubDisk),
            (rates.clocks, .jump(agent: agent, milliseconds: Int64(numbers.below(800) - 400) * day)),
            (rates.clocks / 2, .jumpHub(milliseconds: Int64(numbers.below(5) - 2) * day)),
            (
                rates.moves,
                .move(person: numbers.below(Scenario.persons), unit: numbers.below(Scenario.units))
            ),
            (30, .rest),
        ]
        return numbers.choose(choices) ?? .rest
    }
}
