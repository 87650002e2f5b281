import GRDB
public import SyncCore
public import SyncStore

/// Which of the versions that wait are meant.
public struct QueueFilter: Sendable, Hashable {
    public var form: String?
    /// Authored at this time or before.
    public var until: Milliseconds?
    /// Bytes that the version takes in the store, at least.
    public var bytes: Int?
    public var largestFirst = false

    public init() {}
}

/// Versions of one origin as its store keeps them: nothing is decoded, so that a damaged one costs nothing
/// but itself.
public struct QueueLook: Sendable, Hashable {
    public struct Group: Sendable, Hashable {
        public var form: String
        /// 0 within an hour, 1 within a day, 2 within a week, 3 older.
        public var age: Int
        public var versions: Int
        public var bytes: Int
        public var oldest: Milliseconds
    }

    public struct Entry: Sendable, Hashable {
        public var dot: Dot
        public var form: String
        /// Nil when its bytes are damaged.
        public var key: RecordKey?
        public var authored: Milliseconds
        public var bytes: Int
    }

    public var groups: [Group] = []
    public var entries: [Entry] = []
    /// Sequences of which the store has no version.
    public var missing = 0
    /// Versions that the disk or the file does not give back.
    public var unreadable = 0

    /// Milliseconds of each age but the last.
    static let ages: [Milliseconds] = [3_600_000, 86_400_000, 604_800_000]

    fileprivate mutating func count(_ entry: Entry, at now: Milliseconds) {
        let age = QueueLook.ages.firstIndex { entry.authored > now - $0 } ?? QueueLook.ages.count
        if let index = groups.firstIndex(where: { $0.form == entry.form && $0.age == age }) {
            groups[index].versions += 1
            groups[index].bytes += entry.bytes
            groups[index].oldest = min(groups[index].oldest, entry.authored)
        } else {
            groups.append(
                Group(
                    form: entry.form, age: age, versions: 1, bytes: entry.bytes, oldest: entry.authored))
        }
    }
}

extension SQLiteAgentStore {
    /// The versions of an own origin behind `after`.
    public func queue(
        of origin: OwnOrigin, after: UInt64, now: Milliseconds, _ filter: QueueFilter, limit: Int
    ) throws -> QueueLook {
        do {
            return try database.read { database in
                try QueueReader(database, origin, after, now, filter).whole(limit: limit)
            }
        } catch let error as StoreError where error.code == .corrupt || error.code == .deviceFailed {
            // A transaction in which something did not read cannot end well.
            return try database.outsideTransaction { database in
                QueueReader(database, origin, after, now, filter).piecemeal(limit: limit)
            }
        }
    }

    /// Versions of a record that can be read, ascending by dot, and the names of those that cannot.
    public func readableVersions(of key: RecordKey) throws -> (versions: [Version], damaged: [Dot]) {
        let name = RecordName(key)
        return try database.read { database in
            let row = try Prepared(
                database,
                """
                SELECT v.origin, v.sequence, v.body FROM version v
                JOIN record r ON r.id = v.record WHERE r.form = ? AND r.key = ?
                """)
            defer { row.reset() }
            row.bind(textBytes: name.form, at: 1)
            row.bind(name.key, at: 2)
            var versions: [Version] = []
            var damaged: [Dot] = []
            while try row.step() {
                let dot = Dot(origin: row.word(0), sequence: row.word(1))
                do {
                    versions.append(try AgentCodec.version(row.bytes(2), dot: dot))
                } catch {
                    damaged.append(dot)
                }
            }
            return (versions.sorted { $0.dot < $1.dot }, damaged.sorted())
        }
    }

    /// What the centre said of a version, in the order in which it came.
    public func verdicts(of dot: Dot) throws -> [Verdict] {
        try database.read { try SQLiteAgentTables($0).verdicts(of: dot) }
    }

    /// When a version was first receipted, by the hub's clock; nil where that is not known any more.
    public func receiptTime(of dot: Dot) throws -> Milliseconds? {
        try database.read { database in
            // A store that an earlier program wrote has only what it keeps for proofs.
            let table = try database.tableExists("receipt_time") ? "receipt_time" : "receipt"
            let row = try Prepared(
                database,
                "SELECT time FROM \(table) WHERE origin = ? AND sequence >= ? ORDER BY place LIMIT 1")
            defer { row.reset() }
            row.bind(dot.origin, at: 1)
            row.bind(dot.sequence, at: 2)
            return try row.step() ? row.integer(0) : nil
        }
    }

    /// Whether SQLite finds its own file in order: what it says is wrong, and nothing when all is well.
    public func fileDamages(limit: Int) throws -> [String] {
        try database.read { database in
            func said(_ check: String) throws -> [String] {
                let row = try Prepared(database, "PRAGMA \(check)(\(limit))")
                defer { row.reset() }
                var found: [String] = []
                while try row.step() { found.append(row.text(0)) }
                return found == ["ok"] ? [] : found
            }
            // The quick check of SQLite 3.40 takes a key whose columns stand in another order for NULL.
            return try said("quick_check").isEmpty ? [] : said("integrity_check")
        }
    }

    /// How far the feed was taken in.
    public func feedToken() throws -> FeedToken {
        try database.read { try SQLiteAgentTables($0).session().feed }
    }

