import SyncCore

/// A branch's store in memory: for tests and simulations, with the contract of the one on disk.
public final class MemoryAgentStore: TableAgentStore {
    /// Everything that a store holds, as it stood at some moment.
    package struct Snapshot {
        fileprivate var content: MemoryAgentTables.Content
    }

    private let tables: MemoryAgentTables

    public convenience init(means: AgentMeans) { self.init(means: means, defects: []) }

    /// - Parameter defects: for simulations.
    package init(means: AgentMeans, defects: MemoryDefects) {
        tables = MemoryAgentTables(defects)
        super.init(backend: MemoryAgentBackend(tables), means: means)
    }

    override func again(_ version: Version, under renames: [OriginRename]) -> Version {
        var again = super.again(version, under: renames)
        if tables.defects.contains(.contextsVerbatim) { again.context = version.context }
        return again
    }

    package var snapshot: Snapshot { Snapshot(content: tables.content) }

    /// Makes the store what it was then, as somebody does who copies a folder back.
    package func restore(_ snapshot: Snapshot) { tables.content = snapshot.content }

    /// The disk is full once so many more rows have been written; the transaction then fails.
    package var rowsUntilFull: Int? {
        get { tables.rowsUntilFull }
        set { tables.rowsUntilFull = newValue }
    }
}

/// Keeps a copy of the tables while somebody writes, and puts it back when they throw.
private final class MemoryAgentBackend: AgentBackend {
    private let tables: MemoryAgentTables

    init(_ tables: MemoryAgentTables) { self.tables = tables }

    func write<Result>(_ body: (any AgentTables) throws -> Result) throws -> Result {
        let before = tables.content
        do {
            return try body(tables)
        } catch {
            if !tables.defects.contains(.noRollback) { tables.content = before }
            throw error
        }
    }

    func read<Result>(_ body: (any AgentTables) throws -> Result) throws -> Result { try body(tables) }
}

private struct PrintName: Hashable {
    var print: Digest
    var record: RecordName
}

private struct ImportName: Hashable {
    var source: [UInt8]
    var record: RecordName
}

private struct SaltName: Hashable {
    var origin: OriginID
    var day: Int32
    var retentionClass: RetentionClass
}

private final class MemoryAgentTables: AgentTables {
    var isVital = false
    let defects: MemoryDefects
    var rowsUntilFull: Int?

    init(_ defects: MemoryDefects) { self.defects = defects }

    struct Content {
        var configuration: AgentConfiguration?
        var session = SessionFacts()
        var contact = ContactFacts()
        var origins: [OwnOrigin] = []
        var records: [RecordName: RecordState] = [:]
        /// Own journals lie in `journals`, nil where a version was pruned; versions of others in `foreign`.
        var journals: [OriginID: [StoredVersion?]] = [:]
        /// The longest retention, in days, that was applied to a version.
        var pruned: [Dot: Int32] = [:]
        /// From which day on values are kept, where the author's clock was not trusted.
        var keptFrom: [Dot: Int32] = [:]
        var foreign: [Dot: Version] = [:]
        var doubted: Set<Dot> = []
        var dots: [RecordName: Set<Dot>] = [:]
        var seals: [OriginID: [Seal]] = [:]
        var salts: [SaltName: Token16] = [:]
        var grants: [OriginID: [(firstUse: UInt64, grant: SaltGrant)]] = [:]
        var prints: Set<PrintName> = []
        var imports: [ImportName: [Assignment]] = [:]
        /// In the order in which they came.
        var receipts: [OriginID: [KeptReceipt]] = [:]
        /// Oldest first.
        var verdicts: [Verdict] = []
        var forms: [[UInt8]] = []
        var scope: [[UInt8]: ScopeChange] = [:]
        var closed: [OwnOrigin] = []
        var renames: [ReplicaRename] = []
        /// Oldest first.
        var events: [IdentityEvent] = []
    }

    var content = Content()

    /// Counts a row that is to be written.
    private func spend() throws {
        guard let left = rowsUntilFull else { return }
        rowsUntilFull = left > 0 ? left - 1 : nil
        if left == 0 { throw StoreError(.diskFull, "simulated") }
    }

    func configuration() -> AgentConfiguration? { content.configuration }
    func put(_ configuration: AgentConfiguration) { content.configuration = configuration }
    func session() -> SessionFacts { content.session }
    func put(_ session: SessionFacts) throws {
        try spend()
        content.session = session
    }
    func contact() -> ContactFacts { content.contact }
    func put(_ contact: ContactFacts) { content.contact = contact }
    func origins() -> [OwnOrigin] { content.origins }

