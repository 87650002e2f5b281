/// What a device vouches for before it is wiped or handed on: where each of its journals ends, with the hub's
/// receipt for that. Whoever has it can check it without the hub and without the device.
public struct Certificate: Sendable, Hashable {
    public struct Journal: Sendable, Hashable {
        public var claim: OriginClaim
        public var sequence: UInt64
        /// chain(sequence).
        public var head: Digest
        /// The latest that the device holds for it; nil where it has none.
        public var receipt: Receipt?
        /// The epoch that the receipt was signed in; zero without one.
        public var epoch: Token16

        public init(
            claim: OriginClaim, sequence: UInt64, head: Digest, receipt: Receipt?, epoch: Token16
        ) {
            self.claim = claim
            self.sequence = sequence
            self.head = head
            self.receipt = receipt
            self.epoch = epoch
        }

        /// Versions that the receipt does not reach to. The hub said that it holds them, and did not sign
        /// that for this journal: the store was restored or copied at the time.
        public var unsigned: UInt64 { sequence - min(sequence, receipt?.sequence ?? 0) }
    }

    /// What is wrong with a certificate.
    public enum Defect: Sendable, Hashable {
        /// The device has not signed this.
        case signature
        /// The hub has not signed this journal's receipt.
        case receipt(OriginID)
        /// The receipt is for another journal, or another head of it.
        case otherJournal(OriginID)
    }

    /// X9.63.
    public var device: [UInt8]
    public var hub: HubKeyring
    /// By the device's clock.
    public var at: Milliseconds
    /// All that the device ever wrote to.
    public var journals: [Journal]
    /// 64 bytes by the device's key over ``statement(hashing:)``.
    public var signature: [UInt8]

    public init(
        device: [UInt8], hub: HubKeyring, at: Milliseconds, journals: [Journal], signature: [UInt8] = []
    ) {
        self.device = device
        self.hub = hub
        self.at = at
        self.journals = journals
        self.signature = signature
    }

    public func statement(hashing: Hashing) -> [UInt8] {
        var bytes =
            Array("rollcall certificate v1".utf8) + hub.identity(hashing).bytes + hashing(device).bytes
        bytes += Canonical.bigEndian(UInt64(bitPattern: at)) + Canonical.bigEndian(UInt64(journals.count))
        for journal in journals {
            bytes += [journal.claim.lane.rawValue] + journal.claim.nonce.bytes
            bytes += Canonical.bigEndian(journal.sequence) + journal.head.bytes + journal.epoch.bytes
            bytes += Canonical.bigEndian(journal.receipt?.sequence ?? 0)
        }
        return bytes
    }

    public func origin(of journal: Journal, hashing: Hashing) -> OriginID {
        journal.claim.derivation(publicKey: device, hashing: hashing).originID
    }

    /// All that is wrong with it; empty when it holds.
    public func defects(hashing: Hashing, verifying: Verifying) -> [Defect] {
        var defects: [Defect] = []
        if !verifying.isValid(statement(hashing: hashing), signature, device) { defects.append(.signature) }
        let hubDigest = hub.identity(hashing)
        let areKeysGood = hub.holds(hashing, verifying)
        for journal in journals {
            let origin = origin(of: journal, hashing: hashing)
            guard let receipt = journal.receipt else { continue }
            let isOther =
                receipt.origin != origin || receipt.sequence > journal.sequence
                || (receipt.sequence == journal.sequence && receipt.head != journal.head)
            if isOther { defects.append(.otherJournal(origin)) }
            let statement = receipt.statement(hub: hubDigest, epoch: journal.epoch)
            if !areKeysGood || !hub.isSigned(statement, receipt.signature, verifying) {
                defects.append(.receipt(origin))
            }
        }
        return defects
    }
}
