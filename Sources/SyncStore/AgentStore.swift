public import Forms
public import SyncCore

/// Who a branch's store belongs to and which hub it trusts. Written once, when the device joins.
public struct AgentConfiguration: Sendable, Hashable {
    public var replica: Token16
    /// "host:port".
    public var address: String
    /// What the hub is called by: the SHA-256 of its first public key.
    public var hub: Digest
    /// The hub's keys; the present one is pinned in every handshake.
    public var hubKeys: HubKeyring
    public var unit: String
    public var unitName: String
    public var hubName: String
    /// The committee's settings as JSON, renewed by every Welcome and feed.
    public var settings: [UInt8]

    public init(
        replica: Token16, address: String, hub: Digest, hubKeys: HubKeyring, unit: String, unitName: String,
        hubName: String, settings: [UInt8]
    ) {
        self.replica = replica
        self.address = address
        self.hub = hub
        self.hubKeys = hubKeys
        self.unit = unit
        self.unitName = unitName
        self.hubName = hubName
        self.settings = settings
    }

    /// For a hub that is known by one key.
    public init(
        replica: Token16, address: String, hub: Digest, hubPublicKey: [UInt8], unit: String, unitName: String,
        hubName: String, settings: [UInt8]
    ) {
        self.init(
            replica: replica, address: address, hub: hub, hubKeys: HubKeyring(first: hubPublicKey),
            unit: unit,
            unitName: unitName, hubName: hubName, settings: settings)
    }

    /// The hub's present key (X9.63, 65 bytes).
    public var hubPublicKey: [UInt8] { hubKeys.current }
}

/// One of the replica's own origins.
public struct OwnOrigin: Sendable, Hashable {
    public var claim: OriginClaim
    public var derivation: Digest
    /// Highest sequence written; 0 when nothing was.
    public var sequence: UInt64
    /// chain(sequence); the derivation when nothing was written.
    public var head: Digest
    /// Highest sequence covered by a receipt that was believed.
    public var receipted: UInt64
    /// The hub's latest backup reaches to here, as its last Welcome said.
    public var backedUp: UInt64
    /// The lowest sequence from which on every version is held as it was written, and can be sent; one above
    /// ``sequence`` when none is. Of what lies below, something was pruned: 1 while nothing was.
    public var floor: UInt64
    /// chain(floor - 1).
    public var headBelow: Digest
    /// Closed, and the hub holds another journal under its name: it is not sent any more.
    public var isParted: Bool
    /// Under which its seals are made (X9.63, 65 bytes).
    public var publicKey: [UInt8]

    public init(
        claim: OriginClaim, derivation: Digest, sequence: UInt64, head: Digest, receipted: UInt64,
        backedUp: UInt64 = 0, floor: UInt64 = 1, headBelow: Digest? = nil, isParted: Bool = false,
        publicKey: [UInt8] = []
    ) {
        self.claim = claim
        self.derivation = derivation
        self.sequence = sequence
        self.head = head
        self.receipted = receipted
        self.backedUp = backedUp
        self.floor = floor
        self.headBelow = headBelow ?? derivation
        self.isParted = isParted
        self.publicKey = publicKey
    }

    public var id: OriginID { derivation.originID }
}

/// A version before it has a name: what a person or an import wants to say.
public struct Draft: Sendable, Hashable {
    public var lane: Lane
    public var key: RecordKey
    public var formRevision: UInt32
    /// What the author had been shown of the record when it was opened.
    public var context: Context
    /// The replica id under which the context was taken; nil: the present one. A store that was restored or
    /// copied takes another, and calls its newest versions by new names.
    public var replica: Token16?
    public var isDelete: Bool
    /// Nil: the authored time.
    public var stated: Milliseconds?
    /// Nil: the least of the stated time and what the record already has.
    public var firstCreated: Milliseconds?
    public var author: [UInt8]
    public var assignments: [Assignment]

    public init(
        lane: Lane, key: RecordKey, formRevision: UInt32, context: Context, replica: Token16? = nil,
        isDelete: Bool = false, stated: Milliseconds? = nil, firstCreated: Milliseconds? = nil,
        author: [UInt8] = [],
        assignments: [Assignment]
    ) {
        self.lane = lane
        self.key = key
        self.formRevision = formRevision
        self.context = context
        self.replica = replica
        self.isDelete = isDelete
        self.stated = stated
        self.firstCreated = firstCreated
        self.author = author
        self.assignments = assignments
    }
}

/// The clock as the author of versions uses it.
public struct AuthoringClock: Sendable, Hashable {
    /// The machine's clock.
    public var now: Milliseconds
    /// False when `now` lies outside [last hub time seen, +60 days].
    public var isTrusted: Bool
    /// Hub time when last seen.
    public var lastHubTime: Milliseconds?

    public init(now: Milliseconds, isTrusted: Bool, lastHubTime: Milliseconds? = nil) {
        self.now = now
        self.isTrusted = isTrusted
        self.lastHubTime = lastHubTime
    }
}

