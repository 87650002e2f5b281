import NIOCore
import NIOSSL
import NIOTLS
import SyncCore
import SyncWire

/// What a link tells the one that drives a session over it. Every call comes on the link's event loop.
protocol LinkDriver: AnyObject {
    /// What is said now is heard. An agent does not wait for the hub's preamble: what it says first is the
    /// same in all versions.
    func linkOpened()
    func linkReceived(_ message: Message, wireBytes: Int)
    /// Whether a frame that is there as a whole may be looked at now; with false the link is paused.
    func linkMayDecode() -> Bool
    /// So many bytes of a frame are there whose rest has not come; 0 for none.
    func linkHolds(_ bytes: Int) -> Refuse?
    /// A frame is about to be decoded: with a refusal it is not, and the link fails with that.
    func linkWillDecode(checksum: UInt32, length: UInt32) -> Refuse?
    /// Follows each `linkWillDecode` without a refusal; nil when the frame could not be decoded.
    func linkDecoded(_ message: Message?)
    func linkIsWritable(_ flag: Bool)
    /// The moment asked for with `wake(at:)` has come.
    func linkTicked()
    /// The other side broke the rules; it has not been told yet.
    func linkFailed(_ refuse: Refuse)
    /// Called once, last. `error` says what is known about the reason.
    func linkClosed(_ error: TransportError?)
}

extension LinkDriver {
    func linkMayDecode() -> Bool { true }
    func linkHolds(_ bytes: Int) -> Refuse? { nil }
    func linkWillDecode(checksum: UInt32, length: UInt32) -> Refuse? { nil }
    func linkDecoded(_ message: Message?) {}
}

/// Bytes and frames of one connection, before TLS.
public struct LinkStatistics: Sendable, Hashable {
    public var bytesUp: UInt64 = 0
    public var bytesDown: UInt64 = 0
    public var batchesUp: UInt64 = 0
    public var versionsUp: UInt64 = 0
    public var versionsDown: UInt64 = 0

    public init() {}
}

