public import SyncCore

/// The type of a field as people and form authors see it.
public enum FieldType: String, Codable, Sendable, Hashable {
    case text, integer, decimal, boolean, date, time, choice
    case multiChoice = "multi-choice"
    case person, unit, region
    case placeList = "place-list"
    case record
}

/// Names in both languages.
public struct Labels: Codable, Sendable, Hashable {
    public var en: String
    public var zh: String

    public init(en: String, zh: String) {
        self.en = en
        self.zh = zh
    }
}

public struct KeyDefinition: Codable, Sendable, Hashable {
    public var name: String
    public var type: FieldType
    public var labels: Labels
    /// Other column headings under which sheets carry it.
    public var headings: [String]?
}

public struct FieldDefinition: Codable, Sendable, Hashable {
    /// From 1; frozen for the form's life.
    public var id: FieldID
    public var name: String
    public var type: FieldType
    public var labels: Labels
    /// Other column headings under which sheets carry it.
    public var headings: [String]?
    /// Digits after the point of a decimal.
    public var scale: UInt8?
    public var choices: [String]?
    public var policy: String
    /// Fields of one class are purged together; 0 stays as long as the records.
    public var retentionClass: RetentionClass
    public var personal: Bool
    public var required: Bool?
    /// A number, or the name of a setting such as `temperatureMinimum`.
    public var minimum: String?
    public var maximum: String?
    public var hidden: Bool?
}

/// "When one of these holds, raise a record of another form."
public struct RaiseRule: Codable, Sendable, Hashable {
    public struct Condition: Codable, Sendable, Hashable {
        public var field: String
        /// The boolean is true.
        public var isTrue: Bool?
        /// The number is at least this: a number or the name of a setting.
        public var atLeast: String?
    }

    public var id: String
    public var raise: String
    public var any: [Condition]
    public var advice: Labels?
}

public struct FormDefinition: Codable, Sendable, Hashable {
    public var form: String
    public var revision: UInt32
    public var labels: Labels
    public var keys: [KeyDefinition]
    public var fields: [FieldDefinition]
    /// `branch`, `centre` or both.
    public var writers: [String]
    /// Days that each retention class is kept at the centre, by class number; absent: for ever.
    public var retentionDays: [String: Int]?
    public var rules: [RaiseRule]?
}
