public import SyncCore

/// Somebody holds a post of a unit for a time.
public struct Posting: Sendable, Hashable {
    public var unit: String
    public var from: Milliseconds
    /// Not included.
    public var until: Milliseconds
    public var person: String
    public var phone: String
    public var order: Int64
    public var isLeader: Bool
    /// Empty: on duty.
    public var role: String

    public init(
        unit: String, from: Milliseconds, until: Milliseconds, person: String, phone: String = "",
        order: Int64 = 0, isLeader: Bool = false, role: String = ""
    ) {
        self.unit = unit
        self.from = from
        self.until = until
        self.person = person
        self.phone = phone
        self.order = order
        self.isLeader = isLeader
        self.role = role
    }

    public func holds(at time: Milliseconds) -> Bool { from <= time && time < until }

    public var isOpenEnded: Bool { until >= LocalZone.acceptedTimes.upperBound }

    fileprivate func isSamePost(as other: Posting) -> Bool {
        order == other.order && unit.utf8.elementsEqual(other.unit.utf8)
            && role.utf8.elementsEqual(other.role.utf8)
    }

    /// The order in which people are told.
    static func precedes(_ left: Posting, _ right: Posting) -> Bool {
        if left.order != right.order { return left.order < right.order }
        if left.from != right.from { return left.from < right.from }
        return left.person.utf8.lexicographicallyPrecedes(right.person.utf8)
    }
}

/// A stretch of time in which nobody holds a post.
public struct PostGap: Sendable, Hashable {
    public var unit: String
    public var from: Milliseconds
    /// Not included; nil while nobody follows.
    public var until: Milliseconds?
    /// No shift comes before it: it begins with whatever is asked about.
    public var isBeforeFirst: Bool

    public init(
        unit: String, from: Milliseconds, until: Milliseconds?, isBeforeFirst: Bool = false
    ) {
        self.unit = unit
        self.from = from
        self.until = until
        self.isBeforeFirst = isBeforeFirst
    }
}

/// Who holds which posts, as of any moment.
public struct Posts: Sendable {
    public private(set) var postings: [Posting]

    /// What is held until further notice is held until the next one of the same unit, role and place in the
    /// order begins, also where that names nobody; where both say when they end, both hold it meanwhile.
    public init(_ postings: [Posting] = []) {
        let ended = postings.map { posting in
            guard posting.isOpenEnded else { return posting }
            var posting = posting
            let next = postings.filter { $0.from > posting.from && $0.isSamePost(as: posting) }.map(\.from)
            posting.until = min(posting.until, next.min() ?? .max)
            return posting
        }
        self.postings = ended.filter { $0.from < $0.until && !$0.person.isEmpty }.sorted(
            by: Posting.precedes)
    }

    /// Units with at least one shift, sorted by bytes.
    public var dutyUnits: [String] {
        var seen: Set<[UInt8]> = []
        return postings.filter { $0.role.isEmpty && seen.insert(Array($0.unit.utf8)).inserted }.map(\.unit)
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Who holds the post of one of `units` at `time`: of the first of them that has a holder then.
    ///
    /// - Parameter role: empty for who is on duty.
    public func holders(of units: [String], role: String = "", at time: Milliseconds) -> [Posting] {
        for unit in units {
            let found = postings.filter {
                $0.holds(at: time) && $0.unit.utf8.elementsEqual(unit.utf8)
                    && $0.role.utf8.elementsEqual(role.utf8)
            }
            if !found.isEmpty { return found }
        }
        return []
    }

    /// Who holds a post of the unit that has a role, by role.
    public func responsible(of unit: String, at time: Milliseconds) -> [Posting] {
        postings.filter { !$0.role.isEmpty && $0.holds(at: time) && $0.unit.utf8.elementsEqual(unit.utf8) }
            .sorted { $0.role.utf8.lexicographicallyPrecedes($1.role.utf8) }
    }

    /// Under which number somebody is to be rung at `time`: that of a post held then, else of any other.
    public func phone(of person: String, at time: Milliseconds) -> String? {
        let own = postings.filter { $0.person.utf8.elementsEqual(person.utf8) && !$0.phone.isEmpty }
        return (own.first { $0.holds(at: time) } ?? own.last)?.phone
    }

    /// When holders of a post of one of `units` take it over, behind a moment; ascending.
    func begins(of units: [String], role: String, after time: Milliseconds) -> [Milliseconds] {
        postings.filter { posting in
            posting.from > time && posting.role.utf8.elementsEqual(role.utf8)
                && units.contains { $0.utf8.elementsEqual(posting.unit.utf8) }
        }.map(\.from).sorted()
    }

    /// Who comes next at `time`: those who hold the post, in their order, then those whose turn begins later.
    func line(of units: [String], role: String, at time: Milliseconds) -> [Posting] {
        let present = holders(of: units, role: role, at: time)
        let later = postings.filter { posting in
            posting.from > time && posting.role.utf8.elementsEqual(role.utf8)
                && units.contains { $0.utf8.elementsEqual(posting.unit.utf8) }
        }.sorted { ($0.from, $0.order) < ($1.from, $1.order) }
        return present + later
    }

    /// The person who is told in a step; nil when the roster names nobody.
    ///
    /// - Parameter told: who was told before, in that order.
    public func person(
        _ step: TellStep, of units: [String], at time: Milliseconds, told: [String]
    ) -> Posting? {
        let role = step.role ?? ""
        let present = holders(of: units, role: role, at: time)
        switch step.who {
        case .duty: return present.first
        case .leader: return present.first(where: \.isLeader) ?? present.first
        case .next:
            // All who hold the post, then whose turn begins later; once all were told, from the beginning.
            func place(_ posting: Posting) -> Int {
                told.lastIndex { $0.utf8.elementsEqual(posting.person.utf8) } ?? -1
            }
            return line(of: units, role: role, at: time).enumerated()
                .min { (place($0.element), $0.offset) < (place($1.element), $1.offset) }?.element
        }
    }

    /// The stretches between `from` and `to` in which nobody is on duty for a unit that has shifts.
    /// A gap has one beginning, whenever it is asked for: the end of the shift before it. Before the first
    /// shift there is none.
    public func gaps(of unit: String, from: Milliseconds, to: Milliseconds) -> [PostGap] {
        let shifts = postings.filter { $0.role.isEmpty && $0.unit.utf8.elementsEqual(unit.utf8) }
            .sorted { $0.from < $1.from }
        guard let first = shifts.first else { return [] }
        var end = first.until
        var gaps: [PostGap] = []
        if first.from > from {
            gaps.append(PostGap(unit: unit, from: from, until: first.from, isBeforeFirst: true))
        }
        for shift in shifts.dropFirst() {
            if shift.from > end { gaps.append(PostGap(unit: unit, from: end, until: shift.from)) }
            end = max(end, shift.until)
        }
        if end < LocalZone.acceptedTimes.upperBound {
            gaps.append(PostGap(unit: unit, from: end, until: nil))
        }
        return gaps.filter { $0.from < to && $0.until ?? .max > from }
    }
}

extension Posts {
    /// Whether one of `units` has a shift at any time.
    public func hasDuty(_ units: [String]) -> Bool {
        postings.contains { posting in
            posting.role.isEmpty && units.contains { $0.utf8.elementsEqual(posting.unit.utf8) }
        }
    }

