/// What a hub that is overloaded still takes of a connection before it refuses: the urgent versions that
/// Hello announced and the hub does not hold.
struct HubRefusal: Sendable {
    private struct Awaited: Sendable {
        var origin: OriginID
        /// Held or in work.
        var taken: UInt64
        var announced: UInt64
    }

    let refuse: Refuse
    private var awaited: [Awaited] = []
    private var waitsUntil: UInt64 = 0

    init() { refuse = Refuse(.overloaded) }

    init(_ hello: Hello?, _ greeting: HubSession.Greeting, now: UInt64) {
        refuse = greeting.overload ?? Refuse(.overloaded)
        waitsUntil = now + HubSession.urgentGrace
        let own = hello?.origins ?? []
        // The store answers for each origin of the Hello, in its order.
        guard own.count == greeting.welcome.held.count else { return }
        for (head, held) in zip(own, greeting.welcome.held) where head.claim.lane == .urgent {
            awaited.append(
                Awaited(origin: held.origin, taken: held.sequence, announced: head.sequence))
        }
    }

    var deadline: UInt64 { waitsUntil }
    private var hasWaited = false

    /// Nothing urgent is missing, or it has been waited for long enough.
    var isDone: Bool { hasWaited || awaited.allSatisfy { $0.taken >= $0.announced } }

    /// Takes nothing more; what is in work is still answered.
    mutating func close() { hasWaited = true }

    /// Whether a batch is one of those that are taken.
    mutating func awaits(_ batch: VersionBatch, now: UInt64) -> Bool {
        guard !hasWaited, let index = awaited.firstIndex(where: { $0.origin == batch.origin }) else {
            return false
        }
        awaited[index].taken = max(awaited[index].taken, batch.last)
        waitsUntil = now + HubSession.urgentGrace
        return true
    }

    mutating func tick(_ now: UInt64) {
        guard now >= waitsUntil else { return }
        hasWaited = true
        waitsUntil = now + HubSession.urgentGrace
    }
}
