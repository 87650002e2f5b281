import CSHA256
import Crypto
public import SyncCore

extension Hashing {
    /// SHA-256: one hash by swift-crypto, and many at once by the processor's own instructions where it has
    /// them, since most of what swift-crypto takes for a short message is not hashing.
    public static let sha256 = sha256_is_built_in() ? builtIn : library

    /// SHA-256 of swift-crypto throughout.
    package static let library = Hashing { digest(of: $0) }

    private static let builtIn = Hashing(
        sha256: { digest(of: $0) },
        each: { bytes, ends, digests in
            precondition(ends.count == digests.count && (ends.last.map(Int.init) ?? 0) <= bytes.count)
            sha256_each(bytes.baseAddress, ends.baseAddress, ends.count, digests.baseAddress)
        },
        chain: { head, digests in
            withUnsafeBytes(of: head) { sha256_chain($0.baseAddress, digests.baseAddress, digests.count) }
        })

    private static func digest(of bytes: UnsafeRawBufferPointer) -> SyncCore.Digest {
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
