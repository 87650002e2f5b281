import GRDB
import SyncCore
import SyncStore

/// Seals, salts, verdicts and the memory of imports.
extension SQLiteAgentTables {
    func put(_ seal: Seal, of origin: OriginID) throws {
        let row = try Prepared(database, "INSERT OR REPLACE INTO seal VALUES (?, ?, ?)")
        row.bind(origin, at: 1)
        row.bind(seal.sequence, at: 2)
        row.bind(seal.signature, at: 3)
        try row.run()
    }

    func seals(of origin: OriginID, in range: ClosedRange<UInt64>) throws -> [Seal] {
        let row = try Prepared(
            database,
            """
            SELECT sequence, signature FROM seal WHERE origin = ? AND sequence BETWEEN ? AND ?
            ORDER BY sequence
            """)
        defer { row.reset() }
        row.bind(origin, at: 1)
        row.bind(range.lowerBound, at: 2)
        row.bind(range.upperBound, at: 3)
        var seals: [Seal] = []
        while try row.step() { seals.append(Seal(sequence: row.word(0), signature: row.bytes(1))) }
        return seals
    }

    func salt(of origin: OriginID, day: Int32, retentionClass: RetentionClass) throws -> Token16? {
        let row = try Prepared(database, "SELECT salt FROM salt WHERE origin = ? AND day = ? AND class = ?")
        defer { row.reset() }
        row.bind(origin, at: 1)
        row.bind(Int(day), at: 2)
        row.bind(Int(retentionClass), at: 3)
        return try row.step() ? AgentCodec.token(row.bytes(0)) : nil
    }

    func put(_ grant: SaltGrant, of origin: OriginID, firstUse: UInt64) throws {
        let row = try Prepared(database, "INSERT INTO salt VALUES (?, ?, ?, ?, ?)")
        row.bind(origin, at: 1)
        row.bind(Int(grant.day), at: 2)
        row.bind(Int(grant.retentionClass), at: 3)
        row.bind(grant.salt.bytes, at: 4)
        row.bind(firstUse, at: 5)
        try row.run()
    }

    func salts(of origin: OriginID, firstUsedIn range: ClosedRange<UInt64>) throws -> [SaltGrant] {
        let row = try Prepared(
            database,
            """
            SELECT day, class, salt FROM salt WHERE origin = ? AND first_use BETWEEN ? AND ?
            ORDER BY first_use, class
            """)
        defer { row.reset() }
        row.bind(origin, at: 1)
        row.bind(range.lowerBound, at: 2)
        row.bind(range.upperBound, at: 3)
        var salts: [SaltGrant] = []
        while try row.step() {
            salts.append(
                SaltGrant(
                    day: Int32(clamping: row.integer(0)), retentionClass: UInt8(clamping: row.integer(1)),
                    salt: try AgentCodec.token(row.bytes(2))))
        }
        return salts
    }

    func hasPrint(_ print: Digest, of name: RecordName) throws -> Bool {
        let row = try Prepared(database, "SELECT 1 FROM row_print WHERE form = ? AND key = ? AND print = ?")
        defer { row.reset() }
        row.bind(textBytes: name.form, at: 1)
        row.bind(name.key, at: 2)
        row.bind(print.bytes, at: 3)
        return try row.step()
    }

    func put(_ print: Digest, of name: RecordName) throws {
        let row = try Prepared(
            database, "INSERT OR IGNORE INTO row_print (form, key, print) VALUES (?, ?, ?)")
        row.bind(textBytes: name.form, at: 1)
        row.bind(name.key, at: 2)
        row.bind(print.bytes, at: 3)
        try row.run()
    }

    func imported(from source: String, _ name: RecordName) throws -> [Assignment]? {
        let row = try Prepared(
            database, "SELECT assignments FROM import_memory WHERE source = ? AND form = ? AND key = ?")
        defer { row.reset() }
        row.bind(text: source, at: 1)
        row.bind(textBytes: name.form, at: 2)
        row.bind(name.key, at: 3)
        return try row.step() ? AgentCodec.assignments(row.bytes(0)) : nil
    }

    func putImport(from source: String, _ name: RecordName, _ assignments: [Assignment]) throws {
        let row = try Prepared(database, "INSERT OR REPLACE INTO import_memory VALUES (?, ?, ?, ?)")
        row.bind(text: source, at: 1)
        row.bind(textBytes: name.form, at: 2)
        row.bind(name.key, at: 3)
        row.bind(AgentCodec.bytes(assignments), at: 4)
        try row.run()
    }

    func put(_ verdict: Verdict) throws {
        // Replacing gives the row a new place, so that the verdict becomes the last of its version.
        let row = try Prepared(
            database,
            "INSERT OR REPLACE INTO verdict (origin, sequence, kind, reason, field) VALUES (?, ?, ?, ?, ?)")
        row.bind(verdict.dot.origin, at: 1)
        row.bind(verdict.dot.sequence, at: 2)
        row.bind(Int(verdict.kind.rawValue), at: 3)
        row.bind(text: verdict.reason, at: 4)
        row.bind(Int(verdict.field), at: 5)
        try row.run()
    }

    func verdicts(of dot: Dot) throws -> [Verdict] {
        let row = try Prepared(
            database,
            "SELECT kind, reason, field FROM verdict WHERE origin = ? AND sequence = ? ORDER BY place")
        defer { row.reset() }
        row.bind(dot.origin, at: 1)
        row.bind(dot.sequence, at: 2)
        var verdicts: [Verdict] = []
        while try row.step() { verdicts.append(try SQLiteAgentTables.verdict(row, dot: dot, from: 0)) }
        return verdicts
    }

    func lastVerdicts(
        _ kinds: Set<Verdict.Kind>, limit: Int
    ) throws -> [(verdict: Verdict, name: RecordName)] {
        let row = try Prepared(
            database,
            """
            SELECT v.origin, v.sequence, v.kind, v.reason, v.field, r.form, r.key FROM verdict v
            JOIN version ON version.origin = v.origin AND version.sequence = v.sequence
            JOIN record r ON r.id = version.record
            WHERE NOT EXISTS (SELECT 1 FROM verdict later WHERE later.origin = v.origin
                AND later.sequence = v.sequence AND later.place > v.place)
            ORDER BY v.place DESC
            """)
        defer { row.reset() }
        var found: [(verdict: Verdict, name: RecordName)] = []
        while found.count < limit, try row.step() {
            let dot = Dot(origin: row.word(0), sequence: row.word(1))
            let verdict = try SQLiteAgentTables.verdict(row, dot: dot, from: 2)
            if kinds.contains(verdict.kind) {
                found.append((verdict, RecordName(form: row.bytes(5), key: row.bytes(6))))
            }
        }
        return found
    }

    private static func verdict(_ row: Prepared, dot: Dot, from column: Int32) throws -> Verdict {
        guard let kind = UInt8(exactly: row.integer(column)).flatMap(Verdict.Kind.init(rawValue:)) else {
            throw StoreError(.corrupt, "verdict")
        }
        return Verdict(
            dot: dot, kind: kind, reason: row.text(column + 1),
            field: FieldID(clamping: row.integer(column + 2)))
    }
}
