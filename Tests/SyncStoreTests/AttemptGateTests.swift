import SyncCore
import Testing

@testable import SyncStore

/// Who tries in vain again and again is held back, and fills no log.
@Suite struct AttemptGateTests {
    @Test func aPaceLetsABurstThroughAndThenOneEachInterval() {
        let pace = Pace(burst: 3, interval: 1_000)
        var due: Milliseconds = 0
        for _ in 0..<3 {
            #expect(pace.wait(due, now: 10_000) == 0)
            due = pace.spend(due, now: 10_000)
        }
        #expect(pace.wait(due, now: 10_000) == 1_000)
        #expect(pace.wait(due, now: 10_999) == 1)
        #expect(pace.wait(due, now: 11_000) == 0)
        #expect(pace.wait(due, now: 60_000) == 0)
        // A clock that jumps back by years holds nobody up for years.
        #expect(pace.wait(due, now: -1 << 40) == 1_000)
        #expect(pace.wait(.max, now: .min) == 1_000)
        _ = pace.spend(.max, now: .max)
    }

    @Test func oneAddressIsHeldBackAndOthersAreNot() {
        var gate = AttemptGate()
        for _ in 0..<10 { #expect(gate.tries("a", now: 1_000) == nil) }
        #expect(gate.tries("a", now: 1_000) == 6)
        #expect(gate.tries("b", now: 1_000) == nil)
        #expect(gate.tries("a", now: 7_000) == nil)
        #expect(gate.tries("a", now: 7_000) == 6)
    }

    @Test func whoJoinsIsNotHeldBack() {
        var gate = AttemptGate()
        for _ in 0..<500 {
            #expect(gate.tries("a school", now: 1_000) == nil)
            gate.joined("a school")
        }
    }

    @Test func manyAddressesTogetherAreHeldBackToo() {
        var gate = AttemptGate()
        for number in 0..<100 { #expect(gate.tries("address \(number)", now: 1_000) == nil) }
        #expect(gate.tries("nobody yet", now: 1_000) == 1)
        #expect(gate.tries("nobody yet", now: 2_000) == nil)
    }

    @Test func whatIsWrittenDownIsBoundedAndTheRestCounted() {
        var gate = AttemptGate()
        for _ in 0..<3 { #expect(gate.note("one", now: 0) == 0) }
        for _ in 0..<7 { #expect(gate.note("one", now: 0) == nil) }
        #expect(gate.note("another", now: 0) == 7)
        #expect(gate.note("one", now: 60_000) == 0)
        let written = (0..<10_000).count { gate.note("key \($0)", now: 70_000) != nil }
        #expect((50...60).contains(written))
    }

    @Test func addressesAreForgottenInTime() {
        var gate = AttemptGate()
        for number in 0..<(3 * AttemptGate.remembered) {
            #expect(gate.tries("address \(number)", now: Milliseconds(number) * 1_000) == nil)
        }
        #expect(gate.tries("address 1", now: 100_000_000) == nil)
    }
}
