import GRDB
import GRDBSQLite
import Glibc
import SyncStore
import Synchronization

/// Which of the two stores a file holds.
enum StoreKind: String {
    case agent
    case hub

    var ballastBytes: Int { self == .agent ? Ballast.agentBytes : Ballast.hubBytes }
    /// Pages of 4 KiB in the write-ahead log from which on it is taken over into the database.
    var logPages: Int32 { self == .agent ? 250 : 1_000 }
}

/// What a transaction is for, when room is short.
enum StoreClaim {
    /// Refused while the ballast is not whole.
    case routine
    /// Takes the ballast's room when there is no other, but for what is kept for acts.
    case vital
    /// What a person must be able to do at any time, such as revoking a device: takes the last of it.
    case act
}

/// One step of a store's tables. Numbered by its place in the list; only ever appended to.
struct StoreMigration: Sendable {
    let run: @Sendable (Database) throws -> Void

    init(_ run: @escaping @Sendable (Database) throws -> Void) { self.run = run }
    init(sql: String) { run = { try $0.execute(sql: sql) } }
}

/// How a store is opened.
public enum OpeningMode: Sendable {
    /// Makes the store; throws `already_exists` when there is one.
    case create
    case open
    /// Makes the store or opens the one that is there.
    case openOrCreate
    /// Only reads: for tools beside a running program.
    case readOnly
}

/// An open SQLite file with verified durability, of one kind and a known format.
final class StoreDatabase {
    let health = StoreHealth()
    let ballast: Ballast
    private let queue: DatabaseQueue
    private let logPath: String
    /// The ballast has lent room.
    private var hasBorrowed: Bool
    var logPages: Int32
    private let log = LogMeter()
    /// Bytes of a log that is not worth being taken over for the room it takes.
    private static let shortLog = 256 << 10
    /// The last routine work found no room.
    private var wasFull = false

    /// - Throws: `StoreError` with `not_a_store`, `too_new`, `too_old`, `already_exists`, `in_use`,
    ///   `disk_full`, `sync_failed`.
    ///
    /// - Parameter complete: writes, in the transaction that makes the tables of a new store, what
    ///   belongs to it.
    init(
        folder: String, kind: StoreKind, migrations: [StoreMigration], mode: OpeningMode,
        complete: (Database) throws -> Void = { _ in }
    ) throws {
        let path = DatabaseFolder.file(in: folder)
        logPath = path + "-wal"
        let isThere = DatabaseFolder.holdsStore(folder)
        logPages = kind.logPages
        let ballast = Ballast(folder: folder, bytes: kind.ballastBytes)
        self.ballast = ballast
        switch mode {
        case .open where !isThere, .readOnly where !isThere:
            throw StoreError(.notAStore, "the folder holds no store")
        case .readOnly: break
        case .create, .open, .openOrCreate:
            try DatabaseFolder.make(folder)
            if !isThere, try !ballast.make() {
                ballast.remove()
                throw StoreError(
                    .noRoomToBegin, ballast.bytesToBegin, file: folder)
            }
            try DatabaseFolder.makePrivateFile(path)
        }
        var isMigrating = false
        (queue, hasBorrowed) = try StoreDatabase.opened(
            path, mode: mode, isNew: !isThere, ballast: ballast,
            share: { isMigrating ? ballast.bytes : Ballast.opening }
        ) { queue in
            if mode == .readOnly {
                _ = try StoreDatabase.look(queue) {
                    let format = try StoreDatabase.check($0, kind: kind, newest: migrations.count)
                    guard format == migrations.count else {
                        throw StoreError(.tooOld, "format \(format) of \(migrations.count)")
                    }
                }
            } else {
                try queue.writeWithoutTransaction(StoreDatabase.makeDurable)
                try queue.writeWithoutTransaction { database in
                    try database.inTransaction(.immediate) {
                        let isNew = try StoreDatabase.migrate(
                            database, kind: kind, migrations: migrations, mode: mode,
                            isMigrating: &isMigrating)
                        if isNew { try complete(database) }
                        return .commit
                    }
                }
            }
        }
        guard mode != .readOnly else { return }
        // Where it cannot be made, whoever writes something routine is told.
        _ = try? ballast.make()
        queue.writeWithoutTransaction { log.watch($0) }
    }

    deinit {
        guard hasBorrowed else { return }
        // What opening took is free again, and goes back before others take it.
        try? queue.close()
        _ = try? ballast.make(leaving: 0)
    }

