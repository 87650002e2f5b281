import Foundation
import SyncCore
import SyncStore
import Testing

@testable import BranchAgent

/// What is carried by hand where there is no link, with the real programs.
@Suite struct CarryTests {
    private struct Written: Decodable {
        var files: [String]
        var versions: Int
        var urgent: Int
    }
    private struct Taken: Decodable {
        var taken: Int
        var known: Int
        var quarantined: Int
        var refused: [String]
    }
    private struct Arrived: Decodable { var receipted: UInt64 }

    private func carry(_ centre: Centre, _ file: String) async throws -> Written {
        try await centre.branch("B04", "carry", file, "--json").json()
    }

    private func take(_ centre: Centre, _ file: String, expecting code: Int32 = 0) async throws -> Taken {
        try await centre.hub("import", "--carried", file, "--json", expecting: [code]).json()
    }

    @Test func aFileDoesWhatALinkDoesAndBothDoItOnce() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        let (place, person) = (centre.place, centre.college.words("mistyped_person"))
        let day = centre.college.words("last_day")
        let first = place.path("first.carried")
        // Never connected but to join: the hub does not know the journals.
        try await centre.branch(
            "B04", "add", "check-in", "person=" + person, "day=" + day, "temperature=38.9",
            "remark=not-for-others")
        let written = try await carry(centre, first)
        #expect(written.versions >= 2 && written.urgent >= 2 && written.files == [first])
        let bytes = try Data(contentsOf: URL(filePath: first))
        #expect(bytes.range(of: Data("not-for-others".utf8)) == nil)
        #expect(bytes.range(of: Data(person.utf8)) == nil)
        // The hub goes on serving.
        let taken = try await take(centre, first)
        #expect(taken.taken == written.versions && taken.refused.isEmpty && taken.quarantined == 0)
        let again = try await take(centre, first)
        #expect(again.taken == 0 && again.known == written.versions)
        let alerts = try await centre.export("alert").output
        #expect(alerts.split(separator: "\n").count == 2)

