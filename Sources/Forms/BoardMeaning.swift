import SyncCore

/// Looks whether a board asks for what there is: every mistake with its place, and what may stand there.
struct BoardMeaning {
    private let board: BoardDefinition
    private let root: JSONNode
    private let catalog: CompiledCatalog
    private var check = DefinitionCheck()

    var mistakes: [DefinitionMistake] { check.mistakes }

    init(_ board: BoardDefinition, _ root: JSONNode, _ catalog: CompiledCatalog) {
        self.board = board
        self.root = root
        self.catalog = catalog
        for (count, node) in zip(board.counts, root["counts"]?.items ?? []) { look(count, node) }
        let forms = board.counts.compactMap { catalog[$0.form ?? BuiltIn.checkIn]?.definition }
        if let group = board.group, group != "unit" {
            for form in forms where !BoardMeaning.names(form).contains(group) {
                check.add(
                    .noSuchField, group, at: root["group"]?.place ?? root.place,
                    allowed: ["unit"] + BoardMeaning.names(form))
            }
        }
        let names = forms.flatMap(BoardMeaning.names).reduce(into: [String]()) { names, name in
            if !names.contains(name) { names.append(name) }
        }
        for column in root["columns"]?.items ?? [] {
            guard let name = column.text, !names.contains(name) else { continue }
            check.add(.noSuchField, name, at: column.place, allowed: names)
        }
    }

    private static func names(_ form: FormDefinition) -> [String] {
        form.keys.map(\.name) + form.fields.filter { $0.hidden != true }.map(\.name)
    }

    private mutating func look(_ count: BoardDefinition.Count, _ node: JSONNode) {
        func place(_ member: String) -> JSONNode.Place { node[member]?.place ?? node.place }
        guard (count.people == nil) != (count.form == nil), count.units == nil || count.form != nil else {
            return check.add(.clash, count.id, at: node.place, allowed: ["people", "form", "form + units"])
        }
        if let group = board.group, group != "unit", count.people != nil || count.units != nil {
            check.add(.notAllowed, group, at: root["group"]?.place ?? root.place, allowed: ["unit"])
        }
        guard let form = catalog[count.form ?? BuiltIn.checkIn]?.definition else {
            return check.add(
                .notAllowed, count.form ?? "", at: place("form"),
                allowed: catalog.forms.map(\.definition.form).sorted())
        }
        if count.units == .uncovered, !form.isDuty {
            let allowed = catalog.forms.map(\.definition).filter(\.isDuty).map(\.form).sorted()
            check.add(.notAllowed, form.form, at: place("form"), allowed: allowed)
        }
        let isChecked = count.people == nil || count.people == .checkedIn || count.people == .late
        if !isChecked || count.units != nil {
            for member in ["any", "all", "lateAfter", "arrivedAfter", "versions"] where node[member] != nil {
                let beside = count.units.map { "units \($0.rawValue)" }
                check.add(
                    .clash, "\(count.id): \(member)", at: place(member),
                    allowed: [member, beside ?? "people \(count.people?.rawValue ?? "")"])
            }
        }
        for member in ["any", "all"] {
            let conditions = member == "any" ? count.any : count.all
            for (condition, part) in zip(conditions ?? [], node[member]?.items ?? []) {
                look(condition, part, of: form, mayBeKey: member == "all", in: count.id)
            }
        }
    }

    private mutating func look(
        _ condition: RaiseRule.Condition, _ node: JSONNode, of form: FormDefinition, mayBeKey: Bool,
        in count: String
    ) {
        if form.keyIndex(condition.field) != nil {
            if mayBeKey, condition.equals != nil { return }
            return check.add(.badCondition, "\(count): \(condition.field)", at: node.place)
        }
        guard let field = form.field(named: condition.field) else {
            return check.add(
                .noSuchField, condition.field, at: node["field"]?.place ?? node.place,
                allowed: mayBeKey ? BoardMeaning.names(form) : form.fields.map(\.name))
        }
        let compiled = try? CompiledForm.conditions(
            [condition], of: form, subject: count, settings: catalog.settings)
        if compiled?.count != 1 {
            check.add(.badCondition, "\(count): \(field.name)", at: node.place)
        } else if let wanted = condition.equals, let choices = field.choices, !choices.contains(wanted) {
            check.add(.notAllowed, wanted, at: node["equals"]?.place ?? node.place, allowed: choices)
        }
    }
}