    /// Stays open until the process ends, and is not closed then, while its log is short.
    func leaveOpen() {
        // What was borrowed goes back when it is closed; and so does a log that grew.
        var found = stat()
        guard !hasBorrowed, stat(logPath, &found) == 0, found.st_size < Int(logPages) * 4_096 else {
            return
        }
        StoreDatabase.left.withLock { $0.append(Left(database: self)) }
    }

    private struct Left: Sendable {
        /// Nobody touches it any more.
        nonisolated(unsafe) let database: StoreDatabase
    }

    private static let left = Mutex<[Left]>([])

    /// Opens the file. Where a full disk has no room even for SQLite's shared memory, the ballast lends some:
    /// who asks how things stand, or has something urgent to say, must get in.
    ///
    /// - Parameter share: how much it lends at a time; what has been lent goes back when it was not enough.
    private static func opened(
        _ path: String, mode: OpeningMode, isNew: Bool, ballast: Ballast, share: () -> Int,
        _ prepare: (DatabaseQueue) throws -> Void
    ) throws -> (DatabaseQueue, hasBorrowed: Bool) {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(5)
        configuration.label = "rollcall"
        if mode == .readOnly {
            configuration.readonly = true
        } else {
            configuration.journalMode = .wal
        }
        var hasBorrowed = false
        while true {
            do {
                let queue = try StoreError.mapping {
                    let queue = try DatabaseQueue(path: path, configuration: configuration)
                    try prepare(queue)
                    return queue
                }
                return (queue, hasBorrowed)
            } catch let error as StoreError {
                if mode == .readOnly, error.code == .denied, let still = StillFile(path) {
                    let queue = try StoreError.mapping { try still.open(configuration) }
                    try prepare(queue)
                    return (queue, false)
                }
                guard ballast.isShort(by: error) else { throw DatabaseFolder.explained(error, of: path) }
                guard ballast.lend(share(), keeping: 0) else {
                    if hasBorrowed { _ = try? ballast.make(leaving: 0) }
                    if isNew { throw StoreError(.noRoomToBegin, ballast.bytesToBegin, file: path) }
                    throw StoreError(.diskFull, error.context, file: path)
                }
                hasBorrowed = true
            }
        }
    }

    private static func look<Result>(
        _ queue: DatabaseQueue, _ body: (Database) throws -> Result
    ) throws -> Result {
        try queue.writeWithoutTransaction { database in
            var result: Result?
            try database.inTransaction(.deferred) {
                result = try body(database)
                return .commit
            }
            guard let result else { throw StoreError(.inputOutput, "transaction without a result") }
            return result
        }
    }

    /// GRDB turns `synchronous` down in WAL after its own preparation; a commit must outlive a power cut.
    private static func makeDurable(_ database: Database) throws {
        try database.execute(sql: "PRAGMA synchronous = FULL")
        // What SQLite puts aside while it works must not need room on a disk.
        try database.execute(sql: "PRAGMA temp_store = MEMORY")
        // What is purged must not stand in free pages.
        try database.execute(sql: "PRAGMA secure_delete = ON")
        let level = try Int.fetchOne(database, sql: "PRAGMA synchronous")
        let journal = try String.fetchOne(database, sql: "PRAGMA journal_mode")
        guard level == 2, journal == "wal" else {
            throw StoreError(.unfit, "synchronous \(level ?? -1), journal \(journal ?? "none")")
        }
    }

