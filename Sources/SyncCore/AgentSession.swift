/// The branch's half of one connection, as a value: events in, actions out, no clock and no socket.
///
/// Order of events: `opened` once the handshake is through, then whatever happens. `now` is a
/// monotonic clock in milliseconds. Of the actions that ask the store for something, each is answered by
/// exactly one event: `load` by `loaded`, `storeWelcome` by `welcomeStored` or `parted`, `storeReceipts` by
/// `receiptsStored`, `storeFeed` by `feedStored`, `storeMark` by `markStored`, `loadHeads` by `headsLoaded`,
/// `heal` by `healed`; or by `failed`.
public struct AgentSession: Sendable {
    public enum Goal: Sendable, Hashable {
        /// End when both sides have nothing left.
        case drain
        /// Stay and send what comes.
        case stay
    }

    private enum Phase: Sendable, Hashable {
        case opening
        case greeting
        case storingWelcome
        /// Looks for the points where the journals parted, and then mends.
        case healing
        case open
        case ended
    }

    /// Milliseconds without a word after which this side pings. Somebody waits for a `drain` to end.
    var quietLimit: UInt64 { goal == .drain ? 10_000 : 45_000 }
    /// Milliseconds without a word after which the connection is given up.
    var silenceLimit: UInt64 { goal == .drain ? 30_000 : 120_000 }
    /// Milliseconds in which something must come about while something is waited for: a Welcome, a receipt
    /// that reaches further, a feed page with something in it. Pings, Marks and single bytes are nothing.
    var progressLimit: UInt64 { goal == .drain ? 60_000 : 300_000 }
    /// A hub that keeps asking for the same sequence is not followed for ever.
    static let gapLimit = 8
    /// Versions of one urgent batch that goes ahead of Welcome.
    static let earlyVersions = 64
    /// A batch's frame, heads and counts, and what deflate may add where nothing is to be gained.
    static let batchOverhead = 192
    /// Feed frames and Marks that may come while a Welcome is being stored.
    static let heldBackLimit = 16

    /// A batch that is being written.
    private struct Unwritten: Sendable {
        var lane: Lane
        var origin: OriginID
        var range: ClosedRange<UInt64>
        var wasCutShort: Bool
        /// Bytes of its columns, and how many it was allowed.
        var columns: Int
        var asked: Int
    }

    private let goal: Goal
    private let sendsAhead: Bool
    private var heldBack: [Message] = []
    private var phase = Phase.opening
    private var urgent = SendLane(.urgent)
    private var routine = SendLane(.routine)
    private var maximumBatch = 1_000
    private var loading: (lane: Lane, origin: OriginID, after: UInt64, versions: Int, bytes: Int)?
    /// Bytes of batches that may still go ahead of Welcome.
    public private(set) var earlyRoom = Limits.urgentBeforeWelcome
    /// Something has to wait for Welcome, and all behind it.
    private var isEarlyOver = false
    /// What was authored before the session was opened.
    private var appendedEarly: [Lane: UInt64] = [:]
    /// The hub answers every batch in order with one Receipt, Gap or Fork, a Hole with a Receipt. Gaps that
    /// answer batches sent before the last restart of their origin are old news.
    private var batchesSent: UInt64 = 0
    private var batchesAnswered: UInt64 = 0
    /// Those that wait for their answers, in the order in which they were sent.
    private var unanswered: [(lane: Lane, origin: OriginID, last: UInt64, hole: Hole?)] = []
    private var isWritable = true
    private var frame = FrameProgress()
    private var heardAt: UInt64 = 0
    private var helloAt: UInt64 = 0
    private var pingedAt: UInt64 = 0
    private var progressAt: UInt64 = 0
    private var healing = AgentHealing([])
    private var welcome: Welcome?
    private var epoch = Token16.zero
    private var dictionary: UInt32 = 0
    private var fedThrough = FeedToken.beginning
    /// The last page that is stored, and how many the hub does not know of.
    private var unconfirmed: (token: FeedToken, pages: Int)?
    /// A Mark has come: what is fed from here on is news.
    private var isUpToDate = false
    private var mark: Mark?
    private var receiptPosition: UInt64 = 0
    private var storesPending = 0
    private var gaps = 0
    private var unwritten: Unwritten?
    private var saidDrained = false

