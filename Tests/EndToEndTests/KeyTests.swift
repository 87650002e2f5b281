import Foundation
import LinkKit
import SyncCore
import SyncStore
import SyncTransport
import Testing

@testable import Aggregator

/// A hub whose key changes, with branches that nobody visits; with the real programs.
@Suite struct KeyTests {
    private struct Told: Decodable {
        struct Note: Decodable { var kind: String }
        var identity: [Note]
        var lastFailure: String?
    }
    private struct Keys: Decodable {
        struct Change: Decodable {
            var kind: String
            var blessedBy: String
        }
        var hub: String
        var present: String
        var recovery: String?
        var changes: [Change]
    }
    private struct Proof: Decodable { var hub: String }

    private func told(_ centre: Centre, _ name: String) async throws -> Told {
        try await centre.branch(name, "status", "--json").json()
    }

    private func add(_ centre: Centre, _ branch: String, _ temperature: String) async throws {
        try await centre.branch(
            branch, "add", "check-in", "person=" + centre.college.words("mistyped_person"),
            "day=" + centre.college.words("last_day"), "temperature=" + temperature)
    }

    private func keys(_ centre: Centre) async throws -> Keys {
        try await centre.hub("key", "show", "--json").json()
    }

    private func expectVerified(_ centre: Centre, _ name: String) async throws {
        let outcome = try await centre.place.run(
            "sync-inspect", ["verify", centre.data(name), centre.place.path("hub")])
        #expect(outcome.output.contains("every journal holds"))
    }

    @Test func branchesBelieveANewKeyWithoutAVisitHoweverLongTheyWereAway() async throws {
        let centre = try await Centre()
        let (place, day) = (centre.place, centre.college.words("last_day"))
        try await centre.open()
        try await centre.join("B04")
        try await centre.join("B04", as: "away")
        let unused = try await centre.invite("B04")
        try await add(centre, "B04", "36.6")
        try await centre.sync("B04")
        let first = try await keys(centre)
        #expect(first.hub == first.present && first.recovery == nil && first.changes.isEmpty)
        // Not under a hub that serves.
        try await centre.hub("key", "rotate", expecting: [4])
        try await centre.close()
        for _ in 0..<2 { try await centre.hub("key", "rotate", "--as", "Wang") }
        let last = try await keys(centre)
        #expect(last.hub == first.hub && last.present != first.present && last.changes.count == 2)

        // No link: what was closed for the first key opens, and the answer tells of the new one.
        try await add(centre, "away", "38.8")
        let file = place.path("away.carried")
        try await centre.branch("away", "carry", file)
        let said = try await centre.branch("away", "carry", "--text", "alert")
        let lines = said.output.split(separator: "\n").dropFirst().joined(separator: "\n")
        try Data(lines.utf8).write(to: URL(filePath: place.path("said")))
        try await centre.hub("import", "--text", place.path("said"))
        try await centre.hub("import", "--carried", file)
        try await centre.branch("away", "carry", "--receipts", file + ".answer")
        #expect(try await centre.status("away").queued == 0)
        #expect(try await told(centre, "away").identity.map(\.kind) == ["hub_key_changed"])

        try await centre.open()
        try await add(centre, "B04", "36.7")
        try await centre.sync("B04")
        #expect(try await told(centre, "B04").identity.map(\.kind) == ["hub_key_changed"])
        try await centre.sync("away")
        #expect(try await told(centre, "away").identity.count == 1)
        try await centre.branch("new", "join", unused, expecting: [3])
        try await centre.join("B04", as: "new")
        try await centre.sync("new")
        #expect(try await told(centre, "new").identity.isEmpty)
        try await centre.place.run("sync-inspect", ["reconcile", "--data", centre.data("new")])

        // What the former keys signed stands.
        for name in ["B04", "away", "new"] { try await expectVerified(centre, name) }
        let proof: Proof = try await centre.branch(
            "B04", "proof", place.path("all.proof"), "--all", "--reason", "a test", "--json"
        ).json()
        #expect(proof.hub == first.hub)
        try await place.run("sync-inspect", ["verify", place.path("all.proof"), "--hub", first.hub])
        try await centre.branch("B04", "retire", place.path("done"))
        try await place.run("sync-inspect", ["verify", place.path("done"), "--hub", first.hub])
        let audit = try await centre.hub("audit").output
        #expect(audit.contains("changed the hub's key") && audit.contains("Wang"))
        #expect(try await centre.export("check-in", "--from", day).output.contains("36.7"))
        try await centre.close()
    }

