import Dispatch
import Foundation
import SyncCore
import SyncStore
import SyncTransport

/// Runs the session's wishes on the agent's store, one after the other on a queue of its own.
final class AgentHost: AgentSessionHost {
    /// Only touched on `queue`.
    nonisolated(unsafe) private let store: any AgentStore
    private let queue = DispatchQueue(label: "agent.store")
    private let program: String
    private let now: @Sendable () -> Milliseconds
    /// When something last arrived on either side. That a hub says Welcome is nothing yet.
    let meter = ProgressMeter()

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
                continuation.resume(with: Swift.Result { try body(store) })
            }
        }
    }

    func opened() async throws -> (Hello, [AgentSession.LaneOrigin]) {
        try await run { [program, now] store in
            (
                try store.hello(now: now(), program: program),
                try store.origins().map {
                    AgentSession.LaneOrigin(
                        lane: $0.claim.lane, origin: $0.id, last: $0.sequence, receipted: $0.receipted)
                }
            )
        }
    }

    func store(_ welcome: Welcome) async throws -> [AgentSession.Resume] {
        try await run { [now, meter] store in
            let before = try AgentHost.receipted(store)
            let behind = try store.accept(welcome, now: now())
            if try AgentHost.receipted(store) != before { meter.moved() }
            return try store.origins().map {
                AgentSession.Resume(origin: $0.id, behind: behind[$0.id] ?? 0, receipted: $0.receipted)
            }
        }
    }

    private static func receipted(_ store: any AgentStore) throws -> [UInt64] {
        try store.origins().map(\.receipted)
    }

    func load(
        _ lane: Lane, after: UInt64, maximumVersions: Int, maximumBytes: Int
    ) async throws -> VersionBatch? {
        try await run {
            try $0.batch(
                lane: lane, after: after, maximumVersions: maximumVersions, maximumBytes: maximumBytes)
        }
    }

    func store(_ receipts: [Receipt]) async throws {
        try await run { [now, meter] store in
            let before = try AgentHost.receipted(store)
            try store.accept(receipts, now: now())
            if try AgentHost.receipted(store) != before { meter.moved() }
        }
    }

    func store(_ feed: Feed) async throws {
        try await run { [now] in try $0.apply(feed, now: now()) }
        if !feed.isEmpty { meter.moved() }
    }

    func store(_ mark: Mark) async throws {
        try await run { try $0.note(mark) }
    }

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
