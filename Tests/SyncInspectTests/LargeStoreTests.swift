import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import Testing

@testable import sync_inspect

/// What keeps the verbs quick and small on a branch's store of many records, whatever the machine:
/// `tools/inspect-speed` measures it.
@Suite struct LargeStoreTests {
    private struct Queue: Decodable {
        struct Lane: Decodable {
            struct Entry: Decodable { var dot: String }
            var queued: Int
            var entries: [Entry]
        }
        var lanes: [String: Lane]
    }

    private func world(_ count: Int) throws -> InspectWorld {
        let world = try InspectWorld()
        for block in stride(from: 0, to: count, by: 100) {
            try world.author((block..<min(count, block + 100)).map { InspectWorld.checkIn("P\($0)") })
        }
        return world
    }

    /// A script gets so many entries as it asks for; the counts are of all.
    @Test func aListIsBounded() throws {
        let world = try world(QueueCommand.entriesForScripts + 50)
        let words = ["queue", "--data", world.branch, "--json"]
        for (more, wanted) in [([], QueueCommand.entriesForScripts), (["--limit", "2000"], 1_050)] {
            let run = try ProgramTests.run(words + more)
            let queue = try JSONDecoder().decode(Queue.self, from: Data(run.out.utf8))
            #expect(queue.lanes["routine"]?.entries.count == wanted)
            #expect(queue.lanes["routine"]?.queued == QueueCommand.entriesForScripts + 50)
        }
    }

    /// `queue` reads no version's content, `record` and `explain` that of their record alone: content that
    /// does not read is noticed by nobody who does not ask for it.
    @Test func nothingElseIsRead() throws {
        let world = try world(300)
        let name = "SELECT record FROM version WHERE sequence = 150"
        try world.damage("UPDATE version SET body = x'ff' WHERE record <> (\(name))")
        try world.damage("UPDATE record SET state = x'ff' WHERE id <> (\(name))")
        let branch = ["--data", world.branch]
        let key = ["check-in", "2020-02-03", "P149"]
        for words in [["queue"] + branch, ["record"] + key + branch, ["explain"] + key + branch] {
            let run = try ProgramTests.run(words)
            #expect(run.status == 0 && run.err.isEmpty, "\(words): \(run.err)")
        }
        // Who looks at everything says so.
        #expect(try ProgramTests.run(["conflicts"] + branch).status == 7)
        #expect(try ProgramTests.run(["record", "check-in", "2020-02-03", "P1"] + branch).status == 7)
    }
}