/// What a session has told the store about link and clock, for `status`.
public struct ContactFacts: Sendable, Hashable {
    public var lastContact: Milliseconds?
    public var lastReceipt: Milliseconds?
    /// Hub clock minus own clock when last measured, in milliseconds, by ``skew(of:asked:answered:)``.
    public var skew: Milliseconds
    /// Hub time when last seen.
    public var lastHubTime: Milliseconds?
    public var nextTry: Milliseconds?
    /// How the last try ended: a refusal code's number, or nil when it went well.
    public var lastFailure: String?

    public init(
        lastContact: Milliseconds? = nil, lastReceipt: Milliseconds? = nil, skew: Milliseconds = 0,
        lastHubTime: Milliseconds? = nil, nextTry: Milliseconds? = nil, lastFailure: String? = nil
    ) {
        self.lastContact = lastContact
        self.lastReceipt = lastReceipt
        self.skew = skew
        self.lastHubTime = lastHubTime
        self.nextTry = nextTry
        self.lastFailure = lastFailure
    }

    /// How far the hub's clock is ahead of this one, in milliseconds: it was read at some moment between the
    /// question and the answer, taken as the middle of them (F. Cristian, Probabilistic Clock
    /// Synchronization, 1989). Where the wait leaves room for no difference there is none: a slow answer
    /// moves no right clock.
    ///
    /// - Parameters:
    ///   - hub: what the hub's clock said.
    ///   - asked: this clock when the hub was asked.
    ///   - answered: this clock when the answer was there.
    public static func skew(
        of hub: Milliseconds, asked: Milliseconds, answered: Milliseconds
    ) -> Milliseconds {
        let wait = max(0, answered.subtractingClamped(asked))
        let least = hub.subtractingClamped(answered)
        if least <= 0, least.addingClamped(wait) >= 0 { return 0 }
        return least.addingClamped(wait / 2)
    }
}

/// Counts of one lane. A record counts once, however many versions it has.
public struct LaneStatus: Sendable, Hashable {
    public var versions: UInt64
    public var queued: UInt64
    public var receipted: UInt64
    public var quarantined: UInt64
    /// Authored time of the oldest queued version.
    public var oldestQueued: Milliseconds?

    public init(
        versions: UInt64, queued: UInt64, receipted: UInt64, quarantined: UInt64, oldestQueued: Milliseconds?
    ) {
        self.versions = versions
        self.queued = queued
        self.receipted = receipted
        self.quarantined = quarantined
        self.oldestQueued = oldestQueued
    }
}

/// One queued or delivered version, as tools list it.
public struct JournalEntry: Sendable, Hashable {
    public var lane: Lane
    public var version: Version
    /// chain(sequence).
    public var head: Digest
    public var isReceipted: Bool
    public var verdicts: [Verdict]

    public init(lane: Lane, version: Version, head: Digest, isReceipted: Bool, verdicts: [Verdict]) {
        self.lane = lane
        self.version = version
        self.head = head
        self.isReceipted = isReceipted
        self.verdicts = verdicts
    }
}

/// A branch's store: journals, records, receipts, the feed's place. All calls come from one thread at a time;
/// other processes may use the same store in between.
public protocol AgentStore: AnyObject {
    func configuration() throws -> AgentConfiguration?
    func configure(_ configuration: AgentConfiguration) throws

    /// Runs `body` as one durable transaction. When it returns, every version authored in it is sealed and
    /// safe; when it throws, nothing happened.
    func write<Result>(
        clock: AuthoringClock, _ body: (any AgentTransaction) throws -> Result
    ) throws -> Result

    /// The times that ``write(clock:_:)`` would write under now.
    func moment(of clock: AuthoringClock) throws -> AuthoringMoment

    func origins() throws -> [OwnOrigin]
    /// Those that this store wrote to before it was restored or copied, in the order in which they were
    /// opened.
    func closedOrigins() throws -> [OwnOrigin]
    func record(_ key: RecordKey) throws -> RecordState?
    /// Records of a form in key order (canonical key bytes), from `after` on.
    func records(form: String, after: [UInt8]?, limit: Int) throws -> [(key: RecordKey, state: RecordState)]

    // MARK: - What a session needs

