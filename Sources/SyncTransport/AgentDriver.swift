import NIOCore
import SyncCore
import SyncWire
import Synchronization

/// Drives an agent's session over a link. Lives on the link's event loop.
final class AgentDriver: LinkDriver {
    /// Calls to the host that may wait before reading pauses.
    static let callLimit = 8

    private let loop: any EventLoop
    private let host: any AgentSessionHost
    private let promise: EventLoopPromise<AgentConnectionResult>
    private var link: Link?
    private var session: AgentSession
    private var calls: CallQueue?
    private var callsPending = 0
    /// The host could not do what it was asked: nothing that was asked behind it is done.
    private let failure = Failure()
    private var events: [AgentSession.Event] = []
    private var isHandling = false
    private var isHearing = false
    private var ending: AgentConnectionResult.Ending?
    private var hostError: (any Error)?
    private var isWelcomed = false
    private var isDrained = false
    private var statistics = LinkStatistics()

    init(
        session: AgentSession, host: any AgentSessionHost, loop: any EventLoop,
        promise: EventLoopPromise<AgentConnectionResult>
    ) {
        self.session = session
        self.host = host
        self.loop = loop
        self.promise = promise
    }

    func bind(_ link: Link, handle: AgentSessionHandle) {
        self.link = link
        let me = NIOLoopBound(self, eventLoop: loop)
        calls = CallQueue(on: loop) { me.value.finished() }
        handle.bind { [loop] lasts, isClosed in
            loop.execute {
                if !lasts.isEmpty { me.value.handle(.appended(lasts)) }
                if isClosed { me.value.close() }
            }
        }
    }

    // MARK: - The link's events

    func linkOpened() {
        ask { [host, keys = link?.hubKeys] in
            // Before anything that the hub signs is believed.
            if let keys { try await host.renew(keys) }
            let (hello, origins) = try await host.opened()
            return .opened(hello: hello, origins: origins)
        }
    }

    func linkReceived(_ message: Message, wireBytes: Int) {
        isHearing = true
        // The next frame may already be in-stream, before the store has taken the Welcome.
        if case .welcome(let welcome) = message { link?.acceptInStream(dictionary: welcome.dictionary) }
        handle(.received(message))
        isHearing = false
    }

    func linkHolds(_ bytes: Int) -> Refuse? {
        handle(.holds(bytes))
        return nil
    }

    func linkIsWritable(_ flag: Bool) { handle(.writable(flag)) }
    func linkTicked() { handle(.tick) }

    func linkFailed(_ refuse: Refuse) {
        if ending == nil { ending = .failed(refuse) }
        _ = try? link?.send(.close(refuse), compress: false)
        link?.finish()
    }

    func linkClosed(_ error: TransportError?) {
        statistics = link?.statistics ?? statistics
        link = nil
        if ending == nil {
            if !isWelcomed, case .wrongHubKey? = error { hostError = hostError ?? error }
            if !isWelcomed, case .forgedHubKey? = error { hostError = hostError ?? error }
            if !isWelcomed, case .tls? = error { hostError = hostError ?? error }
            ending = .cut(error.map(\.description) ?? "the hub hung up")
        }
        calls?.finish()
    }

    // MARK: - The session

    private func close() {
        guard ending == nil, let link else { return }
        ending = .clean
        _ = try? link.send(.close(Refuse(.done)), compress: false)
        link.finish()
    }

    private func handle(_ event: AgentSession.Event) {
        events.append(event)
        guard !isHandling else { return }
        isHandling = true
        defer { isHandling = false }
        var next = 0
        while next < events.count {
            let actions = session.handle(events[next], now: Link.now())
            next += 1
            for action in actions { perform(action) }
        }
        events.removeAll()
        // Hello waits for what goes with it: one record of TLS.
        if !session.isLoadingEarly { link?.flush() }
        link?.wake(at: session.deadline)
    }

