import FoundationEssentials
public import SyncCore

/// The forms a program knows: the built-in ones, and what the centre published.
///
/// A built-in one is decoded when it is first asked for: who enters one record needs two or three of them.
public struct FormCatalog: Sendable {
    private struct Entry: Sendable {
        var form: String
        var definition: Lazy<FormDefinition?>

        init(_ definition: FormDefinition) {
            form = definition.form
            self.definition = Lazy { definition }
        }

        init(_ form: String, builtIn json: [UInt8]) {
            self.form = form
            definition = Lazy { try? FormCatalog.decode(json) }
        }

        func isOf(_ form: String) -> Bool { self.form.utf8.elementsEqual(form.utf8) }
    }

    private var entries: [Entry]
    /// Revisions that later ones have replaced: what was written under them is judged by them.
    public private(set) var earlier: [FormDefinition]

    public init(_ definitions: [FormDefinition], earlier: [FormDefinition] = []) {
        entries = definitions.map { Entry($0) }
        self.earlier = earlier
    }

    /// All of them, decoded.
    public var definitions: [FormDefinition] { entries.compactMap(\.definition.value) }

    /// Their names, in the same order.
    var names: [String] { entries.map(\.form) }

    public subscript(form: String) -> FormDefinition? {
        entries.first { $0.isOf(form) }?.definition.value
    }

    /// The forms of `Protocol/forms`.
    public static let builtIn = {
        var catalog = FormCatalog([])
        catalog.entries = builtInSources.map { Entry($0.form, builtIn: $0.json) }
        return catalog
    }()

    static let builtInSources: [(form: String, json: [UInt8])] = [
        (BuiltIn.checkIn, PackageResources.check_in_json),
        (BuiltIn.dailyReport, PackageResources.daily_report_json),
        (BuiltIn.alert, PackageResources.alert_json),
        (BuiltIn.unit, PackageResources.unit_json),
        (BuiltIn.placement, PackageResources.placement_json),
        (BuiltIn.person, PackageResources.person_json),
        (BuiltIn.membership, PackageResources.membership_json),
        (BuiltIn.excuse, PackageResources.excuse_json),
        (BuiltIn.definition, PackageResources.definition_json),
        (BuiltIn.concern, PackageResources.concern_json),
        (BuiltIn.dutyShift, PackageResources.duty_shift_json),
        (BuiltIn.testCall, PackageResources.test_call_json),
        (BuiltIn.appointment, PackageResources.appointment_json),
    ]

    /// Reads one definition.
    ///
    /// - Throws: a `DecodingError`, or ``FormDefinitionError`` when it is too large or contradicts itself.
    public static func decode(_ json: [UInt8]) throws -> FormDefinition {
        guard json.count <= Limits.formDefinitionBytes else {
            throw FormDefinitionError(form: "", subject: "", code: .tooLarge)
        }
        let definition = try JSONDecoder().decode(FormDefinition.self, from: Data(json))
        try definition.check()
        return definition
    }
}

extension FormCatalog: Hashable {
    public static func == (one: FormCatalog, other: FormCatalog) -> Bool {
        one.definitions == other.definitions && one.earlier == other.earlier
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(definitions) }
}

extension FormCatalog {
    /// This catalog with a definition that came later: a form that is new, or a higher revision of one that
    /// is known. A lower revision, or the same once more, changes nothing.
    ///
    /// - Throws: ``FormDefinitionError`` with `frozen` when both cannot be revisions of one form.
    public func adding(_ definition: FormDefinition) throws(FormDefinitionError) -> FormCatalog {
        var catalog = self
        guard let index = entries.firstIndex(where: { $0.isOf(definition.form) }),
            let known = entries[index].definition.value
        else {
            catalog.entries.append(Entry(definition))
            return catalog
        }
        if definition == known || earlier.contains(definition) { return self }
        if definition.revision > known.revision {
            try definition.check(succeeding: known)
            catalog.entries[index] = Entry(definition)
            catalog.earlier.append(known)
        } else {
            try known.check(succeeding: definition)
            catalog.earlier.append(definition)
        }
        return catalog
    }
}

