import GRDB
import SyncCore
import SyncStore

/// The single rows of a branch's store: who it belongs to, its session, its contact; and its origins.
extension SQLiteAgentTables {
    func configuration() throws -> AgentConfiguration? {
        let row = try Prepared(
            database,
            "SELECT replica, address, hub, hub_key, unit, unit_name, hub_name, settings FROM configuration")
        defer { row.reset() }
        guard try row.step() else { return nil }
        return AgentConfiguration(
            replica: try AgentCodec.token(row.bytes(0)), address: row.text(1),
            hub: try AgentCodec.digest(row.bytes(2)),
            hubKeys: HubKeyring(encoded: row.bytes(3)) ?? HubKeyring(first: row.bytes(3)), unit: row.text(4),
            unitName: row.text(5), hubName: row.text(6), settings: row.bytes(7))
    }

    func put(_ configuration: AgentConfiguration) throws {
        let row = try Prepared(
            database, "INSERT OR REPLACE INTO configuration VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)")
        row.bind(configuration.replica.bytes, at: 1)
        row.bind(text: configuration.address, at: 2)
        row.bind(configuration.hub.bytes, at: 3)
        row.bind(configuration.hubKeys.encoded, at: 4)
        row.bind(text: configuration.unit, at: 5)
        row.bind(text: configuration.unitName, at: 6)
        row.bind(text: configuration.hubName, at: 7)
        row.bind(configuration.settings, at: 8)
        try row.run()
    }

    func session() throws -> SessionFacts {
        let row = try Prepared(
            database,
            """
            SELECT token, epoch, feed_epoch, feed_position, feed_hash, mark_position, mark_count, mark_sum,
                last_authored, feed_step, surrender FROM session
            """)
        defer { row.reset() }
        var session = SessionFacts()
        guard try row.step() else { return session }
        session.token = try AgentCodec.token(row.bytes(0))
        session.epoch = try AgentCodec.token(row.bytes(1))
        // Stores of before keep all 32 bytes.
        guard let hash = ShortDigest(bytes: row.bytes(4)) else {
            throw StoreError(.corrupt, "the feed's hash is short")
        }
        session.feed = FeedToken(
            epoch: try AgentCodec.token(row.bytes(2)), position: row.word(3),
            hash: hash, step: row.word(9))
        if !row.isNull(5) { session.mark = Mark(position: row.word(5), count: row.word(6), sum: row.word(7)) }
        session.lastAuthored = row.optionalInteger(8)
        session.isSurrender = row.integer(10) != 0
        return session
    }