    /// Rows of each table, for whoever describes a store without its content.
    public func tableCounts() throws -> [String: Int] {
        try database.read { database in
            var counts: [String: Int] = [:]
            let tables = try String.fetchAll(
                database, sql: "SELECT name FROM sqlite_master WHERE type = 'table'")
            for table in tables where table.utf8.allSatisfy({ $0 != 0x22 }) {
                counts[table] = try? Int.fetchOne(database, sql: "SELECT count(*) FROM \"\(table)\"")
            }
            return counts
        }
    }
}

private struct QueueReader {
    let database: Database
    let origin: OwnOrigin
    let after: UInt64
    let now: Milliseconds
    let filter: QueueFilter

    init(
        _ database: Database, _ origin: OwnOrigin, _ after: UInt64, _ now: Milliseconds,
        _ filter: QueueFilter
    ) {
        self.database = database
        self.origin = origin
        self.after = after
        self.now = now
        self.filter = filter
    }

    private static let conditions = """
        v.origin = ?1 AND v.sequence > ?2 AND v.sequence <= ?3 AND (?4 IS NULL OR r.form = ?4)
        AND (?5 IS NULL OR v.authored <= ?5) AND (?6 IS NULL OR length(v.body) >= ?6)
        """

    private func bind(_ row: Prepared, from: UInt64, through: UInt64) {
        row.bind([
            .word(origin.id), .word(from), .word(through), filter.form.map { .text($0) } ?? .null,
            .optional(filter.until), .optional(filter.bytes.map(Int64.init)),
        ])
    }

    /// Two statements over all of it.
    func whole(limit: Int) throws -> QueueLook {
        var look = QueueLook()
        let ages = QueueLook.ages
        let groups = try Prepared(
            database,
            """
            SELECT r.form, CASE WHEN v.authored > ?7 THEN 0 WHEN v.authored > ?8 THEN 1
                WHEN v.authored > ?9 THEN 2 ELSE 3 END AS age,
                count(*), sum(length(v.body)), min(v.authored)
            FROM version v JOIN record r ON r.id = v.record WHERE \(QueueReader.conditions)
            GROUP BY r.form, age ORDER BY r.form, age
            """)
        defer { groups.reset() }
        bind(groups, from: after, through: origin.sequence)
        for (index, age) in ages.enumerated() { groups.bind(now - age, at: Int32(7 + index)) }
        while try groups.step() {
            look.groups.append(
                QueueLook.Group(
                    form: groups.text(0), age: Int(groups.integer(1)), versions: Int(groups.integer(2)),
                    bytes: Int(groups.integer(3)), oldest: groups.integer(4)))
        }
        let count = try Prepared(
            database, "SELECT count(*) FROM version WHERE origin = ? AND sequence > ? AND sequence <= ?")
        defer { count.reset() }
        count.bind([.word(origin.id), .word(after), .word(origin.sequence)])
        let held = try count.step() ? Int(count.integer(0)) : 0
        look.missing = max(0, wanted - held)
        look.entries = try entries(from: after, through: origin.sequence, limit: limit)
        return look
    }

    /// What was pruned is not missing.
    private var wanted: Int {
        let from = max(after, origin.floor - min(origin.floor, 1))
        return Int(clamping: origin.sequence - min(origin.sequence, from))
    }

    private func entries(from: UInt64, through: UInt64, limit: Int) throws -> [QueueLook.Entry] {
        guard limit > 0 else { return [] }
        let order = filter.largestFirst ? "length(v.body) DESC, v.sequence" : "v.sequence"
        let row = try Prepared(
            database,
            """
            SELECT v.sequence, r.form, r.key, v.authored, length(v.body) FROM version v
            JOIN record r ON r.id = v.record WHERE \(QueueReader.conditions) ORDER BY \(order) LIMIT ?7
            """)
        defer { row.reset() }
        bind(row, from: from, through: through)
        row.bind(limit, at: 7)
        var entries: [QueueLook.Entry] = []
        while try row.step() {
            let form = row.text(1)
            entries.append(
                QueueLook.Entry(
                    dot: Dot(origin: origin.id, sequence: row.word(0)), form: form,
                    key: Canonical.decode(key: row.bytes(2)).map { RecordKey(form: form, values: $0) },
                    authored: row.integer(3), bytes: Int(row.integer(4))))
        }
        return entries
    }

    /// So many versions are asked for at a time where some cannot be read.
    private static let stretch: UInt64 = 64

    /// Of a damaged file: stretch by stretch, and where one fails version by version.
    func piecemeal(limit: Int) -> QueueLook {
        var look = QueueLook()
        var found: [QueueLook.Entry] = []
        var sequence = after
        while sequence < origin.sequence {
            let end = min(origin.sequence, sequence + QueueReader.stretch)
            if let part = try? entries(from: sequence, through: end, limit: .max >> 1) {
                found += part
            } else {
                for one in sequence..<end {
                    if let part = try? entries(from: one, through: one + 1, limit: 1) {
                        found += part
                    } else {
                        look.unreadable += 1
                    }
                }
            }
            sequence = end
        }
        for entry in found { look.count(entry, at: now) }
        look.groups.sort { ($0.form, $0.age) < ($1.form, $1.age) }
        if filter == QueueFilter() { look.missing = max(0, wanted - found.count - look.unreadable) }
        if filter.largestFirst { found.sort { $0.bytes > $1.bytes } }
        look.entries = Array(found.prefix(limit))
        return look
    }
}
