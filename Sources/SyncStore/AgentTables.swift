package import SyncCore

/// What names a record in tables: form and canonical key, both as bytes.
package struct RecordName: Sendable, Hashable {
    package var form: [UInt8]
    package var key: [UInt8]

    package init(form: [UInt8], key: [UInt8]) {
        self.form = form
        self.key = key
    }

    package init(_ key: RecordKey) {
        self.init(form: Array(key.form.utf8), key: Canonical.encode(key: key.values))
    }

    /// Nil when the key bytes are not canonical.
    package var recordKey: RecordKey? {
        Canonical.decode(key: key).map { RecordKey(form: String(decoding: form, as: UTF8.self), values: $0) }
    }
}

extension RecordName {
    func isBefore(_ other: RecordName) -> Bool {
        if form != other.form { return form.lexicographicallyPrecedes(other.form) }
        return key.lexicographicallyPrecedes(other.key)
    }
}

/// A version as a store holds it. `head` is nil for versions of others.
package struct StoredVersion: Sendable, Hashable {
    package var version: Version
    package var head: Digest?
    /// Roughly, in canonical bytes.
    package var bytes: Int

    package init(version: Version, head: Digest?, bytes: Int) {
        self.version = version
        self.head = head
        self.bytes = bytes
    }
}

/// What a replica remembers between sessions.
package struct SessionFacts: Sendable, Hashable {
    /// The last Welcome's session token; zero when there was none.
    package var token = Token16.zero
    /// The last Welcome's epoch.
    package var epoch = Token16.zero
    package var feed = FeedToken.beginning
    package var mark: Mark?
    /// The latest authored time of the replica, in both lanes.
    package var lastAuthored: Milliseconds?
    /// The last Welcome said that the hub quarantines what it gets: this device is revoked.
    package var isSurrender = false

    package init() {}
}

/// A receipt as a branch keeps it: evidence of what the hub held by when.
package struct KeptReceipt: Sendable, Hashable {
    package var receipt: Receipt
    /// In which it was signed.
    package var epoch: Token16
    /// Milliseconds. Deadlines fall on quarters of an hour, in every time zone: of those that came within
    /// one, the last says all.
    package static let span: Milliseconds = 900_000

    package init(receipt: Receipt, epoch: Token16) {
        self.receipt = receipt
        self.epoch = epoch
    }

    /// Whether the one before need not be kept beside this one.
    package func replaces(_ last: KeptReceipt) -> Bool {
        epoch == last.epoch && receipt.sequence >= last.receipt.sequence
            && slot(receipt.time) == slot(last.receipt.time)
    }

    private func slot(_ time: Milliseconds) -> Milliseconds {
        let (slot, rest) = time.quotientAndRemainder(dividingBy: KeptReceipt.span)
        return rest < 0 ? slot - 1 : slot
    }
}

/// Records of one lane, each counted once.
package struct RecordCounts: Sendable, Hashable {
    package var queued: UInt64
    package var receipted: UInt64
    package var quarantined: UInt64

    package init(queued: UInt64, receipted: UInt64, quarantined: UInt64) {
        self.queued = queued
        self.receipted = receipted
        self.quarantined = quarantined
    }
}

