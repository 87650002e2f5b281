/// Everything that two peers say to each other, as values. SyncWire turns them into frames and back.
public enum Message: Sendable, Hashable {
    case join(Join)
    case joined(Joined)
    case hello(Hello)
    case welcome(Welcome)
    case refuse(Refuse)
    case batch(VersionBatch)
    case receipt(ReceiptFrame)
    case feed(Feed)
    case feedAck(FeedToken)
    case mark(Mark)
    case heads(Heads)
    case fork(Fork)
    case gap(Gap)
    case hole(Hole)
    case ping(Ping)
    case close(Refuse)
    /// Of a connection that only compares.
    case ask(TallyQuestion)
    case tally(TallyAnswer)
    /// A frame of a type that this version does not know and that was not critical.
    case unknown(type: UInt8)
}

/// First message of a device that is new.
public struct Join: Sendable, Hashable {
    /// The join code's secret.
    public var secret: Token16
    public var replica: Token16
    /// What the person calls the device; at most 64 bytes.
    public var label: String
    public var clock: Milliseconds

    public init(secret: Token16, replica: Token16, label: String, clock: Milliseconds) {
        self.secret = secret
        self.replica = replica
        self.label = label
        self.clock = clock
    }
}

public struct Joined: Sendable, Hashable {
    public enum State: UInt8, Sendable { case active = 1, pending = 2 }

    public var state: State
    /// Six digits that the centre compares when the device is pending.
    public var confirmation: UInt32
    public var unit: String
    public var unitName: String
    public var hubName: String
    public var clock: Milliseconds
    /// The committee's settings as JSON.
    public var settings: [UInt8]

    public init(
        state: State, confirmation: UInt32, unit: String, unitName: String, hubName: String,
        clock: Milliseconds,
        settings: [UInt8]
    ) {
        self.state = state
        self.confirmation = confirmation
        self.unit = unit
        self.unitName = unitName
        self.hubName = hubName
        self.clock = clock
        self.settings = settings
    }
}

/// Where an agent stands in a hub's feed.
public struct FeedToken: Sendable, Hashable {
    public var epoch: Token16
    /// Position in the hub's arrival log; 0 is the beginning.
    public var position: UInt64
    /// The arrival log's running hash there.
    public var hash: ShortDigest
    /// How far into what the next position changes in scopes; 0 is nothing of it. A change may be more than a
    /// page.
    public var step: UInt64

    public static let beginning = FeedToken(epoch: .zero, position: 0, hash: .zero)

    public init(epoch: Token16, position: UInt64, hash: ShortDigest, step: UInt64 = 0) {
        self.epoch = epoch
        self.position = position
        self.hash = hash
        self.step = step
    }

    /// Whether it lies further on in the same feed.
    public func isBeyond(_ other: FeedToken) -> Bool {
        (position, step) > (other.position, other.step)
    }
}

/// What waits in one lane.
public struct Backlog: Sendable, Hashable {
    public var count: UInt64
    /// Age of the oldest in milliseconds.
    public var oldestAge: UInt64

    public init(count: UInt64 = 0, oldestAge: UInt64 = 0) {
        self.count = count
        self.oldestAge = oldestAge
    }

    /// So many of it wait no longer.
    public mutating func arrived(_ versions: Int) {
        count -= min(count, UInt64(versions))
        if count == 0 { oldestAge = 0 }
    }
}

extension Hello {
    /// What of a lane the hub lacks, by its own journals; the oldest is as old as the agent says.
    ///
    /// - Parameter held: the hub's answer for each of `origins`, in their order.
    package func backlog(_ lane: Lane, held: [HeldOrigin]) -> Backlog {
        let said = lane == .urgent ? urgent : routine
        var backlog = Backlog(oldestAge: said.oldestAge)
        for (own, theirs) in zip(origins, held) where own.claim.lane == lane {
            backlog.count += own.sequence - min(own.sequence, theirs.sequence)
        }
        if backlog.count == 0 { backlog.oldestAge = 0 }
        return backlog
    }
}

/// One of a replica's own origins, with its head.
public struct OriginHead: Sendable, Hashable {
    public var claim: OriginClaim
    public var sequence: UInt64
    public var head: ShortDigest
    /// The highest receipt that the replica believes. A hub that holds less has been put back.
    public var receipted: UInt64
    /// Nothing is written to it any more: the replica goes on under another origin of the lane.
    public var isClosed: Bool

    public init(
        claim: OriginClaim, sequence: UInt64, head: ShortDigest, receipted: UInt64 = 0, isClosed: Bool = false
    ) {
        self.claim = claim
        self.sequence = sequence
        self.head = head
        self.receipted = receipted
        self.isClosed = isClosed
    }
}

