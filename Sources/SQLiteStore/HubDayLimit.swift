public import SyncCore
import SyncStore

/// How much one device may bring in a day: what the hub was last told when it began to serve.
extension SQLiteHubStore {
    private static let dayLimit = "device_day"

    /// Another limit than `deviceDayBytes`, from now on; kept, where the disk has room, for whoever asks.
    public func limitDay(toBytes limit: Int) throws {
        let known = try dayLimit()
        means.dayLimit = limit
        guard known != limit else { return }
        try? connection.write(.vital) {
            try connection.run(
                "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", .text(SQLiteHubStore.dayLimit),
                .int(Int64(limit)))
        }
    }

    /// Bytes that one device may bring in a UTC day.
    public func dayLimit() throws -> Int {
        let kept = try connection.first(
            "SELECT value FROM meta WHERE name = ?", .text(SQLiteHubStore.dayLimit)
        ) { Int(clamping: $0.int(0)) }
        return kept ?? means.dayLimit
    }

    /// Bytes that devices brought today, where it is any.
    public func broughtToday(_ now: Milliseconds) throws -> [Int64: Int64] {
        let rows = try connection.all(
            "SELECT id, day_bytes FROM device WHERE day = ? AND day_bytes > 0", .int(HubDay.number(of: now))
        ) { ($0.int(0), $0.int(1)) }
        return Dictionary(uniqueKeysWithValues: rows)
    }
}
