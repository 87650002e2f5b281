import NIOCore
import NIOPosix
import SyncCore
import Synchronization
import Testing

@testable import SyncTransport
@testable import SyncWire

/// Peers that break the rules are told why and shut out, and nobody else notices.
@Suite struct HostileTests {
    let group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    let hubKey = DeviceKey.generate()
    let local = HostPort(host: "127.0.0.1", port: 0)

    /// A hub, and a branch that stays connected and must not notice anything while `body` runs.
    private func besideAnHonestBranch(
        limits: HubLimits = HubLimits(), _ body: (HostPort) async throws -> Void
    ) async throws {
        let hub = FakeHub()
        let listener = try await HubListener.start(
            at: local, key: hubKey, service: hub, limits: limits, group: group)
        let branch = FakeBranch(routine: 30)
        let handle = AgentSessionHandle()
        async let running = AgentConnection.run(
            address: listener.address.host, port: listener.address.port, pinned: .key(hubKey.fingerprint),
            key: .generate(), session: AgentSession(goal: .stay), host: branch, group: group, handle: handle)
        while branch.receipted(.routine) < 30 { await Task.yield() }
        try await body(listener.address)
        while listener.connections > 1 { await Task.yield() }
        branch.state.withLock { $0.last[.routine] = 60 }
        handle.appended([.routine: 60])
        while branch.receipted(.routine) < 60 { await Task.yield() }
        handle.close()
        let result = try await running
        #expect(result.ending == .clean)
        #expect(hub.state.withLock { $0.journal[11] } == Array(1...60))
        await listener.shutdown()
        #expect(listener.connections == 0)
    }

    private func say(
        _ words: [UInt8], to address: HostPort, isSecure: Bool = true, leaves: Bool = false
    ) async throws -> [UInt8] {
        try await Stranger.say(
            words, to: address, security: isSecure ? try SecureLink.client(key: .generate()) : nil,
            pinned: .key(hubKey.fingerprint), leaves: leaves, group: group)
    }

    @Test func whoeverDoesNotSpeakTheProtocolIsToldSoInsideTLSOnly() async throws {
        try await besideAnHonestBranch { address in
            var generator = SystemRandomNumberGenerator()
            let noise = (0..<4_096).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let http = Array("GET / HTTP/1.1\r\nHost: hub\r\n\r\n".utf8)
            for words in [http, [0] + noise] {
                let inTheClear = try await say(words, to: address, isSecure: false)
                #expect(!inTheClear.starts(with: Preamble.magic))
                let secure = try await say(words, to: address)
                #expect(try Stranger.farewell(in: secure)?.code == .notRollcall)
            }
        }
    }

    @Test func aPeerThatIsTooNewIsToldSo() async throws {
        try await besideAnHonestBranch { address in
            let newer = Preamble.bytes(min: Preamble.highest + 1, max: Preamble.highest + 3)
            let heard = try await say(newer, to: address)
            #expect(try Stranger.farewell(in: heard)?.code == .tooNew)
            // Versions that go backwards are no preamble.
            let backwards = try await say(Preamble.bytes(min: 3, max: 2), to: address)
            #expect(try Stranger.farewell(in: backwards)?.code == .notRollcall)
        }
    }

    @Test func brokenFramesCloseWithACode() async throws {
        var writer = FrameWriter()
        let hello = try writer.frame(.hello(try await FakeBranch().opened().0), compress: false)
        let batch = try writer.frame(
            .batch(FakeBranch.batch(origin: 10, sequences: 1...5)), compress: false)
        var flipped = hello
        flipped[flipped.count - 1] ^= 1
        var wrongHeader = hello
        wrongHeader[1] ^= 1
        let tooLong = FrameHeader.tooLong
        var compressing = FrameWriter()
        let packed = try compressing.frame(.ping(Ping(isReply: false, token: 1)), compress: true)
        let cases: [(words: [UInt8], code: RefusalCode)] = [
            (flipped, .checksum), (wrongHeader, .checksum), (tooLong, .frameTooLong),
            (batch, .wrongOrder), (hello + hello, .wrongOrder),
            (packed, .wrongOrder), (hello + flipped, .checksum),
            (Array(repeating: 0xff, count: 64), .checksum),
        ]
        try await besideAnHonestBranch { address in
            for (index, item) in cases.enumerated() {
                let heard = try await say(Preamble.bytes() + item.words, to: address)
                #expect(try Stranger.farewell(in: heard)?.code == item.code, "case \(index)")
            }
        }
    }

