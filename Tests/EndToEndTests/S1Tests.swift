import Foundation
import Testing

/// S1, register of people and units: a spreadsheet of N people gives accepted + rejected = N, each
/// rejection with its row and reason; the same file again changes nothing; a move never loses unsent work,
/// and each day's figures use the register as of that day. With several devices in one branch, and people
/// who move to another.
@Suite struct S1Tests {
    private struct Told: Decodable {
        struct Entry: Decodable { var dot: String }

        var conflict: Bool
        var versions: [Entry]
    }

    /// `conflicts show`, as far as it is needed to decide.
    private struct Shown: Decodable { var shown: String }

    /// A committee with two branches. P1 and P5 belong to the first, which has two devices; P7 to the second.
    private final class Story {
        let centre: Hub
        let place: Place
        let today: String
        let yesterday: String

        init() async throws {
            place = try Place()
            centre = try await Hub(in: place, name: "Test committee")
            let now = Date(timeIntervalSinceNow: 8 * 3_600)
            today = String(now.ISO8601Format().prefix(10))
            yesterday = String((now - 86_400).ISO8601Format().prefix(10))
            try await importSheet(
                "units",
                [
                    "unit_id,unit_name,unit_type,parent_id,line", "C0,Committee,committee,,party",
                    "B01,Branch 1,branch,C0,party", "B02,Branch 2,branch,C0,party",
                ])
            try await importSheet(
                "people",
                ["person_id,name,unit_id", "P1,Person 1,B01", "P5,Person 5,B01", "P7,Person 7,B02"])
            try await centre.open()
            for (name, unit) in [("a", "B01"), ("b", "B01"), ("c", "B02")] {
                try await centre.join(unit, as: name)
            }
        }

        func importSheet(_ kind: String, _ lines: [String]) async throws {
            let file = place.path(kind + ".csv")
            try (lines.joined(separator: "\n") + "\n").write(toFile: file, atomically: true, encoding: .utf8)
            try await centre.hub("import", kind, file)
        }

        func add(_ name: String, _ day: String, _ person: String, _ temperature: String) async throws {
            try await centre.branch(
                name, "add", "check-in", "day=\(day)", "person=\(person)", "temperature=\(temperature)")
        }

        func move(_ person: String) async throws {
            try await importSheet(
                "register-changes",
                [
                    "effective_date,person_id,change,from_unit,to_unit,note",
                    "\(today),\(person),MOVE,B01,B02,",
                ])
        }

        func sync(_ names: String...) async throws {
            for name in names { #expect(try await centre.sync(name).drained) }
        }

        /// Versions that a branch holds of a check-in; 0 when nothing is known of it.
        func versions(_ name: String, _ day: String, _ person: String) async throws -> Int {
            let outcome = try await centre.branch(
                name, "history", "check-in", day, person, "--json", expecting: [0, 66])
            guard outcome.code == 0 else { return 0 }
            let told: Told = try outcome.json()
            return told.versions.count
        }

        func isInConflict(_ name: String, _ day: String, _ person: String) async throws -> Bool {
            let told: Told = try await centre.branch(name, "history", "check-in", day, person, "--json")
                .json()
            return told.conflict
        }

        func figures(_ day: String, _ unit: String) async throws -> [Int] {
            let board: Board = try await centre.hub("coverage", "--date", day, "--json").json()
            let line = try #require(board.units.first { $0.unit == unit })
            return [line.register, line.checkedIn, line.missing]
        }
    }

    private struct Counts: Decodable {
        struct Refused: Decodable {
            var line: Int
            var reason: String
        }
        var records: Int
        var accepted: Int
        var unchanged: Int
        var rejected: Int
        var blank: Int
        var moved: [String]
        var elsewhere: [String]
        var errors: [Refused]
    }

    @Test func aSheetIsTakenOrRefusedRowByRow() async throws {
        let story = try await Story()
        let file = story.place.path("more.csv")
        let rows = [
            "person_id,name,unit_id", "P8,Person 8,B02", ",Nobody,B01", "P9,Person 9,B99", "P1,Person 1,B01",
            "P10,Person 10", "P11,Person 11,",
        ]
        try rows.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        let first: Counts = try await story.centre.hub("import", "people", file, "--json", expecting: [1])
            .json()
        #expect(first.records == 6 && first.accepted + first.unchanged + first.rejected == 6)
        #expect(first.accepted == 2 && first.unchanged == 1)
        #expect(first.errors.map(\.line) == [3, 4, 6], "each with its row")
        #expect(first.errors.map(\.reason) == ["missing_key", "unknown_unit", "malformed_row"])
        let again: Counts = try await story.centre.hub("import", "people", file, "--json", expecting: [1])
            .json()
        #expect(again.accepted == 0 && again.unchanged == 3 && again.rejected == 3)
        #expect(try await story.figures(story.today, "B02") == [2, 0, 2])
        try await story.centre.close()
    }

