import Console
import Forms
import SyncCore
import SyncStore

/// Which unit stands under which when: what the store says, and all rows of a sheet that can be taken.
///
/// A row says where a unit stands, from its `effective_date` on. Without one it speaks of today, and of all
/// days where the unit is new. A parent that a unit has had already, or is to have, may be from an old sheet:
/// it needs a day, or the unit stays where it is. Several rows of one unit with different days are its
/// history.
struct UnitBook {
    enum Place: Hashable {
        /// The unit is new; with a day, it stands under the row's parent from then on.
        case first(Int32?)
        case unchanged, elsewhere
        case moved(Int32)
    }

    private struct Row {
        var number: Int
        var unit: [UInt8]
        var parent: String
        var day: Int32?
    }

    private enum Fault {
        case noParent(String)
        case ring(String)
        /// Another row of the unit, on this line, describes it otherwise.
        case described(Int)
    }

    private let today: Int32
    private let hasParents: Bool
    /// What each unit's own record says, of those that the store knows.
    private var first: [[UInt8]: String] = [:]
    private var placements: [[UInt8]: [Int32: String]] = [:]
    private var stored = DatedTree()
    /// With all rows that can be taken.
    private var after = DatedTree()
    private var places: [Int: Place] = [:]
    private var faults: [Int: Fault] = [:]
    /// What new units stand under before any day of theirs.
    private var parents: [[UInt8]: String] = [:]

    init(_ sheet: RegisterImport, _ store: any HubStore, today: Int32) throws {
        self.today = today
        hasParents = sheet.columns["parent_id"] != nil
        var (first, placements, stored) = (self.first, self.placements, self.stored)
        for form in [BuiltIn.unit, BuiltIn.placement] {
            try store.export(form: form, from: nil, to: nil) { key, record in
                stored.add(RecordKey(form: form, values: key), record)
                guard let unit = key.first?.string.map({ Array($0.utf8) }) else { return }
                if form == BuiltIn.unit {
                    first[unit] = record[BuiltIn.unitParent]?.string ?? ""
                } else if let day = key.last?.integer {
                    placements[unit, default: [:]][Int32(clamping: day)] =
                        record[BuiltIn.placementParent]?.string ?? ""
                }
            }
        }
        (self.first, self.placements, self.stored) = (first, placements, stored)
        var rows = readable(sheet)
        // A row that falls takes others along: what is below its unit, and nothing else.
        repeat {
            dropThoseWithoutParent(&rows)
            judge(rows)
        } while dropRings(&rows)
    }

    /// What becomes of a row, by its number in the sheet.
    ///
    /// - Throws: ``RegisterImport/Refused``.
    func place(of number: Int) throws -> Place {
        switch faults[number] {
        case .noParent(let parent): throw UnitBook.noParent(parent)
        case .ring(let line): throw UnitBook.ring(line)
        case .described(let line): throw UnitBook.described(line)
        case nil: return places[number] ?? .unchanged
        }
    }

    /// What a new unit's own record says.
    func firstParent(of unit: String) -> Value {
        let parent = parents[Array(unit.utf8)] ?? ""
        return parent.isEmpty ? .notStated : .text(parent)
    }

    // MARK: - Rows

    /// Those in which nothing by itself is wrong; what is wrong with a row is said when its turn comes.
    private mutating func readable(_ sheet: RegisterImport) -> [Row] {
        var rows: [Row] = []
        var days: [[UInt8]: Set<Int32?>] = [:]
        var described: [[UInt8]: (line: Int, cells: [String])] = [:]
        func read(_ record: SheetRecord) throws -> (row: RegisterRow, unit: [UInt8], day: Int32?) {
            let row = try RegisterRow(record, sheet.columns, width: sheet.sheet.header.count)
            _ = try sheet.line(row)
            return (row, Array(try row.id("unit_id").utf8), try sheet.effectiveDay(row))
        }
        for record in sheet.sheet.records where !record.isBlank {
            guard let (row, unit, day) = try? read(record),
                days[unit, default: []].insert(day).inserted
            else { continue }
            let cells = ["unit_name", "unit_type", "line"].map(row.cell)
            if let other = described[unit], other.cells != cells {
                faults[record.number] = .described(other.line)
                continue
            }
            described[unit] = (record.line, cells)
            rows.append(Row(number: record.number, unit: unit, parent: row.cell("parent_id"), day: day))
        }
        return rows
    }

