import GRDB
import SyncCore
import SyncStore
import SyncWire

/// The tables of a branch's store within one transaction.
final class SQLiteAgentTables: AgentTables {
    let database: Database
    var isVital = false
    /// The record row used last: a version goes in right behind its record.
    private var lastRecord: (name: RecordName, id: Int64)?

    init(_ database: Database) { self.database = database }

    private func recordRow(_ name: RecordName) throws -> (id: Int64, state: [UInt8])? {
        let row = try Prepared(database, "SELECT id, state FROM record WHERE form = ? AND key = ?")
        defer { row.reset() }
        row.bind(textBytes: name.form, at: 1)
        row.bind(name.key, at: 2)
        guard try row.step() else { return nil }
        lastRecord = (name, row.integer(0))
        return (row.integer(0), row.bytes(1))
    }

    func record(_ name: RecordName) throws -> RecordState? {
        try recordRow(name).map { try AgentCodec.state($0.state) }
    }

    func put(_ state: RecordState, of name: RecordName) throws {
        let row = try Prepared(
            database,
            """
            INSERT INTO record (form, key, state) VALUES (?, ?, ?)
            ON CONFLICT (form, key) DO UPDATE SET state = excluded.state RETURNING id
            """)
        defer { row.reset() }
        row.bind(textBytes: name.form, at: 1)
        row.bind(name.key, at: 2)
        row.bind(RecordStateCodec.encode(state), at: 3)
        guard try row.step() else { throw StoreError(.inputOutput, "a record without a row") }
        lastRecord = (name, row.integer(0))
        while try row.step() {}
    }

    func removeRecord(_ name: RecordName) throws {
        lastRecord = nil
        let row = try Prepared(database, "DELETE FROM record WHERE form = ? AND key = ?")
        row.bind(textBytes: name.form, at: 1)
        row.bind(name.key, at: 2)
        try row.run()
    }

    func records(form: [UInt8], after: [UInt8]?, limit: Int) throws -> [(key: [UInt8], state: RecordState)] {
        let row = try Prepared(
            database,
            """
            SELECT key, state FROM record WHERE form = ?1 AND (?2 IS NULL OR key > ?2) ORDER BY key LIMIT ?3
            """)
        defer { row.reset() }
        row.bind(textBytes: form, at: 1)
        row.bind(after, at: 2)
        row.bind(max(0, limit), at: 3)
        var records: [(key: [UInt8], state: RecordState)] = []
        while try row.step() { records.append((row.bytes(0), try AgentCodec.state(row.bytes(1)))) }
        return records
    }

    func append(_ stored: StoredVersion, columns: VersionColumns) throws {
        let name = RecordName(stored.version.key)
        let known = lastRecord.flatMap { $0.name == name ? $0.id : nil }
        guard let record = try known ?? recordRow(name)?.id else {
            throw StoreError(.corrupt, "a version without its record")
        }
        let row = try Prepared(database, "INSERT INTO version VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)")
        row.bind(stored.version.dot.origin, at: 1)
        row.bind(stored.version.dot.sequence, at: 2)
        row.bind(record, at: 3)
        row.bind(stored.version.authored, at: 4)
        row.bind(stored.bytes, at: 5)
        row.bind(stored.head?.bytes, at: 6)
        let body = AgentCodec.body(columns)
        row.bind(body, at: 7)
        row.bind(Int(SQLiteAgentTables.keptFrom(stored.version)), at: 8)
        row.bind(checkSum(of: stored, body), at: 9)
        try row.run()
    }

    /// Nil of an own one: the chain proves that.
    func checkSum(of stored: StoredVersion, _ body: [UInt8]) -> Int64? {
        stored.head == nil ? Int64(AgentCodec.checkSum(stored.version.dot, body)) : nil
    }

    /// `Int32.min` until it is noted.
    static func keptFrom(_ version: Version) -> Int32 {
        version.clockTrusted ? JournalChain.day(of: version.authored) : .min
    }

    func version(_ dot: Dot) throws -> StoredVersion? {
        let row = try Prepared(
            database, "SELECT head, bytes, body FROM version WHERE origin = ? AND sequence = ?")
        defer { row.reset() }
        row.bind(dot.origin, at: 1)
        row.bind(dot.sequence, at: 2)
        guard try row.step() else { return nil }
        return StoredVersion(
            version: try AgentCodec.version(row.bytes(2), dot: dot),
            head: row.isNull(0) ? nil : try AgentCodec.digest(row.bytes(0)), bytes: Int(row.integer(1)))
    }

    func head(of dot: Dot) throws -> Digest? {
        let row = try Prepared(database, "SELECT head FROM version WHERE origin = ? AND sequence = ?")
        defer { row.reset() }
        row.bind(dot.origin, at: 1)
        row.bind(dot.sequence, at: 2)
        guard try row.step(), !row.isNull(0) else { return nil }
        return try AgentCodec.digest(row.bytes(0))
    }

