import Forms
public import SyncCore

/// Writes versions under one origin within one transaction: names them, dates them, continues the chain,
/// seals.
///
/// Pure: the store that owns the journal passes in what it holds and keeps what comes out. Whoever writes a
/// transaction asks for a seal whenever one is due and once more at the end, so that the last version is
/// sealed.
public struct Journalist {
    /// What is to be stored of one new version.
    public struct Entry: Sendable, Hashable {
        public var version: Version
        /// The version alone, as columns.
        public var columns: VersionColumns
        /// chain(sequence).
        public var head: Digest
        /// Salts that this version is the first to need.
        public var salts: [SaltGrant]
        /// Roughly, in canonical bytes.
        public var bytes: Int
    }

    public let origin: OriginID
    /// The time under which everything of this transaction is authored.
    public let authored: Milliseconds
    public let isTrusted: Bool
    /// When a record is first created whose draft states no time.
    private let created: Milliseconds
    public private(set) var sequence: UInt64
    public private(set) var head: Digest
    /// Canonical bytes since the last seal.
    public private(set) var unsealedBytes = 0
    private var sealed: UInt64
    private var salts: [SaltGrant] = []
    private let chain: JournalChain
    private let signing: Signing

    /// - Parameter authored: see ``AuthoringClock/authored(skew:last:)``.
    public init(
        origin: OriginID, sequence: UInt64, head: Digest, authored: AuthoringMoment, hashing: Hashing,
        signing: Signing
    ) {
        self.origin = origin
        self.sequence = sequence
        self.head = head
        self.authored = authored.time
        isTrusted = authored.isTrusted
        created = authored.created
        sealed = sequence
        chain = JournalChain(hashing: hashing)
        self.signing = signing
    }

    /// Makes the next version of the journal.
    ///
    /// - Parameter state: what is known of the record; empty when it is new.
    /// - Parameter knownSalt: the salt of a UTC day and class that the origin has used before.
    /// - Throws: `StoreError(.tooLarge)` when the draft breaks a bound, and whatever `knownSalt` throws.
    public mutating func write(
        _ draft: Draft, onto state: RecordState, random: () -> Token16,
        knownSalt: (Int32, RetentionClass) throws -> Token16?
    ) throws -> Entry {
        let bytes = try Journalist.size(of: draft)
        guard sequence < Limits.sequence else { throw StoreError(.tooLarge, "journal full") }
        let stated = draft.stated ?? authored
        let version = Version(
            dot: Dot(origin: origin, sequence: sequence + 1), key: draft.key,
            formRevision: draft.formRevision,
            context: draft.context, isDelete: draft.isDelete, clockTrusted: isTrusted, authored: authored,
            stated: stated,
            firstCreated: min(
                draft.firstCreated ?? draft.stated ?? created, state.firstCreated),
            author: draft.author, assignments: draft.assignments.sorted { $0.field < $1.field })
        return try append(version, bytes: bytes, random: random, knownSalt: knownSalt)
    }

    /// Gives a version of another journal a name in this one, beside its first. Times and author stay.
    ///
    /// - Throws: as ``write(_:onto:random:knownSalt:)``.
    public mutating func write(
        again original: Version, random: () -> Token16,
        knownSalt: (Int32, RetentionClass) throws -> Token16?
    ) throws -> Entry {
        let bytes = try Journalist.size(
            of: Draft(
                lane: .urgent, key: original.key, formRevision: original.formRevision,
                context: original.context, author: original.author, assignments: original.assignments))
        guard sequence < Limits.sequence else { throw StoreError(.tooLarge, "journal full") }
        var version = original
        version.authoredDot = original.firstName
        version.dot = Dot(origin: origin, sequence: sequence + 1)
        return try append(version, bytes: bytes, random: random, knownSalt: knownSalt)
    }

    private mutating func append(
        _ version: Version, bytes: Int, random: () -> Token16,
        knownSalt: (Int32, RetentionClass) throws -> Token16?
    ) throws -> Entry {
        let day = JournalChain.day(of: version.authored)
        let fresh = try makeSalts(for: version.assignments, day: day, random: random, known: knownSalt)
        let columns = VersionColumns(CollectionOfOne(version))
        let held = salts
        let walk = try chain.walk(columns, origin: origin, first: sequence + 1, from: head) { day, wanted in
            held.first { $0.day == day && $0.retentionClass == wanted }?.salt
        }
        guard let newHead = walk.heads.last else {
            throw StoreError(.corrupt, "empty walk")
        }
        sequence += 1
        head = newHead
        unsealedBytes += bytes
        return Entry(version: version, columns: columns, head: newHead, salts: fresh, bytes: bytes)
    }

    /// So much has been written since the last seal that one belongs here.
    public var isSealDue: Bool { unsealedBytes >= Limits.sealInterval }

    /// Seals the head; nil when nothing was written since the last seal.
    public mutating func seal() throws -> Seal? {
        guard sealed < sequence else { return nil }
        let statement = SealStatement.bytes(origin: origin, sequence: sequence, head: head)
        let seal = Seal(sequence: sequence, signature: try signing.sign(statement))
        sealed = sequence
        unsealedBytes = 0
        return seal
    }

