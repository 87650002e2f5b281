import Forms
import GRDB
import SyncCore
public import SyncStore
import SyncWire

extension SQLiteAgentStore {
    /// Recomputes the chains of the own journals from what is stored, and checks seals and receipts: one look
    /// at the store, an entry in memory at a time. Of versions of others a branch holds no evidence, but a
    /// check sum that finds damage: whether they are what others wrote is to be compared with the hub.
    public func verify() throws -> StoreVerification {
        try database.read { database in
            let verifier = try AgentVerifier(SQLiteAgentTables(database), means: verifyingMeans)
            try verifier.run()
            return verifier.result
        }
    }
}

/// Looks through own journals, closed ones first.
private final class AgentVerifier {
    private let tables: SQLiteAgentTables
    private let means: AgentMeans
    private let chain: JournalChain
    private var signatures: SignatureCheck
    private let spans: Set<Int64>
    private(set) var result = StoreVerification()
    private var damaged: Set<Dot> = []
    /// Where in the store: the origin's place in the list.
    private var order: UInt64 = 0

    private var database: Database { tables.database }

    init(_ tables: SQLiteAgentTables, means: AgentMeans) throws {
        self.tables = tables
        self.means = means
        chain = JournalChain(hashing: means.hashing)
        signatures = SignatureCheck(verifying: means.verifying)
        var forms = FormCatalog.builtIn
        for json in try tables.allForms() {
            if let form = try? FormCatalog.decode(json), let more = try? forms.adding(form) { forms = more }
        }
        spans = Set(Retention(forms, today: 0).spans.map { Int64($0) } + [0])
    }

    func run() throws {
        guard let configuration = try tables.configuration() else {
            throw StoreError(.notJoined, "this store has not joined a hub")
        }
        let hub = configuration.hubKeys
        if hub.identity(means.hashing) != configuration.hub || !hub.holds(means.hashing, means.verifying) {
            result.add(.init(.altered, nil, part: "configuration.hub_key"), order: 0)
        }
        let origins = try tables.ownOrigins()
        let isPutBack = try tables.identityEvents(limit: 1_000).contains { $0.kind == .hubPutBack }
        for (index, origin) in origins.enumerated() {
            order = UInt64(index) + 1
            let isCurrent = try tables.origins().contains { $0.id == origin.id }
            if try check(origin) {
                try checkReceipts(
                    of: origin, hub: hub, isWhole: isCurrent && !isPutBack)
            }
            result.journals.append(
                .init(
                    origin: origin.id, lane: origin.claim.lane, last: origin.sequence, head: origin.head,
                    from: origin.floor))
        }
        order = UInt64(origins.count) + 1
        try checkStrays(origins.map(\.id))
        try checkFed()
        signatures.finish()
        for table in ["version", "seal", "salt", "receipt", "origin"] {
            let row = try Prepared(database, "PRAGMA quick_check('\(table)')")
            defer { row.reset() }
            if try row.step(), row.text(0) != "ok" {
                result.add(.init(.altered, nil, part: "store.sqlite: \(row.text(0))"), order: .max)
            }
        }
    }

    private func damage(
        _ kind: StoreVerification.Kind, _ origin: OwnOrigin, _ range: ClosedRange<UInt64>? = nil,
        _ part: String, version: Version? = nil
    ) {
        if let range, range.count == 1 {
            damaged.insert(Dot(origin: origin.id, sequence: range.lowerBound))
        }
        result.add(
            .init(
                kind, origin.id, range, key: version?.key, authored: version?.authored, part: part),
            order: order)
    }

    // MARK: - One journal

