import Testing

@testable import SyncCore

/// The search for the point up to which two journals are the same.
@Suite struct AgentHealingTests {
    static func head(_ sequence: UInt64, _ branch: UInt64) -> Digest {
        Digest(words: (sequence, branch, 0, 0))
    }

    /// Plays the hub to a search whose journals part behind `fork`.
    private static func search(
        fork: UInt64, own: UInt64, held: UInt64, keptFrom: UInt64 = 0
    ) throws -> (common: UInt64, questions: Int) {
        var healing = AgentHealing([Parting(origin: 9, common: 0, limit: min(own, held))])
        var step = healing.next()
        var questions = 0
        while questions < 100 {
            switch step {
            case .load(let origin, let places):
                #expect(places.count <= Int(AgentHealing.questionEntries))
                let entries = places.map {
                    Heads.Entry(sequence: $0, head: $0 < keptFrom ? nil : head($0, $0 > fork ? 1 : 0))
                }
                let next = healing.loaded(Heads(origin: origin, entries: entries))
                step = try #require(next)
            case .ask(let heads):
                questions += 1
                #expect(heads.entries.allSatisfy { $0.head == nil && $0.sequence <= held })
                let entries = heads.entries.map {
                    Heads.Entry(sequence: $0.sequence, head: head($0.sequence, $0.sequence > fork ? 2 : 0))
                }
                let next = healing.answered(Heads(origin: heads.origin, entries: entries))
                step = try #require(next)
            case .found(let points): return (try #require(points.first).sequence, questions)
            }
        }
        Issue.record("no end")
        return (0, questions)
    }

    @Test func everyForkOfAShortJournalIsFound() throws {
        for own in UInt64(0)...40 {
            for fork in 0...own {
                let found = try Self.search(fork: fork, own: own, held: 40)
                #expect(found.common == min(fork, own), "own \(own), fork \(fork)")
            }
        }
    }

    @Test(arguments: [0, 1, 31, 32, 33, 1_023, 999_999, 1 << 40, 1 << 62] as [UInt64])
    func longJournalsTakeFewQuestions(fork: UInt64) throws {
        let found = try Self.search(fork: fork, own: 1 << 62, held: 1 << 62)
        #expect(found.common == fork)
        #expect(found.questions <= 13)
    }

    @Test func whatIsNotKeptAnyMoreCountsAsTheSame() throws {
        #expect(try Self.search(fork: 5_000, own: 9_000, held: 9_000, keptFrom: 4_000).common == 5_000)
    }

    @Test func anAnswerToAnotherQuestionIsNone() {
        var healing = AgentHealing([Parting(origin: 9, common: 0, limit: 2)])
        let places = [UInt64(1), 2].map { Heads.Entry(sequence: $0, head: .zero) }
        #expect(healing.answered(Heads(origin: 9, entries: places)) == nil)
        #expect(healing.loaded(Heads(origin: 9, entries: places)) != nil)
        #expect(healing.answered(Heads(origin: 8, entries: places)) == nil)
        #expect(healing.answered(Heads(origin: 9, entries: [])) == nil)
        #expect(healing.answered(Heads(origin: 9, entries: places)) != nil)
    }

    // MARK: - In the session

    private static func parted() -> AgentSession {
        var session = AgentSessionTests.session(in: .storing)
        let partings = [
            Parting(origin: Talk.urgent, common: 3, limit: 3),
            Parting(origin: Talk.routine, common: 0, limit: 2),
        ]
        #expect(words(session.handle(.parted(partings), now: 1)) == "loadHeads 1-2")
        return session
    }

    @Test func aSessionThatHealsEndsAndTakesNothingMeanwhile() {
        var session = Self.parted()
        for message in [Talk.feed(1), Talk.mark(1), Talk.receipt(Talk.urgent, 3)] {
            #expect(session.handle(.received(message), now: 1).isEmpty)
        }
        #expect(words(session.handle(.received(Talk.question), now: 1)) == "pong")
        let own = [1, 2].map { Heads.Entry(sequence: $0, head: Self.head($0, 0)) }
        #expect(
            words(session.handle(.headsLoaded(Heads(origin: Talk.routine, entries: own)), now: 2)) == "heads")
        var theirs = own
        theirs[1].head = Self.head(2, 1)
        let answer = Message.heads(Heads(origin: Talk.routine, entries: theirs))
        #expect(words(session.handle(.received(answer), now: 3)) == "heal 3 1")
        #expect(words(session.handle(.healed, now: 4)) == "close 211, end 211")
    }

