import Testing

@testable import SyncCore

/// A branch's session with origins that it has closed: a hub that was put back may lack what they hold.
@Suite struct ClosedOriginTests {
    static let oldest: OriginID = 7
    static let older: OriginID = 5

    /// Two closed routine origins of five versions each, an urgent one of two, and the current ones.
    private static let origins: [AgentSession.LaneOrigin] =
        [
            AgentSession.LaneOrigin(lane: .routine, origin: oldest, last: 5, receipted: 5, isClosed: true),
            AgentSession.LaneOrigin(lane: .urgent, origin: 6, last: 2, receipted: 2, isClosed: true),
            AgentSession.LaneOrigin(lane: .routine, origin: older, last: 5, receipted: 5, isClosed: true),
        ] + Talk.origins(urgent: 1, routine: 3)

    /// A session that is open, and what it does first.
    ///
    /// - Parameter held: what the hub has of each origin.
    private static func session(
        _ held: [OriginID: UInt64], window: UInt32 = 65_536
    ) -> (AgentSession, [AgentSession.Action]) {
        var session = AgentSession(goal: .drain)
        let greeting = session.handle(.opened(hello: Talk.hello(), origins: origins), now: 0)
        #expect(words(greeting) == "hello, load urgent 0", "nothing is known yet of what the hub lacks")
        _ = session.handle(.loaded(.urgent, Talk.batch(Talk.urgent, 1...1)), now: 0)
        _ = session.handle(.batchWithheld(.urgent), now: 0)
        _ = session.handle(.received(.welcome(Talk.welcome(window: window))), now: 0)
        let resumes = origins.compactMap { origin in
            held[origin.origin].map {
                AgentSession.Resume(origin: origin.origin, behind: $0, receipted: $0)
            }
        }
        let first = session.handle(.welcomeStored(resumes), now: 0)
        return (session, first)
    }

    /// Lets everything through, one batch after the other, and tells what was sent.
    private static func run(_ session: inout AgentSession, _ actions: [AgentSession.Action]) -> [String] {
        var sent: [String] = []
        var actions = actions
        while case .load(let lane, let origin, let after, _, _)? = actions.first {
            guard let own = origins.first(where: { $0.origin == origin }) else { break }
            sent.append("\(lane) \(origin) \(after + 1)-\(own.last)")
            actions = session.handle(.loaded(lane, Talk.batch(origin, (after + 1)...own.last)), now: 1)
            let next = session.handle(.batchWritten(lane, bytes: 100), now: 1)
            _ = session.handle(.received(Talk.receipt(origin, own.last)), now: 2)
            let receipt = Receipt(origin: origin, sequence: own.last, head: .zero)
            let freed = session.handle(.receiptsStored([receipt]), now: 2)
            actions = next.isEmpty ? freed : next
        }
        return sent
    }

    @Test func whatTheHubLacksIsSentInTheOrderInWhichItWasWritten() {
        let held: [OriginID: UInt64] = [Self.oldest: 3, Self.older: 0, 6: 1, Talk.urgent: 0, Talk.routine: 0]
        var (session, first) = Self.session(held)
        #expect(
            Self.run(&session, first) == [
                "urgent 6 2-2", "urgent 100 1-1", "routine 7 4-5", "routine 5 1-5", "routine 101 1-3",
            ])
    }

    @Test func whatTheHubHoldsIsNotSentAgain() {
        let held: [OriginID: UInt64] = [Self.oldest: 5, Self.older: 5, 6: 2, Talk.urgent: 0, Talk.routine: 0]
        var (session, first) = Self.session(held)
        #expect(Self.run(&session, first) == ["urgent 100 1-1", "routine 101 1-3"])
    }

    /// The hub holds another journal under its name.
    @Test func anOriginThatDoesNotGoOnIsLeftOut() {
        let held: [OriginID: UInt64] = [Self.older: 0, 6: 2, Talk.urgent: 1, Talk.routine: 3]
        var (session, first) = Self.session(held)
        #expect(Self.run(&session, first) == ["routine 5 1-5"])
        #expect(words(session.handle(.received(Talk.mark(9)), now: 3)) == "storeMark")
        let end = session.handle(.markStored(isRenewed: false), now: 3)
        #expect(words(end).hasSuffix("drained, close 0, end"))
        #expect(session.lane(of: Self.oldest) == nil)
    }

    @Test func doneIsWhenClosedOnesAreReceiptedToo() {
        let held: [OriginID: UInt64] = [Self.oldest: 4, Self.older: 5, 6: 2, Talk.urgent: 1, Talk.routine: 3]
        var (session, first) = Self.session(held)
        #expect(words(first) == "load routine 4")
        _ = session.handle(.loaded(.routine, Talk.batch(Self.oldest, 5...5)), now: 1)
        _ = session.handle(.batchWritten(.routine, bytes: 100), now: 1)
        #expect(words(session.handle(.received(Talk.mark(9)), now: 1)) == "storeMark")
        #expect(session.handle(.markStored(isRenewed: false), now: 1).isEmpty)
        // It went on elsewhere, before this store was restored: the hub has more of it than there is here.
        _ = session.handle(.received(Talk.receipt(Self.oldest, 8)), now: 2)
        let receipt = Receipt(origin: Self.oldest, sequence: 8, head: .zero)
        #expect(words(session.handle(.receiptsStored([receipt]), now: 2)) == "drained, close 0, end")
    }

    /// The window is the lane's: what is under way of one origin leaves less for the next.
    @Test func originsOfALaneShareItsWindow() {
        let held: [OriginID: UInt64] = [Self.oldest: 4, Self.older: 0, 6: 2, Talk.urgent: 1, Talk.routine: 3]
        var (session, _) = Self.session(held, window: 1)
        _ = session.handle(.loaded(.routine, Talk.batch(Self.oldest, 5...5)), now: 1)
        #expect(session.handle(.batchWritten(.routine, bytes: 4_096), now: 1).isEmpty)
        #expect(words(session.handle(.received(Talk.receipt(Self.oldest, 5)), now: 2)) == "storeReceipts")
        let receipt = Receipt(origin: Self.oldest, sequence: 5, head: .zero)
        #expect(words(session.handle(.receiptsStored([receipt]), now: 2)) == "load routine 0")
    }

    @Test func aGapInAClosedOneIsFilledBeforeTheNextGoesOn() {
        let held: [OriginID: UInt64] = [Self.oldest: 3, Self.older: 0, 6: 2, Talk.urgent: 1, Talk.routine: 3]
        var (session, _) = Self.session(held)
        _ = session.handle(.loaded(.routine, Talk.batch(Self.oldest, 4...5)), now: 1)
        #expect(words(session.handle(.batchWritten(.routine, bytes: 100), now: 1)) == "load routine 0")
        let gap = Gap(origin: Self.oldest, wanted: 5)
        #expect(session.handle(.received(.gap(gap)), now: 2).isEmpty, "the next one is being loaded")
        let next = session.handle(.loaded(.routine, Talk.batch(Self.older, 1...5)), now: 3)
        #expect(words(next) == "load routine 4")
        #expect(
            words(session.handle(.loaded(.routine, Talk.batch(Self.oldest, 5...5)), now: 4)) == "batch 5-5")
        // What it wants was receipted before this session's Welcome.
        _ = session.handle(.batchWritten(.routine, bytes: 100), now: 4)
        let lost = session.handle(.received(.gap(Gap(origin: Self.oldest, wanted: 2))), now: 5)
        #expect(words(lost) == "close 210, end 210")
    }
}
