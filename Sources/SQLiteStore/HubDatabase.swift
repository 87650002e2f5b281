public import Forms
import Foundation
import GRDB
public import SyncCore
public import SyncStore
import SyncWire

/// The hub's store on SQLite: plain tables with effective values, the journal in segments, receipts, devices.
public final class SQLiteHubStore: HubStore {
    /// With all forms: the program's own, and those that were published.
    var means: HubMeans
    /// The program's own.
    let ownForms: FormCatalog
    /// Nothing is written, not even tables for forms that have none yet.
    let isReading: Bool
    private var areFormsKnown = false
    let connection: HubConnection
    let terms: HubTerms
    let judge: HubBatchJudge
    /// What the hub is called by: the SHA-256 of its first public key.
    public let hub: Digest
    /// The keys that it has had: for who only reads, as far as the store was told.
    public let keys: HubKeyring
    /// The store knows of a later key than the one that it was opened with.
    private let isKeyOutdated: Bool
    public let name: String
    var tables: [HubTable] = []
    /// Everything cached beside the database; nil when it has to be read again.
    var origins: [OriginID: HubOrigin]?
    var originIDs: [Int64: OriginID] = [:]
    /// Of each device, as long as `origins` is there.
    var originsOfDevices: [Int64: [OriginID]] = [:]
    var recentArrivals = RecentArrivals()
    /// What all origins together have in each scope.
    var scopeTotals: [HubScope: HubTotal.Amount]?
    var register: HubRegister?
    var holes: Set<HubHole>?
    var checks: HubFormChecks?
    /// What devices say again and again is not written down each time.
    var gate = AttemptGate()
    /// The day that scopes are of.
    var scopeDay: Int32?
    var ownLanes: [Lane: OriginID] = [:]
    private var knownEpoch: Token16?
    /// The last entry of the audit log before this transaction; nil while it has written none.
    var auditBase: UInt64?

    /// Makes a new store in `folder`.
    public static func create(
        folder: String, name: String, settings: Settings, means: HubMeans
    ) throws -> SQLiteHubStore {
        let facts: [(name: String, value: any DatabaseValueConvertible)] = [
            ("hub_name", name), ("epoch", Data(means.random().bytes)),
            ("settings", Data(try encode(settings))),
            ("hub_key", Data(means.keys.identity(means.hashing).bytes)),
            ("hub_public_key", Data(means.keys.encoded)),
        ]
        // In one transaction with the tables: a hub half made could neither be opened nor made again.
        let database = try StoreDatabase(
            folder: folder, kind: .hub, migrations: HubSchema.migrations, mode: .create
        ) { database in
            for fact in facts {
                try database.execute(
                    sql: "INSERT INTO meta (name, value) VALUES (?, ?)", arguments: [fact.name, fact.value])
            }
        }
        return try SQLiteHubStore(connection: try HubConnection(database), means: means)
    }

    /// Opens the store in `folder`.
    ///
    /// - Throws: `StoreError` with `not_a_store`, `too_new`, `in_use` or `corrupt`.
    public convenience init(folder: String, means: HubMeans) throws {
        let database = try StoreDatabase(
            folder: folder, kind: .hub, migrations: HubSchema.migrations, mode: .open)
        try self.init(connection: try HubConnection(database), means: means)
    }

    /// Whether the key that it was opened with is the hub's present one: branches believe no other.
    public func isOpenedWithOwnKey() throws -> Bool {
        let own = try connection.first("SELECT value FROM meta WHERE name = 'hub_key'") { $0.bytes(0) }
        return keys.current == means.signing.publicKey && !isKeyOutdated
            && (own.map { $0 == hub.bytes } ?? true)
    }

