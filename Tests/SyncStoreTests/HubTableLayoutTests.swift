import Foundation
import GRDB
import SyncCore
import SyncStore
import Testing

@testable import SQLiteStore

/// What a row says in few bytes says the same, and so do rows of a program before.
@Suite struct HubTableLayoutTests {
    private static let day = HubWorld.day

    @Test func masksComeBackAsTheyWere() {
        for count in 1...Int64(HubTable.highestMasked) {
            let whole = (1...count).reduce(Int64(0)) { $0 | 1 << $1 }
            #expect(HubTable.assigned(whole) == -count)
            #expect(HubTable.mask(assigned: -count) == whole)
        }
        for mask in [0, 4, 10, 1 << 62, 0x1fffe & ~8, (1 << 62) | 2] as [Int64] {
            #expect(HubTable.assigned(mask) == mask)
            #expect(HubTable.mask(assigned: mask) == mask)
        }
        // What only a hand can have put there is no mask of a program's, and ends nothing.
        for number in [Int64.min, -63, -1_000] { #expect(HubTable.mask(assigned: number) < 0) }
    }

    /// Check-ins of all kinds: by somebody known and not, corrected, in conflict, deleted, with times apart.
    private func fill(_ world: HubWorld) throws {
        let one = try HubDevice(world, unit: "B1", number: 1)
        let two = try HubDevice(world, unit: "B1", number: 2)
        func entry(
            _ person: String, by other: String, corrected: String? = nil, day: Int32 = Self.day
        ) -> Draft {
            var draft = HubWorld.checkIn(person, day: day, remark: "a remark", at: 7.5)
            for index in draft.assignments.indices {
                if draft.assignments[index].field == 11 { draft.assignments[index].value = .text(other) }
                guard let corrected, draft.assignments[index].field == 15 else { continue }
                draft.assignments[index].value = .text(corrected)
            }
            return draft
        }
        try one.send([
            entry("p1", by: "p1"), entry("p2", by: "p3", corrected: "p1"), entry("p3", by: "somebody"),
            entry("p1", by: "p1", day: Self.day + 1),
        ])
        try two.send([
            entry("p2", by: "p2"), HubWorld.checkIn("p3", temperature: 3_800, at: 6),
        ])
        let seen = try #require(try world.store.record(HubWorld.key("p1"))).seen
        try one.send([
            HubWorld.draft("check-in", HubWorld.key("p1").values, [:], context: seen, isDelete: true)
        ])
    }

    @Test func mostRowsTakeNoBytesForWhatIsAlike() throws {
        let world = try HubWorld(.sqlite)
        try fill(world)
        let queue = try DatabaseQueue(path: world.folder.path + "/store.sqlite")
        let found = try queue.read { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT typeof(entered_by) AS entered, _stated_after, _created_after, _assigned
                    FROM form_check_in WHERE _flags = 0 ORDER BY person
                    """
            ).map { "\($0[0] as String) \($0[2] as Int64) \($0[3] as Int64)" }
        }
        #expect(found == ["integer 0 -16"])
        let kinds = try queue.read {
            try String.fetchAll($0, sql: "SELECT DISTINCT typeof(unit) FROM form_membership")
        }
        #expect(Set(kinds).subtracting(["null"]) == ["integer"])
        try queue.close()
    }

    /// Somebody who gets a number later is the same person in rows of before.
    @Test(arguments: HubKind.allCases) func whoIsFoundByAFieldIsFoundWithANumberAndWithout(
        kind: HubKind
    ) throws {
        let world = try HubWorld(kind)
        try fill(world)
        func days(_ text: String) throws -> [[Value]] {
            var found: [[Value]] = []
            try world.store.records(form: "check-in", where: 11, is: Array(text.utf8)) { key, record in
                #expect(record[11] == .text(text))
                found.append(key)
            }
            return found
        }
        let branch = try HubDevice(world, unit: "B2", number: 7)
        var draft = HubWorld.checkIn("p4")
        for index in draft.assignments.indices where draft.assignments[index].field == 11 {
            draft.assignments[index].value = .text("later")
        }
        try branch.send([draft])
        try world.centre { _ = try $0.author(HubWorld.draft("person", [.text("later")], [1: .text("L")])) }
        draft.key = HubWorld.key("p5")
        try branch.send([draft])
        #expect(try days("later") == [HubWorld.key("p4").values, HubWorld.key("p5").values])
        #expect(try days("nobody") == [])
    }

    @Test func aStoreOfBeforeSaysTheSame() throws {
        let world = try HubWorld(.sqlite)
        try fill(world)
        let days = Self.day...(Self.day + 1)
        let picture = try world.picture(days: days)
        let keys = ["p1", "p2", "p3"].flatMap { person in days.map { HubWorld.key(person, day: $0) } }
        let states = try keys.map { try world.store.record($0) }
        let before = try rows(of: world)
        try putBack(world)
        let wholeTimes = "SELECT count(*) FROM form_check_in WHERE _stated > 1000000000000"
        #expect(try count(wholeTimes, in: world) > 0)
        let store = try world.reopened()
        #expect(try keys.map { try store.record($0) } == states)
        #expect(try rows(of: world) == before)
        for day in days { #expect(try store.countersAgree(on: day)) }
        #expect(try store.verify().damages == [])
        #expect(try world.picture(of: store, days: days) == picture)
        #expect(try count("SELECT count(*) FROM sqlite_master WHERE name = 'remade'", in: world) == 0)
    }

    /// Whatever a committee calls its forms, each goes on with its own records.
    @Test func formsOfAnyNameKeepTheirRecords() throws {
        let world = try HubWorld(.sqlite)
        let publisher = try world.reopened()
        let names = ["visit", "visit-new", "visit-old", "remade", "meta"]
        for (number, name) in names.enumerated() {
            let json = """
                {"form": "\(name)", "revision": 1, "labels": {"en": "Visit", "zh": "走访"},
                 "keys": [{"name": "unit", "type": "unit", "labels": {"en": "unit", "zh": "单位"}}],
                 "fields": [{"id": 1, "name": "by", "type": "person", "labels": {"en": "by", "zh": "走访人"},
                  "policy": "latest", "retentionClass": 0, "personal": true}],
                 "writers": ["branch", "centre"]}
                """
            try publisher.publish(
                PublishedDefinition(
                    kind: .form, name: name, revision: 1, json: Array(json.utf8), author: "Li"),
                clock: AuthoringClock(now: world.now, isTrusted: true))
            try world.centre {
                _ = try $0.author(HubWorld.draft(name, [.text("B1")], [1: .text("p\(number + 1)")]))
                _ = try $0.author(HubWorld.draft(name, [.text("B2")], [1: .text("somebody")]))
            }
        }
        func found(_ store: any HubStore) throws -> [String] {
            var lines: [String] = []
            for name in names {
                try store.export(form: name, from: nil, to: nil) { lines.append("\(name) \($0) \($1)") }
            }
            return lines
        }
        let before = try found(world.store)
        #expect(before.count == 2 * names.count)
        try putBack(world)
        let store = try world.reopened()
        #expect(try found(store) == before)
        #expect(try store.verify().damages == [])
    }

    // MARK: - A store of before

    private func count(_ sql: String, in world: HubWorld) throws -> Int {
        let queue = try DatabaseQueue(path: world.folder.path + "/store.sqlite")
        defer { try? queue.close() }
        return try queue.read { try Int.fetchOne($0, sql: sql) } ?? 0
    }

    private func rows(of world: HubWorld) throws -> [String] {
        let queue = try DatabaseQueue(path: world.folder.path + "/store.sqlite")
        defer { try? queue.close() }
        return try queue.read { database in
            try ["form_check_in", "form_membership", "form_unit"].flatMap { name in
                try Row.fetchAll(database, sql: "SELECT * FROM \(name) ORDER BY 1, 2").map { "\($0)" }
            }
        }
    }

    private func putBack(_ world: HubWorld) throws {
        let queue = try DatabaseQueue(path: world.folder.path + "/store.sqlite")
        defer { try? queue.close() }
        try queue.write { try FormerLayout.restore($0) }
    }
}

/// Makes forms' tables as a program before had them: whole times, masks and ids.
enum FormerLayout {
    static func restore(_ database: Database) throws {
        let tables = try String.fetchAll(
            database, sql: "SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'form_*'")
        for table in tables { try restore(table, database) }
        try database.execute(sql: "UPDATE meta SET value = 8 WHERE name = 'format'")
    }

    private static func restore(_ table: String, _ database: Database) throws {
        let columns = try Row.fetchAll(
            database, sql: "SELECT name, type, pk FROM pragma_table_info(?) ORDER BY cid", arguments: [table])
        var declarations: [String] = []
        var values: [String] = []
        var primary: [(Int, String)] = []
        for column in columns {
            let (name, type, place) = (column[0] as String, column[1] as String, column[2] as Int)
            if place > 0 { primary.append((place, "\"\(name)\"")) }
            switch name {
            case "_stated_after":
                declarations.append("_stated INTEGER NOT NULL")
                values.append("_authored + _stated_after")
            case "_created_after":
                declarations.append("_created INTEGER NOT NULL")
                values.append("_authored + _stated_after + _created_after")
            case "_assigned":
                declarations.append("_assigned INTEGER NOT NULL")
                values.append("CASE WHEN _assigned < 0 THEN ((1 << -_assigned) - 1) << 1 ELSE _assigned END")
            default:
                declarations.append("\"\(name)\" \(type.isEmpty ? "TEXT" : type)")
                values.append(
                    type.isEmpty
                        ? """
                        CASE typeof("\(name)") WHEN 'integer' THEN
                        (SELECT CAST(text AS TEXT) FROM term WHERE num = "\(name)") ELSE "\(name)" END
                        """ : "\"\(name)\"")
            }
        }
        let keys = primary.sorted { $0.0 < $1.0 }.map(\.1).joined(separator: ", ")
        try database.execute(
            sql: """
                CREATE TABLE old_table (\(declarations.joined(separator: ", ")), PRIMARY KEY (\(keys)))
                WITHOUT ROWID;
                INSERT INTO old_table SELECT \(values.joined(separator: ", ")) FROM "\(table)";
                DROP TABLE "\(table)";
                ALTER TABLE old_table RENAME TO "\(table)";
                """)
    }
}
