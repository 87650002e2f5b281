import Forms
public import SyncCore
public import SyncStore
import SyncWire

extension SQLiteHubStore {
    /// Takes all of them in one transaction.
    func commit(
        _ submissions: [Submission], claim: StoreClaim, now: Milliseconds,
        progress: (IngestStage) -> Void
    ) throws -> [HubSession.Outcome] {
        try connection.write(claim) {
            var touched: Set<OriginID> = []
            var outcomes: [HubSession.Outcome] = []
            for (index, submission) in submissions.enumerated() {
                progress(.judging(index))
                let outcome = try take(submission, now: now) { progress(.applying(index)) }
                if case .held = outcome { touched.insert(submission.batch.origin) }
                outcomes.append(outcome)
            }
            progress(.committing)
            for id in touched.sorted() { try renewReceipt(of: id, now: now) }
            return try zip(submissions, outcomes).map { submission, outcome in
                guard case .held(_, let position) = outcome else { return outcome }
                return .held(receipt: try origin(submission.batch.origin)?.receipt, position: position)
            }
        }
    }

    /// Takes one batch behind a savepoint. Only what concerns the whole store is thrown.
    private func take(
        _ submission: Submission, now: Milliseconds, willApply: () -> Void
    ) throws -> HubSession.Outcome {
        do {
            return try connection.savepoint { try judgeAndTake(submission, now: now, willApply: willApply) }
        } catch let error as HubBatchError {
            return .refused(Refuse(.protocolError, words: error.words))
        }
    }

    private func judgeAndTake(
        _ submission: Submission, now: Milliseconds, willApply: () -> Void
    ) throws -> HubSession.Outcome {
        let batch = submission.batch
        if let refuse = try refusal(of: submission.session) { return .refused(refuse) }
        guard let sender = try sender(submission.session.device) else {
            return .refused(Refuse(.unknownDevice))
        }
        guard let origin = try origin(batch.origin), origin.device == submission.session.device else {
            return .refused(Refuse(.originOfAnother, words: "the origin was not in this device's Hello"))
        }
        var failure: (any Error)?
        let judgement = judge.judge(
            batch, part: submission.part?.range, of: origin, publicKey: sender.publicKey
        ) { day, retentionClass in
            do {
                return try salt(of: origin, day: day, retentionClass: retentionClass)
            } catch {
                failure = error
                return nil
            }
        }
        if let failure { throw failure }
        switch judgement {
        case .held: return .held(receipt: nil, position: try logEnd().position)
        case .gap(let gap): return .gap(gap)
        case .fork(let fork): return .fork(fork)
        case .refused(let refuse): return .refused(refuse)
        case .fresh(let walk, let sealed):
            if submission.session.isSurrender, try !mayHandOver(batch, submission.session.device) {
                return .refused(.surrenderedEnough)
            }
            let day = HubDay.number(of: now)
            var dayBytes = sender.day == day ? sender.dayBytes : 0
            // What a person at the centre takes in by hand is not counted.
            if !submission.session.isSurrender, !submission.session.isCarried {
                let bytes = bytes(of: batch)
                guard HubDay.fits(bytes, in: origin.lane, taken: dayBytes, limit: means.dayLimit) else {
                    return .refused(.dayIsFull(now))
                }
                dayBytes += Int64(bytes)
            }
            willApply()
            let unit = try terms.number(of: sender.unit)
            let part = submission.part ?? Submission.Part(batch.first...batch.last)
            let reason =
                submission.session.isSurrender ? Reason.revokedDevice : part.isRaw ? Reason.trap : nil
            let position = try apply(
                batch.part(part.range, walk: walk, before: origin.head), heldBackFor: reason, of: origin,
                walk: walk, sealed: sealed, unit: unit, now: now)
            try connection.run(
                "UPDATE replica SET token_rival = NULL WHERE id = ? AND token_rival IS NOT NULL",
                .int(submission.session.replica))
            if connection.changes > 0 { try sumUp(replica: submission.session.replica) }
            try noteArrival(
                of: part.range.count, in: origin.lane, from: submission.session.device, on: day,
                bytes: dayBytes)
            return .held(receipt: nil, position: position)
        }
    }

    public func pass(_ hole: Hole, for session: SessionRef, now: Milliseconds) throws -> HubSession.Outcome {
        try connection.write(.vital) {
            if let refuse = try refusal(of: session) { return .refused(refuse) }
            guard var origin = try origin(hole.origin), origin.device == session.device else {
                return .refused(Refuse(.originOfAnother, words: "the origin was not in this device's Hello"))
            }
            if hole.sequence > origin.held {
                if let refuse = judge.judge(
                    hole, of: origin, hub: keys, epoch: session.isSurrender ? nil : try epoch)
                {
                    return .refused(refuse)
                }
                let first = origin.held + 1
                try audit(
                    IdentityAudit.holePassed, device: session.device,
                    detail: "\(hole.sequence - origin.held) versions: "
                        + Hex.encode(HubBytes.bigEndian(hole.origin)) + "/\(first)-\(hole.sequence)",
                    at: now)
                try connection.run(
                    "INSERT INTO hole VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", .int(origin.number), .word(first),
                    .word(hole.sequence), .digest(hole.head), .word(hole.receipt.sequence),
                    .digest(hole.receipt.head), .int(hole.receipt.time), .blob(hole.epoch.bytes),
                    .blob(hole.receipt.signature))
                origin.held = hole.sequence
                origin.head = hole.head
                origin.passed = hole.sequence
                try save(origin)
            }
            return .held(receipt: origin.receipt, position: try logEnd().position)
        }
    }

