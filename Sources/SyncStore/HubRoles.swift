package import Forms
package import SyncCore

/// What the hub itself reads in a form, found once.
package struct HubRoles: Sendable {
    package enum Kind: Sendable {
        case unit, placement, person, membership, excuse, checkIn, report, definition, other
    }

    package let kind: Kind
    /// Positions of keys.
    package let dayKey: Int?
    package let personKey: Int?
    package let unitKey: Int?
    /// Each branch is fed the records.
    package let isEverybodys: Bool

    package init(_ definition: FormDefinition) {
        switch definition.form {
        case BuiltIn.unit: kind = .unit
        case BuiltIn.placement: kind = .placement
        case BuiltIn.person: kind = .person
        case BuiltIn.membership: kind = .membership
        case BuiltIn.excuse: kind = .excuse
        case BuiltIn.checkIn: kind = .checkIn
        case BuiltIn.dailyReport: kind = .report
        case BuiltIn.definition: kind = .definition
        default: kind = .other
        }
        dayKey = definition.keys.firstIndex { $0.type == .date }
        personKey = definition.keys.firstIndex { $0.type == .person }
        unitKey = definition.keys.firstIndex { $0.type == .unit }
        isEverybodys = kind == .unit || kind == .definition || definition.isEverybodys
    }

    /// Whether a record that begins with its day ends what was before: it is kept wherever that is.
    package var endsStay: Bool { kind == .membership }

    package var ends: HubRegister.EndsOfStays { endsStay ? .whole : .none }

    /// The field that the register is made of: a unit's and a placement's parent, a membership's unit.
    package var registerField: FieldID? {
        switch kind {
        case .unit: BuiltIn.unitParent
        case .placement: BuiltIn.placementParent
        case .membership: BuiltIn.membershipUnit
        default: nil
        }
    }
}

extension HubRoles.Kind {
    /// Records that others are judged by: they always go through a merge, which keeps the register in step.
    package var isRegister: Bool {
        self == .unit || self == .placement || self == .person || self == .membership
    }
}
