/// One entry of a hub's audit log.
public struct AuditEntry: Sendable, Hashable {
    /// From 1, without gaps.
    public var number: UInt64
    public var at: Milliseconds
    public var event: String
    /// Who did it: the system's user, and the name that was given; empty for what a device did, or the hub by
    /// itself.
    public var who: String
    /// The device concerned; 0 for none.
    public var device: Int64
    public var detail: String
    /// The hash of the entry before; zeros before the first.
    public var before: Digest
    public var hash: Digest
    /// By the hub's key.
    public var signature: [UInt8]

    public init(
        number: UInt64, at: Milliseconds, event: String, who: String, device: Int64, detail: String,
        before: Digest, hash: Digest = .zero, signature: [UInt8] = []
    ) {
        self.number = number
        self.at = at
        self.event = event
        self.who = who
        self.device = device
        self.detail = detail
        self.before = before
        self.hash = hash
        self.signature = signature
    }
}

/// Where a hub's audit log ends, as the hub signed it with the last entry.
public struct AuditHead: Sendable, Hashable {
    public var number: UInt64
    public var hash: Digest
    public var signature: [UInt8]

    public init(number: UInt64, hash: Digest, signature: [UInt8]) {
        self.number = number
        self.hash = hash
        self.signature = signature
    }
}

/// A hub's audit log as it lies in its store, and the end that is kept beside the store.
public struct AuditLog: Sendable, Hashable {
    /// What is kept outside of the store, for whoever puts an older log back.
    public enum Beside: Sendable, Hashable {
        /// Nobody keeps anything there.
        case notKept
        /// It was removed, or is none that the hub signed.
        case gone
        case end(AuditHead)
    }

    /// In the order in which they stand.
    public var entries: [AuditEntry]
    /// The end that stands beside them; nil when that is gone.
    public var head: AuditHead?
    /// The last entry before the last act. What is kept beside the store is written after the act: a crash
    /// between the two leaves it here.
    public var base: UInt64
    public var beside: Beside

    public init(
        entries: [AuditEntry], head: AuditHead?, base: UInt64 = 0, beside: Beside = .notKept
    ) {
        self.entries = entries
        self.head = head
        self.base = base
        self.beside = beside
    }
}

/// The first thing that is wrong with an audit log; each names an entry's number.
public enum AuditFinding: Sendable, Hashable {
    /// The entry does not say what it said.
    case altered(UInt64)
    /// There was an entry of this number, and it is gone.
    case dropped(UInt64)
    /// The hub did not write what stands here.
    case inserted(UInt64)
    /// Another entry stands here, and this one further on.
    case reordered(UInt64)
    /// Both are the hub's, but this one did not follow the one before: entries of another life of the store.
    case notFollowing(UInt64)
    /// The end that the hub signed is gone, or not the hub's: entries from here on may be missing.
    case endUnsigned(UInt64)
    /// The end that is kept beside the store is gone, or not the hub's.
    case besideGone
    /// The end that is kept beside the store is an older one, of this entry.
    case besideOld(UInt64)
    /// When the hub wrote this entry, it found one of the two ends gone or put back.
    case endWasGone(UInt64)
}

/// The chain of a hub's audit log: each entry's hash covers the hash before, and the hub signs each entry and
/// the end.
public struct AuditChain: Sendable {
    private let hashing: Hashing
    private let hub: Digest

    /// - Parameter hub: the hub's public key (X9.63).
    public init(hashing: Hashing, hub: [UInt8]) {
        self.hashing = hashing
        self.hub = hashing(hub)
    }

    public func hash(of entry: AuditEntry) -> Digest {
        var bytes = Array("rollcall audit v1".utf8) + entry.before.bytes
        bytes += Canonical.bigEndian(entry.number) + Canonical.bigEndian(UInt64(bitPattern: entry.at))
        bytes += Canonical.bigEndian(UInt64(bitPattern: entry.device))
        for text in [entry.event, entry.who, entry.detail] {
            bytes += Canonical.bigEndian(UInt64(text.utf8.count)) + Array(text.utf8)
        }
        return hashing(bytes)
    }

    /// What the hub signs of an entry.
    public func statement(ofEntry hash: Digest) -> [UInt8] {
        Array("rollcall audit entry v1".utf8) + hub.bytes + hash.bytes
    }

    /// What the hub signs of the end.
    public func statement(ofEnd number: UInt64, _ hash: Digest) -> [UInt8] {
        Array("rollcall audit end v1".utf8) + hub.bytes + Canonical.bigEndian(number) + hash.bytes
    }

    /// Completes an entry and the end that it makes.
    public func sign(_ entry: AuditEntry, _ signing: Signing) throws -> (entry: AuditEntry, head: AuditHead) {
        var entry = entry
        entry.hash = hash(of: entry)
        entry.signature = try signing.sign(statement(ofEntry: entry.hash))
        let end = try signing.sign(statement(ofEnd: entry.number, entry.hash))
        return (entry, AuditHead(number: entry.number, hash: entry.hash, signature: end))
    }

    /// The event of an entry by which the hub says that it found one of the two ends gone or put back.
    public static let endWasGone = "end_was_gone"

    /// Whether the hub signed this as an end.
    public func isSigned(_ head: AuditHead, verifying: Verifying, key: [UInt8]) -> Bool {
        verifying.isValid(statement(ofEnd: head.number, head.hash), head.signature, key)
    }

    /// Looks through a log.
    ///
    /// - Returns: nil when it is as the hub wrote it. That log and end were put back together, with the end
    ///   that is kept beside the store, shows nowhere; nor what somebody wrote who has the hub's key.
    public func firstFinding(in log: AuditLog, verifying: Verifying, key: [UInt8]) -> AuditFinding? {
        AuditSearch(chain: self, log: log, verifying: verifying, key: key).firstFinding()
    }
}
