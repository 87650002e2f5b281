import Forms
import SyncCore
import SyncStore

/// How one form's records lie in a table of their own: a column per key and field with the effective value.
///
/// Keys come day first, whatever the form's order. Texts of keys stand there as their number in `term`,
/// and so do persons and units in fields, where they have one. `_stated_after` counts from `_authored`,
/// `_created_after` from the stated time. `_assigned` has bit *n* set when field *n* was assigned (-*n* says
/// fields 1 to *n*), so that a record of a single version can be rebuilt from its row alone.
final class HubTable {
    /// Bits of `_flags`.
    enum Flag {
        static let clockUntrusted: Int64 = 1
        /// The state stands in `sibling`; the row is its effective value only.
        static let hasState: Int64 = 2
        /// Deleted, or nothing but a first-created time is known.
        static let gone: Int64 = 4
        static let conflict: Int64 = 8
    }

    struct Key {
        /// Position in the form's key.
        let position: Int
        let column: String
        /// False: the text's number.
        let isInteger: Bool
    }

    struct Field {
        let id: FieldID
        let column: String
        let kind: ValueKind
        let scale: UInt8
        let retentionClass: RetentionClass
        /// A person or unit: a text that has a number stands in the table with it.
        let isNumbered: Bool
    }

    let number: Int64
    let definition: FormDefinition
    let roles: HubRoles
    let rules: MergeRules
    let name: String
    /// In the table's order.
    let keys: [Key]
    /// Ascending by id.
    let fields: [Field]
    /// Index into `fields` by field id; -1 for those without a column.
    let fieldIndex: [Int]
    /// The highest field id that fits the mask of assigned fields.
    static let highestMasked: FieldID = 62
    static let own = [
        "_origin", "_sequence", "_revision", "_author", "_authored", statedAfter, createdAfter, "_assigned",
        "_flags",
    ]

    init(number: Int64, definition: FormDefinition) {
        self.number = number
        self.definition = definition
        roles = HubRoles(definition)
        rules = definition.mergeRules
        name = "form_" + HubTable.identifier(definition.form)
        var used: Set<String> = Set(HubTable.own)
        let order =
            definition.keys.indices.filter { definition.keys[$0].type == .date }
            + definition.keys.indices.filter { definition.keys[$0].type != .date }
        keys = order.map { position in
            let key = definition.keys[position]
            return Key(
                position: position, column: HubTable.column(key.name, else: "key_\(position)", &used),
                isInteger: key.type.valueKind == .integer)
        }
        fields = definition.fields.sorted { $0.id < $1.id }
            .filter { $0.id > 0 && $0.id <= HubTable.highestMasked }
            .map { field in
                Field(
                    id: field.id, column: HubTable.column(field.name, else: "field_\(field.id)", &used),
                    kind: field.type.valueKind, scale: field.type == .decimal ? field.scale ?? 0 : 0,
                    retentionClass: field.retentionClass,
                    isNumbered: field.type == .person || field.type == .unit)
            }
        var index = [Int](repeating: -1, count: Int(HubTable.highestMasked) + 1)
        for (position, field) in fields.enumerated() { index[Int(field.id)] = position }
        fieldIndex = index
    }

    func field(_ id: FieldID) -> Int? {
        guard id <= HubTable.highestMasked, fieldIndex[Int(id)] >= 0 else { return nil }
        return fieldIndex[Int(id)]
    }

    // MARK: - SQL

    private var columns: [String] { keys.map(\.column) + fields.map(\.column) + HubTable.own }
    private var list: String { columns.map { "\"\($0)\"" }.joined(separator: ", ") }
    private var marks: String { columns.map { _ in "?" }.joined(separator: ", ") }
    var keyMatch: String { keys.map { "\"\($0.column)\" = ?" }.joined(separator: " AND ") }

    var primary: String { keys.map { "\"\($0.column)\"" }.joined(separator: ", ") }
    var creation: String { creation(as: name) }

    func creation(as name: String) -> String {
        let keyColumns = keys.map { "\"\($0.column)\" INTEGER NOT NULL" }
        let fieldColumns = fields.map { HubTable.declaration($0) }
        let own = HubTable.own.map { "\"\($0)\" INTEGER NOT NULL" }
        let all = (keyColumns + fieldColumns + own + ["PRIMARY KEY (\(primary))"]).joined(separator: ", ")
        return "CREATE TABLE IF NOT EXISTS \"\(name)\" (\(all)) WITHOUT ROWID"
    }

    /// Statements that add the columns which a later revision brought.
    func additions(present: Set<String>) -> [String] {
        fields.filter { !present.contains($0.column) }
            .map { "ALTER TABLE \"\(name)\" ADD COLUMN \(HubTable.declaration($0))" }
    }

    private static func declaration(_ field: Field) -> String {
        // Without a type SQLite keeps numbers and texts as what they are.
        if field.isNumbered { return "\"\(field.column)\"" }
        let type =
            switch field.kind {
            case .integer, .decimal: "INTEGER"
            case .text: "TEXT"
            case .list: "BLOB"
            }
        return "\"\(field.column)\" \(type)"
    }

    /// Does nothing when the record is there already.
    lazy var insertion = "INSERT INTO \"\(name)\" (\(list)) VALUES (\(marks)) ON CONFLICT DO NOTHING"
    lazy var replacement = "INSERT OR REPLACE INTO \"\(name)\" (\(list)) VALUES (\(marks))"
    lazy var selection = "SELECT \(list) FROM \"\(name)\" WHERE \(keyMatch)"

    func selection(where condition: String, order: String) -> String {
        "SELECT \(list) FROM \"\(name)\" WHERE \(condition) ORDER BY \(order)"
    }

    /// Parameters and columns alike: keys, fields, then the rest in the order of ``own``.
    var firstField: Int32 { Int32(keys.count) }
    var firstOwn: Int32 { Int32(keys.count + fields.count) }

    // MARK: - Names

    private static func identifier(_ text: String) -> String {
        String(
            decoding: text.utf8.map { byte in
                switch byte {
                case 0x30...0x39, 0x61...0x7a: byte
                case 0x41...0x5a: byte + 32
                default: 0x5f
                }
            }, as: UTF8.self)
    }

    private static func column(_ text: String, else fallback: String, _ used: inout Set<String>) -> String {
        let wanted = identifier(text)
        let name = wanted.isEmpty || wanted.hasPrefix("_") || used.contains(wanted) ? fallback : wanted
        used.insert(name)
        return name
    }
}

extension FieldType {
    /// How values of the type lie in batches.
    var valueKind: ValueKind {
        switch self {
        case .integer, .boolean, .date, .time: .integer
        case .decimal: .decimal
        case .multiChoice, .placeList: .list
        case .text, .choice, .person, .unit, .region, .record: .text
        }
    }
}
