public import SyncCore

/// A form made ready for checking many versions: bounds resolved, names compared once, one flat list of
/// checks.
public struct CompiledForm: Sendable {
    /// What values of a field must look like.
    enum ContentCheck: Sendable {
        case none
        case range(ClosedRange<Int64>, reason: String)
        case choice([[UInt8]], reason: String)
        case text(TextPattern?, longest: Int)
    }

    struct FieldCheck: Sendable {
        var id: FieldID
        var kind: ValueKind
        var scale: UInt8
        var retentionClass: RetentionClass
        var isRequired: Bool
        /// Required where one of these holds.
        var requiredIf: [Condition] = []
        var content: ContentCheck
    }

    struct KeyCheck: Sendable {
        var kind: ValueKind
        var isDate: Bool
    }

    struct DayCheck: Sendable {
        var key: Int
        var beforeReason: String
        var window: Int32
        var period: ClosedRange<Int32>
    }

    struct Condition: Sendable {
        var field: FieldID
        var name: String
        var kind: ValueKind
        var scale: UInt8
        /// The value that is reached or exceeded.
        var threshold: Int64
        /// The text that it is, or that a list holds.
        var text: [UInt8]?
    }

    struct Rule: Sendable {
        var id: String
        var raise: String
        var conditions: [Condition]
    }

    public let definition: FormDefinition
    public let zone: LocalZone
    public let mergeRules: MergeRules
    let keys: [KeyCheck]
    /// Ascending by field.
    let fields: [FieldCheck]
    /// Fields of which a version assigns all or none.
    let groups: [[FieldID]]
    let day: DayCheck?
    let rules: [Rule]

    /// - Throws: ``FormDefinitionError`` when a bound or a setting cannot be read.
    public init(
        _ definition: FormDefinition, settings: Settings, zone: LocalZone
    ) throws(FormDefinitionError) {
        try definition.check()
        self.definition = definition
        self.zone = zone
        mergeRules = definition.mergeRules
        groups = definition.groupedFields
        keys = definition.keys.map { KeyCheck(kind: $0.type.kind, isDate: $0.type == .date) }
        var checks: [FieldCheck] = []
        for field in definition.fields {
            checks.append(
                FieldCheck(
                    id: field.id, kind: field.type.kind, scale: field.scale ?? 0,
                    retentionClass: field.retentionClass,
                    isRequired: field.required == true && field.hidden != true,
                    requiredIf: try CompiledForm.conditions(
                        field.requiredIf ?? [], of: definition, subject: field.name, settings: settings),
                    content: try CompiledForm.content(of: field, form: definition.form, settings: settings)))
        }
        fields = checks
        day = try CompiledForm.day(of: definition, settings: settings)
        var rules: [Rule] = []
        for rule in definition.rules ?? [] {
            rules.append(try CompiledForm.compile(rule, of: definition, settings: settings))
        }
        self.rules = rules
    }

    private static func content(
        of field: FieldDefinition, form: String, settings: Settings
    ) throws(FormDefinitionError) -> ContentCheck {
        switch field.type {
        case .boolean:
            return .range(0...1, reason: Reason.cut(field.unreadable ?? Reason.badValue))
        case .date:
            return .range(
                Int64(CivilDay.accepted.lowerBound)...Int64(CivilDay.accepted.upperBound),
                reason: Reason.badDate)
        case .time:
            return .range(LocalZone.acceptedTimes, reason: Reason.badTime)
        case .choice, .multiChoice:
            guard let choices = field.choices else { return .none }
            return .choice(
                choices.map { Array($0.utf8) }, reason: Reason.cut(field.unreadable ?? Reason.badValue))
        case .integer, .decimal:
            guard field.minimum != nil || field.maximum != nil else { return .none }
            let scale = field.scale ?? 0
            guard let least = field.minimum.map({ settings.bound($0, scale: scale) }) ?? Int64.min,
                let most = field.maximum.map({ settings.bound($0, scale: scale) }) ?? Int64.max, least <= most
            else { throw FormDefinitionError(form: form, subject: field.name, code: .badBound) }
            return .range(least...most, reason: Reason.outOfRange(field.name))
        case .text, .person, .unit, .region, .record:
            guard field.pattern != nil || field.longest != nil else { return .none }
            let pattern = field.pattern.map { TextPattern($0) }
            if let pattern, pattern == nil {
                throw FormDefinitionError(form: form, subject: field.name, code: .badPattern)
            }
            return .text(pattern ?? nil, longest: field.longest ?? .max)
        case .placeList:
            return .none
        }
    }

    private static func day(
        of definition: FormDefinition, settings: Settings
    ) throws(FormDefinitionError) -> DayCheck? {
        guard let rule = definition.day, let key = definition.keyIndex(rule.key) else { return nil }
        let first = settings.firstDay.map { CivilDay.parse($0) } ?? CivilDay.accepted.lowerBound
        let last = settings.lastDay.map { CivilDay.parse($0) } ?? CivilDay.accepted.upperBound
        guard let first, let last, first <= last, (0...100_000).contains(settings.entryWindowDays) else {
            throw FormDefinitionError(form: definition.form, subject: "firstDay, lastDay", code: .badSetting)
        }
        return DayCheck(
            key: key, beforeReason: Reason.cut(rule.beforeReason), window: Int32(settings.entryWindowDays),
            period: first...last)
    }

    private static func compile(
        _ rule: RaiseRule, of definition: FormDefinition, settings: Settings
    ) throws(FormDefinitionError) -> Rule {
        let conditions = try conditions(rule.any, of: definition, subject: rule.id, settings: settings)
        return Rule(id: rule.id, raise: rule.raise, conditions: conditions)
    }

