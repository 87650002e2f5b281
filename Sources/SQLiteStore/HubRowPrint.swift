import Forms
import SyncCore
import SyncStore
import SyncWire

/// Makes the prints of one form's rows from what their columns hold.
struct HubRowPrint {
    private let store: SQLiteHubStore
    private let table: HubTable
    private let form: [UInt8]
    private let beginning: PrintHasher
    /// Columns of the key's values, in the form's order.
    private let keyColumns: [(column: Int32, isInteger: Bool)]
    private let dayColumn: Int32?
    private let personColumn: Int32?
    private let unitColumn: Int32?
    private let retention: Retention
    /// By the table's fields: for how many days values are kept.
    private let spans: [Int32?]
    private let recordSpan: Int32?

    init(_ store: SQLiteHubStore, _ table: HubTable, _ form: [UInt8], _ retention: Retention) {
        self.retention = retention
        spans = table.fields.map {
            retention.days(form: form, field: $0.id, class: $0.retentionClass)
        }
        recordSpan = retention.days(form: form)
        self.store = store
        self.table = table
        self.form = form
        beginning = RecordPrint.beginning(form: form)
        let columns = table.keys.indices.sorted { table.keys[$0].position < table.keys[$1].position }
        keyColumns = columns.map { (Int32($0), table.keys[$0].isInteger) }
        func column(_ position: Int?) -> Int32? {
            position.flatMap { wanted in table.keys.firstIndex { $0.position == wanted } }.map { Int32($0) }
        }
        dayColumn = column(table.roles.dayKey)
        personColumn = column(table.roles.personKey)
        unitColumn = column(table.roles.unitKey)
    }

    /// The record of the row that `row` stands on; nil when it is not in scope.
    func record(_ row: HubStatement, in scope: TallyScope) throws -> HubTallied? {
        let day = dayColumn.map { Int32(clamping: row.int($0)) }
        let found = scope.place(
            table.roles, person: personColumn.map(row.int), unit: unitColumn.map(row.int), day: day)
        guard let found else { return nil }
        if let recordSpan, let day, retention.isOver(Int64(day), recordSpan) { return nil }
        let unit = found.unit == 0 ? [] : try store.terms.text(of: found.unit)
        let place = TallyPlace(form: form, day: day, unit: unit)
        let moving: TallyFlags = found.isMoving ? .moving : []
        var hasher = beginning
        for (column, isInteger) in keyColumns {
            if isInteger {
                hasher.put(integer: row.int(column))
            } else {
                try store.terms.text(of: row.int(column)).withUnsafeBytes { hasher.put(text: $0) }
            }
        }
        RecordPrint.endKey(&hasher)
        let hash = hasher.value
        let key: () throws -> [UInt8] = { try self.key(of: row) }
        let flags = row.int(table.firstOwn + 8)
        guard flags & HubTable.Flag.hasState != 0 else {
            let (dot, isSound) = try put(row, day: day, into: &hasher)
            if !isSound { putRaw(row, into: &hasher) }
            return HubTallied(
                place: place, print: RecordPrint(hash: hash, print: hasher.value),
                flags: isSound ? moving : moving.union(.altered), dot: dot, state: nil, key: key)
        }
        let state = try storedState(key: key())
        var isSound = false
        if let state {
            hasher.put(retention.trimmed(state) ?? state)
            isSound = try store.row(row, says: state, in: table)
        }
        if !isSound { putRaw(row, into: &hasher) }
        return HubTallied(
            place: place, print: RecordPrint(hash: hash, print: hasher.value),
            flags: isSound ? moving : moving.union(.altered), dot: nil, state: state, key: key)
    }

    private func key(of row: HubStatement) throws -> [UInt8] {
        Canonical.encode(
            key: try keyColumns.map { column, isInteger in
                isInteger ? .integer(row.int(column)) : .text(try store.terms.text(of: row.int(column)))
            })
    }

    /// Nil when there is none, or none that reads.
    private func storedState(key: [UInt8]) throws -> RecordState? {
        let bytes = try store.connection.first(
            "SELECT state FROM sibling WHERE form = ? AND key = ?", .int(table.number), .blob(key)
        ) { $0.bytes(0) }
        return bytes.flatMap { try? RecordStateCodec.decode($0) }
    }

