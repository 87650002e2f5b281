public import Forms
public import SyncCore

/// How far a hub's rules have been evaluated. Beside the records themselves this is all that they remember.
public struct RuleMarks: Sendable, Hashable {
    /// Everything that was due up to here is done.
    public var through: Milliseconds
    /// The last position of the arrival log that was looked at.
    public var position: UInt64
    /// Cut-offs from a moment on that are not judged before another: the store was put back, and branches
    /// send again what it lacks.
    public var held: Held?
    /// Where the clock jumped ahead, ascending: a jump over nothing but time, or of a wrong clock.
    public var leaps: [Leap] = []
    /// The last time that the clock was found to have gone back.
    public var wentBack: Leap?

    public struct Held: Sendable, Hashable {
        public var from: Milliseconds
        public var until: Milliseconds

        public init(from: Milliseconds, until: Milliseconds) {
            self.from = from
            self.until = until
        }
    }

    public struct Leap: Sendable, Hashable {
        public var from: Milliseconds
        public var to: Milliseconds

        public init(from: Milliseconds, to: Milliseconds) {
            self.from = from
            self.to = to
        }
    }

    /// So long after a store was put back its cut-offs are judged.
    public static let grace: Milliseconds = 1_800_000
    /// Steps of the clock from here on are remembered.
    static let leap: Milliseconds = 600_000
    static let mostLeaps = 32

    public init(through: Milliseconds, position: UInt64) {
        self.through = through
        self.position = position
    }

    /// Whether what is due cannot be told from these marks, because they were made under a clock that was
    /// ahead.
    public func isAhead(of now: Milliseconds) -> Bool { through > now + RuleEngine.clockSlack }

    /// Goes back to before the clock ran ahead: what has fired is a record and does not fire again.
    mutating func goBack(to now: Milliseconds) {
        wentBack = Leap(from: through, to: now)
        var start = now
        while let last = leaps.last, last.to > now {
            start = min(start, last.from)
            leaps.removeLast()
        }
        if let from = held?.from { held = Held(from: min(from, start), until: now + RuleMarks.grace) }
        through = start
    }

    /// Everything up to `now` is done.
    mutating func advance(to now: Milliseconds) {
        if now - through >= RuleMarks.leap { leaps.append(Leap(from: through, to: now)) }
        // The oldest two become one: what is judged again then is more, not less.
        if leaps.count > RuleMarks.mostLeaps {
            leaps[1].from = leaps[0].from
            leaps.removeFirst()
        }
        through = max(now, through)
        if let held, held.until <= now { self.held = nil }
    }

    /// What branches send again counts before cut-offs from here on are judged.
    public mutating func hold(at now: Milliseconds) {
        held = Held(from: min(held?.from ?? through, through), until: now + RuleMarks.grace)
    }
}

/// What came at one position of the arrival log.
public struct HubArrival: Sendable {
    public var arrived: Milliseconds
    public var rows: VersionColumns

    public init(arrived: Milliseconds, rows: VersionColumns) {
        self.arrived = arrived
        self.rows = rows
    }
}

/// Evaluates the rules of a hub's forms and writes what they call for, in one transaction with the mark of
/// how far it has come: nothing fires twice, wherever the program dies.
public struct HubRules: Sendable {
    /// What one look has done.
    public struct Look: Sendable, Hashable {
        public var events: [RuleEvent] = []
        /// There is more in the log than one look takes.
        public var isMore = false
        /// Something of what waits for an answer, or of the roster, has changed.
        public var concernsWaiting = false
        /// The clock has gone back: what it was at the look before, and what it is.
        public var wentBack: RuleMarks.Leap?

        public init(events: [RuleEvent] = [], isMore: Bool = false) {
            self.events = events
            self.isMore = isMore
        }
    }

    private var engine: RuleEngine?
    /// The forms that ``engine`` was made of.
    private var forms: [FormName] = []
    private var settings: Settings?
    /// When something is due next; nil: not known.
    public private(set) var next: Milliseconds?
    /// The same but for records that wait for an answer.
    private var nextBeside: Milliseconds?
    /// How far the log was read: further than the mark in the store where records are looked at again.
    private var read: UInt64?
    /// What came before ``read`` and is looked at again.
    private var again: [TouchedRecord] = []
    /// When something is due of each record that waits.
    private var waits: [RecordKey: Milliseconds] = [:]
    private var known: RuleMarks?
    /// Records that wait were looked at since the roster or one of them changed.
    private var isCalm = false

    /// Versions that one look takes from the log.
    private static let versionsPerLook = 20_000