    func put(_ origin: OwnOrigin) throws {
        try spend()
        if let index = content.origins.firstIndex(where: { $0.id == origin.id }) {
            content.origins[index] = origin
        } else if let index = content.closed.firstIndex(where: { $0.id == origin.id }) {
            content.closed[index] = origin
        } else {
            content.origins.append(origin)
            content.origins.sort { $0.claim.lane < $1.claim.lane }
        }
    }

    func close(_ origin: OwnOrigin) {
        content.origins.removeAll { $0.id == origin.id }
        content.closed.append(origin)
    }

    func closedOrigins() -> [OwnOrigin] { content.closed }

    func cut(_ origin: OriginID, after: UInt64) {
        let journal = content.journals[origin] ?? []
        for case let stored? in journal.dropFirst(Int(clamping: after)) {
            content.dots[RecordName(stored.version.key)]?.remove(stored.version.dot)
        }
        content.journals[origin] = Array(journal.prefix(Int(clamping: after)))
        content.seals[origin]?.removeAll { $0.sequence > after }
        for (firstUse, grant) in content.grants[origin] ?? [] where firstUse > after {
            content.salts[
                SaltName(origin: origin, day: grant.day, retentionClass: grant.retentionClass)] = nil
        }
        content.grants[origin]?.removeAll { $0.firstUse > after }
        content.verdicts.removeAll { $0.dot.origin == origin && $0.dot.sequence > after }
    }

    func put(_ rename: ReplicaRename) { content.renames.append(rename) }
    func renames() -> [ReplicaRename] { content.renames }
    func put(_ event: IdentityEvent) { content.events.append(event) }

    func identityEvents(limit: Int) -> [IdentityEvent] {
        Array(content.events.reversed().prefix(max(0, limit)))
    }

    func record(_ name: RecordName) -> RecordState? { content.records[name] }
    func put(_ state: RecordState, of name: RecordName) throws {
        try spend()
        content.records[name] = defects.reshaped(state)
    }
    func removeRecord(_ name: RecordName) { content.records[name] = nil }

    func records(form: [UInt8], after: [UInt8]?, limit: Int) -> [(key: [UInt8], state: RecordState)] {
        let names = content.records.keys.filter { name in
            name.form == form && (after.map { $0.lexicographicallyPrecedes(name.key) } ?? true)
        }
        return names.sorted { $0.key.lexicographicallyPrecedes($1.key) }.prefix(max(0, limit)).compactMap {
            name in
            content.records[name].map { (name.key, $0) }
        }
    }

    func append(_ stored: StoredVersion, columns: VersionColumns) throws {
        try spend()
        let dot = stored.version.dot
        if stored.head == nil {
            content.foreign[dot] = stored.version
        } else {
            guard UInt64(content.journals[dot.origin]?.count ?? 0) + 1 == dot.sequence else {
                throw StoreError(.corrupt, "a hole in the own journal")
            }
            content.journals[dot.origin, default: []].append(stored)
        }
        content.dots[RecordName(stored.version.key), default: []].insert(dot)
    }

    private func own(_ dot: Dot) -> StoredVersion? {
        guard let journal = content.journals[dot.origin], dot.sequence > 0,
            dot.sequence <= UInt64(journal.count)
        else { return nil }
        return journal[Int(dot.sequence) - 1]
    }

    func version(_ dot: Dot) -> StoredVersion? {
        if let own = own(dot) { return own }
        var held = content.foreign[dot]
        if held == nil, defects.contains(.sequenceAlone) {
            held = content.foreign.values.filter { $0.dot.sequence == dot.sequence }
                .min { $0.dot < $1.dot }
        }
        return held.map { StoredVersion(version: $0, head: nil, bytes: 0) }
    }

    func head(of dot: Dot) -> Digest? { own(dot)?.head }

    func eachVersion(
        of origin: OriginID, after: UInt64, _ body: (StoredVersion) throws -> Bool
    ) throws {
        guard let journal = content.journals[origin], after < UInt64(journal.count) else { return }
        for case let stored? in journal[Int(after)...] {
            guard try body(stored) else { return }
        }
    }

