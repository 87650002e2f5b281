public import SyncCore

/// The fields of a form whose records rules raise and people answer, by their names.
public struct RaisedForm: Sendable {
    public static let open = "open"
    public static let taken = "taken"
    public static let closed = "closed"

    public let definition: FormDefinition
    public let facts: FieldID
    public let status: FieldID
    public let takenBy: FieldID
    private let rule: Int
    private let others: [String: FieldID]

    /// Nil when a raised record cannot say in it what it has to.
    public init?(_ definition: FormDefinition) {
        guard let facts = definition.field(named: "facts"), facts.type == .multiChoice,
            let status = definition.field(named: "status"), status.type == .choice,
            let takenBy = definition.field(named: "taken_by"), takenBy.type == .person,
            let rule = definition.keyIndex("rule"), definition.keys[rule].type == .text,
            [RaisedForm.open, RaisedForm.taken, RaisedForm.closed].allSatisfy({ choice in
                status.choices?.contains { $0.utf8.elementsEqual(choice.utf8) } ?? true
            })
        else { return nil }
        self.definition = definition
        self.facts = facts.id
        self.status = status.id
        self.takenBy = takenBy.id
        self.rule = rule
        var others: [String: FieldID] = [:]
        for field in definition.fields { others[field.name] = field.id }
        self.others = others
    }

    /// A field by its name; a form of an earlier revision may lack it.
    public func field(_ name: String) -> FieldID? { others[name] }

    public func value(_ name: String, of record: EffectiveRecord) -> Value? {
        field(name).flatMap { record[$0] }
    }

    public func time(_ name: String, of record: EffectiveRecord) -> Milliseconds? {
        value(name, of: record)?.integer
    }

    public func text(_ name: String, of record: EffectiveRecord) -> String? {
        value(name, of: record)?.string
    }

    public func rule(of key: RecordKey) -> String {
        rule < key.values.count ? key.values[rule].string ?? "" : ""
    }

    /// The unit in the key; nil where the record is a person's.
    public func unit(of key: RecordKey) -> String? {
        definition.keys.firstIndex { $0.type == .unit }
            .flatMap { $0 < key.values.count ? key.values[$0].string : nil }
    }

    public func status(of record: EffectiveRecord) -> String { record[status]?.string ?? RaisedForm.open }

    /// What called for the record, such as `temperature=37.80` or `fever`.
    public func facts(of record: EffectiveRecord) -> [String] {
        guard case .list(let items)? = record[facts] else { return [] }
        return items.map { String(decoding: $0, as: UTF8.self) }
    }

    /// What is assigned, by the names of fields; names that the form lacks are left out.
    public func assignments(_ values: [(name: String, value: Value)]) -> [Assignment] {
        values.compactMap { name, value in
            guard let field = definition.field(named: name) else { return nil }
            return Assignment(field: field.id, retentionClass: field.retentionClass, value: value)
        }.sorted { $0.field < $1.field }
    }

    /// What the first version of a raised record assigns: what it states, and *not stated* for the fields
    /// that the form has always had. What later revisions brought is for those who answer, and costs
    /// nothing on the way.
    ///
    /// - Parameter isWhole: that is assigned as well, because the record was there before.
    public func first(
        _ facts: [String], _ values: [(name: String, value: Value)] = [], isWhole: Bool = false
    ) -> [Assignment] {
        let stated =
            values + [
                ("facts", .list(facts.map { Array($0.utf8) })), ("status", .text(RaisedForm.open)),
            ]
        return definition.fields.compactMap { field in
            let value = stated.first { $0.name.utf8.elementsEqual(field.name.utf8) }?.value
            guard isWhole || value != nil || field.since ?? 1 == 1 else { return nil }
            return Assignment(
                field: field.id, retentionClass: field.retentionClass, value: value ?? .notStated)
        }
    }

    /// The key of a record that is raised; nil when a part of it is not known.
    public func key(rule id: String, _ parts: [(name: String, value: Value)]) -> RecordKey? {
        var values: [Value] = []
        for (index, key) in definition.keys.enumerated() {
            if index == rule {
                values.append(.text(id))
            } else if let part = parts.first(where: { $0.name.utf8.elementsEqual(key.name.utf8) }) {
                values.append(part.value)
            } else {
                return nil
            }
        }
        return RecordKey(form: definition.form, values: values)
    }
}
