/// Who belongs to which unit on which day, and how units lie under one another then. Texts are the store's
/// numbers.
package struct HubRegister: Sendable {
    /// From `from` on the person belongs to `unit`; 0 is no unit.
    package struct Stay: Sendable, Hashable {
        package var from: Int32
        package var until: Int32
        package var unit: Int64
        /// Of a node: the one that everybody sees who sees any node of the whole membership.
        package var whole: Int64

        package init(from: Int32, until: Int32 = .max, unit: Int64, whole: Int64? = nil) {
            self.from = from
            self.until = until
            self.unit = unit
            self.whole = whole ?? unit
        }
    }

    package var persons: Set<Int64> = []
    package private(set) var tree = HubTree()
    /// Ascending by `from`.
    private var stays: [Int64: [Stay]] = [:]
    private var nodes = HubNodes()
    /// The nodes of each unit, ascending by day; of others the unit's own number is the node on every day.
    private var stretches: [Int64: [Stay]] = [:]
    /// The tree has changed since nodes were last looked at.
    package private(set) var isStale = false

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
        // Who sees the whole of a stay hangs on its days.
        if !stretches.isEmpty { isStale = true }
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

    package static func unit(_ stays: [Stay], on day: Int32) -> Int64 { stay(stays, on: day)?.unit ?? 0 }

    private static func stay(_ stays: [Stay], on day: Int32) -> Stay? {
        for stay in stays.reversed() where stay.from <= day { return stay.until >= day ? stay : nil }
        return nil
    }

    /// In whose scope a person's records of `day` lie; nil for those without a day.
    ///
    /// - Parameters:
    ///   - ends: that the record begins a stay is for everybody to know who sees a day of it, and that the
    ///     one before has ended for who saw a day of that.
    package static func scope(
        _ stays: [Stay], day: Int32?, today: Int32, ends: EndsOfStays = .none
    ) -> HubScope {
        let present = unit(stays, on: today)
        guard let day else { return HubScope(units: present, present) }
        let (then, before) = (stay(stays, on: day), day > .min ? stay(stays, on: day - 1) : nil)
        return switch ends {
        case .none: HubScope(units: then?.unit ?? 0, present)
        case .dayBefore: HubScope(units: then?.unit ?? 0, present, before?.unit ?? 0)
        case .whole: HubScope(units: then?.whole ?? 0, present, before?.whole ?? 0)
        }
    }

    /// Who is to know that a record begins a stay.
    package enum EndsOfStays: Sendable {
        /// It begins none.
        case none
        /// As programs knew it that took a unit to stand under one other for the whole of a stay.
        case dayBefore
        case whole
    }

    /// Everybody who belongs to a unit on `day`, in no order.
    package func members(on day: Int32) -> [(Int64, Int64)] {
        stays.compactMap { person, stays in
            let unit = HubRegister.unit(stays, on: day)
            return unit == 0 ? nil : (person, unit)
        }
    }

    /// Persons during whose stays a unit has come under another, in no order.
    package func moved() -> [Int64] {
        if stretches.isEmpty { return [] }
        return stays.keys.filter { placed(.person($0)).contains(where: isUnion) }
    }

    /// Persons with more than one stay, in no order.
    package var movers: [Int64] { stays.filter { $0.value.count > 1 }.map(\.key) }
}

// MARK: - The tree

extension HubRegister {
    /// - Parameter above: 0 for none; nil: the unit is not there.
    package mutating func set(unit: Int64, above: Int64?) {
        guard tree.units[unit] != above else { return }
        tree.set(unit, above: above)
        isStale = true
    }

    /// - Parameter above: 0 for none; nil takes back what was said of that day.
    package mutating func place(_ unit: Int64, under above: Int64?, from: Int32) {
        tree.place(unit, under: above, from: from)
        isStale = true
    }

    /// The node in which a unit's records lie on a day.
    package func node(of unit: Int64, on day: Int32) -> Int64 {
        if stretches.isEmpty { return unit }
        return stretches[unit].map { HubRegister.unit($0, on: day) } ?? unit
    }

    /// The nodes in which a person or unit is, ascending by day.
    package func placed(_ subject: HubSubject) -> [Stay] {
        if subject.isUnit {
            return stretches[subject.number] ?? [Stay(from: .min, unit: subject.number)]
        }
        return placed(stays[subject.number] ?? [], by: stretches)
    }

    private func placed(_ stays: [Stay], by stretches: [Int64: [Stay]]) -> [Stay] {
        if stretches.isEmpty { return stays }
        return stays.indices.flatMap { index -> [Stay] in
            let parts = HubRegister.parts(of: stays, at: index, by: stretches)
            guard parts.count > 1, let whole = nodes.numbers[nodes.union(parts.map(\.unit))] else {
                return parts
            }
            return parts.map { Stay(from: $0.from, until: $0.until, unit: $0.unit, whole: whole) }
        }
    }