    func hello(now: Milliseconds, program: String) throws -> Hello
    /// The origins that Hello names: closed ones whose versions a hub may need that is put back, then the
    /// current ones.
    func laneOrigins() throws -> [AgentSession.LaneOrigin]
    /// Where this store's journals and the hub's may have parted, for all own current origins: the store or
    /// one beside it was restored or copied. Empty when all is well; then ``accept(_:asked:now:)`` is
    /// next, else ``heal(_:after:now:)``.
    func partings(_ welcome: Welcome) throws -> [Parting]
    /// Own chain heads; nil where they are not kept any more.
    func heads(of origin: OriginID, at sequences: [UInt64]) throws -> Heads
    /// Becomes a new replica: closes the own origins at these points, which count as receipted, opens new
    /// ones, and writes what lies above the points again under them, as one transaction.
    @discardableResult
    func heal(_ points: [ForkPoint], after welcome: Welcome, now: Milliseconds) throws -> IdentityEvent
    /// Newest first.
    func identityEvents(limit: Int) throws -> [IdentityEvent]
    /// Stores the session token, settings and clock facts of a Welcome, and believes its receipts. Receipts
    /// beyond what a hub holds that was put back count no more.
    ///
    /// - Parameter asked: the own clock when the Hello was made that this answers.
    /// - Returns: where to go on with each origin. A closed one of which the hub holds another journal is
    ///   left out, now and for ever.
    /// - Throws: `Refuse(.identityLost)` when the hub holds another head than a current journal has there.
    func accept(
        _ welcome: Welcome, asked: Milliseconds, now: Milliseconds
    ) throws -> [AgentSession.Resume]
    /// The hub goes on behind a hole that ``accept(_:asked:now:)`` had found.
    func note(_ hole: Hole, now: Milliseconds) throws
    /// The next stretch of an own journal behind `after`, with seals and salts; nil when there is none.
    ///
    /// - Parameter maximumBytes: roughly, in canonical bytes; a batch has at least one version. It ends at a
    ///   seal where that costs little, and never holds more than `Limits.batchVersions`.
    func batch(of origin: OriginID, after: UInt64, maximumVersions: Int, maximumBytes: Int) throws
        -> VersionBatch?
    /// Believes the receipts whose heads are this journal's own and whose signatures hold; others throw.
    func accept(_ receipts: [Receipt], now: Milliseconds) throws
    /// Takes in what the hub sent, as one transaction. The same feed twice changes nothing.
    ///
    /// - Throws: `Refuse(.identityRenewed)` when it is done, and new origins were opened as by
    ///   ``note(_:now:)-(Mark,_)``.
    func apply(_ feed: Feed, now: Milliseconds) throws
    /// Form definitions (JSON) that came down the feed, in the order in which they came.
    func forms() throws -> [[UInt8]]
    /// Everything that the hub has for this store has come. What others wrote and the hub has not fed again
    /// since it began another epoch is dropped; what this store wrote itself, before it was restored, is
    /// written again under new origins.
    ///
    /// - Returns: what was found out. After `givenBack` the session has to end, and come again.
    func note(_ mark: Mark, now: Milliseconds) throws -> [IdentityEvent]
    func note(_ change: (inout ContactFacts) -> Void) throws

    // MARK: - What people and tools ask

    /// How much room there is. Looking makes the ballast whole again where there is room for it.
    func storage() -> StorageState
    func contact() throws -> ContactFacts
    func status(of lane: Lane) throws -> LaneStatus
    /// Own versions behind `after`, oldest first.
    func journal(lane: Lane, after: UInt64, limit: Int) throws -> [JournalEntry]
    /// Every version of a record that is held here, own and fed, ascending by dot.
    func versions(of key: RecordKey) throws -> [Version]
    /// Takes out what may be kept no longer, as one transaction of about `limit` versions. Own versions stay
    /// until they are receipted and backed up at the hub.
    func prune(_ retention: Retention, limit: Int) throws -> PruneStep
    /// Lets nothing that was pruned stand in the files beside the database.
    func scrub() throws
    /// When the oldest own version was written that is receipted and in no backup of the hub's.
    func oldestWithoutBackup() throws -> Milliseconds?
    /// Believes the hub's later keys from here on.
    ///
    /// - Throws: `Refuse` when they do not hold, or do not replace those that are believed.
    func renew(_ keys: HubKeyring, now: Milliseconds) throws
    /// Own versions whose last verdict is one of `kinds`, newest first.
    func verdicts(_ kinds: Set<Verdict.Kind>, limit: Int) throws -> [(verdict: Verdict, key: RecordKey)]
}

/// What may be read and written within one transaction of a branch's store.
public protocol AgentTransaction: AnyObject {
    func record(_ key: RecordKey) throws -> RecordState?
    /// What the hub has said of one of the store's own versions, in order; nothing of those of others.
    func verdicts(of dot: Dot) throws -> [Verdict]
    /// Appends a version to its lane's journal and merges it into the record.
    @discardableResult func author(_ draft: Draft) throws -> Dot
    /// Whether this row, or an equal version from elsewhere, is known: see `RowPrint`.
    func isKnown(_ print: Digest, of key: RecordKey) throws -> Bool
    func remember(_ print: Digest, of key: RecordKey) throws
    /// What `source` said about the record when it was last imported.
    func imported(from source: String, _ key: RecordKey) throws -> [Assignment]?
    func rememberImport(from source: String, _ key: RecordKey, _ assignments: [Assignment]) throws
}