/// The plain tables under a branch's store. What they mean stands in ``TableAgentStore``; they only keep.
package protocol AgentTables: AnyObject {
    /// Set within a transaction that must go through on a full disk: urgent and small, or what its receipt
    /// needs.
    var isVital: Bool { get set }

    func configuration() throws -> AgentConfiguration?
    func put(_ configuration: AgentConfiguration) throws
    func session() throws -> SessionFacts
    func put(_ session: SessionFacts) throws
    func contact() throws -> ContactFacts
    func put(_ contact: ContactFacts) throws

    /// Own current origins, urgent first.
    func origins() throws -> [OwnOrigin]
    /// Adds the origin, or renews the one with the same id.
    func put(_ origin: OwnOrigin) throws

    /// Keeps the origin as history: it is current no more. One without versions too: what the feed brings
    /// under its name was written by this device.
    func close(_ origin: OwnOrigin) throws
    /// Own origins that were current once, in the order in which they were opened.
    func closedOrigins() throws -> [OwnOrigin]
    /// Drops own versions of an origin behind `after`, with their seals, salts and verdicts.
    func cut(_ origin: OriginID, after: UInt64) throws
    func put(_ rename: ReplicaRename) throws
    func renames() throws -> [ReplicaRename]
    func put(_ event: IdentityEvent) throws
    /// Newest first.
    func identityEvents(limit: Int) throws -> [IdentityEvent]

    func record(_ name: RecordName) throws -> RecordState?
    func put(_ state: RecordState, of name: RecordName) throws
    func removeRecord(_ name: RecordName) throws
    /// In the order of key bytes, behind `after`.
    func records(form: [UInt8], after: [UInt8]?, limit: Int) throws -> [(key: [UInt8], state: RecordState)]

    /// Adds a version. Its record has been put before.
    func append(_ stored: StoredVersion, columns: VersionColumns) throws
    /// Own or another's.
    func version(_ dot: Dot) throws -> StoredVersion?
    func head(of dot: Dot) throws -> Digest?
    /// Versions of an origin behind `after`, in order, until `body` returns false.
    func eachVersion(of origin: OriginID, after: UInt64, _ body: (StoredVersion) throws -> Bool) throws
    /// Ascending by dot.
    func versions(of name: RecordName) throws -> [Version]
    func remove(_ dot: Dot) throws
    /// Nobody knows any more whether the hub has what others wrote: all versions of others are doubted.
    func doubtOthers() throws
    /// The hub does not have these own versions any more, nor can they be sent as they were: those of them
    /// that are held are doubted.
    func doubt(_ sequences: ClosedRange<UInt64>, of origin: OriginID) throws
    /// The hub has fed a version again that is held here.
    func confirm(_ dot: Dot) throws
    /// What is doubted, by record: only what is still here.
    func doubted() throws -> [RecordName: Set<Dot>]
    func doubtNothing() throws
    /// Over several origins of one lane; a record that is queued in one of them is queued.
    func counts(of origins: [OwnOrigin]) throws -> RecordCounts

    func put(_ seal: Seal, of origin: OriginID) throws
    func seals(of origin: OriginID, in range: ClosedRange<UInt64>) throws -> [Seal]
    func salt(of origin: OriginID, day: Int32, retentionClass: RetentionClass) throws -> Token16?
    func put(_ grant: SaltGrant, of origin: OriginID, firstUse: UInt64) throws
    /// In the order of first use.
    func salts(of origin: OriginID, firstUsedIn range: ClosedRange<UInt64>) throws -> [SaltGrant]

    func hasPrint(_ print: Digest, of name: RecordName) throws -> Bool
    func put(_ print: Digest, of name: RecordName) throws
    func imported(from source: String, _ name: RecordName) throws -> [Assignment]?
    func putImport(from source: String, _ name: RecordName, _ assignments: [Assignment]) throws

    /// What each source said about the record, ascending by source.
    func imports(of name: RecordName) throws -> [(source: String, assignments: [Assignment])]
    func removeImports(of name: RecordName) throws
    func removePrints(of name: RecordName) throws

    /// Versions to which no retention of `days` or more was applied and whose values are kept from a UTC day
    /// before `day` on, the earliest first; own ones only as far as they are receipted and backed up. Where
    /// the author's clock was not trusted, all until their day is noted.
    func versions(keptFromBefore day: Int32, unpruned days: Int32, limit: Int) throws -> [StoredVersion]
    /// From which day on a version's values are kept whose author's clock was not trusted.
    func note(keptFrom day: Int32, _ dot: Dot) throws
    /// Puts what is left of a version in its place.
    func replace(_ stored: StoredVersion, columns: VersionColumns, pruned days: Int32) throws
    func note(pruned days: Int32, _ dot: Dot) throws
    /// Drops a version, own or not, with its verdicts.
    func erase(_ dot: Dot) throws
    func removeSeals(of origin: OriginID, below sequence: UInt64) throws
    /// Drops the salts of UTC days before `day` under which no version from `sequence` on was hashed.
    func removeSalts(of origin: OriginID, below sequence: UInt64, before day: Int32) throws

    /// Keeps a receipt. It takes the place of the origin's last one where it replaces that.
    func put(_ kept: KeptReceipt) throws
    /// Those of the origin that reach at least to there, in the order in which they came.
    func receipts(of origin: OriginID, reaching sequence: UInt64) throws -> [KeptReceipt]
    func removeReceipts(of origin: OriginID, below sequence: UInt64) throws
    /// Adds a verdict as the last of its version; one that is there already becomes the last.
    func put(_ verdict: Verdict) throws
    /// In the order in which they came.
    func verdicts(of dot: Dot) throws -> [Verdict]
    /// The last verdict of each version that is one of `kinds`, newest first.
    func lastVerdicts(_ kinds: Set<Verdict.Kind>, limit: Int) throws -> [(verdict: Verdict, name: RecordName)]
    func put(form json: [UInt8], hash: Digest) throws
    func forms() throws -> [[UInt8]]
    func put(_ change: ScopeChange) throws
}

extension AgentTables {
    /// Closed ones in the order in which they were opened, then the current ones.
    package func ownOrigins() throws -> [OwnOrigin] { try closedOrigins() + origins() }

    /// A Welcome told the hub's epoch. In another one than before, what others wrote is doubted.
    func enter(_ epoch: Token16, _ session: inout SessionFacts) throws {
        if session.epoch != epoch, session.epoch != .zero {
            try doubtOthers()
            // Where the hub is put back to an epoch that this store was in before, it would go on behind that
            // epoch's last token, and the next Mark would drop all that was not fed again.
            session.feed = .beginning
        }
        session.epoch = epoch
    }
}

/// Where tables live: gives them out for the length of one transaction.
package protocol AgentBackend: AnyObject {
    /// A durable transaction that nobody else writes beside; nothing of it stays when `body` throws.
    /// Where the disk is full and the work vital, `body` may run twice.
    func write<Result>(_ body: (any AgentTables) throws -> Result) throws -> Result
    func read<Result>(_ body: (any AgentTables) throws -> Result) throws -> Result
    /// How much room there is. Looking makes the ballast whole again where there is room for it.
    var storage: StorageState { get }
    /// Leaves nothing in the files that no table holds any more.
    func scrub() throws
}

extension AgentBackend {
    package var storage: StorageState { .ample }
    package func scrub() throws {}
}
