public import SyncCore

/// How many people or records are named in one record's facts.
private let namedFacts = 64

extension RuleRun {
    func named(_ all: [String]) -> [String] {
        all.count <= namedFacts ? all : Array(all.prefix(namedFacts)) + ["+\(all.count - namedFacts)"]
    }

    // MARK: - Nothing has come by the cut-off

    mutating func missing(
        _ watch: CompiledWatch, _ form: CompiledForm, _ cutOff: DatedHour, through: Milliseconds
    ) throws {
        let zone = catalog.zone
        let today = zone.day(of: now)
        let first = max(zone.day(of: through) - 1, today - RuleEngine.daysBack)
        for day in first...(today + 1) {
            // The cut-off itself is in time.
            let due = zone.time(fromLocal: Milliseconds(day) * 86_400_000 + cutOff.on(day).milliseconds) + 1
            if due > now {
                isDue(next: due)
                break
            }
            guard due > through else { continue }
            outcome.hasPassed = true
            if form.accepts(day: day) { try missing(watch, form, on: day, at: due) }
        }
    }

    private mutating func missing(
        _ watch: CompiledWatch, _ form: CompiledForm, on day: Int32, at due: Milliseconds
    ) throws {
        let definition = form.definition
        let isOfPeople = definition.keys.contains { $0.type == .person }
        guard let subject = definition.keys.firstIndex(where: { $0.type == (isOfPeople ? .person : .unit) })
        else { return }
        var present: Set<[UInt8]> = []
        try facts.each(of: definition.form, from: day, to: day) { key, _ in
            if subject < key.values.count, case .text(let text) = key.values[subject] { present.insert(text) }
        }
        let people = try people(on: day)
        for unit in try loadedUnits().filter({ $0.line == CoverageCount.line }).map(\.unit).sorted(by: {
            $0.utf8.lexicographicallyPrecedes($1.utf8)
        }) {
            guard let members = people[Array(unit.utf8)], !members.isEmpty else { continue }
            var absent: [String] = []
            if isOfPeople {
                for person in members where !present.contains(Array(person.utf8)) {
                    if try !isExcused(person, on: day) { absent.append(person) }
                }
            } else if !present.contains(Array(unit.utf8)) {
                absent = [definition.form]
            }
            guard !absent.isEmpty else { continue }
            try raise(
                watch, day: day, unit: unit, about: definition.form, named(absent), at: due)
        }
    }

    // MARK: - The hub's clock

    /// What rules on time raised for a moment beyond that to which the clock went back, or which is judged
    /// once more. What somebody has answered stays, unless its moment is still to come.
    mutating func doubt() throws {
        let oldest = catalog.zone.midnight(of: catalog.zone.day(of: now) - RuleEngine.daysBack)
        var found: Set<RecordKey> = []
        for watch in catalog.watches where watch.isOfTime {
            let raised = watch.raises
            try facts.each(of: raised.definition.form, from: nil, to: nil) { key, record in
                guard raised.rule(of: key).utf8.elementsEqual(watch.id.utf8) else { return }
                let due = raised.time("arrived_at", of: record) ?? record.firstCreated
                let isAgain = due > max(through, oldest) && raised.status(of: record) == RaisedForm.open
                if due > now || isAgain { found.insert(key) }
            }
        }
        doubted = found
    }

    /// Takes back what is in doubt still.
    mutating func withdraw() {
        let doubted = self.doubted
        self.doubted = []
        withdrawn.formUnion(doubted)
        let keys = doubted.map { (form: $0.form, bytes: Canonical.encode(key: $0.values), key: $0) }.sorted {
            $0.form == $1.form ? $0.bytes.lexicographicallyPrecedes($1.bytes) : $0.form < $1.form
        }
        for (_, _, key) in keys {
            let rule = catalog[key.form].flatMap { RaisedForm($0.definition) }?.rule(of: key) ?? ""
            outcome.events.append(
                RuleEvent(
                    rule: rule, key: key, action: .withdrawn, at: now,
                    isUrgent: catalog.isUrgent(rule: rule, raised: key.form)))
        }
    }