    /// Its folder goes along, its address becomes another, and nobody visits a branch.
    @Test func aHubThatMovesToAnotherMachine() async throws {
        let centre = try await Centre()
        try await centre.open()
        for name in ["a", "b"] { try await centre.join("B04", as: name) }
        try await add(centre, "a", "36.6")
        try await centre.sync("a")
        try await centre.close()

        let folder = centre.place.path("new-machine")
        try FileManager.default.copyItem(atPath: centre.place.path("hub"), toPath: folder)
        let port = try Loopback.freePort()
        let moved = try centre.place.start(
            "aggregator", ["serve", "--data", folder, "--listen", "127.0.0.1:\(port)"])
        #expect(try await eventually { moved.remarks.contains("listening on") })
        try await add(centre, "a", "36.7")
        try await centre.sync("a", expecting: [2])
        for (address, code) in [("127.0.0.1", 64), ("127.0.0.1:0", 64), ("127.0.0.1:\(port)", 0)] {
            try await centre.branch("a", "address", address, expecting: [Int32(code)])
        }
        #expect(try await centre.sync("a").drained)
        #expect(try await told(centre, "a").identity.isEmpty)
        let export = try await centre.place.run(
            "aggregator", ["export", "check-in", "--unmask", "--reason", "a test", "--data", folder])
        #expect(export.output.contains("36.7") && !export.output.contains("36.6"))
        _ = try await moved.stop()

        // Another hub at the address that was given by mistake hears nothing.
        let other = try await Centre()
        try await other.open()
        try await centre.branch("b", "address", "127.0.0.1:\(other.port)")
        try await add(centre, "b", "36.8")
        let refused = try await centre.branch("b", "sync", expecting: [3])
        #expect(refused.remarks.contains("its key is another"), "\(refused.remarks)")
        #expect(try await centre.status("b").queued == 1)
        try await other.close()
    }

