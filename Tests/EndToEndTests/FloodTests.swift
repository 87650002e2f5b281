import Foundation
import SyncCore
import Synchronization
import Testing

@testable import Aggregator
@testable import SyncTransport

/// A hub among many connections that never authenticate, or send a byte a second: a good branch syncs, memory
/// is bounded and comes back, and whoever says nothing is dropped.
///
/// `tools/flood` runs it with more of them, for longer: `ROLLCALL_FLOOD_SILENT`, `ROLLCALL_FLOOD_SLOW`. They
/// come again then, and times and memory are judged as well.
@Suite(.timeLimit(.minutes(15))) struct FloodTests {
    private static func setting(_ name: String) -> Int? {
        ProcessInfo.processInfo.environment["ROLLCALL_FLOOD_" + name].flatMap { Int($0) }
    }

    /// What hubs let wait of one address that has not said who it is, and as many that are on their way out.
    private static let mostStrangers = 2 * HubLimits().strangersOfOne

    @Test func aGoodBranchSyncsAmongManyThatSayNothing() async throws {
        let silent = FloodTests.setting("SILENT")
        let isWhole = silent != nil
        let rounds = isWhole ? 9 : 2
        let crowd = try await Crowd(branches: 1, persons: 100, days: 2 * rounds + 1)
        try await crowd.open()
        try await crowd.join("B000")
        var numbers = Numbers(seed: 7)
        var days = crowd.days[...]
        _ = try await sync(crowd, days.removeFirst(), &numbers)
        var usual: [Duration] = []
        for _ in 0..<rounds { usual.append(try await sync(crowd, days.removeFirst(), &numbers)) }
        let memory = crowd.memory
        let sockets = crowd.sockets

        let hub = try DeviceKey.load(from: crowd.place.path("hub/hub.key")).fingerprint
        let flood = try Flood(port: crowd.port, hub: hub, again: isWhole ? 10 : nil)
        let count = silent ?? FloodTests.mostStrangers + 44
        flood.start(count / 2, .silent)
        flood.start(count - count / 2, .greeted)
        flood.start(FloodTests.setting("SLOW") ?? 20, .slow)
        let most = Mutex((sockets: 0, memory: 0))
        func look() {
            let now = (sockets: crowd.sockets - sockets, memory: crowd.memory)
            most.withLock { $0 = (max($0.sockets, now.sockets), max($0.memory, now.memory)) }
        }
        let isAllThere = try await eventually {
            look()
            return flood.made >= count
        }
        #expect(isAllThere)
        var flooded: [Duration] = []
        for _ in 0..<rounds {
            flooded.append(try await sync(crowd, days.removeFirst(), &numbers))
            look()
        }
        #expect(flood.dropped > count / 2, "whoever says nothing makes way")
        #expect(most.withLock { $0.sockets } <= FloodTests.mostStrangers)
        if isWhole { flood.end() }
        // The last of them are dropped for saying nothing.
        let isBack = try await eventually { crowd.sockets <= sockets }
        #expect(isBack, "\(crowd.sockets) sockets, \(sockets) before")
        flood.end()
        let peak = max(most.withLock { $0.memory }, crowd.memory)
        #expect(peak - memory < 100 << 20)
        if isWhole {
            let after = try await comesBack(crowd, to: memory + (20 << 20))
            #expect(after <= memory + (20 << 20))
            tell(usual, flooded, memory: (memory, peak, after), flood, sockets: most.withLock { $0.sockets })
            #expect(middle(flooded) <= middle(usual) * 2)
        }
        #expect(try await crowd.status("B000").queued == 0)
        try await crowd.close()
        let log = try await AuditTests.Log.read(crowd)
        #expect(log.entries.count < 200, "strangers do not fill the log")
    }

    /// Enters a day and syncs it; how long the latter takes.
    private func sync(_ crowd: Crowd, _ day: String, _ numbers: inout Numbers) async throws -> Duration {
        let file = try crowd.sheet("day", crowd.entries(of: crowd.branches[0], on: day, using: &numbers))
        try await crowd.branch("B000", "import", "check-in", file)
        let start = ContinuousClock.now
        #expect(try await crowd.sync("B000").drained)
        return ContinuousClock.now - start
    }

    private func middle(_ times: [Duration]) -> Duration { times.sorted()[times.count / 2] }

    private func comesBack(_ crowd: Crowd, to memory: Int) async throws -> Int {
        _ = try await eventually(within: .seconds(30)) { crowd.memory <= memory }
        return crowd.memory
    }

    private func tell(
        _ usual: [Duration], _ flooded: [Duration], memory: (before: Int, peak: Int, after: Int),
        _ flood: Flood, sockets: Int
    ) {
        let (one, other) = (middle(usual), middle(flooded))
        print(
            "flood: \(flood.made) connections made, \(flood.dropped) dropped, at most \(sockets) at a time; "
                + "a sync usually takes \(one), now \(other) (times \(other / one)); the hub has "
                + "\(memory.before >> 20) MB before, \(memory.peak >> 20) MB at most, "
                + "\(memory.after >> 20) MB after"
        )
    }

    /// Asks for the feed, and reads nothing: it gets a few pages and no more, and nobody waits for it.
    @Test func whoDoesNotReadCostsLittle() async throws {
        let isWhole = FloodTests.setting("SILENT") != nil
        let crowd = try await Crowd(branches: 1, persons: 200, days: 30)
        try await crowd.open()
        try await crowd.join("B000")
        let lazy = try await RawDevice(joining: try await crowd.invite("B000"))
        var numbers = Numbers(seed: 9)
        let (peer, _) = try await lazy.welcomed()
        try await peer.stopReading()
        let start = ContinuousClock.now
        let memory = crowd.memory
        for day in crowd.days { _ = try await sync(crowd, day, &numbers) }
        #expect(crowd.memory - memory < 64 << 20)
        if isWhole {
            let isDropped = try await eventually(within: .seconds(330)) { crowd.sockets <= 1 }
            #expect(isDropped)
            print("flood: a slow reader is dropped after \(ContinuousClock.now - start)")
        }
        peer.close()
        #expect(try await crowd.status("B000").queued == 0)
        try await crowd.close()
    }
}
