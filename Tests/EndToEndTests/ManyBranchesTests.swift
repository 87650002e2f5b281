import Foundation
import Testing

/// A central office that everybody reaches at the same time.
@Suite struct ManyBranchesTests {
    @Test func aHundredThousandCheckInsOfFiftyBranchesArriveOnce() async throws {
        let crowd = try await Crowd(branches: 50, persons: 100, days: 20)
        try await crowd.open()
        let sheets = crowd.branches.map { branch in
            var numbers = Numbers(seed: UInt64(branch.number) + 1)
            return crowd.days.flatMap { crowd.entries(of: branch, on: $0, using: &numbers) }
        }
        let files = try crowd.branches.map { try crowd.sheet($0.unit, sheets[$0.number]) }
        try await crowd.forEachBranch(width: 4) { branch in
            try await crowd.join(branch.unit)
            let counts: ImportCounts = try await crowd.branch(
                branch.unit, "import", "check-in", files[branch.number], "--json"
            ).json()
            #expect(counts.accepted == 2_000)
        }
        // All at once; the hub sees fifty connections.
        try await crowd.forEachBranch(width: 50) { branch in
            let queued = try await crowd.status(branch.unit).queued
            let report = try await crowd.sync(branch.unit)
            #expect(report.drained && report.receipted == queued && report.sessions == 1)
            let status = try await crowd.status(branch.unit)
            #expect(status.queued == 0 && status.receipted == queued && status.versions == queued)
        }
        let sent = sheets.flatMap { $0 }
        #expect(sent.count == 100_000)
        let arrived = try await crowd.arrived()
        #expect(arrived.count == sent.count)
        #expect(Set(arrived) == Set(sent))
        let ill = sent.filter { $0.temperature >= Crowd.Entry.alertAt }.map { [$0.day, $0.person] }
        let alerts = try await crowd.alerts()
        #expect(alerts.count == ill.count && Set(alerts) == Set(ill))
        try await crowd.close()
        print("fifty branches: the hub had \(crowd.peakMemory >> 20) MB at most")
    }
}
