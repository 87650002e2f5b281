import GRDB
import GRDBSQLite
import Glibc
import SyncStore

extension StoreError {
    /// Puts what SQLite says into the store's words.
    ///
    /// - Parameter systemError: `errno` of the last failed system call, when known.
    init(_ error: DatabaseError, systemError: Int32 = 0) {
        let code: StoreError.Code
        switch error.resultCode {
        case .SQLITE_FULL: code = .diskFull
        case .SQLITE_BUSY, .SQLITE_LOCKED: code = .inUse
        case .SQLITE_NOTADB: code = .notAStore
        case .SQLITE_CORRUPT: code = .corrupt
        // Making or growing the shared-memory file is where a disk without any room left is noticed first.
        case .SQLITE_IOERR where error.extendedResultCode == .SQLITE_IOERR_SHMSIZE: code = .diskFull
        default: code = systemError == ENOSPC || systemError == EDQUOT ? .diskFull : .inputOutput
        }
        // The message names tables and columns at most; the statement's values are never in it.
        self.init(code, "SQLite \(error.extendedResultCode.rawValue): \(error.message ?? "no words")")
    }

    /// Puts an `errno` into the store's words.
    init(systemError: Int32, _ doing: String) {
        let code: StoreError.Code = systemError == ENOSPC || systemError == EDQUOT ? .diskFull : .inputOutput
        self.init(code, "\(doing): \(String(cString: strerror(systemError)))")
    }

    /// Runs `body` and lets nothing of SQLite's own errors out.
    static func mapping<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as DatabaseError {
            throw StoreError(error)
        }
    }
}
