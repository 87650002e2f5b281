import Dispatch
import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Tells when something is written in a branch's folder, by whatever program, so that nobody looks again and
/// again.
///
/// Not every system tells, nor every file system: who waits for it looks by itself as well, now and then once
/// it has told of something, often before.
final class StoreWatch: Sendable {
    private let told = Atomic(false)
    /// May be cancelled from any thread.
    nonisolated(unsafe) private let source: (any DispatchSourceRead)?

    /// Whether it has told of anything here. Each session writes something, so it does where it can.
    var hasTold: Bool { told.load(ordering: .relaxed) }

    /// - Parameter changed: called from any thread; many writes may be one call.
    init(folder: String, changed: @escaping @Sendable () -> Void) {
        guard let descriptor = StoreWatch.open(folder) else {
            source = nil
            return
        }
        let queue = DispatchQueue(label: "agent.watch")
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        self.source = source
        source.setEventHandler { [weak self] in
            StoreWatch.drain(descriptor)
            self?.told.store(true, ordering: .relaxed)
            changed()
        }
        source.setCancelHandler { close(descriptor) }
        source.resume()
    }

    deinit { source?.cancel() }

    /// - Returns: nil where the system has no such thing, or no more of them.
    private static func open(_ folder: String) -> Int32? {
        #if os(Linux)
            let descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
            guard descriptor >= 0 else { return nil }
            // A program that closes what it wrote has committed it.
            let events = UInt32(IN_MODIFY | IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO)
            guard inotify_add_watch(descriptor, folder, events) >= 0 else {
                close(descriptor)
                return nil
            }
            return descriptor
        #else
            return nil
        #endif
    }

    /// What changed is found in the store; that there were too many changes to name is a change, too.
    private static func drain(_ descriptor: Int32) {
        withUnsafeTemporaryAllocation(byteCount: 4_096, alignment: 8) { buffer in
            while read(descriptor, buffer.baseAddress, buffer.count) > 0 {}
        }
    }
}

/// Wakes the one who waits; a ring while nobody waits is heard by the next who does.
final class Bell: Sendable {
    private struct State {
        var isRung = false
        var sleeper: Task<Void, Never>?
    }

    private let state = Mutex(State())

    func ring() {
        let sleeper = state.withLock { state in
            state.isRung = true
            return state.sleeper
        }
        sleeper?.cancel()
    }

    /// Returns when it rings, at the latest after `limit`, and when the task is cancelled.
    ///
    /// - Returns: whether it rang.
    @discardableResult func wait(atMost limit: Duration) async -> Bool {
        let sleeper = Task { _ = try? await Task.sleep(for: limit) }
        let isRung = state.withLock { state in
            state.sleeper = sleeper
            return state.isRung
        }
        if isRung { sleeper.cancel() }
        await withTaskCancellationHandler {
            await sleeper.value
        } onCancel: {
            sleeper.cancel()
        }
        return state.withLock { state in
            guard state.sleeper == sleeper else { return false }
            defer { state = State() }
            return state.isRung
        }
    }
}
