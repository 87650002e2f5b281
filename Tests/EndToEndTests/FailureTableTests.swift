import Forms
import Foundation
import LinkKit
import NIOPosix
import SyncCore
import SyncTransport
import Synchronization
import Testing

@testable import SyncWire

// What happens in the field, and the test in which `sync-inspect` names its cause and the next step. Tests
// without a suite's name are below; I is InspectTests; of SyncInspectTests D is DiagnosisTests and C
// DamagedCopyTests.
//
// What the design says must follow                     | test
// -----------------------------------------------------|--------------------------------------------------
// kill -9, power cut                                   | I.aProgramThatWasKilled, C.aStoreThatIsCutAnywhere
// full disk                                            | I.aFullDisk
// link cut or reset; nobody answers                    | I.aLinkThatIsNotThereOrBreaks
// link that stands and carries nothing                 | aLinkThatStalls
// frames that are none, in either direction            | framesThatAreNone, aHubThatTalksNonsense
// form unknown, field invalid                          | whatNoFormAllows
// unknown device, wrong hub key                        | I.aHubThatDoesNotKnowTheDevice, I.anotherHubAnswers
// spent code                                           | aSpentCode
// older or newer peer                                  | I.aPeerOfAnotherVersion, peersOfOtherVersions
// hub overloaded                                       | I.aHubThatHasTooMuchToDo
// clock wrong by years                                 | aClockThatIsWrongByYears, D.clocksThatAreOffByYears
//
// What people who use such systems complain of most    | test
// -----------------------------------------------------|--------------------------------------------------
// silent loss: somebody moved with unsent edits        | movedWithUnsentEdits
// silent loss: the hub was put back                    | aHubThatWasPutBack
// silent loss: a store was copied or restored          | aStoreThatWasCopied
// "all synced", and it is not                          | D.whatWasWrittenSinceTheLastSessionWaits
// errors that name nothing                             | whatNoFormAllows
// duplicates                                           | D.whatComesTwiceCountsOnce
// one bad record blocks all                            | whatNoFormAllows
// big backlogs                                         | D.aBacklogIsReckoned
// conflicts                                            | aConflictOfTwoDevices, D.aConflictSaysWhoDecides
// upgrades, accounts                                   | D.aStoreOfANewerProgram, I.aRevokedDevice
// two programs at once                                 | D.aSecondProgramOnTheSameStore
// does anybody have something left to send?            | nothingIsLeft
// missing zero reports                                 | aReportThatIsMissing
// clocks                                               | aClockThatIsWrongByYears
// a copy to be looked at that nobody may write to      | aCopyOnReadOnlyMedia

