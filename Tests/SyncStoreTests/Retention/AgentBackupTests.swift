import SyncCore
import SyncStore
import Testing

/// What a branch knows of the hub's backups.
@Suite struct AgentBackupTests {
    @Test(arguments: StoreFlavour.allCases)
    func howFarTheBackupReachesIsKept(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.author(0..<5)
        let origin = try fixture.origin()
        func held(_ sequence: UInt64, backedUp: UInt64) throws -> HeldOrigin {
            HeldOrigin(
                origin: origin.id, sequence: sequence, head: try head(sequence),
                receipt: sequence == 0 ? nil : try fixture.receipt(at: sequence), backedUp: backedUp)
        }
        func head(_ sequence: UInt64) throws -> Digest {
            guard sequence > 0 else { return origin.derivation }
            let entry = try fixture.store.journal(lane: .routine, after: sequence - 1, limit: 1).first
            return try #require(entry?.head)
        }
        #expect(origin.backedUp == 0 && origin.floor == 1 && origin.headBelow == origin.derivation)
        _ = try fixture.store.accept(
            fixture.welcome([try held(4, backedUp: 3)]), now: AgentFixture.start)
        #expect(try fixture.origin().backedUp == 3)
        // A hub that was put back says less; one that lies says no more than it holds.
        _ = try fixture.store.accept(
            fixture.welcome([try held(2, backedUp: 9)]), now: AgentFixture.start)
        #expect(try fixture.origin().backedUp == 2)
        _ = try fixture.store.accept(
            fixture.welcome([try held(2, backedUp: 0)]), now: AgentFixture.start)
        #expect(try fixture.origin().backedUp == 0)
    }
}
