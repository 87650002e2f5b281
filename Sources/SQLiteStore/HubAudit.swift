public import SyncCore
public import SyncStore

/// The audit log: every administrative act, and what devices and the hub itself did that somebody may have to
/// answer for, each entry chained to the one before and signed.
extension SQLiteHubStore {
    private static let head = "audit_head"

    /// What a device did, or the hub by itself. Within a transaction.
    func audit(_ event: String, device: Int64?, detail: String, at now: Milliseconds) throws {
        try append(event, who: "", device: device, detail: detail, at: now)
    }

    /// What a person did through this program; a hub that serves does it by itself. Within a transaction.
    func act(_ event: String, device: Int64? = nil, detail: String, at now: Milliseconds) throws {
        try append(event, who: means.actor, device: device, detail: detail, at: now)
    }

    /// An act that changes nothing else in the store. Goes through on a full disk: what must be written down
    /// is not done otherwise.
    public func record(act event: String, detail: String, now: Milliseconds) throws {
        try connection.write(.act) { try act(event, detail: detail, at: now) }
    }

    /// Whether the log has an act of this kind whose detail begins so.
    public func hasRecorded(act event: String, beginningWith detail: String) throws -> Bool {
        try connection.first(
            "SELECT 1 FROM audit WHERE event = ?1 AND substr(detail, 1, length(?2)) = ?2", .text(event),
            .text(detail)
        ) { _ in true } ?? false
    }

    public func note(_ attempt: RefusedAttempt, now: Milliseconds) throws {
        try connection.write {
            let key = attempt.caller.publicKey
            let fingerprint = key.isEmpty ? nil : means.hashing(key)
            let device = try fingerprint.flatMap { fingerprint in
                try connection.first("SELECT id FROM device WHERE fingerprint = ?", .digest(fingerprint)) {
                    $0.int(0)
                }
            }
            try audit(attempt.event, device: device, detail: attempt.detail(fingerprint), at: now)
        }
    }

    /// What a device can say with every Hello: many that are alike become one entry a minute with their
    /// number. Within a transaction.
    func audit(_ attempt: RefusedAttempt, device: Int64, at now: Milliseconds) throws {
        let name = attempt.group(means.hashing)
        guard let entry = gate.note(attempt, as: name, now: now) else { return }
        let fingerprint = means.hashing(attempt.caller.publicKey)
        try audit(entry.event, device: device, detail: entry.detail(fingerprint), at: now)
    }

    public func noteSums(now: Milliseconds, isLast: Bool) throws {
        for sum in gate.sums(now: now, isLast: isLast) { try note(sum, now: now) }
    }

