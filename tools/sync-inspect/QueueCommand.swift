import ArgumentParser
import Console
import SQLiteStore
import SyncCore
import SyncStore

enum LaneName: String, ExpressibleByArgument, CaseIterable {
    case urgent, routine

    var lane: Lane { self == .urgent ? .urgent : .routine }
}

extension Lane {
    var words: Words {
        switch self {
        case .urgent: Words("urgent", zh: "紧急")
        case .routine: Words("routine", zh: "常规")
        }
    }
}

struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue",
        abstract: "What waits in a branch's store; of a hub, what its devices last said that they hold back.")

    @OptionGroup var store: DataOption
    @Option(name: .long, help: "Only this lane.") var lane: LaneName?
    @Option(name: .long, help: "So many versions of each lane are listed; the counts are of all.")
    var limit: Int?
    @Flag(name: .long, help: "List what is receipted as well.") var all = false
    @Flag(name: .long, help: "For scripts.") var json = false

    func validate() throws {
        if let limit, limit < 0 { throw ValidationError("--limit is a number from 0 on.") }
    }

    func run() async throws {
        try await Program.run {
            let store = try StoreAtHand(store.data)
            let now = Now.milliseconds()
            let masking = Masking(forms: try store.forms(), unmask: false)
            switch store {
            case .agent(let store):
                let report = try AgentQueue(
                    store, lanes: lane.map { [$0.lane] } ?? Lane.allCases, all: all,
                    limit: limit ?? (json ? .max : 20), now: now, masking: masking)
                if json { try Output.json(report) } else { report.lines().forEach { Output.line($0) } }
            case .hub(let store):
                let report = try HubQueue(store)
                if json { try Output.json(report) } else { report.lines().forEach { Output.line($0) } }
            }
        }
    }
}
