import Forms
public import SyncCore

extension MemoryHubStore {
    // MARK: - Feed

    private func audience(of device: Int64) -> HubAudience {
        guard let unit = content.devices.first(where: { $0.info.id == device })?.info.unit,
            let number = content.terms[Array(unit.utf8)]
        else { return HubAudience(unit: 0, units: [0], since: [:]) }
        return HubAudience(
            unit: number, units: Set([0] + content.register.nodes(seenBy: number)), since: [:])
    }

    private func isOwn(_ origin: OriginID, of session: SessionRef) -> Bool {
        guard let origin = content.origins[origin] else { return false }
        return origin.device == session.device && origin.replica == session.replica && origin.isCurrent
    }

    /// - Throws: `Refuse` when the device is let in no more.
    private func requireActive(_ session: SessionRef) throws {
        if content.devices.first(where: { $0.info.id == session.device })?.info.state == .revoked {
            throw Refuse.revoked
        }
    }

    public func feed(for session: SessionRef, after token: FeedToken, maximumItems: Int) throws -> Feed? {
        try requireActive(session)
        let audience = audience(of: session.device)
        let start = token.epoch == epoch ? Int(clamping: token.position) : 0
        var done = start
        var step = token.epoch == epoch ? token.step : 0
        var page = HubFeedPage(maximumItems: max(1, maximumItems))
        reading: while done < content.log.count {
            let position = UInt64(done) + 1
            for (index, work) in content.log[done].work.enumerated() {
                guard UInt64(index) >= step, audience.concerns(work, at: position) else { continue }
                guard page.add(items(of: work, at: position, audience, for: session)) else {
                    break reading
                }
                step = UInt64(index) + 1
            }
            guard page.add(items(at: done, audience, for: session)) else {
                step = UInt64(content.log[done].work.count)
                break reading
            }
            done += 1
            step = 0
        }
        if page.count == 0 && done - start < 1_024 { return nil }
        let hash = done == 0 ? .zero : ShortDigest(content.log[done - 1].hash)
        return page.feed(token: FeedToken(epoch: epoch, position: UInt64(done), hash: hash, step: step))
    }

    /// What came at a place of the log by itself.
    private func items(at place: Int, _ audience: HubAudience, for session: SessionRef) -> HubFeedPage.Items {
        let segment = content.log[place]
        var items = HubFeedPage.Items()
        items.isUrgent = content.origins[segment.batch.origin]?.lane == .urgent
        if content.origins[segment.batch.origin]?.device == session.device {
            items.verdicts = segment.verdicts
        }
        if isOwn(segment.batch.origin, of: session) { return items }
        let rows = segment.fedTo.indices.filter { row in
            !segment.quarantined[row] && audience.sees(segment.fedTo[row], at: UInt64(place) + 1)
        }
        items.add([piece(rows, of: place)])
        return items
    }

    /// What a change of scopes brings.
    private func items(
        of work: HubScopeWork, at position: UInt64, _ audience: HubAudience, for session: SessionRef
    ) -> HubFeedPage.Items {
        var items = HubFeedPage.Items()
        guard work.kind == .versions else {
            let id = content.terms.first { $0.value == work.subject }?.key ?? []
            items.scope = [
                ScopeChange(
                    kind: work.kind == .leave ? .leave : .enter,
                    subject: work.isUnit ? BuiltIn.unit : BuiltIn.person, id: id,
                    kept: work.kind == .leave ? audience.kept(work, at: position) : [])
            ]
            return items
        }
        for place in work.places {
            let segment = content.log[Int(place.position) - 1]
            if isOwn(segment.batch.origin, of: session) || segment.gone.contains(Int(place.row)) { continue }
            items.add([piece([Int(place.row)], of: Int(place.position) - 1)])
        }
        return items
    }

    private func piece(_ rows: [Int], of place: Int) -> HubFeedPage.Piece {
        let segment = content.log[place]
        return HubFeedPage.Piece(
            origin: segment.batch.origin, first: segment.batch.first,
            rows: VersionColumns.Piece(
                segment.batch.rows, rows: rows, afterHole: Set(rows.filter { segment.afterHole[$0] })))
    }

