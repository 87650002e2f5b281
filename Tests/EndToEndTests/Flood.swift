import NIOCore
import NIOPosix
import SyncCore
import Synchronization

@testable import SyncTransport
@testable import SyncWire

/// Many connections that never say who they are, or take their time about it.
final class Flood: Sendable {
    enum Kind: Sendable {
        /// Not even a handshake.
        case silent
        /// Handshake and preamble, and then nothing.
        case greeted
        /// All that, and then a byte a second of something long.
        case slow
    }

    private struct State {
        var open: [ObjectIdentifier: any Channel] = [:]
        var made = 0
        var dropped = 0
        var isOver = false
    }

    private let state = Mutex(State())
    private let port: Int
    private let fingerprint: Digest
    private let security: SecureLink
    /// Seconds after which a connection that was dropped is made again; nil: never.
    private let again: Int64?

    init(port: UInt16, hub fingerprint: Digest, again: Int64?) throws {
        self.port = Int(port)
        self.fingerprint = fingerprint
        self.again = again
        security = try SecureLink.client(key: .generate())
    }

    var made: Int { state.withLock { $0.made } }
    var open: Int { state.withLock { $0.open.count } }
    var dropped: Int { state.withLock { $0.dropped } }

    func start(_ count: Int, _ kind: Kind) {
        for _ in 0..<count { connect(kind, on: MultiThreadedEventLoopGroup.singleton.next()) }
    }

    /// Hangs up everywhere.
    func end() {
        let channels = state.withLock { state in
            state.isOver = true
            return Array(state.open.values)
        }
        for channel in channels { channel.close(promise: nil) }
    }

    private func connect(_ kind: Kind, on loop: any EventLoop) {
        let security = self.security
        let fingerprint = self.fingerprint
        let connecting = ClientBootstrap(group: loop).channelInitializer { channel in
            channel.eventLoop.makeCompletedFuture {
                guard kind != .silent else { return }
                let handler = try security.clientHandler(pinned: .key(fingerprint), peer: SecureLink.Peer())
                try channel.pipeline.syncOperations.addHandler(handler)
            }
        }.connect(host: "127.0.0.1", port: port)
        connecting.whenFailure { [self] _ in gone(nil, kind, on: loop) }
        connecting.whenSuccess { [self] channel in
            let isOver = state.withLock { state in
                state.made += 1
                state.open[ObjectIdentifier(channel)] = channel
                return state.isOver
            }
            channel.closeFuture.whenComplete { [self] _ in gone(ObjectIdentifier(channel), kind, on: loop) }
            if isOver { return channel.close(promise: nil) }
            if kind != .silent { channel.writeAndFlush(ByteBuffer(bytes: Preamble.bytes()), promise: nil) }
            if kind == .slow { drip(channel, [UInt8](Flood.hello)[...]) }
        }
    }

    /// The beginning of a greeting that goes on for long.
    private static let hello =
        FrameHeader(
            type: MessageType.hello, flags: FrameHeader.critical, payloadLength: 30_000,
            inflatedLength: 30_000, checksum: 7
        ).bytes + [UInt8](repeating: 1, count: 30_000)

    private func drip(_ channel: any Channel, _ rest: ArraySlice<UInt8>) {
        guard channel.isActive, let first = rest.first else { return }
        channel.writeAndFlush(ByteBuffer(bytes: [first]), promise: nil)
        channel.eventLoop.scheduleTask(in: .seconds(1)) { [self] in drip(channel, rest.dropFirst()) }
    }

    private func gone(_ name: ObjectIdentifier?, _ kind: Kind, on loop: any EventLoop) {
        let isOver = state.withLock { state in
            if let name { state.open[name] = nil }
            if !state.isOver { state.dropped += 1 }
            return state.isOver
        }
        guard !isOver, let again else { return }
        loop.scheduleTask(in: .seconds(again)) { [self] in
            if !state.withLock({ $0.isOver }) { connect(kind, on: loop) }
        }
    }
}