    private struct FormName: Hashable {
        var form: String
        var revision: UInt32
    }

    public init() {}

    /// The store's forms may have got revisions, or others beside them, and settings may be others.
    private mutating func loaded(_ store: any HubStore) throws -> (RuleEngine, CompiledCatalog) {
        let catalog = try store.compiledForms()
        let names = catalog.forms.map {
            FormName(form: $0.definition.form, revision: $0.definition.revision)
        }
        if let engine, names == forms, catalog.settings == settings { return (engine, catalog) }
        let made = RuleEngine(catalog)
        (engine, forms, settings) = (made, names, catalog.settings)
        forget()
        return (made, catalog)
    }

    /// The next look is one at everything, from the mark in the store on.
    private mutating func forget() {
        (isCalm, next, nextBeside) = (false, nil, nil)
        (read, again) = (nil, [])
    }

    /// Whether something is due: it has to be looked at before anything else is taken in.
    public func isDue(_ now: Milliseconds) -> Bool { next.map { $0 <= now } ?? true }

    /// - Throws: what the store throws; then nothing was done.
    public mutating func look(at store: any HubStore, now: Milliseconds) throws -> Look {
        let (engine, catalog) = try loaded(store)
        let stored = try store.ruleMarks()
        let marks = stored ?? RuleMarks(through: now, position: 0)
        var start = marks
        if marks.isAhead(of: now) { start.goBack(to: now) }
        if marks != known || start != marks { forget() }
        let end = try store.logPosition()
        let before = read ?? marks.position
        if marks == known, start == marks, end == before, !isDue(now) { return Look() }
        var news = try News(store, after: before, through: end, engine, catalog)
        news.touched.insert(contentsOf: again, at: 0)
        let scope = scope(of: news, now)
        let outcome = try engine.evaluate(
            news.touched, through: min(start.through, now), now: now, scope: scope,
            isHeld: start.held.map { now < $0.until } ?? false, heldFrom: start.held?.from,
            wentBackFrom: start == marks ? nil : marks.through,
            facts: StoreFacts(store: store, catalog: catalog))
        var moved = start
        moved.advance(to: now)
        moved.position = news.position
        if let waitingAt = outcome.waitingAt { moved.position = min(moved.position, waitingAt - 1) }
        var look = Look(events: outcome.events, isMore: news.position < end)
        if start != marks { look.wentBack = start.wentBack }
        let isNews =
            !outcome.events.isEmpty || moved.position != marks.position || outcome.hasPassed
            || stored == nil || start != marks || moved.held != marks.held
        known = marks
        if isNews {
            let isWritten = try store.write(clock: AuthoringClock(now: now, isTrusted: true)) {
                transaction in
                // Somebody else may have evaluated meanwhile.
                guard try (transaction.ruleMarks() ?? marks) == marks else { return false }
                for event in outcome.events { try write(event, by: catalog, in: transaction) }
                try transaction.set(moved)
                return true
            }
            guard isWritten else {
                forget()
                return Look(isMore: true)
            }
            known = moved
        }
        note(outcome, of: scope, held: moved.held)
        (read, again) = (news.position, outcome.again)
        isCalm = true
        look.concernsWaiting = news.concernsWaiting
        return look
    }

    /// What is to be looked at: the records that wait of which something came or is due, unless something
    /// else is due, or what all of them hang on has changed.
    private func scope(of news: News, _ now: Milliseconds) -> RuleScope {
        if !isCalm || news.concernsRoster || nextBeside.map({ $0 <= now }) ?? true { return .all }
        return .records(news.waiting.union(waits.lazy.filter { $0.value <= now }.map(\.key)))
    }

    /// What is due later, as far as a look has shown it.
    private mutating func note(_ outcome: RuleOutcome, of scope: RuleScope, held: RuleMarks.Held?) {
        let soonest = min(held?.until ?? .max, outcome.next ?? .max)
        switch scope {
        case .all:
            nextBeside = soonest
            waits = outcome.waits
        case .records(let keys):
            nextBeside = min(nextBeside ?? .max, soonest)
            for key in keys { waits[key] = nil }
            waits.merge(outcome.waits) { _, new in new }
        }
        next = min(nextBeside ?? .max, outcome.nextAgain ?? .max, waits.values.min() ?? .max)
    }

    /// Until nothing is left to do.
    public mutating func lookAll(at store: any HubStore, now: Milliseconds) throws -> [RuleEvent] {
        var events: [RuleEvent] = []
        // What is written is in the log itself: it is looked at once more.
        for _ in 0..<1_000 {
            let look = try look(at: store, now: now)
            events += look.events
            if !look.isMore && look.events.isEmpty { break }
        }
        return events
    }

