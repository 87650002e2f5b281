import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import SyncCore
import Testing

@testable import SyncTransport
@testable import SyncWire

/// One end of a connection that says whatever bytes it is told to, and hears what comes back. After the
/// handshake nothing has been said yet.
final class RawPeer: @unchecked Sendable {
    /// Nobody is listened to for longer, seconds.
    static let patience = TimeAmount.seconds(40)

    private let channel: any Channel
    private var pieces: AsyncStream<[UInt8]>.Iterator
    private var preamble: PreambleReader? = PreambleReader()
    private var reader = FrameReader()
    private var writer = FrameWriter()
    /// The other side's preamble, once it is through.
    private(set) var heardPreamble = false

    private init(_ channel: any Channel, _ pieces: AsyncStream<[UInt8]>) {
        self.channel = channel
        self.pieces = pieces.makeAsyncIterator()
    }

    static func open(port: UInt16, key: DeviceKey, pinned hub: Digest) async throws -> RawPeer {
        try await open(port: port, try SecureLink.client(key: key), pinned: hub)
    }

    /// Without a certificate of its own.
    static func openWithoutKey(port: UInt16, pinned hub: Digest) async throws -> RawPeer {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv13
        configuration.certificateVerification = .noHostnameVerification
        configuration.trustRoots = .certificates([])
        configuration.applicationProtocols = [SecureLink.applicationProtocol]
        let security = SecureLink(context: try NIOSSLContext(configuration: configuration))
        return try await open(port: port, security, pinned: hub)
    }

    private static func open(
        port: UInt16, _ security: SecureLink, pinned hub: Digest
    ) async throws -> RawPeer {
        let (stream, continuation) = AsyncStream.makeStream(of: [UInt8].self)
        let group = MultiThreadedEventLoopGroup.singleton
        let loop = group.next()
        let ready = loop.makePromise(of: Void.self)
        let bootstrap = ClientBootstrap(group: loop).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                let operations = channel.pipeline.syncOperations
                try operations.addHandler(
                    try security.clientHandler(pinned: .key(hub), peer: SecureLink.Peer()))
                try operations.addHandler(RawEar(continuation, ready))
            }
        }
        do {
            let channel = try await bootstrap.connect(host: "127.0.0.1", port: Int(port)).get()
            try await ready.futureResult.get()
            loop.scheduleTask(in: patience) { channel.close(promise: nil) }
            return RawPeer(channel, stream)
        } catch {
            ready.fail(error)
            throw error
        }
    }

    /// For the side that was called; see ``FalseHub``.
    static func called(
        on channel: any Channel, _ pieces: AsyncStream<[UInt8]>
    ) -> RawPeer {
        channel.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
        return RawPeer(channel, pieces)
    }

    // MARK: - Saying

    /// What is said to somebody who has gone is lost, as with any network.
    func say(_ bytes: [UInt8]) async {
        try? await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    func say(_ message: Message, compress: Bool = false) async throws {
        await say(try frame(message, compress: compress))
    }

    /// A frame as it should be; compressed ones in the order made.
    func frame(_ message: Message, compress: Bool = false) throws -> [UInt8] {
        try writer.frame(message, compress: compress)
    }

    /// A frame of any type and payload.
    func frame(type: UInt8, isCritical: Bool, payload: [UInt8], compress: Bool) throws -> [UInt8] {
        try writer.frame(type: type, isCritical: isCritical, payload: payload, compress: compress)
    }

    func close() { channel.close(promise: nil) }

    /// Takes nothing more of what comes.
    func stopReading() async throws { try await channel.setOption(.autoRead, value: false).get() }

    // MARK: - Hearing

    /// The dictionary goes by what Hello lists; Welcome says it again.
    private func agree(_ message: Message) {
        switch message {
        case .hello(let hello):
            reader.dictionary = PresetDictionary.bytes(hello.agreedDictionary)
            writer.dictionary = reader.dictionary
        case .welcome(let welcome):
            reader.dictionary = PresetDictionary.bytes(welcome.dictionary)
            writer.dictionary = reader.dictionary
        default: break
        }
    }

    /// The next message; nil once the other side has hung up.
    func hear() async throws -> Message? {
        while true {
            if preamble == nil, let message = try reader.next()?.message {
                agree(message)
                return message
            }
            guard let piece = await pieces.next() else { return nil }
            guard let agreed = try preamble?.append(piece) else {
                if preamble == nil { reader.append(piece) }
                continue
            }
            preamble = nil
            heardPreamble = true
            reader.append(agreed.rest)
        }
    }

    /// The next message that `wanted` takes; others, such as Mark and Feed, are passed over.
    func hear<Found>(_ wanted: (Message) -> Found?) async throws -> Found? {
        while let message = try await hear() {
            if let found = wanted(message) { return found }
        }
        return nil
    }

    /// The last words, once the other side has hung up or said them.
    func farewell() async throws -> Refuse? {
        defer { close() }
        return try await hear { message in
            switch message {
            case .close(let refuse), .refuse(let refuse): refuse
            default: nil
            }
        }
    }
}

/// Hands on what arrives.
final class RawEar: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let pieces: AsyncStream<[UInt8]>.Continuation
    private let ready: EventLoopPromise<Void>

    init(_ pieces: AsyncStream<[UInt8]>.Continuation, _ ready: EventLoopPromise<Void>) {
        self.pieces = pieces
        self.ready = ready
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted? = event as? TLSUserEvent { ready.succeed() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        pieces.yield(Array(buffer: unwrapInboundIn(data)))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) {
        struct Gone: Error {}
        ready.fail(Gone())
        pieces.finish()
    }
}
