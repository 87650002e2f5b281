import Forms
public import SyncCore
public import SyncStore
import SyncWire

extension SQLiteHubStore {
    /// Recomputes every chain from what is stored, and checks seals, receipts and the arrival log: one look
    /// at the store, a segment in memory at a time.
    public func verify() throws -> StoreVerification {
        try connection.read {
            let verifier = try HubVerifier(self)
            try verifier.run()
            return verifier.result
        }
    }

    /// SHA-256 of the key that the store was made with.
    public func knownHub() throws -> Digest {
        let kept = try connection.first("SELECT value FROM meta WHERE name = 'hub_key'") { $0.bytes(0) }
        return Digest(bytes: kept ?? []) ?? .zero
    }

    /// The chain head of any origin there; nil where it is not held.
    public func head(of id: OriginID, at sequence: UInt64) throws -> Digest? {
        try connection.read {
            guard let origin = try origin(id), sequence <= origin.held else { return nil }
            if sequence == 0 { return origin.derivation }
            if sequence == origin.held { return origin.head }
            guard let walked = try walk(origin, over: sequence), walked.range.contains(sequence) else {
                return nil
            }
            return walked.heads[Int(sequence - walked.range.lowerBound)]
        }
    }
}

/// Looks through the segments in the order in which they came.
private final class HubVerifier {
    private struct Journal {
        var origin: HubOrigin
        /// Under which its seals are made; nil when the device is not known.
        var publicKey: [UInt8]?
        var held: UInt64 = 0
        var head: Digest
        var sealed: UInt64 = 0
        var sealedHead: Digest
        /// What lies beyond cannot be told from one that was dropped before.
        var isBroken = false
    }

    private let store: SQLiteHubStore
    private let chain: JournalChain
    private let hub: HubKeyring
    private var journals: [Int64: Journal] = [:]
    private var signatures: SignatureCheck
    private var position: UInt64 = 0
    /// After damage the next one may follow what is stored or what was computed.
    private var logHashes = [Digest.zero]
    private let purgeDay: Int32?
    private let retention: Retention?
    private(set) var result = StoreVerification()

    init(_ store: SQLiteHubStore) throws {
        self.store = store
        chain = store.judge.chain
        signatures = SignatureCheck(verifying: store.means.verifying)
        let hub = store.keys
        self.hub = hub
        let keys = try store.connection.all("SELECT id, public_key, fingerprint FROM device") {
            (id: $0.int(0), key: $0.bytes(1), print: $0.bytes(2))
        }
        purgeDay = try store.connection.first("SELECT value FROM meta WHERE name = 'purge_day'") {
            Int32(clamping: $0.int(0))
        }
        retention = try? store.loadedChecks().retention
        for origin in try store.loadedOrigins().values {
            let device = keys.first { $0.id == origin.device }
            let isOwn = origin.device == nil
            // Each journal of the hub's own is of the key that it had when it opened that one.
            let ownKey =
                hub.signers.first {
                    origin.claim.derivation(publicKey: $0, hashing: store.means.hashing) == origin.derivation
                } ?? hub.first
            if let device, store.means.hashing(device.key).bytes != device.print {
                result.add(.init(.altered, origin.id, part: "device.public_key"), order: 0)
            }
            journals[origin.number] = Journal(
                origin: origin, publicKey: isOwn ? ownKey : device?.key, head: origin.derivation,
                sealedHead: origin.derivation)
        }
    }

    func run() throws {
        checkHubKey()
        for number in journals.keys.sorted() { try checkName(of: number) }
        let statement = try HubStatement(
            store.connection.handle,
            "SELECT \(HubSegment.columns), log_hash, print, due FROM segment ORDER BY position")
        while try statement.step() { try check(statement) }
        signatures.finish()
        try checkOrigins()
        signatures.finish()
        try checkSums()
        try checkNodes()
        try checkFile()
        for journal in journals.values.sorted(by: { $0.origin.number < $1.origin.number })
        where journal.held > 0 {
            result.journals.append(
                .init(
                    origin: journal.origin.id, lane: journal.origin.lane, last: journal.held,
                    head: journal.head, from: 1))
        }
    }

