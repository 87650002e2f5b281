import Foundation
import Testing

/// What may be kept no longer, with the programs themselves two months later.
struct RetentionTests {
    private static let later = FalseClock.later(days: 61)

    @discardableResult private func run(
        _ centre: Centre, _ program: String, _ arguments: [String], expecting codes: Set<Int32> = [0],
        language: String = "C"
    ) async throws -> Outcome {
        try await centre.place.run(
            program, arguments, expecting: codes,
            environment: RetentionTests.later.environment.merging(["LANG": language]) { $1 })
    }

    @Test func tracksGoAfterTheirDaysAndCountsStay() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        let person = "person=" + centre.college.words("mistyped_person")
        let day = centre.college.words("last_day")
        try await centre.branch(
            "B04", "add", "check-in", person, "day=" + day, "temperature=36.6", "track=GONE-station",
            "remark=STAYS-remark")
        try await centre.sync("B04")
        try await centre.hub("backup", centre.place.path("first.sqlite"))
        try await centre.sync("B04")
        let board = try await centre.board(day)
        try await centre.close()
        // Written on the same day, and away from the hub for two months.
        let before = "day=" + centre.college.days[centre.college.days.count - 2]
        try await centre.branch(
            "B04", "add", "check-in", person, before, "temperature=36.5", "track=LATE-station")
        let hub = ["--data", centre.place.path("hub")]
        let told = try await run(centre, "aggregator", ["purge", "--dry-run"] + hub)
        #expect(told.output.contains("single values would go from 1 entries"))
        let chinese = try await run(
            centre, "aggregator", ["purge", "--dry-run"] + hub, language: "zh_CN.UTF-8")
        #expect(chinese.output.contains("将从 1 条内容中删除部分值"))
        #expect(try files(of: centre, contain: "GONE-station") == ["branch-B04", "hub"])
        // The date has jumped: a wrong clock must not remove anything.
        let refused = try await run(centre, "aggregator", ["purge"] + hub, expecting: [64])
        #expect(refused.remarks.contains("nothing was removed"))
        let date = try #require(
            refused.remarks.components(separatedBy: "--date ").last?.prefix(10))
        let wrong = try await run(
            centre, "aggregator", ["purge", "--date", "2020-02-02"] + hub, expecting: [64])
        #expect(wrong.remarks.contains("Set the clock"))
        let report: Report = try await run(
            centre, "aggregator", ["purge", "--json", "--date", String(date)] + hub
        ).json()
        #expect(report.forms.map(\.form) == ["check-in"] && report.forms.map(\.trimmed) == [1])
        #expect(try files(of: centre, contain: "GONE-station") == ["branch-B04"])
        #expect(try files(of: centre, contain: "STAYS-remark") == ["branch-B04", "hub"])
        #expect(try await centre.board(day) == board)
        // The branch does so by itself, once it knows the hub's day and that it is backed up.
        try await centre.open(at: RetentionTests.later)
        try await run(centre, "branch-agent", ["sync", "--data", centre.data("B04")])
        #expect(try files(of: centre, contain: "GONE-station") == [])
        #expect(try files(of: centre, contain: "STAYS-remark") == ["branch-B04", "hub"])
        // The salts of what came late were destroyed meanwhile: it brought them along. It goes with the next
        // purge, and at the branch once it is backed up.
        #expect(try await centre.status("B04").queued == 0)
        #expect(try files(of: centre, contain: "LATE-station") == ["branch-B04", "hub"])
        try await run(centre, "aggregator", ["purge"] + hub)
        #expect(try files(of: centre, contain: "LATE-station") == ["branch-B04"])
        let log = try await AuditTests.Log.read(centre)
        #expect(log.details("purged").count == 2 && log.intact)
        try await run(centre, "aggregator", ["backup", centre.place.path("second.sqlite")] + hub)
        try await run(centre, "branch-agent", ["sync", "--data", centre.data("B04")])
        #expect(try files(of: centre, contain: "LATE-station") == [])
        // What it writes then goes on with the same journal.
        try await run(
            centre, "branch-agent",
            ["add", "check-in", person, "day=" + date, "temperature=36.7", "--data", centre.data("B04")])
        try await run(centre, "branch-agent", ["sync", "--data", centre.data("B04")])
        #expect(try await centre.status("B04").queued == 0)
        try await centre.close()
    }

    @Test func whereNoBackupIsMadeItIsSaid() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        try await centre.branch(
            "B04", "add", "check-in", "person=" + centre.college.words("mistyped_person"),
            "day=" + centre.college.words("last_day"), "temperature=36.6", "track=KEPT-station")
        try await centre.sync("B04")
        try await centre.close()
        try await centre.open(at: RetentionTests.later)
        try await run(centre, "branch-agent", ["sync", "--data", centre.data("B04")])
        #expect(try files(of: centre, contain: "KEPT-station").contains("branch-B04"))
        let status = try await run(centre, "branch-agent", ["status", "--data", centre.data("B04")])
        #expect(status.output.contains("in none of its backups"))
        let hub = try await run(centre, "aggregator", ["status", "--data", centre.place.path("hub")])
        #expect(hub.output.contains("is in no backup"))
        try await centre.close()
    }

    private struct Report: Decodable {
        struct Form: Decodable {
            var form: String
            var trimmed: Int
        }

        var forms: [Form]
    }

    /// The data folders in a file of which these bytes stand.
    private func files(of centre: Centre, contain text: String) throws -> [String] {
        try ["branch-B04", "hub"].filter { folder in
            let path = centre.place.path(folder)
            return try FileManager.default.contentsOfDirectory(atPath: path).contains { name in
                guard name != "ballast" else { return false }
                let content = try Data(contentsOf: URL(fileURLWithPath: path + "/" + name))
                return content.range(of: Data(text.utf8)) != nil
            }
        }
    }
}
