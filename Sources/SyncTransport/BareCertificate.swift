import Crypto
import NIOSSL
import SwiftASN1
import SyncCore
import X509

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The certificate that carries a device's key through the handshake. Trust is the key's fingerprint alone,
/// so everything else in it is as small as the format allows and says nothing.
enum BareCertificate {
    /// Fixed dates that nobody looks at: no branch depends on its clock.
    static let notBefore: Int64 = 946_684_800  // 2000-01-01
    static let notAfter: Int64 = 4_102_444_800  // 2100-01-01

    /// Under which a hub that has changed its key shows all that it has had: `HubKeyring.encoded`.
    private static let hubKeys: ASN1ObjectIdentifier = [2, 25, 1_380_926_283]

    /// - Parameter keys: of a hub.
    static func make(
        for key: DeviceKey, keys: HubKeyring? = nil, notBefore: Int64 = notBefore, notAfter: Int64 = notAfter
    ) throws -> NIOSSLCertificate {
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
        return try NIOSSLCertificate(bytes: serializer.serializedBytes, format: .der)
    }

    /// The keys that a hub shows with its present one; nil when it shows none, or they do not read.
    static func hubKeys(in certificate: NIOSSLCertificate) -> HubKeyring? {
        guard let bytes = try? certificate.toDERBytes(),
            let read = try? Certificate(derEncoded: bytes), let shown = read.extensions[oid: hubKeys]
        else { return nil }
        return HubKeyring(encoded: Array(shown.value))
    }

    /// The X9.63 form of a certificate's key; nil when it is not on P-256.
    static func publicKey(of certificate: NIOSSLCertificate) -> [UInt8]? {
        guard let spki = try? certificate.extractPublicKey().toSPKIBytes(),
            let key = try? P256.Signing.PublicKey(derRepresentation: spki)
        else { return nil }
        return Array(key.x963Representation)
    }
}
