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

    private static let attempt = RefusedAttempt(
        code: .codeUnknown, words: "no such code", caller: Caller(publicKey: [4], address: "a", version: 1))

    @Test func whatIsAlikeIsSummedUp() {
        var gate = AttemptGate()
        func note(_ name: String, _ now: Milliseconds) -> UInt64? {
            gate.note(Self.attempt, as: name, now: now)?.alike
        }
        for _ in 0..<3 { #expect(note("one", 0) == 0) }
        for _ in 0..<7 { #expect(note("one", 0) == nil) }
        #expect(note("another", 0) == 0)
        #expect(gate.sums(now: 59_999).isEmpty)
        #expect(gate.sums(now: 60_000).map(\.alike) == [6])
        #expect(gate.sums(now: 600_000).isEmpty, "each attempt is in one entry")
        for _ in 0..<5 { _ = note("one", 600_000) }
        #expect(gate.sums(now: 600_001).isEmpty)
        #expect(gate.sums(now: 600_001, isLast: true).map(\.alike) == [1])
    }

    @Test func guessesOfOneAddressCountTogetherWhateverKeyTheyShow() {
        var other = Self.attempt
        other.caller.publicKey = [5]
        #expect(other.group(Self.hashing) == Self.attempt.group(Self.hashing))
        other.caller.address = "b"
        #expect(other.group(Self.hashing) != Self.attempt.group(Self.hashing))
        other.code = .unknownDevice
        var same = other
        same.caller.address = "c"
        #expect(other.group(Self.hashing) == same.group(Self.hashing))
        same.caller.publicKey = [6]
        #expect(other.group(Self.hashing) != same.group(Self.hashing))
    }

    private static let hashing = Hashing { Digest(words: (UInt64($0.first ?? 0) << 56, 0, 0, 0)) }

    @Test func whatIsWrittenDownIsBoundedAndTheRestCounted() {
        var gate = AttemptGate()
        let written = (0..<10_000).compactMap { gate.note(Self.attempt, as: "key \($0)", now: 70_000) }
        #expect(written.count == 60)
        var later = gate.sums(now: 80_000)
        #expect(later.count == 1)
        later += gate.sums(now: 80_000 + 3_600_000)
        let rest = later.reduce(0) { $0 + $1.alike + $1.leftOut + 1 }
        #expect(rest > 5_000, "what is forgotten for want of room is counted: \(rest)")
    }

    @Test func addressesAreForgottenInTime() {
        var gate = AttemptGate()
        for number in 0..<(3 * AttemptGate.remembered) {
            #expect(gate.tries("address \(number)", now: Milliseconds(number) * 1_000) == nil)
        }
        #expect(gate.tries("address 1", now: 100_000_000) == nil)
    }
}
