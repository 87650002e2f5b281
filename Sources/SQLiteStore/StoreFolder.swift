import Glibc

/// The files beside a store, looked at and never touched.
public struct StoreFolder {
    /// What the file system says of a file.
    public struct Facts {
        public var mode: UInt32
        public var owner: UInt32
        public var size: Int64
        public var inode: UInt64
    }

    public let path: String

    public init(_ path: String) { self.path = path }

    /// Whether a `serve` or `sync` holds the session lock. It is only read who has locks: taking it to see,
    /// even for a moment, would be in the way of a program that begins just then.
    public var isServed: Bool {
        guard let file = facts("session.lock") else { return false }
        let inode = ":\(file.inode)"
        return StoreFolder.text("/proc/locks").split(separator: "\n").contains { line in
            let parts = line.split(separator: " ")
            return parts.contains("FLOCK") && parts.contains("WRITE")
                && parts.contains { $0.hasSuffix(inode) }
        }
    }

    private static func text(_ path: String) -> String {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return "" }
        defer { close(file) }
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while all.count < 1 << 22 {
            let count = read(file, &buffer, buffer.count)
            guard count > 0 else { break }
            all += buffer.prefix(count)
        }
        return String(decoding: all, as: UTF8.self)
    }

    public func has(_ name: String) -> Bool { access(path + "/" + name, F_OK) == 0 }

    public var mayEnter: Bool { access(path, X_OK) == 0 }

    /// Nil when there is no such file; of the folder itself for an empty name.
    public func facts(_ name: String) -> Facts? {
        var found = stat()
        guard lstat(name.isEmpty ? path : path + "/" + name, &found) == 0 else { return nil }
        return Facts(
            mode: UInt32(found.st_mode), owner: UInt32(found.st_uid), size: Int64(found.st_size),
            inode: UInt64(found.st_ino))
    }

    /// Bytes that the file system would give to this user.
    public var room: UInt64 {
        var found = statvfs()
        guard statvfs(path, &found) == 0 else { return 0 }
        return UInt64(found.f_bavail) * UInt64(found.f_frsize)
    }

    /// Who runs this.
    public static var user: UInt32 { UInt32(getuid()) }
}
