import Forms
public import SyncCore
public import SyncStore
import SyncWire

/// What may be kept no longer goes from tables, segments and salts. Hashes stay: what lies above still
/// chains, receipts still hold, and questions for heads are answered.
extension SQLiteHubStore {
    public func purge(now: Milliseconds, limit: Int) throws -> Purge {
        try connection.write {
            let retention = try retention(now)
            var purge = Purge()
            var lost: Set<HubSalt> = []
            let due = try connection.all(
                "SELECT position FROM segment WHERE due <= ? ORDER BY due, position LIMIT ?",
                .int(Int64(retention.today)), .int(Int64(max(1, limit)))
            ) { $0.word(0) }
            for position in due { try purgeSegment(at: position, retention, &purge, &lost) }
            try destroy(lost)
            purge.isComplete = due.count < max(1, limit)
            return purge
        }
    }

    public func purgeable(now: Milliseconds) throws -> Purge {
        try connection.read {
            let retention = try retention(now)
            var purge = Purge()
            var records: Set<RecordKey> = []
            let due = try connection.all(
                "SELECT position FROM segment WHERE due <= ?", .int(Int64(retention.today))
            ) { $0.word(0) }
            for position in due {
                let (_, work) = try look(at: position, retention)
                work.count(into: &purge)
                for row in work.gone {
                    guard let key = work.before[row]?.key, records.insert(key).inserted else { continue }
                    if try isThere(key) { purge.forms[key.form]?.records += 1 }
                }
            }
            purge.isComplete = true
            return purge
        }
    }

    public func finish(_ purge: Purge, now: Milliseconds) throws {
        try connection.write {
            try connection.run(
                "INSERT OR REPLACE INTO meta (name, value) VALUES ('purge_day', ?)",
                .int(Int64(try retention(now).today)))
            guard !purge.isEmpty else { return }
            try act("purged", detail: purge.detail, at: now)
        }
        if !purge.isEmpty { try connection.emptyLog() }
    }

    public func purgeDays(now: Milliseconds) throws -> (last: Int32?, today: Int32) {
        try connection.read {
            let last = try connection.first("SELECT value FROM meta WHERE name = 'purge_day'") {
                Int32(clamping: $0.int(0))
            }
            return (last, try retention(now).today)
        }
    }

    public func oldestWithoutBackup() throws -> Milliseconds? {
        try connection.read {
            try connection.first(
                """
                SELECT min(s.arrived) FROM origin o JOIN segment s ON s.origin = o.num AND s.last =
                (SELECT min(last) FROM segment WHERE origin = o.num AND last > o.backed_up)
                WHERE o.sealed > o.backed_up
                """
            ) { $0.isNull(0) ? nil : $0.int(0) } ?? nil
        }
    }

    func retention(_ now: Milliseconds) throws -> Retention {
        let checks = try loadedChecks()
        return checks.retention.on(checks.zone.day(of: now))
    }

    // MARK: - Segments

    /// A segment as it lies in the table.
    struct PurgedSegment {
        var position: UInt64
        var origin: HubOrigin
        var first: UInt64
        /// Nil while no salt that it needs was destroyed.
        var kept: [KeptHashes]?
        var gone: [UInt32]
        var rows: VersionColumns
    }

    private func look(
        at position: UInt64, _ retention: Retention
    ) throws -> (PurgedSegment, SegmentPurge) {
        let segment = try purgedSegment(at: position)
        return (
            segment,
            SegmentPurge(
                segment.rows, origin: segment.origin.id, first: segment.first,
                gone: Set(segment.gone.map { Int($0) }), retention)
        )
    }

    private func purgedSegment(at position: UInt64) throws -> PurgedSegment {
        let found = try connection.first(
            "SELECT origin, first, gone, kept, rows FROM segment WHERE position = ?",
            .word(position)
        ) { row in
            (
                origin: row.int(0), first: row.word(1), gone: row.bytes(2),
                kept: row.isNull(3) ? nil : row.bytes(3), rows: row.bytes(4)
            )
        }
        guard let found, let origin = try origin(try originID(found.origin)) else {
            throw StoreError(.corrupt, "a position without its segment")
        }
        do {
            return PurgedSegment(
                position: position, origin: origin, first: found.first,
                kept: found.kept.flatMap(KeptCodec.decode),
                gone: HubBytes.rows(found.gone).map { UInt32($0) },
                rows: try RowsCodec.decode(found.rows))
        } catch {
            throw StoreError(.corrupt, "a segment's rows do not read")
        }
    }

