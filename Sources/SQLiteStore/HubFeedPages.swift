public import SyncCore
public import SyncStore
import SyncWire

/// The feed: what came in by others in a device's scope, and what was found out about its own.
extension SQLiteHubStore {
    /// So far behind, an agent is sent a page without items, to move its token on.
    static let farBehind: UInt64 = 1_024

    func storeFeed(_ pending: HubPending, digests: [UInt64], at position: UInt64) throws {
        var rows: [Int64: [UInt32]] = [:]
        var totals: [HubScope: (count: UInt64, sum: UInt64)] = [:]
        var last: (scope: HubScope, count: UInt64, sum: UInt64) = (.none, 0, 0)
        for (row, scope) in pending.scopes.enumerated() where scope != .none && !pending.quarantined[row] {
            for unit in scope.units { rows[unit, default: []].append(UInt32(row)) }
            if scope != last.scope {
                add(last, to: &totals)
                last = (scope, 0, 0)
            }
            last.count += 1
            last.sum &+= digests[row]
        }
        add(last, to: &totals)
        for unit in rows.keys.sorted() {
            try connection.run(
                "INSERT INTO feed (unit, position, rows) VALUES (?, ?, ?)", .int(unit), .word(position),
                .blob(HubBytes.runs(rows[unit] ?? [])))
        }
        for scope in totals.keys.sorted() {
            let total = totals[scope] ?? (0, 0)
            let old =
                try connection.first(
                    "SELECT count, sum FROM feed_total WHERE first = ? AND second = ?", .int(scope.first),
                    .int(scope.second)
                ) { ($0.word(0), $0.word(1)) } ?? (0, 0)
            try connection.run(
                "INSERT OR REPLACE INTO feed_total (first, second, count, sum) VALUES (?, ?, ?, ?)",
                .int(scope.first), .int(scope.second), .word(old.0 + total.count), .word(old.1 &+ total.sum))
        }
    }

    private func add(
        _ part: (scope: HubScope, count: UInt64, sum: UInt64),
        to totals: inout [HubScope: (count: UInt64, sum: UInt64)]
    ) {
        guard part.count > 0 else { return }
        let old = totals[part.scope] ?? (0, 0)
        totals[part.scope] = (old.count + part.count, old.sum &+ part.sum)
    }

    /// Everybody's records and those of the device's unit and below.
    private func scopeUnits(of device: Int64) throws -> [Int64] {
        guard let sender = try sender(device), let unit = try terms.find(sender.unit) else { return [0] }
        return [0] + (try loadedRegister().subtree(unit))
    }

    public func mark(for session: SessionRef) throws -> Mark {
        try connection.read {
            let units = Set(try scopeUnits(of: session.device))
            let totals = try connection.all("SELECT first, second, count, sum FROM feed_total") {
                (HubScope(first: $0.int(0), second: $0.int(1)), $0.word(2), $0.word(3))
            }
            var mark = Mark(position: try logEnd().position, count: 0, sum: 0)
            // A version of two units is in scope once, also where both are.
            for (scope, count, sum) in totals where scope.units.contains(where: { units.contains($0) }) {
                mark.count += count
                mark.sum &+= sum
            }
            return mark
        }
    }

    public func feed(
        for session: SessionRef, after token: FeedToken, maximumItems: Int
    ) throws -> Feed? {
        try connection.read {
            let end = try logEnd()
            let start = try token.epoch == epoch ? token.position : 0
            guard start < end.position else { return nil }
            var page = HubFeedPage(maximumItems: max(1, min(maximumItems, Limits.feedItems)))
            var last = start
            while last < end.position && page.count == 0 {
                let (work, reach) = try feedWork(for: session.device, after: last, end: end.position)
                last = try fill(&page, with: work, for: session) ?? reach
            }
            if page.count == 0 && last - start < SQLiteHubStore.farBehind { return nil }
            let hash = try connection.first("SELECT log_hash FROM segment WHERE position = ?", .word(last)) {
                try $0.digest(0)
            }
            return page.feed(token: FeedToken(epoch: try epoch, position: last, hash: hash ?? .zero))
        }
    }

    /// Puts whole positions on the page; where it ended, when it became full.
    private func fill(
        _ page: inout HubFeedPage, with work: [(position: UInt64, rows: [Int])], for session: SessionRef
    ) throws -> UInt64? {
        var last: UInt64?
        for (position, rows) in work {
            if !page.add(try items(at: position, rows: rows, for: session)) { return last }
            last = position
        }
        return nil
    }