    /// What was judged by a clock that ran ahead is for a person to look at.
    mutating func clock(_ watch: CompiledWatch, from before: Milliseconds) throws {
        let zone = catalog.zone
        let units = try loadedUnits().filter { $0.line == CoverageCount.line }
        guard let top = try tops(on: zone.day(of: now)).first?.unit ?? units.first?.unit else { return }
        try raise(
            watch, day: zone.day(of: now), unit: top, about: zone.text(now),
            [zone.text(before) + " - " + zone.text(now)]
                + (withdrawn.isEmpty ? [] : ["withdrawn=\(withdrawn.count)"]), at: now)
    }

    // MARK: - Across records

    mutating func acrossRecords(_ touched: [TouchedRecord]) throws {
        for watch in catalog.watches {
            switch watch.kind {
            case .beside(let form, let any, let finder, let finds):
                for (key, arrived) in try subjects(of: form, beside: finder.definition.form, touched) {
                    guard let record = try facts.record(key) else { continue }
                    let says = record.exists && any.contains { $0.holds(in: record) }
                    try beside(watch, form, key, finder, finds, says: says, at: arrived)
                }
            case .differs(let form, let measures):
                for (key, arrived) in try subjects(of: form, beside: BuiltIn.checkIn, touched) {
                    guard let record = try facts.record(key) else { continue }
                    try differs(watch, form, key, record, measures, at: arrived)
                }
            case .missing, .gap, .clock, .open: break
            }
        }
    }

    /// Records of `form`, each once, that may be another now: touched themselves, or by one of their unit's
    /// people of that day.
    private mutating func subjects(
        of form: CompiledForm, beside other: String, _ touched: [TouchedRecord]
    ) throws -> [(RecordKey, Milliseconds)] {
        let keys = form.definition.keys
        guard let dayKey = keys.firstIndex(where: { $0.type == .date }),
            let unitKey = keys.firstIndex(where: { $0.type == .unit }), keys.count == 2
        else { return [] }
        var found: [(RecordKey, Milliseconds)] = []
        var places: [RecordKey: Int] = [:]
        // Forms are large, and to look one up or ask it copies it: once is enough for thousands of records.
        let own = form.definition.form
        let besideParts = catalog[other]?.keyParts(.person)
        var last: (day: Int32, isWritten: Bool)?
        for record in touched {
            var key: RecordKey?
            if record.key.form.utf8.elementsEqual(own.utf8) {
                key = record.key
            } else if record.key.form.utf8.elementsEqual(other.utf8), let besideParts,
                let day = besideParts.day(of: record.key)
            {
                if last?.day != day { last = (day, try isWritten(own, on: day)) }
                if last?.isWritten == true, let person = besideParts.other(of: record.key),
                    let unit = try facts.unit(of: person, on: day)
                {
                    var values: [Value] = [.notStated, .notStated]
                    values[dayKey] = .integer(Int64(day))
                    values[unitKey] = .text(unit)
                    key = RecordKey(form: own, values: values)
                }
            }
            guard let key else { continue }
            if let place = places[key] {
                found[place].1 = max(found[place].1, record.arrived)
            } else {
                places[key] = found.count
                found.append((key, record.arrived))
            }
        }
        return found
    }

    private mutating func beside(
        _ watch: CompiledWatch, _ form: CompiledForm, _ key: RecordKey, _ finder: CompiledForm,
        _ finds: [CompiledForm.Condition], says: Bool, at time: Milliseconds
    ) throws {
        guard let (day, unit) = form.dayAndUnit(of: key) else { return }
        var found: [String] = []
        for person in says ? try people(on: day)[Array(unit.utf8)] ?? [] : [] {
            guard let other = finder.key(day: day, person: person), let record = try facts.record(other),
                finds.contains(where: { $0.holds(in: record) })
            else { continue }
            found.append(finder.name(of: other))
        }
        guard !found.isEmpty else {
            return try takeBack(watch, day: day, unit: unit, about: form.definition.form, at: time)
        }
        try raise(
            watch, day: day, unit: unit, about: form.definition.form,
            [form.name(of: key)] + named(found), at: time)
    }

