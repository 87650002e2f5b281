import NIOCore
import NIOPosix
import NIOSSL
import SyncCore
import SyncWire
import Synchronization
import Testing

@testable import SyncTransport

/// Agents and a hub over real sockets and TLS on the loopback address.
@Suite struct LoopbackTests {
    let group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    let hubKey = DeviceKey.generate()
    let local = HostPort(host: "127.0.0.1", port: 0)

    func sync(
        _ branch: FakeBranch, to address: HostPort, key: DeviceKey = .generate(), pinned: Digest? = nil
    ) async throws -> AgentConnectionResult {
        try await AgentConnection.run(
            address: address.host, port: address.port, pinned: .key(pinned ?? hubKey.fingerprint), key: key,
            session: AgentSession(goal: .drain), host: branch, group: group)
    }

    @Test func aThousandVersionsArriveOnceInOrder() async throws {
        let hub = FakeHub()
        let listener = try await HubListener.start(at: local, key: hubKey, service: hub, group: group)
        let branch = FakeBranch(urgent: 3, routine: 1_000)
        let key = DeviceKey.generate()
        let result = try await sync(branch, to: listener.address, key: key)
        #expect(result.ending == .clean)
        #expect(result.isWelcomed && result.isDrained)
        #expect(result.statistics.versionsUp == 1_003)
        #expect(branch.receipted(.urgent) == 3 && branch.receipted(.routine) == 1_000)
        let state = hub.state.withLock { $0 }
        #expect(state.journal[10] == Array(1...3))
        #expect(state.journal[11] == Array(1...1_000))
        #expect(state.keys == [key.publicKey])
        await listener.shutdown()
        #expect(listener.connections == 0)
    }

