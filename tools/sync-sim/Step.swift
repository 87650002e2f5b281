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
        /// Saves something that the hub will not let count.
        case spoil(agent: Int, record: Int)
        /// Writes a remark of so many bytes on every record, in one transaction.
        case sheet(agent: Int, bytes: Int)
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
        /// The disk of an agent is full after so many writes.
        case fillDisk(agent: Int, after: Int)
        case fillHubDisk(after: Int)
        /// The disk does not say whether the next transaction is on it: the program ends.
        case failSync(agent: Int, isWritten: Bool)
        case failHubSync(isWritten: Bool)
        /// The clock of an agent jumps.
        case jump(agent: Int, milliseconds: Int64)
        case jumpHub(milliseconds: Int64)
        /// For so long the hub has as much as it can take.
        case crowd(milliseconds: UInt64)
        /// The disk of a branch is backed up; or put back as it was then; or copied, and the copy runs too.
        case backUp(agent: Int)
        case restore(agent: Int)
        case copy(agent: Int)
        /// The hub's disk is backed up; or put back as it was then, or at the backup before, and told so or
        /// not.
        case backUpHub
        case restoreHub(isTold: Bool, isOlder: Bool)
        /// A person belongs to another unit from now on.
        case move(person: Int, unit: Int)
        /// A unit stands under another from now on: as many as there are units is the centre, more is nobody.
        case place(unit: Int, under: Int)
        /// A device is let in no more.
        case revoke(agent: Int)
        /// So many days go by at once.
        case age(days: Int)
        /// What may be kept no longer goes, at the centre or at a branch.
        case purge
        case prune(agent: Int)
        /// The hub is backed up, a branch hears of it, and lets go of what it wrote once weeks have gone by.
        case letGo(agent: Int)
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

/// A kind of fault.
enum FaultKind: String, CaseIterable, Sendable {
    case cuts, stalls, crashes, disks, syncs, clocks, crowds, spoils, copies, hubs, moves, revocations,
        retention, trees
}

/// How often each kind of fault happens; 0 is never, 10 the usual. Units move only where that is asked for.
struct FaultRates: Sendable, Hashable {
    private var rates = FaultKind.allCases.map { $0 == .trees ? 0 : 10 }

    subscript(kind: FaultKind) -> Int {
        get { FaultKind.allCases.firstIndex(of: kind).map { rates[$0] } ?? 0 }
        set {
            guard let index = FaultKind.allCases.firstIndex(of: kind) else { return }
            rates[index] = max(0, min(1_000, newValue))
        }
    }
}

/// The shape of a world.
struct Scenario: Sendable, Hashable {
    /// Where the stores lie.
    enum Storage: String, Sendable, CaseIterable { case memory, sqlite }

    var seed: UInt64
    var agents = 4
    var steps = 60
    var rates = FaultRates()
    var storage = Storage.memory

    /// Persons, each with two days: the records that are edited.
    static let persons = 6
    static let days = 2
    static let records = persons * days
    static let units = 3

    /// The unit of an agent's device: several may share one.
    func unit(of agent: Int) -> Int { agent % Scenario.units }

    /// Every third agent's program is older: it writes the form's first revision.
    func isOld(_ agent: Int) -> Bool { agent % 3 == 2 }

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
        let fields = UInt8(truncatingIfNeeded: numbers.below(Int(SimForms.all)) + 1)
        let day: Int64 = 86_400_000
        let flag = numbers.isOne(in: 2)
        let after = numbers.below(12)
        let isOlder = rates[.retention] > 0 && numbers.isOne(in: 3)
        let choices: [(weight: Int, choice: Step.Action)] = [
            (60, .open(agent: agent, record: record)),
            (200, .save(agent: agent, record: record, fields: fields, isUrgent: numbers.isOne(in: 5))),
            (10, .remove(agent: agent, record: record)),
            (10, .sheet(agent: agent, bytes: 1 << (4 + numbers.below(9)))),
            (rates[.spoils], .spoil(agent: agent, record: record)),
            (20, .centre(record: record, fields: fields)),
            (150, .connect(agent: agent, stays: numbers.isOne(in: 2))),
            (6 * rates[.cuts], .cut(agent: agent, bytes: numbers.logarithmic(below: 20_000))),
            (
                2 * rates[.stalls],
                .stall(agent: agent, milliseconds: UInt64(numbers.logarithmic(below: 200_000)))
            ),
            (4 * rates[.crashes], .crashAgent(agent)),
            (2 * rates[.crashes], .crashHub),
            (2 * rates[.disks], .fillDisk(agent: agent, after: after)),
            (2 * rates[.disks], .fillHubDisk(after: after)),
            (rates[.syncs], .failSync(agent: agent, isWritten: flag)),
            (rates[.syncs], .failHubSync(isWritten: flag)),
            (rates[.clocks], .jump(agent: agent, milliseconds: Int64(numbers.below(800) - 400) * day)),
            (rates[.clocks] / 2, .jumpHub(milliseconds: Int64(numbers.below(5) - 2) * day)),
            (rates[.crowds], .crowd(milliseconds: UInt64(numbers.logarithmic(below: 60_000)))),
            (rates[.copies], .backUp(agent: agent)),
            (rates[.copies], .restore(agent: agent)),
            (rates[.copies] / 2, .copy(agent: agent)),
            (rates[.hubs], .backUpHub),
            (rates[.hubs] / 2, .restoreHub(isTold: flag, isOlder: isOlder)),
            (
                rates[.moves],
                .move(person: numbers.below(Scenario.persons), unit: numbers.below(Scenario.units))
            ),
            // Of numbers that are drawn already: without it a seed gives the steps that it gave before.
            (
                rates[.trees],
                .place(unit: record % Scenario.units, under: after % (Scenario.units + 2))
            ),
            (rates[.revocations] / 3, .revoke(agent: agent)),
            (rates[.retention] / 2, .age(days: 1 + numbers.below(SimForms.remarkDays + 5))),
            (rates[.retention] / 2, .purge),
            (rates[.retention] / 2, .prune(agent: agent)),
            (rates[.retention] / 2, .letGo(agent: agent)),
            (30, .rest),
        ]
        return numbers.choose(choices) ?? .rest
    }
}
