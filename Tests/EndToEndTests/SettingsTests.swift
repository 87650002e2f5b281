import Foundation
import Testing

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

    @Test func whatWouldJudgeAnewIsRefused() async throws {
        let hub = try await made()
        let before = try await hub.hub("settings").output
        for (setting, words) in [
            ("timeZone=Asia/Tokyo", "timeZone stays as it was"),
            ("temperatureAlert=37.0", "temperatureAlert stays as it was"),
            ("temperatureMaximum=42.0", "only be made wider"), ("entryWindowDays=30", "only be made wider"),
            ("firstDay=2020-01-01", "only be made wider"),
            ("checkInCutoff=25:00", "a value that does not fit"),
            ("colour=red", "no such setting"),
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
    }
}
