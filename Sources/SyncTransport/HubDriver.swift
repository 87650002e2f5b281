import NIOCore
import SyncCore
import SyncWire

/// Drives a hub's session over a link. Lives on the link's event loop.
final class HubDriver: LinkDriver {
    private static let unreadable = Refuse(
        .overloaded, retryAfter: 5, words: "the hub cannot read its store now")

    private let loop: any EventLoop
    private let service: any HubService
    private let register: ConnectionRegister
    private let budget: FrameBudget
    private let limits: HubLimits
    private let address: String
    private let number: UInt64
    private var link: Link?
    private var host: (any HubConnectionHost)?
    private var session: HubSession
    private var calls: CallQueue?
    private var events: [HubSession.Event] = []
    private var isHandling = false
    private var wireBytes = 0
    /// Bytes of the batches that the store has, oldest first, on the wire and in memory, with the outcome
    /// once there is one.
    private var inWork: [(bytes: Int, footprint: Int, outcome: HubSession.Outcome?)] = []
    private var firstInWork: UInt64 = 0
    private var bytesInWork = 0
    /// Nothing is decoded before the listener has room.
    private var isHungry = false
    /// Bytes that the budget counts of a frame whose rest has not come.
    private var bytesBegun = 0
    /// The session waits for the rest of a frame.
    private var isFrameBegun = false
    private var isPaused = false
    private var isWelcomed = false
    /// Hello is being judged: nothing that follows it is looked at.
    private var isJudging = false
    /// The register keeps room for it until it is answered.
    private var isAwaited = false
    private var dictionary: UInt32 = 0
    /// Both preambles are through, or it has been said why not.
    private var isGreeted = false
    /// What to say once the work in hand is answered.
    private var farewell: Refuse?
    private var isGone = false
    private var end = ConnectionEnd(statistics: LinkStatistics(), code: nil)

    init(
        number: UInt64, address: String, service: any HubService, register: ConnectionRegister,
        budget: FrameBudget, limits: HubLimits, loop: any EventLoop
    ) {
        session = HubSession(progressLimit: limits.progressLimit)
        self.budget = budget
        self.number = number
        self.address = address
        self.service = service
        self.register = register
        self.limits = limits
        self.loop = loop
    }

    func bind(_ link: Link) {
        self.link = link
        link.frameLimit = Limits.frameBeforeWelcome
        let me = NIOLoopBound(self, eventLoop: loop)
        register.add(number) { [loop] refuse in loop.execute { me.value.sayFarewell(refuse) } }
    }

    // MARK: - The link's events

    func linkOpened() {
        guard link != nil else { return }
        isGreeted = true
        let me = NIOLoopBound(self, eventLoop: loop)
        let host = service.connection(
            caller,
            moved: { [loop] in loop.execute { me.value.handle(.logMoved) } },
            close: { [loop] refuse in loop.execute { me.value.handle(.failed(refuse)) } })
        self.host = host
        calls = CallQueue(on: loop) { me.value.callsEnded() }
        handle(.opened)
        if let farewell { handle(.failed(farewell)) }
    }

    func linkReceived(_ message: Message, wireBytes: Int) {
        self.wireBytes = wireBytes
        switch message {
        case .hello(let hello):
            greet()
            judge(hello)
        case .join: greet()
        case .batch(let batch): link?.note { $0.versionsUp += UInt64(batch.count) }
        case .close(let refuse):
            end.code = end.code ?? refuse.code.rawValue
            if isWelcomed, HubDriver.isAccusation(refuse.code) {
                service.refused(refuse.code, "the device hung up, saying so of what it heard", caller)
            }
        default: break
        }
        handle(.received(message, wireBytes: wireBytes))
    }

    private func greet() {
        isAwaited = true
        register.greeted(number, now: Link.now())
    }

    /// Stops reading until the store has said whether the device is let in: what follows may be compressed.
    private func judge(_ hello: Hello) {
        dictionary = hello.agreedDictionary
        isJudging = true
        balance()
    }

    /// Whether a device that says Close with this code has heard what no hub should say.
    private static func isAccusation(_ code: RefusalCode) -> Bool {
        let own: [RefusalCode] = [
            .protocolError, .checksum, .corruptDeflate, .inflatesTooLarge, .forgedReceipt,
        ]
        return own.contains(code)
    }

