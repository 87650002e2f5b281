import Testing

@testable import SyncCore

@Suite struct SendWindowTests {
    @Test func startsSmallAndGrowsWithTheMeasuredRate() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        #expect(window.allowance == SendWindow.floorBytes)
        window.didSend(1, first: 1, last: 300, bytes: 4_000, at: 1_000)
        #expect(window.versionsToSend(maximum: 1_000) <= 100, "the window is nearly full")
        window.didReceive(1, through: 300, at: 1_100)
        #expect(window.rate == 40_000)
        #expect(window.allowance == 44_000)
    }

    @Test func aSlowLineHoldsAboutASecondOfWork() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        window.didSend(1, first: 1, last: 300, bytes: 4_000, at: 0)
        window.didReceive(1, through: 300, at: 1_000)
        #expect(window.allowance == 8_000)
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
        window.didSend(1, first: 1, last: 10, bytes: 3_000, at: 0)
        window.didSend(2, first: 1, last: 10, bytes: 3_000, at: 0)
        #expect(window.versionsToSend(maximum: 100) == 0)
        window.didReceive(2, through: 10, at: 4)
        #expect(window.bytesInFlight == 3_000 && window.firstInFlight(of: 1) == 1)
        window.didSend(2, first: 11, last: 20, bytes: 3_000, at: 5)
        window.forget(1)
        #expect(window.bytesInFlight == 3_000 && window.firstInFlight(of: 2) == 11)
    }

    @Test func whatDoesNotCompressIsSentInSmallPieces() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        #expect(window.loadBytes == SendWindow.firstLoad)
        window.learn(bytes: 8_000, wasCutShort: true, isLast: false)
        #expect(window.loadBytes < SendWindow.floorBytes)
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
        #expect(window.loadBytes == SendWindow.floorBytes)
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
        #expect(window.allowance == SendWindow.floorBytes && window.loadBytes == SendWindow.firstLoad)
        window.greeted(in: 4)
        #expect(window.allowance == 64_256 && window.loadBytes == 32_128)
    }
}
