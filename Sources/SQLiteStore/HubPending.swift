import SyncCore
import SyncStore

/// What taking one batch in has brought about so far, before it is written beside the rows.
struct HubPending {
    let origin: HubOrigin
    let first: UInt64
    /// The unit of the device that sent it; 0 for the hub's own.
    let unit: Int64
    let now: Milliseconds
    /// The hub's local day.
    let today: Int32
    /// By row: in whose feed it goes.
    var scopes: [HubScope]
    /// By row: held back.
    var quarantined: [Bool]
    var verdicts: [(row: Int, verdict: Verdict)] = []
    /// Records that have as many siblings as they may.
    var crowded: Set<RecordKey> = []
    var counts: [HubCoverageKey: HubCoverageCounts] = [:]
    /// Registers changed from this day on: later counters have to be made anew.
    var recountFrom: Int32?
    var moved = HubMoves()
    /// Texts with a number above this were in no version that came before.
    var knownTerms: Int64 = .max
    /// The rows' heads, as they were computed when the batch was judged.
    var heads: [Digest] = []
    /// The rows' class hashes, where a salt that they need was destroyed and is not kept again.
    var kept: [KeptHashes]?

    init(origin: HubOrigin, first: UInt64, count: Int, unit: Int64, now: Milliseconds, today: Int32) {
        self.origin = origin
        self.first = first
        self.unit = unit
        self.now = now
        self.today = today
        scopes = Array(repeating: .none, count: count)
        quarantined = Array(repeating: false, count: count)
    }

    func dot(_ row: Int) -> Dot { Dot(origin: origin.id, sequence: first + UInt64(row)) }

    /// Takes in what one version by itself has brought about, as row `row`.
    mutating func take(_ single: HubPending, row: Int) {
        scopes.append(single.scopes.first ?? .none)
        quarantined.append(single.quarantined.first ?? false)
        verdicts += single.verdicts.map { (row, $0.verdict) }
        for (key, change) in single.counts { counts[key, default: HubCoverageCounts()] += change }
        if let from = single.recountFrom { recountFrom = min(recountFrom ?? .max, from) }
        moved.take(single.moved)
    }

    mutating func note(_ row: Int, _ kind: Verdict.Kind, _ reason: String, field: FieldID = 0) {
        verdicts.append((row, Verdict(dot: dot(row), kind: kind, reason: reason, field: field)))
    }
}

/// Who is in other nodes than before, with those before.
struct HubMoves {
    var stays: [HubSubject: [HubRegister.Stay]] = [:]

    var isEmpty: Bool { stays.isEmpty }

    /// Takes in what has changed since.
    mutating func take(_ later: HubMoves) {
        stays.merge(later.stays) { first, _ in first }
    }
}

struct HubCoverageKey: Hashable, Comparable {
    var day: Int32
    var unit: Int64

    static func < (left: HubCoverageKey, right: HubCoverageKey) -> Bool {
        (left.day, left.unit) < (right.day, right.unit)
    }
}

/// Counters of one unit and day, or a change of them.
struct HubCoverageCounts: Hashable {
    var checkedIn = 0
    var late = 0
    var flagged = 0

    static func += (left: inout HubCoverageCounts, right: HubCoverageCounts) {
        left.checkedIn += right.checkedIn
        left.late += right.late
        left.flagged += right.flagged
    }

    func minus(_ other: HubCoverageCounts) -> HubCoverageCounts {
        HubCoverageCounts(
            checkedIn: checkedIn - other.checkedIn, late: late - other.late, flagged: flagged - other.flagged)
    }

    var isZero: Bool { checkedIn == 0 && late == 0 && flagged == 0 }
}

/// Adds up what rows one after the other say of a unit and day, which are mostly the same.
struct HubCoverageSums {
    private var key = HubCoverageKey(day: 0, unit: 0)
    private var counts = HubCoverageCounts()
    private var closed: [HubCoverageKey: HubCoverageCounts] = [:]

    mutating func add(_ more: HubCoverageCounts, day: Int32, unit: Int64) {
        if key.day != day || key.unit != unit {
            close()
            key = HubCoverageKey(day: day, unit: unit)
        }
        counts += more
    }

    private mutating func close() {
        if !counts.isZero { closed[key, default: HubCoverageCounts()] += counts }
        counts = HubCoverageCounts()
    }

    /// Adds the sums to those of `all`.
    mutating func close(_ all: inout [HubCoverageKey: HubCoverageCounts]) {
        close()
        for (key, sum) in closed { all[key, default: HubCoverageCounts()] += sum }
        closed = [:]
    }
}
