/// The hub's half of one connection, as a value. `now` is a monotonic clock in milliseconds.
///
/// `admit`, `join`, `ingest`, `pass` and `loadFeed` are each answered by exactly one event: `admitted`,
/// `joined`, `ingested` (in order, for both), `feedLoaded`, and `loadHeads` by `headsLoaded`; or by `failed`.
public struct HubSession: Sendable {
    public enum Event: Sendable {
        case opened
        case received(Message, wireBytes: Int)
        case admitted(Result<Greeting, Refuse>)
        case joined(Result<Joined, Refuse>)
        case ingested(Outcome)
        /// The next page; or none, with the Mark that was true in the same look at the store.
        case feedLoaded(FeedPage)
        case headsLoaded(Heads)
        /// Somebody's commit moved the arrival log.
        case logMoved
        case writable(Bool)
        /// So many bytes are there of a frame whose rest has not come; 0 for none. Follows `received`.
        case holds(Int)
        /// So many bytes wait for the other side to take them; comes before each `tick`.
        case unsent(Int)
        /// In the order of the questions.
        case answered(TallyAnswer)
        case failed(Refuse)
        case tick
    }

    /// What the store made of a Hello.
    public struct Greeting: Sendable, Hashable {
        public var welcome: Welcome
        public var feed: FeedToken
        /// The device would be welcome, but the hub has as much as it can take: the urgent batches that came
        /// with Hello are taken, then this is said.
        public var overload: Refuse?
        /// The device was revoked: what it announced and the hub lacks is taken, it is fed nothing, and then
        /// this is said.
        public var farewell: Refuse?

        public init(
            welcome: Welcome, feed: FeedToken, overload: Refuse? = nil, farewell: Refuse? = nil
        ) {
            self.welcome = welcome
            self.feed = feed
            self.overload = overload
            self.farewell = farewell
        }
    }

    public enum FeedPage: Sendable, Hashable {
        case page(Feed)
        case complete(Mark)
    }

    /// What became of a batch.
    public enum Outcome: Sendable, Hashable {
        /// Durable; the receipt (when sealed that far) is signed. `position` is the segment's place in the
        /// log, or the log's end when the batch had been there already.
        case held(receipt: Receipt?, position: UInt64)
        case gap(Gap)
        case fork(Fork)
        /// Nothing of this batch was written; the connection closes with the code.
        case refused(Refuse)
    }

    public enum Action: Sendable, Hashable {
        case send(Message, compress: Bool)
        case admit(Hello)
        case join(Join)
        case ingest(VersionBatch)
        /// Answered by `ingested`, in the order of the batches.
        case pass(Hole)
        case loadFeed(after: FeedToken, maximumItems: Int)
        case confirmFeed(FeedToken)
        /// The heads of one of the device's origins, where the hub has them.
        case loadHeads(Heads)
        /// Look into the store for somebody who compares.
        case answer(TallyQuestion)
        /// The connection is over; what was sent before still goes out.
        case end(Refuse?)
    }

    private enum Phase: Sendable, Hashable {
        case waiting
        case joining
        case admitting
        /// Takes what is urgent and then refuses.
        case refusing
        /// Takes what a revoked device has not sent, and then refuses.
        case surrendering
        /// The agent looks for what its store has in common with this one; nothing else is taken of it.
        case mending
        case open
        /// Open for questions only.
        case answering
        case ended
    }

    /// Milliseconds in which a connection must say Hello or Join.
    public static let greetingLimit: UInt64 = 15_000
    /// Milliseconds without a word after which the hub asks.
    public static let quietLimit: UInt64 = 90_000
    /// Milliseconds without a word after which the hub hangs up.
    public static let silenceLimit: UInt64 = 300_000
    /// Milliseconds in which a frame must get on, or the other side take some of what it is told.
    public static let progressLimit = FrameProgress.limit
    /// Milliseconds that a hub which is going to refuse waits for each urgent batch that Hello announced.
    public static let urgentGrace: UInt64 = 10_000
    /// Milliseconds that a hub waits for each batch that a revoked device announced.
    public static let surrenderGrace: UInt64 = 60_000
    static let feedItems = 1_000

    private var phase = Phase.waiting
    private var heardAt: UInt64 = 0
    private var pingedAt: UInt64 = 0
    /// Batches that came between Hello and the store's answer, with their bytes.
    private var early: [VersionBatch] = []
    private var earlyBytes = 0
    private var hello: Hello?
    private var refusal = HubRefusal()
    private var windows = HubWindows()
    private var feed = FeedToken.beginning
    private var unconfirmed: [FeedToken] = []
    private var isLoadingFeed = false
    /// The log has moved since the feed was last looked at.
    private var isFeedStale = true
    private var needsMark = true
    /// Highest position that a receipt has named.
    private var heldPosition: UInt64 = 0
    private var isWritable = true
    private var frame: FrameProgress
    /// More was written than is taken at once: since when none of it was taken, and how much waits.
    private var stuck: (at: UInt64, bytes: Int)?
    private var headsAsked = 0
    private var questionsInWork = 0
    private var questions = 0

