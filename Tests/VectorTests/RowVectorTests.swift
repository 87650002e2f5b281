import SyncCore
import Testing

@testable import SyncWire

/// Each case gives way to other tests: some of them wait for nobody longer than a connection does.
@Suite struct RowVectorTests {
    /// The rows within a batch, or within a feed where a batch may not hold them.
    private func frame(_ bytes: [UInt8], count: UInt64, inFeed: Bool) -> [UInt8] {
        if inFeed {
            let places: [UInt8] = count == 0 ? [] : [0, 0]
            let sequences: [UInt8] = count == 0 ? [] : [0] + Bytes.zigzag(1)
            return Bytes.frame(
                18,
                MessageDefects.feed.with("count", Bytes.varint(count)).with("places", places).with(
                    "sequences", sequences
                ).with("rows", bytes).bytes)
        }
        return Bytes.frame(
            16, BatchDefects.one.with("count", Bytes.varint(count)).with("rows", bytes).bytes)
    }

    private func code(_ frame: [UInt8], step: Int) -> RefusalCode? {
        var reader = FrameReader()
        do {
            for start in stride(from: 0, to: frame.count, by: step) {
                reader.append(Array(frame[start..<min(start + step, frame.count)]))
                while try reader.next() != nil {}
            }
        } catch {
            return error.refusal
        }
        return nil
    }

    @Test func validRowsSayWhatTheyMean() async throws {
        for vector in try VectorFile.cases("rows", "valid") {
            await Task.yield()
            let bytes = vector.bytes("bytes")
            let name = vector["name"].string
            let rows = try RowsCodec.decode(bytes)
            #expect(Meaning.rows(rows) == vector["rows"], "\(name)")
            let isSame = try RowCases.isWritten(bytes, vector["rows"])
            #expect(isSame == (vector["writer"].string == "reference"), "\(name)")
            #expect(Meaning.rows(try RowsCodec.decode(RowsCodec.encode(rows))) == vector["rows"], "\(name)")
            #expect(code(frame(bytes, count: UInt64(rows.count), inFeed: true), step: 11) == nil, "\(name)")
        }
    }

    @Test func invalidRowsGiveTheirCode() async throws {
        for vector in try VectorFile.cases("rows", "invalid") {
            await Task.yield()
            let bytes = vector.bytes("bytes")
            let name = vector["name"].string
            #expect { try RowsCodec.decode(bytes) } throws: { error in
                let refusal = (error as? WireError)?.refusal
                if refusal != vector.code { Issue.record("\(name): \(error)") }
                return true
            }
            let count = bytes.first == 0 || bytes.isEmpty ? 0 : UInt64(bytes[0] & 0x7f)
            guard bytes.count > 1, bytes[0] > 0, bytes[0] < 0x80 else { continue }
            for inFeed in [false, true] {
                let frame = frame(bytes, count: count, inFeed: inFeed)
                for step in [frame.count, 1] {
                    #expect(code(frame, step: step) == vector.code, "\(name)")
                }
            }
        }
    }

    /// Cut off anywhere, rows are refused; with any bit flipped they are refused or say something, and never
    /// trap.
    @Test func cutAndFlippedRows() async throws {
        for vector in try VectorFile.cases("rows", "valid") {
            let bytes = vector.bytes("bytes")
            await Task.yield()
            let step = max(1, bytes.count / 16)
            for length in stride(from: 0, to: bytes.count, by: step) {
                #expect(throws: WireError.self, "\(vector["name"].string), \(length)") {
                    try RowsCodec.decode(Array(bytes[..<length]))
                }
            }
            guard bytes.count < 400, bytes[0] < 0x80 else { continue }
            for bit in stride(from: bytes.count % 7, to: bytes.count * 8, by: 7) {
                var flipped = bytes
                flipped[bit / 8] ^= 1 << UInt8(bit % 8)
                guard let rows = try? RowsCodec.decode(flipped), rows.count < 200 else { continue }
                for row in 0..<rows.count { _ = rows.version(at: row, dot: Dot(origin: 1, sequence: 1)) }
                #expect(
                    (try? RowsCodec.decode(RowsCodec.encode(rows))) != nil,
                    "\(vector["name"].string), bit \(bit)")
            }
        }
    }
}
