import Forms
import Foundation
import GRDB
import SQLiteStore
import SyncCore
import SyncStore
import Testing

extension HubWorld {
    /// From `day` on the unit stands under another; nil: at the top.
    static func placement(_ unit: String, under above: String?, from day: Int32) -> Draft {
        draft("placement", [.text(unit), .integer(Int64(day))], [1: above.map { .text($0) } ?? .notStated])
    }

    func place(_ unit: String, under above: String?, from day: Int32, isDelete: Bool = false) throws {
        var draft = HubWorld.placement(unit, under: above, from: day)
        draft.isDelete = isDelete
        if isDelete { draft.assignments = [] }
        try centre { transaction in
            draft.context = try transaction.context(of: draft.key)
            try transaction.author(draft)
        }
    }

    static func report(_ unit: String, day: Int32 = HubWorld.day) -> Draft {
        draft(
            "daily-report", [.integer(Int64(day)), .text(unit)], [1: .text("ZERO")],
            stated: local(17, on: day))
    }
}

/// The tree of units has days: what a branch sees of a day follows the tree of that day, and the present one.
@Suite struct HubPlacementTests {
    private let first = HubWorld.day - 4
    private let last = HubWorld.day

    private func fill(_ world: HubWorld) throws {
        let writer = try HubDevice(world, unit: "C0", number: 99)
        for day in first...last {
            try writer.send(
                ["p1", "p2", "p4", "p5"].map { HubWorld.checkIn($0, day: day) }
                    + ["B1", "B2"].map { HubWorld.report($0, day: day) })
        }
    }

    private func days(_ branch: FedBranch, _ person: String) throws -> [Int32] {
        try (first...last).filter { try branch.holds(person, day: $0) }
    }

    private func reports(_ branch: FedBranch, _ unit: String) throws -> [Int32] {
        try (first...last).filter {
            try !branch.store.versions(of: HubWorld.report(unit, day: $0).key).isEmpty
        }
    }

