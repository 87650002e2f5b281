/// Finds the records in which two ends differ by asking about ever smaller parts, and only about those whose
/// tallies differ. Questions out, answers in; what is asked next depends on nothing else.
public struct Reconciler: Sendable {
    /// What this end has applied, for the questions.
    public struct Moment: Sendable, Hashable {
        public var position: UInt64
        public var own: [Dot]

        public init(position: UInt64, own: [Dot]) {
            self.position = position
            self.own = own
        }
    }

    private struct Pending: Sendable {
        var path: TallyPath
        /// Records by which the two counts differ, and at least 1.
        var atLeast: UInt64
    }

    private let listing: TallyListing
    private let moment: Moment
    private let limit: Int
    /// Deepest last: it is asked about first, so that records come to light before everything is looked at.
    private var pending: [Pending]
    private var asked: [TallyPath] = []
    private var pairing = TallyPairing()
    private var isCut = false
    /// Records that the hub lacks, beyond those that are named.
    private var unnamed: UInt64 = 0
    /// The hub's tallies by form and 32 days, as its first answer had them.
    public private(set) var overview: [TallyGroup] = []
    /// The hub's arrival log when it last answered.
    public private(set) var position: UInt64 = 0
    public private(set) var today: Int32?

    /// - Parameter limit: once so many differing records are known, nothing more is asked.
    public init(_ listing: TallyListing, at moment: Moment, limit: Int) {
        self.listing = listing
        self.moment = moment
        self.limit = max(1, limit)
        pending = [Pending(path: .all, atLeast: 1)]
    }

    /// What to ask now; nil when the comparison is over. To be followed by ``take(_:)``.
    public mutating func question() -> TallyQuestion? {
        guard asked.isEmpty, !pending.isEmpty, pairing.differing < limit else { return nil }
        asked = pending.suffix(Limits.tallyPaths).map(\.path)
        pending.removeLast(asked.count)
        return TallyQuestion(position: moment.position, own: moment.own, paths: asked)
    }

    /// - Throws: `Refuse` when the answer is to another question, or does not hold together.
    public mutating func take(_ answer: TallyAnswer) throws(Refuse) {
        guard !asked.isEmpty, answer.parts.map(\.path) == asked else {
            throw Refuse(.protocolError, words: "the hub answers something that was not asked")
        }
        position = answer.position
        today = answer.today
        for part in answer.parts {
            isCut = isCut || part.isCut
            switch part.content {
            case .groups(let groups): try take(groups, of: part)
            case .records(let records): try take(records, of: part)
            }
        }
        asked = []
    }

    private mutating func take(_ groups: [TallyGroup], of part: TallyAnswer.Part) throws(Refuse) {
        if part.path == .all { overview = groups }
        var mine = listing.children(of: part.path)
        for group in groups {
            guard part.path.isParent(of: group.path) else {
                throw Refuse(.protocolError, words: "the hub answers with parts of something else")
            }
            let own = mine.removeValue(forKey: group.path) ?? Tally()
            if !own.agrees(with: group.tally) { add(group.path, own, group.tally) }
        }
        // What was cut off says nothing about what is missing in it.
        if part.isCut { return }
        for path in mine.keys.sorted(by: TallyPath.precedes) where (mine[path]?.count ?? 0) > 0 {
            // The hub has nothing at all there: no need to ask.
            let entries = listing.entries(under: path)
            let named = entries.prefix(max(1, limit - pairing.differing))
            for (place, entry) in named { pairing.addHere(place, entry) }
            unnamed &+= UInt64(entries.count - named.count)
        }
    }

    private mutating func add(_ path: TallyPath, _ own: Tally, _ theirs: Tally) {
        let gap = own.count > theirs.count ? own.count - theirs.count : theirs.count - own.count
        pending.append(Pending(path: path, atLeast: max(1, gap)))
    }

    private mutating func take(_ records: [TallyRecord], of part: TallyAnswer.Part) throws(Refuse) {
        guard part.path.mayNameRecords, let (form, day, unit) = part.path.place else {
            throw Refuse(.protocolError, words: "the hub names records where it was asked for counts")
        }
        let place = TallyPlace(form: form, day: day, unit: unit)
        let hashes = records.map { RecordPrint.hasher(form: form, key: $0.key).value }
        guard hashes.allSatisfy({ part.path.contains(place, hash: $0) }),
            zip(hashes, hashes.dropFirst()).allSatisfy({ $0 < $1 })
        else { throw Refuse(.protocolError, words: "the hub names records of another part, or out of order") }
        // Records come by hash: of a list that was cut, what lies behind its end says nothing.
        let end = part.isCut ? hashes.last ?? 0 : .max
        for (place, entry) in listing.entries(under: part.path) where entry.hash <= end {
            pairing.addHere(place, entry)
        }
        for (record, hash) in zip(records, hashes) {
            pairing.addThere(place, hash: hash, record.print, record.flags, key: record.key)
        }
    }

    /// What has been found so far.
    public func findings() -> TallyFindings {
        var findings = pairing.findings()
        findings.isCut = isCut
        findings.atLeastMore = unnamed
        for rest in pending { findings.atLeastMore &+= rest.atLeast }
        if findings.differences.count > limit {
            findings.atLeastMore &+= UInt64(findings.differences.count - limit)
            findings.differences.removeLast(findings.differences.count - limit)
        }
        return findings
    }
}

extension TallyPath {
    /// Form, day and unit, where records may be named.
    var place: (form: [UInt8], day: Int32?, unit: [UInt8])? {
        switch self {
        case .unit(let form, let day, let unit), .bucket(let form, let day, let unit, _, _): (form, day, unit)
        default: nil
        }
    }

    /// Whether `child` is one of the parts that this one is divided into.
    public func isParent(of child: TallyPath) -> Bool {
        switch (self, child) {
        case (.all, .period), (.all, .day(_, nil)): true
        case (.period(let form, let period), .day(let its, let day?)):
            form == its && TallyPath.period(of: day) == period
        case (.day(let form, let day), .unit(let its, let itsDay, _)): form == its && day == itsDay
        case (.unit(let form, let day, let unit), .bucket(let its, let itsDay, let itsUnit, 1, _)):
            form == its && day == itsDay && unit == itsUnit
        case (
            .bucket(let form, let day, let unit, let depth, let prefix),
            .bucket(let its, let itsDay, let itsUnit, let itsDepth, let itsPrefix)
        ):
            form == its && day == itsDay && unit == itsUnit && itsDepth == depth + 1
                && itsPrefix >> UInt64(TallyPath.bucketBits) == prefix
        default: false
        }
    }
}
