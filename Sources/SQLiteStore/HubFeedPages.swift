import Forms
public import SyncCore
public import SyncStore
import SyncWire

/// The feed: what came in by others in a device's scope, and what was found out about its own.
extension SQLiteHubStore {
    /// So far behind, an agent is sent a page without items, to move its token on.
    static let farBehind: UInt64 = 1_024

    func storeFeed(_ pending: HubPending, at position: UInt64) throws {
        var rows: [Int64: [UInt32]] = [:]
        var totals: [HubTotal: HubTotal.Amount] = [:]
        // Rows one after the other mostly have the same scope.
        var last = HubScope.none
        var run: [UInt32] = []
        var sum: UInt64 = 0
        func close() {
            for unit in last.units { rows[unit, default: []].append(contentsOf: run) }
            let key = HubTotal(origin: pending.origin.number, scope: last)
            totals[key, default: HubTotal.Amount()].add(
                HubTotal.Amount(count: Int64(run.count), sum: sum))
            run.removeAll(keepingCapacity: true)
            sum = 0
        }
        let origin = pending.origin.id
        for (row, scope) in pending.scopes.enumerated() where scope != .none && !pending.quarantined[row] {
            if scope != last {
                close()
                last = scope
            }
            run.append(UInt32(row))
            sum &+= Mark.term(of: Dot(origin: origin, sequence: pending.first + UInt64(row)))
        }
        close()
        for unit in rows.keys.sorted() {
            try connection.run(
                "INSERT INTO feed (unit, position, rows) VALUES (?, ?, ?)", .int(unit), .word(position),
                .blob(HubBytes.runs(rows[unit] ?? [])))
        }
        try add(totals)
    }

    /// - Throws: `Refuse` when the device is let in no more.
    private func requireActive(_ session: SessionRef) throws {
        if try sender(session.device)?.state == .revoked { throw Refuse.revoked }
    }

    /// Everybody's records and those of the device's unit and below.
    private func audience(of device: Int64) throws -> HubAudience {
        guard let sender = try sender(device), let unit = try terms.find(sender.unit) else {
            return HubAudience(unit: 0, units: [0], since: [:])
        }
        let since = try connection.all("SELECT unit, position FROM scope_since WHERE above = ?", .int(unit)) {
            ($0.int(0), $0.word(1))
        }
        return HubAudience(
            unit: unit, units: Set([0] + (try loadedRegister().nodes(seenBy: unit))),
            since: Dictionary(since, uniquingKeysWith: max))
    }

    public func mark(for session: SessionRef) throws -> Mark {
        try connection.read {
            try requireActive(session)
            let units = try audience(of: session.device).units
            // A version of several units is in scope once, also where both are.
            func isInScope(_ scope: HubScope) -> Bool {
                units.contains(scope.first) || scope.second > 0 && units.contains(scope.second)
                    || scope.third > 0 && units.contains(scope.third)
            }
            var amount = HubTotal.Amount()
            for (scope, total) in try loadedScopeTotals() where isInScope(scope) { amount.add(total) }
            for origin in try origins(of: session.device)
            where origin.replica == session.replica && origin.isCurrent {
                for (scope, own) in try scopeSums(of: origin.number) where isInScope(scope) {
                    amount.subtract(own)
                }
            }
            return Mark(
                position: try logEnd().position, count: UInt64(clamping: amount.count), sum: amount.sum)
        }
    }

    public func feed(
        for session: SessionRef, after token: FeedToken, maximumItems: Int
    ) throws -> Feed? {
        try connection.read {
            try requireActive(session)
            let end = try logEnd().position
            var at = (position: UInt64(0), step: UInt64(0))
            if try token.epoch == epoch { at = (token.position, token.step) }
            let start = at.position
            guard start < end else { return nil }
            var reader = HubFeedReader(
                session: session, audience: try audience(of: session.device),
                page: HubFeedPage(maximumItems: max(1, min(maximumItems, Limits.feedItems))))
            while at.position < end && reader.page.count == 0 {
                let (work, reach) = try feedWork(for: reader, after: at.position, end: end)
                if try fill(&reader, with: work, from: &at) { at = (reach, 0) }
            }
            if reader.page.count == 0 && at.position - start < SQLiteHubStore.farBehind { return nil }
            let hash = try connection.first(
                "SELECT log_hash FROM segment WHERE position = ?", .word(at.position)
            ) { try $0.digest(0) }
            return reader.page.feed(
                token: FeedToken(
                    epoch: try epoch, position: at.position, hash: hash.map { ShortDigest($0) } ?? .zero,
                    step: at.step))
        }
    }