    /// - Parameter sendsAhead: routine versions too go ahead of Welcome. Not where the last connection broke:
    ///   the hub may hold what was not receipted.
    public init(goal: Goal, sendsAhead: Bool = false) {
        self.goal = goal
        self.sendsAhead = sendsAhead
    }

    public var isOpen: Bool { phase == .open }

    /// The lane of one of the session's own origins.
    public func lane(of origin: OriginID) -> Lane? {
        Lane.allCases.first { self[$0][origin] != nil }
    }

    /// When `tick` is wanted at the latest; nil when the session is over.
    public var deadline: UInt64? {
        guard phase != .ended, phase != .opening else { return nil }
        let quiet = max(heardAt, pingedAt) + quietLimit
        return isWaiting ? min(quiet, progressAt + progressLimit) : quiet
    }

    /// Something must come from the hub.
    private var isWaiting: Bool { goal == .drain || phase != .open || batchesAnswered < batchesSent }

    public mutating func handle(_ event: Event, now: UInt64) -> [Action] {
        guard phase != .ended else { return [] }
        switch event {
        case .opened(let hello, let origins): return open(hello, origins, now)
        case .received(let message):
            frame.ended()
            heardAt = now
            return receive(message, now)
        case .holds(let bytes):
            // What gets on is a word, however long it is; whether anything comes about is another question.
            if frame.holds(bytes, now: now) { heardAt = now }
            return []
        case .welcomeStored(let resumes): return resume(resumes, now)
        case .parted(let partings):
            guard phase == .storingWelcome else { return [] }
            phase = .healing
            heldBack = []
            healing = AgentHealing(partings)
            return carryOut(healing.next(), now)
        case .headsLoaded(let heads):
            return phase == .healing ? carryOut(healing.loaded(heads), now) : []
        case .healed:
            return phase == .healing ? renewed() : []
        case .loaded(let lane, let batch): return loaded(lane, batch)
        case .batchWritten(let lane, let bytes): return written(lane, bytes, now)
        case .batchWithheld(let lane):
            guard unwritten?.lane == lane else { return [] }
            unwritten = nil
            isEarlyOver = true
            return pump()
        case .receiptsStored(let receipts): return believed(receipts, now)
        case .feedStored(let token):
            storesPending -= 1
            unconfirmed = (token, (unconfirmed?.pages ?? 0) + 1)
            return confirmed() + pump()
        case .markStored(let isRenewed):
            storesPending -= 1
            isUpToDate = true
            return isRenewed ? renewed() : confirmed() + pump()
        case .appended(let lasts): return appended(lasts)
        case .writable(let flag):
            isWritable = flag
            return pump()
        case .failed(let refuse): return end(refuse, saying: true)
        case .tick: return tick(now)
        }
    }

    // MARK: - Greeting

    private mutating func open(_ hello: Hello, _ origins: [LaneOrigin], _ now: UInt64) -> [Action] {
        guard phase == .opening else { return [] }
        phase = .greeting
        heardAt = now
        helloAt = now
        progressAt = now
        dictionary = hello.agreedDictionary
        urgent = SendLane(.urgent, origins)
        routine = SendLane(.routine, origins)
        for lane in Lane.allCases { _ = self[lane].appended(through: appendedEarly[lane] ?? 0) }
        return [.send(.hello(hello), compress: false)] + loadEarly()
    }

    /// Whether something urgent is being got that goes out together with Hello.
    public var isLoadingEarly: Bool { phase == .greeting && loading?.lane == .urgent }