public struct Hello: Sendable, Hashable {
    public var replica: Token16
    public var origins: [OriginHead]
    public var capabilities: [String]
    /// Preset dictionaries that this side can use.
    public var dictionaries: [UInt32]
    public var clock: Milliseconds
    /// The token of the last Welcome that was stored; zero when there was none.
    public var sessionToken: Token16
    /// The epoch of that Welcome: a token of another epoch is not judged.
    public var epoch: Token16
    public var feed: FeedToken
    public var urgent: Backlog
    public var routine: Backlog
    /// Program and version, for the hub's device list.
    public var program: String
    /// The print of the settings that this side has; 0 when it has none.
    public var settings: UInt64

    public init(
        replica: Token16, origins: [OriginHead], capabilities: [String], dictionaries: [UInt32],
        clock: Milliseconds, sessionToken: Token16, epoch: Token16 = .zero, feed: FeedToken, urgent: Backlog,
        routine: Backlog, program: String, settings: UInt64 = 0
    ) {
        self.replica = replica
        self.origins = origins
        self.capabilities = capabilities
        self.dictionaries = dictionaries
        self.clock = clock
        self.sessionToken = sessionToken
        self.epoch = epoch
        self.feed = feed
        self.urgent = urgent
        self.routine = routine
        self.program = program
        self.settings = settings
    }
}

extension Hello {
    /// The preset dictionary that every implementation has.
    public static let dictionary: UInt32 = 1

    /// The preset dictionary for both sides; 0 is none.
    public var agreedDictionary: UInt32 { dictionaries.contains(Hello.dictionary) ? Hello.dictionary : 0 }

    /// By which an agent says which settings it has.
    public static func print(of settings: [UInt8]) -> UInt64 {
        guard !settings.isEmpty else { return 0 }
        var hasher = PrintHasher()
        hasher.put(settings)
        return hasher.value
    }

    /// What Welcome says of the hub's settings: nothing when the agent has them.
    public func news(_ settings: [UInt8]) -> [UInt8] {
        self.settings == Hello.print(of: settings) ? [] : settings
    }

    /// A connection that only compares: nothing is written for it.
    public var onlyAsks: Bool {
        capabilities.contains { $0.utf8.elementsEqual(ReconcileSession.capability.utf8) }
    }
}

/// What the hub holds of one of the agent's origins.
public struct HeldOrigin: Sendable, Hashable {
    public var origin: OriginID
    /// The hub's journal reaches to here; the agent goes on behind it.
    public var sequence: UInt64
    public var head: Digest
    /// The latest receipt; nil while nothing sealed has arrived.
    public var receipt: Receipt?
    /// The hub's latest backup reaches to here; 0 while there is none.
    public var backedUp: UInt64

    public init(
        origin: OriginID, sequence: UInt64, head: Digest, receipt: Receipt?, backedUp: UInt64 = 0
    ) {
        self.origin = origin
        self.sequence = sequence
        self.head = head
        self.receipt = receipt
        self.backedUp = backedUp
    }
}

public struct Welcome: Sendable, Hashable {
    public var epoch: Token16
    /// Stored by the agent and shown next time.
    public var sessionToken: Token16
    /// The token that Hello showed is not the replica's last: its store was restored or copied. No batch is
    /// taken in this session, only questions for heads are answered.
    public var isTokenUnknown: Bool
    public var held: [HeldOrigin]
    /// Bytes of batches that may be unreceipted per lane.
    public var urgentWindow: UInt32
    public var routineWindow: UInt32
    public var maximumBatch: UInt32
    public var clock: Milliseconds
    public var capabilities: [String]
    /// The preset dictionary in use from here on; 0 is none.
    public var dictionary: UInt32
    public var settings: [UInt8]

    public init(
        epoch: Token16, sessionToken: Token16, isTokenUnknown: Bool = false, held: [HeldOrigin],
        urgentWindow: UInt32, routineWindow: UInt32, maximumBatch: UInt32, clock: Milliseconds,
        capabilities: [String], dictionary: UInt32,
        settings: [UInt8]
    ) {
        self.epoch = epoch
        self.sessionToken = sessionToken
        self.isTokenUnknown = isTokenUnknown
        self.held = held
        self.urgentWindow = urgentWindow
        self.routineWindow = routineWindow
        self.maximumBatch = maximumBatch
        self.clock = clock
        self.capabilities = capabilities
        self.dictionary = dictionary
        self.settings = settings
    }

    /// The capability by which the hub says that the device is revoked, and that all it sends is quarantined.
    public static let surrender = "surrender"

    public var isSurrender: Bool {
        capabilities.contains { $0.utf8.elementsEqual(Welcome.surrender.utf8) }
    }
}

