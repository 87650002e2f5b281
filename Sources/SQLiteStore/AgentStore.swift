import GRDB
public import SyncCore
public import SyncStore

/// A branch's store in a folder: one SQLite file, durable at every commit, shared by several processes.
public final class SQLiteAgentStore: TableAgentStore {
    let database: StoreDatabase
    /// What ``verify()`` works with.
    let verifyingMeans: AgentMeans

    /// - Parameter folder: what `--data` names. It becomes the owner's alone.
    /// - Throws: `StoreError` with `not_a_store`, `too_new`, `already_exists`, `in_use`, `disk_full`.
    public convenience init(
        folder: String, mode: OpeningMode = .openOrCreate, means: AgentMeans
    ) throws {
        try self.init(folder: folder, mode: mode, means: means, logPages: StoreKind.agent.logPages)
    }

    /// - Parameter logPages: pages of 4 KiB from which on the write-ahead log is taken over.
    package init(folder: String, mode: OpeningMode, means: AgentMeans, logPages: Int32) throws {
        let store = try StoreDatabase(
            folder: folder, kind: .agent, migrations: AgentSchema.migrations, mode: mode)
        store.logPages = logPages
        database = store
        verifyingMeans = means
        super.init(backend: SQLiteAgentBackend(store), means: means)
    }

    /// For a program that has written and is about to end: the write-ahead log stays for the next one, as it
    /// does when this one is killed. To take it over into the database is for whoever does not keep a person
    /// waiting.
    public func leaveOpen() { database.leaveOpen() }

    /// Opens a store for looking only, beside whatever program runs on it, without the device's key.
    ///
    /// - Parameters:
    ///   - hashing: for whoever looks at hashes.
    ///   - verifying: for whoever looks at signatures.
    public convenience init(
        readingFrom folder: String, hashing: Hashing = Hashing { _ in .zero },
        verifying: Verifying = Verifying { _, _, _ in false }
    ) throws {
        let means = AgentMeans(
            hashing: hashing,
            signing: Signing(publicKey: []) { _ in throw StoreError(.inputOutput, "opened for reading only")
            },
            verifying: verifying, random: { .zero })
        try self.init(folder: folder, mode: .readOnly, means: means)
    }
}

private final class SQLiteAgentBackend: AgentBackend {
    private let store: StoreDatabase

    init(_ store: StoreDatabase) { self.store = store }

    func write<Result>(_ body: (any AgentTables) throws -> Result) throws -> Result {
        var tables: SQLiteAgentTables?
        return try store.write(claim: { tables?.isVital == true ? .vital : .routine }) {
            let fresh = SQLiteAgentTables($0)
            tables = fresh
            return try body(fresh)
        }
    }

    func read<Result>(_ body: (any AgentTables) throws -> Result) throws -> Result {
        try store.read { try body(SQLiteAgentTables($0)) }
    }

    var storage: StorageState { store.storage }

    func scrub() throws { try store.emptyLog() }
}
