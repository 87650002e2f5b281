public import SyncCore
public import SyncStore

/// Hello, and what it tells about stores that were restored, copied or put back.
extension SQLiteHubStore {
    public func admit(
        _ hello: Hello, by caller: Caller, sessionToken: Token16, now: Milliseconds
    ) throws -> Result<Admission, Refuse> {
        do {
            return try letIn(hello, by: caller, sessionToken: sessionToken, now: now)
        } catch let error as StoreError where error.isOfRoom {
            // Who is let in no more hears that, also where there is no room to take anything over.
            let fingerprint = means.hashing(caller.publicKey)
            guard try devices(where: "fingerprint = ?", .digest(fingerprint)).first?.state == .revoked else {
                throw error
            }
            return .failure(.revoked)
        }
    }

    private func letIn(
        _ hello: Hello, by caller: Caller, sessionToken: Token16, now: Milliseconds
    ) throws -> Result<Admission, Refuse> {
        // Without a session nothing urgent comes in either.
        try connection.write(.vital) {
            let publicKey = caller.publicKey
            let fingerprint = means.hashing(publicKey)
            guard let device = try devices(where: "fingerprint = ?", .digest(fingerprint)).first else {
                return .failure(Refuse(.unknownDevice, words: "this device has not joined here"))
            }
            if device.state == .pending {
                return .failure(Refuse(.pendingDevice, retryAfter: 60, words: "waiting for the centre"))
            }
            guard hello.origins.count <= Limits.helloOrigins else { return .failure(Refuse(.limitExceeded)) }
            if device.state == .revoked {
                let own = try origins(of: device.id).count
                guard try hasUnsent(hello, publicKey: publicKey), own < SQLiteHubStore.originsOfRevoked else {
                    return .failure(.revoked)
                }
            }
            switch try bindOrigins(hello.origins, of: device.id, publicKey: publicKey) {
            case .failure(let refuse): return .failure(refuse)
            case .success(let ids):
                return .success(
                    try admit(hello, ids, from: device, caller, sessionToken: sessionToken, now: now))
            }
        }
    }

    private func admit(
        _ hello: Hello, _ ids: [OriginID], from device: DeviceInfo, _ caller: Caller,
        sessionToken: Token16, now: Milliseconds
    ) throws -> Admission {
        let replica = try replica(hello.replica, of: device.id)
        let feed = try known(hello.feed)
        let isFeedKnown = try hello.feed.epoch != epoch || feed == hello.feed || hello.feed.position == 0
        let standing = HubStanding.judge(
            hello, epoch: try epoch, replica: replica, held: try told(ids), isFeedKnown: isFeedKnown)
        // Who is let in no more decides nothing about the store.
        if standing == .hubPutBack, device.state == .active { try putBack(shownBy: device.id, now: now) }
        var session: SessionRef
        if standing == .tokenUnknown {
            if device.state == .active {
                try audit(
                    RefusedAttempt(
                        code: .oldSessionToken, words: HubStanding.words(for: hello, held: try told(ids)),
                        caller: caller, event: IdentityAudit.restoredOrCopied),
                    device: device.id, at: now)
            }
            session = SessionRef(device: device.id, replica: replica?.id ?? 0, number: 0)
        } else {
            session = try open(hello, ids, as: replica, of: device.id, by: caller, sessionToken, now: now)
        }
        session.isSurrender = device.state == .revoked
        for id in ids { try renewReceipt(of: id, now: now) }
        let held = try told(ids)
        let urgent = hello.backlog(.urgent, held: held)
        let routine = hello.backlog(.routine, held: held)
        try connection.run(
            """
            UPDATE device SET last_seen = ?, skew = ?, urgent_count = ?, urgent_age = ?, routine_count = ?,
            routine_age = ?, program = ?, address = ?, version = ? WHERE id = ?
            """, .int(now), .int(now.subtractingReportingOverflow(hello.clock).partialValue),
            .word(urgent.count), .word(urgent.oldestAge), .word(routine.count), .word(routine.oldestAge),
            .text(hello.program), .text(caller.address), .int(Int64(caller.version)), .int(device.id))
        let welcome = Welcome(
            epoch: try epoch, sessionToken: HubReplica.token(sessionToken, number: session.number),
            isTokenUnknown: standing == .tokenUnknown,
            held: hello.news(held, ids: ids, epoch: try epoch),
            urgentWindow: SQLiteHubStore.urgentWindow, routineWindow: SQLiteHubStore.routineWindow,
            maximumBatch: UInt32(Limits.batchVersions), clock: now,
            capabilities: device.state == .revoked ? [Welcome.surrender] : [],
            dictionary: hello.agreedDictionary, settings: hello.news(try settingsJSON()))
        return Admission(
            session: session, unit: device.unit, welcome: welcome, feed: try known(hello.feed))
    }

    // MARK: - Replicas

