import CryptoExtras
import Foundation
import SyncCore

/// What is kept of a PIN: it tells whether another is the same, at the cost of some tenths of a second each.
/// Four digits are ten thousand tries all the same; a PIN keeps colleagues apart, not thieves.
struct PINHash: Sendable, Hashable, Codable {
    private var salt: [UInt8]
    private var hash: [UInt8]

    /// scrypt, RFC 7914, with N = 2^14, r = 8 and p = 1: 16 MB.
    private static let rounds = 1 << 14

    /// - Parameter random: nobody can guess it.
    init(_ pin: String, random: Token16) throws {
        salt = random.bytes
        hash = try PINHash.derive(pin, salt)
    }

    func isOf(_ pin: String) throws -> Bool {
        let other = try PINHash.derive(pin, salt)
        // Every byte is looked at, so that time tells nothing.
        return other.count == hash.count && zip(other, hash).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func derive(_ pin: String, _ salt: [UInt8]) throws -> [UInt8] {
        let key = try KDF.Scrypt.deriveKey(
            from: Array(pin.utf8), salt: salt, outputByteCount: 32, rounds: rounds, blockSize: 8,
            parallelism: 1)
        return key.withUnsafeBytes { Array($0) }
    }
}
