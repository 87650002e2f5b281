import Forms
import SyncCore
import SyncStore

/// What follows from a record's change: registers, counters, notes and scopes.
extension SQLiteHubStore {
    // MARK: - The register

    /// Persons, stays and units, from the tables.
    func loadedRegister() throws -> HubRegister {
        if let register { return register }
        var loaded = HubRegister()
        if let table = tables.first(where: { $0.roles.kind == .person }) {
            let gone = HubTable.Flag.gone
            let rows = try connection.all(
                "SELECT \"\(table.keys[0].column)\" FROM \"\(table.name)\" WHERE _flags & \(gone) = 0"
            ) { $0.int(0) }
            loaded.persons = Set(rows)
        }
        for table in tables where table.roles.registerField != nil {
            let rows = try connection.all(
                table.selection(where: "_flags & \(HubTable.Flag.gone) = 0", order: "1")
            ) {
                row in
                (
                    (0..<table.keys.count).map { row.int(Int32($0)) },
                    try registerUnit(table).map { try unitNumber(row, $0.column, $0.field) } ?? 0
                )
            }
            for (numbers, unit) in rows { set(numbers, unit: unit, exists: true, in: table, &loaded) }
        }
        loaded.adopt(
            try connection.all("SELECT num, line FROM node") {
                HubNode(number: $0.int(0), line: HubBytes.line($0.bytes(1)))
            })
        register = loaded
        return loaded
    }

    /// The column that says which unit: the parent of a unit or placement, the unit of a membership.
    private func registerUnit(_ table: HubTable) -> (column: Int32, field: HubTable.Field)? {
        guard let id = table.roles.registerField, let index = table.field(id) else { return nil }
        return (table.firstField + Int32(index), table.fields[index])
    }

    private func unitNumber(_ value: Value?) throws -> Int64 {
        guard case .text(let text)? = value, !text.isEmpty else { return 0 }
        // Reading must not write, and a unit whose text has no number has no members.
        return try terms.find(text) ?? 0
    }

    private func unitNumber(_ row: HubStatement, _ column: Int32, _ field: HubTable.Field) throws -> Int64 {
        if field.isNumbered, row.isInteger(column) { return row.int(column) }
        return try unitNumber(value(row, column, field))
    }

    private func set(
        _ numbers: [Int64], unit: Int64, exists: Bool, in table: HubTable, _ register: inout HubRegister
    ) {
        switch table.roles.kind {
        case .unit: register.set(unit: numbers[0], above: exists ? unit : nil)
        case .placement:
            // The table's keys come day first.
            register.place(numbers[1], under: exists ? unit : nil, from: Int32(clamping: numbers[0]))
        case .person:
            if exists { register.persons.insert(numbers[0]) } else { register.persons.remove(numbers[0]) }
        case .membership:
            let from = Int32(clamping: numbers[0])
            register.set(
                exists ? HubRegister.Stay(from: from, unit: unit) : nil, of: numbers[1], from: from)
        default: break
        }
    }

    /// Brings registers and counters up to what a record says now.
    func follow(
        _ before: EffectiveRecord?, _ after: EffectiveRecord, numbers: [Int64], in table: HubTable,
        _ pending: inout HubPending
    ) throws {
        switch table.roles.kind {
        case .unit, .placement, .person, .membership:
            var loaded = try loadedRegister()
            register = nil
            var unit: Int64 = 0
            if case .text(let text)? = table.roles.registerField.flatMap({ after[$0] }), !text.isEmpty {
                unit = try terms.number(of: text)
            }
            // Only what is small is kept as it was: a second reference would copy the whole register.
            guard table.roles.kind == .membership else {
                set(numbers, unit: unit, exists: after.exists, in: table, &loaded)
                register = loaded
                return
            }
            let person = HubSubject.person(numbers[1])
            let stays = loaded.stays(of: person.number)
            let placed = loaded.placed(person)
            set(numbers, unit: unit, exists: after.exists, in: table, &loaded)
            register = loaded
            if stays != loaded.stays(of: person.number) {
                pending.moved.take(HubMoves(stays: [person: placed]))
                pending.recountFrom = min(pending.recountFrom ?? .max, Int32(clamping: numbers[0]))
            }
        case .checkIn:
            let checks = try loadedChecks()
            let day = Int32(clamping: numbers[0])
            let old = before.map { checks.counts($0, day: day) } ?? HubCoverageCounts()
            let change = checks.counts(after, day: day).minus(old)
            if change.isZero { return }
            let unit = try loadedRegister().unit(of: numbers[1], on: day)
            if unit != 0 {
                pending.counts[HubCoverageKey(day: day, unit: unit), default: HubCoverageCounts()] += change
            }
        default: break
        }
    }
}
