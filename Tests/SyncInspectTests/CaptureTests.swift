import Console
import Forms
import Foundation
import NIOCore
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport
import SyncWire
import Testing

@testable import sync_inspect

/// Transcripts: what they say, and the first thing that is wrong with them.
@Suite struct CaptureTests {
    private static let vectors = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Protocol/vectors")

    private func report(_ lines: [String], unmask: Bool = true, isDumped: Bool = false) throws
        -> CaptureReport
    {
        let path = FileManager.default.temporaryDirectory.path + "/capture-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let head = #"{"transcript":1,"side":"agent","program":"test","began":0,"masked":false}"#
        try Data(([head] + lines).joined(separator: "\n").utf8).write(to: URL(filePath: path))
        return CaptureReport(
            try Transcript(path), masking: Masking(forms: .builtIn, unmask: unmask), isDumped: isDumped)
    }

    private func line(_ from: String, _ frame: [UInt8], at ms: Int = 0) -> String {
        let (header, wire) = (Hex.encode(frame.prefix(16)), Hex.encode(frame.dropFirst(16)))
        return #"{"connection":1,"ms":\#(ms),"from":"\#(from)","offset":12,"#
            + #""header":"\#(header)","wire":"\#(wire)"}"#
    }

    private static var hello: Message {
        .hello(
            Hello(
                replica: Token16(high: 1, low: 1), origins: [], capabilities: [], dictionaries: [], clock: 1,
                sessionToken: .zero, feed: .beginning, urgent: Backlog(), routine: Backlog(),
                program: "test"))
    }

