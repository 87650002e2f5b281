import Testing

@testable import SyncCore

/// How long sessions live, by a clock that only these tests move.
@Suite struct SessionClockTests {
    /// Moves the clock from deadline to deadline until the session ends; what `between` returns is received
    /// each time.
    ///
    /// - Returns: when it ended, milliseconds, and with which words; nil when it lives after `limit`.
    private func live(
        _ session: inout AgentSession, until limit: UInt64, every step: UInt64 = .max,
        between: (UInt64) -> [AgentSession.Event]
    ) -> (at: UInt64, words: String)? {
        var now: UInt64 = 0
        while now < limit, let deadline = session.deadline {
            now = min(deadline, now &+ step < now ? deadline : now + step)
            for event in [.tick] + between(now) {
                let said = words(session.handle(event, now: now))
                if said.contains("end") { return (now, said) }
            }
        }
        return nil
    }

    static let silent = "close 108, end 108"

    @Test(arguments: AgentSessionTests.Phase.allCases.dropFirst())
    func aHubThatSaysNothingIsLeft(phase: AgentSessionTests.Phase) {
        var session = AgentSessionTests.session(in: phase)
        let end = live(&session, until: 3_600_000) { _ in [] }
        #expect(end?.at == session.silenceLimit && end?.words == Self.silent)
    }

    /// Whoever waits for `sync` to end is not kept by somebody who only shows that he is there.
    @Test(arguments: AgentSessionTests.Phase.allCases.dropFirst())
    func aHubThatOnlyPingsIsLeft(phase: AgentSessionTests.Phase) {
        for message in [Talk.question, Talk.pong, .unknown(type: 77)] {
            var session = AgentSessionTests.session(in: phase)
            let end = live(&session, until: 3_600_000, every: 1_000) { _ in [.received(message)] }
            #expect(end?.at == session.progressLimit && end?.words == Self.silent)
        }
    }

    @Test func marksAndEmptyPagesAreNoProgress() {
        for isFeed in [false, true] {
            var session = AgentSessionTests.session(in: .open)
            let end = live(&session, until: 3_600_000, every: 1_000) { now in
                isFeed
                    ? [.received(Talk.feed(now, isEmpty: true)), .feedStored(Talk.token(now))]
                    : [.received(Talk.mark(now))]
            }
            #expect(end?.at == session.progressLimit && end?.words == Self.silent)
        }
    }

    @Test func aReceiptThatSaysNothingNewIsNoProgress() {
        var session = AgentSessionTests.session(in: .open)
        let empty = Message.receipt(ReceiptFrame(receipts: [], position: 1))
        var sequence: UInt64 = 3
        let end = live(&session, until: 3_600_000, every: 1_000) { _ in
            sequence += 1
            return [
                .received(empty), .receiptsStored([]), .appended([.urgent: sequence]),
                .loaded(.urgent, Talk.batch(Talk.urgent, sequence...sequence)),
                .batchWritten(.urgent, bytes: 100),
            ]
        }
        #expect(end?.at == session.progressLimit && end?.words == Self.silent)
    }

    @Test func aSlowHubIsWaitedForAsLongAsItGetsOn() {
        var session = AgentSessionTests.session(in: .open)
        let end = live(&session, until: 1_000_000, every: 20_000) { now in
            [.received(Talk.feed(now)), .feedStored(Talk.token(now))]
        }
        #expect(end == nil)
    }

    @Test func aQuietConnectionThatStaysIsKept() {
        var session = AgentSessionTests.session(in: .open, goal: .stay)
        let receipt = Talk.receipt(Talk.urgent, 3)
        _ = session.handle(.received(receipt), now: 1)
        _ = session.handle(
            .receiptsStored([Receipt(origin: Talk.urgent, sequence: 3, head: .zero)]), now: 1)
        #expect(live(&session, until: 86_400_000) { _ in [.received(Talk.pong)] } == nil)
        // New work of tomorrow has its own time.
        let later: UInt64 = 86_500_000
        #expect(words(session.handle(.appended([.urgent: 4]), now: later)) == "load urgent 3")
        _ = session.handle(.loaded(.urgent, Talk.batch(Talk.urgent, 4...4)), now: later)
        _ = session.handle(.batchWritten(.urgent, bytes: 100), now: later)
        _ = session.handle(.received(Talk.pong), now: later)
        #expect(session.handle(.tick, now: later + 1).isEmpty)
        for second in 1..<300 {
            let now = later + UInt64(second) * 1_000
            _ = session.handle(.received(Talk.pong), now: now)
            #expect(!words(session.handle(.tick, now: now)).contains("end"))
        }
        // A hub that is there and never receipts is left all the same.
        #expect(words(session.handle(.tick, now: later + session.progressLimit)) == Self.silent)
    }

    @Test func theHubWaitsForAGreetingAndNotForEverAfterIt() {
        var silent = HubSession()
        _ = silent.handle(.opened, now: 5)
        // A stranger does not live longer by saying things that may be skipped.
        _ = silent.handle(.received(.unknown(type: 99), wireBytes: 16), now: 10_000)
        #expect(silent.deadline == 5 + HubSession.greetingLimit)
        #expect(silent.handle(.tick, now: 4 + HubSession.greetingLimit).isEmpty)
        #expect(words(silent.handle(.tick, now: 5 + HubSession.greetingLimit)) == Self.silent)

        var open = HubSessionTests.session(in: .open)
        #expect(open.deadline == HubSession.quietLimit)
        #expect(words(open.handle(.tick, now: HubSession.quietLimit)) == "ping")
        #expect(open.deadline == 2 * HubSession.quietLimit)
        #expect(words(open.handle(.tick, now: 2 * HubSession.quietLimit)) == "ping")
        _ = open.handle(.received(Talk.pong, wireBytes: 25), now: 200_000)
        #expect(words(open.handle(.tick, now: HubSession.silenceLimit)) == "ping")
        #expect(words(open.handle(.tick, now: 200_000 + HubSession.silenceLimit)) == Self.silent)
    }