    @Test func aRecoveryKeyBlessesWhereTheHubsOwnIsLost() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        try await centre.close()
        let recovery = centre.place.path("recovery.key")
        try await centre.hub("key", "recovery", centre.place.path("hub/away.key"), expecting: [64])
        try await centre.hub("key", "recovery", recovery)
        try await centre.hub("key", "recovery", recovery, expecting: [66])
        try await centre.open()
        // It learns of the recovery key.
        try await centre.sync("B04")
        try await centre.close()
        let key = centre.place.path("hub") + "/hub.key"
        let lost = try Data(contentsOf: URL(filePath: key))
        try FileManager.default.removeItem(atPath: key)
        try await centre.hub("key", "rotate", expecting: [66])
        let stranger = centre.place.path("stranger.key")
        _ = try DeviceKey.create(at: stranger)
        let refused = try await centre.hub("key", "rotate", "--recovery", stranger, expecting: [66])
        #expect(refused.remarks.contains("not the recovery key"))
        try await centre.hub("key", "rotate", "--recovery", recovery)
        #expect(try await keys(centre).changes.map(\.blessedBy) == ["key", "recovery"])
        try await centre.open()
        try await add(centre, "B04", "36.8")
        try await centre.sync("B04")
        #expect(try await told(centre, "B04").identity.map(\.kind) == ["hub_key_changed"])
        try await centre.close()
        try await expectVerified(centre, "B04")
        // The former key that turns up again is not taken for the present one.
        try lost.write(to: URL(filePath: key))
        let old = try await centre.hub("status", expecting: [66])
        #expect(old.remarks.contains("not this store's present one"))
    }

    /// Nothing is left but a backup and the recovery key.
    @Test func aFolderThatIsLostComesBack() async throws {
        let centre = try await Centre()
        let (place, day) = (centre.place, centre.college.words("last_day"))
        let (recovery, backup) = (place.path("recovery.key"), place.path("backup.sqlite"))
        try await centre.hub("key", "recovery", recovery)
        try await centre.open()
        try await centre.join("B04")
        let unused = try await centre.invite("B04")
        try await add(centre, "B04", "36.6")
        try await centre.sync("B04")
        try await centre.hub("backup", backup)
        try await add(centre, "B04", "36.9")
        try await centre.sync("B04")
        try await centre.close()
        let hub = place.path("hub")
        try FileManager.default.removeItem(atPath: hub)
        // Not into a folder that holds something else, nor from what is no store.
        try await centre.hub("restore", recovery, expecting: [66])
        let said = try await centre.hub("restore", backup).remarks
        #expect(said.contains("hub.key is missing") && said.contains("key rotate --recovery"))
        // Once more, perhaps from a later backup, before there is a key.
        try await centre.hub("restore", backup)
        try await centre.hub("status", expecting: [66])
        try await centre.hub("key", "rotate", "--recovery", recovery)
        try await centre.open()
        try await centre.sync("B04")
        let rows = try await centre.export("check-in", "--from", day).output
        #expect(rows.contains("36.9") && !rows.contains("36.6"))
        #expect(try await told(centre, "B04").identity.map(\.kind).contains("hub_put_back"))
        let log = try await AuditTests.Log.read(centre)
        #expect(log.intact && log.entries.map(\.event).contains("restored"))
        try await centre.branch("late", "join", unused, expecting: [3])
        try await centre.close()
        try await expectVerified(centre, "B04")
    }

    /// The program ends between the steps of a change, at whatever step: whoever comes next settles it.
    @Test(arguments: [["key", "rotate"], ["status"], ["key", "recovery"]], [1, 2])
    func aChangeThatWasCutOffIsBroughtToItsEnd(next: [String], step: Int) async throws {
        let centre = try await Centre()
        let (place, files) = (centre.place, FileManager.default)
        try await centre.open()
        try await centre.join("B04")
        try await centre.sync("B04")
        try await centre.close()
        try await centre.hub("key", "rotate")
        // As it stands before the last renames.
        try files.moveItem(atPath: place.path("hub/hub.key"), toPath: place.path("hub/hub.key.next"))
        if step == 1 {
            try files.moveItem(atPath: place.path("hub/hub.key.1"), toPath: place.path("hub/hub.key"))
        }
        let more = next.last == "recovery" ? [place.path("away.key")] : []
        try await place.run("aggregator", next + more + ["--data", place.path("hub")])
        #expect(!files.fileExists(atPath: place.path("hub/hub.key.next")))
        try await centre.open()
        try await centre.importSheets(of: "B04")
        #expect(try await centre.sync("B04").drained)
        try await centre.close()
    }

    /// The program is killed when the keys have changed and nothing of it stands in the audit log.
    @Test(arguments: [["key", "rotate"], ["key", "recovery"]], [["status"], ["serve"]])
    func aChangeThatWasCutOffIsInTheAuditLog(change: [String], next: [String]) async throws {
        let centre = try await Centre()
        let (place, files) = (centre.place, FileManager.default)
        let parts = ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "audit.head"]
        let before = place.path("before")
        try files.copyItem(atPath: place.path("hub"), toPath: before)
        let more = change.last == "recovery" ? [place.path("away.key")] : []
        try await place.run("aggregator", change + more + ["--data", place.path("hub")])
        for name in parts {
            try? files.removeItem(atPath: place.path("hub/" + name))
            if files.fileExists(atPath: before + "/" + name) {
                try files.copyItem(atPath: before + "/" + name, toPath: place.path("hub/" + name))
            }
        }
        for _ in 0..<2 {
            if next == ["serve"] {
                try await centre.open()
                try await centre.close()
            } else {
                try await centre.hub("status")
            }
        }
        let event = change.last == "recovery" ? "recovery_key" : "key_rotated"
        let log = try await AuditTests.Log.read(centre)
        #expect(log.intact && log.details(event).count == 1)
        #expect(log.details(event).first?.hasSuffix(", blessed by the key before") == true)
    }

    @Test func serveSettlesAChangeThatWasCutOffAndDamagedKeysAreNamed() async throws {
        let centre = try await Centre()
        let (place, files) = (centre.place, FileManager.default)
        try await centre.open()
        try await centre.join("B04")
        try await centre.close()
        try await centre.hub("key", "rotate")
        try files.moveItem(atPath: place.path("hub/hub.key"), toPath: place.path("hub/hub.key.next"))
        try files.moveItem(atPath: place.path("hub/hub.key.1"), toPath: place.path("hub/hub.key"))
        try await centre.open()
        #expect(try await centre.sync("B04").drained)
        try await centre.close()
        let keys = URL(filePath: place.path("hub/hub.keys"))
        let whole = try Data(contentsOf: keys)
        for offset in [0, 70, 100, whole.count - 1] {
            var damaged = whole
            damaged[offset] ^= 1
            try damaged.write(to: keys)
            let refused = try await centre.hub("key", "rotate", expecting: [66])
            #expect(refused.remarks.contains("hub.keys is damaged"))
        }
        try whole.write(to: keys)
        try await centre.hub("key", "rotate")
    }

    /// Keys from before a later change, put back from wherever they were kept.
    @Test func anOutdatedKeyChangesNothing() async throws {
        let centre = try await Centre()
        let (place, files) = (centre.place, FileManager.default)
        try await centre.open()
        try await centre.join("B04")
        try await centre.close()
        for _ in 0..<2 {
            for name in ["hub.key", "hub.keys"] where files.fileExists(atPath: place.path("hub/" + name)) {
                try? files.removeItem(atPath: place.path("old-" + name))
                try files.copyItem(atPath: place.path("hub/" + name), toPath: place.path("old-" + name))
            }
            try await centre.hub("key", "rotate")
        }
        for name in ["hub.key", "hub.keys"] {
            try files.removeItem(atPath: place.path("hub/" + name))
            try files.copyItem(atPath: place.path("old-" + name), toPath: place.path("hub/" + name))
        }
        for verb in ["rotate", "recovery"] {
            let more = verb == "recovery" ? [place.path("away.key")] : []
            let refused = try await place.run(
                "aggregator", ["key", verb] + more + ["--data", place.path("hub")], expecting: [66])
            #expect(refused.remarks.contains("not this store's present one"))
        }
        #expect(!files.fileExists(atPath: place.path("away.key")))
    }

    @Test func aKeyThatAStrangerBlessedIsRefusedByItsOwnCode() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        try await add(centre, "B04", "38.8")
        try await centre.close()
        let hub = try HubFolder(path: centre.place.path("hub")).key()
        let stranger = DeviceKey.generate()
        let signing = Signing(stranger)
        var keys = HubKeyring(first: hub.publicKey)
        try keys.bless(
            .key, stranger.publicKey, at: 1,
            with: Signing(publicKey: hub.publicKey) { try signing.sign($0) }, hashing: .sha256)
        let stands = try await FalseHub(key: stranger, keys: keys, on: centre.port)
        let refused = try await centre.branch("B04", "sync", expecting: [3])
        #expect(refused.remarks.contains("blessed"))
        #expect(try await told(centre, "B04").lastFailure == "212")
        try await stands.close()
        #expect(try await centre.status("B04").queued > 0)
        try await centre.open()
        try await centre.sync("B04")
        #expect(try await told(centre, "B04").identity.isEmpty)
        try await centre.close()
    }
}
