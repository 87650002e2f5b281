import Glibc
public import NIOCore
import NIOPosix
import NIOSSL
public import SyncCore

/// One connection of an agent to its hub.
public enum AgentConnection {
    /// Connects, runs the session to its end, and returns once the store has been told everything.
    ///
    /// - Parameters:
    ///   - hub: whoever has another key is not talked to.
    ///   - handle: the way into the running session.
    /// - Throws: ``TransportError`` when no session came about; what the host threw, unless it is a `Refuse`.
    public static func run(
        address: String, port: Int, pinned hub: HubPin, key: DeviceKey, session: AgentSession,
        host: any AgentSessionHost, group: any EventLoopGroup,
        handle: AgentSessionHandle = AgentSessionHandle(), debugging: LinkDebugging = LinkDebugging()
    ) async throws -> AgentConnectionResult {
        let security = try SecureLink.client(key: key, keyLog: debugging.keyLog)
        return try await run(
            address: address, port: port, pinned: hub, security: security, session: session, host: host,
            group: group, handle: handle, debugging: debugging)
    }

    /// Without `security` in the clear: tests only.
    static func run(
        address: String, port: Int, pinned hub: HubPin, security: SecureLink?, session: AgentSession,
        host: any AgentSessionHost, group: any EventLoopGroup, handle: AgentSessionHandle,
        debugging: LinkDebugging = LinkDebugging()
    ) async throws -> AgentConnectionResult {
        let loop = group.next()
        let promise = loop.makePromise(of: AgentConnectionResult.self)
        try await Dialer.connect(
            address: address, port: port, pinned: hub, security: security, loop: loop,
            debugging: debugging,
            abandoned: { promise.fail($0) },
            driver: { AgentDriver(session: session, host: host, loop: loop, promise: promise) },
            bound: { driver, link in driver.bind(link, handle: handle) })
        return try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            handle.close()
        }
    }
}

/// Joins a device to a hub.
public enum JoinConnection {
    public struct Answer: Sendable, Hashable {
        public var joined: Joined
        /// The hub's keys; the present one is what the confirmation number is made with.
        public var hubKeys: HubKeyring
    }

    /// Says Join and awaits the answer.
    ///
    /// - Throws: `Refuse` when the hub refuses, ``TransportError`` otherwise.
    public static func run(
        address: String, port: Int, pinned hub: HubPin, key: DeviceKey, join: Join,
        group: any EventLoopGroup
    ) async throws -> Answer {
        let security = try SecureLink.client(key: key)
        let loop = group.next()
        let promise = loop.makePromise(of: Answer.self)
        try await Dialer.connect(
            address: address, port: port, pinned: hub, security: security, loop: loop,
            abandoned: { promise.fail($0) },
            driver: { JoinDriver(join: join, promise: promise) },
            bound: { driver, link in driver.bind(link) })
        return try await promise.futureResult.get()
    }
}

/// Opens connections for both.
enum Dialer {
    static let connectLimit = TimeAmount.seconds(10)

    /// - Parameter abandoned: called when there will be no connection, before this throws.
    static func connect<Driver: LinkDriver>(
        address: String, port: Int, pinned hub: HubPin, security: SecureLink?, loop: any EventLoop,
        debugging: LinkDebugging = LinkDebugging(), abandoned: @escaping @Sendable (any Error) -> Void,
        driver: @escaping @Sendable () -> Driver, bound: @escaping @Sendable (Driver, Link) -> Void
    ) async throws {
        let peer = SecureLink.Peer()
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(connectLimit)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(SocketTuning.unsentLimit, value: SocketTuning.unsentBytes)
            .channelOption(.writeBufferWaterMark, value: .init(low: 4_096, high: 16_384))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let operations = channel.pipeline.syncOperations
                    if let security {
                        try operations.addHandler(try security.clientHandler(pinned: hub, peer: peer))
                    }
                    let driver = driver()
                    let link = Link(
                        side: .agent, isSecure: security != nil, peer: peer, driver: driver,
                        debugging: debugging)
                    bound(driver, link)
                    try operations.addHandler(link)
                }
            }
        do {
            _ = try await bootstrap.connect(host: address, port: port).get()
        } catch {
            let reason = TransportError.unreachable(describe(error))
            abandoned(reason)
            throw reason
        }
    }
}

