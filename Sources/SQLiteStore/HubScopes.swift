import SyncCore
import SyncStore

/// Scopes follow the register: what a commit changes in it is looked up person by person and day by day, and
/// what the feed has to say of it is written beside the commit's position.
extension SQLiteHubStore {
    /// Looks for the nodes of units once more, where the tree has changed, and keeps those that are new.
    func settle(_ pending: inout HubPending) throws {
        var loaded = try loadedRegister()
        guard loaded.isStale || loaded.hasFresh else { return }
        register = nil
        if loaded.isStale {
            let moved = try loaded.settle { try hasFeed($0) }
            pending.moved.take(HubMoves(stays: moved))
        }
        for node in loaded.takeFresh() {
            try connection.run(
                "INSERT INTO node (num, line) VALUES (?, ?)", .int(node.number),
                .blob(HubBytes.line(node.line)))
        }
        register = loaded
    }

    /// Gives the rows of a batch the scopes that the register ends with, where it has changed meanwhile:
    /// persons and their memberships come together.
    func place(_ columns: VersionColumns, _ pending: inout HubPending) throws {
        try settle(&pending)
        guard pending.origin.device == nil || !pending.moved.isEmpty else { return }
        let register = try loadedRegister()
        for group in columns.groups {
            guard let table = table(group.form), !table.roles.isEverybodys,
                let key = table.roles.personKey ?? table.roles.unitKey, key < group.keys.count
            else {
                continue
            }
            for (place, row) in group.rows.enumerated() where !pending.quarantined[Int(row)] {
                guard case .text(let text)? = group.keys[key].value(at: place),
                    let number = try terms.find(text)
                else { continue }
                let subject = HubSubject(number: number, isUnit: table.roles.personKey == nil)
                let day = table.roles.dayKey.flatMap { group.keys[$0].value(at: place)?.integer }
                pending.scopes[Int(row)] = HubRegister.scope(
                    register.placed(subject), day: day.map { Int32(clamping: $0) }, today: pending.today,
                    ends: table.roles.ends)
            }
        }
    }

    /// Moves earlier versions to the scopes that the register gives them now.
    func rescope(_ pending: HubPending, at position: UInt64) throws {
        let today = pending.today
        let yesterday = try loadedScopeDay() ?? today
        if scopeDay != today {
            try connection.run(
                "INSERT OR REPLACE INTO meta (name, value) VALUES ('scope_day', ?)", .int(Int64(today)))
            scopeDay = today
        }
        var subjects = pending.moved.stays
        let known = try knownEndsOfStays()
        var more: [HubSubject] = []
        switch known {
        case .none: more += try loadedRegister().movers.map { .person($0) }
        case .dayBefore: more += try loadedRegister().moved().map { .person($0) }
        case .whole: break
        }
        if yesterday != today { more += try loadedRegister().moved(between: yesterday, and: today) }
        for subject in more where subjects[subject] == nil {
            subjects[subject] = try loadedRegister().placed(subject)
        }
        let work = try moves(
            of: subjects.filter { $0.key.number <= pending.knownTerms },
            Span(from: yesterday, to: today, knownEnds: known), before: position)
        try store(work, at: position)
    }

    /// What the program knew that wrote here last of who is to hear of a stay's end. Once another than
    /// today's.
    private func knownEndsOfStays() throws -> HubRegister.EndsOfStays {
        let known = try connection.first("SELECT value FROM meta WHERE name = 'ends_of_stays'") { $0.int(0) }
        if known == 2 { return .whole }
        try connection.run("INSERT OR REPLACE INTO meta (name, value) VALUES ('ends_of_stays', 2)")
        return known == nil ? .none : .dayBefore
    }

    /// Whether the program that wrote here last knew the nodes that this one knows.
    func keepsAllNodes() throws -> Bool {
        try connection.first("SELECT value FROM meta WHERE name = 'ends_of_stays'") { $0.int(0) } == 2
    }

    func loadedScopeDay() throws -> Int32? {
        if scopeDay == nil {
            scopeDay = try connection.first("SELECT value FROM meta WHERE name = 'scope_day'") {
                Int32(clamping: $0.int(0))
            }
        }
        return scopeDay
    }

    // MARK: - Who moves

