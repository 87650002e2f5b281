public import Forms
import SyncCore
import SyncStore
import SyncWire

/// What boards read.
extension SQLiteHubStore {
    /// All boards: the program's own and those that were published.
    public func boards() throws -> BoardCatalog {
        try published().filter { $0.kind == .board }.reduce(.builtIn) { catalog, published in
            (try? BoardCatalog.decode(published.json)).map { catalog.adding($0) } ?? catalog
        }
    }

    /// Everything that a board counts, in one view of the store.
    public func boardTable(_ board: BoardDefinition, of day: Int32) throws -> BoardTable {
        try connection.read {
            let compiled = try CompiledBoard(board, catalog: try loadedChecks().catalog)
            var input = BoardInput(coverage: try coverage(of: day), heard: try heard())
            if compiled.readsPosts { try placePosts(&input) }
            var arrivals = HubArrivalTimes(self)
            let catalog = try loadedChecks().catalog
            for form in compiled.formsRead {
                let isRaised = catalog[form].flatMap { RaisedForm($0.definition) } != nil
                let days = compiled.days(of: form)
                let from: Int32? = days == 0 ? nil : day - Int32(clamping: days) + 1
                var records: [BoardInput.Record] = []
                let versions = compiled.formsCounted.contains(form) ? try versionCounts(of: form) : [:]
                let to = day + Int32(clamping: compiled.daysAhead(of: form))
                try export(form: form, from: from, to: to) { values, record in
                    let key = RecordKey(form: form, values: values)
                    records.append(
                        BoardInput.Record(
                            key: key,
                            unit: try (isRaised ? answeringUnit(of: key, catalog) : unit(of: key)) ?? "",
                            record: record,
                            arrived: try arrivals.first(of: record),
                            versions: versions[Canonical.encode(key: values)] ?? 1))
                }
                input.records[form] = records
            }
            return compiled.table(of: day, input)
        }
    }

    private func placePosts(_ input: inout BoardInput) throws {
        func each(_ form: String, _ body: (RecordKey, EffectiveRecord) throws -> Void) throws {
            try export(form: form, from: nil, to: nil) {
                try body(RecordKey(form: form, values: $0), $1)
            }
        }
        input.posts = try PostBook.posts(try loadedChecks().catalog, each: each)
        input.tree = try DatedTree(each: each)
    }

    /// Of a form's records that have more than one version, how many; a version that came under two names
    /// counts once.
    private func versionCounts(of form: String) throws -> [[UInt8]: Int] {
        guard let table = table(form) else { return [:] }
        let found = try connection.all(
            "SELECT key, count(*) FROM history WHERE form = ? GROUP BY key HAVING count(*) > 1",
            .int(table.number)
        ) { (key: $0.bytes(0), count: Int($0.int(1))) }
        var counts: [[UInt8]: Int] = [:]
        for (key, count) in found {
            let state = try connection.first(
                "SELECT state FROM sibling WHERE form = ? AND key = ?", .int(table.number), .blob(key)
            ) { $0.bytes(0) }
            let aliases = try state.map { try RecordStateCodec.decode($0) }?.aliases ?? []
            counts[key] = count - aliases.reduce(0) { $0 + $1.dots.count - 1 }
        }
        return counts
    }

    /// When a device of each unit was last heard of.
    private func heard() throws -> [String: Milliseconds] {
        var heard: [String: Milliseconds] = [:]
        for device in try devices() where device.state == .active {
            guard let seen = device.lastSeen else { continue }
            heard[device.unit] = max(heard[device.unit] ?? .min, seen)
        }
        return heard
    }
}

/// When versions came, one look for each stretch of the log.
private struct HubArrivalTimes {
    private let store: SQLiteHubStore
    private var known: [OriginID: [(last: UInt64, first: UInt64, arrived: Milliseconds)]] = [:]

    init(_ store: SQLiteHubStore) { self.store = store }

    /// The first of what holds a value of the record.
    mutating func first(of record: EffectiveRecord) throws -> Milliseconds {
        var least = Milliseconds.max
        var looked: Set<Dot> = []
        for dot in record.fields.lazy.map(\.setter) where looked.insert(dot).inserted {
            least = min(least, try arrival(of: dot))
        }
        return least
    }

    private mutating func arrival(of dot: Dot) throws -> Milliseconds {
        if let found = known[dot.origin]?.first(where: { $0.first <= dot.sequence && dot.sequence <= $0.last }
        ) {
            return found.arrived
        }
        guard let origin = try store.origin(dot.origin) else { return .min }
        let found = try store.connection.first(
            "SELECT first, last, arrived FROM segment WHERE origin = ? AND last >= ? ORDER BY last LIMIT 1",
            .int(origin.number), .word(dot.sequence)
        ) { (last: $0.word(1), first: $0.word(0), arrived: $0.int(2)) }
        guard let found else { return .min }
        known[dot.origin, default: []].append(found)
        return found.arrived
    }
}
