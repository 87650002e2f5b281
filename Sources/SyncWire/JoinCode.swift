import CZlib
public import SyncCore

/// What a new device needs to join: where the hub is, which key it has, and a secret that is spent by a key.
///
/// As text: `rc1-` and unpadded base64url of version, expiry, secret, hub fingerprint, unit, address and a
/// CRC-32.
public struct JoinCode: Sendable, Hashable {
    public var address: String
    /// SHA-256 of the hub's public key.
    public var hub: Digest
    public var unit: String
    public var secret: Token16
    public var expires: Milliseconds

    public init(address: String, hub: Digest, unit: String, secret: Token16, expires: Milliseconds) {
        self.address = address
        self.hub = hub
        self.unit = unit
        self.secret = secret
        self.expires = expires
    }

    private static let prefix = "rc1-"
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    public var text: String {
        var bytes: [UInt8] = [1]
        let expiry = UInt64(bitPattern: expires)
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: expiry >> shift))
        }
        bytes += secret.bytes + hub.bytes
        for part in [unit, address] {
            let utf8 = Array(part.utf8.prefix(255))
            bytes.append(UInt8(utf8.count))
            bytes += utf8
        }
        let sum = JoinCode.checksum(bytes)
        for shift in stride(from: UInt32(24), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: sum >> shift))
        }
        return JoinCode.prefix + JoinCode.base64(bytes)
    }

    /// Reads a code as a person pasted it; nil when a character is missing or wrong.
    public init?(text: some StringProtocol) {
        let trimmed = text.utf8.filter { $0 > 0x20 }
        guard trimmed.starts(with: JoinCode.prefix.utf8),
            let bytes = JoinCode.unbase64(trimmed.dropFirst(JoinCode.prefix.utf8.count)), bytes.count > 4
        else { return nil }
        let body = Array(bytes.dropLast(4))
        let sum = bytes.suffix(4).reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard JoinCode.checksum(body) == sum else { return nil }
        self.init(body: body)
    }

    /// Reads what the check characters are about.
    package init?(body: [UInt8]) {
        guard body.count > 58, body[0] == 1, let secret = Token16(bytes: body[9..<25]),
            let hub = Digest(bytes: body[25..<57])
        else { return nil }
        var offset = 57
        var parts: [String] = []
        while parts.count < 2 {
            guard offset < body.count else { return nil }
            let length = Int(body[offset])
            guard offset + 1 + length <= body.count,
                let part = String(validating: body[(offset + 1)..<(offset + 1 + length)], as: UTF8.self)
            else { return nil }
            parts.append(part)
            offset += 1 + length
        }
        guard offset == body.count else { return nil }
        self.init(
            address: parts[1], hub: hub, unit: parts[0], secret: secret,
            expires: Int64(bitPattern: body[1..<9].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }))
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBufferPointer {
            UInt32(truncatingIfNeeded: crc32(0, $0.baseAddress, UInt32($0.count)))
        }
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                text.append(alphabet[Int(bits >> UInt32(count)) & 63])
            }
        }
        if count > 0 { text.append(alphabet[Int(bits << UInt32(6 - count)) & 63]) }
        return String(decoding: text, as: UTF8.self)
    }

    private static func unbase64(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var count = 0
        for character in text {
            guard let value = alphabet.firstIndex(of: character) else { return nil }
            bits = bits << 6 | UInt32(value)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        // One text for one code: no character too many, and nothing in the last one's spare bits.
        guard count < 6, bits & (1 << UInt32(count) - 1) == 0 else { return nil }
        return bytes
    }
}
