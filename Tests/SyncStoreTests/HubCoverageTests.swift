import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// Who is missing, who is late, and that the same versions always give the same answer.
@Suite struct HubCoverageTests {
    @Test(arguments: HubKind.allCases) func countsADay(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        try world.centre {
            _ = try $0.author(
                HubWorld.draft(
                    "excuse", [.text("p3"), .integer(Int64(HubWorld.day - 1))],
                    [1: .integer(Int64(HubWorld.day)), 2: .text("in hospital")]))
        }
        let report = HubWorld.draft(
            "daily-report", [.integer(Int64(HubWorld.day)), .text("B1")], [1: .text("ZERO")],
            stated: HubWorld.local(19))
        try device.send([
            HubWorld.checkIn("p1", temperature: 3_730, at: 17),
            HubWorld.checkIn("p2", temperature: 3_729, at: 16),
            report,
        ])
        let line = try world.line("B1")
        #expect(line.register == 3 && line.checkedIn == 2)
        #expect(line.missing.isEmpty && line.excused == ["p3"])
        #expect(line.late == ["p1"] && line.flagged == ["p1"])
        #expect(line.report == CoverageBoard.Report(status: "LATE", kind: "ZERO"))
        #expect(try world.line("B2").missing == ["p4", "p5"])
        #expect(try world.line("B2").report.status == "MISSING")
        #expect(try world.line("B1", day: HubWorld.day + 1).missing == ["p1", "p2", "p3"])
        #expect(try world.sqlite?.countersAgree(on: HubWorld.day) ?? true)
        let counters = try world.sqlite?.coverageCounters(of: HubWorld.day)
        #expect(
            counters ?? [] == [CoverageCounters(unit: "B1", checkedIn: 2, late: 1, flagged: 1)]
                || kind == .memory)
    }

    @Test(arguments: HubKind.allCases) func aCorrectionAtNightIsNotLate(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        try device.send([HubWorld.checkIn("p1", fever: true, at: 9)])
        let seen = try world.centre { try $0.context(of: HubWorld.key("p1")) }
        try device.send([HubWorld.checkIn("p1", context: seen, at: 22)])
        let line = try world.line("B1")
        #expect(line.late.isEmpty && line.flagged.isEmpty && line.checkedIn == 1)
        #expect(try world.sqlite?.countersAgree(on: HubWorld.day) ?? true)
    }

    @Test(arguments: HubKind.allCases) func aMoveCountsFromItsDay(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let days = HubWorld.day...(HubWorld.day + 2)
        world.now += 3 * 86_400_000
        try device.send(days.map { HubWorld.checkIn("p1", day: $0) })
        try world.move("p1", to: "B2", from: HubWorld.day + 1)
        try world.move("p2", to: "", from: HubWorld.day + 2)
        #expect(try days.map { try world.line("B1", day: $0).register } == [3, 2, 1])
        #expect(try days.map { try world.line("B1", day: $0).checkedIn } == [1, 0, 0])
        #expect(try days.map { try world.line("B2", day: $0).checkedIn } == [0, 1, 1])
        for day in days { #expect(try world.sqlite?.countersAgree(on: day) ?? true) }
    }

    @Test(arguments: [11, 12, 13, 14, 15, 16] as [UInt64])
    func theSameVersionsGiveTheSamePicture(seed: UInt64) throws {
        print("seed \(seed)")
        var random = HubRandom(state: seed)
        let author = try HubWorld(.memory)
        let devices = try (1...3).map { try HubDevice(author, unit: "B1", number: UInt8($0)) }
        var batches: [[VersionBatch]] = [[], [], []]
        let people = ["p1", "p2", "p4", "p6", "stranger"]
        for _ in 0..<40 {
            let index = Int.random(in: 0..<3, using: &random)
            var drafts: [Draft] = []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let person = people[Int.random(in: 0..<people.count, using: &random)]
                let day = HubWorld.day + Int32.random(in: 0...1, using: &random)
                let context =
                    Bool.random(using: &random)
                    ? try author.centre { try $0.context(of: HubWorld.key(person, day: day)) } : Context.empty
                var draft = HubWorld.checkIn(
                    person, day: day, temperature: Int64.random(in: 3_600...4_400, using: &random),
                    fever: Bool.random(using: &random), context: context,
                    at: Double.random(in: 8...23, using: &random))
                if Int.random(in: 0..<6, using: &random) == 0 {
                    draft.assignments = Array(draft.assignments.prefix(2))
                }
                if Int.random(in: 0..<12, using: &random) == 0 {
                    draft.assignments = []
                    draft.isDelete = true
                }
                if Int.random(in: 0..<12, using: &random) == 0 { draft.assignments = [] }
                drafts.append(draft)
            }
            author.now += 86_400_000 / 20
            let batch = try devices[index].batch(drafts)
            batches[index].append(batch)
            try devices[index].send(batch)
        }
        let days = HubWorld.day...(HubWorld.day + 1)
        let expected = try author.picture(days: days)
        for kind in HubKind.allCases {
            let world = try HubWorld(kind)
            world.now = author.now
            let others = try (1...3).map { try HubDevice(world, unit: "B1", number: UInt8($0)) }
            var rest = batches
            while let index = rest.indices.filter({ !rest[$0].isEmpty }).randomElement(using: &random) {
                let batch = rest[index].removeFirst()
                for part in HubCoverageTests.cut(batch, from: try devices[index].head(batch.before), &random)
                {
                    #expect(try others[index].send(part).isHeld)
                }
                if Int.random(in: 0..<4, using: &random) == 0 { try others[index].send(batch) }
            }
            #expect(try world.picture(days: days) == expected, "seed \(seed), \(kind)")
            for day in days { #expect(try world.sqlite?.countersAgree(on: day) ?? true, "seed \(seed)") }
        }
    }

    /// Cuts a batch in two at a random place; the seal goes with the end.
    static func cut(
        _ batch: VersionBatch, from head: Digest, _ random: inout HubRandom
    ) -> [VersionBatch] {
        guard batch.count > 1, Bool.random(using: &random) else { return [batch] }
        let at = Int.random(in: 1..<batch.count, using: &random)
        let versions = (0..<batch.count).map { batch.version(at: $0) }
        let chain = JournalChain(hashing: HubFake.hashing)
        let rows = VersionColumns(versions[..<at])
        // Salts of a whole transaction come with its first version here.
        guard
            let walk = try? chain.walk(
                rows, origin: batch.origin, first: batch.first, from: head,
                salt: { day, kind in
                    batch.salts.first { $0.day == day && $0.retentionClass == kind }?.salt
                }),
            let middle = walk.heads.last
        else { return [batch] }
        let one = VersionBatch(
            origin: batch.origin, first: batch.first, before: batch.before, after: ShortDigest(middle),
            salts: batch.salts, seals: [], rows: rows)
        let two = VersionBatch(
            origin: batch.origin, first: batch.first + UInt64(at), before: ShortDigest(middle),
            after: batch.after,
            salts: [], seals: batch.seals, rows: VersionColumns(versions[at...]))
        return [one, two]
    }
}
