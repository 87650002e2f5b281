public import SyncCore

/// Evaluates all rules of a catalog: a pure function of records, touched records and time.
///
/// Rules on time are due at moments that only settings and records decide, each in its turn, so that many
/// small steps of time and one long one come to the same.
public struct RuleEngine: Sendable {
    let catalog: CompiledCatalog
    /// A record that a branch's own rule raises comes behind the one that called for it; the hub waits so
    /// long before it makes it itself.
    public static let patience: Milliseconds = 5_000
    /// A clock that has gone back by more than this did not merely drift.
    public static let clockSlack: Milliseconds = 120_000
    /// Cut-offs longer ago are not looked at any more.
    public static let daysBack: Int32 = 62

    public init(_ catalog: CompiledCatalog) { self.catalog = catalog }

    /// Forms of which it matters that something has come.
    public func concerns(_ form: String) -> Bool {
        guard let compiled = catalog[form] else { return false }
        if !compiled.rules.isEmpty || compiled.definition.post != nil { return true }
        if form == BuiltIn.membership { return false }
        if form == BuiltIn.unit || form == BuiltIn.placement { return looksForRoster }
        return catalog.watches.contains { watch in
            switch watch.kind {
            case .beside(let one, _, let other, _):
                one.definition.form == form || other.definition.form == form
            case .differs(let one, _): one.definition.form == form || form == BuiltIn.checkIn
            case .open: watch.raises.definition.form == form
            case .missing, .gap, .clock: false
            }
        }
    }

    /// Units of which nobody was ever on duty are looked for.
    private var looksForRoster: Bool {
        catalog.watches.contains { watch in
            if case .gap(_, _, .some) = watch.kind { return true }
            return false
        }
    }

    /// - Parameters:
    ///   - touched: records of which something has come since rules were last asked.
    ///   - through: everything that was due up to here is done.
    ///   - now: everything that is due up to here is to be done.
    ///   - isHeld: cut-offs are not judged yet: what was there by then may have to be sent again.
    ///   - heldFrom: cut-offs from here on have not been judged, because they were held.
    ///   - wentBackFrom: what the clock showed before it went back to what it shows now.
    ///   - scope: what is looked at beside what was touched.
    public func evaluate(
        _ touched: [TouchedRecord], through: Milliseconds, now: Milliseconds, scope: RuleScope = .all,
        isHeld: Bool = false, heldFrom: Milliseconds? = nil, wentBackFrom: Milliseconds? = nil,
        facts: some RuleFacts
    ) throws -> RuleOutcome {
        var run = RuleRun(catalog: catalog, through: through, now: now, facts: facts)
        if wentBackFrom != nil { try run.doubt() }
        let posts = Set(catalog.catalog.definitions.filter { $0.post != nil }.map(\.form))
        run.rosterCame = touched.filter { posts.contains($0.key.form) }.map(\.arrived).max()
        for record in touched { try run.onRecord(record) }
        try run.acrossRecords(touched)
        for watch in catalog.watches {
            switch watch.kind {
            case .missing(let form, let cutOff):
                if !isHeld, scope == .all {
                    try run.missing(watch, form, cutOff, through: heldFrom ?? through)
                }
            case .gap(_, let ahead, let never):
                if scope == .all {
                    try run.gaps(watch, ahead)
                    if let never { try run.without(watch, since: never) }
                }
                if run.rosterCame != nil { try run.filled(watch, hasNever: never != nil) }
            case .clock, .beside, .differs, .open: break
            }
        }
        run.withdraw()
        for watch in catalog.watches {
            guard case .clock(let back) = watch.kind, let before = wentBackFrom, before - now >= back
            else { continue }
            try run.clock(watch, from: before)
        }
        try run.turns(touched, scope)
        return run.outcome
    }
}

/// What rules look at beside what was touched.
public enum RuleScope: Sendable, Hashable {
    /// Whatever may be due: cut-offs, gaps, all records that wait for an answer.
    case all
    /// These records, as far as they wait, and those that are raised now: nothing else may be due.
    case records(Set<RecordKey>)
}

