import SyncCore
import Testing

@testable import SQLiteStore
@testable import SyncStore

/// What came last is kept for rules as it was decoded, in bounds.
@Suite struct RecentArrivalsTests {
    private func arrival(_ versions: Int, at time: Milliseconds) -> HubArrival {
        let rows = (0..<versions).map { _ in
            Version(
                dot: Dot(origin: 1, sequence: 1), key: RecordKey(form: "x", values: [.integer(1)]),
                formRevision: 1, context: .empty, authored: 1, stated: 1, firstCreated: 1, assignments: [])
        }
        return HubArrival(arrived: time, rows: VersionColumns(rows))
    }

    @Test func whatIsTakenIsGoneWithWhatCameBefore() {
        var recent = RecentArrivals()
        for position in UInt64(5)...8 { recent.add(arrival(1, at: Milliseconds(position)), at: position) }
        #expect(recent.take(4) == nil && recent.take(9) == nil)
        #expect(recent.take(6)?.arrived == 6)
        #expect(recent.take(5) == nil && recent.take(6) == nil)
        #expect(recent.take(7)?.arrived == 7 && recent.take(8)?.arrived == 8)
        recent.add(arrival(1, at: 9), at: 9)
        #expect(recent.take(9)?.arrived == 9)
    }

    @Test func aGapBeginsAnew() {
        var recent = RecentArrivals()
        recent.add(arrival(1, at: 5), at: 5)
        recent.add(arrival(1, at: 7), at: 7)
        #expect(recent.take(5) == nil && recent.take(7)?.arrived == 7)
    }

    @Test func tooMuchIsForgotten() {
        var recent = RecentArrivals()
        let large = arrival(RecentArrivals.mostVersions / 2, at: 1)
        for position in UInt64(1)...2 { recent.add(large, at: position) }
        recent.add(arrival(1, at: 3), at: 3)
        #expect(recent.take(1) == nil && recent.take(3)?.arrived == 3)
    }
}
