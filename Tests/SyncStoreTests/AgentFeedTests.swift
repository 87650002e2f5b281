import SyncCore
import SyncStore
import Testing

@Suite struct AgentFeedTests {
    private let foreign: OriginID = 0xFFFF_0000_0000_0001

    private func version(_ sequence: UInt64, of person: Int, temperature: Int64 = 3_700) -> Version {
        let draft = checkIn(person, temperature: temperature)
        let time = AgentFixture.start + Milliseconds(sequence)
        return Version(
            dot: Dot(origin: foreign, sequence: sequence), key: draft.key, formRevision: 1, authored: time,
            stated: time, firstCreated: time, assignments: draft.assignments)
    }

    private func feed(_ versions: [Version], position: UInt64 = 9) -> Feed {
        Feed(
            lane: .routine,
            versions: FeedVersions(dots: versions.map(\.dot), rows: VersionColumns(versions)),
            token: FeedToken(
                epoch: AgentFixture.epoch, position: position, hash: ShortDigest(TestCrypto.hashing([9]))))
    }

    /// Earlier stores keep the whole of the arrival log's hash.
    @Test func theFeedGoesOnFromAStoreOfBefore() throws {
        let fixture = try AgentFixture(.sqlite)
        let page = feed([version(1, of: 50)])
        try fixture.store.apply(page, now: AgentFixture.start)
        let file = try JournalFile(fixture.folder.path)
        let whole = Hex.encode(TestCrypto.hashing([9]).bytes)
        try file.execute("UPDATE session SET feed_hash = x'\(whole)'")
        let hello = try fixture.another().hello(now: AgentFixture.start, program: "test 1")
        #expect(hello.feed == page.token)
        try file.execute("UPDATE session SET feed_hash = x'0102'")
        #expect(throws: StoreError.self) {
            try fixture.another().hello(now: AgentFixture.start, program: "test 1")
        }
    }

    @Test(arguments: StoreFlavour.allCases)
    func theSameFeedTwiceChangesNothing(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.author(0..<3)
        let own = try fixture.origin()
        var page = feed([version(1, of: 1), version(2, of: 50), version(9, of: 50, temperature: 3_800)])
        page.forms = [Array("{}".utf8)]
        page.settings = Array("{\"timeZone\":\"Asia/Shanghai\"}".utf8)
        page.verdicts = [
            Verdict(dot: Dot(origin: own.id, sequence: 2), kind: .quarantined, reason: "unknown_form"),
            Verdict(dot: Dot(origin: own.id, sequence: 3), kind: .noted, reason: "unknown_person", field: 0),
            Verdict(dot: Dot(origin: own.id, sequence: 4), kind: .noted, reason: "unknown_person"),
        ]
        func everything() throws -> [RecordState] {
            try fixture.store.records(form: "check-in", after: nil, limit: 100).map(\.state)
        }
        try fixture.store.apply(page, now: AgentFixture.start)
        let once = try everything()
        let verdicts = try fixture.store.verdicts([.quarantined, .noted], limit: 10).map(\.verdict)
        try fixture.store.apply(page, now: AgentFixture.start)
        #expect(try everything() == once)
        #expect(try fixture.store.verdicts([.quarantined, .noted], limit: 10).map(\.verdict) == verdicts)
        #expect(verdicts.map(\.dot.sequence) == [3, 2])
        #expect(try fixture.store.forms() == page.forms)
        #expect(try fixture.store.configuration()?.settings == page.settings)
        #expect(try fixture.store.hello(now: 0, program: "").feed == page.token)
        #expect(try fixture.store.versions(of: checkIn(50).key).map(\.dot.sequence) == [2, 9])
        // Somebody else's version of person 1 stands beside the own one: neither author had seen the other.
        #expect(try fixture.store.record(checkIn(1).key)?.siblings.count == 2)
        #expect(try fixture.store.status(of: .routine).quarantined == 1)
        #expect(try fixture.origin() == own)
    }

    @Test(arguments: StoreFlavour.allCases)
    func ownVersionsInAFeedAreLeftOut(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.author(0..<2)
        let known = try fixture.store.versions(of: checkIn(1).key)
        var echo = version(77, of: 1)
        echo.dot = Dot(origin: try fixture.origin().id, sequence: 77)
        try fixture.store.apply(feed(known + [echo]), now: AgentFixture.start)
        #expect(try fixture.store.versions(of: checkIn(1).key) == known)
    }

    @Test(arguments: StoreFlavour.allCases)
    func releaseEndsAQuarantine(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.author(0..<2)
        let dot = Dot(origin: try fixture.origin().id, sequence: 1)
        for (kind, quarantined) in [
            (Verdict.Kind.quarantined, 1), (.noted, 1), (.released, 0), (.quarantined, 1),
        ] {
            var page = feed([])
            page.verdicts = [Verdict(dot: dot, kind: kind, reason: "x")]
            try fixture.store.apply(page, now: AgentFixture.start)
            #expect(try fixture.store.status(of: .routine).quarantined == UInt64(quarantined))
            #expect(try fixture.store.verdicts([kind], limit: 5).map(\.key) == [checkIn(0).key])
        }
    }

    @Test(arguments: StoreFlavour.allCases)
    func leavingTheScopeDropsOnlyWhatOthersWrote(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.author(1..<2)
        let own = try fixture.store.versions(of: checkIn(1).key)
        try fixture.store.apply(
            feed([version(1, of: 1), version(2, of: 2), version(3, of: 3)]), now: AgentFixture.start)
        var page = feed([], position: 12)
        page.scope = [1, 2].map {
            ScopeChange(kind: .leave, subject: "person", id: Array("person-\($0)".utf8))
        }
        try fixture.store.apply(page, now: AgentFixture.start)
        #expect(try fixture.store.versions(of: checkIn(1).key) == own)
        #expect(try fixture.store.record(checkIn(1).key)?.siblings == own)
        #expect(try fixture.store.record(checkIn(2).key) == nil)
        #expect(try fixture.store.versions(of: checkIn(2).key) == [])
        #expect(try fixture.store.record(checkIn(3).key) != nil)
        // Coming back, everything of the person is fed anew.
        try fixture.store.apply(feed([version(1, of: 1), version(2, of: 2)]), now: AgentFixture.start)
        #expect(try fixture.store.versions(of: checkIn(1).key).count == 2)
        #expect(try fixture.store.versions(of: checkIn(2).key).count == 1)
    }

    /// In a new epoch: what left, and was fed again before the Mark, is not taken for what the hub has lost.
    @Test(arguments: StoreFlavour.allCases)
    func whatLeavesAndComesAgainIsDoubtedNoMore(flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        _ = try fixture.store.accept(fixture.welcome(), now: AgentFixture.start)
        let all = [version(1, of: 1), version(2, of: 2), version(3, of: 3)]
        try fixture.store.apply(feed(all), now: AgentFixture.start)
        var welcome = fixture.welcome()
        welcome.epoch = Token16(high: 8, low: 8)
        _ = try fixture.store.accept(welcome, now: AgentFixture.start)
        var page = feed([version(1, of: 1)])
        page.scope = [ScopeChange(kind: .leave, subject: "person", id: Array("person-2".utf8))]
        try fixture.store.apply(page, now: AgentFixture.start)
        try fixture.store.apply(feed([version(2, of: 2)]), now: AgentFixture.start)
        let news = try fixture.store.note(Mark(position: 9, count: 2, sum: 0), now: 7)
        #expect(news == [IdentityEvent(at: 7, kind: .forgotten, versions: 1)])
        #expect(try fixture.store.identityEvents(limit: 9) == news)
        #expect(try fixture.store.versions(of: checkIn(1).key).count == 1)
        #expect(try fixture.store.versions(of: checkIn(2).key).count == 1, "fed again after it had left")
        #expect(try fixture.store.versions(of: checkIn(3).key).isEmpty, "the hub has lost it")
    }

    @Test(arguments: StoreFlavour.allCases)
    func aVersionAfterAHoleDoesNotCountAsSeenBefore(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        var page = feed([version(5, of: 1)])
        page.versions.rows.flags[0] |= VersionFlags.afterHole.rawValue
        try fixture.store.apply(page, now: AgentFixture.start)
        let seen = try #require(try fixture.store.record(checkIn(1).key)).seen
        #expect(seen.covers(Dot(origin: foreign, sequence: 5)))
        #expect(!seen.covers(Dot(origin: foreign, sequence: 4)))
    }
}