    @Test func aHubThatAnswersAnotherQuestionIsLeft() {
        var session = Self.parted()
        let wrong = Message.heads(Heads(origin: Talk.urgent, entries: []))
        #expect(words(session.handle(.received(wrong), now: 1)) == "close 106, end 106")
    }

    @Test func aSearchThatGetsNoAnswerEnds() {
        var session = Self.parted()
        #expect(words(session.handle(.tick, now: 100_000)) == "close 108, end 108")
    }

    @Test func aHubTakesNothingOfAStoreThatWasRestored() {
        var session = HubSessionTests.session(in: .admitting, early: [Talk.batch(Talk.urgent, 1...3)])
        var greeting = HubSessionTests.greeting(isBusy: false)
        greeting.welcome.isTokenUnknown = true
        #expect(words(session.handle(.admitted(.success(greeting)), now: 1)) == "welcome")
        #expect(session.isOpen)
        let batch = Message.batch(Talk.batch(Talk.urgent, 1...3))
        #expect(session.handle(.received(batch, wireBytes: 100), now: 1).isEmpty)
        #expect(session.handle(.logMoved, now: 1).isEmpty)
        let heads = Heads(origin: Talk.urgent, entries: [])
        #expect(words(session.handle(.received(.heads(heads), wireBytes: 20), now: 1)) == "loadHeads")
        #expect(words(session.handle(.headsLoaded(heads), now: 1)) == "heads")
        let closing = Message.close(Refuse(.identityRenewed))
        #expect(words(session.handle(.received(closing, wireBytes: 20), now: 1)) == "end")
    }

    @Test func aHubAnswersSoManyQuestionsAndNoMore() {
        var session = HubSessionTests.session(in: .open)
        let heads = Message.heads(Heads(origin: Talk.urgent, entries: []))
        for _ in 0..<Limits.headsQuestions {
            #expect(words(session.handle(.received(heads, wireBytes: 20), now: 1)) == "loadHeads")
        }
        #expect(words(session.handle(.received(heads, wireBytes: 20), now: 1)) == "close 107, end 107")
    }

    // MARK: - Names

    @Test func contextsNameWhatWasShownUnderItsNewName() throws {
        let renames = [
            OriginRename(origin: 5, after: 3, fresh: 2), OriginRename(origin: 6, after: 0, fresh: 8),
        ]
        let vector = VersionVector(normalizing: [
            .init(origin: 4, count: 9), .init(origin: 5, count: 7), .init(origin: 6, count: 1),
        ])
        let context = try #require(
            Context(canonical: vector, dots: [Dot(origin: 5, sequence: 9), Dot(origin: 6, sequence: 4)]))
        let renamed = context.renamed(renames)
        let wanted = VersionVector(normalizing: [
            .init(origin: 2, count: 4), .init(origin: 4, count: 9), .init(origin: 5, count: 3),
            .init(origin: 8, count: 1),
        ])
        #expect(renamed.vector == wanted)
        #expect(renamed.dots == [Dot(origin: 2, sequence: 6), Dot(origin: 8, sequence: 4)])
        #expect(!renamed.covers(Dot(origin: 5, sequence: 4)))
        let below = VersionVector(normalizing: [.init(origin: 5, count: 3)])
        let untouched = try #require(Context(canonical: below, dots: []))
        #expect(untouched.renamed(renames) == untouched)
    }
}
