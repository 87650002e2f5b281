import SyncCore
import SyncStore

/// Scopes follow the register: what a commit changes in it is looked up person by person and day by day, and
/// what the feed has to say of it is written beside the commit's position.
extension SQLiteHubStore {
    /// Gives the rows of a batch the scopes that the register ends with, where it has changed meanwhile:
    /// persons and their memberships come together.
    func place(_ columns: VersionColumns, _ pending: inout HubPending) throws {
        guard pending.origin.device == nil || !pending.moved.isEmpty else { return }
        let register = try loadedRegister()
        for group in columns.groups {
            guard let table = table(group.form), !table.roles.isEverybodys,
                let key = table.roles.personKey, key < group.keys.count
            else {
                continue
            }
            for (place, row) in group.rows.enumerated() where !pending.quarantined[Int(row)] {
                guard case .text(let text)? = group.keys[key].value(at: place),
                    let person = try terms.find(text)
                else { continue }
                let day = table.roles.dayKey.flatMap { group.keys[$0].value(at: place)?.integer }
                pending.scopes[Int(row)] = HubRegister.scope(
                    register.stays(of: person), day: day.map { Int32(clamping: $0) }, today: pending.today,
                    endsStay: table.roles.endsStay)
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
        var persons = pending.moved.stays
        let isOlder = try !knowsEndsOfStays()
        if isOlder {
            let register = try loadedRegister()
            for person in register.movers where persons[person] == nil {
                persons[person] = register.stays(of: person)
            }
        }
        if yesterday != today {
            let register = try loadedRegister()
            for person in register.moved(between: yesterday, and: today) where persons[person] == nil {
                persons[person] = register.stays(of: person)
            }
        }
        var work = try moves(
            of: persons.filter { $0.key <= pending.knownTerms },
            Span(from: yesterday, to: today, knewEndsOfStays: !isOlder), before: position)
        var number: UInt64 = 0
        try store(work, at: position, &number)
        guard let parents = pending.moved.parents else { return }
        let links = HubLinkShift(from: parents, to: try loadedRegister().parents)
        work = try relink(links, at: position, today: today)
        try store(work, at: position, &number)
    }

    /// False once, in a store of a program that did not tell a unit who has left it.
    private func knowsEndsOfStays() throws -> Bool {
        let isKnown = try connection.first("SELECT 1 FROM meta WHERE name = 'ends_of_stays'") { _ in true }
        if isKnown != nil { return true }
        try connection.run("INSERT INTO meta (name, value) VALUES ('ends_of_stays', 1)")
        return false
    }

    func loadedScopeDay() throws -> Int32? {
        if scopeDay == nil {
            scopeDay = try connection.first("SELECT value FROM meta WHERE name = 'scope_day'") {
                Int32(clamping: $0.int(0))
            }
        }
        return scopeDay
    }

    // MARK: - Persons

    /// Between which two days scopes may have changed.
    private struct Span {
        var from: Int32
        var to: Int32
        var knewEndsOfStays: Bool
    }

    private func moves(
        of persons: [Int64: [HubRegister.Stay]], _ span: Span, before position: UInt64
    ) throws -> [HubScopeWork] {
        if persons.isEmpty { return [] }
        let register = try loadedRegister()
        var shift = HubScopeShift()
        var totals: [HubTotal: HubTotal.Amount] = [:]
        let numbers = persons.keys.sorted()
        for table in tables {
            guard !table.roles.isEverybodys,
                let personKey = table.keys.first(where: { $0.position == table.roles.personKey })
            else { continue }
            let dayKey = table.keys.first { $0.position == table.roles.dayKey }
            for day in try days(of: table, dayKey?.column) {
                for person in numbers {
                    let old = HubRegister.scope(
                        persons[person] ?? [], day: day, today: span.from,
                        endsStay: table.roles.endsStay && span.knewEndsOfStays)
                    let new = HubRegister.scope(
                        register.stays(of: person), day: day, today: span.to,
                        endsStay: table.roles.endsStay)
                    if old == new { continue }
                    for dot in try dots(in: table, personKey.column, person, dayKey?.column, day) {
                        guard let place = try place(origin: dot.origin, sequence: dot.sequence),
                            place.position < position
                        else { continue }
                        shift.add(place, of: person, from: old, to: new)
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

    /// The names of all versions of a person's records of a day.
    private func dots(
        in table: HubTable, _ personColumn: String, _ person: Int64, _ dayColumn: String?, _ day: Int32?
    ) throws -> [(origin: Int64, sequence: UInt64)] {
        let keys = table.keys.map { "\"\($0.column)\"" }.joined(separator: ", ")
        let isDay = dayColumn.map { "\"\($0)\" = ?2 AND" } ?? ""
        let rows = try connection.all(
            """
            SELECT _flags, _origin, _sequence, \(keys) FROM "\(table.name)"
            WHERE \(isDay) "\(personColumn)" = ?1
            """, .int(person), .int(Int64(day ?? 0))
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

    // MARK: - Units

    private func relink(
        _ links: HubLinkShift, at position: UInt64, today: Int32
    ) throws -> [HubScopeWork] {
        for link in links.lost {
            try connection.run(
                "DELETE FROM scope_since WHERE above = ? AND unit = ?", .int(link.above), .int(link.unit))
        }
        let lost = try links.lost.filter { try hasFeed($0.unit) }
        var work = try HubLinkShift.leaves(lost, try loadedRegister(), today: today) { unit in
            try connection.all(
                "SELECT DISTINCT subject FROM scope_work WHERE audience = ? AND exact = 0 AND kind = 1",
                .int(unit)
            ) { $0.int(0) }
        }
        for link in links.gained where try hasFeed(link.unit) {
            try connection.run(
                "INSERT OR REPLACE INTO scope_since (above, unit, position) VALUES (?, ?, ?)",
                .int(link.above), .int(link.unit), .word(position))
            work += HubLinkShift.enters(link, places: try places(of: link.unit, before: position))
        }
        return work
    }

    private func hasFeed(_ unit: Int64) throws -> Bool {
        try connection.first(
            """
            SELECT EXISTS (SELECT 1 FROM feed WHERE unit = ?1)
            OR EXISTS (SELECT 1 FROM scope_work WHERE audience = ?1 AND exact = 0)
            """, .int(unit)
        ) { $0.int(0) != 0 } ?? false
    }

    /// Everything that lies in the scope of a unit, apart from what came at `position` itself.
    private func places(of unit: Int64, before position: UInt64) throws -> [HubPlaceInLog] {
        var places: Set<HubPlaceInLog> = []
        let fed = try connection.all(
            "SELECT position, rows FROM feed WHERE unit = ? AND position < ?", .int(unit), .word(position)
        ) { (position: $0.word(0), rows: HubBytes.rows($0.bytes(1))) }
        for (position, rows) in fed {
            for row in rows { places.insert(HubPlaceInLog(position: position, row: UInt32(row))) }
        }
        let moves = try connection.all(
            """
            SELECT kind, places FROM scope_work WHERE audience = ? AND exact = 0 AND kind IN (3, 4)
            ORDER BY position, number
            """, .int(unit)
        ) { (kind: $0.int(0), places: HubBytes.places($0.bytes(1))) }
        for (kind, moved) in moves {
            if kind == Int64(HubScopeWork.Kind.drop.rawValue) {
                places.subtract(moved)
            } else {
                places.formUnion(moved)
            }
        }
        return places.sorted()
    }

    // MARK: - Work

    private func store(_ work: [HubScopeWork], at position: UInt64, _ number: inout UInt64) throws {
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
