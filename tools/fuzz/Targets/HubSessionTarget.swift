import SyncCore

extension FuzzTarget {
    static let sessions: [FuzzTarget] = [
        FuzzTarget("hub-session") { bytes in
            var run = HubSessionRun(ByteSource(bytes))
            run.go()
        },
        FuzzTarget("agent-session") { bytes in
            var run = AgentSessionRun(ByteSource(bytes))
            run.go()
        },
        FuzzTarget("reconcile-session") { bytes in
            var run = ReconcileSessionRun(ByteSource(bytes))
            run.go()
        },
    ]
}

/// A hub's session between an agent that sends anything in any order and a store that answers when it likes.
struct HubSessionRun {
    private enum Question {
        case admit(Hello)
        case join
        case ingest(VersionBatch)
        case pass(Hole)
        case feed
        case heads(Heads)
        case tally
    }

    private var source: ByteSource
    private var session = HubSession()
    private var now: UInt64 = 1
    private var questions: [Question] = []
    private var sentFeeds: [FeedToken] = []
    private var hasEnded = false
    private var isWelcome = false
    /// The store said that the device was revoked.
    private var isLeaving = false
    private var batchesTaken = 0
    private var answersGiven = 0

    init(_ source: ByteSource) { self.source = source }

    mutating func go() {
        feed(.opened)
        while !source.isEmpty {
            switch source.choice(8) {
            case 0, 1, 2: feed(.received(source.message(), wireBytes: Int(source.number(upTo: 1 << 20))))
            case 3: feed(.received(.feedAck(sentFeeds.last ?? source.feedToken()), wireBytes: 80))
            case 4:
                now += source.number(upTo: 400_000)
                // Part of a frame, and of what waits, as large as the time is late.
                feed(.holds(Int(now % 9_000)))
                feed(.unsent(Int(now % 70_000)))
                feed(.tick)
            case 5: feed(source.flag() ? .logMoved : .writable(source.flag()))
            case 6 where source.choice(16) == 0: feed(.failed(source.refuse()))
            default: answer()
            }
        }
    }

    private mutating func answer() {
        guard !questions.isEmpty else { return }
        switch questions.removeFirst() {
        case .admit(let hello):
            guard source.choice(8) > 0 else { return feed(.admitted(.failure(source.refuse()))) }
            let held = hello.origins.map { _ in
                HeldOrigin(
                    origin: source.origin(), sequence: source.number(upTo: Limits.sequence),
                    head: source.head(), receipt: nil)
            }
            let greeting = HubSession.Greeting(
                welcome: source.welcome(held: held), feed: source.feedToken(),
                overload: source.choice(4) == 0 ? Refuse(.overloaded, retryAfter: 5) : nil,
                farewell: source.choice(3) == 0 ? Refuse(.revokedDevice) : nil)
            isLeaving = greeting.farewell != nil
            feed(.admitted(.success(greeting)))
        case .join:
            feed(.joined(source.flag() ? .success(source.joined()) : .failure(source.refuse())))
        case .ingest(let batch):
            answersGiven += 1
            switch source.choice(6) {
            case 0: feed(.ingested(.gap(Gap(origin: batch.origin, wanted: 1))))
            case 1: feed(.ingested(.fork(Fork(origin: batch.origin, sequence: 0, head: source.head()))))
            case 2: feed(.ingested(.refused(source.refuse())))
            default: feed(.ingested(.held(receipt: source.receipt(), position: source.number())))
            }
        case .pass(let hole):
            answersGiven += 1
            let receipt = Receipt(origin: hole.origin, sequence: hole.sequence, head: hole.head)
            feed(
                .ingested(
                    source.flag() ? .refused(source.refuse()) : .held(receipt: receipt, position: 0)))
        case .feed:
            if source.flag() {
                feed(.feedLoaded(.page(source.feed())))
            } else {
                feed(.feedLoaded(.complete(Mark(position: source.number(), count: 0, sum: 0))))
            }
        case .heads(let heads): feed(.headsLoaded(heads))
        case .tally: feed(.answered(TallyAnswer(position: source.number(), today: 0, parts: [])))
        }
    }

    private mutating func feed(_ event: HubSession.Event) {
        let actions = session.handle(event, now: now)
        check(!hasEnded || actions.isEmpty, "nothing comes after the end")
        for (index, action) in actions.enumerated() {
            switch action {
            case .send(let message, _): sent(message)
            case .admit(let hello): questions.append(.admit(hello))
            case .join: questions.append(.join)
            case .ingest(let batch):
                batchesTaken += 1
                questions.append(.ingest(batch))
            case .pass(let hole):
                batchesTaken += 1
                questions.append(.pass(hole))
            case .loadFeed:
                check(isWelcome, "nobody is fed before Welcome")
                check(!isLeaving, "a revoked device is fed nothing")
                check(
                    !questions.contains { if case .feed = $0 { true } else { false } }, "one page at a time")
                questions.append(.feed)
            case .loadHeads(let heads): questions.append(.heads(heads))
            case .answer:
                check(isWelcome, "nobody is answered before Welcome")
                questions.append(.tally)
            case .confirmFeed(let token): check(sentFeeds.contains(token), "what is confirmed was sent")
            case .end:
                check(index == actions.count - 1, "the end comes last")
                hasEnded = true
            }
        }
        check(!hasEnded || session.deadline == nil, "a session that is over wants no tick")
    }

    private mutating func sent(_ message: Message) {
        switch message {
        case .welcome:
            check(!isWelcome, "one Welcome")
            isWelcome = true
        case .receipt, .gap, .fork: check(answersGiven <= batchesTaken, "each batch has one answer")
        case .mark: check(!isLeaving, "a revoked device is told no Mark")
        case .feed(let feed):
            check(isWelcome, "nobody is fed before Welcome")
            sentFeeds.append(feed.token)
        default: break
        }
    }
}
