import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire
import Testing

@testable import sync_inspect

/// The verbs that look at more than a store's content, on stores that are always the same.
@Suite(.serialized) struct VerbSnapshotTests {
    private let masked = Masking(forms: .builtIn, unmask: false)

    /// Without the folder's name and the disk's room.
    private func plain(_ fixed: FixedWorld) -> (String) -> String {
        { text in
            text.replacingOccurrences(of: fixed.world.root, with: "DIR")
                .replacing(#/\d+ MiB free/#, with: "1 MiB free")
        }
    }

    @Test func doctor() async throws {
        let fixed = try FixedWorld()
        for (name, path) in [("agent", fixed.world.branch), ("hub", fixed.world.centre)] {
            let checkup = await DoctorCommand.checkup(path, isOffline: true, now: FixedWorld.now)
            try Snapshot.compare("doctor-\(name)", checkup.lines(), checkup, plain: plain(fixed))
        }
    }

    /// Sizes of files and the machine's processors are another everywhere.
    @Test func bundle() async throws {
        struct Outside: Encodable {
            var contents: [BundleCommand.Content]
            var parts: BundleValue
        }
        let fixed = try FixedWorld()
        for (name, path) in [("agent", fixed.world.branch), ("hub", fixed.world.centre)] {
            var parts = await BundleMaker(path: path, now: FixedWorld.now).parts(isOffline: true)
            let listing = BundleCommand.Listing(file: "help.json", contents: BundleCommand.contents(parts))
            parts["files"] = nil
            parts["system"] = nil
            try Snapshot.compare(
                "bundle-\(name)", BundleCommand.lines(listing),
                Outside(contents: listing.contents, parts: .map(parts)), plain: plain(fixed))
        }
    }

    @Test func verify() throws {
        let fixed = try FixedWorld()
        let folders = [fixed.world.branch, fixed.world.centre]
        for (name, paths) in [("agent", [folders[0]]), ("hub", [folders[1]]), ("both", folders)] {
            var report = VerifyReport()
            let looks = try paths.map { try StoreLook($0) }
            for look in looks { try report.take(look, pinned: nil) }
            if looks.count == 2 { try report.compare(looks[0], looks[1]) }
            report.finish(masked)
            #expect(report.status == nil, "\(name)")
            try Snapshot.compare("verify-\(name)", report.lines(), report, plain: plain(fixed))
        }
        // A value behind the program's back.
        try fixed.world.damage("UPDATE version SET authored = authored + 1 WHERE sequence = 2")
        var report = VerifyReport()
        try report.take(try StoreLook(fixed.world.branch), pinned: nil)
        report.finish(masked)
        #expect(report.status == .altered)
        try Snapshot.compare("verify-altered", report.lines(), report, plain: plain(fixed))
    }

    @Test func reconcile() throws {
        let fixed = try FixedWorld()
        let file = try DigestMaker(unit: "B02").file(
            .hub(try SQLiteHubStore(readingFrom: fixed.world.centre)))
        let opened = try StoreAtHand(fixed.world.branch)
        var report = try FileComparison(file: file, limit: 9).run(opened)
        try report.name(with: opened, masked)
        try Snapshot.compare("reconcile", report.lines(verbose: true), report)
    }

    @Test func vector() throws {
        var lines: [String] = []
        for words in [
            ["compare", "{42:1}", "{42:2}"], ["compare", "{2:1,1:1}", "{1:1}"],
            ["compare", "{1:1}", "{2:1}"],
            ["merge", "{42:1, 7:9}", "{42:2}"],
        ] {
            for more in [[], ["--json"]] {
                let run = try ProgramTests.run(["vector"] + words + more)
                #expect(run.status == 0)
                lines.append((words + more).joined(separator: " "))
                lines += (run.err + run.out).split(separator: "\n").map { "  " + $0 }
            }
        }
        try Snapshot.compare("vector", lines)
    }

    /// A whole session, and one that goes wrong.
    @Test func capture() throws {
        let world = try InspectWorld()
        try world.author([InspectWorld.checkIn("T001"), InspectWorld.checkIn("T002")])
        let origin = try #require(try world.origin())
        let talk = try CaptureTalkFixture(world, origin)
        let sound = try talk.report(talk.whole)
        #expect(sound.problem == nil)
        try Snapshot.compare("capture", sound.lines(), sound)
        var spoiled = talk.whole
        spoiled[4] = spoiled[4].replacingOccurrences(of: "\"wire\":\"", with: "\"wire\":\"00")
        let wrong = try talk.report(spoiled)
        #expect(wrong.problem != nil)
        try Snapshot.compare("capture-wrong", wrong.lines(), wrong)
        let dumped = try talk.report(Array(talk.whole.prefix(3)), isDumped: true)
        try Snapshot.compare("capture-hexdump", dumped.lines(), dumped)
        let joining = try talk.report(talk.joining)
        #expect(joining.problem == nil, "a device that joins hangs up when it has its answer")
        try Snapshot.compare("capture-join", joining.lines())
    }
}

/// The lines of a transcript that is always the same.
struct CaptureTalkFixture {
    private(set) var whole: [String] = []
    private(set) var joining: [String] = []
    private var offsets: [String: Int] = [:]
    private var time = 0

