import SyncCore
import Testing

@testable import Forms

struct CoverageTests {
    let zone = LocalZone.fixed(hours: 8)
    let day: Int32 = 18_295

    func board(checkIns: [CoverageCount.CheckIn], reports: [CoverageCount.Report] = []) throws
        -> CoverageBoard
    {
        try CoverageCount(settings: Settings(), zone: zone).board(
            of: day,
            units: [
                .init(id: "U2", name: "Two", line: "party"), .init(id: "U1", name: "One", line: "party"),
                .init(id: "D1", name: "Office", line: "administration"),
            ],
            memberships: [
                .init(person: "a", from: CivilDay.beginning, unit: "U1"),
                .init(person: "b", from: CivilDay.beginning, unit: "U1"),
                .init(person: "c", from: CivilDay.beginning, unit: "U1"),
                // Moves on the day itself; leaves on the day; comes the day after.
                .init(person: "m", from: day, unit: "U2"),
                .init(person: "m", from: CivilDay.beginning, unit: "U1"),
                .init(person: "l", from: CivilDay.beginning, unit: "U1"),
                .init(person: "l", from: day, unit: nil),
                .init(person: "n", from: day + 1, unit: "U1"), .init(person: "x", from: 0, unit: "D1"),
            ],
            excuses: [
                .init(person: "a", from: day, to: day), .init(person: "b", from: day - 3, to: day),
                .init(person: "c", from: day - 3, to: day - 1),
            ],
            checkIns: checkIns, reports: reports)
    }

    @Test func everyPersonIsCountedOnceAndForTheUnitOfTheDay() throws {
        let morning = zone.midnight(of: day) + 8 * 3_600_000
        let board = try board(checkIns: [
            .init(person: "a", firstCreated: morning, isFlagged: true),
            .init(person: "m", firstCreated: morning + 9 * 3_600_000, isFlagged: false),
            .init(person: "stranger", firstCreated: morning, isFlagged: true),
        ])
        #expect(board.lines.map(\.unit) == ["U1", "U2"])
        let one = board.lines[0]
        #expect(one.register == 3)
        #expect(one.checkedIn == 1)
        #expect(one.flagged == ["a"])
        #expect(one.excused == ["b"])
        #expect(one.missing == ["c"])
        let two = board.lines[1]
        #expect(two.register == 1)
        #expect(two.late == ["m"])
        for line in board.lines {
            #expect(line.checkedIn + line.missing.count + line.excused.count == line.register)
        }
    }

    @Test func reportsAreMissingOnTimeOrLate() throws {
        let cutoff = zone.midnight(of: day) + 18 * 3_600_000
        let board = try board(
            checkIns: [],
            reports: [
                .init(unit: "U1", firstCreated: cutoff, kind: "ZERO"),
                .init(unit: "U2", firstCreated: cutoff + 1, kind: "CASES"),
            ])
        #expect(board.lines.map(\.report.status) == ["ON_TIME", "LATE"])
        #expect(board.lines.map(\.report.kind) == ["ZERO", "CASES"])
        #expect(
            try self.board(checkIns: []).lines.allSatisfy { $0.report == .init(status: "MISSING", kind: nil) }
        )
    }
}
