import Console
import Dispatch
import Foundation
import SyncCore
import SyncStore
import SyncTransport
import Synchronization

/// Runs the session's wishes on the agent's store, one after the other on a queue of its own.
final class AgentHost: AgentSessionHost {
    /// Only touched on `queue`.
    nonisolated(unsafe) private let store: any AgentStore
    private let queue = DispatchQueue(label: "agent.store")
    private let program: String
    let now: @Sendable () -> Milliseconds
    /// When something last arrived on either side. That a hub says Welcome is nothing yet.
    let meter = ProgressMeter()
    let diary = SessionDiary()
    /// Lanes of the own origins that the session named.
    private let lanes = Mutex<[OriginID: Lane]>([:])
    /// The feed of this session found no room; it comes again with the next one.
    private let feedRefusal = Mutex<StoreError?>(nil)
    private let found = Mutex<[IdentityEvent]>([])
    /// When this session's Hello was made.
    private let asked = Mutex<Milliseconds>(0)

    /// Why the feed cannot be kept, so that only sending goes on; nil while it can.
    var lackOfRoom: StoreError? { feedRefusal.withLock { $0 } }
    var lacksRoom: Bool { lackOfRoom != nil }

    /// A session begins: its feed may find room.
    func begin() { feedRefusal.withLock { $0 = nil } }

    init(store: any AgentStore, program: String, now: @escaping @Sendable () -> Milliseconds) {
        self.store = store
        self.program = program
        self.now = now
    }

    func run<Result: Sendable>(
        _ body: @escaping @Sendable (any AgentStore) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
                let result = Swift.Result { try body(store) }
                if case .failure(let error) = result { Program.endIfDiskFailed(error) }
                continuation.resume(with: result)
            }
        }
    }

    func renew(_ keys: HubKeyring) async throws {
        let event = try await run { [now] store -> IdentityEvent? in
            guard try store.configuration()?.hubKeys != keys else { return nil }
            try store.renew(keys, now: now())
            return try store.identityEvents(limit: 1).first { $0.kind == .hubKeyChanged }
        }
        if let event { found.withLock { $0.append(event) } }
    }

    func opened() async throws -> (Hello, [AgentSession.LaneOrigin]) {
        let (hello, origins) = try await run { [program, now] store in
            (try store.hello(now: now(), program: program), try store.laneOrigins())
        }
        asked.withLock { $0 = hello.clock }
        lanes.withLock { lanes in
            for origin in origins { lanes[origin.origin] = origin.lane }
        }
        diary.opened(on: self)
        return (hello, origins)
    }

    func heads(of origin: OriginID, at sequences: [UInt64]) async throws -> Heads {
        try await run { try $0.heads(of: origin, at: sequences) }
    }

    func heal(_ points: [ForkPoint], after welcome: Welcome) async throws {
        let event = try await run { [now] in try $0.heal(points, after: welcome, now: now()) }
        found.withLock { $0.append(event) }
        meter.moved()
    }

    /// What the store found out about itself or the hub since this was asked last.
    func takeEvents() -> [IdentityEvent] {
        found.withLock { events in
            defer { events = [] }
            return events
        }
    }

    func store(_ welcome: Welcome) async throws -> AgentSession.WelcomeAnswer {
        try await run { [self] store in
            let partings = try store.partings(welcome)
            if !partings.isEmpty { return .parted(partings) }
            let known = try store.identityEvents(limit: 1).first
            defer {
                let news = (try? store.identityEvents(limit: 4))?.prefix { $0 != known } ?? []
                found.withLock { $0 += news.reversed() }
            }
            let before = try AgentHost.receipted(store)
            let resumes = try store.accept(welcome, asked: asked.withLock { $0 }, now: now())
            if try AgentHost.receipted(store) != before { meter.moved() }
            return .goOn(resumes)
        }
    }

    private static func receipted(_ store: any AgentStore) throws -> [UInt64] {
        try store.laneOrigins().map(\.receipted)
    }

    func load(
        _ origin: OriginID, after: UInt64, maximumVersions: Int, maximumBytes: Int
    ) async throws -> VersionBatch? {
        let batch = try await run {
            try $0.batch(
                of: origin, after: after, maximumVersions: maximumVersions, maximumBytes: maximumBytes)
        }
        if let batch, let lane = lanes.withLock({ $0[origin] }) { diary.sent(batch, in: lane) }
        return batch
    }

    func store(_ receipts: [Receipt]) async throws {
        try await run { [now, meter] store in
            let before = try AgentHost.receipted(store)
            try store.accept(receipts, now: now())
            if try AgentHost.receipted(store) != before { meter.moved() }
        }
    }

    func store(_ feed: Feed) async throws -> Bool {
        // Once something was left out, what follows must not be taken: the token says everything before it.
        if lacksRoom { return false }
        do {
            try await run { [now] in try $0.apply(feed, now: now()) }
        } catch let error as StoreError where error.isOfRoom {
            feedRefusal.withLock { $0 = error }
            return false
        }
        if !feed.isEmpty { meter.moved() }
        return true
    }

    func store(_ mark: Mark) async throws -> Bool {
        // It says that everything has come, of which something was left out.
        if lacksRoom { return false }
        do {
            let news = try await run { [now] in try $0.note(mark, now: now()) }
            found.withLock { $0 += news }
            return news.contains { $0.kind == .givenBack }
        } catch let error as StoreError where error.isOfRoom {
            // It is only shown; the next one will do.
            return false
        }
    }

    func store(_ hole: Hole) async throws {
        let news = try await run { [now] store in
            let known = try store.identityEvents(limit: 1).first
            try store.note(hole, now: now())
            return try store.identityEvents(limit: 1).filter { $0 != known }
        }
        found.withLock { $0 += news }
        meter.moved()
    }

    func storage() async throws -> StorageState { try await run { $0.storage() } }

    func drained() async {}

    /// The lanes' highest sequences, for a session that is told of new work.
    func lasts() async throws -> [Lane: UInt64] {
        try await run { store in
            var lasts: [Lane: UInt64] = [:]
            for origin in try store.origins() { lasts[origin.claim.lane] = origin.sequence }
            return lasts
        }
    }
}