    init(_ world: InspectWorld, _ origin: OwnOrigin) throws {
        let batch = try world.agent.batch(
            of: origin.id, after: 0, maximumVersions: 9, maximumBytes: 100_000)
        guard var batch else { throw StoreError(.corrupt, "no batch") }
        // Signatures are another at every run.
        for index in batch.seals.indices { batch.seals[index].signature = [UInt8](repeating: 5, count: 64) }
        var hello = try world.agent.hello(now: InspectWorld.start, program: "branch-agent 0.1.0")
        hello.sessionToken = .zero
        let welcome = Welcome(
            epoch: Token16(high: 1, low: 1), sessionToken: Token16(high: 2, low: 2), held: [],
            urgentWindow: 65_536, routineWindow: 65_536, maximumBatch: 1_000, clock: InspectWorld.start,
            capabilities: [], dictionary: 0, settings: [])
        let told = try world.agent.heads(of: origin.id, at: [batch.last])
        var receipt = Receipt(
            origin: origin.id, sequence: batch.last, head: try #require(told.entries.first?.head))
        receipt.time = InspectWorld.start
        receipt.signature = [UInt8](repeating: 6, count: 64)
        whole = [
            event("opened"), preamble("agent"), try frame("agent", .hello(hello)), preamble("hub"),
            try frame("hub", .welcome(welcome)), try frame("agent", .batch(batch)),
            try frame("hub", .receipt(ReceiptFrame(receipts: [receipt], position: 2))),
            try frame("hub", .mark(Mark(position: 2, count: 2, sum: 7))),
            try frame("agent", .ping(Ping(isReply: false, token: 9))),
            try frame("hub", .ping(Ping(isReply: true, token: 9))),
            try frame("agent", .close(Refuse(.done))), event("closed"),
        ]
        offsets = [:]
        time = 0
        let join = Join(secret: .zero, replica: Token16(high: 3, low: 3), label: "***", clock: 1)
        let joined = Joined(
            state: .active, confirmation: 123_456, unit: "B02", unitName: "Branch 2", hubName: "Centre",
            clock: 1, settings: [])
        joining = [
            event("opened"), preamble("agent"), try frame("agent", .join(join)), preamble("hub"),
            try frame("hub", .joined(joined)), event("closed"),
        ]
    }

    private mutating func head() -> String {
        defer { time += 10 }
        return #"{"connection":1,"ms":\#(time)"#
    }

    private mutating func event(_ name: String) -> String { head() + #","event":"\#(name)"}"# }

    private mutating func preamble(_ from: String) -> String {
        offsets[from] = 12
        return head() + #","from":"\#(from)","preamble":"\#(Hex.encode(Preamble.bytes()))"}"#
    }

    private mutating func frame(_ from: String, _ message: Message) throws -> String {
        var writer = FrameWriter()
        let bytes = try writer.frame(message, compress: false)
        let offset = offsets[from, default: 0]
        offsets[from] = offset + bytes.count
        let (header, wire) = (Hex.encode(Array(bytes.prefix(16))), Hex.encode(Array(bytes.dropFirst(16))))
        return head()
            + #","from":"\#(from)","offset":\#(offset),"header":"\#(header)","wire":"\#(wire)"}"#
    }

    func report(_ lines: [String], isDumped: Bool = false) throws -> CaptureReport {
        let path = FileManager.default.temporaryDirectory.path + "/capture-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let head = #"{"transcript":1,"side":"agent","program":"test","began":0,"masked":false}"#
        try Data(([head] + lines).joined(separator: "\n").utf8).write(to: URL(filePath: path))
        return CaptureReport(
            try Transcript(path), masking: Masking(forms: .builtIn, unmask: false), isDumped: isDumped)
    }
}
