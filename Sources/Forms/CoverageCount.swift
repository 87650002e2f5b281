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
    private let checkInCutoff: CutOff
    private let reportCutoff: CutOff

    /// - Throws: ``FormDefinitionError`` when a cut-off cannot be read.
    public init(settings: Settings, zone: LocalZone) throws(FormDefinitionError) {
        guard let checkIn = CutOff(settings.checkInCutoff) else {
            throw FormDefinitionError(form: BuiltIn.checkIn, subject: "checkInCutoff", code: .badSetting)
        }
        guard let report = CutOff(settings.reportCutoff) else {
            throw FormDefinitionError(form: BuiltIn.dailyReport, subject: "reportCutoff", code: .badSetting)
        }
        self.zone = zone
        checkInCutoff = checkIn
        reportCutoff = report
    }

    /// Whether a check-in first created then is late for its day.
    public func isLate(checkIn firstCreated: Milliseconds, of day: Int32) -> Bool {
        zone.isAfter(firstCreated, cutoff: checkInCutoff, of: day)
    }

    /// Whether a daily report first created then is late for its day.
    public func isLate(report firstCreated: Milliseconds, of day: Int32) -> Bool {
        zone.isAfter(firstCreated, cutoff: reportCutoff, of: day)
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
        var reported: [[UInt8]: Report] = [:]
        for report in reports { reported[Array(report.unit.utf8)] = report }
        var lines: [[UInt8]: CoverageBoard.Line] = [:]
        for unit in units where unit.line.utf8.elementsEqual(CoverageCount.line.utf8) {
            let id = Array(unit.id.utf8)
            lines[id] = CoverageBoard.Line(
                unit: unit.id, unitName: unit.name, register: 0, checkedIn: 0, missing: [], excused: [],
                late: [],
                flagged: [], report: status(of: reported[id], day))
        }
        for (person, name, unit) in CoverageCount.register(memberships, on: day) {
            guard var line = lines.removeValue(forKey: unit) else { continue }
            line.register += 1
            if let checkIn = present[person] {
                line.checkedIn += 1
                if isLate(checkIn: checkIn.firstCreated, of: day) { line.late.append(name) }
                if checkIn.isFlagged { line.flagged.append(name) }
            } else if excused.contains(person) {
                line.excused.append(name)
            } else {
                line.missing.append(name)
            }
            lines[unit] = line
        }
        let sorted = lines.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        return CoverageBoard(day: day, lines: sorted.map(\.value))
    }

    /// Who stands on which register on a day, ascending by person: the membership with the greatest `from`
    /// that is not after the day.
    private static func register(
        _ memberships: some Sequence<Membership>, on day: Int32
    ) -> [(person: [UInt8], name: String, unit: [UInt8])] {
        var current: [[UInt8]: Membership] = [:]
        for membership in memberships where membership.from <= day {
            let person = Array(membership.person.utf8)
            if let known = current[person], known.from > membership.from { continue }
            current[person] = membership
        }
        return current.sorted { $0.key.lexicographicallyPrecedes($1.key) }.compactMap { person, membership in
            guard let unit = membership.unit, !unit.isEmpty else { return nil }
            return (person, membership.person, Array(unit.utf8))
        }
    }

    private func status(of report: Report?, _ day: Int32) -> CoverageBoard.Report {
        guard let report else { return CoverageBoard.Report(status: "MISSING", kind: nil) }
        let isLate = isLate(report: report.firstCreated, of: day)
        return CoverageBoard.Report(status: isLate ? "LATE" : "ON_TIME", kind: report.kind)
    }
}
