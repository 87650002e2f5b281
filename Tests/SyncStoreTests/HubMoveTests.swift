import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// A branch's store that is fed by a hub: what it holds in the end is what its scope says.
final class FedBranch {
    let device: HubDevice
    let store: MemoryAgentStore
    /// The device writes through this test's own journals: the store holds copies of others only.
    private let world: HubWorld

    init(_ world: HubWorld, unit: String, number: UInt8) throws {
        self.world = world
        device = try HubDevice(world, unit: unit, number: number)
        store = MemoryAgentStore(
            means: AgentMeans(
                hashing: HubFake.hashing, signing: HubFake.signing(device.key), verifying: HubFake.verifying,
                random: { Token16(high: 3, low: UInt64(number)) }))
        try store.configure(
            AgentConfiguration(
                replica: Token16(high: 1, low: UInt64(number)), address: "hub:1",
                hub: HubFake.hashing([UInt8](repeating: 7, count: 65)),
                hubPublicKey: [UInt8](repeating: 7, count: 65), unit: unit, unitName: unit, hubName: "Hub",
                settings: []))
    }

    /// Takes pages until there are none, or `pages` of them.
    @discardableResult
    func drain(maximumItems: Int = 100, pages: Int = .max) throws -> Int {
        var count = 0
        while count < pages,
            let page = try world.store.feed(
                for: device.session, after: device.feed, maximumItems: maximumItems)
        {
            #expect(page.token.isBeyond(device.feed))
            try store.apply(page, now: world.now)
            device.feed = page.token
            count += 1
        }
        return count
    }

    /// Names of all versions that it holds.
    func held() throws -> Set<Dot> {
        var dots: Set<Dot> = []
        for definition in FormCatalog.builtIn.definitions {
            for record in try store.records(form: definition.form, after: nil, limit: .max) {
                dots.formUnion(try store.versions(of: record.key).map(\.dot))
            }
        }
        return dots
    }

    /// What the hub counts is what the branch holds, and every record says here what it says there.
    func agrees(_ seed: UInt64 = 0, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let mark = try world.store.mark(for: device.session)
        let dots = try held()
        #expect(mark.count == UInt64(dots.count), "seed \(seed)", sourceLocation: sourceLocation)
        let sum = dots.reduce(UInt64(0)) { $0 &+ Mark.term(of: $1) }
        #expect(mark.sum == sum, sourceLocation: sourceLocation)
        for definition in FormCatalog.builtIn.definitions {
            for record in try store.records(form: definition.form, after: nil, limit: .max) {
                // What the device itself wrote is not in this store.
                let there = try world.store.versions(of: record.key).filter {
                    $0.dot.origin != device.origin() && $0.dot.origin != device.origin(.urgent)
                }
                #expect(
                    try store.versions(of: record.key) == there, "\(record.key)",
                    sourceLocation: sourceLocation)
                let seen = try #require(try store.record(record.key)).seen
                for version in there { #expect(seen.covers(version.dot), sourceLocation: sourceLocation) }
            }
        }
        // Who stands on its register, by what it was fed, is who does at the hub.
        var (here, there): ([CoverageCount.Membership], [CoverageCount.Membership]) = ([], [])
        for record in try store.records(form: "membership", after: nil, limit: .max) {
            let effective = record.state.effective { _ in .latest }
            if effective.exists, let found = membership(record.key.values, effective) { here.append(found) }
        }
        try world.store.export(form: "membership", from: nil, to: nil) { values, record in
            if let found = membership(values, record) { there.append(found) }
        }
        for day in (HubWorld.day - 5)...(HubWorld.day + 1) {
            #expect(
                people(here, on: day) == people(there, on: day), "seed \(seed), \(day)",
                sourceLocation: sourceLocation)
        }
    }

    private func people(_ memberships: [CoverageCount.Membership], on day: Int32) -> [String] {
        CoverageCount.register(memberships, on: day).filter { $0.1 == Array(device.unit.utf8) }
            .map { String(decoding: $0.0, as: UTF8.self) }.sorted()
    }

    private func membership(_ key: [Value], _ record: EffectiveRecord) -> CoverageCount.Membership? {
        guard let person = key[0].string, let from = key[1].integer else { return nil }
        return CoverageCount.Membership(
            person: person, from: Int32(clamping: from), unit: record[1]?.string)
    }

    /// What the store takes for seen, it has: at any page, also in the middle of a change.
    func hasNoHoles(_ seed: UInt64, sourceLocation: SourceLocation = #_sourceLocation) throws {
        for definition in FormCatalog.builtIn.definitions {
            for record in try store.records(form: definition.form, after: nil, limit: .max) {
                let here = Set(try store.versions(of: record.key).map(\.dot))
                for version in try world.store.versions(of: record.key)
                where record.state.seen.covers(version.dot) && !here.contains(version.dot) {
                    Issue.record(
                        "seed \(seed): \(version.dot) of \(record.key)", sourceLocation: sourceLocation)
                }
            }
        }
    }

    func holds(_ person: String, day: Int32) throws -> Bool {
        try !store.versions(of: HubWorld.key(person, day: day)).isEmpty
    }
}