    @Test func whoeverHasAnotherKeyIsNotTalkedTo() async throws {
        let hub = FakeHub()
        let listener = try await HubListener.start(at: local, key: hubKey, service: hub, group: group)
        await #expect(throws: TransportError.wrongHubKey) {
            _ = try await sync(
                FakeBranch(routine: 1), to: listener.address, pinned: DeviceKey.generate().fingerprint)
        }
        #expect(hub.state.withLock { $0.open } == 0)
        await listener.shutdown()
    }

    /// What a branch believes, by what its hub shows it.
    @Test func aNewKeyIsBelievedWhenAKnownOneHasBlessedIt() throws {
        let (next, recovery, stranger) = (DeviceKey.generate(), DeviceKey.generate(), DeviceKey.generate())
        let known = HubKeyring(first: hubKey.publicKey)
        func ring(_ key: DeviceKey, by signing: Signing, onto keys: HubKeyring? = nil) throws -> HubKeyring {
            var keys = keys ?? known
            try keys.bless(.key, key.publicKey, at: 1, with: signing, hashing: .sha256)
            return keys
        }
        func judge(_ key: DeviceKey, _ shown: HubKeyring?, _ pin: HubPin) throws -> SecureLink.Peer {
            let peer = SecureLink.Peer()
            _ = peer.judge([try BareCertificate.make(for: key, keys: shown)], pin)
            return peer
        }
        let good = try ring(next, by: Signing(hubKey))
        let peer = try judge(next, good, .keys(known))
        #expect(peer.defect == nil && peer.hubKeys == good)
        #expect(try judge(next, good, .keys(good)).hubKeys == good)
        #expect(try judge(next, good, .key(next.fingerprint)).hubKeys == good)
        // A code that was made before pins the key that is no more.
        #expect(try judge(next, good, .key(hubKey.fingerprint)).defect == .wrongHubKey)
        #expect(try judge(hubKey, nil, .keys(good)).defect == .wrongHubKey)
        #expect(try judge(hubKey, known, .keys(known)).hubKeys == known)
        // Blessed by nobody who could; shown by who does not have the key; of another hub.
        let signer = Signing(stranger)
        let forged = try ring(
            stranger, by: Signing(publicKey: hubKey.publicKey) { try signer.sign($0) })
        #expect(try judge(stranger, forged, .keys(known)).defect == .forgedHubKey)
        #expect(try judge(stranger, good, .keys(known)).defect == .forgedHubKey)
        let other = HubKeyring(first: stranger.publicKey)
        #expect(try judge(stranger, other, .keys(known)).defect == .wrongHubKey)
        #expect(try judge(stranger, nil, .keys(known)).defect == .wrongHubKey)
        var prepared = known
        try prepared.bless(.recovery, recovery.publicKey, at: 1, with: Signing(hubKey), hashing: .sha256)
        let stolen = try ring(stranger, by: Signing(hubKey), onto: prepared)
        let recovered = try ring(next, by: Signing(recovery), onto: prepared)
        #expect(try judge(next, recovered, .keys(stolen)).hubKeys == recovered)
        #expect(try judge(stranger, stolen, .keys(recovered)).defect == .forgedHubKey)
    }

    @Test func nobodyAnswers() async throws {
        let listener = try await HubListener.start(at: local, key: hubKey, service: FakeHub(), group: group)
        await listener.shutdown()
        await #expect {
            _ = try await sync(FakeBranch(routine: 1), to: listener.address)
        } throws: { error in
            if case TransportError.unreachable = error { true } else { false }
        }
    }

    @Test func withoutTheProtocolNameInTheHandshakeThereIsNoSession() async throws {
        let hub = FakeHub()
        let listener = try await HubListener.start(at: local, key: hubKey, service: hub, group: group)
        for protocols in [[], ["h2"]] {
            let handle = AgentSessionHandle()
            await #expect(throws: TransportError.tls("the other side does not speak Rollcall")) {
                _ = try await AgentConnection.run(
                    address: listener.address.host, port: listener.address.port,
                    pinned: .key(hubKey.fingerprint),
                    security: try SecureLink.client(key: .generate(), protocols: protocols),
                    session: AgentSession(goal: .drain), host: FakeBranch(routine: 1), group: group,
                    handle: handle)
            }
        }
        #expect(hub.state.withLock { $0.open } == 0)
        await listener.shutdown()
    }

    /// Whoever's clock is wrong by decades: the key is what counts, on both sides.
    @Test(arguments: [(0, 86_400), (4_000_000_000, 4_102_444_800)])
    func aCertificateIsAsGoodAsItsKey(dates: (from: Int64, to: Int64)) async throws {
        let hub = FakeHub()
        let own = try BareCertificate.make(for: hubKey, notBefore: dates.from, notAfter: dates.to)
        let listener = try await HubListener.start(
            at: local, security: try SecureLink.server(key: hubKey, certificate: own), service: hub,
            limits: HubLimits(), group: group)
        let key = DeviceKey.generate()
        let result = try await AgentConnection.run(
            address: listener.address.host, port: listener.address.port, pinned: .key(hubKey.fingerprint),
            security: try SecureLink.client(
                key: key,
                certificate: try BareCertificate.make(for: key, notBefore: dates.from, notAfter: dates.to)),
            session: AgentSession(goal: .drain), host: FakeBranch(routine: 5), group: group,
            handle: AgentSessionHandle())
        #expect(result.ending == .clean)
        #expect(hub.state.withLock { $0.keys } == [key.publicKey])
        await listener.shutdown()
    }

    @Test func whoShowsNoKeyComesNoFurtherThanTheHandshake() async throws {
        let hub = FakeHub()
        let listener = try await HubListener.start(at: local, key: hubKey, service: hub, group: group)
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv13
        configuration.certificateVerification = .none
        configuration.applicationProtocols = [SecureLink.applicationProtocol]
        let heard = try await Stranger.say(
            Preamble.bytes(), to: listener.address,
            security: SecureLink(context: try NIOSSLContext(configuration: configuration)),
            pinned: .key(hubKey.fingerprint), group: group)
        #expect(heard.isEmpty)
        while hub.state.withLock({ $0.refused.isEmpty }) { await Task.yield() }
        let refused = hub.state.withLock { $0.refused }
        #expect(refused.count == 1 && refused[0].code == .noClientKey && hub.state.withLock { $0.open } == 0)
        await listener.shutdown()
    }

    @Test func twoBranchesAtOnce() async throws {
        let hub = FakeHub()
        let listener = try await HubListener.start(at: local, key: hubKey, service: hub, group: group)
        async let first = sync(FakeBranch(routine: 700, base: 10), to: listener.address)
        async let second = sync(FakeBranch(urgent: 9, routine: 300, base: 20), to: listener.address)
        #expect(try await first.ending == .clean)
        #expect(try await second.ending == .clean)
        let state = hub.state.withLock { $0 }
        #expect(state.journal[11] == Array(1...700))
        #expect(state.journal[20] == Array(1...9))
        #expect(state.journal[21] == Array(1...300))
        await listener.shutdown()
        // The store hears of it a moment later.
        while hub.state.withLock({ $0.closed }) < 2 { await Task.yield() }
        #expect(hub.state.withLock { $0.closed } == 2)
    }

    @Test func joining() async throws {
        let listener = try await HubListener.start(at: local, key: hubKey, service: FakeHub(), group: group)
        var join = Join(
            secret: Token16(high: 5, low: 5), replica: Token16(high: 1, low: 1), label: "x", clock: 1)
        func run() async throws -> JoinConnection.Answer {
            try await JoinConnection.run(
                address: listener.address.host, port: listener.address.port, pinned: .key(hubKey.fingerprint),
                key: .generate(), join: join, group: group)
        }
        let answer = try await run()
        #expect(answer.joined.state == .active && answer.joined.unit == "A1")
        #expect(answer.hubKeys.current == hubKey.publicKey)
        join.secret = .zero
        await #expect(throws: Refuse(.codeUnknown)) { _ = try await run() }
        await listener.shutdown()
    }

    @Test func whatTheHostThrowsComesOut() async throws {
        struct DiskGone: Error {}
        let listener = try await HubListener.start(at: local, key: hubKey, service: FakeHub(), group: group)
        let branch = FakeBranch(routine: 5)
        branch.state.withLock { $0.failure = DiskGone() }
        await #expect(throws: DiskGone.self) { _ = try await sync(branch, to: listener.address) }
        await listener.shutdown()
    }

    /// A token says that everything before it is there: behind a page that failed none may be stored.
    @Test func aPageThatFailedIsNotPassedOver() async throws {
        let hub = FakeHub()
        hub.state.withLock { $0.pages = 3 }
        let listener = try await HubListener.start(at: local, key: hubKey, service: hub, group: group)
        let branch = FakeBranch()
        branch.state.withLock {
            $0.feedFailure = TransportError.unreachable("the disk")
            // The pages behind it are on their way by then.
            $0.beforeFeedFails = { while !hub.state.withLock({ $0.hasFed }) { await Task.yield() } }
        }
        await #expect(throws: TransportError.self) { _ = try await sync(branch, to: listener.address) }
        #expect(branch.state.withLock { $0.fed } == [])
        let result = try await sync(branch, to: listener.address)
        #expect(result.isDrained)
        #expect(branch.state.withLock { $0.fed } == [1, 2, 3])
        await listener.shutdown()
    }

    @Test func aRunningSessionTakesNewWorkAndCloses() async throws {
        let hub = FakeHub()
        let listener = try await HubListener.start(at: local, key: hubKey, service: hub, group: group)
        let branch = FakeBranch(routine: 2)
        let handle = AgentSessionHandle()
        branch.state.withLock { $0.last[.urgent] = 1 }
        handle.appended([.urgent: 1])
        async let running = AgentConnection.run(
            address: listener.address.host, port: listener.address.port, pinned: .key(hubKey.fingerprint),
            key: .generate(), session: AgentSession(goal: .stay), host: branch, group: group, handle: handle)
        while branch.receipted(.routine) < 2 { await Task.yield() }
        branch.state.withLock { $0.last[.routine] = 50 }
        handle.appended([.routine: 50])
        while branch.receipted(.routine) < 50 { await Task.yield() }
        handle.close()
        #expect(try await running.ending == .clean)
        #expect(hub.state.withLock { $0.journal[11] } == Array(1...50))
        await listener.shutdown()
    }

    @Test func shuttingDownIsSaid() async throws {
        let listener = try await HubListener.start(at: local, key: hubKey, service: FakeHub(), group: group)
        let branch = FakeBranch(routine: 20)
        async let running = AgentConnection.run(
            address: listener.address.host, port: listener.address.port, pinned: .key(hubKey.fingerprint),
            key: .generate(), session: AgentSession(goal: .stay), host: branch, group: group)
        while branch.receipted(.routine) < 20 { await Task.yield() }
        await listener.shutdown()
        guard case .refused(let refuse) = try await running.ending else {
            Issue.record("not told")
            return
        }
        #expect(refuse.code == .shuttingDown)
    }
}
