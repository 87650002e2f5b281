import Forms
public import SyncCore

extension MemoryHubStore {
    public func purge(now: Milliseconds, limit: Int) throws -> Purge {
        let retention = retention(now)
        var purge = Purge()
        var lost: [SaltName] = []
        for place in content.log.indices {
            let segment = content.log[place]
            let work = SegmentPurge(
                segment.batch.rows, origin: segment.batch.origin, first: segment.batch.first,
                gone: segment.gone, retention)
            if work.isEmpty { continue }
            work.count(into: &purge)
            freeze(place)
            for salt in work.salts {
                lost.append(
                    SaltName(
                        origin: segment.batch.origin, day: salt.day, retentionClass: salt.retentionClass))
            }
            content.log[place].gone.formUnion(work.gone)
            content.log[place].batch.rows = VersionColumns(work.versions)
            content.log[place].batch.encodedRows = []
            for row in work.trimmed {
                guard let version = work.before[row] else { continue }
                trim(RecordName(version.key), retention)
            }
            for row in work.gone {
                guard let version = work.before[row] else { continue }
                content.log[place].scopes[row] = .none
                content.log[place].fedTo[row] = .none
                content.log[place].verdicts.removeAll { $0.dot == version.dot }
                let name = RecordName(version.key)
                content.places[name] = nil
                content.holes[name] = nil
                if content.records.removeValue(forKey: name) != nil {
                    purge.forms[version.key.form]?.records += 1
                }
            }
        }
        for name in lost {
            for place in content.log.indices where content.log[place].batch.origin == name.origin {
                freeze(place)
            }
            content.salts[name] = nil
            content.destroyed.insert(name)
        }
        purge.isComplete = true
        return purge
    }

    public func purgeable(now: Milliseconds) throws -> Purge {
        let before = content
        defer { content = before }
        return try purge(now: now, limit: .max)
    }

    public func finish(_ purge: Purge, now: Milliseconds) {
        content.purgeDay = retention(now).today
        if !purge.isEmpty { content.audit.append("purged") }
    }

    public func purgeDays(now: Milliseconds) -> (last: Int32?, today: Int32) {
        (content.purgeDay, retention(now).today)
    }

    public func oldestWithoutBackup() -> Milliseconds? { nil }

    /// As if a backup had been made.
    package func noteBackup() {
        for id in content.origins.keys {
            guard let settled = content.origins[id]?.settled else { continue }
            content.origins[id]?.backedUp = settled
        }
    }

    func retention(_ now: Milliseconds) -> Retention {
        Retention(means.forms, today: catalog.zone.day(of: now))
    }

    private func trim(_ name: RecordName, _ retention: Retention) {
        if defects.contains(.purgeLeavesTables) { return }
        guard let state = content.records[name]?.state, let left = retention.trimmed(state) else { return }
        content.records[name]?.state = left
    }

    private func freeze(_ place: Int) {
        guard content.log[place].heads == nil else { return }
        content.log[place].heads = computedHeads(content.log[place])
    }

    func computedHeads(_ segment: Segment) -> [Digest]? {
        let batch = segment.batch
        let walk = try? judge.chain.walk(
            batch.rows, origin: batch.origin, first: batch.first, from: segment.before
        ) { day, retentionClass in
            content.salts[SaltName(origin: batch.origin, day: day, retentionClass: retentionClass)]
        }
        return walk?.heads
    }
}
