import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire
import Testing

import struct Crypto.SHA256

/// A seeded generator: the same seed gives the same test.
struct HubRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}

enum HubFake {
    static let hashing = Hashing { bytes in
        var digest = Digest.zero
        SHA256.hash(data: bytes).withUnsafeBytes { digest = Digest(bytes: $0) ?? .zero }
        return digest
    }

    /// Not a signature, but as good as one here: only who has the same key bytes makes the same.
    static func signature(_ message: [UInt8], _ key: [UInt8]) -> [UInt8] {
        let digest = hashing(key + message).bytes
        return digest + digest
    }

    static func signing(_ key: [UInt8]) -> Signing {
        Signing(publicKey: key) { signature($0, key) }
    }

    static let verifying = Verifying { message, signature, key in HubFake.signature(message, key) == signature
    }

    static func means(seed: UInt64, forms: FormCatalog = .builtIn) -> HubMeans {
        var random = HubRandom(state: seed)
        return HubMeans(
            hashing: hashing, verifying: verifying, signing: signing([UInt8](repeating: 7, count: 65)),
            forms: forms, zone: { _ in .fixed(hours: 8) }, random: { Token16(using: &random) })
    }
}

/// Which store the contract is tried on.
enum HubKind: CaseIterable, CustomTestStringConvertible {
    case memory, sqlite

    var testDescription: String { self == .memory ? "memory" : "sqlite" }
}

/// A folder that is gone when the test is.
final class HubFolder {
    let path: String

