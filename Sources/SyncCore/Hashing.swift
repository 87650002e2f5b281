/// SHA-256, passed in so that the core imports nothing.
public struct Hashing: Sendable {
    public let sha256: @Sendable (UnsafeRawBufferPointer) -> Digest

    public init(sha256: @escaping @Sendable (UnsafeRawBufferPointer) -> Digest) { self.sha256 = sha256 }

    public func callAsFunction(_ bytes: [UInt8]) -> Digest {
        bytes.withUnsafeBytes { sha256($0) }
    }
}

/// P-256 signing with this replica's key, passed in.
public struct Signing: Sendable {
    /// The public key, uncompressed (X9.63, 65 bytes).
    public let publicKey: [UInt8]
    /// 64 bytes, r ‖ s, over the SHA-256 of the message.
    public let sign: @Sendable ([UInt8]) throws -> [UInt8]

    public init(publicKey: [UInt8], sign: @escaping @Sendable ([UInt8]) throws -> [UInt8]) {
        self.publicKey = publicKey
        self.sign = sign
    }
}

/// P-256 verification, passed in: (message, signature, public key) → whether it holds.
public struct Verifying: Sendable {
    public let isValid: @Sendable (_ message: [UInt8], _ signature: [UInt8], _ publicKey: [UInt8]) -> Bool

    public init(
        isValid: @escaping @Sendable (_ message: [UInt8], _ signature: [UInt8], _ publicKey: [UInt8]) -> Bool
    ) {
        self.isValid = isValid
    }
}
