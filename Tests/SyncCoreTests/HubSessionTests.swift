import Testing

@testable import SyncCore

/// The hub's half of a session, event by event: each phase, each message.
@Suite struct HubSessionTests {
    enum Phase: Int, CaseIterable {
        case waiting, joining, admitting, refusing, open, answering, surrendering
    }

    static let overload = Refuse(.overloaded, retryAfter: 5)

    /// The agent has announced nine urgent versions and some routine ones.
    static func session(in phase: Phase, early: [VersionBatch] = []) -> HubSession {
        var session = HubSession()
        _ = session.handle(.opened, now: 0)
        if phase == .waiting { return session }
        if phase == .joining {
            _ = session.handle(.received(Talk.join, wireBytes: 60), now: 0)
            return session
        }
        var hello = Talk.hello(urgent: 9, routine: 50)
        if phase == .answering { hello.capabilities = [ReconcileSession.capability] }
        _ = session.handle(.received(.hello(hello), wireBytes: 300), now: 0)
        for batch in early { _ = session.handle(.received(.batch(batch), wireBytes: 300), now: 0) }
        if phase == .admitting { return session }
        var greeting = greeting(isBusy: phase == .refusing)
        if phase == .surrendering { greeting.farewell = Refuse(.revokedDevice) }
        _ = session.handle(.admitted(.success(greeting)), now: 0)
        return session
    }

    static func greeting(isBusy: Bool, held: UInt64 = 0) -> HubSession.Greeting {
        HubSession.Greeting(
            welcome: Talk.welcome(urgent: held), feed: Talk.token(7), overload: isBusy ? overload : nil)
    }

    static func held(_ sequence: UInt64, position: UInt64 = 1) -> HubSession.Event {
        .ingested(
            .held(receipt: Receipt(origin: Talk.urgent, sequence: sequence, head: .zero), position: position))
    }

    /// A hub keeps room for whoever has said who it is, until it is answered and no longer.
    @Test func whoIsAnsweredIsNotAwaited() {
        for phase in Phase.allCases {
            let isAwaited = Self.session(in: phase).isAwaited
            #expect(isAwaited == (phase == .joining || phase == .admitting), "\(phase)")
        }
        for (phase, answer) in [
            (Phase.joining, HubSession.Event.joined(.failure(Refuse(.codeUnknown)))),
            (.admitting, .admitted(.failure(Refuse(.unknownDevice)))),
        ] {
            var session = Self.session(in: phase)
            _ = session.handle(answer, now: 0)
            #expect(!session.isAwaited, "\(phase)")
        }
    }

    static let disorder = "close 106, end 106"

    /// What comes of each message in the phases `waiting`, `joining`, `admitting`, `refusing`, `open`,
    /// `answering` and `surrendering`.
    static let answers: [String: [String]] = [
        "join": ["join", disorder, disorder, disorder, disorder, disorder, disorder],
        "hello": ["admit", disorder, disorder, disorder, disorder, disorder, disorder],
        "batch": [disorder, disorder, "", "ingest 1-3", "ingest 1-3", disorder, "ingest 1-3"],
        "hole": [disorder, disorder, disorder, disorder, "pass 3", disorder, "pass 3"],
        "feedAck": [disorder, disorder, disorder, disorder, "close 100, end 100", disorder, disorder],
        "heads": [disorder, disorder, disorder, disorder, "loadHeads", disorder, "loadHeads"],
        "question": [disorder, disorder, disorder, disorder, "pong", "pong", "pong"],
        "pong": [disorder, disorder, disorder, disorder, "", "", ""],
        "done": ["end", "end", "end", "end", "end", "end", "end"],
        "close": ["end", "end", "end", "end", "end", "end", "end"],
        "unknown": ["", "", "", "", "", "", ""],
        "ask": [disorder, disorder, disorder, disorder, disorder, "answer 1", disorder],
    ]

    @Test(arguments: Phase.allCases)
    func everyMessageInEveryPhase(phase: Phase) {
        for (name, message) in Talk.all {
            var session = Self.session(in: phase)
            // What only a hub says is out of order from an agent, always.
            let wanted = Self.answers[name]?[phase.rawValue] ?? Self.disorder
            let said = words(session.handle(.received(message, wireBytes: 100), now: 1))
            #expect(said == wanted, "\(name)")
            guard wanted.contains("end") else { continue }
            #expect(session.deadline == nil && !session.isOpen, "\(name)")
            for (_, later) in Talk.all {
                #expect(session.handle(.received(later, wireBytes: 1), now: 2).isEmpty)
            }
            #expect(session.handle(Self.held(3), now: 2).isEmpty)
        }
    }

