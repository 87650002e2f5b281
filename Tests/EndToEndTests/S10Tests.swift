import Foundation
import Testing

/// S10: every instant is covered or the gap is listed before it comes, and alerts follow the roster. With it
/// S11's question: who was responsible then.
@Suite(.timeLimit(.minutes(10))) struct S10Tests {
    private struct Duty: Decodable {
        struct Holder: Decodable {
            var unit: String
            var role: String
            var person: String
            var phone: String
            var isLeader: Bool
        }
        struct Gap: Decodable {
            var unit: String
            var from: String
            var until: String?
        }
        var holders: [Holder]
        var gaps: [Gap]
    }
    private struct Fired: Decodable {
        var rule: String
        var form: String
        var key: String
        var step: Int?
    }

    private func duty(_ hub: Hub, _ arguments: String...) async throws -> Duty {
        try await hub.place.run(
            "aggregator", ["duty", "--json", "--data", hub.place.path("hub")] + arguments
        ).json()
    }

    private func rules(_ hub: Hub, at clock: FalseClock) async throws -> [Fired] {
        try await hub.place.run(
            "aggregator", ["rules", "--json", "--data", hub.place.path("hub")],
            environment: clock.environment
        ).json()
    }

    private func add(_ hub: Hub, _ arguments: String...) async throws {
        try await hub.place.run("aggregator", ["add"] + arguments + ["--data", hub.place.path("hub")])
    }

    private struct Shift {
        var from: Int
        var to: Int
        var person: String
        var place = 1
    }

    /// Local time in Shanghai, so many minutes from now.
    private func local(_ minutes: Int) -> String {
        let date = Date.now.addingTimeInterval(Double(minutes) * 60 + 8 * 3_600)
        return String(date.ISO8601Format().prefix(16)).replacing("T", with: " ")
    }

    /// All shifts in one sheet: a roster that is half entered has gaps. Times are minutes from now.
    private func makeRoster(_ hub: Hub, _ shifts: [Shift]) async throws {
        let rows = shifts.map { shift in
            "C00,\(local(shift.from)),\(shift.place),\(local(shift.to)),\(shift.person),"
                + "1009\(shift.person.dropFirst()),\(shift.place == 2 ? "Y" : "N")"
        }
        let sheet = ["unit_id,from_time,place,to_time,person_id,phone,leader"] + rows
        let file = hub.place.path("roster.csv")
        try Data(sheet.joined(separator: "\n").utf8).write(to: URL(filePath: file))
        try await hub.hub("import", "duty-shift", file)
    }

    @Test func everyInstantIsCoveredOrTheGapIsListedBeforeItComes() async throws {
        let centre = try await Centre()
        let hour = 60
        try await makeRoster(
            centre,
            [
                Shift(from: -hour, to: 12 * hour, person: "T1"),
                Shift(from: -hour, to: 25 * hour, person: "T2", place: 2),
                Shift(from: 26 * hour, to: 49 * hour, person: "T3"),
            ])
        let now = try await duty(centre, "--gaps", "60")
        #expect(now.holders.map(\.person) == ["T1", "T2"] && now.holders.map(\.isLeader) == [false, true])
        #expect(now.holders.allSatisfy { $0.phone == "***" })
        #expect(now.gaps.count == 2 && now.gaps.allSatisfy { $0.unit == "C00" })
        #expect(now.gaps[0].until != nil && now.gaps[1].until == nil)

        // It is said a day before, once, however often it is asked.
        func gaps(_ minutes: Int) async throws -> [Fired] {
            try await rules(centre, at: FalseClock(offset: minutes * 60)).filter {
                $0.rule == "duty-gap" && $0.step == nil
            }
        }
        #expect(try await gaps(1).isEmpty)
        #expect(try await gaps(hour + 1).count == 1)
        #expect(try await gaps(hour + 2).isEmpty)
        #expect(try await gaps(24 * hour).isEmpty)
        #expect(try await gaps(25 * hour + 1).count == 1)
        let list: [RaisedAlert] = try await centre.hub("alerts", "list", "--json").json()
        #expect(list.count { $0.rule == "duty-gap" && $0.unit == "C00" && $0.isUrgent } == 2)

        // A log of test calls.
        try await add(
            centre, "test-call", "unit=C00", "at=\(local(-5))", "phone=10091", "reached=Y", "seconds=20")
        let calls = try await centre.export("test-call").output
        #expect(calls.split(separator: "\n").count == 2 && calls.contains("true"))
    }

    @Test func alertsFollowTheRosterFromShiftToShift() async throws {
        let centre = try await Centre()
        try await makeRoster(
            centre,
            [Shift(from: -60, to: 20, person: "T1"), Shift(from: 20, to: 600, person: "T3")])
        try await centre.open()
        try await centre.join("B04")
        try await centre.branch(
            "B04", "add", "check-in", "person=" + centre.college.words("mistyped_person"),
            "day=" + centre.college.words("last_day"), "temperature=38.9")
        try await centre.sync("B04")
        func turn() async throws -> String? {
            let list: [RaisedAlert] = try await centre.hub("alerts", "list", "--json").json()
            return list.first { $0.rule == "symptoms" }?.turn
        }
        #expect(try await eventually { try await turn() == "T1" })
        try await centre.close()
        // Half an hour later it goes to whose shift has begun meanwhile.
        _ = try await rules(centre, at: FalseClock(offset: 31 * 60))
        #expect(try await turn() == "T3")
    }

    /// Without a roster, and before its first shift, nobody is on duty; and the brief says what is coming.
    @Test func beforeTheRosterBeginsNobodyIsOnDuty() async throws {
        let centre = try await Centre()
        let none = try await centre.hub("duty").output
        #expect(none.contains("no roster at all") && none.contains("import duty-shift"))
        try await makeRoster(centre, [Shift(from: 120, to: 20 * 60, person: "T1")])
        let gaps = try await duty(centre, "--gaps", "30").gaps
        #expect(gaps.count == 2 && gaps[0].until != nil && gaps[1].until == nil)
        try await centre.hub("rules")
        let list: [RaisedAlert] = try await centre.hub("alerts", "list", "--json").json()
        #expect(list.count { $0.rule == "duty-gap" && $0.isUrgent } == 2)
        let today = String(local(0).prefix(10))
        let brief = try await centre.hub("brief", today, "--format", "csv").output
        let line = try #require(
            brief.split(separator: "\n").first { $0.contains(",concerns,,duty_gap,") })
        #expect(line.hasSuffix(",2"), "what comes within two days is in today's brief")
    }

    /// A hub without any roster: an alert reaches nobody, which stands among what waits and in the brief of
    /// the day, until there is one.
    @Test func withoutAnyRosterItIsSaidUntilThereIsOne() async throws {
        let centre = try await Centre()
        func open() async throws -> [RaisedAlert] {
            let list: [RaisedAlert] = try await centre.hub("alerts", "list", "--json").json()
            return list.filter { $0.rule == "duty-gap" }
        }
        let day = centre.college.days[3]
        func uncovered() async throws -> [String] {
            let brief = try await centre.hub("brief", day, "--format", "csv").output.split(separator: "\n")
            let lines = brief.filter { $0.contains(",concerns,") && $0.contains(",uncovered,") }
            #expect(lines.last?.hasPrefix("\(day),concerns,,uncovered,") == true, "also when there is none")
            return lines.dropLast().filter { $0.hasSuffix(",1") }
                .map { String($0.split(separator: ",")[2]) }
        }
        #expect(Set(try await uncovered()).isSuperset(of: centre.college.branches))
        let text = try await centre.hub("brief", day).output
        #expect(text.contains("units whose alerts reach nobody on duty"))
        let opened = try await centre.hub("board", "concerns", "--day", day, "--explain", "B04/uncovered")
        #expect(opened.output.contains("B04"))

        // Within an hour of the register it is a concern, once.
        let later = FalseClock(offset: 61 * 60)
        #expect(try await rules(centre, at: later).contains { $0.rule == "duty-gap" && $0.step == nil })
        #expect(try await rules(centre, at: later).allSatisfy { $0.rule != "duty-gap" || $0.step != nil })
        let found = try await open()
        #expect(found.map(\.unit) == ["C00"] && found.first?.isUrgent == true)
        // The branches' own rosters are not enough as long as one has none.
        func put(_ unit: String) async throws {
            try await centre.place.run(
                "aggregator",
                [
                    "add", "duty-shift", "unit=" + unit, "from=2020-01-01 00:00", "to=2099-01-01 00:00",
                    "place=1", "person=T1", "phone=1", "--data", centre.place.path("hub"),
                ], environment: later.environment)
        }
        let others = centre.college.branches.filter { $0 != "B04" }
        for unit in others { try await put(unit) }
        let left = try await uncovered()
        #expect(left.contains("B04") && Set(left).isDisjoint(with: others))
        _ = try await rules(centre, at: later)
        #expect(try await open().count == 1)
        try await put("C00")
        #expect(try await uncovered().isEmpty)
        _ = try await rules(centre, at: later)
        #expect(try await open().isEmpty, "it is a gap no more")
    }

    /// What fills a gap closes it; a unit without anybody of its own shows who above it is called.
    @Test func aGapThatIsFilledIsOverAndWhoIsAboveAnswers() async throws {
        let centre = try await Centre()
        let hour = 60
        try await makeRoster(
            centre,
            [
                Shift(from: -hour, to: 5 * hour, person: "T1"),
                Shift(from: 6 * hour, to: 400 * hour, person: "T3"),
            ])
        try await centre.hub("rules")
        func open() async throws -> Int {
            let list: [RaisedAlert] = try await centre.hub("alerts", "list", "--json").json()
            return list.count { $0.rule == "duty-gap" }
        }
        #expect(try await open() == 1)
        try await add(
            centre, "duty-shift", "unit=C00", "from=" + local(4 * hour), "to=" + local(7 * hour), "place=1",
            "person=T2", "phone=10092")
        try await centre.hub("rules")
        #expect(try await open() == 0)
        #expect(try await duty(centre, "--gaps", "30").gaps.isEmpty)

        // Nobody of B04 is on duty or appointed: the committee's are.
        try await add(
            centre, "appointment", "unit=C00", "role=secretary", "from=2020-01-01", "person=T7", "phone=10097"
        )
        struct Answering: Decodable {
            struct Unit: Decodable {
                var called: [Duty.Holder]
                var responsible: [Duty.Holder]
            }
            var holders: [Duty.Holder]
            var gaps: [Duty.Gap]
            var answering: Unit?
        }
        let branch: Answering = try await centre.hub("duty", "--unit", "B04", "--json").json()
        #expect(branch.holders.isEmpty && branch.answering?.called.map(\.person) == ["T1"])
        #expect(branch.answering?.called.first?.unit == "C00" && branch.gaps.isEmpty)
        #expect(branch.answering?.responsible.map(\.person) == ["T7"])
        let text = try await centre.hub("duty", "--unit", "B04").output
        #expect(text.contains("alerts of B04 go to") && text.contains("C00  on duty  T1  ***"))
        #expect(text.contains("nobody is appointed at B04 itself") && text.contains("C00  secretary  T7"))
        let before = try await centre.hub("duty", "--unit", "B04", "--at", "2019-01-01 08:00").output
        #expect(before.contains("nobody is on duty for B04, nor for a unit above"))
    }

    @Test func whoWasResponsibleThen() async throws {
        let centre = try await Centre()
        for (from, to, person) in [("2020-01-01", "2020-01-31", "T7"), ("2020-02-01", "", "T8")] {
            try await add(
                centre, "appointment", "unit=B04", "role=secretary", "from=\(from)", "to=\(to)",
                "person=\(person)", "phone=10097")
        }
        for (time, person) in [
            ("2020-01-31 23:59", "T7"), ("2020-02-01 00:00", "T8"), ("2025-01-01 00:00", "T8"),
        ] {
            let then = try await duty(centre, "--at", time, "--unit", "B04")
            #expect(then.holders.map(\.person) == [person] && then.holders[0].role == "secretary")
        }
        #expect(try await duty(centre, "--at", "2019-12-31 23:59", "--unit", "B04").holders.isEmpty)
    }

    /// The hub dies around a moment at which a rule is due, again and again.
    @Test func aHubKilledAroundATimeRuleFiresItOnce() async throws {
        let centre = try await Centre()
        // What lies before is done.
        _ = try await rules(centre, at: try FalseClock.now(is: "2031-03-01T00:00:00Z"))
        // The cut-off is at 16:00 in Shanghai; each time the hub dies as soon as it is up, or a little later.
        for second in ["07:59:58", "07:59:59", "08:00:00", "08:00:01", "08:00:01"] {
            try await centre.open(at: try FalseClock.now(is: "2031-03-01T\(second)Z"))
            if second == "08:00:00" {
                #expect(try await eventually { centre.log.contains("missing-check-in") })
            }
            centre.kill()
            try await centre.close()
        }
        _ = try await rules(centre, at: try FalseClock.now(is: "2031-03-01T08:10:00Z"))
        let export = try await centre.export("concern").output.split(separator: "\n").dropFirst()
        let missing = export.filter {
            $0.hasPrefix("2031-03-01") && $0.contains("missing-check-in")
        }
        #expect(missing.count >= centre.college.branches.count)
        #expect(Set(missing.map { $0.split(separator: ",")[2] }).count == missing.count)
        for line in missing.prefix(3) {
            let unit = String(line.split(separator: ",")[2])
            let history = try await centre.hub(
                "history", "concern", "2031-03-01", "missing-check-in", unit, "check-in", "--json")
            struct History: Decodable {
                struct Entry: Decodable {}
                var versions: [Entry]
            }
            let versions = try history.json(History.self).versions.count
            #expect(versions <= 2, "raised once, and one turn at most")
        }
    }

    /// Somebody looks at the rules under a date of next year: it is said, and silences nothing.
    @Test func aWrongDateIsSaidAndSilencesNothing() async throws {
        let centre = try await Centre()
        _ = try await rules(centre, at: FalseClock(offset: 0))
        _ = try await rules(centre, at: FalseClock.later(days: 400))
        #expect(try await centre.hub("status").output.contains("ahead of this machine's"))
        try await centre.open()
        #expect(
            try await eventually {
                centre.log.contains("clock_went_back") || centre.log.contains("gone back")
            })
        try await centre.close()
        let list: [RaisedAlert] = try await centre.hub("alerts", "list", "--json").json()
        #expect(list.contains { $0.rule == "hub-clock" && $0.isUrgent && $0.unit == "C00" })
        let status = try await centre.hub("status").output
        #expect(status.contains("clock went back from") && !status.contains("ahead of this machine's"))
        let fired = try await rules(centre, at: FalseClock.later(days: 1))
        #expect(fired.contains { $0.rule == "missing-check-in" }, "the next cut-off is judged")
    }

    /// What cannot be is refused, and what nobody knows is said, before somebody needs it.
    @Test func whatIsWrongWithARosterIsSaid() async throws {
        let hub = try await Centre()
        let wrong = try await hub.hub(
            "add", "duty-shift", "unit=C00", "from=2020-02-03 20:00", "place=1", "to=2020-02-03 08:00",
            "person=T1", expecting: [1])
        #expect(
            wrong.remarks.contains("does not lie behind from") && wrong.remarks.contains("2020-02-03 08:00"))
        let noted = try await hub.hub(
            "add", "duty-shift", "unit=ZZ", "from=2020-02-03 08:00", "place=1", "to=2020-02-03 20:00",
            "person=NOBODY")
        #expect(noted.remarks.contains("no person NOBODY") && noted.remarks.contains("no unit ZZ"))
        let file = hub.place.path("wrong.csv")
        let rows = [
            "unit_id,from_time,place,to_time,person_id,phone,leader",
            "C00,2020-02-03 20:00,1,2020-02-03 08:00,T1,1,N",
            "C00,2020-02-03 08:00,1,2020-02-03 20:00,T1,1,N",
        ]
        try rows.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        let counts: ImportCounts = try await hub.hub(
            "import", "duty-shift", file, "--json", expecting: [1]
        ).json()
        #expect(counts.accepted == 1 && counts.rejected == 1)
        let unknown = try await hub.hub("duty", "--unit", "YY", expecting: [66])
        #expect(unknown.remarks.contains("no unit YY") && unknown.remarks.contains("C00"))
        let gaps = try await hub.hub(
            "duty", "--at", "2020-02-03 10:00", "--unit", "C00", "--gaps", "24")
        #expect(
            gaps.output.contains("nobody is on duty for C00 from 2020-02-03 20:00"), "the committee's time")
    }
}