    /// What contradicted has been mended or has come meanwhile: what says otherwise goes, unless somebody has
    /// answered it.
    mutating func takeBack(
        _ watch: CompiledWatch, day: Int32, unit: String, about: String, at time: Milliseconds
    ) throws {
        let key = RecordKey(
            form: watch.raises.definition.form,
            values: [.integer(Int64(day)), .text(watch.id), .text(unit), .text(about)])
        // What is in doubt is taken back as such.
        guard let record = try facts.record(key), record.exists, !withdrawn.contains(key),
            !doubted.contains(key),
            watch.raises.status(of: record) == RaisedForm.open
        else { return }
        withdrawn.insert(key)
        outcome.events.append(
            RuleEvent(rule: watch.id, key: key, action: .withdrawn, at: time, isUrgent: watch.isUrgent))
    }

    /// What was made or corrected after a number was stated is no contradiction to it.
    private mutating func differs(
        _ watch: CompiledWatch, _ form: CompiledForm, _ key: RecordKey, _ record: EffectiveRecord,
        _ measures: [(field: FieldDefinition, measure: CompiledMeasure)], at time: Milliseconds
    ) throws {
        guard let (day, unit) = form.dayAndUnit(of: key) else { return }
        var counts: [Milliseconds: UnitCount] = [:]
        var differing: [String] = []
        for (field, measure) in record.exists ? measures : [] {
            guard let said = record[field.id]?.integer else { continue }
            let until = try facts.stated(key, field.id) ?? .max
            guard let count = try counts[until] ?? unitCount(unit, on: day, asOf: until) else { continue }
            counts[until] = count
            let counted = count.people(measure)
            if said != Int64(counted) { differing.append("\(field.name)=\(said)/\(counted)") }
        }
        guard !differing.isEmpty else {
            return try takeBack(watch, day: day, unit: unit, about: form.definition.form, at: time)
        }
        try raise(
            watch, day: day, unit: unit, about: form.definition.form, [form.name(of: key)] + differing,
            at: time)
    }

    /// A unit's check-ins of a day, as they read at a moment.
    private mutating func unitCount(
        _ unit: String, on day: Int32, asOf time: Milliseconds
    ) throws -> UnitCount? {
        guard let checkIn = catalog[BuiltIn.checkIn],
            let count = try? CoverageCount(settings: catalog.settings, zone: catalog.zone)
        else { return nil }
        let members = try people(on: day)[Array(unit.utf8)] ?? []
        var records: [[UInt8]: EffectiveRecord] = [:]
        var excused: Set<[UInt8]> = []
        for person in members {
            if let other = checkIn.key(day: day, person: person),
                let record = try facts.record(other, asOf: time)
            {
                records[Array(person.utf8)] = record
            } else if try isExcused(person, on: day) {
                excused.insert(Array(person.utf8))
            }
        }
        let board = count.board(
            of: day, units: [(0, CoverageCount.Unit(id: unit, name: "", line: CoverageCount.line))],
            register: members.map { ($0, 0) }, reports: [CoverageCount.Report](),
            standing: { person in
                records[Array(person.utf8)].map {
                    .checkedIn(firstCreated: $0.firstCreated, isFlagged: false)
                } ?? (excused.contains(Array(person.utf8)) ? .excused : .missing)
            }, name: { $0 })
        return board.lines.first.map { line in
            UnitCount(
                line: line, present: members.filter { records[Array($0.utf8)] != nil }, records: records)
        }
    }
}

