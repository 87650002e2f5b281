import Foundation
import Testing

/// An alert that is read out by telephone where there is no link, with the real programs.
@Suite struct SpokenTests {
    private struct Said: Decodable {
        struct Entry: Decodable {
            var form: String
            var lines: [String]
        }
        var entries: [Entry]
    }
    private struct Heard: Decodable {
        var isNew: Bool
        var answer: String
        var form: String
    }
    private struct Phoned: Decodable { var takenByPhone: Int }

    private func say(_ centre: Centre, _ form: String) async throws -> [String] {
        let said: Said = try await centre.branch("B04", "carry", "--text", form, "--json").json()
        return said.entries.first?.lines ?? []
    }

    private func hear(
        _ centre: Centre, _ lines: [String], expecting code: Int32 = 0
    ) async throws -> Outcome {
        let file = centre.place.path("heard-\(UUID().uuidString)")
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: file))
        return try await centre.hub("import", "--text", file, "--json", expecting: [code])
    }

    private func alerts(_ centre: Centre) async throws -> Int {
        try await centre.export("alert").output.split(separator: "\n").count - 1
    }

    /// Somebody with fever, while nothing connects.
    private func enter(_ centre: Centre) async throws {
        try await centre.branch(
            "B04", "add", "check-in", "person=" + centre.college.words("mistyped_person"),
            "day=" + centre.college.words("last_day"), "temperature=38.9")
    }

    @Test func anAlertReadOutAndLaterSentIsOneAlert() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        try await enter(centre)
        let lines = try await say(centre, "alert")
        #expect((4...9).contains(lines.count) && lines[0].count == 27)
        #expect(try await alerts(centre) == 0)
        // The hub goes on serving; a line that was misheard is named, and typed again.
        var wrong = lines
        wrong[1] = String(wrong[1].dropLast()) + (wrong[1].hasSuffix("5") ? "6" : "5")
        let refused = try await hear(centre, wrong, expecting: 66)
        #expect(refused.remarks.contains("which begins with 02") && refused.remarks.contains("wrong: 02"))
        #expect(try await alerts(centre) == 0)
        let heard: Heard = try await hear(centre, wrong + [lines[1]]).json()
        #expect(heard.isNew && heard.form == "alert")
        #expect(try await alerts(centre) == 1)
        let again: Heard = try await hear(centre, lines).json()
        #expect(!again.isNew && again.answer == heard.answer)

        // The answer: it still waits, and is not shown again unless it is named.
        try await centre.branch("B04", "carry", "--answer", "123 456 789 012", expecting: [66])
        let told = try await centre.branch("B04", "carry", "--answer", heard.answer)
        #expect(told.output.contains("by telephone"))
        let phoned: Phoned = try await centre.branch("B04", "status", "--json").json()
        #expect(phoned.takenByPhone == 1)
        #expect(try await centre.status("B04").queued > 0)
        #expect(try await say(centre, "alert").isEmpty)

        try await centre.sync("B04")
        #expect(try await centre.status("B04").queued == 0)
        let sent: Phoned = try await centre.branch("B04", "status", "--json").json()
        #expect(sent.takenByPhone == 0)
        #expect(try await alerts(centre) == 1)
        let conflicts = try await centre.hub("conflicts", "list").output
        #expect(!conflicts.contains("alert"))
        try await centre.branch("B04", "carry", "--answer", heard.answer, expecting: [7])
        #expect(try await centre.hub("audit").output.contains("by telephone"))
        let verified = try await centre.place.run(
            "sync-inspect", ["verify", centre.data("B04"), centre.place.path("hub")])
        #expect(verified.output.contains("every journal holds"))
        try await centre.place.run("sync-inspect", ["reconcile", "--data", centre.data("B04")])
        try await centre.close()
    }

    @Test func whatWasSentBeforeIsKnownAndStrangersAreNotHeard() async throws {
        let centre = try await Centre()
        let other = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        try await enter(centre)
        let lines = try await say(centre, "alert")
        let stranger = try await hear(other, lines, expecting: 10)
        #expect(stranger.remarks.contains("another hub"))
        try await centre.sync("B04")
        let heard: Heard = try await hear(centre, lines).json()
        #expect(!heard.isNew)
        #expect(try await alerts(centre) == 1)

        // A zero report goes the same way; a form that nothing waits of says so.
        #expect(try await say(centre, "daily-report").isEmpty)
        try await centre.branch(
            "B04", "add", "daily-report", "unit=B04", "day=" + centre.college.words("last_day"), "kind=ZERO")
        let report = try await say(centre, "daily-report")
        let taken: Heard = try await hear(centre, report).json()
        #expect(taken.isNew && taken.form == "daily-report")

        // A revoked device is not heard.
        try await centre.branch(
            "B04", "add", "daily-report", "unit=B04", "day=" + centre.college.words("last_day"), "kind=CASES")
        let last = try await say(centre, "daily-report")
        try await centre.hub("revoke", "1", "--reason", "lost")
        let revoked = try await hear(centre, last, expecting: 3)
        #expect(revoked.remarks.contains("revoked"))
        // Nor one that the centre has not confirmed; the audit log has both, with their codes.
        try await centre.branch("new", "join", try await centre.invite("B04", trusted: false))
        try await centre.branch(
            "new", "add", "daily-report", "unit=B04", "day=" + centre.college.words("last_day"), "kind=CASES")
        let said: Said = try await centre.branch("new", "carry", "--text", "daily-report", "--json").json()
        let pending = try await hear(centre, try #require(said.entries.first).lines, expecting: 3)
        #expect(pending.remarks.contains("not confirmed"))
        let log = try await AuditTests.Log.read(centre)
        let refused = log.details("spoken").filter { $0.hasPrefix("refused: ") }
        #expect(log.intact && refused.count == 2, "\(refused)")
        #expect(refused.first?.hasPrefix("refused: device 1, 202 ") == true, "\(refused)")
        #expect(refused.last?.hasPrefix("refused: device 2, 201 ") == true, "\(refused)")
        try await centre.close()
    }
}
