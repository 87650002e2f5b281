import Testing

@testable import SyncCore

/// What a branch has let go and a hub that was put back lacks.
@Suite struct HoleTests {
    private static func session(goal: AgentSession.Goal = .drain) -> (AgentSession, [AgentSession.Action]) {
        var session = AgentSession(goal: goal)
        let opened = AgentSession.Event.opened(
            hello: Talk.hello(), origins: Talk.origins(urgent: 2, routine: 9))
        _ = session.handle(opened, now: 0)
        _ = session.handle(.loaded(.urgent, Talk.batch(Talk.urgent, 1...2)), now: 0)
        _ = session.handle(.batchWithheld(.urgent), now: 0)
        _ = session.handle(.received(.welcome(Talk.welcome())), now: 0)
        let resumes = [
            AgentSession.Resume(origin: Talk.urgent, behind: 2, receipted: 2),
            AgentSession.Resume(
                origin: Talk.routine, behind: 1, receipted: 1, hole: Talk.hole(Talk.routine, 4)),
        ]
        let first = session.handle(.welcomeStored(resumes), now: 0)
        return (session, first)
    }

    @Test func itIsDeclaredBeforeTheLaneGoesOn() {
        var (session, first) = Self.session()
        #expect(words(first) == "hole 4")
        #expect(session.handle(.appended([.routine: 10]), now: 1).isEmpty, "its lane waits for the answer")
        #expect(words(session.handle(.appended([.urgent: 3]), now: 1)) == "load urgent 2")
        let alert = session.handle(.loaded(.urgent, Talk.batch(Talk.urgent, 3...3)), now: 1)
        #expect(words(alert) == "batch 3-3")
        #expect(session.handle(.batchWritten(.urgent, bytes: 100), now: 1).isEmpty)
        let nothing = Message.receipt(ReceiptFrame(receipts: [], position: 5))
        #expect(words(session.handle(.received(nothing), now: 2)) == "storeHole 4, storeReceipts")
        #expect(words(session.handle(.receiptsStored([]), now: 2)) == "load routine 4")
        _ = session.handle(.loaded(.routine, Talk.batch(Talk.routine, 5...10)), now: 3)
        _ = session.handle(.batchWritten(.routine, bytes: 100), now: 3)
        for (origin, last) in [(Talk.urgent, UInt64(3)), (Talk.routine, 10)] {
            _ = session.handle(.received(Talk.receipt(origin, last)), now: 4)
            let receipt = Receipt(origin: origin, sequence: last, head: .zero)
            _ = session.handle(.receiptsStored([receipt]), now: 4)
        }
        #expect(words(session.handle(.received(Talk.mark(9)), now: 5)) == "storeMark")
        let end = session.handle(.markStored(isRenewed: false), now: 5)
        #expect(words(end) == "drained, close 0, end")
    }

    @Test func aHubThatDoesNotBelieveItIsHeard() {
        var (session, _) = Self.session()
        let close = Message.close(Refuse(.protocolError, words: "no"))
        #expect(words(session.handle(.received(close), now: 1)) == "end 100")
    }

    /// Nothing but the answer lets the lane go on, and whoever waits for it does not wait for ever.
    @Test func withoutAnAnswerTheSessionEnds() throws {
        var (session, _) = Self.session(goal: .stay)
        let deadline = try #require(session.deadline)
        #expect(session.handle(.tick, now: deadline).allSatisfy { words([$0]) == "ping" })
        let limit = session.progressLimit
        #expect(words(session.handle(.tick, now: limit)) == "close 108, end 108")
    }

    @Test func theHubAnswersItInTheOrderOfTheBatches() {
        var session = HubSessionTests.session(in: .open)
        _ = session.handle(.received(.batch(Talk.batch(Talk.urgent, 1...3)), wireBytes: 90), now: 1)
        let hole = Message.hole(Talk.hole(Talk.routine, 4))
        #expect(words(session.handle(.received(hole, wireBytes: 180), now: 1)) == "pass 4")
        #expect(words(session.handle(HubSessionTests.held(3), now: 2)).hasPrefix("receipt"))
        #expect(
            words(session.handle(.ingested(.held(receipt: nil, position: 1)), now: 2)).hasPrefix("receipt"))
        let refuse = Refuse(.protocolError, words: "not this hub's receipt")
        _ = session.handle(.received(hole, wireBytes: 180), now: 3)
        #expect(words(session.handle(.ingested(.refused(refuse)), now: 3)) == "close 100, end 100")
    }
}
