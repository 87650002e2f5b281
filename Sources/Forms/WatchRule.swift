/// A rule that looks beyond one record: across records, or at the clock. It stands in the form of the records
/// that it raises.
///
/// Exactly one of `missing`, `beside`, `differs`, `gap`, `clock` and `open` says what it looks for.
public struct WatchRule: Codable, Sendable, Hashable {
    /// "Nothing has come of somebody on the register by this hour."
    public struct Missing: Codable, Sendable, Hashable {
        /// A local time of day, or the name of the setting that holds it.
        public var after: String
    }

    /// "A record says one thing, and others of its day and unit another."
    public struct Beside: Codable, Sendable, Hashable {
        public var any: [RaiseRule.Condition]
        /// Records of this form, of the same day and of the unit's people.
        public var form: String
        public var finds: [RaiseRule.Condition]
    }

    /// "From some moment on nobody holds the post."
    public struct Gap: Codable, Sendable, Hashable {
        /// Hours before, or the name of the setting that holds them.
        public var ahead: String
        /// "Of a unit neither it nor one above has ever had anybody": so many hours after the unit above all
        /// of them came onto the register, or the name of the setting. Absent: that is not looked for.
        public var never: String?
    }

    /// "The hub's clock has gone back."
    public struct Clock: Codable, Sendable, Hashable {
        /// By at least so many minutes, or the name of the setting that holds them.
        public var back: String
    }

    public var id: String
    /// `urgent` or `routine`; absent: routine.
    public var level: String?
    /// The form that is looked at; absent: the one in which the rule stands.
    public var of: String?
    public var missing: Missing?
    public var beside: Beside?
    /// Computed fields of the form that say another number than was counted: of the check-ins made by the
    /// time that the number gives for itself, as those read then.
    public var differs: [String]?
    public var gap: Gap?
    public var clock: Clock?
    /// A record that was raised and of which one of these holds waits for an answer.
    public var open: [RaiseRule.Condition]?
    /// Who is told of what the rule raises, or of what waits, one after the other.
    public var tell: [TellStep]?
}

/// One step of telling: who, and after how long without an answer to the step before.
public struct TellStep: Codable, Sendable, Hashable {
    public enum Who: String, Codable, Sendable, Hashable {
        /// Who holds the post now, the first in the order.
        case duty
        /// Who comes behind the one who was told before.
        case next
        /// Who leads.
        case leader
    }

    public var who: Who
    /// The role whose holders are meant; absent: the duty roster.
    public var role: String?
    /// Minutes, or the name of the setting that holds them; absent: at once.
    public var after: String?

    public init(who: Who, role: String? = nil, after: String? = nil) {
        self.who = who
        self.role = role
        self.after = after
    }
}

/// Which fields and keys of a form say who holds a post from when to when.
public struct PostDefinition: Codable, Sendable, Hashable {
    public var unit: String
    /// A time, or a day from its beginning.
    public var from: String
    /// A time, or a day to its end. Not stated: until further notice.
    public var to: String
    public var person: String
    public var phone: String?
    /// Ascending: who is told first.
    public var order: String?
    public var leader: String?
    /// Absent: the duty roster.
    public var role: String?
}

/// What is wrong with a rule, and where.
public struct RuleFault: Sendable, Hashable {
    public enum Code: String, Sendable, Hashable {
        /// Two rules have one id.
        case twice
        /// Not exactly one of the things that a rule looks for.
        case oneOf = "one_of"
        case unknownForm = "unknown_form"
        case unknownField = "unknown_field"
        case unknownSetting = "unknown_setting"
        /// The form that is raised has no place for what a raised record says.
        case notRaisable = "not_raisable"
        /// The form has not the keys that such a rule needs.
        case badKeys = "bad_keys"
        case badCondition = "bad_condition"
        /// The field is not computed.
        case notComputed = "not_computed"
        /// The form does not say who holds a post.
        case noPost = "no_post"
        case badLevel = "bad_level"
    }

    public var form: String
    /// The rule's id.
    public var rule: String
    /// What of the rule, such as `beside.finds`; empty for the rule as a whole.
    public var member: String
    public var code: Code
    /// What stands there, where it is one word.
    public var word: String?
    /// What may stand there.
    public var allowed: [String] = []
}

extension FormDefinition {
    /// Who may see records of the form: `unit` (the unit's or person's own line), or `everybody`.
    public var isEverybodys: Bool { audience?.utf8.elementsEqual("everybody".utf8) ?? false }

    /// Whether its records say who is on duty.
    var isDuty: Bool { post.map { $0.role == nil } ?? false }

    /// A key's or field's type by its name.
    public func type(named name: String) -> FieldType? {
        keyIndex(name).map { keys[$0].type } ?? field(named: name)?.type
    }
}
