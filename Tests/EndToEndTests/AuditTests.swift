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
        let refused = try await crowd.hub("export", "check-in", "--unmask", expecting: [64])
        #expect(refused.remarks.contains("--reason") && refused.output.isEmpty)
        let masked = try await crowd.hub("export", "check-in").output
        #expect(masked.contains("S000000") && masked.contains("***") && !masked.contains("36.6"))
        #expect(try await crowd.export("check-in").output.contains("36.6"))
        let bare = try await crowd.hub(
            "history", "check-in", crowd.days[0], "S000000", "--unmask", expecting: [64])
        #expect(bare.remarks.contains("--reason") && bare.output.isEmpty)
        try await crowd.hub(
            "history", "check-in", crowd.days[0], "S000000", "--unmask", "--reason", "asked by S000000")
        try await crowd.hub("history", "check-in", crowd.days[0], "S000000")
        let unseen = try await crowd.place.run(
            "sync-inspect",
            [
                "record", "check-in", crowd.days[0], "S000000", "--unmask", "--data",
                crowd.place.path("hub"),
            ], expecting: [64])
        #expect(unseen.remarks.contains("aggregator history") && unseen.output.isEmpty)
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
                    "exported", "exported", "unmasked", "backed_up", "revoked",
                ])
        #expect(log.entries.first { $0.event == "confirmed" }?.who?.hasSuffix(" as Li Lei") == true)
        #expect(log.entries.first { $0.event == "joined" }?.who == nil)
        #expect(log.details("revoked") == ["handed on"])
        #expect(log.details("exported").last == "check-in, unmasked: a test")
        #expect(log.details("exported").dropLast().allSatisfy { !$0.contains("unmasked") })
        #expect(log.details("unmasked") == ["history check-in \(crowd.days[0]) S000000: asked by S000000"])
        try await spoil(crowd, count: log.entries.count)
    }

    /// Whatever verb shows personal fields at the hub: not without a reason, and the log has it first.
    @Test func everyVerbThatUnmasksAsksWhyAndIsWrittenDown() async throws {
        let crowd = try await Crowd(branches: 1, persons: 2, days: 1)
        try await crowd.open()
        try await crowd.join("B000")
        try await crowd.checkIn("B000", "S000000", "38.6")
        #expect(try await crowd.sync("B000").drained)
        let key = ["check-in", crowd.days[0], "S000000"]
        let verbs = [
            ["export", "check-in"], ["history"] + key, ["conflicts", "show"] + key, ["alerts", "list"],
            ["board", "coverage", "--day", crowd.days[0], "--explain", "B000/checked_in"], ["duty"],
        ]
        let data = ["--data", crowd.place.path("hub")]
        for verb in verbs {
            let before = try await Log.read(crowd).entries.count
            let bare = try await crowd.place.run("aggregator", verb + ["--unmask"] + data, expecting: [64])
            #expect(bare.output.isEmpty && bare.remarks.contains("--reason"), "\(verb)")
            #expect(try await Log.read(crowd).entries.count == before, "\(verb)")
            let words = "asked for \(verb[0])"
            try await crowd.place.run("aggregator", verb + ["--unmask", "--reason", words] + data)
            let log = try await Log.read(crowd)
            let entry = try #require(log.entries.last)
            #expect(log.intact && log.entries.count == before + 1, "\(verb)")
            #expect(["unmasked", "exported"].contains(entry.event), "\(verb): \(entry.event)")
            #expect(entry.detail.hasSuffix(": \(words)") && entry.who?.isEmpty == false, "\(verb)")
        }
        try await crowd.close()
    }

    /// At a branch too: who looks at personal fields says why, and it stands beside the store.
    @Test func aBranchKeepsWhoLookedAtWhat() async throws {
        let crowd = try await Crowd(branches: 1, persons: 1, days: 1)
        try await crowd.open()
        try await crowd.join("B000")
        try await crowd.checkIn("B000", "S000000", "38.6")
        let record = ["check-in", crowd.days[0], "S000000", "--data", crowd.data("B000")]
        let masked = try await crowd.place.run("branch-agent", ["history"] + record)
        #expect(!masked.output.contains("38.6"))
        let file = crowd.data("B000") + "/unmasked.jsonl"
        for (program, words) in [
            ("branch-agent", ["history", "--unmask"]), ("sync-inspect", ["record", "--unmask"]),
        ] {
            let refused = try await crowd.place.run(
                program, [words[0]] + record + [words[1]], expecting: [64])
            #expect(refused.output.isEmpty && refused.remarks.contains("--reason"))
        }
        #expect(!FileManager.default.fileExists(atPath: file))
        let shown = try await crowd.place.run(
            "branch-agent", ["history"] + record + ["--unmask", "--reason", "asked by S000000"])
        #expect(shown.output.contains("38.6"))
        let kept = try String(contentsOfFile: file, encoding: .utf8)
        #expect(kept.contains("history check-in \(crowd.days[0]) S000000: asked by S000000"))
        #expect(kept.hasSuffix("\n") && kept.split(separator: "\n").count == 1 && !kept.contains("38.6"))
        let rights = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(rights == 0o600)
        // Who edits reads what stands there, and who proves hands it out.
        #expect(
            try await crowd.branch("B000", "edit", "check-in", "day=\(crowd.days[0])", "person=S000000")
                .output
                .contains("38.6"))
        #expect(try await crowd.sync("B000").drained)
        let proof = ["B000.proof", "--form", "check-in", "--key", crowd.days[0], "S000000"]
        let bare = try await crowd.place.run(
            "branch-agent",
            ["proof", crowd.place.path(proof[0])] + proof.dropFirst() + ["--data", crowd.data("B000")],
            expecting: [64])
        #expect(bare.remarks.contains("--reason"))
        try await crowd.place.run(
            "branch-agent",
            ["proof", crowd.place.path(proof[0])] + proof.dropFirst()
                + ["--reason", "for the school", "--data", crowd.data("B000")])
        let all = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
        #expect(all.count == 3 && all[1].contains("opened to be edited"))
        #expect(all[2].contains("proof check-in \(crowd.days[0]) S000000: for the school"))
        try await crowd.close()
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

    /// What somebody does to the log's end is named, and still is once the hub has gone on.
    @Test(arguments: EndDamage.all) func whatIsDoneToTheEndShowsForGood(_ damage: EndDamage) async throws {
        let crowd = try await Crowd(branches: 1, persons: 1, days: 1)
        // Made, and two imports.
        for _ in 0..<2 { _ = try await crowd.invite("B000") }
        let folder = crowd.place.path("hub")
        func sql(_ text: String) throws {
            let database = try DatabaseQueue(path: folder + "/store.sqlite")
            try database.write { try $0.execute(sql: text) }
            try database.close()
        }
        try sql("CREATE TABLE kept AS SELECT * FROM meta WHERE name = 'audit_head'")
        let end = URL(filePath: folder + "/audit.head")
        let former = try Data(contentsOf: end)
        for _ in 0..<2 { _ = try await crowd.invite("B000") }
        #expect(try await Log.read(crowd).intact)
        if !damage.sql.isEmpty { try sql(damage.sql) }
        switch damage.file {
        case .asItIs: break
        case .gone: try FileManager.default.removeItem(at: end)
        case .older: try former.write(to: end)
        }
        let found = try await Log.read(crowd, expecting: [7])
        #expect(found.finding?.kind == damage.kind && found.finding?.number == damage.number)
        for _ in 0..<2 { _ = try await crowd.invite("B000") }
        let later = try await Log.read(crowd, expecting: [7])
        #expect(later.finding?.kind == damage.later.kind && later.finding?.number == damage.later.number)
    }

    struct EndDamage: Sendable, CustomTestStringConvertible {
        enum File { case asItIs, gone, older }

        var testDescription: String
        var sql = ""
        var file = File.asItIs
        var kind: String
        var number: Int
        /// What is found after the next act.
        var later: (kind: String, number: Int)

        private static let formerHead = "INSERT OR REPLACE INTO meta SELECT * FROM kept;"

        static let all = [
            EndDamage(
                testDescription: "tail dropped, older end put back",
                sql: "DELETE FROM audit WHERE id > 5;" + formerHead, kind: "dropped", number: 6,
                later: ("dropped", 6)),
            EndDamage(
                testDescription: "end removed", sql: "DELETE FROM meta WHERE name = 'audit_head'",
                kind: "end_unsigned", number: 8, later: ("end_was_gone", 8)),
            EndDamage(
                testDescription: "everything removed",
                sql: "DELETE FROM audit; DELETE FROM meta WHERE name = 'audit_head'", kind: "dropped",
                number: 1, later: ("dropped", 1)),
            EndDamage(
                testDescription: "older end put back", sql: formerHead, kind: "not_following", number: 5,
                later: ("end_was_gone", 8)),
            EndDamage(
                testDescription: "file removed", file: .gone, kind: "beside_gone", number: 0,
                later: ("end_was_gone", 8)),
            EndDamage(
                testDescription: "older file put back", file: .older, kind: "beside_old", number: 5,
                later: ("end_was_gone", 8)),
            EndDamage(
                testDescription: "entry under an odd number",
                sql: "INSERT INTO audit SELECT 1000, at, event, who, device, 'forged', hash_before, hash, "
                    + "signature FROM audit WHERE id = 3", kind: "inserted", number: 1_000,
                later: ("inserted", 1_000)),
        ]
    }
}