/// Who sees whose records when people and units move.
@Suite struct HubMoveTests {
    private let first = HubWorld.day - 4
    private let last = HubWorld.day

    /// Check-ins of every day from `first` to `last`, by a device of the centre's.
    private func fill(_ world: HubWorld, _ people: [String] = ["p1", "p2", "p4"]) throws {
        let writer = try HubDevice(world, unit: "C0", number: 99)
        for day in first...last { try writer.send(people.map { HubWorld.checkIn($0, day: day) }) }
    }

    private func days(_ branch: FedBranch, _ person: String) throws -> [Int32] {
        try (first...last).filter { try branch.holds(person, day: $0) }
    }

    @Test(arguments: HubKind.allCases, [1, 3, 100]) func aMoveIsAFeedEvent(kind: HubKind, page: Int) throws {
        let world = try HubWorld(kind)
        try fill(world)
        let one = try FedBranch(world, unit: "B1", number: 1)
        let two = try FedBranch(world, unit: "B2", number: 2)
        let above = try FedBranch(world, unit: "C0", number: 3)
        for branch in [one, two, above] { try branch.drain(maximumItems: page) }
        #expect(try days(one, "p1") == Array(first...last))
        #expect(try days(two, "p1") == [])
        try world.move("p1", to: "B2", from: last - 1)
        let late = try FedBranch(world, unit: "B1", number: 4)
        for branch in [one, two, above, late] {
            try branch.drain(maximumItems: page)
            try branch.agrees()
        }
        for branch in [one, late] {
            // The days in the unit stay, the person and what came after does not.
            #expect(try days(branch, "p1") == Array(first..<(last - 1)))
            #expect(try branch.store.record(RecordKey(form: "person", values: [.text("p1")])) == nil)
            #expect(try days(branch, "p2") == Array(first...last))
        }
        #expect(try days(two, "p1") == Array(first...last))
        #expect(try days(above, "p1") == Array(first...last))
        // Away and back again.
        try world.move("p1", to: "B1", from: last)
        for branch in [one, two, above, late] {
            try branch.drain(maximumItems: page)
            try branch.agrees()
        }
        #expect(try days(one, "p1") == Array(first...last))
        #expect(try days(two, "p1") == [last - 1])
    }

    @Test(arguments: HubKind.allCases) func awayAndBackInOneCatchUp(kind: HubKind) throws {
        let world = try HubWorld(kind)
        try fill(world)
        let one = try FedBranch(world, unit: "B1", number: 1)
        try one.drain()
        try world.move("p1", to: "B2", from: last)
        let writer = try HubDevice(world, unit: "B2", number: 9)
        try writer.send([HubWorld.checkIn("p1", day: last, temperature: 3_900, at: 9)])
        try world.move("p1", to: "B1", from: last)
        try one.drain(maximumItems: 1)
        try one.agrees()
        #expect(try one.store.versions(of: HubWorld.key("p1", day: last)).count == 2)
    }

    /// Corrections: dated back, deleted, given another unit.
    @Test(arguments: HubKind.allCases) func correctionsCountBackwards(kind: HubKind) throws {
        let world = try HubWorld(kind)
        try fill(world)
        let branches = try ["B1", "B2", "B3", "C0"].enumerated().map {
            try FedBranch(world, unit: $1, number: UInt8($0 + 1))
        }
        func settle() throws {
            for branch in branches {
                try branch.drain(maximumItems: 4)
                try branch.agrees()
            }
        }
        func membership(_ from: Int32, _ unit: String, isDelete: Bool = false) throws {
            let key = RecordKey(form: "membership", values: [.text("p1"), .integer(Int64(from))])
            try world.centre { transaction in
                var draft = HubWorld.membership("p1", from: from, unit: unit)
                draft.context = try transaction.context(of: key)
                draft.isDelete = isDelete
                if isDelete { draft.assignments = [] }
                try transaction.author(draft)
            }
        }
        try settle()
        try membership(last, "B2")
        try settle()
        try membership(first + 1, "B2")
        try settle()
        #expect(try days(branches[0], "p1") == [first])
        try membership(first + 1, "B3")
        try settle()
        #expect(try days(branches[2], "p1") == Array((first + 1)..<last))
        try membership(last, "B2", isDelete: true)
        try settle()
        #expect(try days(branches[1], "p1") == [])
        #expect(try days(branches[2], "p1") == Array(first...last))
        // A person that is deleted belongs to its units still: the tombstone goes where the records are.
        let key = RecordKey(form: "person", values: [.text("p2")])
        try world.centre { transaction in
            var draft = HubWorld.draft("person", [.text("p2")], [:], isDelete: true)
            draft.context = try transaction.context(of: key)
            try transaction.author(draft)
        }
        try settle()
        #expect(try branches[0].store.record(key)?.effective { _ in .latest }.exists == false)
    }