    /// Who asks for the feed and takes nothing of it gets no page more, and is dropped in the end.
    @Test func whoDoesNotReadIsDropped() {
        var session = Self.session(in: .open)
        _ = session.handle(.writable(false), now: 1)
        #expect(session.handle(.logMoved, now: 2).isEmpty)
        _ = session.handle(.unsent(100_000), now: 3)
        #expect(words(session.handle(.tick, now: HubSession.quietLimit)) == "ping")
        let end = 1 + HubSession.progressLimit
        #expect(session.deadline == end)
        // A few bytes of it are nothing, and it makes no difference that more waits meanwhile.
        _ = session.handle(.unsent(100_500), now: end - 2)
        _ = session.handle(.unsent(100_500 - Limits.frameStep + 1), now: end - 1)
        #expect(session.handle(.tick, now: end - 1).isEmpty)
        #expect(words(session.handle(.tick, now: end)) == "close 108, end 108")
    }

    /// However slow the line: who takes some of what waits for it is waited for, as long as it says a word.
    @Test func whoReadsSlowlyIsFed() {
        var session = Self.session(in: .open)
        _ = session.handle(.writable(false), now: 0)
        var unsent = Limits.framePayload
        var now: UInt64 = 0
        _ = session.handle(.unsent(unsent), now: 0)
        while unsent > Limits.frameStep {
            now += HubSession.progressLimit
            unsent -= Limits.frameStep
            _ = session.handle(.received(Talk.pong, wireBytes: 25), now: now)
            _ = session.handle(.unsent(unsent), now: now)
            #expect(!words(session.handle(.tick, now: now)).contains("end"))
        }
        _ = session.handle(.writable(true), now: now)
        _ = session.handle(.received(Talk.pong, wireBytes: 25), now: now)
        #expect(session.deadline == now + HubSession.quietLimit)
        // And who reads without a word is not kept by that.
        var silent = Self.session(in: .open)
        _ = silent.handle(.writable(false), now: 0)
        for second in UInt64(1)...299 {
            _ = silent.handle(.unsent(1_000_000 - 5_000 * Int(second)), now: second * 1_000)
            #expect(!words(silent.handle(.tick, now: second * 1_000)).contains("end"))
        }
        #expect(words(silent.handle(.tick, now: HubSession.silenceLimit)) == "close 108, end 108")
    }

