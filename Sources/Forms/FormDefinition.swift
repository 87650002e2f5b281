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
    /// What people call the choices; they may be typed as well.
    public var choiceLabels: [String: Labels]?
    /// What a text must look like: see ``TextPattern``.
    public var pattern: String?
    /// The most characters of a text.
    public var longest: Int?
    /// The form whose records a record reference names.
    public var of: String?
    public var policy: String
    /// The revision of the form that brought the field; absent: the first.
    public var since: UInt32?
    /// Fields of one class are purged together; 0 stays as long as the records.
    public var retentionClass: RetentionClass
    public var personal: Bool
    public var required: Bool?
    /// Required where one of these holds in the same version.
    public var requiredIf: [RaiseRule.Condition]?
    /// A number, or the name of a setting such as `temperatureMinimum`.
    public var minimum: String?
    public var maximum: String?
    public var hidden: Bool?
    /// What a number is counted from when the program fills the form in; a person may still say another.
    public var computed: Measure?
    /// The reason of a refusal when a boolean or choice cannot be read; absent: `bad_value`.
    public var unreadable: String?
}

/// The key that is the day a record is about, and what is said of a record made before that day began.
public struct DayRule: Codable, Sendable, Hashable {
    public var key: String
    public var beforeReason: String
}

/// Column headings under which sheets carry the time of a row.
public struct SheetTimes: Codable, Sendable, Hashable {
    /// When the row was first written: its first-created time, and its stated time unless it was corrected.
    public var recorded: [String]
    /// When the row was corrected: then its stated time.
    public var corrected: [String]
}

/// "When one of these holds, raise a record of another form."
public struct RaiseRule: Codable, Sendable, Hashable {
    public struct Condition: Codable, Sendable, Hashable {
        public var field: String
        /// The boolean is true.
        public var isTrue: Bool?
        /// The number is at least this: a number or the name of a setting.
        public var atLeast: String?
        /// The text or choice is this; a list holds it.
        public var equals: String?
    }

    public var id: String
    public var raise: String
    public var any: [Condition]
    public var advice: Labels?
    /// Who is told, instead of those whom the raised form names.
    public var tell: [TellStep]?
}

/// Who writes versions of a form.
public enum Writer: String, Sendable, Hashable {
    case branch, centre
}

extension FormDefinition {
    public func isWritable(by writer: Writer) -> Bool {
        writers.contains { $0.utf8.elementsEqual(writer.rawValue.utf8) }
    }
}

public struct FormDefinition: Codable, Sendable, Hashable {
    public var form: String
    public var revision: UInt32
    public var labels: Labels
    /// In key order; a day comes first.
    public var keys: [KeyDefinition]
    public var day: DayRule?
    public var times: SheetTimes?
    public var fields: [FieldDefinition]
    /// Merge groups: names of fields that a version assigns all or none of, such as a temperature, when it
    /// was taken and how.
    public var groups: [[String]]?
    /// `branch`, `centre` or both.
    public var writers: [String]
    /// Days that each retention class is kept, by class number, and under "0" the records themselves; absent:
    /// for ever. See ``Retention``.
    public var retentionDays: [String: Int]?
    public var rules: [RaiseRule]?
    /// Rules across records and on time, whose records are of this form.
    public var watches: [WatchRule]?
    /// `everybody`: each branch is fed the records; absent: those whose unit or person they are about.
    public var audience: String?
    /// The form says who holds a post.
    public var post: PostDefinition?
}

extension FormDefinition {
    public func field(_ id: FieldID) -> FieldDefinition? { fields.first { $0.id == id } }

    public func field(named name: String) -> FieldDefinition? {
        fields.first { $0.name.utf8.elementsEqual(name.utf8) }
    }

    /// The position of a key by its name.
    public func keyIndex(_ name: String) -> Int? {
        keys.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
    }

    /// How the form's records are merged, under this revision and all earlier ones.
    public var mergeRules: MergeRules {
        MergeRules(
            fields.map { field in
                MergeRules.Field(
                    id: field.id, policy: MergePolicy(rawValue: field.policy) ?? .latest,
                    retentionClass: field.retentionClass, since: field.since ?? 1,
                    group: groups?.firstIndex { $0.contains { $0.utf8.elementsEqual(field.name.utf8) } })
            })
    }

    /// The merge groups as fields, each ascending.
    public var groupedFields: [[FieldID]] {
        (groups ?? []).map { names in names.compactMap { field(named: $0)?.id }.sorted() }
    }
}

extension FieldType {
    /// How values of the type lie on the wire.
    public var kind: ValueKind {
        switch self {
        case .integer, .boolean, .date, .time: .integer
        case .decimal: .decimal
        case .text, .choice, .person, .unit, .region, .record: .text
        case .multiChoice, .placeList: .list
        }
    }
}

extension FieldDefinition {
    /// A choice as it is kept, from what somebody wrote: the choice itself, or what it is called.
    public func choice(_ text: [UInt8]) -> [UInt8] {
        if (choices ?? []).contains(where: { $0.utf8.elementsEqual(text) }) { return text }
        let found = (choiceLabels ?? [:]).sorted { $0.key < $1.key }.first { _, labels in
            labels.zh.utf8.elementsEqual(text) || labels.en.utf8.elementsEqual(text)
        }
        return found.map { Array($0.key.utf8) } ?? text
    }

    /// The same of a value: of each item where there are several.
    public func chosen(_ value: Value) -> Value {
        switch value {
        case .text(let text) where type == .choice: .text(choice(text))
        case .list(let items) where type == .multiChoice: .list(items.map(choice))
        default: value
        }
    }
}
