public import SyncCore

/// A board as data: what is counted, by what it is grouped, and what is shown of the records behind a number.
public struct BoardDefinition: Codable, Sendable, Hashable {
    public struct Count: Codable, Sendable, Hashable {
        public var id: String
        public var labels: Labels
        /// People of a unit's register, by how they stand that day.
        public var people: Measure.People?
        /// Units, by what has come of them.
        public var units: Units?
        /// Records of this form; beside `units` the form that is waited for.
        public var form: String?
        /// How many days count, that of the board being the last; absent: one. 0: all up to it.
        public var days: Int?
        /// So many days behind it count as well: of what lies ahead.
        public var ahead: Int?
        /// One of these holds.
        public var any: [RaiseRule.Condition]?
        /// All of these hold; `equals` may be said of a key as well.
        public var all: [RaiseRule.Condition]?
        /// Only those first created after this hour of their day: the name of a setting.
        public var lateAfter: String?
        /// Only those that had not arrived at this hour of their day.
        public var arrivedAfter: String?
        /// Only those of which at least so many versions came: 2 for what was edited.
        public var versions: Int?
        /// Who is counted is named on the board and in the brief.
        public var named: Bool?
    }

    public enum Units: String, Codable, Sendable, Hashable, CaseIterable {
        /// No record of the form for the day.
        case missing
        /// None for any day up to this one.
        case never
        /// None for the day, and no device of the unit was heard of since it began.
        case offline
        /// None for the day, though a device of the unit was heard of.
        case silent
        /// At some moment of the day nobody holds the post of the form, of the unit or of one above.
        case uncovered
    }

    public var board: String
    public var revision: Int
    public var labels: Labels
    /// Its place in the brief of the day; absent: it is not in it.
    public var order: Int?
    /// `unit`, or a key or field of the form that is counted; absent: one line.
    public var group: String?
    public var counts: [Count]
    /// Keys and fields that are shown of a record behind a number.
    public var columns: [String]?
    /// Shows of each unit what is queued there, and when it was last heard of.
    public var link: Bool?
}

/// What a board reads.
public struct BoardInput: Sendable {
    public struct Record: Sendable, Hashable {
        public var key: RecordKey
        /// The unit that it counts under.
        public var unit: String
        public var record: EffectiveRecord
        /// When it first came in.
        public var arrived: Milliseconds
        /// How many versions of it there are.
        public var versions: Int

        public init(
            key: RecordKey, unit: String, record: EffectiveRecord, arrived: Milliseconds, versions: Int = 1
        ) {
            self.key = key
            self.unit = unit
            self.record = record
            self.arrived = arrived
            self.versions = versions
        }
    }

    public var coverage: CoverageBoard
    /// By form, in key order; check-ins of the day among them when somebody's are counted.
    public var records: [String: [Record]]
    /// When a device of the unit was last heard of.
    public var heard: [String: Milliseconds]
    /// Who holds which posts; for boards that ask for it.
    public var posts: Posts
    /// Which unit stands under which.
    public var tree: DatedTree

    public init(
        coverage: CoverageBoard, records: [String: [Record]] = [:], heard: [String: Milliseconds] = [:],
        posts: Posts = Posts(), tree: DatedTree = DatedTree()
    ) {
        self.coverage = coverage
        self.records = records
        self.heard = heard
        self.posts = posts
        self.tree = tree
    }
}

/// What a board says of a day: every number is the length of a list.
public struct BoardTable: Sendable, Hashable {
    /// One that is counted.
    public struct Item: Sendable, Hashable {
        public var unit: String
        /// Nil where a record is counted that is nobody's, or a unit.
        public var person: String?
        /// The record that says so; nil for who is missing.
        public var key: RecordKey?
        /// When the record was first made, and when it came in.
        public var created: Milliseconds?
        public var arrived: Milliseconds?
    }

    public struct Line: Sendable, Hashable {
        public var group: String
        /// In the order of the definition's counts.
        public var items: [[Item]]
    }

    public var definition: BoardDefinition
    public var day: Int32
    /// Sorted by group.
    public var lines: [Line]