    private let progressLimit: UInt64

    /// - Parameter progressLimit: another one than the protocol's, for tests.
    public init(progressLimit: UInt64 = HubSession.progressLimit) {
        self.progressLimit = progressLimit
        frame = FrameProgress(limit: progressLimit)
    }

    /// True between Welcome and the end.
    public var isOpen: Bool {
        switch phase {
        case .open, .surrendering, .mending, .answering: true
        case .waiting, .joining, .admitting, .refusing, .ended: false
        }
    }

    /// Hello has come, and nobody has said yet what becomes of it.
    public var isJudging: Bool { phase == .admitting }
    /// The peer has said who it is, by Hello or Join, and waits for the first answer.
    public var isAwaited: Bool { phase == .admitting || phase == .joining }
    /// What is urgent is still taken, and then nothing.
    public var isRefusing: Bool { phase == .refusing }

    /// When `tick` is wanted at the latest; nil when the session is over.
    public var deadline: UInt64? {
        let quiet = max(heardAt, pingedAt) + HubSession.quietLimit
        let stuck = min(frame.deadline ?? .max, stuckDeadline ?? .max)
        return switch phase {
        case .ended: nil
        case .waiting: heardAt + HubSession.greetingLimit
        case .refusing: refusal.deadline
        case .surrendering: min(refusal.deadline, quiet, stuck)
        default: min(quiet, stuck)
        }
    }

    private var stuckDeadline: UInt64? { stuck.map { $0.at + progressLimit } }

    public mutating func handle(_ event: Event, now: UInt64) -> [Action] {
        guard phase != .ended else { return [] }
        switch event {
        case .opened:
            heardAt = now
            return []
        case .received(let message, let bytes):
            frame.ended()
            if phase != .waiting { heardAt = now }
            return receive(message, bytes, now)
        case .admitted(let result): return admitted(result, now)
        case .joined(let result):
            switch result {
            case .success(let joined):
                return [.send(.joined(joined), compress: false)] + end(nil, saying: false)
            case .failure(let refuse):
                return [.send(.refuse(refuse), compress: false)] + end(refuse, saying: false)
            }
        case .ingested(let outcome): return ingested(outcome)
        case .feedLoaded(let page): return feedLoaded(page)
        case .headsLoaded(let heads): return [.send(.heads(heads), compress: false)]
        case .logMoved:
            isFeedStale = true
            return pump()
        case .writable(let flag):
            isWritable = flag
            stuck = flag ? nil : stuck ?? (now, 0)
            return pump()
        case .holds(let bytes):
            // What gets on is a word, however long it is.
            if frame.holds(bytes, now: now), phase != .waiting { heardAt = now }
            return []
        case .unsent(let bytes):
            guard let last = stuck else { return [] }
            let isTaken = bytes <= last.bytes - Limits.frameStep
            stuck = isTaken ? (now, bytes) : (last.at, max(bytes, last.bytes))
            return []
        case .answered(let answer):
            questionsInWork -= 1
            return phase == .answering ? [.send(.tally(answer), compress: true)] : []
        case .failed(let refuse): return end(refuse, saying: true)
        case .tick: return tick(now)
        }
    }

    // MARK: - Receiving

