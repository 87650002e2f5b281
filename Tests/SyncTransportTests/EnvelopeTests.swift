import SyncCore
import SyncWire
import Testing

@testable import SyncTransport

/// Files that are carried by hand open for their recipient alone, and only as they were closed.
@Suite struct EnvelopeTests {
    private let device = DeviceKey.generate()
    private let hub = DeviceKey.generate()
    private let body = Array("what a branch entered".utf8)

    @Test func onlyTheRecipientReadsIt() throws {
        for kind in EnvelopeLayout.Kind.allCases {
            let closed = try Envelope.close(body, kind, from: device, to: hub.publicKey)
            let opened = try Envelope.open(closed, kind, with: hub)
            #expect(opened.body == body && opened.sender == device.publicKey)
            #expect(throws: Envelope.Failure.forAnother) { try Envelope.open(closed, kind, with: device) }
        }
    }

    @Test func aBatchIsNoAnswer() throws {
        let closed = try Envelope.close(body, .batches, from: device, to: hub.publicKey)
        #expect(throws: Envelope.Failure.notOne) { try Envelope.open(closed, .answer, with: hub) }
        // Not even with the other's mark.
        let marked = Array("RCREPLY1".utf8) + closed.dropFirst(8)
        #expect(throws: Envelope.Failure.broken) { try Envelope.open(marked, .answer, with: hub) }
    }

    @Test func everyByteCounts() throws {
        let closed = try Envelope.close(body, .batches, from: device, to: hub.publicKey)
        for at in closed.indices {
            var changed = closed
            changed[at] ^= 0x10
            #expect(throws: Envelope.Failure.self, "byte \(at)") {
                try Envelope.open(changed, .batches, with: hub)
            }
        }
        for length in 0..<closed.count {
            #expect(throws: Envelope.Failure.self, "\(length) bytes") {
                try Envelope.open(Array(closed.prefix(length)), .batches, with: hub)
            }
        }
    }
}
