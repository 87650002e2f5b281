import Console
import Forms
import SQLiteStore
import SyncCore
import SyncStore

/// Reports that should be there: those of the last day whose cut-off has passed.
struct DueReports {
    let day: Int32
    private let count: CoverageCount

    /// - Returns: nil where the store's settings name no zone or cut-off that can be read.
    init?(_ settings: Settings?, now: Milliseconds) {
        guard let settings, let zone = LocalZone(identifier: settings.timeZone),
            let count = try? CoverageCount(settings: settings, zone: zone)
        else { return nil }
        self.count = count
        let today = zone.day(of: now)
        day = count.isLate(report: now, of: today) ? today : today - 1
    }

    var name: String { CivilDay.text(day) }

    /// Units with people of which the centre has no report.
    func missing(at store: SQLiteHubStore) throws -> [String] {
        try store.coverage(of: day).lines.filter(DueReports.isSilent).map(\.unit)
    }

    /// Whether a branch holds a report of its own unit; nil where it knows too little of the unit to say.
    func isMissing(of unit: String, at store: SQLiteAgentStore, _ forms: FormCatalog) throws -> Bool? {
        var board = BoardOfDay(day: day, checkIn: nil)
        for form in forms.definitions {
            let roles = HubRoles(form)
            var values = [Value](repeating: .text(Array(unit.utf8)), count: form.keys.count)
            switch roles.kind {
            case .unit where form.keys.count == 1: break
            case .report where form.keys.count == 2:
                guard let place = roles.dayKey, roles.unitKey != nil else { continue }
                values[place] = .integer(Int64(day))
            default: continue
            }
            let record = try store.record(RecordKey(form: form.form, values: values))?
                .effective(under: form.mergeRules)
            if let record, record.exists { board.add(values, record, roles: roles) }
        }
        let line = board.board(count).lines.first { $0.unit.utf8.elementsEqual(unit.utf8) }
        // Of the unit's people it has not been asked here.
        let without = [DueReports.missingStatus, CoverageBoard.Report.notDue]
        return line.map { without.contains($0.report.status) }
    }

    private static let missingStatus = "MISSING"

    private static func isSilent(_ line: CoverageBoard.Line) -> Bool {
        line.owesReport && line.report.status == missingStatus
    }

    /// What the branch does.
    var step: Words {
        Words(
            "`branch-agent report --day \(name)`, with --zero where there is nothing to report",
            zh: "运行 branch-agent report --day \(name)；没有情况时加 --zero")
    }
}
