import Crypto
import Foundation
import SyncCore

/// Keys that everybody knows, and signatures with them. P-256 signatures differ every time they are made, so
/// one that stands in a file and holds is kept.
struct TestKey: Sendable {
    var name: String
    /// The private number, 32 bytes.
    var secret: [UInt8]

    static let agent = TestKey(name: "agent", secret: (1...32).map { UInt8($0) })
    static let hub = TestKey(name: "hub", secret: (1...32).map { UInt8(0x80 + $0) })
    static let all = [agent, hub]

    private func key() throws -> P256.Signing.PrivateKey {
        try P256.Signing.PrivateKey(rawRepresentation: secret)
    }

    func publicKey() throws -> [UInt8] { Array(try key().publicKey.x963Representation) }
    func fingerprint() throws -> SyncCore.Digest { TestKey.hashing(try publicKey()) }

    func json() throws -> JSON {
        [
            "name": .string(name), "private": .hex(secret), "public": .hex(try publicKey()),
            "fingerprint": .hex(try fingerprint().bytes),
        ]
    }

    /// The signature that a file already has over the statement, or a new one.
    func sign(_ statement: [UInt8]) throws -> [UInt8] {
        let publicKey = try publicKey()
        if let known = TestKey.stored[Hex.encode(statement)]?.first(where: {
            TestKey.isValid(statement, $0, publicKey)
        }) {
            return known
        }
        return Array(try key().signature(for: statement).rawRepresentation)
    }

    static let hashing = Hashing { bytes in
        SyncCore.Digest(bytes: Array(SHA256.hash(data: bytes))) ?? .zero
    }

    static func isValid(_ statement: [UInt8], _ signature: [UInt8], _ publicKey: [UInt8]) -> Bool {
        guard let key = try? P256.Signing.PublicKey(x963Representation: publicKey),
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
        else { return false }
        return key.isValidSignature(signature, for: statement)
    }

    /// All signatures in the files, by statement.
    private static let stored: [String: [[UInt8]]] = {
        var found: [String: [[UInt8]]] = [:]
        func collect(_ json: JSON) {
            if !json["statement"].isNull, !json["signature"].isNull {
                found[json["statement"].string, default: []].append(json.bytes("signature"))
            }
            for item in json.items { collect(item) }
            for member in json.members { collect(member.value) }
        }
        for name in ["journals", "receipts", "certificates", "hub-keys"] {
            if let file = try? VectorFile.stored(name) { collect(file) }
        }
        return found
    }()
}
