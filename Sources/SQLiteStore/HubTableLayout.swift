import Forms
import GRDB
import GRDBSQLite
import SyncCore
import SyncStore

/// How a row says in few bytes what most rows say alike.
///
/// Ten million check-ins lie in one table: a time takes six bytes, its distance from another one mostly none
/// or four; the fields of a version that assigns all of them three, how many they are one; a person's id ten,
/// its number three.
extension HubTable {
    /// Names in ``own`` of the times that stand as distances: the stated time from the authored one, the
    /// first-created time from the stated one.
    static let statedAfter = "_stated_after"
    static let createdAfter = "_created_after"

    /// What `_assigned` holds of a mask of fields: of one with all fields from 1 on, minus how many.
    static func assigned(_ mask: Int64) -> Int64 {
        let above = UInt64(bitPattern: mask) &+ 2
        return mask > 0 && above.nonzeroBitCount == 1 ? 1 - Int64(above.trailingZeroBitCount) : mask
    }

    /// The mask of fields that `_assigned` stands for.
    static func mask(assigned: Int64) -> Int64 {
        guard assigned < 0, assigned >= -Int64(highestMasked) else { return assigned }
        return ((1 << -assigned) - 1) << 1
    }

    /// The times of a row: nobody but who altered it by hand makes them overflow.
    func times(_ row: HubStatement) -> (authored: Milliseconds, stated: Milliseconds, created: Milliseconds) {
        let authored = row.int(firstOwn + 4)
        let stated = authored &+ row.int(firstOwn + 5)
        return (authored, stated, stated &+ row.int(firstOwn + 6))
    }

    func mask(_ row: HubStatement) -> Int64 { HubTable.mask(assigned: row.int(firstOwn + 7)) }

    // MARK: - Tables of before

    /// Makes the forms' tables anew that have whole times, masks and ids.
    static func migrate(_ database: Database) throws {
        guard let connection = database.sqliteConnection else { return }
        let forms = try HubStatement(
            connection,
            """
            SELECT f.num, m.value FROM form f JOIN meta m ON m.name = 'form ' || CAST(f.name AS TEXT)
            ORDER BY f.num
            """
        ).all { (number: $0.int(0), definition: $0.bytes(1)) }
        for form in forms {
            let table = HubTable(number: form.number, definition: try FormCatalog.decode(form.definition))
            let present = Set(
                try String.fetchAll(
                    database, sql: "SELECT name FROM pragma_table_info(?)", arguments: [table.name]))
            guard !present.isEmpty else { continue }
            for statement in table.conversion(present: present) { try database.execute(sql: statement) }
        }
    }

    /// What a table is called while it is made anew: no form's is, whatever the form is called.
    private static let remade = "remade"

    private func conversion(present: Set<String>) -> [String] {
        let there = fields.filter { present.contains($0.column) }
        let columns = keys.map(\.column) + there.map(\.column) + HubTable.own
        let values =
            keys.map { "\"\($0.column)\"" }
            + there.map { field in
                let column = "\"\(field.column)\""
                guard field.isNumbered else { return column }
                return "coalesce((SELECT num FROM term WHERE text = CAST(\(column) AS BLOB)), \(column))"
            }
            + HubTable.own.map { name in
                switch name {
                case HubTable.statedAfter: "_stated - _authored"
                case HubTable.createdAfter: "_created - _stated"
                case "_assigned": HubTable.shortened
                default: name
                }
            }
        return [
            creation(as: HubTable.remade),
            """
            INSERT INTO "\(HubTable.remade)" (\(columns.map { "\"\($0)\"" }.joined(separator: ", ")))
            SELECT \(values.joined(separator: ", ")) FROM "\(name)" ORDER BY \(primary)
            """,
            "DROP TABLE \"\(name)\"",
            "ALTER TABLE \"\(HubTable.remade)\" RENAME TO \"\(name)\"",
        ]
    }

    /// ``assigned(_:)`` as SQLite computes it.
    private static let shortened: String = {
        let cases = (1...Int64(highestMasked)).map { "WHEN \(mask(assigned: -$0)) THEN -\($0)" }
        return "CASE _assigned \(cases.joined(separator: " ")) ELSE _assigned END"
    }()
}

extension SQLiteHubStore {
    /// The bytes of a text field's column: persons and units that have a number stand there with it.
    func text(_ row: HubStatement, _ column: Int32, _ field: HubTable.Field) throws -> [UInt8] {
        field.isNumbered && row.isInteger(column) ? try terms.text(of: row.int(column)) : row.bytes(column)
    }

    /// What a column shows of a value; another kind than the form's cannot come through validation.
    func binding(_ value: Value?, _ field: HubTable.Field) throws -> HubBinding {
        switch value {
        case .integer(let number) where field.kind == .integer: .int(number)
        case .decimal(let unscaled, let scale) where field.kind == .decimal && scale == field.scale:
            .int(unscaled)
        case .text(let text) where field.kind == .text:
            field.isNumbered ? try terms.find(text).map { .int($0) } ?? .text(text) : .text(text)
        case .list(let items) where field.kind == .list: .blob(Canonical.encodeList(items))
        default: .null
        }
    }

    /// Whether a column shows that value, with the number that a text had then or without.
    func shows(
        _ row: HubStatement, _ column: Int32, _ value: Value?, _ field: HubTable.Field
    ) throws -> Bool {
        if row.isNull(column) {
            if case .null = try binding(value, field) { return true }
            return false
        }
        if case .text(let text)? = value, field.kind == .text {
            return try self.text(row, column, field) == text
        }
        return switch try binding(value, field) {
        case .null: false
        case .int(let number): row.int(column) == number
        case .text(let bytes), .blob(let bytes): row.bytes(column) == bytes
        }
    }
}
