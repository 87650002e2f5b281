import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// What was removed from a hub's store because it may be kept no longer, signed by the hub: everybody who
/// knows the fingerprint of its key can check it. It says how much went, never what.
struct PurgeCertificate: Codable {
    struct Entry: Codable {
        /// Of the audit log.
        var number: UInt64
        var at: String
        /// Forms, and how many of their entries were trimmed or went whole.
        var removed: String
        var hash: String
    }

    static let kind = "rollcall purge certificate 1"

    var kind = PurgeCertificate.kind
    var committee: String
    var made: String
    /// By form: the days that each class of its values is kept, and under "0" its records.
    var retention: [String: [String: Int]]
    var purges: [Entry]
    /// The arrival log's end: what went has left its place, so that everything above still chains.
    var position: UInt64
    /// The hub's public key, X9.63.
    var key: String
    var signature = ""

    /// - Throws: what the signing key throws.
    init(_ hub: SQLiteHubStore, signing: Signing, now: Milliseconds) throws {
        committee = Output.printable(hub.name)
        made = RecordText.time(now)
        retention = Dictionary(
            try hub.forms().definitions.compactMap { form in form.retentionDays.map { (form.form, $0) } },
            uniquingKeysWith: { $1 })
        purges = try hub.auditLog().entries.filter { $0.event == "purged" }.map {
            Entry(
                number: $0.number, at: RecordText.time($0.at), removed: Output.printable($0.detail),
                hash: $0.hash.description)
        }
        position = try hub.logPosition()
        key = Hex.encode(signing.publicKey)
        signature = Hex.encode(try signing.sign(try statement()))
    }

    /// What is signed: everything but the signature, as JSON with sorted keys.
    private func statement() throws -> [UInt8] {
        var bare = self
        bare.signature = ""
        return try bare.json()
    }

    func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes, .prettyPrinted]
        return Array(try encoder.encode(self))
    }

    var isSigned: Bool {
        guard kind == PurgeCertificate.kind, let key = Hex.decode(key), let signature = Hex.decode(signature),
            let statement = try? statement()
        else { return false }
        return Verifying.p256.isValid(statement, signature, key)
    }

    /// SHA-256 of the key that signed it, as `status` shows the hub's.
    var fingerprint: String { Hashing.sha256(Hex.decode(key) ?? []).description }

    static func read(_ file: String) throws -> PurgeCertificate {
        do {
            return try JSONDecoder().decode(PurgeCertificate.self, from: Data(try Files.read(file)))
        } catch is DecodingError {
            throw Failure(
                .noInput,
                Words(
                    "\(file) is no certificate of a purge; name the file that `purge --certificate` wrote",
                    zh: "\(file) 不是删除证明；请指定 purge --certificate 所写的文件"))
        }
    }

    /// Tells what it says; ends the program when it does not hold.
    func show(_ file: String) throws {
        guard isSigned else {
            throw Failure(
                .altered,
                Words(
                    "\(file) was altered: the hub's signature does not hold; ask for it again",
                    zh: "\(file) 已被改动：汇总端的签名不成立；请重新索取"))
        }
        Output.line(
            Words(
                "\(committee), \(made): \(purges.count) purges, signed by the key \(fingerprint)",
                zh: "\(committee) \(made)：共 \(purges.count) 次删除，签名密钥 \(fingerprint)"))
        for purge in purges { Output.line("\(purge.number)  \(purge.at)  \(purge.removed)") }
    }
}
