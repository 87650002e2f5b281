package import SyncCore

/// How much a device brings in a UTC day of the hub's clock: an active one does not fill the hub's disk.
package enum HubDay {
    package static let length: Milliseconds = 86_400_000

    package static func number(of now: Milliseconds) -> Int64 {
        now >= 0 ? now / length : (now + 1) / length - 1
    }

    /// Whether so many bytes still fit. What is urgent is taken when the day is full for everything else, and
    /// has as much to itself.
    package static func fits(_ bytes: Int, in lane: Lane, taken: Int64, limit: Int) -> Bool {
        let limit = lane == .urgent && limit <= Int.max / 2 ? 2 * limit : limit
        return taken.addingClamped(Int64(bytes)) <= Int64(limit)
    }
}
