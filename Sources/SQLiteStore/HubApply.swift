import Forms
import GRDBSQLite
import SyncCore
import SyncStore

/// Rows into tables: validation of whole groups, then an insert a row; what is not new goes the slow way.
extension SQLiteHubStore {
    func apply(_ columns: VersionColumns, _ pending: inout HubPending) throws {
        let order = columns.groups.indices.sorted { left, right in
            (rank(columns.groups[left].form), left) < (rank(columns.groups[right].form), right)
        }
        for index in order {
            let group = columns.groups[index]
            guard let table = table(group.form) else {
                for row in group.rows {
                    try holdBack(Int(row), "unknown_form", field: 0, of: columns, &pending)
                }
                continue
            }
            try apply(columns, group: group, in: table, &pending)
        }
    }

    /// Registers first: what comes in the same batch may refer to them.
    private func rank(_ form: String) -> Int {
        switch table(form)?.roles.kind {
        case .definition: -1
        case .unit, .placement: 0
        case .person: 1
        case .membership: 2
        case .excuse: 3
        default: 4
        }
    }

    private func apply(
        _ columns: VersionColumns, group: FormGroup, in table: HubTable, _ pending: inout HubPending
    ) throws {
        guard let form = try loadedChecks().catalog[group.form] else { return }
        guard pending.origin.device == nil || form.definition.isWritable(by: .branch) else {
            for row in group.rows {
                try holdBack(Int(row), Reason.notWritable, field: 0, of: columns, &pending)
            }
            return
        }
        for finding in try loadedChecks().catalog.findings(in: group, by: form, of: columns) {
            if finding.isRefusal {
                try holdBack(finding.row, finding.reason, field: finding.field, of: columns, &pending)
            } else {
                pending.note(finding.row, .noted, finding.reason, field: finding.field)
            }
        }
        try leaveOut(group, in: form, &pending)
        let keys = try HubKeys(group, in: table, terms)
        let memory = try table.roles.kind.isRegister ? nil : HubRows(group, in: table, terms)
        let origin = pending.origin.id
        let holes = try loadedHoles().filter { $0.origin == origin }
        var insertion = try memory.map { _ in
            try HubInsertion(self, columns, group, table, origin: pending.origin.number)
        }
        var counter = table.roles.kind == .checkIn ? try loadedChecks().counter(group) : nil
        if !table.roles.isEverybodys { try settle(&pending) }
        var register = try loadedRegister()
        var sums = HubCoverageSums()
        var place = -1
        for row in group.rows.lazy.map({ Int($0) }) {
            place += 1
            if pending.quarantined[row] { continue }
            let afterHole =
                pending.origin.passed > 0
                || !holes.isEmpty && holes.contains(HubHole(group, place: place, origin: origin))
            let isPlain =
                !afterHole && columns.context[row] == 0
                && columns.flags[row] & ~VersionFlags.clockUntrusted.rawValue == 0
            let isNew =
                if isPlain, let memory {
                    try insertion?.insert(row, place, keys, memory, first: pending.first) ?? false
                } else {
                    false
                }
            if !isNew {
                // A second reference would make every change copy the register.
                if table.roles.kind.isRegister { register = HubRegister() }
                try applySlowly(columns, row: row, in: table, afterHole: afterHole, &pending)
                if table.roles.kind.isRegister { register = try loadedRegister() }
                if pending.quarantined[row] { continue }
            }
            let day = keys.day(place)
            let found = HubPlace(
                table.roles, person: keys.person(place), unit: keys.unit(place), day: day,
                today: pending.today, root: pending.unit, register)
            pending.scopes[row] = found.scope
            if let note = found.note { pending.note(row, .noted, note) }
            guard isNew, found.unit != 0, let day else { continue }
            let counts = counter?.counts(place, firstCreated: columns.firstCreated[row], day: day)
            if let counts { sums.add(counts, day: day, unit: found.unit) }
        }
        sums.close(&pending.counts)
    }