    @Test func whoeverLeavesInTheMiddleOfAFrameLeavesNothingBehind() async throws {
        var writer = FrameWriter()
        let hello = try writer.frame(.hello(try await FakeBranch().opened().0), compress: false)
        let words = Preamble.bytes() + hello
        try await besideAnHonestBranch { address in
            for length in stride(from: 1, to: words.count, by: 13) {
                _ = try await say(Array(words.prefix(length)), to: address, leaves: true)
            }
        }
    }

    @Test func moreConnectionsThanAllowedAreTurnedAwayAtOnce() async throws {
        var limits = HubLimits()
        limits.connections = 1
        try await besideAnHonestBranch(limits: limits) { address in
            for _ in 0..<5 {
                let heard = try await say(Preamble.bytes(), to: address)
                #expect(heard.isEmpty)
            }
        }
    }

    @Test func aHubThatCompressesBeforeWelcomeIsLeft() async throws {
        var writer = FrameWriter()
        let ping = Message.ping(Ping(isReply: false, token: 1))
        let words = Preamble.bytes() + (try writer.frame(ping, compress: true))
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Announcer(words))
                }
            }
            .bind(host: local.host, port: 0).get()
        let result = try await AgentConnection.run(
            address: local.host, port: try #require(server.localAddress?.port),
            pinned: .key(hubKey.fingerprint),
            security: nil, session: AgentSession(goal: .drain), host: FakeBranch(routine: 1), group: group,
            handle: AgentSessionHandle())
        guard case .failed(let refuse) = result.ending else {
            Issue.record("ended with \(result.ending)")
            return
        }
        #expect(refuse.code == .wrongOrder)
        #expect(!result.isWelcomed)
        try await server.close().get()
    }

    /// However many send at once, what waits for the store is bounded, and nobody is left without room.
    @Test func connectionsShareWhatMayWait() {
        let limits = HubLimits()
        #expect(limits.share(among: 0) == limits.bytesWaiting)
        #expect(limits.share(among: 1) == limits.bytesWaiting)
        for count in [33, 100, 1_000] {
            let share = limits.share(among: count)
            #expect(share < limits.bytesWaiting && share * count <= limits.bytesWaitingInAll)
        }
        #expect(limits.share(among: 1_000_000) == HubLimits.leastBytesWaiting)
    }

    /// A store that stands still: of a crowd of devices that all send, no more is decoded than may lie in
    /// memory, and all of it is taken when the store goes on.
    @Test func whatWaitsForTheStoreIsBoundedInMemory() async throws {
        let versions: UInt64 = 40
        let whole = FakeBranch.batch(origin: 11, sequences: 1...versions).rows.footprint
        var limits = HubLimits()
        limits.bytesInWork = 2 * whole
        let hub = FakeHub()
        hub.state.withLock { $0.isHolding = true }
        let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let listener = try await HubListener.start(
            at: local, key: hubKey, service: hub, limits: limits, group: loop)
        let branches = (0..<12).map { FakeBranch(routine: versions, base: 10 + 2 * UInt64($0)) }
        let (pinned, group, address) = (hubKey.fingerprint, group, listener.address)
        let running = branches.map { branch in
            Task {
                try await AgentConnection.run(
                    address: address.host, port: address.port, pinned: .key(pinned), key: .generate(),
                    session: AgentSession(goal: .drain), host: branch, group: group)
            }
        }
        let limit = limits.bytesInWork
        while hub.state.withLock({ $0.open < branches.count || $0.inWork < limit }) { await Task.yield() }
        hub.release()
        for task in running { #expect(try await task.value.ending == .clean) }
        #expect(branches.allSatisfy { $0.receipted(.routine) == versions })
        // The last one that was decoded may have been a whole one.
        #expect(hub.state.withLock { $0.mostInWork } <= limit + 2 * whole)
        await listener.shutdown()
        try await loop.shutdownGracefully()
    }

    @Test func theBudgetOfFramesIsSharedAndGivenBack() {
        var limits = HubLimits()
        (limits.bytesInWork, limits.bytesBegun) = (100, 1_000)
        let budget = FrameBudget(limits: limits)
        let told = Mutex<[UInt64]>([])
        func mayDecode(_ number: UInt64) -> Bool {
            budget.mayDecode(number) { told.withLock { $0.append(number) } }
        }
        #expect(mayDecode(1))
        budget.take(99)
        #expect(mayDecode(2))
        budget.take(1)
        #expect(!mayDecode(1) && !mayDecode(2) && !mayDecode(3))
        budget.forget(2)
        budget.give(0)
        #expect(told.withLock { $0.isEmpty })
        budget.give(1)
        #expect(told.withLock { $0 } == [1, 3], "once, and nobody who is gone")
        budget.give(99)
        #expect(told.withLock { $0.count } == 2 && budget.bytesInWork == 0)
        #expect(budget.begun(1_000) && !budget.begun(1) && budget.begun(-1))
    }

    /// Devices that are let in, each with most of a frame: those beyond what is kept hear 120.
    @Test func framesThatDoNotComeToTheirEndAreBounded() async throws {
        var limits = HubLimits()
        limits.bytesBegun = 3 * FrameBudget.small
        let hub = FakeHub()
        let listener = try await HubListener.start(
            at: local, key: hubKey, service: hub, limits: limits, group: group)
        let hello = Hello(
            replica: .zero, origins: [], capabilities: [], dictionaries: [], clock: 1, sessionToken: .zero,
            feed: .beginning, urgent: Backlog(), routine: Backlog(), program: "test")
        var writer = FrameWriter()
        let greeting = Preamble.bytes() + (try writer.frame(.hello(hello), compress: false))
        let begun =
            FrameHeader(
                type: 99, flags: 0, payloadLength: 1 << 20, inflatedLength: 1 << 20, checksum: 0
            ).bytes + [UInt8](repeating: 0, count: 2 * FrameBudget.small)
        let told = Told()
        let (pinned, group, address) = (hubKey.fingerprint, group, listener.address)
        let tasks = (0..<4).map { _ in
            Task {
                let heard = try await Stranger.say(
                    greeting, andThen: begun, to: address,
                    security: try SecureLink.client(key: .generate()), pinned: .key(pinned), group: group)
                told.add(try Stranger.farewell(in: heard)?.code)
            }
        }
        while told.codes.count < 3 { await Task.yield() }
        #expect(told.codes == Array(repeating: .overloaded, count: 3))
        await listener.shutdown()
        for task in tasks { try await task.value }
        #expect(told.codes.last == .shuttingDown, "who came first keeps what it has")
    }

    /// Devices that are let in, begin a frame and never end it, be it one byte or all but one: they hear 108.
    @Test func whoDoesNotEndItsFrameIsDropped() async throws {
        var limits = HubLimits()
        limits.progressLimit = 1_000
        let listener = try await HubListener.start(
            at: local, key: hubKey, service: FakeHub(), limits: limits, group: group)
        let hello = Hello(
            replica: .zero, origins: [], capabilities: [], dictionaries: [], clock: 1, sessionToken: .zero,
            feed: .beginning, urgent: Backlog(), routine: Backlog(), program: "test")
        var writer = FrameWriter()
        let greeting = Preamble.bytes() + (try writer.frame(.hello(hello), compress: false))
        let frame = try writer.frame(.ping(Ping(isReply: true, token: 1)), compress: false)
        for bytes in [1, FrameHeader.size - 1, FrameHeader.size, frame.count - 1] {
            // Whole frames before it are no excuse.
            let heard = try await Stranger.say(
                greeting, andThen: frame + frame + frame.prefix(bytes), to: listener.address,
                security: try SecureLink.client(key: .generate()), pinned: .key(hubKey.fingerprint),
                group: group)
            let farewell = try Stranger.farewell(in: heard)
            #expect(farewell?.code == .silence && farewell?.words.contains("frame") == true)
        }
        await listener.shutdown()
    }

    /// A device that takes nothing of what it asks for is cut off; closing does not wait for it.
    @Test func whoTakesNothingIsCutOff() async throws {
        var limits = HubLimits()
        limits.progressLimit = 2_000
        let hub = FakeHub()
        let listener = try await HubListener.start(
            at: local, key: hubKey, service: hub, limits: limits, group: group)
        let hello = Hello(
            replica: .zero, origins: [], capabilities: [], dictionaries: [], clock: 1, sessionToken: .zero,
            feed: .beginning, urgent: Backlog(), routine: Backlog(), program: "test")
        var writer = FrameWriter()
        let words = Preamble.bytes() + (try writer.frame(.hello(hello), compress: false))
        let channel = try await ClientBootstrap(group: group).channelOption(
            .socketOption(.so_rcvbuf), value: 4_096
        )
        .channelInitializer { [hubKey] channel in
            channel.eventLoop.makeCompletedFuture {
                let security = try SecureLink.client(key: .generate())
                try channel.pipeline.syncOperations.addHandler(
                    try security.clientHandler(
                        pinned: .key(hubKey.fingerprint), peer: SecureLink.Peer()))
            }
        }.connect(host: listener.address.host, port: listener.address.port).get()
        try await channel.writeAndFlush(ByteBuffer(bytes: words)).get()
        while hub.state.withLock({ $0.open }) < 1 { await Task.yield() }
        try await channel.setOption(.autoRead, value: false).get()
        // Questions, whose answers nobody takes: more than lies between the two.
        let question = try writer.frame(.ping(Ping(isReply: false, token: 1)), compress: false)
        let questions = Array(repeatElement(question, count: 40_000).joined())
        channel.writeAndFlush(ByteBuffer(bytes: questions), promise: nil)
        while listener.connections > 0 { await Task.yield() }
        channel.close(promise: nil)
        await listener.shutdown()
    }

    /// Whoever holds many connections loses its own first.
    @Test func oneAddressTakesNoRoomFromOthers() throws {
        var limits = HubLimits()
        limits.strangers = 5
        limits.strangersOfOne = 3
        let register = ConnectionRegister(limits: limits)
        let dropped = Mutex<[String]>([])
        func admit(_ address: String, _ name: String) -> UInt64? {
            let entered = Mutex<UInt64?>(nil)
            register.admit(
                from: address, now: 0, drop: { dropped.withLock { $0.append(name) } },
                enter: { number in entered.withLock { $0 = number } }, wait: {})
            return entered.withLock { $0 }
        }
        for name in ["a1", "a2", "a3"] { _ = admit("a", name) }
        #expect(dropped.withLock { $0 }.isEmpty)
        let last = try #require(admit("a", "a4"))
        #expect(dropped.withLock { $0 } == ["a1"])
        for name in ["b1", "b2"] { _ = admit("b", name) }
        #expect(dropped.withLock { $0 } == ["a1"])
        _ = admit("c", "c1")
        #expect(dropped.withLock { $0 } == ["a1", "a2"])
        register.welcomed(last, now: 0)
        _ = admit("d", "d1")
        #expect(dropped.withLock { $0 } == ["a1", "a2"], "a device that is welcome is no stranger")
    }

    /// Some of them silent from the start, some after the handshake.
    @Test func whoeverOnlyConnectsKeepsNobodyOut() async throws {
        var limits = HubLimits()
        limits.strangers = 4
        limits.strangersOfOne = 4
        let hub = FakeHub()
        let listener = try await HubListener.start(
            at: local, key: hubKey, service: hub, limits: limits, group: group)
        let address = listener.address
        let greeted = (0..<limits.strangers).map { _ in
            Task { try await say(Preamble.bytes(), to: address) }
        }
        while listener.connections < limits.strangers { await Task.yield() }
        var silent: [any Channel] = []
        for _ in 0..<(3 * limits.strangers) {
            silent.append(
                try await ClientBootstrap(group: group).connect(host: address.host, port: address.port).get())
        }
        for task in greeted { #expect(try Stranger.farewell(in: await task.value) == nil) }
        while silent.count(where: \.isActive) > limits.strangers { await Task.yield() }
        let branch = FakeBranch(routine: 30)
        let result = try await AgentConnection.run(
            address: address.host, port: address.port, pinned: .key(hubKey.fingerprint), key: .generate(),
            session: AgentSession(goal: .drain), host: branch, group: group)
        #expect(result.ending == .clean)
        #expect(branch.receipted(.routine) == 30)
        while silent.count(where: \.isActive) >= limits.strangers { await Task.yield() }
        for channel in silent { channel.close(promise: nil) }
        await listener.shutdown()
        #expect(listener.connections == 0)
    }
}

/// What several were told in the end.
private final class Told: Sendable {
    private let all = Mutex<[RefusalCode?]>([])

    var codes: [RefusalCode?] { all.withLock { $0 } }
    func add(_ code: RefusalCode?) { all.withLock { $0.append(code) } }
}

/// Says its words to whoever connects.
private final class Announcer: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let words: [UInt8]

    init(_ words: [UInt8]) { self.words = words }

    func channelActive(context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: words)), promise: nil)
    }
}

extension FrameHeader {
    /// A Hello that claims a megabyte.
    fileprivate static var tooLong: [UInt8] {
        FrameHeader(
            type: 1, flags: critical, payloadLength: 1 << 20, inflatedLength: 1 << 20, checksum: 0
        ).bytes
    }
}
