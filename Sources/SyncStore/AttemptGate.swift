package import SyncCore

/// How often the same may be done: so many at once, and then one each `interval`. The state is one time, so
/// that thousands of them cost little; a clock that jumps back holds up nobody for longer than a full burst.
package struct Pace: Sendable {
    private let interval: Milliseconds
    private let burst: Milliseconds

    package init(burst: Int64, interval: Milliseconds) {
        self.interval = interval
        self.burst = burst
    }

    /// - Parameter due: the state; 0 in the beginning.
    /// - Returns: milliseconds until there is room for one; 0 when there is now.
    package func wait(_ due: Milliseconds, now: Milliseconds) -> Milliseconds {
        let owed = min(due.subtractingClamped(now), burst * interval)
        return max(0, owed - (burst - 1) * interval)
    }

    /// The state after one more.
    package func spend(_ due: Milliseconds, now: Milliseconds) -> Milliseconds {
        let owed = max(0, min(due.subtractingClamped(now), burst * interval))
        return now.addingClamped(owed + interval)
    }

    /// The state as if one had not been.
    package func refund(_ due: Milliseconds) -> Milliseconds { due.subtractingClamped(interval) }
}

/// Holds back whoever tries in vain again and again, and decides which attempts are written down: a log that
/// strangers can fill is no log.
package struct AttemptGate: Sendable {
    /// Joins that failed, of one address and of all together.
    package static let perAddress = Pace(burst: 10, interval: 6_000)
    package static let inTotal = Pace(burst: 100, interval: 600)
    /// Entries of one device or address with one reason, and of all together.
    package static let entriesOfOne = Pace(burst: 3, interval: 60_000)
    package static let entriesInTotal = Pace(burst: 60, interval: 10_000)
    /// Addresses and callers that are remembered at a time.
    package static let remembered = 4_096

    private var addresses: [String: Milliseconds] = [:]
    private var total: Milliseconds = 0
    private var callers: [String: Milliseconds] = [:]
    private var entries: Milliseconds = 0
    private var leftOut: UInt64 = 0

    package init() {}

    /// Somebody at `address` wants to join. It counts as failed until ``joined(_:)`` says otherwise: many
    /// at once get no further than one after the other.
    ///
    /// - Returns: seconds after which they may try; nil when at once.
    package mutating func tries(_ address: String, now: Milliseconds) -> UInt32? {
        let wait = max(
            AttemptGate.perAddress.wait(addresses[address] ?? 0, now: now),
            AttemptGate.inTotal.wait(total, now: now))
        guard wait == 0 else { return UInt32(clamping: (wait + 999) / 1_000) }
        addresses[address] = AttemptGate.perAddress.spend(addresses[address] ?? 0, now: now)
        total = AttemptGate.inTotal.spend(total, now: now)
        AttemptGate.bound(&addresses, now: now)
        return nil
    }

    /// What somebody at `address` tried did not fail.
    package mutating func joined(_ address: String) {
        addresses[address] = addresses[address].map(AttemptGate.perAddress.refund)
        total = AttemptGate.inTotal.refund(total)
    }

    /// - Parameter caller: who tried, and the reason.
    /// - Returns: how many were left out before this one, which is to be written down; nil when it is left
    ///   out too.
    package mutating func note(_ caller: String, now: Milliseconds) -> UInt64? {
        guard AttemptGate.entriesOfOne.wait(callers[caller] ?? 0, now: now) == 0,
            AttemptGate.entriesInTotal.wait(entries, now: now) == 0
        else {
            leftOut += 1
            return nil
        }
        callers[caller] = AttemptGate.entriesOfOne.spend(callers[caller] ?? 0, now: now)
        entries = AttemptGate.entriesInTotal.spend(entries, now: now)
        AttemptGate.bound(&callers, now: now)
        defer { leftOut = 0 }
        return leftOut
    }

    /// Forgets who owes nothing any more, and when that is not enough the half that owes least.
    private static func bound(_ owed: inout [String: Milliseconds], now: Milliseconds) {
        guard owed.count > remembered else { return }
        owed = owed.filter { $0.value > now }
        guard owed.count > remembered else { return }
        let middle = owed.values.sorted()[owed.count / 2]
        owed = owed.filter { $0.value >= middle && $0.value > now }
        if owed.count > remembered { owed = [:] }
    }
}
