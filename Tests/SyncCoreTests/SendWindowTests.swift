import Testing

@testable import SyncCore

@Suite struct SendWindowTests {
    @Test func startsSmallAndGrowsWithTheMeasuredRate() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        #expect(window.allowance == SendWindow.firstBytes)
        window.didSend(1, first: 1, last: 300, bytes: 7_500, at: 1_000)
        #expect(window.versionsToSend(maximum: 1_000) == 0, "the window is nearly full")
        window.didReceive(1, through: 300, at: 1_100)
        #expect(window.rate == 75_000)
        #expect(window.allowance == 82_500)
    }

    @Test func aSlowLineHoldsAboutASecondOfWork() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        window.didSend(1, first: 1, last: 300, bytes: 5_000, at: 0)
        window.didReceive(1, through: 300, at: 1_000)
        #expect(window.allowance == 10_000)
    }

    /// The hub answers what has no seal yet without a receipt: neither may it block, nor fill the line.
    @Test func anAnswerWithoutAReceiptMakesRoom() {
        var window = SendWindow(isPaced: true)
        window.didSend(1, first: 1, last: 10, bytes: 50_000, at: 0)
        #expect(window.versionsToSend(maximum: 100) == 0)
        window.didAnswer(1, last: 9, at: 5)
        #expect(window.bytesInFlight == 50_000, "an answer to another batch")
        window.didAnswer(1, last: 10, at: 5)
        #expect(window.bytesInFlight == 0)
        #expect(window.versionsToSend(maximum: 100) > 0)
        window.didReceive(1, through: 10, at: 6)
        #expect(window.bytesInFlight == 0)
    }

    @Test func aReceiptInTheMiddleFreesItsPart() {
        var window = SendWindow(isPaced: true)
        window.didSend(1, first: 1, last: 100, bytes: 1_000, at: 0)
        window.didReceive(1, through: 40, at: 10)
        #expect(window.bytesInFlight == 600)
        window.didReceive(1, through: 30, at: 11)
        #expect(window.bytesInFlight == 600)
    }

    /// One window for all origins of a lane.
    @Test func whatIsUnderWayOfOneOriginLeavesLessRoomForAnother() {
        var window = SendWindow(isPaced: true)
        window.didSend(1, first: 1, last: 10, bytes: 3_500, at: 0)
        window.didSend(2, first: 1, last: 10, bytes: 3_500, at: 0)
        #expect(window.versionsToSend(maximum: 100) == 0)
        window.didReceive(2, through: 10, at: 4)
        #expect(window.bytesInFlight == 3_500 && window.firstInFlight(of: 1) == 1)
        window.didSend(2, first: 11, last: 20, bytes: 3_500, at: 5)
        window.forget(1)
        #expect(window.bytesInFlight == 3_500 && window.firstInFlight(of: 2) == 11)
    }

    @Test func whatDoesNotCompressIsSentInSmallPieces() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        #expect(window.loadBytes == SendWindow.firstLoad)
        window.learn(bytes: 8_000, wasCutShort: true, isLast: false)
        #expect(window.loadBytes == 4_196)
        window.learn(bytes: 1 << 20, wasCutShort: true, isLast: false)
        #expect(window.loadBytes == SendWindow.floorBytes / 4)
    }

    @Test func whatCompressesWellIsSentInLargerPieces() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        for _ in 0..<9 { window.learn(bytes: 600, wasCutShort: true, isLast: false) }
        #expect(window.loadBytes == SendWindow.usualLoad)
        // What comes after a pause may be of another kind.
        window.learn(bytes: 600, wasCutShort: true, isLast: true)
        #expect(window.loadBytes == SendWindow.firstLoad)
    }

    @Test func aShortBatchTeachesNothing() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        window.learn(bytes: 40, wasCutShort: false, isLast: false)
        #expect(window.loadBytes == SendWindow.firstLoad)
    }

    /// What was loaded is known to the byte: a batch that was bounded by its number of versions says as much.
    @Test func theNextBatchFitsByWhatTheLastOneCameTo() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        window.learn(bytes: 4_000, columns: 8_000, asked: 8_192, wasCutShort: false, isLast: false)
        #expect(window.loadBytes == SendWindow.firstBytes)
        window.didSend(1, first: 1, last: 300, bytes: 4_000, at: 0)
        window.didReceive(1, through: 300, at: 100)
        #expect(window.loadBytes == 44_000, "half of 44,000 on the line, at one byte for two")
        window.didSend(1, first: 301, last: 600, bytes: 40_000, at: 100)
        #expect(window.versionsToSend(maximum: 4_096) == 0, "what is left is not worth a batch")
    }

    @Test func aQuickGreetingShowsThatTheLineIsFast() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        window.greeted(in: 2_000)
        #expect(window.allowance == SendWindow.firstBytes && window.loadBytes == SendWindow.firstLoad)
        window.greeted(in: 4)
        #expect(window.allowance == 64_256)
    }

    /// A hub that died over a frame knows it by its bytes when it comes again: how the line is may not show
    /// in how the first batch is cut.
    @Test func theFirstBatchIsTheSameOnEveryLine() {
        let cuts = [1, 30, 700, 5_000].map { (elapsed: UInt64) in
            var window = SendWindow(isPaced: true)
            window.limit = 1 << 20
            window.greeted(in: elapsed)
            return [window.loadBytes, window.versionsToSend(maximum: SendWindow.versions)]
        }
        #expect(Set(cuts).count == 1)
    }

    /// An unknown line gets as much as one of 64 kbit/s takes in a second; once it has answered, what it can.
    @Test func aLineThatHasAnsweredIsKnown() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        #expect(window.allowance == SendWindow.firstBytes)
        window.didSend(1, first: 1, last: 300, bytes: 1_000, at: 0)
        window.didSend(1, first: 301, last: 900, bytes: 3_500, at: 0)
        window.didReceive(1, through: 300, at: 4_000)
        #expect(window.allowance == SendWindow.firstBytes, "too little to know")
        window.didReceive(1, through: 900, at: 9_000)
        #expect(window.allowance == SendWindow.floorBytes)
    }

    @Test func whatDoesNotFitWaitsUntilSomethingHasLanded() {
        var window = SendWindow(isPaced: false)
        window.limit = 1_000
        #expect(window.fits(bytes: 1_000, versions: 9) && !window.fits(bytes: 1_001, versions: 9))
        #expect(window.fits(bytes: 1_001, versions: 1), "one alone")
        window.didSend(1, first: 1, last: 9, bytes: 500, at: 0)
        #expect(!window.fits(bytes: 501, versions: 1) && window.fits(bytes: 500, versions: 2))
        window.isShut = true
        #expect(window.versionsToSend(maximum: 9) == 0)
        window.didReceive(1, through: 9, at: 1)
        #expect(window.versionsToSend(maximum: 9) > 0)
    }
}