/// Names of the built-in forms and of the fields that programs themselves read.
public enum BuiltIn {
    public static let checkIn = "check-in"
    public static let dailyReport = "daily-report"
    public static let alert = "alert"
    public static let unit = "unit"
    /// Under which unit a unit stands, from a day on.
    public static let placement = "placement"
    public static let person = "person"
    public static let membership = "membership"
    public static let excuse = "excuse"
    /// What the centre publishes: forms, boards.
    public static let definition = "definition"
    public static let concern = "concern"
    public static let dutyShift = "duty-shift"
    public static let testCall = "test-call"
    public static let appointment = "appointment"

    public static let reportKind: FieldID = 1
    public static let alertFacts: FieldID = 1
    public static let alertStatus: FieldID = 2
    public static let unitName: FieldID = 1
    public static let unitType: FieldID = 2
    public static let unitParent: FieldID = 3
    public static let unitLine: FieldID = 4
    public static let placementParent: FieldID = 1
    public static let membershipUnit: FieldID = 1
    public static let excuseTo: FieldID = 1
    public static let definitionText: FieldID = 1
    public static let definitionAuthor: FieldID = 2
}

/// Why a form definition cannot be used.
public struct FormDefinitionError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Code: String, Sendable {
        case tooLarge = "too_large"
        case badName = "bad_name"
        case badKeys = "bad_keys"
        case badFields = "bad_fields"
        case badPolicy = "bad_policy"
        case badBound = "bad_bound"
        case badRule = "bad_rule"
        case badSetting = "bad_setting"
        case badGroup = "bad_group"
        case badComputed = "bad_computed"
        case badPattern = "bad_pattern"
        /// A revision changes what may not change for the life of the form.
        case frozen
    }

    public var form: String
    /// The field, key, rule or setting concerned.
    public var subject: String
    public var code: Code

    public var description: String { "form \(form), \(subject): \(code.rawValue)" }
}

extension FormCatalog {
    /// A definition that may contradict itself; nil when it does not even read.
    static func read(_ json: [UInt8]) -> FormDefinition? {
        try? JSONDecoder().decode(FormDefinition.self, from: Data(json))
    }
}

extension FormDefinition {
    /// Refuses a definition that contradicts itself.
    func check() throws(FormDefinitionError) {
        func refuse(_ code: FormDefinitionError.Code, _ subject: String) -> FormDefinitionError {
            FormDefinitionError(form: form, subject: subject, code: code)
        }
        guard !form.isEmpty, form.utf8.count <= Limits.formNameBytes else { throw refuse(.badName, form) }
        guard (1...Limits.groupKeys).contains(keys.count) else { throw refuse(.badKeys, "keys") }
        guard fields.count <= Limits.groupFields else { throw refuse(.badFields, "fields") }
        var last: FieldID = 0
        for field in fields {
            guard field.id > last else { throw refuse(.badFields, field.name) }
            last = field.id
            guard MergePolicy(rawValue: field.policy) != nil else { throw refuse(.badPolicy, field.name) }
            guard (1...max(1, revision)).contains(field.since ?? 1) else {
                throw refuse(.badFields, field.name)
            }
            guard field.computed == nil || field.type == .integer else {
                throw refuse(.badComputed, field.name)
            }
            guard field.retentionClass <= Retention.highestClass, (field.scale ?? 0) <= 18,
                field.type == .decimal || field.scale == nil
            else {
                throw refuse(.badFields, field.name)
            }
        }
        let names = (keys.map(\.name) + fields.map(\.name)).map { Array($0.utf8) }
        guard Set(names).count == names.count else { throw refuse(.badFields, "names") }
        if let day {
            guard let index = keyIndex(day.key), keys[index].type == .date else {
                throw refuse(.badKeys, day.key)
            }
        }
        try checkGroups()
        try checkRetention()
        for rule in rules ?? [] {
            for condition in rule.any where field(named: condition.field) == nil {
                throw refuse(.badRule, rule.id)
            }
        }
        guard (watches ?? []).count <= Limits.formWatches else { throw refuse(.badRule, "watches") }
        if let fault = ownFaults.first {
            throw refuse(.badRule, "\(fault.rule) \(fault.member): \(fault.code.rawValue)")
        }
    }
}
