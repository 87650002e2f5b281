public import NIOCore
public import SyncCore
import SyncWire

/// Compares a branch's store with its hub over a connection of its own, beside whatever session the branch
/// has.
public enum ReconcileConnection {
    /// What was found, and what it took.
    public struct Outcome: Sendable {
        public var findings: TallyFindings
        /// The hub's tallies by form and 32 days.
        public var overview: [TallyGroup]
        /// The hub's arrival log when it last answered.
        public var position: UInt64
        public var today: Int32?
        public var questions: Int
        public var statistics: LinkStatistics

        public init(
            findings: TallyFindings, overview: [TallyGroup], position: UInt64, today: Int32?, questions: Int,
            statistics: LinkStatistics
        ) {
            self.findings = findings
            self.overview = overview
            self.position = position
            self.today = today
            self.questions = questions
            self.statistics = statistics
        }
    }

    /// Connects, compares, and hangs up.
    ///
    /// - Parameters:
    ///   - hub: whoever has another key is not talked to.
    ///   - look: makes the listing of this end's records, off the event loop.
    /// - Throws: `Refuse` when either side ends it before it is done, ``TransportError``, what `look` throws.
    public static func run(
        address: String, port: Int, pinned hub: HubPin, key: DeviceKey, hello: Hello, limit: Int,
        group: any EventLoopGroup,
        look: @escaping @Sendable (Welcome) async throws -> (TallyListing, Reconciler.Moment)
    ) async throws -> Outcome {
        let security = try SecureLink.client(key: key)
        return try await run(
            address: address, port: port, pinned: hub, security: security, hello: hello, limit: limit,
            group: group, look: look)
    }

    /// Without `security` in the clear: tests only.
    static func run(
        address: String, port: Int, pinned hub: HubPin, security: SecureLink?, hello: Hello, limit: Int,
        group: any EventLoopGroup,
        look: @escaping @Sendable (Welcome) async throws -> (TallyListing, Reconciler.Moment)
    ) async throws -> Outcome {
        let loop = group.next()
        let promise = loop.makePromise(of: Outcome.self)
        try await Dialer.connect(
            address: address, port: port, pinned: hub, security: security, loop: loop,
            abandoned: { promise.fail($0) },
            driver: {
                ReconcileDriver(
                    session: ReconcileSession(limit: limit), hello: hello, look: look, loop: loop,
                    promise: promise)
            },
            bound: { driver, link in driver.bind(link) })
        return try await promise.futureResult.get()
    }
}

/// Drives a comparing session over a link. Lives on the link's event loop.
final class ReconcileDriver: LinkDriver {
    typealias Look = @Sendable (Welcome) async throws -> (TallyListing, Reconciler.Moment)

    private let hello: Hello
    private let look: Look
    private let loop: any EventLoop
    private let promise: EventLoopPromise<ReconcileConnection.Outcome>
    private var session: ReconcileSession
    private var link: Link?
    private var result: Result<Void, any Error>?

    init(
        session: ReconcileSession, hello: Hello, look: @escaping Look, loop: any EventLoop,
        promise: EventLoopPromise<ReconcileConnection.Outcome>
    ) {
        self.session = session
        self.hello = hello
        self.look = look
        self.loop = loop
        self.promise = promise
    }

    func bind(_ link: Link) { self.link = link }

    func linkOpened() { handle(.opened(hello)) }

    func linkReceived(_ message: Message, wireBytes: Int) {
        if case .welcome(let welcome) = message { link?.acceptInStream(dictionary: welcome.dictionary) }
        handle(.received(message))
    }

    func linkIsWritable(_ flag: Bool) {}
    func linkTicked() { handle(.tick) }

    func linkFailed(_ refuse: Refuse) {
        finish(.failure(refuse))
        _ = try? link?.send(.close(refuse), compress: false)
        link?.finish()
    }

    func linkClosed(_ error: TransportError?) {
        let statistics = link?.statistics ?? LinkStatistics()
        link = nil
        finish(.failure(error ?? .cut("the hub hung up")))
        promise.completeWith(
            (result ?? .success(())).map {
                ReconcileConnection.Outcome(
                    findings: session.reconciler?.findings() ?? TallyFindings(),
                    overview: session.reconciler?.overview ?? [],
                    position: session.reconciler?.position ?? 0, today: session.reconciler?.today,
                    questions: session.questions, statistics: statistics)
            })
    }

    /// The first word counts.
    private func finish(_ result: Result<Void, any Error>) {
        if self.result == nil { self.result = result }
    }

    private func handle(_ event: ReconcileSession.Event) {
        for action in session.handle(event, now: Link.now()) { perform(action) }
        link?.flush()
        link?.wake(at: session.deadline)
    }

    private func perform(_ action: ReconcileSession.Action) {
        switch action {
        case .send(let message, let compress):
            do throws(WireError) {
                _ = try link?.send(message, compress: compress)
            } catch {
                finish(.failure(Refuse(error.refusal, words: "a message became too large: \(error)")))
                link?.finish()
            }
        case .look(let welcome):
            let me = NIOLoopBound(self, eventLoop: loop)
            Task { [look, loop] in
                do {
                    let (listing, moment) = try await look(welcome)
                    loop.execute { me.value.handle(.looked(listing, moment)) }
                } catch {
                    loop.execute { me.value.failed(error) }
                }
            }
        case .end(let refuse):
            finish(refuse.map { .failure($0) } ?? .success(()))
            link?.finish()
        }
    }

    private func failed(_ error: any Error) {
        finish(.failure(error))
        handle(
            .failed(
                error as? Refuse ?? Refuse(.shuttingDown, words: "the branch's store cannot be read")))
    }
}