    /// - Returns: false when the row says nothing that could be looked at further.
    private func check(_ origin: OwnOrigin) throws -> Bool {
        if origin.claim.derivation(publicKey: origin.publicKey, hashing: means.hashing) != origin.derivation {
            damage(.altered, origin, nil, "origin.derivation")
        }
        if try !isNamed(origin) { damage(.altered, origin, nil, "origin.id") }
        guard origin.sequence <= Limits.sequence, origin.floor >= 1, origin.floor <= origin.sequence + 1,
            origin.receipted <= origin.sequence
        else {
            damage(.altered, origin, nil, "origin.sequence")
            return false
        }
        if origin.floor == 1, origin.headBelow != origin.derivation {
            damage(.altered, origin, nil, "origin.head_below")
        }
        let salts = try SaltMemory(tables, of: origin.id)
        try walk(origin, salts)
        try checkSeals(of: origin)
        checkSalts(of: origin, salts)
        return true
    }

    /// Whether the row's own number is the one that its derivation says.
    private func isNamed(_ origin: OwnOrigin) throws -> Bool {
        let row = try Prepared(database, "SELECT 1 FROM origin WHERE id = ? AND derivation = ?")
        defer { row.reset() }
        row.bind(origin.id, at: 1)
        row.bind(origin.derivation.bytes, at: 2)
        return try row.step()
    }

    private func walk(_ origin: OwnOrigin, _ salts: SaltMemory) throws {
        let row = try Prepared(
            database,
            """
            SELECT v.sequence, v.head, v.body, v.authored, v.bytes, v.pruned, r.form, r.key, v.kept_from
            FROM version v
            LEFT JOIN record r ON r.id = v.record WHERE v.origin = ?1 AND v.sequence >= ?2
            AND (v.head IS NOT NULL OR v.sequence <= ?3) ORDER BY v.sequence
            """)
        defer { row.reset() }
        row.bind(origin.id, at: 1)
        row.bind(origin.floor, at: 2)
        // Beyond the end of one that was closed lies what its copy wrote, as a version of others.
        row.bind(origin.sequence, at: 3)
        var wanted = origin.floor
        // After damage the next entry may follow what is stored or what was computed.
        var bases = [origin.headBelow]
        while try row.step() {
            let sequence = row.word(0)
            if sequence > origin.sequence {
                damage(.inserted, origin, sequence...sequence, "version")
                continue
            }
            if sequence > wanted { damage(.dropped, origin, wanted...(sequence - 1), "version") }
            let isFollowing = sequence == wanted
            wanted = sequence + 1
            result.versions += 1
            let stored = Digest(bytes: row.bytes(1))
            let dot = Dot(origin: origin.id, sequence: sequence)
            let body = row.bytes(2)
            guard let columns = try? RowsCodec.decode(body), columns.count == 1 else {
                damage(.altered, origin, sequence...sequence, "version.body")
                bases = [stored ?? .zero]
                continue
            }
            let version = columns.version(at: 0, dot: dot)
            let heads = bases.map { head(of: columns, dot, after: $0, salts) }
            let isRight = stored != nil && heads.contains(stored)
            if isFollowing && !isRight {
                damage(.altered, origin, sequence...sequence, "version", version: version)
            } else if let part = lie(in: row, body, columns, about: version) {
                damage(.altered, origin, sequence...sequence, part, version: version)
            }
            bases = isRight ? [stored ?? .zero] : ([stored] + heads).compactMap { $0 }
            if bases.isEmpty { bases = [.zero] }
        }
        if wanted <= origin.sequence {
            damage(.dropped, origin, wanted...origin.sequence, "version")
        } else if !bases.contains(origin.head) {
            damage(.altered, origin, nil, "origin.head")
        }
    }

    /// chain(n) by what is stored of the version; nil where a salt is missing.
    private func head(
        of columns: VersionColumns, _ dot: Dot, after head: Digest, _ salts: SaltMemory
    ) -> Digest? {
        let walk = try? chain.walk(columns, origin: dot.origin, first: dot.sequence, from: head) {
            salts.salt(day: $0, retentionClass: $1, for: dot.sequence)
        }
        return walk?.heads.last
    }

