import SyncCore
import SyncStore
import SyncTransport
import Synchronization

/// Writes down what became of each session, beside the work: it never fails, and nothing waits for it but
/// the next thing that the store is asked.
final class SessionDiary: Sendable {
    private let current = Mutex<SessionEntry?>(nil)

    func begin(at now: Milliseconds) { current.withLock { $0 = SessionEntry(began: now) } }

    /// The link stands: the entry is kept from here on, so that a program that is killed leaves a trace.
    func opened(on host: AgentHost) {
        guard let entry = current.withLock({ $0 }) else { return }
        Task { await keep(entry, on: host, isFirst: true) }
    }

    /// These versions were given to the link.
    func sent(_ batch: VersionBatch, in lane: Lane) {
        current.withLock { $0?.sent[lane] = .init(origin: batch.origin, through: batch.last) }
    }

    func end(_ attempt: SyncRunner.Attempt, at now: Milliseconds, on host: AgentHost) async {
        let entry = current.withLock { current -> SessionEntry? in
            guard var entry = current else { return nil }
            current = nil
            entry.ended = now
            entry.ending = attempt.failure?.code ?? SessionEntry.done
            entry.isWelcomed = attempt.isWelcomed
            entry.bytesUp = attempt.statistics.bytesUp
            entry.bytesDown = attempt.statistics.bytesDown
            entry.versionsUp = attempt.statistics.versionsUp
            entry.versionsDown = attempt.statistics.versionsDown
            return entry
        }
        if let entry { await keep(entry, on: host, isFirst: false) }
    }

    private func keep(_ entry: SessionEntry, on host: AgentHost, isFirst: Bool) async {
        try? await host.run { [self] store in
            guard let keeper = store as? any SessionKeeper else { return }
            if isFirst {
                // A short session may be over by now, and its end written.
                guard current.withLock({ $0?.began }) == entry.began else { return }
                try keeper.loseOpenSessions()
            }
            try keeper.keep([entry])
        }
    }
}