    /// Positions with something for the device, ascending, each with its rows; and how far the look reached.
    private func feedWork(
        for device: Int64, after start: UInt64, end: UInt64
    ) throws -> (work: [(position: UInt64, rows: [Int])], reach: UInt64) {
        let step = 64
        var rows: [UInt64: Set<Int>] = [:]
        var reach = end
        for unit in try scopeUnits(of: device) {
            let found = try connection.all(
                """
                SELECT position, rows FROM feed WHERE unit = ? AND position > ?
                ORDER BY position LIMIT \(step)
                """, .int(unit), .word(start)
            ) { ($0.word(0), HubBytes.rows($0.bytes(1))) }
            if found.count == step, let last = found.last { reach = min(reach, last.0) }
            for (position, offsets) in found { rows[position, default: []].formUnion(offsets) }
        }
        let verdicts = try connection.all(
            """
            SELECT DISTINCT position FROM verdict WHERE device = ? AND position > ?
            ORDER BY position LIMIT \(step)
            """, .int(device), .word(start)
        ) { $0.word(0) }
        if verdicts.count == step, let last = verdicts.last { reach = min(reach, last) }
        for position in verdicts { rows[position, default: []].formUnion([]) }
        let work = rows.keys.filter { $0 <= reach }.sorted().map {
            (position: $0, rows: (rows[$0] ?? []).sorted())
        }
        return (work, reach)
    }

    /// What lies at one position for the device.
    private func items(
        at position: UInt64, rows: [Int], for session: SessionRef
    ) throws -> HubFeedItems {
        var items = HubFeedItems()
        items.verdicts = try connection.all(
            """
            SELECT origin, sequence, kind, reason, field FROM verdict WHERE device = ? AND position = ?
            ORDER BY number
            """, .int(session.device), .word(position)
        ) { row in
            Verdict(
                dot: Dot(origin: try originID(row.int(0)), sequence: row.word(1)),
                kind: Verdict.Kind(rawValue: UInt8(clamping: row.int(2))) ?? .noted, reason: row.text(3),
                field: FieldID(clamping: row.int(4)))
        }
        if rows.isEmpty { return items }
        let found = try connection.first("SELECT origin FROM segment WHERE position = ?", .word(position)) {
            $0.int(0)
        }
        guard let found, let origin = try origin(try originID(found)) else {
            throw StoreError(.corrupt, "a feed entry without its segment")
        }
        items.lane = origin.lane
        if origin.device == session.device && origin.replica == session.replica && origin.isCurrent {
            return items
        }
        let segment = try segment(at: position)
        items.bytes = segment.bytes
        let held = try connection.all(
            "SELECT sequence, form, key FROM quarantine WHERE origin = ?", .int(origin.number)
        ) { (sequence: $0.word(0), form: $0.text(1), key: $0.bytes(2)) }
        for row in rows where row < segment.rows.count {
            let dot = Dot(origin: origin.id, sequence: segment.first + UInt64(row))
            let version = segment.rows.version(at: row, dot: dot)
            let isBehind =
                !held.isEmpty
                && held.contains {
                    $0.sequence < dot.sequence && $0.form.utf8.elementsEqual(version.key.form.utf8)
                        && $0.key == Canonical.encode(key: version.key.values)
                }
            items.versions.append((version, isBehind))
        }
        return items
    }

    // MARK: - Segments

    func segment(at position: UInt64) throws -> (first: UInt64, rows: VersionColumns, bytes: Int) {
        let found = try connection.first(
            "SELECT first, rows FROM segment WHERE position = ?", .word(position)
        ) {
            (first: $0.word(0), rows: $0.bytes(1))
        }
        guard let found else { throw StoreError(.corrupt, "a position without its segment") }
        do {
            return (found.first, try RowsCodec.decode(found.rows), found.rows.count)
        } catch {
            throw StoreError(.corrupt, "a segment's rows do not read")
        }
    }

    /// One version by its name; nil when it is not held.
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
        return row < segment.rows.count ? segment.rows.version(at: row, dot: dot) : nil
    }
}

/// What one position of the log holds for one device.
struct HubFeedItems {
    var lane = Lane.routine
    var versions: [(version: Version, afterHole: Bool)] = []
    var verdicts: [Verdict] = []
    /// Of the segment that the versions come from.
    var bytes = 0

    var count: Int { versions.count + verdicts.count }
}

/// A page in the making: whole positions only, since a token names nothing smaller.
struct HubFeedPage {
    let maximumItems: Int
    /// A page that holds several segments stays well below a frame.
    static let maximumBytes = 262_144
    private var all = HubFeedItems()
    private var isUrgent = false

    init(maximumItems: Int) { self.maximumItems = maximumItems }

    var count: Int { all.count }

    /// False when it does not fit any more; the first always does.
    mutating func add(_ items: HubFeedItems) -> Bool {
        let isFull = count + items.count > maximumItems || all.bytes + items.bytes > HubFeedPage.maximumBytes
        if count > 0 && items.count > 0 && isFull { return false }
        if items.count > 0 && items.lane == .urgent { isUrgent = true }
        all.versions += items.versions
        all.verdicts += items.verdicts
        all.bytes += items.bytes
        return true
    }

    func feed(token: FeedToken) -> Feed {
        let rows = VersionColumns(all.versions.map(\.version)) { all.versions[$0].afterHole }
        return Feed(
            lane: isUrgent ? .urgent : .routine,
            versions: FeedVersions(dots: all.versions.map { $0.version.dot }, rows: rows),
            verdicts: all.verdicts,
            token: token)
    }
}
