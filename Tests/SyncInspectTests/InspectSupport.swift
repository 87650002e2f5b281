import Crypto
import Forms
import Foundation
import GRDB
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// A seeded generator: the same seed gives the same test.
struct InspectRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}

enum InspectCrypto {
    static let hashing = Hashing.sha256

    /// The same key at every run.
    private static func privateKey(_ number: UInt8) -> P256.Signing.PrivateKey {
        let bytes = [UInt8](repeating: number, count: 32)
        return (try? P256.Signing.PrivateKey(rawRepresentation: bytes)) ?? P256.Signing.PrivateKey()
    }

    static func signing(_ number: UInt8) -> Signing { Signing(DeviceKey(privateKey(number))) }

    /// Puts a key where the programs look for it.
    static func write(key number: UInt8, to path: String) throws {
        try Data(privateKey(number).pemRepresentation.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }

    static let verifying = Verifying.p256
}

/// A branch's store in a folder of its own, and the hub's beside it.
final class InspectWorld {
    static let start: Milliseconds = 1_580_700_000_000
    static let day: Int32 = 18_295

    let root = FileManager.default.temporaryDirectory.path + "/inspect-" + UUID().uuidString
    let agent: SQLiteAgentStore
    var branch: String { root + "/branch" }
    var centre: String { root + "/centre" }

    init() throws {
        let device = InspectCrypto.signing(3)
        let hub = InspectCrypto.signing(7)
        var random = InspectRandom(state: 5)
        agent = try SQLiteAgentStore(
            folder: root + "/branch",
            means: AgentMeans(
                hashing: InspectCrypto.hashing, signing: device, verifying: InspectCrypto.verifying,
                random: { Token16(using: &random) }))
        try agent.configure(
            AgentConfiguration(
                replica: Token16(high: 1, low: 2), address: "127.0.0.1:1",
                hub: InspectCrypto.hashing(hub.publicKey), hubPublicKey: hub.publicKey, unit: "B02",
                unitName: "Branch 2", hubName: "Centre", settings: []))
        try InspectCrypto.write(key: 3, to: branch + "/device.key")
    }

    deinit { try? FileManager.default.removeItem(atPath: root) }

    static func key(_ person: String) -> RecordKey {
        RecordKey(form: "check-in", values: [.integer(Int64(day)), .text(person)])
    }

    static func checkIn(
        _ person: String, context: Context = .empty, temperature: Int64 = 3_650, lane: Lane = .routine
    ) -> Draft {
        Draft(
            lane: lane, key: key(person), formRevision: 1, context: context, author: Array("T999".utf8),
            assignments: [
                Assignment(
                    field: 1, retentionClass: 0, value: .decimal(unscaled: temperature, scale: 2)),
                Assignment(field: 2, retentionClass: 0, value: .notStated),
                Assignment(field: 13, retentionClass: 2, value: .text("Somebody Secret")),
            ])
    }

    func author(_ drafts: [Draft], after: Milliseconds = 0) throws {
        try agent.write(clock: AuthoringClock(now: InspectWorld.start + after, isTrusted: true)) {
            transaction in
            for draft in drafts { try transaction.author(draft) }
        }
    }

    func origin(_ lane: Lane = .routine) throws -> OwnOrigin? {
        try agent.origins().first { $0.claim.lane == lane }
    }

    /// Makes the hub's store and brings it everything that the branch has.
    func bringToCentre() throws -> SQLiteHubStore {
        var random = InspectRandom(state: 6)
        let hub = try SQLiteHubStore.create(
            folder: centre, name: "Centre", settings: Settings(),
            means: HubMeans(
                hashing: InspectCrypto.hashing, verifying: InspectCrypto.verifying,
                signing: InspectCrypto.signing(7), zone: { _ in .fixed(hours: 8) },
                random: { Token16(using: &random) }))
        try InspectCrypto.write(key: 7, to: centre + "/hub.key")
        let now = InspectWorld.start + 3_600_000
        _ = try hub.write(clock: AuthoringClock(now: now, isTrusted: true)) { transaction in
            try transaction.author(
                Draft(
                    lane: .routine, key: RecordKey(form: "unit", values: [.text("B02")]), formRevision: 1,
                    context: .empty,
                    assignments: [Assignment(field: 1, retentionClass: 0, value: .text("Branch 2"))]))
        }
        let secret = Token16(high: 9, low: 9)
        let key = InspectCrypto.signing(3).publicKey
        try hub.invite(
            Invitation(
                secretHash: InspectCrypto.hashing(secret.bytes), unit: "B02", isTrusted: true, expires: .max),
            now: now)
        _ = try hub.join(
            Join(secret: secret, replica: .zero, label: "Secret's laptop", clock: now), publicKey: key,
            now: now)
        let hello = try agent.hello(now: now, program: "test")
        let admission = try hub.admit(
            hello, publicKey: key, sessionToken: Token16(high: 4, low: 4), now: now
        ).get()
        for lane in Lane.allCases {
            while let origin = try origin(lane)?.id,
                let held = try hub.journals().first(where: { $0.origin == origin })?.held,
                let batch = try agent.batch(
                    of: origin, after: held, maximumVersions: 100, maximumBytes: 100_000)
            {
                _ = try hub.ingest([Submission(session: admission.session, batch: batch)], now: now)
            }
        }
        return hub
    }
}

func json(_ value: some Encodable) throws -> [String: Any] {
    let data = try JSONEncoder().encode(value)
    return try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
}

extension InspectWorld {
    /// Changes the branch's file behind its program's back.
    func damage(_ statement: String, of folder: String? = nil) throws {
        let queue = try DatabaseQueue(path: (folder ?? branch) + "/store.sqlite")
        try queue.writeWithoutTransaction { database in
            try database.execute(sql: statement)
            try database.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)")
        }
        try queue.close()
    }

    /// Puts zeros over a page in which versions lie.
    func overwriteAPageOfVersions() throws {
        try damage("SELECT 1")
        let queue = try DatabaseQueue(path: branch + "/store.sqlite")
        let page = try queue.read { database in
            try Int.fetchOne(
                database,
                sql: """
                    SELECT pageno FROM dbstat WHERE name = 'version' AND pagetype = 'leaf'
                    ORDER BY pageno LIMIT 1 OFFSET 3
                    """)
        }
        try queue.close()
        let size = 4_096
        let file = try FileHandle(forUpdating: URL(filePath: branch + "/store.sqlite"))
        try file.seek(toOffset: UInt64(((page ?? 2) - 1) * size))
        try file.write(contentsOf: Data(repeating: 0, count: size))
        try file.close()
    }
}
