import SyncCore
import Testing

@testable import Forms

struct CalendarTests {
    @Test(arguments: [
        ("1970-01-01", 0), ("2020-02-29", 18_321), ("1900-01-01", -25_567), ("0001-01-01", -719_162),
        ("9999-12-31", 2_932_896),
    ])
    func daysAndDatesAgree(text: String, day: Int32) {
        #expect(CivilDay.parse(text) == day)
        #expect(CivilDay.text(day) == text)
    }

    @Test func everyDayOfFourCenturiesComesBack() {
        for day in Int32(-80_000)...80_000 { #expect(CivilDay.parse(CivilDay.text(day)) == day) }
    }

    @Test(arguments: [
        "2020-02-03", "2020/2/3", "2020.2.3", "2020年2月3日", " 2020-2-3 ", "2020/02/03", "\u{3000}2020-02-03",
    ])
    func datesAsSheetsWriteThem(text: String) {
        #expect(CellText.date(Array(text.utf8)[...]) == CivilDay.parse("2020-02-03"))
    }

    @Test(arguments: [
        "", "2020-02-30", "2020-13-02", "2019-02-29", "2020-2/3", "2020-02-03x", "20-02-03", "昨天",
    ])
    func whatIsNoDate(text: String) {
        #expect(CellText.date(Array(text.utf8)[...]) == nil)
    }

    @Test(arguments: [
        "2020-02-03 08:31:00", "2020/2/3 8:31", "2020-02-03T08:31:00", "2020年2月3日 8:31", "2020/2/3 8:31:00",
    ])
    func timesAsSheetsWriteThem(text: String) throws {
        let local = try #require(CellText.localTime(Array(text.utf8)[...]))
        #expect(LocalZone.fixed(hours: 0).text(local) == "2020-02-03 08:31:00")
        let zone = LocalZone.fixed(hours: 8)
        #expect(zone.text(zone.time(fromLocal: local)) == "2020-02-03 08:31:00")
    }

    @Test(arguments: ["", "2020-02-03", "2020-02-03 25:61:00", "2020-02-03 8", "8:31", "2020-02-03 08:31:60"])
    func whatIsNoTime(text: String) {
        #expect(CellText.localTime(Array(text.utf8)[...]) == nil)
    }

    @Test(arguments: [
        ("True", true), ("TRUE", true), ("true", true), ("Y", true), ("是", true), ("1", true),
        ("False", false),
        ("FALSE", false), ("n", false), ("否", false), ("0", false), (" 是 ", true),
    ])
    func yesAndNo(text: String, value: Bool) {
        #expect(CellText.boolean(Array(text.utf8)[...]) == value)
    }

    @Test(arguments: [
        ("36.5", 3650), ("36.50", 3650), ("37", 3700), ("36.500", 3650), ("+36.55", 3655), ("-1.25", -125),
        (".5", 50),
    ])
    func decimalsAreExact(text: String, unscaled: Int64) {
        #expect(CellText.decimal(Array(text.utf8)[...], scale: 2) == unscaled)
    }

    @Test(arguments: ["", "36.555", "36.5.2", "正常", "3e1", "36.", "-", "99999999999999999999"])
    func whatIsNoDecimal(text: String) {
        #expect(CellText.decimal(Array(text.utf8)[...], scale: 2) == nil)
    }

    @Test func theCutOffItselfIsInTime() throws {
        let zone = LocalZone.fixed(hours: 8)
        let day = try #require(CivilDay.parse("2020-02-03"))
        let cutoff = try #require(CutOff("16:00"))
        let sharp = zone.midnight(of: day) + 16 * 3_600_000
        #expect(!zone.isAfter(sharp, cutoff: cutoff, of: day))
        #expect(zone.isAfter(sharp + 1, cutoff: cutoff, of: day))
        #expect(CutOff("25:00") == nil)
    }

    @Test func hostileTimesDoNotTrap() {
        let zone = LocalZone.fixed(hours: 8)
        for time in [Milliseconds.min, .max, 0] {
            _ = zone.text(time)
            _ = zone.day(of: time)
            _ = zone.time(fromLocal: time)
        }
    }

    @Test(
        arguments: [
            ("2020-02-03 08:31", 1_580_689_860), ("2020-02-03T00:31:00Z", 1_580_689_860),
            ("2020-02-03 0:31 Z", 1_580_689_860), ("2020-02-03Z", nil), ("Z", nil),
            ("2020-02-03T00:31:00ZZ", nil),
        ] as [(String, Milliseconds?)])
    func aTimeIsLocalOrInUTC(text: String, seconds: Milliseconds?) {
        let time = CellText.time(Array(text.utf8)[...], in: .fixed(hours: 8))
        #expect(time == seconds.map { $0 * 1_000 })
    }
}
