import Crypto
public import SyncCore

extension Hashing {
    /// SHA-256 of swift-crypto.
    public static let sha256 = Hashing { bytes in
        var hash = SHA256()
        hash.update(bufferPointer: bytes)
        return hash.finalize().withUnsafeBytes { digest in
            SyncCore.Digest(
                words: (
                    UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                    UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                    UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: 16, as: UInt64.self)),
                    UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
                ))
        }
    }
}

extension Verifying {
    /// ECDSA over P-256 and SHA-256. False for anything malformed.
    public static let p256 = Verifying { message, signature, publicKey in
        guard let key = try? P256.Signing.PublicKey(x963Representation: publicKey),
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
        else { return false }
        return key.isValidSignature(signature, for: message)
    }
}

extension Signing {
    /// Signs with the device's key.
    public init(_ key: DeviceKey) {
        self.init(publicKey: key.publicKey) { message in
            Array(try key.privateKey.signature(for: message).rawRepresentation)
        }
    }
}

extension Token16 {
    /// Sixteen bytes of the system's randomness.
    public static func random() -> Token16 {
        var generator = SystemRandomNumberGenerator()
        return Token16(using: &generator)
    }
}
