import SyncCore

/// A form's file, checked before it is published: every mistake with its place.
public enum FormCheck {
    /// - Parameters:
    ///   - catalog: the forms that are there already; what they froze is refused.
    /// - Returns: the definition, or what is wrong with it, in the order of the file.
    public static func check(
        _ json: [UInt8], catalog: FormCatalog, settings: Settings, zone: LocalZone
    ) -> Result<FormDefinition, DefinitionMistakes> {
        guard json.count <= Limits.formDefinitionBytes else {
            return .failure(DefinitionMistakes([.tooLarge(json)]))
        }
        let root: JSONNode
        do {
            root = try JSONNode(parsing: json)
        } catch {
            return .failure(DefinitionMistakes([DefinitionMistake(.notJSON, "", at: error.place)]))
        }
        var check = DefinitionCheck()
        check.check(root, "form", is: shape)
        if json.count > Limits.valueBytes {
            check.add(.tooLarge, "\(json.count)", at: root.place, allowed: ["\(Limits.valueBytes)"])
        }
        names(root, &check)
        for field in root["fields"]?.items ?? [] { self.field(field, of: root, &check) }
        if !check.mistakes.isEmpty {
            // As far as it can be read all the same.
            let more = ruleMistakes(json, root, catalog, settings).filter { rule in
                !check.mistakes.contains { $0.place == rule.place }
            }
            return .failure(DefinitionMistakes(check.mistakes + more))
        }
        // What is wrong with its rules is told together with what is wrong with the rest.
        var mistakes = ruleMistakes(json, root, catalog, settings)
        do {
            let definition = try FormCatalog.decode(json)
            let before = Int(catalog[definition.form]?.revision ?? 0)
            if Int(definition.revision) > before + highestStep {
                mistakes.append(
                    DefinitionMistake(
                        .outOfBounds, "revision \(definition.revision)",
                        at: root["revision"]?.place ?? root.place,
                        allowed: ["\(before + 1)", "\(before + highestStep)"]))
            }
            if let known = catalog[definition.form], known != definition {
                try definition.check(succeeding: known)
            }
            let more = try catalog.adding(definition)
            let compiled = try CompiledCatalog(more, settings: settings, zone: zone)
            for form in compiled.forms { _ = try compiled.measures(of: form) }
            if mistakes.isEmpty { return .success(definition) }
        } catch let error as FormDefinitionError {
            if error.code != .badRule || mistakes.isEmpty { mistakes.append(mistake(of: error, in: root)) }
        } catch {
            mistakes.append(DefinitionMistake(.refused, "\(error)", at: root.place))
        }
        return .failure(DefinitionMistakes(mistakes))
    }

    /// A revision is never taken back: one typed wrong must leave room for those that mend it.
    static let highestStep = 1_000

    private static func ruleMistakes(
        _ json: [UInt8], _ root: JSONNode, _ catalog: FormCatalog, _ settings: Settings
    ) -> [DefinitionMistake] {
        guard let definition = FormCatalog.read(json) else { return [] }
        let others = catalog.definitions.filter { $0.form != definition.form }
        let faults = definition.ruleFaults(in: FormCatalog(others + [definition]), settings: settings)
        var mistakes: [DefinitionMistake] = []
        for found in faults.map({ mistake(of: $0, in: root) }) where !mistakes.contains(found) {
            mistakes.append(found)
        }
        return mistakes
    }

    private static func mistake(of error: FormDefinitionError, in root: JSONNode) -> DefinitionMistake {
        let place = place(of: error.subject, in: root)
        let code: DefinitionMistake.Code =
            switch error.code {
            case .frozen: .frozen
            case .badKeys: .badKeys
            case .badBound: .badBound
            case .badGroup: .badGroup
            case .badComputed: .badComputed
            case .badPattern: .badPattern
            case .badRule: .badCondition
            default: .refused
            }
        let allowed: [String] =
            switch code {
            case .refused: [error.code.rawValue]
            case .badComputed: Measure.People.allCases.map(\.rawValue)
            case .badKeys: (root["keys"]?.items ?? []).compactMap { $0["name"]?.text }
            default: []
            }
        return DefinitionMistake(code, error.subject, at: place, allowed: allowed)
    }

