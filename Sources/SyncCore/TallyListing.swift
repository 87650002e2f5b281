/// All records of one end with their prints, as that end saw them at one moment.
public struct TallyListing: Sendable, Hashable {
    public struct Entry: Sendable, Hashable {
        public var hash: UInt64
        public var print: UInt64
        public var flags: TallyFlags
        /// Where it was made at a hub: which of its holders brought the last version, and where that lies in
        /// the arrival log.
        public var bringer: UInt32
        public var position: UInt64
        /// The same of the last version that somebody else brought; 0 when nobody did.
        public var othersPosition: UInt64

        public init(
            _ record: RecordPrint, flags: TallyFlags = [], bringer: UInt32 = 0, position: UInt64 = 0,
            othersPosition: UInt64 = 0
        ) {
            hash = record.hash
            print = record.print
            self.flags = flags
            self.bringer = bringer
            self.position = position
            self.othersPosition = othersPosition
        }
    }

    public struct Group: Sendable, Hashable {
        public var place: TallyPlace
        /// Ascending by hash.
        public var entries: [Entry]

        public init(place: TallyPlace, entries: [Entry]) {
            self.place = place
            self.entries = entries
        }

        public var tally: Tally { TallyListing.tally(entries) }
    }

    /// Ascending by place.
    public private(set) var groups: [Group] = []

    public init() {}

    /// - Parameter groups: each place once, in any order.
    public init(_ groups: [Group]) {
        self.groups = groups.sorted { $0.place < $1.place }.map { group in
            Group(place: group.place, entries: group.entries.sorted { $0.hash < $1.hash })
        }
    }

    public var count: Int { groups.reduce(0) { $0 + $1.entries.count } }

    /// Gives every entry other flags.
    public mutating func flag(_ change: (Entry, TallyPlace) -> TallyFlags) {
        for index in groups.indices {
            let place = groups[index].place
            for entry in groups[index].entries.indices {
                groups[index].entries[entry].flags = change(groups[index].entries[entry], place)
            }
        }
    }

    static func tally(_ entries: some Sequence<Entry>) -> Tally {
        var tally = Tally()
        for entry in entries { tally.add(entry.print, isMoving: !entry.flags.isDisjoint(with: .apart)) }
        return tally
    }

    /// The parts of `path` that have records here.
    func children(of path: TallyPath) -> [TallyPath: Tally] {
        var children: [TallyPath: Tally] = [:]
        for group in groups where path.mayContain(group.place) {
            if path.mayNameRecords {
                for entry in group.entries where path.contains(group.place, hash: entry.hash) {
                    guard let child = path.child(group.place, hash: entry.hash) else { continue }
                    children[child, default: Tally()] += TallyListing.tally(CollectionOfOne(entry))
                }
            } else if let child = path.child(group.place, hash: 0) {
                children[child, default: Tally()] += group.tally
            }
        }
        return children
    }

    /// The records under `path`, with where they count.
    func entries(under path: TallyPath) -> [(place: TallyPlace, entry: Entry)] {
        var found: [(place: TallyPlace, entry: Entry)] = []
        for group in groups where path.mayContain(group.place) {
            for entry in group.entries where path.contains(group.place, hash: entry.hash) {
                found.append((group.place, entry))
            }
        }
        return found
    }
}

extension TallyPath {
    /// Whether records at a place may lie under it.
    func mayContain(_ place: TallyPlace) -> Bool {
        switch self {
        case .bucket(let form, let day, let unit, _, _):
            TallyPath.unit(form: form, day: day, unit: unit).contains(place, hash: 0)
        default: contains(place, hash: 0)
        }
    }
}

/// A record that one end lacks, or that both hold differently.
public struct TallyDifference: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// This end has it, the other has not.
        case lackedThere
        /// The other end has it, this one has not.
        case lackedHere
        /// Both have it, and it does not say the same.
        case differs
    }

    public var kind: Kind
    public var place: TallyPlace
    public var hash: UInt64
    /// Canonical bytes, where the other end named it.
    public var key: [UInt8]?
    /// Nil at the end that lacks it.
    public var here: UInt64?
    public var there: UInt64?
    /// What each end knows of its own record.
    public var flagsHere: TallyFlags
    public var flagsThere: TallyFlags

    public init(
        kind: Kind, place: TallyPlace, hash: UInt64, key: [UInt8]? = nil, here: UInt64?, there: UInt64?,
        flagsHere: TallyFlags = [], flagsThere: TallyFlags = []
    ) {
        self.kind = kind
        self.place = place
        self.hash = hash
        self.key = key
        self.here = here
        self.there = there
        self.flagsHere = flagsHere
        self.flagsThere = flagsThere
    }
}

