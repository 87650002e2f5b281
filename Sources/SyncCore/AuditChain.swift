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

    // MARK: - Verifying

    /// Looks through a log.
    ///
    /// - Parameters:
    ///   - entries: in the order in which they stand.
    ///   - head: the end that stands beside them.
    /// - Returns: nil when it is as the hub wrote it. That a whole log was put back to an earlier state of
    ///   its own, with the end of that time, shows nowhere in it; nor what somebody wrote who has the hub's
    ///   key.
    public func firstFinding(
        in entries: [AuditEntry], head: AuditHead?, verifying: Verifying, key: [UInt8]
    ) -> AuditFinding? {
        var previous = Digest.zero
        for (index, entry) in entries.enumerated() {
            let expected = UInt64(index) + 1
            if entry.number > expected { return .dropped(expected) }
            if entry.number < expected { return .inserted(expected) }
            let isSigned = verifying.isValid(statement(ofEntry: entry.hash), entry.signature, key)
            guard isSigned, hash(of: entry) == entry.hash else {
                return finding(at: index, isSigned: isSigned, in: entries, head)
            }
            guard entry.before == previous else { return .notFollowing(expected) }
            previous = entry.hash
        }
        let count = UInt64(entries.count)
        guard let head else { return entries.isEmpty ? nil : .endUnsigned(count + 1) }
        guard verifying.isValid(statement(ofEnd: head.number, head.hash), head.signature, key) else {
            return .endUnsigned(count + 1)
        }
        if head.number > count { return .dropped(count + 1) }
        return head.number == count && head.hash == previous ? nil : .notFollowing(head.number)
    }

    /// What became of the place where an entry stands that is not as the hub wrote it.
    private func finding(
        at index: Int, isSigned: Bool, in entries: [AuditEntry], _ head: AuditHead?
    ) -> AuditFinding {
        let place = UInt64(index) + 1
        if isSigned, let number = trueNumber(of: entries[index], among: entries.count + 1) {
            if number < place { return .inserted(place) }
            let isLater = entries[(index + 1)...].contains { trueNumber(of: $0, among: Int(place)) == place }
            return isLater ? .reordered(place) : .dropped(place)
        }
        // What follows goes on from the entry before: this one came between.
        let next = index + 1 < entries.count ? entries[index + 1].before : head?.hash
        return next == entries[index].before && index > 0 ? .inserted(place) : .altered(place)
    }

    /// The number under which an entry has its hash; nil when it has it under none.
    private func trueNumber(of entry: AuditEntry, among count: Int) -> UInt64? {
        var entry = entry
        for number in 1...UInt64(max(1, count)) {
            entry.number = number
            if hash(of: entry) == entry.hash { return number }
        }
        return nil
    }
}