    /// A byte now and then is no frame.
    @Test(arguments: [HubSessionTests.Phase.open, .answering, .surrendering])
    func theHubDropsWhoDripsAFrame(phase: HubSessionTests.Phase) {
        for pause in [UInt64(1_000), 20_000] {
            var session = HubSessionTests.session(in: phase)
            var now: UInt64 = 0
            var end: String?
            for bytes in 1...400 where end == nil {
                now += pause
                // It says that it is there, between its frames.
                if bytes == 1 { _ = session.handle(.received(Talk.pong, wireBytes: 25), now: now) }
                _ = session.handle(.holds(bytes), now: now)
                let said = words(session.handle(.tick, now: now))
                if said.contains("end") { end = said }
            }
            let code = phase == .surrendering && now < pause + HubSession.progressLimit ? 202 : 108
            #expect(end == "close \(code), end \(code)")
            #expect(now <= pause + HubSession.progressLimit)
        }
    }

    /// The largest frame over a line of which next to nothing is left, but not nothing.
    @Test func aLargeFrameOverASlowLineIsWaitedFor() {
        for (bytesASecond, isWaitedFor) in [(8_000, true), (160, true), (35, true), (34, false)] {
            var hub = HubSessionTests.session(in: .open)
            var agent = AgentSessionTests.session(in: .open, goal: .stay)
            _ = agent.handle(.received(Talk.receipt(Talk.urgent, 3)), now: 0)
            _ = agent.handle(
                .receiptsStored([Receipt(origin: Talk.urgent, sequence: 3, head: .zero)]), now: 0)
            var ends: [UInt64?] = [nil, nil]
            for second in 1...(Limits.framePayload / bytesASecond) {
                let (now, bytes) = (UInt64(second) * 1_000, second * bytesASecond)
                _ = hub.handle(.holds(bytes), now: now)
                _ = agent.handle(.holds(bytes), now: now)
                if words(hub.handle(.tick, now: now)).contains("end") { ends[0] = ends[0] ?? now }
                if words(agent.handle(.tick, now: now)).contains("end") { ends[1] = ends[1] ?? now }
            }
            #expect((ends[0] == nil) == isWaitedFor, "\(bytesASecond)")
            #expect((ends[1] == nil) == isWaitedFor, "\(bytesASecond)")
        }
    }

    /// Whoever sends small frames without a pause has always begun one.
    @Test func aFrameThatFollowsAnotherHasItsOwnTime() {
        var session = HubSessionTests.session(in: .open)
        for second in UInt64(1)...1_000 {
            _ = session.handle(.received(.unknown(type: 99), wireBytes: 500), now: second * 1_000)
            _ = session.handle(.holds(300 + Int(second)), now: second * 1_000)
            #expect(!words(session.handle(.tick, now: second * 1_000)).contains("end"))
        }
        // While the hub itself does not read, nobody is waited for.
        _ = session.handle(.holds(0), now: 1_000_000)
        #expect(session.deadline == 1_000_000 + HubSession.quietLimit)
    }

    /// Who waits for something to come about is not kept by the bytes of one frame after the other.
    @Test func bytesOfFramesAreNoProgress() {
        var session = AgentSessionTests.session(in: .open)
        var bytes = 0
        let end = live(&session, until: 3_600_000, every: 1_000) { _ in
            bytes += Limits.frameStep
            return [.holds(bytes % Limits.framePayload)]
        }
        #expect(end?.at == session.progressLimit && end?.words == Self.silent)
    }

    @Test func backoffKeepsWhatTheHubAsksAndSpreadsIt() {
        var generator = SessionPairTests.Generator(state: 5)
        var waits: [UInt64] = []
        for _ in 0..<200 {
            var backoff = Backoff()
            waits.append(backoff.failed(retryAfter: 10, using: &generator))
        }
        #expect(waits.allSatisfy { (10_000...15_000).contains($0) })
        #expect(Set(waits.map { $0 / 500 }).count > 5, "they do not all come back at once")
        var backoff = Backoff()
        let longest = backoff.failed(retryAfter: .max, using: &generator)
        #expect(longest <= UInt64(Backoff.longestAsked) * 1_500, "nobody is sent away for ever")
    }

    @Test func whoHasSomethingWaitingLooksMoreOftenWhileThereIsNoLink() {
        var generator = SessionPairTests.Generator(state: 6)
        for (waiting, cap) in [(Backoff.Waiting.urgent, 4_000), (.routine, 15_000), (.nothing, 120_000)] {
            var backoff = Backoff()
            for _ in 0..<20 { _ = backoff.failed(waiting: waiting, using: &generator) }
            let waits = (0..<200).map { _ in backoff.failed(waiting: waiting, using: &generator) }
            #expect(waits.allSatisfy { $0 <= cap })
            #expect(waits.contains { $0 > UInt64(cap) * 3 / 4 }, "spread over all of it")
            let asked = backoff.failed(retryAfter: 60, waiting: waiting, using: &generator)
            #expect((60_000...90_000 + 120_000).contains(asked), "what the hub asks goes before")
        }
    }
}
