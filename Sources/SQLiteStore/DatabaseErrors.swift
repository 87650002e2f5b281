import GRDB
import GRDBSQLite
import Glibc
import SyncStore

extension StoreError {
    /// Puts what SQLite says into the store's words.
    ///
    /// - Parameters:
    ///   - extended: the extended result code.
    ///   - systemError: `errno` of the last failed system call, when known.
    ///   - words: SQLite's message. It names tables and columns at most; a statement's values are never
    /// in it.
    init(sqlite extended: Int32, systemError: Int32, _ words: String) {
        let cause = StoreError.code(ofSystemError: systemError)
        let code: StoreError.Code
        switch extended & 0xff {
        case SQLITE_FULL: code = .diskFull
        case SQLITE_BUSY, SQLITE_LOCKED: code = .inUse
        // A file of that name that does not begin as a database: its first bytes are damaged.
        case SQLITE_NOTADB: code = .corrupt
        // What a sync that failed had been given may be on the disk or not, and asking again proves
        // nothing.
        case SQLITE_IOERR where StoreError.isSync(extended): code = .syncFailed
        // Making or growing the shared-memory file is where a disk without any room left is noticed first;
        // but whatever fails there has this code.
        case SQLITE_IOERR where extended == StoreError.sharedMemorySize: code = cause ?? .diskFull
        case SQLITE_IOERR: code = cause ?? .deviceFailed
        case SQLITE_CANTOPEN: code = cause ?? .denied
        case SQLITE_READONLY, SQLITE_PERM: code = .denied
        default: code = .corrupt
        }
        let number: Int32 =
            switch extended & 0xff {
            case SQLITE_FULL: ENOSPC
            case SQLITE_IOERR, SQLITE_CANTOPEN: cause == nil ? 0 : systemError
            // The number is of something that went before.
            default: 0
            }
        self.init(code, "SQLite \(extended): \(words)", systemError: number)
    }

    init(_ error: DatabaseError, systemError: Int32 = 0) {
        self.init(
            sqlite: error.extendedResultCode.rawValue, systemError: systemError, error.message ?? "no words")
    }

    /// What the connection says of its last failure.
    init(connection: OpaquePointer, _ doing: String) {
        let words = sqlite3_errmsg(connection).map { String(cString: $0) } ?? "no words"
        self.init(
            sqlite: sqlite3_extended_errcode(connection), systemError: sqlite3_system_errno(connection),
            "\(doing): \(words)")
        if let path = sqlite3_db_filename(connection, "main") { file = String(cString: path) }
    }

    /// Puts an `errno` into the store's words.
    init(systemError: Int32, _ doing: String, file: String) {
        self.init(
            StoreError.code(ofSystemError: systemError) ?? .denied,
            "\(doing): \(String(cString: strerror(systemError)))", file: file, systemError: systemError)
    }

    /// What a failed call of the system comes to; nil when its number does not say.
    static func code(ofSystemError systemError: Int32) -> StoreError.Code? {
        switch systemError {
        case ENOSPC, EDQUOT: .diskFull
        case EIO, ENXIO, ENODEV, EREMOTEIO, ESTALE, EUCLEAN, EBADMSG, ENOMEDIUM: .deviceFailed
        case EACCES, EPERM, EROFS: .denied
        case EISDIR, ELOOP: .notAFile
        default: nil
        }
    }

    /// The system has said itself that there is no room, or SQLite that a write was short.
    var isSurelyOfRoom: Bool { systemError == ENOSPC || systemError == EDQUOT }

    /// Runs `body` and lets nothing of SQLite's own errors out.
    static func mapping<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError {
            // The connection that failed is not at hand, and may never have been there.
            throw StoreError(error, systemError: errno)
        }
    }

    /// C writes the extended codes as sums that Swift does not import.
    private static let sharedMemorySize = SQLITE_IOERR | 19 << 8

    private static func isSync(_ extended: Int32) -> Bool {
        let fileSync = SQLITE_IOERR | 4 << 8
        let folderSync = SQLITE_IOERR | 5 << 8
        return extended == fileSync || extended == folderSync
    }
}

/// Whether a store may be believed. A sync or a commit that failed leaves open what is durable: from then on
/// the store refuses everything, until it is opened anew and reads what is really there.
final class StoreHealth {
    private var lost: StoreError?
    /// Out of a commit these leave open what was written.
    private static let unclear: Set<StoreError.Code> = [
        .inputOutput, .deviceFailed, .denied, .notAFile, .corrupt,
    ]

    func check() throws {
        if let lost { throw lost }
    }

    /// Takes note of a failure, and gives the error to throw.
    ///
    /// - Parameter isCommitting: it came out of COMMIT or of a checkpoint.
    func judge(_ error: any Error, isCommitting: Bool = false) -> any Error {
        guard let error = error as? StoreError else { return error }
        var found = error
        if isCommitting, StoreHealth.unclear.contains(error.code) { found.code = .syncFailed }
        if found.code == .syncFailed, lost == nil { lost = found }
        return lost ?? found
    }
}
