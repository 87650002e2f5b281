import Foundation
import Glibc
import SQLiteStore
import SyncStore

/// The file beside the store that says where the audit log ends. It is written in its place, and so also on a
/// full disk.
struct AuditEndFile: Sendable {
    static let name = "audit.head"

    private let path: String
    /// It is no longer than this.
    private static let size = 1_024

    init(in folder: String) { path = folder + "/" + AuditEndFile.name }

    var keeper: AuditEndKeeper {
        AuditEndKeeper(load: load, save: save)
    }

    func remove() { unlink(path) }

    private func load() -> [UInt8]? {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: AuditEndFile.size)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        return count > 0 ? Array(bytes.prefix(count)) : nil
    }

    private func save(_ end: () -> [UInt8]?) {
        guard let descriptor = try? DatabaseFolder.openPlain(path) else { return }
        defer { close(descriptor) }
        // One process at a time, and the last one asks last.
        guard flock(descriptor, LOCK_EX) == 0, let bytes = end() else { return }
        var found = stat()
        let isNew = fstat(descriptor, &found) == 0 && found.st_size == 0
        if found.st_mode & 0o777 != 0o600 { fchmod(descriptor, 0o600) }
        guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count, fdatasync(descriptor) == 0 else {
            return
        }
        if found.st_size > bytes.count { ftruncate(descriptor, off_t(bytes.count)) }
        guard isNew, let slash = path.lastIndex(of: "/") else { return }
        let folder = Glibc.open(String(path[..<slash]), O_RDONLY | O_CLOEXEC)
        fsync(folder)
        close(folder)
    }
}
