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
        try connection.write(.vital) { try act(event, detail: detail, at: now) }
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
            try audit(RefusedAttempt.event, device: device, detail: attempt.detail(fingerprint), at: now)
        }
    }

    private func append(
        _ event: String, who: String, device: Int64?, detail: String, at now: Milliseconds
    ) throws {
        let last = try connection.first("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1") {
            ($0.word(0), try $0.digest(1))
        }
        let chain = AuditChain(hashing: means.hashing, hub: means.signing.publicKey)
        let (entry, head) = try chain.sign(
            AuditEntry(
                number: (last?.0 ?? 0) + 1, at: now, event: event, who: who, device: device ?? 0,
                detail: detail, before: last?.1 ?? .zero), means.signing)
        try connection.run(
            """
            INSERT INTO audit (id, at, event, who, device, detail, hash_before, hash, signature)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """, .word(entry.number), .int(now), .text(event), .text(who), .int(entry.device),
            .text(detail), .digest(entry.before), .digest(entry.hash), .blob(entry.signature))
        try connection.run(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", .text(SQLiteHubStore.head),
            .blob(HubBytes.bigEndian(head.number) + head.hash.bytes + head.signature))
    }

    // MARK: - Reading

    /// The whole log in the order of its numbers, and the end that was signed last; nil when that is gone.
    public func auditLog() throws -> (entries: [AuditEntry], head: AuditHead?) {
        try connection.read {
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
            let stored = try connection.first(
                "SELECT value FROM meta WHERE name = ?", .text(SQLiteHubStore.head)
            ) { $0.bytes(0) }
            return (entries, stored.flatMap { SQLiteHubStore.head(in: $0) })
        }
    }

    private static func head(in bytes: [UInt8]) -> AuditHead? {
        guard bytes.count > 40, let hash = Digest(bytes: Array(bytes[8..<40])) else { return nil }
        let number = bytes[..<8].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return AuditHead(number: number, hash: hash, signature: Array(bytes[40...]))
    }

    /// The first thing that is wrong with the log; nil when it is as the hub wrote it.
    public func auditFinding(
        in log: (entries: [AuditEntry], head: AuditHead?)
    ) -> AuditFinding? {
        let key = means.signing.publicKey
        return AuditChain(hashing: means.hashing, hub: key).firstFinding(
            in: log.entries, head: log.head, verifying: means.verifying, key: key)
    }
}