    // MARK: - Keys and names

    private func checkHubKey() {
        let known = try? store.connection.first("SELECT value FROM meta WHERE name = 'hub_key'") {
            $0.bytes(0)
        }
        if known != store.hub.bytes || !hub.holds(store.means.hashing, store.means.verifying) {
            result.add(.init(.altered, nil, part: "meta.hub_public_key"), order: 0)
        }
    }

    private func checkName(of number: Int64) throws {
        guard let journal = journals[number] else { return }
        let origin = journal.origin
        let id = try store.connection.first("SELECT id FROM origin WHERE num = ?", .int(number)) {
            $0.word(0)
        }
        if id != origin.id { result.add(.init(.altered, origin.id, part: "origin.id"), order: 0) }
        guard let key = journal.publicKey else {
            return result.add(.init(.dropped, origin.id, part: "device"), order: 0)
        }
        if origin.claim.derivation(publicKey: key, hashing: store.means.hashing) != origin.derivation {
            result.add(.init(.altered, origin.id, part: "origin.derivation"), order: 0)
        }
    }

    // MARK: - Segments

    private func check(_ row: HubStatement) throws {
        let segment: HubSegment
        let (log, print): (Digest, [UInt8])
        do {
            segment = try HubSegment(row)
            (log, print) = (try row.digest(14), row.bytes(15))
        } catch is StoreError {
            position = row.word(0)
            return damage(.altered, row.int(1), row.word(2)...max(row.word(2), row.word(3)), "segment")
        }
        if segment.position != position + 1 {
            let missing = position + 1
            result.add(
                .init(
                    segment.position > missing ? .dropped : .inserted, nil,
                    part: "segment.position \(missing)"),
                order: missing)
        }
        position = segment.position
        guard var journal = journals[segment.origin] else {
            return damage(.altered, segment.origin, segment.first...segment.first, "segment.origin")
        }
        guard segment.first > 0, segment.first <= segment.last, segment.last <= Limits.sequence else {
            return damage(.altered, segment.origin, range(segment), "segment.first")
        }
        let before = result.damages.count + result.more
        try place(segment, &journal)
        try walk(segment, &journal)
        journals[segment.origin] = journal
        try checkPrint(segment, print, due: row.isNull(16) ? nil : row.int(16), isNew: before)
        let expected = logHashes.map {
            ArrivalLog.next(
                $0, position: segment.position, origin: journal.origin.id, first: segment.first,
                last: segment.last, head: segment.after, hashing: store.means.hashing)
        }
        if expected.contains(log) {
            logHashes = [log]
        } else {
            if result.damages.count + result.more == before {
                damage(.altered, segment.origin, range(segment), "segment.log_hash")
            }
            logHashes = [log] + expected.prefix(2)
        }
    }

    private func range(_ segment: HubSegment) -> ClosedRange<UInt64> {
        segment.first...max(segment.first, segment.last)
    }

    private func damage(
        _ kind: StoreVerification.Kind, _ number: Int64, _ range: ClosedRange<UInt64>, _ part: String,
        version: Version? = nil
    ) {
        result.add(
            .init(
                kind, journals[number]?.origin.id, range, key: version?.key, authored: version?.authored,
                part: part), order: position)
    }

    /// Whether the segment follows what came before it of its origin.
    private func place(_ segment: HubSegment, _ journal: inout Journal) throws {
        let wanted = journal.held + 1
        if segment.first > wanted {
            let missing = wanted...(segment.first - 1)
            if try isHole(missing, before: segment.before, journal) {
                result.holes += missing.upperBound - missing.lowerBound + 1
            } else {
                let isLater = try store.connection.first(
                    "SELECT 1 FROM segment WHERE origin = ? AND first = ? AND position > ?",
                    .int(segment.origin), .word(wanted), .word(segment.position)
                ) { _ in true }
                damage(isLater == true ? .moved : .dropped, segment.origin, missing, "segment")
            }
        } else if segment.first < wanted {
            damage(journal.isBroken ? .moved : .inserted, segment.origin, range(segment), "segment")
        } else if segment.before != journal.head {
            damage(.altered, segment.origin, wanted...wanted, "segment.head_before")
        }
        if segment.first != wanted { journal.isBroken = true }
    }

