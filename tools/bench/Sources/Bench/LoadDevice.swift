import Foundation
import NIOPosix
import SyncCore
import SyncTransport
import SyncWire
import Synchronization

/// A branch that has joined a hub, with its batches made beforehand: sessions are real, and cost no store.
final class LoadDevice: AgentSessionHost {
    private struct State {
        var welcome: Welcome?
        var feed = FeedToken.beginning
        /// The routine and the urgent journal's sequences that are receipted.
        var receipted: UInt64 = 0
        var urgentReceipted: UInt64 = 0
        /// When the last urgent version was, on the clock of who measures.
        var urgentAt: ContinuousClock.Instant?
    }

    private let key: DeviceKey
    private let hub: HubPin
    private let address: HostPort
    private let replica: Token16
    private let routine: Journal
    private let urgent: Journal
    private let state: Mutex<State>

    /// Spends a join code.
    ///
    /// - Parameter makeJournal: the routine journal with its batches.
    static func join(
        code: String, makeJournal: (DeviceKey) throws -> Journal
    ) async throws -> LoadDevice {
        guard let code = JoinCode(text: code), let address = HostPort(code.address) else {
            throw BenchError("the invitation does not read")
        }
        let key = DeviceKey.generate()
        let replica = Token16.random()
        let now = Milliseconds(Date().timeIntervalSince1970 * 1_000)
        let join = Join(secret: code.secret, replica: replica, label: "bench", clock: now)
        _ = try await JoinConnection.run(
            address: address.host, port: address.port, pinned: .key(code.hub), key: key, join: join,
            group: MultiThreadedEventLoopGroup.singleton)
        return LoadDevice(
            key: key, hub: .key(code.hub), address: address, replica: replica, routine: try makeJournal(key),
            urgent: Journal(key, lane: .urgent))
    }

    /// A device that the hub knows already.
    convenience init(
        key: DeviceKey, hub: HubPin, address: HostPort, replica: Token16, routine: Journal, urgent: Journal
    ) {
        self.init(
            key: key, hub: hub, address: address, replica: replica, routine: routine, urgent: urgent,
            state: State())
    }

    private init(
        key: DeviceKey, hub: HubPin, address: HostPort, replica: Token16, routine: Journal, urgent: Journal,
        state: State
    ) {
        self.key = key
        self.hub = hub
        self.address = address
        self.replica = replica
        self.routine = routine
        self.urgent = urgent
        self.state = Mutex(state)
    }

    /// The same device with the memory that it has now: what happens to the copy has not happened.
    func copy() -> LoadDevice {
        var state = state.withLock { $0 }
        state.receipted = 0
        return LoadDevice(
            key: key, hub: hub, address: address, replica: replica, routine: routine, urgent: urgent,
            state: state)
    }

    var receipted: UInt64 { state.withLock { $0.receipted } }

    /// Nothing is left to send.
    var isDone: Bool {
        state.withLock {
            $0.receipted == routine.sequence && $0.urgentReceipted == urgent.sequence
        }
    }

    /// When its urgent versions were receipted; nil where it has none, or not yet.
    var urgentAt: ContinuousClock.Instant? { state.withLock { $0.urgentAt } }

    /// One session until both sides have everything.
    ///
    /// - Parameter isSending: false: nothing is sent, only what comes down the feed is taken.
    func sync(isSending: Bool = true) async throws -> LinkStatistics {
        let host: any AgentSessionHost = isSending ? self : Listener(device: self)
        let result = try await AgentConnection.run(
            address: address.host, port: address.port, pinned: hub, key: key,
            session: AgentSession(goal: .drain), host: host,
            group: MultiThreadedEventLoopGroup.singleton)
        guard result.ending == .clean, result.isDrained else {
            throw EndedOtherwise(ending: result.ending)
        }
        return result.statistics
    }

    /// Not everything was sent, or fetched.
    struct EndedOtherwise: Error {
        var ending: AgentConnectionResult.Ending

        /// Seconds that the hub asked for; 0 for none.
        var retryAfter: UInt32 {
            if case .refused(let refuse) = ending { refuse.retryAfter } else { 0 }
        }
    }

