import SyncCore
import Testing

@testable import Forms

struct BoardTests {
    private static let day: Int32 = 18_290
    private static let morning = Milliseconds(day) * 86_400_000

    private func catalog() throws -> CompiledCatalog {
        try CompiledCatalog(.builtIn, settings: Settings(), zone: .fixed(hours: 0))
    }

    private func record(
        _ form: String, _ key: [Value], _ unit: String, _ fields: [(FieldID, Value)], created hour: Int64 = 9,
        arrived: Int64 = 10
    ) -> BoardInput.Record {
        let key = RecordKey(form: form, values: key)
        let created = Self.morning + hour * 3_600_000
        var state = RecordState()
        state.merge(
            Version(
                dot: Dot(origin: 1, sequence: 1), key: key, formRevision: 1, authored: created,
                stated: created, firstCreated: created,
                assignments: fields.map { Assignment(field: $0, retentionClass: 0, value: $1) }))
        return BoardInput.Record(
            key: key, unit: unit, record: state.effective(under: .latest),
            arrived: Self.morning + arrived * 3_600_000)
    }

    private func text(_ text: String) -> Value { .text(Array(text.utf8)) }

    private func line(_ unit: String, missing: [String], excused: [String], late: [String], checkedIn: Int)
        -> CoverageBoard.Line
    {
        CoverageBoard.Line(
            unit: unit, unitName: unit, register: checkedIn + missing.count + excused.count,
            checkedIn: checkedIn, missing: missing, excused: excused, late: late, flagged: [],
            report: CoverageBoard.Report(status: "MISSING", kind: nil))
    }

    private func input() -> BoardInput {
        let day = Value.integer(Int64(Self.day))
        func checkIn(
            _ person: String, _ unit: String, temperature: Int64, created: Int64 = 9, arrived: Int64 = 10,
            versions: Int = 1
        )
            -> BoardInput.Record
        {
            var found = record(
                BuiltIn.checkIn, [day, text(person)], unit, [(1, .decimal(unscaled: temperature, scale: 2))],
                created: created, arrived: arrived)
            found.versions = versions
            return found
        }
        return BoardInput(
            coverage: CoverageBoard(
                day: Self.day,
                lines: [
                    line("B1", missing: ["p3"], excused: ["p4"], late: ["p2"], checkedIn: 2),
                    line("B2", missing: ["p5"], excused: [], late: [], checkedIn: 0),
                    line("B3", missing: ["p6"], excused: [], late: [], checkedIn: 0),
                    line("C0", missing: [], excused: [], late: [], checkedIn: 0),
                ]),
            records: [
                BuiltIn.checkIn: [
                    checkIn("p1", "B1", temperature: 3_730, arrived: 20, versions: 3),
                    checkIn("p2", "B1", temperature: 3_650, created: 17, arrived: 18),
                ],
                BuiltIn.dailyReport: [
                    record(
                        BuiltIn.dailyReport, [.integer(Int64(Self.day) - 1), text("B1")], "B1",
                        [(1, text("ZERO"))]),
                    record(
                        BuiltIn.dailyReport, [.integer(Int64(Self.day)), text("B3")], "B3",
                        [(1, text("ZERO"))]),
                ],
            ], heard: ["B2": Self.morning + 1, "B3": Self.morning - 1])
    }

    private func numbers(_ name: String) throws -> [String: [String: Int]] {
        let board = try #require(BoardCatalog.builtIn[name])
        let table = try CompiledBoard(board, catalog: try catalog()).table(of: Self.day, input())
        var numbers: [String: [String: Int]] = [:]
        for line in table.lines {
            for (count, items) in zip(board.counts, line.items) {
                numbers[line.group, default: [:]][count.id] = items.count
            }
        }
        return numbers
    }

    @Test func everyShippedBoardDecodesCompilesAndIsWithoutMistakes() throws {
        #expect(BoardCatalog.builtIn.definitions.count == BoardCatalog.builtInSources.count)
        for source in BoardCatalog.builtInSources {
            let checked = BoardCheck.check(source, catalog: try catalog(), known: nil)
            #expect(throws: Never.self) { _ = try checked.get() }
        }
        #expect(BoardCatalog.builtIn.brief.first?.board == "coverage")
    }

