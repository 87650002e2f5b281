import SyncCore
import SyncStore
import SyncTransport
import Synchronization

/// What became of each session, kept in memory until it is written together with others: a crowd of devices
/// costs a transaction now and then.
final class HubSessionDiary: Sendable {
    /// Entries that may wait to be written; more are left out.
    static let waiting = 4_096

    private struct State {
        var open: [ObjectIdentifier: SessionEntry] = [:]
        var changed: [SessionEntry] = []
    }

    private let state = Mutex(State())

    func opened(_ connection: HubConnection, _ session: SessionRef, _ hello: Hello, at now: Milliseconds) {
        var entry = SessionEntry(device: session.device, began: now)
        entry.isWelcomed = true
        entry.program = String(decoding: hello.program.utf8.prefix(64), as: UTF8.self)
        state.withLock { state in
            state.open[ObjectIdentifier(connection)] = entry
            HubSessionDiary.note(entry, &state)
        }
    }

    func ended(_ connection: HubConnection, _ end: ConnectionEnd, at now: Milliseconds) {
        state.withLock { state in
            guard var entry = state.open.removeValue(forKey: ObjectIdentifier(connection)) else { return }
            entry.ended = now
            entry.ending = end.code.map { $0 == 0 ? SessionEntry.done : "\($0)" } ?? "cut"
            entry.bytesUp = end.statistics.bytesUp
            entry.bytesDown = end.statistics.bytesDown
            entry.versionsUp = end.statistics.versionsUp
            entry.versionsDown = end.statistics.versionsDown
            HubSessionDiary.note(entry, &state)
        }
    }

    private static func note(_ entry: SessionEntry, _ state: inout State) {
        let known = state.changed.firstIndex { $0.device == entry.device && $0.began == entry.began }
        if let known {
            state.changed[known] = entry
        } else if state.changed.count < waiting {
            state.changed.append(entry)
        }
    }

    /// Writes what has changed. Where there is no room, it is forgotten.
    func write(with writer: HubWriter) async {
        let changed = state.withLock { state in
            defer { state.changed = [] }
            return state.changed
        }
        guard !changed.isEmpty else { return }
        try? await writer.run { try ($0 as? any SessionKeeper)?.keep(changed) }
    }
}