/// `Refuse` and `Close` alike: a code, when to come back, and words.
public struct Refuse: Sendable, Hashable, Error {
    public var code: RefusalCode
    /// Seconds; 0 when coming back does not help by itself.
    public var retryAfter: UInt32
    public var words: String

    public init(_ code: RefusalCode, retryAfter: UInt32 = 0, words: String = "") {
        self.code = code
        self.retryAfter = retryAfter
        self.words = words
    }
}

/// Codes below 200 concern the connection, from 200 the session.
public struct RefusalCode: RawRepresentable, Sendable, Hashable {
    public let rawValue: UInt16
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let done = RefusalCode(rawValue: 0)
    public static let protocolError = RefusalCode(rawValue: 100)
    public static let frameTooLong = RefusalCode(rawValue: 101)
    public static let checksum = RefusalCode(rawValue: 102)
    public static let corruptDeflate = RefusalCode(rawValue: 103)
    public static let inflatesTooLarge = RefusalCode(rawValue: 104)
    public static let unknownCritical = RefusalCode(rawValue: 105)
    public static let wrongOrder = RefusalCode(rawValue: 106)
    public static let limitExceeded = RefusalCode(rawValue: 107)
    public static let silence = RefusalCode(rawValue: 108)
    public static let notRollcall = RefusalCode(rawValue: 110)
    public static let tooOld = RefusalCode(rawValue: 111)
    public static let tooNew = RefusalCode(rawValue: 112)
    public static let overloaded = RefusalCode(rawValue: 120)
    public static let shuttingDown = RefusalCode(rawValue: 121)
    public static let diskFull = RefusalCode(rawValue: 122)
    public static let setAside = RefusalCode(rawValue: 123)
    /// Joins from one address, or all together, that failed.
    public static let tooManyAttempts = RefusalCode(rawValue: 124)
    /// Of bytes that one device may bring in a day.
    public static let dayIsFull = RefusalCode(rawValue: 125)
    public static let unknownDevice = RefusalCode(rawValue: 200)
    public static let pendingDevice = RefusalCode(rawValue: 201)
    public static let revokedDevice = RefusalCode(rawValue: 202)
    public static let codeUnknown = RefusalCode(rawValue: 203)
    public static let codeSpent = RefusalCode(rawValue: 204)
    public static let codeExpired = RefusalCode(rawValue: 205)
    public static let replaced = RefusalCode(rawValue: 206)
    public static let originOfAnother = RefusalCode(rawValue: 207)
    public static let forgedSeal = RefusalCode(rawValue: 208)
    public static let saltMissing = RefusalCode(rawValue: 209)
    public static let identityLost = RefusalCode(rawValue: 210)
    /// The agent has opened new origins and comes again at once.
    public static let identityRenewed = RefusalCode(rawValue: 211)
    /// Keys of a hub that neither its keys nor its recovery key have blessed. Nobody says so on a connection.
    public static let forgedHubKey = RefusalCode(rawValue: 212)
    public static let forgedReceipt = RefusalCode(rawValue: 213)
    // The four below are said on no connection: who is meant is told in another way, or cannot be told. They
    // name what is kept and shown to people.
    /// Whoever called showed no key; TLS's alert is all that is said.
    public static let noClientKey = RefusalCode(rawValue: 214)
    /// The key of the one side is not the one that the other looks for; TLS's alert says so.
    public static let anotherHub = RefusalCode(rawValue: 215)
    /// Said by `Fork`.
    public static let chainParted = RefusalCode(rawValue: 216)
    /// Said by `Welcome`'s *token unknown*.
    public static let oldSessionToken = RefusalCode(rawValue: 217)
}

public struct ReceiptFrame: Sendable, Hashable {
    public var receipts: [Receipt]
    /// Position in the arrival log of the last batch receipted here: a Mark at or above it closes the circle.
    public var position: UInt64

    public init(receipts: [Receipt], position: UInt64) {
        self.receipts = receipts
        self.position = position
    }
}

/// What the centre found out about a version of the agent's own.
public struct Verdict: Sendable, Hashable {
    public enum Kind: UInt8, Sendable, Hashable {
        case quarantined = 1
        case noted = 2
        case released = 3
        case heldAlready = 4
    }

    public var dot: Dot
    public var kind: Kind
    /// A reason code of `Protocol/GLOSSARY.md`, such as `unknown_person`.
    public var reason: String
    /// The field concerned; 0 when it is the record as a whole.
    public var field: FieldID

    public init(dot: Dot, kind: Kind, reason: String, field: FieldID = 0) {
        self.dot = dot
        self.kind = kind
        self.reason = reason
        self.field = field
    }
}

/// Versions of other origins in the agent's scope, with their dots beside the columns.
public struct FeedVersions: Sendable, Hashable {
    public var dots: [Dot]
    public var rows: VersionColumns

