import GRDBSQLite
import SyncCore
import SyncStore

/// A prepared statement on the C API: the hub's hot path binds here, and so does everything beside it.
///
/// Parameters count from 1, columns from 0. Bound memory is copied unless the name says otherwise.
final class HubStatement {
    let handle: OpaquePointer
    private let connection: OpaquePointer

    init(_ connection: OpaquePointer, _ sql: String) throws {
        var handle: OpaquePointer?
        let code = sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
        guard code == SQLITE_OK, let handle else {
            throw HubStatement.error(code, connection, "prepare")
        }
        self.handle = handle
        self.connection = connection
    }

    deinit { sqlite3_finalize(handle) }

    // MARK: - Binding

    @discardableResult func bind(_ values: HubBinding...) -> HubStatement {
        for (index, value) in values.enumerated() { bind(Int32(index + 1), value) }
        return self
    }

    func bind(_ index: Int32, _ value: HubBinding) {
        switch value {
        case .null: sqlite3_bind_null(handle, index)
        case .int(let number): sqlite3_bind_int64(handle, index, number)
        case .blob(let bytes):
            bytes.withUnsafeBytes {
                _ = sqlite3_bind_blob(
                    handle, index, $0.baseAddress ?? HubStatement.nothing, Int32($0.count),
                    HubStatement.transient)
            }
        case .text(let bytes):
            bytes.withUnsafeBytes {
                let start = ($0.baseAddress ?? HubStatement.nothing).assumingMemoryBound(to: CChar.self)
                _ = sqlite3_bind_text(handle, index, start, Int32($0.count), HubStatement.transient)
            }
        }
    }

    // MARK: - Running

    /// Advances to the next row; false at the end, where the statement is ready to be bound anew.
    func step() throws -> Bool {
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        sqlite3_reset(handle)
        guard code == SQLITE_DONE else { throw HubStatement.error(code, connection, "step") }
        return false
    }

    /// Makes it ready to be bound anew before its last row.
    func reset() { sqlite3_reset(handle) }

    /// Runs a statement that yields nothing.
    func run() throws {
        while try step() {}
    }

    /// The first row, when there is one; the statement is ready again afterwards.
    func first<Result>(_ read: (HubStatement) throws -> Result) throws -> Result? {
        guard try step() else { return nil }
        defer { sqlite3_reset(handle) }
        return try read(self)
    }

    func all<Result>(_ read: (HubStatement) throws -> Result) throws -> [Result] {
        defer { sqlite3_reset(handle) }
        var rows: [Result] = []
        while try step() { rows.append(try read(self)) }
        return rows
    }

    // MARK: - Reading

    func int(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }
    func isInteger(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_INTEGER }
    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        return Array(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }

    /// The bytes where they lie, only good within `body`.
    func withBytes(_ column: Int32, _ body: (UnsafeRawBufferPointer) -> Void) {
        let start = sqlite3_column_blob(handle, column)
        body(UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }

    func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }

    func digest(_ column: Int32) throws -> Digest {
        guard let digest = Digest(bytes: bytes(column)) else {
            throw StoreError(.corrupt, "a stored digest has another length")
        }
        return digest
    }

    func word(_ column: Int32) -> UInt64 { UInt64(bitPattern: int(column)) }

    // MARK: - Constants and errors

    /// Somewhere to point for empty blobs: a null pointer would bind NULL.
    nonisolated(unsafe) static let nothing = UnsafeRawPointer(
        UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))
    /// Tells SQLite to copy what is bound.
    nonisolated(unsafe) static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    static func error(_ code: Int32, _ connection: OpaquePointer, _ doing: String) -> any Error {
        switch code & 0xff {
        case SQLITE_CONSTRAINT, SQLITE_MISMATCH, SQLITE_TOOBIG:
            HubBatchError(words: sqlite3_errmsg(connection).map { String(cString: $0) } ?? "code \(code)")
        default: StoreError(connection: connection, doing)
        }
    }
}

/// Something about one batch that the store cannot hold: that batch is refused, and the others go on.
struct HubBatchError: Error {
    var words: String
}

/// A value to bind.
enum HubBinding {
    case null
    case int(Int64)
    case blob([UInt8])
    case text([UInt8])

    static func word(_ word: UInt64) -> HubBinding { .int(Int64(bitPattern: word)) }
    static func text(_ string: String) -> HubBinding { .text(Array(string.utf8)) }
    static func digest(_ digest: Digest) -> HubBinding { .blob(digest.bytes) }
    static func flag(_ flag: Bool) -> HubBinding { .int(flag ? 1 : 0) }
    static func optional(_ number: Int64?) -> HubBinding { number.map { .int($0) } ?? .null }
}
