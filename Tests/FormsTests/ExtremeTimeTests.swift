import SyncCore
import Testing

@testable import Forms

/// Times from a broken or hostile device: nothing traps, and what lies outside the calendar is refused.
@Suite struct ExtremeTimeTests {
    static let ends: [Milliseconds] = [
        .min, -(1 << 53), -62_135_596_800_001, -62_135_596_800_000, -1, 0, 4_102_444_800_000,
        253_402_300_799_999, 253_402_300_800_000, 1 << 53, .max,
    ]
    static let zones = [LocalZone.fixed(hours: -14), .fixed(hours: 0), .fixed(hours: 8), .fixed(hours: 14)]

    @Test(arguments: ends)
    func zonesTakeEveryTime(time: Milliseconds) {
        for zone in ExtremeTimeTests.zones {
            _ = zone.local(time)
            _ = zone.time(fromLocal: time)
            #expect(!zone.text(time).isEmpty)
            var cache = OffsetCache(zone: zone)
            _ = cache.local(time)
            for day in [Int32.min, -719_163, 0, 2_932_897, .max] {
                _ = zone.isAfter(time, cutoff: CutOff("16:00") ?? CutOff("00:00")!, of: day)
                _ = zone.midnight(of: day)
                #expect(!CivilDay.text(day).isEmpty)
            }
            let day = zone.day(of: time)
            #expect((CivilDay.accepted.lowerBound - 1...CivilDay.accepted.upperBound + 1).contains(day))
        }
    }

    @Test func daysOutsideTheCalendarReadInOrder() {
        #expect(CivilDay.text(CivilDay.accepted.upperBound + 1) == "10000-01-01")
        #expect(CivilDay.text(CivilDay.accepted.lowerBound - 1) == "0000-12-31")
        #expect(CivilDay.text(CivilDay.accepted.lowerBound - 400) == "-0001-11-28")
        #expect(LocalZone.floorDivide(.min, 86_400_000) == -106_751_991_168)
        #expect(LocalZone.floorDivide(-1, 86_400_000) == -1)
        #expect(LocalZone.floorDivide(86_400_000, 86_400_000) == 1)
    }

    /// Authored, stated and first-created at every pair of ends: refused or noted, never a trap.
    @Test func validationTakesEveryTime() throws {
        let form = try CompiledForm(
            #require(FormCatalog.builtIn[BuiltIn.checkIn]), settings: Settings(), zone: .fixed(hours: 8))
        for authored in ExtremeTimeTests.ends {
            for stated in ExtremeTimeTests.ends {
                for day in [Int64.min, -719_163, 0, 18_295, 2_932_897, .max] {
                    let version = Version(
                        dot: Dot(origin: 1, sequence: 1),
                        key: RecordKey(form: BuiltIn.checkIn, values: [.integer(day), .text("P1")]),
                        formRevision: 1, authored: authored, stated: stated, firstCreated: stated,
                        assignments: [Assignment(field: 2, retentionClass: 1, value: .boolean(true))])
                    let refusals = form.findings(of: version).filter(\.isRefusal)
                    let isInCalendar =
                        LocalZone.acceptedTimes.contains(authored) && LocalZone.acceptedTimes.contains(stated)
                    if !isInCalendar { #expect(!refusals.isEmpty, "\(authored) \(stated) \(day)") }
                }
            }
        }
    }

    @Test func theBoardTakesEveryTime() throws {
        let count = try CoverageCount(settings: Settings(), zone: .fixed(hours: 8))
        for day in [Int32.min, 0, 18_295, .max] {
            for time in ExtremeTimeTests.ends {
                let board = count.board(
                    of: day, units: [.init(id: "B", name: "", line: CoverageCount.line)],
                    memberships: [.init(person: "P", from: .min, unit: "B")], excuses: [],
                    checkIns: [.init(person: "P", firstCreated: time, isFlagged: false)],
                    reports: [.init(unit: "B", firstCreated: time, kind: "ZERO")])
                #expect(board.lines.first?.checkedIn == 1)
            }
        }
    }

    /// The clock was wrong when a record was made and is right when it is corrected: the correction counts.
    @Test func aCorrectionInheritsAWrongFirstTimeAndCounts() throws {
        let zone = LocalZone.fixed(hours: 8)
        let form = try CompiledForm(
            #require(FormCatalog.builtIn[BuiltIn.checkIn]), settings: Settings(), zone: zone)
        let day = try #require(CivilDay.parse("2020-02-03"))
        let noon = zone.midnight(of: day) + 12 * 3_600_000
        func version(_ context: Context, first: Milliseconds) -> Version {
            Version(
                dot: Dot(origin: 1, sequence: 2),
                key: RecordKey(form: BuiltIn.checkIn, values: [.integer(Int64(day)), .text("P1")]),
                formRevision: 1, context: context, authored: noon, stated: noon, firstCreated: first,
                assignments: [
                    Assignment(
                        field: 1, retentionClass: 0, value: .decimal(unscaled: 3_650, scale: 2))
                ])
        }
        let long = noon - 10 * 365 * 86_400_000
        let seen = try #require(
            Context(canonical: VersionVector(normalizing: [.init(origin: 1, count: 1)]), dots: []))
        #expect(form.findings(of: version(seen, first: long)).filter(\.isRefusal).isEmpty)
        #expect(
            form.findings(of: version(.empty, first: long)).filter(\.isRefusal).map(\.reason)
                == [Reason.recordedBeforeDay])
    }
}
