import Forms
public import SyncCore

extension MemoryHubStore {
    // MARK: - Feed

    private func scopeUnits(of device: Int64) -> Set<Int64> {
        guard let unit = content.devices.first(where: { $0.info.id == device })?.info.unit,
            let number = content.terms[Array(unit.utf8)]
        else { return [0] }
        return Set([0] + content.register.subtree(number))
    }

    public func feed(for session: SessionRef, after token: FeedToken, maximumItems: Int) -> Feed? {
        let units = scopeUnits(of: session.device)
        var position = token.epoch == epoch ? Int(clamping: token.position) : 0
        let start = position
        var versions: [(version: Version, afterHole: Bool)] = []
        var verdicts: [Verdict] = []
        var isUrgent = false
        while position < content.log.count {
            let segment = content.log[position]
            let origin = content.origins[segment.batch.origin]
            let isOwn =
                origin?.device == session.device && origin?.replica == session.replica
                && origin?.isCurrent == true
            let rows = segment.scopes.indices.filter { row in
                !isOwn && !segment.quarantined[row]
                    && segment.scopes[row].units.contains { units.contains($0) }
            }
            let own = origin?.device == session.device ? segment.verdicts : []
            let isFull = versions.count + verdicts.count + rows.count + own.count > maximumItems
            if isFull && !(versions.isEmpty && verdicts.isEmpty) { break }
            versions += rows.map { (segment.batch.version(at: $0), segment.afterHole[$0]) }
            verdicts += own
            if origin?.lane == .urgent && !(rows.isEmpty && own.isEmpty) { isUrgent = true }
            position += 1
        }
        if position == start || (versions.isEmpty && verdicts.isEmpty && position - start < 1_024) {
            return nil
        }
        let rows = VersionColumns(versions.map(\.version)) { versions[$0].afterHole }
        return Feed(
            lane: isUrgent ? .urgent : .routine,
            versions: FeedVersions(dots: versions.map { $0.version.dot }, rows: rows), verdicts: verdicts,
            token: FeedToken(epoch: epoch, position: UInt64(position), hash: content.log[position - 1].hash))
    }

    public func mark(for session: SessionRef) -> Mark {
        let units = scopeUnits(of: session.device)
        var mark = Mark(position: logEnd.position, count: 0, sum: 0)
        for place in content.log.indices {
            for row in content.log[place].scopes.indices where !content.log[place].quarantined[row] {
                let scope = content.log[place].scopes[row]
                guard scope.units.contains(where: { units.contains($0) }) else { continue }
                mark.count += 1
                mark.sum &+= content.log[place].digests[row]
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
            number: Int64(content.origins.count + 1), derivation: derivation, lane: lane, device: nil)
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
    private let start: Int

    init(_ store: MemoryHubStore, clock: AuthoringClock) {
        start = store.content.log.count
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
        var segment = MemoryHubStore.Segment(batch, digests: [entry.shortDigest])
        store.apply(&segment, root: 0, now: clock.now)
        _ = store.append(segment, sealed: (entry.version.dot.sequence, entry.head))
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
        // Persons and their memberships come together: only now is it known to whom a new person belongs.
        let today = store.catalog.zone.day(of: clock.now)
        for position in start..<store.content.log.count {
            let version = store.content.log[position].batch.version(at: 0)
            guard version.key.form.utf8.elementsEqual(BuiltIn.person.utf8),
                case .text(let text)? = version.key.values.first,
                let roles = store.table(BuiltIn.person)?.roles,
                let person = store.content.terms[text], !store.content.log[position].quarantined[0]
            else { continue }
            store.content.log[position].scopes[0] =
                HubPlace(
                    roles, person: person, unit: nil, day: nil, today: today, root: 0, store.content.register
                ).scope
        }
        for lane in Lane.allCases where journalists[lane] != nil {
            try store.renewReceipt(of: store.ownOrigin(lane).id)
        }
    }
}