    func versions(of name: RecordName) -> [Version] {
        (content.dots[name] ?? []).sorted().compactMap { own($0)?.version ?? content.foreign[$0] }
    }

    func remove(_ dot: Dot) {
        guard let version = content.foreign.removeValue(forKey: dot) else { return }
        content.dots[RecordName(version.key)]?.remove(dot)
        content.doubted.remove(dot)
        content.pruned[dot] = nil
        content.keptFrom[dot] = nil
    }

    func doubtOthers() {
        content.doubted = content.doubted.filter { own($0) != nil }.union(content.foreign.keys)
    }

    func doubt(_ sequences: ClosedRange<UInt64>, of origin: OriginID) {
        for case let stored? in content.journals[origin] ?? []
        where sequences.contains(stored.version.dot.sequence) { content.doubted.insert(stored.version.dot) }
    }

    func confirm(_ dot: Dot) { content.doubted.remove(dot) }
    func doubtNothing() { content.doubted = [] }

    func doubted() -> [RecordName: Set<Dot>] {
        var names: [RecordName: Set<Dot>] = [:]
        for dot in content.doubted {
            guard let version = own(dot)?.version ?? content.foreign[dot] else { continue }
            names[RecordName(version.key), default: []].insert(dot)
        }
        return names
    }

    func counts(of origins: [OwnOrigin]) -> RecordCounts {
        var queued: Set<RecordName> = []
        var all: Set<RecordName> = []
        var quarantined: Set<RecordName> = []
        for origin in origins {
            for case let stored? in content.journals[origin.id] ?? [] {
                let name = RecordName(stored.version.key)
                all.insert(name)
                if stored.version.dot.sequence > origin.receipted { queued.insert(name) }
                let held = verdicts(of: stored.version.dot).last {
                    $0.kind == .quarantined || $0.kind == .released
                }
                if held?.kind == .quarantined { quarantined.insert(name) }
            }
        }
        return RecordCounts(
            queued: UInt64(queued.count), receipted: UInt64(all.count - queued.count),
            quarantined: UInt64(quarantined.count))
    }

    func put(_ seal: Seal, of origin: OriginID) throws {
        try spend()
        content.seals[origin, default: []].append(seal)
    }

    func seals(of origin: OriginID, in range: ClosedRange<UInt64>) -> [Seal] {
        (content.seals[origin] ?? []).filter { range.contains($0.sequence) }
    }

    func salt(of origin: OriginID, day: Int32, retentionClass: RetentionClass) -> Token16? {
        content.salts[SaltName(origin: origin, day: day, retentionClass: retentionClass)]
    }

    func put(_ grant: SaltGrant, of origin: OriginID, firstUse: UInt64) {
        content.salts[SaltName(origin: origin, day: grant.day, retentionClass: grant.retentionClass)] =
            grant.salt
        content.grants[origin, default: []].append((firstUse, grant))
    }

    func salts(of origin: OriginID, firstUsedIn range: ClosedRange<UInt64>) -> [SaltGrant] {
        (content.grants[origin] ?? []).filter { range.contains($0.firstUse) }.map(\.grant)
    }

    func hasPrint(_ print: Digest, of name: RecordName) -> Bool {
        content.prints.contains(PrintName(print: print, record: name))
    }

    func put(_ print: Digest, of name: RecordName) {
        content.prints.insert(PrintName(print: print, record: name))
    }

    func imported(from source: String, _ name: RecordName) -> [Assignment]? {
        content.imports[ImportName(source: Array(source.utf8), record: name)]
    }

    func putImport(from source: String, _ name: RecordName, _ assignments: [Assignment]) {
        content.imports[ImportName(source: Array(source.utf8), record: name)] = assignments
    }

    func imports(of name: RecordName) -> [(source: String, assignments: [Assignment])] {
        content.imports.filter { $0.key.record == name }
            .sorted { $0.key.source.lexicographicallyPrecedes($1.key.source) }
            .map { (String(decoding: $0.key.source, as: UTF8.self), $0.value) }
    }

    func removeImports(of name: RecordName) {
        content.imports = content.imports.filter { $0.key.record != name }
    }

    func removePrints(of name: RecordName) {
        content.prints = content.prints.filter { $0.record != name }
    }

