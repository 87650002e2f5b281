import Testing

@testable import SyncTransport

/// What a stranger's certificate says is read before he is judged: nothing in it may trap.
@Suite struct BareCertificateTests {
    @Test func aKeyIsReadAsItWasWritten() throws {
        let key = DeviceKey.generate()
        let shown = try #require(BareCertificate.read(try BareCertificate.der(for: key, keys: nil)))
        #expect(shown.publicKey == key.publicKey && shown.hubKeys == nil)
    }

    /// One bit, or one byte left out, doubled or another: it reads with the same key, or not at all.
    /// The key's last bits are none, as its certificate may say that they do not count: one reader of
    /// certificates takes that, and the other trapped.
    @Test func anyChangeOfACertificateIsReadOrRefused() throws {
        var key = DeviceKey.generate()
        while key.publicKey.last.map({ $0 & 7 != 0 }) ?? true { key = DeviceKey.generate() }
        let der = try BareCertificate.der(for: key, keys: nil)
        func look(_ changed: [UInt8], at place: Int) {
            guard let shown = BareCertificate.read(changed) else { return }
            #expect(shown.publicKey == key.publicKey, "byte \(place)")
        }
        for place in der.indices {
            for bit in 0..<8 {
                var changed = der
                changed[place] ^= 1 << UInt8(bit)
                look(changed, at: place)
            }
            for value in [0, 0x7f, 0x80, 0xff] as [UInt8] {
                var changed = der
                changed[place] = value
                look(changed, at: place)
            }
            look(Array(der[..<place] + der[(place + 1)...]), at: place)
            look(Array(der[...place] + der[place...]), at: place)
        }
    }
}
