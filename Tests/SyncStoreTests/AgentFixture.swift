import SQLiteStore
import SyncCore
import SyncStore
import Testing

enum StoreFlavour: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case memory, sqlite

    var testDescription: String { rawValue }
}

/// A branch's store that has joined a hub whose key the test holds.
final class AgentFixture {
    static let epoch = Token16(high: 7, low: 9)
    static let start: Milliseconds = 1_790_000_000_000

    let flavour: StoreFlavour
    let folder = TemporaryFolder()
    let device = TestCrypto.signing()
    let hub = TestCrypto.signing()
    let means: AgentMeans
    var store: any AgentStore

    init(_ flavour: StoreFlavour, joined: Bool = true) throws {
        self.flavour = flavour
        var generator = SystemRandomNumberGenerator()
        means = AgentMeans(
            hashing: TestCrypto.hashing, signing: device, verifying: TestCrypto.verifying,
            random: { Token16(using: &generator) })
        store =
            flavour == .memory
            ? MemoryAgentStore(means: means) : try SQLiteAgentStore(folder: folder.path, means: means)
        if joined { try store.configure(configuration) }
    }

    var configuration: AgentConfiguration {
        AgentConfiguration(
            replica: Token16(high: 1, low: 2), address: "hub.example:7710",
            hub: TestCrypto.hashing(hub.publicKey),
            hubPublicKey: hub.publicKey, unit: "B1", unitName: "Branch 1", hubName: "Centre", settings: [])
    }

    /// Another handle on the same SQLite file, as another process would have it.
    func another() throws -> SQLiteAgentStore {
        try SQLiteAgentStore(folder: folder.path, mode: .open, means: means)
    }

    func clock(_ offset: Milliseconds = 0) -> AuthoringClock {
        AuthoringClock(now: AgentFixture.start + offset, isTrusted: true)
    }

    func origin(_ lane: Lane = .routine) throws -> OwnOrigin {
        try #require(try store.origins().first { $0.claim.lane == lane })
    }

    /// One transaction with check-ins of so many people.
    func author(_ people: Range<Int>, day: Int64 = 20_000, offset: Milliseconds = 0) throws {
        try store.write(clock: clock(offset)) { transaction in
            for person in people { try transaction.author(checkIn(person, day: day)) }
        }
    }

    /// What the hub would sign about the journal up to `sequence`.
    func receipt(_ lane: Lane = .routine, at sequence: UInt64, head: Digest? = nil) throws -> Receipt {
        let origin = try origin(lane)
        let own = try store.journal(lane: lane, after: sequence - 1, limit: 1).first?.head
        var receipt = Receipt(origin: origin.id, sequence: sequence, head: try #require(head ?? own))
        receipt.signature = try hub.sign(receipt.statement(hub: configuration.hub, epoch: AgentFixture.epoch))
        return receipt
    }

    func welcome(_ held: [HeldOrigin] = [], clock: Milliseconds = AgentFixture.start) -> Welcome {
        Welcome(
            epoch: AgentFixture.epoch, sessionToken: Token16(high: 3, low: 4), held: held,
            urgentWindow: 16_384,
            routineWindow: 65_536, maximumBatch: 65_536, clock: clock, capabilities: [], dictionary: 0,
            settings: [])
    }
}

func checkIn(_ person: Int, day: Int64 = 20_000, lane: Lane = .routine, temperature: Int64 = 3_650) -> Draft {
    Draft(
        lane: lane,
        key: RecordKey(form: "check-in", values: [.integer(day), .text("person-\(person)")]), formRevision: 1,
        context: .empty, author: Array("clerk".utf8),
        assignments: [
            Assignment(field: 1, retentionClass: 0, value: .text("B1")),
            Assignment(field: 2, retentionClass: 1, value: .decimal(unscaled: temperature, scale: 2)),
            Assignment(field: 3, retentionClass: 1, value: .boolean(person % 9 == 0)),
            Assignment(field: 4, retentionClass: 1, value: .boolean(false)),
            Assignment(field: 5, retentionClass: 1, value: person % 5 == 0 ? .notStated : .text("home")),
            Assignment(field: 6, retentionClass: 1, value: .integer(27_000_000 + Int64(person))),
        ])
}

/// Collects a lane's batches from `after` on, cut as `size` says, and checks that each follows the one
/// before.
func batches(
    of store: any AgentStore, lane: Lane = .routine, after: UInt64 = 0, bytes: Int = 1 << 20,
    size: () -> Int
) throws -> [VersionBatch] {
    var after = after
    var batches: [VersionBatch] = []
    let origin = try #require(try store.origins().first { $0.claim.lane == lane }).id
    while let batch = try store.batch(of: origin, after: after, maximumVersions: size(), maximumBytes: bytes)
    {
        #expect(batch.first == after + 1)
        if let last = batches.last { #expect(batch.before == last.after) }
        batches.append(batch)
        after = batch.last
    }
    return batches
}

/// Plays the hub: continues its own chain over the batches, with the salts that they carried, and checks
/// seals.
func verify(_ batches: [VersionBatch], origin: OwnOrigin, publicKey: [UInt8]) throws {
    var salts: [SaltGrant] = []
    var head = origin.derivation
    for batch in batches {
        for grant in batch.salts {
            #expect(!salts.contains { $0.day == grant.day && $0.retentionClass == grant.retentionClass })
            salts.append(grant)
        }
        let known = salts
        let walk = try JournalChain(hashing: TestCrypto.hashing).walk(
            batch.rows, origin: batch.origin, first: batch.first, from: head
        ) { day, wanted in known.first { $0.day == day && $0.retentionClass == wanted }?.salt }
        head = try #require(walk.heads.last)
        #expect(ShortDigest(head) == batch.after)
        for seal in batch.seals {
            #expect(seal.sequence >= batch.first && seal.sequence <= batch.last)
            let sealed = walk.heads[Int(seal.sequence - batch.first)]
            let statement = SealStatement.bytes(origin: batch.origin, sequence: seal.sequence, head: sealed)
            #expect(TestCrypto.verifying.isValid(statement, seal.signature, publicKey))
        }
    }
    #expect(head == origin.head)
}
