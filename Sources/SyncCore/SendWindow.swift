/// How much of one lane may be on its way, and how fast it has been getting through.
///
/// Bytes in flight are bounded by max(4 KiB, measured rate × (least round trip + 1 s)), before anything has
/// been measured by 8 KiB, and always by the hub's window, so that a slow line never holds more than about a
/// second of routine work in front of an alert.
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
    /// Bytes in flight before the line has answered a batch: a second of 64 kbit/s.
    static let firstBytes = 8_192
    static let firstGuess = 12
    /// Bytes of columns of the first batch of a backlog, which may turn out not to compress at all. The same
    /// whatever the line is like: a hub that died over a frame knows it again when it comes again.
    static let firstLoad = 8_192
    /// Bytes of columns of any batch, while no more than these may be in flight.
    static let usualLoad = 65_536
    /// Versions of one batch: a hub is busy with so many for some milliseconds.
    static let versions = 4_096

    /// The hub's bound, bytes.
    var limit: Int
    let isPaced: Bool

    private var flights: [Flight] = []
    private var delivered = 0
    /// Bytes per second; 0 until measured.
    private(set) var rate = 0
    private(set) var leastRoundTrip: UInt64 = .max
    private var isMeasured = false
    /// What is to be sent next has to wait until something has landed.
    var isShut = false
    private var bytesPerVersion = firstGuess
    /// Of a thousand bytes of columns so many came onto the line; 0 until known.
    private var wirePerMille = 0
    /// Bytes of columns of the batch that told so.
    private var lastLoad = firstLoad

    /// Bytes of columns that the next batch may have before it is compressed, so that on the line it is about
    /// half of what may be in flight.
    var loadBytes: Int {
        guard wirePerMille > 0 else { return SendWindow.firstLoad }
        let fitting = allowance / 2 * 1_000 / wirePerMille
        let most = min(max(SendWindow.usualLoad, allowance), lastLoad * 8)
        return max(SendWindow.floorBytes / 4, min(fitting, most))
    }

    init(isPaced: Bool) {
        self.isPaced = isPaced
        limit = isPaced ? SendWindow.firstBytes : Limits.urgentBeforeWelcome
    }

    /// First sequence of an origin that is on its way and without an answer.
    func firstInFlight(of origin: OriginID) -> UInt64? { flights.first { $0.origin == origin }?.first }

    var bytesInFlight: Int { flights.reduce(0) { $0 + $1.bytes } }

    /// Bytes that may be in flight now.
    var allowance: Int {
        guard isPaced else { return limit }
        let least = isMeasured ? SendWindow.floorBytes : SendWindow.firstBytes
        guard rate > 0, leastRoundTrip != .max else { return min(limit, least) }
        let time = Int(clamping: leastRoundTrip) + 1_000
        let (product, overflow) = rate.multipliedReportingOverflow(by: time)
        return min(limit, max(least, overflow ? limit : product / 1_000))
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
        if !flights.isEmpty && (isShut || room <= 0 || room < allowance / 4) { return 0 }
        let bytes =
            isPaced && wirePerMille == 0 ? SendWindow.firstBytes : max(room, SendWindow.floorBytes / 4)
        return min(maximum, max(1, bytes / max(1, bytesPerVersion)))
    }

    /// Whether a batch that may weigh so many bytes keeps within the hub's window. A window that is too small
    /// for one version lets one go when nothing else is in flight.
    func fits(bytes: Int, versions: Int) -> Bool {
        bytes <= limit - bytesInFlight || (versions == 1 && flights.isEmpty)
    }

    /// What is on its way of an origin is not waited for: it starts over.
    mutating func forget(_ origin: OriginID) {
        flights.removeAll { $0.origin == origin }
        isShut = false
    }

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
        // The first answer of several that were sent at once says little.
        if delivered >= SendWindow.floorBytes { isMeasured = true }
        isShut = false
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
