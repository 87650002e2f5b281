public import SyncCore

/// Which records are compared, and where each of them counts. Both ends ask the register that they hold, so
/// that they come to the same as long as they hold the same.
package struct TallyScope: Sendable {
    /// Nil: everything.
    private let nodes: Set<Int64>?
    /// The hub's local day: who belongs where at present.
    private let today: Int32
    private let register: HubRegister

    /// - Parameter root: the unit whose subtree is compared, beside what is everybody's; nil for all.
    package init(root: Int64?, today: Int32, register: HubRegister) {
        nodes = root.map { Set([0] + register.nodes(seenBy: $0)) }
        self.today = today
        self.register = register
    }

    /// The unit that a record counts under, 0 for none; nil when the record is not compared.
    package func unit(_ roles: HubRoles, person: Int64?, unit: Int64?, day: Int32?) -> Int64? {
        if let nodes {
            let place = HubPlace(
                roles, person: person, unit: unit, day: day, today: today, root: 0, register)
            guard place.scope == .everybody || place.scope.units.contains(where: { nodes.contains($0) })
            else { return nil }
        }
        if roles.isEverybodys { return 0 }
        if let person { return register.unit(of: person, on: day ?? today) }
        return unit ?? 0
    }
}

/// Up to where the other side holds the versions of each origin, as far as this side can know.
package struct TallyHorizon: Sendable {
    private let reach: [OriginID: UInt64]

    package init(_ reach: [OriginID: UInt64]) { self.reach = reach }

    /// Whether something of what has been seen lies beyond it.
    package func isPassed(by seen: Context) -> Bool {
        seen.vector.entries.contains { isPassed(by: Dot(origin: $0.origin, sequence: $0.count)) }
            || seen.dots.contains { isPassed(by: $0) }
    }

    package func isPassed(by dot: Dot) -> Bool { dot.sequence > reach[dot.origin] ?? 0 }
}

/// A device that only asks, once its Hello has been judged.
public struct Asker: Sendable, Hashable {
    public var device: Int64
    public var unit: String
    public var welcome: Welcome

    public init(device: Int64, unit: String, welcome: Welcome) {
        self.device = device
        self.unit = unit
        self.welcome = welcome
    }
}