    /// Whether the hub has recorded, with a receipt of its own of an earlier epoch, that these are missing.
    private func isHole(
        _ missing: ClosedRange<UInt64>, before: Digest, _ journal: Journal
    ) throws -> Bool {
        let found = try store.connection.first(
            """
            SELECT head, sequence, receipt_head, time, epoch, signature FROM hole
            WHERE origin = ? AND last = ?
            """, .int(journal.origin.number), .word(missing.upperBound)
        ) { row in
            (
                head: try row.digest(0),
                receipt: Receipt(
                    origin: journal.origin.id, sequence: row.word(1), head: try row.digest(2),
                    time: row.int(3), signature: row.bytes(5)), epoch: Token16(bytes: row.bytes(4)) ?? .zero
            )
        }
        guard let found, found.head == before else { return false }
        let hole = Hole(
            sequence: missing.upperBound, head: found.head, receipt: found.receipt, epoch: found.epoch)
        return store.judge.judge(hole, of: journal.origin, hub: hub, epoch: nil) == nil
    }

    // MARK: - Entries

    private func walk(_ segment: HubSegment, _ journal: inout Journal) throws {
        defer {
            journal.held = segment.last
            journal.head = segment.after
        }
        let rows: VersionColumns
        do { rows = try RowsCodec.decode(segment.rows) } catch {
            return damage(.altered, segment.origin, range(segment), "segment.rows")
        }
        guard segment.last >= segment.first, UInt64(rows.count) == segment.last - segment.first + 1 else {
            return damage(.altered, segment.origin, range(segment), "segment.rows")
        }
        result.versions += rows.count
        let (heads, bad) = try heads(of: segment, rows, journal.origin)
        let id = journal.origin.id
        func entry(_ row: Int) -> Version {
            rows.version(at: row, dot: Dot(origin: id, sequence: segment.first + UInt64(row)))
        }
        let marks = HubSegment.marks(heads)
        let strayed = zip(stride(from: 0, to: marks.count, by: 2), 0...).first { at, _ in
            at + 1 >= segment.marks.count || marks[at] != segment.marks[at]
                || marks[at + 1] != segment.marks[at + 1]
        }?.1
        if let row = [bad, strayed].compactMap({ $0 }).min() {
            let sequence = segment.first + UInt64(row)
            damage(.altered, segment.origin, sequence...sequence, "segment.rows", version: entry(row))
        } else if segment.marks.count != marks.count || heads.last != segment.after {
            damage(.altered, segment.origin, range(segment), "segment.head_after")
        }
        try checkSeals(of: segment, heads, &journal, entry)
        checkDays(of: segment, rows)
    }

    /// The heads as they come out of what is stored, and the first row that is not what was hashed.
    private func heads(
        of segment: HubSegment, _ rows: VersionColumns, _ origin: HubOrigin
    ) throws -> ([Digest], Int?) {
        var failure: (any Error)?
        func salt(_ day: Int32, _ retentionClass: RetentionClass) -> Token16? {
            do {
                return try store.salt(of: origin, day: day, retentionClass: retentionClass)
            } catch {
                failure = error
                return nil
            }
        }
        defer { failure = nil }
        if let bytes = segment.kept {
            guard let kept = KeptCodec.decode(bytes) else { return ([], 0) }
            result.purged += kept.count
            let found = chain.walk(
                rows, origin: origin.id, first: segment.first, from: segment.before, kept: kept, salt: salt)
            if let failure { throw failure }
            return (found.walk.heads, found.strayed)
        }
        do throws(JournalChain.Failure) {
            let walk = try chain.walk(
                rows, origin: origin.id, first: segment.first, from: segment.before, salt: salt)
            return (walk.heads, nil)
        } catch {
            if let failure { throw failure }
            guard case .saltMissing(let day, let retentionClass) = error else { return ([], 0) }
            let row = JournalChain.saltsNeeded(rows).first {
                $0.day == day && $0.retentionClass == retentionClass
            }?.row
            return ([], row ?? 0)
        }
    }

