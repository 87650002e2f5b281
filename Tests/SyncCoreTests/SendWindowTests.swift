import Testing

@testable import SyncCore

@Suite struct SendWindowTests {
    @Test func startsSmallAndGrowsWithTheMeasuredRate() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        #expect(window.allowance == SendWindow.floorBytes)
        window.didSend(first: 1, last: 300, sealedThrough: 300, bytes: 4_000, at: 1_000)
        #expect(window.versionsToSend(maximum: 1_000) <= 100, "the window is nearly full")
        window.didReceive(through: 300, at: 1_100)
        #expect(window.rate == 40_000)
        #expect(window.allowance == 44_000)
    }

    @Test func aSlowLineHoldsAboutASecondOfWork() {
        var window = SendWindow(isPaced: true)
        window.limit = 1 << 20
        window.didSend(first: 1, last: 300, sealedThrough: 300, bytes: 4_000, at: 0)
        window.didReceive(through: 300, at: 1_000)
        #expect(window.allowance == 8_000)
    }

    @Test func whatHasNoSealNeverBlocks() {
        var window = SendWindow(isPaced: true)
        window.didSend(first: 1, last: 10, sealedThrough: nil, bytes: 50_000, at: 0)
        #expect(window.versionsToSend(maximum: 100) > 0)
        window.didSend(first: 11, last: 12, sealedThrough: 12, bytes: 10, at: 0)
        #expect(window.versionsToSend(maximum: 100) == 0)
        window.didReceive(through: 12, at: 5)
        #expect(window.bytesInFlight == 0)
    }

    @Test func aReceiptInTheMiddleFreesItsPart() {
        var window = SendWindow(isPaced: true)
        window.didSend(first: 1, last: 100, sealedThrough: 100, bytes: 1_000, at: 0)
        window.didReceive(through: 40, at: 10)
        #expect(window.bytesInFlight == 600)
        window.didReceive(through: 30, at: 11)
        #expect(window.receipted == 40)
    }
}