    /// A stay that begins with a day to come counts from that day's first commit on.
    @Test(arguments: HubKind.allCases) func aNewDayBeginsAStay(kind: HubKind) throws {
        let world = try HubWorld(kind)
        try fill(world)
        let one = try FedBranch(world, unit: "B1", number: 1)
        let two = try FedBranch(world, unit: "B2", number: 2)
        try world.move("p1", to: "B2", from: last + 1)
        try one.drain()
        try two.drain()
        #expect(try days(two, "p1") == [])
        #expect(try one.store.record(RecordKey(form: "person", values: [.text("p1")])) != nil)
        world.now += 86_400_000
        try two.device.hello()
        try two.device.send([HubWorld.checkIn("p4", day: last + 1)])
        try one.drain()
        try two.drain()
        try one.agrees()
        try two.agrees()
        #expect(try days(two, "p1") == Array(first...last))
        #expect(try one.store.record(RecordKey(form: "person", values: [.text("p1")])) == nil)
    }

    @Test(arguments: HubKind.allCases, [2, 100]) func aUnitGetsAnotherParent(kind: HubKind, page: Int) throws
    {
        let world = try HubWorld(kind)
        try fill(world)
        let old = try FedBranch(world, unit: "B1", number: 1)
        let new = try FedBranch(world, unit: "B3", number: 2)
        let top = try FedBranch(world, unit: "C0", number: 3)
        let low = try FedBranch(world, unit: "B2", number: 4)
        let branches = [old, new, top, low]
        func parent(_ unit: String) throws {
            let key = RecordKey(form: "unit", values: [.text("B2")])
            try world.centre { transaction in
                var draft = HubWorld.draft("unit", [.text("B2")], [3: .text(unit)])
                draft.context = try transaction.context(of: key)
                try transaction.author(draft)
            }
        }
        let writer = try HubDevice(world, unit: "C0", number: 88)
        func settle() throws {
            try writer.send([HubWorld.checkIn("p4", day: last, temperature: 3_800, at: 10)])
            for branch in branches {
                try branch.drain(maximumItems: page)
                try branch.agrees()
            }
        }
        try settle()
        try parent("B1")
        // Somebody leaves the unit, and somebody comes, while nobody listens.
        try world.move("p5", to: "B3", from: last)
        try world.move("p2", to: "B2", from: last - 2)
        try settle()
        #expect(try days(old, "p4") == Array(first...last))
        try parent("B3")
        try settle()
        #expect(try days(old, "p4") == [])
        #expect(try days(old, "p2") == [first, first + 1])
        #expect(try days(new, "p4") == Array(first...last))
        try parent("C0")
        try parent("B3")
        try parent("B1")
        try settle()
        #expect(try days(new, "p4") == [])
        #expect(try days(top, "p4") == Array(first...last))
    }

    /// An agent is cut off at any page, and the hub goes on meanwhile.
    @Test(arguments: HubKind.allCases) func anythingInAnyOrderEndsTheSame(kind: HubKind) throws {
        for seed in UInt64(1)...(kind == .memory ? 40 : 15) {
            var random = HubRandom(state: seed)
            let world = try HubWorld(kind, seed: seed)
            let branches = try ["B1", "B2", "B3", "C0"].enumerated().map {
                try FedBranch(world, unit: $1, number: UInt8($0 + 1))
            }
            let people = ["p1", "p2", "p4", "p6"]
            for _ in 0..<60 {
                let person = people.randomElement(using: &random) ?? "p1"
                let unit = ["B1", "B2", "B3", ""].randomElement(using: &random) ?? ""
                let day = Int32.random(in: first...last, using: &random)
                switch Int.random(in: 0..<12, using: &random) {
                case 0...4:
                    let branch = branches[Int.random(in: 0..<4, using: &random)]
                    let temperature = Int64.random(in: 3_600...3_900, using: &random)
                    try branch.device.send([
                        HubWorld.checkIn(person, day: day, temperature: temperature)
                    ])
                case 5, 6: try world.move(person, to: unit, from: day)
                case 7:
                    try world.centre { transaction in
                        try transaction.author(
                            HubWorld.draft(
                                "unit", [.text("B2")], [3: .text(unit.isEmpty || unit == "B2" ? "C0" : unit)],
                                context: try transaction.context(
                                    of: RecordKey(form: "unit", values: [.text("B2")]))))
                        if day == last {
                            try transaction.author(HubWorld.membership(person, from: day, unit: unit))
                        }
                    }
                case 8: world.now += 43_200_000
                default:
                    let branch = branches[Int.random(in: 0..<4, using: &random)]
                    try branch.drain(
                        maximumItems: Int.random(in: 1..<20, using: &random),
                        pages: Int.random(in: 1..<4, using: &random))
                    try branch.hasNoHoles(seed)
                }
            }
            for (index, branch) in branches.enumerated() {
                try branch.drain(maximumItems: 7)
                try branch.agrees(seed)
                let fresh = try FedBranch(world, unit: branch.device.unit, number: UInt8(20 + index))
                try fresh.drain()
                try fresh.agrees(seed)
            }
        }
    }
}