    public func mark(for session: SessionRef) throws -> Mark {
        try requireActive(session)
        let units = audience(of: session.device).units
        var mark = Mark(position: logEnd.position, count: 0, sum: 0)
        for place in content.log.indices where !isOwn(content.log[place].batch.origin, of: session) {
            for row in content.log[place].scopes.indices where !content.log[place].quarantined[row] {
                let scope = content.log[place].scopes[row]
                guard scope.units.contains(where: { units.contains($0) }) else { continue }
                mark.count += 1
                mark.sum &+= Mark.term(of: content.log[place].batch.dot(at: row))
            }
        }
        return mark
    }

    // MARK: - The centre's own work

    public func write<Result>(
        clock: AuthoringClock, _ body: (any HubTransaction) throws -> Result
    ) throws -> Result {
        try transaction {
            let writing = MemoryHubWriting(self, clock: clock)
            let result = try body(writing)
            try writing.finish()
            return result
        }
    }

    func ownOrigin(_ lane: Lane) -> HubOrigin {
        if let origin = ownLanes[lane].flatMap({ content.origins[$0] }) { return origin }
        let claim = OriginClaim(lane: lane, nonce: means.random())
        let derivation = claim.derivation(publicKey: means.signing.publicKey, hashing: means.hashing)
        let origin = HubOrigin(
            number: Int64(content.origins.count + 1), derivation: derivation, claim: claim, device: nil)
        content.origins[origin.id] = origin
        ownLanes[lane] = origin.id
        return origin
    }
}

/// One transaction of the centre's: a segment a version is simple, and good enough in memory.
private final class MemoryHubWriting: HubTransaction {
    private let store: MemoryHubStore
    private let clock: AuthoringClock
    private var journalists: [Lane: Journalist] = [:]
    init(_ store: MemoryHubStore, clock: AuthoringClock) {
        self.store = store
        self.clock = clock
    }

    func effective(_ key: RecordKey) -> EffectiveRecord? { store.effective(key) }
    func record(_ key: RecordKey) -> RecordState? { store.record(key) }
    func unitExists(_ unit: String) -> Bool { store.unitExists(unit) }

    func context(of key: RecordKey) -> Context {
        store.content.records[MemoryHubStore.RecordName(key)]?.state.seen ?? .empty
    }

    func personExists(_ person: String) -> Bool {
        let number = store.content.terms[Array(person.utf8)]
        return number.map { store.content.register.persons.contains($0) } ?? false
    }

    func act(_ event: String, detail: String) { store.content.audit.append(event) }
    func ruleMarks() -> RuleMarks? { store.content.ruleMarks }
    func set(_ marks: RuleMarks) { store.content.ruleMarks = marks }

    func author(_ draft: Draft) throws -> Dot {
        let origin = store.ownOrigin(draft.lane)
        var journalist = journalists[draft.lane] ?? make(origin)
        let state = store.content.records[MemoryHubStore.RecordName(draft.key)]?.state ?? RecordState()
        let before = journalist.head
        let entry = try journalist.write(draft, onto: state, random: store.means.random) {
            day, retentionClass in
            store.content.salts[
                MemoryHubStore.SaltName(origin: origin.id, day: day, retentionClass: retentionClass)]
        }
        let seal = try journalist.seal()
        journalists[draft.lane] = journalist
        let batch = VersionBatch(
            origin: origin.id, first: entry.version.dot.sequence, headBefore: before, headAfter: entry.head,
            salts: entry.salts, seals: [seal].compactMap { $0 }, rows: entry.columns)
        var segment = MemoryHubStore.Segment(batch, before: before, after: entry.head)
        store.apply(&segment, root: 0, now: clock.now)
        _ = store.append(segment, sealed: (entry.version.dot.sequence, entry.head), now: clock.now)
        return entry.version.dot
    }

    private func make(_ origin: HubOrigin) -> Journalist {
        let authored = clock.authored(skew: 0, last: store.content.lastAuthored)
        store.content.lastAuthored = authored.time
        return Journalist(
            origin: origin.id, sequence: origin.held, head: origin.head, authored: authored,
            hashing: store.means.hashing, signing: store.means.signing)
    }

    func finish() throws {
        for lane in Lane.allCases where journalists[lane] != nil {
            try store.renewReceipt(of: store.ownOrigin(lane).id, now: clock.now)
        }
    }
}
