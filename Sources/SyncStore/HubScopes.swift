package import SyncCore

/// Where a version lies in the arrival log: the segment's position and the row in it.
package struct HubPlaceInLog: Sendable, Hashable, Comparable {
    package var position: UInt64
    package var row: UInt32

    package init(position: UInt64, row: UInt32) {
        self.position = position
        self.row = row
    }

    package static func < (left: HubPlaceInLog, right: HubPlaceInLog) -> Bool {
        (left.position, left.row) < (right.position, right.row)
    }
}

/// One thing that the feed has to do at a position because scopes have changed there. All of it is decided
/// when the change is committed, so that a feed that is read late, or in parts, says the same.
package struct HubScopeWork: Sendable, Hashable {
    package enum Kind: UInt8, Sendable, Hashable {
        case leave = 1
        case enter = 2
        /// Versions that come anew.
        case versions = 3
        /// Versions that are no longer in the audience's scope: nothing is sent, the unit's list is kept.
        case drop = 4
    }

    package var kind: Kind
    /// Devices that see this node; with `isExact`, devices of this very unit, which a program said that knew
    /// no nodes.
    package var audience: Int64
    package var isExact = false
    /// The person or unit that enters or leaves.
    package var subject: Int64 = 0
    package var isUnit = false
    /// Of who leaves: the nodes in which it is from here on.
    package var stays: [HubRegister.Stay] = []
    package var present: Int64 = 0
    /// Who saw one of these units before has got it already.
    package var before = HubScope.none
    /// Ascending.
    package var places: [HubPlaceInLog] = []

    package init(kind: Kind, audience: Int64) {
        self.kind = kind
        self.audience = audience
    }

    /// So many versions a piece: a page holds some of them.
    package static let pieceVersions = 256
    /// Bytes of the segments that a piece takes versions from; one segment may be larger.
    package static let pieceBytes = 262_144

    /// The same versions in pieces that fit into pages.
    package func pieces(bytes: (UInt64) throws -> Int) rethrows -> [HubScopeWork] {
        if kind != .versions && kind != .drop { return [self] }
        var pieces: [HubScopeWork] = []
        var piece = self
        piece.places = []
        var size = 0
        for place in places {
            let isNew = piece.places.last?.position != place.position
            let more = isNew ? try bytes(place.position) : 0
            let isFull =
                piece.places.count >= HubScopeWork.pieceVersions || size + more > HubScopeWork.pieceBytes
            if isFull && !piece.places.isEmpty {
                pieces.append(piece)
                piece.places = []
                size = 0
            }
            size += piece.places.last?.position == place.position ? 0 : try bytes(place.position)
            piece.places.append(place)
        }
        if !piece.places.isEmpty { pieces.append(piece) }
        return pieces
    }
}

/// What moves from scope to scope in one commit.
package struct HubScopeShift: Sendable {
    private struct Way: Hashable, Comparable {
        var unit: Int64
        var before: HubScope

        static func < (left: Way, right: Way) -> Bool {
            (left.unit, left.before) < (right.unit, right.before)
        }
    }

    private var entered: [Way: [HubPlaceInLog]] = [:]
    private var left: [Int64: [HubPlaceInLog]] = [:]
    private var coming: [Way: Set<HubSubject>] = [:]
    private var going: [Int64: Set<HubSubject>] = [:]
    private var wholes: [HubSubject: [Int64: [HubPlaceInLog]]] = [:]

    package init() {}

    /// A membership whose unit has moved during it. Whoever is told that the person leaves goes by the day on
    /// which it begins, and may drop it though a later one is still to be seen: then it comes once more.
    package mutating func keep(_ place: HubPlaceInLog, of subject: HubSubject, in scope: HubScope) {
        for unit in scope.units { wholes[subject, default: [:]][unit, default: []].append(place) }
    }

    /// A version of a record about `subject` that lay in scope `old` and lies in `new` now.
    package mutating func add(
        _ place: HubPlaceInLog, of subject: HubSubject, from old: HubScope, to new: HubScope
    ) {
        for unit in new.units where !old.units.contains(unit) {
            let way = Way(unit: unit, before: old)
            entered[way, default: []].append(place)
            coming[way, default: []].insert(subject)
        }
        for unit in old.units where !new.units.contains(unit) {
            left[unit, default: []].append(place)
            going[unit, default: []].insert(subject)
        }
    }

    /// Leaves first, then what comes.
    package func work(_ register: borrowing HubRegister, today: Int32) -> [HubScopeWork] {
        var work: [HubScopeWork] = []
        for unit in going.keys.sorted() {
            for subject in (going[unit] ?? []).sorted() {
                var leave = HubScopeWork(kind: .leave, audience: unit)
                leave.subject = subject.number
                leave.isUnit = subject.isUnit
                leave.stays = register.placed(subject)
                leave.present = HubRegister.unit(leave.stays, on: today)
                work.append(leave)
            }
            var drop = HubScopeWork(kind: .drop, audience: unit)
            drop.places = (left[unit] ?? []).sorted()
            work.append(drop)
        }
        for way in coming.keys.sorted() {
            for subject in (coming[way] ?? []).sorted() {
                var enter = HubScopeWork(kind: .enter, audience: way.unit)
                enter.subject = subject.number
                enter.isUnit = subject.isUnit
                enter.before = way.before
                work.append(enter)
            }
            var versions = HubScopeWork(kind: .versions, audience: way.unit)
            versions.before = way.before
            versions.places = (entered[way] ?? []).sorted()
            work.append(versions)
        }
        let gone = going.values.reduce(into: Set<HubSubject>()) { $0.formUnion($1) }
        for subject in gone.sorted() {
            for (unit, places) in (wholes[subject] ?? [:]).sorted(by: { $0.key < $1.key }) {
                var versions = HubScopeWork(kind: .versions, audience: unit)
                versions.places = places.sorted()
                work.append(versions)
            }
        }
        return work
    }
}