    /// - Parameter isMigrating: set when tables that are there change: that may take as long as there is to
    ///   read, so that it is tried once with all that the ballast has, and not again for each little.
    /// - Returns: whether the tables are new.
    private static func migrate(
        _ database: Database, kind: StoreKind, migrations: [StoreMigration], mode: OpeningMode,
        isMigrating: inout Bool
    ) throws -> Bool {
        let isNew = try !database.tableExists("meta")
        if !isNew {
            if mode == .create { throw StoreError(.alreadyExists, "the folder holds a store") }
        } else {
            guard mode != .open else { throw StoreError(.notAStore, "the store was never finished") }
            guard try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master") == 0 else {
                throw StoreError(.notAStore, "another program's database")
            }
            try database.execute(
                sql: """
                    CREATE TABLE meta (name TEXT PRIMARY KEY NOT NULL, value NOT NULL) WITHOUT ROWID;
                    INSERT INTO meta VALUES ('kind', '\(kind.rawValue)'), ('format', 0);
                    """)
        }
        let format = try check(database, kind: kind, newest: migrations.count)
        isMigrating = !isNew && format < migrations.count
        for number in format..<migrations.count {
            try migrations[number].run(database)
            try database.execute(sql: "UPDATE meta SET value = \(number + 1) WHERE name = 'format'")
        }
        return isNew
    }

    /// - Returns: the number of migrations that the file has been through.
    private static func check(_ database: Database, kind: StoreKind, newest: Int) throws -> Int {
        guard try database.tableExists("meta"),
            try String.fetchOne(database, sql: "SELECT value FROM meta WHERE name = 'kind'") == kind.rawValue,
            let format = try Int.fetchOne(database, sql: "SELECT value FROM meta WHERE name = 'format'"),
            format >= 0
        else { throw StoreError(.notAStore, "no \(kind.rawValue) store") }
        guard format <= newest else { throw StoreError(.tooNew, "format \(format), known are \(newest)") }
        return format
    }

    // MARK: - Transactions

    /// One durable transaction. It takes the write lock at the start, so that what is read in it still holds
    /// when it is written, whatever other processes do.
    ///
    /// - Parameter claim: asked when the body has run, or could not; `body` runs again when the ballast had
    ///   to make room.
    func write<Result>(claim: () -> StoreClaim, _ body: (Database) throws -> Result) throws -> Result {
        try withRoom(claim: claim) {
            try transaction(.immediate) { database in
                let result = try body(database)
                if claim() == .routine { try requireRoom() }
                return result
            }
        }
    }

    /// Reads one consistent state.
    func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try transaction(.deferred, body)
    }

    private func transaction<Result>(
        _ kind: Database.TransactionKind, _ body: (Database) throws -> Result
    ) throws -> Result {
        try health.check()
        return try queue.writeWithoutTransaction { database in
            var isCommitting = false
            do {
                var result: Result?
                try database.inTransaction(kind) {
                    result = try body(database)
                    isCommitting = true
                    return .commit
                }
                guard let result else { throw StoreError(.inputOutput, "transaction without a result") }
                if kind == .immediate, let connection = database.sqliteConnection {
                    try checkpoint(connection)
                }
                return result
            } catch let error as DatabaseError {
                let system = database.sqliteConnection.map { sqlite3_system_errno($0) } ?? 0
                let path = DatabaseFolder.file(in: ballast.folder)
                let found = DatabaseFolder.explained(StoreError(error, systemError: system), of: path)
                throw health.judge(found, isCommitting: isCommitting)
            }
        }
    }

    /// For work outside a transaction: checkpoints, backups, pragmas.
    func outsideTransaction<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try health.check()
        return try StoreError.mapping { try queue.writeWithoutTransaction(body) }
    }

    // MARK: - Room

    /// Tries again once when the store's own log gave room back, and then for as long as the disk is full,
    /// the work vital, and the ballast has something to give.
    func withRoom<Result>(claim: () -> StoreClaim, _ attempt: () throws -> Result) throws -> Result {
        var hasShrunk = false
        while true {
            do {
                let result = try attempt()
                if claim() == .routine { wasFull = false }
                return result
            } catch let error as StoreError where error.code == .diskFull {
                wasFull = true
                let isShorter = try shrinkLog()
                if isShorter && !hasShrunk {
                    hasShrunk = true
                    continue
                }
                let claim = claim()
                guard claim != .routine,
                    ballast.lend(ballast.share, keeping: claim == .act ? 0 : ballast.last)
                else { throw error }
                hasBorrowed = true
            }
        }
    }

    /// Frees some room for what an act writes beside the store; where there is none it is told then.
    func makeRoomForAct() {
        guard ballast.room < UInt64(Ballast.opening) else { return }
        if ballast.lend(Ballast.opening, keeping: 0) { hasBorrowed = true }
    }

    /// What is routine must not eat the room that the ballast has made.
    func requireRoom() throws {
        guard try ballast.makeOrSayWhy() else {
            throw StoreError(.diskFull, "the disk is full and the ballast in use: only urgent work is taken")
        }
    }

    /// How much room there is; makes the ballast whole again where it can.
    var storage: StorageState {
        guard let isWhole = try? ballast.make() else { return .noBallast }
        guard isWhole else { return .ballastInUse }
        let wanted = wasFull ? UInt64(ballast.bytes) : Ballast.margin
        return ballast.room < wanted ? .full : .ample
    }

    // MARK: - The write-ahead log

    /// Takes a long log over into the database. SQLite would do so by itself, and keep a failing sync to
    /// itself.
    ///
    /// - Throws: `StoreError(.syncFailed)`. A lack of room is no error: the log keeps everything meanwhile.
    func checkpoint(_ connection: OpaquePointer) throws {
        guard log.pages >= logPages, roomLackingToCheckpoint(connection) == 0 else { return }
        let code = sqlite3_wal_checkpoint_v2(connection, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil)
        guard code != SQLITE_OK else { return }
        let error = StoreError(connection: connection, "checkpoint")
        if error.code == .diskFull || error.code == .inUse { return }
        throw health.judge(error, isCommitting: true)
    }

    /// Takes the whole log over into the database and cuts it off: older pages stood in it. Where others read
    /// just now it stays.
    func emptyLog() throws {
        try outsideTransaction { database in
            guard let connection = database.sqliteConnection else { return }
            try emptyLog(connection)
        }
    }

    func emptyLog(_ connection: OpaquePointer) throws {
        guard sqlite3_get_autocommit(connection) != 0, roomLackingToCheckpoint(connection) == 0 else {
            return
        }
        let code = sqlite3_wal_checkpoint_v2(connection, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
        guard code != SQLITE_OK else { return }
        let error = StoreError(connection: connection, "checkpoint")
        if error.code == .diskFull || error.code == .inUse { return }
        throw health.judge(error, isCommitting: true)
    }

    /// Gives back what the log takes on a full disk: on a small one it may be all that fills it, and a large
    /// transaction that found no room leaves a long one behind.
    ///
    /// - Returns: whether the log is shorter now.
    private func shrinkLog() throws -> Bool {
        try queue.writeWithoutTransaction { database in
            guard let connection = database.sqliteConnection, sqlite3_get_autocommit(connection) != 0,
                let path = sqlite3_db_filename(connection, "main")
            else { return false }
            let log = String(cString: path) + "-wal"
            var before = stat()
            guard stat(log, &before) == 0, before.st_size > StoreDatabase.shortLog else { return false }
            // What the database grows by lies in the log already: the ballast gets back what it lends.
            let lacking = roomLackingToCheckpoint(connection)
            if lacking > 0 {
                guard lacking < ballast.bytes, ballast.lend(lacking, keeping: ballast.last) else {
                    return false
                }
            }
            defer { if lacking > 0 { _ = try? ballast.make(leaving: 0) } }
            let code = sqlite3_wal_checkpoint_v2(connection, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
            guard code == SQLITE_OK else {
                let error = StoreError(connection: connection, "checkpoint")
                if error.code == .diskFull || error.code == .inUse { return false }
                throw health.judge(error, isCommitting: true)
            }
            var after = stat()
            return stat(log, &after) == 0 && after.st_size < before.st_size
        }
    }

    /// Bytes that are wanting for the whole log to be taken over. A checkpoint that stops half way would
    /// leave the log where it is and the room taken.
    private func roomLackingToCheckpoint(_ connection: OpaquePointer) -> Int {
        var found = stat()
        guard let path = sqlite3_db_filename(connection, "main"), stat(path, &found) == 0 else { return .max }
        let whole = Int64(log.databasePages(connection)) * Int64(LogMeter.pageBytes)
        return Int(max(0, whole - Int64(found.st_size) - Int64(clamping: ballast.room)))
    }
}

/// How long the write-ahead log is, as SQLite tells after each commit.
private final class LogMeter {
    static let pageBytes = 4_096
    private(set) var pages: Int32 = 0

    /// Takes the place of SQLite's own checkpoints.
    func watch(_ database: Database) {
        guard let connection = database.sqliteConnection else { return }
        sqlite3_wal_hook(
            connection,
            { meter, _, _, pages in
                guard let meter else { return SQLITE_OK }
                Unmanaged<LogMeter>.fromOpaque(meter).takeUnretainedValue().pages = pages
                return SQLITE_OK
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Pages of the database, with those that are in the log only.
    func databasePages(_ connection: OpaquePointer) -> Int64 {
        var statement: OpaquePointer?
        defer { sqlite3_finalize(statement) }
        guard sqlite3_prepare_v2(connection, "PRAGMA page_count", -1, &statement, nil) == SQLITE_OK,
            sqlite3_step(statement) == SQLITE_ROW
        else { return 0 }
        return sqlite3_column_int64(statement, 0)
    }
}
