public import SyncCore

extension TableAgentStore {
    public func batch(
        of id: OriginID, after: UInt64, maximumVersions: Int, maximumBytes: Int
    ) throws -> VersionBatch? {
        try backend.read { tables in
            guard let origin = try tables.ownOrigins().first(where: { $0.id == id }), after < origin.sequence
            else { return nil }
            let rows = try AgentBatch.rows(
                of: origin, after: after, versions: maximumVersions, bytes: maximumBytes, in: tables)
            return try AgentBatch.make(rows, of: origin, after: after, in: tables)
        }
    }
}

/// Cuts a stretch of an own journal.
private enum AgentBatch {
    /// Takes versions until one of the bounds is reached, at least one.
    static func rows(
        of origin: OwnOrigin, after: UInt64, versions: Int, bytes: Int, in tables: any AgentTables
    ) throws -> [StoredVersion] {
        // One less than the limit: with a context each, the empty one stands before them.
        let most = max(1, min(versions, Limits.batchVersions - 1, Int(clamping: origin.sequence - after)))
        let room = min(bytes, Limits.framePayload / 2)
        var rows: [StoredVersion] = []
        var used = 0
        var groups: Set<GroupMark> = []
        try tables.eachVersion(of: origin.id, after: after) { stored in
            guard stored.version.dot.sequence == after + UInt64(rows.count) + 1 else {
                throw StoreError(.corrupt, "a hole in the own journal")
            }
            groups.insert(GroupMark(stored.version))
            used += stored.bytes
            let fits = used <= room && groups.count <= Limits.batchGroups
            if fits || rows.isEmpty { rows.append(stored) }
            return fits && rows.count < most
        }
        return rows
    }

    static func make(
        _ rows: [StoredVersion], of origin: OwnOrigin, after: UInt64, in tables: any AgentTables
    ) throws -> VersionBatch {
        let before = try TableAgentStore.ownHead(origin, at: after, in: tables)
        guard !rows.isEmpty, let headBefore = before else {
            throw StoreError(.corrupt, "own journal is short")
        }
        let first = after + 1
        var rows = rows
        let seals = try tables.seals(of: origin.id, in: first...(after + UInt64(rows.count)))
        if after + UInt64(rows.count) < origin.sequence, let last = seals.last?.sequence {
            // More follows. Ending at a seal lets all of this be receipted; it may cost a quarter of the
            // batch.
            let sealed = Int(last - after)
            if sealed * 4 >= rows.count * 3 { rows.removeLast(rows.count - sealed) }
        }
        let kept = try saltBound(rows, origin: origin, in: tables)
        rows.removeLast(rows.count - kept.rows)
        guard let last = rows.last, let headAfter = last.head else {
            throw StoreError(.corrupt, "own version without a head")
        }
        return VersionBatch(
            origin: origin.id, first: first, headBefore: headBefore, headAfter: headAfter, salts: kept.salts,
            seals: thinned(seals, rows: rows, first: first), rows: VersionColumns(rows.map(\.version)))
    }

    /// Shortens the batch until its salts keep their bound, and gives the salts that stay.
    private static func saltBound(
        _ rows: [StoredVersion], origin: OwnOrigin, in tables: any AgentTables
    ) throws -> (rows: Int, salts: [SaltGrant]) {
        guard let first = rows.first?.version.dot.sequence else { return (0, []) }
        var count = rows.count
        while true {
            var salts = try tables.salts(of: origin.id, firstUsedIn: first...(first + UInt64(count) - 1))
            salts += try older(rows.prefix(count), than: salts, of: origin, in: tables)
            if salts.count <= Limits.batchSalts || count == 1 { return (count, salts) }
            count /= 2
        }
    }

    /// Salts that the hub was given before, and may have destroyed since with what was hashed under them: of
    /// days before the one on which it was last heard, and of all days in what comes first after a pause.
    private static func older(
        _ rows: ArraySlice<StoredVersion>, than fresh: [SaltGrant], of origin: OwnOrigin,
        in tables: any AgentTables
    ) throws -> [SaltGrant] {
        let isFirst = rows.first?.version.dot.sequence == origin.receipted + 1 && origin.receipted > 0
        let today = try tables.contact().lastHubTime.map(JournalChain.day) ?? .min
        var found: [SaltGrant] = []
        var known = Set(
            fresh.map { SegmentPurge.SaltName(day: $0.day, retentionClass: $0.retentionClass) })
        for stored in rows {
            let day = JournalChain.day(of: stored.version.authored)
            guard isFirst || day < today else { continue }
            for assignment in stored.version.assignments {
                let wanted = assignment.retentionClass
                guard known.insert(SegmentPurge.SaltName(day: day, retentionClass: wanted)).inserted
                else { continue }
                if let salt = try tables.salt(of: origin.id, day: day, retentionClass: wanted) {
                    found.append(SaltGrant(day: day, retentionClass: wanted, salt: salt))
                }
            }
        }
        return found
    }

    /// The last seal of the stretch, and others only where a seal interval lies between them: a person who
    /// types leaves a seal behind every version, and 64 bytes beside each would weigh more than the versions.
    private static func thinned(_ seals: [Seal], rows: [StoredVersion], first: UInt64) -> [Seal] {
        var kept: [Seal] = []
        var bytes = 0
        var row = 0
        let inside = seals.filter { $0.sequence < first + UInt64(rows.count) }
        for (index, seal) in inside.enumerated() {
            while row < rows.count && first + UInt64(row) <= seal.sequence {
                bytes += rows[row].bytes
                row += 1
            }
            if index == inside.count - 1 || bytes >= Limits.sealInterval {
                kept.append(seal)
                bytes = 0
            }
        }
        return kept
    }
}

/// What puts versions into one group of columns.
private struct GroupMark: Hashable {
    var form: [UInt8]
    var revision: UInt32
    var keys: [UInt16]

    init(_ version: Version) {
        form = Array(version.key.form.utf8)
        revision = version.formRevision
        keys = version.key.values.map { UInt16($0.kind?.rawValue ?? 0) << 8 | UInt16($0.scale) }
    }
}
