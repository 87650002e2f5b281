import Crypto
import NIOSSL
import SwiftASN1
package import SyncCore
import X509

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The certificate that carries a device's key through the handshake. Trust is the key's fingerprint alone,
/// so everything else in it is as small as the format allows and says nothing.
package enum BareCertificate {
    /// Fixed dates that nobody looks at: no branch depends on its clock.
    package static let notBefore: Int64 = 946_684_800  // 2000-01-01
    package static let notAfter: Int64 = 4_102_444_800  // 2100-01-01

    /// Under which a hub that has changed its key shows all that it has had: `HubKeyring.encoded`.
    private static let hubKeys: ASN1ObjectIdentifier = [2, 25, 1_380_926_283]

    /// - Parameter keys: of a hub.
    static func make(
        for key: DeviceKey, keys: HubKeyring? = nil, notBefore: Int64 = notBefore, notAfter: Int64 = notAfter
    ) throws -> NIOSSLCertificate {
        try NIOSSLCertificate(
            bytes: der(for: key, keys: keys, notBefore: notBefore, notAfter: notAfter), format: .der)
    }

    /// The same as bytes.
    package static func der(
        for key: DeviceKey, keys: HubKeyring?, notBefore: Int64 = notBefore, notAfter: Int64 = notAfter
    ) throws -> [UInt8] {
        var extensions = Certificate.Extensions()
        if let keys, !keys.entries.isEmpty {
            try extensions.append(
                Certificate.Extension(oid: hubKeys, critical: false, value: keys.encoded[...]))
        }
        let issuer = Certificate.PrivateKey(key.privateKey)
        let nobody = DistinguishedName()
        let certificate = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(1), publicKey: issuer.publicKey,
            notValidBefore: Date(timeIntervalSince1970: Double(notBefore)),
            notValidAfter: Date(timeIntervalSince1970: Double(notAfter)), issuer: nobody, subject: nobody,
            signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions,
            issuerPrivateKey: issuer)
        var serializer = DER.Serializer()
        try serializer.serialize(certificate)
        return serializer.serializedBytes
    }

    /// What a stranger's certificate says before he is judged.
    package struct Shown: Sendable {
        /// X9.63, 65 bytes.
        package var publicKey: [UInt8]
        /// The keys that a hub shows with its present one; nil when it shows none, or they do not read.
        package var hubKeys: HubKeyring?
    }

    /// - Returns: nil when it is no certificate with a key on P-256.
    package static func read(_ der: [UInt8]) -> Shown? {
        (try? NIOSSLCertificate(bytes: der, format: .der)).flatMap(read)
    }

    /// The key that is taken is the one that the handshake is checked with: it has one way to be written, and
    /// the certificate has it at its place. `extractPublicKey` is not asked, which traps on a key that NIOSSL
    /// does not read, also on some that others do.
    static func read(_ shown: NIOSSLCertificate) -> Shown? {
        guard let der = try? shown.toDERBytes(), let certificate = try? Certificate(derEncoded: der),
            let key = P256.Signing.PublicKey(certificate.publicKey),
            let written = keyInfo(in: certificate.tbsCertificateBytes),
            key.derRepresentation.elementsEqual(written)
        else { return nil }
        return Shown(
            publicKey: Array(key.x963Representation),
            hubKeys: certificate.extensions[oid: hubKeys].flatMap { HubKeyring(encoded: Array($0.value)) })
    }

    /// `subjectPublicKeyInfo` as it is written, the seventh of what a certificate says (RFC 5280, 4.1); the
    /// first, its version, may be left out.
    private static func keyInfo(in certificate: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard let root = try? DER.parse(certificate), case .constructed(let parts) = root.content else {
            return nil
        }
        let version = ASN1Identifier(tagWithNumber: 0, tagClass: .contextSpecific)
        return parts.drop { $0.identifier == version }.dropFirst(5).first { _ in true }?.encodedBytes
    }
}