    /// Everything that a count has on the board.
    public func items(_ count: Int) -> [Item] { lines.flatMap { $0.items[count] } }
}

/// A board made ready for counting. A pure function of what it reads.
public struct CompiledBoard: Sendable {
    struct Count: Sendable {
        var definition: BoardDefinition.Count
        var any: [CompiledForm.Condition]?
        var all: [CompiledForm.Condition]
        /// Positions of keys, and what they are.
        var keys: [(position: Int, text: String)]
        var lateAfter: DatedHour?
        var arrivedAfter: DatedHour?
        var dayKey: Int?
        var personKey: Int?
    }

    public let definition: BoardDefinition
    let counts: [Count]
    private let catalog: CompiledCatalog

    /// - Throws: ``FormDefinitionError`` when it asks for what forms and settings do not have.
    public init(_ definition: BoardDefinition, catalog: CompiledCatalog) throws(FormDefinitionError) {
        self.definition = definition
        self.catalog = catalog
        var counts: [Count] = []
        for count in definition.counts {
            counts.append(try CompiledBoard.compile(count, of: definition, catalog))
        }
        self.counts = counts
        for name in [definition.group].compactMap({ $0 }) where name != "unit" {
            for form in formsRead where !CompiledBoard.has(name, catalog[form]?.definition) {
                throw FormDefinitionError(form: definition.board, subject: name, code: .badFields)
            }
        }
        for name in definition.columns ?? []
        where !formsRead.contains(where: { CompiledBoard.has(name, catalog[$0]?.definition) }) {
            throw FormDefinitionError(form: definition.board, subject: name, code: .badFields)
        }
    }

    private static func has(_ name: String, _ form: FormDefinition?) -> Bool {
        form?.keyIndex(name) != nil || form?.field(named: name) != nil
    }

    private static func compile(
        _ count: BoardDefinition.Count, of board: BoardDefinition, _ catalog: CompiledCatalog
    ) throws(FormDefinitionError) -> Count {
        func refuse(_ subject: String, _ code: FormDefinitionError.Code) -> FormDefinitionError {
            FormDefinitionError(form: board.board, subject: subject, code: code)
        }
        guard (count.people == nil) != (count.form == nil), count.units == nil || count.form != nil else {
            throw refuse(count.id, .badComputed)
        }
        if board.group != "unit", board.group != nil, count.people != nil || count.units != nil {
            throw refuse(count.id, .badComputed)
        }
        let isChecked = count.people == nil || count.people == .checkedIn || count.people == .late
        let asks =
            count.any != nil || count.all != nil || count.lateAfter != nil || count.arrivedAfter != nil
            || count.versions != nil
        guard let form = catalog[count.form ?? BuiltIn.checkIn] else {
            throw refuse(count.form ?? BuiltIn.checkIn, .badName)
        }
        if count.units == .uncovered, !form.definition.isDuty { throw refuse(count.id, .badComputed) }
        guard isChecked || !asks, count.units == nil || !asks else { throw refuse(count.id, .badComputed) }
        func conditions(
            _ wanted: [RaiseRule.Condition]?
        ) throws(FormDefinitionError) -> [CompiledForm.Condition]? {
            guard let wanted else { return nil }
            let compiled = try CompiledForm.conditions(
                wanted, of: form.definition, subject: count.id, settings: catalog.settings)
            if let lost = wanted.first(where: { form.definition.field(named: $0.field) == nil }) {
                throw refuse(lost.field, .badFields)
            }
            return compiled
        }
        func cutOff(_ name: String?) throws(FormDefinitionError) -> DatedHour? {
            guard let name else { return nil }
            guard let cutOff = catalog.settings.hour(named: name) else { throw refuse(name, .badSetting) }
            return cutOff
        }
        let named = (count.all ?? []).filter { form.definition.keyIndex($0.field) != nil }
        let keys = named.compactMap { condition in
            condition.equals.flatMap { text in
                form.definition.keyIndex(condition.field).map { (position: $0, text: text) }
            }
        }
        if keys.count < named.count { throw refuse(count.id, .badRule) }
        let all = count.all?.filter { form.definition.keyIndex($0.field) == nil }
        return Count(
            definition: count, any: try conditions(count.any), all: try conditions(all) ?? [], keys: keys,
            lateAfter: try cutOff(count.lateAfter), arrivedAfter: try cutOff(count.arrivedAfter),
            dayKey: form.definition.keys.firstIndex { $0.type == .date },
            personKey: form.definition.keys.firstIndex { $0.type == .person })
    }

