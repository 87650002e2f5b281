import Foundation
import GRDB
import Testing

/// A store's file as somebody has it who wants to change what stands there.
struct JournalFile {
    /// One byte of one column of one row.
    struct Place: CustomStringConvertible {
        var table: String
        var row: Int
        var column: String
        var byte: Int

        var description: String { "\(table) row \(row) \(column) byte \(byte)" }
    }

    struct Table {
        var name: String
        var keys: [String]
        var columns: [String]
        var rows: [[DatabaseValue]]
    }

    let queue: DatabaseQueue

    init(_ folder: String) throws {
        var configuration = Configuration()
        configuration.busyMode = .timeout(5)
        queue = try DatabaseQueue(path: folder + "/store.sqlite", configuration: configuration)
        try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = OFF") }
    }

    /// - Parameter columns: by table; all of a table where none are named.
    func tables(_ wanted: [(table: String, columns: [String])]) throws -> [Table] {
        try queue.read { database in
            try wanted.map { name, columns in
                let info = try Row.fetchAll(
                    database, sql: "SELECT name, pk FROM pragma_table_info('\(name)')")
                let all = info.map { row -> String in row[0] }
                let keys = info.filter { ($0[1] as Int) > 0 }.map { row -> String in row[0] }
                let chosen = columns.isEmpty ? all : columns
                let list = (keys + chosen).map { "\"\($0)\"" }.joined(separator: ", ")
                let rows = try Row.fetchAll(database, sql: "SELECT \(list) FROM \(name)")
                return Table(
                    name: name, keys: keys, columns: chosen,
                    rows: rows.map { row in (0..<row.count).map { row[$0] as DatabaseValue } })
            }
        }
    }

    func execute(_ sql: String) throws { try queue.writeWithoutTransaction { try $0.execute(sql: sql) } }

    /// Changes every byte, one at a time, and puts it back; what SQLite itself refuses is passed over.
    ///
    /// - Returns: how many were changed.
    func eachByte(
        of tables: [Table], mask: () -> UInt8, _ look: (Place) throws -> Void
    ) async throws -> Int {
        var count = 0
        for table in tables {
            for (number, row) in table.rows.enumerated() {
                for (index, column) in table.columns.enumerated() {
                    let value = row[table.keys.count + index]
                    for byte in 0..<JournalFile.size(of: value) {
                        let changed = JournalFile.changed(value, at: byte, by: mask())
                        guard try put(changed, column, table, row, isBack: nil) else { continue }
                        count += 1
                        // Other tests wait for their turn, some of them with a clock in hand.
                        await Task.yield()
                        try look(Place(table: table.name, row: number, column: column, byte: byte))
                        #expect(try put(value, column, table, row, isBack: changed))
                    }
                }
            }
        }
        return count
    }

    /// - Parameter isBack: what stands there now, when the column may be part of the key.
    private func put(
        _ value: DatabaseValue, _ column: String, _ table: Table, _ row: [DatabaseValue],
        isBack: DatabaseValue?
    ) throws -> Bool {
        let keys = table.keys.enumerated().map { index, key in
            key == column ? isBack ?? row[index] : row[index]
        }
        let match = table.keys.map { "\"\($0)\" IS ?" }.joined(separator: " AND ")
        return try queue.writeWithoutTransaction { database in
            do {
                try database.execute(
                    sql: "UPDATE \(table.name) SET \"\(column)\" = ? WHERE \(match)",
                    arguments: StatementArguments([value] + keys))
                return database.changesCount == 1
            } catch let error as DatabaseError where error.resultCode == .SQLITE_CONSTRAINT {
                return false
            }
        }
    }

    private static func size(of value: DatabaseValue) -> Int {
        switch value.storage {
        case .null: 0
        case .int64: 8
        case .double: 0
        case .string(let text): text.utf8.count
        case .blob(let data): data.count
        }
    }

    private static func changed(_ value: DatabaseValue, at byte: Int, by mask: UInt8) -> DatabaseValue {
        switch value.storage {
        case .int64(let number): return (number ^ Int64(bitPattern: UInt64(mask) << (8 * byte))).databaseValue
        case .blob(var data):
            data[data.startIndex + byte] ^= mask
            return data.databaseValue
        case .string(let text):
            var bytes = Array(text.utf8)
            bytes[byte] = bytes[byte] == 0x61 ? 0x62 : 0x61
            return String(decoding: bytes, as: UTF8.self).databaseValue
        default: return value
        }
    }
}