    /// What a row says that alone stands for its record's only version.
    ///
    /// - Returns: that version's name, and whether nothing in the row speaks against it.
    private func put(
        _ row: HubStatement, day: Int32?, into hasher: inout PrintHasher
    ) throws -> (Dot?, Bool) {
        let own = table.firstOwn
        let flags = row.int(own + 8)
        let assigned = UInt64(bitPattern: table.mask(row))
        let times = table.times(row)
        let origin = try store.knownOrigin(row.int(own))
        let dot = Dot(origin: origin ?? 0, sequence: row.word(own + 1))
        hasher.begin(
            revision: UInt32(clamping: row.int(own + 2)), firstCreated: times.created, siblings: 1)
        let isTrusted = flags & HubTable.Flag.clockUntrusted == 0
        hasher.begin(
            dot, isDelete: false, clockTrusted: isTrusted,
            authored: times.authored, stated: times.stated,
            author: row.int(own + 3) == 0 ? [] : try store.terms.text(of: row.int(own + 3)),
            fields: assigned.nonzeroBitCount + 1)
        hasher.put(varint: UInt64(RecordState.existence))
        let isFresh = retention.isFresh(authored: times.authored)
        let start = Retention.start(
            authored: times.authored, isTrusted: isTrusted, recordDay: day.map { Int64($0) })
        for (index, field) in table.fields.enumerated() where assigned & (1 << UInt64(field.id)) != 0 {
            hasher.put(varint: UInt64(field.id))
            if let span = spans[index], !isFresh, retention.isOver(start, span) {
                hasher.put(0 as UInt8)
                continue
            }
            put(row, table.firstField + Int32(index), field, into: &hasher)
        }
        return (origin == nil ? nil : dot, origin != nil && flags & ~HubTable.Flag.clockUntrusted == 0)
    }

    /// The canonical bytes of a column's value.
    private func put(
        _ row: HubStatement, _ column: Int32, _ field: HubTable.Field, into hasher: inout PrintHasher
    ) {
        if row.isNull(column) { return hasher.put(0 as UInt8) }
        switch field.kind {
        case .integer: hasher.put(integer: row.int(column))
        case .decimal: hasher.put(decimal: row.int(column), scale: field.scale)
        case .text:
            guard field.isNumbered, row.isInteger(column) else {
                return row.withBytes(column) { hasher.put(text: $0) }
            }
            // A number that nothing has was put there by hand.
            guard let text = try? store.terms.text(of: row.int(column)) else {
                return hasher.put(integer: row.int(column))
            }
            text.withUnsafeBytes { hasher.put(text: $0) }
        case .list:
            hasher.put(ValueKind.list.rawValue)
            row.withBytes(column) { hasher.put($0) }
        }
    }

    /// All that stands in the row beside its key: whatever was altered in it, the print is another.
    private func putRaw(_ row: HubStatement, into hasher: inout PrintHasher) {
        hasher.put(RecordPrint.altered)
        for (index, field) in table.fields.enumerated() {
            put(row, table.firstField + Int32(index), field, into: &hasher)
        }
        for index in HubTable.own.indices { hasher.put(word: row.word(table.firstOwn + Int32(index))) }
    }
}

extension SQLiteHubStore {
    /// The id of an origin's number; nil when nothing has it.
    func knownOrigin(_ number: Int64) throws -> OriginID? {
        if let known = originIDs[number] { return known }
        _ = try loadedOrigins()
        return originIDs[number]
    }

    /// Whether a row says of its record what the versions beside it say.
    func row(_ row: HubStatement, says state: RecordState, in table: HubTable) throws -> Bool {
        let effective = state.effective(under: table.rules)
        var assigned: Int64 = 0
        for (index, field) in table.fields.enumerated() {
            let value = effective[field.id]
            if value != nil { assigned |= 1 << Int64(field.id) }
            if try !shows(row, table.firstField + Int32(index), value, field) { return false }
        }
        var flags = HubTable.Flag.hasState
        let latest = state.latest
        if latest?.clockTrusted == false { flags |= HubTable.Flag.clockUntrusted }
        if !effective.exists { flags |= HubTable.Flag.gone }
        if effective.hasConflict { flags |= HubTable.Flag.conflict }
        let author = latest?.author ?? []
        let own = table.firstOwn
        let number = row.int(own + 3)
        let times = table.times(row)
        return try latest.map { try origin($0.dot.origin)?.number == row.int(own) } ?? (row.int(own) == 0)
            && row.word(own + 1) == latest?.dot.sequence ?? 0 && row.int(own + 2) == Int64(state.formRevision)
            && (number == 0 ? author.isEmpty : try terms.text(of: number) == author)
            && times.authored == latest?.authored ?? 0 && times.stated == latest?.stated ?? 0
            && times.created == state.firstCreated && row.int(own + 7) == HubTable.assigned(assigned)
            && row.int(own + 8) == flags
    }
}
