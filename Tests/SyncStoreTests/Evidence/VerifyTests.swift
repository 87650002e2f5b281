import Foundation
import GRDB
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// What somebody changes in a store's journal is found, and the entry named.
@Suite struct VerifyTests {
    private static let seed: UInt64 = 20_200_203

    private func masks() -> () -> UInt8 {
        var random = HubRandom(state: VerifyTests.seed)
        return { UInt8(truncatingIfNeeded: random.next() % 255) + 1 }
    }

    @Test func whatNobodyTouchedHolds() throws {
        let world = try EvidenceWorld()
        try world.fill()
        let branch = try world.reader().verify()
        #expect(branch.damages.isEmpty, "\(branch.damages)")
        #expect(branch.versions == 7 && branch.receipts > 0 && branch.seals > 3)
        let hub = try world.hubReader().verify()
        #expect(hub.damages.isEmpty, "\(hub.damages)")
        #expect(hub.versions == 8 && hub.receipts >= 3)
    }

    @Test func everyByteOfABranchsJournal() async throws {
        let world = try EvidenceWorld()
        try world.fill()
        let file = try JournalFile(world.folder.path)
        let store = try world.reader()
        // What others wrote is among them.
        #expect(try file.tables([("version", [])])[0].rows.contains { $0[7].isNull })
        let tables = try file.tables([
            ("version", []), ("seal", []), ("salt", []),
            ("receipt", ["origin", "sequence", "head", "time", "epoch", "signature"]),
            (
                "origin",
                [
                    "id", "lane", "nonce", "derivation", "sequence", "head", "receipted", "floor",
                    "head_below",
                    "public_key",
                ]
            ),
        ])
        var missed: [String] = []
        var misnamed: [String] = []
        let count = try await file.eachByte(of: tables, mask: masks()) { place in
            guard let result = VerifyTests.look({ try store.verify() }) else { return }
            guard let first = result.damages.first else { return missed.append("\(place)") }
            guard place.table == "version", let table = tables.first else { return }
            let row = table.rows[place.row]
            // One that another wrote is only known by the name that it has now.
            if row[7].isNull, ["origin", "sequence"].contains(place.column) { return }
            let origin = UInt64(bitPattern: Int64.fromDatabaseValue(row[0]) ?? 0)
            let sequence = UInt64(bitPattern: Int64.fromDatabaseValue(row[1]) ?? 0)
            let isNamed = result.damages.contains {
                $0.origin == origin && $0.sequences?.contains(sequence) == true
            }
            if !isNamed { misnamed.append("\(place): \(first)") }
        }
        #expect(count > 1_200)
        #expect(missed.isEmpty, "\(missed.count) of \(count), seed \(VerifyTests.seed): \(missed.prefix(20))")
        #expect(misnamed.isEmpty, "\(misnamed.prefix(5))")
        #expect(try store.verify().damages.isEmpty)
    }

    @Test func everyByteOfAHubsJournal() async throws {
        let world = try EvidenceWorld()
        try world.fill()
        try await expectEveryByteFound(world)
    }

    private func expectEveryByteFound(_ world: EvidenceWorld) async throws {
        let file = try JournalFile(world.world.folder.path)
        let tables = try file.tables([
            ("segment", []), ("salt", ["origin", "day", "class", "salt"]), ("origin", []), ("replica", []),
            ("device", ["public_key", "fingerprint"]), ("hole", []),
        ])
        var missed: [String] = []
        var misnamed: [String] = []
        let store = try world.hubReader()
        let count = try await file.eachByte(of: tables, mask: masks()) { place in
            guard let result = VerifyTests.look({ try store.verify() }) else { return }
            guard let first = result.damages.first else { return missed.append("\(place)") }
            guard place.table == "segment", place.column != "origin", let table = tables.first else { return }
            let at = Dictionary(
                zip(table.columns, table.rows[place.row].dropFirst(table.keys.count)),
                uniquingKeysWith: { $1 })
            func number(_ name: String) -> UInt64 {
                UInt64(bitPattern: at[name].flatMap { Int64.fromDatabaseValue($0) } ?? 0)
            }
            let isNamed = result.damages.contains { damage in
                damage.sequences.map { $0.overlaps(number("first")...number("last")) } ?? false
                    || (place.column == "position" && damage.part.hasPrefix("segment.position"))
            }
            if !isNamed { misnamed.append("\(place): \(first)") }
        }
        #expect(count > 2_000)
        #expect(missed.isEmpty, "\(missed.count) of \(count), seed \(VerifyTests.seed): \(missed.prefix(20))")
        #expect(misnamed.isEmpty, "\(misnamed.prefix(5))")
        #expect(try world.hubReader().verify().damages.isEmpty)
    }

    /// A store from before check sums gets them when it is opened.
    @Test func whatWasFedBeforeIsGivenItsCheckSum() throws {
        let world = try EvidenceWorld()
        try world.fill()
        let file = try JournalFile(world.folder.path)
        try file.queue.writeWithoutTransaction { database in
            try database.execute(
                sql: """
                    ALTER TABLE version DROP COLUMN check_sum;
                    UPDATE meta SET value = value - 1 WHERE name = 'format';
                    """)
        }
        let before = "SELECT count(*) FROM version WHERE head IS NULL AND check_sum IS NULL"
        _ = try EvidenceWorld.open(world.folder.path)
        #expect(try file.queue.read { try Int.fetchOne($0, sql: before) } == 0)
        #expect(try world.reader().verify().damages.isEmpty)
    }

