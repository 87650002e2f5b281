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
    /// Bytes of columns of the first batch of a backlog, which may turn out not to compress at all.
    static let firstLoad = 2 * floorBytes
    /// Bytes of columns of any batch, while no more than these may be in flight.
    static let usualLoad = 65_536
    /// Versions of one batch: a hub is busy with so many for some milliseconds.
    static let versions = 4_096

    /// The hub's bound, bytes.
    var limit = floorBytes
    let isPaced: Bool

    private var flights: [Flight] = []
    private var delivered = 0
    /// Bytes per second; 0 until measured.
    private(set) var rate = 0
    private(set) var leastRoundTrip: UInt64 = .max
    private var bytesPerVersion = firstGuess
    /// Of a thousand bytes of columns so many came onto the line; 0 until known.
    private var wirePerMille = 0
    /// Bytes of columns of the batch that told so.
    private var lastLoad = firstLoad

    /// Bytes of columns that the next batch may have before it is compressed, so that on the line it is about
    /// half of what may be in flight.
    var loadBytes: Int {
        guard wirePerMille > 0 else {
            return max(SendWindow.firstLoad, min(SendWindow.usualLoad, allowance / 2))
        }
        let fitting = allowance / 2 * 1_000 / wirePerMille
        let most = min(max(SendWindow.usualLoad, allowance), lastLoad * 8)
        return max(SendWindow.floorBytes / 4, min(fitting, most))
    }

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

    /// Bytes that a Hello has at least.
    static let greeting = 256

    /// Hello went up and Welcome came down in so many milliseconds: the line is at least as fast as that.
    mutating func greeted(in elapsed: UInt64) {
        let elapsed = max(1, elapsed)
        leastRoundTrip = min(leastRoundTrip, elapsed)
        rate = max(rate, SendWindow.greeting * 1_000 / Int(clamping: elapsed))
    }

    /// How many versions to send next; 0 while the window is full.
    ///
    /// Every batch is answered, one without a seal too, so that waiting always ends.
    func versionsToSend(maximum: Int) -> Int {
        let room = allowance - bytesInFlight
        // Small pieces say everything anew that versions have in common.
        if room <= 0 || (!flights.isEmpty && room < allowance / 4) { return 0 }
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

    /// Learns from a batch what the next one may weigh before it is compressed.
    ///
    /// - Parameters:
    ///   - columns: what it weighed before; 0 where nobody looked: as much as was asked for, when more could
    ///     have been loaded otherwise.
    ///   - asked: bytes of columns that it was allowed.
    mutating func learn(
        bytes: Int, columns: Int = 0, asked: Int? = nil, wasCutShort: Bool, isLast: Bool
    ) {
        guard isPaced else { return }
        guard !isLast else {
            wirePerMille = 0
            lastLoad = SendWindow.firstLoad
            return
        }
        let asked = asked ?? loadBytes
        guard wasCutShort || bytes > allowance / 2 || columns > asked / 2 else { return }
        lastLoad = columns > 0 ? columns : asked
        wirePerMille = max(1, bytes * 1_000 / lastLoad)
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