/// Real programs in the states of the tables above.
@Suite(.timeLimit(.minutes(8))) struct FailureTableTests {
    /// The steps of that name of the hub's `doctor`, once one of them has `words`.
    private func eventually(
        _ scene: InspectScene, _ name: String, says words: String
    ) async throws -> InspectScene.Checkup.Step? {
        var found: InspectScene.Checkup.Step?
        _ = try await EndToEndTests.eventually(within: .seconds(20)) {
            let checkup: InspectScene.Checkup = try await scene.inspect(
                "doctor", "--json", at: scene.hub, expecting: [0, 1]
            ).json()
            found = checkup.steps.first { $0.name == name && $0.words.contains(words) }
            return found != nil
        }
        return found
    }

    private func device(_ scene: InspectScene) async throws -> RawDevice {
        try await RawDevice(joining: try await scene.crowd.invite("B000"))
    }

    @Test func aSpentCode() async throws {
        let scene = try await InspectScene()
        let code = try await scene.crowd.invite("B000")
        try await scene.crowd.branch("first", "join", code)
        try await scene.crowd.branch("second", "join", code, expecting: [3])
        let step = try #require(try await scene.step("joined", at: scene.crowd.data("second")))
        #expect(step.outcome == "trouble")
        #expect(step.words.contains("another device has used this join code"))
        #expect(step.next.contains("with a code from the centre"))
        let hub = try #require(try await eventually(scene, "turned_away", says: "code 204"))
        #expect(hub.words.contains("1 times") && hub.words.contains("from 127.0.0.1"))
        #expect(hub.next?.contains("aggregator invite") == true)
        // With another one it goes well, and nothing of it is left.
        try await scene.crowd.branch("second", "join", try await scene.crowd.invite("B000"))
        #expect(try await scene.step("joined", at: scene.crowd.data("second"))?.outcome == "ok")
    }

    @Test func peersOfOtherVersions() async throws {
        let scene = try await InspectScene()
        let device = try await device(scene)
        let peer = try await RawPeer.open(port: device.port, key: device.key, pinned: device.hub)
        await peer.say(Preamble.bytes(min: 2, max: 9))
        #expect(try await peer.farewell()?.code == .tooNew)
        let newer = try #require(try await eventually(scene, "turned_away", says: "code 112"))
        #expect(newer.next?.contains("update the older") == true)
        // A hub that finds this branch too old.
        let hub = try await FalseHub(key: try DeviceKey.load(from: scene.hub + "/hub.key"))
        scene.proxy.redirect(to: hub.port)
        let answering = Task {
            await hub.answer { peer in
                await peer.say(Preamble.bytes())
                try await peer.say(.refuse(Refuse(.tooOld)))
                _ = try await peer.farewell()
            }
        }
        let older = try await scene.trouble("greeting")
        #expect(older.words.contains("111") && older.next.contains("update the older"))
        answering.cancel()
        try await hub.close()
    }

    /// Bytes stop, and nobody says so: the branch itself finds it out. On each of its connections it has
    /// given the batch to the link, and from then on nothing comes back.
    @Test func aLinkThatStalls() async throws {
        let scene = try await InspectScene()
        let end = try await FalseHub(key: try DeviceKey.load(from: scene.hub + "/hub.key"))
        scene.proxy.redirect(to: end.port)
        let key = try DeviceKey.load(from: scene.crowd.data("B000") + "/device.key").publicKey
        let swallowed = Mutex(0)
        let swallowing = Task {
            await end.answer { peer in
                let talk = try await FalseTalk(peer, device: key, hub: end.key)
                _ = try await talk.nextBatch()
                swallowed.withLock { $0 += 1 }
                _ = try await peer.farewell()
            }
        }
        let outcome = try await scene.sync(expecting: [2])
        #expect(swallowed.withLock { $0 } > 0)
        #expect(outcome.remarks.contains("108"), "\(outcome.remarks)")
        let sessions: InspectScene.Sessions = try await scene.inspect("session", "--json").json()
        #expect(sessions.sessions.first?.ending == "108", "\(sessions)")
        let told = try await scene.explain()
        #expect(told.contains("it was given to the link") && told.contains("code 108"), "\(told)")
        #expect(told.contains("try again when the link is better"), "\(told)")
        #expect(!told.contains("refused"), "nobody has: \(told)")
        swallowing.cancel()
        try await end.close()
        scene.proxy.redirect(to: scene.crowd.port)
        try await scene.sync()
        #expect(try await scene.explain().contains("it is at the centre, receipted"))
    }

    @Test func framesThatAreNone() async throws {
        let scene = try await InspectScene()
        let device = try await device(scene)
        try await scene.crowd.close()
        let transcript = scene.crowd.place.path("hub.transcript")
        try await scene.crowd.open(more: ["--transcript", transcript])
        let (peer, _) = try await device.welcomed()
        await peer.say(
            HostileFrameTests.frame(MessageType.ping, [0] + [UInt8](repeating: 7, count: 8)) {
                $0.checksum ^= 1
            })
        #expect(try await peer.farewell()?.code == .checksum)
        let sessions = try await EndToEndTests.eventually {
            try await scene.inspect("session", at: scene.hub).output.contains("code 102")
        }
        #expect(sessions)
        try await scene.crowd.close()
        let shown = try await scene.crowd.place.run("sync-inspect", ["capture", transcript], expecting: [1])
        #expect(shown.output.contains("the first thing that is wrong: "))
        #expect(shown.output.contains("wrong: checksum in frame"))
        #expect(shown.output.contains("the hub refused, code 102"))
    }

    @Test func aHubThatTalksNonsense() async throws {
        let scene = try await InspectScene()
        let hub = try await FalseHub(key: try DeviceKey.load(from: scene.hub + "/hub.key"))
        scene.proxy.redirect(to: hub.port)
        let key = try DeviceKey.load(from: scene.crowd.data("B000") + "/device.key").publicKey
        let answering = Task {
            await hub.answer { peer in
                let talk = try await FalseTalk(peer, device: key, hub: hub.key)
                try await peer.say(.welcome(talk.welcome()))
                await peer.say(HostileFrameTests.frame(0xee, [1], flags: 1))
                _ = try await peer.farewell()
            }
        }
        let transcript = scene.crowd.place.path("branch.transcript")
        try await scene.sync("--transcript", transcript, expecting: [2, 3])
        let told = try await scene.explain()
        #expect(told.contains("code 105"), "\(told)")
        #expect(told.contains("next: ") && told.contains("stays queued here"))
        let shown = try await scene.crowd.place.run("sync-inspect", ["capture", transcript], expecting: [1])
        #expect(shown.output.contains("wrong: unknownCritical in frame"))
        #expect(shown.output.contains("the branch has ended it, code 105"))
        answering.cancel()
        try await hub.close()
    }

    @Test func whatNoFormAllows() async throws {
        let scene = try await InspectScene()
        var device = try await device(scene)
        let day = scene.crowd.firstDay
        var unknown = Version.checkIn("S000001", day: day)
        unknown.key = RecordKey(form: "no-such-form", values: [.text("x")])
        let hot = Version.checkIn("S000002", day: day, temperature: 9_900)
        let sound = Version.checkIn("S000003", day: day)
        let batch = try device.routine.write([unknown, hot, sound])
        let (peer, _) = try await device.welcomed()
        try await peer.say(.batch(batch))
        guard case .receipt? = try await peer.answer() else {
            Issue.record("no receipt")
            return
        }
        peer.close()
        let held = try await scene.inspect("quarantine", at: scene.hub).output
        #expect(held.contains("2 versions are held back"))
        #expect(held.contains("no-such-form ***") && held.contains("[unknown_form]"))
        #expect(held.contains("whoever looks after the programs can mend it: update the older"))
        #expect(held.contains("[temperature_out_of_range]") && held.contains("the branch can mend it"))
        let date = scene.crowd.days[0]
        let hub = scene.hub
        let told = try await scene.inspect("explain", "check-in", date, "S000002", at: hub).output
        #expect(told.contains("lies outside the accepted range") && told.contains("branch-agent edit"))
        // The others are not in its way.
        let other = try await scene.inspect("explain", "check-in", date, "S000003", at: hub).output
        #expect(other.contains("now: it is here and counts"))
        let branches = try await scene.inspect("branches", at: hub).output
        #expect(branches.contains("2 of its versions are held back"))
    }

    @Test func aClockThatIsWrongByYears() async throws {
        let scene = try await InspectScene()
        try await scene.sync()
        let years = FalseClock.later(days: -1_100).environment
        let step = try #require(try await scene.step("clock", environment: years))
        #expect(step.outcome == "trouble" && step.next.contains("set the clock"))
        try await scene.crowd.place.run(
            "branch-agent",
            [
                "add", "check-in", "day=\(scene.day)", "person=S000001", "temperature=36.5", "--data",
                scene.crowd.data("B000"),
            ], environment: years)
        let told = try await scene.explain("S000001")
        #expect(told.contains("the clock of that machine was not trusted then"))
        try await scene.crowd.place.run(
            "branch-agent", ["sync", "--data", scene.crowd.data("B000")], environment: years)
        let branches = try await scene.inspect("branches", at: scene.hub).output
        #expect(branches.contains("its clock is") && branches.contains("have the clock of that machine set"))
    }

    /// Somebody goes to another unit while one of their entries waits in the old one.
    @Test func movedWithUnsentEdits() async throws {
        let scene = try await InspectScene(branches: 2)
        try await scene.crowd.join("B001")
        try await scene.sync()
        try await scene.add("S000001", "36.5")
        let people = scene.crowd.place.path("moved.csv")
        try "person_id,name,unit_id\nS000001,Person 1,B001\n".write(
            toFile: people, atomically: true, encoding: .utf8)
        try await scene.crowd.hub("import", "people", people)
        #expect(try await scene.explain("S000001").contains("it waits here since"))
        try await scene.sync()
        let told = try await scene.explain("S000001")
        #expect(told.contains("receipted, and counts here; the centre may hold another version; the centre"))
        #expect(told.contains("the centre notes [outside_unit]"))
        #expect(told.contains("next: it concerns another unit and counts there"), "\(told)")
        try await scene.sync(at: "B001")
        let there = try await scene.explain("S000001", at: scene.crowd.data("B001"))
        #expect(there.contains("others wrote it; it came down the feed"))
        let hub = try await scene.explain("S000001", at: scene.hub)
        #expect(hub.contains("now: it is here and counts") && hub.contains("confirmed by B001"))
    }

    @Test func aHubThatWasPutBack() async throws {
        let scene = try await InspectScene()
        try await scene.sync()
        let backup = scene.crowd.place.path("backup.sqlite")
        try await scene.crowd.hub("backup", backup)
        try await scene.add("S000001", "36.5")
        try await scene.sync()
        try await scene.crowd.close()
        try await scene.crowd.hub("restore", backup)
        let lost = try await scene.explain("S000001", at: scene.hub)
        #expect(lost.contains("this store was put back to an earlier state"))
        #expect(lost.contains("next: have the branch that entered it connect"))
        let step = try #require(try await scene.step("past", at: scene.hub))
        #expect(step.words.contains("put back") && step.next.contains("comes again by itself"))
        try await scene.crowd.open()
        try await scene.sync()
        #expect(try await scene.explain("S000001", at: scene.hub).contains("now: it is here and counts"))
        let past = try #require(try await scene.step("past"))
        #expect(past.words.contains("the hub was put back") && past.next.contains("sent again by itself"))
        #expect(try await scene.explain("S000001").contains("receipted, and counts"))
    }

    @Test func aStoreThatWasCopied() async throws {
        let scene = try await InspectScene()
        try await scene.sync()
        try FileManager.default.copyItem(
            atPath: scene.crowd.data("B000"), toPath: scene.crowd.data("copy"))
        for (branch, person) in [("B000", "S000001"), ("copy", "S000002")] {
            try await scene.add(person, "36.5", at: branch)
            try await scene.sync(at: branch)
        }
        let step = try #require(try await scene.step("past", at: scene.crowd.data("copy")))
        #expect(step.words.contains("restored or copied"))
        #expect(step.next.contains("have it join by itself"))
        let branches = try await scene.inspect("branches", at: scene.hub).output
        #expect(branches.contains("its store was restored or copied, noticed"), "\(branches)")
        #expect(branches.contains("have it join by itself"))
        for person in ["S000001", "S000002"] {
            #expect(try await scene.explain(person, at: scene.hub).contains("it is here and counts"))
        }
    }

    @Test func aConflictOfTwoDevices() async throws {
        let scene = try await InspectScene()
        try await scene.crowd.join("B000", as: "second")
        try await scene.add("S000001", "36.5")
        try await scene.add("S000001", "37.1", at: "second")
        try await scene.sync()
        try await scene.sync(at: "second")
        try await scene.sync()
        for folder in [scene.crowd.data("B000"), scene.hub] {
            let program = folder == scene.hub ? "aggregator" : "branch-agent"
            let told = try await scene.explain("S000001", at: folder)
            #expect(told.contains("had not seen each other's wrote different things"))
            #expect(told.contains("next: somebody decides: `\(program) conflicts show check-in"))
            let list = try await scene.inspect("conflicts", at: folder).output
            #expect(list.contains("S000001") && list.contains("temperature"))
        }
    }

    /// Before a device is moved, updated or taken out of use.
    @Test func nothingIsLeft() async throws {
        struct Report: Decodable {
            struct Branch: Decodable {
                var urgentBacklog: Int
                var routineBacklog: Int
                var troubles: [Trouble]
            }
            struct Trouble: Decodable { var code: String }
            var branches: [Branch]
        }
        let scene = try await InspectScene()
        let certificate = scene.crowd.place.path("certificate.json")
        try await scene.crowd.branch("B000", "retire", certificate, expecting: [1])
        #expect(try await scene.inspect("queue").output.contains("check-in"))
        try await scene.sync()
        let report: Report = try await scene.inspect("branches", "--json", at: scene.hub).json()
        #expect(report.branches.map(\.routineBacklog) == [0] && report.branches[0].urgentBacklog == 0)
        #expect(!report.branches[0].troubles.contains { $0.code == "backlog" })
        try await scene.crowd.branch("B000", "retire", certificate)
        let fingerprint = try DeviceKey.load(from: scene.hub + "/hub.key").fingerprint
        let checked = try await scene.crowd.place.run(
            "sync-inspect", ["verify", certificate, "--hub", Hex.encode(fingerprint.bytes)])
        #expect(checked.output.contains("nothing"), "\(checked.output)")
    }

    @Test func aReportThatIsMissing() async throws {
        let scene = try await InspectScene()
        try await scene.sync()
        let here = try #require(try await scene.step("report"))
        #expect(here.words.contains("which is not the same as zero"))
        let day = try #require(here.next.split(separator: " ").first { $0.hasPrefix("20") }?.prefix(10))
        #expect(here.next.contains("branch-agent report --day \(day)`, with --zero"))
        let there = try #require(try await scene.step("reports", at: scene.hub))
        #expect(there.words.contains("1 units have sent no report for \(day)"))
        #expect(there.words.contains("B000"))
        let branches = try await scene.inspect("branches", at: scene.hub).output
        #expect(branches.contains("B000, device 1: no report for \(day)"))
        let report = ["report", "--day", String(day), "--data", scene.crowd.data("B000")]
        let zero = try await send(report + ["--zero"], scene)
        if zero.code == 64 {
            // Where somebody was feverish on that day, it is a report with findings.
            #expect(zero.remarks.contains("a zero report would be false"))
            #expect(try await send(report, scene).code == 0)
        }
        try await scene.sync()
        #expect(try await scene.step("report")?.outcome == "ok")
        #expect(try await scene.step("reports", at: scene.hub)?.outcome == "ok")
    }

    /// A report, and once more with what was shown where it asks for that.
    private func send(_ report: [String], _ scene: InspectScene) async throws -> Outcome {
        let shown = try await scene.crowd.place.run("branch-agent", report, expecting: [64, 0])
        let code = shown.output.split { $0 == " " || $0 == "\n" }.last.map(String.init) ?? ""
        guard shown.code == 64, !code.isEmpty else { return shown }
        return try await scene.crowd.place.run(
            "branch-agent", report + ["--shown", code], expecting: [0, 64])
    }

    /// On a disk that is mounted for reading only, closed in good order and not.
    @Test(.enabled(if: SmallDisks.areToBeHad, "no small disks can be mounted on this machine"))
    func aCopyOnReadOnlyMedia() async throws {
        let scene = try await InspectScene()
        try await scene.sync()
        try await scene.add("S000001", "36.5")
        let media = try Place(disks: ["closed": 16, "open": 16])
        let disks = try #require(media.disks)
        disks.take(scene.crowd.data("B000"), to: media.path("closed"))
        let serve = try scene.crowd.start("B000", "serve")
        _ = try await EndToEndTests.eventually { try await scene.crowd.status("B000").queued == 0 }
        serve.kill()
        _ = try await serve.end()
        disks.take(scene.crowd.data("B000"), to: media.path("open"))
        #expect(!disks.stat(media.path("open") + "/store.sqlite-wal").hasPrefix("0 "))
        for name in ["closed", "open"] { disks.freeze(media.path(name)) }
        let day = "\(scene.day)"
        for (name, words) in [("closed", "it waits here since"), ("open", "receipted, and counts")] {
            for verb in [
                ["explain", "check-in", day, "S000001"], ["queue"], ["session"], ["doctor", "--offline"],
            ] {
                let outcome = try await media.run(
                    "sync-inspect", verb + ["--data", media.path(name)], expecting: [0, 1])
                #expect(outcome.remarks.isEmpty, "\(name) \(verb): \(outcome.remarks)")
                if verb[0] == "explain" { #expect(outcome.output.contains(words), "\(outcome.output)") }
            }
            let checked = try await media.run("sync-inspect", ["verify", media.path(name)])
            #expect(checked.code == 0, "\(checked.output)")
        }
        let left = try FileManager.default.contentsOfDirectory(atPath: media.folder.path)
        #expect(!left.contains { $0.hasPrefix("rollcall-") }, "\(left)")
    }
}
