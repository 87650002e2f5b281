import SyncCore
import Synchronization
import Testing

@testable import SyncTransport

/// Who makes way for whom at a hub's door, and who stands in line.
@Suite struct ConnectionRegisterTests {
    /// A register, and what has become of whom.
    private final class Hall: Sendable {
        struct Seen {
            var entered: [Int: UInt64] = [:]
            var dropped: [Int] = []
            var sentAway: [Int] = []
            var calls: [Int] = []
            var waits = 0
        }

        let register: ConnectionRegister
        private let state = Mutex(Seen())

        init(
            strangers: Int, ofOne: Int? = nil, judging: Int = 2, connections: Int = 99, line: Int = 99
        ) {
            var limits = HubLimits()
            limits.strangers = strangers
            limits.strangersOfOne = ofOne ?? strangers
            limits.judging = judging
            limits.connections = connections
            limits.line = line
            register = ConnectionRegister(limits: limits)
        }

        var seen: Seen { state.withLock { $0 } }

        /// - Returns: its number; nil while it waits, or when it was sent away.
        @discardableResult func admit(_ name: Int, from address: String = "a", at now: UInt64 = 0) -> UInt64?
        {
            register.admit(
                from: address, now: now, drop: { [self] in state.withLock { $0.dropped.append(name) } },
                enter: { [self] number in
                    state.withLock { state in
                        if let number { state.entered[name] = number } else { state.sentAway.append(name) }
                    }
                }, wait: { [self] in state.withLock { $0.waits += 1 } })
            return seen.entered[name]
        }

        func greet(_ name: Int, at now: UInt64) {
            seen.entered[name].map { register.greeted($0, now: now) }
        }

        /// So many come through, one after the other, and have left.
        func flow(_ count: Int = ConnectionRegister.flowCount, at now: UInt64) {
            for name in 0..<count {
                guard let number = admit(-1 - name, from: "flow", at: now) else { continue }
                register.greeted(number, now: now)
                register.remove(number, now: now)
            }
            state.withLock { state in state.entered = state.entered.filter { $0.key >= 0 } }
        }

        func call(_ name: Int) { state.withLock { $0.calls.append(name) } }
    }

    @Test func whoHasSaidHelloMakesWayForNobody() {
        let hall = Hall(strangers: 2)
        hall.admit(1)
        hall.greet(1, at: 0)
        for name in 2...4 { hall.admit(name) }
        #expect(hall.seen.dropped == [2], "the oldest that has said nothing")
        hall.admit(5)
        #expect(hall.seen.dropped == [2, 3])
    }

    @Test func nobodyIsAcceptedWhileManyAreJudged() {
        let hall = Hall(strangers: 9)
        let register = hall.register
        let numbers = (0..<3).map { hall.admit($0) ?? 0 }
        register.greeted(numbers[0], now: 0)
        #expect(register.isCalm { hall.call(1) })
        register.greeted(numbers[1], now: 0)
        register.greeted(numbers[2], now: 0)
        #expect(!register.isCalm { hall.call(2) })
        register.welcomed(numbers[0], now: 0)
        #expect(hall.seen.calls.isEmpty, "as many as may be are left")
        register.remove(numbers[1], now: 0)
        #expect(hall.seen.calls == [2])
        register.remove(numbers[2], now: 0)
        #expect(hall.seen.calls == [2], "it is called once")
        #expect(register.isCalm { hall.call(3) })
        // Whoever is judged and not welcomed waits no more either.
        let others = (3..<5).map { hall.admit($0) ?? 0 }
        for other in others { register.greeted(other, now: 0) }
        #expect(!register.isCalm { hall.call(4) })
        register.judged(others[0])
        #expect(hall.seen.calls == [2, 4])
    }

