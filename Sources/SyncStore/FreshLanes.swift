import SyncCore

/// New origins of a store, one for each lane, and what it writes again under them within one transaction.
final class FreshLanes {
    private let tables: any AgentTables
    private let means: AgentMeans
    private var pens: [Rewriter]
    /// Roughly, in canonical bytes.
    private(set) var bytes = 0

    /// - Parameter origins: opened just now, one for each lane.
    init(_ origins: [OwnOrigin], tables: any AgentTables, means: AgentMeans) {
        self.tables = tables
        self.means = means
        pens = origins.map { Rewriter($0, means: means) }
    }

    /// What the next version of a lane has to be called.
    func next(in lane: Lane) throws -> Dot {
        let origin = pens[try pen(lane)].origin
        return Dot(origin: origin.id, sequence: origin.sequence + 1)
    }

    /// - Parameter version: under its new name.
    func append(_ version: Version, in lane: Lane) throws {
        let pen = try pen(lane)
        let entry = try pens[pen].write(version)
        let origin = pens[pen].origin
        for grant in entry.salts { try tables.put(grant, of: origin.id, firstUse: origin.sequence) }
        let bytes = Journalist.size(of: version)
        try tables.append(
            StoredVersion(version: version, head: origin.head, bytes: bytes), columns: entry.columns)
        self.bytes += bytes
        if let seal = try pens[pen].seal(after: bytes) { try tables.put(seal, of: origin.id) }
    }

    /// Makes them the store's current origins, sealed to their ends.
    ///
    /// - Returns: as they stand then.
    func finish() throws -> [OwnOrigin] {
        for pen in pens.indices {
            if let seal = try pens[pen].seal() { try tables.put(seal, of: pens[pen].origin.id) }
            try tables.put(pens[pen].origin)
        }
        return pens.map(\.origin)
    }

    private func pen(_ lane: Lane) throws -> Int {
        guard let pen = pens.firstIndex(where: { $0.origin.claim.lane == lane }) else {
            throw StoreError(.corrupt, "a lane without an origin")
        }
        return pen
    }
}

/// Continues a new origin's journal with versions that keep their times and authors.
private struct Rewriter {
    struct Entry {
        var columns: VersionColumns
        var salts: [SaltGrant]
    }

    private(set) var origin: OwnOrigin
    private let means: AgentMeans
    private let chain: JournalChain
    private var grants: [SaltGrant] = []
    private var sealed: UInt64 = 0
    private var unsealedBytes = 0

    init(_ origin: OwnOrigin, means: AgentMeans) {
        self.origin = origin
        self.means = means
        chain = JournalChain(hashing: means.hashing)
    }

    /// - Parameter version: under its new name.
    mutating func write(_ version: Version) throws -> Entry {
        guard version.dot == Dot(origin: origin.id, sequence: origin.sequence + 1) else {
            throw StoreError(.corrupt, "a hole in the own journal")
        }
        let columns = VersionColumns(CollectionOfOne(version))
        var fresh: [SaltGrant] = []
        for needed in JournalChain.saltsNeeded(columns) {
            let isKnown = grants.contains {
                $0.day == needed.day && $0.retentionClass == needed.retentionClass
            }
            if isKnown { continue }
            let grant = SaltGrant(
                day: needed.day, retentionClass: needed.retentionClass, salt: means.random())
            grants.append(grant)
            fresh.append(grant)
        }
        let known = grants
        let walk = try chain.walk(
            columns, origin: origin.id, first: version.dot.sequence, from: origin.head
        ) { day, wanted in
            known.first { $0.day == day && $0.retentionClass == wanted }?.salt
        }
        guard let head = walk.heads.last else { throw StoreError(.corrupt, "empty walk") }
        origin.sequence += 1
        origin.head = head
        return Entry(columns: columns, salts: fresh)
    }

    /// The seal that is due after so many more bytes; nil when none is.
    mutating func seal(after bytes: Int) throws -> Seal? {
        unsealedBytes += bytes
        return unsealedBytes >= Limits.sealInterval ? try seal() : nil
    }

    mutating func seal() throws -> Seal? {
        guard sealed < origin.sequence else { return nil }
        let statement = SealStatement.bytes(origin: origin.id, sequence: origin.sequence, head: origin.head)
        sealed = origin.sequence
        unsealedBytes = 0
        return Seal(sequence: origin.sequence, signature: try means.signing.sign(statement))
    }
}
