import Console
import Forms
import NIOPosix
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport
import Synchronization

/// Asks the hub over a connection of its own, beside whatever agent runs on the folder.
struct LiveComparison {
    let folder: String
    let limit: Int

    func run(_ agent: SQLiteAgentStore) async throws -> ReconcileReport {
        guard let configuration = try agent.configuration() else {
            throw StoreError(.notJoined, "this store has not joined a hub")
        }
        guard let target = HostPort(configuration.address) else {
            throw Failure(
                .noInput,
                Words(
                    "the hub's address is no HOST:PORT: \(configuration.address)",
                    zh: "汇总端地址不是 HOST:PORT：\(configuration.address)"))
        }
        let key = try DeviceKey.load(from: folder + "/device.key")
        let forms = try StoreAtHand.agent(agent).forms()
        let mine = Mutex<(listing: AgentListing, welcome: Welcome)?>(nil)
        let outcome: ReconcileConnection.Outcome
        do {
            outcome = try await ReconcileConnection.run(
                address: target.host, port: target.port, pinned: .keys(configuration.hubKeys), key: key,
                hello: try agent.hello(now: Now.milliseconds(), program: "sync-inspect \(Program.version)"),
                limit: limit, group: MultiThreadedEventLoopGroup.singleton
            ) { [folder] welcome in
                let listing = try LiveComparison.look(folder, configuration, forms, welcome)
                mine.withLock { $0 = (listing, welcome) }
                return (listing.listing, listing.moment(in: welcome.epoch))
            }
        } catch let error as TransportError {
            throw Failure(
                error == .wrongHubKey || error == .forgedHubKey ? .refusedByHub : .unreachable,
                LiveComparison.words(for: error, target))
        }
        guard let (listing, welcome) = mine.withLock({ $0 }) else {
            throw Failure(.unreachable, LiveComparison.words(for: .cut("no Welcome"), target))
        }
        var report = ReconcileReport(here: .branch, listing.listing, outcome)
        report.takeBranch(listing)
        report.positions = .init(feed: listing.moment(in: welcome.epoch).position, hub: outcome.position)
        report.journals = try listing.origins.map { origin in
            let theirs = welcome.held.first { $0.origin == origin.id }
            return .init(
                origin, held: theirs?.sequence ?? 0,
                agrees: try theirs.map { held in
                    guard held.sequence <= origin.sequence else { return false }
                    return try agent.agrees(origin.id, at: held.sequence, held.head)
                } ?? true)
        }
        return report
    }

    /// This end's records, beside what the hub says that it holds.
    private static func look(
        _ folder: String, _ configuration: AgentConfiguration, _ forms: FormCatalog, _ welcome: Welcome
    ) throws -> AgentListing {
        let settings = welcome.settings.isEmpty ? configuration.settings : welcome.settings
        var held: [OriginID: UInt64] = [:]
        for origin in welcome.held { held[origin.origin] = origin.sequence }
        return try SQLiteAgentStore(readingFrom: folder).listing(
            unit: configuration.unit, today: Committee.day(of: welcome.clock, settings), forms: forms,
            held: held)
    }

    private static func words(for error: TransportError, _ target: HostPort) -> Words {
        switch error {
        case .unreachable(let reason):
            Words(
                "the hub at \(target) cannot be reached (\(reason)); try again when there is a link, or "
                    + "compare with a file, --digest",
                zh: "无法连接汇总端 \(target)（技术信息：\(reason)）；有网络时再试，或用 --digest 与文件比较")
        case .wrongHubKey: RefusalWords.words(for: Refuse(.anotherHub))
        case .forgedHubKey: RefusalWords.words(for: Refuse(.forgedHubKey))
        case .tls(let reason), .cut(let reason):
            Words(
                "the connection to \(target) broke (\(reason)); nothing was changed, try again",
                zh: "与 \(target) 的连接中断（技术信息：\(reason)）；未作任何改动，请重试")
        }
    }
}