    private func cases(_ file: String, _ kind: String) throws -> [(name: String, bytes: [UInt8])] {
        let data = try Data(contentsOf: CaptureTests.vectors.appending(path: file))
        let all = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        return try #require(all[kind] as? [[String: Any]]).map { one in
            (
                try #require(one["name"] as? String),
                try #require((one["bytes"] as? String).flatMap { Hex.decode($0) })
            )
        }
    }

    /// Each frame that must be refused is marked.
    @Test(arguments: ["frames.json", "messages.json", "batches.json"])
    func invalidFramesAreMarked(file: String) throws {
        var count = 0
        for (name, bytes) in try cases(file, "invalid") {
            var splitter = FrameSplitter(offset: 12)
            splitter.append(bytes)
            var lines: [String] = []
            while let piece = splitter.next() { lines.append(line("agent", piece.header + piece.payload)) }
            if splitter.isLost {
                lines.append(#"{"connection":1,"ms":0,"from":"agent","broken":"a length that is none"}"#)
            }
            guard !lines.isEmpty else { continue }
            #expect(try report(lines).problem != nil, "\(name)")
            count += 1
        }
        #expect(count > 10)
    }

    @Test func aGapAndAForeignHeadAreNoticed() throws {
        let world = try InspectWorld()
        try world.author([InspectWorld.checkIn("T001"), InspectWorld.checkIn("T002")])
        try world.author([InspectWorld.checkIn("T003")], after: 1_000)
        let origin = try #require(try world.origin())
        func batch(after: UInt64, _ count: Int) throws -> VersionBatch {
            try #require(
                try world.agent.batch(
                    of: origin.id, after: after, maximumVersions: count, maximumBytes: 100_000))
        }
        var writer = FrameWriter()
        let start = [try writer.frame(CaptureTests.hello, compress: false)]
        let first = try writer.frame(.batch(try batch(after: 0, 1)), compress: false)
        let third = try writer.frame(.batch(try batch(after: 2, 1)), compress: false)
        let gap = try report((start + [first, third]).map { line("agent", $0) })
        #expect(gap.problem?.contains("a gap: 2 was to follow") == true)
        #expect(gap.problemAt == 2)
        var other = try batch(after: 1, 1)
        other.before = .zero
        let foreign = try writer.frame(.batch(other), compress: false)
        let parted = try report((start + [first, foreign]).map { line("agent", $0) })
        #expect(parted.problem?.contains("head before") == true)
        let second = try writer.frame(.batch(try batch(after: 1, 1)), compress: false)
        #expect(try report((start + [first, second, third]).map { line("agent", $0) }).problem == nil)
        // Before anything was said, a batch is out of turn.
        #expect(try report([line("agent", first)]).problem?.contains("106") == true)
    }

    /// What was sent before Welcome came is no gap, whatever the hub held when it wrote that.
    @Test func whatGoesAheadOfWelcomeIsFollowed() throws {
        let world = try InspectWorld()
        try world.author([InspectWorld.checkIn("T001"), InspectWorld.checkIn("T002")])
        try world.author([InspectWorld.checkIn("T003")], after: 1_000)
        let origin = try #require(try world.origin())
        var up = FrameWriter()
        var down = FrameWriter()
        func batch(after: UInt64) throws -> [UInt8] {
            let found = try world.agent.batch(
                of: origin.id, after: after, maximumVersions: 1, maximumBytes: 100_000)
            return try up.frame(.batch(try #require(found)), compress: false)
        }
        func welcome(_ sequence: UInt64, _ head: Digest) throws -> [UInt8] {
            try down.frame(
                .welcome(
                    Welcome(
                        epoch: .zero, sessionToken: .zero,
                        held: [HeldOrigin(origin: origin.id, sequence: sequence, head: head, receipt: nil)],
                        urgentWindow: 1_000, routineWindow: 1_000, maximumBatch: 1_000, clock: 0,
                        capabilities: [], dictionary: 0, settings: [])), compress: false)
        }
        let hello = line("agent", try up.frame(CaptureTests.hello, compress: false))
        let (first, second, third) = (
            line("agent", try batch(after: 0)), line("agent", try batch(after: 1)),
            line("agent", try batch(after: 2))
        )
        let nothing = line("hub", try welcome(0, .zero))
        #expect(try report([hello, first, second, nothing, third]).problem == nil)
        #expect(try report([hello, first, nothing, third]).problem?.contains("a gap: 2") == true)
        // It held more, and the branch goes on behind that.
        let middle = try #require(try world.agent.heads(of: origin.id, at: [2]).entries.first?.head)
        let more = line("hub", try welcome(2, middle))
        #expect(try report([hello, first, more, third]).problem == nil)
        #expect(try report([hello, second, nothing, third]).problem?.contains("a gap: 1") == true)
    }

    /// Every byte of each message is named once.
    @Test func everyByteOfEveryMessageIsNamed() throws {
        var types: Set<UInt8> = []
        for (name, bytes) in try cases("messages.json", "valid") {
            var splitter = FrameSplitter()
            splitter.append(bytes)
            while let piece = splitter.next() {
                guard piece.header[1] & FrameHeader.inStream == 0 else { break }
                let type = piece.header[0]
                let parts = try MessageLayout.parts(type: type, payload: piece.payload)
                #expect(parts.reduce(0) { $0 + $1.size } == piece.payload.count, "\(name)")
                types.insert(type)
            }
        }
        #expect(types.count > 14, "\(types.sorted())")
    }

    /// What the programs write goes in and comes out the same; the secret of a code never.
    @Test func transcriptsOfPassingBytesAreRead() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/transcript-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let secret = Token16(high: 0x1122_3344_5566_7788, low: 0x99aa_bbcc_ddee_ff00)
        for (name, masking) in [
            ("masked", { @Sendable (_: String, field: FieldID) in field == 13 }), ("open", nil),
        ] as [(String, TranscriptFile.Masking?)] {
            let path = folder + "/" + name
            var file: TranscriptFile? = try TranscriptFile(
                creating: path, side: "agent", program: "test", now: 0, masking: masking)
            #expect(throws: KeyError.self) {
                _ = try TranscriptFile(
                    creating: path, side: "agent", program: "test", now: 0, masking: masking)
            }
            let world = try InspectWorld()
            try world.author([InspectWorld.checkIn("T001")])
            let origin = try #require(try world.origin())
            let batch = try #require(
                try world.agent.batch(
                    of: origin.id, after: 0, maximumVersions: 9, maximumBytes: 100_000))
            var writer = FrameWriter()
            let join = Message.join(
                Join(secret: secret, replica: .zero, label: "Somebody Secret", clock: 1))
            let bytes =
                Preamble.bytes() + (try writer.frame(join, compress: false))
                + (try writer.frame(.batch(batch), compress: false))
            let connection = try #require(file?.opened())
            file?.passed(bytes, on: connection)
            file?.closed(connection, words: "cut \"here\"")
            file = nil
            let text = try String(contentsOfFile: path, encoding: .utf8)
            #expect(!text.contains("1122334455667788"))
            let isSecretThere = text.contains(Hex.encode(Array("Somebody Secret".utf8)))
            #expect(isSecretThere == (masking == nil))
            let report = CaptureReport(
                try Transcript(path), masking: Masking(forms: .builtIn, unmask: false), isDumped: true)
            #expect(report.frames.map(\.name) == ["opened", "preamble", "Join", "Batch", "closed"])
            #expect(report.unreadableLines.isEmpty)
            #expect(report.frames[3].meaning.contains("check-in 1"))
            #expect(!report.lines().joined().contains(Hex.encode(Array("Secret".utf8))))
            let facts = try FileManager.default.attributesOfItem(atPath: path)
            #expect(facts[.posixPermissions] as? Int == 0o600)
        }
    }
}

extension TranscriptFile {
    /// As a link tells it, in small pieces.
    fileprivate func passed(_ bytes: [UInt8], on connection: UInt64) {
        var rest = bytes[...]
        while !rest.isEmpty {
            passed(ByteBufferView(ByteBuffer(bytes: rest.prefix(7))), fromAgent: true, on: connection)
            rest = rest.dropFirst(7)
        }
    }
}
