/// What a hub that refuses still takes of a connection before it says so: the versions of some lanes that
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
    private let grace: UInt64
    private var waitsUntil: UInt64 = 0
    private var hasWaited = false

    init() {
        refuse = Refuse(.overloaded)
        grace = 0
    }

    /// - Parameters:
    ///   - grace: milliseconds in which something more of it must come.
    ///   - isGreeted: the agent hears by a Welcome what is held, and sends none of that again. Else it does
    ///     so in the same breath as its Hello, and waits for the receipt.
    init(
        _ refuse: Refuse, _ hello: Hello?, _ welcome: Welcome, lanes: [Lane], grace: UInt64, isGreeted: Bool,
        now: UInt64
    ) {
        self.refuse = refuse
        self.grace = grace
        waitsUntil = now + grace
        let own = hello?.origins ?? []
        // The store answers for each origin of the Hello, in its order.
        guard own.count == welcome.held.count else { return }
        for (head, held) in zip(own, welcome.held) where lanes.contains(head.claim.lane) {
            let taken = isGreeted ? held.sequence : min(held.sequence, head.receipted)
            awaited.append(Awaited(origin: held.origin, taken: taken, announced: head.sequence))
        }
    }

    var deadline: UInt64 { waitsUntil }

    /// Nothing is missing, or it has been waited for long enough.
    var isDone: Bool { hasWaited || awaited.allSatisfy { $0.taken >= $0.announced } }

    /// Takes nothing more; what is in work is still answered.
    mutating func close() { hasWaited = true }

    /// Something of `origin` has come.
    ///
    /// - Returns: whether it is one of those that are taken.
    @discardableResult
    mutating func note(_ origin: OriginID, through last: UInt64, now: UInt64) -> Bool {
        guard !hasWaited, let index = awaited.firstIndex(where: { $0.origin == origin }) else {
            return false
        }
        awaited[index].taken = max(awaited[index].taken, last)
        waitsUntil = now + grace
        return true
    }

    mutating func tick(_ now: UInt64) {
        guard now >= waitsUntil else { return }
        hasWaited = true
        waitsUntil = now + grace
    }
}