    private func replica(_ replica: Token16, of device: Int64) throws -> HubReplica? {
        try connection.first(
            """
            SELECT id, session, token_confirmed, token_offered, token_former, token_rival FROM replica
            WHERE device = ? AND replica = ?
            """, .int(device), .blob(replica.bytes)
        ) { row in
            let tokens = (2...5).map { row.isNull($0) ? nil : Token16(bytes: row.bytes($0)) }
            return HubReplica(
                id: row.int(0), device: device, replica: replica, session: row.word(1),
                confirmed: tokens[0], offered: tokens[1], former: tokens[2], rival: tokens[3])
        }
    }

    /// Whether nobody of the same replica came after this session.
    func isLatest(_ session: SessionRef) throws -> Bool {
        guard session.number > 0 else { return false }
        let number = try connection.first(
            "SELECT session FROM replica WHERE id = ? AND device = ?", .int(session.replica),
            .int(session.device)
        ) { $0.word(0) }
        return number == session.number
    }

    /// The next session of the Hello's replica.
    private func open(
        _ hello: Hello, _ ids: [OriginID], as known: HubReplica?, of device: Int64, by caller: Caller,
        _ random: Token16, now: Milliseconds
    ) throws -> SessionRef {
        var replica: HubReplica
        if let known {
            replica = known
        } else {
            replica = HubReplica(
                id: try addReplica(hello.replica, of: device, by: caller, now: now), device: device,
                replica: hello.replica)
        }
        let isComparable = try hello.epoch == epoch && hello.sessionToken != .zero
        replica.open(shown: isComparable ? hello.sessionToken : nil, random: random)
        func binding(_ token: Token16?) -> HubBinding { token.map { .blob($0.bytes) } ?? .null }
        try connection.run(
            """
            UPDATE replica SET session = ?, token_confirmed = ?, token_offered = ?, token_former = ?,
            token_rival = ?, last_seen = ? WHERE id = ?
            """, .word(replica.session), binding(replica.confirmed), binding(replica.offered),
            binding(replica.former), binding(replica.rival), .int(now), .int(replica.id))
        try sumUp(replica: replica.id)
        let current = Set(zip(hello.origins, ids).filter { !$0.0.isClosed }.map(\.1))
        let owned = try origins(of: device).filter { origin in
            origin.replica == replica.id || current.contains(origin.id)
        }
        for var origin in owned {
            let isCurrent = current.contains(origin.id)
            guard origin.isCurrent != isCurrent || origin.replica != replica.id else { continue }
            origin.isCurrent = isCurrent
            origin.replica = replica.id
            try save(origin)
        }
        return SessionRef(device: device, replica: replica.id, number: replica.session)
    }

    private func addReplica(
        _ replica: Token16, of device: Int64, by caller: Caller, now: Milliseconds
    ) throws -> Int64 {
        let known = try connection.first(
            "SELECT count(*) FROM replica WHERE device = ?", .int(device)
        ) { $0.int(0) }
        if let known, known > 0 {
            try audit(
                RefusedAttempt(
                    code: nil, words: "replica \(Hex.encode(replica.bytes.prefix(4)))", caller: caller,
                    event: IdentityAudit.replicaOpened),
                device: device, at: now)
        }
        if let known, known >= Int64(HubReplica.perDevice) {
            try connection.run(
                """
                DELETE FROM replica WHERE id =
                (SELECT id FROM replica WHERE device = ? ORDER BY last_seen, id LIMIT 1)
                """, .int(device))
        }
        try connection.run(
            "INSERT INTO replica (device, replica, session, first_seen, last_seen) VALUES (?, ?, 0, ?, ?)",
            .int(device), .blob(replica.bytes), .int(now), .int(now))
        let id = connection.lastRow
        try sumUp(replica: id)
        return id
    }

    /// A device has shown that this store knew more once.
    private func putBack(shownBy device: Int64, now: Milliseconds) throws {
        let limit = IdentityAudit.putBackLimit
        let recent = try connection.first(
            "SELECT count(*) FROM audit WHERE event = ? AND device = ? AND at BETWEEN ? AND ?",
            .text(IdentityAudit.hubPutBack), .int(device), .int(now.subtractingClamped(limit.within)),
            .int(now)
        ) { $0.int(0) }
        if recent ?? 0 >= limit.epochs { return }
        try openEpoch(now: now)
        try audit(IdentityAudit.hubPutBack, device: device, detail: "new epoch", at: now)
    }

    // MARK: - Origins

    /// So many origins a revoked device may have; each time it is restored or copied it opens two.
    private static let originsOfRevoked = 512

    /// Whether a device announces something that is not held here, or does not know that it is.
    private func hasUnsent(_ hello: Hello, publicKey: [UInt8]) throws -> Bool {
        try hello.origins.contains { head in
            let id = head.claim.derivation(publicKey: publicKey, hashing: means.hashing).originID
            return try HubOrigin.lacks(head, origin(id))
        }
    }

