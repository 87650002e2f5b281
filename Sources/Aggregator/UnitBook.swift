import Console
import Forms
import SyncCore
import SyncStore

/// Which unit stands under which when: what the store says, and all that the sheet says, wherever in it.
///
/// A sheet of units says where they stand, not since when. Who is new stands there from the beginning; who
/// stood under another comes under it today, or on the day that the row says, for what was asked of past days
/// stays as it was. A sheet that says what it said before a unit moved moves nothing back.
struct UnitBook {
    enum Place: Hashable {
        /// The unit is new.
        case first
        case unchanged, elsewhere
        case moved(Int32)
    }

    private let today: Int32
    /// What each unit's own record says, of those that the store knows.
    private var first: [[UInt8]: String] = [:]
    private var stored = DatedTree()
    /// With all that the sheet says.
    private var after: DatedTree
    /// All days from which on some unit stands elsewhere.
    private var days: Set<Int32> = [.min]

    init(_ sheet: [RegisterRow], _ columns: [String: Int], _ store: any HubStore, today: Int32) throws {
        self.today = today
        var (first, stored, days) = (self.first, self.stored, self.days)
        for form in [BuiltIn.unit, BuiltIn.placement] {
            try store.export(form: form, from: nil, to: nil) { key, record in
                stored.add(RecordKey(form: form, values: key), record)
                guard let unit = key.first?.string else { return }
                if form == BuiltIn.unit {
                    first[Array(unit.utf8)] = record[BuiltIn.unitParent]?.string ?? ""
                } else if let day = key.last?.integer {
                    days.insert(Int32(clamping: day))
                }
            }
        }
        (self.first, self.stored, self.days, after) = (first, stored, days, stored)
        for row in sheet {
            // What is wrong with a row is said when its turn comes.
            guard let unit = try? row.id("unit_id"), let place = try? place(of: row, columns) else {
                continue
            }
            switch place {
            case .first: after.add(unit, under: row.cell("parent_id"))
            case .moved(let day):
                after.add(unit, under: row.cell("parent_id"), from: day)
                self.days.insert(day)
            case .unchanged, .elsewhere: break
            }
        }
    }

    func place(of row: RegisterRow, _ columns: [String: Int]) throws -> Place {
        let unit = try row.id("unit_id")
        let day = row.cell("effective_date").isEmpty ? nil : try row.day("effective_date")
        guard let first = first[Array(unit.utf8)] else { return .first }
        guard columns["parent_id"] != nil else { return .unchanged }
        let parent = row.cell("parent_id")
        if (stored.above(unit, on: day ?? today) ?? "").utf8.elementsEqual(parent.utf8) { return .unchanged }
        if day == nil, parent.utf8.elementsEqual(first.utf8) { return .elsewhere }
        return .moved(day ?? today)
    }

    /// - Throws: ``RegisterImport/Refused`` when the unit would stand below itself on some day.
    func refuseRing(of unit: String, _ place: Place) throws {
        var start = Int32.min
        switch place {
        case .first: break
        case .moved(let day): start = day
        case .unchanged, .elsewhere: return
        }
        for day in days.sorted() where day >= start {
            guard let above = after.above(unit, on: day), after.isWithin(above, unit, on: day) else {
                continue
            }
            let code = Output.printable(unit)
            throw RegisterImport.Refused(
                column: "parent_id", reason: "not_a_choice",
                words: Words(
                    "\(code) would stand below itself: \(ring(of: unit, on: day)); check parent_id of each",
                    zh: "\(code) 会成为自己的下级：\(ring(of: unit, on: day))；请核对各单位的 parent_id"))
        }
    }

    private func ring(of unit: String, on day: Int32) -> String {
        (after.chain(from: unit, on: day) + [unit]).map(Output.printable).joined(separator: " < ")
    }
}