    private func purgeSegment(
        at position: UInt64, _ retention: Retention, _ purge: inout Purge, _ lost: inout Set<HubSalt>
    ) throws {
        let (segment, work) = try look(at: position, retention)
        let due = work.due.map { HubBinding.int(Int64($0)) } ?? .null
        guard !work.isEmpty else {
            return try connection.run(
                "UPDATE segment SET due = ? WHERE position = ?", due, .word(position))
        }
        work.count(into: &purge)
        for salt in work.salts {
            lost.insert(HubSalt(origin: segment.origin.number, day: salt.day, kind: salt.retentionClass))
        }
        let kept = try hashes(of: segment, without: work)
        try leaveScopes(work, of: segment)
        recentArrivals = RecentArrivals()
        let gone = (segment.gone + work.gone.map { UInt32($0) }).sorted()
        try connection.run(
            "UPDATE segment SET due = ?, gone = ?, kept = ?, rows = ? WHERE position = ?", due,
            .blob(HubBytes.runs(gone)), kept.map { .blob(KeptCodec.encode($0)) } ?? .null,
            .blob(RowsCodec.encode(VersionColumns(work.versions))), .word(position))
        try stamp(position)
        for row in work.trimmed {
            if let version = work.before[row] { try trim(version.key, retention) }
        }
        for row in work.gone {
            guard let version = work.before[row] else { continue }
            if try remove(version.key) { purge.forms[version.key.form]?.records += 1 }
            try connection.run(
                "DELETE FROM verdict WHERE device = ? AND position = ? AND origin = ? AND sequence = ?",
                .int(segment.origin.device ?? 0), .word(position), .int(segment.origin.number),
                .word(version.dot.sequence))
        }
    }

    /// Keeps the class hashes of a segment while the salts are there under which they can be computed.
    private func freeze(_ segment: PurgedSegment) throws {
        guard segment.kept == nil, let kept = try computedHashes(segment) else { return }
        try connection.run(
            "UPDATE segment SET kept = ? WHERE position = ?", .blob(KeptCodec.encode(kept)),
            .word(segment.position))
        try stamp(segment.position)
    }

    /// What is kept of a segment of which some rows go whole: of those their digests.
    private func hashes(of segment: PurgedSegment, without work: SegmentPurge) throws -> [KeptHashes]? {
        guard var kept = try segment.kept ?? computedHashes(segment) else { return nil }
        for row in work.gone where row < kept.count {
            guard let version = work.before[row], case .classes(let classes) = kept[row],
                let digest = judge.chain.digest(of: version, kept: classes)
            else { continue }
            kept[row] = .whole(digest)
        }
        return kept
    }

    /// Puts the row's print right, and signs it.
    private func stamp(_ position: UInt64) throws {
        let segment = try connection.first(
            "SELECT \(HubSegment.columns) FROM segment WHERE position = ?", .word(position)
        ) { try HubSegment($0) }
        guard let segment else { throw StoreError(.corrupt, "a position without its segment") }
        try connection.run(
            "UPDATE segment SET print = ? WHERE position = ?", .blob(try stamp(of: segment)), .word(position))
    }

    private func computedHashes(_ segment: PurgedSegment) throws -> [KeptHashes]? {
        var failure: (any Error)?
        do throws(JournalChain.Failure) {
            return try judge.chain.hashes(segment.rows, origin: segment.origin.id, first: segment.first) {
                day, retentionClass in
                do {
                    return try salt(of: segment.origin, day: day, retentionClass: retentionClass)
                } catch {
                    failure = error
                    return nil
                }
            }
        } catch {
            if let failure { throw failure }
            return nil
        }
    }

    /// Destroys salts, once the class hashes of all that was hashed under them are kept. That they were there
    /// is remembered: what comes late under one of them does not bring it back.
    private func destroy(_ salts: Set<HubSalt>) throws {
        let byOrigin = Dictionary(grouping: salts, by: \.origin)
        for number in byOrigin.keys.sorted() {
            let days = (byOrigin[number] ?? []).map { Int64($0.day) }
            guard let first = days.min(), let last = days.max() else { continue }
            let touched = try connection.all(
                """
                SELECT position FROM segment WHERE origin = ? AND kept IS NULL AND authored_from <= ?
                AND authored_to >= ? ORDER BY position
                """, .int(number), .int(last), .int(first)
            ) { $0.word(0) }
            for position in touched { try freeze(try purgedSegment(at: position)) }
        }
        for salt in salts.sorted() {
            try connection.run(
                "UPDATE salt SET salt = x'' WHERE origin = ? AND day = ? AND class = ?", .int(salt.origin),
                .int(Int64(salt.day)), .int(Int64(salt.kind)))
        }
    }

