/// Coverage of one day, as of that day: each unit of the party line with its own people.
public struct CoverageBoard: Sendable, Hashable {
    public struct Report: Sendable, Hashable {
        /// Of a unit that owes none: nobody is on its register that day.
        public static let notDue = "NOT_DUE"

        /// `MISSING`, `ON_TIME`, `LATE` or `NOT_DUE`.
        public var status: String
        /// `ZERO` or `CASES`; nil while missing.
        public var kind: String?

        public init(status: String, kind: String?) {
            self.status = status
            self.kind = kind
        }
    }

    public struct Line: Sendable, Hashable {
        public var unit: String
        public var unitName: String
        public var register: Int
        public var checkedIn: Int
        /// Person ids, sorted by bytes.
        public var missing: [String]
        public var excused: [String]
        public var late: [String]
        public var flagged: [String]
        public var report: Report

        /// Whether a record about the unit is waited for: who has nobody to report about owes no report.
        public var owesReport: Bool { register > 0 }

        public init(
            unit: String, unitName: String, register: Int, checkedIn: Int, missing: [String],
            excused: [String],
            late: [String], flagged: [String], report: Report
        ) {
            self.unit = unit
            self.unitName = unitName
            self.register = register
            self.checkedIn = checkedIn
            self.missing = missing
            self.excused = excused
            self.late = late
            self.flagged = flagged
            self.report = report
        }
    }

    /// Days since 1970-01-01.
    public var day: Int32
    /// Sorted by unit id.
    public var lines: [Line]

    public init(day: Int32, lines: [Line]) {
        self.day = day
        self.lines = lines
    }
}
