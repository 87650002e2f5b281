import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// What a comparison came to, for people and scripts.
struct ReconcileReport: Encodable {
    enum Side: String, Encodable { case branch, hub }

    struct Record: Encodable {
        /// Who lacks it, or `differs`.
        var what: String
        var form: String
        /// Empty when only the other end could name it, and did not.
        var key: [String]
        var day: String?
        var unit: String
        /// Hexadecimal; none at the end that lacks it.
        var here: String?
        var there: String?
        /// The hub's row does not say what the versions beside it say.
        var isAltered: Bool
        /// Hexadecimal; names the record where there is no key.
        var hash: String
    }

    struct Count: Encodable {
        var form: String
        var from: String?
        var to: String?
        var unit: String?
        var here: UInt64
        var there: UInt64
        var agrees: Bool
    }

    struct Journal: Encodable {
        var lane: String
        var origin: String
        var here: UInt64
        var there: UInt64
        var agrees: Bool
    }

    struct OnTheWay: Encodable {
        /// Records that the hub does not hold like this yet, and that this branch does not.
        var up = 0
        var down = 0
    }

    struct Positions: Encodable {
        var feed: UInt64 = 0
        var hub: UInt64 = 0
    }

    struct Wire: Encodable {
        var bytesUp: UInt64
        var bytesDown: UInt64
        var questions: Int
    }

    var here: Side
    var agrees: Bool
    /// All was looked at.
    var isComplete: Bool
    /// Records at either end that were compared.
    var recordsHere: UInt64
    var recordsThere: UInt64
    var onTheWay = OnTheWay()
    /// Records of which the centre holds a version of the branch's own back.
    var heldBack = 0
    /// Records at the branch that lie outside its scope: they are not compared.
    var outside = 0
    /// Versions of the branch's own that a hub which was put back did not get again as they were.
    var holes: UInt64 = 0
    /// Alike at both ends, and counted under different units.
    var elsewhere: Int
    var journals: [Journal] = []
    var differences: [Record] = []
    var atLeastMore: UInt64
    var counts: [Count]
    var positions = Positions()
    var wire: Wire?
    var isOfOneHub = false
    private let found: [TallyDifference]

    private enum CodingKeys: String, CodingKey {
        case here, agrees, isComplete, recordsHere, recordsThere, onTheWay, heldBack, outside, holes,
            elsewhere,
            journals, differences, atLeastMore, counts, positions, wire
    }

    /// Of a comparison with a file.
    init(here: Side, _ mine: TallyListing, _ theirs: TallyListing, _ findings: TallyFindings) {
        self.init(
            here: here, findings, here: ReconcileReport.total(mine), there: ReconcileReport.total(theirs),
            counts: ReconcileReport.counts(mine, theirs))
    }

    /// Of a comparison with a hub.
    init(here: Side, _ mine: TallyListing, _ outcome: ReconcileConnection.Outcome) {
        var there = Tally()
        for group in outcome.overview { there += group.tally }
        self.init(
            here: here, outcome.findings, here: ReconcileReport.total(mine), there: there.count,
            counts: ReconcileReport.counts(mine, outcome.overview))
        onTheWay.down = Int(clamping: there.moving)
        wire = Wire(
            bytesUp: outcome.statistics.bytesUp, bytesDown: outcome.statistics.bytesDown,
            questions: outcome.questions)
    }

    private init(
        here side: Side, _ findings: TallyFindings, here: UInt64, there: UInt64, counts: [Count]
    ) {
        self.here = side
        agrees = findings.agrees && !findings.isCut
        isComplete = !findings.isCut && findings.atLeastMore == 0
        recordsHere = here
        recordsThere = there
        elsewhere = findings.elsewhere
        atLeastMore = findings.atLeastMore
        self.counts = counts
        found = findings.differences
    }

    mutating func takeBranch(_ listing: AgentListing) {
        onTheWay.up = listing.queued
        heldBack = listing.heldBack
        outside = listing.outside
        holes = listing.holes
    }

    /// Nil: both hold the same.
    var status: ExitStatus? {
        if !differences.isEmpty || atLeastMore > 0 || journals.contains(where: { !$0.agrees }) {
            return .different
        }
        return isComplete ? nil : .someRefused
    }

    // MARK: - Names

