public import SyncCore

/// Counts who is there, who is missing and who was late, for one day as of that day. A pure function of its
/// input.
public struct CoverageCount: Sendable {
    public struct Unit: Sendable, Hashable {
        public var id: String
        public var name: String
        public var line: String

        public init(id: String, name: String, line: String) {
            self.id = id
            self.name = name
            self.line = line
        }
    }

    /// From this day on the person stands on the unit's register; on none when `unit` is nil or empty.
    public struct Membership: Sendable, Hashable {
        public var person: String
        public var from: Int32
        public var unit: String?

        public init(person: String, from: Int32, unit: String?) {
            self.person = person
            self.from = from
            self.unit = unit
        }
    }

    /// Both days are included.
    public struct Excuse: Sendable, Hashable {
        public var person: String
        public var from: Int32
        public var to: Int32

        public init(person: String, from: Int32, to: Int32) {
            self.person = person
            self.from = from
            self.to = to
        }
    }

    public struct CheckIn: Sendable, Hashable {
        public var person: String
        public var firstCreated: Milliseconds
        public var isFlagged: Bool

        public init(person: String, firstCreated: Milliseconds, isFlagged: Bool) {
            self.person = person
            self.firstCreated = firstCreated
            self.isFlagged = isFlagged
        }
    }

    public struct Report: Sendable, Hashable {
        public var unit: String
        public var firstCreated: Milliseconds
        public var kind: String?

        public init(unit: String, firstCreated: Milliseconds, kind: String?) {
            self.unit = unit
            self.firstCreated = firstCreated
            self.kind = kind
        }
    }

    /// The line whose units are counted.
    public static let line = "party"

    private let zone: LocalZone
    private let checkInCutoff: DatedHour
    private let reportCutoff: DatedHour

    /// - Throws: ``FormDefinitionError`` when a cut-off cannot be read.
    public init(settings: Settings, zone: LocalZone) throws(FormDefinitionError) {
        guard let checkIn = settings.hour(named: "checkInCutoff") else {
            throw FormDefinitionError(form: BuiltIn.checkIn, subject: "checkInCutoff", code: .badSetting)
        }
        guard let report = settings.hour(named: "reportCutoff") else {
            throw FormDefinitionError(form: BuiltIn.dailyReport, subject: "reportCutoff", code: .badSetting)
        }
        self.zone = zone
        checkInCutoff = checkIn
        reportCutoff = report
    }

    /// Whether a check-in first created then is late for its day.
    public func isLate(checkIn firstCreated: Milliseconds, of day: Int32) -> Bool {
        zone.isAfter(firstCreated, hour: checkInCutoff, of: day)
    }

    /// Whether a daily report first created then is late for its day.
    public func isLate(report firstCreated: Milliseconds, of day: Int32) -> Bool {
        zone.isAfter(firstCreated, hour: reportCutoff, of: day)
    }

    /// The board of `day`: every unit of the party line with the people on its register that day.
    ///
    /// `memberships` and `excuses` may hold any days; `checkIns` and `reports` are those of `day`. Checked
    /// in, missing and excused add up to the register: an excuse counts only for who did not check in.
    public func board(
        of day: Int32, units: some Sequence<Unit>, memberships: some Sequence<Membership>,
        excuses: some Sequence<Excuse>, checkIns: some Sequence<CheckIn>, reports: some Sequence<Report>
    ) -> CoverageBoard {
        var excused: Set<[UInt8]> = []
        for excuse in excuses where excuse.from <= day && day <= excuse.to {
            excused.insert(Array(excuse.person.utf8))
        }
        var present: [[UInt8]: CheckIn] = [:]
        for checkIn in checkIns { present[Array(checkIn.person.utf8)] = checkIn }
        return board(
            of: day, units: units.map { (Array($0.id.utf8), $0) },
            register: CoverageCount.register(memberships, on: day), reports: reports,
            standing: { person in
                present[person].map { .checkedIn(firstCreated: $0.firstCreated, isFlagged: $0.isFlagged) }
                    ?? (excused.contains(person) ? .excused : .missing)
            }, name: { String(decoding: $0, as: UTF8.self) })
    }

    /// How somebody on the register stands on a day.
    public enum Standing: Sendable, Hashable {
        case missing
        case excused
        case checkedIn(firstCreated: Milliseconds, isFlagged: Bool)
    }

    /// The same for who has persons and units under other names than their ids, and knows the register of the
    /// day.
    ///
    /// - Parameters:
    ///   - register: each person once, in any order.
    ///   - name: a person's id. Asked only for those who are named on the board.
    public func board<Person, Place: Hashable>(
        of day: Int32, units: some Sequence<(Place, Unit)>, register: some Sequence<(Person, Place)>,
        reports: some Sequence<Report>, standing: (Person) throws -> Standing,
        name: (Person) throws -> String
    ) rethrows -> CoverageBoard {
        var reported: [[UInt8]: Report] = [:]
        for report in reports { reported[Array(report.unit.utf8)] = report }
        var lines: [CoverageBoard.Line] = []
        var places: [Place: Int] = [:]
        for (place, unit) in units where unit.line.utf8.elementsEqual(CoverageCount.line.utf8) {
            places[place] = lines.count
            lines.append(
                CoverageBoard.Line(
                    unit: unit.id, unitName: unit.name, register: 0, checkedIn: 0, missing: [], excused: [],
                    late: [], flagged: [], report: status(of: reported[Array(unit.id.utf8)], day)))
        }
        for (person, place) in register {
            guard let line = places[place] else { continue }
            lines[line].register += 1
            switch try standing(person) {
            case .checkedIn(let firstCreated, let isFlagged):
                lines[line].checkedIn += 1
                if isLate(checkIn: firstCreated, of: day) { lines[line].late.append(try name(person)) }
                if isFlagged { lines[line].flagged.append(try name(person)) }
            case .excused: lines[line].excused.append(try name(person))
            case .missing: lines[line].missing.append(try name(person))
            }
        }
        for line in lines.indices {
            if !lines[line].owesReport, lines[line].report.status == CoverageCount.missing {
                lines[line].report.status = CoverageBoard.Report.notDue
            }
            for names in [\CoverageBoard.Line.missing, \.excused, \.late, \.flagged] {
                lines[line][keyPath: names].sort(by: CoverageCount.precedes)
            }
        }
        lines.sort { CoverageCount.precedes($0.unit, $1.unit) }
        return CoverageBoard(day: day, lines: lines)
    }

    private static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }

    /// Who stands on which register on a day: the membership with the greatest `from` that is not after the
    /// day.
    public static func register(
        _ memberships: some Sequence<Membership>, on day: Int32
    ) -> [([UInt8], [UInt8])] {
        var current: [[UInt8]: Membership] = [:]
        for membership in memberships where membership.from <= day {
            let person = Array(membership.person.utf8)
            if let known = current[person], known.from > membership.from { continue }
            current[person] = membership
        }
        return current.compactMap { person, membership in
            guard let unit = membership.unit, !unit.isEmpty else { return nil }
            return (person, Array(unit.utf8))
        }
    }

    private static let missing = "MISSING"

    private func status(of report: Report?, _ day: Int32) -> CoverageBoard.Report {
        guard let report else { return CoverageBoard.Report(status: CoverageCount.missing, kind: nil) }
        let isLate = isLate(report: report.firstCreated, of: day)
        return CoverageBoard.Report(status: isLate ? "LATE" : "ON_TIME", kind: report.kind)
    }
}
