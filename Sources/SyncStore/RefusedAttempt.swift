public import SyncCore

/// Somebody was turned away, or what they sent was.
public struct RefusedAttempt: Sendable, Hashable {
    /// Nil where the connection ended before anything could be said.
    public var code: RefusalCode?
    public var words: String
    public var caller: Caller
    /// Attempts since the last entry that were not written down.
    public var leftOut: UInt64

    public init(code: RefusalCode?, words: String, caller: Caller, leftOut: UInt64 = 0) {
        self.code = code
        self.words = words
        self.caller = caller
        self.leftOut = leftOut
    }

    package static let event = "refused"

    /// What is written down: code, words, address, the key's fingerprint.
    ///
    /// - Parameter fingerprint: nil where no key was shown.
    package func detail(_ fingerprint: Digest?) -> String {
        var parts = [code.map { "\($0.rawValue) \(words)" } ?? words]
        if !caller.address.isEmpty { parts.append("from \(caller.address)") }
        if let fingerprint { parts.append("key \(fingerprint.short)") }
        if leftOut > 0 { parts.append("\(leftOut) more before it") }
        return parts.joined(separator: "; ")
    }
}
