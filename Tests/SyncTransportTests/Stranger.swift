import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import SyncCore
import SyncWire

@testable import SyncTransport

/// Somebody who says arbitrary bytes to a hub and listens until the hub hangs up.
final class Stranger: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let words: [UInt8]
    /// To be said once the hub has said Welcome.
    private var more: [UInt8]
    private let leaves: Bool
    private let promise: EventLoopPromise<[UInt8]>
    private var heard: [UInt8] = []
    private let isSecure: Bool

    private init(
        _ words: [UInt8], andThen more: [UInt8], leaves: Bool, isSecure: Bool,
        promise: EventLoopPromise<[UInt8]>
    ) {
        self.words = words
        self.more = more
        self.leaves = leaves
        self.isSecure = isSecure
        self.promise = promise
    }

    /// - Parameters:
    ///   - more: said once the hub has said Welcome.
    ///   - leaves: hangs up as soon as everything is said.
    /// - Returns: what the hub said before it hung up.
    static func say(
        _ words: [UInt8], andThen more: [UInt8] = [], to address: HostPort, security: SecureLink?,
        pinned hub: HubPin,
        leaves: Bool = false, group: any EventLoopGroup
    ) async throws -> [UInt8] {
        let loop = group.next()
        let promise = loop.makePromise(of: [UInt8].self)
        let bootstrap = ClientBootstrap(group: loop).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let operations = channel.pipeline.syncOperations
                if let security {
                    try operations.addHandler(
                        try security.clientHandler(pinned: hub, peer: SecureLink.Peer()))
                }
                try operations.addHandler(
                    Stranger(
                        words, andThen: more, leaves: leaves, isSecure: security != nil, promise: promise))
            }
        }
        do {
            _ = try await bootstrap.connect(host: address.host, port: address.port).get()
        } catch {
            promise.fail(error)
        }
        return try await promise.futureResult.get()
    }

    /// What the hub said behind its preamble.
    private static func messages(in heard: [UInt8]) throws -> [Message] {
        var preamble = PreambleReader()
        guard let agreed = try preamble.append(heard) else { return [] }
        var reader = FrameReader()
        reader.append(agreed.rest)
        var messages: [Message] = []
        while let message = try reader.next()?.message { messages.append(message) }
        return messages
    }

    /// What the hub said in the end.
    static func farewell(in heard: [UInt8]) throws -> Refuse? {
        var last: Refuse?
        for message in try messages(in: heard) {
            if case .close(let refuse) = message { last = refuse }
            if case .refuse(let refuse) = message { last = refuse }
        }
        return last
    }

    func channelActive(context: ChannelHandlerContext) {
        if !isSecure { speak(context) }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent { speak(context) }
        context.fireUserInboundEventTriggered(event)
    }

    private func speak(_ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: words)), promise: nil)
        if leaves { context.close(promise: nil) }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        heard += Array(buffer: unwrapInboundIn(data))
        let isWelcome = (try? Stranger.messages(in: heard))?.contains { message in
            if case .welcome = message { true } else { false }
        }
        if isWelcome == true, !more.isEmpty {
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: more)), promise: nil)
            more = []
        }
        // Whoever has been told goes; the hub need not wait.
        if (try? Stranger.farewell(in: heard)) ?? nil != nil { context.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    func channelInactive(context: ChannelHandlerContext) { promise.succeed(heard) }
}