    /// What goes ahead of Welcome: what is urgent, and then, when the last connection ended well, as much of
    /// the rest as may be in flight on a line that nobody knows.
    private mutating func loadEarly() -> [Action] {
        let bytes = min(earlyRoom, Limits.urgentBeforeWelcome / 2)
        guard phase == .greeting, !isEarlyOver, loading == nil, unwritten == nil,
            bytes > Limits.urgentBeforeWelcome / 8
        else { return [] }
        if let journal = urgent.next {
            return load(journal, .urgent, versions: AgentSession.earlyVersions, bytes: bytes)
        }
        guard sendsAhead, let journal = routine.next, room(.routine) > 0 else { return [] }
        let load = min(routine.window.loadBytes, earlyRoom - Limits.urgentBeforeWelcome / 8)
        return self.load(journal, .routine, versions: room(.routine), bytes: load)
    }

    private mutating func load(
        _ journal: SendLane.Journal, _ lane: Lane, versions: Int, bytes: Int
    ) -> [Action] {
        loading = (lane, journal.origin, journal.sent, versions, bytes)
        return [
            .load(
                lane, of: journal.origin, after: journal.sent, maximumVersions: versions, maximumBytes: bytes)
        ]
    }

    private mutating func appended(_ lasts: [Lane: UInt64]) -> [Action] {
        guard phase != .opening else {
            appendedEarly.merge(lasts) { max($0, $1) }
            return []
        }
        for lane in Lane.allCases where self[lane].appended(through: lasts[lane] ?? 0) { saidDrained = false }
        return pump()
    }

    private mutating func resume(_ resumes: [Resume], _ now: UInt64) -> [Action] {
        guard phase == .storingWelcome else { return [] }
        phase = .open
        progressAt = now
        for resume in resumes {
            guard let lane = lane(of: resume.origin), let journal = self[lane][resume.origin] else {
                continue
            }
            // An urgent batch that went ahead of Welcome may still be on its way. It is taken only when it
            // begins where the hub's journal ends; one that overlaps it is answered by a Gap.
            let follows =
                !journal.hasEarlyGap
                && self[lane].window.firstInFlight(of: resume.origin) == resume.behind + 1
            if !follows { self[lane].restart(resume.origin, behind: resume.behind, after: batchesSent) }
            let receipted = min(resume.receipted, resume.behind)
            _ = self[lane].didReceive(resume.origin, through: receipted, at: now)
            _ = self[lane].change(resume.origin) { $0.hole = resume.hole }
        }
        for lane in Lane.allCases { self[lane].keep(resumes.map(\.origin)) }
        let waiting = heldBack
        heldBack = []
        var actions: [Action] = []
        for message in waiting where phase != .ended { actions += receive(message, now) }
        return actions + pump()
    }

    // MARK: - Receiving