    private func checkSeals(
        of segment: HubSegment, _ heads: [Digest], _ journal: inout Journal, _ entry: (Int) -> Version
    ) throws {
        let seals: [Seal]
        do { seals = try SQLiteHubStore.seals(segment.seals) } catch {
            return damage(.altered, segment.origin, range(segment), "segment.seals")
        }
        var last: UInt64 = 0
        for seal in seals {
            result.seals += 1
            guard seal.sequence > last, range(segment).contains(seal.sequence),
                let key = journal.publicKey
            else {
                damage(.seal, segment.origin, range(segment), "segment.seals")
                continue
            }
            last = seal.sequence
            let row = Int(seal.sequence - segment.first)
            guard row < heads.count else { continue }
            let head = heads[row]
            (journal.sealed, journal.sealedHead) = (seal.sequence, head)
            let (number, place) = (segment.origin, position)
            let version = entry(row)
            signatures.add(
                SealStatement.bytes(origin: journal.origin.id, sequence: seal.sequence, head: head),
                seal.signature, key
            ) { [unowned self] in
                result.add(
                    .init(
                        .seal, journals[number]?.origin.id, version.dot.sequence...version.dot.sequence,
                        key: version.key, authored: version.authored, part: "segment.seals"), order: place)
            }
        }
    }

    // MARK: - What stands beside the rows

    private func checkDays(of segment: HubSegment, _ rows: VersionColumns) {
        let gone = Set(HubBytes.rows(segment.gone))
        let days = (0..<rows.count).filter { !gone.contains($0) }
            .map { Int64(JournalChain.day(of: rows.authored[$0])) }
        guard let first = days.min(), let last = days.max() else { return }
        let fits = segment.authored.lowerBound <= first && segment.authored.upperBound >= last
        if !fits || (segment.kept == nil && segment.authored != first...last) {
            damage(.altered, segment.origin, range(segment), "segment.authored_from")
        }
    }

    /// - Parameter isNew: damages before this segment; what is found already need not be said twice.
    private func checkPrint(_ segment: HubSegment, _ print: [UInt8], due: Int64?, isNew before: Int) throws {
        let now = segment.print(store.means.hashing)
        if Array(print.prefix(Digest.size)) != now.bytes {
            if result.damages.count + result.more == before {
                damage(.altered, segment.origin, range(segment), "segment")
            }
        } else if segment.kept != nil {
            let number = segment.origin
            let (place, entries) = (position, range(segment))
            signatures.add(
                PurgeStatement.bytes(hub: store.hub, print: now),
                Array(print.dropFirst(Digest.size)), anyOf: hub.signers
            ) { [unowned self] in
                result.add(
                    .init(.receipt, journals[number]?.origin.id, entries, part: "segment.print"),
                    order: place)
            }
        } else if print.count != Digest.size {
            damage(.altered, segment.origin, range(segment), "segment.print")
        }
        try checkDue(segment, due, isNew: before)
    }

    /// When the segment is to be looked at for what is over; a later day would keep what may not be kept.
    private func checkDue(_ segment: HubSegment, _ due: Int64?, isNew before: Int) throws {
        guard let retention, result.damages.count + result.more == before,
            let rows = try? RowsCodec.decode(segment.rows)
        else { return }
        let gone = Set(HubBytes.rows(segment.gone))
        let isBlank = gone.count == rows.count
        let first = isBlank ? nil : retention.firstDayOver(rows).map { Int64($0) }
        // A look puts it off while the salts are in use, and never comes twice on a day.
        let latest = first.map {
            max($0, min(segment.authored.upperBound, 1 << 40) + 2, purgeDay.map { Int64($0) + 1 } ?? $0)
        }
        let isRight: Bool
        switch (first, due, latest) {
        case (let first?, let due?, let latest?): isRight = (first...max(first, latest)).contains(due)
        case (nil, nil, _): isRight = true
        default: isRight = segment.kept != nil
        }
        if !isRight { damage(.altered, segment.origin, range(segment), "segment.due") }
    }

    // MARK: - Origins