    func eachVersion(
        of origin: OriginID, after: UInt64, _ body: (StoredVersion) throws -> Bool
    ) throws {
        guard after < UInt64(Int64.max) else { return }
        let row = try Prepared(
            database,
            """
            SELECT sequence, head, bytes, body FROM version WHERE origin = ? AND sequence > ?
            ORDER BY sequence
            """)
        defer { row.reset() }
        row.bind(origin, at: 1)
        row.bind(after, at: 2)
        while try row.step() {
            let version = try AgentCodec.version(
                row.bytes(3), dot: Dot(origin: origin, sequence: row.word(0)))
            let head = row.isNull(1) ? nil : try AgentCodec.digest(row.bytes(1))
            guard try body(StoredVersion(version: version, head: head, bytes: Int(row.integer(2)))) else {
                return
            }
        }
    }

    func versions(of name: RecordName) throws -> [Version] {
        let row = try Prepared(
            database,
            """
            SELECT version.origin, version.sequence, version.body FROM version
            JOIN record ON record.id = version.record WHERE record.form = ? AND record.key = ?
            """)
        defer { row.reset() }
        row.bind(textBytes: name.form, at: 1)
        row.bind(name.key, at: 2)
        var versions: [Version] = []
        while try row.step() {
            versions.append(
                try AgentCodec.version(row.bytes(2), dot: Dot(origin: row.word(0), sequence: row.word(1))))
        }
        return versions.sorted { $0.dot < $1.dot }
    }

    func remove(_ dot: Dot) throws {
        try confirm(dot)
        let row = try Prepared(
            database, "DELETE FROM version WHERE origin = ? AND sequence = ? AND head IS NULL")
        row.bind(dot.origin, at: 1)
        row.bind(dot.sequence, at: 2)
        try row.run()
    }

    func doubtOthers() throws {
        try Prepared(
            database,
            "INSERT OR IGNORE INTO doubted SELECT origin, sequence FROM version WHERE head IS NULL"
        ).run()
    }

    func doubt(_ sequences: ClosedRange<UInt64>, of origin: OriginID) throws {
        let row = try Prepared(
            database,
            """
            INSERT OR IGNORE INTO doubted SELECT origin, sequence FROM version
            WHERE origin = ? AND sequence BETWEEN ? AND ? AND head IS NOT NULL
            """)
        row.bind(origin, at: 1)
        row.bind(sequences.lowerBound, at: 2)
        row.bind(sequences.upperBound, at: 3)
        try row.run()
    }

    func confirm(_ dot: Dot) throws {
        let row = try Prepared(database, "DELETE FROM doubted WHERE origin = ? AND sequence = ?")
        row.bind(dot.origin, at: 1)
        row.bind(dot.sequence, at: 2)
        try row.run()
    }

    func doubtNothing() throws { try Prepared(database, "DELETE FROM doubted").run() }

    func doubted() throws -> [RecordName: Set<Dot>] {
        let row = try Prepared(
            database,
            """
            SELECT record.form, record.key, doubted.origin, doubted.sequence FROM doubted
            JOIN version USING (origin, sequence) JOIN record ON record.id = version.record
            """)
        defer { row.reset() }
        var names: [RecordName: Set<Dot>] = [:]
        while try row.step() {
            names[RecordName(form: row.bytes(0), key: row.bytes(1)), default: []].insert(
                Dot(origin: row.word(2), sequence: row.word(3)))
        }
        return names
    }

    /// The origins' receipts are those that the table has.
    func counts(of origins: [OwnOrigin]) throws -> RecordCounts {
        let ids = SQLiteAgentTables.list(origins)
        let row = try Prepared(
            database,
            """
            SELECT count(DISTINCT v.record),
                count(DISTINCT CASE WHEN v.sequence > o.receipted THEN v.record END)
            FROM version v JOIN origin o ON o.id = v.origin
            WHERE v.origin IN (\(ids)) AND v.sequence <= o.sequence
            """)
        defer { row.reset() }
        guard try row.step() else { throw StoreError(.inputOutput, "a count without a row") }
        let all = row.word(0)
        let queued = row.word(1)
        return RecordCounts(queued: queued, receipted: all - queued, quarantined: try quarantined(in: ids))
    }

    /// Numbers of the store's own, for a statement.
    private static func list(_ origins: [OwnOrigin]) -> String {
        origins.map { "\(Int64(bitPattern: $0.id))" }.joined(separator: ", ")
    }

    private func quarantined(in ids: String) throws -> UInt64 {
        let row = try Prepared(
            database,
            """
            SELECT count(DISTINCT version.record) FROM verdict v
            JOIN version ON version.origin = v.origin AND version.sequence = v.sequence
            WHERE v.origin IN (\(ids)) AND v.kind = ?1 AND NOT EXISTS (
                SELECT 1 FROM verdict later WHERE later.origin = v.origin AND later.sequence = v.sequence
                AND later.place > v.place AND later.kind = ?2)
            """)
        defer { row.reset() }
        row.bind(Int(Verdict.Kind.quarantined.rawValue), at: 1)
        row.bind(Int(Verdict.Kind.released.rawValue), at: 2)
        return try row.step() ? row.word(0) : 0
    }
}
