import Forms
import SyncCore
import SyncStore
import SyncWire

/// The slow path: records with a history, read as states and merged.
extension SQLiteHubStore {
    /// The record's key as the table's numbers; nil when a text of it has none, or it does not fit the form.
    func keyNumbers(_ key: RecordKey, of table: HubTable, create: Bool) throws -> [Int64]? {
        guard key.values.count == table.keys.count else { return nil }
        var numbers: [Int64] = []
        for part in table.keys {
            switch key.values[part.position] {
            case .integer(let number) where part.isInteger: numbers.append(number)
            case .text(let text) where !part.isInteger:
                guard let number = create ? try terms.number(of: text) : try terms.find(text) else {
                    return nil
                }
                numbers.append(number)
            default: return nil
            }
        }
        return numbers
    }

    func recordKey(_ numbers: [Int64], of table: HubTable) throws -> RecordKey {
        var values = [Value](repeating: .notStated, count: numbers.count)
        for (index, part) in table.keys.enumerated() {
            values[part.position] =
                part.isInteger ? .integer(numbers[index]) : .text(try terms.text(of: numbers[index]))
        }
        return RecordKey(form: table.definition.form, values: values)
    }

    /// Everything known of a record; the empty state when it is new.
    func state(of key: RecordKey, in table: HubTable) throws -> RecordState {
        guard let numbers = try keyNumbers(key, of: table, create: false) else { return RecordState() }
        let statement = try connection.statement(table.selection)
        for (index, number) in numbers.enumerated() { statement.bind(Int32(index + 1), .int(number)) }
        return try statement.first { try state($0, of: key, in: table) } ?? RecordState()
    }

    /// The state that a row of `table` stands for.
    func state(_ row: HubStatement, of key: RecordKey, in table: HubTable) throws -> RecordState {
        let own = table.firstOwn
        let flags = row.int(own + 8)
        if flags & HubTable.Flag.hasState != 0 {
            let bytes = try connection.first(
                "SELECT state FROM sibling WHERE form = ? AND key = ?", .int(table.number),
                .blob(Canonical.encode(key: key.values))
            ) { $0.bytes(0) }
            guard let bytes else { throw StoreError(.corrupt, "a record without its state") }
            do {
                return try RecordStateCodec.decode(bytes)
            } catch {
                throw StoreError(.corrupt, "a record's state does not read")
            }
        }
        var state = RecordState()
        state.merge(try version(row, of: key, in: table, flags: flags))
        return state
    }

    private func version(
        _ row: HubStatement, of key: RecordKey, in table: HubTable, flags: Int64
    ) throws -> Version {
        let own = table.firstOwn
        let assigned = table.mask(row)
        let times = table.times(row)
        var assignments: [Assignment] = []
        for (index, field) in table.fields.enumerated() where assigned & (1 << Int64(field.id)) != 0 {
            assignments.append(
                Assignment(
                    field: field.id, retentionClass: field.retentionClass,
                    value: try value(row, table.firstField + Int32(index), field)))
        }
        return Version(
            dot: Dot(origin: try originID(row.int(own)), sequence: row.word(own + 1)), key: key,
            formRevision: UInt32(clamping: row.int(own + 2)),
            clockTrusted: flags & HubTable.Flag.clockUntrusted == 0, authored: times.authored,
            stated: times.stated, firstCreated: times.created,
            author: row.int(own + 3) == 0 ? [] : try terms.text(of: row.int(own + 3)),
            assignments: assignments)
    }

    func value(_ row: HubStatement, _ column: Int32, _ field: HubTable.Field) throws -> Value {
        if row.isNull(column) { return .notStated }
        switch field.kind {
        case .integer: return .integer(row.int(column))
        case .decimal: return .decimal(unscaled: row.int(column), scale: field.scale)
        case .text: return .text(try text(row, column, field))
        case .list: return .list(Canonical.decodeList(row.bytes(column)[...]) ?? [])
        }
    }

    // MARK: - Writing

    enum Merged {
        /// Whether the same version had been taken under another name.
        case taken(isHeldAlready: Bool)
        /// The record has too much already: nothing was written, for this reason.
        case crowded(String)
    }

