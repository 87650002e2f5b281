import SyncCore
import SyncStore

/// A version of a record that was held back: what the same origin says later lies behind a hole.
struct HubHole: Hashable {
    var form: String
    var key: [UInt8]
    var origin: OriginID

    init(form: String, key: [UInt8], origin: OriginID) {
        self.form = form
        self.key = key
        self.origin = origin
    }

    init(_ group: FormGroup, place: Int, origin: OriginID) {
        let values = group.keys.map { $0.value(at: place) ?? .notStated }
        self.init(form: group.form, key: Canonical.encode(key: values), origin: origin)
    }
}

extension SQLiteHubStore {
    func loadedOrigins() throws -> [OriginID: HubOrigin] {
        if let origins { return origins }
        let rows = try connection.all(
            """
            SELECT num, derivation, lane, device, current, held, head, sealed, sealed_head, receipt, replica,
            backed_up, passed, receipt_time, nonce FROM origin
            """
        ) { row in
            guard let lane = UInt8(exactly: row.int(2)).flatMap(Lane.init(rawValue:)) else {
                throw StoreError(.corrupt, "an origin's lane")
            }
            var origin = HubOrigin(
                number: row.int(0), derivation: try row.digest(1),
                claim: OriginClaim(
                    lane: lane,
                    nonce: Token16(bytes: row.bytes(14)) ?? .zero),
                device: row.isNull(3) ? nil : row.int(3), isCurrent: row.int(4) != 0)
            origin.replica = row.isNull(10) ? nil : row.int(10)
            origin.backedUp = row.word(11)
            origin.passed = row.word(12)
            origin.held = row.word(5)
            origin.head = try row.digest(6)
            origin.sealed = row.word(7)
            origin.sealedHead = try row.digest(8)
            if !row.isNull(9) {
                origin.receipt = Receipt(
                    origin: origin.id, sequence: origin.sealed, head: origin.sealedHead,
                    time: row.int(13), signature: row.bytes(9))
            }
            return origin
        }
        var loaded: [OriginID: HubOrigin] = [:]
        originsOfDevices = [:]
        for origin in rows {
            loaded[origin.id] = origin
            originIDs[origin.number] = origin.id
            if let device = origin.device { originsOfDevices[device, default: []].append(origin.id) }
        }
        origins = loaded
        return loaded
    }

    func origin(_ id: OriginID) throws -> HubOrigin? { try loadedOrigins()[id] }

    /// In the order in which they were bound.
    func origins(of device: Int64) throws -> [HubOrigin] {
        let all = try loadedOrigins()
        let own = (originsOfDevices[device] ?? []).compactMap { all[$0] }
        return own.sorted { $0.number < $1.number }
    }

    func originID(_ number: Int64) throws -> OriginID {
        if let known = originIDs[number] { return known }
        _ = try loadedOrigins()
        guard let found = originIDs[number] else {
            throw StoreError(.corrupt, "an origin's number without it")
        }
        return found
    }

    /// Binds a new origin for ever.
    func bind(_ derivation: Digest, claim: OriginClaim, device: Int64?) throws -> HubOrigin {
        _ = try loadedOrigins()
        try connection.run(
            """
            INSERT INTO origin (id, derivation, lane, device, current, held, head, sealed, sealed_head, nonce)
            VALUES (?, ?, ?, ?, 1, 0, ?, 0, ?, ?)
            """, .word(derivation.originID), .digest(derivation), .int(Int64(claim.lane.rawValue)),
            .optional(device),
            .digest(derivation), .digest(derivation), .blob(claim.nonce.bytes))
        let origin = HubOrigin(
            number: connection.lastRow, derivation: derivation, claim: claim, device: device)
        try save(origin)
        if let device { originsOfDevices[device, default: []].append(origin.id) }
        return origin
    }

    func remember(_ origin: HubOrigin) {
        origins?[origin.id] = origin
        originIDs[origin.number] = origin.id
    }

    func save(_ origin: HubOrigin) throws {
        let name: [HubBinding] = [
            .int(origin.number), .word(origin.id), .digest(origin.derivation),
            .int(Int64(origin.lane.rawValue)), .optional(origin.device), .blob(origin.claim.nonce.bytes),
        ]
        let standing: [HubBinding] = [
            .flag(origin.isCurrent), .word(origin.held), .digest(origin.head), .word(origin.sealed),
            .digest(origin.sealedHead), origin.receipt.map { .blob($0.signature) } ?? .null,
            .optional(origin.replica), .word(origin.backedUp), .word(origin.passed),
            .optional(origin.receipt?.time),
        ]
        let statement = try connection.statement(
            """
            UPDATE origin SET current = ?, held = ?, head = ?, sealed = ?, sealed_head = ?, receipt = ?,
            replica = ?, backed_up = ?, passed = ?, receipt_time = ?, check_sum = ? WHERE num = ?
            """)
        let sum = HubBinding.int(HubCheckSum.of(name + standing))
        for (index, value) in (standing + [sum, .int(origin.number)]).enumerated() {
            statement.bind(Int32(index + 1), value)
        }
        try statement.run()
        remember(origin)
    }

    // MARK: - Salts

    func salt(of origin: HubOrigin, day: Int32, retentionClass: RetentionClass) throws -> Token16? {
        try connection.first(
            "SELECT salt FROM salt WHERE origin = ? AND day = ? AND class = ?", .int(origin.number),
            .int(Int64(day)), .int(Int64(retentionClass))
        ) { Token16(bytes: $0.bytes(0)) } ?? nil
    }

    /// - Returns: whether one of them was destroyed before, so that it is not kept.
    @discardableResult
    func store(_ salts: [SaltGrant], of origin: HubOrigin) throws -> Bool {
        var isDestroyed = false
        for grant in salts {
            try connection.run(
                "INSERT INTO salt (origin, day, class, salt) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                .int(origin.number), .int(Int64(grant.day)), .int(Int64(grant.retentionClass)),
                .blob(grant.salt.bytes))
            if connection.changes == 0,
                try salt(of: origin, day: grant.day, retentionClass: grant.retentionClass) == nil
            {
                isDestroyed = true
            }
        }
        return isDestroyed
    }

    // MARK: - Holes

    func loadedHoles() throws -> Set<HubHole> {
        if let holes { return holes }
        let rows = try connection.all("SELECT origin, form, key FROM quarantine") { row in
            HubHole(form: row.text(1), key: row.bytes(2), origin: try originID(row.int(0)))
        }
        let loaded = Set(rows)
        holes = loaded
        return loaded
    }
}