    private func write(
        _ event: RuleEvent, by catalog: CompiledCatalog, in transaction: any HubTransaction
    ) throws {
        guard let form = catalog[event.key.form], let raised = RaisedForm(form.definition) else { return }
        let lane: Lane = event.isUrgent ? .urgent : .routine
        let revision = form.definition.revision
        switch event.action {
        case .raised(let facts):
            try transaction.raise(event.key, raised, facts, lane: lane, at: event.at)
        case .turn(let step, let person):
            guard let state = try transaction.record(event.key) else { return }
            let now = state.effective(under: form.mergeRules)
            let before = raised.value("step", of: now)?.integer ?? -1
            let isNext =
                before == step - 1
                || before == step && raised.text("turn", of: now) == nil && person != nil
            guard now.exists, isNext, raised.status(of: now) == RaisedForm.open else { return }
            var values: [(name: String, value: Value)] = [
                ("step", .integer(step)), ("turn", person.map { .text($0) } ?? .notStated),
                ("due_at", .integer(event.at)),
            ]
            if raised.time("arrived_at", of: now) == nil { values.append(("arrived_at", .integer(event.at))) }
            for edit in state.edits(raised.assignments(values), under: form.mergeRules) {
                try transaction.author(
                    Draft(
                        lane: lane, key: event.key, formRevision: revision, context: edit.context,
                        assignments: edit.assignments))
            }
        case .withdrawn:
            guard let state = try transaction.record(event.key),
                state.effective(under: form.mergeRules).exists
            else { return }
            try transaction.author(
                Draft(
                    lane: lane, key: event.key, formRevision: revision, context: state.seen, isDelete: true,
                    assignments: []))
        }
    }
}

extension RecordState {
    /// Whether nobody by name has deleted it, as a hub does that takes back what its rules raised.
    fileprivate var isWithdrawn: Bool { !withdrawals.isEmpty }

    /// The deletes that nobody signed, where the record is gone by them alone.
    fileprivate var withdrawals: [Version] {
        let found = siblings.filter { holds($0, RecordState.existence) }
        return found.allSatisfy { $0.isDelete && $0.author.isEmpty } ? found : []
    }
}

extension RecordState {
    /// The record as those of its versions make it that say they were made by a moment.
    ///
    /// - Parameter versions: all that are held, also those that do not count.
    fileprivate func asOf(_ time: Milliseconds, among versions: [Version]) -> RecordState {
        var then = RecordState()
        for version in versions where version.stated <= time && seen.covers(version.dot) {
            then.merge(version) { dot in versions.first { $0.dot == dot } }
        }
        return then
    }
}

extension HubStore {
    /// The versions of a record, from the last of each journal back by what each had seen, which names the
    /// journal's version before it: these few segments are read, however long the journal is. A version whose
    /// author left one aside that stands no more may hide that one.
    ///
    /// - Returns: in the order of their names; nil where a name is another record's, or is not held.
    package func chainedVersions(of key: RecordKey) throws -> [Version]? {
        guard let state = try record(key) else { return [] }
        var versions: [Dot: Version] = [:]
        var left = state.seen.last + state.siblings.map(\.dot)
        while let dot = left.popLast() {
            guard versions[dot] == nil else { continue }
            guard let batch = try segment(of: dot.origin, holding: dot.sequence) else { return nil }
            let version = batch.version(at: Int(clamping: dot.sequence - batch.first))
            guard version.key == key else { return nil }
            versions[dot] = version
            left += version.context.last.filter { $0.origin == dot.origin && $0.sequence < dot.sequence }
        }
        return versions.values.sorted { $0.dot < $1.dot }
    }
}

extension HubTransaction {
    fileprivate func raise(
        _ key: RecordKey, _ raised: RaisedForm, _ facts: [String], lane: Lane, at time: Milliseconds
    ) throws {
        let before = try record(key)
        guard before?.isWithdrawn ?? true else { return }
        try author(
            Draft(
                lane: lane, key: key, formRevision: raised.definition.revision,
                context: before?.seen ?? .empty,
                assignments: raised.first(
                    facts, [("arrived_at", .integer(time))], isWhole: before != nil)))
    }

