/// Which unit stands under which, as of any day, in the store's numbers.
package struct HubTree: Sendable {
    private struct Placement: Sendable, Hashable {
        var from: Int32
        var above: Int64
    }

    /// Each unit that is there, with the one above it before a placement says another; 0 is none.
    package private(set) var units: [Int64: Int64] = [:]
    /// Ascending by `from`.
    private var placements: [Int64: [Placement]] = [:]

    /// So many units above one another at most; a ring ends where it began.
    private static let highest = 64

    /// - Parameter above: nil: the unit is not there.
    mutating func set(_ unit: Int64, above: Int64?) { units[unit] = above }

    /// From `from` on the unit stands under `above`; nil removes what was said of that day.
    mutating func place(_ unit: Int64, under above: Int64?, from: Int32) {
        var list = (placements[unit] ?? []).filter { $0.from != from }
        if let above {
            let index = list.firstIndex { $0.from > from } ?? list.count
            list.insert(Placement(from: from, above: above), at: index)
        }
        placements[unit] = list.isEmpty ? nil : list
    }

    /// The unit above another on a day; 0 is none.
    func above(_ unit: Int64, on day: Int32) -> Int64 {
        guard let first = units[unit] else { return 0 }
        if placements.isEmpty { return first }
        return placements[unit]?.last { $0.from <= day }?.above ?? first
    }

    /// The unit and those above it on a day, the nearest first, each once.
    package func line(of unit: Int64, on day: Int32) -> [Int64] {
        var line = [unit]
        while line.count <= HubTree.highest {
            let next = above(line[line.count - 1], on: day)
            if next == 0 || line.contains(next) { break }
            line.append(next)
        }
        return line
    }

    /// Whether `unit` is `root` or lies below it on a day. A ring ends the walk.
    package func isWithin(_ unit: Int64, _ root: Int64, on day: Int32) -> Bool {
        var current = unit
        for _ in 0...HubTree.highest where current != 0 {
            if current == root { return true }
            current = above(current, on: day)
        }
        return false
    }

    /// The unit's lines one after the other, each with its first day; the first one has none.
    func lines(of unit: Int64) -> [(from: Int32, line: [Int64])] {
        var lines: [(from: Int32, line: [Int64])] = []
        for day in days(of: unit) {
            let line = line(of: unit, on: day)
            if lines.last?.line != line { lines.append((day, line)) }
        }
        return lines
    }

    /// The days on which another line may begin: those of the unit's own placements, and of all units that
    /// were ever above it.
    private func days(of unit: Int64) -> [Int32] {
        if placements.isEmpty { return [.min] }
        var days: Set<Int32> = [.min]
        var seen: Set = [unit]
        var waiting = [unit]
        while let next = waiting.popLast() {
            let placed = placements[next] ?? []
            days.formUnion(placed.map(\.from))
            for above in [units[next] ?? 0] + placed.map(\.above)
            where above != 0 && seen.insert(above).inserted {
                waiting.append(above)
            }
        }
        return days.sorted()
    }
}

/// A unit under one line of units above it. Scopes are made of nodes: who sees a node is settled for ever,
/// and a unit that comes under another takes to another node what is to be seen there, as a person who moves
/// does. A membership during which the unit moves lies in a node of its own, whose line has all the units.
package struct HubNode: Sendable, Hashable {
    package var number: Int64
    /// The unit, and those above it.
    package var line: [Int64]

    package init(number: Int64, line: [Int64]) {
        self.number = number
        self.line = line
    }

    /// Behind all texts' numbers.
    package static let first: Int64 = 1 << 40
}

/// A person or unit, by which records are in a scope.
package struct HubSubject: Sendable, Hashable, Comparable {
    package var number: Int64
    package var isUnit: Bool

    package init(number: Int64, isUnit: Bool) {
        self.number = number
        self.isUnit = isUnit
    }

    package static func person(_ number: Int64) -> HubSubject { HubSubject(number: number, isUnit: false) }
    package static func unit(_ number: Int64) -> HubSubject { HubSubject(number: number, isUnit: true) }

    package static func < (left: HubSubject, right: HubSubject) -> Bool {
        left.isUnit == right.isUnit ? left.number < right.number : right.isUnit
    }
}

/// The nodes that a store has had so far.
struct HubNodes: Sendable {
    private(set) var numbers: [[Int64]: Int64] = [:]
    /// By number.
    private(set) var lines: [Int64: [Int64]] = [:]
    /// Units with a node. The number of any other stands for the unit by itself.
    private(set) var units: Set<Int64> = []
    private var last = HubNode.first
    /// Those that are to be kept.
    var fresh: [HubNode] = []

    mutating func add(_ node: HubNode) {
        numbers[node.line] = node.number
        lines[node.number] = node.line
        if let unit = node.line.first { units.insert(unit) }
        last = max(last, node.number)
    }

    /// All units that stand in a line of one of the nodes, each once.
    func union(_ nodes: [Int64]) -> [Int64] {
        var union: [Int64] = []
        for node in nodes {
            for unit in lines[node] ?? [node] where !union.contains(unit) { union.append(unit) }
        }
        return union
    }

    mutating func make(_ line: [Int64], number: Int64? = nil) -> Int64 {
        let node = HubNode(number: number ?? last + 1, line: line)
        add(node)
        fresh.append(node)
        return node.number
    }

    /// The node of a line. The first of a unit has the unit's own number.
    ///
    /// - Parameter isUsed: whether anything lies under the unit's own number already, which nobody above the
    ///   unit has been shown then.
    mutating func number(
        of line: [Int64], isUsed: (Int64) throws -> Bool
    ) rethrows -> Int64 {
        if let known = numbers[line] { return known }
        let unit = line[0]
        guard !units.contains(unit) else { return make(line) }
        guard line.count > 1, try isUsed(unit) else { return make(line, number: unit) }
        _ = make([unit], number: unit)
        return make(line)
    }
}