    /// What stands beside the version and does not fit it; nil when all does.
    private func lie(
        in row: Prepared, _ body: [UInt8], _ columns: VersionColumns, about version: Version
    ) -> String? {
        if RowsCodec.encode(columns) != body { return "version.body" }
        if row.integer(3) != version.authored { return "version.authored" }
        let name = RecordName(version.key)
        if row.isNull(6) || row.bytes(6) != name.form || row.bytes(7) != name.key { return "version.record" }
        let beside = row.integer(4).subtractingClamped(Int64(Journalist.size(of: version)))
        // One that was written again under a new origin names more origins in its context than it did.
        if version.authoredDot == nil ? beside != 0 : beside % 12 != 0 { return "version.bytes" }
        if version.clockTrusted, row.integer(8) != Int64(SQLiteAgentTables.keptFrom(version)) {
            return "version.kept_from"
        }
        return spans.contains(row.integer(5)) ? nil : "version.pruned"
    }

    // MARK: - Seals and salts

    private func checkSeals(of origin: OwnOrigin) throws {
        let row = try Prepared(
            database,
            """
            SELECT s.sequence, s.signature, v.head FROM seal s
            LEFT JOIN version v ON v.origin = s.origin AND v.sequence = s.sequence
            WHERE s.origin = ? ORDER BY s.sequence
            """)
        defer { row.reset() }
        row.bind(origin.id, at: 1)
        var last: UInt64 = 0
        while try row.step() {
            let sequence = row.word(0)
            result.seals += 1
            last = max(last, sequence)
            let place = order
            guard sequence >= origin.floor, sequence <= origin.sequence,
                let head = Digest(bytes: row.bytes(2))
            else {
                damage(.seal, origin, sequence...sequence, "seal.sequence")
                continue
            }
            let id = origin.id
            signatures.add(
                SealStatement.bytes(origin: id, sequence: sequence, head: head), row.bytes(1),
                origin.publicKey
            ) { [unowned self] in
                // What was said about the entry already is why.
                if damaged.contains(Dot(origin: id, sequence: sequence)) { return }
                result.add(.init(.seal, id, sequence...sequence, part: "seal"), order: place)
            }
        }
        if origin.sequence >= origin.floor, last < origin.sequence {
            damage(.dropped, origin, origin.sequence...origin.sequence, "seal")
        }
    }

    /// A salt says where it was needed first.
    private func checkSalts(of origin: OwnOrigin, _ salts: SaltMemory) {
        for (name, found) in salts.uses
        where found.sequence != nil || found.firstUse >= origin.floor {
            let sequence = found.sequence ?? found.firstUse
            let isRight = found.firstUse == sequence || found.firstUse < origin.floor
            if !isRight, !damaged.contains(Dot(origin: origin.id, sequence: sequence)) {
                damage(
                    .altered, origin, sequence...sequence,
                    "salt.first_use \(name.day)/\(name.retentionClass)")
            }
        }
    }

    // MARK: - Receipts

    private func checkReceipts(of origin: OwnOrigin, hub: HubKeyring, isWhole: Bool) throws {
        let kept: [KeptReceipt]
        do { kept = try tables.receipts(of: origin.id, reaching: 0) } catch {
            return damage(.altered, origin, nil, "receipt")
        }
        let epoch = try tables.session().epoch
        var present: UInt64 = 0
        var highest: UInt64 = 0
        for kept in kept {
            let receipt = kept.receipt
            result.receipts += 1
            highest = max(highest, receipt.sequence)
            if kept.epoch == epoch { present = max(present, receipt.sequence) }
            let (id, place) = (origin.id, order)
            signatures.add(
                receipt.statement(hub: hub.identity(means.hashing), epoch: kept.epoch), receipt.signature,
                anyOf: hub.signers
            ) { [unowned self] in
                result.add(
                    .init(.receipt, id, receipt.sequence...receipt.sequence, part: "receipt"), order: place)
            }
            if receipt.sequence > origin.sequence {
                if isWhole {
                    damage(
                        .dropped, origin, (origin.sequence + 1)...receipt.sequence, "version")
                }
                continue
            }
            let head = try? TableAgentStore.ownHead(origin, at: receipt.sequence, in: tables)
            if let head, head != receipt.head,
                !damaged.contains(Dot(origin: origin.id, sequence: receipt.sequence))
            {
                damage(.altered, origin, receipt.sequence...receipt.sequence, "receipt.head")
            }
        }
        guard isWhole else { return }
        if origin.receipted > highest || origin.receipted < min(present, origin.sequence) {
            damage(.altered, origin, nil, "origin.receipted")
        }
    }