    /// A stay, cut where its unit comes into another node.
    private static func parts(of stays: [Stay], at index: Int, by stretches: [Int64: [Stay]]) -> [Stay] {
        let stay = stays[index]
        guard let parts = stretches[stay.unit] else { return [stay] }
        var found: [Stay] = []
        let next = index + 1 < stays.count ? stays[index + 1].from : .max
        for (place, part) in parts.enumerated() {
            if place + 1 < parts.count, parts[place + 1].from <= stay.from { continue }
            let from = max(stay.from, part.from)
            if from > stay.from, from >= next || from > stay.until { break }
            found.append(Stay(from: from, until: stay.until, unit: part.unit))
        }
        return found
    }

    /// The wholes of a person's stays, which a membership lies in, on two days.
    package func wholes(of person: Int64, on one: Int32, and other: Int32) -> (Int64, Int64) {
        let placed = placed(.person(person))
        return (
            HubRegister.stay(placed, on: one)?.whole ?? 0, HubRegister.stay(placed, on: other)?.whole ?? 0
        )
    }

    /// Whether more is seen under a node than one line of units.
    package func isUnion(_ stay: Stay) -> Bool { stay.whole != stay.unit }

    /// Makes the nodes of stays during which a unit has stood under several others.
    private mutating func makeUnions(_ stretches: [Int64: [Stay]]) {
        let changing = Set(stretches.filter { $0.value.count > 1 }.keys)
        if changing.isEmpty { return }
        var wanted: Set<[Int64]> = []
        for stays in stays.values where stays.contains(where: { changing.contains($0.unit) }) {
            for index in stays.indices where changing.contains(stays[index].unit) {
                let parts = HubRegister.parts(of: stays, at: index, by: stretches)
                if parts.count > 1 { wanted.insert(nodes.union(parts.map(\.unit))) }
            }
        }
        for line in wanted.sorted(by: { $0.lexicographicallyPrecedes($1) }) where nodes.numbers[line] == nil {
            _ = nodes.make(line)
        }
    }

    /// Takes in the nodes that a store keeps. One that keeps none is of a program that knew no days of the
    /// tree: there a unit's number has stood for the line that it has.
    package mutating func adopt(_ kept: [HubNode]) {
        for node in kept { nodes.add(node) }
        for unit in kept.isEmpty ? tree.units.keys.sorted() : [] {
            _ = nodes.make(tree.line(of: unit, on: .min), number: unit)
        }
        _ = settle { _ in true }
    }

    /// Finds the nodes of all units anew.
    ///
    /// - Parameter isUsed: whether anything lies in the scope of a unit that has no node yet.
    /// - Returns: who is in other nodes than before, with those before.
    package mutating func settle(
        isUsed: (Int64) throws -> Bool
    ) rethrows -> [HubSubject: [Stay]] {
        let before = stretches
        var after: [Int64: [Stay]] = [:]
        for unit in nodes.units.union(tree.units.keys).sorted() {
            var found: [Stay] = []
            for (from, line) in tree.lines(of: unit) {
                found.append(Stay(from: from, unit: try nodes.number(of: line, isUsed: isUsed)))
            }
            if found.count > 1 || found.first?.unit != unit { after[unit] = found }
        }
        stretches = after
        makeUnions(after)
        isStale = false
        let changed = Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }
        if changed.isEmpty { return [:] }
        var moved: [HubSubject: [Stay]] = [:]
        for unit in changed { moved[.unit(unit)] = before[unit] ?? [Stay(from: .min, unit: unit)] }
        for (person, stays) in stays where stays.contains(where: { changed.contains($0.unit) }) {
            moved[.person(person)] = placed(stays, by: before)
        }
        return moved
    }

    /// Nodes that are new since the store was last asked to keep some.
    package mutating func takeFresh() -> [HubNode] {
        defer { nodes.fresh = [] }
        return nodes.fresh
    }

    package var hasFresh: Bool { !nodes.fresh.isEmpty }

    /// The lines of those nodes.
    package var freshLines: [[Int64]] { nodes.fresh.map(\.line) }

    /// All nodes in whose line a unit stands: what its devices see.
    package func nodes(seenBy root: Int64) -> [Int64] {
        var found = nodes.lines.filter { $0.value.contains(root) }.map(\.key)
        if !nodes.units.contains(root) { found.append(root) }
        return found.sorted()
    }

    /// The units whose devices see a node.
    package func units(above node: Int64) -> [Int64] { nodes.lines[node] ?? [node] }

    /// Who is in another node on one of the two days than on the other, ascending.
    package func moved(between one: Int32, and other: Int32) -> [HubSubject] {
        let units = stretches.filter {
            HubRegister.unit($0.value, on: one) != HubRegister.unit($0.value, on: other)
        }.keys
        let shifted = Set(units)
        let persons = stays.filter { _, stays in
            let unit = HubRegister.unit(stays, on: one)
            return unit != HubRegister.unit(stays, on: other) || shifted.contains(unit)
        }.keys
        return (persons.map { .person($0) } + shifted.map { .unit($0) }).sorted()
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