    func put(_ session: SessionFacts) throws {
        let row = try Prepared(
            database,
            """
            INSERT OR REPLACE INTO session (id, token, epoch, feed_epoch, feed_position, feed_hash,
                mark_position, mark_count, mark_sum, last_authored, feed_step, surrender)
            VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        row.bind(session.token.bytes, at: 1)
        row.bind(session.epoch.bytes, at: 2)
        row.bind(session.feed.epoch.bytes, at: 3)
        row.bind(session.feed.position, at: 4)
        row.bind(session.feed.hash.bytes, at: 5)
        row.bind(session.mark.map { Int64(bitPattern: $0.position) }, at: 6)
        row.bind(session.mark.map { Int64(bitPattern: $0.count) }, at: 7)
        row.bind(session.mark.map { Int64(bitPattern: $0.sum) }, at: 8)
        row.bind(session.lastAuthored, at: 9)
        row.bind(session.feed.step, at: 10)
        row.bind(session.isSurrender ? 1 : 0, at: 11)
        try row.run()
    }

    func contact() throws -> ContactFacts {
        let row = try Prepared(
            database,
            "SELECT last_contact, last_receipt, skew, last_hub_time, next_try, last_failure FROM contact")
        defer { row.reset() }
        guard try row.step() else { return ContactFacts() }
        return ContactFacts(
            lastContact: row.optionalInteger(0), lastReceipt: row.optionalInteger(1), skew: row.integer(2),
            lastHubTime: row.optionalInteger(3), nextTry: row.optionalInteger(4),
            lastFailure: row.isNull(5) ? nil : row.text(5))
    }

    func put(_ contact: ContactFacts) throws {
        let row = try Prepared(database, "INSERT OR REPLACE INTO contact VALUES (1, ?, ?, ?, ?, ?, ?)")
        row.bind(contact.lastContact, at: 1)
        row.bind(contact.lastReceipt, at: 2)
        row.bind(contact.skew, at: 3)
        row.bind(contact.lastHubTime, at: 4)
        row.bind(contact.nextTry, at: 5)
        if let failure = contact.lastFailure { row.bind(text: failure, at: 6) }
        try row.run()
    }

    func origins() throws -> [OwnOrigin] { try origins("WHERE closed = 0 ORDER BY lane, id") }

    func origins(_ condition: String) throws -> [OwnOrigin] {
        let row = try Prepared(
            database,
            """
            SELECT lane, nonce, derivation, sequence, head, receipted, backed_up, floor, head_below, parted,
                public_key
            FROM origin \(condition)
            """)
        defer { row.reset() }
        var origins: [OwnOrigin] = []
        while try row.step() {
            guard let lane = UInt8(exactly: row.integer(0)).flatMap(Lane.init(rawValue:)) else {
                throw StoreError(.corrupt, "lane")
            }
            origins.append(
                OwnOrigin(
                    claim: OriginClaim(lane: lane, nonce: try AgentCodec.token(row.bytes(1))),
                    derivation: try AgentCodec.digest(row.bytes(2)), sequence: row.word(3),
                    head: try AgentCodec.digest(row.bytes(4)), receipted: row.word(5), backedUp: row.word(6),
                    floor: row.word(7), headBelow: try AgentCodec.digest(row.bytes(8)),
                    isParted: row.integer(9) != 0, publicKey: row.bytes(10)))
        }
        return origins
    }

    func put(_ origin: OwnOrigin) throws {
        let row = try Prepared(
            database,
            """
            INSERT INTO origin
            (id, lane, nonce, derivation, sequence, head, receipted, backed_up, floor, head_below, parted,
                public_key)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
            sequence = excluded.sequence, head = excluded.head, receipted = excluded.receipted,
            backed_up = excluded.backed_up, floor = excluded.floor, head_below = excluded.head_below,
            parted = excluded.parted
            """)
        row.bind(origin.id, at: 1)
        row.bind(Int(origin.claim.lane.rawValue), at: 2)
        row.bind(origin.claim.nonce.bytes, at: 3)
        row.bind(origin.derivation.bytes, at: 4)
        row.bind(origin.sequence, at: 5)
        row.bind(origin.head.bytes, at: 6)
        row.bind(origin.receipted, at: 7)
        row.bind(origin.backedUp, at: 8)
        row.bind(origin.floor, at: 9)
        row.bind(origin.headBelow.bytes, at: 10)
        row.bind(origin.isParted ? 1 : 0, at: 11)
        row.bind(origin.publicKey, at: 12)
        try row.run()
    }

    func put(_ kept: KeptReceipt) throws {
        let last = try Prepared(
            database,
            """
            SELECT sequence, head, time, epoch, signature, place FROM receipt WHERE origin = ?
            ORDER BY place DESC LIMIT 1
            """)
        last.bind(kept.receipt.origin, at: 1)
        var replaced: Int64?
        if try last.step(), kept.replaces(try SQLiteAgentTables.receipt(last, of: kept.receipt.origin)) {
            replaced = last.integer(5)
        }
        last.reset()
        if let replaced {
            let row = try Prepared(database, "DELETE FROM receipt WHERE place = ?")
            row.bind(replaced, at: 1)
            try row.run()
        }
        let row = try Prepared(
            database,
            "INSERT INTO receipt (origin, sequence, head, time, epoch, signature) VALUES (?, ?, ?, ?, ?, ?)")
        row.bind(kept.receipt.origin, at: 1)
        row.bind(kept.receipt.sequence, at: 2)
        row.bind(kept.receipt.head.bytes, at: 3)
        row.bind(kept.receipt.time, at: 4)
        row.bind(kept.epoch.bytes, at: 5)
        row.bind(kept.receipt.signature, at: 6)
        try row.run()
        let time = try Prepared(
            database, "INSERT INTO receipt_time (origin, sequence, time) VALUES (?, ?, ?)")
        time.bind(kept.receipt.origin, at: 1)
        time.bind(kept.receipt.sequence, at: 2)
        time.bind(kept.receipt.time, at: 3)
        try time.run()
    }

    func receipts(of origin: OriginID, reaching sequence: UInt64) throws -> [KeptReceipt] {
        let row = try Prepared(
            database,
            """
            SELECT sequence, head, time, epoch, signature FROM receipt WHERE origin = ? AND sequence >= ?
            ORDER BY place
            """)
        defer { row.reset() }
        row.bind(origin, at: 1)
        row.bind(sequence, at: 2)
        var found: [KeptReceipt] = []
        while try row.step() { found.append(try SQLiteAgentTables.receipt(row, of: origin)) }
        return found
    }

    private static func receipt(_ row: Prepared, of origin: OriginID) throws -> KeptReceipt {
        KeptReceipt(
            receipt: Receipt(
                origin: origin, sequence: row.word(0), head: try AgentCodec.digest(row.bytes(1)),
                time: row.integer(2), signature: row.bytes(4)),
            epoch: try AgentCodec.token(row.bytes(3)))
    }

    func removeReceipts(of origin: OriginID, below sequence: UInt64) throws {
        for table in ["receipt", "receipt_time"] {
            let row = try Prepared(database, "DELETE FROM \(table) WHERE origin = ? AND sequence < ?")
            row.bind(origin, at: 1)
            row.bind(sequence, at: 2)
            try row.run()
        }
    }

    func put(form json: [UInt8], hash: Digest) throws {
        let row = try Prepared(database, "INSERT OR IGNORE INTO form (hash, definition) VALUES (?, ?)")
        row.bind(hash.bytes, at: 1)
        row.bind(json, at: 2)
        try row.run()
    }

    func forms() throws -> [[UInt8]] {
        let row = try Prepared(database, "SELECT definition FROM form ORDER BY place")
        defer { row.reset() }
        var forms: [[UInt8]] = []
        while try row.step() { forms.append(row.bytes(0)) }
        return forms
    }

    func put(_ change: ScopeChange) throws {
        let row = try Prepared(database, "INSERT OR REPLACE INTO scope VALUES (?, ?, ?, ?)")
        row.bind(text: change.subject, at: 1)
        row.bind(change.id, at: 2)
        row.bind(Int(change.kind.rawValue), at: 3)
        let days = change.kept.flatMap { [$0.lowerBound, $0.upperBound] }
        row.bind(Canonical.encode(key: days.map { .integer(Int64($0)) }), at: 4)
        try row.run()
    }
}
