import SyncCore
import SyncStore
import Testing

/// A Hello of a connection that is given up may lie on a slow line for long, and come after the next one.
@Suite struct OvertakenHelloTests {
    @Test func aStoreIsNotSuspectedBecauseAnOlderHelloCameLate() {
        var replica = HubReplica(id: 1, device: 1, replica: Token16(high: 1, low: 1))
        replica.open(shown: nil, random: Token16(high: 0, low: 5))
        let stored = replica.offered
        replica.open(shown: nil, random: Token16(high: 0, low: 6))
        #expect(stored != nil)
        let known = [replica.confirmed, replica.offered, replica.former, replica.rival]
        #expect(known.contains(stored), "the token that the store holds was forgotten")
    }
}
