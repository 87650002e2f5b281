import SyncCore
import SyncStore
import Testing

/// Clocks that were wrong once, and what is written afterwards.
@Suite struct AuthoringClockTests {
    static let year: Milliseconds = 365 * 86_400_000
    static let today: Milliseconds = 56 * year

    func authored(
        now: Milliseconds, hub: Milliseconds?, skew: Milliseconds, last: Milliseconds? = nil
    ) -> (time: Milliseconds, isTrusted: Bool) {
        AuthoringClock(now: now, lastHubTime: hub).authored(skew: skew, last: last)
    }

    @Test func theMeasuredSkewCorrectsAClock() {
        let wrong = Self.today - 41 * Self.year
        #expect(authored(now: wrong, hub: Self.today, skew: 41 * Self.year).time == Self.today)
        #expect(!authored(now: wrong, hub: Self.today, skew: 41 * Self.year).isTrusted)
        #expect(authored(now: Self.today, hub: Self.today, skew: 5_000) == (Self.today + 5_000, true))
    }

    @Test func aSkewFromBeforeTheClockWasSetIsNotUsed() {
        #expect(authored(now: Self.today, hub: Self.today, skew: 41 * Self.year) == (Self.today, true))
        #expect(authored(now: Self.today, hub: Self.today, skew: -41 * Self.year) == (Self.today, true))
    }

    @Test func timesStayInOrderAndFarAheadIsNotTrusted() {
        let later = authored(now: Self.today, hub: Self.today, skew: 0, last: Self.today + 1_000)
        #expect(later == (Self.today + 1_000, true))
        let far = authored(now: Self.today, hub: Self.today, skew: 0, last: Self.today + 86_400_000)
        #expect(far == (Self.today + 86_400_000, false))
    }

    @Test func theEndsOfTimeDoNotTrap() {
        for now in [Milliseconds.min, -1, 0, .max] {
            for hub in [Milliseconds.min, 0, .max] {
                _ = authored(now: now, hub: hub, skew: .max, last: .max)
                _ = authored(now: now, hub: hub, skew: .min, last: .min)
            }
        }
    }
}
