/// One lane of an agent's session: its origins in the order in which they are sent, and how much of them may
/// be on its way.
struct SendLane: Sendable {
    /// How far one origin has come.
    struct Journal: Sendable {
        let origin: OriginID
        let isClosed: Bool
        /// Highest sequence there is.
        var last: UInt64
        var sent: UInt64
        var receipted: UInt64
        /// Gaps that answer one of so many first batches of the session are old news.
        var staleThrough: UInt64 = 0
        /// To be declared before anything else is sent.
        var hole: Hole?
        /// It was declared and waits for its answer, and the lane with it.
        var isHoleSent = false
        /// A Gap came before Welcome was stored.
        var hasEarlyGap = false
    }

    let lane: Lane
    /// Closed ones first, as they were opened: what was written first is sent first.
    private(set) var journals: [Journal]
    var window: SendWindow

    init(_ lane: Lane, _ origins: [AgentSession.LaneOrigin] = []) {
        self.lane = lane
        let own = origins.filter { $0.lane == lane }
        journals = (own.filter(\.isClosed) + own.filter { !$0.isClosed }).map {
            Journal(
                origin: $0.origin, isClosed: $0.isClosed, last: $0.last, sent: $0.receipted,
                receipted: $0.receipted)
        }
        window = SendWindow(isPaced: lane == .routine)
    }

    /// The origin to be sent from next; nil when everything was sent.
    var next: Journal? { journals.first { $0.hole != nil || $0.sent < $0.last } }

    var isReceipted: Bool { journals.allSatisfy { $0.receipted >= $0.last } }

    subscript(_ origin: OriginID) -> Journal? { journals.first { $0.origin == origin } }

    /// - Returns: false when it is not one of the lane's origins.
    mutating func change(_ origin: OriginID, _ body: (inout Journal) -> Void) -> Bool {
        guard let index = journals.firstIndex(where: { $0.origin == origin }) else { return false }
        body(&journals[index])
        return true
    }

    /// Of the others nothing is sent.
    mutating func keep(_ origins: [OriginID]) {
        for journal in journals where !origins.contains(journal.origin) { window.forget(journal.origin) }
        journals.removeAll { !origins.contains($0.origin) }
    }

    /// Something was authored.
    ///
    /// - Returns: false when that was known.
    mutating func appended(through last: UInt64) -> Bool {
        guard let index = journals.firstIndex(where: { !$0.isClosed }), journals[index].last < last else {
            return false
        }
        journals[index].last = last
        return true
    }

    /// Starts an origin over behind `sequence`: a hub that wants other versions, or a new connection.
    ///
    /// A hub that was restored holds less than it has receipted: then those receipts count for nothing here.
    ///
    /// - Parameter batches: how many were sent in this session.
    mutating func restart(_ origin: OriginID, behind sequence: UInt64, after batches: UInt64) {
        window.forget(origin)
        _ = change(origin) {
            $0.sent = sequence
            $0.receipted = min($0.receipted, sequence)
            $0.staleThrough = batches
        }
    }

    /// The hub goes on behind a hole that was declared.
    mutating func didPass(_ hole: Hole) {
        _ = change(hole.origin) {
            $0.hole = nil
            $0.sent = max($0.sent, hole.sequence)
            $0.receipted = max($0.receipted, hole.sequence)
        }
    }

    mutating func didSend(_ origin: OriginID, first: UInt64, last: UInt64, bytes: Int, at now: UInt64) {
        _ = change(origin) { $0.sent = last }
        window.didSend(origin, first: first, last: last, bytes: bytes, at: now)
    }

    /// - Returns: false when that was known.
    mutating func didReceive(_ origin: OriginID, through sequence: UInt64, at now: UInt64) -> Bool {
        guard let journal = self[origin], journal.receipted < min(sequence, journal.last) else {
            return false
        }
        // A closed origin may have gone on elsewhere.
        let sequence = min(sequence, journal.last)
        window.didReceive(origin, through: sequence, at: now)
        return change(origin) {
            $0.receipted = sequence
            $0.sent = max($0.sent, sequence)
        }
    }
}
