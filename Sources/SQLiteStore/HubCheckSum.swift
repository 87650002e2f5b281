import GRDB
import GRDBSQLite
import SyncCore
import SyncWire

/// Check sums of the rows that no chain and no signature prove: which origins a replica writes to, and what
/// its sessions and tokens are. They find damage; whoever can write to the file can make them anew.
enum HubCheckSum {
    struct Table: Sendable {
        var name: String
        var key: String
        var columns: [String]

        var list: String { columns.joined(separator: ", ") }
    }

    /// In the order in which ``SQLiteHubStore/save(_:)`` has them.
    static let origin = Table(
        name: "origin", key: "num",
        columns: [
            "num", "id", "derivation", "lane", "device", "nonce", "current", "held", "head", "sealed",
            "sealed_head", "receipt", "replica", "backed_up", "passed", "receipt_time",
        ])
    static let replica = Table(
        name: "replica", key: "id",
        columns: [
            "id", "device", "replica", "session", "token_confirmed", "token_offered", "token_former",
            "token_rival", "first_seen", "last_seen", "feed_position",
        ])

    static func of(_ values: some Sequence<HubBinding>) -> Int64 {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(256)
        for value in values {
            switch value {
            case .null: bytes.append(0)
            case .int(let number):
                bytes.append(1)
                bytes += HubBytes.bigEndian(UInt64(bitPattern: number))
            case .blob(let content), .text(let content):
                bytes.append(2)
                bytes += HubBytes.bigEndian(UInt64(content.count)) + content
            }
        }
        return Int64(Checksum.crc32(bytes))
    }

    /// Of a row that has the columns of `table` from its first on.
    static func of(_ row: HubStatement, _ table: Table) -> Int64 {
        of(
            table.columns.indices.map { index -> HubBinding in
                let column = Int32(index)
                if row.isNull(column) { return .null }
                let isNumber = sqlite3_column_type(row.handle, column) == SQLITE_INTEGER
                return isNumber ? .int(row.int(column)) : .blob(row.bytes(column))
            })
    }

    /// Gives every row its check sum that has none yet.
    static func migrate(_ database: Database) throws {
        for table in [origin, replica] {
            try database.execute(sql: "ALTER TABLE \(table.name) ADD COLUMN check_sum INTEGER")
            guard let connection = database.sqliteConnection else { return }
            let rows = try HubStatement(connection, "SELECT \(table.list), \(table.key) FROM \(table.name)")
            let sums = try rows.all { ($0.int(Int32(table.columns.count)), of($0, table)) }
            let update = try HubStatement(
                connection, "UPDATE \(table.name) SET check_sum = ? WHERE \(table.key) = ?")
            for (key, sum) in sums { try update.bind(.int(sum), .int(key)).run() }
        }
    }
}

extension SQLiteHubStore {
    /// Follows each change of a replica's row.
    func sumUp(replica: Int64) throws {
        let sum = try connection.first(
            "SELECT \(HubCheckSum.replica.list) FROM replica WHERE id = ?", .int(replica)
        ) { HubCheckSum.of($0, HubCheckSum.replica) }
        guard let sum else { return }
        try connection.run("UPDATE replica SET check_sum = ? WHERE id = ?", .int(sum), .int(replica))
    }

    /// The keys of the rows that are not as they were written.
    func damaged(_ table: HubCheckSum.Table) throws -> [Int64] {
        let last = Int32(table.columns.count)
        return try connection.all("SELECT \(table.list), \(table.key), check_sum FROM \(table.name)") {
            let isRight = !$0.isNull(last + 1) && $0.int(last + 1) == HubCheckSum.of($0, table)
            return isRight ? nil : $0.int(last)
        }.compactMap { $0 }
    }
}
