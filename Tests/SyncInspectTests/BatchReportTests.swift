import Console
import Forms
import Foundation
import SyncCore
import SyncStore
import SyncWire
import Testing

@testable import sync_inspect

@Suite struct BatchReportTests {
    private func batch() throws -> VersionBatch {
        let world = try InspectWorld()
        try world.author((0..<12).map { InspectWorld.checkIn("T0\($0 + 10)", temperature: 3_600 + $0 * 7) })
        let origin = try #require(try world.origin(.routine)).id
        return try #require(
            try world.agent.batch(of: origin, after: 0, maximumVersions: 50, maximumBytes: 50_000))
    }

    private func frame(_ batch: VersionBatch, compress: Bool) throws -> [UInt8] {
        var writer = FrameWriter()
        return try writer.frame(.batch(batch), compress: compress)
    }

    @Test func allThreeFormsAreKnownByThemselves() throws {
        let batch = try batch()
        let payload = MessageCodec.encode(.batch(batch)).payload
        let rows = RowsCodec.encode(batch.rows)
        for (bytes, kind) in [
            (try frame(batch, compress: false), "frame"), (try frame(batch, compress: true), "frame"),
            (payload, "payload"), (rows, "rows"),
        ] {
            let report = BatchReading.read(bytes, as: nil, limit: 3)
            #expect(report.problem == nil)
            #expect(report.kind == kind)
            #expect(report.count == 12)
            #expect(report.versions.count == 3)
            #expect(report.parts.reduce(0) { $0 + $1.bytes } == rows.count)
            #expect(report.parts.contains { $0.name == "key 1" && $0.form == "check-in" })
            if kind != "rows" {
                #expect(report.origin == RecordText.origin(batch.origin))
                #expect(report.seals.map(\.sequence) == [12])
                #expect(report.headAfter == batch.after.description)
                #expect(report.salts.count == 2)
            }
            let text = report.lines().joined(separator: "\n") + "\(try json(report))"
            #expect(!text.contains("Secret"))
        }
        let shape = try json(BatchReading.read(payload, as: nil, limit: 1))
        #expect(
            Set(shape.keys) == [
                "kind", "bytes", "origin", "first", "last", "headBefore", "headAfter", "seals", "salts",
                "count", "rowsBytes", "groups", "parts", "versions",
            ])
    }

    @Test func aDamagedBatchNamesItsOffset() throws {
        let batch = try batch()
        let payload = MessageCodec.encode(.batch(batch)).payload
        let rowsAt = payload.count - RowsCodec.encode(batch.rows).count
        // The encoding id of the authored times is one that no version knows.
        var damaged = payload
        damaged[rowsAt + 1] = 99
        let report = BatchReading.read(damaged, as: nil, limit: 3)
        #expect(report.kind == "payload")
        #expect(report.problem?.code == "unknownEncoding")
        #expect(report.problem?.part == "times")
        #expect(report.problem?.offset == rowsAt + 2)
        #expect(report.lines().contains { $0.contains("byte \(rowsAt + 2)") })
        let short = BatchReading.read(Array(payload.dropLast(5)), as: nil, limit: 3)
        #expect(short.problem?.code == "truncated")
        // The same damage inside a frame: the check sum says so first, whatever was hit.
        var framed = try frame(batch, compress: false)
        framed[16 + rowsAt + 1] = 99
        #expect(BatchReading.read(framed, as: nil, limit: 3).problem?.code == "checksum")
        framed[5] ^= 1
        #expect(BatchReading.read(framed, as: .frame, limit: 3).problem?.code == "headerCheck")
        let cut = Array(try frame(batch, compress: true).dropLast())
        #expect(BatchReading.read(cut, as: nil, limit: 3).problem?.code == "truncated")
        let ping = MessageCodec.encode(.ping(Ping(isReply: false, token: 1)))
        var writer = FrameWriter()
        #expect(!ping.payload.isEmpty)
        let other = try writer.frame(.ping(Ping(isReply: false, token: 1)), compress: false)
        #expect(BatchReading.read(other, as: nil, limit: 3).problem?.code == "not_a_batch")
    }

    @Test func bytesComeFromAFileOrFromDigits() throws {
        #expect(try BatchCommand.bytes("0a FF\n") == [10, 255])
        let file = FileManager.default.temporaryDirectory.appending(path: "inspect-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("0aff\n".utf8).write(to: file)
        #expect(try BatchCommand.bytes(file.path) == [10, 255])
        try Data([0, 200, 10]).write(to: file)
        #expect(try BatchCommand.bytes(file.path) == [0, 200, 10])
        #expect(throws: Failure.self) { try BatchCommand.bytes("abc") }
    }

    @Test func aStoresJournalIsCutWhereAsked() throws {
        let world = try InspectWorld()
        try world.author((0..<5).map { InspectWorld.checkIn("T00\($0)") })
        let origin = try #require(try world.origin())
        let store = try StoreAtHand(world.branch)
        let batch = try #require(try StoredBatch.read(store, origin: origin.id, first: 3))
        let report = BatchReport(
            stored: batch, masking: Masking(forms: .builtIn, unmask: false), limit: .max)
        #expect(report.first == 3 && report.last == 5)
        #expect(report.versions.map(\.dot).last == RecordText.text(Dot(origin: origin.id, sequence: 5)))
        #expect(try StoredBatch.read(store, origin: origin.id, first: 6) == nil)
        #expect(try StoredBatch.read(store, origin: 1, first: 1) == nil)
        #expect(BatchCommand.origin(RecordText.origin(origin.id)) == origin.id)
        #expect(BatchCommand.origin("-1") == nil)
    }
}