    private mutating func makeSalts(
        for assignments: [Assignment], day: Int32, random: () -> Token16,
        known: (Int32, RetentionClass) throws -> Token16?
    ) throws -> [SaltGrant] {
        var fresh: [SaltGrant] = []
        for assignment in assignments {
            let wanted = assignment.retentionClass
            if salts.contains(where: { $0.day == day && $0.retentionClass == wanted }) { continue }
            let stored = try known(day, wanted)
            let grant = SaltGrant(day: day, retentionClass: wanted, salt: stored ?? random())
            salts.append(grant)
            if stored == nil { fresh.append(grant) }
        }
        return fresh
    }

    /// What ``Entry/bytes`` is of a version.
    package static func size(of version: Version) -> Int {
        let fields = version.assignments.reduce(0) {
            $0 + Canonical.encode($1.value).count + Canonical.fieldOverhead
        }
        let seen = version.context.vector.entries.count + version.context.dots.count
        return 64 + Canonical.encode(key: version.key.values).count + version.key.form.utf8.count
            + version.author.count + 12 * seen + fields
    }

    /// About as many canonical bytes as the version will have; throws when the draft breaks a bound.
    private static func size(of draft: Draft) throws -> Int {
        func check(_ isKept: Bool, _ what: String) throws {
            if !isKept { throw StoreError(.tooLarge, what) }
        }
        let key = Canonical.encode(key: draft.key.values).count
        let form = draft.key.form.utf8.count
        try check(key <= Limits.keyBytes && draft.key.values.count <= Limits.groupKeys, "record key")
        try check(form > 0 && form <= Limits.formNameBytes, "form name")
        try check(draft.assignments.count <= Limits.groupFields, "number of fields")
        try check(draft.author.count <= Limits.authorBytes, "author")
        let entries = draft.context.vector.entries.count
        let dots = draft.context.dots.count
        try check(entries <= Limits.contextEntries && dots <= Limits.contextDots, "context")
        var fields = 0
        var last: [FieldID] = []
        for assignment in draft.assignments {
            let bytes = Canonical.encode(assignment.value).count
            try check(bytes <= Limits.valueBytes, "field \(assignment.field)")
            fields += bytes + Canonical.fieldOverhead
            last.append(assignment.field)
        }
        try check(fields <= Limits.recordBytes, "record")
        try check(Set(last).count == last.count && !last.contains(RecordState.existence), "field twice")
        return 64 + key + form + draft.author.count + 12 * (entries + dots) + fields
    }
}

extension AuthoringClock {
    /// How far a clock may lie behind the last hub time, or an authored time before the clock, in
    /// milliseconds.
    public static let tolerance: Milliseconds = 600_000
    /// How long after the last contact a clock is believed: 60 days, in milliseconds.
    public static let horizon: Milliseconds = 60 * 86_400_000

    /// Judges the machine's clock by the hub time seen last; nil believes it.
    public init(now: Milliseconds, lastHubTime: Milliseconds?) {
        guard let last = lastHubTime else {
            self.init(now: now, isTrusted: true)
            return
        }
        let age = now.subtractingReportingOverflow(last)
        self.init(
            now: now,
            isTrusted: !age.overflow
                && (-AuthoringClock.tolerance...AuthoringClock.horizon).contains(age.partialValue),
            lastHubTime: last)
    }

    /// The times of what is written now. The authored one is the clock with its skew, while that fits the hub
    /// time seen last, else the clock as it is. It never falls behind `last`, the replica's latest trusted
    /// authored time; when that holds it far ahead of the clock, because the clock once ran ahead, it is not
    /// trusted. Where both clocks agree then, what is new counts as created when they say: otherwise
    /// everything would be late until the calendar has caught up.
    ///
    /// - Parameter skew: hub clock minus own clock when last measured, in milliseconds. The clock may have
    ///   been set since then.
    public func authored(skew: Milliseconds, last: Milliseconds?) -> AuthoringMoment {
        let sum = now.addingReportingOverflow(skew)
        var present = sum.overflow ? now : sum.partialValue
        if let lastHubTime, !AuthoringClock(now: present, lastHubTime: lastHubTime).isTrusted {
            present = now
        }
        // Outside of the calendar every replica would refuse the version as `bad_time`.
        let times = LocalZone.acceptedTimes
        let isTrusted = isTrusted && times.contains(present)
        present = min(max(present, times.lowerBound), times.upperBound)
        guard let last, last > present else {
            return AuthoringMoment(time: present, created: present, isTrusted: isTrusted)
        }
        let ahead = last.subtractingReportingOverflow(present)
        guard ahead.overflow || ahead.partialValue > AuthoringClock.tolerance else {
            return AuthoringMoment(time: last, created: last, isTrusted: isTrusted)
        }
        let difference = present.subtractingReportingOverflow(now)
        let doClocksAgree =
            isTrusted && !difference.overflow && difference.partialValue.magnitude <= UInt64(Self.tolerance)
        return AuthoringMoment(time: last, created: doClocksAgree ? present : last, isTrusted: false)
    }
}

/// The times under which a transaction writes.
public struct AuthoringMoment: Sendable, Hashable {
    /// The authored time, and the stated one of a version whose author states none.
    public var time: Milliseconds
    /// When a record is first created whose author states no time.
    public var created: Milliseconds
    public var isTrusted: Bool

    public init(time: Milliseconds, created: Milliseconds, isTrusted: Bool) {
        self.time = time
        self.created = created
        self.isTrusted = isTrusted
    }
}
