public import SyncCore

/// What rules look at. Everything is as of now: they are asked before anything later is taken in.
public protocol RuleFacts {
    /// All records of a form that exist; of a form with days, those of the days between the two.
    func each(
        of form: String, from: Int32?, to: Int32?, _ body: (RecordKey, EffectiveRecord) throws -> Void
    ) throws
    /// Those whose field says this now.
    func each(
        of form: String, where field: FieldID, is text: [UInt8],
        _ body: (RecordKey, EffectiveRecord) throws -> Void
    ) throws
    /// Nil when nothing is known of it.
    func record(_ key: RecordKey) throws -> EffectiveRecord?
    /// Whether the hub itself has taken the record back: see ``RuleEvent/Action/withdrawn``.
    func isWithdrawn(_ key: RecordKey) throws -> Bool
    /// Whose turn it has been, by the field that says so, in that order.
    func turns(of key: RecordKey, _ field: FieldID) throws -> [String]
    /// What it said at a moment, by the times that its versions give for themselves; nil when it did not
    /// exist yet.
    func record(_ key: RecordKey, asOf time: Milliseconds) throws -> EffectiveRecord?
    /// The unit on whose register a person is on a day; nil for none.
    func unit(of person: String, on day: Int32) throws -> String?
    /// The unit of the device that wrote it first; nil where the centre did, or nothing is known of it.
    func reportingUnit(of key: RecordKey) throws -> String?
    /// When the version that a field's value is from says that it was made.
    func stated(_ key: RecordKey, _ field: FieldID) throws -> Milliseconds?
}

/// A record of which something has come.
public struct TouchedRecord: Sendable, Hashable {
    public var key: RecordKey
    /// When it came to the hub.
    public var arrived: Milliseconds
    /// Where in the hub's log.
    public var position: UInt64
    /// A rule of its own form holds on what came.
    public var isFlagged: Bool

    public init(
        key: RecordKey, arrived: Milliseconds, position: UInt64 = 0, isFlagged: Bool = true
    ) {
        self.key = key
        self.arrived = arrived
        self.position = position
        self.isFlagged = isFlagged
    }
}

/// What a rule does: once for each record and step, whoever asks and how often.
public struct RuleEvent: Sendable, Hashable {
    public enum Action: Sendable, Hashable {
        /// The record is made; these facts called for it.
        case raised(facts: [String])
        /// Nobody has answered: it is this person's turn. Nil: the roster names nobody; the step comes once
        /// more when it does.
        case turn(step: Int64, person: String?)
        /// A clock that ran ahead had it raised for a moment that has not come, or it was raised of what had
        /// not all come, and is judged otherwise now: it is taken back, and made anew when it is due.
        case withdrawn
    }

    /// The rule that raised the record.
    public var rule: String
    public var key: RecordKey
    public var action: Action
    /// The moment at which it was due, however late it was looked at.
    public var at: Milliseconds
    public var isUrgent: Bool

    public init(
        rule: String, key: RecordKey, action: Action, at: Milliseconds, isUrgent: Bool
    ) {
        self.rule = rule
        self.key = key
        self.action = action
        self.at = at
        self.isUrgent = isUrgent
    }
}

public struct RuleOutcome: Sendable, Hashable {
    /// In the order in which they are to be written.
    public var events: [RuleEvent] = []
    /// When something is due next, as far as that is known, but for records that wait.
    public var next: Milliseconds?
    /// When something is due of a record that waits for an answer, for those that were looked at.
    public var waits: [RecordKey: Milliseconds] = [:]
    /// Of the touched records those that have to be looked at again: what a branch's rule raises may be on
    /// its way.
    public var again: [TouchedRecord] = []
    /// From here on the hub's log has to be looked at again, by whoever has not kept ``again``.
    public var waitingAt: UInt64? { again.map(\.position).min() }
    /// When ``again`` is to be looked at.
    public var nextAgain: Milliseconds? { again.map { $0.arrived + RuleEngine.patience + 1 }.min() }
    /// Some moment has passed at which a rule was due, whether it held or not.
    public var hasPassed = false
}