    /// Between which two days scopes may have changed.
    private struct Span {
        var from: Int32
        var to: Int32
        var knownEnds: HubRegister.EndsOfStays
    }

    /// - Parameter subjects: with the nodes in which they were.
    private func moves(
        of subjects: [HubSubject: [HubRegister.Stay]], _ span: Span, before position: UInt64
    ) throws -> [HubScopeWork] {
        if subjects.isEmpty { return [] }
        let register = try loadedRegister()
        var shift = HubScopeShift()
        var totals: [HubTotal: HubTotal.Amount] = [:]
        let sorted = subjects.keys.sorted().map {
            (subject: $0, before: subjects[$0] ?? [], after: register.placed($0))
        }
        for table in tables {
            guard !table.roles.isEverybodys,
                let place = table.roles.personKey ?? table.roles.unitKey,
                let key = table.keys.first(where: { $0.position == place })
            else { continue }
            let isOfUnits = table.roles.personKey == nil
            let dayKey = table.keys.first { $0.position == table.roles.dayKey }
            for day in try days(of: table, dayKey?.column) {
                for (subject, before, after) in sorted where subject.isUnit == isOfUnits {
                    let old = HubRegister.scope(
                        before, day: day, today: span.from,
                        ends: table.roles.endsStay ? span.knownEnds : .none)
                    let new = HubRegister.scope(after, day: day, today: span.to, ends: table.roles.ends)
                    let isKept = table.roles.endsStay && after.contains(where: register.isUnion)
                    if old == new && !isKept { continue }
                    for dot in try dots(in: table, key.column, subject.number, dayKey?.column, day) {
                        guard let place = try self.place(origin: dot.origin, sequence: dot.sequence),
                            place.position < position
                        else { continue }
                        if isKept { shift.keep(place, of: subject, in: new) }
                        if old == new { continue }
                        shift.add(place, of: subject, from: old, to: new)
                        let term = Mark.term(
                            of: Dot(origin: try originID(dot.origin), sequence: dot.sequence))
                        let from = HubTotal(origin: dot.origin, scope: old)
                        let to = HubTotal(origin: dot.origin, scope: new)
                        let one = HubTotal.Amount(count: 1, sum: term)
                        totals[from, default: HubTotal.Amount()].subtract(one)
                        totals[to, default: HubTotal.Amount()].add(one)
                    }
                }
            }
        }
        try add(totals)
        return shift.work(register, today: span.to)
    }

    /// The days that a form has records of; nil alone where records have none.
    private func days(of table: HubTable, _ column: String?) throws -> [Int32?] {
        guard let column else { return [nil] }
        var days: [Int32?] = []
        var last = Int64.min
        let sql = "SELECT min(\"\(column)\") FROM \"\(table.name)\" WHERE \"\(column)\" > ?"
        while let day = try connection.first(sql, .int(last), read: { $0.isNull(0) ? nil : $0.int(0) }) ?? nil
        {
            days.append(Int32(clamping: day))
            last = day
        }
        return days
    }

    /// The names of all versions of a person's or unit's records of a day.
    private func dots(
        in table: HubTable, _ column: String, _ subject: Int64, _ dayColumn: String?, _ day: Int32?
    ) throws -> [(origin: Int64, sequence: UInt64)] {
        let keys = table.keys.map { "\"\($0.column)\"" }.joined(separator: ", ")
        let isDay = dayColumn.map { "\"\($0)\" = ?2 AND" } ?? ""
        let rows = try connection.all(
            """
            SELECT _flags, _origin, _sequence, \(keys) FROM "\(table.name)"
            WHERE \(isDay) "\(column)" = ?1
            """, .int(subject), .int(Int64(day ?? 0))
        ) { row in
            (
                hasState: row.int(0) & HubTable.Flag.hasState != 0, origin: row.int(1), sequence: row.word(2),
                numbers: (0..<table.keys.count).map { row.int(3 + Int32($0)) }
            )
        }
        return try rows.flatMap { row -> [(origin: Int64, sequence: UInt64)] in
            if !row.hasState { return [(row.origin, row.sequence)] }
            let key = try recordKey(row.numbers, of: table)
            return try connection.all(
                "SELECT origin, sequence FROM history WHERE form = ? AND key = ?", .int(table.number),
                .blob(Canonical.encode(key: key.values))
            ) { ($0.int(0), $0.word(1)) }
        }
    }