    /// A unit is moved below another on a day: the old one above keeps what was its, and gets nothing new.
    @Test(arguments: HubKind.allCases, [1, 3, 100])
    func aUnitComesUnderAnotherOnADay(kind: HubKind, page: Int) throws {
        let world = try HubWorld(kind)
        try world.place("B2", under: "B1", from: first)
        try fill(world)
        let old = try FedBranch(world, unit: "B1", number: 1)
        let new = try FedBranch(world, unit: "B3", number: 2)
        let top = try FedBranch(world, unit: "C0", number: 3)
        let own = try FedBranch(world, unit: "B2", number: 4)
        func settle(_ branches: [FedBranch]) throws {
            for branch in branches {
                try branch.drain(maximumItems: page)
                try branch.agrees()
            }
        }
        let all = [old, new, top, own]
        try settle(all)
        #expect(try days(old, "p4") == Array(first...last) && reports(old, "B2") == Array(first...last))
        #expect(try days(new, "p4") == [] && reports(new, "B2") == [])
        try world.place("B2", under: "B3", from: last - 1)
        let late = try FedBranch(world, unit: "B1", number: 5)
        let writer = try HubDevice(world, unit: "B2", number: 98)
        try writer.send([HubWorld.checkIn("p4", day: last, temperature: 3_700, at: 9)])
        try settle(all + [late])
        for branch in [old, late] {
            #expect(try days(branch, "p4") == Array(first..<(last - 1)))
            #expect(try reports(branch, "B2") == Array(first..<(last - 1)))
            #expect(try days(branch, "p1") == Array(first...last), "its own people stay")
            #expect(try branch.store.record(RecordKey(form: "person", values: [.text("p4")])) == nil)
            let placed = HubWorld.placement("B2", under: nil, from: last - 1).key
            #expect(try branch.store.record(placed) != nil, "everybody knows the tree")
        }
        #expect(try days(new, "p4") == Array(first...last), "the present one sees all")
        #expect(try reports(new, "B2") == Array(first...last))
        #expect(try days(top, "p4") == Array(first...last) && days(own, "p4") == Array(first...last))
        // At the top of its own from the last day on, which nobody above sees; then taken back.
        try world.place("B2", under: nil, from: last)
        try settle(all + [late])
        #expect(try days(top, "p4") == Array(first..<last) && days(new, "p4") == [last - 1])
        #expect(try days(old, "p4") == Array(first..<(last - 1)))
        try world.place("B2", under: nil, from: last, isDelete: true)
        try world.place("B2", under: nil, from: last - 1, isDelete: true)
        try settle(all + [late])
        for branch in [old, late, top] { #expect(try days(branch, "p4") == Array(first...last)) }
        #expect(try days(new, "p4") == [] && reports(new, "B2") == [])
    }

    /// What is above moves with all that lies below it.
    @Test(arguments: HubKind.allCases) func aWholeLineMoves(kind: HubKind) throws {
        let world = try HubWorld(kind)
        try world.place("B2", under: "B1", from: CivilDay.beginning)
        try fill(world)
        let new = try FedBranch(world, unit: "B3", number: 2)
        let top = try FedBranch(world, unit: "C0", number: 3)
        for branch in [new, top] { try branch.drain() }
        try world.place("B1", under: "B3", from: last)
        for branch in [new, top] {
            try branch.drain(maximumItems: 2)
            try branch.agrees()
            for person in ["p1", "p4"] { #expect(try days(branch, person) == Array(first...last)) }
        }
        // A person who leaves the unit that was moved takes the days with it.
        try world.move("p4", to: "B2", from: first)
        try world.place("B1", under: "C0", from: last)
        for branch in [new, top] {
            try branch.drain(maximumItems: 2)
            try branch.agrees()
        }
        #expect(try days(new, "p1") == [] && days(new, "p4") == [])
    }

    @Test(arguments: HubKind.allCases) func aNewDayBeginsAPlacement(kind: HubKind) throws {
        let world = try HubWorld(kind)
        try fill(world)
        let new = try FedBranch(world, unit: "B3", number: 2)
        try world.place("B2", under: "B3", from: last + 1)
        try new.drain()
        #expect(try days(new, "p4") == [] && reports(new, "B2") == [])
        world.now += 86_400_000
        let writer = try HubDevice(world, unit: "B1", number: 9)
        try writer.send([HubWorld.checkIn("p1", day: last + 1)])
        try new.drain()
        try new.agrees()
        #expect(try days(new, "p4") == Array(first...last) && reports(new, "B2") == Array(first...last))
    }

    /// A report is noted as another's by the tree of its day.
    @Test(arguments: HubKind.allCases) func outsideIsAsOfTheRecordsDay(kind: HubKind) throws {
        let world = try HubWorld(kind)
        try world.place("B2", under: "B3", from: last)
        let device = try HubDevice(world, unit: "B3", number: 1)
        try device.send([
            HubWorld.checkIn("p4", day: last - 1), HubWorld.checkIn("p4", day: last),
            HubWorld.report("B2", day: last - 1), HubWorld.report("B2", day: last),
        ])
        let noted = try device.drain().verdicts
        #expect(noted.map(\.reason) == ["outside_unit", "outside_unit"])
        #expect(noted.map(\.dot.sequence) == [1, 3])
    }

    /// Who goes round in a ring is above and below at once; nothing hangs, and nothing is lost.
    @Test(arguments: HubKind.allCases) func aRingIsHarmless(kind: HubKind) throws {
        let world = try HubWorld(kind)
        try fill(world)
        let branches = try ["B1", "B2", "C0"].enumerated().map {
            try FedBranch(world, unit: $1, number: UInt8($0 + 1))
        }
        try world.place("B1", under: "B2", from: last)
        try world.place("B2", under: "B1", from: last)
        for branch in branches {
            try branch.drain(maximumItems: 3)
            try branch.agrees()
        }
        #expect(try days(branches[0], "p4") == Array(first...last))
        #expect(try days(branches[1], "p1") == Array(first...last))
        #expect(try days(branches[2], "p4") == Array(first..<last))
    }

    /// Reports of a unit that nobody had heard of go to those above it once it is known.
    @Test(arguments: HubKind.allCases) func aUnitIsHeardOfBeforeItIsKnown(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let top = try FedBranch(world, unit: "C0", number: 3)
        let writer = try HubDevice(world, unit: "B1", number: 9)
        try writer.send([HubWorld.report("B9", day: last)])
        try top.drain()
        #expect(try reports(top, "B9") == [])
        try world.centre { transaction in
            _ = try transaction.author(
                HubWorld.draft("unit", [.text("B9")], [1: .text("B9"), 3: .text("C0"), 4: .text("party")]))
        }
        try top.drain()
        try top.agrees()
        #expect(try reports(top, "B9") == [last])
    }

    /// Who is fed what hangs on the nodes: whatever is altered in them by hand is found.
    @Test func alteredNodesAreFound() throws {
        let world = try HubWorld(.sqlite)
        try fill(world)
        try world.place("B2", under: "B3", from: last - 1)
        try world.place("B2", under: "B1", from: last)
        #expect(try world.reopened().verify().damages == [])
        let queue = try DatabaseQueue(path: world.folder.path + "/store.sqlite")
        func said(_ sql: String) throws -> [String] {
            let kept = try queue.read { try Row.fetchAll($0, sql: "SELECT num, line FROM node") }
            try queue.write { try $0.execute(sql: sql) }
            #expect(try queue.read { try Int.fetchOne($0, sql: "SELECT changes()") } != 0)
            let found = try world.reopened().verify().damages.map(\.part)
            try queue.write { database in
                try database.execute(sql: "DELETE FROM node")
                for row in kept {
                    try database.execute(
                        sql: "INSERT INTO node VALUES (?, ?)", arguments: [row[0] as Int64, row[1] as Data])
                }
            }
            return found
        }
        let latest = "num = (SELECT max(num) FROM node)"
        #expect(try said("DELETE FROM node WHERE \(latest)") != [])
        #expect(try said("UPDATE node SET line = substr(line, 1, 8) WHERE \(latest)") != [])
        #expect(try said("UPDATE node SET line = substr(line, 2) WHERE \(latest)") != [])
        #expect(try said("UPDATE node SET line = line || substr(line, 1, 8) WHERE \(latest)") != [])
        #expect(try said("UPDATE node SET num = num - 1000000 WHERE \(latest)") != [])
        let other = "(SELECT line FROM node WHERE num <> (SELECT max(num) FROM node) LIMIT 1)"
        #expect(try said("UPDATE node SET line = \(other) WHERE \(latest)") != [])
        #expect(try world.reopened().verify().damages == [])
        try queue.close()
    }

    /// A store of a program that knew no days of the tree goes on where it was.
    @Test func anOlderStoreHasItsTreeStill() throws {
        let world = try HubWorld(.sqlite)
        try fill(world)
        let old = try FedBranch(world, unit: "C0", number: 1)
        let new = try FedBranch(world, unit: "B3", number: 2)
        for branch in [old, new] { try branch.drain() }
        let queue = try DatabaseQueue(path: world.folder.path + "/store.sqlite")
        try queue.write {
            try FormerLayout.restore($0)
            try $0.execute(sql: "DROP TABLE node; UPDATE meta SET value = 7 WHERE name = 'format'")
        }
        try queue.close()
        let store = try world.reopened()
        let mark = try store.mark(for: old.device.session)
        #expect(try mark.count == UInt64(old.held().count))
        try store.write(clock: AuthoringClock(now: world.now, isTrusted: true)) { transaction in
            _ = try transaction.author(HubWorld.placement("B2", under: "B3", from: last))
        }
        for branch in [old, new] {
            while let page = try store.feed(
                for: branch.device.session, after: branch.device.feed, maximumItems: 5)
            {
                try branch.store.apply(page, now: world.now)
                branch.device.feed = page.token
            }
            #expect(try store.mark(for: branch.device.session).count == UInt64(branch.held().count))
        }
        #expect(try days(new, "p4") == Array(first...last))
        #expect(try days(old, "p4") == Array(first...last))
    }

    /// Placements, memberships and entries in any order, seen by branches that are behind: each holds what an
    /// independent reading of the tree says.
    @Test(arguments: HubKind.allCases) func anyOrderEndsAsTheTreeSays(kind: HubKind) throws {
        for seed in UInt64(1)...(kind == .memory ? 40 : 15) {
            var random = HubRandom(state: seed &* 31)
            let world = try HubWorld(kind, seed: seed)
            let units = ["B1", "B2", "B3", "C0"]
            let people = ["p1", "p2", "p4", "p6"]
            let branches = try units.enumerated().map {
                try FedBranch(world, unit: $1, number: UInt8($0 + 1))
            }
            let writer = try HubDevice(world, unit: "C0", number: 99)
            for _ in 0..<60 {
                let person = people.randomElement(using: &random) ?? "p1"
                let unit = units.randomElement(using: &random) ?? "B1"
                let day = Int32.random(in: (first - 1)...(last + 1), using: &random)
                switch Int.random(in: 0..<12, using: &random) {
                case 0...2:
                    try writer.send([HubWorld.checkIn(person, day: min(max(first, day), last))])
                case 3: try writer.send([HubWorld.report(unit, day: min(max(first, day), last))])
                case 4: try world.move(person, to: unit, from: day)
                case 5...8:
                    let above = (units + [nil]).randomElement(using: &random) ?? nil
                    let isDelete = Bool.random(using: &random) && Bool.random(using: &random)
                    try world.place(unit, under: above, from: day, isDelete: isDelete)
                case 9: world.now += 43_200_000
                default:
                    let branch = branches[Int.random(in: 0..<4, using: &random)]
                    try branch.drain(
                        maximumItems: Int.random(in: 1..<20, using: &random),
                        pages: Int.random(in: 1..<4, using: &random))
                    try branch.hasNoHoles(seed)
                }
            }
            // Scopes are of the day of the last commit.
            try world.move("p5", to: "B2", from: first)
            for (index, branch) in branches.enumerated() {
                let fresh = try FedBranch(world, unit: branch.device.unit, number: UInt8(20 + index))
                for one in [branch, fresh] {
                    try one.drain(maximumItems: 7)
                    try one.agrees(seed)
                    try sees(one, world, seed)
                }
            }
        }
    }

    /// Whether the branch holds just the records that lie below it on their day or today.
    private func sees(_ branch: FedBranch, _ world: HubWorld, _ seed: UInt64) throws {
        var tree = DatedTree()
        for form in ["unit", "placement"] {
            try world.store.export(form: form, from: nil, to: nil) {
                tree.add(RecordKey(form: form, values: $0), $1)
            }
        }
        var memberships: [CoverageCount.Membership] = []
        try world.store.export(form: "membership", from: nil, to: nil) { key, record in
            memberships.append(
                CoverageCount.Membership(
                    person: key[0].string ?? "", from: Int32(clamping: key[1].integer ?? 0),
                    unit: record[1]?.string))
        }
        let today = LocalZone.fixed(hours: 8).day(of: world.now)
        func unit(_ person: String, _ day: Int32) -> String? {
            CoverageCount.register(memberships, on: day).first { $0.0 == Array(person.utf8) }
                .map { String(decoding: $0.1, as: UTF8.self) }
        }
        func isBelow(_ unit: String?, _ day: Int32) -> Bool {
            unit.map { tree.isWithin($0, branch.device.unit, on: day) } ?? false
        }
        for form in ["check-in", "daily-report"] {
            try world.store.export(form: form, from: nil, to: nil) { key, _ in
                let day = Int32(clamping: key[0].integer ?? 0)
                let subject = key[1].string ?? ""
                let (then, present) =
                    form == "check-in" ? (unit(subject, day), unit(subject, today)) : (subject, subject)
                let isSeen = isBelow(then, day) || isBelow(present, today)
                let held = try branch.store.versions(of: RecordKey(form: form, values: key))
                #expect(held.isEmpty != isSeen, "seed \(seed): \(branch.device.unit), \(form) \(key)")
            }
        }
    }
}
