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

    /// Attempts that count together.
    private struct Group: Sendable {
        var due: Milliseconds = 0
        /// Not written down yet, and the last of them.
        var alike: UInt64 = 0
        var last: RefusedAttempt?
    }

    private var addresses: [String: Milliseconds] = [:]
    private var total: Milliseconds = 0
    private var callers: [String: Group] = [:]
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

    /// - Parameter name: the attempt's group.
    /// - Returns: what is to be written down; nil when it is left out or summed up later.
    package mutating func note(_ attempt: RefusedAttempt, as name: String, now: Milliseconds)
        -> RefusedAttempt?
    {
        var group = callers[name] ?? Group()
        defer { boundCallers(now: now) }
        group.alike += 1
        group.last = attempt
        let written = write(&group, now: now)
        callers[name] = group
        return written
    }

    /// What is due of attempts that were left out: an entry a minute for each group.
    ///
    /// - Parameter isLast: all there is, for nobody will ask again.
    package mutating func sums(now: Milliseconds, isLast: Bool = false) -> [RefusedAttempt] {
        var sums: [RefusedAttempt] = []
        for name in callers.keys.sorted() {
            guard var group = callers[name], group.alike > 0 else { continue }
            if isLast { group.due = 0 }
            guard let sum = write(&group, now: now) else { continue }
            callers[name] = group
            sums.append(sum)
        }
        return sums
    }

    private mutating func write(_ group: inout Group, now: Milliseconds) -> RefusedAttempt? {
        guard AttemptGate.entriesOfOne.wait(group.due, now: now) == 0,
            AttemptGate.entriesInTotal.wait(entries, now: now) == 0, var attempt = group.last
        else { return nil }
        group.due = AttemptGate.entriesOfOne.spend(group.due, now: now)
        entries = AttemptGate.entriesInTotal.spend(entries, now: now)
        attempt.alike = group.alike - 1
        attempt.leftOut = leftOut
        leftOut = 0
        group.alike = 0
        group.last = nil
        return attempt
    }

    /// Of groups that are forgotten for want of room only the number is kept.
    private mutating func boundCallers(now: Milliseconds) {
        guard callers.count > AttemptGate.remembered else { return }
        callers = callers.filter { $0.value.due > now || $0.value.alike > 0 }
        guard callers.count > AttemptGate.remembered else { return }
        let middle = callers.values.map(\.due).sorted()[callers.count / 2]
        var kept = callers.filter { $0.value.due > middle }
        if kept.count > AttemptGate.remembered / 2 { kept = [:] }
        leftOut += callers.reduce(0) { kept[$1.key] == nil ? $0 + $1.value.alike : $0 }
        callers = kept
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
