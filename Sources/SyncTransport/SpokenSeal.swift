import Crypto
import FoundationEssentials
import SyncCore
public import SyncWire

/// What is read out, closed between two keys that know each other already: nobody else can read it or make
/// it up. `Protocol/SPEC.md`, "Read out".
public struct SpokenSeal: Sendable {
    private static let tagBytes = 5
    private static let hintBytes = 2
    /// Bytes beside what is said itself.
    public static let overhead = 1 + hintBytes + tagBytes

    private let hint: [UInt8]
    private let tagKey: SymmetricKey
    private let streamKey: SymmetricKey
    private let answerKey: SymmetricKey

    /// Between a device and its hub; `own` is the key of whichever end this is.
    ///
    /// - Parameters:
    ///   - device: the device's public key (X9.63, 65 bytes).
    ///   - hub: the hub's.
    /// - Throws: when a key is none.
    public init(device: [UInt8], hub: [UInt8], own: DeviceKey) throws {
        let isDevice = own.publicKey == device
        let peer = try P256.KeyAgreement.PublicKey(x963Representation: isDevice ? hub : device)
        let mine = try P256.KeyAgreement.PrivateKey(rawRepresentation: own.privateKey.rawRepresentation)
        let fingerprint = Hashing.sha256(device).bytes
        let info = Array("rollcall spoken v1".utf8) + fingerprint + Hashing.sha256(hub).bytes
        let bytes = try mine.sharedSecretFromKeyAgreement(with: peer)
            .hkdfDerivedSymmetricKey(
                using: SHA256.self, salt: Data(), sharedInfo: info, outputByteCount: 96
            )
            .withUnsafeBytes { Array($0) }
        hint = Array(fingerprint.prefix(SpokenSeal.hintBytes))
        tagKey = SymmetricKey(data: bytes[0..<32])
        streamKey = SymmetricKey(data: bytes[32..<64])
        answerKey = SymmetricKey(data: bytes[64...])
    }

    /// - Parameter body: at most `Limits.spokenBytes` less ``overhead``.
    /// - Returns: what goes into lines, and what the hub answers to it.
    public func close(_ body: [UInt8]) -> (bytes: [UInt8], answer: SpokenAnswer) {
        let length = UInt8(clamping: body.count + SpokenSeal.overhead)
        let tag = tag(of: body, length)
        return ([length] + hint + tag + stream(body, tag), answer(tag, body))
    }

    /// - Returns: nil for what is not from this device to this hub, or was changed.
    public func open(_ bytes: [UInt8]) -> (body: [UInt8], answer: SpokenAnswer)? {
        guard bytes.count > SpokenSeal.overhead, Int(bytes[0]) == bytes.count,
            bytes.dropFirst().starts(with: hint)
        else { return nil }
        let tag = Array(bytes[1 + SpokenSeal.hintBytes..<SpokenSeal.overhead])
        let body = stream(Array(bytes[SpokenSeal.overhead...]), tag)
        return self.tag(of: body, bytes[0]) == tag ? (body, answer(tag, body)) : nil
    }

    /// Whether the device that the bytes hint at may be the one with this public key.
    public static func mayBe(_ bytes: [UInt8], of device: [UInt8]) -> Bool {
        bytes.dropFirst().starts(with: Hashing.sha256(device).bytes.prefix(hintBytes))
    }

    private func tag(of body: [UInt8], _ length: UInt8) -> [UInt8] {
        Array(
            HMAC<SHA256>.authenticationCode(for: [length] + body, using: tagKey).prefix(SpokenSeal.tagBytes))
    }

    /// The tag stands for a nonce: it is another one for whatever else is said.
    private func stream(_ bytes: [UInt8], _ tag: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for (block, start) in stride(from: 0, to: bytes.count, by: 32).enumerated() {
            let pad = HMAC<SHA256>.authenticationCode(
                for: tag + [UInt8(truncatingIfNeeded: block)], using: streamKey)
            result += zip(bytes[start...], pad).map { $0 ^ $1 }
        }
        return result
    }

    private func answer(_ tag: [UInt8], _ body: [UInt8]) -> SpokenAnswer {
        let code = HMAC<SHA256>.authenticationCode(for: tag + body, using: answerKey)
        return SpokenAnswer(code.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) })
    }
}