    /// What does not name a field of the form is left out.
    static func conditions(
        _ conditions: [RaiseRule.Condition], of definition: FormDefinition, subject: String,
        settings: Settings
    ) throws(FormDefinitionError) -> [Condition] {
        var compiled: [Condition] = []
        for condition in conditions {
            guard let field = definition.field(named: condition.field) else { continue }
            let scale = field.scale ?? 0
            if let text = condition.equals {
                guard field.type.kind == .text || field.type.kind == .list else {
                    throw FormDefinitionError(form: definition.form, subject: subject, code: .badRule)
                }
                compiled.append(
                    Condition(
                        field: field.id, name: field.name, kind: field.type.kind, scale: 0, threshold: 0,
                        text: Array(text.utf8)))
                continue
            }
            let threshold: Int64? =
                condition.isTrue == true ? 1 : condition.atLeast.flatMap { settings.bound($0, scale: scale) }
            guard let threshold, field.type.kind == .integer || field.type.kind == .decimal else {
                throw FormDefinitionError(form: definition.form, subject: subject, code: .badRule)
            }
            compiled.append(
                Condition(
                    field: field.id, name: field.name, kind: field.type.kind, scale: scale,
                    threshold: threshold))
        }
        return compiled
    }

    func check(of id: FieldID) -> FieldCheck? { fields.first { $0.id == id } }
}

/// All forms of a catalog, compiled under the same settings, each when it is first asked for.
public struct CompiledCatalog: Sendable {
    private struct Entry: Sendable {
        var form: String
        var compiled: Lazy<Result<CompiledForm, FormDefinitionError>?>
    }

    public let catalog: FormCatalog
    public let settings: Settings
    public let zone: LocalZone
    private let entries: [Entry]
    private let lazyForms: Lazy<[CompiledForm]>
    private let lazyEarlier: Lazy<[CompiledForm]>
    private var lazyWatches = Lazy<[CompiledWatch]> { [] }

    /// - Throws: ``FormDefinitionError`` for the first form that cannot be compiled.
    public init(
        _ catalog: FormCatalog = .builtIn, settings: Settings, zone: LocalZone
    ) throws(FormDefinitionError) {
        self.init(unchecked: catalog, settings: settings, zone: zone)
        for entry in entries { _ = try entry.compiled.value?.get() }
        for definition in catalog.earlier { _ = try CompiledForm(definition, settings: settings, zone: zone) }
    }

    /// For catalog and settings that whoever gave them has compiled. A form that cannot be compiled
    /// nevertheless is as if it were not there, but for ``form(_:)``.
    public init(unchecked catalog: FormCatalog, settings: Settings, zone: LocalZone) {
        self.catalog = catalog
        self.settings = settings
        self.zone = zone
        @Sendable func compile(_ definition: FormDefinition) -> Result<CompiledForm, FormDefinitionError> {
            Result { () throws(FormDefinitionError) in
                try CompiledForm(definition, settings: settings, zone: zone)
            }
        }
        let entries = catalog.names.map { name in
            Entry(form: name, compiled: Lazy { catalog[name].map(compile) })
        }
        self.entries = entries
        lazyForms = Lazy { entries.compactMap { try? $0.compiled.value?.get() } }
        lazyEarlier = Lazy { catalog.earlier.compactMap { try? compile($0).get() } }
        let forms = self
        lazyWatches = Lazy {
            catalog.definitions.flatMap { definition in
                (definition.watches ?? []).compactMap { try? CompiledWatch($0, in: definition, forms) }
            }
        }
    }

    public var forms: [CompiledForm] { lazyForms.value }
    /// Revisions that were replaced.
    var earlier: [CompiledForm] { lazyEarlier.value }
    /// Rules across records and on time. One that names what this catalog lacks is left out.
    public var watches: [CompiledWatch] { lazyWatches.value }

    public subscript(form: String) -> CompiledForm? { try? self.form(form) }

    /// - Throws: ``FormDefinitionError`` when the catalog has the form, but it cannot be compiled under these
    ///   settings.
    public func form(_ name: String) throws(FormDefinitionError) -> CompiledForm? {
        try entries.first { $0.form.utf8.elementsEqual(name.utf8) }?.compiled.value?.get()
    }

    /// What is to be said of all versions of a batch, each group by its form, ordered by row.
    public func findings(of columns: VersionColumns) -> [Finding] {
        var all: [Finding] = []
        for group in columns.groups {
            if let form = self[group.form] {
                all.append(contentsOf: findings(in: group, by: form, of: columns))
            } else {
                all.append(
                    contentsOf: group.rows.map {
                        Finding(row: Int($0), isRefusal: true, reason: Reason.unknownForm, field: 0)
                    })
            }
        }
        return all.enumerated().sorted { ($0.element.row, $0.offset) < ($1.element.row, $1.offset) }.map(
            \.element)
    }
}

extension CompiledCatalog {
    /// What is to be said of the versions of one group, by the revision of the form that it was written
    /// under: a check that a later revision brought does not hold against who had not got it.
    ///
    /// - Parameter form: the form's highest revision.
    public func findings(
        in group: FormGroup, by form: CompiledForm, of columns: VersionColumns
    ) -> [Finding] {
        let written = earlier.first {
            $0.definition.revision == group.revision
                && $0.definition.form.utf8.elementsEqual(group.form.utf8)
        }
        return (written ?? form).findings(in: group, of: columns)
    }
}
