import SyncCore
import SyncStore
import Testing

@testable import Aggregator

@Suite struct TrapMarkerTests {
    private static let run = Token16(high: 1, low: 2)
    private static let samples: [TrapSuspicion.Work] = [
        .stretches(.judging, [.init(origin: .max, first: 1, last: 1 << 62)]),
        .stretches(.settingAside, [.init(origin: 1, first: 5, last: 5)]),
        .stretches(.applying, (1...3).map { .init(origin: $0, first: $0, last: $0 + 9) }),
        .stretches(.applying, []),
        .frame(.init(device: 77, checksum: .max, length: 1 << 20)),
    ]

    @Test(arguments: samples) func whatIsWrittenIsRead(work: TrapSuspicion.Work) throws {
        var bytes = TrapMarker(run: TrapMarkerTests.run, work: work).bytes
        #expect(bytes.count <= TrapMarker.size)
        // The handler adds the signal, and nothing else.
        bytes[bytes.count - 1] = 4
        let read = try #require(TrapMarker(bytes))
        #expect(read == TrapMarker(run: TrapMarkerTests.run, work: work, signal: 4))
    }

    @Test(arguments: samples) func whatIsTornBlamesNobody(work: TrapSuspicion.Work) {
        let bytes = TrapMarker(run: TrapMarkerTests.run, work: work).bytes
        for count in 0..<bytes.count { #expect(TrapMarker(Array(bytes.prefix(count))) == nil) }
        for index in bytes.indices.dropLast() {
            var changed = bytes
            changed[index] ^= 0x10
            #expect(TrapMarker(changed) == nil, "byte \(index)")
        }
        #expect(TrapMarker(bytes + [0]) == nil)
        #expect(TrapMarker([UInt8](repeating: 0, count: TrapMarker.size)) == nil)
    }

    @Test func oneTransactionsBatchesFit() throws {
        let many = (1...UInt64(TrapMarker.stretches + 1)).map {
            TrapSuspicion.Stretch(origin: $0, first: 1, last: 2)
        }
        let bytes = TrapMarker(run: TrapMarkerTests.run, work: .stretches(.applying, many)).bytes
        #expect(bytes.count == TrapMarker.size)
        let all = Array(many.prefix(TrapMarker.stretches))
        #expect(TrapMarker(bytes)?.work == .stretches(.applying, all))
    }
}