    public init(dots: [Dot] = [], rows: VersionColumns = VersionColumns()) {
        self.dots = dots
        self.rows = rows
    }

    public var count: Int { dots.count }
    public func version(at row: Int) -> Version { rows.version(at: row, dot: dots[row]) }
}

/// A change of scope: a person or unit whose records come in or go out.
///
/// After *enter*, all versions of the records that came in follow anew. *Leave* removes the versions of
/// others about the subject, except those of days that stay in scope.
public struct ScopeChange: Sendable, Hashable {
    public enum Kind: UInt8, Sendable, Hashable { case enter = 1, leave = 2 }

    public var kind: Kind
    /// The form of the subject, `person` or `unit`, and its id.
    public var subject: String
    public var id: [UInt8]
    /// Days whose records a *leave* lets stay: ascending, apart from each other.
    public var kept: [ClosedRange<Int32>]

    public init(kind: Kind, subject: String, id: [UInt8], kept: [ClosedRange<Int32>] = []) {
        self.kind = kind
        self.subject = subject
        self.id = id
        self.kept = kept
    }

    /// Whether a record of `day` stays; one without a day does not.
    public func keeps(_ day: Int64?) -> Bool {
        guard let day = day.flatMap({ Int32(exactly: $0) }) else { return false }
        return kept.contains { $0.contains(day) }
    }
}

public struct Feed: Sendable, Hashable {
    public var lane: Lane
    /// Form definitions (JSON) that the versions below need.
    public var forms: [[UInt8]]
    /// New settings (JSON); empty when unchanged.
    public var settings: [UInt8]
    public var scope: [ScopeChange]
    public var versions: FeedVersions
    public var verdicts: [Verdict]
    /// Where the agent stands once this is committed.
    public var token: FeedToken

    public init(
        lane: Lane, forms: [[UInt8]] = [], settings: [UInt8] = [], scope: [ScopeChange] = [],
        versions: FeedVersions = FeedVersions(), verdicts: [Verdict] = [], token: FeedToken
    ) {
        self.lane = lane
        self.forms = forms
        self.settings = settings
        self.scope = scope
        self.versions = versions
        self.verdicts = verdicts
        self.token = token
    }

    /// It only moves the token on.
    public var isEmpty: Bool { settings.isEmpty && isWithoutItems }

    /// It has settings and nothing else.
    public var hasSettingsAlone: Bool { !settings.isEmpty && isWithoutItems }

    private var isWithoutItems: Bool {
        forms.isEmpty && scope.isEmpty && versions.dots.isEmpty && verdicts.isEmpty
    }
}

/// Everything before `position` has been sent and applied; what the hub counts in the agent's scope there,
/// without what the agent's own current origins wrote.
public struct Mark: Sendable, Hashable {
    public var position: UInt64
    /// Versions in scope.
    public var count: UInt64
    /// Sum modulo 2^64 of ``term(of:)`` over them.
    public var sum: UInt64

    public init(position: UInt64, count: UInt64, sum: UInt64) {
        self.position = position
        self.count = count
        self.sum = sum
    }

    /// What one version adds to the sum: its name, mixed so that sums of different sets hardly ever agree.
    public static func term(of dot: Dot) -> UInt64 {
        var word = dot.origin &+ dot.sequence &* 0x9e37_79b9_7f4a_7c15
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}

/// Asks for (empty head) or tells (with heads) chain heads at sequences, to find where two journals part.
public struct Heads: Sendable, Hashable {
    public struct Entry: Sendable, Hashable {
        public var sequence: UInt64
        public var head: Digest?

        public init(sequence: UInt64, head: Digest?) {
            self.sequence = sequence
            self.head = head
        }
    }

    public var origin: OriginID
    public var entries: [Entry]

    public init(origin: OriginID, entries: [Entry]) {
        self.origin = origin
        self.entries = entries
    }
}

/// The hub's chain has another head before the batch: nothing was written.
public struct Fork: Sendable, Hashable {
    public var origin: OriginID
    public var sequence: UInt64
    public var head: Digest

    public init(origin: OriginID, sequence: UInt64, head: Digest) {
        self.origin = origin
        self.sequence = sequence
        self.head = head
    }
}

/// The batch does not follow: this sequence is wanted.
public struct Gap: Sendable, Hashable {
    public var origin: OriginID
    public var wanted: UInt64

    public init(origin: OriginID, wanted: UInt64) {
        self.origin = origin
        self.wanted = wanted
    }
}

public struct Ping: Sendable, Hashable {
    public var isReply: Bool
    public var token: UInt64

    public init(isReply: Bool, token: UInt64) {
        self.isReply = isReply
        self.token = token
    }
}