    func versions(keptFromBefore day: Int32, unpruned days: Int32, limit: Int) -> [StoredVersion] {
        var found: [StoredVersion] = content.foreign.values.map {
            StoredVersion(version: $0, head: nil, bytes: 0)
        }
        for origin in content.origins + content.closed {
            let isUnbackedToo = defects.contains(.pruneUnbacked)
            let reach = min(origin.receipted, isUnbackedToo ? origin.receipted : origin.backedUp)
            for case let stored? in content.journals[origin.id] ?? []
            where stored.version.dot.sequence <= reach { found.append(stored) }
        }
        func start(_ version: Version) -> Int32 {
            version.clockTrusted
                ? JournalChain.day(of: version.authored) : content.keptFrom[version.dot] ?? .min
        }
        found = found.filter { start($0.version) < day && content.pruned[$0.version.dot] ?? 0 < days }
        found.sort { (start($0.version), $0.version.dot) < (start($1.version), $1.version.dot) }
        return Array(found.prefix(max(0, limit)))
    }

    func note(keptFrom day: Int32, _ dot: Dot) { content.keptFrom[dot] = day }

    func replace(_ stored: StoredVersion, columns: VersionColumns, pruned days: Int32) {
        let dot = stored.version.dot
        if stored.head == nil {
            content.foreign[dot] = stored.version
        } else {
            content.journals[dot.origin]?[Int(dot.sequence) - 1] = stored
        }
        content.pruned[dot] = days
    }

    func note(pruned days: Int32, _ dot: Dot) { content.pruned[dot] = days }

    func erase(_ dot: Dot) {
        if let stored = own(dot) {
            content.journals[dot.origin]?[Int(dot.sequence) - 1] = nil
            content.dots[RecordName(stored.version.key)]?.remove(dot)
        } else {
            remove(dot)
        }
        content.pruned[dot] = nil
        content.doubted.remove(dot)
        content.keptFrom[dot] = nil
        content.verdicts.removeAll { $0.dot == dot }
    }

    func removeSeals(of origin: OriginID, below sequence: UInt64) {
        content.seals[origin]?.removeAll { $0.sequence < sequence }
    }

    func removeSalts(of origin: OriginID, below sequence: UInt64, before day: Int32) {
        var used: Set<Int32> = []
        for case let stored? in content.journals[origin] ?? []
        where stored.version.dot.sequence >= sequence {
            used.insert(JournalChain.day(of: stored.version.authored))
        }
        let isGone: (SaltGrant) -> Bool = { $0.day < day && !used.contains($0.day) }
        for (_, grant) in content.grants[origin] ?? [] where isGone(grant) {
            content.salts[
                SaltName(origin: origin, day: grant.day, retentionClass: grant.retentionClass)] = nil
        }
        content.grants[origin]?.removeAll { isGone($0.grant) }
    }

    func put(_ kept: KeptReceipt) {
        var receipts = content.receipts[kept.receipt.origin] ?? []
        if let last = receipts.last, kept.replaces(last) { receipts.removeLast() }
        content.receipts[kept.receipt.origin] = receipts + [kept]
    }

    func receipts(of origin: OriginID, reaching sequence: UInt64) -> [KeptReceipt] {
        (content.receipts[origin] ?? []).filter { $0.receipt.sequence >= sequence }
    }

    func removeReceipts(of origin: OriginID, below sequence: UInt64) {
        content.receipts[origin]?.removeAll { $0.receipt.sequence < sequence }
    }

    func put(_ verdict: Verdict) {
        content.verdicts.removeAll { $0 == verdict }
        content.verdicts.append(verdict)
    }

    func verdicts(of dot: Dot) -> [Verdict] { content.verdicts.filter { $0.dot == dot } }

    func lastVerdicts(
        _ kinds: Set<Verdict.Kind>, limit: Int
    ) -> [(verdict: Verdict, name: RecordName)] {
        var seen: Set<Dot> = []
        var found: [(verdict: Verdict, name: RecordName)] = []
        for verdict in content.verdicts.reversed() where seen.insert(verdict.dot).inserted {
            guard kinds.contains(verdict.kind), found.count < limit, let stored = own(verdict.dot) else {
                continue
            }
            found.append((verdict, RecordName(stored.version.key)))
        }
        return found
    }

    func put(form json: [UInt8], hash: Digest) {
        if !content.forms.contains(json) { content.forms.append(json) }
    }

    func forms() -> [[UInt8]] { content.forms }

    func put(_ change: ScopeChange) {
        content.scope[Array(change.subject.utf8) + [0] + change.id] = change
    }
}