    /// Where a version lies; nil when its batch is not in the log yet.
    func place(origin: Int64, sequence: UInt64) throws -> HubPlaceInLog? {
        let found = try connection.first(
            "SELECT position, first FROM segment WHERE origin = ? AND last >= ? ORDER BY last LIMIT 1",
            .int(origin), .word(sequence)
        ) { (position: $0.word(0), first: $0.word(1)) }
        guard let found, found.first <= sequence else { return nil }
        return HubPlaceInLog(position: found.position, row: UInt32(clamping: sequence - found.first))
    }

    /// Whether anything has ever been in the scope of a unit that has no node.
    private func hasFeed(_ unit: Int64) throws -> Bool {
        try connection.first(
            """
            SELECT EXISTS (SELECT 1 FROM feed WHERE unit = ?1)
            OR EXISTS (SELECT 1 FROM scope_work WHERE audience = ?1 AND exact = 0)
            """, .int(unit)
        ) { $0.int(0) != 0 } ?? false
    }

    // MARK: - Work

    private func store(_ work: [HubScopeWork], at position: UInt64) throws {
        var number: UInt64 = 0
        var sizes: [UInt64: Int] = [:]
        func size(_ position: UInt64) throws -> Int {
            if let known = sizes[position] { return known }
            let size =
                try connection.first("SELECT length(rows) FROM segment WHERE position = ?", .word(position)) {
                    Int($0.int(0))
                } ?? 0
            sizes[position] = size
            return size
        }
        for whole in work {
            for piece in try whole.pieces(bytes: size) {
                number += 1
                try connection.run(
                    """
                    INSERT INTO scope_work
                    (position, number, audience, kind, exact, subject, is_unit, present, first, second, third,
                    stays, places) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """, .word(position), .word(number), .int(piece.audience),
                    .int(Int64(piece.kind.rawValue)), .flag(piece.isExact), .int(piece.subject),
                    .flag(piece.isUnit), .int(piece.present), .int(piece.before.first),
                    .int(piece.before.second), .int(piece.before.third),
                    .blob(HubBytes.stays(piece.stays)),
                    .blob(HubBytes.places(piece.places)))
            }
        }
    }

    /// What scopes bring at a position behind `step`, in order, until `body` returns false.
    func eachWork(
        at position: UInt64, after step: UInt64, _ body: (UInt64, HubScopeWork) throws -> Bool
    ) throws {
        var last = step
        while true {
            let rows = try connection.all(
                """
                SELECT number, audience, kind, exact, subject, is_unit, present, first, second, third, stays,
                places FROM scope_work WHERE position = ? AND number > ? ORDER BY number LIMIT 64
                """, .word(position), .word(last)
            ) { row in
                var work = HubScopeWork(
                    kind: HubScopeWork.Kind(rawValue: UInt8(clamping: row.int(2))) ?? .drop,
                    audience: row.int(1))
                work.isExact = row.int(3) != 0
                work.subject = row.int(4)
                work.isUnit = row.int(5) != 0
                work.present = row.int(6)
                work.before = HubScope(
                    first: row.int(7), second: row.int(8), third: row.int(9))
                work.stays = HubBytes.stays(row.bytes(10))
                work.places = HubBytes.places(row.bytes(11))
                return (number: row.word(0), work: work)
            }
            for row in rows {
                guard try body(row.number, row.work) else { return }
                last = row.number
            }
            if rows.count < 64 { return }
        }
    }

    // MARK: - Totals

    func add(_ totals: [HubTotal: HubTotal.Amount]) throws {
        for key in totals.keys.sorted() where key.scope != .none {
            let change = totals[key] ?? HubTotal.Amount()
            if change == HubTotal.Amount() { continue }
            var amount =
                try connection.first(
                    """
                    SELECT count, sum FROM scope_sum
                    WHERE origin = ? AND first = ? AND second = ? AND third = ?
                    """, .int(key.origin), .int(key.scope.first), .int(key.scope.second),
                    .int(key.scope.third)
                ) { HubTotal.Amount(count: $0.int(0), sum: $0.word(1)) } ?? HubTotal.Amount()
            amount.add(change)
            try connection.run(
                """
                INSERT OR REPLACE INTO scope_sum (origin, first, second, third, count, sum)
                VALUES (?, ?, ?, ?, ?, ?)
                """,
                .int(key.origin), .int(key.scope.first), .int(key.scope.second), .int(key.scope.third),
                .int(amount.count), .word(amount.sum))
            scopeTotals?[key.scope, default: HubTotal.Amount()].add(change)
        }
    }

