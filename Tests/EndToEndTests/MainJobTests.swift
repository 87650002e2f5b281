import Foundation
import Testing

/// The job that the programs exist for, from an empty folder to the board.
@Suite struct MainJobTests {
    @Test func aFortnightArrivesAndIsOnTheBoard() async throws {
        let centre = try await Centre()
        for sheet in Centre.sheets {
            let again: ImportCounts = try await centre.hub(
                "import", sheet.kind, centre.college.folder + "/" + sheet.file, "--json"
            ).json()
            #expect(again.accepted == 0 && again.rejected == 0 && again.unchanged == again.records)
        }
        try await centre.open()
        for branch in centre.college.branches {
            try await centre.join(branch)
            let counts = try await centre.importSheets(of: branch)
            #expect(counts.accepted > 0)
            #expect(counts.accepted + counts.unchanged + counts.rejected + counts.blank == counts.records)
            let isRefused = branch == centre.college.words("refused_branch")
            #expect(counts.rejected == (isRefused ? 2 : 0))
            let again = try await centre.importSheets(of: branch)
            #expect(again.accepted == 0 && again.rejected == counts.rejected)
        }
        for branch in centre.college.branches {
            let queued = try await centre.status(branch).queued
            #expect(queued > 0)
            let report = try await centre.sync(branch)
            #expect(report.drained && report.sessions == 1 && report.queued == 0)
            let status = try await centre.status(branch)
            #expect(status.queued == 0 && status.receipted == queued)
        }
        try await centre.expectBoards(of: centre.college.branches, isMistyped: true)

        let first = try await centre.hub("export", "check-in").output
        #expect(first.split(separator: "\n").count > 1_500)
        #expect(try await centre.hub("export", "check-in").output == first)

        try await centre.correctWhatWasMistyped()
        let branch = centre.college.words("mistyped_branch")
        #expect(try await centre.sync(branch).receipted == 1)
        try await centre.expectBoards(of: centre.college.branches, isMistyped: false)
        try await centre.close()
    }

    @Test func severalSyncAtOnceBesideTheCentresOwnVerbs() async throws {
        let centre = try await Centre()
        try await centre.open()
        for branch in centre.college.branches {
            try await centre.join(branch)
            try await centre.importSheets(of: branch)
        }
        try await centre.correctWhatWasMistyped()
        let syncs = try centre.college.branches.map { try centre.start($0, "sync") }
        let day = centre.college.words("last_day")
        repeat {
            _ = try await centre.board(day)
            try await centre.hub("import", "people", centre.college.folder + "/people.csv")
            _ = try await centre.invite("B02")
            try await centre.hub("devices")
        } while syncs.contains { $0.isRunning }
        for sync in syncs {
            let outcome = try await sync.end()
            #expect(outcome.code == 0, "\(outcome.remarks)")
        }
        try await centre.expectBoards(of: centre.college.branches, isMistyped: false)
        #expect(!centre.log.contains("locked"))
        try await centre.close()
    }

    @Test func anAlertLeavesBeforeEverythingElse() async throws {
        let centre = try await Centre()
        try await centre.open()
        let branch = centre.college.words("mistyped_branch")
        let proxy = try CuttingProxy(to: centre.port)
        defer { proxy.close() }
        try await centre.join(branch, through: proxy.port)
        try await centre.importSheets(of: branch)
        #expect(try await centre.sync(branch).queued == 0)
        // A fortnight waits again, and last of all somebody has a fever.
        let other = try await offlineFortnight(centre, through: proxy)
        let urgent = try await centre.status(other).lanes["urgent"]?.queued ?? 0
        #expect(urgent >= 2)
        let before = try await centre.status(other).queued
        // The line carries some kilobytes and breaks.
        proxy.plan([CuttingProxy.Cut(way: .up, after: 6_000, isReset: true)])
        let sync = try centre.start(other, "sync")
        let isUrgentThere = try await eventually {
            let status = try await centre.status(other)
            return status.lanes["urgent"]?.queued == 0
        }
        #expect(isUrgentThere)
        #expect(try await sync.end().code == 0)
        #expect(before > urgent)
        try await centre.close()
    }

    /// A second device of the branch that has the same sheets and an alert to send.
    private func offlineFortnight(_ centre: Centre, through proxy: CuttingProxy) async throws -> String {
        let unit = centre.college.words("mistyped_branch")
        try await centre.join(unit, as: "second", through: proxy.port)
        try await centre.importSheets(of: unit, as: "second")
        let outcome = try await centre.branch(
            "second", "add", "check-in", "day=" + centre.college.words("last_day"), "person=S0001",
            "temperature=39.1")
        #expect(outcome.output.contains("urgent"))
        return "second"
    }
}