    /// Merges a version into its record.
    func merge(
        _ version: Version, in table: HubTable, afterHole: Bool, _ pending: inout HubPending
    ) throws -> Merged {
        guard let numbers = try keyNumbers(version.key, of: table, create: true) else {
            throw HubBatchError(words: "a key does not fit its form")
        }
        let statement = try connection.statement(table.selection)
        for (index, number) in numbers.enumerated() { statement.bind(Int32(index + 1), .int(number)) }
        var only: Dot?
        var state =
            try statement.first { row in
                let known = try self.state(row, of: version.key, in: table)
                let hasState = row.int(table.firstOwn + 8) & HubTable.Flag.hasState != 0
                if !hasState { only = known.siblings.first?.dot }
                return known
            } ?? RecordState()
        let before = state.isEmpty ? nil : state.effective(under: table.rules)
        try state.merge(version, afterHole: afterHole, original: counted)
        if let reason = Reason.crowding(of: state, with: version) { return .crowded(reason) }
        let plain = before == nil ? plainVersion(of: state, in: table) : nil
        if plain == nil {
            for dot in [only, version.dot].compactMap({ $0 }) {
                try remember(dot, of: version.key, in: table)
            }
        }
        let after = state.effective(under: table.rules)
        try store(state, plain, after, key: version.key, numbers: numbers, in: table)
        if before?.hasConflict != after.hasConflict {
            try note(
                conflict: after.hasConflict, was: before?.hasConflict ?? false,
                key: Canonical.encode(key: version.key.values), in: table)
        }
        try follow(before, after, numbers: numbers, in: table, &pending)
        return .taken(isHeldAlready: state.hasOtherName(version.dot))
    }

    func store(
        _ state: RecordState, _ plain: Version?, _ effective: EffectiveRecord, key: RecordKey,
        numbers: [Int64], in table: HubTable
    ) throws {
        let keyBytes = Canonical.encode(key: key.values)
        if plain == nil {
            try connection.run(
                "INSERT OR REPLACE INTO sibling (form, key, state) VALUES (?, ?, ?)", .int(table.number),
                .blob(keyBytes), .blob(RecordStateCodec.encode(state)))
        }
        let latest = plain ?? state.latest
        var flags: Int64 = 0
        if latest?.clockTrusted == false { flags |= HubTable.Flag.clockUntrusted }
        if plain == nil { flags |= HubTable.Flag.hasState }
        if !effective.exists { flags |= HubTable.Flag.gone }
        if effective.hasConflict { flags |= HubTable.Flag.conflict }
        var assigned: Int64 = 0
        let statement = try connection.statement(table.replacement)
        for (index, number) in numbers.enumerated() { statement.bind(Int32(index + 1), .int(number)) }
        for (index, field) in table.fields.enumerated() {
            let value = effective[field.id]
            if value != nil { assigned |= 1 << Int64(field.id) }
            statement.bind(table.firstField + Int32(index) + 1, try binding(value, field))
        }
        let own = table.firstOwn
        var setter: Int64 = 0
        if let latest {
            guard let origin = try origin(latest.dot.origin) else {
                throw StoreError(.corrupt, "a version of an unknown origin")
            }
            setter = origin.number
        }
        let author = latest?.author ?? []
        statement.bind(own + 1, .int(setter))
        statement.bind(own + 2, .word(latest?.dot.sequence ?? 0))
        statement.bind(own + 3, .int(Int64(state.formRevision)))
        statement.bind(own + 4, .int(author.isEmpty ? 0 : try terms.number(of: author)))
        let (authored, stated) = (latest?.authored ?? 0, latest?.stated ?? 0)
        statement.bind(own + 5, .int(authored))
        statement.bind(own + 6, .int(stated &- authored))
        statement.bind(own + 7, .int(state.firstCreated &- stated))
        statement.bind(own + 8, .int(HubTable.assigned(assigned)))
        statement.bind(own + 9, .int(flags))
        try statement.run()
    }

    /// Keeps the name of one version of a record whose row does not name them all.
    private func remember(_ dot: Dot, of key: RecordKey, in table: HubTable) throws {
        guard let origin = try origin(dot.origin) else {
            throw StoreError(.corrupt, "a version of an unknown origin")
        }
        try connection.run(
            "INSERT OR IGNORE INTO history (form, key, origin, sequence) VALUES (?, ?, ?, ?)",
            .int(table.number), .blob(Canonical.encode(key: key.values)), .int(origin.number),
            .word(dot.sequence))
    }

    /// A record's first version when a row alone can say everything about it.
    private func plainVersion(of state: RecordState, in table: HubTable) -> Version? {
        guard state.siblings.count == 1, let version = state.siblings.first, state.covers.isEmpty,
            version.context.isEmpty, !version.isDelete, version.authoredDot == nil,
            version.firstCreated == state.firstCreated, version.formRevision == state.formRevision,
            state.seen.dots.isEmpty, state.seen.vector.entries.count == 1,
            state.seen.vector[version.dot.origin] == version.dot.sequence
        else { return nil }
        for assignment in version.assignments {
            guard let index = table.field(assignment.field) else { return nil }
            let field = table.fields[index]
            guard assignment.retentionClass == field.retentionClass,
                assignment.value.scale == 0 || assignment.value.scale == field.scale,
                assignment.value.kind == nil || assignment.value.kind == field.kind
            else { return nil }
            if case .decimal(_, let scale) = assignment.value, scale != field.scale { return nil }
        }
        return version
    }
}