    // MARK: - Records

    private func isThere(_ key: RecordKey) throws -> Bool {
        guard let table = table(key.form) else { return false }
        return try !state(of: key, in: table).isEmpty
    }

    /// Takes what is over out of the record's row and state.
    private func trim(_ key: RecordKey, _ retention: Retention) throws {
        guard let table = table(key.form), let numbers = try keyNumbers(key, of: table, create: false)
        else { return }
        let statement = try connection.statement(table.selection)
        for (index, number) in numbers.enumerated() { statement.bind(Int32(index + 1), .int(number)) }
        let found = try statement.first { row in
            (
                state: try state(row, of: key, in: table),
                hasState: row.int(table.firstOwn + 8) & HubTable.Flag.hasState != 0
            )
        }
        guard let found, let left = retention.trimmed(found.state) else { return }
        if found.hasState {
            let before = found.state.effective(under: table.rules).hasConflict
            let effective = left.effective(under: table.rules)
            try store(left, nil, effective, key: key, numbers: numbers, in: table)
            return try note(
                conflict: effective.hasConflict, was: before, key: Canonical.encode(key: key.values),
                in: table)
        }
        let over = zip(found.state.siblings.first?.assignments ?? [], left.siblings.first?.assignments ?? [])
            .filter { $0.value != $1.value }.compactMap { table.field($0.0.field) }
        if over.isEmpty { return }
        let columns = over.map { "\"\(table.fields[$0].column)\" = NULL" }.joined(separator: ", ")
        let update = try connection.statement(
            "UPDATE \"\(table.name)\" SET \(columns) WHERE \(table.keyMatch)")
        for (index, number) in numbers.enumerated() { update.bind(Int32(index + 1), .int(number)) }
        try update.run()
    }

    /// Takes a record out of all tables; false when it was in none.
    private func remove(_ key: RecordKey) throws -> Bool {
        let bytes = Canonical.encode(key: key.values)
        try connection.run(
            "DELETE FROM quarantine WHERE form = ? AND key = ?", .text(key.form), .blob(bytes))
        if connection.changes > 0 { holes = nil }
        guard let table = table(key.form), let numbers = try keyNumbers(key, of: table, create: false)
        else { return false }
        for name in ["sibling", "history", "conflict"] {
            try connection.run(
                "DELETE FROM \(name) WHERE form = ? AND key = ?", .int(table.number), .blob(bytes))
        }
        let delete = try connection.statement("DELETE FROM \"\(table.name)\" WHERE \(table.keyMatch)")
        for (index, number) in numbers.enumerated() { delete.bind(Int32(index + 1), .int(number)) }
        try delete.run()
        return connection.changes > 0
    }

    /// What is gone counts in nobody's scope.
    private func leaveScopes(_ work: SegmentPurge, of segment: PurgedSegment) throws {
        if work.gone.isEmpty { return }
        let heldBack = Set(
            try connection.all(
                """
                SELECT sequence FROM verdict WHERE device = ? AND position = ?
                AND (kind = 1 OR reason = ?)
                """, .int(segment.origin.device ?? 0), .word(segment.position), .text(Reason.retentionOver)
            ) { $0.word(0) })
        let today = try loadedScopeDay() ?? 0
        let register = try loadedRegister()
        var totals: [HubTotal: HubTotal.Amount] = [:]
        for row in work.gone {
            guard let version = work.before[row], !heldBack.contains(version.dot.sequence),
                let table = table(version.key.form)
            else { continue }
            func number(_ position: Int?) throws -> Int64? {
                guard let position, position < version.key.values.count,
                    case .text(let text) = version.key.values[position]
                else { return nil }
                return try terms.find(text) ?? 0
            }
            let day = table.roles.dayKey.flatMap { version.key.values[$0].integer }
            let place = HubPlace(
                table.roles, person: try number(table.roles.personKey),
                unit: try number(table.roles.unitKey), day: day.map { Int32(clamping: $0) }, today: today,
                root: 0, register)
            let total = HubTotal(origin: segment.origin.number, scope: place.scope)
            let one = HubTotal.Amount(count: 1, sum: Mark.term(of: version.dot))
            totals[total, default: HubTotal.Amount()].subtract(one)
        }
        try add(totals)
    }
}

/// The name of a salt.
struct HubSalt: Hashable, Comparable {
    var origin: Int64
    var day: Int32
    var kind: RetentionClass

    static func < (left: HubSalt, right: HubSalt) -> Bool {
        (left.origin, left.day, left.kind) < (right.origin, right.day, right.kind)
    }
}