    /// Looks up the keys that only this end can name.
    mutating func name(with store: StoreAtHand, _ masking: Masking) throws {
        let wanted = Set(found.filter { $0.key == nil && $0.here != nil }.map(\.hash))
        let forms = Array(Set(found.map(\.place.form)))
        var keys: [UInt64: [UInt8]] = [:]
        if !wanted.isEmpty {
            switch store {
            case .agent(let agent): keys = try agent.keys(of: wanted, forms: forms)
            case .hub(let hub): keys = try hub.keys(of: wanted, forms: forms)
            }
        }
        differences = found.map { difference in
            let form = String(decoding: difference.place.form, as: UTF8.self)
            let key = (difference.key ?? keys[difference.hash]).flatMap { Canonical.decode(key: $0) }
            return Record(
                what: what(difference.kind), form: Masking.clean(form),
                key: key.map { masking.text(RecordKey(form: form, values: $0)) } ?? [],
                day: difference.place.day.map(CivilDay.text),
                unit: Masking.clean(String(decoding: difference.place.unit, as: UTF8.self)),
                here: difference.here.map(RecordText.origin), there: difference.there.map(RecordText.origin),
                isAltered: difference.flagsThere.union(difference.flagsHere).contains(.altered),
                hash: RecordText.origin(difference.hash))
        }
    }

    private func what(_ kind: TallyDifference.Kind) -> String {
        let isHubHere = here == .hub
        return switch kind {
        case .differs: "differs"
        case .lackedHere where isOfOneHub: "lacked_here"
        case .lackedThere where isOfOneHub: "lacked_in_file"
        case .lackedHere: isHubHere ? "hub_lacks" : "branch_lacks"
        case .lackedThere: isHubHere ? "branch_lacks" : "hub_lacks"
        }
    }

    // MARK: - Counts

    static func moving(_ listing: TallyListing) -> UInt64 {
        listing.groups.reduce(0) { sum, group in
            sum + UInt64(group.entries.count { $0.flags.contains(.moving) })
        }
    }

    private static func total(_ listing: TallyListing) -> UInt64 {
        listing.groups.reduce(0) { $0 + $1.tally.count }
    }

    /// By form, day and unit.
    private static func counts(_ mine: TallyListing, _ theirs: TallyListing) -> [Count] {
        var here: [TallyPlace: Tally] = [:]
        var there: [TallyPlace: Tally] = [:]
        for group in mine.groups { here[group.place] = group.tally }
        for group in theirs.groups { there[group.place] = group.tally }
        return Set(here.keys).union(there.keys).sorted().map { place in
            let (one, other) = (here[place] ?? Tally(), there[place] ?? Tally())
            let day = place.day.map(CivilDay.text)
            return Count(
                form: Masking.clean(String(decoding: place.form, as: UTF8.self)), from: day, to: day,
                unit: Masking.clean(String(decoding: place.unit, as: UTF8.self)), here: one.count,
                there: other.count, agrees: one.agrees(with: other))
        }
    }

    /// By form and 32 days, as the hub counts.
    private static func counts(_ mine: TallyListing, _ overview: [TallyGroup]) -> [Count] {
        var here: [TallyPath: Tally] = [:]
        for group in mine.groups {
            guard let path = TallyPath.all.child(group.place, hash: 0) else { continue }
            here[path, default: Tally()] += group.tally
        }
        var there: [TallyPath: Tally] = [:]
        for group in overview { there[group.path] = group.tally }
        func order(_ path: TallyPath) -> (String, Int32) {
            (String(decoding: path.form, as: UTF8.self), path.days?.lowerBound ?? .min)
        }
        return Set(here.keys).union(there.keys).sorted { order($0) < order($1) }.map { path in
            let (one, other) = (here[path] ?? Tally(), there[path] ?? Tally())
            return Count(
                form: Masking.clean(String(decoding: path.form, as: UTF8.self)),
                from: path.days.map { CivilDay.text($0.lowerBound) },
                to: path.days.map { CivilDay.text($0.upperBound) }, unit: nil, here: one.count,
                there: other.count, agrees: one.agrees(with: other))
        }
    }
}

extension ReconcileReport.Journal {
    init(lane: String, origin: OriginID, here: UInt64, there: UInt64, agrees: Bool) {
        self.init(
            lane: lane, origin: RecordText.origin(origin), here: here, there: there, agrees: agrees)
    }

    init(_ own: OwnOrigin, held: UInt64, agrees: Bool) {
        self.init(
            lane: "\(own.claim.lane)", origin: own.id, here: own.sequence, there: held, agrees: agrees)
    }
}
