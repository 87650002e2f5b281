/// What a connection's batches have in work at the hub, lane by lane, and how much they may.
struct HubWindows: Sendable {
    private var urgentOrigins: [OriginID] = []
    private var limits = [Int.max, Int.max]
    /// Oldest first; the place of the lane among `limits`.
    private var inWork: [(lane: Int, bytes: Int)] = []

    init() {}

    init(_ hello: Hello?, _ welcome: Welcome) {
        // What an agent has given up after a Gap is on its way still, beside what it sends anew.
        limits = [welcome.urgentWindow, welcome.routineWindow].map { 2 * Int($0) }
        // The store answers for each origin of the Hello, in its order.
        let own = hello?.origins ?? []
        guard own.count == welcome.held.count else { return }
        urgentOrigins = zip(own, welcome.held).filter { $0.0.claim.lane == .urgent }.map(\.1.origin)
    }

    var isEmpty: Bool { inWork.isEmpty }

    /// Counts what has come of an origin.
    ///
    /// - Returns: false when it is more than the lane's window allows. One version alone is always taken: it
    ///   may be larger than the window.
    mutating func take(_ origin: OriginID, bytes: Int, versions: Int) -> Bool {
        let lane = urgentOrigins.contains(origin) ? 0 : 1
        let waiting = inWork.reduce(0) { $0 + ($1.lane == lane ? $1.bytes : 0) }
        inWork.append((lane, bytes))
        return waiting + bytes <= limits[lane] || (waiting == 0 && versions == 1)
    }

    /// Counts what is taken in any case.
    mutating func note(_ bytes: Int) { inWork.append((1, bytes)) }

    /// The oldest has been answered.
    mutating func answered() {
        if !inWork.isEmpty { inWork.removeFirst() }
    }
}