    private mutating func receive(_ message: Message, _ now: UInt64) -> [Action] {
        switch (phase, message) {
        case (.greeting, .welcome(let welcome)):
            phase = .storingWelcome
            self.welcome = welcome
            epoch = welcome.epoch
            guard welcome.dictionary == dictionary else {
                return end(Refuse(.protocolError, words: "another preset dictionary"), saying: true)
            }
            urgent.window.limit = Int(welcome.urgentWindow)
            routine.window.limit = Int(welcome.routineWindow)
            routine.window.greeted(in: now - min(now, helloAt))
            maximumBatch = min(Limits.batchVersions, max(1, Int(welcome.maximumBatch)))
            return [.storeWelcome(welcome)]
        case (_, .refuse(let refuse)), (_, .close(let refuse)):
            return end(refuse.code == .done ? nil : refuse, saying: false)
        case (.healing, .heads(let heads)): return carryOut(healing.answered(heads), now)
        // It comes again, to a store that has mended itself.
        case (.healing, .feed), (.healing, .mark), (.healing, .receipt), (.healing, .gap), (.healing, .fork):
            return []
        case (.greeting, .receipt(let frame)), (.storingWelcome, .receipt(let frame)),
            (.open, .receipt(let frame)):
            guard let sent = takeAnswered() else { return disorder() }
            receiptPosition = max(receiptPosition, frame.position)
            storesPending += 1
            guard let hole = sent.hole else {
                self[sent.lane].window.didAnswer(sent.origin, last: sent.last, at: now)
                return [
                    phase == .greeting
                        ? .storeEarlyReceipts(frame.receipts) : .storeReceipts(frame.receipts)
                ]
            }
            self[sent.lane].didPass(hole)
            progressAt = now
            return [.storeHole(hole), .storeReceipts(frame.receipts)]
        case (.storingWelcome, .feed), (.storingWelcome, .mark):
            // Whether this store believes the hub is being found out: until then nothing of the feed counts.
            guard heldBack.count < AgentSession.heldBackLimit else {
                return end(
                    Refuse(.limitExceeded, words: "too much feed before the first confirmation"), saying: true
                )
            }
            heldBack.append(message)
            return []
        case (.open, .feed(let feed)): return take(feed, now)
        case (.open, .mark(let mark)):
            self.mark = mark
            storesPending += 1
            return [.storeMark(mark)] + pump()
        case (.greeting, .gap(let gap)), (.storingWelcome, .gap(let gap)), (.open, .gap(let gap)):
            return takeAnswered() == nil ? disorder() : fill(gap)
        case (.greeting, .fork(let fork)), (.storingWelcome, .fork(let fork)), (.open, .fork(let fork)):
            return takeAnswered() == nil ? disorder() : forked(fork)
        case (_, .ping(let ping)):
            return ping.isReply ? [] : [.send(.ping(Ping(isReply: true, token: ping.token)), compress: false)]
        case (_, .unknown): return []
        default: return disorder()
        }
    }

    private mutating func carryOut(_ step: AgentHealing.Step?, _ now: UInt64) -> [Action] {
        progressAt = now
        switch step {
        case .load(let origin, let places): return [.loadHeads(origin, places)]
        case .ask(let heads): return [.send(.heads(heads), compress: false)]
        case .found(let points): return welcome.map { [.heal(points, $0)] } ?? disorder()
        case nil: return disorder()
        }
    }

    private mutating func renewed() -> [Action] {
        end(Refuse(.identityRenewed, words: "new origins were opened; coming again"), saying: true)
    }

    private mutating func disorder() -> [Action] {
        end(Refuse(.wrongOrder, words: "a message came that does not belong here"), saying: true)
    }

    /// What the answer that has come is for; nil when nothing waits for one.
    private mutating func takeAnswered() -> (lane: Lane, origin: OriginID, last: UInt64, hole: Hole?)? {
        guard !unanswered.isEmpty else { return nil }
        batchesAnswered += 1
        return unanswered.removeFirst()
    }

    /// The feed goes one way: each page's token lies beyond the one before, in the epoch of the Welcome. One
    /// that only brings settings, which have no place in the log, stays where the one before was.
    private mutating func take(_ feed: Feed, _ now: UInt64) -> [Action] {
        let isForward = feed.token.isBeyond(fedThrough) || feed.hasSettingsAlone && feed.token == fedThrough
        guard feed.token.epoch == epoch, isForward else {
            return end(Refuse(.protocolError, words: "the feed does not go forward"), saying: true)
        }
        fedThrough = feed.token
        if !feed.isEmpty { progressAt = now }
        storesPending += 1
        return [.storeFeed(feed)]
    }

    /// One confirmation for several pages, while more of them are on their way; before the hub has to wait.
    ///
    /// - Parameter isEnding: nothing comes behind it.
    private mutating func confirmed(isEnding: Bool = false) -> [Action] {
        guard let (token, pages) = unconfirmed else { return [] }
        let isNews = goal == .stay && isUpToDate
        guard isEnding || isNews || pages >= Limits.feedUnconfirmed / 2 else { return [] }
        unconfirmed = nil
        return [.send(.feedAck(token), compress: false)]
    }

