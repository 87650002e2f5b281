import Foundation
import LinkKit
import Testing

@testable import SyncCore
@testable import SyncTransport
@testable import SyncWire

/// Real branches and links in the states that cost people time: `sync-inspect` names the cause and the next
/// step.
@Suite(.timeLimit(.minutes(8))) struct InspectTests {
    @Test func aLinkThatIsNotThereOrBreaks() async throws {
        let scene = try await InspectScene()
        #expect(try await scene.explain().contains("run `branch-agent sync`"))
        let nowhere = try Loopback.freePort()
        try await scene.crowd.branch("B000", "address", "127.0.0.1:\(nowhere)")
        try await scene.sync(expecting: [2])
        var told = try await scene.explain()
        #expect(told.contains("it was not given to the link"))
        #expect(told.contains("next: the hub cannot be reached"))
        let step = try await scene.trouble("connection")
        #expect(step.words.contains("nobody answers at 127.0.0.1:\(nowhere)"))
        #expect(step.next.contains("that the hub runs"))
        // In the middle: what was given to the link has no receipt.
        try await scene.crowd.branch("B000", "address", "127.0.0.1:\(scene.proxy.port)")
        scene.proxy.plan((0..<9).map { _ in EmulatedLink.Cut(way: .down, after: 2_150, isReset: true) })
        try await scene.sync(expecting: [0, 2])
        scene.proxy.plan([])
        try await scene.sync()
        told = try await scene.explain()
        #expect(told.contains("it is at the centre, receipted"))
        #expect(try await scene.inspect("session").output.contains("ended in good order"))
        let sessions: InspectScene.Sessions = try await scene.inspect("session", "--json").json()
        #expect(sessions.sessions.first?.ending == "done")
        #expect(sessions.sessions.contains { $0.ending == "unreachable" && $0.tries > 0 })
    }

    @Test func anotherHubAnswers() async throws {
        let scene = try await InspectScene()
        let other = try await Crowd(branches: 1, persons: 1, days: 1)
        try await other.open()
        scene.proxy.redirect(to: other.port)
        try await scene.sync(expecting: [3])
        let step = try await scene.trouble("hub_key")
        #expect(step.words.contains("another key"))
        #expect(step.next.contains("ring the centre"))
        #expect(try await scene.explain().contains("code 215"))
        try await other.close()
    }

    /// A hub that was made anew with the old key knows no device.
    @Test func aHubThatDoesNotKnowTheDevice() async throws {
        let scene = try await InspectScene()
        let other = try await Crowd(branches: 1, persons: 1, days: 1)
        let (mine, theirs) = (other.place.path("hub"), scene.crowd.place.path("hub"))
        try FileManager.default.removeItem(atPath: mine)
        try FileManager.default.createDirectory(
            atPath: mine, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try FileManager.default.copyItem(atPath: theirs + "/hub.key", toPath: mine + "/hub.key")
        try await other.hub("init", "--name", "Made anew")
        try await other.open()
        scene.proxy.redirect(to: other.port)
        try await scene.sync(expecting: [3])
        let step = try await scene.trouble("hello")
        #expect(step.words.contains("200"))
        #expect(step.next.contains("ask the centre for a join code"))
        #expect(try await scene.explain().contains("this device has not joined"))
        try await other.close()
    }

    @Test func aPeerOfAnotherVersion() async throws {
        let scene = try await InspectScene()
        let hub = try await FalseHub(
            key: try DeviceKey.load(from: scene.crowd.place.path("hub") + "/hub.key"))
        scene.proxy.redirect(to: hub.port)
        let answering = Task {
            await hub.answer { peer in
                await peer.say(Preamble.bytes(min: 7, max: 9))
                _ = try await peer.farewell()
            }
        }
        let step = try await scene.trouble("greeting")
        #expect(step.words.contains("112"))
        #expect(step.next.contains("update the older"))
        answering.cancel()
        try await hub.close()
    }

    @Test func aHubThatHasTooMuchToDo() async throws {
        let scene = try await InspectScene()
        // What is urgent is taken all the same; this is not.
        try await scene.add("S000001", "36.5")
        try await scene.crowd.close()
        try await scene.crowd.open(more: ["--sessions", "0"])
        try await scene.sync(expecting: [2, 3])
        let told = try await scene.inspect("explain", "check-in", "\(scene.day)", "S000001").output
        #expect(told.contains("next: the hub refused, code 120: it is busy"))
        #expect(try await scene.inspect("session").output.contains("code 120"))
        let branches = try await scene.inspect("branches", at: scene.crowd.place.path("hub")).output
        #expect(branches.contains("B000"))
    }

    @Test func aRevokedDevice() async throws {
        let scene = try await InspectScene()
        try await scene.sync()
        try await scene.crowd.hub("revoke", "1", "--reason", "lost")
        let step = try await scene.trouble("hello")
        #expect(step.words.contains("202"))
        #expect(step.next.contains("ring them"))
        let branches = try await scene.inspect("branches", at: scene.crowd.place.path("hub")).output
        #expect(branches.contains("the device is revoked"))
    }

    /// What SQLite's quick check says wrongly of a sound file is not repeated.
    @Test func aSheetThatWasImportedDamagesNothing() async throws {
        let crowd = try await Crowd(branches: 1, persons: 2, days: 1)
        try await crowd.open()
        try await crowd.join("B000")
        var numbers = Numbers(seed: 3)
        let entries = crowd.entries(of: crowd.branches[0], on: crowd.days[0], using: &numbers)
        try await crowd.branch("B000", "import", "check-in", try crowd.sheet("day", entries))
        let checkup: InspectScene.Checkup = try await crowd.place.run(
            "sync-inspect", ["doctor", "--offline", "--json", "--data", crowd.data("B000")]
        ).json()
        #expect(!checkup.steps.contains { $0.words.contains("damaged") })
    }

    /// SIGKILL in a session: it is said that no end was written down, and everything entered is there.
    @Test func aProgramThatWasKilled() async throws {
        let scene = try await InspectScene()
        let serve = try scene.crowd.start("B000", "serve")
        let isThrough = try await eventually {
            try await scene.crowd.status("B000").queued == 0
        }
        #expect(isThrough)
        #expect(try await scene.inspect("session").output.contains("still runs"))
        let running: InspectScene.Checkup = try await scene.inspect("doctor", "--offline", "--json").json()
        #expect(running.steps.contains { $0.words.contains("runs on this store now") })
        serve.kill()
        _ = try await serve.end()
        let sessions: InspectScene.Sessions = try await scene.inspect("session", "--json").json()
        #expect(sessions.sessions.first?.ending == "lost")
        #expect(try await scene.inspect("session").output.contains("was killed"))
        #expect(try await scene.explain().contains("receipted"))
        // The next session closes the entry.
        try await scene.sync()
        let later: InspectScene.Sessions = try await scene.inspect("session", "--json").json()
        #expect(later.sessions.map(\.ending).prefix(2) == ["done", "lost"])
    }

    @Test func transcriptsAreShownFrameByFrame() async throws {
        let scene = try await InspectScene()
        try await scene.crowd.close()
        let (mine, theirs) = (
            scene.crowd.place.path("branch.transcript"), scene.crowd.place.path("hub.transcript")
        )
        let keys = scene.crowd.place.path("keys.log")
        try await scene.crowd.open(more: ["--transcript", theirs])
        _ = try await scene.sync("--transcript", mine, "--tls-key-log", keys, expecting: [64])
        let outcome = try await scene.sync(
            "--transcript", mine, "--tls-key-log", keys, "--reason", "a fault of the link")
        let looks = try String(
            contentsOfFile: scene.crowd.data("B000") + "/unmasked.jsonl", encoding: .utf8)
        #expect(looks.contains("secrets of connections logged: a fault of the link"))
        #expect(outcome.remarks.contains("secrets of the connections"))
        #expect(try String(contentsOfFile: keys, encoding: .utf8).contains("CLIENT_TRAFFIC_SECRET_0"))
        try await scene.crowd.close()
        for file in [mine, theirs] {
            let kept = try String(contentsOfFile: file, encoding: .utf8)
            #expect(!kept.contains(Hex.encode(Array("Somebody Secret".utf8))))
            let shown = try await scene.crowd.place.run("sync-inspect", ["capture", file])
            for word in ["preamble", "Hello", "Welcome", "Batch", "Receipt", "Mark", "Close"] {
                #expect(shown.output.contains(word), "\(word)")
            }
            #expect(shown.output.contains("nothing is wrong"))
            let dump = try await scene.crowd.place.run("sync-inspect", ["capture", file, "--hexdump"])
            #expect(dump.output.contains("header check") && dump.output.contains("before"))
        }
        // Who asks for it gets everything, and is told.
        let open = scene.crowd.place.path("open.transcript")
        try await scene.crowd.open(more: [
            "--transcript", scene.crowd.place.path("open-hub.transcript"), "--transcript-unmasked",
            "--reason", "a fault",
        ])
        let log = try await AuditTests.Log.read(scene.crowd)
        let entry = try #require(log.entries.last { $0.event == "unmasked" })
        #expect(entry.detail == "transcript of sessions: a fault" && entry.who?.isEmpty == false)
        try await scene.add("S000002", "36.6")
        _ = try await scene.sync("--transcript", open, "--transcript-unmasked", expecting: [64])
        let told = try await scene.sync(
            "--transcript", open, "--transcript-unmasked", "--reason", "a fault")
        #expect(told.remarks.contains("delete it when it has served"))
        _ = try await scene.crowd.place.run("sync-inspect", ["capture", open])
        // A file that was cut is said to be.
        var bytes = try Data(contentsOf: URL(filePath: open))
        bytes.removeLast(40)
        try bytes.write(to: URL(filePath: open))
        let cut = try await scene.crowd.place.run("sync-inspect", ["capture", open], expecting: [1])
        #expect(cut.output.contains("does not read: it was cut"))
        try await scene.crowd.close()
    }

    /// At the centre: how the sessions ended, and with which program.
    @Test func theCentreKeepsItsSessions() async throws {
        let scene = try await InspectScene()
        try await scene.sync()
        try await scene.crowd.close()
        let hub = scene.crowd.place.path("hub")
        let sessions: InspectScene.Sessions = try await scene.inspect("session", "--json", at: hub).json()
        let first = try #require(sessions.sessions.first)
        #expect(first.ending == "done" && first.welcomed && first.versionsUp == 2)
        #expect(first.program?.hasPrefix("branch-agent") == true)
        let branches = try await scene.inspect("branches", at: hub).output
        #expect(branches.contains("no `aggregator serve` runs on this store"))
    }

    @Test(.enabled(if: SmallDisks.areToBeHad, "no small disks can be mounted on this machine"))
    func aFullDisk() async throws {
        let place = try Place(disks: ["branch-A": 6])
        let disks = try #require(place.disks)
        let hub = try await Hub(in: place, name: "Small disks")
        let units = "unit_id,unit_name,unit_type,parent_id,line\nC1,Committee,committee,,party\n"
        let file = place.path("units.csv")
        try (units + "A,Branch A,branch,C1,party\n").write(toFile: file, atomically: true, encoding: .utf8)
        try await hub.hub("import", "units", file)
        try await hub.open()
        try await hub.join("A")
        disks.fill(hub.data("A"))
        let outcome = try await place.run(
            "sync-inspect", ["doctor", "--offline", "--data", hub.data("A")], expecting: [1])
        #expect(outcome.output.contains("the disk is full"))
        #expect(outcome.output.contains("next: free some space"))
        try await hub.close()
    }
}
