public import SyncCore
import Synchronization

/// What an agent's connection asks of the branch's store. Calls come one at a time, in order.
///
/// A thrown `Refuse` ends the connection and is told to the hub; any other error ends it too and comes out of
/// `AgentConnection.run`.
public protocol AgentSessionHost: Sendable {
    /// The keys of the hub that answers: those that are known, or later ones that they have blessed.
    func renew(_ keys: HubKeyring) async throws
    /// The Hello to send, and the origins that it names with their highest sequences.
    func opened() async throws -> (Hello, [AgentSession.LaneOrigin])
    func store(_ welcome: Welcome) async throws -> AgentSession.WelcomeAnswer
    /// Own chain heads; nil where they are not kept any more.
    func heads(of origin: OriginID, at sequences: [UInt64]) async throws -> Heads
    /// Opens new origins behind these points, and writes what lies above under them.
    func heal(_ points: [ForkPoint], after welcome: Welcome) async throws
    /// The next stretch of an own journal behind `after`; at least one version.
    func load(
        _ origin: OriginID, after: UInt64, maximumVersions: Int, maximumBytes: Int
    ) async throws -> VersionBatch?
    func store(_ receipts: [Receipt]) async throws
    /// False: there is no room for it now. It is not confirmed, and the session goes on sending; what follows
    /// in the feed of this session is not taken either.
    func store(_ feed: Feed) async throws -> Bool
    /// True: new origins were opened, and the session is to come again.
    func store(_ mark: Mark) async throws -> Bool
    /// The hub has taken note of what it will not get again.
    func store(_ hole: Hole) async throws
    func drained() async
    /// Called on the event loop after every batch sent and receipt believed; must not block.
    func progress(_ statistics: LinkStatistics)
}

extension AgentSessionHost {
    public func renew(_ keys: HubKeyring) async throws {}
    public func progress(_ statistics: LinkStatistics) {}
}

/// What came of one connection of an agent.
public struct AgentConnectionResult: Sendable, Hashable {
    public enum Ending: Sendable, Hashable {
        /// Both sides have nothing left, or `close` was asked for.
        case clean
        /// The hub refused or closed with this.
        case refused(Refuse)
        /// This side ended it: the hub broke the protocol, fell silent, or the store does not believe it.
        case failed(Refuse)
        /// The link broke; the words are for people.
        case cut(String)
    }

    public var ending: Ending
    /// The hub said Welcome: the next try may come soon.
    public var isWelcomed: Bool
    public var isDrained: Bool
    public var statistics: LinkStatistics

    public init(ending: Ending, isWelcomed: Bool, isDrained: Bool, statistics: LinkStatistics) {
        self.ending = ending
        self.isWelcomed = isWelcomed
        self.isDrained = isDrained
        self.statistics = statistics
    }
}

/// The way into a running session from elsewhere. Made before the connection, and good for one.
public final class AgentSessionHandle: Sendable {
    private struct State {
        var appended: [Lane: UInt64] = [:]
        var isClosed = false
        var deliver: (@Sendable ([Lane: UInt64], _ isClosed: Bool) -> Void)?
    }

    private let state = Mutex(State())

    public init() {}

    /// Something was authored: the lanes' highest sequences.
    public func appended(_ lasts: [Lane: UInt64]) {
        let deliver = state.withLock { state in
            if state.deliver == nil { state.appended.merge(lasts) { max($0, $1) } }
            return state.deliver
        }
        deliver?(lasts, false)
    }

    /// Ends the connection cleanly; what the hub has not receipted stays queued.
    public func close() {
        let deliver = state.withLock { state in
            state.isClosed = true
            return state.deliver
        }
        deliver?([:], true)
    }

    func bind(_ deliver: @escaping @Sendable ([Lane: UInt64], _ isClosed: Bool) -> Void) {
        let (appended, isClosed) = state.withLock { state in
            state.deliver = deliver
            return (state.appended, state.isClosed)
        }
        if !appended.isEmpty || isClosed { deliver(appended, isClosed) }
    }
}