    /// Makes what a record's own form calls for, and nobody has made yet: in the transaction in which the
    /// centre writes the record.
    package func raise(by key: RecordKey, _ catalog: CompiledCatalog, now: Milliseconds) throws {
        guard let form = catalog[key.form],
            let record = try record(key)?.effective(under: form.mergeRules), form.isFlagged(record)
        else { return }
        for found in form.raised(for: key, record, definition: { catalog.catalog[$0] }) {
            guard let raised = catalog[found.key.form].flatMap({ RaisedForm($0.definition) }) else {
                continue
            }
            let isUrgent = catalog.isUrgent(rule: found.rule, raised: found.key.form)
            try raise(found.key, raised, found.facts, lane: isUrgent ? .urgent : .routine, at: now)
        }
    }
}

extension HubRules {
    /// What has come since the last look, as far as rules ask for it.
    private struct News {
        var touched: [TouchedRecord] = []
        var position: UInt64
        /// What waits for an answer, or may.
        var waiting: Set<RecordKey> = []
        /// Something of the roster, or of the tree of units, is among it.
        var concernsRoster = false
        /// Something of what waits, or of the roster, is among it.
        var concernsWaiting: Bool { concernsRoster || !waiting.isEmpty }

        init(
            _ store: any HubStore, after: UInt64, through end: UInt64, _ engine: RuleEngine,
            _ catalog: CompiledCatalog
        ) throws {
            position = after
            var versions = 0
            while position < end, versions < HubRules.versionsPerLook {
                guard let arrival = try store.arrival(at: position + 1) else { break }
                position += 1
                versions += arrival.rows.count
                for group in arrival.rows.groups where engine.concerns(group.form) {
                    guard let form = catalog[group.form] else { continue }
                    let isOfRoster =
                        form.definition.post != nil || group.form == BuiltIn.unit
                        || group.form == BuiltIn.placement
                    if isOfRoster { concernsRoster = true }
                    let mayWait = RaisedForm(form.definition) != nil
                    let flagged = form.flagged(group)
                    for place in group.rows.indices {
                        let key = RecordKey(
                            form: group.form, values: group.keys.map { $0.value(at: place) ?? .notStated })
                        if mayWait { waiting.insert(key) }
                        touched.append(
                            TouchedRecord(
                                key: key, arrived: arrival.arrived, position: position,
                                isFlagged: flagged[place]))
                    }
                }
            }
        }
    }
}

/// A hub's store as rules look at it.
private struct StoreFacts: RuleFacts {
    let store: any HubStore
    let catalog: CompiledCatalog

    func each(
        of form: String, from: Int32?, to: Int32?, _ body: (RecordKey, EffectiveRecord) throws -> Void
    ) throws {
        try store.export(form: form, from: from, to: to) { values, record in
            try body(RecordKey(form: form, values: values), record)
        }
    }

    func each(
        of form: String, where field: FieldID, is text: [UInt8],
        _ body: (RecordKey, EffectiveRecord) throws -> Void
    ) throws {
        try store.records(form: form, where: field, is: text) { values, record in
            try body(RecordKey(form: form, values: values), record)
        }
    }

    func record(_ key: RecordKey) throws -> EffectiveRecord? { try store.effective(key) }
    func isWithdrawn(_ key: RecordKey) throws -> Bool {
        guard let found = try store.record(key)?.withdrawals, !found.isEmpty else { return false }
        return try found.allSatisfy { try store.device(of: $0.dot.origin) == nil }
    }
    func turns(of key: RecordKey, _ field: FieldID) throws -> [String] {
        let versions = try store.chainedVersions(of: key) ?? store.versions(of: key)
        return versions.compactMap { version in
            version.assignments.first { $0.field == field }?.value.string
        }
    }
    func record(_ key: RecordKey, asOf time: Milliseconds) throws -> EffectiveRecord? {
        guard let state = try store.record(key), state.firstCreated <= time else { return nil }
        let rules = catalog[key.form]?.mergeRules ?? .latest
        let isOfThen = state.siblings.allSatisfy { $0.stated <= time }
        let then = isOfThen ? state : try state.asOf(time, among: store.versions(of: key))
        let record = then.effective(under: rules)
        return record.exists ? record : nil
    }
    func unit(of person: String, on day: Int32) throws -> String? {
        let stay = RecordKey(form: BuiltIn.membership, values: [.text(person), .integer(Int64(day))])
        return try store.unit(of: stay)
    }
    func reportingUnit(of key: RecordKey) throws -> String? { try store.reportingUnit(of: key) }
    func stated(_ key: RecordKey, _ field: FieldID) throws -> Milliseconds? {
        guard let state = try store.record(key) else { return nil }
        let rules = catalog[key.form]?.mergeRules ?? .latest
        let setter = state.effective(under: rules).fields.first { $0.field == field }?.setter
        return state.siblings.first { $0.dot == setter }?.stated
    }
}