    private func refusal(of session: SessionRef) throws -> Refuse? {
        guard let sender = try sender(session.device) else { return Refuse(.unknownDevice) }
        guard try session.isCarried || isLatest(session) else { return Refuse(.replaced) }
        switch sender.state {
        case .active: return nil
        case .pending: return Refuse(.pendingDevice)
        case .revoked: return session.isSurrender ? nil : .revoked
        }
    }

    /// Whoever holds a revoked device does not fill the hub's disk.
    private func mayHandOver(_ batch: VersionBatch, _ device: Int64) throws -> Bool {
        try connection.run(
            "UPDATE device SET surrendered = surrendered + ?1 WHERE id = ?2 AND surrendered + ?1 <= ?3",
            .int(Int64(bytes(of: batch))), .int(device), .int(Int64(means.surrenderLimit)))
        return connection.changes > 0
    }

    private func bytes(of batch: VersionBatch) -> Int {
        batch.encodedRows.isEmpty ? RowsCodec.encode(batch.rows).count : batch.encodedRows.count
    }

    /// Writes a judged batch: rows, verdicts, feed, counters, segment.
    ///
    /// - Parameter reason: why nothing of it counts; nil when it is looked into.
    private func apply(
        _ batch: VersionBatch, heldBackFor reason: String?, of origin: HubOrigin, walk: JournalChain.Walk,
        sealed: (sequence: UInt64, head: Digest)?, unit: Int64, now: Milliseconds
    ) throws -> UInt64 {
        let isFrozen = try store(batch.salts, of: origin)
        var pending = HubPending(
            origin: origin, first: batch.first, count: batch.count, unit: unit, now: now,
            today: try loadedChecks().zone.day(of: now))
        pending.knownTerms = try terms.last()
        pending.heads = walk.heads
        if isFrozen { pending.kept = try hashes(of: batch, origin) }
        if let reason {
            try setAside(batch, for: reason, &pending)
        } else {
            try apply(batch.rows, &pending)
        }
        return try log(batch, sealed: sealed, &pending)
    }

    /// The class hashes of a batch that comes with salts that are not kept again.
    private func hashes(of batch: VersionBatch, _ origin: HubOrigin) throws -> [KeptHashes] {
        var failure: (any Error)?
        do throws(JournalChain.Failure) {
            return try judge.chain.hashes(batch.rows, origin: origin.id, first: batch.first) { day, wanted in
                if let grant = batch.salts.first(where: { $0.day == day && $0.retentionClass == wanted }) {
                    return grant.salt
                }
                do {
                    return try salt(of: origin, day: day, retentionClass: wanted)
                } catch {
                    failure = error
                    return nil
                }
            }
        } catch {
            throw failure ?? StoreError(.corrupt, "a salt of a judged batch is missing")
        }
    }

    /// Quarantines every version without looking into it.
    private func setAside(_ batch: VersionBatch, for reason: String, _ pending: inout HubPending) throws {
        for row in 0..<batch.count {
            try holdBack(row, reason, field: 0, of: batch.rows, &pending)
            guard reason == Reason.trap else { continue }
            let dot = batch.dot(at: row)
            try audit(
                "set_aside", device: pending.origin.device,
                detail: Hex.encode(HubBytes.bigEndian(dot.origin)) + "/\(dot.sequence)", at: pending.now)
        }
    }

    public func suspicion() throws -> [UInt8] {
        try connection.first("SELECT value FROM meta WHERE name = 'suspicion'") { $0.bytes(0) } ?? []
    }

    public func keep(suspicion: [UInt8]) throws {
        try connection.write(.vital) {
            try connection.run(
                "INSERT OR REPLACE INTO meta (name, value) VALUES ('suspicion', ?)", .blob(suspicion))
        }
    }