/// What a comparison came to.
public struct TallyFindings: Sendable, Hashable {
    /// Ascending by place and hash.
    public var differences: [TallyDifference] = []
    /// Beyond those that are named, at least so many more differ.
    public var atLeastMore: UInt64 = 0
    /// Records that both ends hold alike, and count under different units.
    public var elsewhere = 0
    /// Some parts could not be compared to the end.
    public var isCut = false

    public init() {}

    public var agrees: Bool { differences.isEmpty && atLeastMore == 0 }
}

/// Pairs what was found at either end, record by record.
struct TallyPairing: Sendable {
    struct Side: Sendable {
        var place: TallyPlace
        var print: UInt64
        var flags: TallyFlags
        var key: [UInt8]?
    }

    struct Name: Hashable, Sendable {
        var form: [UInt8]
        var day: Int32?
        var hash: UInt64
    }

    private var here: [Name: Side] = [:]
    private var there: [Name: Side] = [:]

    mutating func addHere(_ place: TallyPlace, _ entry: TallyListing.Entry) {
        here[Name(form: place.form, day: place.day, hash: entry.hash)] =
            Side(place: place, print: entry.print, flags: entry.flags)
    }

    mutating func addThere(
        _ place: TallyPlace, hash: UInt64, _ print: UInt64, _ flags: TallyFlags, key: [UInt8]?
    ) {
        there[Name(form: place.form, day: place.day, hash: hash)] =
            Side(place: place, print: print, flags: flags, key: key)
    }

    /// Pairs that differ so far; a record that is on its way at either end is none.
    var differing: Int {
        here.count(where: { name, side in
            !side.isApart && there[name].map { !$0.isApart && $0.print != side.print } ?? true
        }) + there.count(where: { name, side in !side.isApart && here[name] == nil })
    }

    func findings() -> TallyFindings {
        var findings = TallyFindings()
        for (name, mine) in here {
            let theirs = there[name]
            if let theirs, theirs.print == mine.print {
                if theirs.place != mine.place, !mine.isApart, !theirs.isApart { findings.elsewhere += 1 }
                continue
            }
            if mine.isApart || theirs?.isApart == true { continue }
            findings.differences.append(
                TallyDifference(
                    kind: theirs == nil ? .lackedThere : .differs, place: mine.place, hash: name.hash,
                    key: theirs?.key, here: mine.print, there: theirs?.print, flagsHere: mine.flags,
                    flagsThere: theirs?.flags ?? []))
        }
        for (name, theirs) in there where here[name] == nil && !theirs.isApart {
            findings.differences.append(
                TallyDifference(
                    kind: .lackedHere, place: theirs.place, hash: name.hash, key: theirs.key, here: nil,
                    there: theirs.print, flagsThere: theirs.flags))
        }
        findings.differences.sort { left, right in
            left.place != right.place ? left.place < right.place : left.hash < right.hash
        }
        return findings
    }
}

extension TallyPairing.Side {
    var isApart: Bool { !flags.isDisjoint(with: .apart) }
}

extension TallyListing {
    /// Compares two listings whole; `self` is this end.
    ///
    /// - Parameter limit: so many records are named; the others are counted.
    public func compared(with other: TallyListing, limit: Int) -> TallyFindings {
        var pairing = TallyPairing()
        var mine = groups[...]
        var theirs = other.groups[...]
        // Groups that agree are left out; the others are looked at record by record.
        while let left = mine.first ?? theirs.first {
            let next = [mine.first?.place, theirs.first?.place].compactMap { $0 }.min() ?? left.place
            let here = mine.first?.place == next ? mine.popFirst() : nil
            let there = theirs.first?.place == next ? theirs.popFirst() : nil
            if let here, let there, here.tally.agrees(with: there.tally) { continue }
            for entry in here?.entries ?? [] { pairing.addHere(next, entry) }
            for entry in there?.entries ?? [] {
                pairing.addThere(next, hash: entry.hash, entry.print, entry.flags, key: nil)
            }
        }
        var findings = pairing.findings()
        if findings.differences.count > limit {
            findings.atLeastMore = UInt64(findings.differences.count - limit)
            findings.differences.removeLast(findings.differences.count - limit)
        }
        return findings
    }
}
