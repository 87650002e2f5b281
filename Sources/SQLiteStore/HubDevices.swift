import Forms
public import SyncCore
public import SyncStore

/// What ingest asks about the sender of a batch.
struct HubSender {
    var publicKey: [UInt8]
    var unit: [UInt8]
    var state: DeviceInfo.State
    /// The last day on which it brought something, and how many bytes.
    var day: Int64
    var dayBytes: Int64
}

extension SQLiteHubStore {
    /// Bytes of batches that may be unreceipted in the urgent lane.
    static let urgentWindow: UInt32 = 65_536
    static let routineWindow: UInt32 = 1 << 20

    func sender(_ device: Int64) throws -> HubSender? {
        try connection.first(
            "SELECT public_key, unit, state, day, day_bytes FROM device WHERE id = ?", .int(device)
        ) {
            HubSender(
                publicKey: $0.bytes(0), unit: $0.bytes(1),
                state: DeviceInfo.State(rawValue: $0.text(2)) ?? .revoked, day: $0.int(3),
                dayBytes: $0.int(4))
        }
    }

    /// What a device said to wait is less by what has come.
    ///
    /// - Parameter bytes: of its day, all in all.
    func noteArrival(
        of versions: Int, in lane: Lane, from device: Int64, on day: Int64, bytes: Int64
    ) throws {
        let name = lane == .urgent ? "urgent" : "routine"
        try connection.run(
            """
            UPDATE device SET \(name)_age = CASE WHEN \(name)_count > ?1 THEN \(name)_age ELSE 0 END,
            \(name)_count = max(0, \(name)_count - ?1), day = ?3, day_bytes = ?4 WHERE id = ?2
            """, .int(Int64(versions)), .int(device), .int(day), .int(bytes))
    }

    // MARK: - Joining

    public func invite(_ invitation: Invitation, now: Milliseconds) throws {
        try connection.write {
            guard try unitExists(invitation.unit) else { throw StoreError(.unknownUnit, invitation.unit) }
            try connection.run(
                "INSERT INTO invitation (secret_hash, unit, trusted, expires, made) VALUES (?, ?, ?, ?, ?)",
                .digest(invitation.secretHash), .blob(Array(invitation.unit.utf8)),
                .flag(invitation.isTrusted),
                .int(invitation.expires), .int(now))
            try act(
                "invited", detail: invitation.unit + (invitation.isTrusted ? ", trusted" : ""), at: now)
        }
    }

    public func join(_ join: Join, by caller: Caller, now: Milliseconds) throws -> Result<Joined, Refuse> {
        try connection.write {
            let fingerprint = means.hashing(caller.publicKey)
            // Also one that has a fresh code: the key is what is not believed any more.
            if try devices(where: "fingerprint = ?", .digest(fingerprint)).first?.state == .revoked {
                return .failure(.revoked)
            }
            let found = try connection.first(
                "SELECT unit, trusted, expires, spent_by FROM invitation WHERE secret_hash = ?",
                .digest(means.hashing(join.secret.bytes))
            ) { ($0.bytes(0), $0.int(1) != 0, $0.int(2), $0.isNull(3) ? nil : $0.bytes(3)) }
            guard let (unit, isTrusted, expires, spentBy) = found else {
                return .failure(Refuse(.codeUnknown, words: "this join code is not known here"))
            }
            if let spentBy {
                guard spentBy == fingerprint.bytes else {
                    return .failure(
                        Refuse(.codeSpent, words: "this join code has been used by another device"))
                }
            } else if now > expires {
                return .failure(Refuse(.codeExpired, words: "this join code has expired"))
            } else {
                try connection.run(
                    "UPDATE invitation SET spent_by = ? WHERE secret_hash = ?", .digest(fingerprint),
                    .digest(means.hashing(join.secret.bytes)))
                try admitNew(
                    join, by: caller, fingerprint: fingerprint, unit: unit, isTrusted: isTrusted, now: now)
            }
            return try joined(fingerprint, now: now)
        }
    }