/// A unit of the register.
struct PlacedUnit {
    var unit: String
    var line: String
    /// Since when it is on the register.
    var since: Milliseconds
}

/// One evaluation, with what it has looked up.
struct RuleRun<Facts: RuleFacts> {
    let catalog: CompiledCatalog
    let through: Milliseconds
    let now: Milliseconds
    let facts: Facts
    var outcome = RuleOutcome()
    /// What was raised by a clock that ran ahead and has not been judged again.
    var doubted: Set<RecordKey> = []
    var withdrawn: Set<RecordKey> = []
    /// When something came of the posts, since rules were last asked.
    var rosterCame: Milliseconds?
    private var memberships: [CoverageCount.Membership]?
    private var excuses: [CoverageCount.Excuse]?
    private var units: [PlacedUnit]?
    private var tree: DatedTree?
    private var posts: Posts?
    private var people: [Int32: [[UInt8]: [String]]] = [:]
    private var written: [String: [Int32: Bool]] = [:]

    init(catalog: CompiledCatalog, through: Milliseconds, now: Milliseconds, facts: Facts) {
        self.catalog = catalog
        self.through = through
        self.now = now
        self.facts = facts
    }

    mutating func isDue(next time: Milliseconds) {
        if time > now { outcome.next = min(outcome.next ?? .max, time) }
    }

    /// Of a record that waits something is due at `time`.
    mutating func isDue(_ key: RecordKey, at time: Milliseconds) {
        if time > now { outcome.waits[key] = min(outcome.waits[key] ?? .max, time) }
    }

    // MARK: - What is looked up

    mutating func loadedUnits() throws -> [PlacedUnit] {
        if let units { return units }
        var found: [PlacedUnit] = []
        try facts.each(of: BuiltIn.unit, from: nil, to: nil) { key, record in
            guard let unit = key.values.first?.string else { return }
            found.append(
                PlacedUnit(
                    unit: unit, line: record[BuiltIn.unitLine]?.string ?? "",
                    since: record.firstCreated))
        }
        units = found
        return found
    }

    mutating func loadedTree() throws -> DatedTree {
        if let tree { return tree }
        let loaded = try DatedTree { try facts.each(of: $0, from: nil, to: nil, $1) }
        tree = loaded
        return loaded
    }

    /// The unit and those above it on a day, the topmost first.
    mutating func chain(of unit: String, on day: Int32) throws -> [String] {
        try loadedTree().chain(from: unit, on: day).reversed()
    }

    /// The topmost units of a day in the line that is counted.
    mutating func tops(on day: Int32) throws -> [PlacedUnit] {
        let tree = try loadedTree()
        let units = try loadedUnits().filter { $0.line == CoverageCount.line }
        return units.filter { unit in
            guard let above = tree.above(unit.unit, on: day) else { return true }
            return !units.contains { $0.unit.utf8.elementsEqual(above.utf8) }
        }
    }

    mutating func loadedPosts() throws -> Posts {
        if let posts { return posts }
        var found: [Posting] = []
        for form in catalog.forms where form.definition.post != nil {
            try facts.each(of: form.definition.form, from: nil, to: nil) { key, record in
                if let posting = form.posting(key, record) { found.append(posting) }
            }
        }
        let loaded = Posts(found)
        posts = loaded
        return loaded
    }

    /// The people on each unit's register on a day, sorted by bytes.
    mutating func people(on day: Int32) throws -> [[UInt8]: [String]] {
        if let known = people[day] { return known }
        var all = memberships ?? []
        if memberships == nil {
            try facts.each(of: BuiltIn.membership, from: nil, to: nil) { key, record in
                guard key.values.count == 2, let person = key.values[0].string,
                    let from = key.values[1].integer
                else { return }
                all.append(
                    CoverageCount.Membership(
                        person: person, from: Int32(clamping: from),
                        unit: record[BuiltIn.membershipUnit]?.string))
            }
            memberships = all
        }
        var found: [[UInt8]: [String]] = [:]
        for (person, unit) in CoverageCount.register(all, on: day) {
            found[unit, default: []].append(String(decoding: person, as: UTF8.self))
        }
        for unit in found.keys {
            found[unit]?.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        }
        people[day] = found
        return found
    }

