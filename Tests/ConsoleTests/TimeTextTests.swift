import Console
import Forms
import SyncCore
import Testing

@Suite struct TimeTextTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"), (-86_400_000, "1969-12-31T00:00:00Z"),
            (1_580_718_660_999, "2020-02-03T08:31:00Z"), (4_102_444_800_000, "2100-01-01T00:00:00Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59Z"), (253_402_300_800_000, "10000-01-01T00:00:00Z"),
        ] as [(Milliseconds, String)])
    func timesForScripts(time: Milliseconds, text: String) {
        #expect(RecordText.time(time) == text)
    }

    @Test(arguments: [Milliseconds.min, -(1 << 53), 1 << 53, .max])
    func theEndsOfTimeAreSomeText(time: Milliseconds) {
        #expect(RecordText.time(time).hasSuffix("Z"))
        #expect(!RecordText.text(.integer(time), as: .time).isEmpty)
        #expect(!RecordText.text(.integer(time), as: .date).isEmpty)
        #expect(!TimeText(zone: "Asia/Shanghai").text(time).isEmpty)
        for language in [Language.english, .chinese] {
            #expect(!TimeText.span(time).text(language).isEmpty)
        }
    }

    @Test func peopleReadTheCommitteesTime() {
        let times = TimeText(zone: "Asia/Shanghai")
        #expect(times.name == "Asia/Shanghai")
        #expect(times.text(1_580_718_660_999) == "2020-02-03 16:31")
        #expect(times.text(4_133_980_800_000) == "2101-01-01 08:00")
        #expect(TimeText(zone: "Nowhere/Else").name == "UTC")
    }

    @Test func spansInBothLanguages() {
        #expect(TimeText.span(-12_000_000) == Words("3 h 20 min", zh: "3 小时 20 分"))
        #expect(TimeText.span(41 * 365 * 86_400_000).en == "41 years")
    }
}
