import Forms
import SyncCore

/// The forms of a simulated world: the built-in ones, and a later revision of the check-in with fields of
/// every policy. Older programs write the first revision.
enum SimForms {
    static let catalog = FormCatalog(
        FormCatalog.builtIn.definitions.map { $0.form == BuiltIn.checkIn ? revised($0) : $0 })

    private static func revised(_ definition: FormDefinition) -> FormDefinition {
        var revised = definition
        revised.revision = definition.revision + 1
        guard let number = definition.field(1), let flag = definition.field(2) else { return definition }
        var pulse = number
        (pulse.id, pulse.name, pulse.type, pulse.policy) = (17, "pulse", .integer, "highest")
        (pulse.scale, pulse.minimum, pulse.maximum) = (nil, nil, nil)
        var alone = flag
        (alone.id, alone.name, alone.policy) = (18, "alone", "any")
        var places = flag
        (places.id, places.name, places.type, places.policy) = (19, "places", .placeList, "union")
        places.unreadable = nil
        var oxygen = pulse
        (oxygen.id, oxygen.name, oxygen.policy) = (20, "oxygen", "latest")
        var finger = oxygen
        (finger.id, finger.name) = (21, "oxygen_finger")
        var added = [pulse, alone, places, oxygen, finger]
        for index in added.indices { added[index].since = revised.revision }
        revised.fields += added
        revised.retentionDays = ["\(remarkClass)": remarkDays]
        revised.groups = (revised.groups ?? []) + [[oxygen.name, finger.name]]
        return revised
    }

    /// Days that remarks are kept.
    static let remarkDays = 20
    static let remark: FieldID = 14
    static let remarkClass: RetentionClass = 2

    /// What a version says beside that which is kept for some time only.
    static func lasting(_ version: Version) -> [Assignment] {
        version.assignments.filter { $0.field != remark }
    }

    static let rules = catalog[BuiltIn.checkIn]?.mergeRules ?? .latest
    /// Fields that move as one.
    static let group: [FieldID] = [20, 21]

    /// The fields that are edited, in the order of a step's bits; the first three are in both revisions.
    static let fields: [(ids: [FieldID], retentionClass: RetentionClass)] = [
        ([1], 0), ([2], 0), ([remark], remarkClass), ([17], 0), ([18], 0), ([19], 0), (group, 0),
    ]
    static let all: UInt8 = 127

    static func value(_ place: Int, using numbers: inout Numbers) -> Value {
        switch place {
        case 0: .decimal(unscaled: 3_600 + Int64(numbers.below(100)), scale: 2)
        case 1, 4: .integer(Int64(numbers.below(2)))
        case 2: .text(Array("remark \(numbers.below(1_000))".utf8))
        case 3, 6: .integer(Int64(40 + numbers.below(100)))
        default: .list([Array("place \(numbers.below(9))".utf8)])
        }
    }
}
