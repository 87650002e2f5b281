import Glibc
import SyncStore

/// Keeps a second `serve` or `sync` off the same store. The kernel lets go of it when the process ends,
/// however.
public final class SessionLock {
    private let descriptor: Int32

    /// Takes the lock of the store in `folder` at once.
    ///
    /// - Throws: `StoreError(.inUse)` when another holder lives, in this process or another; `.notAStore`
    ///   when there is no such folder.
    public init(folder: String) throws {
        let descriptor = open(folder + "/session.lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            let reason = errno
            if reason == ENOENT || reason == ENOTDIR { throw StoreError(.notAStore, folder) }
            throw StoreError(systemError: reason, "opening the session lock")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            close(descriptor)
            if reason == EWOULDBLOCK { throw StoreError(.inUse, "another program runs on this store") }
            throw StoreError(systemError: reason, "taking the session lock")
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
