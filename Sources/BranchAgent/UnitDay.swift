import Console
import Forms
import SyncCore
import SyncStore
import SyncTransport

/// What this branch holds of one unit on one day, and what a form's computed fields are of it.
struct UnitDay {
    /// A computed field: how many, and who where the board names them.
    struct Count {
        var field: FieldDefinition
        var count: Int
        /// Those in whose check-ins something was found; empty for counts of another kind.
        var found: [String]
    }

    let day: Int32
    let line: CoverageBoard.Line
    /// Who checked in, sorted by bytes.
    let present: [String]
    /// Check-ins of those on the register, by person.
    private let checkIns: [String: (key: RecordKey, state: RecordState)]
    private let rules: MergeRules

    private static let page = 1_000

    /// What this branch holds of a day, whosever it is.
    struct Day {
        let day: Int32
        let rules: MergeRules
        fileprivate let lines: [CoverageBoard.Line]
        fileprivate let board: BoardOfDay
        fileprivate let found: [String: (key: RecordKey, state: RecordState)]

        init(_ day: Int32, _ context: AgentContext) throws {
            self.day = day
            rules = context.forms[BuiltIn.checkIn]?.mergeRules ?? .latest
            var board = BoardOfDay(day: day, checkIn: context.forms[BuiltIn.checkIn])
            var found: [String: (key: RecordKey, state: RecordState)] = [:]
            for form in context.forms.forms {
                let roles = HubRoles(form.definition)
                guard roles.kind != .other, roles.kind != .person else { continue }
                try UnitDay.each(form.definition.form, in: context.store) { key, state in
                    let record = state.effective(under: form.mergeRules)
                    guard record.exists else { return }
                    board.add(key.values, record, roles: roles)
                    if roles.kind == .checkIn, let date = roles.dayKey,
                        key.values[date].integer == Int64(day),
                        let person = roles.personKey.flatMap({ key.values[$0].string })
                    {
                        found[person] = (key, state)
                    }
                }
            }
            let count = try CoverageCount(settings: context.settings, zone: context.forms.zone)
            lines = board.board(count).lines
            self.board = board
            self.found = found
        }
    }

    /// - Returns: nil when the branch knows no such unit.
    init?(_ unit: String, on day: Int32, _ context: AgentContext) throws {
        self.init(unit, in: try Day(day, context))
    }

    init?(_ unit: String, in all: Day) {
        guard let line = all.lines.first(where: { $0.unit.utf8.elementsEqual(unit.utf8) }) else { return nil }
        self.line = line
        day = all.day
        rules = all.rules
        present = all.board.register(of: unit).filter { all.found[$0] != nil }
        checkIns = all.found
    }

    fileprivate static func each(
        _ form: String, in store: any AgentStore, _ body: (RecordKey, RecordState) throws -> Void
    ) throws {
        var after: [UInt8]?
        while true {
            let found = try store.records(form: form, after: after, limit: page)
            for row in found { try body(row.key, row.state) }
            guard let last = found.last, found.count == page else { return }
            after = Canonical.encode(key: last.key.values)
        }
    }

    func counts(of form: CompiledForm, _ forms: CompiledCatalog) throws -> [Count] {
        try forms.measures(of: form).map { field, measure in
            let people = line.people(measure, present: present, record: record)
            return Count(
                field: field, count: people?.count ?? line.register,
                found: measure.isFinding ? people ?? [] : [])
        }
    }

    /// What a zero report of the day would deny, by the rules that look across records.
    func contradictions(of form: CompiledForm, _ context: AgentContext) throws -> [String] {
        let counts = try counts(of: form, context.forms)
        return try contradictions(of: form, context) { field in
            if field == BuiltIn.reportKind { return .text("ZERO") }
            return counts.first { $0.field.id == field }.map { .integer(Int64($0.count)) }
        }
    }

    /// Records of the unit's people that a record about it would stand against, if it said so.
    func contradictions(
        of form: CompiledForm, _ context: AgentContext, saying value: (FieldID) -> Value?
    ) throws -> [String] {
        let found = try context.forms.contradictions(
            of: form.definition.form, on: day, saying: value, people: present
        ) { key in
            try context.store.record(key)?.effective(under: context.forms[key.form]?.mergeRules ?? .latest)
        }
        return found.map { "\($0.form) \(CivilDay.text(day)) \($0.person)" }
    }

    private func record(_ person: String) -> EffectiveRecord? {
        checkIns[person]?.state.effective(under: rules)
    }

    /// SHA-256 over the prints of the check-ins counted, in the order of the people: who counts the same
    /// check-ins again has the same.
    var digest: Digest {
        var bytes: [UInt8] = []
        for (key, state) in present.compactMap({ checkIns[$0] }) {
            let print = RecordPrint(
                form: Array(key.form.utf8), key: Canonical.encode(key: key.values), state)
            bytes += Canonical.bigEndian(print.hash) + Canonical.bigEndian(print.print)
        }
        return Hashing.sha256(bytes)
    }
}

extension ReportDraft {
    /// What names a report.
    struct Name: Hashable {
        var unit: String
        var day: String
    }
}

extension UnitDay {
    /// The branch's own report of a record's day, where what it says is counted otherwise now.
    static func reportThatBecameWrong(by key: RecordKey, _ context: AgentContext) throws -> ReportDraft.Name?
    {
        guard key.form.utf8.elementsEqual(BuiltIn.checkIn.utf8),
            let form = context.forms[BuiltIn.dailyReport],
            let date = context.forms[BuiltIn.checkIn]?.definition.keyIndex("day")
                .flatMap({ key.values[$0].integer })
        else { return nil }
        let unit = context.configuration.unit
        let name = RecordKey(
            form: BuiltIn.dailyReport, values: [.integer(date), .text(Array(unit.utf8))])
        guard let report = try context.store.record(name)?.effective(under: form.mergeRules), report.exists,
            let counted = try UnitDay(unit, on: Int32(clamping: date), context)
        else { return nil }
        let isWrong = try counted.counts(of: form, context.forms).contains { count in
            report[count.field.id]?.integer.map { $0 != Int64(count.count) } ?? false
        }
        return isWrong ? ReportDraft.Name(unit: unit, day: CivilDay.text(Int32(clamping: date))) : nil
    }
}