    private mutating func dropThoseWithoutParent(_ rows: inout [Row]) {
        while true {
            let units = Set(rows.map(\.unit))
            let fallen = rows.filter { row in
                let parent = Array(row.parent.utf8)
                return !parent.isEmpty && first[parent] == nil && !units.contains(parent)
            }
            if fallen.isEmpty { return }
            for row in fallen { faults[row.number] = .noParent(row.parent) }
            rows.removeAll { faults[$0.number] != nil }
        }
    }

    private mutating func judge(_ rows: [Row]) {
        after = stored
        (places, parents) = ([:], [:])
        for (unit, rows) in Dictionary(grouping: rows, by: \.unit) {
            if let first = first[unit] {
                judge(known: unit, rows, first)
            } else {
                judge(new: unit, rows)
            }
        }
    }

    private mutating func judge(new unit: [UInt8], _ rows: [Row]) {
        let name = String(decoding: unit, as: UTF8.self)
        let parent = rows.first { $0.day == nil }?.parent ?? ""
        parents[unit] = parent
        after.add(name, under: parent)
        for row in rows {
            places[row.number] = .first(row.day)
            if let day = row.day { after.add(name, under: row.parent, from: day) }
        }
    }

    private mutating func judge(known unit: [UInt8], _ rows: [Row], _ first: String) {
        let name = String(decoding: unit, as: UTF8.self)
        let placed = placements[unit] ?? [:]
        for row in rows.sorted(by: { $0.day ?? today < $1.day ?? today }) {
            func says(_ parent: String?) -> Bool { (parent ?? "").utf8.elementsEqual(row.parent.utf8) }
            let day = row.day ?? today
            let isSo =
                row.day.flatMap { placed[$0] }.map { says($0) } ?? says(after.above(name, on: day))
            if !hasParents || isSo || row.day == nil && rows.count > 1 && says(first) {
                places[row.number] = .unchanged
            } else if row.day == nil, says(first) || placed.values.contains(where: { says($0) }) {
                places[row.number] = .elsewhere
            } else {
                places[row.number] = .moved(day)
                after.add(name, under: row.parent, from: day)
            }
        }
    }

    // MARK: - Rings

    /// - Returns: whether there were any.
    private mutating func dropRings(_ rows: inout [Row]) -> Bool {
        var days = Set(placements.values.flatMap(\.keys)).union([.min])
        for case .moved(let day) in places.values { days.insert(day) }
        for case .first(let day?) in places.values { days.insert(day) }
        let sorted = days.sorted()
        var isAny = false
        for row in rows {
            let start: Int32
            switch places[row.number] {
            case .first(let day): start = day ?? .min
            case .moved(let day): start = day
            default: continue
            }
            let unit = String(decoding: row.unit, as: UTF8.self)
            let found = sorted.first { day in
                day >= start && after.above(unit, on: day).map { after.isWithin($0, unit, on: day) } ?? false
            }
            guard let found else { continue }
            let ring = (after.chain(from: unit, on: found) + [unit]).map(Output.printable)
            faults[row.number] = .ring(ring.joined(separator: " < "))
            isAny = true
        }
        rows.removeAll { faults[$0.number] != nil }
        return isAny
    }

    // MARK: - Words

    private static func noParent(_ parent: String) -> RegisterImport.Refused {
        let parent = Output.printable(parent)
        return RegisterImport.Refused(
            column: "parent_id", reason: "unknown_unit",
            words: Words(
                "there is no unit \(parent), neither in the store nor among the rows of the sheet that can "
                    + "be taken; check the code",
                zh: "没有单位 \(parent)（已导入的单位和本表可接受的各行中都没有）；请核对代码"))
    }

    private static func ring(_ line: String) -> RegisterImport.Refused {
        let unit = String(line.prefix { $0 != " " })
        return RegisterImport.Refused(
            column: "parent_id", reason: "not_a_choice",
            words: Words(
                "\(unit) would stand below itself: \(line); check parent_id of each",
                zh: "\(unit) 会成为自己的下级：\(line)；请核对各单位的 parent_id"))
    }

    private static func described(_ line: Int) -> RegisterImport.Refused {
        RegisterImport.Refused(
            column: "unit_name", reason: "listed_twice",
            words: Words(
                "line \(line) describes this unit otherwise; only parent_id changes with the day, so write "
                    + "the same name, type and line in each row of it",
                zh: "第 \(line) 行对此单位的描述不同；随日期变化的只有 parent_id，请在该单位各行写相同的名称、类型和条线"))
    }
}
