/// SHA-256, passed in so that the core imports nothing.
public struct Hashing: Sendable {
    public let sha256: @Sendable (UnsafeRawBufferPointer) -> Digest
    /// The hashes of many stretches that lie one after the other, each up to its end.
    public let each:
        @Sendable (
            _ bytes: UnsafeRawBufferPointer, _ ends: UnsafeBufferPointer<UInt32>,
            _ digests: UnsafeMutableBufferPointer<Digest>
        ) -> Void
    /// Turns digests into the heads of a chain: each becomes the hash of the head before it and itself.
    public let chain: @Sendable (_ head: Digest, _ digests: UnsafeMutableBufferPointer<Digest>) -> Void

    /// With one function for one hash; what hashes many asks it for each.
    public init(sha256: @escaping @Sendable (UnsafeRawBufferPointer) -> Digest) {
        self.sha256 = sha256
        each = { bytes, ends, digests in
            var start = 0
            for index in ends.indices {
                let end = Int(ends[index])
                digests[index] = sha256(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
                start = end
            }
        }
        chain = { head, digests in
            var link = ByteScratch(capacity: 2 * Digest.size)
            var head = head
            for index in digests.indices {
                link.clear()
                link.put(head)
                link.put(digests[index])
                head = sha256(link.bytes())
                digests[index] = head
            }
        }
    }

    /// With functions of their own for many hashes, which give what `sha256` gives.
    public init(
        sha256: @escaping @Sendable (UnsafeRawBufferPointer) -> Digest,
        each:
            @escaping @Sendable (
                _ bytes: UnsafeRawBufferPointer, _ ends: UnsafeBufferPointer<UInt32>,
                _ digests: UnsafeMutableBufferPointer<Digest>
            ) -> Void,
        chain: @escaping @Sendable (_ head: Digest, _ digests: UnsafeMutableBufferPointer<Digest>) -> Void
    ) {
        self.sha256 = sha256
        self.each = each
        self.chain = chain
    }

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
