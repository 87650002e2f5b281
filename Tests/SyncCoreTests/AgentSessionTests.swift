import Testing

@testable import SyncCore

/// The branch's half of a session, event by event: each phase, each message.
@Suite struct AgentSessionTests {
    enum Phase: Int, CaseIterable { case opening, greeting, storing, open }

    /// With three urgent versions, all on their way.
    static func session(in phase: Phase, goal: AgentSession.Goal = .drain) -> AgentSession {
        var session = AgentSession(goal: goal)
        if phase == .opening { return session }
        _ = session.handle(.opened(hello: Talk.hello(urgent: 3), origins: Talk.origins(urgent: 3)), now: 0)
        _ = session.handle(.loaded(.urgent, Talk.batch(Talk.urgent, 1...3)), now: 0)
        _ = session.handle(.batchWritten(.urgent, bytes: 300), now: 0)
        if phase == .greeting { return session }
        _ = session.handle(.received(.welcome(Talk.welcome())), now: 0)
        if phase == .storing { return session }
        _ = session.handle(.welcomeStored(resumes()), now: 0)
        return session
    }

    static func resumes(behind: UInt64 = 0) -> [AgentSession.Resume] {
        [Talk.urgent, Talk.routine].map { AgentSession.Resume(origin: $0, behind: behind, receipted: 0) }
    }

    static let disorder = "close 106, end 106"
    static let lost = "close 210, end 210"

    /// What comes of each message in the phases `opening`, `greeting`, `storing` and `open`.
    static let answers: [String: [String]] = [
        "join": [disorder, disorder, disorder, disorder],
        "joined": [disorder, disorder, disorder, disorder],
        "hello": [disorder, disorder, disorder, disorder],
        "welcome": [disorder, "storeWelcome", disorder, disorder],
        "refuse": ["end 120", "end 120", "end 120", "end 120"],
        "batch": [disorder, disorder, disorder, disorder],
        "receipt": [disorder, "storeEarlyReceipts", "storeReceipts", "storeReceipts"],
        "feed": [disorder, disorder, "", "storeFeed"],
        "feedAck": [disorder, disorder, disorder, disorder],
        "mark": [disorder, disorder, "", "storeMark"],
        "heads": [disorder, disorder, disorder, disorder],
        "fork": [disorder, lost, lost, lost],
        "gap": [disorder, "", "", "load urgent 0"],
        "hole": [disorder, disorder, disorder, disorder],
        "question": ["pong", "pong", "pong", "pong"],
        "pong": ["", "", "", ""],
        "done": ["end", "end", "end", "end"],
        "close": ["end 107", "end 107", "end 107", "end 107"],
        "ask": [disorder, disorder, disorder, disorder],
        "tally": [disorder, disorder, disorder, disorder],
        "unknown": ["", "", "", ""],
    ]

    @Test(arguments: Phase.allCases)
    func everyMessageInEveryPhase(phase: Phase) throws {
        for (name, message) in Talk.all {
            var session = Self.session(in: phase)
            let wanted = try #require(Self.answers[name])[phase.rawValue]
            #expect(words(session.handle(.received(message), now: 1)) == wanted, "\(name)")
            guard wanted.contains("end") else { continue }
            #expect(session.deadline == nil && !session.isOpen, "\(name)")
            for (_, later) in Talk.all { #expect(session.handle(.received(later), now: 2).isEmpty) }
        }
    }

    /// What was held back until the Welcome is stored is looked at only while the session stands.
    @Test func theEndComesOnceWhateverWasHeldBack() {
        var session = Self.session(in: .storing)
        for position: UInt64 in [5, 4, 3, 2] {
            let token = FeedToken(epoch: Talk.welcome().epoch, position: position, hash: .zero)
            #expect(session.handle(.received(.feed(Feed(lane: .routine, token: token))), now: 1).isEmpty)
        }
        #expect(
            words(session.handle(.welcomeStored(Self.resumes()), now: 1)) == "storeFeed, close 100, end 100")
    }

    @Test func anAnswerToNoBatchIsOutOfOrder() {
        for message in [Talk.receipt(Talk.urgent, 3), .gap(Gap(origin: Talk.urgent, wanted: 1))] {
            var session = Self.session(in: .open)
            _ = session.handle(.received(Talk.receipt(Talk.urgent, 3)), now: 1)
            #expect(words(session.handle(.received(message), now: 2)) == Self.disorder)
        }
    }

