import Synchronization
import Testing

@testable import SyncTransport

/// Who makes way for whom at a hub's door.
@Suite struct ConnectionRegisterTests {
    private final class Dropped: Sendable {
        private let names = Mutex<[Int]>([])
        func add(_ name: Int) { names.withLock { $0.append(name) } }
        var all: [Int] { names.withLock { $0 } }
    }

    private func limits(strangers: Int, judging: Int = 2) -> HubLimits {
        var limits = HubLimits()
        limits.strangers = strangers
        limits.strangersOfOne = strangers
        limits.judging = judging
        return limits
    }

    @Test func whoHasSaidHelloMakesWayForNobody() {
        let register = ConnectionRegister(limits: limits(strangers: 2))
        let dropped = Dropped()
        func admit(_ name: Int) -> UInt64 {
            register.admit(from: "a", drop: { dropped.add(name) }) ?? 0
        }
        register.greeted(admit(1))
        for name in 2...4 { _ = admit(name) }
        #expect(dropped.all == [2], "the oldest that has said nothing")
        _ = admit(5)
        #expect(dropped.all == [2, 3])
    }

    @Test func nobodyIsAcceptedWhileManyAreJudged() {
        let register = ConnectionRegister(limits: limits(strangers: 9))
        let calls = Dropped()
        let numbers = (0..<3).map { _ in register.admit(from: "a", drop: {}) ?? 0 }
        register.greeted(numbers[0])
        #expect(register.isCalm { calls.add(1) })
        register.greeted(numbers[1])
        register.greeted(numbers[2])
        #expect(!register.isCalm { calls.add(2) })
        register.welcomed(numbers[0])
        #expect(calls.all.isEmpty, "as many as may be are left")
        register.remove(numbers[1])
        #expect(calls.all == [2])
        register.remove(numbers[2])
        #expect(calls.all == [2], "it is called once")
        #expect(register.isCalm { calls.add(3) })
        // Whoever is judged and not welcomed waits no more either.
        let others = (0..<2).map { _ in register.admit(from: "a", drop: {}) ?? 0 }
        for other in others { register.greeted(other) }
        #expect(!register.isCalm { calls.add(4) })
        register.judged(others[0])
        #expect(calls.all == [2, 4])
    }
}