    /// The four sheets of a college, each twice: the second time nothing changes, in figures and in records.
    @Test func theSameSheetsAgainChangeNothing() async throws {
        let centre = try await Centre()
        func everything() async throws -> [String] {
            var found: [String] = []
            for form in ["unit", "person", "membership", "excuse"] {
                found.append(try await centre.export(form).output)
            }
            for day in [centre.college.days[0], centre.college.words("last_day")] {
                found.append(try await centre.hub("coverage", "--date", day, "--json").output)
            }
            return found
        }
        let before = try await everything()
        #expect(before.prefix(4).allSatisfy { $0.split(separator: "\n").count > 1 })
        for sheet in Centre.sheets {
            let file = centre.college.folder + "/" + sheet.file
            let counts: Counts = try await centre.hub("import", sheet.kind, file, "--json").json()
            let rows = try College.lines(file).dropFirst().count { !$0.isEmpty }
            #expect(
                counts.records == rows && counts.accepted == 0 && counts.unchanged == rows, "\(sheet.kind)")
        }
        #expect(try await everything() == before)
    }

    /// A column that a sheet lacks is left alone in records that are there.
    @Test func whatASheetDoesNotSayStays() async throws {
        let story = try await Story()
        func exported(_ form: String) async throws -> String {
            try await story.centre.hub("export", form, "--unmask", "--reason", "compare").output
        }
        let sheets = [
            (
                "units", "unit",
                ["unit_id,unit_name,unit_type,parent_id,line", "B02,Branch 2,branch,C0,party"],
                ["unit_id,unit_name", "B02,Branch 2"]
            ),
            (
                "people", "person",
                [
                    "person_id,name,unit_id,home_region_code,party_member,phone",
                    "P7,Person 7,B02,420000,yes,5551234",
                ], ["person_id,name,unit_id", "P7,Person 7,B02"]
            ),
            (
                "excused", "excuse",
                ["person_id,from_date,to_date,reason", "P7,\(story.today),\(story.today),travelling"],
                ["person_id,from_date,to_date", "P7,\(story.today),\(story.today)"]
            ),
            (
                "register-changes", "membership",
                [
                    "effective_date,person_id,change,from_unit,to_unit,note",
                    "\(story.today),P7,MOVE,B02,B01,for a while",
                ],
                [
                    "effective_date,person_id,change,from_unit,to_unit",
                    "\(story.today),P7,MOVE,B02,B01",
                ]
            ),
        ]
        for (sheet, form, whole, short) in sheets {
            try await story.importSheet(sheet, whole)
            let before = try await exported(form)
            #expect(before.contains(whole[1].split(separator: ",").last ?? ""), "\(sheet)")
            try await story.importSheet(sheet, short)
            #expect(try await exported(form) == before, "\(sheet)")
        }
        // A blank cell says *not stated*.
        try await story.importSheet("people", ["person_id,name,unit_id,phone", "P7,Person 7,B02,"])
        #expect(try await !exported("person").contains("5551234"))
        try await story.centre.close()
    }

    /// A change that does not fit where somebody was, or what it is, is refused with its row.
    @Test func aChangeThatCannotBeIsRefused() async throws {
        let story = try await Story()
        let file = story.place.path("changes.csv")
        let rows = [
            "effective_date,person_id,change,from_unit,to_unit,note",
            "\(story.today),P1,MOVE,B02,B01,not there", "\(story.today),P5,LEAVE,B01,B02,to nowhere",
            "\(story.today),P7,MOVE,B99,B01,no such unit", "\(story.yesterday),P7,MOVE,,B01,no word of it",
        ]
        try rows.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        let outcome = try await story.centre.hub("import", "register-changes", file, expecting: [1])
        #expect(outcome.output.contains("1 taken") && outcome.output.contains("3 refused"))
        #expect(outcome.remarks.contains("line 2") && outcome.remarks.contains("was in B01 before that day"))
        #expect(outcome.remarks.contains("line 3") && outcome.remarks.contains("leave to_unit blank"))
        #expect(outcome.remarks.contains("line 4") && outcome.remarks.contains("there is no unit B99"))
        try await story.centre.close()
    }

