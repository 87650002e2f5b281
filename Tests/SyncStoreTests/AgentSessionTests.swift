import SyncCore
import SyncStore
import Testing

@Suite struct AgentSessionTests {
    @Test(arguments: StoreFlavour.allCases)
    func batchesCutAnywhereContinueTheChain(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        for day in 0..<4 {
            try fixture.author(0..<25, day: 20_000 + Int64(day), offset: Milliseconds(day) * 86_400_000)
        }
        let origin = try fixture.origin()
        let whole = try fixture.store.journal(lane: .routine, after: 0, limit: 1_000).map(\.version)
        for size in [1, 2, 7, 24, 25, 26, 99, 100, 5_000] {
            let batches = try batches(of: fixture.store) { size }
            try verify(batches, origin: origin, publicKey: fixture.device.publicKey)
            #expect(batches.flatMap { batch in (0..<batch.count).map { batch.version(at: $0) } } == whole)
            #expect(batches.last?.seals.last?.sequence == origin.sequence)
        }
        for size in [1, 700, 3_000] {
            try verify(
                batches(of: fixture.store, bytes: size) { 5_000 }, origin: origin,
                publicKey: fixture.device.publicKey)
        }
    }

    @Test(arguments: StoreFlavour.allCases)
    func goingOnAnywhereGivesTheSameVersions(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.author(0..<10)
        try fixture.author(10..<30, offset: 86_400_000)
        let whole = try fixture.store.journal(lane: .routine, after: 0, limit: 1_000)
        for after in 0..<30 {
            let rest = try batches(of: fixture.store, after: UInt64(after)) { 11 }
            #expect(
                rest.flatMap { batch in (0..<batch.count).map { batch.version(at: $0) } }
                    == whole[after...].map(\.version))
            #expect(
                rest.first?.before
                    == ShortDigest(after == 0 ? try fixture.origin().derivation : whole[after - 1].head))
        }
    }

    @Test(arguments: StoreFlavour.allCases, [UInt64(1), 20_261_122, 77])
    func randomJournalsSurviveRandomCuts(_ flavour: StoreFlavour, _ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let fixture = try AgentFixture(flavour)
        var now: Milliseconds = 0
        for _ in 0..<12 {
            now += Milliseconds.random(in: -40_000_000...90_000_000, using: &generator)
            try fixture.store.write(clock: fixture.clock(now)) { transaction in
                for _ in 0..<Int.random(in: 1...9, using: &generator) {
                    let draft = try randomDraft(transaction, using: &generator)
                    try transaction.author(draft)
                }
            }
        }
        for lane in Lane.allCases {
            let whole = try fixture.store.journal(lane: lane, after: 0, limit: 1_000).map(\.version)
            for _ in 0..<6 {
                let batches = try batches(
                    of: fixture.store, lane: lane, bytes: Int.random(in: 1...9_000, using: &generator)
                ) { Int.random(in: 1...20, using: &generator) }
                try verify(batches, origin: fixture.origin(lane), publicKey: fixture.device.publicKey)
                let versions = batches.flatMap { batch in (0..<batch.count).map { batch.version(at: $0) } }
                #expect(versions == whole, "seed \(seed)")
            }
        }
    }

    private func randomDraft(
        _ transaction: any AgentTransaction, using generator: inout SeededGenerator
    ) throws -> Draft {
        let person = Int.random(in: 0..<6, using: &generator)
        var draft = checkIn(
            person, lane: Bool.random(using: &generator) ? .urgent : .routine,
            temperature: Int64.random(in: 3_500...4_000, using: &generator))
        let kinds: [Value] = [
            .notStated, .integer(.min), .integer(.max), .text(""), .text("发热"), .list([]),
            .list([Array("x".utf8), Array("发".utf8)]), .decimal(unscaled: -5, scale: 3),
        ]
        draft.assignments = draft.assignments.filter { _ in Bool.random(using: &generator) }.map {
            assignment in
            var assignment = assignment
            if Int.random(in: 0..<4, using: &generator) == 0 {
                assignment.value = kinds[Int.random(in: 0..<kinds.count, using: &generator)]
            }
            return assignment
        }
        draft.isDelete = Int.random(in: 0..<10, using: &generator) == 0
        if draft.isDelete { draft.assignments = [] }
        if Bool.random(using: &generator) {
            draft.context = try transaction.record(draft.key)?.seen ?? .empty
        }
        if Bool.random(using: &generator) { draft.key.form = "daily-report" }
        draft.formRevision = UInt32.random(in: 1...3, using: &generator)
        return draft
    }

    @Test(arguments: StoreFlavour.allCases)
    func receiptsNeedTheHubsSignatureAndTheOwnHead(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.author(0..<10)
        _ = try fixture.store.accept(fixture.welcome(), now: AgentFixture.start)
        #expect(try fixture.store.status(of: .routine).queued == 10)

        var forged = try fixture.receipt(at: 6)
        forged.signature[10] ^= 1
        #expect(throws: Refuse.self) {
            try fixture.store.accept([fixture.receipt(at: 4), forged], now: AgentFixture.start)
        }
        let other = #expect(throws: Refuse.self) {
            try fixture.store.accept(
                [fixture.receipt(at: 6, head: TestCrypto.hashing([0]))], now: AgentFixture.start)
        }
        #expect(other?.code == .identityLost)
        #expect(try fixture.origin().receipted == 0)
        #expect(try fixture.store.contact().lastReceipt == nil)

        try fixture.store.accept([fixture.receipt(at: 7)], now: AgentFixture.start + 40)
        try fixture.store.accept([fixture.receipt(at: 3)], now: AgentFixture.start + 50)
        #expect(try fixture.origin().receipted == 7)
        let status = try fixture.store.status(of: .routine)
        #expect((status.versions, status.queued, status.receipted) == (10, 3, 7))
        #expect(
            try fixture.store.journal(lane: .routine, after: 5, limit: 3).map(\.isReceipted) == [
                true, true, false,
            ])
        #expect(try fixture.store.contact().lastReceipt == AgentFixture.start + 50)
    }

    @Test(arguments: StoreFlavour.allCases)
    func aWelcomeSaysWhereToGoOn(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.author(0..<4)
        let origin = try fixture.origin()
        let head = try fixture.store.journal(lane: .routine, after: 2, limit: 1)[0].head
        let held = HeldOrigin(
            origin: origin.id, sequence: 3, head: head, receipt: try fixture.receipt(at: 3))
        let resume = try fixture.store.accept(
            fixture.welcome([held], clock: AgentFixture.start + 5_000), now: AgentFixture.start)
        #expect(
            resume == [
                AgentSession.Resume(origin: try fixture.origin(.urgent).id, behind: 0, receipted: 0),
                AgentSession.Resume(origin: origin.id, behind: 3, receipted: 3),
            ])
        #expect(try fixture.origin().receipted == 3)
        let contact = try fixture.store.contact()
        #expect(contact.skew == 5_000)
        #expect(contact.lastHubTime == AgentFixture.start + 5_000)
        let hello = try fixture.store.hello(now: AgentFixture.start + 100, program: "test")
        #expect(hello.sessionToken == Token16(high: 3, low: 4))
        #expect(hello.routine.count == 1)
        #expect(hello.routine.oldestAge == 5_100)
        #expect(hello.urgent == Backlog())
        #expect(hello.origins.map(\.sequence) == [0, 4])
        // The measured skew goes into what is written from now on.
        try fixture.author(4..<5, offset: 1_000)
        #expect(try fixture.store.versions(of: checkIn(4).key).first?.authored == AgentFixture.start + 6_000)
    }

    /// What a revoked device hands over is held back, also what the hub had before it was put back: that may
    /// be released there without a word. A hub that has forgotten the revocation takes it all, and it counts.
    @Test(arguments: StoreFlavour.allCases)
    func whatIsHandedOverIsKnownToBeHeldBack(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        let now = AgentFixture.start
        func reasons() throws -> [String] {
            try fixture.store.verdicts([.quarantined], limit: 9).sorted { $0.verdict.dot < $1.verdict.dot }
                .map(\.verdict.reason)
        }
        func welcome(_ epoch: UInt64, isSurrender: Bool) throws -> Welcome {
            let origins = try fixture.store.origins()
            var welcome = fixture.welcome(
                origins.map { HeldOrigin(origin: $0.id, sequence: 0, head: $0.derivation, receipt: nil) })
            welcome.epoch = Token16(high: 7, low: epoch)
            welcome.capabilities = isSurrender ? [Welcome.surrender] : []
            return welcome
        }
        func receipt(at sequence: UInt64, _ epoch: UInt64) throws -> Receipt {
            var receipt = try fixture.receipt(at: sequence)
            receipt.signature = try fixture.hub.sign(
                receipt.statement(hub: fixture.configuration.hub, epoch: Token16(high: 7, low: epoch)))
            return receipt
        }
        try fixture.author(0..<2)
        _ = try fixture.store.accept(try welcome(9, isSurrender: false), now: now)
        try fixture.store.accept([try receipt(at: 2, 9)], now: now)
        try fixture.author(2..<3)
        // Revoked, and put back to before the first two had come: all three are handed over.
        for epoch in UInt64(10)...11 {
            _ = try fixture.store.accept(try welcome(epoch, isSurrender: true), now: now)
            try fixture.store.accept([try receipt(at: 3, epoch)], now: now)
            #expect(try reasons() == ["delivered_before", "delivered_before", "revoked_device"])
        }
        let table = try #require(fixture.store as? TableAgentStore)
        let ends = try table.ends(limit: 9)
        #expect(ends.quarantined == 3 && ends.releasable == 2 && ends.waiting == 0)
        #expect(try fixture.store.status(of: .routine).quarantined == 3)
        // Put back to before the revocation, and nobody told it.
        _ = try fixture.store.accept(try welcome(12, isSurrender: false), now: now)
        #expect(try reasons().isEmpty)
        try fixture.store.accept([try receipt(at: 3, 12)], now: now)
        #expect(try reasons().isEmpty && table.ends(limit: 9).quarantined == 0)
        #expect(try fixture.store.status(of: .routine).quarantined == 0)
    }

    @Test(arguments: StoreFlavour.allCases)
    func anotherHeadAtTheHubMeansALostIdentity(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.author(0..<4)
        let origin = try fixture.origin()
        let claims = [
            HeldOrigin(origin: origin.id, sequence: 2, head: origin.head, receipt: nil),
            HeldOrigin(origin: origin.id, sequence: 5, head: origin.head, receipt: nil),
            HeldOrigin(origin: origin.id, sequence: 0, head: .zero, receipt: nil),
        ]
        for claim in claims {
            let refusal = #expect(throws: Refuse.self) {
                _ = try fixture.store.accept(fixture.welcome([claim]), now: AgentFixture.start)
            }
            #expect(refusal?.code == .identityLost)
        }
        #expect(try fixture.store.hello(now: 0, program: "test").sessionToken == .zero)
    }

    @Test func aClockIsBelievedNearTheLastContactOnly() {
        let day: Milliseconds = 86_400_000
        let last = AgentFixture.start
        #expect(AuthoringClock(now: 0, lastHubTime: nil).isTrusted)
        for (now, isTrusted) in [
            (last, true), (last - 600_000, true), (last - 600_001, false), (last + 60 * day, true),
            (last + 60 * day + 1, false), (.max, false), (.min, false),
        ] {
            #expect(AuthoringClock(now: now, lastHubTime: last).isTrusted == isTrusted)
        }
    }
}
