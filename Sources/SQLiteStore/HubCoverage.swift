public import Forms
public import SyncCore
import SyncStore

/// Counters of one unit on one day, as kept beside the rows.
public struct CoverageCounters: Sendable, Hashable {
    public var unit: String
    public var checkedIn: Int
    public var late: Int
    public var flagged: Int

    public init(unit: String, checkedIn: Int, late: Int, flagged: Int) {
        self.unit = unit
        self.checkedIn = checkedIn
        self.late = late
        self.flagged = flagged
    }
}

extension SQLiteHubStore {
    // MARK: - Counters

    func storeCounters(_ pending: HubPending) throws {
        let changed = pending.counts.filter { key, counts in
            !counts.isZero && key.day < pending.recountFrom ?? .max
        }
        for key in changed.keys.sorted() {
            let counts = changed[key] ?? HubCoverageCounts()
            try connection.run(
                """
                INSERT INTO coverage (day, unit, checked_in, late, flagged) VALUES (?, ?, ?, ?, ?)
                ON CONFLICT (day, unit) DO UPDATE SET checked_in = checked_in + excluded.checked_in,
                late = late + excluded.late, flagged = flagged + excluded.flagged
                """, .int(Int64(key.day)), .int(key.unit), .int(Int64(counts.checkedIn)),
                .int(Int64(counts.late)),
                .int(Int64(counts.flagged)))
        }
        if let from = pending.recountFrom { try recount(from: from) }
    }

    /// Makes the counters of all days from `from` on anew: somebody belongs to another unit there now, or
    /// another hour is late.
    func recount(from: Int32) throws {
        try connection.run("DELETE FROM coverage WHERE day >= ?", .int(Int64(from)))
        for (key, counts) in try countedAnew(from: from, to: .max).sorted(by: { $0.key < $1.key }) {
            try connection.run(
                "INSERT INTO coverage (day, unit, checked_in, late, flagged) VALUES (?, ?, ?, ?, ?)",
                .int(Int64(key.day)), .int(key.unit), .int(Int64(counts.checkedIn)), .int(Int64(counts.late)),
                .int(Int64(counts.flagged)))
        }
    }

    /// The last day to come, by a clock that may be behind, of which there are entries that an hour judges,
    /// or up to which rules have been evaluated; nil for none. What lies further ahead than a clock is
    /// believed is somebody's mistake.
    public func lastDayJudged(after today: Int32, _ zone: LocalZone) throws -> Int32? {
        try connection.read {
            let days = today + 1...today + Int32(clamping: AuthoringClock.horizon / 86_400_000)
            // Rules go back with the clock, and remember from where.
            let marks = try ruleMarks()
            var found = [marks?.through, marks?.wentBack?.from].compactMap { $0.map { zone.day(of: $0) } }
            for table in tables where table.roles.kind == .checkIn || table.roles.kind == .report {
                guard let key = table.keys.first(where: { $0.position == table.roles.dayKey }) else {
                    continue
                }
                let last = try connection.first(
                    """
                    SELECT max("\(key.column)") FROM "\(table.name)" WHERE "\(key.column)" BETWEEN ? AND ?
                    """, .int(Int64(days.lowerBound)), .int(Int64(days.upperBound))
                ) { $0.isNull(0) ? nil : Int32(clamping: $0.int(0)) }
                if let last = last ?? nil { found.append(last) }
            }
            return found.filter { days.contains($0) }.max()
        }
    }

    /// The same counters, from the check-ins themselves.
    func countedAnew(from: Int32, to: Int32) throws -> [HubCoverageKey: HubCoverageCounts] {
        guard let table = tables.first(where: { $0.roles.kind == .checkIn }) else { return [:] }
        let register = try loadedRegister()
        let checks = try loadedChecks()
        var counts: [HubCoverageKey: HubCoverageCounts] = [:]
        try eachRow(of: table, from: from, to: to) { numbers, row in
            let day = Int32(clamping: numbers[0])
            let unit = register.unit(of: numbers[1], on: day)
            if unit == 0 { return }
            let record = try effective(row, numbers: numbers, in: table)
            counts[HubCoverageKey(day: day, unit: unit), default: HubCoverageCounts()] += checks.counts(
                record, day: day)
        }
        return counts.filter { !$0.value.isZero }
    }

    /// The counters that are kept, sorted by unit.
    public func coverageCounters(of day: Int32) throws -> [CoverageCounters] {
        try connection.read {
            try connection.all(
                """
                SELECT text, checked_in, late, flagged FROM coverage JOIN term ON num = unit
                WHERE day = ? AND checked_in + late + flagged <> 0 ORDER BY text
                """, .int(Int64(day))
            ) {
                CoverageCounters(
                    unit: $0.text(0), checkedIn: Int($0.int(1)), late: Int($0.int(2)), flagged: Int($0.int(3))
                )
            }
        }
    }