    /// Puts what lies at positions on the page; false when it became full, and then where.
    private func fill(
        _ reader: inout HubFeedReader, with work: [(position: UInt64, rows: [Int])],
        from at: inout (position: UInt64, step: UInt64)
    ) throws -> Bool {
        for (position, rows) in work {
            let before = position - 1
            var step = at.position == before ? at.step : 0
            var isFull = false
            try eachWork(at: position, after: step) { number, work in
                if reader.audience.concerns(work, at: position) {
                    isFull = !reader.page.add(try items(of: work, at: position, reader))
                }
                if !isFull { step = number }
                return !isFull
            }
            if !isFull { isFull = !reader.page.add(try items(at: position, rows: rows, reader)) }
            if isFull {
                at = (before, step)
                return false
            }
            at = (position, 0)
        }
        return true
    }

    /// Positions with something for the device, ascending, each with its rows; and how far the look reached.
    private func feedWork(
        for reader: HubFeedReader, after start: UInt64, end: UInt64
    ) throws -> (work: [(position: UInt64, rows: [Int])], reach: UInt64) {
        let step = 64
        var rows: [UInt64: [Int]] = [:]
        var reach = end
        func look(at found: [(position: UInt64, rows: [Int])]) {
            if found.count == step, let last = found.last { reach = min(reach, last.position) }
            for (position, offsets) in found {
                if let known = rows[position], !known.isEmpty, !offsets.isEmpty {
                    // Two units of a device share rows only where somebody moved between them that day.
                    rows[position] = Set(known).union(offsets).sorted()
                } else {
                    rows[position, default: []] += offsets
                }
            }
        }
        let lastWork = try connection.first("SELECT max(position) FROM scope_work") { $0.word(0) } ?? 0
        for unit in reader.audience.units.sorted() {
            let since = reader.audience.since[unit] ?? 0
            look(
                at: try connection.all(
                    """
                    SELECT position, rows FROM feed WHERE unit = ? AND position > ?
                    ORDER BY position LIMIT \(step)
                    """, .int(unit), .word(max(start, since == 0 ? 0 : since - 1))
                ) { ($0.word(0), HubBytes.rows($0.bytes(1))) })
            guard lastWork > start else { continue }
            look(
                at: try connection.all(
                    """
                    SELECT DISTINCT position FROM scope_work WHERE audience = ? AND position > ?
                    ORDER BY position LIMIT \(step)
                    """, .int(unit), .word(start)
                ) { ($0.word(0), []) })
        }
        look(
            at: try connection.all(
                """
                SELECT DISTINCT position FROM verdict WHERE device = ? AND position > ?
                ORDER BY position LIMIT \(step)
                """, .int(reader.session.device), .word(start)
            ) { ($0.word(0), []) })
        let work = rows.filter { $0.key <= reach }.sorted { $0.key < $1.key }.map {
            (position: $0.key, rows: $0.value)
        }
        return (work, reach)
    }

    /// What came at one position for the device.
    private func items(
        at position: UInt64, rows: [Int], _ reader: HubFeedReader
    ) throws -> HubFeedPage.Items {
        var items = HubFeedPage.Items()
        items.verdicts = try connection.all(
            """
            SELECT origin, sequence, kind, reason, field FROM verdict WHERE device = ? AND position = ?
            ORDER BY number
            """, .int(reader.session.device), .word(position)
        ) { row in
            Verdict(
                dot: Dot(origin: try originID(row.int(0)), sequence: row.word(1)),
                kind: Verdict.Kind(rawValue: UInt8(clamping: row.int(2))) ?? .noted, reason: row.text(3),
                field: FieldID(clamping: row.int(4)))
        }
        try add(rows, at: position, to: &items, reader)
        return items
    }

