import SyncCore
import Testing

@testable import SyncWire

/// Counts hold at their limit and not one above it.
@Suite struct CountLimitTests {
    private func decoding(_ message: Message) throws -> Message {
        let encoded = MessageCodec.encode(message)
        return try MessageCodec.decode(type: encoded.type, payload: encoded.payload).bare
    }

    private func expect(_ message: Message, isTaken: Bool) throws {
        guard !isTaken else {
            #expect(try decoding(message) == message)
            return
        }
        #expect { try decoding(message) } throws: { ($0 as? WireError)?.code == .limit }
    }

    @Test(arguments: [0, 1])
    func helloOrigins(above: Int) throws {
        let origin = OriginHead(claim: OriginClaim(lane: .urgent, nonce: .zero), sequence: 0, head: .zero)
        let hello = Hello(
            replica: .zero, origins: Array(repeating: origin, count: Limits.helloOrigins + above),
            capabilities: [],
            dictionaries: [], clock: 0, sessionToken: .zero, feed: .beginning, urgent: Backlog(),
            routine: Backlog(), program: "")
        try expect(.hello(hello), isTaken: above == 0)
    }

    @Test(arguments: [0, 1])
    func closedOrigins(above: Int) throws {
        let origin = OriginHead(
            claim: OriginClaim(lane: .urgent, nonce: .zero), sequence: 0, head: .zero, isClosed: true)
        let hello = Hello(
            replica: .zero, origins: Array(repeating: origin, count: Limits.closedOrigins + above),
            capabilities: [], dictionaries: [], clock: 0, sessionToken: .zero, feed: .beginning,
            urgent: Backlog(), routine: Backlog(), program: "")
        try expect(.hello(hello), isTaken: above == 0)
    }

    /// With sequences as long as they get, and the longest program name.
    @Test func aHelloWithAllItsOriginsFitsBeforeWelcome() throws {
        let origin = OriginHead(
            claim: OriginClaim(lane: .routine, nonce: .zero), sequence: Limits.sequence, head: .zero,
            receipted: Limits.sequence)
        let hello = Hello(
            replica: .zero, origins: Array(repeating: origin, count: Limits.helloOrigins),
            capabilities: (0..<32).map { "capability-number-\($0)-of-thirty-two" },
            dictionaries: Array(repeating: .max, count: Limits.dictionaries), clock: Limits.time,
            sessionToken: .zero, feed: .beginning, urgent: Backlog(), routine: Backlog(),
            program: String(repeating: "p", count: Limits.labelBytes))
        let encoded = MessageCodec.encode(.hello(hello))
        #expect(encoded.payload.count <= Limits.frameBeforeWelcome)
        #expect(try decoding(.hello(hello)) == .hello(hello))
    }

    /// Rows without a key or a field: as many as possible in as few bytes.
    private func rows(_ count: Int) -> VersionColumns {
        var rows = VersionColumns()
        let zeros = [UInt32](repeating: 0, count: count)
        rows.authored = [Milliseconds](repeating: 0, count: count)
        rows.stated = rows.authored
        rows.firstCreated = rows.authored
        rows.flags = [UInt8](repeating: 0, count: count)
        rows.authors = [[]]
        (rows.author, rows.context, rows.group) = (zeros, zeros, zeros)
        rows.place = (0..<UInt32(count)).map { $0 }
        rows.groups = [FormGroup(form: "f", revision: 1, rows: rows.place, keys: [], fields: [])]
        return rows
    }

    @Test(arguments: [0, 1])
    func batchVersions(above: Int) throws {
        let batch = VersionBatch(
            origin: 1, first: 1, headBefore: .zero, headAfter: .zero, salts: [], seals: [],
            rows: rows(Limits.batchVersions + above))
        try expect(.batch(batch), isTaken: above == 0)
    }

    /// Texts copied from keys count like those written as numbers.
    @Test(arguments: [0, 1])
    func batchTextBytes(above: Int) throws {
        let count = Limits.batchTextBytes / 1_024
        var rows = rows(count + above)
        var column = Column(field: 0, kind: .text)
        for row in rows.place {
            let digits = Array(String(10_000 + row).utf8)
            column.index.append(row)
            column.heap += [UInt8](repeating: 0x7a, count: 512 - digits.count) + digits
            column.ends.append(UInt32(column.heap.count))
        }
        rows.groups[0].keys = [column]
        column.field = 1
        rows.groups[0].fields = [column]
        var writer = ByteWriter()
        RowsEncoder.encode(rows, into: &writer, budget: RowsBudget(textBytes: 1 << 40))
        let bytes = writer.bytes
        #expect(bytes.count < 100_000)
        // Who counts along writes plain what goes beyond.
        #expect(try RowsCodec.decode(RowsCodec.encode(rows)) == rows)
        if above == 0 {
            #expect(RowsCodec.encode(rows) == bytes)
            #expect(try RowsCodec.decode(bytes) == rows)
        } else {
            #expect { try RowsCodec.decode(bytes) } throws: { ($0 as? WireError)?.code == .limit }
        }
    }

    private func context(entries: Int, dots: Int) -> Context? {
        let vector = VersionVector(
            normalizing: (0..<entries).map { VersionVector.Entry(origin: UInt64($0) + 1, count: 1) })
        return Context(
            canonical: vector, dots: (0..<dots).map { Dot(origin: 1, sequence: UInt64($0) + 2) })
    }

    @Test(arguments: [(0, 0), (1, 0), (0, 1)])
    func contextEntriesAndDots(entries: Int, dots: Int) throws {
        var rows = rows(1)
        let context = context(entries: Limits.contextEntries + entries, dots: Limits.contextDots + dots)
        rows.contexts.append(try #require(context))
        rows.context = [1]
        let bytes = RowsCodec.encode(rows)
        if entries + dots == 0 {
            #expect(try RowsCodec.decode(bytes).contexts == rows.contexts)
        } else {
            #expect(throws: WireError.self) { try RowsCodec.decode(bytes) }
        }
    }

    /// All contexts of a batch together: 64 full ones are taken, one entry more is not.
    @Test(arguments: [0, 1])
    func batchContextEntries(above: Int) throws {
        let full = Limits.batchContextEntries / Limits.contextEntries
        var rows = rows(full + above)
        rows.contexts += Array(
            repeating: try #require(context(entries: Limits.contextEntries, dots: 0)), count: full)
        if above == 1 { rows.contexts.append(try #require(context(entries: 1, dots: 0))) }
        rows.context = (1...UInt32(full + above)).map { $0 }
        let bytes = RowsCodec.encode(rows)
        if above == 0 {
            #expect(try RowsCodec.decode(bytes).contexts.count == full + 1)
        } else {
            #expect { try RowsCodec.decode(bytes) } throws: { ($0 as? WireError)?.code == .limit }
        }
    }
}