    /// Records that may be kept no longer come into no table, whoever still knew them.
    private func leaveOut(_ group: FormGroup, in form: CompiledForm, _ pending: inout HubPending) throws {
        guard form.definition.retentionDays?["0"] != nil else { return }
        let retention = try loadedChecks().retention.on(pending.today)
        let name = Array(group.form.utf8)
        for (place, row) in group.rows.enumerated() where !pending.quarantined[Int(row)] {
            let key = group.keys.map { $0.value(at: place) ?? .notStated }
            guard retention.isOver(form: name, key: key) else { continue }
            pending.note(Int(row), .noted, Reason.retentionOver)
            pending.quarantined[Int(row)] = true
        }
    }

    private func applySlowly(
        _ columns: VersionColumns, row: Int, in table: HubTable, afterHole: Bool, _ pending: inout HubPending
    ) throws {
        let version = columns.version(at: row, dot: pending.dot(row))
        // A crowded record is not read again for every version that has seen nothing of it.
        if version.context.isEmpty && pending.crowded.contains(version.key) {
            return try holdBack(row, Reason.tooManySiblings, field: 0, of: columns, &pending)
        }
        switch try merge(version, in: table, afterHole: afterHole, &pending) {
        case .taken(let isHeldAlready):
            if isHeldAlready { pending.note(row, .heldAlready, Reason.heldAlready) }
        case .crowded(let reason):
            if reason == Reason.tooManySiblings { pending.crowded.insert(version.key) }
            try holdBack(row, reason, field: 0, of: columns, &pending)
        }
    }

    /// A version that came before and counts.
    func counted(_ dot: Dot) throws -> Version? {
        guard let origin = try origin(dot.origin), let found = try version(dot) else { return nil }
        let isHeldBack = try connection.first(
            "SELECT 1 FROM quarantine WHERE origin = ? AND sequence = ?", .int(origin.number),
            .word(dot.sequence)
        ) { _ in true }
        return isHeldBack == nil ? found : nil
    }

    /// Keeps a version in the journal only, with the reason.
    func holdBack(
        _ row: Int, _ reason: String, field: FieldID, of columns: VersionColumns, _ pending: inout HubPending
    ) throws {
        pending.note(row, .quarantined, reason, field: field)
        if pending.quarantined[row] { return }
        pending.quarantined[row] = true
        let version = columns.version(at: row, dot: pending.dot(row))
        let key = Canonical.encode(key: version.key.values)
        try connection.run(
            "INSERT INTO quarantine (origin, sequence, form, key) VALUES (?, ?, ?, ?)",
            .int(pending.origin.number), .word(version.dot.sequence), .text(version.key.form), .blob(key))
        _ = try loadedHoles()
        holes?.insert(HubHole(form: version.key.form, key: key, origin: version.dot.origin))
    }
}

/// The keys of a group as the table's numbers; every text is interned once a batch.
struct HubKeys {
    /// Row after row, in the table's order.
    private var numbers: [Int64]
    /// How many a row.
    let count: Int
    private var dayPart: Int?
    private var personPart: Int?
    private var unitPart: Int?

    init(_ group: FormGroup, in table: HubTable, _ terms: HubTerms) throws {
        count = table.keys.count
        numbers = [Int64](repeating: 0, count: group.rows.count * count)
        for (index, key) in table.keys.enumerated() {
            if key.position == table.roles.dayKey { dayPart = index }
            if key.position == table.roles.personKey { personPart = index }
            if key.position == table.roles.unitKey { unitPart = index }
            // A group whose keys do not fit has been held back whole by validation.
            guard key.position < group.keys.count else { continue }
            let column = group.keys[key.position]
            if key.isInteger && !column.isDictionary {
                for place in group.rows.indices { numbers[place * count + index] = column.integers[place] }
            } else if !key.isInteger && column.kind == .text {
                let entries = try HubKeys.entries(of: column, terms)
                for place in group.rows.indices {
                    numbers[place * count + index] = entries[Int(column.index[place])]
                }
            }
        }
    }

    private static func entries(of column: Column, _ terms: HubTerms) throws -> [Int64] {
        try column.heap.withUnsafeBytes { heap in
            try column.ends.indices.map {
                try terms.number(of: UnsafeRawBufferPointer(rebasing: heap[column.range(ofEntry: $0)]))
            }
        }
    }

    func number(_ part: Int, _ place: Int) -> Int64 { numbers[place * count + part] }
    func day(_ place: Int) -> Int32? { dayPart.map { Int32(clamping: number($0, place)) } }
    func person(_ place: Int) -> Int64? { personPart.map { number($0, place) } }
    func unit(_ place: Int) -> Int64? { unitPart.map { number($0, place) } }
}

