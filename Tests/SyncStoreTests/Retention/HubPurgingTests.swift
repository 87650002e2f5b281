import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// What a hub's store may keep no longer.
@Suite struct HubPurgingTests {
    static let day = Int64(HubWorld.day)

    private func world(_ kind: HubKind) throws -> HubWorld {
        try HubWorld(kind, forms: RetentionForms.catalog)
    }

    private func key(_ form: String, _ person: String, day: Int64 = day) -> RecordKey {
        RecordKey(form: form, values: [.integer(day), .text(Array(person.utf8))])
    }

    private func walk(_ person: String, _ track: String, context: Context = .empty) -> Draft {
        RetentionForms.draft(
            "walk", day: HubPurgingTests.day, person, mood: "mood-\(person)", track: track,
            note: "note-\(person)", context: context)
    }

    private func purge(_ world: HubWorld, limit: Int = 1) throws -> Purge {
        var total = Purge()
        repeat { total.add(try world.store.purge(now: world.now, limit: limit)) } while !total.isComplete
        try world.store.finish(total, now: world.now)
        return total
    }

    private func values(_ world: HubWorld, _ person: String) throws -> [Value?] {
        let record = try world.store.effective(key("walk", person))
        return (1...3).map { record?[$0] }
    }

    @Test(arguments: HubKind.allCases)
    func valuesGoAndTheRestStays(_ kind: HubKind) throws {
        let world = try world(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let other = try HubDevice(world, unit: "B1", number: 2)
        try device.send([walk("p1", "GONE-1"), walk("p2", "GONE-2")])
        // Nobody had seen the other's: the tracks are a conflict.
        try other.send([walk("p2", "GONE-3")])
        try device.send([RetentionForms.draft("walk", day: HubPurgingTests.day, "p3", track: nil)])
        #expect(try world.store.conflictCount() == 1)
        let question = Heads(
            origin: device.origin(), entries: (0...4).map { Heads.Entry(sequence: $0, head: nil) })
        let heads = try world.store.heads(question, for: device.session)
        let mark = try world.store.mark(for: other.session)
        world.now += 10 * RetentionForms.day
        #expect(try purge(world).isEmpty)
        world.now += RetentionForms.day
        let expected = try world.store.purgeable(now: world.now)
        let counts = try #require(expected.forms["walk"])
        #expect(counts.trimmed == 3 && counts.removed == 0 && expected.forms.count == 1)
        #expect(try values(world, "p1")[1] == .text("GONE-1"))
        #expect(try purge(world) == expected)
        #expect(try purge(world).isEmpty)
        #expect(try values(world, "p1") == [.text("mood-p1"), .notStated, .text("note-p1")])
        #expect(try values(world, "p2") == [.text("mood-p2"), .notStated, .text("note-p2")])
        #expect(try values(world, "p3") == [.text("fine"), nil, nil])
        // Both say now that they say nothing.
        #expect(try world.store.conflictCount() == 0)
        #expect(try world.store.heads(question, for: device.session) == heads)
        #expect(try world.store.mark(for: other.session) == mark)
        let fresh = try HubDevice(world, unit: "B1", number: 3)
        let fed = try fresh.drain().versions.filter { $0.key.form == "walk" }
        #expect(fed.count == 4 && fed.allSatisfy { !"\($0)".contains("GONE") })
        #expect(try world.store.versions(of: key("walk", "p2")).count == 2)
        world.now += 10 * RetentionForms.day
        #expect(try purge(world).forms["walk"]?.trimmed == 3)
        #expect(try values(world, "p1") == [.text("mood-p1"), .notStated, .notStated])
        try expectAbsent(world, ["GONE-"])
    }

    @Test(arguments: HubKind.allCases)
    func whatComesLateIsTakenAndItsSaltDoesNotStay(_ kind: HubKind) throws {
        let world = try world(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let first = world.now
        try device.send([walk("p1", "GONE-1")])
        let late = try device.batch([walk("p2", "GONE-2")], authored: first)
        let later = try device.batch([walk("p3", "GONE-3")], authored: first)
        world.now += 30 * RetentionForms.day
        _ = try purge(world)
        try device.hello()
        // Its salts are destroyed, and it does not carry them.
        #expect(late.salts.isEmpty)
        #expect(try device.send(late).refusal == .saltMissing)
        let salts = try (0...2).map { retentionClass in
            let day = JournalChain.day(of: first)
            let salt = try #require(device.salt(day, UInt8(retentionClass)))
            return SaltGrant(day: day, retentionClass: UInt8(retentionClass), salt: salt)
        }
        var whole = late
        whole.salts = salts
        try device.hello()
        #expect(try device.send(whole).receipt?.sequence == 2)
        #expect(try device.send(later).refusal == .saltMissing)
        whole = later
        whole.salts = salts
        try device.hello()
        #expect(try device.send(whole).receipt?.sequence == 3)
        let question = Heads(
            origin: device.origin(), entries: (1...3).map { Heads.Entry(sequence: $0, head: nil) })
        let heads = try world.store.heads(question, for: device.session).entries.map(\.head)
        #expect(heads.compactMap { $0.map { ShortDigest($0) } } == [late.before, late.after, later.after])
        #expect(try values(world, "p2")[1] == .text("GONE-2"))
        #expect(try purge(world).forms["walk"]?.trimmed == 2)
        #expect(try values(world, "p2") == [.text("mood-p2"), .notStated, .notStated])
        #expect(try world.store.heads(question, for: device.session).entries.map(\.head) == heads)
        try expectAbsent(
            world, ["GONE-"] + salts[1...].map { String(decoding: $0.salt.bytes, as: UTF8.self) })
    }

    @Test(arguments: HubKind.allCases)
    func deletedRecordsNeverComeBack(_ kind: HubKind) throws {
        let world = try world(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let away = try HubDevice(world, unit: "B1", number: 2)
        let first = try device.batch([
            RetentionForms.draft("visit", day: HubPurgingTests.day, "p1", mood: "GONE-1", track: "GONE-2"),
            RetentionForms.draft("visit", day: HubPurgingTests.day + 20, "p2", mood: "STAYS"),
        ])
        try device.send(first)
        _ = try away.drain()
        let seen = try #require(try world.store.record(key("visit", "p1"))).seen
        let offline = try away.batch([
            RetentionForms.draft(
                "visit", day: HubPurgingTests.day, "p1", mood: "GONE-3", context: seen)
        ])
        let before = try world.store.mark(for: away.session)
        try device.send([
            RetentionForms.draft("visit", day: HubPurgingTests.day, "p1", context: seen, isDelete: true)
        ])
        // The same batch once more, as from a copy: deleted it stays.
        try device.send(first)
        #expect(try world.store.effective(key("visit", "p1"))?.exists == false)
        world.now += 30 * RetentionForms.day
        #expect(try purge(world).forms["visit"]?.records ?? 0 == 0)
        #expect(try world.store.effective(key("visit", "p1"))?.exists == false)
        world.now += RetentionForms.day
        let expected = try world.store.purgeable(now: world.now)
        let gone = try purge(world)
        #expect(gone == expected && gone.forms["visit"]?.records == 1 && gone.forms["visit"]?.removed == 2)
        #expect(try world.store.record(key("visit", "p1")) == nil)
        #expect(try world.store.versions(of: key("visit", "p1")).isEmpty)
        // What somebody has who was away all the time is taken, and left out.
        try away.hello()
        #expect(try away.send(offline).receipt?.sequence == 1)
        #expect(try world.store.record(key("visit", "p1")) == nil)
        let told = try away.drain()
        #expect(told.verdicts.map(\.reason) == ["retention_over"] && told.versions.isEmpty)
        _ = try purge(world)
        #expect(try world.store.versions(of: key("visit", "p1")).isEmpty)
        let fresh = try HubDevice(world, unit: "B1", number: 3)
        let fed = try fresh.drain().versions.filter { $0.key.form == "visit" }
        #expect(fed.map(\.key) == [key("visit", "p2", day: HubPurgingTests.day + 20)])
        let after = try world.store.mark(for: away.session)
        #expect(after.count == before.count - 1)
        try expectAbsent(world, ["GONE-"])
    }

    /// Both of its names were fed and counted at the Mark; neither is afterwards.
    @Test(arguments: HubKind.allCases)
    func aVersionWithTwoNamesGoesUnderBoth(_ kind: HubKind) throws {
        let world = try world(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let copy = try HubDevice(world, unit: "B1", number: 2)
        let other = try HubDevice(world, unit: "C0", number: 3)
        let before = try world.store.mark(for: other.session)
        try device.send([RetentionForms.draft("visit", day: HubPurgingTests.day, "p1", mood: "GONE-1")])
        let original = try #require(try world.store.versions(of: key("visit", "p1")).first)
        #expect(try copy.send(try copy.batch(again: [original], lane: .routine)).isHeld)
        #expect(try world.store.mark(for: other.session).count == before.count + 2)
        world.now += 31 * RetentionForms.day
        #expect(try purge(world).forms["visit"]?.removed == 2)
        let after = try world.store.mark(for: other.session)
        #expect(after.count == before.count && after.sum == before.sum)
    }

    /// Nothing of it stands in the database or beside it.
    private func expectAbsent(_ world: HubWorld, _ texts: [String]) throws {
        guard world.sqlite != nil else { return }
        for name in try FileManager.default.contentsOfDirectory(atPath: world.folder.path)
        where !name.contains("ballast") {
            let content = try Data(contentsOf: URL(fileURLWithPath: world.folder.path + "/" + name))
            for text in texts {
                #expect(content.range(of: Data(text.utf8)) == nil, "\(text) in \(name)")
            }
        }
    }
}
