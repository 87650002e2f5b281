import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore

@testable import sync_inspect

/// A store of each kind that is the same at every run, with one of everything that the verbs show.
final class FixedWorld {
    let world: InspectWorld
    let hub: SQLiteHubStore
    static let now = InspectWorld.start + 7_200_000

    init() throws {
        world = try InspectWorld()
        // What arrives: an urgent record, routine ones, one in conflict, one that the centre holds back.
        try world.author([InspectWorld.checkIn("T003", temperature: 3_860, lane: .urgent)])
        try world.author([InspectWorld.checkIn("T001"), InspectWorld.checkIn("T002", temperature: 9_900)])
        try world.author([InspectWorld.checkIn("T004")], after: 1_000)
        try world.author([InspectWorld.checkIn("T004", temperature: 3_720)], after: 2_000)
        hub = try world.bringToCentre()
        try FixedWorld.receipts(of: hub, for: world)
        // What waits.
        try world.author([InspectWorld.checkIn("T005"), InspectWorld.checkIn("T006")], after: 3_700_000)
        try world.agent.note { facts in
            facts.lastFailure = "unreachable"
            facts.lastContact = InspectWorld.start + 3_600_000
            facts.lastHubTime = InspectWorld.start + 3_600_000
        }
        try world.agent.keep([FixedWorld.good(world), FixedWorld.cut(world), FixedWorld.unreachable])
        try world.agent.keep([FixedWorld.unreachable2])
        try hub.keep([FixedWorld.atHub])
    }

    /// The branch believes what the hub signed, and is told what the hub holds back.
    private static func receipts(of hub: SQLiteHubStore, for world: InspectWorld) throws {
        let now = InspectWorld.start + 3_600_000
        let hello = try world.agent.hello(now: now, program: "branch-agent 0.1.0")
        let admission = try hub.admit(
            hello, publicKey: InspectCrypto.signing(3).publicKey, sessionToken: Token16(high: 4, low: 5),
            now: now
        ).get()
        _ = try world.agent.accept(admission.welcome, asked: now, now: now)
        var token = admission.feed
        while let page = try hub.feed(for: admission.session, after: token, maximumItems: 100) {
            try world.agent.apply(page, now: now)
            try hub.confirmFeed(page.token, of: admission.session)
            token = page.token
        }
    }

    private static func good(_ world: InspectWorld) throws -> SessionEntry {
        var entry = SessionEntry(began: InspectWorld.start + 3_600_000)
        entry.ended = entry.began + 2_000
        entry.ending = SessionEntry.done
        entry.isWelcomed = true
        entry.bytesUp = 9_000
        entry.bytesDown = 3_000
        entry.versionsUp = 5
        entry.versionsDown = 2
        for origin in try world.agent.origins() {
            entry.sent[origin.claim.lane] = .init(origin: origin.id, through: origin.receipted)
        }
        return entry
    }

    private static func cut(_ world: InspectWorld) throws -> SessionEntry {
        var entry = SessionEntry(began: InspectWorld.start + 4_000_000)
        entry.ended = entry.began + 9_000
        entry.ending = "unreachable"
        entry.isWelcomed = true
        entry.bytesUp = 700
        if let origin = try world.origin() {
            entry.sent[.routine] = .init(origin: origin.id, through: origin.sequence)
        }
        return entry
    }

    private static var unreachable: SessionEntry {
        var entry = SessionEntry(began: InspectWorld.start + 4_100_000)
        entry.ended = entry.began + 10_000
        entry.ending = "unreachable"
        return entry
    }

    private static var unreachable2: SessionEntry {
        var entry = unreachable
        entry.began += 60_000
        entry.ended = entry.began + 10_000
        return entry
    }

    private static var atHub: SessionEntry {
        var entry = SessionEntry(device: 1, began: InspectWorld.start + 3_600_000)
        entry.ended = entry.began + 2_000
        entry.ending = SessionEntry.done
        entry.isWelcomed = true
        entry.bytesUp = 9_000
        entry.bytesDown = 3_000
        entry.versionsUp = 5
        entry.program = "branch-agent 0.1.0"
        return entry
    }

    func explainer(_ person: String, now: Milliseconds = FixedWorld.now) -> Explainer {
        Explainer(
            folder: world.branch, key: InspectWorld.key(person), forms: .builtIn,
            masking: Masking(forms: .builtIn, unmask: false), damages: Damages(), now: now,
            times: TimeText(zone: "UTC"))
    }
}