    public func coverage(of day: Int32) throws -> CoverageBoard {
        try connection.read {
            let checks = try loadedChecks()
            var board = BoardOfDay(day: day, checkIn: checks.checkIn)
            for table in tables where [.unit, .excuse, .report].contains(table.roles.kind) {
                try eachRow(of: table, from: table.roles.kind == .report ? day : nil, to: day) {
                    numbers, row in
                    let key = try recordKey(numbers, of: table)
                    let record = try state(row, of: key, in: table).effective(under: table.rules)
                    board.add(key.values, record, roles: table.roles)
                }
            }
            var standings = try checkedIn(on: day)
            for excuse in board.excuses where excuse.from <= day && day <= excuse.to {
                guard let person = try terms.find(Array(excuse.person.utf8)), standings[person] == nil else {
                    continue
                }
                standings[person] = .excused
            }
            let units = try board.units.map { (try terms.find(Array($0.id.utf8)) ?? 0, $0) }
            return try checks.count.board(
                of: day, units: units, register: try loadedRegister().members(on: day),
                reports: board.reports,
                standing: { standings[$0] ?? .missing },
                name: { String(decoding: try terms.text(of: $0), as: UTF8.self) })
        }
    }

    /// Who checked in on a day, read where it lies: of most rows the columns alone say everything.
    private func checkedIn(on day: Int32) throws -> [Int64: CoverageCount.Standing] {
        guard let table = tables.first(where: { $0.roles.kind == .checkIn }) else { return [:] }
        let form = try loadedChecks().checkIn
        let statement = try connection.statement(
            table.selection(
                where: "\"\(table.keys[0].column)\" = ? AND _flags & \(HubTable.Flag.gone) = 0", order: "1"))
        statement.bind(1, .int(Int64(day)))
        defer { statement.reset() }
        let own = table.firstOwn
        var standings: [Int64: CoverageCount.Standing] = [:]
        while try statement.step() {
            if statement.int(own + 8) & HubTable.Flag.hasState != 0 {
                let numbers = (0..<table.keys.count).map { statement.int(Int32($0)) }
                let record = try effective(statement, numbers: numbers, in: table)
                standings[numbers[1]] = .checkedIn(
                    firstCreated: record.firstCreated, isFlagged: form?.isFlagged(record) ?? false)
                continue
            }
            let assigned = table.mask(statement)
            let isFlagged = try form?.isFlagged { id in
                guard let index = table.field(id), assigned & (1 << Int64(id)) != 0 else { return nil }
                return try value(statement, table.firstField + Int32(index), table.fields[index])
            }
            standings[statement.int(1)] = .checkedIn(
                firstCreated: table.times(statement).created, isFlagged: isFlagged ?? false)
        }
        return standings
    }

    /// Whether the kept counters of a day say what its check-ins say.
    public func countersAgree(on day: Int32) throws -> Bool {
        try connection.read {
            let anew = try countedAnew(from: day, to: day).map { key, counts in
                CoverageCounters(
                    unit: String(decoding: try terms.text(of: key.unit), as: UTF8.self),
                    checkedIn: counts.checkedIn,
                    late: counts.late, flagged: counts.flagged)
            }
            return Set(try coverageCounters(of: day)) == Set(anew)
        }
    }

    // MARK: - Rows

    public func records(
        form: String, where field: FieldID, is text: [UInt8],
        _ row: ([Value], EffectiveRecord) throws -> Void
    ) throws {
        try connection.read {
            guard let table = table(form), let index = table.field(field) else { return }
            let column = "\"\(table.fields[index].column)\""
            let number = table.fields[index].isNumbered ? try terms.find(text) : nil
            let isText = "\(column) = ?3" + (number.map { " OR \(column) = \($0)" } ?? "")
            try eachRow(of: table, from: nil, to: nil, where: "(\(isText))", text) { numbers, statement in
                try row(
                    try recordKey(numbers, of: table).values,
                    try effective(statement, numbers: numbers, in: table))
            }
        }
    }

    /// Every living row of a form whose first key is a day between the two, in the table's order.
    func eachRow(
        of table: HubTable, from: Int32?, to: Int32?, where more: String = "TRUE", _ text: [UInt8] = [],
        _ body: ([Int64], HubStatement) throws -> Void
    ) throws {
        let hasDay = table.roles.dayKey != nil
        let day = "\"\(table.keys[0].column)\""
        let range = (hasDay ? "\(day) >= ?1 AND \(day) <= ?2" : "?1 < ?2") + " AND \(more)"
        let texts = table.keys.filter { !$0.isInteger }.map {
            "(SELECT text FROM term WHERE num = \"\($0.column)\")"
        }
        let order = (hasDay ? [day] : []) + texts
        let statement = try HubStatement(
            connection.handle,
            table.selection(
                where: "_flags & \(HubTable.Flag.gone) = 0 AND \(range)", order: order.joined(separator: ", ")
            ))
        statement.bind(1, .int(Int64(from ?? .min)))
        statement.bind(2, .int(Int64(to ?? .max)))
        if !text.isEmpty { statement.bind(3, .text(text)) }
        while try statement.step() {
            try body((0..<table.keys.count).map { statement.int(Int32($0)) }, statement)
        }
    }

    func effective(_ row: HubStatement, numbers: [Int64], in table: HubTable) throws -> EffectiveRecord {
        try state(row, of: try recordKey(numbers, of: table), in: table).effective(under: table.rules)
    }

    public func export(
        form: String, from: Int32?, to: Int32?, _ row: ([Value], EffectiveRecord) throws -> Void
    ) throws {
        try connection.read {
            guard let table = table(form) else { return }
            try eachRow(of: table, from: from, to: to) { numbers, statement in
                try row(
                    try recordKey(numbers, of: table).values,
                    try effective(statement, numbers: numbers, in: table))
            }
        }
    }
}
