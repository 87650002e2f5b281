import Crypto
import FoundationEssentials
import SyncCore

/// What is carried by hand, closed so that only its recipient can read it and knows who wrote it: HPKE
/// (RFC 9180) in auth mode between the two P-256 keys that know each other already.
public enum Envelope {
    public enum Kind: Sendable, Hashable {
        /// From a device to its hub.
        case batches
        /// From the hub back to the device.
        case answer

        fileprivate var mark: [UInt8] { Array((self == .batches ? "RCCARRY1" : "RCREPLY1").utf8) }
        fileprivate var info: Data {
            Data((self == .batches ? "rollcall carried v1" : "rollcall answer v1").utf8)
        }
    }

    public enum Failure: Error, Sendable, Hashable {
        /// Something else, or cut short.
        case notOne
        /// For another hub, or another device.
        case forAnother
        /// It was changed, or is not from the key that it names.
        case broken
    }

    private static let suite = HPKE.Ciphersuite.P256_SHA256_AES_GCM_256
    private static let keyBytes = 65
    private static let headBytes = 8 + SyncCore.Digest.size + keyBytes + keyBytes

    /// - Parameter recipient: a public key (X9.63, 65 bytes).
    public static func close(
        _ body: [UInt8], _ kind: Kind, from sender: DeviceKey, to recipient: [UInt8]
    ) throws -> [UInt8] {
        let key = try P256.KeyAgreement.PublicKey(x963Representation: recipient)
        let own = try P256.KeyAgreement.PrivateKey(rawRepresentation: sender.privateKey.rawRepresentation)
        var hpke = try HPKE.Sender(
            recipientKey: key, ciphersuite: suite, info: kind.info, authenticatedBy: own)
        let head =
            kind.mark + Hashing.sha256(recipient).bytes + sender.publicKey + Array(hpke.encapsulatedKey)
        return head + Array(try hpke.seal(body, authenticating: head))
    }

    /// - Returns: the sender's public key, and what it wrote.
    public static func open(
        _ bytes: [UInt8], _ kind: Kind, with own: DeviceKey
    ) throws(Failure) -> (sender: [UInt8], body: [UInt8]) {
        guard bytes.starts(with: kind.mark), bytes.count > headBytes else { throw .notOne }
        let head = Array(bytes.prefix(headBytes))
        guard Array(head[8..<40]) == own.fingerprint.bytes else { throw .forAnother }
        let sender = Array(head[40..<105])
        do {
            let key = try P256.KeyAgreement.PublicKey(x963Representation: sender)
            let mine = try P256.KeyAgreement.PrivateKey(
                rawRepresentation: own.privateKey.rawRepresentation)
            var hpke = try HPKE.Recipient(
                privateKey: mine, ciphersuite: suite, info: kind.info, encapsulatedKey: Data(head[105...]),
                authenticatedBy: key)
            return (sender, Array(try hpke.open(bytes[headBytes...], authenticating: head)))
        } catch {
            throw .broken
        }
    }
}