    // MARK: - What others wrote

    private func checkFed() throws {
        let row = try Prepared(
            database,
            """
            SELECT v.origin, v.sequence, v.body, v.authored, v.kept_from, v.pruned, v.check_sum, v.bytes,
            r.form, r.key FROM version v LEFT JOIN record r ON r.id = v.record WHERE v.head IS NULL
            """)
        defer { row.reset() }
        while try row.step() {
            let dot = Dot(origin: row.word(0), sequence: row.word(1))
            let version = try? AgentCodec.version(row.bytes(2), dot: dot)
            guard let part = fault(in: row, dot, of: version) else { continue }
            result.add(
                .init(
                    .altered, dot.origin, dot.sequence...dot.sequence, key: version?.key,
                    authored: version?.authored, part: part), order: order)
        }
    }

    /// What of the row does not fit; nil when all does.
    private func fault(in row: Prepared, _ dot: Dot, of version: Version?) -> String? {
        guard let version, !row.isNull(6),
            row.integer(6) == Int64(AgentCodec.checkSum(dot, row.bytes(2)))
        else { return "version.body" }
        if row.integer(3) != version.authored { return "version.authored" }
        let name = RecordName(version.key)
        if row.isNull(8) || row.bytes(8) != name.form || row.bytes(9) != name.key { return "version.record" }
        if version.clockTrusted, row.integer(4) != Int64(SQLiteAgentTables.keptFrom(version)) {
            return "version.kept_from"
        }
        if row.integer(7) != 0 { return "version.bytes" }
        return spans.contains(row.integer(5)) ? nil : "version.pruned"
    }

    // MARK: - What belongs to no journal

    private func checkStrays(_ own: [OriginID]) throws {
        let ids = own.map { "\(Int64(bitPattern: $0))" }.joined(separator: ", ")
        for table in ["seal", "salt", "receipt"] {
            let row = try Prepared(
                database, "SELECT origin FROM \(table) WHERE origin NOT IN (\(ids)) LIMIT 1")
            defer { row.reset() }
            if try row.step() { result.add(.init(.inserted, row.word(0), part: table), order: order) }
        }
        let row = try Prepared(
            database,
            """
            SELECT origin, sequence FROM version WHERE head IS NOT NULL AND origin NOT IN (\(ids))
            LIMIT 1
            """)
        defer { row.reset() }
        guard try row.step() else { return }
        result.add(
            .init(.inserted, row.word(0), row.word(1)...row.word(1), part: "version.origin"), order: order)
    }
}

/// The salts of one origin, and where each was needed first.
private final class SaltMemory {
    typealias Name = SegmentPurge.SaltName
    struct Use {
        var salt: Token16?
        var firstUse: UInt64
        var sequence: UInt64?
    }

    private(set) var uses: [Name: Use] = [:]

    init(_ tables: SQLiteAgentTables, of origin: OriginID) throws {
        let row = try Prepared(
            tables.database, "SELECT day, class, salt, first_use FROM salt WHERE origin = ?")
        defer { row.reset() }
        row.bind(origin, at: 1)
        while try row.step() {
            guard let day = Int32(exactly: row.integer(0)), let kind = UInt8(exactly: row.integer(1)) else {
                continue
            }
            let name = Name(day: day, retentionClass: kind)
            uses[name] = Use(salt: Token16(bytes: row.bytes(2)), firstUse: row.word(3))
        }
    }

    func salt(day: Int32, retentionClass: RetentionClass, for sequence: UInt64) -> Token16? {
        let name = Name(day: day, retentionClass: retentionClass)
        guard let use = uses[name] else { return nil }
        if use.sequence == nil { uses[name]?.sequence = sequence }
        return use.salt
    }
}
