import Glibc
import SyncStore

/// The folder that `--data` names: what lies in it, and with which rights.
enum DatabaseFolder {
    /// The store's file. SQLite puts `-wal` and `-shm` beside it with the same rights.
    static func file(in folder: String) -> String { folder + "/store.sqlite" }

    static func holdsStore(_ folder: String) -> Bool {
        access(file(in: folder), F_OK) == 0
    }

    /// Makes the folder and those above it where they are missing; the last one is the owner's alone.
    static func make(_ folder: String) throws {
        var path = folder.hasPrefix("/") ? "" : "."
        for part in folder.split(separator: "/") {
            path += "/" + part
            if mkdir(path, 0o700) != 0 && errno != EEXIST {
                throw StoreError(systemError: errno, "making the folder")
            }
        }
        var found = stat()
        guard stat(folder, &found) == 0, found.st_mode & S_IFMT == S_IFDIR else {
            throw StoreError(.notAStore, "not a folder")
        }
        if chmod(folder, 0o700) != 0 { throw StoreError(systemError: errno, "closing the folder to others") }
    }

    /// Makes an empty file that only its owner may read, whatever the umask; leaves an existing one's
    /// content.
    static func makePrivateFile(_ path: String) throws {
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError(systemError: errno, "making the store's file") }
        defer { close(descriptor) }
        if fchmod(descriptor, 0o600) != 0 {
            throw StoreError(systemError: errno, "closing the store's file to others")
        }
    }
}
