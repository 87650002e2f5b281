/// How much of one lane may be on its way, and how fast it has been getting through.
///
/// Bytes in flight are bounded by max(4 KiB, measured rate × (least round trip + 1 s)) and by the hub's
/// window, so that a slow line never holds more than about a second of routine work in front of an alert.
struct SendWindow: Sendable, Hashable {
    private struct Flight: Sendable, Hashable {
        var origin: OriginID
        var first: UInt64
        var last: UInt64
        var bytes: Int
        var sentAt: UInt64
        /// Bytes delivered in all when this one was sent.
        var deliveredBefore: Int
    }

    static let floorBytes = 4_096
    static let firstGuess = 12
    /// Canonical bytes of the first batch of a backlog, which may turn out not to compress at all.
    static let firstLoad = 2 * floorBytes
    /// Canonical bytes of any batch, while no more than these may be in flight.
    static let usualLoad = 65_536

    /// The hub's bound, bytes.
    var limit = floorBytes
    let isPaced: Bool

    private var flights: [Flight] = []
    private var delivered = 0
    /// Bytes per second; 0 until measured.
    private(set) var rate = 0
    private(set) var leastRoundTrip: UInt64 = .max
    private var bytesPerVersion = firstGuess
    /// Canonical bytes that the next batch may have.
    private(set) var loadBytes = firstLoad

    init(isPaced: Bool) { self.isPaced = isPaced }

    /// First sequence of an origin that is on its way and without an answer.
    func firstInFlight(of origin: OriginID) -> UInt64? { flights.first { $0.origin == origin }?.first }

    var bytesInFlight: Int { flights.reduce(0) { $0 + $1.bytes } }

    /// Bytes that may be in flight now.
    var allowance: Int {
        guard isPaced else { return limit }
        guard rate > 0, leastRoundTrip != .max else { return min(limit, SendWindow.floorBytes) }
        let time = Int(clamping: leastRoundTrip) + 1_000
        let (product, overflow) = rate.multipliedReportingOverflow(by: time)
        return min(limit, max(SendWindow.floorBytes, overflow ? limit : product / 1_000))
    }

    /// How many versions to send next; 0 while the window is full.
    ///
    /// Every batch is answered, one without a seal too, so that waiting always ends.
    func versionsToSend(maximum: Int) -> Int {
        let room = allowance - bytesInFlight
        if room <= 0 { return 0 }
        return min(maximum, max(1, max(room, SendWindow.floorBytes / 4) / max(1, bytesPerVersion)))
    }

    /// What is on its way of an origin is not waited for: it starts over.
    mutating func forget(_ origin: OriginID) { flights.removeAll { $0.origin == origin } }

    mutating func didSend(_ origin: OriginID, first: UInt64, last: UInt64, bytes: Int, at now: UInt64) {
        let count = Int(clamping: last - first) + 1
        bytesPerVersion = max(1, (bytesPerVersion * 3 + bytes / count) / 4)
        flights.append(
            Flight(
                origin: origin, first: first, last: last, bytes: bytes, sentAt: now,
                deliveredBefore: delivered))
    }

    /// The hub holds the batch that ends with `last`; its receipt may have to wait for a seal.
    mutating func didAnswer(_ origin: OriginID, last: UInt64, at now: UInt64) {
        guard let flight = flights.first, flight.origin == origin, flight.last == last else { return }
        flights.removeFirst()
        land(flight, at: now)
    }

    private mutating func land(_ flight: Flight, at now: UInt64) {
        let elapsed = max(1, now - min(now, flight.sentAt))
        delivered += flight.bytes
        leastRoundTrip = min(leastRoundTrip, elapsed)
        let sample = (delivered - flight.deliveredBefore) * 1_000 / Int(clamping: elapsed)
        rate = max(sample, rate - rate / 8)
    }

    /// Learns from a batch what the next one may weigh before it is compressed, so that on the line it is
    /// about half of what may be in flight.
    ///
    /// - Parameter wasCutShort: more could have been loaded, had the batch been allowed more bytes.
    mutating func learn(bytes: Int, wasCutShort: Bool, isLast: Bool) {
        guard isPaced else { return }
        if isLast {
            loadBytes = SendWindow.firstLoad
        } else if bytes > allowance / 2 {
            loadBytes = max(SendWindow.floorBytes / 4, min(loadBytes, loadBytes * (allowance / 2) / bytes))
        } else if wasCutShort {
            loadBytes = min(max(SendWindow.usualLoad, allowance), loadBytes * 2)
        }
    }

    mutating func didReceive(_ origin: OriginID, through sequence: UInt64, at now: UInt64) {
        while let index = flights.firstIndex(where: { $0.origin == origin }),
            flights[index].first <= sequence
        {
            let flight = flights[index]
            if flight.last <= sequence {
                flights.remove(at: index)
                land(flight, at: now)
            } else {
                let done = sequence - flight.first + 1
                let total = flight.last - flight.first + 1
                let part = Int(Double(flight.bytes) * Double(done) / Double(total))
                delivered += part
                flights[index].first = sequence + 1
                flights[index].bytes -= part
                break
            }
        }
    }
}
