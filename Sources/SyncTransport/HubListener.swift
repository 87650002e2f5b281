public import NIOCore
import NIOPosix
import NIOSSL
public import SyncCore
import Synchronization

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
                guard let number = register.admit(from: address, drop: { drop(channel) }) else {
                    return channel.close()
                }
                return channel.eventLoop.makeCompletedFuture {
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

/// The connections of one listener: how many, which of them strangers, and how to close them.
final class ConnectionRegister: Sendable {
    private struct Entry {
        var drop: @Sendable () -> Void
        var close: (@Sendable (Refuse) -> Void)?
    }

    private struct State {
        var next: UInt64 = 0
        /// Ascending, so the oldest is first.
        var strangers: [(number: UInt64, address: String)] = []
        /// Those that have said who they are, and are judged.
        var judged: Set<UInt64> = []
        /// Called once there is room for more of them.
        var whenCalm: (@Sendable () -> Void)?
        var open: [UInt64: Entry] = [:]
        var whenEmpty: (@Sendable () -> Void)?

        /// Which stranger makes way for one more; nil when there is room.
        func strangerToGo(for address: String, _ limits: HubLimits) -> Int? {
            var counts: [String: Int] = [:]
            for stranger in strangers { counts[stranger.address, default: 0] += 1 }
            var crowded = address
            if counts[address, default: 0] < limits.strangersOfOne {
                guard strangers.count >= limits.strangers else { return nil }
                let most = counts.values.max()
                // Of addresses with as many each, the one that has been here longest.
                crowded = strangers.first { counts[$0.address] == most }?.address ?? address
            }
            return strangers.firstIndex { $0.address == crowded }
        }
    }

    private let limits: HubLimits
    private let state = Mutex(State())

    init(limits: HubLimits) { self.limits = limits }

    var count: Int { state.withLock { $0.open.count } }

    /// The new connection's number; nil when there are too many. A stranger too many takes the place of the
    /// oldest one of its address, or of the address that has most, so that nobody keeps others out by saying
    /// nothing.
    ///
    /// - Parameter drop: closes the new connection without a word.
    func admit(from address: String, drop: @escaping @Sendable () -> Void) -> UInt64? {
        let (number, oldest) = state.withLock { state -> (UInt64?, Entry?) in
            guard state.open.count < limits.connections, limits.strangers > 0 else { return (nil, nil) }
            var oldest: Entry?
            if let index = state.strangerToGo(for: address, limits) {
                oldest = state.open[state.strangers.remove(at: index).number]
            }
            state.next += 1
            state.strangers.append((state.next, address))
            state.open[state.next] = Entry(drop: drop)
            return (state.next, oldest)
        }
        oldest?.drop()
        return number
    }

    func add(_ number: UInt64, close: @escaping @Sendable (Refuse) -> Void) {
        state.withLock { $0.open[number]?.close = close }
    }

    /// It has said who it is: from now on it waits for the hub, and nobody takes its place.
    func greeted(_ number: UInt64) {
        state.withLock { state in
            state.strangers.removeAll { $0.number == number }
            if state.open[number] != nil { state.judged.insert(number) }
        }
    }

    /// Whatever the judgement was: a connection that only compares, or hands over what it has, waits no more.
    func judged(_ number: UInt64) {
        let whenCalm = state.withLock { calm(&$0, without: number) }
        whenCalm?()
    }

    func welcomed(_ number: UInt64) {
        let whenCalm = state.withLock { state in
            state.strangers.removeAll { $0.number == number }
            return calm(&state, without: number)
        }
        whenCalm?()
    }

    func remove(_ number: UInt64) {
        let (whenEmpty, whenCalm) = state.withLock {
            state -> ((@Sendable () -> Void)?, (@Sendable () -> Void)?) in
            guard state.open.removeValue(forKey: number) != nil else { return (nil, nil) }
            state.strangers.removeAll { $0.number == number }
            return (state.open.isEmpty ? state.whenEmpty : nil, calm(&state, without: number))
        }
        whenCalm?()
        whenEmpty?()
    }

    private func calm(_ state: inout State, without number: UInt64) -> (@Sendable () -> Void)? {
        guard state.judged.remove(number) != nil, state.judged.count < limits.judging else { return nil }
        defer { state.whenCalm = nil }
        return state.whenCalm
    }

    /// - Parameter body: called once fewer wait to be judged, unless this returns true at once.
    func isCalm(orElse body: @escaping @Sendable () -> Void) -> Bool {
        state.withLock { state in
            let isCalm = state.judged.count < limits.judging
            state.whenCalm = isCalm ? nil : body
            return isCalm
        }
    }

    func closeAll(_ refuse: Refuse) {
        let all = state.withLock { state in state.open.sorted { $0.key < $1.key }.compactMap(\.value.close) }
        for close in all { close(refuse) }
    }

    func whenEmpty(_ body: @escaping @Sendable () -> Void) {
        let isEmpty = state.withLock { state in
            state.whenEmpty = body
            return state.open.isEmpty
        }
        if isEmpty { body() }
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
