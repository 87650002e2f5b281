import Forms
public import SyncCore
public import SyncStore

/// Where a version lies in a hub's store.
public struct HeldPlace: Sendable, Hashable {
    /// In the arrival log.
    public var position: UInt64
    /// By the hub's clock.
    public var arrived: Milliseconds
    /// The hub has signed for it.
    public var isReceipted: Bool
    /// It lies in a backup.
    public var isBackedUp: Bool
}

/// Somebody to whom a record is fed.
public struct FedDevice: Sendable, Hashable {
    public var device: DeviceInfo
    /// The arrival log's position up to which it has confirmed its feed.
    public var position: UInt64
}

/// How far a device's journal is held, beside what was said of it.
public struct HubGap: Sendable, Hashable {
    public var origin: OriginID
    public var lane: Lane
    public var held: UInt64
    /// Sequences that are missing for ever.
    public var holes: [ClosedRange<UInt64>]
    /// Held and not sealed: not receipted yet.
    public var unsealed: UInt64
}

/// What tools look at, one version or device at a time.
extension SQLiteHubStore {
    /// Nil when the version is not held.
    public func place(of dot: Dot) throws -> HeldPlace? {
        try connection.read {
            guard let origin = try origin(dot.origin), dot.sequence >= 1, dot.sequence <= origin.held else {
                return nil
            }
            return try connection.first(
                """
                SELECT position, arrived, first FROM segment WHERE origin = ? AND last >= ?
                ORDER BY last LIMIT 1
                """, .int(origin.number), .word(dot.sequence)
            ) { row in
                row.word(2) <= dot.sequence
                    ? HeldPlace(
                        position: row.word(0), arrived: row.int(1),
                        isReceipted: dot.sequence <= origin.sealed,
                        isBackedUp: dot.sequence <= origin.backedUp)
                    : nil
            } ?? nil
        }
    }

    /// Nil when the origin is not known.
    public func lane(of origin: OriginID) throws -> Lane? {
        try connection.read { try self.origin(origin)?.lane }
    }

    /// The devices in whose scope a record lies, ascending.
    public func fedDevices(of key: RecordKey) throws -> [FedDevice] {
        try connection.read {
            guard let roles = table(key.form)?.roles else { return [] }
            var units: Set<[UInt8]>?
            if !roles.isEverybodys {
                func number(_ position: Int?) throws -> Int64? {
                    guard let position, position < key.values.count,
                        case .text(let text) = key.values[position]
                    else { return nil }
                    return try terms.find(text) ?? 0
                }
                let register = try loadedRegister()
                let day = roles.dayKey.flatMap { $0 < key.values.count ? key.values[$0].integer : nil }
                let place = HubPlace(
                    roles, person: try number(roles.personKey), unit: try number(roles.unitKey),
                    day: day.map { Int32(clamping: $0) }, today: try loadedScopeDay() ?? 0, root: 0, register)
                let seen = place.scope.units.flatMap { register.units(above: $0) }
                units = Set(try Set(seen).map { try terms.text(of: $0) })
            }
            let positions = try connection.all(
                "SELECT device, max(feed_position) FROM replica GROUP BY device"
            ) { ($0.int(0), $0.word(1)) }
            let reached = Dictionary(positions, uniquingKeysWith: { max($0, $1) })
            return try devices().filter { units?.contains(Array($0.unit.utf8)) ?? true }.map {
                FedDevice(device: $0, position: reached[$0.id] ?? 0)
            }
        }
    }

    /// The journals of each device, with what is missing of them.
    public func gaps() throws -> [Int64: [HubGap]] {
        try connection.read {
            var gaps: [Int64: [HubGap]] = [:]
            for origin in try loadedOrigins().values.sorted(by: { $0.number < $1.number }) {
                guard let device = origin.device else { continue }
                let holes = try connection.all(
                    "SELECT first, last FROM hole WHERE origin = ? ORDER BY last", .int(origin.number)
                ) { ($0.word(0), $0.word(1)) }
                gaps[device, default: []].append(
                    HubGap(
                        origin: origin.id, lane: origin.lane, held: origin.held,
                        holes: holes.compactMap { $0.0 <= $0.1 ? $0.0...$0.1 : nil },
                        unsealed: origin.held - min(origin.held, origin.sealed)))
            }
            return gaps
        }
    }

    /// Versions that are held back, newest first, with the record that each is about.
    public func heldBack(limit: Int) throws -> [(dot: Dot, key: RecordKey?, form: String, device: Int64?)] {
        try connection.read {
            try connection.all(
                """
                SELECT origin, sequence, form, key FROM quarantine WHERE released = 0
                ORDER BY origin DESC, sequence DESC LIMIT ?
                """, .int(Int64(limit))
            ) { row in
                let id = try originID(row.int(0))
                let form = row.text(2)
                let key = Canonical.decode(key: row.bytes(3)).map { RecordKey(form: form, values: $0) }
                return (Dot(origin: id, sequence: row.word(1)), key, form, try origin(id)?.device)
            }
        }
    }

    public func heldBackCount() throws -> Int {
        try connection.read {
            Int(
                try connection.first("SELECT count(*) FROM quarantine WHERE released = 0") { $0.int(0) } ?? 0)
        }
    }

    /// Whether SQLite finds its own file in order: what it says is wrong, and nothing when all is well.
    public func fileDamages(limit: Int) throws -> [String] {
        try connection.read {
            // The quick check of SQLite 3.40 takes a key whose columns stand in another order for NULL.
            let quick = try connection.all("PRAGMA quick_check(\(limit))") { $0.text(0) }
            guard quick != ["ok"] else { return [] }
            let found = try connection.all("PRAGMA integrity_check(\(limit))") { $0.text(0) }
            return found == ["ok"] ? [] : found
        }
    }

    /// Rows of each table, for whoever describes a store without its content.
    public func tableCounts() throws -> [String: Int] {
        try connection.read {
            var counts: [String: Int] = [:]
            let tables = try connection.all("SELECT name FROM sqlite_master WHERE type = 'table'") {
                $0.text(0)
            }
            for table in tables where table.utf8.allSatisfy({ $0 != 0x22 }) {
                let count = try? connection.first("SELECT count(*) FROM \"\(table)\"") { $0.int(0) }
                counts[table] = count.flatMap { $0 }.map(Int.init)
            }
            return counts
        }
    }
}

/// How much room there is under a store, looked at without making the ballast whole.
public enum StoreRoom {
    public static func state(of folder: String, isHub: Bool) -> StorageState {
        let ballast = Ballast(folder: folder, bytes: isHub ? Ballast.hubBytes : Ballast.agentBytes)
        if !ballast.isWhole { return ballast.room < UInt64(ballast.bytes) ? .ballastInUse : .noBallast }
        return ballast.room < Ballast.margin ? .full : .ample
    }
}
