public import Forms
public import SyncCore

/// A device as the centre knows it.
public struct DeviceInfo: Sendable, Hashable {
    public enum State: String, Sendable { case pending, active, revoked }

    public var id: Int64
    /// SHA-256 of the device's public key.
    public var fingerprint: Digest
    public var unit: String
    public var label: String
    public var state: State
    public var confirmation: UInt32
    public var joined: Milliseconds
    public var lastSeen: Milliseconds?
    public var skew: Milliseconds
    public var urgent: Backlog
    public var routine: Backlog
    public var program: String
    /// Stores that run as this device: more than one when its disk was copied.
    public var replicas: Int
    /// Where it came from when it was last seen; empty when that is not known.
    public var address: String
    /// The protocol's version that it spoke then; 0 when that is not known.
    public var version: UInt16
    /// When it was revoked, and why.
    public var revoked: Milliseconds?
    public var revokedFor: String

    public init(
        id: Int64, fingerprint: Digest, unit: String, label: String, state: State, confirmation: UInt32,
        joined: Milliseconds, lastSeen: Milliseconds?, skew: Milliseconds, urgent: Backlog, routine: Backlog,
        program: String, replicas: Int = 1, address: String = "", version: UInt16 = 0,
        revoked: Milliseconds? = nil, revokedFor: String = ""
    ) {
        self.id = id
        self.fingerprint = fingerprint
        self.unit = unit
        self.label = label
        self.state = state
        self.confirmation = confirmation
        self.joined = joined
        self.lastSeen = lastSeen
        self.skew = skew
        self.urgent = urgent
        self.routine = routine
        self.program = program
        self.replicas = replicas
        self.address = address
        self.version = version
        self.revoked = revoked
        self.revokedFor = revokedFor
    }
}

/// A join code as the hub keeps it: never the secret, only its hash.
public struct Invitation: Sendable, Hashable {
    public var secretHash: Digest
    public var unit: String
    public var isTrusted: Bool
    public var expires: Milliseconds

    public init(secretHash: Digest, unit: String, isTrusted: Bool, expires: Milliseconds) {
        self.secretHash = secretHash
        self.unit = unit
        self.isTrusted = isTrusted
        self.expires = expires
    }
}

/// One live session of one replica of a device. A later one of the replica makes the earlier ones' commits
/// fail.
public struct SessionRef: Sendable, Hashable {
    public var device: Int64
    public var replica: Int64
    /// 0: nothing is committed in this session, see ``Welcome/isTokenUnknown``.
    public var number: UInt64
    /// Of a revoked device: what it sends is quarantined, and it is fed nothing.
    public var isSurrender: Bool

    public init(device: Int64, replica: Int64, number: UInt64, isSurrender: Bool = false) {
        self.device = device
        self.replica = replica
        self.number = number
        self.isSurrender = isSurrender
    }
}

extension SessionRef {
    /// No session: what a device sends by hand, beside whatever connection it has.
    public static func carried(by device: Int64, isSurrender: Bool) -> SessionRef {
        SessionRef(device: device, replica: 0, number: .max, isSurrender: isSurrender)
    }

    /// No live session has this number.
    package var isCarried: Bool { number == .max && replica == 0 }
}

public struct Admission: Sendable, Hashable {
    public var session: SessionRef
    public var unit: String
    public var welcome: Welcome
    /// Where the feed goes on: the Hello's token when the log knows it, else the beginning.
    public var feed: FeedToken

    public init(session: SessionRef, unit: String, welcome: Welcome, feed: FeedToken) {
        self.session = session
        self.unit = unit
        self.welcome = welcome
        self.feed = feed
    }
}

public struct Submission: Sendable {
    /// A stretch of a batch that is to be taken by itself. The whole batch is judged all the same.
    public struct Part: Sendable, Hashable {
        public var range: ClosedRange<UInt64>
        /// The one version in it goes into the journal and into quarantine without being looked into.
        public var isRaw: Bool

