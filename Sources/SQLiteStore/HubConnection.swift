import GRDB
import GRDBSQLite
import SyncStore

/// The hub's one connection, with its prepared statements and transactions.
///
/// All calls come from one thread at a time; the database that opened the connection is only kept alive.
final class HubConnection {
    private let database: StoreDatabase
    let handle: OpaquePointer
    private let health: StoreHealth
    private var statements: [String: HubStatement] = [:]
    private var lastDataVersion: Int64 = -1
    /// A transaction of several is under way.
    private var isJoint = false
    /// Called when what is cached beside the database may no longer hold.
    var forget: () -> Void = {}
    /// Called within each transaction before its work.
    var began: () throws -> Void = {}
    /// Called at the end of each transaction; true when it was committed.
    var ended: (Bool) -> Void = { _ in }

    init(_ database: StoreDatabase) throws {
        self.database = database
        guard let handle = try database.outsideTransaction({ $0.sqliteConnection }) else {
            throw StoreError(.inputOutput, "the connection is closed")
        }
        self.handle = handle
        health = database.health
        // GRDB's observers expect every commit to come through its queue; nobody observes here.
        sqlite3_commit_hook(handle, nil, nil)
        sqlite3_rollback_hook(handle, nil, nil)
        sqlite3_set_authorizer(handle, nil, nil)
    }

    /// The statement for `sql`, prepared once.
    ///
    /// - Throws: `StoreError(.syncFailed)` once a sync has failed.
    func statement(_ sql: String) throws -> HubStatement {
        try health.check()
        if let known = statements[sql] { return known }
        let statement = try HubStatement(handle, sql)
        statements[sql] = statement
        return statement
    }

    func run(_ sql: String, _ values: HubBinding...) throws {
        let statement = try statement(sql)
        for (index, value) in values.enumerated() { statement.bind(Int32(index + 1), value) }
        try statement.run()
    }

    func first<Result>(
        _ sql: String, _ values: HubBinding..., read: (HubStatement) throws -> Result
    ) throws -> Result? {
        let statement = try statement(sql)
        for (index, value) in values.enumerated() { statement.bind(Int32(index + 1), value) }
        return try statement.first(read)
    }

    func all<Result>(
        _ sql: String, _ values: HubBinding..., read: (HubStatement) throws -> Result
    ) throws -> [Result] {
        let statement = try statement(sql)
        for (index, value) in values.enumerated() { statement.bind(Int32(index + 1), value) }
        return try statement.all(read)
    }

    var lastRow: Int64 { sqlite3_last_insert_rowid(handle) }
    var changes: Int32 { sqlite3_changes(handle) }

    // MARK: - Transactions

    /// One durable transaction; when it throws, nothing happened and everything cached is forgotten.
    ///
    /// - Parameter claim: what is vital takes the ballast's room on a full disk, and `body` runs again.
    func write<Result>(_ claim: StoreClaim = .routine, _ body: () throws -> Result) throws -> Result {
        if isJoint {
            if claim == .routine { try database.requireRoom() }
            return try body()
        }
        return try database.withRoom(claim: { claim }) {
            if claim == .routine { try database.requireRoom() }
            return try transaction(body)
        }
    }

    /// Several such pieces of work in one durable transaction, each behind a savepoint: those that ask for
    /// `write` get it in here. Where that fails each is done by itself.
    ///
    /// - Returns: why each failed; nil where it did not.
    func together(_ bodies: [() throws -> Void]) -> [(any Error)?] {
        guard bodies.count > 1 else { return oneByOne(bodies) }
        isJoint = true
        do {
            let errors = try transaction {
                try bodies.map { body -> (any Error)? in
                    do {
                        try savepoint(body)
                        return nil
                    } catch {
                        // Room is made by who works alone; and SQLite may have ended it all.
                        let isOver = sqlite3_get_autocommit(handle) != 0
                        if isOver || (error as? StoreError)?.isOfRoom == true { throw error }
                        return error
                    }
                }
            }
            isJoint = false
            return errors
        } catch {
            isJoint = false
            return oneByOne(bodies)
        }
    }

    private func transaction<Result>(_ body: () throws -> Result) throws -> Result {
        var isCommitting = false
        do {
            try run("BEGIN IMMEDIATE")
            try compareDataVersion()
            try began()
            let result = try body()
            isCommitting = true
            try run("COMMIT")
            ended(true)
            try database.checkpoint(handle)
            return result
        } catch {
            ended(false)
            // SQLite has rolled back by itself after some errors: then this fails, and says nothing new.
            sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
            forget()
            throw health.judge(error, isCommitting: isCommitting)
        }
    }

    /// Frees some room for what an act writes beside the store.
    func makeRoomForAct() { database.makeRoomForAct() }

    /// Leaves nothing in the log that no table holds any more.
    func emptyLog() throws { try database.emptyLog(handle) }

    /// How much room there is; makes the ballast whole again where it can.
    var storage: StorageState { database.storage }

    /// One view of the store that nobody else's commit changes.
    func read<Result>(_ body: () throws -> Result) throws -> Result {
        if sqlite3_get_autocommit(handle) == 0 { return try body() }
        try run("BEGIN")
        defer { try? run("COMMIT") }
        try compareDataVersion()
        try began()
        return try body()
    }

    /// Runs `body` in the transaction that is under way, or in one of its own.
    func within(_ body: () throws -> Void) throws {
        if sqlite3_get_autocommit(handle) == 0 { return try body() }
        try write(.vital, body)
    }

    /// Runs `body` behind a savepoint; when it throws, what it wrote is gone and the transaction goes on.
    func savepoint<Result>(_ body: () throws -> Result) throws -> Result {
        try run("SAVEPOINT batch")
        do {
            let result = try body()
            try run("RELEASE batch")
            return result
        } catch {
            forget()
            // After some errors, a full disk among them, SQLite has ended the whole transaction by itself.
            if sqlite3_get_autocommit(handle) != 0 { throw error }
            try run("ROLLBACK TO batch")
            try run("RELEASE batch")
            throw error
        }
    }

    private func compareDataVersion() throws {
        let version = try first("PRAGMA data_version") { $0.int(0) } ?? -1
        if version != lastDataVersion {
            lastDataVersion = version
            forget()
        }
    }
}
