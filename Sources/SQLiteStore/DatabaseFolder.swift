import Glibc
import SyncStore

/// The folder that `--data` names: what lies in it, and with which rights.
public enum DatabaseFolder {
    /// The store's file. SQLite puts `-wal` and `-shm` beside it with the same rights.
    static func file(in folder: String) -> String { folder + "/store.sqlite" }

    static func holdsStore(_ folder: String) -> Bool {
        access(file(in: folder), F_OK) == 0
    }

    /// Makes the folder and those above it where they are missing; the last one is the owner's alone.
    ///
    /// - Throws: `StoreError` that names what could not be made.
    public static func make(_ folder: String) throws {
        var path = ""
        for part in folder.split(separator: "/") {
            path += (path.isEmpty && !folder.hasPrefix("/") ? "" : "/") + part
            if mkdir(path, 0o700) != 0 && errno != EEXIST {
                let reason = errno
                if reason == ENOTDIR { throw StoreError(.notAStore, "not a folder", file: folder) }
                throw StoreError(systemError: reason, "making the folder", file: path)
            }
        }
        var found = stat()
        guard stat(folder, &found) == 0, found.st_mode & S_IFMT == S_IFDIR else {
            throw StoreError(.notAStore, "not a folder", file: folder)
        }
        if holdsStore(folder) { return try requirePrivate(folder) }
        guard found.st_mode & 0o777 != 0o700, chmod(folder, 0o700) != 0 else { return }
        throw StoreError(systemError: errno, "closing the folder to others", file: folder)
    }

    /// What lies in a store's folder and tells of people or of who is let in; keys are looked at where they
    /// are read.
    private static let privateFiles = [
        "store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "authors.json", "unmasked.jsonl",
        "revocations.jsonl", "revocations.end", "audit.head", "hub.keys", "trap.marker", "rung.json",
    ]

    /// A store that others may look into is not gone on with, nor silently closed: somebody should know. What
    /// belongs to another user is that user's affair.
    ///
    /// - Throws: `StoreError` with `.exposed` that names the folder or file, and its mode in the context.
    static func requirePrivate(_ folder: String) throws {
        for name in [""] + privateFiles {
            let path = name.isEmpty ? folder : folder + "/" + name
            var found = stat()
            // What is no plain file is named for that, elsewhere.
            guard stat(path, &found) == 0, name.isEmpty || found.st_mode & S_IFMT == S_IFREG,
                found.st_uid == geteuid(), found.st_mode & 0o077 != 0
            else { continue }
            let mode = String(found.st_mode & 0o777, radix: 8)
            throw StoreError(.exposed, (name.isEmpty ? "700 " : "600 ") + mode, file: path)
        }
    }

    /// Makes an empty file that only its owner may read, whatever the umask; leaves an existing one's
    /// content.
    static func makePrivateFile(_ path: String) throws {
        let descriptor = try openPlain(path, isFollowingLinks: true)
        defer { close(descriptor) }
        var found = stat()
        guard fstat(descriptor, &found) == 0, found.st_mode & 0o777 != 0o600 else { return }
        if fchmod(descriptor, 0o600) != 0 {
            throw StoreError(systemError: errno, "closing the store's file to others", file: path)
        }
    }

    /// SQLite names the store alone where it could not open or write one of its files: looks which one it is.
    static func explained(_ error: StoreError, of store: String) -> StoreError {
        if error.code == .corrupt, let failure = readFailure(of: store) { return failure }
        guard error.code == .denied || error.code == .notAFile, error.file.isEmpty else {
            return error.about(store)
        }
        var error = error
        for file in [store, store + "-wal", store + "-shm"] {
            var found = stat()
            guard stat(file, &found) == 0 else { continue }
            if found.st_mode & S_IFMT != S_IFREG {
                error.code = .notAFile
                return error.about(file)
            }
        }
        let folder = store.lastIndex(of: "/").map { String(store[..<$0]) } ?? "."
        for file in [store, store + "-wal", store + "-shm", folder] where access(file, F_OK) == 0 {
            guard access(file, R_OK | W_OK) != 0 else { continue }
            error.systemError = errno
            return error.about(file)
        }
        return error.about(store)
    }

    /// So much of a file is read to see whether the disk still can.
    private static let looked = 256 << 20

    /// SQLite calls a store damaged whose disk cannot read it any more.
    private static func readFailure(of path: String) -> StoreError? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        var done = 0
        while done < looked {
            let count = pread(descriptor, &bytes, bytes.count, off_t(done))
            if count < 0 { return StoreError(systemError: errno, "reading", file: path) }
            if count == 0 { return nil }
            done += count
        }
        return nil
    }

    /// Opens a plain file of the store for reading and writing, and makes it where it is missing.
    ///
    /// - Parameter isFollowingLinks: otherwise a link in its place is refused, wherever it leads.
    /// - Throws: `StoreError` that names the file; `not_a_file` when something else stands there.
    public static func openPlain(_ path: String, isFollowingLinks: Bool = false) throws -> Int32 {
        let flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | (isFollowingLinks ? 0 : O_NOFOLLOW)
        let descriptor = open(path, flags, 0o600)
        guard descriptor >= 0 else { throw StoreError(systemError: errno, "opening", file: path) }
        var found = stat()
        guard fstat(descriptor, &found) == 0, found.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw StoreError(.notAFile, "opening", file: path)
        }
        return descriptor
    }
}
