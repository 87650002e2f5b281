import Crypto
import Foundation
import SyncCore
import SyncStore

/// A small seeded generator (SplitMix64): a failing test prints its seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

enum TestCrypto {
    static let hashing = Hashing { bytes in
        Digest(bytes: Array(SHA256.hash(data: bytes))) ?? .zero
    }

    static let verifying = Verifying { message, signature, publicKey in
        guard let key = try? P256.Signing.PublicKey(x963Representation: publicKey),
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
        else { return false }
        return key.isValidSignature(signature, for: message)
    }

    static func signing() -> Signing {
        let key = P256.Signing.PrivateKey()
        return Signing(publicKey: Array(key.publicKey.x963Representation)) { message in
            Array(try key.signature(for: message).rawRepresentation)
        }
    }
}

/// A folder that is gone when the test is over.
final class TemporaryFolder {
    let path: String

    init() {
        path = FileManager.default.temporaryDirectory.path + "/store-test-" + UUID().uuidString
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

extension AgentStore {
    /// A Welcome that comes in the moment in which it was asked for.
    func accept(_ welcome: Welcome, now: Milliseconds) throws -> [AgentSession.Resume] {
        try accept(welcome, asked: now, now: now)
    }
}
