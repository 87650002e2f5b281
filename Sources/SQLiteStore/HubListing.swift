import Forms
public import SyncCore
import SyncStore

/// All records of a hub, or those in one unit's scope, at one moment.
public struct HubListing: Sendable {
    public var listing: TallyListing
    /// The arrival log's end.
    public var position: UInt64
    public var epoch: Token16
    /// SHA-256 of the hub's public key.
    public var hub: Digest
    public var journals: [HeldJournal]
}

extension SQLiteHubStore {
    /// - Parameters:
    ///   - unit: whose scope is listed; nil lists everything.
    ///   - today: the hub's local day.
    ///   - moment: what the other side has applied, and what it has written itself: records of which
    ///     something came later are marked as on their way. Nil: entries say where they lie in the log.
    /// - Throws: `StoreError(.unknownUnit)`.
    public func listing(unit: String?, today: Int32, beside moment: Reconciler.Moment?) throws -> HubListing {
        try connection.read {
            if let unit, try !unitExists(unit) { throw StoreError(.unknownUnit, unit) }
            let horizon = try moment.map { moment in
                let device = moment.own.lazy.compactMap { try? self.origin($0.origin)?.device }.first
                return try self.horizon(
                    TallyQuestion(position: moment.position, own: moment.own, paths: []), of: device)
            }
            let arrivals = moment == nil ? try HubArrivals(self) : nil
            var groups: [TallyPlace: [TallyListing.Entry]] = [:]
            let scan = try HubTallyScan(self, unit: unit, today: today)
            try scan.each(of: [.all], isPatient: { true }) { found in
                var entry = TallyListing.Entry(found.print, flags: found.flags)
                if horizon?.isPassed(by: found) == true { entry.flags.insert(.moving) }
                arrivals?.locate(found, &entry)
                groups[found.place, default: []].append(entry)
            }
            let key = try connection.first("SELECT value FROM meta WHERE name = 'hub_key'") { $0.bytes(0) }
            return HubListing(
                listing: TallyListing(groups.map { TallyListing.Group(place: $0.key, entries: $0.value) }),
                position: try logEnd().position, epoch: try epoch, hub: Digest(bytes: key ?? []) ?? .zero,
                journals: try journals())
        }
    }

    /// The keys of those records whose hashes are wanted.
    public func keys(of wanted: Set<UInt64>, forms: [[UInt8]]) throws -> [UInt64: [UInt8]] {
        try connection.read {
            var found: [UInt64: [UInt8]] = [:]
            for table in tables {
                let form = Array(table.definition.form.utf8)
                guard forms.contains(form) else { continue }
                let list = table.keys.map { "\"\($0.column)\"" }.joined(separator: ", ")
                let statement = try HubStatement(connection.handle, "SELECT \(list) FROM \"\(table.name)\"")
                while try statement.step() {
                    let numbers = table.keys.indices.map { statement.int(Int32($0)) }
                    let key = Canonical.encode(key: try recordKey(numbers, of: table).values)
                    let hash = RecordPrint.hasher(form: form, key: key).value
                    if wanted.contains(hash) { found[hash] = key }
                }
            }
            return found
        }
    }
}

/// Where versions lie in the arrival log, and who brought them.
struct HubArrivals {
    private struct Journal {
        var bringer: UInt32
        /// Ascending: the last sequence of each segment, and its position.
        var lasts: [UInt64] = []
        var positions: [UInt64] = []
    }

    private var journals: [OriginID: Journal] = [:]

    init(_ store: SQLiteHubStore) throws {
        for origin in try store.loadedOrigins().values {
            journals[origin.id] = Journal(bringer: UInt32(clamping: origin.device ?? 0))
        }
        let segments = try store.connection.all(
            "SELECT origin, last, position FROM segment ORDER BY origin, last"
        ) { ($0.int(0), $0.word(1), $0.word(2)) }
        for (number, last, position) in segments {
            let id = try store.originID(number)
            journals[id]?.lasts.append(last)
            journals[id]?.positions.append(position)
        }
    }

    /// Fills in the latest version of a record, and the latest of somebody else.
    func locate(_ record: HubTallied, _ entry: inout TallyListing.Entry) {
        let dots =
            record.dot.map { [$0] } ?? record.state.map { state in
                state.seen.vector.entries.map { Dot(origin: $0.origin, sequence: $0.count) } + state.seen.dots
            } ?? []
        let found = dots.compactMap(place).sorted { $0.position > $1.position }
        guard let last = found.first else { return }
        entry.bringer = last.bringer
        entry.position = last.position
        entry.othersPosition = found.first { $0.bringer != last.bringer }?.position ?? 0
    }

    private func place(_ dot: Dot) -> (bringer: UInt32, position: UInt64)? {
        guard let journal = journals[dot.origin] else { return nil }
        var low = 0
        var high = journal.lasts.count
        while low < high {
            let middle = (low + high) / 2
            if journal.lasts[middle] < dot.sequence { low = middle + 1 } else { high = middle }
        }
        return low < journal.lasts.count ? (journal.bringer, journal.positions[low]) : nil
    }
}
