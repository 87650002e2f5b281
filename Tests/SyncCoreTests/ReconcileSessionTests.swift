import Testing

@testable import SyncCore

@Suite struct ReconcileSessionTests {
    static var welcome: Welcome {
        var welcome = Talk.welcome()
        welcome.capabilities = [ReconcileSession.capability]
        return welcome
    }

    static let moment = Reconciler.Moment(position: 5, own: [Dot(origin: Talk.urgent, sequence: 2)])
    static let records = (0..<50).map { ReconcilerTests.record($0, days: 3, units: 2, print: UInt64($0)) }

    /// A session that has said Hello.
    static func greeted(limit: Int = 100) -> ReconcileSession {
        var session = ReconcileSession(limit: limit)
        #expect(words(session.handle(.opened(Talk.hello()), now: 0)) == "hello")
        return session
    }

    static func asking() -> ReconcileSession {
        var session = greeted()
        #expect(words(session.handle(.received(.welcome(welcome)), now: 1)) == "look")
        #expect(
            words(session.handle(.looked(ReconcilerTests.listing(records), moment), now: 2)) == "ask 1")
        return session
    }

    @Test func helloSaysThatItOnlyAsks() {
        var session = ReconcileSession(limit: 1)
        guard case .send(.hello(let hello), _)? = session.handle(.opened(Talk.hello()), now: 0).first else {
            Issue.record("no Hello")
            return
        }
        #expect(hello.onlyAsks)
        #expect(!Talk.hello().onlyAsks)
    }

    @Test func itAsksUntilNothingIsLeftAndSaysGoodbye() throws {
        var session = Self.asking()
        var there = Self.records
        let gone = there.remove(at: 11)
        var question = TallyQuestion(position: 5, own: Self.moment.own, paths: [.all])
        for round in 0..<10 {
            let answer = ReconcilerTests.answer(question, from: there)
            let actions = session.handle(.received(.tally(answer)), now: 3)
            if case .send(.ask(let next), _)? = actions.first {
                question = next
                #expect(next.position == 5 && next.own == Self.moment.own)
                continue
            }
            #expect(words(actions) == "close 0, end")
            #expect(session.questions == round + 1)
            break
        }
        #expect(session.reconciler?.findings().differences.map(\.hash) == [gone.hash])
        #expect(session.reconciler?.position == 77 && session.reconciler?.today == 18_300)
        #expect(session.deadline == nil)
    }

    @Test func aHubThatDoesNotCompareIsSaidSo() {
        var session = Self.greeted()
        #expect(words(session.handle(.received(.welcome(Talk.welcome())), now: 1)) == "close 111, end 111")
    }

    @Test func silenceAndRefusalsEndIt() {
        var silent = Self.greeted()
        #expect(silent.deadline == ReconcileSession.greetingLimit)
        #expect(silent.handle(.tick, now: 1).isEmpty)
        #expect(words(silent.handle(.tick, now: 30_000)) == "close 108, end 108")
        var slow = Self.asking()
        #expect(slow.deadline == 2 + ReconcileSession.patience)
        #expect(words(slow.handle(.tick, now: 2 + ReconcileSession.patience)) == "close 108, end 108")
        var refused = Self.greeted()
        #expect(words(refused.handle(.received(.refuse(Refuse(.overloaded))), now: 1)) == "end 120")
        var done = Self.asking()
        #expect(words(done.handle(.received(.close(Refuse(.done))), now: 1)) == "end 121", "not to the end")
        var failed = Self.asking()
        #expect(words(failed.handle(.failed(Refuse(.shuttingDown)), now: 1)) == "close 121, end 121")
    }

    @Test func otherMessagesAreOutOfOrder() {
        for (name, message) in Talk.all {
            var session = Self.asking()
            let said = words(session.handle(.received(message), now: 3))
            switch name {
            case "question": #expect(said == "pong")
            case "pong", "unknown": #expect(said.isEmpty)
            case "refuse": #expect(said == "end 120")
            case "done": #expect(said == "end 121")
            case "close": #expect(said == "end 107")
            case "tally": #expect(said == "close 100, end 100")
            default: #expect(said == "close 106, end 106", "\(name)")
            }
        }
    }
}
