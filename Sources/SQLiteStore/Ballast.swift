import Glibc
import SyncStore

/// A file that does nothing but take up room, so that urgent work still finds some on a full disk.
///
/// It lies beside the store, and whether it is whole says to every process how things stand: while it is not,
/// routine work is refused. Whoever wants to write something routine makes it whole first, when there is
/// room.
struct Ballast: Sendable {
    /// For a branch: an alert takes some 50 KiB in the log and as much in the database, and the log stays
    /// below 1 MiB.
    static let agentBytes = 2 << 20
    /// For a hub: batches of many branches, and a log of up to 4 MiB.
    static let hubBytes = 8 << 20
    /// What opening a store takes: SQLite's shared memory, and the beginnings of a log.
    static let opening = 64 << 10
    /// What is lent at a time to a transaction: a sixteenth of it.
    var share: Int { bytes / 16 }
    /// What a hub keeps of it for acts of people, however much is urgent: who would fill the disk must not
    /// keep himself from being revoked.
    var last: Int { bytes >= Ballast.hubBytes ? share : 0 }
    /// Less room than this beside a whole ballast is said to be a full disk.
    static let margin: UInt64 = 256 << 10

    private let path: String
    let folder: String
    let bytes: Int

    init(folder: String, bytes: Int) {
        self.folder = folder
        self.bytes = bytes
        path = folder + "/ballast"
    }

    /// Bytes that the file really has; a file with holes has none, nor has anything else in its place.
    private var size: Int {
        var found = stat()
        guard lstat(path, &found) == 0, found.st_mode & S_IFMT == S_IFREG,
            found.st_blocks * 512 >= found.st_size
        else { return 0 }
        return Int(found.st_size)
    }

    var isWhole: Bool { size >= bytes }

    /// Bytes that the file system would give to this user.
    var room: UInt64 {
        var found = statvfs()
        guard statvfs(folder, &found) == 0 else { return 0 }
        return UInt64(found.f_bavail) * UInt64(found.f_frsize)
    }

    /// Makes the file as large as there is room for, so that others do not take what was lent for a moment.
    ///
    /// - Parameter margin: bytes that stay free.
    /// - Returns: whether it is whole now; when it is not, there was no room.
    /// - Throws: `StoreError` for everything but a lack of room: the disk fails, the file may not be written,
    ///   or something else stands in its place.
    @discardableResult func make(leaving margin: UInt64 = Ballast.margin) throws -> Bool {
        let size = size
        if size >= bytes { return true }
        let room = room
        let gain = room > margin ? Int(clamping: (room - margin) & ~4_095) : 0
        guard gain > 0 else { return false }
        do {
            let descriptor = try DatabaseFolder.openPlain(path)
            defer { close(descriptor) }
            guard fchmod(descriptor, 0o600) == 0 else {
                throw StoreError(systemError: errno, "closing the ballast to others", file: path)
            }
            let reason = posix_fallocate(descriptor, 0, off_t(min(bytes, size + gain)))
            if reason != 0 {
                // Somebody else took the room meanwhile: what was had of it is given back.
                _ = ftruncate(descriptor, off_t(size))
                throw StoreError(systemError: reason, "making the ballast", file: path)
            }
        } catch let error as StoreError where error.code == .diskFull {
            return false
        }
        return isWhole
    }

    /// As `make`, for routine work, which may not go on without it.
    func makeOrSayWhy() throws -> Bool {
        do {
            return try make()
        } catch var error as StoreError where error.code == .denied || error.code == .notAFile {
            error.code = .noBallast
            throw error
        }
    }

    /// What a new store takes, for people.
    var bytesToBegin: String { "\((bytes >> 20) + 1) MiB" }

    /// Whether this failure is for want of room, so that what the ballast lends may help.
    func isShort(by error: StoreError) -> Bool {
        switch error.code {
        // SQLite tells a full disk and other failures apart by a number that is not always there.
        case .diskFull: error.isSurelyOfRoom || room < UInt64(Ballast.opening)
        case .deviceFailed, .denied: error.systemError == 0 && room == 0
        default: false
        }
    }

    /// Takes away what was made for a store that does not come to be.
    func remove() { unlink(path) }

    /// Gives a part back to the file system: no more than is needed, because others fill what is free.
    ///
    /// - Parameter rest: bytes that stay.
    /// - Returns: false when there was nothing to give.
    func lend(_ wanted: Int, keeping rest: Int) -> Bool {
        let size = size
        guard size > rest, let descriptor = try? DatabaseFolder.openPlain(path) else { return false }
        defer { close(descriptor) }
        return ftruncate(descriptor, off_t(max(rest, size - wanted))) == 0
    }
}
