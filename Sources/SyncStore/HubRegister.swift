/// Who belongs to which unit on which day, and how units lie under one another. Texts are the store's
/// numbers.
package struct HubRegister: Sendable {
    /// From `from` on the person belongs to `unit`; 0 is no unit.
    package struct Stay: Sendable, Hashable {
        package var from: Int32
        package var until: Int32
        package var unit: Int64

        package init(from: Int32, until: Int32 = .max, unit: Int64) {
            self.from = from
            self.until = until
            self.unit = unit
        }
    }

    package var persons: Set<Int64> = []
    /// Each unit with its parent; 0 is none.
    package var parents: [Int64: Int64] = [:]
    /// Ascending by `from`.
    private var stays: [Int64: [Stay]] = [:]

    package init() {}

    /// Takes the place of an earlier stay from the same day; nil removes it.
    package mutating func set(_ stay: Stay?, of person: Int64, from: Int32) {
        var list = stays[person] ?? []
        let index = list.firstIndex { $0.from >= from } ?? list.count
        let isThere = index < list.count && list[index].from == from
        switch (stay, isThere) {
        case (let stay?, true): list[index] = stay
        case (let stay?, false): list.insert(stay, at: index)
        case (nil, true): list.remove(at: index)
        case (nil, false): break
        }
        stays[person] = list
    }

    /// The person's stays, ascending.
    package func stays(of person: Int64) -> [Stay] { stays[person] ?? [] }

    /// The person's unit on `day`; 0 when it is on no register.
    package func unit(of person: Int64, on day: Int32) -> Int64 {
        stays[person].map { HubRegister.unit($0, on: day) } ?? 0
    }

    /// The person's units on two days; 0 where it is on no register.
    package func units(of person: Int64, on one: Int32, and other: Int32) -> (Int64, Int64) {
        guard let stays = stays[person] else { return (0, 0) }
        return (HubRegister.unit(stays, on: one), HubRegister.unit(stays, on: other))
    }

    package static func unit(_ stays: [Stay], on day: Int32) -> Int64 {
        for stay in stays.reversed() where stay.from <= day { return stay.until >= day ? stay.unit : 0 }
        return 0
    }

    /// In whose scope a person's records of `day` lie; nil for those without a day.
    ///
    /// - Parameter endsStay: that the record begins a stay says that the one before has ended, which is for
    ///   the unit of the day before to know.
    package static func scope(
        _ stays: [Stay], day: Int32?, today: Int32, endsStay: Bool = false
    ) -> HubScope {
        let present = unit(stays, on: today)
        guard let day else { return HubScope(units: present, present) }
        let before = endsStay && day > .min ? unit(stays, on: day - 1) : 0
        return HubScope(units: unit(stays, on: day), present, before)
    }

    /// Everybody who belongs to a unit on `day`, in no order.
    package func members(on day: Int32) -> [(Int64, Int64)] {
        stays.compactMap { person, stays in
            let unit = HubRegister.unit(stays, on: day)
            return unit == 0 ? nil : (person, unit)
        }
    }

    /// Persons who belong to one of `units` at some time, ascending.
    package func persons(of units: Set<Int64>) -> [Int64] {
        stays.filter { $0.value.contains { units.contains($0.unit) } }.keys.sorted()
    }

    /// Persons with more than one stay, in no order.
    package var movers: [Int64] { stays.filter { $0.value.count > 1 }.map(\.key) }

    /// Persons who belong to another unit on one of the two days than on the other, ascending.
    package func moved(between one: Int32, and other: Int32) -> [Int64] {
        stays.filter { HubRegister.unit($0.value, on: one) != HubRegister.unit($0.value, on: other) }
            .keys.sorted()
    }

    /// Whether `unit` is `root` or lies below it. A ring of parents ends the walk.
    package func isWithin(_ unit: Int64, _ root: Int64) -> Bool {
        var current = unit
        for _ in 0...64 where current != 0 {
            if current == root { return true }
            current = parents[current] ?? 0
        }
        return false
    }

    /// Every unit that `unit` lies below, by the same walk as ``isWithin(_:_:)``.
    package static func above(_ unit: Int64, parents: [Int64: Int64]) -> Set<Int64> {
        var found: Set<Int64> = []
        var current = unit
        for _ in 0...64 where current != 0 {
            found.insert(current)
            current = parents[current] ?? 0
        }
        found.remove(unit)
        return found
    }

    /// `root` and everything below it, ascending.
    package func subtree(_ root: Int64) -> [Int64] {
        var found = parents.keys.filter { isWithin($0, root) }
        if !found.contains(root) { found.append(root) }
        return found.sorted()
    }
}

/// The units, three at most, in whose scope a version lies.
package struct HubScope: Sendable, Hashable, Comparable {
    /// Nobody's but the centre's.
    package static let none = HubScope(first: -1, second: 0)
    /// Everybody's.
    package static let everybody = HubScope(first: 0, second: 0)

    package var first: Int64
    /// Greater than `first`, or 0 when there is only one.
    package var second: Int64
    /// Greater than `second`, or 0 when there are not three.
    package var third: Int64

    package init(first: Int64, second: Int64, third: Int64 = 0) {
        self.first = first
        self.second = second
        self.third = third
    }

    /// The scope of two units that may be equal, or 0 for none.
    package init(units one: Int64, _ other: Int64) {
        switch (one, other) {
        case (0, 0): self = .none
        case (0, let unit), (let unit, 0): self.init(first: unit, second: 0)
        case let (one, other) where one == other: self.init(first: one, second: 0)
        default: self.init(first: min(one, other), second: max(one, other))
        }
    }

    /// The scope of three units, any of which may be equal, or 0 for none.
    package init(units one: Int64, _ other: Int64, _ more: Int64) {
        let two = HubScope(units: one, other)
        if more == 0 || more == one || more == other {
            self = two
        } else if two.second == 0 {
            self.init(units: max(0, two.first), more)
        } else {
            let sorted = [two.first, two.second, more].sorted()
            self.init(first: sorted[0], second: sorted[1], third: sorted[2])
        }
    }

    package static func < (left: HubScope, right: HubScope) -> Bool {
        (left.first, left.second, left.third) < (right.first, right.second, right.third)
    }

    package var units: [Int64] {
        if first < 0 { return [] }
        if second == 0 { return [first] }
        return third == 0 ? [first, second] : [first, second, third]
    }
}
