import GRDB
import SyncCore
import SyncStore

/// Origins that were closed, and what came of them.
extension SQLiteAgentTables {
    func close(_ origin: OwnOrigin) throws {
        try put(origin)
        let row = try Prepared(
            database, "UPDATE origin SET closed = 1 + (SELECT max(closed) FROM origin) WHERE id = ?")
        row.bind(origin.id, at: 1)
        try row.run()
    }

    func closedOrigins() throws -> [OwnOrigin] { try origins("WHERE closed > 0 ORDER BY closed") }

    func cut(_ origin: OriginID, after: UInt64) throws {
        for statement in [
            "DELETE FROM version WHERE origin = ? AND sequence > ? AND head IS NOT NULL",
            "DELETE FROM seal WHERE origin = ? AND sequence > ?",
            "DELETE FROM salt WHERE origin = ? AND first_use > ?",
            "DELETE FROM verdict WHERE origin = ? AND sequence > ?",
        ] {
            let row = try Prepared(database, statement)
            row.bind(origin, at: 1)
            row.bind(after, at: 2)
            try row.run()
        }
    }

    func put(_ rename: ReplicaRename) throws {
        let row = try Prepared(
            database,
            "INSERT INTO rename (replica_before, replica_after, origin, after, fresh) VALUES (?, ?, ?, ?, ?)")
        row.bind(rename.from.bytes, at: 1)
        row.bind(rename.to.bytes, at: 2)
        row.bind(rename.names.origin, at: 3)
        row.bind(rename.names.after, at: 4)
        row.bind(rename.names.fresh, at: 5)
        try row.run()
    }

    func renames() throws -> [ReplicaRename] {
        let row = try Prepared(
            database,
            "SELECT replica_before, replica_after, origin, after, fresh FROM rename ORDER BY id")
        defer { row.reset() }
        var renames: [ReplicaRename] = []
        while try row.step() {
            renames.append(
                ReplicaRename(
                    from: try AgentCodec.token(row.bytes(0)), to: try AgentCodec.token(row.bytes(1)),
                    names: OriginRename(origin: row.word(2), after: row.word(3), fresh: row.word(4))))
        }
        return renames
    }

    func put(_ event: IdentityEvent) throws {
        let row = try Prepared(
            database, "INSERT INTO identity_event (at, kind, versions) VALUES (?, ?, ?)")
        row.bind(event.at, at: 1)
        row.bind(Int(event.kind.rawValue), at: 2)
        row.bind(event.versions, at: 3)
        try row.run()
    }

    func identityEvents(limit: Int) throws -> [IdentityEvent] {
        let row = try Prepared(
            database, "SELECT at, kind, versions FROM identity_event ORDER BY id DESC LIMIT ?")
        defer { row.reset() }
        row.bind(max(0, limit), at: 1)
        var events: [IdentityEvent] = []
        while try row.step() {
            guard let kind = UInt8(exactly: row.integer(1)).flatMap(IdentityEvent.Kind.init(rawValue:))
            else { throw StoreError(.corrupt, "identity event") }
            events.append(IdentityEvent(at: row.integer(0), kind: kind, versions: row.word(2)))
        }
        return events
    }
}
