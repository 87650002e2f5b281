public import NIOCore
import NIOPosix
import NIOSSL
public import SyncCore

/// Accepts agents.
public final class HubListener: Sendable {
    /// Where it listens; the port is the real one also when 0 was asked for.
    public let address: HostPort
    private let channel: any Channel
    private let register: ConnectionRegister

    private init(address: HostPort, channel: any Channel, register: ConnectionRegister) {
        self.address = address
        self.channel = channel
        self.register = register
    }

    /// Number of connections now.
    public var connections: Int { register.count }

    /// - Parameter keys: all that the hub has had.
    /// - Throws: ``TransportError/unreachable(_:)`` when the address cannot be had; it says why.
    public static func start(
        at address: HostPort, key: DeviceKey, keys: HubKeyring? = nil, service: any HubService,
        limits: HubLimits = HubLimits(), group: any EventLoopGroup, debugging: LinkDebugging = LinkDebugging()
    ) async throws -> HubListener {
        try await start(
            at: address, security: try SecureLink.server(key: key, keys: keys, keyLog: debugging.keyLog),
            service: service, limits: limits, group: group, debugging: debugging)
    }

    /// Without `security` in the clear: tests only.
    static func start(
        at address: HostPort, security: SecureLink?, service: any HubService, limits: HubLimits,
        group: any EventLoopGroup, debugging: LinkDebugging = LinkDebugging()
    ) async throws -> HubListener {
        let register = ConnectionRegister(limits: limits)
        let budget = FrameBudget(limits: limits)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Door(register))
                }
            }
            .serverChannelOption(.backlog, value: Int32(clamping: limits.backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(SocketTuning.unsentLimit, value: SocketTuning.unsentBytes)
            .childChannelOption(.writeBufferWaterMark, value: .init(low: 4_096, high: 16_384))
            .childChannelInitializer { channel in
                let address = channel.remoteAddress?.ipAddress ?? ""
                let turn = channel.eventLoop.makePromise(of: UInt64.self)
                register.admit(
                    from: address, now: Link.now(), drop: { drop(channel) },
                    enter: { turn.completeWith($0.map(Result.success) ?? .failure(NoRoom())) },
                    wait: { lookAtLine(register, channel.eventLoop) })
                return turn.futureResult.flatMapThrowing { number in
                    let peer = SecureLink.Peer()
                    let operations = channel.pipeline.syncOperations
                    if let security { try operations.addHandler(security.serverHandler(peer: peer)) }
                    let driver = HubDriver(
                        number: number, address: address, service: service,
                        register: register, budget: budget, limits: limits, loop: channel.eventLoop)
                    let link = Link(
                        side: .hub, isSecure: security != nil, peer: peer, driver: driver,
                        debugging: debugging)
                    driver.bind(link)
                    try operations.addHandler(link)
                }
            }
        do {
            let channel = try await bootstrap.bind(host: address.host, port: address.port).get()
            let port = channel.localAddress?.port ?? address.port
            return HubListener(
                address: HostPort(host: address.host, port: port), channel: channel, register: register)
        } catch {
            throw TransportError.unreachable(Dialer.describe(error))
        }
    }

    /// For as long as somebody waits in line: who is in front may have nothing to say.
    private static func lookAtLine(_ register: ConnectionRegister, _ loop: any EventLoop) {
        loop.scheduleTask(in: .milliseconds(Int64(ConnectionRegister.lookInterval))) {
            if register.letIn(now: Link.now()) { lookAtLine(register, loop) }
        }
    }

    /// Closes at once and without a word: a peer that says nothing would not answer TLS's farewell either.
    private static func drop(_ channel: any Channel) {
        channel.eventLoop.execute {
            let operations = channel.pipeline.syncOperations
            if let tls = try? operations.context(handlerType: NIOSSLServerHandler.self) {
                tls.close(promise: nil)
            } else {
                channel.close(promise: nil)
            }
        }
    }

    /// More connections than the hub takes on.
    private struct NoRoom: Error {}

    /// Accepts nobody any more, answers what is in work, says Close to all, and waits until they are gone;
    /// whoever stays longer than `limit` is left behind.
    public func shutdown(limit: TimeAmount = .seconds(5)) async {
        try? await channel.close().get()
        let gone = channel.eventLoop.makePromise(of: Void.self)
        register.whenEmpty { gone.succeed() }
        let timer = channel.eventLoop.scheduleTask(in: limit) { gone.succeed() }
        register.closeAll(Refuse(.shuttingDown, retryAfter: 2, words: "the hub is shutting down"))
        try? await gone.futureResult.get()
        timer.cancel()
    }
}

/// Accepts nobody while as many as may be wait to be judged.
private final class Door: ChannelOutboundHandler, Sendable {
    typealias OutboundIn = Never

    private let register: ConnectionRegister

    init(_ register: ConnectionRegister) { self.register = register }

    func read(context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let isCalm = register.isCalm { [loop = context.eventLoop] in
            loop.execute { self.read(context: bound.value) }
        }
        if isCalm { context.read() }
    }
}
