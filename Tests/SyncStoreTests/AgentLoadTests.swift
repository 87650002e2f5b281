import SyncCore
import SyncStore
import Testing

/// How long a branch waits. The bounds are wide; the measured times are printed.
@Suite(.serialized) struct AgentLoadTests {
    @Test func anImportOfTwelveThousandRowsStaysUsable() throws {
        let fixture = try AgentFixture(.sqlite)
        let clock = ContinuousClock()
        let importing = try clock.measure { try fixture.author(0..<12_000) }
        let batching = try clock.measure {
            let batch = try fixture.store.batch(
                of: try fixture.origin().id, after: 5_000, maximumVersions: 1_000, maximumBytes: 1 << 20)
            #expect(batch?.count ?? 0 > 700)
        }
        let asking = try clock.measure {
            let status = try fixture.store.status(of: .routine)
            #expect(status.queued == 12_000)
        }
        print("12,000 rows in \(importing), batch in \(batching), status in \(asking)")
        #expect(importing < .seconds(60))
        #expect(batching < .seconds(10))
    }
}