    /// A hub that is merely busy drops nobody who would have been next.
    @Test func newcomersStandInLineWhileStrangersComeThrough() {
        let hall = Hall(strangers: 2)
        hall.flow(at: 1_000)
        for name in 1...5 { hall.admit(name, at: 1_000) }
        #expect(hall.seen.entered.keys.sorted() == [1, 2] && hall.seen.waits == 1)
        hall.greet(1, at: 1_100)
        #expect(hall.seen.entered.keys.sorted() == [1, 2, 3], "first come, first served")
        hall.greet(3, at: 1_200)
        hall.greet(2, at: 1_300)
        #expect(hall.seen.entered.keys.sorted() == [1, 2, 3, 4, 5])
        #expect(hall.seen.dropped.isEmpty && hall.seen.sentAway.isEmpty)
        #expect(!hall.register.letIn(now: 1_400), "nobody is in line")
    }

    @Test func theLineIsLookedAtOnceHoweverOftenItIsEmpty() {
        let hall = Hall(strangers: 1)
        hall.flow(at: 1_000)
        for name in 1...5 {
            hall.admit(name, at: 1_000)
            if name > 1 { hall.greet(name - 1, at: 1_000) }
        }
        #expect(hall.seen.entered.count == 5 && hall.seen.waits == 1)
        #expect(!hall.register.letIn(now: 1_001))
        hall.admit(6, at: 1_002)
        #expect(hall.seen.waits == 2)
    }

    @Test func theSilentMakeWayOnceNobodyComesThrough() {
        let hall = Hall(strangers: 2)
        hall.flow(at: 1_000)
        for name in 1...4 { hall.admit(name, at: 1_000) }
        #expect(hall.register.letIn(now: 1_000 + ConnectionRegister.flowWindow - 1))
        #expect(hall.seen.dropped.isEmpty)
        #expect(!hall.register.letIn(now: 1_000 + ConnectionRegister.flowWindow))
        #expect(hall.seen.dropped == [1, 2] && hall.seen.entered.count == 4)
    }

    @Test func theSilentMakeWayInTheEndWhileOthersComeThrough() {
        let hall = Hall(strangers: 2, ofOne: 1)
        hall.admit(1, at: 1_000)
        let late = 1_000 + ConnectionRegister.patience
        hall.flow(at: late - 1)
        hall.admit(2, at: late - 1)
        #expect(hall.register.letIn(now: late - 1) && hall.seen.dropped.isEmpty)
        #expect(!hall.register.letIn(now: late))
        #expect(hall.seen.dropped == [1] && hall.seen.entered.keys.sorted() == [1, 2])
    }

    @Test func whoeverWaitsBehindTheirOwnKeepsNobodyElseOut() {
        let hall = Hall(strangers: 4, ofOne: 1)
        hall.flow(at: 1_000)
        for name in 1...3 { hall.admit(name, from: "many", at: 1_000) }
        #expect(hall.seen.entered.keys.sorted() == [1])
        #expect(hall.admit(4, from: "other", at: 1_000) != nil)
        hall.greet(1, at: 1_001)
        #expect(hall.seen.entered.keys.sorted() == [1, 2, 4])
    }

    @Test func aFullHubSendsAwayUnlessItMovesOn() {
        let hall = Hall(strangers: 4, connections: 2, line: 1)
        for name in 1...3 { hall.admit(name, at: 0) }
        #expect(hall.seen.sentAway == [3])
        for name in 1...2 { hall.greet(name, at: 0) }
        hall.register.remove(hall.seen.entered[1] ?? 0, now: 0)
        hall.flow(at: 1_000)
        for name in 4...6 { hall.admit(name, at: 1_000) }
        #expect(hall.seen.entered[4] != nil && hall.seen.entered[5] == nil)
        #expect(hall.seen.sentAway == [3, 6], "the line has one place")
        hall.register.remove(hall.seen.entered[4] ?? 0, now: 1_001)
        #expect(hall.seen.entered[5] != nil)
    }

    @Test func whoeverWaitsIsSentAwayWhenTheHubCloses() {
        let hall = Hall(strangers: 1)
        hall.flow(at: 1_000)
        for name in 1...3 { hall.admit(name, at: 1_000) }
        hall.register.closeAll(Refuse(.shuttingDown))
        #expect(hall.seen.sentAway == [2, 3])
        hall.admit(4, at: 1_000)
        #expect(hall.seen.sentAway == [2, 3, 4])
        #expect(!hall.register.letIn(now: 1_001))
    }
}