    /// - Parameter isReading: nothing is written, not even tables for forms that have none yet.
    init(connection: HubConnection, means: HubMeans, isReading: Bool = false) throws {
        self.means = means
        ownForms = means.forms
        self.isReading = isReading
        self.connection = connection
        terms = try HubTerms(connection)
        judge = HubBatchJudge(hashing: means.hashing, verifying: means.verifying)
        let stored = try connection.first("SELECT value FROM meta WHERE name = 'hub_public_key'") {
            $0.bytes(0)
        }
        let known = stored.flatMap { HubKeyring(encoded: $0) }
        let isKnownKey = means.keys.entries.isEmpty && known?.current == means.signing.publicKey
        keys = isReading || isKnownKey ? known ?? means.keys : means.keys
        isKeyOutdated = !isReading && known?.replaces(keys) == true
        hub = keys.identity(means.hashing)
        name = try connection.first("SELECT value FROM meta WHERE name = 'hub_name'") { $0.text(0) } ?? ""
        connection.forget = { [unowned self] in forget() }
        connection.ended = { [unowned self] isCommitted in
            if isCommitted, auditBase != nil { keepAuditEnd() }
            auditBase = nil
        }
        _ = try epoch
        // What was published of the program's own forms first: the store has worked with those revisions.
        try connection.read { self.means.forms = try wholeCatalog() }
        if isReading { try readTables() } else { try openTables() }
        connection.began = { [unowned self] in
            if areFormsKnown { return }
            areFormsKnown = true
            try takeForms()
        }
        try connection.read { try connection.began() }
        if !isReading, keys.current == means.signing.publicKey, let known, keys.replaces(known) {
            try keepKeys()
        }
    }

    /// A store that is put back, and who only reads it, must know of later keys as well. The six digits of a
    /// device that waits are of the present key.
    private func keepKeys() throws {
        // Also on a full disk: whoever wants to revoke somebody must get in.
        try connection.write(.act) {
            try connection.run(
                "UPDATE meta SET value = ? WHERE name = 'hub_public_key'", .blob(keys.encoded))
            let waiting = try connection.all("SELECT id, public_key FROM device WHERE state = 'pending'") {
                (id: $0.int(0), key: $0.bytes(1))
            }
            for device in waiting {
                let number = HubConfirmation.number(
                    hub: means.signing.publicKey, device: device.key, hashing: means.hashing)
                try connection.run(
                    "UPDATE device SET confirmation = ? WHERE id = ?", .int(Int64(number)), .int(device.id))
            }
        }
    }

    public var epoch: Token16 {
        get throws {
            if let knownEpoch { return knownEpoch }
            let stored = try connection.first("SELECT value FROM meta WHERE name = 'epoch'") { $0.bytes(0) }
            guard let epoch = Token16(bytes: stored ?? []) else {
                throw StoreError(.notAStore, "the hub's store was not finished")
            }
            knownEpoch = epoch
            return epoch
        }
    }

    /// Begins another life of this store: earlier receipts and places in the feed mean nothing in it, and the
    /// hub writes under new origins. Within a transaction.
    func openEpoch(now: Milliseconds) throws {
        try connection.run(
            "INSERT OR REPLACE INTO meta (name, value) VALUES ('epoch', ?)", .blob(means.random().bytes))
        for var origin in try loadedOrigins().values.sorted(by: { $0.number < $1.number }) {
            origin.receipt = nil
            try save(origin)
        }
        if var marks = try ruleMarks() {
            marks.hold(at: now)
            try keep(marks)
        }
        knownEpoch = nil
        origins = nil
        ownLanes = [:]
    }

    private func forget() {
        knownEpoch = nil
        terms.forget()
        origins = nil
        originIDs = [:]
        scopeTotals = nil
        recentArrivals = RecentArrivals()
        register = nil
        holes = nil
        checks = nil
        areFormsKnown = false
        scopeDay = nil
    }

    // MARK: - Settings

