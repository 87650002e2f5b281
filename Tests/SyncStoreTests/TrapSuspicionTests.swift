import SyncCore
import SyncStore
import Testing

/// Traps in, steps out.
@Suite struct TrapSuspicionTests {
    typealias Stretch = TrapSuspicion.Stretch

    private var run: UInt64 = 0
    private var suspicion = TrapSuspicion(program: "1")

    private func stretch(_ range: ClosedRange<UInt64>, of origin: OriginID = 7) -> Stretch {
        Stretch(origin: origin, first: range.lowerBound, last: range.upperBound)
    }

    private mutating func trap(
        _ range: ClosedRange<UInt64>, _ stage: TrapSuspicion.Stage = .applying, of origin: OriginID = 7
    ) {
        run += 1
        suspicion.died(
            over: .stretches(stage, [stretch(range, of: origin)]), run: Token16(high: run, low: 1))
    }

    /// A hub that dies whenever it takes one of `bad` in otherwise than raw, and is started again each time.
    ///
    /// - Returns: what was set aside, and how often it died.
    private mutating func drain(
        _ batch: ClosedRange<UInt64>, bad: Set<UInt64>, most: Int = 200
    ) -> (aside: [UInt64], deaths: Int) {
        var aside: [UInt64] = []
        var deaths = 0
        var next = batch.lowerBound
        while next <= batch.upperBound, deaths < most {
            let rest = stretch(next...batch.upperBound)
            let whole: TrapSuspicion.Step = .take(next...batch.upperBound)
            switch suspicion.concerns(rest) ? suspicion.step(rest, from: next) : whole {
            case .take(let range):
                #expect(range.lowerBound == next && range.upperBound <= batch.upperBound)
                if bad.contains(where: { range.contains($0) }) {
                    deaths += 1
                    trap(range)
                    continue
                }
                suspicion.through(range.upperBound, of: 7)
                next = range.upperBound + 1
            case .setAside(let sequence):
                #expect(sequence == next)
                aside.append(sequence)
                suspicion.through(sequence, of: 7)
                next = sequence + 1
            case .refuse:
                Issue.record("nothing traps when it is judged or stored raw")
                return (aside, deaths)
            }
        }
        return (aside, deaths)
    }

    @Test mutating func aTrapIsRetriedAloneAndThenInHalves() {
        let batch = stretch(1...100)
        #expect(!suspicion.concerns(batch))
        for _ in 1...2 {
            trap(1...100)
            #expect(suspicion.concerns(batch))
            #expect(suspicion.step(batch, from: 1) == .take(1...100), "alone, but whole")
        }
        #expect(!suspicion.concerns(stretch(1...100, of: 8)), "others are untouched")
        #expect(!suspicion.concerns(stretch(101...120)))
        trap(1...100)
        #expect(suspicion.step(batch, from: 1) == .take(1...50))
        // The lower half gets through: the upper one is cut at once.
        #expect(suspicion.step(batch, from: 51) == .take(51...75))
        trap(51...75)
        #expect(suspicion.step(stretch(51...100), from: 51) == .take(51...63))
        #expect(suspicion.step(stretch(51...130), from: 76) == .take(76...100))
        #expect(suspicion.step(stretch(51...130), from: 101) == .take(101...130))
        suspicion.through(75, of: 7)
        #expect(!suspicion.isEmpty)
        suspicion.through(100, of: 7)
        #expect(suspicion.isEmpty)
    }

    @Test(arguments: [UInt64(1), 2, 500, 777, 999, 1_000])
    mutating func oneVersionIsFound(bad: UInt64) {
        let (aside, deaths) = drain(1...1_000, bad: [bad])
        #expect(aside == [bad])
        #expect(deaths <= 14, "\(deaths) deaths")
        #expect(suspicion.isEmpty)
    }

    @Test mutating func severalAreFoundOneAfterTheOther() {
        var generator = HubRandom(state: 5)
        for round in 0..<50 {
            suspicion = TrapSuspicion(program: "1")
            let count = UInt64.random(in: 1...300, using: &generator)
            let bad = Set((0..<3).map { _ in UInt64.random(in: 1...count, using: &generator) })
            let (aside, deaths) = drain(1...count, bad: bad)
            #expect(aside == bad.sorted(), "round \(round)")
            #expect(deaths <= 14 * bad.count, "round \(round): \(deaths) deaths")
            #expect(suspicion.isEmpty)
        }
    }

    @Test mutating func aLoneVersionTrapsThreeTimes() {
        #expect(drain(5...5, bad: [5]) == ([5], 3))
    }

