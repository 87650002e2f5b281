import Foundation
import GRDB
import SyncCore
import SyncTransport
import SyncWire
import Testing

@testable import Aggregator

/// What a hub writes down, and that nobody changes it unseen.
@Suite(.timeLimit(.minutes(6))) struct AuditTests {
    struct Log: Decodable {
        struct Entry: Decodable {
            var number: Int
            var event: String
            var who: String?
            var device: Int?
            var detail: String
        }
        struct Finding: Decodable {
            var kind: String
            var number: Int
        }

        var entries: [Entry]
        var intact: Bool
        var finding: Finding?

        static func read(_ hub: Hub, expecting codes: Set<Int32> = [0]) async throws -> Log {
            try await hub.hub("audit", "--json", expecting: codes).json()
        }

        func details(_ event: String) -> [String] { entries.filter { $0.event == event }.map(\.detail) }
    }

    @Test func everyActLeavesAnEntryAndAChangeIsNamed() async throws {
        let crowd = try await Crowd(branches: 1, persons: 4, days: 2)
        try await crowd.open()
        let joined = try await crowd.branch("B000", "join", try await crowd.invite("B000", trusted: false))
        let digits = try #require(joined.output.split { !$0.isNumber }.first { $0.count == 6 })
        try await crowd.hub("confirm", String(digits), "--as", "Li Lei")
        try await crowd.checkIn("B000", "S000000", "36.6")
        #expect(try await crowd.sync("B000").drained)
        try await crowd.hub("export", "check-in", "--from", crowd.days[0])
        let bare = try await crowd.hub(
            "history", "check-in", crowd.days[0], "S000000", "--unmask", expecting: [64])
        #expect(bare.remarks.contains("--reason") && bare.output.isEmpty)
        try await crowd.hub(
            "history", "check-in", crowd.days[0], "S000000", "--unmask", "--reason", "asked by S000000")
        try await crowd.hub("history", "check-in", crowd.days[0], "S000000")
        try await crowd.hub("backup", crowd.place.path("backup.sqlite"))
        try await crowd.hub("revoke", "1", "--reason", "handed on")
        try await crowd.close()
        let log = try await Log.read(crowd)
        #expect(log.intact && log.finding == nil)
        #expect(log.entries.map(\.number) == Array(1...log.entries.count))
        #expect(
            log.entries.map(\.event)
                == [
                    "initialized", "imported", "imported", "invited", "joined", "confirmed", "exported",
                    "unmasked", "backed_up", "revoked",
                ])
        #expect(log.entries.first { $0.event == "confirmed" }?.who?.hasSuffix(" as Li Lei") == true)
        #expect(log.entries.first { $0.event == "joined" }?.who == nil)
        #expect(log.details("revoked") == ["handed on"])
        #expect(log.details("unmasked") == ["history check-in \(crowd.days[0]) S000000: asked by S000000"])
        try await spoil(crowd, count: log.entries.count)
    }

    /// Writes to the file behind the program's back.
    private func spoil(_ crowd: Crowd, count: Int) async throws {
        func sql(_ text: String) throws {
            let database = try DatabaseQueue(path: crowd.place.path("hub") + "/store.sqlite")
            try database.write { try $0.execute(sql: text) }
            try database.close()
        }
        let columns = "at, event, who, device, detail, hash_before, hash, signature"
        try sql("CREATE TABLE kept AS SELECT * FROM audit")
        let spoilings: [(sql: String, kind: String, number: Int)] = [
            ("UPDATE audit SET who = 'nobody' WHERE id = 7", "altered", 7),
            ("DELETE FROM audit WHERE id = 7", "dropped", 7),
            ("DELETE FROM audit WHERE id = \(count)", "dropped", count),
            (
                "DELETE FROM audit WHERE id = 4; UPDATE audit SET id = id - 1 WHERE id > 4", "dropped", 4
            ),
            (
                "INSERT INTO audit (id, \(columns)) SELECT 1000 + id, \(columns) FROM audit WHERE id > 4; "
                    + "DELETE FROM audit WHERE id > 5 AND id < 1000; "
                    + "UPDATE audit SET id = id - 999 WHERE id > 1000", "inserted", 6
            ),
            (
                "UPDATE audit SET id = 1002 WHERE id = 2; UPDATE audit SET id = 2 WHERE id = 3; "
                    + "UPDATE audit SET id = 3 WHERE id = 1002", "reordered", 2
            ),
        ]
        for spoiling in spoilings {
            try sql(spoiling.sql)
            let log = try await Log.read(crowd, expecting: [7])
            #expect(!log.intact, "\(spoiling.sql)")
            #expect(log.finding?.kind == spoiling.kind, "\(spoiling.sql)")
            #expect(log.finding?.number == spoiling.number, "\(spoiling.sql)")
            let said = try await crowd.hub("audit", expecting: [7])
            #expect(said.output.contains("entry \(spoiling.number) was"))
            try sql("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept")
        }
        #expect(try await Log.read(crowd).intact)
        let none = try await crowd.hub("audit", "--from", "2100-01-01")
        #expect(none.output.split(separator: "\n").count == 1, "only that it was verified")
        try await crowd.hub("audit", "--from", "yesterday", expecting: [64])
    }
}
