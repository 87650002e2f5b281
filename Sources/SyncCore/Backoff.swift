/// Exponential backoff with full jitter: each wait is drawn evenly from nothing to a ceiling that doubles.
///
/// Source of the scheme: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
public struct Backoff: Sendable, Hashable {
    /// What waits for a hub that cannot be reached.
    ///
    /// A link that is there for a second or two a minute is met only by who looks often; a crowd that does so
    /// (10,000 in 15 s) is no more than what a hub's door is measured with.
    public enum Waiting: Sendable, Hashable {
        case nothing, routine, urgent

        /// The highest ceiling, in milliseconds.
        public var cap: UInt64 {
            switch self {
            case .nothing: 120_000
            case .routine: 15_000
            case .urgent: 4_000
            }
        }
    }

    /// Milliseconds.
    public static let base: UInt64 = 500
    /// Seconds. A hub that asks for more is asked again after so long.
    public static let longestAsked: UInt32 = 3_600

    public private(set) var failures: UInt32 = 0

    public init() {}

    /// A connection that reached `Welcome` starts over.
    public mutating func succeeded() { failures = 0 }

    /// Milliseconds to wait before the next try; at least `retryAfter` seconds where the hub asked for that,
    /// and up to half as long again, so that those who were sent away together do not come back together.
    ///
    /// - Parameter waiting: what waits while there is no link; `.nothing` where the hub itself ended the
    ///   session.
    public mutating func failed(
        retryAfter: UInt32 = 0, waiting: Waiting = .nothing,
        using generator: inout some RandomNumberGenerator
    ) -> UInt64 {
        let asked = UInt64(min(retryAfter, Backoff.longestAsked)) * 1_000
        let ceiling = max(min(waiting.cap, Backoff.base << UInt64(min(failures, 16))), asked / 2)
        failures = failures == .max ? failures : failures + 1
        return asked + UInt64.random(in: 0...ceiling, using: &generator)
    }
}
