public import SyncCore

/// Which records are compared, and where each of them counts. Both ends ask the register that they hold, so
/// that they come to the same as long as they hold the same.
package struct TallyScope: Sendable {
    /// Nil: everything.
    private let nodes: Set<Int64>?
    /// The hub's local day: who belongs where at present.
    private let today: Int32
    private let register: HubRegister

    /// The day of which the feed speaks so far, where that is another.
    private let fedDay: Int32?

    /// - Parameters:
    ///   - root: the unit whose subtree is compared, beside what is everybody's; nil for all.
    ///   - fedDay: at a hub: the local day of its last commit, by which scopes are fed.
    package init(root: Int64?, today: Int32, fedDay: Int32? = nil, register: HubRegister) {
        nodes = root.map { Set([0] + register.nodes(seenBy: $0)) }
        self.today = today
        self.fedDay = fedDay == today ? nil : fedDay
        self.register = register
    }

    /// Where a record counts.
    package struct Place: Sendable {
        /// 0 for none.
        package var unit: Int64
        /// The day that has begun brings it into scope, or takes it out, and the feed has not said so yet.
        package var isMoving: Bool
    }

    /// Nil when the record is not compared.
    package func place(_ roles: HubRoles, person: Int64?, unit: Int64?, day: Int32?) -> Place? {
        var isMoving = false
        if let nodes {
            func isInScope(on today: Int32) -> Bool {
                let place = HubPlace(
                    roles, person: person, unit: unit, day: day, today: today, root: 0, register)
                return place.scope == .everybody || place.scope.units.contains { nodes.contains($0) }
            }
            let isPresent = isInScope(on: today)
            let isFed = fedDay.map { isInScope(on: $0) } ?? isPresent
            guard isPresent || isFed else { return nil }
            isMoving = isPresent != isFed
        }
        if roles.isEverybodys { return Place(unit: 0, isMoving: isMoving) }
        if let person {
            return Place(unit: register.unit(of: person, on: day ?? today), isMoving: isMoving)
        }
        return Place(unit: unit ?? 0, isMoving: isMoving)
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
