import Forms
import Foundation
import NIOPosix
import SyncCore
import SyncWire
import Synchronization
import Testing

@testable import SyncTransport

/// A device that has joined a hub, with a key and journals of its own, and no program that keeps it in
/// order.
struct RawDevice: Sendable {
    let port: UInt16
    let key: DeviceKey
    let hub: Digest
    var urgent: RawJournal
    var routine: RawJournal

    /// Spends the join code.
    init(joining code: String) async throws {
        let code = try #require(JoinCode(text: code))
        let target = try #require(HostPort(code.address))
        let key = DeviceKey.generate()
        let join = Join(secret: code.secret, replica: .random(), label: "raw", clock: RawJournal.now())
        _ = try await JoinConnection.run(
            address: target.host, port: target.port, pinned: .key(code.hub), key: key, join: join,
            group: MultiThreadedEventLoopGroup.singleton)
        self.init(port: UInt16(target.port), key: key, hub: code.hub)
    }

    /// One that the hub has not heard of.
    init(port: UInt16, key: DeviceKey = .generate(), hub: Digest) {
        self.port = port
        self.key = key
        self.hub = hub
        urgent = RawJournal(lane: .urgent, key: key)
        routine = RawJournal(lane: .routine, key: key)
    }

    func hello(_ change: (inout Hello) -> Void = { _ in }) -> Hello {
        var hello = Hello(
            replica: Token16(high: 1, low: 1),
            origins: [urgent, routine].map {
                OriginHead(claim: $0.claim, sequence: $0.sequence, head: ShortDigest($0.head))
            }, capabilities: [], dictionaries: [0], clock: RawJournal.now(), sessionToken: .zero,
            feed: .beginning, urgent: Backlog(), routine: Backlog(), program: "raw")
        change(&hello)
        return hello
    }

    /// A connection that has said its preamble.
    func connect(to other: UInt16? = nil) async throws -> RawPeer {
        let peer = try await RawPeer.open(port: other ?? port, key: key, pinned: hub)
        await peer.say(Preamble.bytes())
        return peer
    }

    /// A connection that has been welcomed.
    func welcomed(to other: UInt16? = nil) async throws -> (peer: RawPeer, welcome: Welcome) {
        let peer = try await connect(to: other)
        try await peer.say(.hello(hello()))
        guard case .welcome(let welcome)? = try await peer.hear() else {
            throw Unexpected(words: "no Welcome")
        }
        return (peer, welcome)
    }

    struct Unexpected: Error { var words: String }
}

/// A journal as an agent keeps it. A value: what was tried on a copy has not happened.
struct RawJournal: Sendable {
    let claim: OriginClaim
    let origin: OriginID
    private let key: DeviceKey
    private(set) var sequence: UInt64 = 0
    private(set) var head: Digest
    private var salts: [SaltGrant] = []
    /// Every head that a journal had or would have had, by what batches say of it.
    private static let heads = Mutex<[ShortDigest: Digest]>([:])

    init(lane: Lane, key: DeviceKey) {
        claim = OriginClaim(lane: lane, nonce: .random())
        let derivation = claim.derivation(publicKey: key.publicKey, hashing: .sha256)
        origin = derivation.originID
        head = derivation
        self.key = key
    }

    static func now() -> Milliseconds { Milliseconds(Date().timeIntervalSince1970 * 1_000) }

    /// Appends versions and returns them as one sealed batch; `change` may spoil the columns before they are
    /// hashed.
    mutating func write(_ versions: [Version], _ change: (inout VersionColumns) -> Void = { _ in }) throws
        -> VersionBatch
    {
        var rows = VersionColumns(versions)
        change(&rows)
        return try write(rows: rows)
    }

    mutating func write(rows: VersionColumns) throws -> VersionBatch {
        let chain = JournalChain(hashing: .sha256)
        var fresh: [SaltGrant] = []
        for (day, wanted, _) in JournalChain.saltsNeeded(rows)
        where !salts.contains(where: { $0.day == day && $0.retentionClass == wanted }) {
            fresh.append(SaltGrant(day: day, retentionClass: wanted, salt: .random()))
        }
        salts += fresh
        let known = salts
        let walk = try chain.walk(rows, origin: origin, first: sequence + 1, from: head) { day, wanted in
            known.first { $0.day == day && $0.retentionClass == wanted }?.salt
        }
        let last = sequence + UInt64(rows.count)
        let headAfter = try #require(walk.heads.last)
        let statement = SealStatement.bytes(origin: origin, sequence: last, head: headAfter)
        let batch = VersionBatch(
            origin: origin, first: sequence + 1, headBefore: head, headAfter: headAfter, salts: fresh,
            seals: [Seal(sequence: last, signature: try Signing(key).sign(statement))], rows: rows)
        let ends = [head, headAfter]
        RawJournal.heads.withLock { heads in for end in ends { heads[ShortDigest(end)] = end } }
        sequence = last
        head = headAfter
        return batch
    }

    /// The head of which a batch tells the print.
    func head(_ short: ShortDigest) throws -> Digest {
        try #require(RawJournal.heads.withLock { $0[short] })
    }

    /// A seal over a head of one's own choice.
    func seal(_ sequence: UInt64, _ head: Digest, by other: DeviceKey? = nil) throws -> Seal {
        let statement = SealStatement.bytes(origin: origin, sequence: sequence, head: head)
        return Seal(sequence: sequence, signature: try Signing(other ?? key).sign(statement))
    }
}

extension Version {
    /// A check-in of somebody on `day`, with a temperature in hundredths of a degree.
    static func checkIn(
        _ person: String, day: Int32, temperature: Int64 = 3_650, context: Context = .empty,
        assignments more: [Assignment] = []
    ) -> Version {
        let now = RawJournal.now()
        return Version(
            dot: Dot(origin: 1, sequence: 1),
            key: RecordKey(form: "check-in", values: [.integer(Int64(day)), .text(person)]), formRevision: 1,
            context: context, authored: now, stated: now, firstCreated: now,
            assignments: [
                Assignment(
                    field: 1, retentionClass: 0, value: .decimal(unscaled: temperature, scale: 2))
            ] + more)
    }
}
