public import SyncCore

/// Which unit stands under which, as of any day: what each unit's own record says, until its placements say
/// another.
public struct DatedTree: Sendable {
    private var first: [[UInt8]: String] = [:]
    /// Ascending by day.
    private var placed: [[UInt8]: [(from: Int32, above: String)]] = [:]
    /// So many at most; a tree is never that high, and one that goes round has no top.
    private static let longest = 64

    public init() {}

    /// - Parameter each: goes through a form's records that exist.
    public init(
        each: (String, (RecordKey, EffectiveRecord) throws -> Void) throws -> Void
    ) rethrows {
        for form in [BuiltIn.unit, BuiltIn.placement] { try each(form) { add($0, $1) } }
    }

    /// Takes in a unit or a placement that exists; other records say nothing of the tree.
    public mutating func add(_ key: RecordKey, _ record: EffectiveRecord) {
        guard let unit = key.values.first?.string else { return }
        if key.form.utf8.elementsEqual(BuiltIn.unit.utf8) {
            add(unit, under: record[BuiltIn.unitParent]?.string)
        } else if key.form.utf8.elementsEqual(BuiltIn.placement.utf8), key.values.count == 2,
            let from = key.values[1].integer
        {
            add(unit, under: record[BuiltIn.placementParent]?.string, from: Int32(clamping: from))
        }
    }

    /// - Parameters:
    ///   - above: nil or empty: at the top.
    ///   - from: the first day of it; nil: what holds before every other.
    public mutating func add(_ unit: String, under above: String?, from: Int32? = nil) {
        let unit = Array(unit.utf8)
        guard let from else {
            first[unit] = above ?? ""
            return
        }
        var list = (placed[unit] ?? []).filter { $0.from != from }
        list.insert((from, above ?? ""), at: list.firstIndex { $0.from > from } ?? list.count)
        placed[unit] = list
    }

    /// The unit above another on a day; nil at the top, and for one that is not on the register.
    public func above(_ unit: String, on day: Int32) -> String? {
        let unit = Array(unit.utf8)
        guard let first = first[unit] else { return nil }
        let above = placed[unit]?.last { $0.from <= day }?.above ?? first
        return above.isEmpty ? nil : above
    }

    /// The unit and those above it on a day, the nearest first, each once.
    public func chain(from unit: String, on day: Int32) -> [String] {
        var chain = [unit]
        while chain.count < DatedTree.longest, let next = above(chain[chain.count - 1], on: day),
            !chain.contains(where: { $0.utf8.elementsEqual(next.utf8) })
        {
            chain.append(next)
        }
        return chain
    }

    /// Whether `unit` is `other` or lies below it on a day.
    public func isWithin(_ unit: String, _ other: String, on day: Int32) -> Bool {
        chain(from: unit, on: day).contains { $0.utf8.elementsEqual(other.utf8) }
    }

    /// The days from which on a unit has said that it stands elsewhere, ascending.
    public func days(of unit: String) -> [Int32] { (placed[Array(unit.utf8)] ?? []).map(\.from) }
}
