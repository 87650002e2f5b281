import Foundation
import LinkKit
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

        let first = try await centre.export("check-in").output
        #expect(first.split(separator: "\n").count > 1_500)
        #expect(try await centre.export("check-in").output == first)

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
        let proxy = try EmulatedLink(to: centre.port)
        defer { proxy.close() }
        try await centre.join(branch, through: proxy.port)
        try await centre.importSheets(of: branch)
        // A fortnight waits, and last of all somebody has a fever.
        let added = try await centre.branch(
            branch, "add", "check-in", "day=" + centre.college.words("last_day"), "person=S0001",
            "temperature=39.1")
        #expect(added.output.contains("urgent"))
        let waiting = try await centre.status(branch)
        #expect((waiting.lanes["urgent"]?.queued ?? 0) >= 2)
        #expect((waiting.lanes["routine"]?.queued ?? 0) > 700)
        var wasAlone = false
        for bytes in [1_800, 2_400, 3_000, 3_600, 4_200, 5_000, 6_000] {
            let before = proxy.done
            proxy.cutOnce(.up, after: bytes)
            let sync = try centre.start(branch, "sync")
            #expect(try await eventually { proxy.done > before || !sync.isRunning })
            sync.kill()
            _ = try await sync.end()
            let rows = try await centre.export("check-in").output.split(separator: "\n").dropFirst()
            let hasAlert = rows.contains { $0.contains("S0001") && $0.contains("39.1") }
            let urgent = try await centre.status(branch).lanes["urgent"]?.versions ?? 0
            #expect(rows.count <= urgent || hasAlert, "routine records went ahead, cut after \(bytes)")
            if hasAlert && rows.count < 700 { wasAlone = true }
        }
        #expect(wasAlone)
        proxy.plan([])
        #expect(try await centre.sync(branch).drained)
        try await centre.close()
    }
}
