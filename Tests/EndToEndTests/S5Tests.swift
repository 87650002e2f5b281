import Foundation
import Testing

/// An alert, as `alerts --json` and `status --json` show it.
struct RaisedAlert: Decodable {
    var alert: String
    var form: String
    var key: String
    var rule: String
    var unit: String?
    var status: String
    var isUrgent: Bool
    var facts: [String]
    var turn: String?
    var takenBy: String?
    var outcome: String?
    var onset: String?
    var entered: String
    var arrived: String?
    var told: String?
    var taken: String?
    var closed: String?
    var seconds: [String: Int]
    var hasArrived: Bool?
    var ring: String?
}

/// S5: symptoms go straight up, and stay open until a named person has answered.
@Suite(.timeLimit(.minutes(10))) struct S5Tests {
    private static let branch = "B04"
    private static let minute = 60

    private func alerts(
        _ centre: Centre, _ more: String..., at clock: FalseClock? = nil
    ) async throws -> [RaisedAlert] {
        try await centre.place.run(
            "aggregator", ["alerts", "list", "--json", "--data", centre.place.path("hub")] + more,
            environment: clock?.environment ?? [:]
        ).json()
    }

    private func alertsAtBranch(
        _ centre: Centre, at clock: FalseClock? = nil
    ) async throws -> [RaisedAlert] {
        try await centre.place.run(
            "branch-agent", ["alerts", "--all", "--json", "--data", centre.data(Self.branch)],
            environment: clock?.environment ?? [:]
        ).json()
    }

    /// Two people on duty at the centre from yesterday to the day after tomorrow, and one who leads.
    static func makeRoster(_ centre: Centre) async throws {
        func text(_ days: Int) -> String {
            let date = Date.now.addingTimeInterval(Double(days) * 86_400 + 8 * 3_600)
            return String(date.ISO8601Format().prefix(10)) + " 08:00"
        }
        let sheet = [
            "unit_id,from_time,place,to_time,person_id,phone,leader",
            "C00,\(text(-1)),1,\(text(2)),T90001,10090001000,N",
            "C00,\(text(-1)),2,\(text(2)),T90002,10090002000,N",
            "C00,\(text(-1)),3,\(text(2)),T90003,10090003000,Y",
        ]
        let file = centre.place.path("roster.csv")
        try Data(sheet.joined(separator: "\n").utf8).write(to: URL(filePath: file))
        let counts: ImportCounts = try await centre.hub("import", "duty-shift", file, "--json").json()
        #expect(counts.accepted == 3 && counts.rejected == 0)
        let again: ImportCounts = try await centre.hub("import", "duty-shift", file, "--json").json()
        #expect(again.accepted == 0 && again.unchanged == 3)
    }

    /// A command that keeps what it was told, and does not do its work the first time.
    private func command(_ centre: Centre) throws -> (path: String, lines: () -> [String]) {
        let (path, log) = (centre.place.path("wake"), centre.place.path("woken"))
        let script = """
            #!/bin/sh
            said="$ROLLCALL_ALERT $ROLLCALL_UNIT $ROLLCALL_LEVEL $ROLLCALL_STEP [$ROLLCALL_PHONE]"
            echo "$1 $2 $3 $said $4 $ROLLCALL_ALERTS" >> \(log)
            [ $(wc -l < \(log)) -gt 1 ]
            """
        try Data(script.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return (
            path,
            {
                let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
                return text.split(separator: "\n").map(String.init)
            }
        )
    }

    @Test func symptomsGoStraightUpUntilSomebodyAnswers() async throws {
        let centre = try await Centre()
        try await Self.makeRoster(centre)
        try await centre.open()
        try await centre.join(Self.branch)
        try await centre.sync(Self.branch)
        try await centre.close()
        let (person, name) = try await enterOffline(centre)
        try await wakeTheCentre(centre, of: name, person)
        try await answer(centre, name)
    }

    /// Offline: the alert is made with the check-in, and what to do is said.
    private func enterOffline(_ centre: Centre) async throws -> (person: String, alert: String) {
        try await centre.importSheets(of: Self.branch)
        let person = try #require(
            try College.lines(centre.college.folder + "/people.csv").first {
                $0.contains(",\(Self.branch),")
            }?
            .split(separator: ",").first.map(String.init))
        let added = try await centre.branch(
            Self.branch, "add", "check-in", "person=" + person, "temperature=38.6", "cough=Y")
        #expect(added.output.contains("Telephone the person"), "the advice")
        #expect(added.output.contains("10090001000 (T90001)"), "whom to ring, from the branch's own roster")
        // The sheets have alerts of the same person on other days.
        let today = String(Date.now.addingTimeInterval(8 * 3_600).ISO8601Format().prefix(10))
        func isToday(_ alert: RaisedAlert) -> Bool { alert.key == "\(today) symptoms \(person)" }
        let waiting = try #require(try await alertsAtBranch(centre).first(where: isToday))
        #expect(waiting.hasArrived == false && waiting.ring == nil && waiting.status == "open")
        let late = FalseClock(offset: 11 * Self.minute)
        let overdue = try #require(
            try await alertsAtBranch(centre, at: late).first(where: isToday))
        #expect(overdue.ring == "10090001000 (T90001)")
        let status = try await centre.place.run(
            "branch-agent", ["status", "--data", centre.data(Self.branch)], environment: late.environment)
        #expect(status.output.contains("NOT ARRIVED: ring 10090001000 (T90001) now"))
        return (person, waiting.alert)
    }

    /// It arrives before everything else, and the centre is woken again and again, by name and unit alone.
    private func wakeTheCentre(_ centre: Centre, of name: String, _ person: String) async throws {
        let (wake, woken) = try command(centre)
        try await centre.open(more: ["--on-alert", wake, "--on-alert-every", "1"])
        try await centre.sync(Self.branch)
        #expect(try await eventually { woken().count { $0.contains(name) } >= 3 })
        let line = try #require(woken().first { $0.contains(name) }).split(separator: " ").map(String.init)
        let first = "\(line[0]) \(Self.branch) urgent"
        #expect(line.prefix(8).joined(separator: " ") == "\(first) \(first) 1 []")
        #expect(line.count == 9 + (Int(line[8]) ?? 0), "how many wait, and each by its name")
        #expect(!woken().contains { $0.contains("1009000") || $0.contains(person) }, "nothing personal")
        let alert = try #require(try await alerts(centre).first { $0.alert == name })
        #expect(alert.status == "open" && alert.isUrgent && alert.turn == "T90001")
        #expect(alert.facts == ["***"], "what somebody has is masked until it is asked for")
        #expect(
            try await eventually { try await alerts(centre).first { $0.alert == name }?.told != nil }
        )
        #expect(centre.isServing)
        try await centre.close()
    }

    private func answer(_ centre: Centre, _ name: String) async throws {
        // Without an answer it is the next one's turn, also when the hub was off meanwhile.
        try await centre.open(at: FalseClock(offset: 31 * Self.minute))
        #expect(
            try await eventually {
                try await alerts(centre).first { $0.alert == name }?.turn == "T90002"
            })
        try await centre.close()

        // A named person takes it; somebody else cannot without saying so.
        let soon = FalseClock(offset: 32 * Self.minute)
        func answer(_ arguments: String..., expecting code: Int32 = 0) async throws {
            try await centre.place.run(
                "aggregator", ["alerts"] + arguments + ["--data", centre.place.path("hub")],
                expecting: [code], environment: soon.environment)
        }
        try await answer("take", "00000000", "--by", "T90002", expecting: 66)
        try await answer("take", name, "--by", "T90002", "--onset", "yesterday", expecting: 64)
        try await answer("take", name, "--by", "T90002", "--onset", "2020-02-03 08:00")
        try await answer("take", name, "--by", "T90003", expecting: 1)
        let alert = try #require(try await alerts(centre).first { $0.alert == name })
        #expect(alert.status == "taken" && alert.takenBy == "T90002" && alert.taken != nil)
        #expect(
            alert.onset == "***" && alert.seconds["onset-entered"] == nil, "masked like what somebody has")

        // The branch sees by whom and when.
        try await centre.open(at: soon)
        try await centre.sync(Self.branch)
        let seen = try #require(try await alertsAtBranch(centre).first { $0.alert == name })
        #expect(seen.takenBy == "T90002" && seen.taken == alert.taken && seen.hasArrived == true)
        #expect(try await centre.branch(Self.branch, "status").output.contains("taken by T90002"))

        // Referral and outcome; every interval is there.
        try await answer("refer", name, "--to", "Hospital 1", "--by", "T90002")
        try await answer("close", name, "--outcome", "tested", "--by", "T90002")
        try await answer("take", name, "--by", "T90001", expecting: 1)
        #expect(try await !alerts(centre).contains { $0.alert == name })
        let closed = try #require(
            try await alerts(centre, "--all", "--unmask", "--reason", "test").first {
                $0.alert == name
            })
        #expect(closed.outcome == "tested" && closed.facts == ["temperature=38.60", "cough"])
        let spans = [
            "onset-entered", "entered-arrived", "arrived-told", "told-taken", "taken-referred",
            "referred-closed",
        ]
        #expect(spans.allSatisfy { closed.seconds[$0] ?? -1 >= 0 }, "\(closed.seconds)")
        #expect(closed.onset == "2020-02-03T00:00:00Z")
        #expect((closed.seconds["told-taken"] ?? 0) >= 25 * Self.minute)
        let audit = try await centre.hub("audit", "--json").output
        for act in ["alert_taken", "alert_referred", "alert_closed"] { #expect(audit.contains(act)) }
        let told = try await centre.hub("audit").output
        for act in ["took an alert", "referred an alert", "closed an alert"] { #expect(told.contains(act)) }
        #expect(!told.contains("alert_"))
        try await centre.close()
    }

    /// What to do names the hospital that the committee has designated, without any link.
    @Test func theDesignatedHospitalIsNamedOffline() async throws {
        let place = try Place()
        let centre = try await Hub(in: place, name: "Committee", settings: ["hospital=First Hospital"])
        let sheets = [
            ("units", ["unit_id,unit_name,parent_id,line", "C0,Committee,,party", "B01,Branch,C0,party"]),
            ("people", ["person_id,name,unit_id", "P1,Person 1,B01", "P2,Person 2,B01"]),
        ]
        for (kind, lines) in sheets {
            let file = place.path(kind + ".csv")
            try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
            try await centre.hub("import", kind, file)
        }
        try await centre.open()
        try await centre.join("B01")
        try await centre.sync("B01")
        try await centre.close()
        let added = try await centre.branch("B01", "add", "check-in", "person=P1", "fatigue=Y")
        #expect(added.output.contains("designated hospital: First Hospital"))
        let chinese = try await place.run(
            "branch-agent",
            ["add", "check-in", "person=P1", "temperature=38.5", "--data", centre.data("B01")],
            environment: ["LANG": "zh_CN.UTF-8"])
        #expect(chinese.output.contains("定点医院就诊：First Hospital"))
        let none = try await centre.branch("B01", "add", "check-in", "person=P2", "headache=Y")
        #expect(!none.output.contains("hospital"), "a headache alone is no such symptom")
    }

    /// Somebody whom the register does not know: who typed it is told at once, and the alert goes to who is
    /// on duty for the branch that reported it.
    @Test func anAlertOfSomebodyUnknownReachesAPerson() async throws {
        struct Imported: Decodable { var unknownPeople: [String] }
        let centre = try await Centre()
        for (unit, person) in [(Self.branch, "T5"), ("B01", "T6")] {
            try await centre.hub(
                "add", "duty-shift", "unit=" + unit, "from=2020-01-01 00:00", "to=2099-01-01 00:00",
                "place=1", "person=" + person, "phone=1")
        }
        try await centre.open()
        try await centre.join(Self.branch)
        try await centre.sync(Self.branch)
        try await centre.close()
        let day = "day=" + centre.college.words("last_day")
        let person = try #require(
            try College.lines(centre.college.folder + "/people.csv").first {
                $0.contains(",\(Self.branch),")
            }?.split(separator: ",").first)
        let known = try await centre.branch(
            Self.branch, "add", "check-in", day, "temperature=36.5", "person=" + person)
        #expect(!known.remarks.contains("does not know"))
        let added = try await centre.branch(
            Self.branch, "add", "check-in", day, "temperature=38.9", "person=2099999999")
        #expect(
            added.remarks.contains("does not know 2099999999") && added.remarks.contains("on duty for B04"))
        let file = centre.place.path("unknown.csv")
        let last = centre.college.words("last_day")
        try "person_id,check_date,fever\n2088888888,\(last),Y\n".write(
            toFile: file, atomically: true, encoding: .utf8)
        let imported = try await centre.branch(Self.branch, "import", "check-in", file)
        #expect(imported.remarks.contains("does not know 2088888888"))
        try "person_id,check_date,fever\n2077777777,\(last),Y\n".write(
            toFile: file, atomically: true, encoding: .utf8)
        let told: Imported = try await centre.branch(
            Self.branch, "import", "check-in", file, "--dry-run", "--json"
        ).json()
        #expect(told.unknownPeople == ["2077777777"])

        try await centre.open()
        #expect(try await centre.sync(Self.branch).drained)
        func unknown() async throws -> [RaisedAlert] {
            try await alerts(centre).filter {
                $0.key.hasSuffix("2099999999") || $0.key.hasSuffix("2088888888")
            }
        }
        #expect(
            try await eventually {
                let found = try await unknown()
                return found.count == 2 && found.allSatisfy { $0.turn == "T5" && $0.unit == Self.branch }
            })
        try await centre.close()
        #expect(try await centre.branch(Self.branch, "status").output.contains("2099999999"))
        // What the centre takes down itself goes to who is on duty for the committee.
        try await centre.hub(
            "add", "duty-shift", "unit=C00", "from=2020-01-01 00:00", "to=2099-01-01 00:00", "place=1",
            "person=T4", "phone=1")
        try await centre.hub("add", "check-in", day, "temperature=39.9", "person=2066666666")
        try await centre.hub("rules")
        let own = try #require(try await alerts(centre).first { $0.key.hasSuffix("2066666666") })
        #expect(own.turn == "T4")
    }

    /// An alert that was read out by telephone stands on the list, and waits like any other.
    @Test func anAlertReadOutStandsOnTheListToo() async throws {
        struct Said: Decodable {
            struct Entry: Decodable { var lines: [String] }
            var entries: [Entry]
        }
        let centre = try await Centre()
        try await Self.makeRoster(centre)
        try await centre.open()
        try await centre.join(Self.branch)
        try await centre.branch(
            Self.branch, "add", "check-in", "person=" + centre.college.words("mistyped_person"),
            "day=" + centre.college.words("last_day"), "temperature=38.9")
        let said: Said = try await centre.branch(Self.branch, "carry", "--text", "alert", "--json").json()
        let file = centre.place.path("heard")
        try Data((said.entries.first?.lines ?? []).joined(separator: "\n").utf8).write(
            to: URL(filePath: file))
        try await centre.hub("import", "--text", file)
        #expect(
            try await eventually {
                try await alerts(centre).contains { $0.rule == "symptoms" && $0.turn == "T90001" }
            })
        try await centre.close()
    }

    /// A command that hangs or cannot be started is none of the hub's harm.
    @Test func aCommandThatHangsHarmsNobody() async throws {
        let centre = try await Centre()
        try await Self.makeRoster(centre)
        let wake = centre.place.path("wake")
        try Data("#!/bin/sh\necho $$ >> \(wake).started\nsleep 1000\n".utf8).write(to: URL(filePath: wake))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: wake)
        for command in [wake, centre.place.path("nowhere")] {
            try await centre.open(more: ["--on-alert", command, "--on-alert-every", "1"])
            let name = command == wake ? "first" : "second"
            try await centre.join(Self.branch, as: name)
            let person = centre.college.words("mistyped_person")
            let day = centre.college.words("last_day")
            try await centre.branch(
                name, "add", "check-in", "person=" + person, "day=" + day, "temperature=38.9")
            #expect(try await centre.sync(name).drained)
            if command == wake {
                #expect(try await eventually { FileManager.default.fileExists(atPath: wake + ".started") })
            } else {
                #expect(try await eventually { centre.log.contains("--on-alert") })
            }
            try await centre.branch(name, "add", "check-in", "person=" + person, "day=" + day, "remark=x")
            #expect(try await centre.sync(name).drained, "the hub goes on serving")
            try await centre.close()
        }
        let started = try String(contentsOfFile: wake + ".started", encoding: .utf8)
        for line in started.split(separator: "\n") {
            #expect(
                try await eventually { !FileManager.default.fileExists(atPath: "/proc/\(line)") },
                "what hangs ends with the hub")
        }
    }

    /// A hub that is killed ends nobody; what it had called ends all the same, with all that it has begun.
    @Test func aCommandDoesNotOutliveAHubThatIsKilled() async throws {
        let centre = try await Centre()
        try await Self.makeRoster(centre)
        let wake = centre.place.path("wake")
        let script =
            "#!/bin/sh\nsleep 1000 &\necho $! $$ >> \(wake).started\ntrap '' TERM HUP INT\nwait; sleep 1000\n"
        try Data(script.utf8).write(to: URL(filePath: wake))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: wake)
        let day = centre.college.words("last_day")
        let person = centre.college.words("mistyped_person")
        try await centre.hub("add", "check-in", "person=" + person, "day=" + day, "temperature=38.9")
        try await centre.open(more: ["--on-alert", wake, "--on-alert-every", "900"])
        // The file is there before anything stands in it.
        func begun() -> [Substring] {
            let text = try? String(contentsOfFile: wake + ".started", encoding: .utf8)
            return text.map { $0.hasSuffix("\n") ? $0.split { $0.isWhitespace } : [] } ?? []
        }
        #expect(try await eventually { begun().count == 2 })
        let numbers = begun()
        #expect(numbers.count == 2 && numbers.allSatisfy { Self.lives($0) })
        centre.kill()
        #expect(try await eventually { !numbers.contains { Self.lives($0) } }, "what was called has ended")
        try await centre.close()
    }

    /// Nobody may be there to take note of the end of a process.
    private static func lives(_ number: Substring) -> Bool {
        let status = try? String(contentsOfFile: "/proc/\(number)/status", encoding: .utf8)
        return status.map { !$0.contains("State:\tZ") } ?? false
    }

    /// What the centre itself takes down is an alert in the same moment, whether it serves or not.
    @Test func aFeverThatTheCentreEntersIsAnAlertAtOnce() async throws {
        let centre = try await Centre()
        let day = centre.college.words("last_day")
        let person = centre.college.words("mistyped_person")
        try await centre.hub("add", "check-in", "person=" + person, "day=" + day, "temperature=38.9")
        let alert = try #require(try await alerts(centre).first { $0.key == "\(day) symptoms \(person)" })
        #expect(alert.status == "open" && alert.isUrgent && alert.arrived != nil)
    }

    /// Many at a time are one run, and a hub that is started again does not ring anew for what it has just
    /// rung for.
    @Test func manyAtATimeAreOneRun() async throws {
        let centre = try await Centre()
        try await Self.makeRoster(centre)
        let day = centre.college.words("last_day")
        let people = try College.lines(centre.college.folder + "/people.csv").dropFirst().prefix(20)
            .compactMap { $0.split(separator: ",").first.map(String.init) }
        let file = centre.place.path("fevers.csv")
        let rows = people.map { "\($0),\(day),38.6" }
        try (["person_id,check_date,temperature"] + rows).joined(separator: "\n").write(
            toFile: file, atomically: true, encoding: .utf8)
        try await centre.hub("import", "check-in", file)
        let (wake, log) = (centre.place.path("wake"), centre.place.path("woken"))
        let script = "#!/bin/sh\necho \"$1 $4 $ROLLCALL_COUNT $ROLLCALL_ALERTS\" >> \(log)\n"
        try Data(script.utf8).write(to: URL(filePath: wake))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: wake)
        func lines() -> [String] {
            ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n").map(
                String.init)
        }
        let arguments = ["--on-alert", wake, "--on-alert-every", "900"]
        try await centre.open(more: arguments)
        #expect(try await eventually { try await alerts(centre).count { $0.told != nil } == people.count })
        try await centre.close()
        let first = lines()
        #expect(first.count == 1 && first[0].contains(" \(people.count) \(people.count) "))
        #expect(first[0].split(separator: " ").count == 3 + people.count, "each by its name")
        #expect(!people.contains { first[0].contains($0) }, "nothing personal")

        // Killed and started again: only what is new is rung for.
        try await centre.open(more: arguments)
        let new = try #require(
            try College.lines(centre.college.folder + "/people.csv").dropFirst(30).first?
                .split(separator: ",").first.map(String.init))
        try await centre.hub("add", "check-in", "person=" + new, "day=" + day, "temperature=39.1")
        #expect(try await eventually { lines().count > 1 })
        centre.kill()
        try await centre.close()
        let second = lines().dropFirst()
        let alert = try #require(try await alerts(centre).first { $0.key == "\(day) symptoms \(new)" })
        #expect(second.count == 1 && second.first?.hasPrefix(alert.alert + " 1 1") == true)
    }

    /// A fever that was a slip: the alert says what became of it, at the centre and at the branch, and stays
    /// open until a person closes it.
    @Test func aCorrectedFeverSaysSo() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join(Self.branch)
        try await centre.sync(Self.branch)
        let day = centre.college.words("last_day")
        let person = centre.college.words("mistyped_person")
        func list(_ more: String...) async throws -> String {
            try await centre.place.run(
                "aggregator", ["alerts", "list", "--data", centre.place.path("hub")] + more
            ).output
        }
        try await centre.branch(
            Self.branch, "add", "check-in", "person=" + person, "day=" + day, "temperature=38.9")
        #expect(try await centre.sync(Self.branch).drained)
        #expect(try await eventually { try await list().contains("symptoms") })
        #expect(try await !list().contains("CORRECTED SINCE"))
        try await centre.branch(
            Self.branch, "add", "check-in", "person=" + person, "day=" + day, "temperature=36.6")
        #expect(try await centre.branch(Self.branch, "alerts").output.contains("CORRECTED SINCE"))
        #expect(try await centre.sync(Self.branch).drained)
        let masked = try await list()
        #expect(masked.contains("OPEN") && masked.contains("CORRECTED SINCE: check-in \(day) \(person)"))
        #expect(masked.contains("temperature=***") && !masked.contains("36.6"))
        #expect(try await list("--unmask", "--reason", "test").contains("temperature=36.60"))
        let board = try await centre.hub("board", "alerts", "--day", day, "--explain", "open").output
        #expect(board.contains("CORRECTED SINCE"))
        let open = try #require(try await alerts(centre).first { $0.rule == "symptoms" })
        #expect(open.status == "open", "a person decides")
        // What somebody has is masked at the branch as well.
        let here = try await alertsAtBranch(centre)
        #expect(here.first?.facts == ["***"])
        let asked = try await centre.branch(
            Self.branch, "alerts", "--unmask", "--reason", "test", "--json"
        ).output
        #expect(asked.contains("temperature=38.90"))
        try await centre.close()
    }

    /// Who answers is somebody, and by whom it was closed stands on the list.
    @Test func whoAnswersIsKnown() async throws {
        let centre = try await Centre()
        try await Self.makeRoster(centre)
        let day = centre.college.words("last_day")
        let person = centre.college.words("mistyped_person")
        try await centre.hub("add", "check-in", "person=" + person, "day=" + day, "temperature=38.9")
        let name = try #require(try await alerts(centre).first { $0.key == "\(day) symptoms \(person)" })
            .alert
        let refused = try await centre.hub("alerts", "take", name, "--by", "NOBODY", expecting: [66])
        #expect(
            refused.remarks.contains("nobody is called NOBODY") && refused.remarks.contains("import people"))
        #expect(try await alerts(centre).first { $0.alert == name }?.status == "open")
        try await centre.hub("alerts", "take", name, "--by", "T90001")
        try await centre.hub("alerts", "close", name, "--outcome", "well", "--by", "T90002")
        let list = try await centre.hub("alerts", "list", "--all").output
        #expect(list.contains("taken by T90001") && list.contains("closed by T90002"))
    }
}