    init() {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("hub-\(UUID().uuidString)").path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// A hub with three units under a committee, six people, and as many devices as a test wants.
final class HubWorld {
    static let day: Int32 = 18_290
    static let morning: Milliseconds = Milliseconds(day) * 86_400_000
    static let units = ["C0", "B1", "B2", "B3"]
    static let people = [("p1", "B1"), ("p2", "B1"), ("p3", "B1"), ("p4", "B2"), ("p5", "B2"), ("p6", "")]

    let store: any HubStore
    let folder = HubFolder()
    var now = HubWorld.morning + 43_200_000

    init(
        _ kind: HubKind, seed: UInt64 = 1, isPopulated: Bool = true, forms: FormCatalog = .builtIn,
        surrenderLimit: Int? = nil, dayLimit: Int? = nil
    ) throws {
        var means = HubFake.means(seed: seed, forms: forms)
        means.surrenderLimit = surrenderLimit ?? means.surrenderLimit
        means.dayLimit = dayLimit ?? means.dayLimit
        switch kind {
        case .memory:
            store = try MemoryHubStore(name: "Hub", settings: Settings(), means: means)
        case .sqlite:
            store = try SQLiteHubStore.create(
                folder: folder.path, name: "Hub", settings: Settings(), means: means)
        }
        if isPopulated { try populate() }
    }

    var sqlite: SQLiteHubStore? { store as? SQLiteHubStore }

    func reopened() throws -> SQLiteHubStore {
        try SQLiteHubStore(folder: folder.path, means: HubFake.means(seed: 99))
    }

    private func populate() throws {
        try centre { transaction in
            for unit in HubWorld.units {
                try transaction.author(
                    HubWorld.draft(
                        "unit", [.text(unit)],
                        [
                            1: .text("Unit \(unit)"), 3: unit == "C0" ? .notStated : .text("C0"),
                            4: .text("party"),
                        ]))
            }
            for (person, unit) in HubWorld.people {
                try transaction.author(
                    HubWorld.draft("person", [.text(person)], [1: .text("Name \(person)")]))
                try transaction.author(HubWorld.membership(person, from: CivilDay.beginning, unit: unit))
            }
        }
    }

    func centre<Result>(_ body: (any HubTransaction) throws -> Result) throws -> Result {
        try store.write(clock: AuthoringClock(now: now, isTrusted: true), body)
    }

    func move(_ person: String, to unit: String, from day: Int32) throws {
        try centre { _ = try $0.author(HubWorld.membership(person, from: day, unit: unit)) }
    }

    static func membership(_ person: String, from: Int32, unit: String) -> Draft {
        draft(
            "membership", [.text(person), .integer(Int64(from))], [1: unit.isEmpty ? .notStated : .text(unit)]
        )
    }

    static func draft(
        _ form: String, _ key: [Value], _ values: [FieldID: Value], context: Context = .empty,
        stated: Milliseconds? = nil, isDelete: Bool = false
    ) -> Draft {
        let definition = FormCatalog.builtIn[form]
        let assignments = values.keys.sorted().map { id in
            Assignment(
                field: id, retentionClass: definition?.fields.first { $0.id == id }?.retentionClass ?? 0,
                value: values[id] ?? .notStated)
        }
        return Draft(
            lane: .routine, key: RecordKey(form: form, values: key), formRevision: definition?.revision ?? 1,
            context: context, isDelete: isDelete, stated: stated, assignments: assignments)
    }

    /// A whole check-in, all fields assigned.
    static func checkIn(
        _ person: String, day: Int32 = HubWorld.day, temperature: Int64? = 3650, fever: Bool = false,
        remark: String? = nil, context: Context = .empty, at hour: Double = 8
    ) -> Draft {
        var values: [FieldID: Value] = [:]
        for field in FormCatalog.builtIn["check-in"]?.fields ?? [] { values[field.id] = .notStated }
        values[1] = temperature.map { .decimal(unscaled: $0, scale: 2) } ?? .notStated
        for field in FieldID(2)...8 { values[field] = .boolean(false) }
        values[2] = .boolean(fever)
        values[9] = .text("330000")
        if let remark { values[14] = .text(remark) }
        return draft(
            "check-in", [.integer(Int64(day)), .text(person)], values, context: context,
            stated: local(hour, on: day))
    }

    /// A local hour of a day, as a time.
    static func local(_ hour: Double, on day: Int32 = HubWorld.day) -> Milliseconds {
        Milliseconds(day) * 86_400_000 + Milliseconds((hour - 8) * 3_600_000)
    }

    static func key(_ person: String, day: Int32 = HubWorld.day) -> RecordKey {
        RecordKey(form: "check-in", values: [.integer(Int64(day)), .text(person)])
    }

    func line(_ unit: String, day: Int32 = HubWorld.day) throws -> CoverageBoard.Line {
        try #require(try store.coverage(of: day).lines.first { $0.unit == unit })
    }

    /// Everything that can be asked about a day, for comparing stores.
    func picture(days: ClosedRange<Int32>) throws -> [String] { try picture(of: store, days: days) }

    func picture(of store: any HubStore, days: ClosedRange<Int32>) throws -> [String] {
        var lines = try days.map { "\(try store.coverage(of: $0))" }
        for form in ["check-in", "daily-report", "membership"] {
            try store.export(form: form, from: nil, to: nil) { key, record in
                lines.append("\(form) \(key) \(record)")
            }
        }
        return lines
    }
}

/// A branch's device, as far as the hub can tell: a key, two journals, and what it has been fed.
final class HubDevice {
    let key: [UInt8]
    let unit: String
    let world: HubWorld
    private(set) var session = SessionRef(device: 0, replica: 0, number: 0)
    private(set) var welcome: Welcome?
    var feed = FeedToken.beginning
    var token = Token16.zero
    private var journals: [Lane: (claim: OriginClaim, derivation: Digest, sequence: UInt64, head: Digest)] =
        [:]
    private var salts: [String: Token16] = [:]
    private var random: HubRandom
    private let store: any HubStore

    init(_ world: HubWorld, unit: String, number: UInt8, store: (any HubStore)? = nil) throws {
        self.world = world
        self.unit = unit
        self.store = store ?? world.store
        key = [4, number] + [UInt8](repeating: number, count: 63)
        random = HubRandom(state: UInt64(number) &* 977)
        for lane in Lane.allCases {
            let claim = OriginClaim(
                lane: lane, nonce: Token16(high: UInt64(number), low: UInt64(lane.rawValue)))
            let derivation = claim.derivation(publicKey: key, hashing: HubFake.hashing)
            journals[lane] = (claim, derivation, 0, derivation)
        }
        let secret = Token16(high: 42, low: UInt64(number))
        try self.store.invite(
            Invitation(
                secretHash: HubFake.hashing(secret.bytes), unit: unit, isTrusted: true,
                expires: world.now + 1_000),
            now: world.now)
        let join = Join(secret: secret, replica: secret, label: "Device \(number)", clock: world.now)
        _ = try self.store.join(join, publicKey: key, now: world.now).get()
        try hello()
    }

    func salt(_ day: Int32, _ retentionClass: RetentionClass, lane: Lane = .routine) -> Token16? {
        salts["\(lane) \(day) \(retentionClass)"]
    }

    /// Every head that its journals had, by what batches say of it.
    private var heads: [ShortDigest: Digest] = [:]

    func head(_ short: ShortDigest) throws -> Digest { try #require(heads[short]) }

    /// It says in Hello that it has receipts for all that it wrote.
    var hasReceipts = false

    /// From now on it makes new ones.
    func forgetSalts() { salts = [:] }

    func origin(_ lane: Lane = .routine) -> OriginID { journals[lane]?.derivation.originID ?? 0 }

    func hello() throws {
        let heads = Lane.allCases.compactMap { lane in
            journals[lane].map {
                OriginHead(
                    claim: $0.claim, sequence: $0.sequence, head: ShortDigest($0.head),
                    receipted: hasReceipts ? $0.sequence : 0)
            }
        }
        let hello = Hello(
            replica: Token16(high: 9, low: UInt64(key[1])), origins: heads, capabilities: [],
            dictionaries: [], clock: world.now,
            sessionToken: token, feed: feed, urgent: Backlog(), routine: Backlog(count: 3, oldestAge: 5),
            program: "test 1")
        let admission = try store.admit(
            hello, publicKey: key, sessionToken: Token16(using: &random), now: world.now
        ).get()
        session = admission.session
        welcome = admission.welcome
        token = admission.welcome.sessionToken
        feed = admission.feed
    }

    /// Writes drafts into a journal and cuts them into one batch.
    func batch(
        _ drafts: [Draft], lane: Lane = .routine, isSealed: Bool = true, authored: Milliseconds? = nil
    ) throws -> VersionBatch {
        let journal = try #require(journals[lane])
        var journalist = Journalist(
            origin: journal.derivation.originID, sequence: journal.sequence, head: journal.head,
            authored: AuthoringMoment(
                time: authored ?? world.now, created: authored ?? world.now, isTrusted: true),
            hashing: HubFake.hashing, signing: HubFake.signing(key))
        var entries: [Journalist.Entry] = []
        for draft in drafts {
            let entry = try journalist.write(draft, onto: RecordState(), random: { Token16(using: &random) })
            {
                salts["\(lane) \($0) \($1)"]
            }
            for salt in entry.salts { salts["\(lane) \(salt.day) \(salt.retentionClass)"] = salt.salt }
            entries.append(entry)
        }
        let seals = isSealed ? [try journalist.seal()].compactMap { $0 } : []
        journals[lane]?.sequence = journalist.sequence
        journals[lane]?.head = journalist.head
        for head in [journal.head, journalist.head] { heads[ShortDigest(head)] = head }
        let rows = VersionColumns(entries.map(\.version))
        return VersionBatch(
            origin: journal.derivation.originID, first: journal.sequence + 1, headBefore: journal.head,
            headAfter: journalist.head, salts: entries.flatMap(\.salts), seals: seals, rows: rows,
            encodedRows: RowsCodec.encode(rows))
    }

    /// Versions that were written before, as a store writes them that was copied.
    func batch(again versions: [Version], lane: Lane) throws -> VersionBatch {
        let journal = try #require(journals[lane])
        let origin = journal.derivation.originID
        let written = versions.enumerated().map { index, version in
            var version = version
            version.authoredDot = version.firstName
            version.dot = Dot(origin: origin, sequence: journal.sequence + UInt64(index) + 1)
            return version
        }
        let rows = VersionColumns(written)
        var fresh: [SaltGrant] = []
        for needed in JournalChain.saltsNeeded(rows) {
            let name = "\(lane) \(needed.day) \(needed.retentionClass)"
            if salts[name] != nil { continue }
            let grant = SaltGrant(
                day: needed.day, retentionClass: needed.retentionClass, salt: Token16(using: &random))
            salts[name] = grant.salt
            fresh.append(grant)
        }
        let walk = try JournalChain(hashing: HubFake.hashing).walk(
            rows, origin: origin, first: journal.sequence + 1, from: journal.head
        ) { salt($0, $1, lane: lane) }
        let end = journal.sequence + UInt64(versions.count)
        let head = try #require(walk.heads.last)
        journals[lane]?.sequence = end
        journals[lane]?.head = head
        for head in [journal.head, head] { heads[ShortDigest(head)] = head }
        let statement = SealStatement.bytes(origin: origin, sequence: end, head: head)
        return VersionBatch(
            origin: origin, first: journal.sequence + 1, headBefore: journal.head, headAfter: head,
            salts: fresh, seals: [Seal(sequence: end, signature: HubFake.signature(statement, key))],
            rows: rows, encodedRows: RowsCodec.encode(rows))
    }

    @discardableResult
    func send(_ batch: VersionBatch) throws -> HubSession.Outcome {
        try #require(try store.ingest([Submission(session: session, batch: batch)], now: world.now).first)
    }

    @discardableResult
    func send(_ drafts: [Draft], lane: Lane = .routine) throws -> HubSession.Outcome {
        try send(try batch(drafts, lane: lane))
    }

    /// Reads the feed to its end.
    func drain(maximumItems: Int = 100) throws -> (versions: [Version], verdicts: [Verdict]) {
        var versions: [Version] = []
        var verdicts: [Verdict] = []
        while let page = try store.feed(for: session, after: feed, maximumItems: maximumItems) {
            #expect(page.token.isBeyond(feed))
            versions += (0..<page.versions.count).map { page.versions.version(at: $0) }
            verdicts += page.verdicts
            feed = page.token
            try store.confirmFeed(feed, of: session)
        }
        return (versions, verdicts)
    }
}

extension HubSession.Outcome {
    var receipt: Receipt? {
        if case .held(let receipt, _) = self { return receipt }
        return nil
    }
    var isHeld: Bool {
        if case .held = self { return true }
        return false
    }
    var refusal: RefusalCode? {
        if case .refused(let refuse) = self { return refuse.code }
        return nil
    }
}