        // More is written before the answer is back: the file begins where receipts end.
        try await centre.importSheets(of: "B04")
        let second = place.path("second.carried")
        let more = try await carry(centre, second)
        #expect(more.versions > written.versions)
        let rest = try await take(centre, second)
        #expect(rest.taken == more.versions - written.versions && rest.known == written.versions)
        #expect(try await centre.status("B04").queued > 0)
        let arrived: Arrived = try await centre.branch(
            "B04", "carry", "--receipts", second + ".answer", "--json"
        ).json()
        #expect(arrived.receipted == UInt64(more.versions))
        #expect(try await centre.status("B04").queued == 0)
        // The older answer says nothing new, and the link has nothing to do.
        let old: Arrived = try await centre.branch(
            "B04", "carry", "--receipts", first + ".answer", "--json"
        ).json()
        #expect(old.receipted == 0)
        #expect(try await carry(centre, place.path("none")).files.isEmpty)
        let all = try await centre.export("alert").output
        try await centre.sync("B04")
        #expect(try await centre.export("alert").output == all)
        let verified = try await place.run(
            "sync-inspect", ["verify", centre.data("B04"), place.path("hub")])
        #expect(verified.output.contains("every journal holds"))
        try await centre.close()
    }

    /// The folder was put back, and something else was written under the names that had come already.
    @Test func anotherJournalUnderTheSameNamesIsNoOldOne() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        try await centre.importSheets(of: "B04")
        try await centre.sync("B04")
        let (place, files) = (centre.place, FileManager.default)
        try files.copyItem(atPath: centre.data("B04"), toPath: place.path("old"))
        func add(_ temperature: String) async throws {
            try await centre.branch(
                "B04", "add", "check-in", "person=" + centre.college.words("mistyped_person"),
                "day=" + centre.college.words("last_day"), "temperature=" + temperature)
        }
        try await add("36.1")
        _ = try await carry(centre, place.path("first.carried"))
        #expect(try await take(centre, place.path("first.carried")).taken == 1)
        try files.removeItem(atPath: centre.data("B04"))
        try files.moveItem(atPath: place.path("old"), toPath: centre.data("B04"))
        try await add("36.2")
        _ = try await carry(centre, place.path("other.carried"))
        let other = try await take(centre, place.path("other.carried"), expecting: 1)
        #expect(other.taken == 0 && other.known == 0)
        #expect(other.refused.count == 1 && other.refused[0].contains("restored or copied"))
        // With more behind it, too; and over a link it is mended.
        try await add("36.3")
        _ = try await carry(centre, place.path("more.carried"))
        let more = try await take(centre, place.path("more.carried"), expecting: 1)
        #expect(more.taken == 0 && more.refused.count == 1 && more.refused[0].contains("restored or copied"))
        #expect(try await centre.sync("B04").drained)
        #expect(try await centre.status("B04").queued == 0)
    }

    @Test func whatIsNotForThisHubOrWasChangedIsRefused() async throws {
        let centre = try await Centre()
        let other = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        try await centre.importSheets(of: "B04")
        let file = centre.place.path("a.carried")
        _ = try await carry(centre, file)
        let stranger = try await other.hub("import", "--carried", file, expecting: [10])
        #expect(stranger.remarks.contains("another hub"))
        var bytes = Array(try Data(contentsOf: URL(filePath: file)))
        bytes[bytes.count / 2] ^= 1
        let changed = centre.place.path("b.carried")
        try Data(bytes).write(to: URL(filePath: changed))
        let refused = try await centre.hub("import", "--carried", changed, expecting: [7])
        #expect(refused.remarks.contains("changed on its way"))
        try Data(bytes.prefix(60)).write(to: URL(filePath: changed))
        try await centre.hub("import", "--carried", changed, expecting: [66])
        // Who tried to hand in something that was not taken is on record, at either hub.
        let log = try await AuditTests.Log.read(centre)
        #expect(log.intact)
        #expect(log.details("carried") == ["refused: altered or none", "refused: altered or none"])
        #expect(try await AuditTests.Log.read(other).details("carried") == ["refused: for another hub"])
        _ = try await take(centre, file)
        bytes = Array(try Data(contentsOf: URL(filePath: file + ".answer")))
        bytes[bytes.count - 20] ^= 1
        try Data(bytes).write(to: URL(filePath: changed))
        try await centre.branch("B04", "carry", "--receipts", changed, expecting: [7])
        try await centre.branch("B04", "carry", "--receipts", file, expecting: [66])
        try await centre.hub("import", "--carried", file, "units", expecting: [64])
        try await centre.close()
    }

    /// Of a device that is not let in yet nothing is taken by hand either, and that is on record.
    @Test func whoIsNotLetInHandsInNothing() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.branch("B04", "join", try await centre.invite("B04", trusted: false))
        try await centre.importSheets(of: "B04")
        let file = centre.place.path("a.carried")
        _ = try await carry(centre, file)
        try await centre.hub("import", "--carried", file, expecting: [3])
        let log = try await AuditTests.Log.read(centre)
        let told = try #require(log.details("carried").first)
        #expect(told.hasPrefix("refused: 201 ") && told.contains("; key "), "\(told)")
        try await centre.close()
    }

    /// What an earlier file brought and was set aside is told again in the answer, and counted once.
    @Test func whatWasSetAsideBeforeIsNotCountedAgain() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        let (place, person) = (centre.place, centre.college.words("mistyped_person"))
        do {
            // As another program may write it, which asks no form.
            let store = try AgentFolder(path: centre.data("B04")).open().store
            let now = Milliseconds(Date.now.timeIntervalSince1970 * 1_000)
            // The committee's day: UTC's is the day before for eight hours, and that one comes below.
            let today = (now + 8 * 3_600_000) / 86_400_000
            let key = RecordKey(form: "check-in", values: [.integer(today), .text(person)])
            _ = try store.write(clock: AuthoringClock(now: now, isTrusted: true)) { transaction in
                try transaction.author(
                    Draft(
                        lane: .routine, key: key, formRevision: 1, context: .empty,
                        assignments: [
                            Assignment(
                                field: 1, retentionClass: 0, value: .decimal(unscaled: 9_999, scale: 2)),
                            Assignment(field: 2, retentionClass: 0, value: .integer(7)),
                        ]))
            }
        }
        _ = try await carry(centre, place.path("first.carried"))
        let first = try await take(centre, place.path("first.carried"))
        #expect(first.taken == 1 && first.quarantined == 1, "two faults, one entry")
        try await centre.branch(
            "B04", "add", "check-in", "person=" + person, "day=" + centre.college.words("last_day"),
            "temperature=36.6")
        _ = try await carry(centre, place.path("second.carried"))
        let second = try await take(centre, place.path("second.carried"))
        #expect(second.taken == 1 && second.known == 1 && second.quarantined == 0)
        try await centre.close()
    }
}
