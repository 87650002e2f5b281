public import SyncCore

/// What a branch's store needs from outside: hashing, its own key, verification, randomness.
public struct AgentMeans {
    public let hashing: Hashing
    /// This device's key.
    public let signing: Signing
    public let verifying: Verifying
    /// Sixteen bytes nobody can guess.
    public let random: () -> Token16

    public init(hashing: Hashing, signing: Signing, verifying: Verifying, random: @escaping () -> Token16) {
        self.hashing = hashing
        self.signing = signing
        self.verifying = verifying
        self.random = random
    }
}

/// The contract of ``AgentStore`` over plain tables. Each store subclasses it with tables of its own kind, so
/// that all behave alike; it keeps nothing between calls, because other processes may write in between.
open class TableAgentStore: AgentStore {
    let backend: any AgentBackend
    let means: AgentMeans

    package init(backend: any AgentBackend, means: AgentMeans) {
        self.backend = backend
        self.means = means
    }

    /// A version as it is written again: its context speaks of new names, too.
    func again(_ version: Version, under renames: [OriginRename]) -> Version { version.renamed(renames) }

    public func configuration() throws -> AgentConfiguration? { try backend.read { try $0.configuration() } }

    /// Opens the replica's two origins as well. The same replica and hub again renews the rest only.
    ///
    /// - Throws: `StoreError(.alreadyExists)` for another replica or hub; `.corrupt` when the key is not the
    ///   hub's.
    public func configure(_ configuration: AgentConfiguration) throws {
        guard configuration.hubKeys.identity(means.hashing) == configuration.hub else {
            throw StoreError(.corrupt, "the key is not that of the pinned hub")
        }
        try backend.write { tables in
            if let known = try tables.configuration() {
                guard known.replica == configuration.replica, known.hub == configuration.hub else {
                    throw StoreError(.alreadyExists, "the store belongs to another replica or hub")
                }
            }
            try tables.put(configuration)
            guard try tables.origins().isEmpty else { return }
            for lane in Lane.allCases { try tables.put(self.openOrigin(lane)) }
        }
    }

    public func renew(_ keys: HubKeyring, now: Milliseconds) throws {
        try backend.write { tables in
            guard var configuration = try tables.configuration() else {
                throw StoreError(.notJoined, "this store has not joined a hub")
            }
            if keys == configuration.hubKeys { return }
            guard keys.replaces(configuration.hubKeys), keys.holds(self.means.hashing, self.means.verifying)
            else { throw Refuse(.forgedHubKey, words: "keys that this hub has not blessed") }
            tables.isVital = true
            let isOther = keys.current != configuration.hubPublicKey
            configuration.hubKeys = keys
            try tables.put(configuration)
            if isOther { try tables.put(IdentityEvent(at: now, kind: .hubKeyChanged, versions: 0)) }
        }
    }

    func openOrigin(_ lane: Lane) -> OwnOrigin {
        while true {
            let claim = OriginClaim(lane: lane, nonce: means.random())
            let derivation = claim.derivation(publicKey: means.signing.publicKey, hashing: means.hashing)
            if derivation.originID != 0 {
                return OwnOrigin(
                    claim: claim, derivation: derivation, sequence: 0, head: derivation, receipted: 0,
                    publicKey: means.signing.publicKey)
            }
        }
    }

    public func write<Result>(
        clock: AuthoringClock, _ body: (any AgentTransaction) throws -> Result
    ) throws -> Result {
        try backend.write { tables in
            let writer = AgentWriter(tables: tables, means: self.means, clock: clock)
            let result = try body(writer)
            try writer.finish()
            return result
        }
    }

    public func moment(of clock: AuthoringClock) throws -> AuthoringMoment {
        try backend.read { tables in
            clock.authored(skew: try tables.contact().skew, last: try tables.session().lastAuthored)
        }
    }

    public func origins() throws -> [OwnOrigin] { try backend.read { try $0.origins() } }

    public func closedOrigins() throws -> [OwnOrigin] { try backend.read { try $0.closedOrigins() } }

    public func record(_ key: RecordKey) throws -> RecordState? {
        try backend.read { try $0.record(RecordName(key)) }
    }

