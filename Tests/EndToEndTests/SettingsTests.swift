import Forms
import Foundation
import SyncCore
import Testing

@testable import Aggregator
@testable import Console

/// A committee changes its hours and its hospital: past days stay as they were judged, branches hear of it,
/// and what would judge anew is refused with words.
@Suite(.timeLimit(.minutes(5))) struct SettingsTests {
    private struct Kept: Decodable {
        struct Later: Decodable {
            var setting: String
            var from: String
            var hour: String
        }
        var checkInCutoff: String
        var hospital: String?
        var laterHours: [Later]?
    }

    /// Runs the hub's program when it is a local hour of a day, so many days from now.
    @discardableResult private func run(
        _ hub: Hub, on days: Int, at hour: String, _ arguments: String..., expecting code: Int32 = 0
    ) async throws -> Outcome {
        let clock = try FalseClock.now(is: "\(day(days))T\(hour):00+08:00")
        return try await hub.place.run(
            "aggregator", arguments + ["--data", hub.place.path("hub")], expecting: [code],
            environment: clock.environment)
    }

    private func day(_ days: Int) -> String {
        String(Date(timeIntervalSinceNow: 8 * 3_600 + Double(days) * 86_400).ISO8601Format().prefix(10))
    }

    private func late(_ hub: Hub, _ day: String) async throws -> Int {
        let board: Board = try await hub.hub("coverage", "--date", day, "--json").json()
        return board.units.reduce(0) { $0 + $1.late }
    }

    private func made() async throws -> Hub {
        let place = try Place()
        let hub = try await Hub(in: place, name: "Committee", settings: ["hospital=First Hospital"])
        for (kind, lines) in [
            ("units", "unit_id,unit_name,parent_id\nC0,Committee,\nB01,Branch,C0\n"),
            ("people", "person_id,name,unit_id\nP1,Person 1,B01\n"),
        ] {
            try lines.write(toFile: place.path(kind), atomically: true, encoding: .utf8)
            try await hub.hub("import", kind, place.path(kind))
        }
        return hub
    }

    @Test func twoWhoChangeThemAtOnceBothHaveTheirWay() async throws {
        struct Spans: Decodable {
            var answerMinutes: Int
            var attendMinutes: Int
        }
        let hub = try await made()
        for round in 1...6 {
            async let one = hub.hub("settings", "--set", "answerMinutes=\(20 + round)")
            async let other = hub.hub("settings", "--set", "attendMinutes=\(40 + round)")
            _ = try await (one, other)
            let spans: Spans = try await hub.hub("settings", "--json").json()
            #expect(spans.answerMinutes == 20 + round && spans.attendMinutes == 40 + round)
        }
    }

    @Test func anHourIsAnotherFromADayOn() async throws {
        let hub = try await made()
        try await run(
            hub, on: 1, at: "15:30", "add", "check-in", "day=\(day(1))", "person=P1", "temperature=36.5")
        #expect(try await late(hub, day(1)) == 0)
        // The new hour has passed on that day: the day is judged as it was.
        let told = try await run(hub, on: 1, at: "15:40", "settings", "--set", "checkInCutoff=15:00")
        #expect(told.remarks.contains("checkInCutoff is 15:00 from \(day(2)) on"), "\(told.remarks)")
        try await run(
            hub, on: 2, at: "15:30", "add", "check-in", "day=\(day(2))", "person=P1", "temperature=36.5")
        #expect(try await late(hub, day(1)) == 0)
        #expect(try await late(hub, day(2)) == 1)
        // In the morning it may still be that day's.
        try await run(hub, on: 3, at: "08:00", "settings", "--set", "checkInCutoff=17:00")
        let kept: Kept = try await hub.hub("settings", "--json").json()
        #expect(kept.checkInCutoff == "16:00")
        #expect(kept.laterHours?.map(\.from) == [day(2), day(3)])
        #expect(kept.laterHours?.map(\.hour) == ["15:00", "17:00"])
        #expect(try await late(hub, day(2)) == 1, "and the day before stays as it was")
        let early = try await run(
            hub, on: 3, at: "17:30", "settings", "--set", "checkInCutoff=18:00", "--from", day(3),
            expecting: 64)
        #expect(early.remarks.contains("has been judged by checkInCutoff already"))
        #expect(early.remarks.contains(day(4)))
        try await run(
            hub, on: 3, at: "17:30", "settings", "--set", "checkInCutoff=18:00", "--from", day(9))
        let shown = try await hub.hub("settings").output
        #expect(
            shown.contains(
                "checkInCutoff=16:00; 15:00 from \(day(2)); 17:00 from \(day(3)); 18:00 from \(day(9))"))
        let audit = try await hub.hub("audit").output
        #expect(audit.contains("settings changed") && audit.contains("checkInCutoff=15:00 from \(day(2))"))
    }

    @Test func branchesHearOfAnotherHospital() async throws {
        let hub = try await made()
        try await hub.open()
        try await hub.join("B01", as: "a")
        func advice(_ day: String) async throws -> String {
            let outcome = try await hub.branch(
                "a", "add", "check-in", "day=\(day)", "person=P1", "temperature=38.5")
            return outcome.output + outcome.remarks
        }
        #expect(try await advice(day(0)).contains("First Hospital"))
        // While the hub serves.
        let told = try await hub.hub(
            "settings", "--set", "hospital=Second Hospital", "--set", "answerMinutes=5")
        #expect(told.remarks.contains("hospital=Second Hospital from now on"))
        #expect(try await hub.sync("a").drained)
        let kept: Kept = try await hub.hub("settings", "--json").json()
        #expect(kept.hospital == "Second Hospital")
        #expect(try await advice(day(-1)).contains("Second Hospital"))
        #expect(
            try await hub.hub("settings", "--set", "hospital=Second Hospital").remarks.contains(
                "nothing to change"))
        try await hub.close()
    }

    /// A branch that stays connected hears of other settings, and nobody has to connect anew.
    @Test func aConnectedBranchHearsOfItAtOnce() async throws {
        let hub = try await made()
        try await hub.open()
        for name in ["a", "b"] {
            try await hub.join("B01", as: name)
            #expect(try await hub.sync(name).drained)
        }
        let sessions = { hub.log.components(separatedBy: "event=session_opened").count }
        let before = sessions()
        let serve = try hub.start("a", "serve")
        #expect(try await eventually { sessions() == before + 1 })
        var entries = 0
        func advice(_ name: String) async throws -> String {
            entries += 1
            let outcome = try await hub.branch(
                name, "add", "check-in", "day=\(day(-(entries % 50)))", "person=P1",
                "temperature=38.\(10 + entries % 90)")
            return outcome.output + outcome.remarks
        }
        #expect(try await advice("a").contains("First Hospital"))
        for hospital in ["Second Hospital", "Third Hospital"] {
            let told = try await hub.hub(
                "settings", "--set", "hospital=\(hospital)", "--set", "arrivalMinutes=7")
            #expect(told.remarks.contains("connected branches hear of it at once"))
            #expect(try await eventually { try await advice("a").contains(hospital) })
        }
        #expect(sessions() == before + 1, "in the same session")
        #expect(try await advice("b").contains("First Hospital"), "nobody has told it yet")
        #expect(try await hub.sync("b").drained)
        #expect(try await advice("b").contains("Third Hospital"))
        // What comes behind it is fed as ever.
        try await hub.hub("add", "appointment", "unit=B01", "role=r", "from=2020-01-01", "person=T1")
        #expect(
            try await eventually {
                try await hub.branch(
                    "a", "history", "appointment", "B01", "r", "2020-01-01", expecting: [0, 66]
                ).code == 0
            })
        #expect(sessions() == before + 2, "one of them to bring the other device up to date")
        _ = try await serve.stop()
        try await hub.close()
    }

    /// A clock that is behind judges nothing anew: not what has come, nor what rules have looked at.
    @Test(arguments: [true, false]) func aClockThatIsBehindJudgesNothingAnew(byEntries: Bool) async throws {
        let hub = try await made()
        if byEntries {
            try await run(
                hub, on: 4, at: "15:30", "add", "check-in", "day=\(day(4))", "person=P1", "temperature=36.5")
            // Rules that have gone back with the clock remember nothing of it.
            try await run(hub, on: 1, at: "07:00", "rules")
        } else {
            try await run(hub, on: 4, at: "15:30", "rules")
        }
        let refused = try await run(
            hub, on: 1, at: "08:00", "settings", "--set", "checkInCutoff=15:00", "--from", day(3),
            expecting: 64)
        #expect(refused.remarks.contains("the first day that can have another is \(day(5))"))
        let told = try await run(hub, on: 1, at: "08:00", "settings", "--set", "checkInCutoff=15:00")
        #expect(told.remarks.contains("checkInCutoff is 15:00 from \(day(5)) on"), "\(told.remarks)")
        #expect(told.remarks.contains("by this machine's clock it is \(day(1))"))
        #expect(try await late(hub, day(4)) == 0)
    }

    /// The same hour again says nothing new, a plan is kept and said, and there is an end to their number.
    @Test func hoursAreKeptOnceAndNotWithoutEnd() async throws {
        let hub = try await made()
        func hours() async throws -> [String] {
            let kept: Kept = try await hub.hub("settings", "--json").json()
            return (kept.laterHours ?? []).map { "\($0.hour) \($0.from)" }
        }
        for round in 1...2 {
            let told = try await hub.hub("settings", "--set", "checkInCutoff=18:00", "--from", day(9))
            #expect(told.remarks.contains("nothing to change") == (round == 2))
        }
        #expect(try await hours() == ["18:00 \(day(9))"])
        let told = try await hub.hub("settings", "--set", "checkInCutoff=17:00", "--from", day(5))
        #expect(told.remarks.contains("from \(day(9)) on it is 18:00, as it was planned"))
        #expect(try await hours() == ["17:00 \(day(5))", "18:00 \(day(9))"])
        // To the hour before it: the plan is put back.
        try await hub.hub("settings", "--set", "checkInCutoff=17:00", "--from", day(9))
        #expect(try await hours() == ["17:00 \(day(5))"])
        let audit = try await hub.hub("audit").output
        #expect(audit.components(separatedBy: "settings changed").count == 4, "\(audit)")
        // A plan stays, whatever comes to hold before it.
        for (hour, from) in [("15:00", 20), ("15:00", 12), ("14:00", 15)] {
            try await hub.hub("settings", "--set", "checkInCutoff=\(hour)", "--from", day(from))
        }
        #expect(
            try await hours() == [
                "17:00 \(day(5))", "15:00 \(day(12))", "14:00 \(day(15))", "15:00 \(day(20))",
            ])
    }

    @Test func hoursAreNotKeptWithoutEnd() throws {
        let zone = LocalZone.fixed(hours: 8)
        let now: Milliseconds = 1_580_000_000_000
        let today = zone.day(of: now)
        func changed(_ settings: Settings, _ number: Int) throws -> Settings {
            var change = SettingsChange(settings, zone: zone, now: now)
            let hour = "\(17 + number % 2):30"
            try change.take("reportCutoff=\(hour)", from: today + 1 + Int32(number))
            #expect(change.firstDay == today + 1 + Int32(number))
            return change.settings
        }
        var settings = Settings()
        for number in 1...Limits.datedHours { settings = try changed(settings, number) }
        #expect(settings.laterHours?.count == Limits.datedHours)
        #expect(try JSONEncoder().encode(settings).count < Limits.settingsBytes / 2)
        let full = settings
        let failure = #expect(throws: Failure.self) { try changed(full, Limits.datedHours + 1) }
        #expect(failure?.message.en.contains("256 times") == true)
        // One that is still to come is put back, which makes room for another.
        var back = SettingsChange(full, zone: zone, now: now)
        let last = Int32(Limits.datedHours)
        try back.take("reportCutoff=\(17 + (Limits.datedHours - 1) % 2):30", from: today + 1 + last)
        #expect(back.settings.laterHours?.count == Limits.datedHours - 1)
        _ = try changed(back.settings, Limits.datedHours + 2)
    }

    /// Bounds are what a thermometer can show.
    @Test func boundsAreWhatAThermometerShows() async throws {
        let hub = try await made()
        for setting in ["temperatureMinimum=24.9", "temperatureMaximum=45.1", "temperatureMinimum=-5000"] {
            let refused = try await hub.hub("settings", "--set", setting, expecting: [64])
            #expect(refused.remarks.contains("25.0 to 45.0"), "\(refused.remarks)")
        }
        try await hub.hub("settings", "--set", "temperatureMinimum=25.0", "--set", "temperatureMaximum=45.0")
        let place = try Place()
        for (settings, words) in [
            (["temperatureMinimum=38", "temperatureMaximum=37"], "is not below"),
            (["firstDay=2020-02-02", "lastDay=2020-02-01"], "lies after"),
            (["temperatureAlert=50"], "25.0 to 45.0"),
        ] {
            let refused = try await place.run(
                "aggregator",
                ["init", "--data", place.path("hub")] + settings.flatMap { ["--set", $0] }, expecting: [64])
            #expect(refused.remarks.contains(words), "\(refused.remarks)")
        }
    }

    @Test func whatWouldJudgeAnewIsRefused() async throws {
        let hub = try await made()
        let before = try await hub.hub("settings").output
        for (setting, words) in [
            ("timeZone=Asia/Tokyo", "timeZone stays as it was"),
            ("temperatureAlert=37.0", "temperatureAlert stays as it was"),
            ("temperatureMaximum=42.0", "only be made wider"), ("entryWindowDays=30", "only be made wider"),
            ("firstDay=2020-01-01", "only be made wider"),
            ("checkInCutoff=25:00", "a value that does not fit"),
            ("colour=red", "no such setting"), ("hospital=First\nSecond", "line break"),
            ("hospital=A\u{2028}B", "line break"), ("hospital=A\u{1b}[2J", "line break"),
        ] {
            let refused = try await hub.hub(
                "settings", "--set", "answerMinutes=7", "--set", setting, expecting: [64])
            #expect(refused.remarks.contains(words), "\(setting): \(refused.remarks)")
        }
        let atOnce = try await hub.hub(
            "settings", "--set", "hospital=X", "--from", day(5), expecting: [64])
        #expect(atOnce.remarks.contains("changes at once"))
        #expect(try await hub.hub("settings").output == before, "all or nothing")
        try await hub.hub("settings", "--set", "temperatureMaximum=44.0", "--set", "entryWindowDays=90")
        #expect(try await hub.hub("settings").output.contains("temperatureMaximum=44.0"))
        for name in ["firstDay", "lastDay"] {
            let told = try await hub.hub("settings", "--set", "\(name)=")
            #expect(
                told.remarks.contains("\(name)= (no bound)") || told.remarks.contains("nothing to change"))
            #expect(try await hub.hub("settings").output.contains("\(name)=\n"))
        }
    }
}
