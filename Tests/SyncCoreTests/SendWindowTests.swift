import Testing

@testable import SyncCore

@Suite struct SendWindowTests {
    @Test func startsSmallAndGrowsWithTheMeasuredRate() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        #expect(window.allowance == SendWindow.floorBytes)
        window.didSend(first: 1, last: 300, bytes: 4_000, at: 1_000)
        #expect(window.versionsToSend(maximum: 1_000) <= 100, "the window is nearly full")
        window.didReceive(through: 300, at: 1_100)
        #expect(window.rate == 40_000)
        #expect(window.allowance == 44_000)
    }

    @Test func aSlowLineHoldsAboutASecondOfWork() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        window.didSend(first: 1, last: 300, bytes: 4_000, at: 0)
        window.didReceive(through: 300, at: 1_000)
        #expect(window.allowance == 8_000)
    }

    /// The hub answers what has no seal yet without a receipt: neither may it block, nor fill the line.
    @Test func anAnswerWithoutAReceiptMakesRoom() {
        var window = SendWindow(isPaced: true)
        window.didSend(first: 1, last: 10, bytes: 50_000, at: 0)
        #expect(window.versionsToSend(maximum: 100) == 0)
        window.didAnswer(last: 9, at: 5)
        #expect(window.bytesInFlight == 50_000, "an answer to another batch")
        window.didAnswer(last: 10, at: 5)
        #expect(window.bytesInFlight == 0)
        #expect(window.versionsToSend(maximum: 100) > 0)
        #expect(window.receipted == 0)
        window.didReceive(through: 10, at: 6)
        #expect(window.receipted == 10)
    }

    @Test func aReceiptInTheMiddleFreesItsPart() {
        var window = SendWindow(isPaced: true)
        window.didSend(first: 1, last: 100, bytes: 1_000, at: 0)
        window.didReceive(through: 40, at: 10)
        #expect(window.bytesInFlight == 600)
        window.didReceive(through: 30, at: 11)
        #expect(window.receipted == 40)
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
}
