import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncWire
import Testing

@testable import sync_inspect

/// What each verb says about a store that is always the same. `ROLLCALL_REWRITE_SNAPSHOTS=1` writes the
/// texts anew: look at what changed.
@Suite(.serialized) struct SnapshotTests {
    private static let masked = Masking(forms: .builtIn, unmask: false)
    private static let times = TimeText(zone: "UTC")

    private func compare(_ name: String, _ lines: [String], _ report: (any Encodable)? = nil) throws {
        try Snapshot.compare(name, lines, report)
    }

    private func agent(_ fixed: FixedWorld) throws -> SQLiteAgentStore {
        try SQLiteAgentStore(readingFrom: fixed.world.branch)
    }

    @Test func queueRecordAndExplain() throws {
        let fixed = try FixedWorld()
        let store = try agent(fixed)
        let queue = try AgentQueue(
            store, lanes: Lane.allCases, all: false, limit: 9, now: FixedWorld.now,
            masking: SnapshotTests.masked)
        try compare("queue", queue.lines(byGroups: true), queue)
        try compare("queue-hub", try HubQueue(fixed.hub, times: SnapshotTests.times).lines())
        let key = InspectWorld.key("T004")
        let opened = StoreAtHand.agent(store)
        let (state, versions, around) = try opened.record(key, Damages())
        let record = RecordReport(
            key, state, versions, around, forms: .builtIn, masking: SnapshotTests.masked)
        try compare("record", record.lines(), record)
        for person in ["T001", "T002", "T004", "T005", "T404"] {
            let explained = try fixed.explainer(person).explain(store)
            try compare("explain-\(person)", explained.lines(SnapshotTests.times), explained)
            let centre = try fixed.explainer(person).explain(fixed.hub)
            try compare("explain-hub-\(person)", centre.lines(SnapshotTests.times), centre)
        }
    }

    @Test func conflictsQuarantineAndBranches() throws {
        let fixed = try FixedWorld()
        for (name, opened) in [
            ("agent", StoreAtHand.agent(try agent(fixed))), ("hub", StoreAtHand.hub(fixed.hub)),
        ] {
            let conflicts = try ConflictListing(opened, form: nil, limit: 9, Damages())
            #expect(conflicts.count == 1)
            try compare("conflicts-\(name)", conflicts.lines(SnapshotTests.times), conflicts)
            let held = try QuarantineReport(opened, limit: 9, Damages())
            #expect(held.count == 1)
            try compare("quarantine-\(name)", held.lines(), held)
        }
        let branches = try BranchesReport(
            fixed.hub, isServed: true, now: FixedWorld.now + 200_000_000, silence: 86_400_000,
            onlyTroubled: false, Damages())
        try compare("branches", branches.lines(SnapshotTests.times), branches)
    }

    @Test func sessionsAndEstimate() throws {
        let fixed = try FixedWorld()
        let store = try agent(fixed)
        let sessions = SessionReport(
            try store.sessions(of: nil, limit: 9), .agent(store), isRunning: false, [])
        #expect(sessions.sessions.first?.tries == 2)
        try compare("session", sessions.lines(SnapshotTests.times), sessions)
        var estimate = try EstimateReport(store, bitsPerSecond: 9_600, roundTrip: 0.2, Damages())
        // How well a signature compresses is another at every run.
        try Snapshot.compare("estimate", estimate.lines(), estimate) { text in
            text.replacing(#/\d+ bytes/#, with: "N bytes").replacing(
                #/"bytes" : [1-9]\d*/#, with: "\"bytes\" : 1")
        }
        #expect(estimate.versions == 2 && estimate.bytes > 50 && estimate.bytes < 1_000)
        #expect(try #require(estimate.seconds) >= 3)
        estimate = try EstimateReport(store, bitsPerSecond: nil, roundTrip: 0.2, Damages())
        #expect(estimate.link == "measured" && estimate.bytesPerSecond == 6_000)
    }

    @Test func verifyVectorAndBatch() throws {
        let fixed = try FixedWorld()
        let list = try JournalList(.agent(try agent(fixed)))
        try compare("batch-journals", list.lines(), list)
        let origin = try #require(try fixed.world.origin())
        let batch = try #require(
            try StoredBatch.read(.agent(try agent(fixed)), origin: origin.id, first: 1))
        var report = BatchReport(stored: batch, masking: SnapshotTests.masked, limit: 9)
        try compare("batch", report.lines(), report)
        let payload = MessageCodec.encode(.batch(batch)).payload
        report.hexdump = Hexdump.payload(
            type: MessageType.batch, payload, at: 0, SnapshotTests.masked)
        let dump = try #require(report.hexdump)
        // Every byte is named once.
        #expect(dump.reduce(0) { $0 + $1.bytes } == payload.count)
        var next = 0
        for stretch in dump {
            #expect(stretch.offset == next)
            next += stretch.bytes
        }
        for secret in ["Secret", "T999"] {
            #expect(!Hexdump.lines(dump).joined().contains(Hex.encode(Array(secret.utf8))))
        }
    }
}