    private func append(
        _ event: String, who: String, device: Int64?, detail: String, at now: Milliseconds
    ) throws {
        var previous = try lastEntry()
        if auditBase == nil {
            auditBase = previous.number
            // Before it is overwritten: what somebody did to the log shows for good.
            switch try damage(previous) {
            case .none: break
            case .lost(let end):
                previous = (max(previous.number, end.number), end.hash)
            case .endGone(let words):
                try append(AuditChain.endWasGone, who: "", device: nil, detail: words, at: now)
                return try append(event, who: who, device: device, detail: detail, at: now)
            }
        }
        let (entry, head) = try chain.sign(
            AuditEntry(
                number: previous.number + 1, at: now, event: event, who: who, device: device ?? 0,
                detail: detail, before: previous.hash), means.signing)
        try connection.run(
            """
            INSERT INTO audit (id, at, event, who, device, detail, hash_before, hash, signature)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, .word(entry.number), .int(now), .text(event), .text(who), .int(entry.device),
            .text(detail), .digest(entry.before), .digest(entry.hash), .blob(entry.signature))
        let value =
            SQLiteHubStore.bytes(of: head) + HubBytes.bigEndian(auditBase ?? previous.number)
        try connection.run(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", .text(SQLiteHubStore.head),
            .blob(value))
    }

    /// The entry that the next one follows: where the log ends, whatever somebody has put behind that.
    private func lastEntry() throws -> (number: UInt64, hash: Digest) {
        let last = try connection.first(
            "SELECT id, hash FROM audit WHERE id < ? ORDER BY id DESC LIMIT 1", .word(1 << 62)
        ) {
            (number: $0.word(0), hash: try $0.digest(1))
        }
        guard let last else { return (0, .zero) }
        guard let head = try auditHead().head, head.number < last.number,
            try hash(ofEntry: head.number) == head.hash, try hash(ofEntry: head.number + 1) == nil
        else { return last }
        return (head.number, head.hash)
    }

    private func hash(ofEntry number: UInt64) throws -> Digest? {
        try connection.first("SELECT hash FROM audit WHERE id = ?", .word(number)) { try $0.digest(0) }
    }

    private var chain: AuditChain { AuditChain(hashing: means.hashing, hub: keys.first) }

    /// For what any of the hub's keys may have signed, whichever is named.
    private var anyKey: Verifying {
        let (keys, verifying) = (keys, means.verifying)
        return Verifying { keys.isSigned($0, $1, verifying) && !$2.isEmpty }
    }

    // MARK: - The end that is kept beside the store

    /// What was done to the log behind the hub's back.
    private enum Damage {
        case none
        /// Beside the store a later end is known, or another one: the log goes on from that, so that what is
        /// missing between the two shows for good.
        case lost(AuditHead)
        case endGone(String)
    }

    private func damage(_ last: (number: UInt64, hash: Digest)) throws -> Damage {
        guard let keeper = means.auditEnd else { return .none }
        let (head, base) = try auditHead()
        let kept = keeper.load().flatMap { SQLiteHubStore.head(in: $0) }
        guard let kept, chain.isSigned(kept, verifying: anyKey, key: keys.current) else {
            return last.number == 0 && head == nil
                ? .none : .endGone("the end that is kept beside the store was gone")
        }
        if kept.number > last.number { return .lost(kept) }
        if kept.number > 0, try hash(ofEntry: kept.number) != kept.hash { return .lost(kept) }
        if head?.number != last.number || head?.hash != last.hash {
            return last.number == 0 && head == nil
                ? .none : .endGone("the end in the store was gone or another")
        }
        return kept.number < base ? .endGone("the end that is kept beside the store was an older one") : .none
    }

    /// Whether the log ends earlier than is known beside the store, or nothing is known there: the store may
    /// have been put back.
    public func isAuditEndLost() throws -> Bool {
        try connection.read {
            if case .none = try damage(try lastEntry()) { return false }
            return true
        }
    }

    /// Puts the end of the log as it is to its place beside the store: after each act, and for a store that
    /// is put back.
    public func keepAuditEnd() {
        // Another process may have written more by now: asked last, the later end stays.
        means.auditEnd?.save { try? auditHead().head.map { SQLiteHubStore.bytes(of: $0) } }
    }

    private static func bytes(of head: AuditHead) -> [UInt8] {
        HubBytes.bigEndian(head.number) + head.hash.bytes + head.signature
    }

    private func auditHead() throws -> (head: AuditHead?, base: UInt64) {
        let stored = try connection.first("SELECT value FROM meta WHERE name = ?", .text(SQLiteHubStore.head))
        {
            $0.bytes(0)
        }
        guard let stored, let head = SQLiteHubStore.head(in: stored) else { return (nil, 0) }
        let base = stored.suffix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return (head, stored.count == SQLiteHubStore.headBytes + 8 ? base : head.number)
    }

    // MARK: - Reading

    /// The whole log in the order of its numbers, and where it ends.
    public func auditLog() throws -> AuditLog {
        try connection.read {
            // Before the entries: whoever writes meanwhile writes it after them.
            let kept = means.auditEnd.map { $0.load() }
            let entries = try connection.all(
                """
                SELECT id, at, event, who, device, detail, hash_before, hash, signature FROM audit
                ORDER BY id
                """
            ) { row in
                AuditEntry(
                    number: row.word(0), at: row.int(1), event: row.text(2), who: row.text(3),
                    device: row.int(4), detail: row.text(5), before: try row.digest(6),
                    hash: try row.digest(7), signature: row.bytes(8))
            }
            let (head, base) = try auditHead()
            var beside = AuditLog.Beside.notKept
            if let kept {
                let end = kept.flatMap { SQLiteHubStore.head(in: $0) }
                beside = end.map { AuditLog.Beside.end($0) } ?? .gone
            }
            return AuditLog(entries: entries, head: head, base: base, beside: beside)
        }
    }

    /// Number, hash, signature.
    private static let headBytes = 8 + Digest.size + Limits.signatureBytes

    private static func head(in bytes: [UInt8]) -> AuditHead? {
        guard bytes.count >= headBytes, let hash = Digest(bytes: Array(bytes[8..<40])) else { return nil }
        let number = bytes[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return AuditHead(number: number, hash: hash, signature: Array(bytes[40..<headBytes]))
    }

    /// The first thing that is wrong with the log; nil when it is as the hub wrote it.
    public func auditFinding(in log: AuditLog) -> AuditFinding? {
        chain.firstFinding(in: log, verifying: anyKey, key: keys.current)
    }
}