    private mutating func fill(_ gap: Gap) -> [Action] {
        guard let lane = lane(of: gap.origin), let journal = self[lane][gap.origin],
            batchesAnswered > journal.staleThrough
        else { return [] }
        // Before Welcome is stored nobody knows yet from where to go on: the origin starts again then.
        guard phase == .open else {
            _ = self[lane].change(gap.origin) { $0.hasEarlyGap = true }
            return []
        }
        gaps += 1
        guard gaps <= AgentSession.gapLimit, gap.wanted > journal.receipted, gap.wanted <= journal.last + 1
        else {
            return end(
                Refuse(.identityLost, words: "the hub asks for versions that it has receipted before"),
                saying: true)
        }
        self[lane].restart(gap.origin, behind: gap.wanted - 1, after: batchesSent)
        return pump()
    }

    private mutating func forked(_ fork: Fork) -> [Action] {
        guard lane(of: fork.origin) != nil else { return [] }
        return end(
            Refuse(.identityLost, words: "the hub holds another journal under this origin"), saying: true)
    }

    private mutating func believed(_ receipts: [Receipt], _ now: UInt64) -> [Action] {
        storesPending -= 1
        for receipt in receipts {
            guard let lane = lane(of: receipt.origin),
                self[lane].didReceive(receipt.origin, through: receipt.sequence, at: now)
            else { continue }
            gaps = 0
            progressAt = now
        }
        return pump()
    }

    // MARK: - Sending

    private mutating func loaded(_ lane: Lane, _ batch: VersionBatch?) -> [Action] {
        guard let asked = loading, asked.lane == lane else { return [] }
        loading = nil
        guard let batch, batch.count > 0, batch.count <= max(1, asked.versions),
            batch.origin == asked.origin, batch.first == asked.after + 1
        else {
            return end(
                Refuse(.protocolError, words: "the store does not hold the versions that are to be sent"),
                saying: true)
        }
        let next = self[lane].next
        let stillWanted = next?.origin == asked.origin && next?.sent == asked.after
        // Until the two journals have been compared nobody knows what the hub calls by those names.
        if phase != .open,
            batch.rows.contexts.contains(where: { namesUnreceipted($0, besides: batch.origin) })
        {
            isEarlyOver = true
            return pump()
        }
        guard stillWanted, lane == .urgent || !canSend(.urgent) else { return pump() }
        let weight = batch.weight + AgentSession.batchOverhead
        guard self[lane].window.fits(bytes: weight, versions: batch.count) else {
            return loadLess(than: batch, in: lane, next)
        }
        unwritten = Unwritten(
            lane: lane, origin: batch.origin, range: batch.first...batch.last,
            wasCutShort: batch.count < asked.versions, columns: batch.encodedRows.count, asked: asked.bytes)
        return [.send(.batch(batch), compress: true)]
    }

    /// A batch that may be more than the hub's window still bears: the same again with fewer versions, or
    /// later.
    private mutating func loadLess(
        than batch: VersionBatch, in lane: Lane, _ next: SendLane.Journal?
    ) -> [Action] {
        if let next, self[lane].window.bytesInFlight == 0 {
            return load(next, lane, versions: batch.count / 2, bytes: Limits.framePayload / 2)
        }
        self[lane].window.isShut = true
        return pump()
    }

    /// Whether an author was shown own versions, under another origin, of which no receipt has come.
    private func namesUnreceipted(_ context: Context, besides origin: OriginID) -> Bool {
        func isUnreceipted(_ dot: Dot) -> Bool {
            guard dot.origin != origin, let lane = lane(of: dot.origin),
                let journal = self[lane][dot.origin]
            else { return false }
            return dot.sequence > journal.receipted
        }
        return context.dots.contains(where: isUnreceipted)
            || context.vector.entries.contains { isUnreceipted(Dot(origin: $0.origin, sequence: $0.count)) }
    }