        public init(_ range: ClosedRange<UInt64>, isRaw: Bool = false) {
            self.range = range
            self.isRaw = isRaw
        }
    }

    public var session: SessionRef
    public var batch: VersionBatch
    /// Nil takes the batch whole.
    public var part: Part?

    public init(session: SessionRef, batch: VersionBatch, part: Part? = nil) {
        self.session = session
        self.batch = batch
        self.part = part
    }
}

/// How far an ingest has come; the number is the submission's place.
public enum IngestStage: Sendable, Hashable {
    case judging(Int)
    case applying(Int)
    /// What all of them share: receipts and the commit.
    case committing
}

/// The hub's store. All calls come from one thread at a time; other processes may use the same store in
/// between.
public protocol HubStore: AnyObject {
    /// How much room there is. Looking makes the ballast whole again where there is room for it.
    func storage() -> StorageState
    var epoch: Token16 { get throws }
    func settings() throws -> Settings
    func settingsJSON() throws -> [UInt8]

    // MARK: - Devices

    func invite(_ invitation: Invitation, now: Milliseconds) throws
    /// The same key gets the same answer again.
    func join(_ join: Join, by caller: Caller, now: Milliseconds) throws -> Result<Joined, Refuse>
    /// Keeps in the audit log that somebody was turned away.
    func note(_ attempt: RefusedAttempt, now: Milliseconds) throws
    /// Writes down what devices have said too often to be written down each time, as far as it is due.
    ///
    /// - Parameter isLast: nobody will ask again.
    func noteSums(now: Milliseconds, isLast: Bool) throws
    func devices() throws -> [DeviceInfo]
    /// Lets a device in no more, pending or active, from the next commit on; false when there is none
    /// of that number, or it was revoked before.
    func revoke(_ device: Int64, reason: String, now: Milliseconds) throws -> Bool
    /// The numbers of those that are revoked, ascending.
    func revokedDevices() throws -> [Int64]
    /// Makes a pending device active; false when no pending device has this number.
    func confirm(confirmation: UInt32, now: Milliseconds) throws -> Bool
    /// Judges a Hello: binds new origins, opens a session, replaces the replica's older one. Opens a new
    /// epoch when the Hello shows that this store was put back. A revoked device is only admitted, to a
    /// session of surrender, when it announces what is not held here.
    ///
    /// - Parameter sessionToken: random; the store puts the session's number into it.
    func admit(
        _ hello: Hello, by caller: Caller, sessionToken: Token16, now: Milliseconds
    ) throws -> Result<Admission, Refuse>

    // MARK: - Sync

    /// Takes many connections' batches in one durable transaction, each behind a savepoint of its own.
    ///
    /// - Parameter progress: told before each stage begins.
    func ingest(
        _ submissions: [Submission], now: Milliseconds, progress: (IngestStage) -> Void
    ) throws -> [HubSession.Outcome]
    /// What was last kept of traps (JSON of a `TrapSuspicion`); empty when nothing was.
    func suspicion() throws -> [UInt8]
    /// Durable when it returns.
    func keep(suspicion: [UInt8]) throws
    /// The next page of the device's feed behind `token`; nil when there is nothing. Goes on behind versions
    /// that a device cannot send again and for which it shows this hub's receipt of an earlier epoch. They
    /// are recorded as missing; what follows is merged as what comes after a hole.
    func pass(_ hole: Hole, for session: SessionRef, now: Milliseconds) throws -> HubSession.Outcome
    func feed(for session: SessionRef, after token: FeedToken, maximumItems: Int) throws -> Feed?
    func confirmFeed(_ token: FeedToken, of session: SessionRef) throws
    /// Runs these one after the other, if it can in one durable transaction: many that are small take as long
    /// as one. What one of them throws undoes only what it did; each may run twice.
    ///
    /// - Returns: what each threw.
    func together(_ bodies: [() throws -> Void]) -> [(any Error)?]
    /// Count and sum over the device's scope, and the log's end.
    func mark(for session: SessionRef) throws -> Mark