    private func perform(_ action: AgentSession.Action) {
        switch action {
        case .send(let message, let compress): send(message, compress: compress)
        case .load(let lane, let origin, let after, let versions, let bytes):
            ask { [host] in
                .loaded(
                    lane,
                    try await AgentDriver.load(origin, after: after, versions: versions, bytes: bytes, host))
            }
        case .storeWelcome(let welcome):
            isWelcomed = true
            ask { [host] in try await host.store(welcome).event }
        case .loadHeads(let origin, let sequences):
            ask { [host] in .headsLoaded(try await host.heads(of: origin, at: sequences)) }
        case .heal(let points, let welcome):
            ask { [host] in
                try await host.heal(points, after: welcome)
                return .healed
            }
        case .storeReceipts(let receipts):
            ask { [host] in
                try await host.store(receipts)
                return .receiptsStored(receipts)
            }
        case .storeEarlyReceipts(let receipts):
            ask { [host] in
                do {
                    try await host.store(receipts)
                    return .receiptsStored(receipts)
                } catch is Refuse {
                    return .receiptsStored([])
                }
            }
        case .storeFeed(let feed):
            link?.note { $0.versionsDown += UInt64(feed.versions.count) }
            ask { [host] in
                try await host.store(feed) ? .feedStored(feed.token) : nil
            }
        case .storeMark(let mark):
            ask { [host] in .markStored(isRenewed: try await host.store(mark)) }
        case .storeHole(let hole):
            ask { [host] in
                try await host.store(hole)
                return nil
            }
        case .drained:
            isDrained = true
            ask { [host] in
                await host.drained()
                return nil
            }
        case .end(let refuse):
            if ending == nil {
                ending = refuse.map { isHearing && !isOwnVerdict($0) ? .refused($0) : .failed($0) } ?? .clean
            }
            link?.finish()
        }
    }

    /// While a message is being heard, the session ends either because the message says so or because it
    /// breaks a rule.
    private func isOwnVerdict(_ refuse: Refuse) -> Bool { saidLast == refuse }
    private var saidLast: Refuse?

    private func send(_ message: Message, compress: Bool) {
        guard let link else { return }
        if case .close(let refuse) = message { saidLast = refuse }
        // Whoever asks faster than it listens gets no answer.
        if case .ping(let ping) = message, ping.isReply, !link.isWritable { return }
        do throws(WireError) {
            guard case .batch(let batch) = message else {
                _ = try link.send(message, compress: compress)
                return
            }
            let lane: Lane = session.lane(of: batch.origin) ?? .routine
            let limit = session.isOpen ? Int.max : session.earlyRoom
            guard let bytes = try link.send(message, compress: compress, limit: limit) else {
                events.append(.batchWithheld(lane))
                return
            }
            link.note {
                $0.batchesUp += 1
                $0.versionsUp += UInt64(batch.count)
            }
            events.append(.batchWritten(lane, bytes: bytes))
            host.progress(link.statistics)
        } catch {
            events.append(.failed(Refuse(error.refusal, words: "a message became too large: \(error)")))
        }
    }

    // MARK: - The host

    private final class Failure: Sendable {
        let isThere = Mutex(false)
    }

    /// What versions take as columns shows when they stand in them: of too many, fewer are loaded.
    private static func load(
        _ origin: OriginID, after: UInt64, versions: Int, bytes: Int, _ host: any AgentSessionHost
    ) async throws -> VersionBatch? {
        var versions = versions
        while true {
            // Canonical bytes are more than what columns take.
            guard
                var batch = try await host.load(
                    origin, after: after, maximumVersions: versions, maximumBytes: Limits.framePayload / 2)
            else { return nil }
            guard let fewer = batch.encodeRows(into: bytes) else { return batch }
            versions = fewer
        }
    }

    private func ask(_ body: @escaping @Sendable () async throws -> AgentSession.Event?) {
        callsPending += 1
        if callsPending >= AgentDriver.callLimit { link?.pause(true) }
        let me = NIOLoopBound(self, eventLoop: loop)
        calls?.add { [failure] in
            // A page of the feed that failed must not be passed over by the one behind it.
            if failure.isThere.withLock({ $0 }) { return { me.value.answered(nil) } }
            do {
                let event = try await body()
                return { me.value.answered(event) }
            } catch {
                failure.isThere.withLock { $0 = true }
                return { me.value.refused(error) }
            }
        }
    }

    private func answered(_ event: AgentSession.Event?) {
        callsPending -= 1
        if let event { handle(event) }
        if case .receiptsStored? = event, let link { host.progress(link.statistics) }
        if callsPending < AgentDriver.callLimit { link?.pause(false) }
    }

    private func refused(_ error: any Error) {
        callsPending -= 1
        if let refuse = error as? Refuse {
            handle(.failed(refuse))
        } else {
            hostError = hostError ?? error
            handle(.failed(Refuse(.shuttingDown, words: "the branch's store cannot go on")))
        }
    }

    /// The link is closed and every call to the host has ended.
    private func finished() {
        if let hostError { return promise.fail(hostError) }
        promise.succeed(
            AgentConnectionResult(
                ending: ending ?? .clean, isWelcomed: isWelcomed, isDrained: isDrained,
                statistics: statistics))
    }
}
