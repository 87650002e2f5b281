/// Which units are there once a whole sheet has been taken: a row counts when its parent does, and a parent
/// may stand behind its children.
struct UnitTree {
    struct Row {
        var unit: String
        /// Empty for none.
        var parent: String
    }

    /// How many rows say that a unit is there; as bytes, because codes compare as bytes.
    private var rows: [[UInt8]: Int] = [:]
    /// Parents that the store knows.
    private var stored: Set<[UInt8]> = []

    /// - Parameter exists: whether the store knows a unit.
    init(_ rows: [Row], exists: (String) throws -> Bool) rethrows {
        var children: [[UInt8]: [[UInt8]]] = [:]
        for row in rows {
            let unit = Array(row.unit.utf8)
            self.rows[unit, default: 0] += 1
            if !row.parent.isEmpty { children[Array(row.parent.utf8), default: []].append(unit) }
        }
        for parent in children.keys where try exists(String(decoding: parent, as: UTF8.self)) {
            stored.insert(parent)
        }
        // Rows below a unit that is not there fall, and what is below them.
        var absent = children.keys.filter { !holds($0) }
        while let parent = absent.popLast() {
            for unit in children.removeValue(forKey: parent) ?? [] {
                self.rows[unit, default: 0] -= 1
                if !holds(unit) { absent.append(unit) }
            }
        }
    }

    func holds(_ unit: String) -> Bool { holds(Array(unit.utf8)) }

    private func holds(_ unit: [UInt8]) -> Bool { stored.contains(unit) || rows[unit, default: 0] > 0 }
}