    private mutating func receive(_ message: Message, _ bytes: Int, _ now: UInt64) -> [Action] {
        switch (phase, message) {
        case (.waiting, .hello(let hello)):
            phase = .admitting
            heardAt = now
            self.hello = hello
            return [.admit(hello)]
        case (.waiting, .join(let join)):
            phase = .joining
            heardAt = now
            return [.join(join)]
        case (.admitting, .batch(let batch)) where hello?.onlyAsks != true:
            earlyBytes += bytes
            guard earlyBytes <= Limits.urgentBeforeWelcome else {
                return end(Refuse(.limitExceeded, words: "too much before Welcome"), saying: true)
            }
            early.append(batch)
            return []
        case (.refusing, .batch(let batch)):
            earlyBytes += bytes
            guard earlyBytes <= Limits.urgentBeforeWelcome else {
                refusal.close()
                return refuseWhenDone()
            }
            return takeUrgent(batch, bytes, now) + refuseWhenDone()
        case (.surrendering, .batch(let batch)):
            refusal.note(batch.origin, through: batch.last, now: now)
            return take(batch, bytes)
        case (.surrendering, .hole(let hole)):
            refusal.note(hole.origin, through: hole.sequence, now: now)
            return take(hole)
        case (.open, .batch(let batch)): return take(batch, bytes)
        case (.open, .hole(let hole)): return take(hole)
        case (.open, .feedAck(let token)): return confirmed(token)
        case (.answering, .ask(let question)): return take(question)
        case (_, .close): return end(nil, saying: false)
        case (.open, .ping(let ping)), (.surrendering, .ping(let ping)), (.mending, .ping(let ping)),
            (.answering, .ping(let ping)):
            return ping.isReply ? [] : [.send(.ping(Ping(isReply: true, token: ping.token)), compress: false)]
        case (.open, .heads(let heads)), (.surrendering, .heads(let heads)), (.mending, .heads(let heads)):
            return tell(heads)
        // What was on its way when the agent learnt that nothing is taken.
        case (.mending, .batch), (_, .unknown): return []
        default:
            return end(Refuse(.wrongOrder, words: "a message came that does not belong here"), saying: true)
        }
    }

    private mutating func tell(_ heads: Heads) -> [Action] {
        headsAsked += 1
        guard headsAsked <= Limits.headsQuestions else {
            return end(Refuse(.limitExceeded, words: "too many questions for heads"), saying: true)
        }
        return [.loadHeads(heads)]
    }

    private mutating func take(_ batch: VersionBatch, _ bytes: Int) -> [Action] {
        guard windows.take(batch.origin, bytes: bytes, versions: batch.count) else {
            return end(Refuse(.limitExceeded, words: "more in flight than the window allows"), saying: true)
        }
        return [.ingest(batch)]
    }

    private mutating func take(_ hole: Hole) -> [Action] {
        _ = windows.take(hole.origin, bytes: 0, versions: 1)
        return [.pass(hole)]
    }

    private mutating func take(_ question: TallyQuestion) -> [Action] {
        questions += 1
        questionsInWork += 1
        guard questions <= Limits.tallyQuestions, questionsInWork <= Limits.tallyWaiting else {
            return end(Refuse(.limitExceeded, words: "too many questions"), saying: true)
        }
        return [.answer(question)]
    }

    private mutating func admitted(_ result: Result<Greeting, Refuse>, _ now: UInt64) -> [Action] {
        guard phase == .admitting else { return [] }
        defer {
            early = []
            hello = nil
        }
        switch result {
        case .failure(let refuse):
            return [.send(.refuse(refuse), compress: false)] + end(refuse, saying: false)
        case .success(let greeting) where greeting.overload != nil && !mayTakeUrgent(greeting):
            let overload = greeting.overload ?? Refuse(.overloaded)
            return [.send(.refuse(overload), compress: false)] + end(overload, saying: false)
        case .success(let greeting) where hello?.onlyAsks == true:
            phase = .answering
            return [.send(.welcome(greeting.welcome), compress: false)]
        case .success(let greeting) where greeting.welcome.isTokenUnknown:
            phase = .mending
            return [.send(.welcome(greeting.welcome), compress: false)]
        case .success(let greeting) where greeting.overload != nil:
            phase = .refusing
            refusal = HubRefusal(
                greeting.overload ?? Refuse(.overloaded), hello, greeting.welcome, lanes: [.urgent],
                grace: HubSession.urgentGrace, isGreeted: false, now: now)
            return early.flatMap { takeUrgent($0, 0, now) } + refuseWhenDone()
        case .success(let greeting):
            if let farewell = greeting.farewell {
                phase = .surrendering
                refusal = HubRefusal(
                    farewell, hello, greeting.welcome, lanes: Lane.allCases,
                    grace: HubSession.surrenderGrace, isGreeted: true, now: now)
            } else {
                phase = .open
            }
            windows = HubWindows(hello, greeting.welcome)
            feed = greeting.feed
            var actions: [Action] = [.send(.welcome(greeting.welcome), compress: false)]
            for batch in early {
                // It was sent by somebody who does not know yet that it will not count, and would take it for
                // arrived if this Welcome were lost: it comes again once that was heard.
                if phase == .surrendering,
                    let held = greeting.welcome.held.first(where: { $0.origin == batch.origin })
                {
                    let gap = Gap(origin: batch.origin, wanted: held.sequence + 1)
                    actions.append(.send(.gap(gap), compress: false))
                    continue
                }
                actions += take(batch, 0)
            }
            return actions + goOn()
        }
    }

    // MARK: - Refusing