    /// The hub's rows that no chain proves get theirs in the same way.
    @Test func aHubsRowsAreGivenTheirCheckSums() throws {
        let world = try EvidenceWorld()
        try world.fill()
        let file = try JournalFile(world.world.folder.path)
        try file.queue.writeWithoutTransaction { database in
            try FormerLayout.restore(database)
            try database.execute(
                sql: """
                    ALTER TABLE origin DROP COLUMN check_sum; ALTER TABLE replica DROP COLUMN check_sum;
                    DROP TABLE node; UPDATE meta SET value = 6 WHERE name = 'format';
                    """)
        }
        _ = try world.world.reopened()
        #expect(try world.hubReader().verify().damages.isEmpty)
        try file.execute("UPDATE origin SET current = 1 - current WHERE num = 1")
        try file.execute("UPDATE replica SET token_offered = x'00000000000000000000000000000000'")
        let found = try world.hubReader().verify().damages
        #expect(found.map(\.part).contains("origin") && found.map(\.part).contains("replica 1"), "\(found)")
    }

    @Test func rowsThatAreDroppedOrInsertedOrPutElsewhere() throws {
        let world = try EvidenceWorld()
        try world.fill()
        let branch = try JournalFile(world.folder.path)
        let hub = try JournalFile(world.world.folder.path)
        let own = try #require(try world.agent.origins().first { $0.claim.lane == .routine })
        let id = Int64(bitPattern: own.id)
        func branchSays(_ sql: [String], _ kind: StoreVerification.Kind, _ sequence: UInt64) throws {
            let found = try change(branch, sql) { try world.reader().verify() }
            let first = try #require(found.damages.first)
            #expect(first.kind == kind && first.origin == own.id, "\(sql): \(first)")
            #expect(first.sequences?.lowerBound == sequence, "\(sql): \(first)")
        }
        try branchSays(["DELETE FROM version WHERE origin = \(id) AND sequence = 3"], .dropped, 3)
        try branchSays(["DELETE FROM version WHERE origin = \(id) AND sequence = 6"], .dropped, 6)
        try branchSays(
            [
                """
                INSERT INTO version SELECT origin, 7, record, authored, bytes, head, body, pruned, kept_from,
                check_sum FROM version
                WHERE origin = \(id) AND sequence = 6
                """
            ], .inserted, 7)
        try branchSays(
            [2, 3, 0].enumerated().map { index, _ in
                let (from, to) = [(2, 99), (3, 2), (99, 3)][index]
                return "UPDATE version SET sequence = \(to) WHERE origin = \(id) AND sequence = \(from)"
            }, .altered, 2)
        // The last entries, with everything that says that they were there, but for the hub's receipt.
        let head = try #require(try world.agent.ownHead(of: own.id, at: 3)).bytes
        let cut = ["version", "seal"].map { "DELETE FROM \($0) WHERE origin = \(id) AND sequence > 3" }
        let end =
            "UPDATE origin SET sequence = 3, receipted = 3, head = x'\(Hex.encode(head))' WHERE id = \(id)"
        try branchSays(cut + [end], .dropped, 4)

        let last = "(SELECT max(position) FROM segment)"
        func hubSays(_ sql: [String], _ kind: StoreVerification.Kind) throws {
            let found = try change(hub, sql) { try world.hubReader().verify() }
            #expect(found.damages.contains { $0.kind == kind }, "\(sql): \(found.damages)")
        }
        // How far branches are told that they may let go.
        try hubSays(["UPDATE origin SET backed_up = sealed + 1 WHERE sealed > 0"], .altered)
        try hubSays(["UPDATE origin SET passed = held WHERE sealed > 0"], .altered)
        try hubSays(["DELETE FROM segment WHERE position = 2"], .dropped)
        try hubSays(["DELETE FROM segment WHERE position = \(last)"], .dropped)
        let columns = try hub.tables([("segment", [])])[0].columns
        let others = columns.filter { !["position", "last"].contains($0) }.joined(separator: ", ")
        try hubSays(
            [
                """
                INSERT INTO segment (position, last, \(others)) SELECT position + 1, last + 9, \(others)
                FROM segment WHERE position = \(last)
                """
            ], .inserted)
        try hubSays(
            [(2, 99), (3, 2), (99, 3)].map { "UPDATE segment SET position = \($1) WHERE position = \($0)" },
            .moved)
    }

    /// Makes the changes, looks, and puts everything back.
    private func change(
        _ file: JournalFile, _ sql: [String], _ look: () throws -> StoreVerification
    ) throws -> StoreVerification {
        let path = file.queue.path
        try file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        let before = try Data(contentsOf: URL(filePath: path))
        let copy = FileManager.default.temporaryDirectory.appending(path: "verify-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: copy, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: copy) }
        try before.write(to: copy.appending(path: "kept.sqlite"))
        let undo = try sql.isEmpty ? nil : DatabaseQueue(path: copy.appending(path: "kept.sqlite").path)
        for statement in sql { try file.execute(statement) }
        let found = try look()
        try undo?.backup(to: file.queue)
        return found
    }

    /// Nil when the store says by itself that it is damaged.
    private static func look(_ verify: () throws -> StoreVerification) -> StoreVerification? {
        do { return try verify() } catch is StoreError { return nil } catch {
            Issue.record("\(error)")
            return nil
        }
    }
}
