import Foundation
import Testing

/// A hub with the made-up college's register.
final class Centre: Hub, @unchecked Sendable {
    let college: College

    /// Makes the hub and imports its four sheets.
    init() async throws {
        let place = try Place()
        college = try await College.make(in: place)
        try await super.init(in: place, name: "Test college")
        for sheet in Centre.sheets { try await hub("import", sheet.kind, college.folder + "/" + sheet.file) }
    }

    static let sheets = [
        (kind: "units", file: "units.csv"), (kind: "people", file: "people.csv"),
        (kind: "register-changes", file: "register_changes.csv"), (kind: "excused", file: "excused.csv"),
    ]

    /// Imports the fortnight; only one branch has rows that must be refused.
    @discardableResult func importSheets(of unit: String, as name: String? = nil) async throws -> ImportCounts
    {
        let isRefused = unit == college.words("refused_branch")
        let arguments = ["import", "check-in"] + (try college.sheets(of: unit))
        let outcome = try await place.run(
            "branch-agent", arguments + ["--data", data(name ?? unit), "--json"],
            expecting: [isRefused ? 1 : 0])
        return try outcome.json()
    }

    // MARK: - The board

    func board(_ day: String) async throws -> [String: College.Figures] {
        let board: Board = try await hub("coverage", "--date", day, "--json").json()
        return Dictionary(uniqueKeysWithValues: board.units.map { ($0.unit, $0.figures) })
    }

    /// Compares all days of the branches with what the college says.
    ///
    /// - Parameter isMistyped: the record that the story mistypes has not been corrected yet.
    func expectBoards(of branches: [String], isMistyped: Bool) async throws {
        for day in college.days {
            let board = try await board(day)
            for branch in branches {
                var wanted = try #require(college.expected[day]?[branch])
                if isMistyped, day == college.words("last_day"), branch == college.words("mistyped_branch") {
                    wanted.flagged += 1
                }
                #expect(board[branch] == wanted, "\(branch) on \(day)")
            }
        }
    }

    func correctWhatWasMistyped() async throws {
        try await branch(
            college.words("mistyped_branch"), "add", "check-in", "day=" + college.words("last_day"),
            "person=" + college.words("mistyped_person"), "temperature=" + college.words("mistyped_for"))
    }
}