    /// The stretches between `from` and `to` in which nobody is on duty for any of `units`: what is raised
    /// about the first of them then reaches nobody.
    public func uncovered(_ units: [String], from: Milliseconds, to: Milliseconds) -> [PostGap] {
        guard let unit = units.first, from < to else { return [] }
        let shifts = postings.filter { posting in
            posting.role.isEmpty && posting.from < to && posting.until > from
                && units.contains { $0.utf8.elementsEqual(posting.unit.utf8) }
        }.sorted { $0.from < $1.from }
        var end = from
        var gaps: [PostGap] = []
        for shift in shifts {
            if shift.from > end { gaps.append(PostGap(unit: unit, from: end, until: shift.from)) }
            end = max(end, shift.until)
        }
        if end < to { gaps.append(PostGap(unit: unit, from: end, until: nil)) }
        return gaps
    }
}

extension CompiledForm {
    /// What a record of a form with posts says; nil when it says not enough.
    public func posting(_ key: RecordKey, _ record: EffectiveRecord) -> Posting? {
        guard let post = definition.post, record.exists else { return nil }
        func value(_ name: String?) -> Value? {
            guard let name else { return nil }
            if let index = definition.keyIndex(name), index < key.values.count { return key.values[index] }
            return definition.field(named: name).flatMap { record[$0.id] }
        }
        guard let unit = value(post.unit)?.string, let from = time(value(post.from), post.from, isEnd: false)
        else { return nil }
        return Posting(
            unit: unit, from: from,
            until: time(value(post.to), post.to, isEnd: true) ?? LocalZone.acceptedTimes.upperBound,
            person: value(post.person)?.string ?? "", phone: value(post.phone)?.string ?? "",
            order: value(post.order)?.integer ?? 0, isLeader: value(post.leader)?.integer == 1,
            role: value(post.role)?.string ?? "")
    }

    /// A day begins at its midnight and ends at the next.
    private func time(_ value: Value?, _ name: String, isEnd: Bool) -> Milliseconds? {
        guard let number = value?.integer else { return nil }
        guard definition.type(named: name) == .date else { return number }
        let day = Int32(clamping: number)
        guard CivilDay.accepted.contains(day) else { return nil }
        return zone.midnight(of: isEnd ? day + 1 : day)
    }
}

/// Gathers posts from wherever records are.
public enum PostBook {
    /// - Parameter each: goes through a form's records.
    public static func posts(
        _ catalog: CompiledCatalog,
        each: (String, (RecordKey, EffectiveRecord) throws -> Void) throws -> Void
    ) rethrows -> Posts {
        var found: [Posting] = []
        for form in catalog.forms where form.definition.post != nil {
            try each(form.definition.form) { key, record in
                if let posting = form.posting(key, record) { found.append(posting) }
            }
        }
        return Posts(found)
    }
}