    private mutating func written(_ lane: Lane, _ bytes: Int, _ now: UInt64) -> [Action] {
        guard let batch = unwritten, batch.lane == lane else { return [] }
        unwritten = nil
        if phase != .open { earlyRoom -= min(earlyRoom, bytes) }
        // Whoever stays waits from here on, not since the last batch of yesterday.
        if goal == .stay, batchesAnswered == batchesSent { progressAt = max(progressAt, now) }
        batchesSent += 1
        let (first, last) = (batch.range.lowerBound, batch.range.upperBound)
        unanswered.append((lane, batch.origin, last, nil))
        self[lane].didSend(batch.origin, first: first, last: last, bytes: bytes, at: now)
        let isLast = self[lane].next == nil
        self[lane].window.learn(
            bytes: bytes, columns: batch.columns, asked: batch.asked, wasCutShort: batch.wasCutShort,
            isLast: isLast)
        return pump()
    }

    private func canSend(_ lane: Lane) -> Bool {
        guard let next = self[lane].next else { return false }
        return next.hole == nil ? room(lane) > 0 : !next.isHoleSent
    }

    /// Versions that may be sent next.
    private func room(_ lane: Lane) -> Int {
        self[lane].window.versionsToSend(maximum: min(SendWindow.versions, maximumBatch))
    }

    private mutating func pump() -> [Action] {
        guard phase == .open else { return loadEarly() }
        if loading == nil, unwritten == nil, isWritable {
            for lane in Lane.allCases where canSend(lane) {
                guard let journal = self[lane].next else { continue }
                if let hole = journal.hole { return declare(hole, in: lane) + pump() }
                let window = self[lane].window
                let versions = room(lane)
                let bytes = min(
                    window.isPaced ? window.loadBytes : Limits.framePayload / 2,
                    max(1, window.limit - window.bytesInFlight - AgentSession.batchOverhead))
                return load(journal, lane, versions: versions, bytes: bytes)
            }
        }
        return finishIfDrained()
    }

    private mutating func declare(_ hole: Hole, in lane: Lane) -> [Action] {
        _ = self[lane].change(hole.origin) { $0.isHoleSent = true }
        batchesSent += 1
        unanswered.append((lane, hole.origin, hole.sequence, hole))
        return [.send(.hole(hole), compress: true)]
    }

    private mutating func finishIfDrained() -> [Action] {
        let isReceipted = Lane.allCases.allSatisfy { self[$0].isReceipted && self[$0].next == nil }
        guard isReceipted, storesPending == 0, loading == nil, unwritten == nil, let mark,
            mark.position >= receiptPosition, !saidDrained
        else { return [] }
        saidDrained = true
        guard goal == .drain else { return [.drained] }
        phase = .ended
        return [.drained] + confirmed(isEnding: true)
            + [.send(.close(Refuse(.done)), compress: false), .end(nil)]
    }

    // MARK: - Ending

    private mutating func tick(_ now: UInt64) -> [Action] {
        guard phase != .opening else { return [] }
        if now >= heardAt + silenceLimit {
            return end(Refuse(.silence, words: "nothing was heard for too long"), saying: true)
        }
        if isWaiting, now >= progressAt + progressLimit {
            return end(
                Refuse(.silence, words: "the hub is there, but nothing has moved for too long"), saying: true)
        }
        if now >= max(heardAt, pingedAt) + quietLimit {
            pingedAt = now
            return phase == .open ? [.send(.ping(Ping(isReply: false, token: now)), compress: false)] : []
        }
        return []
    }

    private mutating func end(_ refuse: Refuse?, saying: Bool) -> [Action] {
        phase = .ended
        guard let refuse, saying else { return [.end(refuse)] }
        return [.send(.close(refuse), compress: false), .end(refuse)]
    }

    private subscript(_ lane: Lane) -> SendLane {
        get { lane == .urgent ? urgent : routine }
        set { if lane == .urgent { urgent = newValue } else { routine = newValue } }
    }
}