/// What one device sees.
package struct HubAudience: Sendable {
    package var unit: Int64
    /// The nodes of its unit and of those below it, and 0 for what is everybody's.
    package var units: Set<Int64>
    /// Units that came under its own at a position, where a program said so that knew no nodes: what they had
    /// before came as a whole there.
    package var since: [Int64: UInt64]

    package init(unit: Int64, units: Set<Int64>, since: [Int64: UInt64]) {
        self.unit = unit
        self.units = units
        self.since = since
    }

    package func sees(_ unit: Int64, at position: UInt64) -> Bool {
        units.contains(unit) && position >= since[unit] ?? 0
    }

    package func sees(_ scope: HubScope, at position: UInt64) -> Bool {
        scope.units.contains { sees($0, at: position) }
    }

    /// Whether the work at `position` is anything to this device.
    package func concerns(_ work: HubScopeWork, at position: UInt64) -> Bool {
        if work.isExact {
            guard work.audience == unit else { return false }
        } else if !sees(work.audience, at: position) || sees(work.before, at: position - 1) {
            return false
        }
        switch work.kind {
        case .leave:
            let unit = work.isUnit && work.isExact ? work.subject : work.present
            // Unit 0 stands for none here, not for everybody's.
            return unit == 0 || !sees(unit, at: position)
        case .enter, .versions: return true
        case .drop: return false
        }
    }

    /// The days of a leave that this device goes on seeing.
    package func kept(_ work: HubScopeWork, at position: UInt64) -> [ClosedRange<Int32>] {
        var kept: [ClosedRange<Int32>] = []
        for (index, stay) in work.stays.enumerated() where stay.unit != 0 && sees(stay.unit, at: position) {
            let next = index + 1 < work.stays.count ? work.stays[index + 1].from - 1 : Int32.max
            let until = min(stay.until, next)
            guard stay.from <= until else { continue }
            if let last = kept.last, last.upperBound == stay.from - 1 {
                kept[kept.count - 1] = last.lowerBound...until
            } else {
                kept.append(stay.from...until)
            }
        }
        // Too many to be told: the oldest become one, which keeps too much rather than too little.
        if kept.count > Limits.keptRanges {
            let rest = kept.count - Limits.keptRanges
            kept = [kept[0].lowerBound...kept[rest].upperBound] + kept[(rest + 1)...]
        }
        return kept
    }
}

/// A page of a feed in the making. Changes of scope come first in a page, so that a leave behind versions
/// begins a new one.
package struct HubFeedPage {
    /// What lies at one place of the feed.
    package struct Items {
        package var isUrgent = false
        package var scope: [ScopeChange] = []
        package private(set) var versions: [Piece] = []
        private var rows = 0
        package var verdicts: [Verdict] = []
        /// Roughly, of the versions.
        package var bytes = 0

        package var count: Int {
            scope.reduce(0) { $0 + 1 + $1.kept.count } + rows + verdicts.count
        }

        package init() {}

        package mutating func add(_ pieces: [Piece]) {
            versions += pieces
            rows += pieces.reduce(0) { $0 + $1.rows.rows.count }
        }
    }

    /// Versions of one journal.
    package struct Piece {
        package var origin: OriginID
        /// The sequence number of the columns' first row.
        package var first: UInt64
        package var rows: VersionColumns.Piece

        package init(origin: OriginID, first: UInt64, rows: VersionColumns.Piece) {
            self.origin = origin
            self.first = first
            self.rows = rows
        }
    }

    package let maximumItems: Int
    /// A page that holds several segments stays well below a frame.
    package static let maximumBytes = 262_144
    private var all = Items()

    package init(maximumItems: Int) { self.maximumItems = maximumItems }

    package var count: Int { all.count }

    /// False when it does not fit any more; the first always does.
    package mutating func add(_ items: Items) -> Bool {
        let isFull = count + items.count > maximumItems || all.bytes + items.bytes > HubFeedPage.maximumBytes
        let isBehind = items.scope.contains { $0.kind == .leave } && !all.versions.isEmpty
        if count > 0 && items.count > 0 && (isFull || isBehind) { return false }
        if items.count > 0 && items.isUrgent { all.isUrgent = true }
        all.scope += items.scope
        all.add(items.versions)
        all.verdicts += items.verdicts
        all.bytes += items.bytes
        return true
    }

    /// What a version is taken for in a page.
    package static func bytes(of columns: VersionColumns, at row: Int) -> Int {
        let place = Int(columns.place[row])
        return columns.groups[Int(columns.group[row])].fields.reduce(32) { sum, column in
            switch column.presence(at: place) {
            case .leftAlone: sum
            case .notStated: sum + 2
            case .value where column.isDictionary:
                sum + column.range(ofEntry: Int(column.index[place])).count + 2
            case .value: sum + 2
            }
        }
    }

    package func feed(token: FeedToken) -> Feed {
        var dots: [Dot] = []
        for piece in all.versions {
            dots += piece.rows.rows.map { Dot(origin: piece.origin, sequence: piece.first + UInt64($0)) }
        }
        let rows = VersionColumns(gathering: all.versions.lazy.map(\.rows))
        return Feed(
            lane: all.isUrgent ? .urgent : .routine, scope: all.scope,
            versions: FeedVersions(dots: dots, rows: rows),
            verdicts: all.verdicts, token: token)
    }
}