extension Dialer {
    /// Whether the other side ended the handshake because of the key that it was shown.
    static func isKeyRefused(_ error: any Error) -> Bool {
        guard case NIOSSLError.handshakeFailed = error else { return false }
        let words = "\(error)"
        return ["CERTIFICATE_UNKNOWN", "BAD_CERTIFICATE", "UNKNOWN_CA"].contains {
            words.contains("ALERT_" + $0)
        }
    }

    /// Whether this side ended the handshake because the other has no key.
    static func isKeyMissing(_ error: any Error) -> Bool {
        guard case NIOSSLError.handshakeFailed = error else { return false }
        return "\(error)".contains("PEER_DID_NOT_RETURN_A_CERTIFICATE")
    }

    /// The system's own word for what went wrong, where there is one. Of the TLS library only what it comes
    /// to: its own words are long and name the places of its sources.
    static func describe(_ error: any Error) -> String {
        switch error {
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first { return describe(first.error) }
            if error.dnsAError != nil || error.dnsAAAAError != nil {
                return "the name \(error.host) is unknown"
            }
            return "no address"
        case NIOSSLError.handshakeFailed: return "the other side does not speak TLS 1.3, or not as a hub does"
        case NIOSSLError.uncleanShutdown: return "the other side hung up without a farewell"
        case is NIOSSLError, is BoringSSLError, is NIOSSLCloseTimedOutError, is NIOSSLExtraError:
            return "the secure connection failed"
        case ChannelError.connectTimeout: return "no answer within 10 seconds"
        default: return "\(error)"
        }
    }
}

/// Socket options that keep an alert from queueing behind megabytes in the kernel.
enum SocketTuning {
    static let unsentBytes: SocketOptionValue = 16_384
    /// TCP_NOTSENT_LOWAT.
    #if os(Linux)
        static let unsentLimit = ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: 25))
    #else
        static let unsentLimit = ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: 0x201))
    #endif
}

/// Says Join once the link is open, and hears the answer.
final class JoinDriver: LinkDriver {
    private let join: Join
    private let promise: EventLoopPromise<JoinConnection.Answer>
    private var link: Link?
    private var isAnswered = false

    init(join: Join, promise: EventLoopPromise<JoinConnection.Answer>) {
        self.join = join
        self.promise = promise
    }

    func bind(_ link: Link) { self.link = link }

    func linkOpened() {
        _ = try? link?.send(.join(join), compress: false)
        link?.flush()
        link?.wake(at: Link.now() + HubSession.greetingLimit * 2)
    }

    func linkReceived(_ message: Message, wireBytes: Int) {
        switch message {
        case .joined(let joined):
            answer(
                .success(
                    JoinConnection.Answer(
                        joined: joined, hubKeys: link?.hubKeys ?? HubKeyring(first: link?.peerKey ?? []))))
        case .refuse(let refuse), .close(let refuse): answer(.failure(refuse))
        case .unknown: return
        default: answer(.failure(Refuse(.wrongOrder, words: "the hub answers Join with something else")))
        }
        link?.finish()
    }

    func linkIsWritable(_ flag: Bool) {}

    func linkTicked() {
        answer(.failure(TransportError.cut("the hub does not answer")))
        link?.finish()
    }

    func linkFailed(_ refuse: Refuse) {
        answer(.failure(refuse))
        _ = try? link?.send(.close(refuse), compress: false)
        link?.finish()
    }

    func linkClosed(_ error: TransportError?) {
        link = nil
        answer(.failure(error ?? .cut("the hub hung up")))
    }

    private func answer(_ result: Result<JoinConnection.Answer, any Error>) {
        guard !isAnswered else { return }
        isAnswered = true
        promise.completeWith(result)
    }
}
