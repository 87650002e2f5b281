public import SyncCore

/// Somebody was turned away, or what they sent was; or a device said what it can say as often as it likes.
public struct RefusedAttempt: Sendable, Hashable {
    /// What the audit log calls it.
    public var event: String
    /// Nil where the connection ended before anything could be said.
    public var code: RefusalCode?
    public var words: String
    public var caller: Caller
    /// So many others like it, for which this entry stands too.
    public var alike: UInt64
    /// Attempts of anybody since the last entry for which no entry stands.
    public var leftOut: UInt64

    public init(
        code: RefusalCode?, words: String, caller: Caller, alike: UInt64 = 0, leftOut: UInt64 = 0,
        event: String = RefusedAttempt.event
    ) {
        self.event = event
        self.code = code
        self.words = words
        self.caller = caller
        self.alike = alike
        self.leftOut = leftOut
    }

    /// Those that count together: of one device, or of one address where any key will do, with one code.
    package func group(_ hashing: Hashing) -> String {
        let joins: [RefusalCode] = [.codeUnknown, .codeSpent, .codeExpired, .tooManyAttempts]
        let isJoin = event == RefusedAttempt.event && code.map { joins.contains($0) } ?? true
        let who = isJoin || caller.publicKey.isEmpty ? caller.address : hashing(caller.publicKey).short
        return "\(event) \(code?.rawValue ?? 0) \(who)"
    }

    public static let event = "refused"

    /// What is written down: code, words, address, the key's fingerprint.
    ///
    /// - Parameter fingerprint: nil where no key was shown.
    package func detail(_ fingerprint: Digest?) -> String {
        var parts = [code.map { "\($0.rawValue) \(words)" } ?? words]
        if !caller.address.isEmpty { parts.append("from \(caller.address)") }
        if let fingerprint { parts.append("key \(fingerprint.short)") }
        if alike > 0 { parts.append("\(alike) more like it") }
        if leftOut > 0 { parts.append("\(leftOut) more before it") }
        return parts.joined(separator: "; ")
    }
}
