public import SyncCore

/// What may be kept on a day, by the forms' `retentionDays`.
///
/// The values of a class are kept for so many days after their version was authored: so they go together with
/// the salt of that day and class, under which they were hashed. Where the author's clock was not trusted
/// they are kept for so many days after the day in the record's key, since that clock may be years off. Class
/// 0 is the records themselves: they are kept for so many days after the day in their key, which every
/// version of a record has in common. All of them go on one day, deletes among them, and nobody ever merges
/// what is left of half a record.
public struct Retention: Sendable {
    /// How long one form's records and classes are kept.
    struct Rule: Sendable {
        /// Position of the day in the key.
        var dayKey: Int?
        /// Days that the records are kept; nil: for ever.
        var records: Int32?
        var classes: [RetentionClass: Int32] = [:]
        /// The classes of the form's own fields.
        var fields: [FieldID: RetentionClass] = [:]
    }

    /// Days that any class or record may be kept at most.
    public static let longest = 36_500
    /// The highest class that a field may have: no other lies in rows.
    public static let highestClass = RetentionClass.max - 1

    /// Days since 1970-01-01.
    public let today: Int32
    private let rules: [[UInt8]: Rule]

    /// - Parameter forms: a later revision stands before an earlier one.
    public init(_ forms: FormCatalog, today: Int32) {
        self.today = today
        var rules: [[UInt8]: Rule] = [:]
        for definition in forms.definitions {
            let form = Array(definition.form.utf8)
            var rule = rules[form] ?? Rule(dayKey: definition.keys.firstIndex { $0.type == .date })
            for (name, days) in definition.retentionDays ?? [:] {
                guard let kept = RetentionClass(name), (1...Retention.longest).contains(days) else {
                    continue
                }
                if kept == 0 {
                    rule.records = rule.records ?? Int32(days)
                } else {
                    rule.classes[kept] = rule.classes[kept] ?? Int32(days)
                }
            }
            for field in definition.fields where rule.fields[field.id] == nil {
                rule.fields[field.id] = field.retentionClass
            }
            rules[form] = rule
        }
        self.rules = rules
    }

    /// The same on another day.
    public func on(_ day: Int32) -> Retention {
        Retention(rules: rules, today: day)
    }

    private init(rules: [[UInt8]: Rule], today: Int32) {
        self.rules = rules
        self.today = today
    }

    /// The lengths for which some class is kept, in days, ascending.
    public var spans: [Int32] { Set(rules.values.flatMap(\.classes.values)).sorted() }