/// Preamble, frames, pauses and timers of one connection. Lives on its channel's event loop and nowhere else.
final class Link: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Side: Sendable { case agent, hub }

    private enum State { case handshaking, preamble, open, finishing, closed }

    static let handshakeLimit = TimeAmount.seconds(20)
    static let preambleLimit = TimeAmount.seconds(10)
    /// How long a hub's preamble waits for what goes with it.
    static let preambleHold = TimeAmount.milliseconds(50)
    /// How long a side that has said Close waits for the other one to go, so that the words arrive.
    static let lingerLimit = TimeAmount.seconds(2)
    /// What a hub knows of whoever looked for another hub.
    static let keyRefused = "the other side wants another key than this hub's"
    /// What it knows of whoever has no key.
    static let keyMissing = "the other side showed no key"
    /// Deflate contexts are dropped when nothing was sent for so long, milliseconds.
    static let idleLimit: UInt64 = 60_000

    private let side: Side
    private let isSecure: Bool
    private let peer: SecureLink.Peer
    private var driver: (any LinkDriver)?
    private var context: ChannelHandlerContext?
    private var state = State.handshaking
    private var preamble = PreambleReader()
    private var reader = FrameReader()
    private var writer: FrameWriter
    /// Frames that go out with the next flush, in as few pieces as may be.
    private var unflushed = ByteBuffer()
    private var isPaused = false
    private var isDraining = false
    private var sentAt: UInt64 = 0
    private var error: TransportError?
    private var timer: (deadline: UInt64, task: Scheduled<Void>)?
    private var patience: Scheduled<Void>?
    private(set) var statistics = LinkStatistics()
    /// Nil unless somebody looks for a fault.
    private let tap: LinkTap?

    init(
        side: Side, isSecure: Bool, peer: SecureLink.Peer, driver: any LinkDriver,
        debugging: LinkDebugging = LinkDebugging()
    ) {
        tap = debugging.tap.map { LinkTap($0) }
        self.side = side
        self.isSecure = isSecure
        self.peer = peer
        self.driver = driver
        writer = FrameWriter(isDownward: side == .hub)
        reader.acceptsInStream = false
    }

    static func now() -> UInt64 { NIODeadline.now().uptimeNanoseconds / 1_000_000 }

    /// Bytes that a frame's payload may have at most.
    var frameLimit: Int {
        get { reader.frameLimit }
        set { reader.frameLimit = newValue }
    }

    /// From now on frames may be in-stream: Welcome was heard, or Hello was judged.
    ///
    /// - Parameter dictionary: that of the streams that start from now on.
    func acceptInStream(dictionary: UInt32) {
        reader.acceptsInStream = true
        reader.dictionary = PresetDictionary.bytes(dictionary)
        if side == .hub { writer.dictionary = PresetDictionary.bytes(dictionary) }
    }

    /// The other side's key (X9.63).
    var peerKey: [UInt8]? { peer.publicKey }
    /// The hub's keys, as far as it may show them.
    var hubKeys: HubKeyring? { peer.hubKeys }
    /// As both preambles agreed; 0 before.
    private(set) var version: UInt16 = 0
    var isWritable: Bool { context?.channel.isWritable ?? false }

    // MARK: - The channel's events

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        if context.channel.isActive { start(context) }
    }

    func channelActive(context: ChannelHandlerContext) {
        start(context)
        context.fireChannelActive()
    }

    private func start(_ context: ChannelHandlerContext) {
        guard patience == nil, state == .handshaking else { return }
        wait(Link.handshakeLimit, .tls("the handshake took too long"))
        if !isSecure { greet() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted(let negotiated)? = event as? TLSUserEvent {
            if negotiated == SecureLink.applicationProtocol {
                greet()
            } else {
                shut(.tls("the other side does not speak Rollcall"))
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        guard state == .preamble || state == .open else { return }
        statistics.bytesDown += UInt64(buffer.readableBytes)
        tap?.passed(buffer, fromAgent: side == .hub)
        if state == .preamble { readPreamble(&buffer) }
        guard state == .open, buffer.readableBytes > 0 else { return }
        buffer.withUnsafeReadableBytes { reader.append($0) }
        drain()
        guard state == .open, !isPaused, let refuse = driver?.linkHolds(reader.begun) else { return }
        driver?.linkFailed(refuse)
    }

    /// Bytes of a frame whose rest has not come.
    var bytesBegun: Int { state == .open ? reader.begun : 0 }

    /// Bytes that were written and wait for the other side to take them.
    var bytesUnsent: Int {
        let options = context?.channel.syncOptions
        return (try? options?.getOption(.bufferedWritableBytes)) ?? 0
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if state == .open { driver?.linkIsWritable(context.channel.isWritable) }
        context.fireChannelWritabilityChanged()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if self.error == nil {
            switch (state, error) {
            case (.handshaking, _) where side == .hub && Dialer.isKeyRefused(error):
                self.error = .tls(Link.keyRefused)
            case (.handshaking, _) where side == .hub && Dialer.isKeyMissing(error):
                self.error = .tls(Link.keyMissing)
            case (.handshaking, _): self.error = peer.defect ?? .tls(Dialer.describe(error))
            default: self.error = .cut(Dialer.describe(error))
            }
        }
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        if state == .handshaking, error == nil {
            error = peer.defect ?? .tls("the other side hung up during the handshake")
        }
        gone()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { gone() }

    private func gone() {
        guard state != .closed else { return }
        state = .closed
        timer?.task.cancel()
        patience?.cancel()
        timer = nil
        patience = nil
        context = nil
        let driver = self.driver
        self.driver = nil
        if let tap { tap.tap.closed(tap.connection, words: error.map { "\($0)" }) }
        driver?.linkClosed(error)
    }

    // MARK: - Preamble

    private func greet() {
        guard state == .handshaking, context != nil else { return }
        state = .preamble
        wait(Link.preambleLimit, .tls("the other side did not say that it speaks Rollcall"))
        let bytes = Preamble.bytes()
        statistics.bytesUp += UInt64(bytes.count)
        unflushed.writeBytes(bytes)
        tap?.passed(ByteBuffer(bytes: bytes), fromAgent: side == .agent)
        sentAt = Link.now()
        // An agent's Hello follows at once and goes in the same segment.
        if side == .agent {
            driver?.linkOpened()
        } else {
            // Nobody needs a hub's preamble before what it says next: most go out together.
            context?.eventLoop.assumeIsolated().scheduleTask(in: Link.preambleHold) { [weak self] in
                self?.flush()
            }
        }
    }

    /// Leaves in `buffer` what belongs to the frames.
    private func readPreamble(_ buffer: inout ByteBuffer) {
        do throws(WireError) {
            guard let agreed = try preamble.append(buffer.readBytes(length: buffer.readableBytes) ?? [])
            else { return }
            buffer = ByteBuffer(bytes: agreed.rest)
            version = agreed.version
        } catch {
            buffer.clear()
            let words: String
            switch error.code {
            case .tooOld: words = "the other side is too old for this program; update it"
            case .tooNew: words = "the other side is too new for this program; update this one"
            default: words = "the other side does not speak Rollcall"
            }
            state = .open
            driver?.linkFailed(Refuse(error.refusal, words: words))
            return
        }
        patience?.cancel()
        patience = nil
        state = .open
        if side == .hub { driver?.linkOpened() }
    }

    // MARK: - Frames in

    /// Stops taking frames from what has arrived, and stops reading.
    func pause(_ flag: Bool) {
        guard flag != isPaused, state == .preamble || state == .open, let context else { return }
        isPaused = flag
        context.channel.setOption(.autoRead, value: !flag).whenFailure { _ in }
        if !flag { drain() }
    }

    private func drain() {
        guard !isDraining else { return }
        isDraining = true
        defer { isDraining = false }
        while state == .open, !isPaused {
            let pending = reader.pending
            if pending != nil, driver?.linkMayDecode() == false { return }
            if let pending,
                let refuse = driver?.linkWillDecode(
                    checksum: pending.checksum, length: pending.inflatedLength)
            {
                driver?.linkFailed(refuse)
                return
            }
            do throws(WireError) {
                guard let frame = try reader.next() else { return }
                driver?.linkDecoded(frame.message)
                driver?.linkReceived(frame.message, wireBytes: frame.wireBytes)
            } catch {
                if pending != nil { driver?.linkDecoded(nil) }
                driver?.linkFailed(Refuse(error.refusal, words: "\(error)"))
                return
            }
        }
    }

    // MARK: - Frames out

    /// Encodes a frame; it goes out with `flush`.
    ///
    /// - Parameter limit: a frame that may have more bytes is not sent.
    /// - Returns: bytes on the wire; nil when nothing was written.
    func send(_ message: Message, compress: Bool, limit: Int = .max) throws(WireError) -> Int? {
        guard state == .open || (state == .preamble && side == .agent), context != nil else { return nil }
        let now = Link.now()
        if now >= sentAt + Link.idleLimit { writer.dropContext() }
        // An agent names the dictionary in Hello, and begins with it.
        if case .hello(let hello) = message {
            writer.dictionary = PresetDictionary.bytes(hello.agreedDictionary)
        }
        // What was compressed has to be sent: whether it fits is asked before.
        guard limit == .max || MessageCodec.weight(message) <= limit else { return nil }
        let bytes = try writer.frame(message, compress: compress)
        sentAt = now
        statistics.bytesUp += UInt64(bytes.count)
        unflushed.writeBytes(bytes)
        tap?.passed(ByteBuffer(bytes: bytes), fromAgent: side == .agent)
        return bytes.count
    }

    func flush() {
        guard unflushed.readableBytes > 0, let context else { return }
        context.writeAndFlush(wrapOutboundOut(unflushed), promise: nil)
        unflushed = ByteBuffer()
    }

    func note(_ change: (inout LinkStatistics) -> Void) { change(&statistics) }

    // MARK: - Time and end

    /// Asks for one `linkTicked` at `deadline`, milliseconds of `now()`; takes the place of an earlier wish.
    func wake(at deadline: UInt64?) {
        guard let context, state == .open || state == .preamble, let deadline else {
            timer?.task.cancel()
            timer = nil
            return
        }
        if let timer, timer.deadline == deadline { return }
        // A deadline that moves on with every frame need not be scheduled anew: the earlier one looks again.
        if let timer, timer.deadline < deadline { return }
        timer?.task.cancel()
        let wait = Int64(clamping: deadline - min(deadline, Link.now())) + 1
        let task = context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(wait)) { [weak self] in
            guard let self else { return }
            self.timer = nil
            self.driver?.linkTicked()
        }
        timer = (deadline, task)
    }

    /// Sends what is written and closes. The hub waits a little for the other side to hang up first: closing
    /// on bytes that were not read would destroy the last words on their way.
    func finish() {
        guard state != .finishing, state != .closed, let context else { return }
        state = .finishing
        timer?.task.cancel()
        timer = nil
        isPaused = false
        if side == .hub { context.channel.setOption(.autoRead, value: true).whenFailure { _ in } }
        patience?.cancel()
        patience = context.eventLoop.assumeIsolated().scheduleTask(in: Link.lingerLimit) { [weak self] in
            self?.context?.close(promise: nil)
        }
        let written = context.eventLoop.makePromise(of: Void.self)
        context.writeAndFlush(wrapOutboundOut(unflushed), promise: written)
        unflushed = ByteBuffer()
        guard side == .agent || error != nil else { return }
        written.futureResult.assumeIsolated().whenComplete { [weak self] _ in
            self?.context?.close(promise: nil)
        }
    }

    /// Closes without a word: nothing has been agreed yet.
    func abandon() { context?.close(promise: nil) }

    private func wait(_ time: TimeAmount, _ error: TransportError) {
        patience?.cancel()
        patience = context?.eventLoop.assumeIsolated().scheduleTask(in: time) { [weak self] in
            self?.shut(error)
        }
    }

    private func shut(_ error: TransportError) {
        if self.error == nil { self.error = error }
        context?.close(promise: nil)
    }
}
