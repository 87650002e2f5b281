import GRDBSQLite
import Glibc
public import SyncCore
import SyncStore

/// Backups of a hub's store, and what a store is told that was put back from one.
extension SQLiteHubStore {
    /// Writes the store as it stands to a new file, while others may go on writing, and keeps how far each
    /// origin is now backed up.
    ///
    /// - Throws: `StoreError(.alreadyExists)` when the file is there; nothing is left of one that failed.
    public func backUp(to path: String, now: Milliseconds) throws {
        guard access(path, F_OK) != 0 else { throw StoreError(.alreadyExists, "backup", file: path) }
        let part = path + ".part"
        unlink(part)
        try DatabaseFolder.makePrivateFile(part)
        let reached: [(number: Int64, settled: UInt64)]
        do {
            reached = try copy(to: part)
            try SQLiteHubStore.sync(part)
        } catch {
            unlink(part)
            throw error
        }
        guard rename(part, path) == 0 else {
            let reason = errno
            unlink(part)
            throw StoreError(systemError: reason, "naming the backup", file: path)
        }
        try SQLiteHubStore.sync(path.lastIndex(of: "/").map { String(path[...$0]) } ?? ".")
        try connection.write {
            for (number, settled) in reached {
                guard var origin = try origin(try originID(number)), origin.settled >= settled else {
                    continue
                }
                origin.backedUp = settled
                try save(origin)
            }
            try act(IdentityAudit.backedUp, detail: "", at: now)
        }
    }

    /// - Returns: how far each origin is settled in the copy.
    private func copy(to path: String) throws -> [(number: Int64, settled: UInt64)] {
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(path, &opened, SQLITE_OPEN_READWRITE, nil)
        defer { sqlite3_close_v2(opened) }
        guard code == SQLITE_OK, let copy = opened else {
            throw StoreError(.inputOutput, "opening the backup", file: path)
        }
        guard let backup = sqlite3_backup_init(copy, "main", connection.handle, "main") else {
            throw HubStatement.error(sqlite3_errcode(copy), copy, "backup")
        }
        let step = sqlite3_backup_step(backup, -1)
        let end = sqlite3_backup_finish(backup)
        guard step == SQLITE_DONE, end == SQLITE_OK else {
            throw HubStatement.error(step == SQLITE_DONE ? end : step, copy, "backup")
        }
        // One file, without a log beside it.
        let mode = sqlite3_exec(copy, "PRAGMA journal_mode = DELETE", nil, nil, nil)
        guard mode == SQLITE_OK else { throw HubStatement.error(mode, copy, "backup") }
        return try HubStatement(copy, "SELECT num, max(sealed, passed) FROM origin").all {
            ($0.int(0), $0.word(1))
        }
    }

    private static func sync(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw StoreError(systemError: errno, "opening", file: path) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw StoreError(systemError: errno, "syncing", file: path) }
    }

    /// What came of telling a store that it was put back.
    public struct Restoration: Sendable, Hashable {
        /// Join codes that nobody had used: they are void.
        public var codes: Int
        /// Devices that had been revoked since.
        public var revoked: Int
    }

    /// Begins another epoch in a store that was put back from a backup.
    ///
    /// - Parameter revoked: all that were ever.
    public func restored(revoked: [Revocation], now: Milliseconds) throws -> Restoration {
        try connection.write(.vital) {
            try openEpoch(now: now)
            try connection.run("DELETE FROM invitation WHERE spent_by IS NULL")
            var restoration = Restoration(codes: Int(connection.changes), revoked: 0)
            for revocation in revoked where try replay(revocation, now: now) { restoration.revoked += 1 }
            try act(
                IdentityAudit.restored,
                detail: "codes \(restoration.codes), revoked \(restoration.revoked)", at: now)
            return restoration
        }
    }

    /// What was found out about stores that were restored, copied or put back, newest first.
    public func identityNotes(
        limit: Int
    ) throws -> [(at: Milliseconds, event: String, device: Int64?, detail: String)] {
        let events = IdentityAudit.all.map { "'\($0)'" }.joined(separator: ", ")
        return try connection.read {
            try connection.all(
                """
                SELECT at, event, device, detail FROM audit WHERE event IN (\(events))
                ORDER BY id DESC LIMIT ?
                """,
                .int(Int64(limit))
            ) { ($0.int(0), $0.text(1), $0.int(2) == 0 ? nil : $0.int(2), $0.text(3)) }
        }
    }
}