    @Test mutating func whatWasAFlukeIsForgotten() {
        for _ in 1...4 { trap(1...10) }
        #expect(drain(1...10, bad: []).aside.isEmpty)
        #expect(suspicion.isEmpty)
    }

    @Test mutating func theAgentMayCutItsBatchesAnew() {
        for _ in 1...3 { trap(11...20) }
        #expect(suspicion.step(stretch(1...40), from: 1) == .take(1...10))
        #expect(suspicion.step(stretch(1...40), from: 11) == .take(11...15))
        #expect(suspicion.step(stretch(1...13), from: 11) == .take(11...12))
        // Seen to trap with others only: it has to trap by itself before it is set aside.
        #expect(suspicion.step(stretch(1...11), from: 11) == .take(11...11))
        #expect(suspicion.step(stretch(1...40), from: 20) == .take(20...20))
    }

    @Test mutating func whatCannotEvenBeJudgedIsRefused() {
        let batch = stretch(1...100)
        trap(1...100, .judging)
        #expect(suspicion.step(batch, from: 1) == .take(1...100))
        trap(1...100, .judging)
        #expect(suspicion.step(batch, from: 1) == .refuse)
        #expect(suspicion.step(stretch(1...120), from: 1) == .refuse)
        #expect(suspicion.step(stretch(1...50), from: 1) == .take(1...50), "a shorter batch may do")
        trap(1...50, .judging)
        #expect(suspicion.step(stretch(1...50), from: 1) == .refuse)
        suspicion.through(50, of: 7)
        #expect(suspicion.isEmpty, "got through all the same")
    }

    @Test mutating func whatComesAgainCutElsewhereIsTheSame() {
        trap(1...100, .judging)
        trap(61...140, .judging)
        #expect(suspicion.step(stretch(41...120), from: 41) == .refuse, "holds what both had in common")
        #expect(suspicion.step(stretch(1...60), from: 1) == .take(1...60))
    }

    @Test mutating func whatCannotEvenBeSetAsideIsRefused() {
        for _ in 1...3 { trap(4...4) }
        #expect(suspicion.step(stretch(1...9), from: 4) == .setAside(4))
        trap(4...4, .settingAside)
        #expect(suspicion.step(stretch(1...9), from: 1) == .take(1...3), "up to there all is well")
        #expect(suspicion.step(stretch(1...9), from: 4) == .refuse)
    }

    @Test mutating func aTransactionThatTrapsWhenItIsCommittedIsTakenApart() {
        let all = [stretch(1...5, of: 1), stretch(6...9, of: 1), stretch(1...5, of: 2)]
        suspicion.died(over: .stretches(.applying, all), run: Token16(high: 1, low: 1))
        #expect(all.allSatisfy { suspicion.concerns($0) })
        #expect(suspicion.step(all[1], from: 6) == .take(6...9))
        suspicion.through(9, of: 1)
        #expect(suspicion.suspects.map(\.stretch) == [all[2]])
    }

    @Test mutating func aMarkerCountsOnce() {
        let work = TrapSuspicion.Work.stretches(.applying, [stretch(1...5)])
        let twice = (0..<2).map { _ in suspicion.died(over: work, run: Token16(high: 1, low: 1)) }
        #expect(twice == [true, false])
        #expect(suspicion.suspects.map(\.traps) == [1])
    }

    @Test mutating func framesAreRefusedAfterTwo() {
        let frame = TrapSuspicion.Frame(device: 3, checksum: 9, length: 100)
        let other = TrapSuspicion.Frame(device: 3, checksum: 9, length: 101)
        for run in UInt64(1)...2 {
            #expect(!suspicion.refuses(frame))
            suspicion.died(over: .frame(frame), run: Token16(high: run, low: 0))
        }
        #expect(suspicion.refuses(frame) && !suspicion.refuses(other))
        suspicion.decoded(other)
        #expect(!suspicion.isEmpty)
        suspicion.decoded(frame)
        #expect(suspicion.isEmpty)
    }

    @Test mutating func whatIsRememberedIsBounded() {
        for origin in 1...UInt64(TrapSuspicion.most + 100) { trap(1...9, of: origin) }
        trap(1...9, of: 50)
        for number in 0..<UInt32(TrapSuspicion.most + 10) {
            run += 1
            let frame = TrapSuspicion.Frame(device: 1, checksum: number, length: 1)
            suspicion.died(over: .frame(frame), run: Token16(high: run, low: 1))
        }
        #expect(suspicion.suspects.count == TrapSuspicion.most)
        #expect(suspicion.frames.count == TrapSuspicion.most)
    }
}
