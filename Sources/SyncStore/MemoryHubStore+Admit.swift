public import SyncCore

/// Hello, and what it tells about stores that were restored, copied or put back.
extension MemoryHubStore {
    public func admit(
        _ hello: Hello, by caller: Caller, sessionToken: Token16, now: Milliseconds
    ) throws -> Result<Admission, Refuse> {
        let publicKey = caller.publicKey
        let fingerprint = means.hashing(publicKey)
        guard let index = content.devices.firstIndex(where: { $0.info.fingerprint == fingerprint }) else {
            return .failure(Refuse(.unknownDevice))
        }
        let info = content.devices[index].info
        if info.state == .pending { return .failure(Refuse(.pendingDevice, retryAfter: 60)) }
        guard hello.origins.count <= Limits.helloOrigins else { return .failure(Refuse(.limitExceeded)) }
        let hashing = means.hashing
        let derivations = hello.origins.map { $0.claim.derivation(publicKey: publicKey, hashing: hashing) }
        for derivation in derivations {
            let known = content.origins[derivation.originID]
            let isOthers = known.map { $0.device != info.id || $0.derivation != derivation } ?? false
            if isOthers || derivation.originID == 0 { return .failure(Refuse(.originOfAnother)) }
        }
        let hasUnsent = zip(hello.origins, derivations).contains {
            HubOrigin.lacks($0, content.origins[$1.originID])
        }
        if info.state == .revoked, !hasUnsent { return .failure(.revoked) }
        guard hasRoom(for: derivations, of: info.id) else { return .failure(.tooManyOrigins) }
        return try transaction {
            for (head, derivation) in zip(hello.origins, derivations)
            where content.origins[derivation.originID] == nil {
                content.origins[derivation.originID] = HubOrigin(
                    number: Int64(content.origins.count + 1), derivation: derivation,
                    claim: head.claim, device: info.id, isCurrent: false)
            }
            let ids = derivations.map(\.originID)
            let feed = known(hello.feed)
            let isFeedKnown = hello.feed.epoch != epoch || feed == hello.feed || hello.feed.position == 0
            let known = content.replicas.first {
                $0.facts.device == info.id && $0.facts.replica == hello.replica
            }
            let standing = HubStanding.judge(
                hello, epoch: epoch, replica: known?.facts,
                held: ids.compactMap { content.origins[$0]?.told }, isFeedKnown: isFeedKnown)
            if standing == .hubPutBack, info.state == .active, !defects.contains(.epochKept) {
                openEpoch(shownBy: info.id, now: now)
            }
            var session =
                standing == .tokenUnknown
                ? SessionRef(device: info.id, replica: known?.facts.id ?? 0, number: 0)
                : open(hello, ids, of: info.id, sessionToken, now: now)
            session.isSurrender = info.state == .revoked
            if standing == .tokenUnknown { content.audit.append(IdentityAudit.restoredOrCopied) }
            for id in ids { try renewReceipt(of: id, now: now) }
            let held = ids.compactMap { content.origins[$0]?.told }
            content.devices[index].info.lastSeen = now
            content.devices[index].info.skew = now.subtractingReportingOverflow(hello.clock).partialValue
            content.devices[index].info.program = hello.program
            content.devices[index].info.address = caller.address
            content.devices[index].info.version = caller.version
            content.devices[index].info.urgent = hello.backlog(.urgent, held: held)
            content.devices[index].info.routine = hello.backlog(.routine, held: held)
            let welcome = Welcome(
                epoch: epoch, sessionToken: HubReplica.token(sessionToken, number: session.number),
                isTokenUnknown: standing == .tokenUnknown, held: hello.news(held, ids: ids, epoch: epoch),
                urgentWindow: 65_536,
                routineWindow: 1 << 20, maximumBatch: UInt32(Limits.batchVersions), clock: now,
                capabilities: info.state == .revoked ? [Welcome.surrender] : [],
                dictionary: hello.agreedDictionary, settings: hello.news(settingsJSON()))
            return .success(
                Admission(
                    session: session, unit: info.unit, welcome: welcome,
                    feed: self.known(hello.feed)))
        }
    }

