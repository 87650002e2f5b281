package import Forms
package import SyncCore

/// Gathers records for the board of a day, and hands them to the pure count.
package struct BoardOfDay {
    private let day: Int32
    private let checkIn: CompiledForm?
    package private(set) var units: [CoverageCount.Unit] = []
    private var memberships: [CoverageCount.Membership] = []
    package private(set) var excuses: [CoverageCount.Excuse] = []
    private var checkIns: [CoverageCount.CheckIn] = []
    package private(set) var reports: [CoverageCount.Report] = []

    package init(day: Int32, checkIn: CompiledForm?) {
        self.day = day
        self.checkIn = checkIn
    }

    /// Takes a record that exists; what does not concern the day is left out.
    package mutating func add(_ key: [Value], _ record: EffectiveRecord, roles: HubRoles) {
        let person = roles.personKey.flatMap { key[$0].string } ?? ""
        let unit = roles.unitKey.flatMap { key[$0].string } ?? ""
        let from = Int32(clamping: roles.dayKey.flatMap { key[$0].integer } ?? 0)
        switch roles.kind {
        case .unit:
            units.append(
                CoverageCount.Unit(
                    id: unit, name: record[BuiltIn.unitName]?.string ?? "",
                    line: record[BuiltIn.unitLine]?.string ?? ""))
        case .membership where from <= day:
            memberships.append(
                CoverageCount.Membership(
                    person: person, from: from, unit: record[BuiltIn.membershipUnit]?.string))
        case .excuse where from <= day:
            let to = record[BuiltIn.excuseTo]?.integer.map { Int32(clamping: $0) } ?? .max
            excuses.append(CoverageCount.Excuse(person: person, from: from, to: to))
        case .checkIn where from == day:
            checkIns.append(
                CoverageCount.CheckIn(
                    person: person, firstCreated: record.firstCreated,
                    isFlagged: checkIn?.isFlagged(record) ?? false))
        case .report where from == day:
            reports.append(
                CoverageCount.Report(
                    unit: unit, firstCreated: record.firstCreated, kind: record[BuiltIn.reportKind]?.string))
        default: break
        }
    }

    /// Who stands on a unit's register that day, sorted by bytes.
    package func register(of unit: String) -> [String] {
        CoverageCount.register(memberships, on: day).filter { $0.1.elementsEqual(unit.utf8) }
            .map { String(decoding: $0.0, as: UTF8.self) }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    package func board(_ count: CoverageCount) -> CoverageBoard {
        count.board(
            of: day, units: units, memberships: memberships, excuses: excuses, checkIns: checkIns,
            reports: reports)
    }
}
