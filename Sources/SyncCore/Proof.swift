/// Proof of what a device submitted to a hub by when, for anybody who knows nothing but the hub's key.
///
/// `Protocol/SPEC.md`, "Evidence", says how it lies in a file and how it is checked.
public struct Proof: Sendable, Hashable {
    /// A run of one origin's journal, up to something that the hub has receipted.
    public struct Stretch: Sendable, Hashable {
        /// The key that the origin belongs to (X9.63, 65 bytes).
        public var publicKey: [UInt8]
        public var claim: OriginClaim
        public var first: UInt64
        /// chain(first - 1).
        public var headBefore: Digest
        /// From `first` on, without gaps.
        public var entries: [Entry]
        /// Ascending by sequence; the last one ends the stretch.
        public var marks: [Mark]

        public init(
            publicKey: [UInt8], claim: OriginClaim, first: UInt64, headBefore: Digest, entries: [Entry],
            marks: [Mark]
        ) {
            self.publicKey = publicKey
            self.claim = claim
            self.first = first
            self.headBefore = headBefore
            self.entries = entries
            self.marks = marks
        }
    }

    public struct Entry: Sendable, Hashable {
        /// digest(n).
        public var digest: Digest
        /// Of a version that is shown.
        public var preimage: VersionPreimage?

        public init(digest: Digest, preimage: VersionPreimage? = nil) {
            self.digest = digest
            self.preimage = preimage
        }
    }

    /// A head that the device has sealed and the hub receipted.
    public struct Mark: Sendable, Hashable {
        /// The device's signature over origin, sequence and head.
        public var seal: [UInt8]
        /// With the hub's signature; names sequence and head.
        public var receipt: Receipt
        /// In which the receipt was signed.
        public var epoch: Token16

        public init(seal: [UInt8], receipt: Receipt, epoch: Token16) {
            self.seal = seal
            self.receipt = receipt
            self.epoch = epoch
        }
    }

    /// By one of which each receipt is signed.
    public var hubKeys: HubKeyring
    public var stretches: [Stretch]

    public init(hubKeys: HubKeyring, stretches: [Stretch]) {
        self.hubKeys = hubKeys
        self.stretches = stretches
    }
}

/// What is wrong with a proof, and where.
public struct ProofDefect: Error, Sendable, Hashable {
    public enum Kind: String, Sendable {
        /// It is about another hub than the one that was named.
        case otherHub = "other_hub"
        /// It shows keys that the hub has not blessed.
        case hubKeys = "hub_keys"
        /// A receipt that the hub has not signed.
        case receipt
        /// A seal that the device has not signed.
        case seal
        /// A version is not the one that was submitted.
        case version
        /// What is shown of a version's values is not what was submitted.
        case value
        /// The versions up to a receipt are not those that it is about: one was changed, left out or put in.
        case chain
        /// It contradicts itself, or a version lies behind the last receipt.
        case malformed
    }

    public var kind: Kind
    /// The version or receipt that it is about; nil for the whole.
    public var dot: Dot?

    public init(_ kind: Kind, _ dot: Dot? = nil) {
        self.kind = kind
        self.dot = dot
    }
}

/// A version that a proof shows.
public struct ProvenVersion: Sendable, Hashable {
    public var version: Version
    /// SHA-256 of the key of the device that sealed it.
    public var device: Digest
    /// The first receipt that covers it: the hub held it durably at that time.
    public var receipt: Receipt

    public init(version: Version, device: Digest, receipt: Receipt) {
        self.version = version
        self.device = device
        self.receipt = receipt
    }
}

extension Proof {
    /// Checks everything, and gives the versions that are shown.
    ///
    /// - Parameter hub: SHA-256 of the first public key of the hub that is trusted.
    /// - Throws: ``ProofDefect``, the first in the order of the file.
    public func check(
        hub: Digest, hashing: Hashing, verifying: Verifying
    ) throws(ProofDefect) -> [ProvenVersion] {
        guard hubKeys.identity(hashing) == hub else { throw ProofDefect(.otherHub) }
        guard hubKeys.holds(hashing, verifying) else { throw ProofDefect(.hubKeys) }
        var proven: [ProvenVersion] = []
        for stretch in stretches {
            let derivation = stretch.claim.derivation(publicKey: stretch.publicKey, hashing: hashing)
            proven += try check(stretch, derivation, hub: hub, hashing: hashing, verifying: verifying)
        }
        return proven
    }

    private func check(
        _ stretch: Stretch, _ derivation: Digest, hub: Digest, hashing: Hashing, verifying: Verifying
    ) throws(ProofDefect) -> [ProvenVersion] {
        let origin = derivation.originID
        guard stretch.first > 0, stretch.first <= Limits.sequence, !stretch.entries.isEmpty,
            let end = stretch.marks.last?.receipt.sequence,
            end == stretch.first + UInt64(stretch.entries.count) - 1,
            stretch.first > 1 || stretch.headBefore == derivation
        else { throw ProofDefect(.malformed) }
        for mark in stretch.marks {
            let receipt = mark.receipt
            let dot = Dot(origin: origin, sequence: receipt.sequence)
            let signed = receipt.statement(hub: hub, epoch: mark.epoch)
            guard receipt.origin == origin, hubKeys.isSigned(signed, receipt.signature, verifying) else {
                throw ProofDefect(.receipt, dot)
            }
            let sealed = SealStatement.bytes(origin: origin, sequence: receipt.sequence, head: receipt.head)
            guard verifying.isValid(sealed, mark.seal, stretch.publicKey) else {
                throw ProofDefect(.seal, dot)
            }
        }
        var proven: [ProvenVersion] = []
        var head = stretch.headBefore
        var sequence = stretch.first
        var marks = stretch.marks[...]
        for entry in stretch.entries {
            guard let mark = marks.first, mark.receipt.sequence >= sequence else {
                throw ProofDefect(.malformed, Dot(origin: origin, sequence: sequence))
            }
            if let preimage = entry.preimage {
                let dot = Dot(origin: origin, sequence: sequence)
                let version = try Proof.open(preimage, entry.digest, dot: dot, hashing: hashing)
                proven.append(
                    ProvenVersion(
                        version: version, device: hashing(stretch.publicKey), receipt: mark.receipt))
            }
            head = hashing(head.bytes + entry.digest.bytes)
            if sequence == mark.receipt.sequence {
                guard head == mark.receipt.head else {
                    throw ProofDefect(.chain, Dot(origin: origin, sequence: sequence))
                }
                marks = marks.dropFirst()
            }
            sequence += 1
        }
        return proven
    }

    private static func open(
        _ preimage: VersionPreimage, _ digest: Digest, dot: Dot, hashing: Hashing
    ) throws(ProofDefect) -> Version {
        guard hashing(preimage.body) == digest, let body = CanonicalVersion(preimage.body),
            body.version.dot == dot
        else { throw ProofDefect(.version, dot) }
        guard body.classes.map(\.retentionClass) == preimage.classes.map(\.retentionClass) else {
            throw ProofDefect(.value, dot)
        }
        var version = body.version
        for (kept, part) in zip(body.classes, preimage.classes) {
            guard hashing(part.bytes) == kept.hash, let fields = CanonicalVersion.assignments(of: part) else {
                throw ProofDefect(.value, dot)
            }
            version.assignments += fields
        }
        version.assignments.sort { $0.field < $1.field }
        return version
    }
}