    /// The forms whose records it reads, each once.
    public var formsRead: [String] {
        var names: [String] = []
        for count in definition.counts {
            let name = count.form ?? BuiltIn.checkIn
            if !names.contains(name) { names.append(name) }
        }
        return names
    }

    /// How many days of a form's records it reads, up to its own; 0 for all.
    public func days(of form: String) -> Int {
        let wanted = counts.filter { ($0.definition.form ?? BuiltIn.checkIn) == form }
            .map { $0.definition.units == .never ? 0 : $0.definition.days ?? 1 }
        return wanted.contains(0) ? 0 : wanted.max() ?? 1
    }

    /// How many days behind its own it reads of a form's records.
    public func daysAhead(of form: String) -> Int {
        counts.filter { ($0.definition.form ?? BuiltIn.checkIn) == form }
            .compactMap(\.definition.ahead).max() ?? 0
    }

    /// Forms of which it matters how many versions a record has.
    public var formsCounted: [String] {
        definition.counts.filter { $0.versions != nil }.map { $0.form ?? BuiltIn.checkIn }
    }

    /// Whether it reads who holds posts, and which unit stands above which.
    public var readsPosts: Bool { definition.counts.contains { $0.units == .uncovered } }

    // MARK: - Counting

    public func table(of day: Int32, _ input: BoardInput) -> BoardTable {
        var lines: [String: [[BoardTable.Item]]] = [:]
        for (index, count) in counts.enumerated() {
            for (group, item) in items(count, on: day, input) {
                lines[group, default: Array(repeating: [], count: counts.count)][index].append(item)
            }
        }
        let sorted = lines.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        return BoardTable(
            definition: definition, day: day,
            lines: sorted.map { BoardTable.Line(group: $0.key, items: $0.value) })
    }

    private func items(
        _ count: Count, on day: Int32, _ input: BoardInput
    ) -> [(group: String, item: BoardTable.Item)] {
        if let people = count.definition.people { return self.people(people, count, on: day, input) }
        let form = count.definition.form ?? BuiltIn.checkIn
        let records = input.records[form] ?? []
        if let units = count.definition.units {
            return input.coverage.lines.filter { isCounted($0, units, count, records, on: day, input) }
                .map { (group(of: $0.unit), BoardTable.Item(unit: $0.unit)) }
        }
        return records.filter { isWithin($0, count, day) && holds(count, $0) }.map { record in
            let person = count.personKey.flatMap { record.key.values[$0].string }
            return (
                group(of: record),
                item(record, person)
            )
        }
    }

    private func group(of unit: String) -> String { definition.group == "unit" ? unit : "" }

    private func group(of record: BoardInput.Record) -> String {
        guard let name = definition.group else { return "" }
        if name == "unit" { return record.unit }
        guard let form = catalog[record.key.form]?.definition else { return "" }
        if let key = form.keyIndex(name) {
            return BoardText.text(record.key.values[key], form.keys[key].type)
        }
        guard let field = form.field(named: name), let value = record.record[field.id] else { return "" }
        return BoardText.text(value, field.type)
    }

    /// The days that count end with the board's; a record without a day always counts.
    private func isWithin(_ record: BoardInput.Record, _ count: Count, _ day: Int32) -> Bool {
        let days = Int64(count.definition.days ?? 1)
        guard let own = count.dayKey.flatMap({ record.key.values[$0].integer }) else { return true }
        return own <= Int64(day) + Int64(count.definition.ahead ?? 0)
            && (days == 0 || own > Int64(day) - days)
    }