    private static func mistake(of fault: RuleFault, in root: JSONNode) -> DefinitionMistake {
        let all = (root["rules"]?.items ?? []) + (root["watches"]?.items ?? [])
        let rule = all.first { $0["id"]?.text?.utf8.elementsEqual(fault.rule.utf8) ?? false }
        let word = fault.word ?? fault.member.split(separator: ".").last.map(String.init) ?? "id"
        let place = rule.flatMap { $0.place(of: word) ?? $0.place } ?? root["post"]?.place ?? root.place
        let subject = fault.member.isEmpty ? fault.rule : "\(fault.rule): \(fault.member)"
        let code: DefinitionMistake.Code =
            switch fault.code {
            case .twice: .twice
            case .oneOf: .clash
            case .unknownForm, .unknownSetting, .notComputed, .badLevel: .notAllowed
            case .unknownField: .noSuchField
            case .notRaisable: .notRaisable
            case .badKeys: .badKeys
            case .badCondition: fault.word == nil ? .badCondition : .notAllowed
            case .noPost: .noPost
            }
        var allowed = fault.allowed
        if fault.code == .oneOf { allowed = ["missing", "beside", "differs", "gap", "clock", "open"] }
        if fault.code == .badLevel { allowed = ["urgent", "routine"] }
        let isWord = code == .notAllowed || code == .noSuchField
        return DefinitionMistake(
            code, isWord ? fault.word ?? subject : fault.code == .twice ? fault.rule : subject, at: place,
            allowed: allowed)
    }

    /// Where a subject stands: as a whole, or the first of its words.
    private static func place(of subject: String, in root: JSONNode) -> JSONNode.Place {
        if let found = root.place(of: subject) { return found }
        let first = subject.split { $0 == ":" || $0 == " " }.first.map(String.init) ?? subject
        return root.place(of: first) ?? root.place
    }

    // MARK: - Shape

    private typealias Member = DefinitionShape.Member

    static let condition = DefinitionShape.object([
        Member("field", .text, isRequired: true), Member("isTrue", .boolean), Member("atLeast", .text),
        Member("equals", .text),
    ])

    private static let types = [
        "text", "integer", "decimal", "boolean", "date", "time", "choice", "multi-choice", "person", "unit",
        "region", "place-list", "record",
    ]

    private static let key = DefinitionShape.object([
        Member("name", .text, isRequired: true),
        Member(
            "type", .word(types.filter { !["decimal", "multi-choice", "place-list"].contains($0) }),
            isRequired: true),
        Member("labels", .labels, isRequired: true), Member("headings", .list(.text, 0...32)),
    ])

    private static let computed = DefinitionShape.object([
        Member("people", .word(Measure.People.allCases.map(\.rawValue)), isRequired: true),
        Member("any", .list(condition, 1...64)),
    ])

    private static let field = DefinitionShape.object([
        Member("id", .number(1...62), isRequired: true), Member("name", .text, isRequired: true),
        Member("type", .word(types), isRequired: true), Member("labels", .labels, isRequired: true),
        Member("headings", .list(.text, 0...32)), Member("scale", .number(0...18)),
        Member("choices", .list(.text, 1...256)), Member("choiceLabels", .map(.labels)),
        Member("pattern", .text), Member("longest", .number(1...Limits.valueBytes)), Member("of", .text),
        Member("policy", .word(["latest", "highest", "union", "any"]), isRequired: true),
        Member("since", .number(1...Int(Int32.max))),
        Member("retentionClass", .number(0...Int(Retention.highestClass)), isRequired: true),
        Member("personal", .boolean, isRequired: true), Member("required", .boolean),
        Member("requiredIf", .list(condition, 1...64)), Member("minimum", .text), Member("maximum", .text),
        Member("hidden", .boolean), Member("computed", computed),
        Member("unreadable", .shortText(Limits.reasonBytes)),
    ])

