import Glibc
import LinkKit
import Testing

/// The link that tests, tools and benchmarks share.
@Suite struct EmulatedLinkTests {
    @Test func aLineSendsAtItsRateAndDeliversAfterItsDelay() {
        var line = Line(rate: 8_000, delay: 300, ticksPerSecond: 1_000)
        #expect(line.carry(800, at: 1_000) == (1_100, 1_400))
        // What comes behind waits until the line is free.
        #expect(line.carry(1_600, at: 1_050) == (1_300, 1_600))
        line.stall(until: 5_000)
        #expect(line.carry(8, at: 1_400) == (5_001, 5_301))
        #expect(line.settled(at: 2_000) == 5_301)
        var free = Line(rate: nil, delay: 2, ticksPerSecond: 1_000)
        #expect(free.carry(1 << 20, at: 7) == (7, 9))
    }

    @Test func aLinkIsThereAndGone() {
        let presence = LinkProfile.Presence(up: 1_500, down: 73_500)
        #expect(presence.isUp(at: 0) && presence.isUp(at: 1_499) && presence.isUp(at: 75_000))
        #expect(!presence.isUp(at: 1_500) && !presence.isUp(at: 74_999))
    }

    /// Opening takes a round trip, the way there half of one, 4,000 bytes at 40,000 a second a tenth of a
    /// second, and the way back half a round trip. It may take longer, never less.
    @Test func anEchoTakesItsTime() throws {
        let echo = try Loopback.listen(port: 0)
        defer { Glibc.close(echo.descriptor) }
        let profile = LinkProfile(rate: 40_000, roundTrip: 60, buffer: 2_048, lossPerMille: 0)
        let link = try EmulatedLink(to: echo.port, profile: profile)
        defer { link.close() }
        let clock = ContinuousClock()
        let start = clock.now
        let client = try #require(Loopback.connect(port: link.port))
        defer { Glibc.close(client) }
        let bytes = (0..<4_000).map { UInt8(truncatingIfNeeded: $0) }
        #expect(write(client, bytes, bytes.count) == bytes.count)
        let server = accept(echo.descriptor, nil, nil)
        defer { Glibc.close(server) }
        #expect(try read(4_000, from: server) == bytes)
        #expect(write(server, [1], 1) == 1)
        #expect(try read(1, from: client) == [1])
        #expect(clock.now - start >= .milliseconds(60 + 30 + 100 + 30))
        #expect(link.counts.map(\.up) == [4_000] && link.counts.map(\.down) == [1])
        #expect(link.counts[0].beginnings[0] == bytes)
    }

    /// What got through is read before a cut in good order counts as done; later nobody gets through.
    @Test func whatGotThroughIsRead() throws {
        let echo = try Loopback.listen(port: 0)
        defer { Glibc.close(echo.descriptor) }
        let link = try EmulatedLink(to: echo.port)
        defer { link.close() }
        link.cutOnce(.up, after: 2_000)
        let client = try #require(Loopback.connect(port: link.port))
        let server = accept(echo.descriptor, nil, nil)
        let said = (0..<3_000).map { UInt8(truncatingIfNeeded: $0) }
        #expect(write(client, said, said.count) == said.count)
        #expect(try read(2_000, from: server) == Array(said.prefix(2_000)))
        var none: UInt8 = 0
        #expect(Glibc.read(server, &none, 1) == 0)
        // What the far end still says nobody hears; but nobody answers it by a reset, which would throw away
        // what it has not read.
        for _ in 0..<100 { #expect(send(server, [2], 1, Int32(MSG_NOSIGNAL)) == 1) }
        #expect(link.done == 0, "before both ends have ended")
        for end in [client, server] { Glibc.close(end) }
        let later = try #require(Loopback.connect(port: link.port))
        #expect(write(later, said, said.count) == said.count)
        #expect(Glibc.read(later, &none, 1) <= 0)
        Glibc.close(later)
        #expect(link.counts.map(\.up) == [2_000, 1])
    }

    private func read(_ count: Int, from descriptor: Int32) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while bytes.count < count {
            let got = Glibc.read(descriptor, &buffer, buffer.count)
            try #require(got > 0)
            bytes += buffer[..<got]
        }
        return bytes
    }
}