    private func admitNew(
        _ join: Join, by caller: Caller, fingerprint: Digest, unit: [UInt8], isTrusted: Bool,
        now: Milliseconds
    ) throws {
        let state: DeviceInfo.State = isTrusted ? .active : .pending
        let confirmation = HubConfirmation.number(
            hub: means.signing.publicKey, device: caller.publicKey, hashing: means.hashing)
        try connection.run(
            """
            INSERT INTO device
            (fingerprint, public_key, unit, label, state, confirmation, joined, address, version)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (fingerprint) DO UPDATE SET unit = excluded.unit, label = excluded.label,
            state = excluded.state
            """, .digest(fingerprint), .blob(caller.publicKey), .blob(unit),
            .text(String(join.label.prefix(64))), .text(state.rawValue), .int(Int64(confirmation)),
            .int(now), .text(caller.address), .int(Int64(caller.version)))
        let device = try connection.first("SELECT id FROM device WHERE fingerprint = ?", .digest(fingerprint))
        {
            $0.int(0)
        }
        try audit(
            "joined", device: device,
            detail: caller.address.isEmpty ? state.rawValue : "\(state.rawValue); from \(caller.address)",
            at: now)
    }

    private func joined(_ fingerprint: Digest, now: Milliseconds) throws -> Result<Joined, Refuse> {
        let device = try devices(where: "fingerprint = ?", .digest(fingerprint)).first
        guard let device else { return .failure(Refuse(.unknownDevice)) }
        return .success(
            Joined(
                state: device.state == .active ? .active : .pending, confirmation: device.confirmation,
                unit: device.unit, unitName: try unitName(device.unit), hubName: name, clock: now,
                settings: try settingsJSON()))
    }

    public func devices() throws -> [DeviceInfo] { try devices(where: "1 = ?", .int(1)) }

    func devices(where condition: String, _ value: HubBinding) throws -> [DeviceInfo] {
        try connection.all(
            """
            SELECT id, fingerprint, unit, label, state, confirmation, joined, last_seen, skew, urgent_count,
            urgent_age, routine_count, routine_age, program,
            address, version, revoked, revoked_for,
            (SELECT count(*) FROM replica r, (SELECT id AS newest, first_seen AS since FROM replica
                WHERE device = device.id ORDER BY id DESC LIMIT 1)
                WHERE r.device = device.id AND (r.id = newest OR r.last_seen > since))
            FROM device WHERE \(condition) ORDER BY id
            """, value
        ) { row in
            DeviceInfo(
                id: row.int(0), fingerprint: try row.digest(1), unit: row.text(2), label: row.text(3),
                state: DeviceInfo.State(rawValue: row.text(4)) ?? .revoked,
                confirmation: UInt32(clamping: row.int(5)), joined: row.int(6),
                lastSeen: row.isNull(7) ? nil : row.int(7), skew: row.int(8),
                urgent: Backlog(count: row.word(9), oldestAge: row.word(10)),
                routine: Backlog(count: row.word(11), oldestAge: row.word(12)), program: row.text(13),
                replicas: max(1, Int(clamping: row.int(18))), address: row.text(14),
                version: UInt16(clamping: row.int(15)), revoked: row.isNull(16) ? nil : row.int(16),
                revokedFor: row.text(17))
        }
    }

    public func confirm(confirmation: UInt32, now: Milliseconds) throws -> Bool {
        try connection.write {
            // Two pending devices with one number: nobody could say which of them was read out.
            let pending = try devices(
                where: "state = 'pending' AND confirmation = ?", .int(Int64(confirmation)))
            guard pending.count == 1, let device = pending.first else { return false }
            try connection.run("UPDATE device SET state = 'active' WHERE id = ?", .int(device.id))
            try act("confirmed", device: device.id, detail: device.unit, at: now)
            return true
        }
    }
}