    private func people(
        _ people: Measure.People, _ count: Count, on day: Int32, _ input: BoardInput
    ) -> [(group: String, item: BoardTable.Item)] {
        var present: [String: [BoardInput.Record]] = [:]
        for record in input.records[BuiltIn.checkIn] ?? []
        where record.key.values.first?.integer == Int64(day) {
            present[record.unit, default: []].append(record)
        }
        var found: [(group: String, item: BoardTable.Item)] = []
        for line in input.coverage.lines {
            let own = present[line.unit] ?? []
            let late = Set(line.late)
            func add(_ names: [String]) {
                let items = names.map { BoardTable.Item(unit: line.unit, person: $0) }
                found += items.map { (group(of: line.unit), $0) }
            }
            if people == .missing || people == .register { add(line.missing) }
            if people == .excused || people == .register { add(line.excused) }
            guard people != .missing, people != .excused else { continue }
            for record in own {
                let person = record.key.values.count > 1 ? record.key.values[1].string ?? "" : ""
                if people == .late && !late.contains(person) || !holds(count, record) { continue }
                found.append(
                    (
                        group(of: line.unit),
                        item(record, person)
                    ))
            }
        }
        return found
    }

    private func item(_ record: BoardInput.Record, _ person: String?) -> BoardTable.Item {
        BoardTable.Item(
            unit: record.unit, person: person, key: record.key, created: record.record.firstCreated,
            arrived: record.arrived)
    }

    private func isCounted(
        _ line: CoverageBoard.Line, _ units: BoardDefinition.Units, _ count: Count,
        _ records: [BoardInput.Record], on day: Int32, _ input: BoardInput
    ) -> Bool {
        guard line.owesReport else { return false }
        if units == .uncovered {
            let (from, to) = (catalog.zone.midnight(of: day), catalog.zone.midnight(of: day + 1))
            return !input.posts.uncovered(input.tree.chain(from: line.unit, on: day), from: from, to: to)
                .isEmpty
        }
        let own = records.filter { $0.unit.utf8.elementsEqual(line.unit.utf8) }
        func dayOf(_ record: BoardInput.Record) -> Int64 {
            count.dayKey.flatMap { record.key.values[$0].integer } ?? Int64(day)
        }
        if units == .never { return !own.contains { dayOf($0) <= Int64(day) } }
        if own.contains(where: { dayOf($0) == Int64(day) }) { return false }
        let isHeard = input.heard[line.unit].map { $0 >= catalog.zone.midnight(of: day) } ?? false
        return units == .missing || (units == .silent) == isHeard
    }

    private func holds(_ count: Count, _ record: BoardInput.Record) -> Bool {
        if let any = count.any, !any.contains(where: { $0.holds(in: record.record) }) { return false }
        guard count.all.allSatisfy({ $0.holds(in: record.record) }) else { return false }
        if let versions = count.definition.versions, record.versions < versions { return false }
        if let form = catalog[record.key.form]?.definition {
            let isOther = count.keys.contains {
                BoardText.text(record.key.values[$0.position], form.keys[$0.position].type) != $0.text
            }
            if isOther { return false }
        }
        guard let own = count.dayKey.flatMap({ record.key.values[$0].integer }) else { return true }
        let day = Int32(clamping: own)
        if let hour = count.lateAfter,
            !catalog.zone.isAfter(record.record.firstCreated, hour: hour, of: day)
        {
            return false
        }
        if let hour = count.arrivedAfter, !catalog.zone.isAfter(record.arrived, hour: hour, of: day) {
            return false
        }
        return true
    }
}

/// Values as groups are called.
enum BoardText {
    static func text(_ value: Value, _ type: FieldType) -> String {
        switch value {
        case .notStated: return ""
        case .integer(let number):
            switch type {
            case .date: return CivilDay.text(Int32(clamping: number))
            case .boolean: return number == 1 ? "true" : "false"
            default: return "\(number)"
            }
        case .decimal(let unscaled, let scale): return CellText.text(decimal: unscaled, scale: scale)
        case .text(let bytes): return String(decoding: bytes, as: UTF8.self)
        case .list(let items): return items.map { String(decoding: $0, as: UTF8.self) }.joined(separator: ";")
        }
    }
}