    private func checkOrigins() throws {
        for number in journals.keys.sorted() {
            guard let journal = journals[number] else { continue }
            let origin = journal.origin
            let end = UInt64.max
            var held = journal.held
            var head = journal.head
            if origin.passed > held, origin.held == origin.passed {
                // Nothing has come behind a hole yet.
                if try isHole((held + 1)...origin.passed, before: origin.head, journal) {
                    result.holes += origin.passed - held
                    (held, head) = (origin.passed, origin.head)
                }
            }
            if origin.held > held {
                result.add(
                    .init(.dropped, origin.id, (held + 1)...origin.held, part: "segment"), order: end)
            } else if origin.held < held {
                result.add(
                    .init(.inserted, origin.id, (origin.held + 1)...held, part: "origin.held"), order: end)
            } else if origin.head != head {
                result.add(.init(.altered, origin.id, part: "origin.head"), order: end)
            }
            if origin.sealed != journal.sealed || origin.sealedHead != journal.sealedHead {
                result.add(.init(.altered, origin.id, part: "origin.sealed"), order: end)
            }
            try checkMarks(of: origin, order: end)
            guard let receipt = origin.receipt else { continue }
            result.receipts += 1
            signatures.add(
                receipt.statement(hub: store.hub, epoch: try store.epoch),
                receipt.signature, anyOf: hub.signers
            ) { [unowned self] in
                result.add(
                    .init(.receipt, origin.id, origin.sealed...origin.sealed, part: "origin.receipt"),
                    order: end)
            }
        }
    }

    /// What no chain proves: which replica writes to an origin, and how its sessions stand.
    private func checkSums() throws {
        for number in try store.damaged(HubCheckSum.origin) {
            result.add(.init(.altered, journals[number]?.origin.id, part: "origin"), order: .max)
        }
        for number in try store.damaged(HubCheckSum.replica) {
            result.add(.init(.altered, nil, part: "replica \(number)"), order: .max)
        }
    }

    /// Under which lines units have stood: who is fed what hangs on it, and the tree and the memberships say
    /// which there must be.
    private func checkNodes() throws {
        let rows = try store.connection.all("SELECT num, line FROM node ORDER BY num") {
            (number: $0.int(0), bytes: $0.bytes(1))
        }
        var seen: Set<[Int64]> = []
        for (number, bytes) in rows {
            let line = HubBytes.line(bytes)
            let isNumbered = number >= HubNode.first || line.first == number
            if bytes.count % 8 != 0 || line.isEmpty || line.contains(where: { $0 <= 0 }) || !isNumbered
                || Set(line).count != line.count || !seen.insert(line).inserted
            {
                result.add(.init(.altered, nil, part: "node \(number)"), order: .max)
            }
        }
        // A store of a program before keeps none of what this one will make.
        guard !rows.isEmpty, try store.keepsAllNodes() else { return }
        store.register = nil
        defer { store.register = nil }
        for line in try store.loadedRegister().freshLines {
            let unit = line.first.flatMap { try? store.terms.text(of: $0) } ?? []
            result.add(
                .init(.dropped, nil, part: "node of \(String(decoding: unit, as: UTF8.self))"), order: .max)
        }
    }

    /// How far a journal is said to be safe elsewhere: branches let go of what is over by that.
    private func checkMarks(of origin: HubOrigin, order: UInt64) throws {
        let passed = try store.connection.first(
            "SELECT max(last) FROM hole WHERE origin = ?", .int(origin.number)
        ) { $0.isNull(0) ? 0 : $0.word(0) }
        if origin.passed != passed ?? 0 {
            result.add(.init(.altered, origin.id, part: "origin.passed"), order: order)
        }
        if origin.backedUp > origin.settled {
            result.add(.init(.altered, origin.id, part: "origin.backed_up"), order: order)
        }
    }

    /// What SQLite itself finds broken in the file.
    private func checkFile() throws {
        for table in ["segment", "salt", "origin", "replica", "device", "hole", "node"] {
            let said = try store.connection.all("PRAGMA quick_check('\(table)')") { $0.text(0) }
            if let first = said.first, first != "ok" {
                result.add(.init(.altered, nil, part: "store.sqlite: \(first)"), order: .max)
            }
        }
    }
}