    /// Summed up once: a device asks for its mark each time that something has come in.
    func loadedScopeTotals() throws -> [HubScope: HubTotal.Amount] {
        if let scopeTotals { return scopeTotals }
        let rows = try connection.all("SELECT first, second, third, count, sum FROM scope_sum") {
            (HubScope($0), HubTotal.Amount(count: $0.int(3), sum: $0.word(4)))
        }
        var totals: [HubScope: HubTotal.Amount] = [:]
        for (scope, amount) in rows { totals[scope, default: HubTotal.Amount()].add(amount) }
        scopeTotals = totals
        return totals
    }

    func scopeSums(of origin: Int64) throws -> [(HubScope, HubTotal.Amount)] {
        try connection.all(
            "SELECT first, second, third, count, sum FROM scope_sum WHERE origin = ?", .int(origin)
        ) { (HubScope($0), HubTotal.Amount(count: $0.int(3), sum: $0.word(4))) }
    }
}

extension HubScope {
    /// From the first three columns.
    fileprivate init(_ row: HubStatement) {
        self.init(first: row.int(0), second: row.int(1), third: row.int(2))
    }
}

/// What one origin has written in one scope.
struct HubTotal: Hashable, Comparable {
    /// Versions, and the sum of their terms.
    struct Amount: Hashable {
        var count: Int64 = 0
        var sum: UInt64 = 0

        mutating func add(_ other: Amount) {
            count += other.count
            sum &+= other.sum
        }

        mutating func subtract(_ other: Amount) {
            count -= other.count
            sum &-= other.sum
        }
    }

    var origin: Int64
    var scope: HubScope

    static func < (left: HubTotal, right: HubTotal) -> Bool {
        (left.origin, left.scope) < (right.origin, right.scope)
    }
}

extension HubBytes {
    private static func word(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    }

    static func line(_ line: [Int64]) -> [UInt8] { line.flatMap { bigEndian(UInt64(bitPattern: $0)) } }

    static func line(_ bytes: [UInt8]) -> [Int64] {
        stride(from: 0, to: bytes.count - bytes.count % 8, by: 8).map {
            Int64(bitPattern: word(bytes[$0...]))
        }
    }

    static func stays(_ stays: [HubRegister.Stay]) -> [UInt8] {
        stays.flatMap {
            bigEndian(UInt64(bitPattern: Int64($0.from))) + bigEndian(UInt64(bitPattern: Int64($0.until)))
                + bigEndian(UInt64(bitPattern: $0.unit))
        }
    }

    static func stays(_ bytes: [UInt8]) -> [HubRegister.Stay] {
        stride(from: 0, to: bytes.count - bytes.count % 24, by: 24).map { start in
            func number(_ place: Int) -> Int64 { Int64(bitPattern: word(bytes[(start + 8 * place)...])) }
            return HubRegister.Stay(
                from: Int32(clamping: number(0)), until: Int32(clamping: number(1)), unit: number(2))
        }
    }

    /// For each segment its position, the length of what follows, and the rows as runs.
    static func places(_ places: [HubPlaceInLog]) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = places[...]
        while let first = rest.first {
            let same = rest.prefix { $0.position == first.position }
            let runs = runs(same.map(\.row))
            bytes += bigEndian(first.position) + bigEndian(UInt64(runs.count)) + runs
            rest = rest.dropFirst(same.count)
        }
        return bytes
    }

    static func places(_ bytes: [UInt8]) -> [HubPlaceInLog] {
        var places: [HubPlaceInLog] = []
        var rest = bytes[...]
        while rest.count >= 16 {
            let position = word(rest)
            let length = min(Int(clamping: word(rest.dropFirst(8))), rest.count - 16)
            rest = rest.dropFirst(16)
            places += rows(Array(rest.prefix(length))).map {
                HubPlaceInLog(position: position, row: UInt32($0))
            }
            rest = rest.dropFirst(length)
        }
        return places
    }
}
