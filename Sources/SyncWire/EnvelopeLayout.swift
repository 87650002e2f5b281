public import SyncCore

/// The parts of what is carried by hand, closed. `Protocol/SPEC.md`, "Carried by hand".
public struct EnvelopeLayout: Sendable, Hashable {
    public enum Kind: Sendable, Hashable, CaseIterable {
        /// From a device to its hub.
        case batches
        /// From the hub back to the device.
        case answer

        var mark: [UInt8] { Array((self == .batches ? "RCCARRY1" : "RCREPLY1").utf8) }
    }

    /// Bytes of a public key (X9.63).
    private static let keyBytes = 65

    public var kind: Kind
    /// SHA-256 of the recipient's public key.
    public var recipient: Digest
    /// Public keys (X9.63, 65 bytes), which nobody has looked into yet.
    public var sender: [UInt8]
    public var encapsulatedKey: [UInt8]
    /// With its tag; never empty.
    public var ciphertext: [UInt8]

    public init(
        _ kind: Kind, recipient: Digest, sender: [UInt8], encapsulatedKey: [UInt8], ciphertext: [UInt8]
    ) {
        self.kind = kind
        self.recipient = recipient
        self.sender = sender
        self.encapsulatedKey = encapsulatedKey
        self.ciphertext = ciphertext
    }

    /// Nil when it is something else, of the other kind, or cut short.
    public init?(_ bytes: [UInt8], _ kind: Kind) {
        var rest = bytes[...]
        func take(_ count: Int) -> [UInt8] {
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        guard take(kind.mark.count) == kind.mark, let recipient = Digest(bytes: take(Digest.size)) else {
            return nil
        }
        self.init(
            kind, recipient: recipient, sender: take(EnvelopeLayout.keyBytes),
            encapsulatedKey: take(EnvelopeLayout.keyBytes), ciphertext: Array(rest))
        guard !ciphertext.isEmpty else { return nil }
    }

    /// All before the ciphertext, which is authenticated with it.
    public var head: [UInt8] { kind.mark + recipient.bytes + sender + encapsulatedKey }
}
