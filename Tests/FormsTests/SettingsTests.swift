import Forms
import SyncCore
import Testing

/// Hours that were changed judge the days from theirs on, and no day before.
@Suite struct SettingsTests {
    static let day = RuleEngineTests.day

    static func changed() -> Settings {
        var settings = Settings()
        settings.laterHours = [
            Settings.LaterHour(setting: "checkInCutoff", from: CivilDay.text(day + 1), hour: "10:00"),
            Settings.LaterHour(setting: "checkInCutoff", from: CivilDay.text(day + 3), hour: "20:00"),
            Settings.LaterHour(setting: "reportCutoff", from: CivilDay.text(day + 2), hour: "12:00"),
        ]
        return settings
    }

    @Test func eachDayIsJudgedByItsOwnHour() throws {
        let count = try CoverageCount(settings: Self.changed(), zone: .fixed(hours: 8))
        for (offset, hour) in [(Int32(-9), 16.0), (0, 16), (1, 10), (2, 10), (3, 20), (90, 20)] {
            let day = Self.day + offset
            #expect(!count.isLate(checkIn: RuleEngineTests.at(hour, day), of: day), "\(offset)")
            #expect(count.isLate(checkIn: RuleEngineTests.at(hour + 0.1, day), of: day), "\(offset)")
        }
        #expect(!count.isLate(report: RuleEngineTests.at(18, Self.day + 1), of: Self.day + 1))
        #expect(count.isLate(report: RuleEngineTests.at(12.1, Self.day + 2), of: Self.day + 2))
        var unread = Settings()
        unread.laterHours = [Settings.LaterHour(setting: "checkInCutoff", from: "soon", hour: "10:00")]
        #expect(throws: FormDefinitionError.self) {
            try CoverageCount(settings: unread, zone: .fixed(hours: 8))
        }
    }

    @Test func whatIsMissingIsSaidAtTheHourOfItsDay() throws {
        let hub = try RuleEngineTests.hub(Self.changed())
        for hour in stride(from: 1.0, to: 49, by: 0.5) { try hub.look(RuleEngineTests.at(hour)) }
        let times = hub.events.filter { event in
            if case .raised = event.action { return event.rule == "missing-check-in" }
            return false
        }.map(\.at)
        #expect(Set(times) == [RuleEngineTests.at(16) + 1, RuleEngineTests.at(10, Self.day + 1) + 1])
    }

    @Test func theyTravelAndOlderOnesStillRead() throws {
        #expect(Settings().hour(named: "checkInCutoff")?.on(0) == CutOff("16:00"))
        #expect(Settings().hour(named: "hospital") == nil)
    }
}
