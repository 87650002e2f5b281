import Foundation
import Testing

/// S21, care with people's data: a branch sees its own subtree; names and places are masked at the centre
/// as well; movement tracks are gone after their days, with proof, and counts stay. The programs
/// themselves, two months later.
struct S21Tests {
    private static let later = FalseClock.later(days: 61)

    @discardableResult private func run(
        _ centre: Centre, _ program: String, _ arguments: [String], expecting codes: Set<Int32> = [0],
        language: String = "C"
    ) async throws -> Outcome {
        try await centre.place.run(
            program, arguments, expecting: codes,
            environment: S21Tests.later.environment.merging(["LANG": language]) { $1 })
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
            centre, "aggregator",
            ["purge", "--json", "--date", String(date), "--certificate", centre.place.path("proof")] + hub
        ).json()
        #expect(report.forms.map(\.form) == ["check-in"] && report.forms.map(\.trimmed) == [1])
        #expect(try files(of: centre, contain: "GONE-station") == ["branch-B04"])
        #expect(try files(of: centre, contain: "STAYS-remark") == ["branch-B04", "hub"])
        #expect(try await centre.board(day) == board)
        try await expectProof(centre)
        // The branch does so by itself, once it knows the hub's day and that it is backed up.
        try await centre.open(at: S21Tests.later)
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

    /// The certificate says how much went, and whoever changes a number of it is found out.
    private func expectProof(_ centre: Centre) async throws {
        let hub = ["--data", centre.place.path("hub")]
        let proof = centre.place.path("proof")
        let shown = try await run(centre, "aggregator", ["purge", "--check", proof] + hub)
        #expect(shown.output.contains("check-in: 1 trimmed") && shown.output.contains("1 purges"))
        let status = try await run(centre, "aggregator", ["status"] + hub)
        let prints = shown.output.matches(of: /[0-9a-f]{64}/).map { String($0.output) }
        #expect(prints.contains { status.output.contains($0) }, "by the hub's key")
        let text = try String(contentsOfFile: proof, encoding: .utf8)
        #expect(!text.contains("GONE-station"))
        let changed = text.replacing("1 trimmed", with: "2 trimmed")
        #expect(changed != text)
        let forged = centre.place.path("forged")
        try changed.write(toFile: forged, atomically: true, encoding: .utf8)
        _ = try await run(centre, "aggregator", ["purge", "--check", forged] + hub, expecting: [7])
        // What stays still chains and is sealed.
        let verified = try await run(centre, "sync-inspect", ["verify", centre.place.path("hub")])
        #expect(!verified.output.isEmpty)
    }

    @Test func aBranchSeesItsOwnAndTheCentreSeesMasks() async throws {
        let centre = try await Centre()
        try await centre.open()
        for branch in ["B01", "B04"] { try await centre.join(branch) }
        let day = centre.college.words("last_day")
        let people = try College.lines(centre.college.folder + "/people.csv").filter { $0.contains(",B01,") }
        let person = String(try #require(people.first?.split(separator: ",").first))
        try await centre.branch(
            "B01", "add", "check-in", "day=" + day, "person=" + person, "temperature=37.9",
            "track=SECRET-place", "name=SECRET-name")
        // The unit above it sees it, and the one beside it does not.
        let above = try #require(
            try College.lines(centre.college.folder + "/units.csv").first { $0.hasPrefix("B01,") }?
                .split(separator: ",", omittingEmptySubsequences: false)[3])
        try await centre.join(String(above))
        for branch in ["B01", "B04", String(above)] { try await centre.sync(branch) }
        let seen = try await centre.branch(String(above), "history", "check-in", day, person)
        #expect(!seen.output.isEmpty)
        try await centre.branch("B04", "history", "check-in", day, person, expecting: [66])
        #expect(try files(of: centre, contain: "SECRET-place") == ["hub"], "no other branch's")
        let history = try await centre.hub("history", "check-in", day, person).output
        #expect(history.contains("***") && !history.contains("SECRET") && !history.contains("37.9"))
        let number = [
            "board", "coverage", "--day", day, "--explain", "B01/flagged", "--data", centre.place.path("hub"),
        ]
        let board = try await centre.place.run("aggregator", number)
        #expect(board.output.contains("temperature=***") && board.output.contains(person))
        _ = try await centre.place.run("aggregator", number + ["--unmask"], expecting: [64])
        let open = try await centre.place.run(
            "aggregator", number + ["--unmask", "--reason", "asked by the doctor"])
        #expect(open.output.contains("temperature=37.90"))
        let audit = try await centre.hub("audit").output
        #expect(audit.contains("asked by the doctor") && !audit.contains("SECRET"))
        #expect(!centre.log.contains("SECRET") && !centre.log.contains(person), "nothing personal is logged")
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
        try await centre.open(at: S21Tests.later)
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
