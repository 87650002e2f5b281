public import SyncCore

/// A record that a rule calls for. Branch and centre make the same one: its key is the rule and the record's
/// key.
public struct RaisedRecord: Sendable, Hashable {
    public var rule: String
    public var key: RecordKey
    /// What fired, such as `temperature=37.80` or `fever`.
    public var facts: [String]
}

extension CompiledForm {
    /// Whether a rule of this form holds, per row of the group. What a row leaves alone does not count.
    public func flagged(_ group: FormGroup) -> [Bool] {
        var result = Array(repeating: false, count: group.rows.count)
        for condition in rules.flatMap(\.conditions) {
            for column in group.fields where column.field == condition.field && condition.fits(column) {
                if condition.text != nil {
                    for place in group.rows.indices where condition.holds(column.value(at: place)) {
                        result[place] = true
                    }
                    continue
                }
                for place in column.integers.indices where column.integers[place] >= condition.threshold {
                    if column.presence(at: place) == .value { result[place] = true }
                }
            }
        }
        return result
    }

    /// Whether a rule of this form holds on a record's effective values, or on one of those between which
    /// nobody has decided yet: a fever does not leave the board because somebody else wrote later.
    public func isFlagged(_ record: EffectiveRecord) -> Bool {
        guard record.exists else { return false }
        if isFlagged({ record[$0] }) { return true }
        return record.fields.contains { field in
            field.isConflict
                && field.candidates.contains { candidate in
                    isFlagged { $0 == field.field ? candidate.value : nil }
                }
        }
    }

    /// Whether a rule of this form holds on the values that `value` gives.
    public func isFlagged(_ value: (FieldID) throws -> Value?) rethrows -> Bool {
        try rules.contains { rule in try rule.conditions.contains { $0.holds(try value($0.field)) } }
    }

    /// The records that this form's rules call for, given a record's key and values.
    ///
    /// - Parameter definition: looks up the form that is to be raised.
    public func raised(
        for key: RecordKey, _ value: (FieldID) -> Value?, definition lookUp: (String) -> FormDefinition?
    ) -> [RaisedRecord] {
        rules.compactMap { rule in
            let facts = rule.conditions.filter { $0.holds(value($0.field)) }.map { $0.fact(value($0.field)) }
            guard !facts.isEmpty, let form = lookUp(rule.raise) else { return nil }
            var values: [Value] = []
            for part in form.keys {
                if part.name == "rule" {
                    values.append(.text(rule.id))
                } else if let index = definition.keyIndex(part.name), index < key.values.count {
                    values.append(key.values[index])
                } else {
                    return nil
                }
            }
            return RaisedRecord(rule: rule.id, key: RecordKey(form: form.form, values: values), facts: facts)
        }
    }
}

/// The record for which a rule raised another.
package struct RaisedCause: Sendable {
    package var key: RecordKey
    package var form: CompiledForm
    /// What the rule looks at.
    package var fields: [FieldID]
    private let raised: RecordKey

    init(_ key: RecordKey, of raised: RecordKey, _ form: CompiledForm, fields: [FieldID]) {
        self.key = key
        self.raised = raised
        self.form = form
        self.fields = fields
    }

    /// Whether the rule calls for the other record still.
    package func holds(_ record: EffectiveRecord, _ catalog: CompiledCatalog) -> Bool {
        record.exists
            && form.raised(for: key, record, definition: { catalog.catalog[$0] }).contains {
                $0.key == raised
            }
    }
}

extension CompiledCatalog {
    /// Nil where no rule of a form raised the record, or its key does not say for which it did.
    package func cause(of raised: RecordKey) -> RaisedCause? {
        guard let definition = self[raised.form]?.definition, let place = definition.keyIndex("rule"),
            place < raised.values.count, let id = raised.values[place].string
        else { return nil }
        for form in forms {
            let rule = form.rules.first {
                $0.id.utf8.elementsEqual(id.utf8) && $0.raise.utf8.elementsEqual(raised.form.utf8)
            }
            guard let rule else { continue }
            let values = form.definition.keys.compactMap { key in
                definition.keyIndex(key.name).flatMap { $0 < raised.values.count ? raised.values[$0] : nil }
            }
            guard values.count == form.definition.keys.count else { return nil }
            return RaisedCause(
                RecordKey(form: form.definition.form, values: values), of: raised, form,
                fields: rule.conditions.map(\.field))
        }
        return nil
    }
}

extension RaisedRecord {
    /// What the first version of a raised record assigns.
    public func assignments(_ form: FormDefinition) -> [Assignment] {
        RaisedForm(form)?.first(facts) ?? []
    }
}

extension CompiledForm.Condition {
    func fits(_ column: Column) -> Bool {
        column.kind == kind && (kind != .decimal || column.scale == scale)
    }

    func holds(_ value: Value?) -> Bool {
        switch value {
        case .text(let text): self.text == text
        case .list(let items): text.map { items.contains($0) } ?? false
        case .integer(let number): kind == .integer && number >= threshold
        case .decimal(let unscaled, let scale):
            kind == .decimal && scale == self.scale && unscaled >= threshold
        default: false
        }
    }

    func fact(_ value: Value?) -> String {
        if case .decimal(let unscaled, let scale) = value {
            return name + "=" + CellText.text(decimal: unscaled, scale: scale)
        }
        if let text { return name + "=" + String(decoding: text, as: UTF8.self) }
        return name
    }
}