    @Test func whatTheStoreSaysToAGreetingIsPassedOn() {
        var joining = Self.session(in: .joining)
        #expect(words(joining.handle(.joined(.success(Talk.joined)), now: 1)) == "joined, end")
        var spent = Self.session(in: .joining)
        #expect(words(spent.handle(.joined(.failure(Refuse(.codeSpent))), now: 1)) == "refuse 204, end 204")
        var unknown = Self.session(in: .admitting)
        #expect(
            words(unknown.handle(.admitted(.failure(Refuse(.unknownDevice))), now: 1))
                == "refuse 200, end 200")
        var known = Self.session(in: .admitting, early: [Talk.batch(Talk.urgent, 1...3)])
        #expect(
            words(known.handle(.admitted(.success(Self.greeting(isBusy: false))), now: 1))
                == "welcome, ingest 1-3, loadFeed 7")
        // An answer that comes twice is none.
        #expect(known.handle(.admitted(.failure(Refuse(.unknownDevice))), now: 1).isEmpty)
    }

    @Test func beforeWelcomeOnlySoMuchIsTaken() {
        var session = Self.session(in: .admitting)
        let batch = Message.batch(Talk.batch(Talk.urgent, 1...3))
        #expect(
            session.handle(.received(batch, wireBytes: Limits.urgentBeforeWelcome - 1), now: 1).isEmpty)
        var fits = session
        #expect(fits.handle(.received(batch, wireBytes: 1), now: 1).isEmpty)
        #expect(words(session.handle(.received(batch, wireBytes: 2), now: 1)) == "close 107, end 107")
    }

    @Test func everyBatchIsAnsweredInItsOrder() {
        var session = Self.session(in: .open)
        for first in [UInt64(1), 4, 7] {
            _ = session.handle(
                .received(.batch(Talk.batch(Talk.urgent, first...(first + 2))), wireBytes: 300), now: 1)
        }
        #expect(words(session.handle(Self.held(3), now: 1)) == "receipt")
        let gap = Gap(origin: Talk.urgent, wanted: 4)
        #expect(words(session.handle(.ingested(.gap(gap)), now: 1)) == "gap 4")
        let fork = Fork(origin: Talk.urgent, sequence: 3, head: .zero)
        #expect(words(session.handle(.ingested(.fork(fork)), now: 1)) == "fork")
        #expect(session.isOpen, "a fork concerns its origin, not the connection")
        #expect(
            words(session.handle(.ingested(.refused(Refuse(.forgedSeal))), now: 1))
                == "close 208, end 208")
    }

    @Test func moreInFlightThanTheWindowIsTooMuch() {
        var session = Self.session(in: .open)
        let batch = Message.batch(Talk.batch(Talk.urgent, 1...3))
        let room = 2 * 65_536
        #expect(words(session.handle(.received(batch, wireBytes: room), now: 1)) == "ingest 1-3")
        let routine = Message.batch(Talk.batch(Talk.routine, 1...3))
        #expect(words(session.handle(.received(routine, wireBytes: room), now: 1)) == "ingest 1-3")
        var urgent = session
        #expect(words(urgent.handle(.received(batch, wireBytes: 1), now: 1)) == "close 107, end 107")
        #expect(words(session.handle(.received(routine, wireBytes: 1), now: 1)) == "close 107, end 107")
    }

    /// A version may be larger than the window; several may not, and nothing beside it.
    @Test func oneVersionAloneIsTakenWhateverTheWindow() {
        let one = Message.batch(Talk.batch(Talk.urgent, 1...1))
        let two = Message.batch(Talk.batch(Talk.urgent, 1...2))
        var session = Self.session(in: .open)
        #expect(words(session.handle(.received(two, wireBytes: 400_000), now: 1)) == "close 107, end 107")
        session = Self.session(in: .open)
        #expect(words(session.handle(.received(one, wireBytes: 400_000), now: 1)) == "ingest 1-1")
        #expect(words(session.handle(.received(one, wireBytes: 1), now: 1)) == "close 107, end 107")
    }

    @Test func theFeedWaitsForItsConfirmations() {
        var session = Self.session(in: .open)
        var said = ""
        for position in 8...11 as ClosedRange<UInt64> {
            guard case .feed(let feed) = Talk.feed(position) else { return }
            said = words(session.handle(.feedLoaded(.page(feed)), now: 1))
            #expect(said == (position < 11 ? "feed, loadFeed \(position)" : "feed"))
        }
        #expect(session.handle(.logMoved, now: 1).isEmpty, "four pages are unconfirmed")
        #expect(
            words(session.handle(.received(.feedAck(Talk.token(9)), wireBytes: 80), now: 1))
                == "confirmFeed 9, loadFeed 11")
        let mark = Mark(position: 11, count: 0, sum: 0)
        #expect(words(session.handle(.feedLoaded(.complete(mark)), now: 1)) == "mark")
        // What was confirmed is not confirmed again.
        #expect(
            words(session.handle(.received(.feedAck(Talk.token(8)), wireBytes: 80), now: 1))
                == "close 100, end 100")
    }

    // MARK: - Overloaded

    @Test func withNothingUrgentMissingItIsRefusedAtOnce() {
        var session = HubSession()
        _ = session.handle(.opened, now: 0)
        var hello = Talk.hello(urgent: 9, routine: 50)
        for index in hello.origins.indices { hello.origins[index].receipted = 9 }
        _ = session.handle(.received(.hello(hello), wireBytes: 300), now: 0)
        #expect(
            words(session.handle(.admitted(.success(Self.greeting(isBusy: true, held: 9))), now: 1))
                == "refuse 120, end 120")
    }

    /// It was taken the last time, and the receipt got lost: whoever does not know sends it again, and hears
    /// of it before he is sent away.
    @Test func whatIsHeldIsReceiptedOnceMore() {
        var session = Self.session(in: .admitting)
        let busy = HubSession.Event.admitted(.success(Self.greeting(isBusy: true, held: 9)))
        #expect(session.handle(busy, now: 1).isEmpty)
        let batch = Message.batch(Talk.batch(Talk.urgent, 1...9))
        #expect(words(session.handle(.received(batch, wireBytes: 500), now: 2)) == "ingest 1-9")
        #expect(words(session.handle(Self.held(9), now: 3)) == "receipt, refuse 120, end 120")
        // Nor is anybody waited for who does not send it.
        var silent = Self.session(in: .admitting)
        _ = silent.handle(busy, now: 1)
        #expect(
            words(silent.handle(.tick, now: 1 + HubSession.urgentGrace)) == "refuse 120, end 120")
    }

    @Test func whatIsUrgentIsTakenAndReceiptedFirst() {
        var session = Self.session(in: .admitting, early: [Talk.batch(Talk.urgent, 1...3)])
        #expect(
            words(session.handle(.admitted(.success(Self.greeting(isBusy: true))), now: 1)) == "ingest 1-3")
        let rest = Message.batch(Talk.batch(Talk.urgent, 4...9))
        #expect(words(session.handle(.received(rest, wireBytes: 500), now: 2)) == "ingest 4-9")
        #expect(words(session.handle(Self.held(3), now: 3)) == "receipt")
        #expect(words(session.handle(Self.held(9), now: 4)) == "receipt, refuse 120, end 120")
        #expect(!session.isOpen)
    }

    @Test func whatIsNotUrgentIsLeftWithTheAgent() {
        var session = Self.session(in: .refusing)
        for origin in [Talk.routine, 77] {
            let batch = Message.batch(Talk.batch(origin, 1...3))
            #expect(session.handle(.received(batch, wireBytes: 300), now: 1).isEmpty)
        }
        #expect(session.handle(.logMoved, now: 1).isEmpty && session.handle(.writable(true), now: 1).isEmpty)
    }

    @Test func whatWasAnnouncedAndDoesNotComeIsNotWaitedForLong() {
        var session = Self.session(in: .refusing)
        #expect(session.deadline == HubSession.urgentGrace)
        let batch = Message.batch(Talk.batch(Talk.urgent, 1...3))
        #expect(words(session.handle(.received(batch, wireBytes: 300), now: 4_000)) == "ingest 1-3")
        #expect(words(session.handle(Self.held(3), now: 4_001)) == "receipt")
        #expect(session.handle(.tick, now: HubSession.urgentGrace).isEmpty, "it may still get there")
        #expect(
            words(session.handle(.tick, now: 4_000 + HubSession.urgentGrace)) == "refuse 120, end 120")
    }

    @Test func acceptedWorkIsFinishedBeforeTheRefusal() {
        var session = Self.session(in: .refusing)
        let batch = Message.batch(Talk.batch(Talk.urgent, 1...3))
        _ = session.handle(.received(batch, wireBytes: 300), now: 1)
        #expect(session.handle(.tick, now: 1 + HubSession.urgentGrace).isEmpty)
        #expect(session.handle(.received(batch, wireBytes: 300), now: 20_000).isEmpty, "too late")
        #expect(words(session.handle(Self.held(3), now: 20_001)) == "receipt, refuse 120, end 120")
    }

    @Test func moreThanMayComeBeforeWelcomeIsNotTaken() {
        var session = Self.session(in: .refusing)
        let batch = Message.batch(Talk.batch(Talk.urgent, 1...3))
        let limit = Limits.urgentBeforeWelcome
        #expect(words(session.handle(.received(batch, wireBytes: limit), now: 1)) == "ingest 1-3")
        #expect(session.handle(.received(batch, wireBytes: 1), now: 1).isEmpty)
        #expect(words(session.handle(Self.held(3), now: 2)) == "receipt, refuse 120, end 120")
    }

    @Test func whatTheStoreDoesNotTakeIsSaidBeforeTheRefusal() {
        var session = Self.session(in: .refusing)
        _ = session.handle(.received(.batch(Talk.batch(Talk.urgent, 5...9)), wireBytes: 300), now: 1)
        let gap = Gap(origin: Talk.urgent, wanted: 1)
        #expect(words(session.handle(.ingested(.gap(gap)), now: 2)) == "gap 1, refuse 120, end 120")
        var forged = Self.session(in: .refusing)
        _ = forged.handle(.received(.batch(Talk.batch(Talk.urgent, 1...9)), wireBytes: 300), now: 1)
        #expect(
            words(forged.handle(.ingested(.refused(Refuse(.forgedSeal))), now: 2)) == "close 208, end 208")
    }

    @Test func whoOnlyAsksGetsWelcomeAndAnswersInOrderAndNoFeed() {
        var session = HubSession()
        var hello = Talk.hello(urgent: 9)
        hello.capabilities = ["other", ReconcileSession.capability]
        _ = session.handle(.opened, now: 0)
        #expect(words(session.handle(.received(.hello(hello), wireBytes: 300), now: 0)) == "admit")
        #expect(
            words(session.handle(.admitted(.success(Self.greeting(isBusy: false))), now: 0)) == "welcome")
        #expect(session.isOpen)
        #expect(session.handle(.logMoved, now: 1).isEmpty, "nothing is fed")
        let question = Message.ask(TallyQuestion(position: 1, own: [], paths: [.all]))
        for _ in 0..<Limits.tallyWaiting {
            #expect(words(session.handle(.received(question, wireBytes: 40), now: 2)) == "answer 1")
        }
        let answer = TallyAnswer(position: 9, today: 1, parts: [])
        #expect(words(session.handle(.answered(answer), now: 3)) == "tally")
        #expect(words(session.handle(.received(question, wireBytes: 40), now: 4)) == "answer 1")
        #expect(
            words(session.handle(.received(question, wireBytes: 40), now: 5)) == "close 107, end 107",
            "nobody may pile up questions")
        #expect(session.handle(.answered(answer), now: 6).isEmpty)
    }

    @Test func whoOnlyAsksIsSentAwayFromABusyHub() {
        var session = HubSession()
        var hello = Talk.hello(urgent: 9)
        hello.capabilities = [ReconcileSession.capability]
        _ = session.handle(.received(.hello(hello), wireBytes: 300), now: 0)
        let said = session.handle(.admitted(.success(Self.greeting(isBusy: true))), now: 0)
        #expect(words(said) == "refuse 120, end 120")
    }

    @Test func aConnectionAsksSoManyQuestionsAndNoMore() {
        var session = Self.session(in: .answering)
        let question = Message.ask(TallyQuestion(position: 1, own: [], paths: [.all]))
        let answer = TallyAnswer(position: 9, today: 1, parts: [])
        for _ in 0..<Limits.tallyQuestions {
            #expect(words(session.handle(.received(question, wireBytes: 40), now: 2)) == "answer 1")
            _ = session.handle(.answered(answer), now: 2)
        }
        #expect(words(session.handle(.received(question, wireBytes: 40), now: 3)) == "close 107, end 107")
    }

    // MARK: - Surrendering

    @Test func whatARevokedDeviceAnnouncedIsTakenAndThenItIsTold() {
        var session = Self.session(in: .surrendering)
        #expect(session.isOpen)
        #expect(session.handle(.logMoved, now: 1).isEmpty && session.handle(.writable(true), now: 1).isEmpty)
        for (origin, last) in [(Talk.urgent, UInt64(9)), (Talk.routine, 50)] {
            let batch = Message.batch(Talk.batch(origin, 1...last))
            #expect(words(session.handle(.received(batch, wireBytes: 300), now: 2)) == "ingest 1-\(last)")
        }
        #expect(words(session.handle(Self.held(9), now: 3)) == "receipt")
        #expect(words(session.handle(Self.held(50), now: 4)) == "receipt, close 202, end 202")
        #expect(!session.isOpen)
    }

    /// A device that has not heard that it is revoked would take for arrived what is held back.
    @Test func whatWentAheadOfWelcomeIsTakenOfARevokedDeviceOnceItHasHeardThatItIs() {
        var session = Self.session(in: .admitting, early: [Talk.batch(Talk.urgent, 3...9)])
        var greeting = Self.greeting(isBusy: false, held: 2)
        greeting.farewell = Refuse(.revokedDevice)
        #expect(words(session.handle(.admitted(.success(greeting)), now: 1)) == "welcome, gap 3")
        let again = Message.batch(Talk.batch(Talk.urgent, 3...9))
        #expect(words(session.handle(.received(again, wireBytes: 300), now: 2)) == "ingest 3-9")
        #expect(words(session.handle(Self.held(9), now: 3)) == "receipt", "the routine ones are missing")
    }

    /// It hears no Welcome here, and so not that what is taken of it does not count.
    @Test func aBusyHubTakesNothingUrgentOfARevokedDevice() {
        var session = Self.session(in: .admitting, early: [Talk.batch(Talk.urgent, 1...9)])
        var greeting = Self.greeting(isBusy: true)
        greeting.farewell = Refuse(.revokedDevice)
        #expect(words(session.handle(.admitted(.success(greeting)), now: 1)) == "refuse 120, end 120")
    }

    @Test func aRevokedDeviceThatSendsNothingIsNotWaitedForLong() {
        var session = Self.session(in: .surrendering)
        #expect(session.deadline == HubSession.surrenderGrace)
        let ping = Message.ping(Ping(isReply: false, token: 1))
        #expect(words(session.handle(.received(ping, wireBytes: 30), now: 50_000)) == "pong")
        #expect(session.handle(.tick, now: HubSession.surrenderGrace - 1).isEmpty)
        #expect(words(session.handle(.tick, now: HubSession.surrenderGrace)) == "close 202, end 202")
    }
}