    /// Before Welcome frames are small and batches few.
    func linkMayDecode() -> Bool {
        guard isWelcomed, !isHungry else { return !isHungry }
        let me = NIOLoopBound(self, eventLoop: loop)
        isHungry = !budget.mayDecode(number) { [loop] in
            loop.execute {
                me.value.isHungry = false
                me.value.balance()
            }
        }
        if isHungry { balance() }
        return !isHungry
    }

    func linkHolds(_ bytes: Int) -> Refuse? {
        noteFrame(bytes)
        let counted = bytes > FrameBudget.small ? bytes : 0
        guard counted != bytesBegun else { return nil }
        let change = counted - bytesBegun
        bytesBegun = counted
        if budget.begun(change) || change <= 0 { return nil }
        return Refuse(.overloaded, retryAfter: 5, words: "the hub has as much of frames as it keeps")
    }

    func linkWillDecode(checksum: UInt32, length: UInt32) -> Refuse? {
        host?.willDecode(checksum: checksum, length: length)
    }

    func linkDecoded(_ message: Message?) { host?.decoded(message) }

    private func noteFrame(_ bytes: Int) {
        guard bytes > 0 || isFrameBegun else { return }
        isFrameBegun = bytes > 0
        handle(.holds(bytes))
    }

    func linkIsWritable(_ flag: Bool) {
        handle(.writable(flag))
        handle(.unsent(link?.bytesUnsent ?? 0))
        balance()
    }

    func linkTicked() {
        events.append(.unsent(link?.bytesUnsent ?? 0))
        handle(.tick)
    }

    private var caller: Caller {
        Caller(publicKey: link?.peerKey ?? [], address: address, version: link?.version ?? 0)
    }

    func linkFailed(_ refuse: Refuse) {
        isGreeted = true
        service.refused(refuse.code, refuse.words, caller)
        if host == nil {
            _ = try? link?.send(.close(refuse), compress: false)
            link?.finish()
        } else {
            handle(.failed(refuse))
        }
    }

    func linkClosed(_ error: TransportError?) {
        if !isGreeted, let error {
            let (code, words) = HubDriver.judged(error)
            service.refused(code, "the handshake failed: \(words)", caller)
        }
        if let link { end.statistics = link.statistics.turned }
        link = nil
        isGone = true
        register.remove(number, now: Link.now())
        budget.forget(number)
        _ = budget.begun(-bytesBegun)
        bytesBegun = 0
        // The session asks for nothing more.
        _ = session.handle(.received(.close(Refuse(.done)), wireBytes: 0), now: Link.now())
        if inWork.isEmpty { calls?.finish() }
    }

    /// As the hub sees it: somebody never came through the handshake.
    private static func judged(_ error: TransportError) -> (code: RefusalCode?, words: String) {
        switch error {
        case .tls(Link.keyRefused):
            (.anotherHub, "another hub's key was looked for; a code or device of another hub")
        case .tls(Link.keyMissing): (.noClientKey, "no key was shown")
        case .wrongHubKey, .forgedHubKey: (.noClientKey, "no key on P-256 was shown")
        case .tls, .cut, .unreachable: (nil, "it broke off, or something else than TLS 1.3 was spoken")
        }
    }

    // MARK: - The session

    /// Takes nothing new, answers what is in work, then says Close.
    private func sayFarewell(_ refuse: Refuse) {
        guard farewell == nil else { return }
        farewell = refuse
        balance()
        if inWork.isEmpty, host != nil { handle(.failed(refuse)) }
        if host == nil { link?.abandon() }
    }

    private func handle(_ event: HubSession.Event) {
        events.append(event)
        guard !isHandling else { return }
        isHandling = true
        var next = 0
        while next < events.count {
            let actions = session.handle(events[next], now: Link.now())
            next += 1
            for action in actions { perform(action) }
        }
        events.removeAll()
        isHandling = false
        if session.isOpen, !isWelcomed {
            isWelcomed = true
            register.welcomed(number, now: Link.now())
            link?.frameLimit = Limits.framePayload
        }
        if !session.isJudging { link?.flush() }
        if isJudging, !session.isJudging {
            isJudging = false
            if session.isOpen || session.isRefusing { link?.acceptInStream(dictionary: dictionary) }
            balance()
        }
        // Whoever was turned away, or has joined, may stay on for a while and keeps nobody out.
        if isAwaited, !session.isAwaited {
            isAwaited = false
            register.judged(number)
        }
        link?.wake(at: session.deadline)
    }