    private static func encode(_ settings: Settings) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Array(try encoder.encode(settings))
    }

    public func settingsJSON() throws -> [UInt8] {
        try connection.first("SELECT value FROM meta WHERE name = 'settings'") { $0.bytes(0) } ?? []
    }

    public func settings() throws -> Settings {
        do {
            return try JSONDecoder().decode(Settings.self, from: Data(try settingsJSON()))
        } catch is DecodingError {
            throw StoreError(.corrupt, "the settings do not read")
        }
    }

    /// Works with other settings from now on; an entry of the audit log says so.
    ///
    /// - Parameter body: what becomes of those that are there, within the transaction, so that two who change
    ///   them at once both have their way: the settings, the first day that another hour judges (nil where no
    ///   hour has changed), and what the audit log says. Nil changes nothing.
    public func changeSettings(
        clock: AuthoringClock,
        _ body: (Settings) throws -> (settings: Settings, from: Int32?, detail: String)?
    ) throws {
        try writing(.routine, clock: clock) { transaction in
            guard let change = try body(try settings()) else { return }
            try connection.run(
                "INSERT OR REPLACE INTO meta (name, value) VALUES ('settings', ?)",
                .blob(try SQLiteHubStore.encode(change.settings)))
            checks = nil
            if let from = change.from { try recount(from: from) }
            try transaction.act("settings", detail: change.detail)
        }
    }

    // MARK: - Forms

    /// Makes the tables of forms that have none, and the columns that revisions brought.
    func openTables() throws {
        let known = try formNumbers()
        let areKept = try means.forms.definitions.allSatisfy { try isKept($0) }
        let isComplete =
            try areKept
            && means.forms.definitions.allSatisfy { definition in
                guard let number = known[Array(definition.form.utf8)] else { return false }
                let table = HubTable(number: number, definition: definition)
                return table.additions(present: try columns(of: table)).isEmpty
            }
        if !isComplete { try connection.within { try makeTables() } }
        let numbers = try formNumbers()
        tables = try means.forms.definitions.map { definition in
            guard let number = numbers[Array(definition.form.utf8)] else {
                throw StoreError(.corrupt, "a form without a table")
            }
            return HubTable(number: number, definition: definition)
        }
    }

    private func makeTables() throws {
        for definition in means.forms.definitions {
            try connection.run(
                "INSERT INTO form (name) VALUES (?) ON CONFLICT DO NOTHING",
                .blob(Array(definition.form.utf8)))
            try keep(definition)
            let table = HubTable(number: 0, definition: definition)
            try connection.run(table.creation)
            for addition in table.additions(present: try columns(of: table)) { try connection.run(addition) }
        }
    }

    /// Whether this revision is the one that the store has worked with.
    ///
    /// - Throws: `FormDefinitionError` when it is none of the same form, `StoreError(.tooNew)` when a program
    ///   with a higher one has written here.
    private func isKept(_ definition: FormDefinition) throws -> Bool {
        let bytes = try connection.first(
            "SELECT value FROM meta WHERE name = ?", .text("form " + definition.form)
        ) { $0.bytes(0) }
        guard let bytes else { return false }
        let kept = try FormCatalog.decode(bytes)
        if kept == definition { return true }
        if kept.revision > definition.revision {
            throw StoreError(.tooNew, "form \(kept.form), revision \(kept.revision)")
        }
        try definition.check(succeeding: kept)
        return false
    }

    private func keep(_ definition: FormDefinition) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        try connection.run(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", .text("form " + definition.form),
            .blob(Array(try encoder.encode(definition))))
    }

    func formNumbers() throws -> [[UInt8]: Int64] {
        let rows = try connection.all("SELECT name, num FROM form") { ($0.bytes(0), $0.int(1)) }
        return Dictionary(rows, uniquingKeysWith: { first, _ in first })
    }

    func columns(of table: HubTable) throws -> Set<String> {
        Set(try connection.all("SELECT name FROM pragma_table_info(?)", .text(table.name)) { $0.text(0) })
    }

    func table(_ form: String) -> HubTable? {
        tables.first { $0.definition.form.utf8.elementsEqual(form.utf8) }
    }
}

extension SQLiteHubStore {
    /// Bounds the database file, in pages: for trying what a full disk does.
    public func limitPages(to count: Int) throws {
        _ = try connection.first("PRAGMA max_page_count = \(count)") { $0.int(0) }
    }
}

extension SQLiteHubStore {
    /// The table of a form and its insert, for measuring against a program that does nothing else.
    public static func layout(of form: String, in catalog: FormCatalog) throws -> (
        creation: String, insertion: String
    ) {
        guard let definition = catalog[form] else { throw StoreError(.notAStore, "no such form") }
        let table = HubTable(number: 0, definition: definition)
        return (table.creation, table.insertion)
    }
}