    public func records(
        form: String, after: [UInt8]?, limit: Int
    ) throws -> [(key: RecordKey, state: RecordState)] {
        let form = Array(form.utf8)
        return try backend.read { tables in
            try tables.records(form: form, after: after, limit: limit).map { row in
                (try TableAgentStore.key(of: RecordName(form: form, key: row.key)), row.state)
            }
        }
    }

    public func note(_ mark: Mark, now: Milliseconds) throws -> [IdentityEvent] {
        try backend.write { tables in
            var session = try tables.session()
            session.mark = mark
            try tables.put(session)
            let doubts = self.doubts(
                in: tables, current: try tables.origins(), closed: try tables.closedOrigins())
            try doubts.settleAll()
            return try doubts.finish(now: now)
        }
    }

    func doubts(
        in tables: any AgentTables, current: [OwnOrigin], closed: [OwnOrigin]
    ) -> AgentDoubts {
        AgentDoubts(tables, current: current, closed: closed) {
            for origin in try tables.origins() {
                try self.seal(origin, in: tables)
                try tables.close(origin)
            }
            return FreshLanes(Lane.allCases.map(self.openOrigin), tables: tables, means: self.means)
        }
    }

    public func note(_ change: (inout ContactFacts) -> Void) throws {
        try backend.write { tables in
            var contact = try tables.contact()
            change(&contact)
            try tables.put(contact)
        }
    }

    public func storage() -> StorageState { backend.storage }

    public func contact() throws -> ContactFacts { try backend.read { try $0.contact() } }
    public func forms() throws -> [[UInt8]] { try backend.read { try $0.allForms() } }

    public func status(of lane: Lane) throws -> LaneStatus {
        try backend.read { tables in
            guard let origin = try tables.origins().first(where: { $0.claim.lane == lane }) else {
                return LaneStatus(versions: 0, queued: 0, receipted: 0, quarantined: 0, oldestQueued: nil)
            }
            let closed = try tables.closedOrigins().filter { $0.claim.lane == lane }
            let counts = try tables.counts(of: closed + [origin])
            return LaneStatus(
                versions: closed.reduce(origin.sequence) { $0 + $1.sequence }, queued: counts.queued,
                receipted: counts.receipted,
                quarantined: counts.quarantined,
                oldestQueued: try TableAgentStore.oldestQueued(closed + [origin], in: tables))
        }
    }

    /// Authored time of the first version that waits in these origins of one lane.
    static func oldestQueued(_ origins: [OwnOrigin], in tables: any AgentTables) throws -> Milliseconds? {
        var oldest: Milliseconds?
        guard let origin = origins.first(where: { $0.receipted < $0.sequence }) else { return nil }
        try tables.eachVersion(of: origin.id, after: origin.receipted) { stored in
            oldest = stored.version.authored
            return false
        }
        return oldest
    }

    public func journal(lane: Lane, after: UInt64, limit: Int) throws -> [JournalEntry] {
        try backend.read { tables in
            guard let origin = try tables.origins().first(where: { $0.claim.lane == lane }), limit > 0 else {
                return []
            }
            var entries: [JournalEntry] = []
            try tables.eachVersion(of: origin.id, after: after) { stored in
                let dot = stored.version.dot
                guard let head = stored.head else { throw StoreError(.corrupt, "own version without a head") }
                entries.append(
                    JournalEntry(
                        lane: lane, version: stored.version, head: head,
                        isReceipted: dot.sequence <= origin.receipted, verdicts: try tables.verdicts(of: dot))
                )
                return entries.count < limit
            }
            return entries
        }
    }

    public func versions(of key: RecordKey) throws -> [Version] {
        try backend.read { try $0.versions(of: RecordName(key)) }
    }

    public func verdicts(
        _ kinds: Set<Verdict.Kind>, limit: Int
    ) throws -> [(verdict: Verdict, key: RecordKey)] {
        try backend.read { tables in
            try tables.lastVerdicts(kinds, limit: limit).map {
                ($0.verdict, try TableAgentStore.key(of: $0.name))
            }
        }
    }

    static func key(of name: RecordName) throws -> RecordKey {
        guard let key = name.recordKey else { throw StoreError(.corrupt, "record key") }
        return key
    }
}
