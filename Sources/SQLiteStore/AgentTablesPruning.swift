import GRDB
import SyncCore
import SyncStore

/// What may be kept no longer.
extension SQLiteAgentTables {
    func imports(of name: RecordName) throws -> [(source: String, assignments: [Assignment])] {
        let row = try Prepared(
            database,
            "SELECT source, assignments FROM import_memory WHERE form = ? AND key = ? ORDER BY source")
        defer { row.reset() }
        row.bind(textBytes: name.form, at: 1)
        row.bind(name.key, at: 2)
        var found: [(source: String, assignments: [Assignment])] = []
        while try row.step() { found.append((row.text(0), try AgentCodec.assignments(row.bytes(1)))) }
        return found
    }

    func removeImports(of name: RecordName) throws {
        try run("DELETE FROM import_memory WHERE form = ? AND key = ?", name)
    }

    func removePrints(of name: RecordName) throws {
        try run("DELETE FROM row_print WHERE form = ? AND key = ?", name)
    }

    private func run(_ sql: String, _ name: RecordName) throws {
        let row = try Prepared(database, sql)
        row.bind(textBytes: name.form, at: 1)
        row.bind(name.key, at: 2)
        try row.run()
    }

    func versions(keptFromBefore day: Int32, unpruned days: Int32, limit: Int) throws -> [StoredVersion] {
        // The index first: of most versions nothing is over.
        let row = try Prepared(
            database,
            """
            SELECT v.origin, v.sequence, v.head, v.bytes, v.body FROM version v INDEXED BY version_age
            LEFT JOIN origin o ON o.id = v.origin WHERE v.pruned < ? AND v.kept_from < ?
            AND (v.head IS NULL OR v.sequence <= min(o.receipted, o.backed_up))
            ORDER BY v.kept_from, v.origin, v.sequence LIMIT ?
            """)
        defer { row.reset() }
        row.bind(Int(days), at: 1)
        row.bind(Int(day), at: 2)
        row.bind(max(0, limit), at: 3)
        var found: [StoredVersion] = []
        while try row.step() {
            let dot = Dot(origin: row.word(0), sequence: row.word(1))
            found.append(
                StoredVersion(
                    version: try AgentCodec.version(row.bytes(4), dot: dot),
                    head: row.isNull(2) ? nil : try AgentCodec.digest(row.bytes(2)),
                    bytes: Int(row.integer(3))))
        }
        return found
    }

    func replace(_ stored: StoredVersion, columns: VersionColumns, pruned days: Int32) throws {
        let row = try Prepared(
            database,
            "UPDATE version SET body = ?, pruned = ?, check_sum = ? WHERE origin = ? AND sequence = ?")
        let body = AgentCodec.body(columns)
        row.bind(body, at: 1)
        row.bind(Int(days), at: 2)
        row.bind(checkSum(of: stored, body), at: 3)
        row.bind(stored.version.dot.origin, at: 4)
        row.bind(stored.version.dot.sequence, at: 5)
        try row.run()
    }

    func note(pruned days: Int32, _ dot: Dot) throws {
        let row = try Prepared(
            database, "UPDATE version SET pruned = ? WHERE origin = ? AND sequence = ?")
        row.bind(Int(days), at: 1)
        row.bind(dot.origin, at: 2)
        row.bind(dot.sequence, at: 3)
        try row.run()
    }

    func note(keptFrom day: Int32, _ dot: Dot) throws {
        let row = try Prepared(
            database, "UPDATE version SET kept_from = ? WHERE origin = ? AND sequence = ?")
        row.bind(Int(day), at: 1)
        row.bind(dot.origin, at: 2)
        row.bind(dot.sequence, at: 3)
        try row.run()
    }

    func erase(_ dot: Dot) throws {
        for table in ["version", "verdict", "doubted"] {
            let row = try Prepared(database, "DELETE FROM \(table) WHERE origin = ? AND sequence = ?")
            row.bind(dot.origin, at: 1)
            row.bind(dot.sequence, at: 2)
            try row.run()
        }
    }

    func removeSeals(of origin: OriginID, below sequence: UInt64) throws {
        let row = try Prepared(database, "DELETE FROM seal WHERE origin = ? AND sequence < ?")
        row.bind(origin, at: 1)
        row.bind(sequence, at: 2)
        try row.run()
    }

    func removeSalts(of origin: OriginID, below sequence: UInt64, before day: Int32) throws {
        let row = try Prepared(
            database,
            """
            DELETE FROM salt WHERE origin = ?1 AND day < ?2 AND NOT EXISTS (
                SELECT 1 FROM version WHERE version.origin = ?1 AND version.sequence >= ?3
                AND version.authored >= salt.day * 86400000
                AND version.authored < (salt.day + 1) * 86400000)
            """)
        row.bind(origin, at: 1)
        row.bind(Int(day), at: 2)
        row.bind(sequence, at: 3)
        try row.run()
    }
}
