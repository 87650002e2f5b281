import Foundation
import Testing

/// S1, the dated tree: a unit that comes under another takes nothing of the past with it. The board, the
/// brief, who is responsible and who is told are as of the day that is asked about, at the centre and at the
/// branches.
@Suite(.timeLimit(.minutes(10))) struct S1TreeTests {
    private struct Then: Decodable {
        var unit: String
        var person: String
    }
    private struct Raised: Decodable {
        var key: String
        var turn: String?
        var responsible: [Then]
    }
    private struct Explained: Decodable {
        struct Item: Decodable {
            var unit: String
            var responsible: [Then]
        }
        var items: [Item]
    }
    private struct Counts: Decodable {
        var accepted: Int
        var unchanged: Int
        var rejected: Int
        var moved: [String]
        var elsewhere: [String]
    }
    private struct Told: Decodable {
        struct Entry: Decodable { var dot: String }

        var versions: [Entry]
    }

    /// A committee without a roster, two general branches that have one each, the second from today on, and
    /// a branch below the first. `a` is the branch's device, `g1` and `g2` those of the general branches.
    private final class Story {
        let centre: Hub
        let place: Place
        let days: [String]
        var yesterday: String { days[0] }
        var today: String { days[1] }

        static let heading = "unit_id,unit_name,parent_id,line"

        init() async throws {
            place = try Place()
            centre = try await Hub(in: place, name: "Test committee")
            let now = Date(timeIntervalSinceNow: 8 * 3_600)
            days = [-1.0, 0, 2].map { String((now + $0 * 86_400).ISO8601Format().prefix(10)) }
            try await take(
                "units",
                [
                    Self.heading, "C0,Committee,,party", "G1,General 1,C0,party", "G2,General 2,C0,party",
                    "B01,Branch 1,G1,party",
                ])
            try await take(
                "people",
                ["person_id,name,unit_id", "P1,Person 1,B01", "P5,Person 5,B01", "P9,Person 9,G2"])
            try await take(
                "duty-shift",
                [
                    "unit_id,from_time,place,to_time,person_id,phone,leader",
                    "G1,\(yesterday) 00:00,1,\(days[2]) 00:00,D1,10091,N",
                    "G2,\(today) 00:00,1,\(days[2]) 00:00,D2,10092,N",
                ])
            for (unit, person) in [("G1", "T1"), ("G2", "T2")] {
                try await centre.hub(
                    "add", "appointment", "unit=\(unit)", "role=secretary", "from=2020-01-01",
                    "person=\(person)", "phone=10000000001")
            }
            try await centre.open()
            for (name, unit) in [("a", "B01"), ("g1", "G1"), ("g2", "G2")] {
                try await centre.join(unit, as: name)
            }
        }

        @discardableResult func take(
            _ kind: String, _ lines: [String], expecting code: Int32 = 0
        ) async throws -> Counts {
            try await centre.hub("import", kind, file(kind, lines), "--json", expecting: [code]).json()
        }

        /// What is said of a sheet, beside the figures.
        func said(_ lines: [String], expecting code: Int32 = 0) async throws -> String {
            try await centre.hub("import", "units", file("units", lines), expecting: [code]).remarks
        }

        private func file(_ kind: String, _ lines: [String]) throws -> String {
            let file = place.path(kind + ".csv")
            try (lines.joined(separator: "\n") + "\n").write(toFile: file, atomically: true, encoding: .utf8)
            return file
        }

        func add(_ person: String, _ day: String, _ temperature: String) async throws {
            try await centre.branch(
                "a", "add", "check-in", "day=\(day)", "person=\(person)", "temperature=\(temperature)")
        }

        func sync(_ names: String...) async throws {
            for name in names { #expect(try await centre.sync(name).drained) }
        }

        func holds(_ name: String, _ form: String, _ day: String, _ id: String) async throws -> Bool {
            let outcome = try await centre.branch(
                name, "history", form, day, id, "--json", expecting: [0, 66])
            guard outcome.code == 0 else { return false }
            let told: Told = try outcome.json()
            return !told.versions.isEmpty
        }

        /// Units that nobody's roster covers on a day, by the board; and the brief of the day.
        func asked(_ day: String) async throws -> (uncovered: [String], brief: String) {
            let board: Explained = try await centre.hub(
                "board", "concerns", "--day", day, "--json", "--explain", "uncovered"
            ).json()
            return (board.items.map(\.unit), try await centre.hub("brief", day, "--format", "csv").output)
        }

        /// By day: whose turn an alert is, and whose it was to answer for.
        func alerts(at name: String? = nil) async throws -> [String: Raised] {
            let outcome =
                if let name {
                    try await centre.branch(name, "alerts", "--all", "--json")
                } else {
                    try await centre.hub("alerts", "list", "--json")
                }
            let rows: [Raised] = try outcome.json()
            return Dictionary(
                rows.filter { $0.key.contains("symptoms") }.map { (String($0.key.prefix(10)), $0) },
                uniquingKeysWith: { first, _ in first })
        }
    }

    @Test func aUnitIsMovedAndThePastStaysAsItWas() async throws {
        let story = try await Story()
        let (yesterday, today) = (story.yesterday, story.today)
        try await story.add("P1", yesterday, "36.5")
        try await story.centre.branch(
            "a", "add", "daily-report", "day=\(yesterday)", "unit=B01", "kind=ZERO")
        try await story.sync("a", "g1", "g2")
        #expect(try await story.holds("g1", "check-in", yesterday, "P1"))
        #expect(try await !story.holds("g2", "check-in", yesterday, "P1"))
        let before = try await story.asked(yesterday)
        #expect(before.uncovered == ["G2"], "its roster begins today")

        // Moved as of today, said in words; the branch has entries from before in its queue.
        try await story.add("P5", yesterday, "38.5")
        let moved = try await story.said([Story.heading, "B01,Branch 1,G2,party"])
        #expect(moved.contains("1 unit comes under another as of today") && moved.contains("B01"))
        let after = try await story.asked(yesterday)
        #expect(after.uncovered == before.uncovered && after.brief == before.brief)
        try await story.add("P1", today, "38.6")
        try await story.sync("a", "g1", "g2")

        // Who is told, and who was responsible, at the centre and by the branch's own copy.
        _ = try await story.centre.hub("rules")
        try await story.sync("a", "g1", "g2")
        for rows in [try await story.alerts(), try await story.alerts(at: "a")] {
            #expect(rows[yesterday]?.responsible.map(\.person) == ["T1"], "\(rows)")
            #expect(rows[today]?.responsible.map(\.person) == ["T2"])
            #expect(rows[yesterday]?.turn == "D1" && rows[today]?.turn == "D2", "\(rows)")
        }
        for (day, unit, person) in [(yesterday, "G1", "T1"), (today, "G2", "T2")] {
            let board: Explained = try await story.centre.hub(
                "board", "coverage", "--day", day, "--json", "--explain", "B01/checked_in"
            ).json()
            #expect(!board.items.isEmpty && board.items.allSatisfy { $0.responsible.map(\.unit) == [unit] })
            #expect(board.items.allSatisfy { $0.responsible.map(\.person) == [person] })
        }

        // The old head unit keeps what was its and gets nothing new; the new one has both.
        for person in ["P1", "P5"] {
            #expect(try await story.holds("g1", "check-in", yesterday, person), "\(person)")
            #expect(try await story.holds("g2", "check-in", yesterday, person), "\(person)")
        }
        #expect(try await story.holds("g1", "daily-report", yesterday, "B01"))
        #expect(try await story.holds("g2", "daily-report", yesterday, "B01"))
        #expect(try await !story.holds("g1", "check-in", today, "P1"))
        #expect(try await story.holds("g2", "check-in", today, "P1"))
        #expect(try await story.alerts(at: "g1").keys.sorted() == [yesterday])
        #expect(try await story.alerts(at: "g2").keys.sorted() == [yesterday, today])
        #expect(try await story.centre.hub("status").code == 0)
        try await story.centre.close()
    }

    /// Under a head for a time, with people of it who left: every device holds what the hub counts for it.
    @Test func whoWasUnderAHeadForATimeIsCountedAlikeAtBothEnds() async throws {
        let story = try await Story()
        let (yesterday, today) = (story.yesterday, story.today)
        try await story.add("P1", yesterday, "36.5")
        try await story.add("P5", yesterday, "36.6")
        let dated = Story.heading + ",effective_date"
        #expect(
            try await story.take("units", [dated, "B01,Branch 1,G2,party,\(yesterday)"]).moved == ["B01"])
        try await story.sync("a", "g1", "g2")
        try await story.take("units", [dated, "B01,Branch 1,G1,party,\(today)"])
        try await story.add("P1", today, "36.7")
        try await story.take(
            "register-changes",
            ["effective_date,person_id,change,from_unit,to_unit", "\(today),P5,MOVE,B01,G2"])
        // A head that has not heard of it yet looks as if it had lost something: it is told to sync first.
        let early = try await story.place.run(
            "sync-inspect", ["reconcile", "--data", story.centre.data("g2")], expecting: [0, 6])
        let said = early.output + early.remarks
        #expect(early.code == 0 || said.contains("compare again before anything else"), "\(said)")
        try await story.sync("a", "g1", "g2", "a")
        try await story.centre.join("G2", as: "late")
        try await story.sync("late")
        for name in ["a", "g1", "g2", "late"] {
            let outcome = try await story.place.run(
                "sync-inspect", ["reconcile", "--data", story.centre.data(name), "--json"],
                expecting: [0, 6])
            let report: Reconciled = try outcome.json()
            #expect(report.agrees && report.isComplete, "\(name): \(report.words)")
        }
        // The head has the day that was its own, and knows who was on the register then.
        for name in ["g2", "late"] {
            #expect(try await story.holds(name, "check-in", yesterday, "P1"))
            #expect(try await !story.holds(name, "check-in", today, "P1"))
            let stay = try await story.centre.branch(
                name, "history", "membership", "P1", "1900-01-01", "--json", expecting: [0, 66])
            #expect(stay.code == 0, "\(name): \(stay.remarks)")
        }
        try await story.centre.close()
    }

    /// A head that looks at an alert of a unit below names who answers for that one, not itself.
    @Test func aHeadNamesWhoIsResponsibleForTheAlertsUnit() async throws {
        let story = try await Story()
        try await story.centre.hub(
            "add", "appointment", "unit=B01", "role=secretary", "from=2020-01-01", "person=T3",
            "phone=10000000003")
        try await story.add("P1", story.today, "38.6")
        try await story.sync("a", "g1")
        for name in ["g1", "a", nil] {
            let rows = try await story.alerts(at: name)
            #expect(rows[story.today]?.responsible.map(\.person) == ["T3"], "\(name ?? "centre"): \(rows)")
            #expect(rows[story.today]?.responsible.map(\.unit) == ["B01"])
        }
        try await story.centre.close()
    }

    /// Whatever sheet is imported again: a parent that a unit has had already needs a day.
    @Test func anOldSheetMovesNothingBack() async throws {
        let story = try await Story()
        let (yesterday, today) = (story.yesterday, story.today)
        let dated = Story.heading + ",effective_date"
        try await story.take("units", [dated, "B01,Branch 1,G2,party,\(yesterday)"])
        #expect(try await story.take("units", [Story.heading, "B01,Branch 1,C0,party"]).moved == ["B01"])
        for parent in ["G1", "G2"] {
            let sheet = [Story.heading, "B01,Branch 1,\(parent),party"]
            let old = try await story.take("units", sheet)
            #expect(old.moved.isEmpty && old.elsewhere == ["B01"] && old.unchanged == 1, "\(parent)")
            let words = try await story.said(sheet)
            #expect(words.contains("stay there: B01") && words.contains("effective_date"), "\(words)")
        }
        // Nor one of a move that is planned.
        let ahead = story.days[2]
        #expect(
            try await story.take("units", [dated, "G2,General 2,G1,party,\(ahead)"]).moved == ["G2"])
        #expect(
            try await story.take("units", [Story.heading, "G2,General 2,G1,party"]).elsewhere == ["G2"])
        let back = try await story.take("units", [dated, "B01,Branch 1,G2,party,\(today)"])
        #expect(back.moved == ["B01"] && back.elsewhere.isEmpty)
        try await story.centre.close()
    }

    /// A unit's rows with several days are its history, and what is exported comes back as it was.
    @Test func aTreeWithItsHistoryIsOneSheet() async throws {
        let story = try await Story()
        let (yesterday, today) = (story.yesterday, story.today)
        let sheet = [
            Story.heading + ",effective_date", "B01,Branch 1,G1,party,\(today)",
            "B01,Branch 1,G2,party,\(yesterday)", "B01,Branch 1,G1,party,",
            // Of a new one: before its day it stands under nobody.
            "B02,Branch 2,G1,party,\(today)",
        ]
        let taken = try await story.take("units", sheet)
        #expect(taken.accepted == 3 && taken.unchanged == 1 && taken.rejected == 0)
        #expect(taken.moved == ["B01"] && taken.elsewhere.isEmpty)
        let exported = try await story.centre.hub("export", "units").output
        let lines = exported.split(separator: "\n").map(String.init)
        #expect(lines.first == "unit_id,unit_name,unit_type,parent_id,line,effective_date")
        #expect(
            lines.filter { $0.hasPrefix("B0") } == [
                "B01,Branch 1,,G1,party,", "B01,Branch 1,,G2,party,\(yesterday)",
                "B01,Branch 1,,G1,party,\(today)", "B02,Branch 2,,,party,",
                "B02,Branch 2,,G1,party,\(today)",
            ])
        let again = try await story.take("units", lines)
        #expect(again.accepted == 0 && again.unchanged == lines.count - 1 && again.rejected == 0)
        #expect(again.moved.isEmpty && again.elsewhere.isEmpty)
        // Into another hub, and out of it: the same bytes.
        let other = story.place.path("other")
        try await story.place.run("aggregator", ["init", "--name", "Other", "--data", other])
        try exported.write(toFile: story.place.path("tree.csv"), atomically: true, encoding: .utf8)
        try await story.place.run(
            "aggregator", ["import", "units", story.place.path("tree.csv"), "--data", other])
        let copy = try await story.place.run("aggregator", ["export", "units", "--data", other])
        #expect(copy.output == exported)
        // One day twice is no history, nor are two names.
        let twice = [
            Story.heading + ",effective_date", "B01,Branch 1,G2,party,\(story.days[2])",
            "B01,Branch 1,C0,party,\(story.days[2])", "B02,Branch 2,G2,party,\(story.days[2])",
            "B02,Branch two,C0,party,\(today)",
        ]
        let refused = try await story.take("units", twice, expecting: 1)
        #expect(refused.accepted == 2 && refused.rejected == 2)
        let words = try await story.said(twice, expecting: 1)
        #expect(words.contains("stands on line 2 already") && words.contains("line 4 describes this unit"))
        try await story.centre.close()
    }

    /// A row that is refused puts nobody anywhere.
    @Test func aRefusedRowMakesNoRing() async throws {
        let story = try await Story()
        let taken = try await story.take(
            "units",
            [
                Story.heading, "G1,General 1,G2,party", "G2,General 2,G1,nonsense", "N1,New 1,N2,party",
                "N2,New 2,N3,party", "N3,New 3,N2,party", "N4,New 4,G1,party",
            ], expecting: 1)
        #expect(taken.rejected == 4 && taken.accepted == 2 && taken.moved == ["G1"], "\(taken)")
        try await story.centre.close()
    }

    @Test func theSameSheetMovesNothingTwiceAndAWrongOneIsMended() async throws {
        let story = try await Story()
        let (yesterday, today) = (story.yesterday, story.today)
        try await story.add("P1", yesterday, "36.5")
        try await story.add("P1", today, "36.6")
        try await story.sync("a", "g1", "g2")
        let sheet = [Story.heading, "B01,Branch 1,G2,party"]
        #expect(try await story.take("units", sheet).moved == ["B01"])
        let again = try await story.take("units", sheet)
        #expect(again.unchanged == 1 && again.moved.isEmpty && again.elsewhere.isEmpty)
        let first = [Story.heading, "B01,Branch 1,G1,party"]
        let old = try await story.take("units", first)
        #expect(old.unchanged == 1 && old.elsewhere == ["B01"])
        #expect(try await story.said(first).contains("stay there: B01"))
        try await story.sync("g1", "g2")
        #expect(try await !story.holds("g1", "check-in", today, "P1"))
        // It was a mistake: from that day on it stands where it stood.
        let dated = Story.heading + ",effective_date"
        let back = try await story.take("units", [dated, "B01,Branch 1,G1,party,\(today)"])
        #expect(back.moved == ["B01"])
        try await story.sync("g1", "g2")
        for day in [yesterday, today] {
            #expect(try await story.holds("g1", "check-in", day, "P1"))
            #expect(try await !story.holds("g2", "check-in", day, "P1"))
        }
        // A blank: at the top from a day on, which nobody above sees.
        #expect(
            try await story.take("units", [dated, "B01,Branch 1,,party,\(today)"]).moved == ["B01"])
        try await story.sync("g1")
        #expect(try await story.holds("g1", "check-in", yesterday, "P1"))
        #expect(try await !story.holds("g1", "check-in", today, "P1"))
        // Below itself, by one sheet or by two: refused, with the line that would go round.
        let ring = [Story.heading, "G1,General 1,G2,party", "G2,General 2,G1,party"]
        let refused = try await story.take("units", ring, expecting: 1)
        #expect(refused.rejected == 2 && refused.moved.isEmpty)
        let words = try await story.said(ring, expecting: 1)
        #expect(words.contains("G1 would stand below itself: G1 < G2 < G1"), "\(words)")
        #expect(try await story.take("units", [Story.heading, "G1,General 1,G2,party"]).accepted == 1)
        let second = try await story.said([Story.heading, "C0,Committee,G1,party"], expecting: 1)
        #expect(second.contains("C0 < G1 < G2 < C0"), "\(second)")
        try await story.centre.close()
    }
}