    /// Binds what is new, and gives the origins' ids in the order of the Hello.
    func bindOrigins(
        _ heads: [OriginHead], of device: Int64, publicKey: [UInt8]
    ) throws -> Result<[OriginID], Refuse> {
        let derivations = heads.map { $0.claim.derivation(publicKey: publicKey, hashing: means.hashing) }
        for derivation in derivations {
            if let known = try origin(derivation.originID),
                known.device != device || known.derivation != derivation
            {
                return .failure(
                    Refuse(.originOfAnother, words: "an origin belongs to another device"))
            }
            guard derivation.originID != 0 else {
                return .failure(Refuse(.originOfAnother, words: "an origin without a name"))
            }
        }
        let new = try derivations.count { try origin($0.originID) == nil }
        let own = new == 0 ? 0 : try origins(of: device).count
        guard new == 0 || own + new <= Limits.deviceOrigins else { return .failure(.tooManyOrigins) }
        for (head, derivation) in zip(heads, derivations) where try origin(derivation.originID) == nil {
            var bound = try bind(derivation, claim: head.claim, device: device)
            guard head.isClosed else { continue }
            bound.isCurrent = false
            try save(bound)
        }
        return .success(derivations.map(\.originID))
    }

    private func told(_ ids: [OriginID]) throws -> [HeldOrigin] {
        try ids.compactMap { try origin($0)?.told }
    }

    /// The token when this log has it, else the beginning.
    private func known(_ token: FeedToken) throws -> FeedToken {
        if try token.epoch == epoch, token.position == 0, token.hash == .zero { return token }
        if try token.epoch == epoch, token.position > 0, token.position <= Limits.sequence {
            let hash = try connection.first(
                "SELECT log_hash FROM segment WHERE position = ?", .word(token.position)
            ) { try $0.digest(0) }
            if hash.map({ ShortDigest($0) }) == token.hash { return token }
        }
        return FeedToken(epoch: try epoch, position: 0, hash: .zero)
    }

    public func together(_ bodies: [() throws -> Void]) -> [(any Error)?] { connection.together(bodies) }

    public func confirmFeed(_ token: FeedToken, of session: SessionRef) throws {
        guard try token.epoch == epoch, token.position <= Limits.sequence else { return }
        try connection.write {
            guard try isLatest(session) else { return }
            try connection.run(
                "UPDATE replica SET feed_position = ? WHERE id = ?", .word(token.position),
                .int(session.replica))
            try sumUp(replica: session.replica)
        }
    }

    // MARK: - Heads

    public func heads(_ question: Heads, for session: SessionRef) throws -> Heads {
        try connection.read {
            let origin = try origin(question.origin)
            var answer = question
            var walked: (range: ClosedRange<UInt64>, heads: [Digest])?
            for index in answer.entries.indices {
                let sequence = answer.entries[index].sequence
                answer.entries[index].head = nil
                guard let origin, origin.device == session.device, sequence <= origin.held else { continue }
                if sequence == 0 {
                    answer.entries[index].head = origin.derivation
                } else if sequence == origin.held {
                    answer.entries[index].head = origin.head
                } else {
                    if walked?.range.contains(sequence) != true { walked = try walk(origin, over: sequence) }
                    if let walked, walked.range.contains(sequence) {
                        answer.entries[index].head = walked.heads[Int(sequence - walked.range.lowerBound)]
                    }
                }
            }
            return answer
        }
    }

    /// The heads inside the segment that holds a sequence; nil where a salt is gone.
    func walk(
        _ origin: HubOrigin, over sequence: UInt64
    ) throws -> (range: ClosedRange<UInt64>, heads: [Digest])? {
        let found = try connection.first(
            """
            SELECT position, head_before, first, kept FROM segment WHERE origin = ? AND last >= ?
            ORDER BY last LIMIT 1
            """,
            .int(origin.number), .word(sequence)
        ) { row in
            (
                position: row.word(0), before: try row.digest(1), first: row.word(2),
                kept: row.isNull(3) ? nil : row.bytes(3)
            )
        }
        guard let found else { return nil }
        let segment = try segment(at: found.position)
        guard segment.rows.count > 0, segment.first <= sequence else { return nil }
        if let kept = found.kept.flatMap(KeptCodec.decode) {
            let (walk, _) = judge.chain.walk(
                segment.rows, origin: origin.id, first: segment.first, from: found.before, kept: kept
            ) { _, _ in nil }
            return (segment.first...(segment.first + UInt64(walk.heads.count) - 1), walk.heads)
        }
        var failure: (any Error)?
        let walk: JournalChain.Walk
        do throws(JournalChain.Failure) {
            walk = try judge.chain.walk(
                segment.rows, origin: origin.id, first: segment.first, from: found.before
            ) { day, retentionClass in
                do {
                    return try salt(of: origin, day: day, retentionClass: retentionClass)
                } catch {
                    failure = error
                    return nil
                }
            }
        } catch {
            if let failure { throw failure }
            return nil
        }
        return (segment.first...(segment.first + UInt64(segment.rows.count) - 1), walk.heads)
    }
}
