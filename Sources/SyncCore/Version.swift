/// Names a record: one key of one form.
public struct RecordKey: Sendable, Hashable {
    public var form: String
    public var values: [Value]

    public init(form: String, values: [Value]) {
        self.form = form
        self.values = values
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z; negative before.
public typealias Milliseconds = Int64

/// One authored change of a record, immutable: it assigns some fields, and leaves the others alone.
public struct Version: Sendable, Hashable {
    public var dot: Dot
    public var key: RecordKey
    public var formRevision: UInt32
    public var context: Context
    public var isDelete: Bool
    /// False when the author's clock lay outside what its last contact with the hub allows.
    public var clockTrusted: Bool
    /// The replica's clock plus its last measured skew; never falls within a replica.
    public var authored: Milliseconds
    /// What the sheet or the person says; the authored time when neither says anything.
    public var stated: Milliseconds
    /// The least stated time of everything accepted for the record.
    public var firstCreated: Milliseconds
    /// Who typed: a person's id, or empty when nobody was named.
    public var author: [UInt8]
    /// The version's first name, when it was written again under a new origin.
    public var authoredDot: Dot?
    /// Strictly ascending by field. The setter of each field named here becomes this version's dot.
    public var assignments: [Assignment]

    public init(
        dot: Dot, key: RecordKey, formRevision: UInt32, context: Context = .empty, isDelete: Bool = false,
        clockTrusted: Bool = true, authored: Milliseconds, stated: Milliseconds, firstCreated: Milliseconds,
        author: [UInt8] = [], authoredDot: Dot? = nil, assignments: [Assignment]
    ) {
        self.dot = dot
        self.key = key
        self.formRevision = formRevision
        self.context = context
        self.isDelete = isDelete
        self.clockTrusted = clockTrusted
        self.authored = authored
        self.stated = stated
        self.firstCreated = firstCreated
        self.author = author
        self.authoredDot = authoredDot
        self.assignments = assignments
    }

    /// What it was called when it was written; its dot, unless it was written again under another origin.
    ///
    /// No journal has a version twice: an authored dot of the version's own origin names nothing.
    public var firstName: Dot {
        guard let authoredDot, authoredDot.origin != dot.origin else { return dot }
        return authoredDot
    }

    /// The order that decides `latest`: clock trusted, stated, authored, then origin and sequence of the
    /// first name, so that it is the same whichever names of a version are held.
    public func isLater(than other: Version) -> Bool {
        if clockTrusted != other.clockTrusted { return clockTrusted }
        if stated != other.stated { return stated > other.stated }
        if authored != other.authored { return authored > other.authored }
        let (mine, theirs) = (firstName, other.firstName)
        return mine != theirs ? theirs < mine : other.dot < dot
    }
}