    /// What a change of scopes brings.
    private func items(
        of work: HubScopeWork, at position: UInt64, _ reader: HubFeedReader
    ) throws -> HubFeedPage.Items {
        var items = HubFeedPage.Items()
        guard work.kind == .versions else {
            items.scope = [
                ScopeChange(
                    kind: work.kind == .leave ? .leave : .enter,
                    subject: work.isUnit ? BuiltIn.unit : BuiltIn.person,
                    id: try terms.text(of: work.subject),
                    kept: work.kind == .leave ? reader.audience.kept(work, at: position) : [])
            ]
            return items
        }
        var rest = work.places[...]
        while let first = rest.first {
            let same = rest.prefix { $0.position == first.position }
            try add(same.map { Int($0.row) }, at: first.position, to: &items, reader)
            rest = rest.dropFirst(same.count)
        }
        items.isUrgent = false
        return items
    }

    /// Adds versions of one segment, unless the device wrote them.
    private func add(
        _ rows: [Int], at position: UInt64, to items: inout HubFeedPage.Items, _ reader: HubFeedReader
    ) throws {
        if rows.isEmpty { return }
        let found = try connection.first("SELECT origin FROM segment WHERE position = ?", .word(position)) {
            $0.int(0)
        }
        guard let found, let origin = try origin(try originID(found)) else {
            throw StoreError(.corrupt, "a feed entry without its segment")
        }
        items.isUrgent = origin.lane == .urgent
        if origin.device == reader.session.device && origin.replica == reader.session.replica
            && origin.isCurrent
        {
            return
        }
        let segment = try segment(at: position)
        let held = try connection.all(
            "SELECT sequence, form, key FROM quarantine WHERE origin = ?", .int(origin.number)
        ) { (sequence: $0.word(0), form: $0.text(1), key: $0.bytes(2)) }
        let there = rows.filter { $0 < segment.rows.count && !segment.gone.contains($0) }
        var behind: Set<Int> = []
        for row in there where !held.isEmpty {
            let dot = Dot(origin: origin.id, sequence: segment.first + UInt64(row))
            let key = segment.rows.version(at: row, dot: dot).key
            let isBehind = held.contains {
                $0.sequence < dot.sequence && $0.form.utf8.elementsEqual(key.form.utf8)
                    && $0.key == Canonical.encode(key: key.values)
            }
            if isBehind { behind.insert(row) }
        }
        items.add([
            HubFeedPage.Piece(
                origin: origin.id, first: segment.first,
                rows: VersionColumns.Piece(segment.rows, rows: there, afterHole: behind))
        ])
        items.bytes += there.reduce(0) { $0 + HubFeedPage.bytes(of: segment.rows, at: $1) }
    }

    // MARK: - Segments

    func segment(
        at position: UInt64
    ) throws -> (first: UInt64, rows: VersionColumns, bytes: Int, gone: Set<Int>) {
        let found = try connection.first(
            "SELECT first, rows, gone FROM segment WHERE position = ?", .word(position)
        ) {
            (first: $0.word(0), rows: $0.bytes(1), gone: $0.bytes(2))
        }
        guard let found else { throw StoreError(.corrupt, "a position without its segment") }
        do {
            return (
                found.first, try RowsCodec.decode(found.rows), found.rows.count,
                Set(HubBytes.rows(found.gone))
            )
        } catch {
            throw StoreError(.corrupt, "a segment's rows do not read")
        }
    }

    /// One version by its name; nil when it is not held, or was purged.
    func version(_ dot: Dot) throws -> Version? {
        guard let origin = try origin(dot.origin), dot.sequence > 0, dot.sequence <= origin.held else {
            return nil
        }
        let position = try connection.first(
            "SELECT position FROM segment WHERE origin = ? AND last >= ? ORDER BY last LIMIT 1",
            .int(origin.number), .word(dot.sequence)
        ) { $0.word(0) }
        guard let position else { return nil }
        let segment = try segment(at: position)
        let row = Int(clamping: dot.sequence - segment.first)
        guard row < segment.rows.count, !segment.gone.contains(row) else { return nil }
        return segment.rows.version(at: row, dot: dot)
    }
}

/// A look at the feed for one device.
struct HubFeedReader {
    let session: SessionRef
    let audience: HubAudience
    var page: HubFeedPage
}