    /// A sheet of people says where they belong now: what was before stays as it was.
    @Test func whoStandsInAnotherUnitMovesAsOfToday() async throws {
        let story = try await Story()
        func take(_ rows: String..., expecting code: Int32 = 0) async throws -> (Counts, String) {
            let file = story.place.path("people.csv")
            let lines = ["person_id,name,unit_id"] + rows
            try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
            let outcome = try await story.centre.hub("import", "people", file, "--json", expecting: [code])
            return (try outcome.json(), outcome.remarks)
        }
        let before = try await (
            story.figures(story.yesterday, "B01")[0], story.figures(story.yesterday, "B02")[0],
            story.figures(story.today, "B01")[0], story.figures(story.today, "B02")[0]
        )
        let (moved, _) = try await take("P1,Person 1,B02")
        #expect(moved.accepted == 1 && moved.moved == ["P1"])
        #expect(try await story.figures(story.yesterday, "B01")[0] == before.0, "the past is as it was")
        #expect(try await story.figures(story.yesterday, "B02")[0] == before.1)
        #expect(try await story.figures(story.today, "B01")[0] == before.2 - 1)
        #expect(try await story.figures(story.today, "B02")[0] == before.3 + 1)
        // The same again, and what the sheet said before: nothing changes, and it is said.
        let (again, _) = try await take("P1,Person 1,B02")
        #expect(again.accepted == 0 && again.unchanged == 1 && again.moved.isEmpty)
        let (old, _) = try await take("P1,Person 1,B01")
        #expect(old.accepted == 0 && old.unchanged == 1 && old.elsewhere == ["P1"])
        #expect(try await story.figures(story.today, "B02")[0] == before.3 + 1)
        // A blank unit: no member of any from today on.
        let (left, _) = try await take("P1,Person 1,")
        #expect(left.accepted == 1 && left.moved == ["P1"])
        #expect(try await story.figures(story.yesterday, "B01")[0] == before.0)
        #expect(try await story.figures(story.today, "B02")[0] == before.3)
        // Once more in one sheet: alike is no harm, another thing is refused and names both lines.
        let (twice, _) = try await take(
            "P8,Person 8,B02", "P9,Person 9,B02", "P8,Person 8,B02", "P9,Person 9,B01", expecting: 1)
        #expect(twice.accepted == 2 && twice.unchanged == 1 && twice.rejected == 1)
        #expect(twice.errors.map(\.line) == [5] && twice.errors.map(\.reason) == ["listed_twice"])
        let said = try await story.centre.hub(
            "import", "people", story.place.path("people.csv"), expecting: [1])
        #expect(said.output.contains("0 taken") && said.remarks.contains("stands on line 3 already"))
        #expect(try await story.figures(story.today, "B02")[0] == before.3 + 2)
        try await story.centre.close()
    }

