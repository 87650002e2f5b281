import GRDB
import GRDBSQLite
import SyncStore

/// A prepared statement, kept by the connection, bound by position from 1 and read by column from 0.
///
/// It binds on the C interface: GRDB's argument arrays cost several times the insert itself.
struct Prepared {
    private let raw: OpaquePointer
    private let connection: OpaquePointer

    /// Takes the statement from the connection's cache, or prepares it.
    init(_ database: Database, _ sql: String) throws {
        guard let connection = database.sqliteConnection else { throw StoreError(.inputOutput, "closed") }
        self.connection = connection
        raw = try database.cachedStatement(sql: sql).sqliteStatement
        sqlite3_reset(raw)
        sqlite3_clear_bindings(raw)
    }

    func bind(_ value: Int64, at position: Int32) { sqlite3_bind_int64(raw, position, value) }

    func bind(_ value: Int64?, at position: Int32) {
        if let value { sqlite3_bind_int64(raw, position, value) } else { sqlite3_bind_null(raw, position) }
    }

    /// Keeps all 64 bits; compares as unsigned only below 2^63.
    func bind(_ value: UInt64, at position: Int32) { bind(Int64(bitPattern: value), at: position) }

    func bind(_ value: Int, at position: Int32) { bind(Int64(value), at: position) }

    func bind(_ value: [UInt8], at position: Int32) {
        value.withUnsafeBytes { bind($0, at: position) }
    }

    /// SQLite takes a copy. An empty buffer is an empty blob, not NULL.
    func bind(_ value: UnsafeRawBufferPointer, at position: Int32) {
        guard let base = value.baseAddress, value.count > 0 else {
            sqlite3_bind_zeroblob(raw, position, 0)
            return
        }
        sqlite3_bind_blob64(raw, position, base, UInt64(value.count), Prepared.transient)
    }

    func bind(_ value: [UInt8]?, at position: Int32) {
        if let value { bind(value, at: position) } else { sqlite3_bind_null(raw, position) }
    }

    func bind(text value: String, at position: Int32) { bind(textBytes: Array(value.utf8), at: position) }

    /// Text that is UTF-8 bytes already.
    func bind(textBytes value: [UInt8], at position: Int32) {
        value.withUnsafeBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                guard let base = characters.baseAddress, characters.count > 0 else {
                    _ = sqlite3_bind_text(raw, position, "", 0, Prepared.transient)
                    return
                }
                sqlite3_bind_text64(
                    raw, position, base, UInt64(characters.count), Prepared.transient, UInt8(SQLITE_UTF8))
            }
        }
    }

    /// True when a row stands ready; false at the end, where the statement is reset.
    func step() throws -> Bool {
        let code = sqlite3_step(raw)
        if code == SQLITE_ROW { return true }
        if code == SQLITE_DONE {
            sqlite3_reset(raw)
            return false
        }
        let message = sqlite3_errmsg(connection).map { String(cString: $0) }
        let extended = sqlite3_extended_errcode(connection)
        sqlite3_reset(raw)
        throw DatabaseError(resultCode: ResultCode(rawValue: extended), message: message)
    }

    /// For statements without rows, or whose rows do not matter.
    func run() throws {
        while try step() {}
    }

    /// Stops reading early. A statement left on a row would hold the transaction open.
    func reset() { sqlite3_reset(raw) }

    /// Rows changed by the last statement of the connection.
    var changes: Int { Int(sqlite3_changes(connection)) }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(raw, column) }
    func word(_ column: Int32) -> UInt64 { UInt64(bitPattern: sqlite3_column_int64(raw, column)) }
    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(raw, column) == SQLITE_NULL }
    func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }

    func bytes(_ column: Int32) -> [UInt8] {
        let count = Int(sqlite3_column_bytes(raw, column))
        guard count > 0, let base = sqlite3_column_blob(raw, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: base, count: count))
    }

    func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }

    /// SQLITE_TRANSIENT, which C writes as a cast that Swift does not import.
    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)
}
