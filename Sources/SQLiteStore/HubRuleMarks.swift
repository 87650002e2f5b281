public import Forms
import SyncCore
public import SyncStore
import SyncWire

/// What rules ask of the hub's store beside its records.
extension SQLiteHubStore {
    public func compiledForms() throws -> CompiledCatalog {
        try connection.read { try loadedChecks().catalog }
    }

    public func ruleMarks() throws -> RuleMarks? {
        let bytes = try connection.first("SELECT value FROM meta WHERE name = 'rule_marks'") { $0.bytes(0) }
        guard let bytes, bytes.count >= 16, bytes.count % 16 == 0 else { return nil }
        func word(_ place: Int) -> UInt64 {
            bytes[(8 * place)..<(8 * place + 8)].reduce(0) { $0 << 8 | UInt64($1) }
        }
        func time(_ place: Int) -> Milliseconds { Milliseconds(bitPattern: word(place)) }
        var marks = RuleMarks(through: time(0), position: word(1))
        guard bytes.count >= 48 else { return marks }
        if word(2) != 0 || word(3) != 0 { marks.held = RuleMarks.Held(from: time(2), until: time(3)) }
        if word(4) != 0 || word(5) != 0 { marks.wentBack = RuleMarks.Leap(from: time(4), to: time(5)) }
        marks.leaps = stride(from: 6, to: bytes.count / 8, by: 2).map {
            RuleMarks.Leap(from: time($0), to: time($0 + 1))
        }
        return marks
    }

    /// Within a transaction.
    func keep(_ marks: RuleMarks) throws {
        let leaps =
            [
                marks.held.map { ($0.from, $0.until) } ?? (0, 0),
                marks.wentBack.map { ($0.from, $0.to) } ?? (0, 0),
            ] + marks.leaps.map { ($0.from, $0.to) }
        var bytes =
            HubBytes.bigEndian(UInt64(bitPattern: marks.through)) + HubBytes.bigEndian(marks.position)
        for (from, to) in leaps {
            bytes += HubBytes.bigEndian(UInt64(bitPattern: from))
            bytes += HubBytes.bigEndian(UInt64(bitPattern: to))
        }
        try connection.run(
            "INSERT OR REPLACE INTO meta (name, value) VALUES ('rule_marks', ?)", .blob(bytes))
    }

    public func arrival(at position: UInt64) throws -> HubArrival? {
        if let recent = recentArrivals.take(position) { return recent }
        let found = try connection.first(
            "SELECT arrived, rows FROM segment WHERE position = ?", .word(position)
        ) { (arrived: $0.int(0), rows: $0.bytes(1)) }
        guard let found else { return nil }
        do {
            return HubArrival(arrived: found.arrived, rows: try RowsCodec.decode(found.rows))
        } catch {
            throw StoreError(.corrupt, "a segment's rows do not read: \(error)")
        }
    }
}

/// What came last, as it was decoded to be taken in: rules look at it within moments, and once.
struct RecentArrivals {
    /// What rules do not get to in time is decoded again.
    static let mostVersions = 100_000

    /// By position, one after the other.
    private var held: [UInt64: HubArrival] = [:]
    private var range: Range<UInt64> = 0..<0
    private var versions = 0

    mutating func add(_ arrival: HubArrival, at position: UInt64) {
        if position != range.upperBound || versions + arrival.rows.count > RecentArrivals.mostVersions {
            self = RecentArrivals()
            range = position..<position
        }
        held[position] = arrival
        range = range.lowerBound..<(position + 1)
        versions += arrival.rows.count
    }

    /// What came at a position, and forgets what came before it.
    mutating func take(_ position: UInt64) -> HubArrival? {
        guard range.contains(position) else { return nil }
        var taken: HubArrival?
        for passed in range.lowerBound...position {
            taken = held.removeValue(forKey: passed)
            versions -= taken?.rows.count ?? 0
        }
        range = (position + 1)..<range.upperBound
        return taken
    }
}