    static let shape = DefinitionShape.object([
        Member("form", .text, isRequired: true),
        Member("revision", .number(1...Int(Int32.max)), isRequired: true),
        Member("labels", .labels, isRequired: true),
        Member("keys", .list(key, 1...Limits.groupKeys), isRequired: true),
        Member(
            "day",
            .object([
                Member("key", .text, isRequired: true),
                Member("beforeReason", .shortText(Limits.reasonBytes), isRequired: true),
            ])),
        Member(
            "times",
            .object([
                Member("recorded", .list(.text, 1...32), isRequired: true),
                Member("corrected", .list(.text, 1...32), isRequired: true),
            ])),
        Member("fields", .list(field, 0...62), isRequired: true),
        Member("groups", .list(.list(.text, 2...62), 0...31)),
        Member("writers", .list(.word(["branch", "centre"]), 0...2), isRequired: true),
        Member("retentionDays", .map(.number(1...Retention.longest))),
        Member("rules", .list(rule, 0...Limits.formWatches)),
        Member("watches", .list(watch, 0...Limits.formWatches)),
        Member("audience", .word(["everybody"])), Member("post", post),
    ])

    // MARK: - What the shape does not say

    private static func names(_ root: JSONNode, _ check: inout DefinitionCheck) {
        check.checkName(root["form"], sign: "-", longest: Limits.formNameBytes)
        var seen: Set<[UInt8]> = []
        var last = 0
        for part in (root["keys"]?.items ?? []) + (root["fields"]?.items ?? []) {
            check.checkName(part["name"], sign: "_", longest: Limits.formNameBytes)
            guard let name = part["name"]?.text, let place = part["name"]?.place else { continue }
            if !seen.insert(Array(name.utf8)).inserted { check.add(.twice, name, at: place) }
        }
        var ids: Set<Int> = []
        for field in root["fields"]?.items ?? [] {
            guard let id = field["id"]?.integer, let place = field["id"]?.place else { continue }
            if !ids.insert(id).inserted {
                check.add(.twice, "id \(id)", at: place)
            } else if id <= last {
                check.add(.outOfBounds, "id \(id)", at: place, allowed: ["\(last + 1)", "62"])
            }
            last = max(last, id)
        }
    }

    private static func field(_ field: JSONNode, of root: JSONNode, _ check: inout DefinitionCheck) {
        guard let name = field["name"]?.text, let type = field["type"]?.text else { return }
        let onlyFor: [(member: String, types: [String])] = [
            ("scale", ["decimal"]), ("choices", ["choice", "multi-choice"]),
            ("choiceLabels", ["choice", "multi-choice"]), ("minimum", ["integer", "decimal"]),
            ("maximum", ["integer", "decimal"]), ("computed", ["integer"]), ("of", ["record"]),
            ("pattern", ["text", "person", "unit", "region", "record"]),
            ("longest", ["text", "person", "unit", "region", "record"]),
        ]
        for (member, types) in onlyFor {
            guard let node = field[member], !types.contains(type) else { continue }
            check.add(.notForType, "\(name): \(member)", at: node.place, allowed: types)
        }
        for (wanted, types) in [("scale", ["decimal"]), ("choices", ["choice"])]
        where types.contains(type) && field[wanted] == nil {
            check.add(.missing, wanted, at: field.place)
        }
        if let pattern = field["pattern"], let text = pattern.text, TextPattern(text) == nil {
            check.add(.badPattern, text, at: pattern.place)
        }
        if case .boolean(true)? = field["hidden"]?.content, case .boolean(true)? = field["required"]?.content
        {
            check.add(.hiddenRequired, name, at: field["hidden"]?.place ?? field.place)
        }
        let choices = (field["choices"]?.items ?? []).compactMap(\.text)
        for member in field["choiceLabels"]?.members ?? [] where !choices.contains(member.name) {
            check.add(.notAllowed, member.name, at: member.place, allowed: choices)
        }
        let fields = (root["fields"]?.items ?? []).compactMap { $0["name"]?.text }
        for condition in field["requiredIf"]?.items ?? [] {
            guard let other = condition["field"], let text = other.text, !fields.contains(text) else {
                continue
            }
            check.add(.noSuchField, text, at: other.place, allowed: fields)
        }
    }
}

/// All that is wrong with one file.
public struct DefinitionMistakes: Error, Sendable, Hashable {
    /// In the order of the file.
    public var mistakes: [DefinitionMistake]

    public init(_ mistakes: [DefinitionMistake]) {
        self.mistakes = mistakes.sorted {
            ($0.place.line, $0.place.column) < ($1.place.line, $1.place.column)
        }
    }
}
