/// Who is at the other end of a hub's connection, as far as it shows before anything is said.
public struct Caller: Sendable, Hashable {
    /// X9.63, proved in the handshake; empty when it did not come that far.
    public var publicKey: [UInt8]
    /// Where it comes from; empty when that is not known.
    public var address: String
    /// Of the protocol, as both preambles agreed; 0 before.
    public var version: UInt16

    public init(publicKey: [UInt8], address: String = "", version: UInt16 = 0) {
        self.publicKey = publicKey
        self.address = address
        self.version = version
    }
}
