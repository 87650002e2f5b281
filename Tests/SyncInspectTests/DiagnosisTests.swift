import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport
import Testing

@testable import sync_inspect

/// Real stores in the states that cost people time: the verbs name the cause and the next step.
@Suite struct DiagnosisTests {
    private func explained(_ fixed: FixedWorld, _ person: String) throws -> ExplainReport {
        try fixed.explainer(person).explain(try SQLiteAgentStore(readingFrom: fixed.world.branch))
    }

    private func checkup(_ path: String, now: Milliseconds = FixedWorld.now) async -> Checkup {
        await DoctorCommand.checkup(path, isOffline: true, now: now)
    }

    private func step(_ name: String, in checkup: Checkup) -> Checkup.Step? {
        checkup.steps.last { $0.name == name }
    }

    /// "All synced" while something waits: what was written after the last good session waits, and says so.
    @Test func whatWasWrittenSinceTheLastSessionWaits() throws {
        let report = try explained(FixedWorld(), "T005")
        #expect(report.state == .waiting)
        #expect(report.cause.contains("waits here since"))
        #expect(report.next.contains("cannot be reached"))
        let tries = report.versions[0].steps.filter { $0.what == "tried" }
        #expect(tries.count == 2)
        #expect(tries[0].words.contains("given to the link"))
        #expect(tries[0].words.contains("broke in the middle"))
        #expect(tries[1].words.contains("2 tries"))
        #expect(tries[1].words.contains("not given to the link"))
    }

    /// Arrived is said from receipts alone.
    @Test func whatIsReceiptedHasArrived() throws {
        let report = try explained(FixedWorld(), "T001")
        #expect(report.state == .receipted)
        #expect(report.versions[0].steps.contains { $0.what == "receipted" && $0.at != nil })
    }

    /// Receipts that come later cover it as well; it was receipted when the first one came.
    @Test func theTimeOfAReceiptStays() throws {
        let fixed = try FixedWorld()
        let hub = InspectCrypto.signing(7)
        let epoch = try fixed.hub.epoch
        func receiptedAt(_ person: String) throws -> String? {
            try explained(fixed, person).versions.first?.steps.last { $0.what == "receipted" }?.at
        }
        let first = try #require(try receiptedAt("T001"))
        let origin = try #require(try fixed.world.origin())
        var receipt = Receipt(origin: origin.id, sequence: origin.sequence, head: origin.head)
        receipt.time = InspectWorld.start + 3_600_000 + 60_000
        receipt.signature = try hub.sign(
            receipt.statement(hub: InspectCrypto.hashing(hub.publicKey), epoch: epoch))
        try fixed.world.agent.accept([receipt], now: FixedWorld.now)
        #expect(try receiptedAt("T001") == first)
        #expect(try receiptedAt("T005") == RecordText.time(receipt.time))
        #expect(try receiptedAt("T005") != first)
    }

    /// One bad record holds up nobody, and is named with reason, mender and step at both ends.
    @Test func aRecordThatIsHeldBackNamesItsReason() throws {
        let fixed = try FixedWorld()
        for report in [try explained(fixed, "T002"), try fixed.explainer("T002").explain(fixed.hub)] {
            #expect(report.state == .quarantined)
            #expect(report.cause.contains("temperature_out_of_range"))
            #expect(report.next.contains("the branch can mend it"))
            #expect(report.next.contains("branch-agent edit"))
        }
        #expect(try explained(fixed, "T001").state == .receipted)
    }

    /// Two who had not seen each other's.
    @Test func aConflictSaysWhoDecides() throws {
        let fixed = try FixedWorld()
        let report = try explained(fixed, "T004")
        #expect(report.state == .conflict)
        #expect(report.next.contains("branch-agent conflicts show check-in 2020-02-03 T004"))
        #expect(report.versions.contains { $0.outcomes["in_question"]?.contains("temperature") == true })
        #expect(try fixed.explainer("T004").explain(fixed.hub).next.contains("aggregator conflicts show"))
    }

    /// Nothing is said of a record that never was.
    @Test func anUnknownRecordIsUnknown() throws {
        let report = try explained(FixedWorld(), "T404")
        #expect(report.state == .unknown)
        #expect(report.next.contains("other end"))
    }

