import Forms
public import SyncCore
public import SyncStore

/// Comparing with others: the tables are read as they are, and nothing is kept from one question to the next.
extension SQLiteHubStore {
    public func greet(
        _ hello: Hello, publicKey: [UInt8], now: Milliseconds
    ) throws -> Result<Asker, Refuse> {
        try connection.read {
            let fingerprint = means.hashing(publicKey)
            guard let device = try devices(where: "fingerprint = ?", .digest(fingerprint)).first else {
                return .failure(Refuse(.unknownDevice, words: "this device has not joined here"))
            }
            switch device.state {
            case .pending:
                return .failure(Refuse(.pendingDevice, retryAfter: 60, words: "waiting for the centre"))
            case .revoked: return .failure(.revoked)
            case .active: break
            }
            let held = try hello.origins.compactMap { head in
                let id = head.claim.derivation(publicKey: publicKey, hashing: means.hashing).originID
                return try origin(id)?.told
            }
            return .success(
                Asker(
                    device: device, hello: hello, epoch: try epoch, held: held, settings: try settingsJSON(),
                    now: now))
        }
    }

    public func answer(
        _ question: TallyQuestion, of asker: Asker, now: Milliseconds, isPatient: () -> Bool
    ) throws -> TallyAnswer {
        try connection.read {
            let today = try loadedChecks().zone.day(of: now)
            let horizon = try horizon(question, of: asker.device)
            var builder = TallyBuilder(question.paths)
            let scan = try HubTallyScan(self, unit: asker.unit, today: today)
            try scan.each(of: question.paths, isPatient: isPatient) { found in
                var flags = found.flags
                if horizon.isPassed(by: found) { flags.insert(.moving) }
                try builder.add(found.place, found.print, flags: flags) { try found.key() }
            }
            return builder.answer(position: try logEnd().position, today: today)
        }
    }

    /// What an asker can hold by now: of others what was fed up to its place in the feed, of its own journals
    /// what it says.
    func horizon(_ question: TallyQuestion, of device: Int64?) throws -> TallyHorizon {
        var reach: [OriginID: UInt64] = [:]
        let fed = try connection.all(
            "SELECT origin, max(last) FROM segment WHERE position <= ? GROUP BY origin",
            .word(min(question.position, UInt64(Int64.max)))
        ) { ($0.int(0), $0.word(1)) }
        for (number, last) in fed { reach[try originID(number)] = last }
        for dot in question.own {
            guard let known = try origin(dot.origin), known.device == device else { continue }
            reach[dot.origin] = dot.sequence
        }
        return TallyHorizon(reach)
    }
}

/// A record as it lies in its table.
struct HubTallied {
    let place: TallyPlace
    let print: RecordPrint
    var flags: TallyFlags
    /// The record's only version; nil when `state` has them, or its row names no origin that is known.
    let dot: Dot?
    let state: RecordState?
    /// Canonical bytes of the key.
    let key: () throws -> [UInt8]
}

extension TallyHorizon {
    func isPassed(by record: HubTallied) -> Bool {
        if let dot = record.dot { return isPassed(by: dot) }
        return record.state.map { isPassed(by: $0.seen) } ?? false
    }
}

/// Reads forms' tables in key order and makes the prints of their rows.
struct HubTallyScan {
    private let store: SQLiteHubStore
    private let scope: TallyScope
    private let retention: Retention
    /// Rows between two questions whether there is still time.
    private static let stretch = 4_096

    /// - Parameter unit: whose subtree is read, beside what is everybody's; nil reads all.
    init(_ store: SQLiteHubStore, unit: String?, today: Int32) throws {
        self.store = store
        let root = try unit.map { try store.terms.find(Array($0.utf8)) ?? -1 }
        scope = TallyScope(
            root: root, today: today, fedDay: try store.loadedScopeDay(), register: try store.loadedRegister()
        )
        retention = Retention(store.means.forms, today: today)
    }

    /// Shows each record that may lie under one of `paths`, once.
    func each(
        of paths: [TallyPath], isPatient: () -> Bool, _ body: (HubTallied) throws -> Void
    ) throws {
        for table in store.tables {
            let form = Array(table.definition.form.utf8)
            let asked = paths.filter { $0 == .all || $0.form == form }
            if asked.contains(.all) || table.roles.dayKey == nil && asked.contains(where: { $0.days == nil })
            {
                try each(in: table, form, days: nil, isPatient: isPatient, body)
            } else if table.roles.dayKey != nil {
                for days in HubTallyScan.joined(asked.compactMap(\.days)) {
                    try each(in: table, form, days: days, isPatient: isPatient, body)
                }
            }
        }
    }

    /// The same days without a day twice: what is asked for may overlap.
    static func joined(_ ranges: [ClosedRange<Int32>]) -> [ClosedRange<Int32>] {
        var joined: [ClosedRange<Int32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = joined.last, range.lowerBound <= last.upperBound {
                joined[joined.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                joined.append(range)
            }
        }
        return joined
    }

    private func each(
        in table: HubTable, _ form: [UInt8], days: ClosedRange<Int32>?, isPatient: () -> Bool,
        _ body: (HubTallied) throws -> Void
    ) throws {
        let day = "\"\(table.keys[0].column)\""
        let statement = try HubStatement(
            store.connection.handle,
            table.selection(where: days == nil ? "1" : "\(day) >= ? AND \(day) <= ?", order: "1"))
        if let days {
            statement.bind(1, .int(Int64(days.lowerBound)))
            statement.bind(2, .int(Int64(days.upperBound)))
        }
        let reader = HubRowPrint(store, table, form, retention)
        var rows = 0
        while try statement.step() {
            rows += 1
            if rows % HubTallyScan.stretch == 0, !isPatient() { throw Asker.impatience }
            if let found = try reader.record(statement, in: scope) { try body(found) }
        }
    }
}
