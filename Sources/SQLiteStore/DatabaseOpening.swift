import GRDB
import GRDBSQLite
import SyncStore

/// Which of the two stores a file holds.
enum StoreKind: String {
    case agent
    case hub
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
    private let queue: DatabaseQueue

    /// - Throws: `StoreError` with `not_a_store`, `too_new`, `already_exists`, `in_use`, `disk_full`.
    init(folder: String, kind: StoreKind, migrations: [StoreMigration], mode: OpeningMode) throws {
        let path = DatabaseFolder.file(in: folder)
        let isThere = DatabaseFolder.holdsStore(folder)
        switch mode {
        case .open where !isThere, .readOnly where !isThere:
            throw StoreError(.notAStore, "the folder holds no store")
        case .readOnly: break
        case .create, .open, .openOrCreate:
            try DatabaseFolder.make(folder)
            try DatabaseFolder.makePrivateFile(path)
        }
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(5)
        configuration.label = "rollcall"
        if mode == .readOnly {
            configuration.readonly = true
        } else {
            configuration.journalMode = .wal
        }
        queue = try StoreError.mapping { try DatabaseQueue(path: path, configuration: configuration) }
        if mode == .readOnly {
            _ = try read { try StoreDatabase.check($0, kind: kind, newest: migrations.count) }
        } else {
            try StoreError.mapping { try queue.writeWithoutTransaction(StoreDatabase.makeDurable) }
            try write { try StoreDatabase.migrate($0, kind: kind, migrations: migrations, mode: mode) }
        }
    }

    /// GRDB turns `synchronous` down in WAL after its own preparation; a commit must outlive a power cut.
    private static func makeDurable(_ database: Database) throws {
        try database.execute(sql: "PRAGMA synchronous = FULL")
        let level = try Int.fetchOne(database, sql: "PRAGMA synchronous")
        let journal = try String.fetchOne(database, sql: "PRAGMA journal_mode")
        guard level == 2, journal == "wal" else {
            throw StoreError(.inputOutput, "durable commits cannot be had on this file system")
        }
    }

    private static func migrate(
        _ database: Database, kind: StoreKind, migrations: [StoreMigration], mode: OpeningMode
    ) throws {
        if try database.tableExists("meta") {
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
        for number in format..<migrations.count {
            try migrations[number].run(database)
            try database.execute(sql: "UPDATE meta SET value = \(number + 1) WHERE name = 'format'")
        }
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

    /// One durable transaction. It takes the write lock at the start, so that what is read in it still holds
    /// when
    /// it is written, whatever other processes do.
    func write<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try transaction(.immediate, body)
    }

    /// Reads one consistent state.
    func read<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try transaction(.deferred, body)
    }

    private func transaction<Result>(
        _ kind: Database.TransactionKind, _ body: (Database) throws -> Result
    ) throws -> Result {
        try queue.writeWithoutTransaction { database in
            do {
                var result: Result?
                try database.inTransaction(kind) {
                    result = try body(database)
                    return .commit
                }
                guard let result else { throw StoreError(.inputOutput, "transaction without a result") }
                return result
            } catch let error as DatabaseError {
                let system = database.sqliteConnection.map { sqlite3_system_errno($0) } ?? 0
                throw StoreError(error, systemError: system)
            }
        }
    }

    /// For work outside a transaction: checkpoints, backups, pragmas.
    func outsideTransaction<Result>(_ body: (Database) throws -> Result) throws -> Result {
        try StoreError.mapping { try queue.writeWithoutTransaction(body) }
    }
}
