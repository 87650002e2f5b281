import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// What a hub keeps between its looks at rules (what is due of whom, and when) spares it work and changes
/// nothing of what rules do.
struct RuleKeepingTests {
    private static let people = HubWorld.people.map(\.0)

    /// One history, by one who remembers and one who begins anew with each look.
    private struct Pair {
        let keeping: RuleWorld
        let fresh: RuleWorld
        var rules = HubRules()

        init(_ kind: HubKind) throws {
            keeping = try RuleWorld(kind, rosterDays: 0)
            fresh = try RuleWorld(kind, rosterDays: 0)
        }

        func both(_ body: (RuleWorld) throws -> Void) throws {
            try body(keeping)
            try body(fresh)
        }

        /// What was done, in whatever order: of records that have nothing to do with each other there is
        /// none.
        private static func words(_ events: [RuleEvent]) -> [String] {
            events.map { event in
                let key = event.key.values.map { $0.string ?? $0.integer.map { "\($0)" } ?? "-" }
                return "\(event.rule) \(key.joined(separator: " ")) \(event.action) \(event.at)"
            }.sorted()
        }

        /// - Returns: what both have done.
        mutating func look(at time: Milliseconds) throws -> [RuleEvent] {
            keeping.now = time
            let events = try rules.lookAll(at: keeping.store, now: time)
            let (one, other) = (Pair.words(events), try Pair.words(fresh.look(at: time)))
            let (more, less) = (one.filter { !other.contains($0) }, other.filter { !one.contains($0) })
            try #require(one == other, "\(time): more \(more), less \(less)")
            return events
        }
    }

    private static func change(
        _ pair: Pair, on day: Int32, _ alerts: inout [RecordKey], using random: inout SeededGenerator
    ) throws {
        let person = people.randomElement(using: &random) ?? "p1"
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1, 2, 3:
            let key = RecordKey(
                form: BuiltIn.alert, values: [.integer(Int64(day)), .text("symptoms"), .text(person)])
            guard !alerts.contains(key) else { return }
            alerts.append(key)
            try pair.both { world in
                try world.hub.centre { transaction in
                    _ = try transaction.author(HubWorld.checkIn(person, day: day, fever: true))
                    _ = try transaction.author(
                        HubWorld.draft(
                            BuiltIn.alert, key.values,
                            [1: .list([Array("fever".utf8)]), 2: .text("open"), 3: .notStated]))
                }
            }
        case 4, 5:
            guard let key = alerts.randomElement(using: &random) else { return }
            let status = ["taken", "open", "closed"].randomElement(using: &random) ?? "taken"
            try pair.both { try $0.answer(key, status) }
        case 6, 7:
            let crew = ["d1", "d2", "d3", "d4"].shuffled(using: &random).prefix(3)
            let start = pair.keeping.now + Milliseconds.random(in: -3...3, using: &random) * 3_600_000
            let end = start + Milliseconds.random(in: 1...9, using: &random) * 3_600_000
            try pair.both { try $0.duty(Array(crew), from: start, until: end) }
        case 8:
            let unit = HubWorld.units.randomElement(using: &random) ?? "B1"
            try pair.both { try $0.hub.move(person, to: unit, from: day) }
        default:
            try pair.both { world in
                try world.hub.centre {
                    _ = try $0.author(
                        HubWorld.draft(
                            BuiltIn.dailyReport, [.integer(Int64(day)), .text("B1")],
                            [1: .text("ZERO"), 2: .integer(3), 3: .integer(0)]))
                }
            }
        }
    }

    @Test(arguments: HubKind.allCases, 0..<4) func whatIsKeptChangesNothing(kind: HubKind, seed: UInt64)
        throws
    {
        var random = SeededGenerator(seed: seed &* 977 &+ 5)
        var pair = try Pair(kind)
        var alerts: [RecordKey] = []
        var turns = 0
        var time = pair.keeping.now
        for step in 0..<45 {
            time += [1_000, 60_000, 600_000, 1_800_000, 7_200_000].randomElement(using: &random) ?? 0
            // As a hub does: at the moment at which something is due, and then when something comes.
            for _ in 0..<50 {
                guard let next = pair.rules.next, next < time else { break }
                turns += try pair.look(at: next).count
            }
            turns += try pair.look(at: time).count
            let day = HubWorld.day + Int32((time - HubWorld.local(0)) / 86_400_000)
            try Self.change(pair, on: day, &alerts, using: &random)
            turns += try pair.look(at: time + 1).count
            if step % 15 == 14 {
                #expect(try pair.keeping.made() == pair.fresh.made(), "seed \(seed), step \(step)")
            }
        }
        #expect(turns > 25, "seed \(seed)")
        for key in alerts {
            let whole = try pair.keeping.store.versions(of: key)
            #expect(try pair.keeping.store.chainedVersions(of: key) == whole, "seed \(seed), \(key)")
        }
    }

    /// A hub that serves hears of another hour while it runs.
    @Test func anotherHourIsHeardOf() throws {
        let world = try RuleWorld(.sqlite)
        var rules = HubRules()
        _ = try rules.lookAll(at: world.store, now: world.now)
        let store = try #require(world.hub.sqlite)
        try store.changeSettings(clock: AuthoringClock(now: world.now, isTrusted: true)) { settings in
            var changed = settings
            changed.laterHours = [
                Settings.LaterHour(
                    setting: "checkInCutoff", from: CivilDay.text(HubWorld.day), hour: "17:30")
            ]
            return (changed, HubWorld.day, "checkInCutoff=17:30")
        }
        func said(at hour: Double) throws -> [String] {
            let events = try rules.lookAll(at: world.store, now: HubWorld.local(hour))
            return RuleWorld.raised(events).filter { $0 == "missing-check-in" }
        }
        #expect(try said(at: 17).isEmpty)
        #expect(try !said(at: 17.6).isEmpty)
    }
}
