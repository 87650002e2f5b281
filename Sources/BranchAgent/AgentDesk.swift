import ArgumentParser
import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore

/// A branch's records, for those who decide about them.
final class AgentDesk: RecordDesk {
    let catalog: CompiledCatalog
    let times: TimeText
    let isBranch = true
    private let context: AgentContext
    private let own: Set<OriginID>

    private var store: SQLiteAgentStore { context.store }

    init(_ context: AgentContext) throws {
        self.context = context
        catalog = context.forms
        times = TimeText(zone: context.settings.timeZone)
        own = Set((try context.store.origins() + context.store.closedOrigins()).map(\.id))
    }

    func record(_ key: RecordKey) throws -> RecordState? { try store.record(key) }
    func versions(of key: RecordKey) throws -> [Version] { try store.versions(of: key) }

    func versions(by origin: OriginID, _ range: ClosedRange<UInt64>) throws -> [Version] {
        guard let lane = try store.origins().first(where: { $0.id == origin })?.claim.lane else { return [] }
        let count = Int(clamping: range.upperBound - range.lowerBound)
        return try store.journal(lane: lane, after: range.lowerBound - 1, limit: min(count, 1 << 20) + 1)
            .map(\.version).filter { range.contains($0.dot.sequence) }
    }

    /// A branch's store is small: its records are looked through.
    func conflicts(
        form: String, after: [UInt8]?, limit: Int
    ) throws -> [(key: RecordKey, state: RecordState)] {
        let rules = catalog[form]?.mergeRules ?? .latest
        var found: [(key: RecordKey, state: RecordState)] = []
        var after = after
        while true {
            let page = try store.records(form: form, after: after, limit: 1_000)
            for row in page where row.state.siblings.count > 1 {
                guard row.state.effective(under: rules).hasConflict else { continue }
                found.append(row)
                if found.count == limit { return found }
            }
            guard let last = page.last, page.count == 1_000 else { return found }
            after = Canonical.encode(key: last.key.values)
        }
    }

    func unit(of key: RecordKey) throws -> String? {
        let position = catalog[key.form]?.definition.keys.firstIndex { $0.type == .unit }
        return position.flatMap { key.values[$0].string } ?? context.configuration.unit
    }

    func verdicts(on versions: [Version]) throws -> [Verdict] {
        let dots = Set(versions.map(\.dot))
        return try store.verdicts([.quarantined, .noted, .heldAlready], limit: .max).map(\.verdict)
            .filter { dots.contains($0.dot) }
    }

    /// What the centre holds back still counts where it was written.
    func heldBack(_ verdicts: [Verdict]) -> Set<Dot> { [] }

    func device(of origin: OriginID) throws -> Words? {
        own.contains(origin)
            ? Words("this device", zh: "本机") : Words("another device or the centre", zh: "其他设备或汇总端")
    }

    func note(unmasked what: String) throws { try UnmaskedFile(in: context.folder.path).append(what) }

    func moment() throws -> AuthoringMoment { try store.moment(of: try context.clock()) }

    func write<Result>(_ body: (any DeskWriter) throws -> Result) throws -> Result {
        let result = try store.write(clock: try context.clock()) { try body(AgentDeskWriter($0, context)) }
        try context.tellCaveats()
        return result
    }
}

private final class AgentDeskWriter: DeskWriter {
    private let transaction: any AgentTransaction
    private let context: AgentContext

    init(_ transaction: any AgentTransaction, _ context: AgentContext) {
        self.transaction = transaction
        self.context = context
    }

    func record(_ key: RecordKey) throws -> RecordState? { try transaction.record(key) }

    func author(_ edits: [RecordEdit], of key: RecordKey, by author: [UInt8]) throws -> [Dot] {
        try RecordAuthor(catalog: context.forms).author(
            edits, of: key, by: try context.form(key.form), author: author, in: transaction
        ).dots
    }
}

/// The branch's program, for the verbs that both programs have.
enum BranchProgram: DeskProgram {
    static let name = "branch-agent"
    static let asksWhyUnmasked = true
    static var dataHelp: ArgumentHelp {
        ArgumentHelp("The folder that holds the branch's store.", zh: "支部的数据目录。")
    }

    static func desk(_ folder: String) throws -> any RecordDesk {
        try AgentDesk(try AgentContext(AgentFolder(path: folder)))
    }

    static func author(_ name: String, at folder: String) throws -> [UInt8] {
        try AuthorList.author(name, in: AgentFolder(path: folder))
    }

    static func failure(for error: any Error) -> Failure? { SyncWords.failure(error) }
}
