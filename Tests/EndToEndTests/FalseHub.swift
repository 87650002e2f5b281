import NIOCore
import NIOPosix
import SyncCore
import Testing

@testable import SyncTransport
@testable import SyncWire

/// Somebody who has a hub's key and answers as he likes. Each connection is handed out as a ``RawPeer``.
final class FalseHub: @unchecked Sendable {
    let port: UInt16
    let key: DeviceKey
    private let channel: any Channel
    private let peers: AsyncStream<RawPeer>

    /// - Parameter keys: what it shows beside its key.
    init(key: DeviceKey, keys: HubKeyring? = nil, on port: UInt16 = 0) async throws {
        self.key = key
        let security = try SecureLink.server(key: key, keys: keys)
        let (stream, continuation) = AsyncStream.makeStream(of: RawPeer.self)
        peers = stream
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let (pieces, ear) = AsyncStream.makeStream(of: [UInt8].self)
                    let ready = channel.eventLoop.makePromise(of: Void.self)
                    let operations = channel.pipeline.syncOperations
                    try operations.addHandler(security.serverHandler(peer: SecureLink.Peer()))
                    try operations.addHandler(RawEar(ear, ready))
                    ready.futureResult.whenSuccess {
                        continuation.yield(RawPeer.called(on: channel, pieces))
                    }
                }
            }
            .bind(host: "127.0.0.1", port: Int(port)).get()
        self.port = UInt16(try #require(channel.localAddress?.port))
    }

    /// The next one who calls.
    func next() async throws -> RawPeer {
        for await peer in peers { return peer }
        throw RawDevice.Unexpected(words: "nobody called")
    }

    /// Answers everybody who calls, until the task is cancelled.
    func answer(_ body: (RawPeer) async throws -> Void) async {
        for await peer in peers {
            try? await body(peer)
            peer.close()
        }
    }

    func close() async throws { try await channel.close() }
}

/// What a false hub hears and says.
struct FalseTalk {
    static let epoch = Token16(high: 66, low: 6)

    let peer: RawPeer
    let hello: Hello
    /// The agent's own origins: urgent, routine.
    let origins: [(lane: Lane, id: OriginID, derivation: Digest)]
    let hub: DeviceKey

    /// Says the preamble and hears Hello.
    init(_ peer: RawPeer, device: [UInt8], hub: DeviceKey) async throws {
        await peer.say(Preamble.bytes())
        guard case .hello(let hello)? = try await peer.hear() else {
            throw RawDevice.Unexpected(words: "no Hello")
        }
        self.peer = peer
        self.hello = hello
        self.hub = hub
        origins = hello.origins.map {
            let derivation = $0.claim.derivation(publicKey: device, hashing: .sha256)
            return ($0.claim.lane, derivation.originID, derivation)
        }
    }

    var routine: OriginID { origins.first { $0.lane == .routine }?.id ?? 0 }

    func welcome(_ change: (inout Welcome) -> Void = { _ in }) -> Welcome {
        var welcome = Welcome(
            epoch: FalseTalk.epoch, sessionToken: .random(),
            held: origins.map { HeldOrigin(origin: $0.id, sequence: 0, head: $0.derivation, receipt: nil) },
            urgentWindow: 65_536, routineWindow: 65_536, maximumBatch: 1_000, clock: RawJournal.now(),
            capabilities: [], dictionary: hello.agreedDictionary, settings: [])
        change(&welcome)
        return welcome
    }

    /// Says Welcome and hears the first batch.
    func batch(_ change: (inout Welcome) -> Void = { _ in }) async throws -> VersionBatch {
        try await peer.say(.welcome(welcome(change)))
        return try await nextBatch()
    }

    /// Hears a question for heads, and tells others than the agent has.
    func denyHeads() async throws {
        let question = try await peer.hear { message -> Heads? in
            if case .heads(let heads) = message { heads } else { nil }
        }
        guard var heads = question else { throw RawDevice.Unexpected(words: "no question") }
        for index in heads.entries.indices { heads.entries[index].head = .zero }
        try await peer.say(.heads(heads))
    }

    func nextBatch() async throws -> VersionBatch {
        let batch = try await peer.hear { message -> VersionBatch? in
            if case .batch(let batch) = message { batch } else { nil }
        }
        guard let batch else { throw RawDevice.Unexpected(words: "no batch") }
        return batch
    }

    /// The chain's head behind a journal's first batch.
    func head(behind batch: VersionBatch) throws -> Digest {
        let start = try #require(origins.first { $0.id == batch.origin }).derivation
        let walk = try JournalChain(hashing: .sha256).walk(
            batch.rows, origin: batch.origin, first: batch.first, from: start
        ) { day, wanted in
            batch.salts.first { $0.day == day && $0.retentionClass == wanted }?.salt
        }
        let head = try #require(walk.heads.last)
        #expect(batch.after == ShortDigest(head))
        return head
    }

    func receipt(
        _ origin: OriginID, _ sequence: UInt64, _ head: Digest, epoch: Token16 = FalseTalk.epoch,
        by key: DeviceKey? = nil
    ) throws -> Receipt {
        var receipt = Receipt(origin: origin, sequence: sequence, head: head)
        let statement = receipt.statement(hub: hub.fingerprint, epoch: epoch)
        receipt.signature = try Signing(key ?? hub).sign(statement)
        return receipt
    }

    func say(_ receipt: Receipt) async throws {
        try await peer.say(.receipt(ReceiptFrame(receipts: [receipt], position: 1)))
    }

    func token(_ position: UInt64) -> FeedToken {
        FeedToken(epoch: FalseTalk.epoch, position: position, hash: .zero)
    }
}