    /// The chain heads of an origin at the sequences asked for; nil where it is not the device's, or not
    /// held.
    func heads(_ question: Heads, for session: SessionRef) throws -> Heads

    /// The arrival log's last position. It also moves when another process writes.
    func logPosition() throws -> UInt64

    // MARK: - Retention

    /// Takes out what may be kept no longer, one durable transaction of at most `limit` segments. It goes
    /// from tables, journal and salts, whether it is backed up or not: a hub that was put back takes it out
    /// again. Heads stay, so that everything above still chains.
    func purge(now: Milliseconds, limit: Int) throws -> Purge
    /// What a purge would take out now.
    func purgeable(now: Milliseconds) throws -> Purge
    /// Keeps the day, and in the audit what was taken out; leaves nothing of it in the files.
    func finish(_ purge: Purge, now: Milliseconds) throws
    /// The local day, and that of the last purge that came to its end.
    func purgeDays(now: Milliseconds) throws -> (last: Int32?, today: Int32)
    /// When the oldest of what is receipted and in no backup came; nil when there is none.
    func oldestWithoutBackup() throws -> Milliseconds?

    // MARK: - Rules

    /// The forms that the store works with, compiled.
    func compiledForms() throws -> CompiledCatalog
    /// How far rules have been evaluated; nil before the first time.
    func ruleMarks() throws -> RuleMarks?
    /// What came at a position of the arrival log; nil beyond its end.
    func arrival(at position: UInt64) throws -> HubArrival?

    // MARK: - Comparing

    /// Judges the Hello of a connection that only asks: nothing is written, and no session opened.
    func greet(_ hello: Hello, publicKey: [UInt8], now: Milliseconds) throws -> Result<Asker, Refuse>
    /// What the tables say at this moment of what lies in the asker's scope.
    ///
    /// - Parameter isPatient: asked now and then; once it is false the work is given up with `Refuse`.
    func answer(
        _ question: TallyQuestion, of asker: Asker, now: Milliseconds, isPatient: () -> Bool
    ) throws -> TallyAnswer

    // MARK: - The centre's own work

    /// Authors versions under the origin pair of this process, one durable transaction.
    func write<Result>(
        clock: AuthoringClock, _ body: (any HubTransaction) throws -> Result
    ) throws -> Result
    func effective(_ key: RecordKey) throws -> EffectiveRecord?
    /// Everything known of a record; nil when nothing is.
    func record(_ key: RecordKey) throws -> RecordState?
    func versions(of key: RecordKey) throws -> [Version]
    /// Records of a form about which a person has to decide, in the order of canonical key bytes, behind
    /// `after`. Costs nothing for records that are in no question.
    func conflicts(
        form: String, after: [UInt8]?, limit: Int
    ) throws -> [(key: RecordKey, state: RecordState)]
    /// Of all forms together.
    func conflictCount() throws -> Int
    /// The part of an origin's journal that holds `sequence`, without its salts; nil when none does.
    func segment(of origin: OriginID, holding sequence: UInt64) throws -> VersionBatch?
    /// The device that an origin belongs to; nil for the hub's own, and for one that is not known.
    func device(of origin: OriginID) throws -> DeviceInfo?
    /// What was found out about a version when it was taken in, in that order.
    func verdicts(on dot: Dot) throws -> [Verdict]
    /// The unit under which a record counts: its own, or its person's on its day; nil when there is none.
    func unit(of key: RecordKey) throws -> String?
    func coverage(of day: Int32) throws -> CoverageBoard
    /// Rows in key order: the form's key and field values, for export.
    func export(
        form: String, from: Int32?, to: Int32?, _ row: ([Value], EffectiveRecord) throws -> Void
    ) throws
    /// Those whose text field says this now, in the same order.
    func records(
        form: String, where field: FieldID, is text: [UInt8],
        _ row: ([Value], EffectiveRecord) throws -> Void
    ) throws
}

