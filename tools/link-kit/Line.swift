/// One direction of a link as a sum: when what is sent leaves and when it arrives. It knows no clock; the
/// simulator drives it with simulated time and ``EmulatedLink`` with real time.
public struct Line: Sendable, Hashable {
    /// Bytes in a second; nil is as fast as it comes.
    public let rate: UInt64?
    /// Between leaving and arriving, ticks.
    public let delay: UInt64
    private let ticksPerSecond: UInt64
    private var freeAt: UInt64 = 0
    private var stalledUntil: UInt64 = 0

    /// - Parameter ticksPerSecond: what its times are counted in.
    public init(rate: UInt64?, delay: UInt64, ticksPerSecond: UInt64) {
        self.rate = rate
        self.delay = delay
        self.ticksPerSecond = ticksPerSecond
    }

    /// When everything that was sent so far will have arrived.
    public func settled(at now: UInt64) -> UInt64 { max(now, freeAt, stalledUntil) + delay }

    /// Nothing leaves before `time`.
    public mutating func stall(until time: UInt64) { stalledUntil = max(stalledUntil, time) }

    /// - Returns: when the last of `bytes` leaves, and when it arrives.
    public mutating func carry(_ bytes: Int, at now: UInt64) -> (leaves: UInt64, arrives: UInt64) {
        let begins = max(now, freeAt, stalledUntil)
        freeAt = begins + (rate.map { UInt64(bytes) * ticksPerSecond / max(1, $0) } ?? 0)
        return (freeAt, freeAt + delay)
    }
}

/// What a link is like.
public struct LinkProfile: Sendable, Hashable {
    /// Bytes in a second each way; nil is as fast as it comes.
    public var rate: UInt64?
    /// Milliseconds there and back. To open a connection takes one of them.
    public var roundTrip: UInt64
    /// Bytes that wait at the near end of a direction before the sender is held up.
    public var buffer: Int
    /// Of a thousand pieces of 1,400 bytes so many are lost. TCP sends them again: what comes behind waits
    /// for a round trip and 200 ms.
    public var lossPerMille: UInt64
    /// Milliseconds that the link is there and then is not, over and over. What is open then breaks, and
    /// nobody gets through. Nil: it is always there.
    public var presence: Presence?

    public struct Presence: Sendable, Hashable {
        public var up: UInt64
        public var down: UInt64

        public init(up: UInt64, down: UInt64) {
            self.up = up
            self.down = down
        }

        /// - Parameter time: milliseconds since the first time that it was there.
        public func isUp(at time: UInt64) -> Bool { time % (up + down) < up }
    }

    public init(
        rate: UInt64? = nil, roundTrip: UInt64 = 0, buffer: Int = 65_536, lossPerMille: UInt64 = 0,
        presence: Presence? = nil
    ) {
        self.rate = rate
        self.roundTrip = roundTrip
        self.buffer = buffer
        self.lossPerMille = lossPerMille
        self.presence = presence
    }

    /// Hands on what comes.
    public static let plain = LinkProfile()
    /// 64 kbit/s, 600 ms there and back, 16 KiB of buffer.
    public static let slow = LinkProfile(rate: 8_000, roundTrip: 600, buffer: 16_384)
    /// There for 1.5 of 75 seconds, 2 %; then 256 kbit/s, 200 ms there and back.
    public static let seldom = LinkProfile(
        rate: 32_000, roundTrip: 200, buffer: 16_384, presence: Presence(up: 1_500, down: 73_500))
    /// Three seconds there and back, 256 kbit/s.
    public static let far = LinkProfile(rate: 32_000, roundTrip: 3_000, buffer: 16_384)
    /// One piece in fifty is lost; 1 Mbit/s, 150 ms there and back.
    public static let lossy = LinkProfile(rate: 125_000, roundTrip: 150, buffer: 65_536, lossPerMille: 20)

    /// By the names that programs take.
    public static let named: [(name: String, profile: LinkProfile)] = [
        ("slow", slow), ("seldom", seldom), ("far", far), ("lossy", lossy),
    ]
}
