import SyncCore
import SyncStore
import Testing

/// A branch that was away for long.
@Suite(.serialized) struct AgentLoadTests {
    @Test func aBatchOutOfTwelveThousandRows() throws {
        let fixture = try AgentFixture(.sqlite)
        try fixture.author(0..<12_000)
        let batch = try fixture.store.batch(
            of: try fixture.origin().id, after: 5_000, maximumVersions: 1_000, maximumBytes: 1 << 20)
        #expect(batch?.count ?? 0 > 700)
        #expect(try fixture.store.status(of: .routine).queued == 12_000)
    }
}