extension HubStore {
    public func together(_ bodies: [() throws -> Void]) -> [(any Error)?] { oneByOne(bodies) }

    /// For callers of whom nothing but the key is known.
    public func join(_ join: Join, publicKey: [UInt8], now: Milliseconds) throws -> Result<Joined, Refuse> {
        try self.join(join, by: Caller(publicKey: publicKey), now: now)
    }

    public func admit(
        _ hello: Hello, publicKey: [UInt8], sessionToken: Token16, now: Milliseconds
    ) throws -> Result<Admission, Refuse> {
        try admit(hello, by: Caller(publicKey: publicKey), sessionToken: sessionToken, now: now)
    }

    public func ingest(_ submissions: [Submission], now: Milliseconds) throws -> [HubSession.Outcome] {
        try ingest(submissions, now: now) { _ in }
    }
}

/// What the centre may read and write within one transaction.
public protocol HubTransaction: AnyObject {
    func effective(_ key: RecordKey) throws -> EffectiveRecord?
    func record(_ key: RecordKey) throws -> RecordState?
    /// What has been seen of the record: the context of an edit.
    func context(of key: RecordKey) throws -> Context
    @discardableResult func author(_ draft: Draft) throws -> Dot
    func unitExists(_ unit: String) throws -> Bool
    func personExists(_ person: String) throws -> Bool
    /// Keeps in the audit log what is being done.
    func act(_ event: String, detail: String) throws
    /// How far rules have been evaluated; nil before the first time.
    func ruleMarks() throws -> RuleMarks?
    func set(_ marks: RuleMarks) throws
}

extension Refuse {
    /// What a device is told that is let in no more.
    package static let revoked = Refuse(.revokedDevice, words: "this device was revoked")
    /// A device brought as much as is taken of one in a day.
    package static func dayIsFull(_ now: Milliseconds) -> Refuse {
        let rest = HubDay.length - now + HubDay.number(of: now) * HubDay.length
        return Refuse(
            .dayIsFull, retryAfter: UInt32(clamping: rest / 1_000 + 1),
            words: "this device has brought as much as is taken of one in a day; urgent first")
    }

    /// A device opens two journals each time that it is restored or copied; one that opens thousands fills
    /// the hub with them.
    package static let tooManyOrigins = Refuse(
        .limitExceeded, words: "this device has opened as many journals as are taken of one; join anew")

    /// It has handed over as much as is taken of one.
    package static let surrenderedEnough = Refuse(
        .revokedDevice, words: "this device was revoked, and has handed over as much as is taken")
}

extension Asker {
    /// - Parameter held: of the origins of the Hello, those that are known.
    package init(
        device: DeviceInfo, hello: Hello, epoch: Token16, held: [HeldOrigin], settings: [UInt8],
        now: Milliseconds
    ) {
        self.init(
            device: device.id, unit: device.unit,
            welcome: Welcome(
                epoch: epoch, sessionToken: hello.sessionToken, held: held, urgentWindow: 0, routineWindow: 0,
                maximumBatch: 0, clock: now, capabilities: [ReconcileSession.capability],
                dictionary: hello.agreedDictionary, settings: hello.news(settings)))
    }

    /// What is said when a look at the store takes too long.
    package static let impatience = Refuse(
        .overloaded, retryAfter: 60, words: "the hub has too much to do to compare now")
}

extension HubStore {
    public func noteSums(now: Milliseconds, isLast: Bool) throws {}
    public func storage() -> StorageState { .ample }
}

/// Runs each by itself.
///
/// - Returns: what each threw.
package func oneByOne(_ bodies: [() throws -> Void]) -> [(any Error)?] {
    bodies.map { body in
        do {
            try body()
            return nil
        } catch {
            return error
        }
    }
}