    /// Forms whose records are not kept for ever, in the order of their names' bytes.
    public var formsThatEnd: [[UInt8]] {
        rules.filter { $0.value.records != nil && $0.value.dayKey != nil }.keys
            .sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// For how many days the records of a form are kept after the day in their key; nil: for ever.
    public func days(form: [UInt8]) -> Int32? {
        rules[form].flatMap { $0.dayKey == nil ? nil : $0.records }
    }

    /// For how many days after authoring a field's values are kept; nil: for ever.
    public func days(form: [UInt8], field: FieldID, class kept: RetentionClass) -> Int32? {
        guard let rule = rules[form], !rule.classes.isEmpty else { return nil }
        return [kept, rule.fields[field] ?? 0].compactMap { rule.classes[$0] }.min()
    }

    public func isOver(_ day: Int64, _ days: Int32) -> Bool { day + Int64(days) < Int64(today) }

    /// Whether the record may be kept no longer, whatever its versions say.
    public func isOver(_ key: RecordKey) -> Bool { isOver(form: Array(key.form.utf8), key: key.values) }

    public func isOver(form: [UInt8], key: [Value]) -> Bool {
        guard let rule = rules[form], let days = rule.records, let at = rule.dayKey, at < key.count,
            let day = key[at].integer, Retention.isDay(day)
        else { return false }
        return isOver(day, days)
    }

    /// The day from which on a version's values are kept; nil when nothing is known of its form. It depends
    /// on nothing but the version, so that all replicas, and a hub that is made anew, say the same.
    public func start(of version: Version) -> Int64? {
        rules[Array(version.key.form.utf8)].map { start(of: version, $0) }
    }

    /// - Parameter recordDay: the first date in the record's key.
    public static func start(authored: Milliseconds, isTrusted: Bool, recordDay: Int64?) -> Int64 {
        if !isTrusted, let recordDay, isDay(recordDay) { return recordDay }
        return Int64(JournalChain.day(of: authored))
    }

    private func start(of version: Version, _ rule: Rule) -> Int64 {
        let at = rule.dayKey.flatMap { $0 < version.key.values.count ? version.key.values[$0].integer : nil }
        return Retention.start(
            authored: version.authored, isTrusted: version.clockTrusted, recordDay: at)
    }

    /// Whether the salts of a version's day may still be needed by what its author writes. Nothing of it goes
    /// then, also where the record's day is long ago.
    public func isFresh(authored: Milliseconds) -> Bool {
        abs(Int64(JournalChain.day(of: authored)) - Int64(today)) <= 1
    }

    private static func isDay(_ day: Int64) -> Bool { day > Int64(Int32.min) && day < Int64(Int32.max) }

    /// Whether a value may be kept no longer whose version is kept from `start` on.
    private func isOver(_ assignment: Assignment, _ rule: Rule, start: Int64) -> Bool {
        // What a version says of a field's class binds as well as what its form says.
        let named = [assignment.retentionClass, rule.fields[assignment.field] ?? 0]
        return named.contains { kept in rule.classes[kept].map { isOver(start, $0) } ?? false }
    }

    /// The version as it may be kept: what is over is *not stated*, so that it assigns what it assigned, and
    /// covers what it covered. Nil when nothing is to be taken from it.
    public func trimmed(_ version: Version) -> Version? {
        guard let rule = rules[Array(version.key.form.utf8)], !rule.classes.isEmpty else { return nil }
        if isFresh(authored: version.authored) { return nil }
        let start = start(of: version, rule)
        var left = version
        var isChanged = false
        for (index, assignment) in version.assignments.enumerated()
        where assignment.value != .notStated && isOver(assignment, rule, start: start) {
            left.assignments[index].value = .notStated
            isChanged = true
        }
        return isChanged ? left : nil
    }

    /// The state that the versions give when each is trimmed. Nil when nothing is to be taken from it.
    public func trimmed(_ state: RecordState) -> RecordState? {
        var isChanged = false
        let siblings = state.siblings.map { version in
            guard let left = trimmed(version) else { return version }
            isChanged = true
            return left
        }
        guard isChanged else { return nil }
        return RecordState(
            siblings: siblings, covers: state.covers, seen: state.seen, firstCreated: state.firstCreated,
            formRevision: state.formRevision, aliases: state.aliases)
    }

    /// The first day on which something of a version, as it is now, may be kept no longer; nil: never.
    public func firstDayOver(_ version: Version) -> Int32? {
        let form = Array(version.key.form.utf8)
        guard let rule = rules[form] else { return nil }
        var first: Int64?
        func consider(_ day: Int64, _ days: Int32?) {
            guard let days else { return }
            first = min(first ?? .max, day + Int64(days) + 1)
        }
        if let at = rule.dayKey, at < version.key.values.count, let day = version.key.values[at].integer,
            Retention.isDay(day)
        {
            consider(day, rule.records)
        }
        let start = start(of: version, rule)
        for assignment in version.assignments where assignment.value != .notStated {
            consider(start, rule.classes[assignment.retentionClass])
            consider(start, rule.fields[assignment.field].flatMap { rule.classes[$0] })
        }
        return first.map { Int32(clamping: $0) }
    }
}

extension FormDefinition {
    /// Refuses days that are none, of classes that are none, and an end that no day tells: neither that of
    /// records, nor that of values whose author's clock was not trusted.
    func checkRetention() throws(FormDefinitionError) {
        for (name, days) in (retentionDays ?? [:]).sorted(by: { $0.key < $1.key }) {
            let isKnown =
                RetentionClass(name).map { $0 <= Retention.highestClass && "\($0)" == name } ?? false
            let hasDay = keys.contains { $0.type == .date }
            guard isKnown, (1...Retention.longest).contains(days), hasDay else {
                throw FormDefinitionError(form: form, subject: "retentionDays \(name)", code: .badBound)
            }
        }
    }
}

extension Retention {
    /// A day that is not after the first on which something of these rows may be kept no longer; nil: never.
    /// Looks at columns only.
    public func firstDayOver(_ columns: VersionColumns) -> Int32? {
        var first: Int64?
        for group in columns.groups {
            guard let rule = rules[Array(group.form.utf8)] else { continue }
            var days: [Int32] = []
            for column in group.fields
            where column.presence.isEmpty || column.presence.contains(Presence.value.rawValue) {
                days += [column.retentionClass, rule.fields[column.field] ?? 0].compactMap {
                    rule.classes[$0]
                }
            }
            if let least = days.min() {
                first = min(first ?? .max, earliestStart(of: group, in: columns, rule) + Int64(least) + 1)
            }
            if let records = rule.records, let at = rule.dayKey, at < group.keys.count,
                group.keys[at].kind == .integer, let earliest = group.keys[at].integers.min()
            {
                let day = max(Int64(Int32.min), min(Int64(Int32.max), earliest))
                first = min(first ?? .max, day + Int64(records) + 1)
            }
        }
        return first.map { Int32(clamping: $0) }
    }

    /// A day from which on, or after which, all rows of the group are kept.
    private func earliestStart(of group: FormGroup, in columns: VersionColumns, _ rule: Rule) -> Int64 {
        let key = rule.dayKey.flatMap { $0 < group.keys.count ? group.keys[$0] : nil }
        let days = key?.kind == .integer ? key?.integers : nil
        var earliest = Int64(Int32.max)
        var authored = Milliseconds.max
        for (place, row) in group.rows.enumerated() {
            let flags = VersionFlags(rawValue: columns.flags[Int(row)])
            if flags.contains(.clockUntrusted), let day = days?[place], Retention.isDay(day) {
                earliest = min(earliest, day)
            } else {
                authored = min(authored, columns.authored[Int(row)])
            }
        }
        return authored == .max ? earliest : min(earliest, Int64(JournalChain.day(of: authored)))
    }
}
