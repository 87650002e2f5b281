/// Batches of one replica that travel as a file instead of over a connection: the same versions under the
/// same dots, with salts and seals, so that a hub takes them as it takes the wire.
public struct CarriedBatches: Sendable, Hashable {
    /// An origin that batches belong to, so that a hub can bind it which has not seen it yet.
    public struct Origin: Sendable, Hashable {
        public var claim: OriginClaim
        public var isClosed: Bool

        public init(claim: OriginClaim, isClosed: Bool) {
            self.claim = claim
            self.isClosed = isClosed
        }
    }

    /// The device's clock.
    public var made: Milliseconds
    public var origins: [Origin]
    /// Urgent ones first, each origin's in order.
    public var batches: [VersionBatch]

    public init(made: Milliseconds, origins: [Origin], batches: [VersionBatch]) {
        self.made = made
        self.origins = origins
        self.batches = batches
    }
}

/// What a hub sends back for carried batches.
public struct CarriedAnswer: Sendable, Hashable {
    /// In which the receipts are signed.
    public var epoch: Token16
    /// The hub's clock.
    public var clock: Milliseconds
    public var receipts: [Receipt]
    public var verdicts: [Verdict]
    /// All keys that the hub has had, where it has changed its key; nil where not.
    public var keys: HubKeyring?

    public init(
        epoch: Token16, clock: Milliseconds, receipts: [Receipt], verdicts: [Verdict], keys: HubKeyring? = nil
    ) {
        self.epoch = epoch
        self.clock = clock
        self.receipts = receipts
        self.verdicts = verdicts
        self.keys = keys
    }
}