    /// Stays connected with nothing to send until the task is cancelled.
    ///
    /// - Parameter opened: called once the hub has answered.
    func stay(opened: @escaping @Sendable () -> Void) async throws {
        _ = try await AgentConnection.run(
            address: address.host, port: address.port, pinned: hub, key: key,
            session: AgentSession(goal: .stay), host: Listener(device: self, opened: opened),
            group: MultiThreadedEventLoopGroup.singleton)
    }

    /// Says that it has nothing to send.
    private final class Listener: AgentSessionHost {
        let device: LoadDevice
        let wasOpened: @Sendable () -> Void
        init(device: LoadDevice, opened: @escaping @Sendable () -> Void = {}) {
            self.device = device
            wasOpened = opened
        }
        func opened() async throws -> (Hello, [AgentSession.LaneOrigin]) { device.opened(isSending: false) }
        func store(_ welcome: Welcome) async throws -> AgentSession.WelcomeAnswer {
            wasOpened()
            return try await device.store(welcome)
        }
        func heads(of origin: OriginID, at sequences: [UInt64]) async throws -> Heads {
            try await device.heads(of: origin, at: sequences)
        }
        func heal(_ points: [ForkPoint], after welcome: Welcome) async throws {
            try await device.heal(points, after: welcome)
        }
        func load(
            _ origin: OriginID, after: UInt64, maximumVersions: Int, maximumBytes: Int
        ) async throws -> VersionBatch? { nil }
        func store(_ receipts: [Receipt]) async throws {}
        func store(_ feed: Feed) async throws -> Bool { try await device.store(feed) }
        func store(_ mark: Mark) async throws -> Bool { false }
        func store(_ hole: Hole) async throws {}
        func drained() async {}
    }

    private func opened(isSending: Bool) -> (Hello, [AgentSession.LaneOrigin]) {
        let (welcome, feed) = state.withLock { ($0.welcome, $0.feed) }
        let now = Milliseconds(Date().timeIntervalSince1970 * 1_000)
        let journals = [urgent, routine]
        let hello = Hello(
            replica: replica,
            origins: journals.map { OriginHead(claim: $0.claim, sequence: 0, head: .zero) },
            capabilities: [], dictionaries: [], clock: now, sessionToken: welcome?.sessionToken ?? .zero,
            epoch: welcome?.epoch ?? .zero, feed: feed, urgent: Backlog(), routine: Backlog(),
            program: "bench")
        return (
            hello,
            [
                AgentSession.LaneOrigin(
                    lane: .urgent, origin: urgent.origin, last: isSending ? urgent.sequence : 0,
                    receipted: 0),
                AgentSession.LaneOrigin(
                    lane: .routine, origin: routine.origin, last: isSending ? routine.sequence : 0,
                    receipted: 0),
            ]
        )
    }

    func opened() async throws -> (Hello, [AgentSession.LaneOrigin]) { opened(isSending: true) }

    func store(_ welcome: Welcome) async throws -> AgentSession.WelcomeAnswer {
        state.withLock { $0.welcome = welcome }
        return .goOn(
            [urgent, routine].map { AgentSession.Resume(origin: $0.origin, behind: 0, receipted: 0) })
    }

    func load(
        _ origin: OriginID, after: UInt64, maximumVersions: Int, maximumBytes: Int
    ) async throws -> VersionBatch? {
        (origin == urgent.origin ? urgent : routine).batch(
            after: after, maximumVersions: maximumVersions, maximumBytes: maximumBytes)
    }

    func store(_ receipts: [Receipt]) async throws {
        state.withLock { state in
            for receipt in receipts {
                if receipt.origin == routine.origin {
                    state.receipted = max(state.receipted, receipt.sequence)
                }
                guard receipt.origin == urgent.origin else { continue }
                state.urgentReceipted = max(state.urgentReceipted, receipt.sequence)
                if state.urgentReceipted == urgent.sequence { state.urgentAt = .now }
            }
        }
    }

    func store(_ feed: Feed) async throws -> Bool {
        state.withLock { $0.feed = feed.token }
        return true
    }

    func store(_ mark: Mark) async throws -> Bool { false }
    func store(_ hole: Hole) async throws { throw BenchError("a hole was declared") }
    func drained() async {}

    func heads(of origin: OriginID, at sequences: [UInt64]) async throws -> Heads {
        throw BenchError("the hub holds another journal")
    }

    func heal(_ points: [ForkPoint], after welcome: Welcome) async throws {
        throw BenchError("the hub holds another journal")
    }
}
