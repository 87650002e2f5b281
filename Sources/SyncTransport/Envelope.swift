import Crypto
import FoundationEssentials
import SyncCore
public import SyncWire

/// What is carried by hand, closed so that only its recipient can read it and knows who wrote it: HPKE
/// (RFC 9180) in auth mode between the two P-256 keys that know each other already.
public enum Envelope {
    public typealias Kind = EnvelopeLayout.Kind

    public enum Failure: Error, Sendable, Hashable {
        /// Something else, or cut short.
        case notOne
        /// For another hub, or another device.
        case forAnother
        /// It was changed, or is not from the key that it names.
        case broken
    }

    private static let suite = HPKE.Ciphersuite.P256_SHA256_AES_GCM_256

    private static func info(_ kind: Kind) -> Data {
        Data((kind == .batches ? "rollcall carried v1" : "rollcall answer v1").utf8)
    }

    /// - Parameter recipient: a public key (X9.63, 65 bytes).
    public static func close(
        _ body: [UInt8], _ kind: Kind, from sender: DeviceKey, to recipient: [UInt8]
    ) throws -> [UInt8] {
        let key = try P256.KeyAgreement.PublicKey(x963Representation: recipient)
        let own = try P256.KeyAgreement.PrivateKey(rawRepresentation: sender.privateKey.rawRepresentation)
        var hpke = try HPKE.Sender(
            recipientKey: key, ciphersuite: suite, info: info(kind), authenticatedBy: own)
        var layout = EnvelopeLayout(
            kind, recipient: Hashing.sha256(recipient), sender: sender.publicKey,
            encapsulatedKey: Array(hpke.encapsulatedKey), ciphertext: [])
        layout.ciphertext = Array(try hpke.seal(body, authenticating: layout.head))
        return layout.head + layout.ciphertext
    }

    /// Whether bytes name this key as the one that can open them.
    public static func isFor(_ own: DeviceKey, _ bytes: [UInt8], _ kind: Kind) -> Bool {
        EnvelopeLayout(bytes, kind)?.recipient == own.fingerprint
    }

    /// - Returns: the sender's public key, and what it wrote.
    public static func open(
        _ bytes: [UInt8], _ kind: Kind, with own: DeviceKey
    ) throws(Failure) -> (sender: [UInt8], body: [UInt8]) {
        guard let layout = EnvelopeLayout(bytes, kind) else { throw .notOne }
        guard layout.recipient == own.fingerprint else { throw .forAnother }
        do {
            let key = try P256.KeyAgreement.PublicKey(x963Representation: layout.sender)
            let mine = try P256.KeyAgreement.PrivateKey(
                rawRepresentation: own.privateKey.rawRepresentation)
            var hpke = try HPKE.Recipient(
                privateKey: mine, ciphersuite: suite, info: info(kind),
                encapsulatedKey: Data(layout.encapsulatedKey), authenticatedBy: key)
            return (layout.sender, Array(try hpke.open(layout.ciphertext, authenticating: layout.head)))
        } catch {
            throw .broken
        }
    }
}