    /// The same version twice counts once: one record, one place in the log.
    @Test func whatComesTwiceCountsOnce() throws {
        let fixed = try FixedWorld()
        let now = FixedWorld.now
        let hello = try fixed.world.agent.hello(now: now, program: "test")
        let admission = try fixed.hub.admit(
            hello, publicKey: InspectCrypto.signing(3).publicKey, sessionToken: Token16(high: 4, low: 6),
            now: now
        ).get()
        let origin = try #require(try fixed.world.origin())
        let batch = try #require(
            try fixed.world.agent.batch(
                of: origin.id, after: 0, maximumVersions: 100, maximumBytes: 100_000))
        let before = try fixed.hub.logPosition()
        let submission = Submission(session: admission.session, batch: batch)
        _ = try fixed.hub.ingest([submission, submission], now: now)
        #expect(try fixed.hub.logPosition() <= before + 1)
        let report = try fixed.explainer("T001").explain(fixed.hub)
        #expect(report.versions.count == 1)
        #expect(report.versions[0].steps.count { $0.what == "arrived" } == 1)
    }

    /// The hub that was put back lacks what the branch has: both ends say so.
    @Test func aHubThatLacksARecordSaysSo() throws {
        let fixed = try FixedWorld()
        #expect(try fixed.explainer("T005").explain(fixed.hub).state == .unknown)
        #expect(try explained(fixed, "T005").state == .waiting)
    }

    @Test func clocksThatAreOffByYears() async throws {
        let fixed = try FixedWorld()
        let years: Milliseconds = 3 * 365 * 86_400_000
        for now in [FixedWorld.now - years, FixedWorld.now + years] {
            let step = try #require(step("clock", in: await checkup(fixed.world.branch, now: now)))
            #expect(step.outcome == .trouble)
            #expect(step.next?.contains("set the clock") == true)
        }
        #expect(step("clock", in: await checkup(fixed.world.branch))?.outcome == .ok)
        // At the centre, before the last contact.
        let hub = await checkup(fixed.world.centre, now: FixedWorld.now - years)
        #expect(step("clock", in: hub)?.outcome == .trouble)
    }

    @Test func aStoreOfANewerProgram() async throws {
        let fixed = try FixedWorld()
        try fixed.world.damage("UPDATE meta SET value = 99 WHERE name = 'format'")
        let step = try #require(step("store", in: await checkup(fixed.world.branch)))
        #expect(step.outcome == .trouble)
        #expect(step.words.contains("newer program"))
    }

    /// What another program wrote is whole: nobody is told to bring a backup back over it.
    @Test(arguments: [1, 99]) func aStoreOfAnotherProgramIsNotLost(format: Int) async throws {
        let fixed = try FixedWorld()
        for folder in [fixed.world.branch, fixed.world.centre] {
            try fixed.world.damage("UPDATE meta SET value = \(format) WHERE name = 'format'", of: folder)
            let step = try #require(step("store", in: await checkup(folder)))
            #expect(step.outcome == .trouble)
            #expect(step.next?.contains("nothing is lost") == true)
            #expect(step.next?.contains("backup") == false)
        }
    }

    @Test func aFolderWithoutAStore() async throws {
        let step = try #require(step("folder", in: await checkup("/nonexistent/rollcall")))
        #expect(step.outcome == .trouble)
        #expect(step.next?.contains("--data") == true)
    }

    @Test func aSecondProgramOnTheSameStore() async throws {
        let fixed = try FixedWorld()
        #expect(!StoreFolder(fixed.world.branch).isServed)
        let lock = try SessionLock(folder: fixed.world.branch)
        #expect(StoreFolder(fixed.world.branch).isServed)
        let step = try #require(step("program_runs", in: await checkup(fixed.world.branch)))
        #expect(step.words.contains("runs on this store now"))
        withExtendedLifetime(lock) {}
    }

    /// Others may read what only the owner should.
    @Test func rightsThatAreTooWide() async throws {
        let fixed = try FixedWorld()
        let file = fixed.world.branch + "/store.sqlite"
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
        let step = try #require(step("rights", in: await checkup(fixed.world.branch)))
        #expect(step.outcome == .trouble)
        #expect(step.words.contains("store.sqlite"))
    }

    /// A key that others may read or change is there, and what to do is another thing than where it lacks.
    @Test(arguments: [0o666, 0o640]) func aKeyWithTooWideRightsIsThere(mode: Int) async throws {
        let fixed = try FixedWorld()
        let file = fixed.world.branch + "/device.key"
        try? FileManager.default.removeItem(atPath: file)
        _ = try DeviceKey.create(at: file)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        let step = try #require(step("key", in: await checkup(fixed.world.branch)))
        #expect(step.outcome == .trouble)
        let said = step.words + (step.next ?? "")
        #expect(said.contains("mode \(String(mode, radix: 8))") && said.contains("chmod 600"))
        #expect(!said.contains("backup"))
    }

    /// A silent branch, one that never came, one whose disk was copied.
    @Test func branchesInTrouble() throws {
        let fixed = try FixedWorld()
        func troubles(_ after: Milliseconds) throws -> [String] {
            try BranchesReport(
                fixed.hub, isServed: true, now: FixedWorld.now + after, silence: 86_400_000,
                onlyTroubled: false, Damages()
            ).branches.flatMap(\.troubles).map(\.code)
        }
        #expect(try troubles(0) == ["quarantine"])
        #expect(try troubles(200_000_000) == ["silent", "quarantine"])
    }

    /// A backlog on a slow line: how much, and how long it takes.
    @Test func aBacklogIsReckoned() throws {
        let world = try InspectWorld()
        for block in 0..<10 {
            try world.author((0..<100).map { InspectWorld.checkIn("P\(block * 100 + $0)") })
        }
        let store = try SQLiteAgentStore(readingFrom: world.branch)
        let slow = try EstimateReport(store, bitsPerSecond: 9_600, roundTrip: 0.5, Damages())
        let fast = try EstimateReport(store, bitsPerSecond: 9_600_000, roundTrip: 0.5, Damages())
        #expect(slow.versions == 1_000 && slow.bytes == fast.bytes)
        #expect(try #require(slow.seconds) > #require(fast.seconds))
        #expect(slow.lines().contains { $0.contains("1000 versions") })
    }

    // MARK: - Damaged stores

    @Test func aVersionThatDoesNotReadIsNamedAndTheRestIsShown() throws {
        let fixed = try FixedWorld()
        try fixed.world.damage(
            "UPDATE version SET body = x'ff' WHERE authored = \(InspectWorld.start + 2_000)")
        let report = try explained(fixed, "T004")
        #expect(report.versions.count == 1)
        let damages = Damages()
        let (_, versions, _) = try StoreAtHand(fixed.world.branch).record(
            InspectWorld.key("T004"), damages)
        #expect(versions.count == 1)
        #expect(damages.entries.map(\.part) == ["version"])
        #expect(damages.words.last?.en.contains("make a copy") == true)
    }

    @Test func versionsThatAreMissingAreCounted() throws {
        let fixed = try FixedWorld()
        let origin = try #require(try fixed.world.origin())
        try fixed.world.damage("DELETE FROM version WHERE sequence = \(origin.sequence)")
        let damages = Damages()
        let queue = try AgentQueue(
            try SQLiteAgentStore(readingFrom: fixed.world.branch), lanes: [.routine], all: false, limit: 9,
            now: FixedWorld.now, masking: Masking(forms: .builtIn, unmask: false), damages: damages)
        #expect(queue.lanes["routine"]?.queued == 1)
        #expect(queue.damaged.map(\.detail) == ["1 versions are missing"])
    }

    /// A page of the file that holds versions is overwritten: the others are counted all the same.
    @Test func aFileThatIsOverwrittenInTheMiddle() async throws {
        let world = try InspectWorld()
        for block in 0..<20 {
            try world.author((0..<50).map { InspectWorld.checkIn("P\(block * 50 + $0)") })
        }
        try world.overwriteAPageOfVersions()
        let damages = Damages()
        let queue = try AgentQueue(
            try SQLiteAgentStore(readingFrom: world.branch), lanes: [.routine], all: false, limit: 9,
            now: FixedWorld.now, masking: Masking(forms: .builtIn, unmask: false), damages: damages)
        let counted = try #require(queue.lanes["routine"]?.queued)
        #expect(counted > 500 && counted < 1_000, "\(counted)")
        #expect(!damages.entries.isEmpty)
        let step = try #require(step("store", in: await checkup(world.branch)))
        #expect(step.outcome == .trouble)
        #expect(step.next?.contains("copy the folder") == true)
    }

    // MARK: - Bundles

    @Test func aBundleHoldsNothingOfAnybody() async throws {
        let fixed = try FixedWorld()
        for path in [fixed.world.branch, fixed.world.centre] {
            let parts = await BundleMaker(path: path, now: FixedWorld.now).parts(isOffline: true)
            let text = String(
                decoding: try JSONEncoder().encode(BundleValue.map(parts)), as: UTF8.self)
            for secret in [
                "Secret", "T001", "T999", "B02", "Branch 2", "Centre", "127.0.0.1", "laptop", "36.5",
                fixed.world.root,
            ] { #expect(!text.contains(secret), "\(secret) in a bundle") }
            #expect(text.contains("check-in") == (path == fixed.world.branch))
            let contents = BundleCommand.contents(parts)
            let kinds: Set = ["number", "time", "flag", "word of the program's own"]
            #expect(Set(contents.map(\.kind)).isSubset(of: kinds))
            #expect(contents.contains { $0.path == "sessions[].began" && $0.kind == "time" })
        }
        #expect(BundleWord(program: "branch-agent 0.1.0").text == "branch-agent 0.1.0")
        for foreign in ["Somebody 139", "branch-agent Somebody", "branch-agent 1.2 x", ""] {
            #expect(BundleWord(program: foreign).text == "other")
        }
        #expect(BundleWord(reason: "Somebody").text == "other")
        #expect(BundleWord(ending: "Somebody").text == "other")
    }
}
