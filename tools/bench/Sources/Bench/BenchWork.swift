import CFloor
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire

import enum Crypto.P256
import struct Crypto.SHA256

/// A small seeded generator: the same rows in every run.
struct BenchRandom: RandomNumberGenerator {
    var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}

struct BenchError: Error {
    var words: String
}

/// The rows of one run, as batches for the hub and as plain rows for the floor.
final class BenchWork {
    private let device: P256.Signing.PrivateKey
    private let hub = P256.Signing.PrivateKey()
    private let claim = OriginClaim(lane: .routine, nonce: Token16(high: 1, low: 2))
    private var batches: [VersionBatch] = []
    private var floorRows: [floor_row] = []
    private var texts: [UnsafeMutablePointer<CChar>] = []
    private let people: Int
    private let day: Int32 = 18_290
    private(set) var encodedBytes = 0

    static let hashing = Hashing { bytes in
        var hasher = SHA256()
        hasher.update(bufferPointer: bytes)
        return hasher.finalize().withUnsafeBytes { raw in
            func word(_ index: Int) -> UInt64 {
                UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self))
            }
            return Digest(words: (word(0), word(1), word(2), word(3)))
        }
    }

    static func signing(_ key: P256.Signing.PrivateKey) -> Signing {
        Signing(publicKey: Array(key.publicKey.x963Representation)) { message in
            Array(try key.signature(for: message).rawRepresentation)
        }
    }

    static let verifying = Verifying { message, signature, publicKey in
        guard let key = try? P256.Signing.PublicKey(x963Representation: publicKey),
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
        else { return false }
        return key.isValidSignature(signature, for: message)
    }

    static func text(_ ratio: Double) -> String { String(format: "%.3f", ratio) }

    init(count: Int, rowsABatch: Int) throws {
        device = P256.Signing.PrivateKey()
        people = 5_000
        var random = BenchRandom()
        let signing = BenchWork.signing(device)
        let derivation = claim.derivation(publicKey: signing.publicKey, hashing: BenchWork.hashing)
        let chain = JournalChain(hashing: BenchWork.hashing)
        var head = derivation
        var bytes = 0
        let start = Milliseconds(day + 40) * 86_400_000
        let salts = (0...2).map {
            SaltGrant(
                day: JournalChain.day(of: start), retentionClass: RetentionClass($0),
                salt: Token16(high: 9, low: UInt64($0)))
        }
        for first in stride(from: 0, to: count, by: rowsABatch) {
            let versions = (first..<min(count, first + rowsABatch)).map { number in
                version(number, origin: derivation.originID, authored: start, &random)
            }
            versions.forEach { addFloorRow($0) }
            let rows = VersionColumns(versions)
            let walk = try chain.walk(rows, origin: derivation.originID, first: UInt64(first + 1), from: head)
            {
                _, retentionClass in salts[Int(retentionClass)].salt
            }
            // A seal every 250 rows is about one every 64 KiB of canonical bytes.
            let seals = try stride(from: 249, to: versions.count, by: 250).map { row in
                let statement = SealStatement.bytes(
                    origin: derivation.originID, sequence: UInt64(first + row + 1), head: walk.heads[row])
                return Seal(sequence: UInt64(first + row + 1), signature: try signing.sign(statement))
            }
            let encoded = RowsCodec.encode(rows)
            bytes += encoded.count
            batches.append(
                VersionBatch(
                    origin: derivation.originID, first: UInt64(first + 1), headBefore: head,
                    headAfter: walk.heads.last ?? head, salts: first == 0 ? salts : [], seals: seals,
                    rows: VersionColumns(), encodedRows: encoded))
            head = walk.heads.last ?? head
        }
        encodedBytes = bytes
    }

    deinit { texts.forEach { $0.deallocate() } }

    /// Branches of some 200 people, a day after the other, as a backlog arrives.
    private func version(
        _ number: Int, origin: OriginID, authored: Milliseconds, _ random: inout BenchRandom
    ) -> Version {
        let person = number % people
        let day = day + Int32(number / people)
        let stated = Milliseconds(day) * 86_400_000 + Int64.random(in: 0...36_000_000, using: &random)
        var values: [Value] = [.decimal(unscaled: Int64.random(in: 3_600...3_720, using: &random), scale: 2)]
        for _ in 0..<7 { values.append(.boolean(Int.random(in: 0..<100, using: &random) == 0)) }
        values.append(.text("33\(1000 + Int.random(in: 0..<90, using: &random))"))
        values.append(
            Int.random(in: 0..<20, using: &random) == 0 ? .text("by bus to town \(number % 97)") : .notStated)
        values.append(.text("2020\(100_000 + person)"))
        values.append(.text("dev-\(person % 211)"))
        values.append(.text("Name \(person)"))
        values += [.notStated, .notStated, .notStated]
        let classes: [RetentionClass] = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 2, 2, 2, 2, 2]
        return Version(
            dot: Dot(origin: origin, sequence: UInt64(number + 1)),
            key: RecordKey(
                form: "check-in", values: [.integer(Int64(day)), .text("2020\(100_000 + person)")]),
            formRevision: 1, authored: authored, stated: stated, firstCreated: stated, author: [],
            assignments: values.enumerated().map {
                Assignment(
                    field: FieldID($0.offset + 1), retentionClass: classes[$0.offset], value: $0.element)
            })
    }

    private func addFloorRow(_ version: Version) {
        var row = floor_row()
        row.day = version.key.values[0].integer ?? 0
        row.person = Int64(floorRows.count % people + 1)
        var numbers: [Int64] = []
        for assignment in version.assignments.prefix(8) {
            if case .decimal(let unscaled, _) = assignment.value { numbers.append(unscaled) }
            if case .integer(let number) = assignment.value { numbers.append(number) }
        }
        withUnsafeMutableBytes(of: &row.numbers) { $0.copyBytes(from: numbers.withUnsafeBytes { Array($0) }) }
        var pointers = [UnsafePointer<CChar>?](repeating: nil, count: 8)
        var lengths = [Int32](repeating: 0, count: 8)
        for (index, assignment) in version.assignments.dropFirst(8).enumerated() {
            guard case .text(let text) = assignment.value else { continue }
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: max(1, text.count))
            for (at, byte) in text.enumerated() { copy[at] = CChar(bitPattern: byte) }
            texts.append(copy)
            pointers[index] = UnsafePointer(copy)
            lengths[index] = Int32(text.count)
        }
        withUnsafeMutableBytes(of: &row.texts) { $0.copyBytes(from: pointers.withUnsafeBytes { Array($0) }) }
        withUnsafeMutableBytes(of: &row.lengths) { $0.copyBytes(from: lengths.withUnsafeBytes { Array($0) }) }
        row.origin = 3
        row.sequence = Int64(version.dot.sequence)
        row.revision = 1
        row.authored = version.authored
        row.stated = version.stated
        row.created = version.firstCreated
        row.assigned = 0x1fffe
        floorRows.append(row)
    }

    // MARK: - Runs

    private func inFolder<Result>(_ body: (String) throws -> Result) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "bench-\(UUID().uuidString)"
        ).path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        return try body(folder)
    }

    /// - Returns: seconds.
    func runFloor(rowsATransaction: Int) throws -> Double {
        let sql = try SQLiteHubStore.layout(of: "check-in", in: .builtIn)
        return try inFolder { folder in
            let seconds = floor_run(
                folder + "/floor.sqlite", sql.creation, sql.insertion, floorRows, Int32(floorRows.count),
                Int32(rowsATransaction))
            guard seconds > 0 else { throw BenchError(words: "the floor failed: \(seconds)") }
            return seconds
        }
    }

    func runHub(batchesATransaction: Int) throws -> Double {
        try inFolder { folder in
            var random = BenchRandom(state: 77)
            let means = HubMeans(
                hashing: BenchWork.hashing, verifying: BenchWork.verifying, signing: BenchWork.signing(hub),
                zone: LocalZone.named, random: { Token16(using: &random) })
            let store = try SQLiteHubStore.create(
                folder: folder + "/hub", name: "Bench", settings: Settings(), means: means)
            let session = try prepare(store)
            let clock = ContinuousClock()
            let start = clock.now
            for first in stride(from: 0, to: batches.count, by: batchesATransaction) {
                let part = batches[first..<min(batches.count, first + batchesATransaction)]
                let submissions = try part.map { batch in
                    var batch = batch
                    batch.rows = try RowsCodec.decode(batch.encodedRows)
                    return Submission(session: session, batch: batch)
                }
                let outcomes = try store.ingest(submissions, now: 1_600_000_000_000)
                for outcome in outcomes {
                    guard case .held(let receipt?, _) = outcome, receipt.sequence > 0 else {
                        throw BenchError(words: "not taken: \(outcome)")
                    }
                }
            }
            let seconds = (clock.now - start) / .seconds(1)
            guard try store.countersAgree(on: day) else {
                throw BenchError(words: "the counters do not agree")
            }
            return seconds
        }
    }

    /// A register of all people, and a device that has joined.
    private func prepare(_ store: SQLiteHubStore) throws -> SessionRef {
        let now: Milliseconds = 1_580_000_000_000
        let unit = RecordKey(form: "unit", values: [.text("B01")])
        try store.write(clock: AuthoringClock(now: now, isTrusted: true)) { transaction in
            try transaction.author(
                Draft(
                    lane: .routine, key: unit, formRevision: 1, context: .empty,
                    assignments: [Assignment(field: 4, retentionClass: 0, value: .text("party"))]))
            for person in 0..<people {
                let name = Value.text("2020\(100_000 + person)")
                try transaction.author(
                    Draft(
                        lane: .routine, key: RecordKey(form: "person", values: [name]), formRevision: 1,
                        context: .empty,
                        assignments: [Assignment(field: 1, retentionClass: 0, value: .text("Name \(person)"))]
                    ))
                try transaction.author(
                    Draft(
                        lane: .routine,
                        key: RecordKey(form: "membership", values: [name, .integer(-25_567)]),
                        formRevision: 1, context: .empty,
                        assignments: [Assignment(field: 1, retentionClass: 0, value: .text("B01"))]))
            }
        }
        let key = Array(device.publicKey.x963Representation)
        let secret = Token16(high: 1, low: 1)
        try store.invite(
            Invitation(
                secretHash: BenchWork.hashing(secret.bytes), unit: "B01", isTrusted: true, expires: now),
            now: now)
        _ = try store.join(
            Join(secret: secret, replica: secret, label: "bench", clock: now), publicKey: key, now: now
        )
        .get()
        let hello = Hello(
            replica: secret, origins: [OriginHead(claim: claim, sequence: 0, head: .zero)], capabilities: [],
            dictionaries: [], clock: now, sessionToken: .zero, feed: .beginning, urgent: Backlog(),
            routine: Backlog(),
            program: "bench")
        return try store.admit(hello, publicKey: key, sessionToken: secret, now: now).get().session
    }
}