    @Test func coverageAddsUpAndWhatArrivedLateIsNotLate() throws {
        let found = try numbers("coverage")
        #expect(
            found["B1"] == [
                "register": 4, "checked_in": 2, "missing": 1, "excused": 1, "late": 1, "arrived_late": 2,
                "edited": 1, "flagged": 1,
            ])
        #expect(found["B2"]?["register"] == 1 && found["B2"]?["missing"] == 1)
        #expect(found["C0"] == nil, "a line of zeros is left out")
    }

    @Test func silentIsNotOfflineAndNeverIsNotMissing() throws {
        let found = try #require(try numbers("silence")[""])
        #expect(found == ["offline": 1, "silent": 1, "never_reported": 1])
        let reports = try numbers("reports")
        #expect(reports["B3"]?["zero"] == 1 && reports["B3"]?["missing"] == 0)
        #expect(reports["B1"]?["missing"] == 1 && reports["B2"]?["missing"] == 1)
    }

    /// Every instant of the day is covered, by the unit's own roster or by one above, or the unit is listed.
    @Test func unitsOfWhichNobodyIsOnDutyAreCounted() throws {
        func listed(_ shifts: [(unit: String, from: Int64, until: Int64)]) throws -> [String] {
            var input = input()
            for (unit, above) in [("B1", "G1"), ("G1", "C0"), ("B2", "C0"), ("B3", "C0")] {
                input.tree.add(unit, under: above)
            }
            input.tree.add("B2", under: "G1", from: Self.day + 1)
            input.tree.add("B1", under: "B2", from: Self.day + 1)
            input.posts = Posts(
                shifts.map { shift in
                    Posting(
                        unit: shift.unit, from: Self.morning + shift.from * 3_600_000,
                        until: Self.morning + shift.until * 3_600_000, person: "x")
                })
            let board = try #require(BoardCatalog.builtIn["concerns"])
            let table = try CompiledBoard(board, catalog: try catalog()).table(of: Self.day, input)
            let index = try #require(board.counts.firstIndex { $0.id == "uncovered" })
            return table.items(index).map(\.unit)
        }
        #expect(try listed([]) == ["B1", "B2", "B3"], "nobody at all; the committee has no people")
        #expect(try listed([("C0", -9, 40)]).isEmpty)
        #expect(try listed([("C0", -9, 12), ("C0", 13, 40), ("B2", 12, 13)]) == ["B1", "B3"])
        #expect(try listed([("G1", -9, 40), ("B2", -9, 24), ("B3", 0, 23)]) == ["B3"])
    }

    private static let own = """
        {"board": "own", "revision": 1, "labels": {"en": "Own", "zh": "自建"}, "group": "kind",
         "counts": [{"id": "n", "labels": {"en": "n", "zh": "数"}, "form": "daily-report", "days": 2}]}
        """

    @Test func groupsByAFieldOverSeveralDays() throws {
        let board = try BoardCheck.check(Array(Self.own.utf8), catalog: try catalog(), known: nil).get()
        let table = try CompiledBoard(board, catalog: try catalog()).table(of: Self.day, input())
        #expect(table.lines.map(\.group) == ["ZERO"] && table.items(0).count == 2)
        #expect(table.items(0).map(\.unit) == ["B1", "B3"], "whose records it counts")
    }

    @Test(arguments: [
        ("\"own\"", "\"Own\"", "bad_name", 1), ("\"days\": 2", "\"day\": 2", "unknown_name", 2),
        ("\"daily-report\"", "\"daily-raport\"", "not_allowed", 2),
        ("\"kind\"", "\"knid\"", "no_such_field", 1),
        ("\"form\": \"daily-report\"", "\"people\": \"nobody\"", "not_allowed", 2),
        ("\"form\": \"daily-report\"", "\"people\": \"missing\"", "not_allowed", 1),
        ("\"days\": 2", "\"people\": \"missing\"", "clash", 2),
        ("\"days\": 2", "\"all\": [{\"field\": \"kind\", \"atLeast\": \"1\"}]", "bad_condition", 2),
        ("\"days\": 2", "\"any\": [{\"field\": \"kind\", \"equals\": \"NONE\"}]", "not_allowed", 2),
        ("\"days\": 2", "\"lateAfter\": \"noon\"", "not_allowed", 2),
        ("\"days\": 2", "\"all\": [{\"field\": \"knid\", \"equals\": \"ZERO\"}]", "no_such_field", 2),
        ("\"days\": 2", "\"units\": \"uncovered\"", "not_allowed", 2),
        ("\"revision\": 1", "\"revision\": -1", "out_of_bounds", 1),
    ])
    func names(what: String, instead: String, code: String, line: Int) throws {
        let text = Self.own.replacing(what, with: instead, maxReplacements: 1)
        guard
            case .failure(let found) = BoardCheck.check(Array(text.utf8), catalog: try catalog(), known: nil)
        else {
            Issue.record("\(instead) is taken")
            return
        }
        #expect(
            found.mistakes.contains { $0.code.rawValue == code && $0.place.line == line }, "\(found.mistakes)"
        )
    }

    @Test func allThatIsWrongIsNamedAtOnceWithWhatMayStandThere() throws {
        let wrong = """
            {"board": "own", "revision": 1, "labels": {"en": "Own", "zh": "自建"}, "group": "knid",
             "counts": [
              {"id": "a", "labels": {"en": "a", "zh": "甲"}, "form": "daily-raport"},
              {"id": "b", "labels": {"en": "b", "zh": "乙"}, "form": "daily-report",
               "any": [{"field": "knid", "equals": "ZERO"}, {"field": "kind", "equals": "ZRO"}]}],
             "columns": ["n_regster"]}
            """
        guard
            case .failure(let found) = BoardCheck.check(Array(wrong.utf8), catalog: try catalog(), known: nil)
        else {
            Issue.record("taken")
            return
        }
        #expect(found.mistakes.map(\.place.line) == [1, 3, 5, 5, 6])
        #expect(found.mistakes.map(\.subject) == ["knid", "daily-raport", "knid", "ZRO", "n_regster"])
        #expect(found.mistakes[1].allowed.contains("daily-report"))
        #expect(found.mistakes[3].allowed == ["ZERO", "CASES"])
        #expect(found.mistakes[4].allowed.contains("n_register"))
    }

    @Test func aRevisionGoesUp() throws {
        let board = try BoardCheck.check(Array(Self.own.utf8), catalog: try catalog(), known: nil).get()
        let other = Self.own.replacing("\"Own\"", with: "\"Other\"")
        guard case .failure = BoardCheck.check(Array(other.utf8), catalog: try catalog(), known: board) else {
            Issue.record("the same revision with another content is taken")
            return
        }
        let next = other.replacing("\"revision\": 1", with: "\"revision\": 2")
        let later = try BoardCheck.check(Array(next.utf8), catalog: try catalog(), known: board).get()
        #expect(BoardCatalog([board]).adding(later).adding(board)["own"] == later)
    }
}
