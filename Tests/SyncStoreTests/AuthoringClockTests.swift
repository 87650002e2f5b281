import Forms
import SyncCore
import SyncStore
import Testing

/// Clocks that are wrong, were wrong once, or jump; and what is written meanwhile and afterwards.
@Suite struct AuthoringClockTests {
    static let day: Milliseconds = 86_400_000
    static let year: Milliseconds = 365 * day
    static let today: Milliseconds = 56 * year

    func authored(
        now: Milliseconds, hub: Milliseconds?, skew: Milliseconds, last: Milliseconds? = nil
    ) -> AuthoringMoment {
        AuthoringClock(now: now, lastHubTime: hub).authored(skew: skew, last: last)
    }

    private func plain(_ time: Milliseconds, _ isTrusted: Bool) -> AuthoringMoment {
        AuthoringMoment(time: time, created: time, isTrusted: isTrusted)
    }

    @Test func theMeasuredSkewCorrectsAClock() {
        let wrong = Self.today - 41 * Self.year
        #expect(authored(now: wrong, hub: Self.today, skew: 41 * Self.year) == plain(Self.today, false))
        #expect(
            authored(now: Self.today, hub: Self.today, skew: 5_000) == plain(Self.today + 5_000, true))
    }

    @Test func aSkewFromBeforeTheClockWasSetIsNotUsed() {
        for skew in [41 * Self.year, -41 * Self.year] {
            #expect(authored(now: Self.today, hub: Self.today, skew: skew) == plain(Self.today, true))
        }
    }

    /// What lies between the last hub time (less ten minutes) and sixty days after it is believed.
    @Test(
        arguments: [
            (-600_001, false), (-600_000, true), (0, true), (60 * 86_400_000, true),
            (60 * 86_400_000 + 1, false), (-41 * 365 * 86_400_000, false), (74 * 365 * 86_400_000, false),
        ] as [(Milliseconds, Bool)])
    func theWindowInWhichAClockIsBelieved(offset: Milliseconds, isTrusted: Bool) {
        let clock = AuthoringClock(now: Self.today + offset, lastHubTime: Self.today)
        #expect(clock.isTrusted == isTrusted)
        #expect(authored(now: Self.today + offset, hub: Self.today, skew: 0).isTrusted == isTrusted)
    }

    @Test func timesStayInOrderAndFarAheadIsNotTrusted() {
        let later = authored(now: Self.today, hub: Self.today, skew: 0, last: Self.today + 1_000)
        #expect(later == plain(Self.today + 1_000, true))
        // The clock ran a month ahead once and is right again: in order, marked, and not late for it.
        let far = authored(now: Self.today, hub: Self.today, skew: 0, last: Self.today + 30 * Self.day)
        #expect(
            far
                == AuthoringMoment(
                    time: Self.today + 30 * Self.day, created: Self.today, isTrusted: false))
        // The clock jumped back by a month: nothing knows what time it is.
        let back = authored(
            now: Self.today - 30 * Self.day, hub: Self.today, skew: 0, last: Self.today + 60_000)
        #expect(back == plain(Self.today + 60_000, false))
    }

    @Test func theEndsOfTimeDoNotTrapAndStayInTheCalendar() {
        let ends: [Milliseconds] = [.min, -(1 << 53), -1, 0, 1 << 53, .max]
        for now in ends {
            for hub in ends {
                for skew in ends {
                    for last in [nil] + ends.filter({ LocalZone.acceptedTimes.contains($0) }) {
                        let moment = authored(now: now, hub: hub, skew: skew, last: last)
                        #expect(LocalZone.acceptedTimes.contains(moment.time))
                        #expect(LocalZone.acceptedTimes.contains(moment.created))
                    }
                }
            }
        }
        #expect(!authored(now: 1 << 53, hub: 1 << 53, skew: 0).isTrusted)
    }

    @Test(
        arguments: [
            // The hub's clock said, asked at, answered at: what lies in the wait is no difference.
            (0, 0, 0, 0), (100, 0, 400, 0), (0, 0, 400, 0), (400, 0, 400, 0),
            (401, 0, 400, 201), (-1, 0, 400, -201), (3_600_200, 0, 400, 3_600_000),
            // The own clock went back while the answer was under way.
            (5_000, 9_000, 4_000, 1_000),
            (.max, .min, .max, 0), (.min, .max, .max, .min), (.max, 0, 0, .max),
        ] as [(Milliseconds, Milliseconds, Milliseconds, Milliseconds)])
    func aSlowAnswerMovesNoRightClock(
        hub: Milliseconds, asked: Milliseconds, answered: Milliseconds, skew: Milliseconds
    ) {
        #expect(ContactFacts.skew(of: hub, asked: asked, answered: answered) == skew)
    }

    // MARK: - In a store

    private func write(_ fixture: AgentFixture, person: Int, at offset: Milliseconds) throws -> Version {
        let now = AgentFixture.start + offset
        let clock = AuthoringClock(now: now, lastHubTime: try fixture.store.contact().lastHubTime)
        let moment = try fixture.store.moment(of: clock)
        _ = try fixture.store.write(clock: clock) { try $0.author(checkIn(person)) }
        let version = try #require(
            try fixture.store.journal(lane: .routine, after: 0, limit: 1_000).last?.version)
        #expect(
            version.authored == moment.time && version.stated == moment.time
                && version.firstCreated == moment.created)
        #expect(version.clockTrusted == moment.isTrusted)
        return version
    }

    /// One machine's clock from call to call: what is trusted stays in order, what is not is marked, and
    /// once the clock is right again everything is as before.
    @Test(arguments: StoreFlavour.allCases)
    func aClockThatJumpsBetweenEntries(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.store.note { $0.lastHubTime = AgentFixture.start }
        let steps: [(offset: Milliseconds, isTrusted: Bool)] = [
            (0, true), (60_000, true), (-41 * Self.year, false), (74 * Self.year, false),
            (120_000, true), (30_000, true), (180_000, true), (-AgentFixture.start - Self.year, false),
            (240_000, true),
        ]
        var trusted: [Milliseconds] = []
        for (person, step) in steps.enumerated() {
            let version = try write(fixture, person: person, at: step.offset)
            #expect(version.clockTrusted == step.isTrusted, "step \(person)")
            if step.isTrusted { trusted.append(version.authored) }
        }
        #expect(trusted == trusted.sorted())
        #expect(trusted.last == AgentFixture.start + 240_000)
    }

    @Test(arguments: StoreFlavour.allCases)
    func anothersTimeNeverMovesTheOwn(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.store.note { $0.lastHubTime = AgentFixture.start }
        let first = try write(fixture, person: 1, at: 0)
        let far = AgentFixture.start + 50 * Self.year
        let foreign = Version(
            dot: Dot(origin: 0xFFFF_0000_0000_0001, sequence: 1), key: checkIn(2).key, formRevision: 1,
            authored: far, stated: far, firstCreated: far, assignments: checkIn(2).assignments)
        try fixture.store.apply(
            Feed(
                lane: .routine,
                versions: FeedVersions(dots: [foreign.dot], rows: VersionColumns([foreign])),
                token: FeedToken(
                    epoch: AgentFixture.epoch, position: 9, hash: ShortDigest(TestCrypto.hashing([9])))),
            now: AgentFixture.start)
        let next = try write(fixture, person: 2, at: 1_000)
        #expect(next.authored == AgentFixture.start + 1_000 && next.clockTrusted)
        #expect(try fixture.store.versions(of: checkIn(1).key).map(\.authored) == [first.authored])
    }

    /// The hub's clock is the one that is wrong for a while: nothing sticks once it is right again.
    @Test(arguments: StoreFlavour.allCases, [-30 * day, 30 * day, 174 * year] as [Milliseconds])
    func aHubWhoseClockWasWrong(_ flavour: StoreFlavour, offset: Milliseconds) throws {
        let fixture = try AgentFixture(flavour)
        _ = try fixture.store.accept(fixture.welcome(), now: AgentFixture.start)
        #expect(try write(fixture, person: 1, at: 0).clockTrusted)
        let wrong = fixture.welcome(clock: AgentFixture.start + offset)
        _ = try fixture.store.accept(wrong, now: AgentFixture.start + 1_000)
        #expect(try fixture.store.contact().skew == offset - 1_000)
        #expect(try !write(fixture, person: 2, at: 2_000).clockTrusted)
        let right = fixture.welcome(clock: AgentFixture.start + 3_000)
        _ = try fixture.store.accept(right, now: AgentFixture.start + 3_000)
        let after = try write(fixture, person: 3, at: 4_000)
        #expect(after.authored == AgentFixture.start + 4_000 && after.clockTrusted)
    }

    @Test(arguments: StoreFlavour.allCases)
    func theBacklogsAgeIsNeverNegative(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.author(0..<2)
        for now in [Milliseconds.min, 0, AgentFixture.start - 1, .max] {
            let hello = try fixture.store.hello(now: now, program: "")
            #expect(hello.routine.count == 2 && hello.routine.oldestAge <= UInt64(Int64.max))
        }
    }
}