    private func hasRoom(for derivations: [Digest], of device: Int64) -> Bool {
        let new = derivations.count { content.origins[$0.originID] == nil }
        return new == 0
            || content.origins.values.count { $0.device == device } + new <= Limits.deviceOrigins
    }

    /// The next session of the Hello's replica.
    private func open(
        _ hello: Hello, _ ids: [OriginID], of device: Int64, _ random: Token16, now: Milliseconds
    ) -> SessionRef {
        let index: Int
        if let known = content.replicas.firstIndex(where: {
            $0.facts.device == device && $0.facts.replica == hello.replica
        }) {
            index = known
        } else {
            let id = (content.replicas.map(\.facts.id).max() ?? 0) + 1
            let own = content.replicas.filter { $0.facts.device == device }
            if !own.isEmpty { content.audit.append(IdentityAudit.replicaOpened) }
            if own.count >= HubReplica.perDevice, let oldest = own.min(by: { $0.lastSeen < $1.lastSeen }) {
                content.replicas.removeAll { $0.facts.id == oldest.facts.id }
            }
            content.replicas.append(
                Replica(
                    facts: HubReplica(id: id, device: device, replica: hello.replica), firstSeen: now,
                    lastSeen: now))
            index = content.replicas.count - 1
        }
        var facts = content.replicas[index].facts
        let isComparable = hello.epoch == epoch && hello.sessionToken != .zero
        facts.open(shown: isComparable ? hello.sessionToken : nil, random: random)
        content.replicas[index].facts = facts
        content.replicas[index].lastSeen = now
        let current = Set(zip(hello.origins, ids).filter { !$0.0.isClosed }.map(\.1))
        for id in content.origins.keys where content.origins[id]?.replica == facts.id {
            content.origins[id]?.isCurrent = current.contains(id)
        }
        for id in current {
            content.origins[id]?.replica = facts.id
            content.origins[id]?.isCurrent = true
        }
        return SessionRef(device: device, replica: facts.id, number: facts.session)
    }

    /// Begins another life of this store: earlier receipts and places in the feed mean nothing in it, and the
    /// hub writes under new origins.
    private func openEpoch(shownBy device: Int64, now: Milliseconds) {
        let limit = IdentityAudit.putBackLimit
        let recent = (content.putBack[device] ?? []).filter {
            (0...limit.within).contains(now.subtractingClamped($0))
        }
        if recent.count >= limit.epochs { return }
        content.putBack[device] = recent + [now]
        content.audit.append(IdentityAudit.hubPutBack)
        beginEpoch()
    }

    func beginEpoch() {
        content.epoch = means.random()
        for id in content.origins.keys { content.origins[id]?.receipt = nil }
        ownLanes = [:]
    }

    private func known(_ token: FeedToken) -> FeedToken {
        if token.epoch == epoch, token.position <= logEnd.position {
            let hash =
                token.position == 0 ? .zero : ShortDigest(content.log[Int(token.position - 1)].hash)
            if hash == token.hash { return token }
        }
        return FeedToken(epoch: epoch, position: 0, hash: .zero)
    }

    public func heads(_ question: Heads, for session: SessionRef) throws -> Heads {
        let origin = content.origins[question.origin]
        var answer = question
        for index in answer.entries.indices {
            let sequence = answer.entries[index].sequence
            guard let origin, origin.device == session.device, sequence <= origin.held else {
                answer.entries[index].head = nil
                continue
            }
            answer.entries[index].head = head(of: origin, at: sequence)
        }
        return answer
    }

    private func head(of origin: HubOrigin, at sequence: UInt64) -> Digest? {
        if sequence == 0 { return origin.derivation }
        let segment = content.log.first {
            $0.batch.origin == origin.id && $0.batch.first <= sequence && sequence <= $0.batch.last
        }
        guard let segment else { return nil }
        let heads = segment.heads ?? computedHeads(segment)
        return heads?[Int(sequence - segment.batch.first)]
    }
}
