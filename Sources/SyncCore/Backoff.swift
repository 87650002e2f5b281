/// Exponential backoff with full jitter: each wait is drawn evenly from nothing to a ceiling that doubles.
///
/// Source of the scheme: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
public struct Backoff: Sendable, Hashable {
    /// Milliseconds.
    public static let base: UInt64 = 500
    /// Milliseconds.
    public static let cap: UInt64 = 120_000
    /// Seconds. A hub that asks for more is asked again after so long.
    public static let longestAsked: UInt32 = 3_600

    public private(set) var failures: UInt32 = 0

    public init() {}

    /// A connection that reached `Welcome` starts over.
    public mutating func succeeded() { failures = 0 }

    /// Milliseconds to wait before the next try; at least `retryAfter` seconds where the hub asked for that,
    /// and up to half as long again, so that those who were sent away together do not come back together.
    public mutating func failed(retryAfter: UInt32 = 0, using generator: inout some RandomNumberGenerator)
        -> UInt64
    {
        let asked = UInt64(min(retryAfter, Backoff.longestAsked)) * 1_000
        let ceiling = max(min(Backoff.cap, Backoff.base << UInt64(min(failures, 16))), asked / 2)
        failures = failures == .max ? failures : failures + 1
        return asked + UInt64.random(in: 0...ceiling, using: &generator)
    }
}