    /// Whether a form has any record of a day. Of most days that a backlog brings check-ins of it has none,
    /// and the register needs not be looked at.
    mutating func isWritten(_ form: String, on day: Int32) throws -> Bool {
        if let known = written[form]?[day] { return known }
        var isThere = false
        try facts.each(of: form, from: day, to: day) { _, _ in isThere = true }
        written[form, default: [:]][day] = isThere
        return isThere
    }

    mutating func isExcused(_ person: String, on day: Int32) throws -> Bool {
        if excuses == nil {
            var found: [CoverageCount.Excuse] = []
            try facts.each(of: BuiltIn.excuse, from: nil, to: nil) { key, record in
                guard key.values.count == 2, let person = key.values[0].string,
                    let from = key.values[1].integer
                else { return }
                let to = record[BuiltIn.excuseTo]?.integer.map { Int32(clamping: $0) } ?? .max
                found.append(
                    CoverageCount.Excuse(person: person, from: Int32(clamping: from), to: to))
            }
            excuses = found
        }
        return excuses?.contains {
            $0.from <= day && day <= $0.to && $0.person.utf8.elementsEqual(person.utf8)
        } ?? false
    }

    // MARK: - On a record

    /// What a record's own form calls for, and nobody has made yet.
    mutating func onRecord(_ touched: TouchedRecord) throws {
        guard touched.isFlagged, let form = catalog[touched.key.form], !form.rules.isEmpty,
            let record = try facts.record(touched.key), form.isFlagged(record)
        else { return }
        for raised in form.raised(for: touched.key, record, definition: { catalog.catalog[$0] }) {
            guard try facts.record(raised.key) == nil, !isRaised(raised.key) else { continue }
            // What came under a clock that ran ahead came in the past.
            let isNew = touched.arrived <= now + RuleEngine.clockSlack
            if isNew && touched.arrived > now - RuleEngine.patience {
                if outcome.again.last != touched { outcome.again.append(touched) }
                continue
            }
            raise(raised.rule, raised.key, raised.facts, at: isNew ? touched.arrived : now)
        }
    }

    func isRaised(_ key: RecordKey) -> Bool { outcome.events.contains { $0.key == key } }

    mutating func raise(_ rule: String, _ key: RecordKey, _ facts: [String], at time: Milliseconds) {
        outcome.events.append(
            RuleEvent(
                rule: rule, key: key, action: .raised(facts: facts), at: time,
                isUrgent: catalog.isUrgent(rule: rule, raised: key.form)))
    }

    /// Raises what a watch calls for, unless it is there.
    mutating func raise(
        _ watch: CompiledWatch, day: Int32, unit: String, about: String, _ facts: [String],
        at time: Milliseconds
    ) throws {
        let key = RecordKey(
            form: watch.raises.definition.form,
            values: [.integer(Int64(day)), .text(watch.id), .text(unit), .text(about)])
        // It holds: what has become of it stays.
        if doubted.remove(key) != nil { return }
        guard try self.facts.record(key) == nil || self.facts.isWithdrawn(key), !isRaised(key) else { return }
        raise(watch.id, key, facts, at: time)
    }
}

extension CompiledForm {
    /// The records that this form's rules call for by a record's effective values, and by those between which
    /// nobody has decided yet.
    package func raised(
        for key: RecordKey, _ record: EffectiveRecord, definition lookUp: (String) -> FormDefinition?
    ) -> [RaisedRecord] {
        var found = raised(for: key, { record[$0] }, definition: lookUp)
        for field in record.fields where field.isConflict {
            for candidate in field.candidates {
                let more = raised(
                    for: key, { $0 == field.field ? candidate.value : nil }, definition: lookUp)
                for raised in more {
                    if let index = found.firstIndex(where: { $0.key == raised.key }) {
                        found[index].facts += raised.facts.filter { !found[index].facts.contains($0) }
                    } else {
                        found.append(raised)
                    }
                }
            }
        }
        return found
    }
}
