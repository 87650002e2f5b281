/// Versions of an own origin that an agent cannot send again: it has let them go since this hub receipted
/// them, and the hub was put back to before them. What follows goes on behind them.
public struct Hole: Sendable, Hashable {
    /// Everything that the hub lacks of the origin through here is missing for ever.
    public var sequence: UInt64
    /// The agent's chain(sequence).
    public var head: Digest
    /// The hub's own, which reaches at least to ``sequence``; names the origin.
    public var receipt: Receipt
    /// In which the receipt was signed: an earlier one than the hub's present one.
    public var epoch: Token16

    public init(sequence: UInt64, head: Digest, receipt: Receipt, epoch: Token16) {
        self.sequence = sequence
        self.head = head
        self.receipt = receipt
        self.epoch = epoch
    }

    public var origin: OriginID { receipt.origin }
}
