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

/// Copies that were cut off anywhere, as a kill or a full disk leaves them: what can be shown is shown, the
/// rest is said to be damaged, and nothing traps.
@Suite struct DamagedCopyTests {
    private let masked = Masking(forms: .builtIn, unmask: false)

    /// Each verb on a folder; counts those that showed something.
    private func look(at folder: String) async -> Int {
        var shown = 0
        func attempt(_ body: () throws -> [String]) {
            do {
                if try !body().isEmpty { shown += 1 }
            } catch {
                // Told in words, with a code.
                #expect(error is Failure || error is StoreError, "\(error)")
            }
        }
        let damages = Damages()
        attempt {
            guard case .agent(let store) = try StoreAtHand(folder) else { return [] }
            return try AgentQueue(
                store, lanes: Lane.allCases, all: true, limit: 9, now: FixedWorld.now, masking: masked,
                damages: damages
            ).lines(byGroups: true)
        }
        attempt {
            guard case .agent(let store) = try StoreAtHand(folder) else { return [] }
            return try Explainer(
                folder: folder, key: InspectWorld.key("T001"), forms: .builtIn, masking: masked,
                damages: damages, now: FixedWorld.now, times: TimeText(zone: "UTC")
            ).explain(store).lines(TimeText(zone: "UTC"))
        }
        attempt {
            let (state, versions, around) = try StoreAtHand(folder).record(
                InspectWorld.key("T001"), damages)
            return RecordReport(
                InspectWorld.key("T001"), state, versions, around, forms: .builtIn, masking: masked
            ).lines()
        }
        attempt {
            var report = VerifyReport()
            try report.take(try StoreLook(folder), pinned: nil)
            report.finish(masked)
            return report.lines()
        }
        let checkup = await DoctorCommand.checkup(folder, isOffline: true, now: FixedWorld.now)
        #expect(!checkup.lines().isEmpty)
        return shown
    }

    @Test func aStoreThatIsCutAnywhere() async throws {
        let world = try InspectWorld()
        try world.author(
            (0..<40).map { InspectWorld.checkIn("T\(100 + $0)") } + [InspectWorld.checkIn("T001")])
        try world.damage("SELECT 1")
        // A log that was not taken in, as a killed program leaves it.
        try world.author([InspectWorld.checkIn("T002")], after: 1_000)
        let copy = world.root + "/copy"
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
        let whole = try ["store.sqlite", "store.sqlite-wal"].map {
            try Data(contentsOf: URL(filePath: world.branch + "/" + $0))
        }
        func write(_ store: Data, _ log: Data) throws {
            for name in try FileManager.default.contentsOfDirectory(atPath: copy) {
                try FileManager.default.removeItem(atPath: copy + "/" + name)
            }
            try store.write(to: URL(filePath: copy + "/store.sqlite"))
            try log.write(to: URL(filePath: copy + "/store.sqlite-wal"))
        }
        try write(whole[0], whole[1])
        #expect(await look(at: copy) == 4)
        #expect(whole[0].count > 40_000 && whole[1].count > 4_000)
        var partly = 0
        for cut in stride(from: 0, to: whole[0].count, by: 2_741) {
            for log in [Data(), whole[1]] {
                try write(whole[0].prefix(cut), log)
                if await look(at: copy) > 0 { partly += 1 }
            }
        }
        #expect(partly > 0)
        // What is whole in the log counts, the rest of it never was.
        for cut in stride(from: 0, through: whole[1].count, by: 911) {
            try write(whole[0], whole[1].prefix(cut))
            #expect(await look(at: copy) == 4, "the log cut at \(cut)")
        }
    }

    @Test func aTranscriptThatIsCutAtAnyByte() throws {
        let world = try InspectWorld()
        let path = world.root + "/transcript"
        var file: TranscriptFile? = try TranscriptFile(
            creating: path, side: "agent", program: "test", now: 0,
            masking: { @Sendable (_: String, field: FieldID) in field == 13 })
        let connection = try #require(file?.opened())
        var writer = FrameWriter()
        var bytes = Preamble.bytes()
        for token in 0..<4 {
            bytes += try writer.frame(.ping(Ping(isReply: false, token: UInt64(token))), compress: false)
        }
        file?.passed(ByteBufferView(ByteBuffer(bytes: bytes)), fromAgent: true, on: connection)
        file?.closed(connection, words: "killed")
        file = nil
        let whole = try Data(contentsOf: URL(filePath: path))
        let head = try #require(whole.firstIndex(of: 0x0a))
        var frames = 0
        for cut in 0...whole.count {
            try whole.prefix(cut).write(to: URL(filePath: path))
            do {
                let report = CaptureReport(try Transcript(path), masking: masked, isDumped: true)
                // A line that was not finished is left out and named, those before it are shown.
                let isWhole = cut == head || cut == whole.count || whole[cut - 1] == 0x0a
                let isEnded = cut < whole.count && whole[cut] == 0x0a
                #expect(report.unreadableLines.isEmpty == (isWhole || isEnded), "cut at \(cut)")
                #expect(report.frames.count >= frames)
                frames = report.frames.count
                #expect(!report.lines().isEmpty)
            } catch let failure as Failure {
                #expect(cut < head && failure.status == .noInput, "cut at \(cut)")
            }
        }
        #expect(frames == 7)
    }
}