/// What was there of a unit and a day at a moment.
private struct UnitCount {
    var line: CoverageBoard.Line
    var present: [String]
    var records: [[UInt8]: EffectiveRecord]

    func people(_ measure: CompiledMeasure) -> Int {
        line.people(measure, present: present) { records[Array($0.utf8)] }?.count ?? line.register
    }
}

extension CompiledCatalog {
    /// Records of a unit's people that a record about the unit would stand against, by the rules across
    /// records: each by its form and key, once.
    ///
    /// - Parameters:
    ///   - value: what the record about the unit would say.
    ///   - people: the unit's, of that day.
    public func contradictions(
        of form: String, on day: Int32, saying value: (FieldID) -> Value?, people: [String],
        record: (RecordKey) throws -> EffectiveRecord?
    ) rethrows -> [(form: String, key: RecordKey, person: String)] {
        var found: [(form: String, key: RecordKey, person: String)] = []
        for watch in watches {
            guard case .beside(let one, let any, let finder, let finds) = watch.kind,
                one.definition.form.utf8.elementsEqual(form.utf8),
                any.contains(where: { $0.holds(value($0.field)) })
            else { continue }
            for person in people {
                guard let key = finder.key(day: day, person: person),
                    !found.contains(where: { $0.key == key }),
                    let other = try record(key), finds.contains(where: { $0.holds(in: other) })
                else { continue }
                found.append((finder.definition.form, key, person))
            }
        }
        return found
    }
}

extension CompiledForm {
    /// Whether the form's records may be about a day at all.
    func accepts(day: Int32) -> Bool { self.day?.period.contains(day) ?? true }

    private func index(_ type: FieldType) -> Int? { definition.keys.firstIndex { $0.type == type } }

    /// Where a day and a person or unit stand in the form's keys.
    struct KeyParts {
        fileprivate var dayKey: Int
        fileprivate var otherKey: Int

        func day(of key: RecordKey) -> Int32? {
            guard max(dayKey, otherKey) < key.values.count else { return nil }
            return key.values[dayKey].integer.map { Int32(clamping: $0) }
        }

        func other(of key: RecordKey) -> String? {
            max(dayKey, otherKey) < key.values.count ? key.values[otherKey].string : nil
        }
    }

    func keyParts(_ type: FieldType) -> KeyParts? {
        guard let dayKey = index(.date), let other = index(type) else { return nil }
        return KeyParts(dayKey: dayKey, otherKey: other)
    }

    private func parts(of key: RecordKey, _ type: FieldType) -> (Int32, String)? {
        guard let parts = keyParts(type), let day = parts.day(of: key), let text = parts.other(of: key) else {
            return nil
        }
        return (day, text)
    }

    /// The day in a record's key; nil where it has none.
    func day(of key: RecordKey) -> Int32? {
        guard let place = index(.date), place < key.values.count else { return nil }
        return key.values[place].integer.map { Int32(clamping: $0) }
    }

    func dayAndPerson(of key: RecordKey) -> (Int32, String)? { parts(of: key, .person) }
    func dayAndUnit(of key: RecordKey) -> (Int32, String)? { parts(of: key, .unit) }

    /// Nil when the key has more to it.
    func key(day: Int32, person: String) -> RecordKey? {
        guard let dayKey = index(.date), let personKey = index(.person), definition.keys.count == 2 else {
            return nil
        }
        var values: [Value] = [.notStated, .notStated]
        values[dayKey] = .integer(Int64(day))
        values[personKey] = .text(person)
        return RecordKey(form: definition.form, values: values)
    }

    /// The form's name and the key, as it is named to people.
    func name(of key: RecordKey) -> String {
        let parts = zip(definition.keys, key.values).map { definition, value in
            definition.type == .date
                ? CivilDay.text(Int32(clamping: value.integer ?? 0))
                : value.string ?? value.integer.map { "\($0)" } ?? ""
        }
        return ([definition.form] + parts).joined(separator: " ")
    }
}
