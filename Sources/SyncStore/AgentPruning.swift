public import Forms
public import SyncCore

/// What one step of pruning took out of a branch's store.
public struct PruneStep: Sendable, Hashable {
    /// Versions of which some values went.
    public var trimmed = 0
    /// Versions that went whole, with their records.
    public var removed = 0
    public var records = 0
    /// Nothing more is over.
    public var isComplete = false

    public init() {}

    public mutating func add(_ step: PruneStep) {
        trimmed += step.trimmed
        removed += step.removed
        records += step.records
        isComplete = step.isComplete
    }
}

extension TableAgentStore {
    /// Takes out what may be kept no longer, as one transaction of about `limit` versions. Own versions stay
    /// until they are receipted and backed up at the hub: only then is nobody asked for them again.
    public func prune(_ retention: Retention, limit: Int) throws -> PruneStep {
        try backend.write { tables in
            let pruner = try AgentPruner(tables: tables, retention: retention)
            try pruner.trim(limit: limit)
            if pruner.step.isComplete { try pruner.removeRecords(limit: limit) }
            try pruner.finish()
            return pruner.step
        }
    }

    /// Lets nothing that was pruned stand in the files beside the database. Waits for nobody: where others
    /// read just now, it comes about after the next pruning.
    public func scrub() throws { try backend.scrub() }

    /// When the oldest own version was written that is receipted and in no backup of the hub's; nil when
    /// there is none.
    public func oldestWithoutBackup() throws -> Milliseconds? {
        try backend.read { tables in
            var oldest: Milliseconds?
            for origin in try tables.ownOrigins() {
                try tables.eachVersion(of: origin.id, after: origin.backedUp) { stored in
                    guard stored.version.dot.sequence <= origin.receipted else { return false }
                    oldest = min(oldest ?? .max, stored.version.authored)
                    return false
                }
            }
            return oldest
        }
    }
}

/// Prunes within one transaction.
private final class AgentPruner {
    private let tables: any AgentTables
    private let retention: Retention
    private var origins: [OwnOrigin]
    private var raised: Set<OriginID> = []
    private(set) var step = PruneStep()

    init(tables: any AgentTables, retention: Retention) throws {
        self.tables = tables
        self.retention = retention
        origins = try tables.ownOrigins()
    }

    // MARK: - Values

    func trim(limit: Int) throws {
        var left = limit
        for span in retention.spans {
            let found = try tables.versions(
                keptFromBefore: retention.today - span, unpruned: span, limit: left)
            for stored in found { try trim(stored, span: span) }
            left -= found.count
            if left <= 0 { return }
        }
        step.isComplete = true
    }

    private func trim(_ stored: StoredVersion, span: Int32) throws {
        if !stored.version.clockTrusted, var start = retention.start(of: stored.version) {
            let authored = stored.version.authored
            if retention.isFresh(authored: authored) {
                // To be looked at again when it is that no more.
                start = max(start, Int64(JournalChain.day(of: authored)) + 1 - Int64(span))
            }
            try tables.note(keptFrom: Int32(clamping: start), stored.version.dot)
            guard retention.isOver(start, span) else { return }
        }
        guard let version = retention.trimmed(stored.version) else {
            return try tables.note(pruned: span, stored.version.dot)
        }
        var left = stored
        left.version = version
        try tables.replace(left, columns: VersionColumns(CollectionOfOne(version)), pruned: span)
        step.trimmed += 1
        try raise(over: version.dot, head: stored.head)
        let name = RecordName(version.key)
        if let state = try tables.record(name), let kept = retention.trimmed(state) {
            try tables.put(kept, of: name)
        }
        try trimMemory(of: name)
    }

    /// What an import said stays known for as long as some version says it.
    private func trimMemory(of name: RecordName) throws {
        var said: Set<FieldID> = []
        for version in try tables.versions(of: name) {
            for assignment in version.assignments where assignment.value != .notStated {
                said.insert(assignment.field)
            }
        }
        for (source, memory) in try tables.imports(of: name) {
            var left = memory
            for index in left.indices where !said.contains(left[index].field) {
                left[index].value = .notStated
            }
            if left != memory { try tables.putImport(from: source, name, left) }
        }
        // A row's print is a hash that has no salt.
        try tables.removePrints(of: name)
    }

    // MARK: - Records

    func removeRecords(limit: Int) throws {
        for form in retention.formsThatEnd {
            var after: [UInt8]?
            while true {
                let page = try tables.records(form: form, after: after, limit: 1_024)
                for row in page {
                    let name = RecordName(form: form, key: row.key)
                    guard let key = name.recordKey, retention.isOver(key) else { continue }
                    try remove(name)
                    if step.removed >= limit {
                        step.isComplete = false
                        return
                    }
                }
                guard let last = page.last else { break }
                after = last.key
            }
        }
    }

    private func remove(_ name: RecordName) throws {
        let versions = try tables.versions(of: name)
        for version in versions {
            guard let own = origins.first(where: { $0.id == version.dot.origin }) else { continue }
            guard version.dot.sequence <= min(own.receipted, own.backedUp) else { return }
        }
        for version in versions {
            try raise(over: version.dot, head: try tables.head(of: version.dot))
            try tables.erase(version.dot)
        }
        try tables.removePrints(of: name)
        try tables.removeImports(of: name)
        try tables.removeRecord(name)
        step.removed += versions.count
        step.records += 1
    }

    // MARK: - Journals

    private func raise(over dot: Dot, head: Digest?) throws {
        guard let head, let index = origins.firstIndex(where: { $0.id == dot.origin }),
            dot.sequence >= origins[index].floor
        else { return }
        origins[index].floor = dot.sequence + 1
        origins[index].headBelow = head
        raised.insert(dot.origin)
    }

    /// What lies below the floor is never sent again: its seals and receipts go, and the salts of days that
    /// are over, here as well: where a clock stands wrong or still, the next version may be of a day that was
    /// over long ago, and one day has one salt.
    func finish() throws {
        let written = try tables.session().lastAuthored.map(JournalChain.day) ?? .min
        for origin in origins where raised.contains(origin.id) {
            try tables.put(origin)
            try tables.removeSeals(of: origin.id, below: origin.floor)
            // One that reaches to the floor is asked for when the hub is put back to before it.
            try tables.removeReceipts(of: origin.id, below: origin.floor - 1)
            try tables.removeSalts(
                of: origin.id, below: origin.floor, before: min(written, retention.today - 1))
        }
    }
}
