/// How a value lies on the wire and in canonical bytes. Form types map onto these few.
public enum ValueKind: UInt8, Sendable, Hashable {
    /// Integers, booleans (0, 1), dates (days since 1970-01-01) and times (milliseconds).
    case integer = 1
    /// A number with a fixed count of decimal digits; the scale stands in the column.
    case decimal = 2
    /// UTF-8 bytes: texts, choices, and the ids of people, units, regions and records.
    case text = 3
    /// A list of UTF-8 texts: several choices, places.
    case list = 4
}

/// One value of one field. Compared byte by byte, never by Unicode equivalence.
public enum Value: Sendable, Hashable {
    /// Assigned, and deliberately without content: a blank cell.
    case notStated
    case integer(Int64)
    /// `unscaled` / 10^`scale`.
    case decimal(unscaled: Int64, scale: UInt8)
    case text([UInt8])
    case list([[UInt8]])

    public static func text(_ string: String) -> Value { .text(Array(string.utf8)) }
    public static func boolean(_ flag: Bool) -> Value { .integer(flag ? 1 : 0) }

    public var kind: ValueKind? {
        switch self {
        case .notStated: nil
        case .integer: .integer
        case .decimal: .decimal
        case .text: .text
        case .list: .list
        }
    }

    /// The text of a `.text` value, for showing.
    public var string: String? {
        if case .text(let bytes) = self { return String(decoding: bytes, as: UTF8.self) }
        return nil
    }

    public var integer: Int64? {
        if case .integer(let number) = self { return number }
        return nil
    }
}

/// The number of a field within its form; frozen for the form's life. 0 is the record's existence.
public typealias FieldID = UInt16

/// Fields of one retention class are purged together. 0 is kept as long as the form's records.
public typealias RetentionClass = UInt8

/// One field set by a version.
public struct Assignment: Sendable, Hashable {
    public var field: FieldID
    public var retentionClass: RetentionClass
    public var value: Value

    public init(field: FieldID, retentionClass: RetentionClass, value: Value) {
        self.field = field
        self.retentionClass = retentionClass
        self.value = value
    }
}
