import Foundation
import Testing

/// S3, daily report and zero report: silence is never zero; zero is stored and exported as 0; counted,
/// shown, signed, and compared with what came later.
@Suite(.timeLimit(.minutes(5))) struct S3Tests {
    private struct Report: Decodable {
        struct Count: Decodable {
            var field: String
            var then: Int?
            var now: Int
        }
        var kind: String
        var counts: [Count]
        var counted: Int
        var digest: String
        var isUnchanged: Bool
        var isAsTyped: Bool?

        func now(_ field: String) -> Int? { counts.first { $0.field == field }?.now }
        func then(_ field: String) -> Int? { counts.first { $0.field == field }?.then }
    }

    private static let branch = "B04"

    private func report(
        _ centre: Centre, _ arguments: String..., expecting codes: Set<Int32> = [0],
        at location: SourceLocation = #_sourceLocation
    ) async throws -> Outcome {
        try await centre.place.run(
            "branch-agent", ["report"] + arguments + ["--data", centre.data(Self.branch)],
            expecting: codes, at: location)
    }

    /// A day on which somebody of the branch is flagged, and one on which nobody is.
    private func days(_ centre: Centre) throws -> (cases: String, zero: String) {
        func isFlagged(_ day: String) -> Bool { centre.college.expected[day]?[Self.branch]?.flagged ?? 0 > 0 }
        let days = centre.college.days.filter { $0 != centre.college.words("last_day") }
        return (try #require(days.first(where: isFlagged)), try #require(days.first { !isFlagged($0) }))
    }

    private func somebody(_ centre: Centre) throws -> String {
        let line = try College.lines(centre.college.folder + "/people.csv").first {
            $0.contains(",\(Self.branch),")
        }
        return String(try #require(line?.split(separator: ",").first))
    }

    private func row(_ centre: Centre, _ day: String) async throws -> [String: String] {
        let export = try await centre.export("daily-report", "--from", day, "--to", day).output
        let lines = export.split(whereSeparator: \.isNewline).map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
        let line = try #require(lines.dropFirst().first { $0.contains(Self.branch) })
        return Dictionary(zip(lines[0], line)) { first, _ in first }
    }

    /// The zero report stands beside a fever now, and a report that was typed says other numbers than its
    /// check-ins: each is named with what contradicts it, and counted on the board.
    private func expectContradiction(_ centre: Centre, _ day: String) async throws {
        let other = centre.college.words("last_day")
        let typed = [
            "add", "daily-report", "day=" + other, "unit=" + Self.branch, "kind=CASES", "n_register=999",
        ]
        let data = ["--data", centre.data(Self.branch)]
        let refused = try await centre.place.run("branch-agent", typed + data, expecting: [64])
        #expect(refused.remarks.contains("n_register=999, and ") && refused.remarks.contains("--as-stated"))
        let kept = try await centre.place.run("branch-agent", typed + ["--as-stated"] + data)
        #expect(kept.output.contains("counted from ") && kept.output.contains("n_register="))
        let then = try await report(centre, "--then", "--day", other)
        #expect(then.output.contains("it was typed in, not signed with"), "nothing has changed since")
        let counted: Report = try await report(centre, "--then", "--day", other, "--json").json()
        #expect(counted.isAsTyped == true && counted.then("n_register") == 999)
        // What is there already says its kind: a remark alone is added to it.
        try await centre.branch(
            Self.branch, "add", "daily-report", "day=" + other, "unit=" + Self.branch, "remark=later")
        #expect(try await centre.sync(Self.branch).drained)
        try await centre.hub("rules")
        let concerns = try await centre.export("concern").output.split(separator: "\n")
        let zero = try #require(concerns.first { $0.contains("zero-beside-findings") && $0.contains(day) })
        #expect(zero.contains("daily-report \(day) \(Self.branch)"))
        #expect(zero.contains("check-in \(day) \(try somebody(centre))"), "both are named")
        let counts = try #require(concerns.first { $0.contains("counts-differ") && $0.contains(other) })
        #expect(counts.contains("n_register=999/"))
        let board = try await centre.hub(
            "board", "concerns", "--day", day, "--json", "--explain", "zero_beside_findings"
        ).output
        #expect(board.contains("\"count\":1") && board.contains("zero-beside-findings"))
        let brief = try await centre.hub("brief", day, "--format", "csv").output
        #expect(brief.contains("concerns,\(Self.branch),zero_beside_findings,1"))
    }

    /// Another day's alerts are none of this day's brief.
    private func expectOwnDayAlone(_ centre: Centre, _ day: String) async throws {
        let last = centre.college.words("last_day")
        try await centre.hub(
            "add", "check-in", "day=" + last, "person=" + (try somebody(centre)), "temperature=39")
        func open(_ day: String) async throws -> Int {
            let lines = try await centre.hub("brief", day, "--format", "csv").output.split(separator: "\n")
            let line = try #require(lines.first { $0.hasPrefix("\(day),alerts,,open,") })
            return try #require(line.split(separator: ",").last.flatMap { Int($0) })
        }
        let before = try await open(day)
        let alerts = try await centre.hub("export", "alert").output.split(separator: "\n").dropFirst()
        #expect(before == alerts.count { $0.prefix(10) <= day } && before < alerts.count)
        #expect(try await open(last) == alerts.count)
    }

    /// What a paper says is kept, and that it differs is said; a zero that is typed beside a fever is not
    /// taken without a word either.
    private func expectPaperIsEvidence(_ centre: Centre, _ cases: String) async throws {
        struct Imported: Decodable {
            struct Row: Decodable {
                struct Difference: Decodable {
                    var field: String
                    var says: Int
                    var counted: Int
                }
                var unit: String
                var differences: [Difference]
            }
            var accepted: Int
            var differing: [Row]
        }
        let wanted = try #require(centre.college.expected[cases]?[Self.branch])
        let denied = try await centre.branch(
            Self.branch, "add", "daily-report", "day=" + cases, "unit=" + Self.branch, "kind=ZERO",
            expecting: [64])
        #expect(denied.remarks.contains("check-in \(cases)"))
        let file = centre.place.path("paper.csv")
        let sheet = "unit_id,report_date,report_kind,n_register\n\(Self.branch),\(cases),CASES,7777\n"
        try sheet.write(toFile: file, atomically: true, encoding: .utf8)
        let dry: Imported = try await centre.branch(
            Self.branch, "import", "daily-report", file, "--dry-run", "--json"
        ).json()
        #expect(dry.accepted == 1 && dry.differing.map(\.unit) == [Self.branch])
        let difference = try #require(dry.differing.first?.differences.first)
        #expect(difference.field == "n_register" && difference.says == 7_777)
        #expect(difference.counted == wanted.register)
    }

    private func expectRefusals(_ centre: Centre, _ cases: String, _ zero: String) async throws {
        let mistyped = try await report(centre, "--day", cases, "--shown", "00000000", expecting: [1])
        #expect(
            mistyped.remarks.contains("00000000 is not the code") && mistyped.remarks.contains("mistyped"))
        _ = try await report(centre, "--day", zero, "--unit", "NOBODY", "--zero", expecting: [66])
        _ = try await report(centre, "--day", zero, "--then", expecting: [66])
    }

    /// Nobody has reported: that is missing at the centre, in figures and in records, and no zero.
    private func expectNoReport(_ centre: Centre, _ day: String) async throws {
        struct Coverage: Decodable {
            struct Line: Decodable {
                struct Report: Decodable {
                    var status: String
                    var kind: String?
                }
                var unit: String
                var report: Report
            }
            var units: [Line]
        }
        struct Table: Decodable { var total: [String: Int] }
        let coverage: Coverage = try await centre.hub("coverage", "--date", day, "--json").json()
        let line = try #require(coverage.units.first { $0.unit == Self.branch })
        #expect(line.report.status == "MISSING" && line.report.kind == nil)
        let board: Table = try await centre.hub("board", "reports", "--day", day, "--json").json()
        #expect(board.total["zero"] == 0 && board.total["missing"] ?? 0 > 0)
        let rows = try await centre.export("daily-report", "--from", day, "--to", day).output
        #expect(rows.split(separator: "\n").count == 1, "the heading alone")
    }

    private func expectToldWhatBecameWrong(_ centre: Centre, _ day: String) async throws {
        let asked = try await report(centre, "--day", day, "--json", expecting: [64]).output
        #expect(asked.contains("\"code\":"), "also for scripts, what is shown has a code")
        try await expectContradiction(centre, day)
        try await expectOwnDayAlone(centre, day)
    }

    @Test func countedShownSignedAndComparedWithWhatCameLater() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join(Self.branch)
        try await centre.sync(Self.branch)
        try await centre.close()
        // No link from here on.
        try await centre.importSheets(of: Self.branch)
        let (cases, zero) = try days(centre)

        try await expectPaperIsEvidence(centre, cases)
        let denied = try await report(centre, "--zero", "--day", cases, expecting: [64])
        #expect(denied.remarks.contains("check-in \(cases)"), "who contradicts it is named")
        let silent = try await report(centre, "--day", zero, expecting: [64])
        #expect(silent.remarks.contains("--zero"), "silence is never zero")
        try await expectNoReport(centre, zero)
        try await expectRefusals(centre, cases, zero)
        // A unit of whose people nothing is known here, and what is counted typed over.
        _ = try await report(centre, "--day", zero, "--unit", "B01", "--zero", expecting: [66])
        let over = try await report(centre, "n_register=99", "--day", zero, "--zero", expecting: [64])
        #expect(over.remarks.contains("n_register is counted"))
        for (day, flags) in [(cases, [String]()), (zero, ["--zero"])] {
            let wanted = try #require(centre.college.expected[day]?[Self.branch])
            let arguments = flags + ["remark=r1", "--day", day]
            let shown = try await centre.place.run(
                "branch-agent", ["report"] + arguments + ["--data", centre.data(Self.branch)], expecting: [64]
            )
            let code = try #require(shown.output.split { $0 == " " || $0 == "\n" }.last.map(String.init))
            let signed: Report = try await centre.place.run(
                "branch-agent",
                ["report"] + arguments + ["--shown", code, "--json", "--data", centre.data(Self.branch)]
            ).json()
            #expect(shown.output.contains("remark=r1"), "what is signed is shown")
            #expect(shown.remarks.contains("'remark=r1'"), "and is in what is to be run again")
            #expect(signed.kind == (flags.isEmpty ? "CASES" : "ZERO") && signed.isUnchanged)
            #expect(signed.now("n_register") == wanted.register && signed.counted == wanted.checkedIn)
            #expect(signed.now("n_checked_in") == wanted.checkedIn)
            #expect(signed.now("n_missing") == wanted.missing && signed.now("n_excused") == wanted.excused)
            let found = (signed.now("n_temp_ge_37_3") ?? 0) + (signed.now("n_symptom") ?? 0)
            #expect(found >= wanted.flagged && (found == 0) == (wanted.flagged == 0))
        }

        let queued = try await centre.status(Self.branch).queued
        let code = try #require(
            try await report(centre, "remark=r1", "--day", cases, expecting: [64]).output
                .split { $0 == " " || $0 == "\n" }.last)
        let again = try await report(centre, "remark=r1", "--day", cases, "--shown", String(code))
        #expect(again.output.contains("unchanged"))
        #expect(try await centre.status(Self.branch).queued == queued)

        try await centre.open()
        #expect(try await centre.sync(Self.branch).drained)
        let row = try await row(centre, zero)
        #expect(row["kind"] == "ZERO" && row["n_symptom"] == "0" && row["n_temp_ge_37_3"] == "0")
        let line = try await centre.hub("coverage", "--date", zero, "--unit", Self.branch, "--json").output
        #expect(line.contains("ZERO"))

        // A fever that is entered later is not hidden by the report.
        let added = try await centre.branch(
            Self.branch, "add", "check-in", "day=" + zero,
            "person=" + (try somebody(centre)), "temperature=38.1")
        #expect(added.remarks.contains("no longer says") && added.remarks.contains(zero), "told at once")
        try await expectToldWhatBecameWrong(centre, zero)
        let then: Report = try await report(centre, "--then", "--day", zero, "--json").json()
        #expect(!then.isUnchanged && then.kind == "ZERO")
        #expect(then.then("n_temp_ge_37_3") == 0 && then.now("n_temp_ge_37_3") == 1)
        let same: Report = try await report(centre, "--then", "--day", cases, "--json").json()
        #expect(same.isUnchanged && same.counts.allSatisfy { $0.then == $0.now })
        try await centre.close()
    }
}
