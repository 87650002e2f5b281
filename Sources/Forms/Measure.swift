public import SyncCore

/// A number of people of one unit on one day, as data: a form can have a field computed by it.
public struct Measure: Codable, Sendable, Hashable {
    /// Those on the unit's register that day, by what the board says of them.
    public enum People: String, Codable, Sendable, Hashable, CaseIterable {
        case register, excused, missing, late
        case checkedIn = "checked-in"
    }

    public var people: People
    /// Only those whose check-in says one of these; `checked-in` and `late` alone have one.
    public var any: [RaiseRule.Condition]?

    public init(people: People, any: [RaiseRule.Condition]? = nil) {
        self.people = people
        self.any = any
    }
}

/// A measure made ready for counting many units.
public struct CompiledMeasure: Sendable {
    let people: Measure.People
    /// Nil when all of them count.
    let conditions: [CompiledForm.Condition]?

    /// Whether it counts what is found in check-ins, which a zero report says there is none of.
    public var isFinding: Bool { conditions != nil }
}

extension CompiledCatalog {
    /// The fields of a form that are computed, ascending, with what computes them.
    ///
    /// - Throws: ``FormDefinitionError`` when a measure asks for what check-ins do not have.
    public func measures(
        of form: CompiledForm
    ) throws(FormDefinitionError) -> [(field: FieldDefinition, measure: CompiledMeasure)] {
        var found: [(field: FieldDefinition, measure: CompiledMeasure)] = []
        for field in form.definition.fields {
            guard let measure = field.computed else { continue }
            guard let conditions = measure.any else {
                found.append((field, CompiledMeasure(people: measure.people, conditions: nil)))
                continue
            }
            let hasCheckIn = measure.people == .checkedIn || measure.people == .late
            guard hasCheckIn, let checkIn = self[BuiltIn.checkIn] else {
                throw FormDefinitionError(
                    form: form.definition.form, subject: field.name, code: .badComputed)
            }
            let compiled = try CompiledForm.conditions(
                conditions, of: checkIn.definition, subject: field.name, settings: settings)
            guard compiled.count == conditions.count else {
                throw FormDefinitionError(
                    form: form.definition.form, subject: field.name, code: .badComputed)
            }
            found.append((field, CompiledMeasure(people: measure.people, conditions: compiled)))
        }
        return found
    }
}

extension CoverageBoard.Line {
    /// Who is counted, in the order of the board's lists; nil for the register, of which the board has only
    /// the number.
    ///
    /// - Parameters:
    ///   - present: who checked in, of whom the board has only the number too.
    ///   - record: a person's check-in of the day.
    public func people(
        _ measure: CompiledMeasure, present: [String], record: (String) -> EffectiveRecord?
    ) -> [String]? {
        let people: [String]
        switch measure.people {
        case .register: return nil
        case .checkedIn: people = present
        case .excused: people = excused
        case .missing: people = missing
        case .late: people = late
        }
        guard let conditions = measure.conditions else { return people }
        return people.filter { person in
            guard let record = record(person) else { return false }
            return conditions.contains { $0.holds(in: record) }
        }
    }
}

extension CompiledForm.Condition {
    /// Whether it holds on the effective value, or on one of those between which nobody has decided yet.
    func holds(in record: EffectiveRecord) -> Bool {
        guard record.exists, let found = record.fields.first(where: { $0.field == field }) else {
            return false
        }
        return holds(found.value) || found.isConflict && found.candidates.contains { holds($0.value) }
    }
}