    private func perform(_ action: HubSession.Action) {
        switch action {
        case .send(let message, let compress):
            // Whoever asks faster than it listens gets no answer.
            if case .ping(let ping) = message, ping.isReply, link?.isWritable == false { return }
            switch message {
            case .feed(let feed): link?.note { $0.versionsDown += UInt64(feed.versions.count) }
            case .close(let refuse), .refuse(let refuse): end.code = end.code ?? refuse.code.rawValue
            default: break
            }
            do throws(WireError) {
                _ = try link?.send(message, compress: compress)
            } catch {
                events.append(.failed(Refuse(error.refusal, words: "a message became too large: \(error)")))
            }
        case .admit(let hello): ask { .admitted(await $0.admit(hello)) }
        case .join(let join): ask { .joined(await $0.join(join)) }
        case .ingest(let batch):
            work(batch.rows.footprint + batch.encodedRows.count) { await $0.ingest(batch) }
        case .pass(let hole): work(0) { await $0.pass(hole) }
        case .loadFeed(let token, let items):
            read { .feedLoaded(try await $0.feed(after: token, maximumItems: items)) }
        case .answer(let question): read { .answered(try await $0.answer(question)) }
        case .confirmFeed(let token):
            ask {
                await $0.confirm(token)
                return nil
            }
        case .loadHeads(let question):
            read { .headsLoaded(try await $0.heads(question)) }
        case .end: link?.finish()
        }
    }

    // MARK: - The host

    private func ask(
        _ body: @escaping @Sendable (any HubConnectionHost) async -> HubSession.Event?
    ) {
        guard let host else { return }
        let me = NIOLoopBound(self, eventLoop: loop)
        calls?.add {
            let event = await body(host)
            return { if let event { me.value.handle(event) } }
        }
    }

    private func read(
        _ body: @escaping @Sendable (any HubConnectionHost) async throws -> HubSession.Event
    ) {
        ask {
            do {
                return try await body($0)
            } catch {
                return .failed(error as? Refuse ?? HubDriver.unreadable)
            }
        }
    }

    private func work(
        _ footprint: Int, _ body: @escaping @Sendable (any HubConnectionHost) async -> HubSession.Outcome
    ) {
        guard let host else { return }
        let place = firstInWork + UInt64(inWork.count)
        inWork.append((wireBytes, footprint, nil))
        bytesInWork += wireBytes
        budget.take(footprint)
        balance()
        let me = NIOLoopBound(self, eventLoop: loop)
        let loop = self.loop
        Task.immediate {
            let outcome = await body(host)
            loop.execute { me.value.ingested(outcome, at: place) }
        }
    }

    /// Outcomes are told in the order of the batches, whatever order they come in.
    private func ingested(_ outcome: HubSession.Outcome, at place: UInt64) {
        inWork[Int(place - firstInWork)].outcome = outcome
        while let first = inWork.first, let outcome = first.outcome {
            inWork.removeFirst()
            firstInWork += 1
            bytesInWork -= first.bytes
            budget.give(first.footprint)
            handle(.ingested(outcome))
        }
        if inWork.isEmpty {
            if let farewell { handle(.failed(farewell)) }
            if isGone { calls?.finish() }
        }
        balance()
    }

    private func callsEnded() {
        guard let host else { return }
        self.host = nil
        Task { [end] in await host.closed(end) }
    }

    /// Reading pauses while the store has enough, and while the other side does not take what it is told.
    private func balance() {
        guard let link else { return }
        let isFull = bytesInWork > 0 && bytesInWork > limits.share(among: register.count)
        let pauses = isFull || isJudging || isHungry || !link.isWritable || farewell != nil
        let isNew = pauses != isPaused
        isPaused = pauses
        link.pause(pauses)
        // While nobody reads, nobody is waited for.
        if isNew, isPaused == pauses { noteFrame(pauses ? 0 : link.bytesBegun) }
    }
}
