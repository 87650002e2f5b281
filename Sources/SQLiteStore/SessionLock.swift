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
        let path = folder + "/session.lock"
        let descriptor: Int32
        do {
            descriptor = try DatabaseFolder.openPlain(path)
        } catch let error as StoreError where [ENOENT, ENOTDIR].contains(error.systemError) {
            throw StoreError(.notAStore, folder)
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            close(descriptor)
            if reason == EWOULDBLOCK { throw StoreError(.inUse, "another program runs on this store") }
            throw StoreError(systemError: reason, "taking the session lock", file: path)
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }
}
