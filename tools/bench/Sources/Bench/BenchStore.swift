import Forms
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport
import SyncWire

/// A hub's store in this process, with a register.
struct BenchStore {
    let store: SQLiteHubStore
    private static let registered: Milliseconds = 1_580_000_000_000

    /// - Parameter units: each with the numbers of its people.
    init(folder: String, units: [(name: String, people: Range<Int>)]) throws {
        var random = BenchRandom(state: 77)
        let means = HubMeans(
            hashing: .sha256, verifying: .p256, signing: Signing(DeviceKey.generate()),
            zone: LocalZone.named, random: { Token16(using: &random) })
        store = try SQLiteHubStore.create(
            folder: folder + "/hub", name: "Bench", settings: Settings(), means: means)
        let clock = AuthoringClock(now: BenchStore.registered, isTrusted: true)
        for unit in units {
            try store.write(clock: clock) { transaction in
                func write(_ key: RecordKey, _ field: FieldID, _ text: String) throws {
                    let value = Assignment(field: field, retentionClass: 0, value: .text(text))
                    try transaction.author(
                        Draft(
                            lane: .routine, key: key, formRevision: 1, context: .empty, assignments: [value]))
                }
                try write(RecordKey(form: "unit", values: [.text(unit.name)]), 4, "party")
                for person in unit.people {
                    let name = Value.text(CheckIns.person(person))
                    try write(RecordKey(form: "person", values: [name]), 1, "Name \(person)")
                    try write(
                        RecordKey(form: "membership", values: [name, .integer(-25_567)]), 1, unit.name)
                }
            }
        }
    }

    /// A device of `unit` joins and is admitted with its journal.
    func admit(_ journal: Journal, unit: String, number: UInt64) throws -> SessionRef {
        let now = BenchStore.registered
        let secret = Token16(high: 1, low: number)
        try store.invite(
            Invitation(
                secretHash: Hashing.sha256(secret.bytes), unit: unit, isTrusted: true, expires: now),
            now: now)
        let key = journal.key.publicKey
        _ = try store.join(
            Join(secret: secret, replica: secret, label: "bench", clock: now), publicKey: key, now: now
        ).get()
        let hello = Hello(
            replica: secret, origins: [OriginHead(claim: journal.claim, sequence: 0, head: .zero)],
            capabilities: [], dictionaries: [], clock: now, sessionToken: .zero, feed: .beginning,
            urgent: Backlog(), routine: Backlog(), program: "bench")
        return try store.admit(hello, publicKey: key, sessionToken: secret, now: now).get().session
    }

    /// Takes batches as they come from the wire, in one transaction.
    func take(_ batches: some Sequence<(session: SessionRef, batch: VersionBatch)>) throws {
        let submissions = try batches.map { session, batch in
            var batch = batch
            batch.rows = try RowsCodec.decode(batch.encodedRows)
            return Submission(session: session, batch: batch)
        }
        for outcome in try store.ingest(submissions, now: 1_600_000_000_000) {
            guard case .held(let receipt?, _) = outcome, receipt.sequence > 0 else {
                throw BenchError("not taken: \(outcome)")
            }
        }
    }
}
