import Foundation
import Testing

/// A sheet that was exported is safe to open, and can be imported again.
@Suite(.timeLimit(.minutes(4))) struct ExportTests {
    private static let remarks = [
        "=1+1", "=cmd|' /C calc'!A0", "+86 138", "-2+3", "@SUM(1)", "\t=1", "\r=1", "＝1", "'=1", "''@x",
        "'quoted'",
        "two\nlines", "a,b \"c\"", "plain",
    ]

    /// Person and remark of each line; a doubled quote within a cell is left out.
    private func remarks(_ csv: String) throws -> [String: String] {
        var rows: [[String]] = [[""]]
        var isQuoted = false
        for scalar in csv.unicodeScalars {
            let last = rows.count - 1
            switch scalar {
            case "\"": isQuoted.toggle()
            case "," where !isQuoted: rows[last].append("")
            case "\n" where !isQuoted: rows.append([""])
            default: rows[last][rows[last].count - 1].unicodeScalars.append(scalar)
            }
        }
        let header = rows.removeFirst()
        let person = try #require(header.firstIndex(of: "person"))
        let remark = try #require(header.firstIndex(of: "remark"))
        let full = rows.filter { $0.count == header.count }
        return Dictionary(uniqueKeysWithValues: full.map { ($0[person], $0[remark]) })
    }

    /// Check-ins of the day that the board has as edited.
    private func edited(_ crowd: Crowd) async throws -> Int {
        struct Board: Decodable {
            var total: [String: Int]
        }
        let board: Board = try await crowd.hub("board", "coverage", "--day", crowd.days[0], "--json").json()
        return try #require(board.total["edited"])
    }

    /// At the centre as well, with its times, which exports write in UTC.
    @Test func whatTheCentreExportsItTakesBackAsItWas() async throws {
        let crowd = try await Crowd(branches: 1, persons: 1, days: 1)
        try await crowd.hub(
            "add", "duty-shift", "unit=B000", "place=1", "from=2020-02-03 08:00", "to=2020-02-03 20:00",
            "person=S000000", "phone=13800000000", "note==1+1")
        let exported = try await crowd.export("duty-shift").output
        #expect(exported.contains("2020-02-03T00:00:00Z"))
        let file = crowd.place.path("again.csv")
        try exported.write(toFile: file, atomically: true, encoding: .utf8)
        let counts: ImportCounts = try await crowd.hub("import", "duty-shift", file, "--json").json()
        #expect(counts.unchanged == 1 && counts.accepted == 0 && counts.rejected == 0, "\(counts)")
        #expect(try await crowd.export("duty-shift").output == exported)
        // Another day in it is another shift.
        try exported.replacing("-03T", with: "-04T").write(toFile: file, atomically: true, encoding: .utf8)
        let more: ImportCounts = try await crowd.hub("import", "duty-shift", file, "--json").json()
        #expect(more.accepted == 1 && more.rejected == 0, "\(more)")
    }

    @Test func whatWouldBeAFormulaIsNoneAndComesBack() async throws {
        let crowd = try await Crowd(branches: 1, persons: Self.remarks.count, days: 1)
        try await crowd.open()
        try await crowd.join("B000")
        let persons = crowd.branches[0].persons
        for (person, remark) in zip(persons, Self.remarks) {
            try await crowd.branch(
                "B000", "add", "check-in", "day=\(crowd.days[0])", "person=\(person)", "temperature=36.5",
                "remark=\(remark)")
        }
        #expect(try await crowd.sync("B000").drained)
        let exported = try await crowd.export("check-in").output
        let cells = try remarks(exported)
        #expect(cells.count == Self.remarks.count)
        for (person, remark) in zip(persons, Self.remarks) {
            let cell = try #require(cells[person])
            #expect(!["=", "+", "-", "@", "\t", "\r", "＝"].contains { cell.hasPrefix($0) }, "\(cell)")
            if remark.hasPrefix("=") { #expect(cell == "'" + remark) }
            if remark == "plain" || remark == "'quoted'" { #expect(cell == remark) }
        }
        // Imported again where it came from it says nothing new: nobody has edited anything.
        let again = crowd.place.path("again.csv")
        try exported.write(toFile: again, atomically: true, encoding: .utf8)
        let counts: ImportCounts = try await crowd.branch("B000", "import", "check-in", again, "--json")
            .json()
        #expect(counts.accepted == 0 && counts.rejected == 0, "\(counts)")
        #expect(counts.unchanged == Self.remarks.count)
        #expect(try await crowd.sync("B000").drained)
        #expect(try await edited(crowd) == 0)
        #expect(try await crowd.export("check-in").output == exported)
        // What somebody has changed in it is one.
        try exported.replacing("36.5", with: "36.7", maxReplacements: 1).write(
            toFile: again, atomically: true, encoding: .utf8)
        try await crowd.branch("B000", "import", "check-in", again)
        #expect(try await crowd.sync("B000").drained)
        #expect(try await edited(crowd) == 1)
        try await crowd.close()
        // Another hub, of the same people, that hears of it by that sheet.
        let other = try await Crowd(branches: 1, persons: Self.remarks.count, days: 1)
        try await other.open()
        try await other.join("B000")
        let file = other.place.path("exported.csv")
        try exported.write(toFile: file, atomically: true, encoding: .utf8)
        try await other.branch("B000", "import", "check-in", file)
        #expect(try await other.sync("B000").drained)
        #expect(try remarks(try await other.export("check-in").output) == cells)
        let shown = try await other.place.run(
            "branch-agent",
            [
                "history", "check-in", other.days[0], persons[0], "--unmask", "--reason", "a test", "--data",
                other.data("B000"),
            ]
        ).output
        #expect(shown.contains("=1+1") && !shown.contains("'=1+1"), "\(shown)")
        try await other.close()
    }
}
