import Foundation
import LinkKit
import SyncCore
import SyncWire
import Testing

/// An alert and 10,000 queued records on a link of 64 kbit/s with a round trip of 600 ms: the alert has its
/// receipt before any of what waits, within five seconds of the connection. What is asserted is what stands
/// before it on the line, in bytes, which no busy machine changes.
@Suite(.timeLimit(.minutes(15))) struct AlertAheadTests {
    /// One frame, as the branch's transcript has it.
    private struct Frame {
        var ms: Int64
        var message: Message
        /// Behind its last byte, in its direction.
        var end: Int

        var batch: VersionBatch? {
            if case .batch(let batch) = message { return batch }
            return nil
        }

        var receipts: [Receipt] {
            if case .receipt(let frame) = message { return frame.receipts }
            return []
        }

        func holds(_ form: String) -> Bool { batch?.rows.groups.contains { $0.form == form } ?? false }
    }

    private struct Line: Decodable {
        var ms: Int64?
        var offset: Int?
        var header: String?
        var payload: String?
    }

    private static let count = 10_000
    private static let rate = 8_000.0
    private static let roundTrip = 0.6

    private static func frames(_ path: String) throws -> [Frame] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").compactMap { text in
            // The last line may be half written.
            guard let line = try? JSONDecoder().decode(Line.self, from: Data(text.utf8)), let ms = line.ms,
                let offset = line.offset, let header = line.header.flatMap({ Hex.decode($0) }),
                let payload = line.payload.flatMap({ Hex.decode($0) })
            else { return nil }
            let length = header[4..<8].reduce(0) { $0 << 8 | Int($1) }
            return Frame(
                ms: ms, message: try MessageCodec.decode(type: header[0], payload: payload),
                end: offset + FrameHeader.size + length)
        }
    }

    /// A branch with so many check-ins in its queue, each with a remark that does not compress.
    private static func backlog() async throws -> Hub {
        let place = try Place()
        let hub = try await Hub(in: place, name: "Slow")
        let people = (0..<200).map { "P\(1_000 + $0)" }
        for (kind, lines) in [
            (
                "units",
                [
                    "unit_id,unit_name,unit_type,parent_id,line", "C0,C,committee,,party",
                    "B1,B,branch,C0,party",
                ]
            ), ("people", ["person_id,name,unit_id"] + people.map { "\($0),\($0),B1" }),
        ] {
            let file = place.path(kind + ".csv")
            try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
            try await hub.hub("import", kind, file)
        }
        try await hub.open()
        try await hub.join("B1")
        try await hub.sync("B1")
        var text = "person_id,check_date,recorded_at,temperature,remark\n"
        for number in 0..<count {
            let date = Date.now.addingTimeInterval(8 * 3_600 - Double(2 + number / 200) * 86_400)
            let day = date.ISO8601Format().prefix(10)
            text += "\(people[number % 200]),\(day),\(day) 09:00,36.5,\(UUID().uuidString)\n"
        }
        let file = place.path("backlog.csv")
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        let counts: ImportCounts = try await hub.branch("B1", "import", "check-in", file, "--json").json()
        #expect(counts.accepted == count)
        return hub
    }

    private static func enterAlert(_ hub: Hub) async throws {
        try await hub.branch("B1", "add", "check-in", "person=P1000", "temperature=38.6")
    }

    /// Sends over the slow link until the alert's receipt is there.
    private static func send(
        _ hub: Hub, _ link: EmulatedLink, by verb: String, meanwhile: () async throws -> Void
    ) async throws -> [Frame] {
        try await hub.branch("B1", "address", "127.0.0.1:\(link.port)")
        let transcript = hub.place.path("transcript")
        let sync = try hub.start("B1", verb, "--transcript", transcript)
        defer { sync.kill() }
        try await meanwhile()
        let isDone = try await eventually(within: .seconds(300)) {
            guard sync.isRunning, let frames = try? frames(transcript),
                let alert = frames.first(where: { $0.holds("alert") })?.batch
            else { return !sync.isRunning }
            return frames.contains { $0.receipts.contains { $0.origin == alert.origin } }
        }
        #expect(isDone)
        sync.kill()
        _ = try await sync.end()
        return try frames(transcript)
    }

    @Test func anAlertInTheQueueGoesBeforeEverythingElse() async throws {
        let hub = try await Self.backlog()
        let link = try EmulatedLink(to: hub.port, profile: .slow)
        defer { link.close() }
        try await Self.enterAlert(hub)
        let frames = try await Self.send(hub, link, by: "sync") {}
        let batches = frames.filter { $0.batch != nil }
        let first = try #require(batches.first)
        #expect(
            first.holds("alert") && first.holds("check-in"), "with what called for it, and before all else")
        let urgent = try #require(first.batch).origin
        let receipts = frames.flatMap { frame in frame.receipts.map { (frame, $0) } }
        #expect(receipts.first?.1.origin == urgent, "no other is receipted before it")
        let rest = batches.filter { $0.batch?.origin != urgent }.compactMap(\.batch).map(\.rows.count)
        #expect(rest.reduce(0, +) > 0 && rest.reduce(0, +) < Self.count, "the rest was still on its way")
        // SYN, TLS and the greeting take three round trips, what stands before it on the line the rest.
        let seconds = 3 * Self.roundTrip + Double(first.end) / Self.rate
        #expect(seconds < 5, "\(first.end) bytes up to its end")
        let took = receipts.first.map { $0.0.ms } ?? 0
        print("an alert in a queue of \(Self.count): receipted \(took) ms after the transcript began")
        try await hub.close()
    }

    @Test func anAlertWrittenMeanwhileOvertakesWhatWaits() async throws {
        let hub = try await Self.backlog()
        let link = try EmulatedLink(to: hub.port, profile: .slow)
        defer { link.close() }
        let transcript = hub.place.path("transcript")
        let frames = try await Self.send(hub, link, by: "serve") {
            // Some of the backlog has its receipt, and most of it has not been sent.
            let isUnderWay = try await eventually {
                (try? Self.frames(transcript))?.contains { !$0.receipts.isEmpty } ?? false
            }
            #expect(isUnderWay)
            try await Self.enterAlert(hub)
        }
        let place = try #require(frames.firstIndex { $0.holds("alert") })
        let alert = try #require(frames[place].batch)
        let before = frames[..<place].filter { $0.batch != nil }
        #expect(!before.isEmpty && before.reduce(0) { $0 + ($1.batch?.rows.count ?? 0) } < Self.count)
        // What the hub had not said to have is all that can stand before it on the line.
        let held = frames[..<place].flatMap(\.receipts).map(\.sequence).max() ?? 0
        let through = before.last { frame in
            frame.batch.map { $0.first + UInt64($0.rows.count) - 1 <= held } ?? false
        }
        let ahead = frames[place].end - (through?.end ?? 0)
        #expect(Self.roundTrip + Double(ahead) / Self.rate < 5, "\(ahead) bytes stand before it")
        let receipt = try #require(frames.first { $0.receipts.contains { $0.origin == alert.origin } })
        let sent = frames.filter { $0.ms <= receipt.ms }.compactMap(\.batch).filter {
            $0.origin != alert.origin
        }
        #expect(sent.reduce(0) { $0 + $1.rows.count } < Self.count, "it has overtaken the rest")
        let took = receipt.ms - frames[place].ms
        print("an alert written while \(Self.count) are sent: receipted \(took) ms after it was sent")
        try await hub.close()
    }
}