    /// Appends a batch whose rows are applied to the arrival log, with all that is kept beside it.
    func log(
        _ batch: VersionBatch, sealed: (sequence: UInt64, head: Digest)?, _ pending: inout HubPending
    ) throws -> UInt64 {
        let end = try logEnd()
        let position = end.position + 1
        guard let head = pending.heads.last else { throw StoreError(.corrupt, "a batch without heads") }
        let hash = ArrivalLog.next(
            end.hash, position: position, origin: batch.origin, first: batch.first, last: batch.last,
            head: head, hashing: means.hashing)
        var seals: [UInt8] = []
        for seal in batch.seals {
            seals +=
                HubBytes.bigEndian(seal.sequence) + HubBytes.bigEndian(UInt64(seal.signature.count))
                + seal.signature
        }
        let rows = batch.encodedRows.isEmpty ? RowsCodec.encode(batch.rows) : batch.encodedRows
        let due = try loadedChecks().retention.firstDayOver(batch.rows)
        let segment = HubSegment(
            position: position, origin: pending.origin, batch: batch, arrived: pending.now,
            heads: pending.heads, kept: pending.kept, seals: seals, rows: rows)
        try insert(segment, hash: hash, due: due)
        recentArrivals.add(HubArrival(arrived: pending.now, rows: batch.rows), at: position)
        try place(batch.rows, &pending)
        try rescope(pending, at: position)
        try storeVerdicts(pending, at: position)
        try storeFeed(pending, at: position)
        try storeCounters(pending)
        var origin = pending.origin
        origin.held = batch.last
        origin.head = head
        if let sealed {
            origin.sealed = sealed.sequence
            origin.sealedHead = sealed.head
        }
        try save(origin)
        return position
    }

    private func insert(_ segment: HubSegment, hash: Digest, due: Int32?) throws {
        try connection.run(
            """
            INSERT INTO segment (\(HubSegment.columns), log_hash, due, print)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, .word(segment.position), .int(segment.origin), .word(segment.first), .word(segment.last),
            .digest(segment.before), .digest(segment.after), .int(segment.arrived),
            .int(segment.authored.lowerBound), .int(segment.authored.upperBound), .blob(segment.gone),
            segment.kept.map { .blob($0) } ?? .null, .blob(segment.marks), .blob(segment.seals),
            .blob(segment.rows), .digest(hash), due.map { .int(Int64($0)) } ?? .null,
            .blob(try stamp(of: segment)))
    }

    /// The row's print; signed where values stand in it that no hash proves any more.
    func stamp(of segment: HubSegment) throws -> [UInt8] {
        let print = segment.print(means.hashing)
        guard segment.kept != nil else { return print.bytes }
        return print.bytes + (try means.signing.sign(PurgeStatement.bytes(hub: hub, print: print)))
    }

    private func storeVerdicts(_ pending: HubPending, at position: UInt64) throws {
        var verdicts = pending.verdicts
        if verdicts.count > Limits.feedItems {
            // One page has to hold them all: the first of each version says the most.
            var seen: Set<Int> = []
            verdicts = verdicts.filter { seen.insert($0.row).inserted }
        }
        for (number, entry) in verdicts.enumerated() {
            try connection.run(
                """
                INSERT INTO verdict (device, position, origin, sequence, number, kind, reason, field)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """, .int(pending.origin.device ?? 0), .word(position), .int(pending.origin.number),
                .word(entry.verdict.dot.sequence), .int(Int64(number)),
                .int(Int64(entry.verdict.kind.rawValue)),
                .text(entry.verdict.reason), .int(Int64(entry.verdict.field)))
        }
    }

    /// Signs what is sealed and not receipted yet.
    func renewReceipt(of id: OriginID, now: Milliseconds) throws {
        guard var origin = try origin(id), origin.sealed > origin.receipt?.sequence ?? 0 else { return }
        var receipt = Receipt(origin: id, sequence: origin.sealed, head: origin.sealedHead, time: now)
        receipt.signature = try means.signing.sign(receipt.statement(hub: hub, epoch: try epoch))
        origin.receipt = receipt
        try save(origin)
    }

    /// The arrival log's last position and its running hash there.
    func logEnd() throws -> (position: UInt64, hash: Digest) {
        try connection.first("SELECT position, log_hash FROM segment ORDER BY position DESC LIMIT 1") {
            ($0.word(0), try $0.digest(1))
        } ?? (0, .zero)
    }
}

/// Small encodings of the store's own.
enum HubBytes {
    static func bigEndian(_ word: UInt64) -> [UInt8] {
        stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> UInt64($0)) }
    }

    /// Ascending row numbers as runs: start and length, two bytes each.
    static func runs(_ rows: [UInt32]) -> [UInt8] {
        var bytes: [UInt8] = []
        var start = 0
        while start < rows.count {
            var end = start + 1
            while end < rows.count, rows[end] == rows[end - 1] + 1 { end += 1 }
            for number in [Int(rows[start]), end - start] {
                bytes.append(UInt8(truncatingIfNeeded: number >> 8))
                bytes.append(UInt8(truncatingIfNeeded: number))
            }
            start = end
        }
        return bytes
    }

    static func rows(_ bytes: [UInt8]) -> [Int] {
        var rows: [Int] = []
        for index in stride(from: 0, to: bytes.count - bytes.count % 4, by: 4) {
            let start = Int(bytes[index]) << 8 | Int(bytes[index + 1])
            let count = Int(bytes[index + 2]) << 8 | Int(bytes[index + 3])
            rows.append(contentsOf: start..<(start + count))
        }
        return rows
    }
}