/// The insert of a group's new records, bound straight from the columns. What stays the same from one row to
/// the next stays bound: binding takes longer than comparing.
struct HubInsertion {
    private let statement: HubStatement
    private let connection: HubConnection
    private let columns: VersionColumns
    private let authors: [Int64]
    private let firstOwn: Int32
    /// What is bound to the fields' columns: a value or where its text begins; nil for NULL.
    private var bound: [Int64?]
    /// The same for the row's own columns, in their order.
    private var own: [Int64?]

    init(
        _ store: SQLiteHubStore, _ columns: VersionColumns, _ group: FormGroup, _ table: HubTable,
        origin: Int64
    ) throws {
        statement = try store.connection.statement(table.insertion)
        connection = store.connection
        self.columns = columns
        firstOwn = table.firstOwn
        authors = try columns.authors.map { $0.isEmpty ? 0 : try store.terms.number(of: $0) }
        bound = [Int64?](repeating: nil, count: table.fields.count)
        own = [Int64?](repeating: nil, count: HubTable.own.count)
        sqlite3_clear_bindings(statement.handle)
        sqlite3_bind_int64(statement.handle, firstOwn + 1, origin)
        sqlite3_bind_int64(statement.handle, firstOwn + 3, Int64(group.revision))
    }

    /// False when the record is there already, or when the row assigns nothing.
    mutating func insert(
        _ row: Int, _ place: Int, _ keys: HubKeys, _ rows: HubRows, first: UInt64
    ) throws -> Bool {
        let handle = statement.handle
        var mask = rows.commonMask
        for index in rows.partial {
            let column = rows.columns[index]
            if column.presence?[place] != Presence.leftAlone.rawValue { mask |= 1 << Int64(column.field) }
        }
        if mask == 0 { return false }
        for part in 0..<keys.count { sqlite3_bind_int64(handle, Int32(part + 1), keys.number(part, place)) }
        bind(place, rows)
        sqlite3_bind_int64(handle, firstOwn + 2, Int64(bitPattern: first + UInt64(row)))
        bindOwn(4, authors[Int(columns.author[row])])
        bindOwn(5, columns.authored[row])
        bindOwn(6, columns.stated[row] &- columns.authored[row])
        bindOwn(7, columns.firstCreated[row] &- columns.stated[row])
        bindOwn(8, HubTable.assigned(mask))
        let untrusted = columns.flags[row] & VersionFlags.clockUntrusted.rawValue != 0
        bindOwn(9, untrusted ? HubTable.Flag.clockUntrusted : 0)
        let code = sqlite3_step(handle)
        let reset = sqlite3_reset(handle)
        guard code == SQLITE_DONE, reset == SQLITE_OK else {
            throw HubStatement.error(code == SQLITE_DONE ? reset : code, connection.handle, "insert")
        }
        return connection.changes > 0
    }

    private mutating func bind(_ place: Int, _ rows: HubRows) {
        let handle = statement.handle
        for (index, column) in rows.columns.enumerated() {
            let isValue = column.presence.map { $0[place] == Presence.value.rawValue } ?? true
            guard isValue else {
                if bound[index] != nil { sqlite3_bind_null(handle, column.parameter) }
                bound[index] = nil
                continue
            }
            let number = column.numbers[place]
            if bound[index] == number { continue }
            bound[index] = number
            guard let heap = column.heap, number >= 0 else {
                sqlite3_bind_int64(handle, column.parameter, column.heap == nil ? number : -number)
                continue
            }
            let start = heap + HubRows.Column.start(of: number)
            let count = HubRows.Column.count(of: number)
            if column.isText {
                start.withMemoryRebound(to: CChar.self, capacity: Int(count)) {
                    _ = sqlite3_bind_text(handle, column.parameter, $0, count, nil)
                }
            } else {
                sqlite3_bind_blob(handle, column.parameter, start, count, nil)
            }
        }
    }

    private mutating func bindOwn(_ column: Int, _ value: Int64) {
        if own[column - 1] == value { return }
        own[column - 1] = value
        sqlite3_bind_int64(statement.handle, firstOwn + Int32(column), value)
    }
}
