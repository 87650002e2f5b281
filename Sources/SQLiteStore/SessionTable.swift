import GRDB
import SyncCore
public import SyncStore

/// The table of the last sessions, the same in both stores.
enum SessionTable {
    static let creation = """
        CREATE TABLE session_entry (
            id INTEGER PRIMARY KEY, device INTEGER NOT NULL, began INTEGER NOT NULL, ended INTEGER,
            ending TEXT, welcomed INTEGER NOT NULL, tries INTEGER NOT NULL, bytes_up INTEGER NOT NULL,
            bytes_down INTEGER NOT NULL, versions_up INTEGER NOT NULL, versions_down INTEGER NOT NULL,
            urgent_origin INTEGER, urgent_sent INTEGER, routine_origin INTEGER, routine_sent INTEGER,
            program TEXT NOT NULL, UNIQUE (device, began))
        """

    static let isThere = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'session_entry'"

    static let selection = """
        SELECT device, began, ended, ending, welcomed, tries, bytes_up, bytes_down, versions_up,
        versions_down, urgent_origin, urgent_sent, routine_origin, routine_sent, program FROM session_entry
        WHERE ?1 IS NULL OR device = ?1 ORDER BY id DESC LIMIT ?2
        """

    static let insertion = """
        INSERT INTO session_entry (device, began, ended, ending, welcomed, tries, bytes_up, bytes_down,
        versions_up, versions_down, urgent_origin, urgent_sent, routine_origin, routine_sent, program)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (device, began) DO UPDATE SET ended = excluded.ended, ending = excluded.ending,
        welcomed = excluded.welcomed, tries = excluded.tries, bytes_up = excluded.bytes_up,
        bytes_down = excluded.bytes_down, versions_up = excluded.versions_up,
        versions_down = excluded.versions_down, urgent_origin = excluded.urgent_origin,
        urgent_sent = excluded.urgent_sent, routine_origin = excluded.routine_origin,
        routine_sent = excluded.routine_sent, program = excluded.program
        """

    /// The device, and how many of it stay.
    static let thinning = """
        DELETE FROM session_entry WHERE device = ?1 AND id <= (SELECT id FROM session_entry
        WHERE device = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)
        """

    static let losing = "UPDATE session_entry SET ending = '\(SessionEntry.lost)' WHERE ending IS NULL"

    /// The entry under which `session` is kept when `last` stands right before it.
    static func joined(_ session: SessionEntry, to last: SessionEntry?) -> SessionEntry {
        guard let last, last.began != session.began, session.repeats(last) else { return session }
        var joined = session
        joined.began = last.began
        joined.tries = last.tries &+ session.tries
        joined.bytesUp = last.bytesUp &+ session.bytesUp
        joined.bytesDown = last.bytesDown &+ session.bytesDown
        return joined
    }

    /// What is bound to ``insertion``, in order.
    static func values(_ session: SessionEntry) -> [HubBinding] {
        func sent(_ lane: Lane) -> [HubBinding] {
            guard let sent = session.sent[lane] else { return [.null, .null] }
            return [.word(sent.origin), .word(sent.through)]
        }
        return [
            .int(session.device), .int(session.began), .optional(session.ended),
            session.ending.map { .text($0) } ?? .null, .flag(session.isWelcomed),
            .int(Int64(session.tries)), .word(session.bytesUp), .word(session.bytesDown),
            .word(session.versionsUp), .word(session.versionsDown),
        ] + sent(.urgent) + sent(.routine) + [.text(session.program)]
    }

    /// - Parameters: a row of ``selection``, by column.
    static func entry(
        isNull: (Int32) -> Bool, int: (Int32) -> Int64, text: (Int32) -> String
    ) -> SessionEntry {
        func word(_ column: Int32) -> UInt64 { UInt64(bitPattern: int(column)) }
        var entry = SessionEntry(device: int(0), began: int(1))
        entry.ended = isNull(2) ? nil : int(2)
        entry.ending = isNull(3) ? nil : text(3)
        entry.isWelcomed = int(4) != 0
        entry.tries = UInt32(clamping: int(5))
        entry.bytesUp = word(6)
        entry.bytesDown = word(7)
        entry.versionsUp = word(8)
        entry.versionsDown = word(9)
        if !isNull(10) { entry.sent[.urgent] = .init(origin: word(10), through: word(11)) }
        if !isNull(12) { entry.sent[.routine] = .init(origin: word(12), through: word(13)) }
        entry.program = text(14)
        return entry
    }
}

extension SQLiteAgentStore: SessionKeeper {
    public func keep(_ sessions: [SessionEntry]) throws {
        try database.write(claim: { .routine }) { database in
            for session in sessions {
                let last = try SQLiteAgentStore.sessions(database, of: session.device, limit: 1).first
                let row = try Prepared(database, SessionTable.insertion)
                row.bind(SessionTable.values(SessionTable.joined(session, to: last)))
                try row.run()
                let thinning = try Prepared(database, SessionTable.thinning)
                thinning.bind([.int(session.device), .int(Int64(SessionEntry.keptAtBranch))])
                try thinning.run()
            }
        }
    }

    public func loseOpenSessions() throws {
        try database.write(claim: { .routine }) { try Prepared($0, SessionTable.losing).run() }
    }

    public func sessions(of device: Int64?, limit: Int) throws -> [SessionEntry] {
        try database.read { try SQLiteAgentStore.sessions($0, of: device, limit: limit) }
    }

    private static func sessions(
        _ database: Database, of device: Int64?, limit: Int
    ) throws -> [SessionEntry] {
        let look = try Prepared(database, SessionTable.isThere)
        defer { look.reset() }
        // A store of an earlier program, opened for reading.
        guard try look.step(), look.integer(0) > 0 else { return [] }
        let row = try Prepared(database, SessionTable.selection)
        defer { row.reset() }
        row.bind([.optional(device), .int(Int64(limit))])
        var entries: [SessionEntry] = []
        while try row.step() {
            entries.append(
                SessionTable.entry(isNull: row.isNull, int: row.integer, text: row.text))
        }
        return entries
    }
}

extension Prepared {
    /// From the first parameter on.
    func bind(_ values: [HubBinding]) {
        for (index, value) in values.enumerated() {
            let position = Int32(index + 1)
            switch value {
            case .null: bind(Int64?.none, at: position)
            case .int(let number): bind(number, at: position)
            case .blob(let bytes): bind(bytes, at: position)
            case .text(let bytes): bind(textBytes: bytes, at: position)
            }
        }
    }
}

extension SQLiteHubStore: SessionKeeper {
    public func keep(_ sessions: [SessionEntry]) throws {
        try connection.write {
            for session in sessions {
                let last = try self.sessions(of: session.device, limit: 1).first
                let row = try connection.statement(SessionTable.insertion)
                for (index, value) in SessionTable.values(SessionTable.joined(session, to: last)).enumerated()
                {
                    row.bind(Int32(index + 1), value)
                }
                try row.run()
                try connection.run(
                    SessionTable.thinning, .int(session.device), .int(Int64(SessionEntry.keptOfDevice)))
            }
        }
    }

    public func loseOpenSessions() throws { try connection.write { try connection.run(SessionTable.losing) } }

    public func sessions(of device: Int64?, limit: Int) throws -> [SessionEntry] {
        try connection.read {
            guard try connection.first(SessionTable.isThere, read: { $0.int(0) }) ?? 0 > 0 else { return [] }
            return try connection.all(SessionTable.selection, .optional(device), .int(Int64(limit))) { row in
                SessionTable.entry(isNull: row.isNull, int: row.int, text: row.text)
            }
        }
    }
}