    @Test func twoDevicesOfABranchSeeEachOthersRecords() async throws {
        let story = try await Story()
        try await story.add("a", story.today, "P1", "36.4")
        try await story.sync("a", "b", "c")
        #expect(try await story.versions("b", story.today, "P1") == 1)
        #expect(try await story.versions("c", story.today, "P1") == 0, "not the other branch's")

        // Both correct it before either has heard of the other: another field each, then the same field.
        try await story.centre.branch(
            "a", "edit", "check-in", "day=\(story.today)", "person=P1", "temperature=36.9")
        try await story.centre.branch(
            "b", "edit", "check-in", "day=\(story.today)", "person=P1", "remark=rested")
        try await story.sync("a", "b", "a")
        for name in ["a", "b"] {
            #expect(try await story.versions(name, story.today, "P1") == 3)
            #expect(try await !story.isInConflict(name, story.today, "P1"))
        }
        for (name, temperature) in [("a", "37.0"), ("b", "37.1")] {
            try await story.centre.branch(
                name, "edit", "check-in", "day=\(story.today)", "person=P1", "temperature=\(temperature)")
        }
        try await story.sync("b", "a", "b")
        for name in ["a", "b"] { #expect(try await story.isInConflict(name, story.today, "P1")) }
        let listed = try await story.centre.hub("conflicts", "list").output
        #expect(listed.contains("P1") && listed.contains("temperature"))
        let exported = try await story.centre.export("check-in").output
        #expect(exported.contains("rested"))
        try await story.centre.close()
    }

    /// The branch that a person left still has an entry in its queue; the new one has entered its own.
    @Test(arguments: [["a", "c"], ["c", "a"]])
    func somebodyMovesWhileTheBranchIsOffline(order: [String]) async throws {
        let story = try await Story()
        try await story.add("a", story.yesterday, "P5", "36.5")
        try await story.sync("a", "b", "c")
        try await story.add("a", story.today, "P5", "36.6")
        try await story.move("P5")
        if order[0] == "c" {
            try await story.sync("c")
            #expect(try await story.versions("c", story.yesterday, "P5") == 1, "what is known enters")
        }
        try await story.add("c", story.today, "P5", "36.7")
        for name in order { try await story.sync(name) }
        try await story.sync("b", "c", "a")

        // Each day counts under the unit of that day, and what was queued has arrived.
        #expect(try await story.figures(story.yesterday, "B01") == [2, 1, 1])
        #expect(try await story.figures(story.yesterday, "B02") == [1, 0, 1])
        #expect(try await story.figures(story.today, "B01") == [1, 0, 1])
        #expect(try await story.figures(story.today, "B02") == [2, 1, 1])
        let listed = try await story.centre.hub("conflicts", "list").output
        #expect(listed.contains("P5"), "two people entered it, and neither had seen the other's")

        #expect(try await story.versions("c", story.today, "P5") == 2)
        #expect(try await story.versions("c", story.yesterday, "P5") == 1)
        #expect(try await story.versions("a", story.today, "P5") == 1, "its own, and nothing of the other")
        #expect(try await story.versions("b", story.today, "P5") == 0)
        for name in ["a", "b"] { #expect(try await story.versions(name, story.yesterday, "P5") == 1) }
        let told = try await story.centre.branch("a", "status").output
        #expect(told.contains("it concerns another unit and counts there"))

        // The new branch settles it, and goes on alone.
        let shown: Shown = try await story.centre.branch(
            "c", "conflicts", "show", "check-in", story.today, "P5", "--json"
        ).json()
        try await story.centre.branch(
            "c", "conflicts", "resolve", "check-in", story.today, "P5", "--set", "temperature=36.8",
            "--shown", shown.shown)
        try await story.sync("c", "a", "b")
        #expect(try await story.centre.hub("conflicts", "list").output.contains("nothing is in question"))
        #expect(try await story.figures(story.today, "B02") == [2, 1, 1])
        try await story.centre.close()
    }

    private struct Counted: Decodable {
        struct Count: Decodable {
            var field: String
            var now: Int
        }
        var counts: [Count]

        func now(_ field: String) -> Int? { counts.first { $0.field == field }?.now }
    }

    /// Somebody has moved, and somebody has left the register, before a device of the branch joined: it
    /// counts whom the centre counts, like those that were there before.
    @Test func whoHasLeftIsCountedByNobodyThatJoinsLater() async throws {
        let story = try await Story()
        try await story.importSheet(
            "people", ["person_id,name,unit_id", "P6,Person 6,B01", "P4,Person 4,B01"])
        try await story.sync("a")
        try await story.move("P5")
        try await story.importSheet(
            "register-changes",
            [
                "effective_date,person_id,change,from_unit,to_unit,note", "\(story.today),P6,LEAVE,B01,,",
            ])
        try await story.centre.join("B01", as: "late")
        try await story.sync("a", "late")
        #expect(try await story.figures(story.today, "B01") == [2, 0, 2])
        #expect(try await story.figures(story.yesterday, "B01") == [4, 0, 4])
        for person in ["P1", "P4"] { try await story.add("late", story.today, person, "36.5") }
        for name in ["a", "late"] {
            for (day, people) in [(story.today, 2), (story.yesterday, 4)] {
                let asked = try await story.centre.branch(
                    name, "report", "--day", day, "--json", "--zero", expecting: [64])
                let told: Counted = try asked.json()
                #expect(told.now("n_register") == people, "\(name) on \(day)")
            }
        }
        // Where P5 came from the branch knows of P5, and of nobody else.
        try await story.sync("c")
        let foreign = try await story.centre.branch(
            "c", "report", "--unit", "B01", "--day", story.today, "--zero", expecting: [66])
        #expect(foreign.remarks.contains("B01 is neither B02"))
        let asked = try await story.centre.branch(
            "late", "report", "--day", story.today, "--zero", expecting: [64])
        let code = try #require(asked.output.split { $0 == " " || $0 == "\n" }.last.map(String.init))
        try await story.centre.branch("late", "report", "--day", story.today, "--zero", "--shown", code)
        try await story.sync("late")
        try await story.centre.hub("rules")
        let concerns = try await story.centre.hub("export", "concern").output
        #expect(!concerns.contains("counts-differ"), "nobody is told of a difference that there is not")
        // Exit code 0: both hold the same.
        for name in ["a", "late"] {
            try await story.centre.place.run(
                "sync-inspect", ["reconcile", "--data", story.centre.data(name)])
        }
        try await story.centre.close()
    }
}