    /// Not of somebody who only asks, whose journal may be another one, or who does not know yet that nothing
    /// of it will count.
    private func mayTakeUrgent(_ greeting: Greeting) -> Bool {
        hello?.onlyAsks != true && !greeting.welcome.isTokenUnknown && greeting.farewell == nil
    }

    /// What is not urgent is left with the agent, which keeps what is not receipted.
    private mutating func takeUrgent(_ batch: VersionBatch, _ bytes: Int, _ now: UInt64) -> [Action] {
        guard refusal.note(batch.origin, through: batch.last, now: now) else { return [] }
        windows.note(bytes)
        return [.ingest(batch)]
    }

    private mutating func refuseWhenDone() -> [Action] {
        guard windows.isEmpty, refusal.isDone else { return [] }
        if phase == .surrendering { return end(refusal.refuse, saying: true) }
        guard phase == .refusing else { return [] }
        return [.send(.refuse(refusal.refuse), compress: false)] + end(refusal.refuse, saying: false)
    }

    private mutating func ingested(_ outcome: Outcome) -> [Action] {
        windows.answered()
        switch outcome {
        case .held(let receipt, let position):
            needsMark = true
            heldPosition = max(heldPosition, position)
            let frame = ReceiptFrame(receipts: receipt.map { [$0] } ?? [], position: position)
            return [.send(.receipt(frame), compress: false)] + goOn()
        case .gap(let gap): return [.send(.gap(gap), compress: false)] + goOn()
        case .fork(let fork): return [.send(.fork(fork), compress: false)] + goOn()
        case .refused(let refuse): return end(refuse, saying: true)
        }
    }

    // MARK: - Feeding

    private mutating func confirmed(_ token: FeedToken) -> [Action] {
        guard let index = unconfirmed.firstIndex(of: token) else {
            return end(
                Refuse(.protocolError, words: "a feed token was confirmed that was not sent"), saying: true)
        }
        unconfirmed.removeFirst(index + 1)
        return [.confirmFeed(token)] + pump()
    }

    private mutating func feedLoaded(_ page: FeedPage) -> [Action] {
        isLoadingFeed = false
        switch page {
        case .page(let feed):
            self.feed = feed.token
            unconfirmed.append(feed.token)
            isFeedStale = true
            return [.send(.feed(feed), compress: true)] + pump()
        case .complete(let mark):
            // A Mark holds where it was looked up, also when the log has moved on since: a busy hub gets its
            // branches drained. It is no use below what has been receipted, for the agent waits for one above
            // that.
            guard needsMark, mark.position >= heldPosition, windows.isEmpty else { return pump() }
            needsMark = false
            return [.send(.mark(mark), compress: false)] + pump()
        }
    }

    /// An answer was given: the refusal or the Mark that waited for it may be due now.
    private mutating func goOn() -> [Action] {
        if phase == .refusing || phase == .surrendering { return refuseWhenDone() }
        if needsMark { isFeedStale = true }
        return pump()
    }

    private mutating func pump() -> [Action] {
        guard phase == .open, isWritable, isFeedStale, !isLoadingFeed,
            unconfirmed.count < Limits.feedUnconfirmed
        else { return [] }
        isLoadingFeed = true
        isFeedStale = false
        return [.loadFeed(after: feed, maximumItems: HubSession.feedItems)]
    }

    // MARK: - Ending

    private mutating func tick(_ now: UInt64) -> [Action] {
        if phase == .refusing || phase == .surrendering {
            refusal.tick(now)
            let said = refuseWhenDone()
            if phase == .refusing || !said.isEmpty { return said }
        }
        if phase != .waiting {
            if let deadline = frame.deadline, now >= deadline {
                return end(Refuse(.silence, words: "a frame has begun and does not get on"), saying: true)
            }
            if let deadline = stuckDeadline, now >= deadline {
                return end(Refuse(.silence, words: "what is said is not taken"), saying: true)
            }
        }
        let limit = phase == .waiting ? HubSession.greetingLimit : HubSession.silenceLimit
        if now >= heardAt + limit {
            return end(Refuse(.silence, words: "nothing was heard for too long"), saying: true)
        }
        if phase != .waiting, now >= max(heardAt, pingedAt) + HubSession.quietLimit {
            pingedAt = now
            return isOpen ? [.send(.ping(Ping(isReply: false, token: now)), compress: false)] : []
        }
        return []
    }

    private mutating func end(_ refuse: Refuse?, saying: Bool) -> [Action] {
        phase = .ended
        guard let refuse, saying else { return [.end(refuse)] }
        return [.send(.close(refuse), compress: false), .end(refuse)]
    }
}