    @Test func whatTheStoreAnswersTooLateOrUnaskedChangesNothing() {
        var session = Self.session(in: .open)
        #expect(session.handle(.welcomeStored(Self.resumes()), now: 1).isEmpty)
        #expect(session.handle(.loaded(.routine, nil), now: 1).isEmpty)
        #expect(session.handle(.batchWritten(.urgent, bytes: 1), now: 1).isEmpty)
        #expect(session.handle(.batchWithheld(.urgent), now: 1).isEmpty)
        let again = AgentSession.Event.opened(hello: Talk.hello(), origins: Talk.origins())
        #expect(session.handle(again, now: 1).isEmpty)
    }

    @Test func aStoreThatDoesNotBelieveTheHubEndsItInWords() {
        for phase in Phase.allCases {
            var session = Self.session(in: phase)
            #expect(words(session.handle(.failed(Refuse(.identityLost)), now: 1)) == Self.lost)
        }
        var session = Self.session(in: .open)
        _ = session.handle(.appended([.urgent: 9]), now: 1)
        #expect(words(session.handle(.loaded(.urgent, nil), now: 1)) == "close 100, end 100")
    }

    @Test func aHubThatIsOverloadedReceiptsFirstAndRefusesThen() {
        var session = Self.session(in: .greeting)
        #expect(
            words(session.handle(.received(Talk.receipt(Talk.urgent, 3)), now: 1)) == "storeEarlyReceipts")
        #expect(
            words(session.handle(.received(.refuse(Refuse(.overloaded, retryAfter: 5))), now: 1))
                == "end 120")
        #expect(session.handle(.receiptsStored([]), now: 2).isEmpty)
    }

    /// The hub has two of the three by now: the early batch overlaps them, and it answers with a Gap, before
    /// or after the Welcome is stored.
    @Test(arguments: [true, false])
    func anEarlyBatchThatOverlapsWhatIsHeldIsSentAnew(isGapEarly: Bool) {
        var session = Self.session(in: .storing, goal: .stay)
        let gap = AgentSession.Event.received(.gap(Gap(origin: Talk.urgent, wanted: 3)))
        if isGapEarly { #expect(session.handle(gap, now: 1).isEmpty) }
        #expect(words(session.handle(.welcomeStored(Self.resumes(behind: 2)), now: 2)) == "load urgent 2")
        if !isGapEarly { #expect(session.handle(gap, now: 3).isEmpty) }
        let rest = Talk.batch(Talk.urgent, 3...3)
        #expect(words(session.handle(.loaded(.urgent, rest), now: 4)).hasPrefix("batch 3-3"))
    }

    /// Another connection of the device was faster: nothing follows any more.
    @Test func aGapBeforeWelcomeIsStoredStartsTheLaneAgain() {
        var session = Self.session(in: .storing, goal: .stay)
        _ = session.handle(.received(.gap(Gap(origin: Talk.urgent, wanted: 2))), now: 1)
        #expect(words(session.handle(.welcomeStored(Self.resumes()), now: 2)) == "load urgent 0")
    }

    // MARK: - The feed

    @Test func theFeedGoesForwardInTheEpochOfTheWelcome() {
        let broken = "close 100, end 100"
        for message in [Talk.feed(4), Talk.feed(3), Talk.feed(9, epoch: .zero)] {
            var session = Self.session(in: .open)
            #expect(words(session.handle(.received(Talk.feed(4)), now: 1)) == "storeFeed")
            #expect(session.handle(.feedStored(Talk.token(4)), now: 1).isEmpty)
            #expect(words(session.handle(.received(message), now: 1)) == broken)
        }
        var session = Self.session(in: .open)
        #expect(words(session.handle(.received(Talk.feed(0)), now: 1)) == broken)
    }

    /// While more is on its way one confirmation does for several pages, and the hub never waits for it.
    @Test func pagesAreConfirmedTogether() {
        func store(_ position: UInt64, in session: inout AgentSession) -> String {
            #expect(words(session.handle(.received(Talk.feed(position)), now: 1)) == "storeFeed")
            return words(session.handle(.feedStored(Talk.token(position)), now: 1))
        }
        var session = Self.session(in: .open, goal: .stay)
        #expect((1...4).map { store($0, in: &session) } == ["", "feedAck 2", "", "feedAck 4"])
        #expect(store(7, in: &session).isEmpty)
        _ = session.handle(.received(.mark(Mark(position: 7, count: 0, sum: 0))), now: 1)
        #expect(words(session.handle(.markStored(isRenewed: false), now: 1)).hasPrefix("feedAck 7"))
        #expect(store(8, in: &session) == "feedAck 8", "what comes behind a Mark is news")
        // Who only comes to be done confirms the rest as it leaves.
        session = Self.session(in: .open)
        _ = session.handle(.received(Talk.receipt(Talk.urgent, 3)), now: 1)
        let receipt = Receipt(origin: Talk.urgent, sequence: 3, head: .zero)
        _ = session.handle(.receiptsStored([receipt]), now: 1)
        #expect(store(1, in: &session).isEmpty)
        _ = session.handle(.received(.mark(Mark(position: 1, count: 0, sum: 0))), now: 1)
        let said = words(session.handle(.markStored(isRenewed: false), now: 1))
        #expect(said.contains("feedAck 1, close 0"), "\(said)")
    }

    /// Settings have no place in the log: a page with them alone stays where the one before was.
    @Test func settingsAloneComeWhereTheFeedStands() {
        func page(_ position: UInt64, verdicts: [Verdict] = []) -> Message {
            .feed(
                Feed(
                    lane: .routine, settings: Array("{}".utf8), verdicts: verdicts,
                    token: Talk.token(position)))
        }
        var session = Self.session(in: .open, goal: .stay)
        #expect(words(session.handle(.received(Talk.feed(4)), now: 1)) == "storeFeed")
        #expect(words(session.handle(.received(page(4)), now: 2)) == "storeFeed")
        #expect(words(session.handle(.received(page(4)), now: 2)) == "storeFeed")
        let verdict = Verdict(dot: Dot(origin: 1, sequence: 1), kind: .noted, reason: "x", field: 0)
        for message in [page(3), page(4, verdicts: [verdict])] {
            var other = session
            #expect(words(other.handle(.received(message), now: 3)) == "close 100, end 100")
        }
        #expect(words(session.handle(.received(Talk.feed(5)), now: 4)) == "storeFeed")
    }

    @Test func feedBeforeTheFirstConfirmationWaitsAndIsBounded() {
        var session = Self.session(in: .storing)
        for position in 1...UInt64(AgentSession.heldBackLimit) {
            #expect(session.handle(.received(Talk.feed(position)), now: 1).isEmpty)
        }
        var patient = session
        let stored = words(patient.handle(.welcomeStored(Self.resumes()), now: 1))
        #expect(
            stored == Array(repeating: "storeFeed", count: AgentSession.heldBackLimit).joined(separator: ", ")
        )
        #expect(words(session.handle(.received(Talk.feed(99)), now: 1)) == "close 107, end 107")
    }

    /// What is urgent goes ahead of Welcome, as much as may.
    @Test func urgentVersionsGoAheadOfWelcome() {
        var session = AgentSession(goal: .drain)
        let opened = session.handle(
            .opened(hello: Talk.hello(urgent: 100), origins: Talk.origins(urgent: 100)), now: 0)
        guard case .load(.urgent, _, 0, AgentSession.earlyVersions, _)? = opened.last else {
            Issue.record("\(words(opened))")
            return
        }
        #expect(session.isLoadingEarly)
        _ = session.handle(.loaded(.urgent, Talk.batch(Talk.urgent, 1...8)), now: 0)
        #expect(words(session.handle(.batchWritten(.urgent, bytes: 600), now: 0)) == "load urgent 8")
        #expect(session.earlyRoom == Limits.urgentBeforeWelcome - 600)
        _ = session.handle(.received(Talk.receipt(Talk.urgent, 8)), now: 1)
        #expect(session.handle(.receiptsStored([]), now: 1).isEmpty)
        _ = session.handle(.loaded(.urgent, Talk.batch(Talk.urgent, 9...70)), now: 1)
        _ = session.handle(.batchWritten(.urgent, bytes: session.earlyRoom), now: 1)
        _ = session.handle(.received(Talk.receipt(Talk.urgent, 70)), now: 2)
        #expect(session.handle(.receiptsStored([]), now: 2).isEmpty, "as much as may go ahead has gone")
    }

    /// The rest follows at once too when the hub cannot hold more than is known, as much as an unknown line
    /// bears.
    @Test(arguments: [false, true])
    func routineVersionsGoAheadOfWelcomeWhenTheLastConnectionEndedWell(sendsAhead: Bool) {
        var session = AgentSession(goal: .drain, sendsAhead: sendsAhead)
        _ = session.handle(
            .opened(
                hello: Talk.hello(urgent: 1, routine: 900), origins: Talk.origins(urgent: 1, routine: 900)),
            now: 0)
        _ = session.handle(.loaded(.urgent, Talk.batch(Talk.urgent, 1...1)), now: 0)
        let next = words(session.handle(.batchWritten(.urgent, bytes: 500), now: 0))
        #expect(next == (sendsAhead ? "load routine 0" : ""))
        guard sendsAhead else { return }
        #expect(!session.isLoadingEarly, "Hello does not wait for it")
        _ = session.handle(.loaded(.routine, Talk.batch(Talk.routine, 1...300)), now: 0)
        let more = words(session.handle(.batchWritten(.routine, bytes: 3_000), now: 0))
        #expect(more == "load routine 300")
        _ = session.handle(.loaded(.routine, Talk.batch(Talk.routine, 301...600)), now: 0)
        let full = session.handle(.batchWritten(.routine, bytes: SendWindow.firstBytes - 3_000), now: 0)
        #expect(full.isEmpty, "the window is full")
        // The hub held none of it: it goes on where it stands.
        _ = session.handle(.received(.welcome(Talk.welcome())), now: 900)
        #expect(session.handle(.welcomeStored(Self.resumes()), now: 900).isEmpty)
        _ = session.handle(.received(Talk.receipt(Talk.urgent, 1)), now: 901)
        _ = session.handle(.received(Talk.receipt(Talk.routine, 300)), now: 902)
        let receipt = Receipt(origin: Talk.routine, sequence: 300, head: .zero)
        #expect(words(session.handle(.receiptsStored([receipt]), now: 903)) == "load routine 600")
    }

    /// What must wait for Welcome keeps back all behind it: nothing overtakes what is urgent.
    @Test func nothingGoesAheadOfAnUrgentVersionThatHasToWait() throws {
        var session = AgentSession(goal: .drain, sendsAhead: true)
        _ = session.handle(
            .opened(
                hello: Talk.hello(urgent: 1, routine: 9), origins: Talk.origins(urgent: 1, routine: 9)),
            now: 0)
        var batch = Talk.batch(Talk.urgent, 1...1)
        var version = batch.version(at: 0)
        let shown = VersionVector(normalizing: [.init(origin: Talk.routine, count: 3)])
        version.context = try #require(Context(canonical: shown, dots: []))
        batch.rows = VersionColumns([version])
        #expect(session.handle(.loaded(.urgent, batch), now: 0).isEmpty)
        var withheld = AgentSession(goal: .drain, sendsAhead: true)
        _ = withheld.handle(
            .opened(
                hello: Talk.hello(urgent: 1, routine: 9), origins: Talk.origins(urgent: 1, routine: 9)),
            now: 0)
        _ = withheld.handle(.loaded(.urgent, Talk.batch(Talk.urgent, 1...1)), now: 0)
        #expect(withheld.handle(.batchWithheld(.urgent), now: 0).isEmpty)
    }

    @Test func aWelcomeWithAnotherDictionaryEndsTheSession() {
        var session = AgentSession(goal: .drain)
        _ = session.handle(.opened(hello: Talk.hello(), origins: Talk.origins()), now: 0)
        var welcome = Talk.welcome()
        welcome.dictionary = 7
        #expect(words(session.handle(.received(.welcome(welcome)), now: 0)) == "close 100, end 100")
    }

    // MARK: - Windows and gaps

    /// The hub's window holds to the byte: columns may turn out not to compress.
    @Test(arguments: Lane.allCases) func noMoreIsInFlightThanTheHubAllows(lane: Lane) throws {
        let origin = lane == .urgent ? Talk.urgent : Talk.routine
        let count: UInt64 = 400
        for window in [UInt32(1), 1_000, 3_000, 9_000, 40_000] {
            var session = AgentSession(goal: .drain)
            _ = session.handle(.opened(hello: Talk.hello(), origins: Talk.origins()), now: 0)
            _ = session.handle(.received(.welcome(Talk.welcome(window: window))), now: 0)
            _ = session.handle(.welcomeStored(Self.resumes()), now: 0)
            var actions = session.handle(.appended([lane: count]), now: 0)
            var flight: [(bytes: Int, last: UInt64)] = []
            var sent: UInt64 = 0
            while sent < count {
                guard let action = actions.first else {
                    let landed = flight.removeFirst()
                    _ = session.handle(.received(Talk.receipt(origin, landed.last)), now: 50)
                    let receipt = Receipt(origin: origin, sequence: landed.last, head: .zero)
                    actions = session.handle(.receiptsStored([receipt]), now: 50)
                    continue
                }
                switch action {
                case .load(_, _, let after, let versions, let bytes):
                    // As a store with columns of a hundred bytes a version that do not compress.
                    let fitting = max(1, min(versions, bytes / 100))
                    let last = min(count, after + UInt64(fitting))
                    var batch = Talk.batch(origin, after + 1...last)
                    batch.encodedRows = [UInt8](repeating: 7, count: batch.count * 100)
                    actions = session.handle(.loaded(lane, batch), now: 40)
                case .send(.batch(let batch), _):
                    let bytes = batch.count * 100 + 250
                    flight.append((bytes, batch.last))
                    sent = batch.last
                    let total = flight.reduce(0) { $0 + $1.bytes }
                    #expect(total <= window || (flight.count == 1 && batch.count == 1), "\(window)")
                    actions = session.handle(.batchWritten(lane, bytes: bytes), now: 40)
                default: actions.removeFirst()
                }
            }
        }
    }

    @Test(arguments: [(UInt32(0), UInt32(0)), (1, 1), (.max, .max)])
    func windowsOfAnySizeLetWorkThrough(window: UInt32, maximumBatch: UInt32) throws {
        var session = AgentSession(goal: .drain)
        _ = session.handle(
            .opened(hello: Talk.hello(routine: 5_000), origins: Talk.origins(routine: 5_000)), now: 0)
        let welcome = Talk.welcome(window: window, maximumBatch: maximumBatch)
        _ = session.handle(.received(.welcome(welcome)), now: 0)
        let actions = session.handle(.welcomeStored(Self.resumes()), now: 0)
        guard case .load(.routine, Talk.routine, 0, let versions, let bytes)? = actions.first else {
            Issue.record("\(words(actions))")
            return
        }
        #expect((1...SendWindow.versions).contains(versions) && bytes <= Limits.framePayload)
        #expect(maximumBatch > 1 || versions == 1)
    }

    @Test func aGapThatComesAgainAndAgainIsNotFollowedForEver() {
        var session = Self.session(in: .open)
        for round in 1...AgentSession.gapLimit {
            let gap = Message.gap(Gap(origin: Talk.urgent, wanted: 1))
            #expect(words(session.handle(.received(gap), now: 1)) == "load urgent 0", "round \(round)")
            _ = session.handle(.loaded(.urgent, Talk.batch(Talk.urgent, 1...3)), now: 1)
            _ = session.handle(.batchWritten(.urgent, bytes: 300), now: 1)
            // A receipt that says nothing new is no reason to begin counting again.
            _ = session.handle(.receiptsStored([]), now: 1)
        }
        let last = Message.gap(Gap(origin: Talk.urgent, wanted: 1))
        #expect(words(session.handle(.received(last), now: 1)) == Self.lost)
    }

    @Test func aGapBelowAReceiptOrBeyondTheJournalIsNotFollowed() {
        for wanted in [UInt64(0), 5, .max] {
            var session = Self.session(in: .open)
            let gap = Message.gap(Gap(origin: Talk.urgent, wanted: wanted))
            #expect(words(session.handle(.received(gap), now: 1)) == Self.lost, "\(wanted)")
        }
    }

    @Test func aReceiptBeyondWhatWasSentIsLeftToTheStore() {
        var session = Self.session(in: .open)
        #expect(words(session.handle(.received(Talk.receipt(Talk.urgent, 99)), now: 1)) == "storeReceipts")
        #expect(words(session.handle(.failed(Refuse(.identityLost)), now: 1)) == Self.lost)
    }
}
