public import SyncCore
import SyncStore

/// A device that is let in no more, with all that a store needs which has never heard of it: one that was
/// put back from a backup of before it joined.
public struct Revocation: Sendable, Hashable {
    /// X9.63.
    public var publicKey: [UInt8]
    public var unit: String
    public var label: String
    public var joined: Milliseconds
    public var at: Milliseconds
    public var reason: String
    /// How far the hub held its journals then: what a store that was put back gets again of that counted.
    public var held: [Held]

    public struct Held: Sendable, Hashable {
        public var origin: OriginID
        public var sequence: UInt64
        public var head: Digest

        public init(origin: OriginID, sequence: UInt64, head: Digest) {
            self.origin = origin
            self.sequence = sequence
            self.head = head
        }
    }

    public init(
        publicKey: [UInt8], unit: String, label: String, joined: Milliseconds, at: Milliseconds,
        reason: String, held: [Held] = []
    ) {
        self.publicKey = publicKey
        self.unit = unit
        self.label = label
        self.joined = joined
        self.at = at
        self.reason = reason
        self.held = held
    }
}

/// Devices that are let in no more.
extension SQLiteHubStore {
    /// What is to be kept of a device outside the store before it is revoked; nil when there is none of that
    /// number.
    public func revocation(
        of device: Int64, reason: String, now: Milliseconds
    ) throws -> Revocation? {
        let found = try connection.first(
            "SELECT public_key, unit, label, joined, state FROM device WHERE id = ?", .int(device)
        ) {
            let revocation = Revocation(
                publicKey: $0.bytes(0), unit: $0.text(1), label: $0.text(2), joined: $0.int(3), at: now,
                reason: reason)
            return (revocation, wasRevoked: $0.text(4) == "revoked")
        }
        guard let found else { return nil }
        var revocation = found.0
        revocation.held = try held(of: device, wasRevoked: found.wasRevoked)
        return revocation
    }

    /// How far the journals of a device are held, or were when it was revoked.
    func held(of device: Int64, wasRevoked: Bool) throws -> [Revocation.Held] {
        try connection.all(
            wasRevoked
                ? "SELECT origin, sequence, head FROM vouched WHERE device = ? ORDER BY origin"
                : "SELECT id, held, head FROM origin WHERE device = ? AND held > 0 ORDER BY id", .int(device)
        ) { Revocation.Held(origin: $0.word(0), sequence: $0.word(1), head: try $0.digest(2)) }
    }

    private func vouch(for held: [Revocation.Held], of device: Int64) throws {
        for one in held {
            try connection.run(
                "INSERT OR REPLACE INTO vouched (device, origin, sequence, head) VALUES (?, ?, ?, ?)",
                .int(device), .word(one.origin), .word(one.sequence), .digest(one.head))
        }
    }

    public func revoke(_ device: Int64, reason: String, now: Milliseconds) throws -> Bool {
        // Also on a full disk.
        try connection.write(.act) {
            try connection.run(
                """
                UPDATE device SET state = 'revoked', revoked = ?, revoked_for = ?
                WHERE id = ? AND state <> 'revoked'
                """, .int(now), .text(reason), .int(device))
            guard connection.changes > 0 else { return false }
            try vouch(for: try held(of: device, wasRevoked: false), of: device)
            try act("revoked", device: device, detail: reason, at: now)
            return true
        }
    }

    /// By which a device can be recognised.
    public struct DeviceMark: Sendable, Hashable {
        public var id: Int64
        /// X9.63.
        public var publicKey: [UInt8]
        public var isRevoked: Bool
        public var origins: [OriginID]
    }

    public func deviceMarks() throws -> [DeviceMark] {
        try connection.all("SELECT id, public_key, state FROM device ORDER BY id") { row in
            DeviceMark(
                id: row.int(0), publicKey: row.bytes(1), isRevoked: row.text(2) == "revoked",
                origins: try connection.all(
                    "SELECT id FROM origin WHERE device = ? ORDER BY num", .int(row.int(0))
                ) { $0.word(0) })
        }
    }

    // MARK: - Revocations that nobody can name

    private static let doubted = "revocations_doubted"

    /// This store was put back, and what it has forgotten cannot be read where it is kept: until a person has
    /// compared, nothing is to be taken of any device.
    public func doubtRevocations() throws {
        try connection.write(.act) {
            try connection.run(
                "INSERT OR REPLACE INTO meta (name, value) VALUES (?, 1)", .text(SQLiteHubStore.doubted))
        }
    }

    public func areRevocationsDoubted() throws -> Bool {
        try connection.first("SELECT 1 FROM meta WHERE name = ?", .text(SQLiteHubStore.doubted)) { _ in true }
            ?? false
    }

    /// A person has compared.
    public func believeRevocations(detail: String, now: Milliseconds) throws {
        try connection.write(.act) {
            try connection.run("DELETE FROM meta WHERE name = ?", .text(SQLiteHubStore.doubted))
            try act("revocations_settled", detail: detail, at: now)
        }
    }

    public func revokedDevices() throws -> [Int64] {
        try connection.all("SELECT id FROM device WHERE state = 'revoked' ORDER BY id") { $0.int(0) }
    }

    /// All that are revoked.
    public func revocations() throws -> [Revocation] {
        try connection.all(
            """
            SELECT public_key, unit, label, joined, revoked, revoked_for, id FROM device
            WHERE state = 'revoked' ORDER BY id
            """
        ) {
            Revocation(
                publicKey: $0.bytes(0), unit: $0.text(1), label: $0.text(2), joined: $0.int(3),
                at: $0.int(4), reason: $0.text(5), held: try held(of: $0.int(6), wasRevoked: true))
        }
    }

    /// Revokes what a store has forgotten, or never knew, that was put back.
    ///
    /// - Returns: how many it had.
    public func replay(_ revocations: [Revocation], now: Milliseconds) throws -> Int {
        let known = Set(try self.revocations().map(\.publicKey))
        let missing = revocations.filter { !known.contains($0.publicKey) }
        guard !missing.isEmpty else { return 0 }
        return try connection.write(.act) { try missing.count { try replay($0, now: now) } }
    }

    /// Within a transaction; false when it is revoked already.
    func replay(_ revocation: Revocation, now: Milliseconds) throws -> Bool {
        let fingerprint = means.hashing(revocation.publicKey)
        let confirmation = HubConfirmation.number(
            hub: means.signing.publicKey, device: revocation.publicKey, hashing: means.hashing)
        try connection.run(
            """
            INSERT INTO device
            (fingerprint, public_key, unit, label, state, confirmation, joined, revoked, revoked_for)
            VALUES (?, ?, ?, ?, 'revoked', ?, ?, ?, ?)
            ON CONFLICT (fingerprint) DO UPDATE SET state = 'revoked', revoked = excluded.revoked,
            revoked_for = excluded.revoked_for WHERE state <> 'revoked'
            """, .digest(fingerprint), .blob(revocation.publicKey), .blob(Array(revocation.unit.utf8)),
            .text(revocation.label), .int(Int64(confirmation)), .int(revocation.joined),
            .int(revocation.at), .text(revocation.reason))
        guard connection.changes > 0 else { return false }
        let device = try connection.first("SELECT id FROM device WHERE fingerprint = ?", .digest(fingerprint))
        {
            $0.int(0)
        }
        if let device { try vouch(for: revocation.held, of: device) }
        try act("revoked", device: device, detail: revocation.reason, at: now)
        return true
    }
}
