import Console
import Dispatch
import Foundation
import SyncCore
import SyncStore
import Synchronization

/// The one writer: owns the hub's store and runs everything that touches it, one job after the other.
///
/// Batches that arrive while a transaction is being made durable wait together and go into the next one: the
/// busier
/// the hub, the larger its transactions.
final class HubWriter: Sendable {
    private struct Waiting {
        let submission: Submission
        let reply: @Sendable (Result<IngestOutcome, any Error>) -> Void
    }

    private struct Line {
        var waiting: [Waiting] = []
        var isScheduled = false
    }

    /// Only touched on `queue`.
    nonisolated(unsafe) private let store: any HubStore
    private let queue = DispatchQueue(label: "hub.writer")
    private let line = Mutex(Line())
    private let now: @Sendable () -> Milliseconds

    init(store: any HubStore, now: @escaping @Sendable () -> Milliseconds) {
        self.store = store
        self.now = now
    }

    /// Runs `body` on the writer.
    func run<Result: Sendable>(
        _ body: @escaping @Sendable (any HubStore) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
                let result = Swift.Result { try body(store) }
                if case .failure(let error) = result { Program.endIfDiskFailed(error) }
                continuation.resume(with: result)
            }
        }
    }

    /// Puts a batch into the next transaction.
    func ingest(_ submission: Submission) async throws -> IngestOutcome {
        try await withCheckedThrowingContinuation { continuation in
            let waiting = Waiting(submission: submission) { continuation.resume(with: $0) }
            let mustSchedule = line.withLock { line in
                line.waiting.append(waiting)
                defer { line.isScheduled = true }
                return !line.isScheduled
            }
            if mustSchedule { queue.async { [self] in commit() } }
        }
    }

    private func commit() {
        let (batch, isMore) = line.withLock { line in
            let taken = HubWriter.take(&line.waiting)
            line.isScheduled = !line.waiting.isEmpty
            return (taken, line.isScheduled)
        }
        if isMore { queue.async { [self] in commit() } }
        guard !batch.isEmpty else { return }
        do {
            let outcomes = try store.ingest(batch.map(\.submission), now: now())
            for (waiter, outcome) in zip(batch, outcomes) { waiter.reply(.success(outcome)) }
        } catch {
            Program.endIfDiskFailed(error)
            for waiter in batch { waiter.reply(.failure(error)) }
        }
    }

    /// At most so many versions go into one transaction, so that nobody waits long for a receipt.
    private static let versionsPerCommit = 20_000

    private static func take(_ waiting: inout [Waiting]) -> [Waiting] {
        var versions = 0
        var count = 0
        while count < waiting.count, count == 0 || versions < versionsPerCommit {
            versions += waiting[count].submission.batch.count
            count += 1
        }
        defer { waiting.removeFirst(count) }
        return Array(waiting.prefix(count))
    }
}
