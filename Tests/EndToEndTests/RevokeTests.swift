import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import Testing

@testable import Aggregator

/// Devices that the centre lets in no more, with the real programs.
@Suite(.timeLimit(.minutes(5))) struct RevokeTests {
    private struct Device: Decodable {
        var id: Int
        var unit: String
        var state: String
        var joined: String
        var lastSeen: String?
        var address: String?
        var program: String
        var version: Int?
        var urgentBacklog: Int
        var routineBacklog: Int
        var oldestSeconds: Int
        var revokedFor: String?
        var heldBack: [HeldBack]

        struct HeldBack: Decodable {
            var reason: String
            var count: Int
        }
    }

    private static func device(of unit: String, _ hub: Hub) async throws -> Device {
        let devices: [Device] = try await hub.hub("devices", "--json").json()
        return try #require(devices.first { $0.unit == unit })
    }

    private static func quarantined(_ hub: Hub) throws -> Int {
        try HubFolder(path: hub.place.path("hub")).openForReading().quarantined().count
    }

    @Test func whoIsRevokedIsCutOffAtOnceAndCanOnlyHandOver() async throws {
        let crowd = try await Crowd(branches: 2, persons: 6, days: 2)
        try await crowd.open()
        try await crowd.join("B000")
        try await crowd.join("B001")
        let branch = try crowd.start("B000", "serve")
        try await crowd.checkIn("B000", "S000000", "36.6")
        #expect(try await eventually { try await crowd.status("B000").queued == 0 })
        let device = try await Self.device(of: "B000", crowd)
        #expect(device.address == "127.0.0.1" && device.version == 1 && device.lastSeen != nil)
        #expect(device.program.hasPrefix("branch-agent ") && device.state == "active")
        #expect(device.urgentBacklog + device.routineBacklog + device.oldestSeconds == 0)
        let id = String(device.id)
        try await crowd.hub("revoke", "7", expecting: [66])
        try await crowd.hub("revoke", id, "--reason", "laptop lost")
        #expect(try await eventually { branch.remarks.contains("202") })
        let revoked = try await Self.device(of: "B000", crowd)
        #expect(revoked.state == "revoked" && revoked.revokedFor == "laptop lost")
        // What is entered from now on is handed over, receipted, and does not count.
        try await crowd.checkIn("B000", "S000001", "36.7")
        try await crowd.checkIn("B000", "S000002", "39.5")
        #expect(try await eventually { try await crowd.status("B000").queued == 0 })
        _ = try await branch.stop()
        let sync = try await crowd.branch("B000", "sync", expecting: [3])
        #expect(sync.remarks.contains("202"))
        #expect(try await crowd.status("B000").queued == 0)
        #expect(try await crowd.arrived().map(\.person) == ["S000000"])
        #expect(try await crowd.alerts().isEmpty)
        #expect(try Self.quarantined(crowd) >= 3, "two check-ins and an alert")
        let held = try await Self.device(of: "B000", crowd).heldBack
        let count = try Self.quarantined(crowd)
        #expect(held.map(\.reason) == ["revoked_device"] && held.map(\.count) == [count])
        #expect(try await Self.device(of: "B001", crowd).heldBack.isEmpty)
        for verb in ["devices", "status"] {
            let said = try await crowd.hub(verb).output
            #expect(said.contains("of device \(device.id) \(count) entries are held back"), "\(verb)")
        }
        // It is fed nothing: the other branch's entry and the unit's second device go on without it.
        try await crowd.checkIn("B001", "S001000", "36.5")
        #expect(try await crowd.sync("B001").drained)
        try await crowd.branch("B000", "sync", expecting: [3])
        try await crowd.close()
    }

    /// What the hub holds whole came by file, or its receipt was lost, before the device was revoked: the
    /// device hears that it is there, and can be certified.
    @Test func whoIsRevokedBeforeItsReceiptsCameHearsOfThem() async throws {
        let crowd = try await Crowd(branches: 1, persons: 6, days: 2)
        try await crowd.open()
        try await crowd.join("B000")
        try await crowd.checkIn("B000", "S000000", "36.6")
        try await crowd.checkIn("B000", "S000001", "39.5")
        let file = crowd.place.path("first.carried")
        try await crowd.branch("B000", "carry", file)
        try await crowd.hub("import", "--carried", file)
        #expect(try await crowd.arrived().count == 2)
        let certificate = crowd.place.path("certificate.json")
        try await crowd.branch("B000", "retire", certificate, expecting: [1])
        try await crowd.hub("revoke", String(try await Self.device(of: "B000", crowd).id))
        let sync = try await crowd.branch("B000", "sync", expecting: [3])
        #expect(sync.remarks.contains("202"))
        let status = try await crowd.status("B000")
        #expect(status.queued == 0 && status.receipted == 3, "\(status)")
        let words = try await crowd.branch("B000", "status").output
        #expect(!words.contains("quarantined check-in"), "what came before counts: \(words)")
        try await crowd.branch("B000", "retire", certificate)
        #expect(try await crowd.arrived().count == 2 && Self.quarantined(crowd) == 0)
        // What is entered from then on is handed over, and does not count.
        try await crowd.checkIn("B000", "S000002", "36.7")
        try await crowd.branch("B000", "sync", expecting: [3])
        #expect(try await crowd.status("B000").queued == 0)
        #expect(try await crowd.arrived().count == 2 && Self.quarantined(crowd) == 1)
        #expect(try await crowd.branch("B000", "status").output.contains("quarantined check-in"))
        let log = try await AuditTests.Log.read(crowd)
        #expect(log.details("refused").contains { $0.hasPrefix("202 ") })
        try await crowd.close()
    }

    /// Windows, compressed batches and alerts, and a link that is cut in between.
    @Test func aFortnightIsHandedOverWhole() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        try await centre.importSheets(of: "B04")
        let versions = try await centre.status("B04").lanes.values.reduce(0) { $0 + $1.versions }
        try await centre.hub("revoke", String(try await Self.device(of: "B04", centre).id))
        let branch = try centre.start("B04", "sync")
        #expect(
            try await eventually { try await centre.status("B04").receipted > 0 || !branch.isRunning })
        try await centre.killAndOpen()
        _ = try await branch.end()
        let last = try await centre.branch("B04", "sync", expecting: [3])
        #expect(last.remarks.contains("202"))
        #expect(try await centre.status("B04").queued == 0)
        #expect(versions > 200)
        #expect(try Self.quarantined(centre) == versions)
        let board = try await centre.board(centre.college.words("last_day"))
        #expect(board["B04"]?.checkedIn == 0)
        try await centre.branch("B04", "retire", centre.place.path("certificate.json"))
        try await centre.close()
    }

    @Test func aHubThatIsPutBackStillKnows() async throws {
        let crowd = try await Crowd(branches: 2, persons: 6, days: 2)
        try await crowd.open()
        try await crowd.join("B000")
        try await crowd.checkIn("B000", "S000000", "36.6")
        #expect(try await crowd.sync("B000").drained)
        let backup = crowd.place.path("backup.sqlite")
        try await crowd.hub("backup", backup)
        // The second device joins after the backup: the store that is put back has never heard of it.
        try await crowd.join("B001")
        try await crowd.checkIn("B001", "S001000", "36.6")
        #expect(try await crowd.sync("B001").drained)
        for unit in ["B000", "B001"] {
            try await crowd.hub("revoke", String(try await Self.device(of: unit, crowd).id))
        }
        try await crowd.close()
        try await crowd.hub("restore", backup)
        try await crowd.open()
        for unit in ["B000", "B001"] {
            #expect(try await Self.device(of: unit, crowd).state == "revoked", "\(unit)")
            let sync = try await crowd.branch(unit, "sync", expecting: [3])
            #expect(sync.remarks.contains("202"), "\(unit)")
        }
        let log = try await AuditTests.Log.read(crowd)
        #expect(log.intact && log.entries.suffix(6).map(\.event).contains("restored"))
        #expect(log.details("revoked").count == 2, "the store that was put back is told again")
        // What had arrived since the backup comes again, as what a revoked device hands over.
        #expect(try await crowd.arrived().map(\.person) == ["S000000"])
        #expect(try Self.quarantined(crowd) == 1)
        try await crowd.close()
        // Also a file that somebody copies back with no word to the hub.
        for name in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"] {
            try? FileManager.default.removeItem(atPath: crowd.place.path("hub/" + name))
        }
        try FileManager.default.copyItem(atPath: backup, toPath: crowd.place.path("hub/store.sqlite"))
        try await crowd.open()
        #expect(try await Self.device(of: "B001", crowd).state == "revoked")
        let cut = try await AuditTests.Log.read(crowd, expecting: [7])
        #expect(cut.finding?.kind == "dropped", "the log ended later than the one that was copied back")
        try await crowd.close()
    }

    /// What had been delivered between the backup and the revocation comes back as what a revoked device
    /// hands over, beside what it had never delivered.
    @Test func whatWasDeliveredBeforeTheRevocationCountsAgain() async throws {
        let crowd = try await Crowd(branches: 1, persons: 6, days: 2)
        try await crowd.open()
        try await crowd.join("B000")
        try await crowd.checkIn("B000", "S000000", "36.6")
        #expect(try await crowd.sync("B000").drained)
        let backup = crowd.place.path("backup.sqlite")
        try await crowd.hub("backup", backup)
        try await crowd.checkIn("B000", "S000001", "39.5")
        try await crowd.checkIn("B000", "S000002", "36.8")
        #expect(try await crowd.sync("B000").drained)
        let (arrived, alerts) = (try await crowd.arrived(), try await crowd.alerts())
        #expect(arrived.count == 3 && alerts.count == 1)
        let id = String(try await Self.device(of: "B000", crowd).id)
        try await crowd.hub("release", id, "--reason", "too early", expecting: [66])
        try await crowd.hub("revoke", id)
        try await crowd.checkIn("B000", "S000003", "36.7")
        try await crowd.close()
        try await crowd.hub("restore", backup)
        try await crowd.open()
        try await crowd.branch("B000", "sync", expecting: [3])
        #expect(try await crowd.arrived().map(\.person) == ["S000000"])
        #expect(try Self.quarantined(crowd) == 4)
        // The branch knows that what it handed over does not count, and its certificate says so.
        let status = try await crowd.branch("B000", "status").output
        #expect(status.contains("quarantined check-in") && status.contains("S000003"))
        #expect(status.contains("S000001") && !status.contains("S000000"))
        #expect(status.contains("`aggregator release`"))
        let certificate = crowd.place.path("certificate.json")
        let retired = try await crowd.branch("B000", "retire", certificate).output
        #expect(retired.contains("of 4 records the centre holds entries back"))
        #expect(retired.contains("3 of them the centre had before it was restored"))
        let read = try Data(contentsOf: URL(filePath: certificate))
        #expect(String(decoding: read, as: UTF8.self).contains("\"quarantined\" : 4"))

        let said = try await crowd.hub("release", id, "--reason", "delivered before").remarks
        #expect(said.contains("3 entries of device \(id) count now") && said.contains("1 entries stay"))
        #expect(try await crowd.arrived() == arrived)
        #expect(try await crowd.alerts() == alerts)
        #expect(try Self.quarantined(crowd) == 1)
        let held = try await Self.device(of: "B000", crowd).heldBack
        #expect(held.map(\.count) == [1])
        let again = try await crowd.hub("release", id, "--reason", "once more").remarks
        #expect(again.contains("0 entries of device \(id) count now"))
        try await crowd.hub("release", id, "--reason", "rang them", "--all")
        #expect(try await crowd.arrived().count == 4)
        #expect(try await Self.device(of: "B000", crowd).heldBack.isEmpty)
        let log = try await AuditTests.Log.read(crowd)
        #expect(log.intact && log.details("released").count == 2)
        try await crowd.close()
        let verified = try await crowd.place.run("sync-inspect", ["verify", crowd.place.path("hub")])
        #expect(verified.output.contains("every journal holds"))
    }

    /// The laptop is lost with an entry that had not been sent. Another one joins in its place: it has what
    /// the branch had written, goes on with it, and what the old one hands over once it is found can count.
    @Test func aLaptopThatIsLostIsReplacedAndNothingIsLost() async throws {
        let crowd = try await Crowd(branches: 1, persons: 6, days: 2)
        try await crowd.open()
        try await crowd.join("B000", as: "old")
        try await crowd.checkIn("old", "S000000", "36.6")
        try await crowd.checkIn("old", "S000001", "36.7")
        #expect(try await crowd.sync("old").drained)
        try await crowd.checkIn("old", "S000002", "36.8")
        let id = String(try await Self.device(of: "B000", crowd).id)
        try await crowd.hub("revoke", id, "--reason", "laptop lost")
        try await crowd.join("B000", as: "new")
        #expect(try await crowd.sync("new").drained)
        let record = ["history", "check-in", crowd.days[0], "S000000", "--unmask", "--reason", "a test"]
        let told = try await crowd.place.run("branch-agent", record + ["--data", crowd.data("new")])
        #expect(told.output.contains("36.6"), "it is fed what its unit had written")
        // It corrects one of these, and nobody is asked: its author was shown what the lost one had written.
        try await crowd.branch(
            "new", "edit", "check-in", "day=\(crowd.days[0])", "person=S000000", "temperature=36.9")
        try await crowd.checkIn("new", "S000003", "36.5")
        #expect(try await crowd.sync("new").drained)
        #expect(try await crowd.hub("conflicts", "list").output.contains("nothing is in question"))
        // It is found: what had not been sent is handed over, kept, and counts once the centre says so.
        try await crowd.branch("old", "sync", expecting: [3])
        #expect(try await crowd.status("old").queued == 0)
        #expect(try await crowd.arrived().map(\.person).sorted() == ["S000000", "S000001", "S000003"])
        #expect(try Self.quarantined(crowd) == 1)
        try await crowd.hub("release", id, "--all", "--reason", "found under a seat")
        let arrived = try await crowd.arrived()
        #expect(arrived.map(\.person).sorted() == ["S000000", "S000001", "S000002", "S000003"])
        #expect(arrived.first { $0.person == "S000000" }?.temperature == 3_690)
        #expect(try await crowd.sync("new").drained)
        let late = ["history", "check-in", crowd.days[0], "S000002", "--unmask", "--reason", "a test"]
        #expect(
            try await crowd.place.run("branch-agent", late + ["--data", crowd.data("new")]).output
                .contains("36.8"))
        // Its key comes in no more, also with a code.
        let refused = try await crowd.branch(
            "old", "join", try await crowd.invite("B000"), expecting: [3, 64])
        #expect(!refused.output.contains("joined"))
        try await crowd.close()
    }

    @Test func aListOfRevocationsThatWasCutIsToldAndMended() async throws {
        let crowd = try await Crowd(branches: 2, persons: 1, days: 1)
        try await crowd.open()
        try await crowd.join("B000")
        try await crowd.join("B001")
        let backup = crowd.place.path("backup.sqlite")
        try await crowd.hub("backup", backup)
        for id in ["1", "2"] { try await crowd.hub("revoke", id) }
        try await crowd.close()
        let file = crowd.place.path("hub/revocations.jsonl")
        let whole = try #require(FileManager.default.contents(atPath: file))
        let first = try #require(whole.dropFirst().firstIndex(of: UInt8(ascii: "\n")))
        let listed = try await crowd.hub("devices").output
        #expect(!listed.contains("revocations.jsonl"))
        try whole.prefix(through: first).write(to: URL(filePath: file))
        for verb in ["devices", "status"] {
            #expect(try await crowd.hub(verb).output.contains("revocations.jsonl lacked 1"), "\(verb)")
        }
        try await crowd.open()
        #expect(crowd.log.contains("event=revocations_mended"))
        try await crowd.close()
        let log = try await AuditTests.Log.read(crowd)
        #expect(log.intact && log.details("revocations_mended").count == 1)
        #expect(try HubFolder(path: crowd.place.path("hub")).revocations().count == 2)
        // The store that is replaced is asked first.
        try FileManager.default.removeItem(atPath: file)
        try await crowd.hub("restore", backup)
        for unit in ["B000", "B001"] {
            #expect(try await Self.device(of: unit, crowd).state == "revoked", "\(unit)")
        }
        #expect(try await AuditTests.Log.read(crowd).intact)
    }

    @Test func aLineThatWasNeverFinishedIsPassedOver() throws {
        let place = try Place()
        let folder = HubFolder(path: place.path("hub"))
        try DatabaseFolder.make(folder.path)
        #expect(try folder.revocations().isEmpty)
        let first = Revocation(
            publicKey: [4, 1, 2], unit: "B1", label: "one", joined: 1, at: 2, reason: "lost\nlaptop")
        var second = first
        second.publicKey = [4, 9]
        try folder.keep(first)
        let file = folder.path + "/revocations.jsonl"
        let whole = try #require(FileManager.default.contents(atPath: file))
        // A crash in the middle of the second line.
        try (whole + whole.dropLast(9)).write(to: URL(fileURLWithPath: file))
        try folder.keep(second)
        #expect(try folder.revocations() == [first, second])
        #expect(try folder.unreadableRevocations() == 1)
    }
}
