import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import Testing

@testable import sync_inspect

@Suite struct StoreReportTests {
    private let masked = Masking(forms: .builtIn, unmask: false)

    @Test func theQueueCountsByLaneAndForm() throws {
        let world = try InspectWorld()
        try world.author([InspectWorld.checkIn("T001"), InspectWorld.checkIn("T002")])
        try world.author([InspectWorld.checkIn("T003", lane: .urgent)], after: 5_000)
        guard case .agent(let store) = try StoreAtHand(world.branch) else {
            Issue.record("not seen as a branch's store")
            return
        }
        let queue = try AgentQueue(
            store, lanes: Lane.allCases, all: false, limit: 1, now: InspectWorld.start + 60_000,
            masking: masked)
        let report = try json(queue)
        #expect(Set(report.keys) == ["store", "unit", "hub", "lanes", "damaged"])
        let routine = try #require((report["lanes"] as? [String: Any])?["routine"] as? [String: Any])
        #expect(
            Set(routine.keys)
                == [
                    "origin", "last", "receipted", "queued", "forms", "groups", "bytes", "oldest", "entries",
                    "closed",
                ])
        #expect(routine["queued"] as? Int == 2)
        #expect(routine["forms"] as? [String: Int] == ["check-in": 2])
        let entries = try #require(routine["entries"] as? [[String: Any]])
        #expect(entries.count == 1)
        #expect(entries[0]["key"] as? [String] == ["2020-02-03", "T001"])
        #expect(entries[0]["ageSeconds"] as? Int == 60)
        #expect(entries[0]["receipted"] as? Bool == false)
        #expect(queue.lanes["urgent"]?.queued == 1)
        #expect(!queue.lines().joined().contains("Secret"))
        #expect(queue.lines().contains { $0.contains("1 more") })
    }

    @Test func whatIsReceiptedDoesNotWait() throws {
        let world = try InspectWorld()
        try world.author([InspectWorld.checkIn("T001")])
        let origin = try #require(try world.origin())
        let hub = InspectCrypto.signing(7)
        let welcome = Welcome(
            epoch: Token16(high: 1, low: 1), sessionToken: Token16(high: 2, low: 2), held: [],
            urgentWindow: 1,
            routineWindow: 1, maximumBatch: 1, clock: InspectWorld.start, capabilities: [], dictionary: 0,
            settings: [])
        _ = try world.agent.accept(welcome, asked: InspectWorld.start, now: InspectWorld.start)
        var receipt = Receipt(origin: origin.id, sequence: 1, head: origin.head)
        receipt.signature = try hub.sign(
            receipt.statement(hub: InspectCrypto.hashing(hub.publicKey), epoch: welcome.epoch))
        try world.agent.accept([receipt], now: InspectWorld.start)
        for all in [false, true] {
            let queue = try AgentQueue(
                try SQLiteAgentStore(readingFrom: world.branch), lanes: [.routine], all: all, limit: 9,
                now: 0,
                masking: masked)
            #expect(queue.lanes["routine"]?.queued == 0)
            #expect(queue.lanes["routine"]?.entries.map(\.receipted) == (all ? [true] : []))
        }
    }

    @Test func aRecordShowsItsVersionsMasked() throws {
        let world = try InspectWorld()
        try world.author([InspectWorld.checkIn("T001")])
        let seen = try #require(try world.agent.record(InspectWorld.key("T001"))).seen
        // One author saw the first version, the other did not: two candidates.
        try world.author([InspectWorld.checkIn("T001", context: seen, temperature: 3_700)], after: 1_000)
        try world.author([InspectWorld.checkIn("T001", temperature: 3_800)], after: 2_000)
        let key = try RecordKeyText.key("check-in", ["2020/2/3", " T001 "], .builtIn)
        #expect(key == InspectWorld.key("T001"))
        let store = try SQLiteAgentStore(readingFrom: world.branch)
        let (state, versions) = (try store.record(key), try store.versions(of: key))
        let report = RecordReport(key, state, versions, forms: .builtIn, masking: masked)
        let shape = try json(report)
        #expect(
            Set(shape.keys) == [
                "form", "key", "found", "exists", "conflict", "deleteConflict", "masked", "revision",
                "firstCreated", "seen", "fields", "versions",
            ])
        #expect(report.conflict)
        #expect(report.versions.count == 3)
        #expect(report.versions[0].holds.isEmpty)
        #expect(report.versions[2].holds == ["(existence)", "temperature", "fever", "name"])
        #expect(report.fields.map(\.name) == ["temperature", "fever", "name"])
        #expect(report.fields.map(\.value) == ["***", nil, "***"])
        #expect(report.fields[0].setter == report.versions[2].dot)
        #expect(report.fields[0].policy == "latest")
        #expect(report.fields[0].candidates.count == 2)
        let text = report.lines().joined(separator: "\n") + "\(shape)"
        for secret in ["Secret", "38.00", "T999"] { #expect(!text.contains(secret)) }
        let open = RecordReport(
            key, state, versions, forms: .builtIn, masking: Masking(forms: .builtIn, unmask: true))
        #expect(open.fields.map(\.value) == ["38.00", nil, "Somebody Secret"])
        #expect(open.versions[0].author == "T999")
        let nothing = try RecordKeyText.key("check-in", ["2020-02-03", "T404"], .builtIn)
        #expect(
            !RecordReport(
                nothing, try store.record(nothing), try store.versions(of: nothing), forms: .builtIn,
                masking: masked
            ).found)
    }

    @Test(arguments: [["2020-02-03"], ["2020-02-30", "T001"], ["today", "T001"], ["2020-02-03", ""]])
    func aKeyThatDoesNotFitIsRefused(texts: [String]) {
        #expect { try RecordKeyText.key("check-in", texts, .builtIn) } throws: {
            ($0 as? Failure)?.status == .usage
        }
    }

    @Test func aHubsStoreIsReadWhileItRuns() throws {
        let world = try InspectWorld()
        try world.author([InspectWorld.checkIn("T001"), InspectWorld.checkIn("T002")])
        let running = try world.bringToCentre()
        guard case .hub(let hub) = try StoreAtHand(world.centre) else {
            Issue.record("not seen as a hub's store")
            return
        }
        let queue = HubQueue(try hub.devices())
        #expect(queue.devices.map(\.routine.count) == [0])
        #expect(queue.devices.map(\.unit) == ["B02"])
        let shown = queue.lines().joined()
        #expect(shown.contains("no queue"))
        #expect(!shown.contains("laptop"))
        let key = InspectWorld.key("T002")
        let report = RecordReport(
            key, try hub.record(key), try hub.versions(of: key), forms: .builtIn, masking: masked)
        #expect(report.exists)
        #expect(report.versions.count == 1)
        let origin = try #require(try world.origin())
        let list = try JournalList(.hub(hub))
        #expect(list.journals.contains { $0.origin == RecordText.origin(origin.id) && $0.last == 2 })
        let segment = try #require(try StoredBatch.read(.hub(hub), origin: origin.id, first: 2))
        #expect(segment.first == 1 && segment.last == 2)
        #expect(segment.seals.map(\.sequence) == [2])
        #expect(segment.after == ShortDigest(origin.head))
        let token = FeedToken(epoch: try hub.epoch, position: 1, hash: .zero)
        #expect(throws: StoreError.self) {
            try hub.confirmFeed(token, of: SessionRef(device: 1, replica: 1, number: 1))
        }
        #expect(try running.devices().count == 1)
    }
}
