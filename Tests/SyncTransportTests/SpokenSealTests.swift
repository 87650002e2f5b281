import SyncCore
import SyncWire
import Testing

@testable import SyncTransport

/// What is read out opens at its hub only, and only as it was said.
@Suite struct SpokenSealTests {
    private let device = DeviceKey.generate()
    private let hub = DeviceKey.generate()

    @Test func whatADeviceSaysItsHubHearsAndBothKnowTheAnswer() throws {
        let mine = try SpokenSeal(device: device.publicKey, hub: hub.publicKey, own: device)
        let theirs = try SpokenSeal(device: device.publicKey, hub: hub.publicKey, own: hub)
        for count in [1, 31, 32, 33, Limits.spokenBytes - SpokenSeal.overhead] {
            let body = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
            let said = mine.close(body)
            #expect(SpokenSeal.mayBe(said.bytes, of: device.publicKey))
            let heard = try #require(theirs.open(said.bytes))
            #expect(heard.body == body && heard.answer == said.answer)
            #expect(mine.close(body).bytes == said.bytes)
            // Nothing of it is to be seen.
            if count > 30 { #expect(Array(said.bytes.suffix(count)) != body) }
        }
    }

    @Test func nobodyElseOpensOrChangesIt() throws {
        let seal = try SpokenSeal(device: device.publicKey, hub: hub.publicKey, own: device)
        let said = seal.close(Array("an alert about a person".utf8)).bytes
        let other = DeviceKey.generate()
        let strangers = [
            try SpokenSeal(device: device.publicKey, hub: other.publicKey, own: other),
            try SpokenSeal(device: other.publicKey, hub: hub.publicKey, own: hub),
        ]
        for stranger in strangers { #expect(stranger.open(said) == nil) }
        let own = try SpokenSeal(device: device.publicKey, hub: hub.publicKey, own: hub)
        for place in said.indices {
            for bit in 0..<8 {
                var changed = said
                changed[place] ^= 1 << UInt8(bit)
                #expect(own.open(changed) == nil)
            }
            #expect(own.open(Array(said.prefix(place))) == nil)
        }
    }
}
