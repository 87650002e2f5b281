import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// Forms of the tests: one whose tracks are kept 10 days, one whose records are kept 30.
enum RetentionForms {
    static let day: Milliseconds = 86_400_000

    static let catalog: FormCatalog = {
        func form(_ name: String, _ days: String) -> FormDefinition? {
            let json = """
                {"form": "\(name)", "revision": 1, "labels": {"en": "x", "zh": "x"}, "keys": [
                {"name": "day", "type": "date", "labels": {"en": "d", "zh": "d"}},
                {"name": "person", "type": "person", "labels": {"en": "p", "zh": "p"}}],
                "fields": [
                {"id": 1, "name": "mood", "type": "text", "labels": {"en": "m", "zh": "m"},
                "policy": "latest", "retentionClass": 0, "personal": true},
                {"id": 2, "name": "track", "type": "text", "labels": {"en": "t", "zh": "t"},
                "policy": "latest", "retentionClass": 1, "personal": true},
                {"id": 3, "name": "note", "type": "text", "labels": {"en": "n", "zh": "n"},
                "policy": "latest", "retentionClass": 2, "personal": true}],
                "writers": ["branch", "centre"], "retentionDays": {\(days)}}
                """
            return try? FormCatalog.decode(Array(json.utf8))
        }
        let own = [form("walk", "\"1\": 10, \"2\": 20"), form("visit", "\"0\": 30, \"1\": 10")]
        return FormCatalog(FormCatalog.builtIn.definitions + own.compactMap { $0 })
    }()

    static func retention(on day: Int64) -> Retention { Retention(catalog, today: Int32(day)) }

    static func draft(
        _ form: String, day: Int64, _ person: String, mood: String? = "fine", track: String? = nil,
        note: String? = nil, context: Context = .empty, lane: Lane = .routine, isDelete: Bool = false
    ) -> Draft {
        let values = [mood, track, note].enumerated().compactMap { index, text in
            text.map {
                Assignment(
                    field: FieldID(index + 1), retentionClass: UInt8(index), value: .text(Array($0.utf8)))
            }
        }
        return Draft(
            lane: lane, key: RecordKey(form: form, values: [.integer(day), .text(Array(person.utf8))]),
            formRevision: 1, context: context, isDelete: isDelete, assignments: isDelete ? [] : values)
    }
}

/// What a branch's store may keep no longer.
@Suite struct AgentPruningTests {
    static let start = Int64(JournalChain.day(of: AgentFixture.start))

    private func write(_ fixture: AgentFixture, day: Int64, _ drafts: [Draft]) throws {
        try fixture.store.write(clock: fixture.clock(day * RetentionForms.day)) { transaction in
            for draft in drafts { try transaction.author(draft) }
        }
    }

    private func arrive(_ fixture: AgentFixture, receipted: UInt64, backedUp: UInt64) throws {
        let origin = try fixture.origin()
        let receipt = try fixture.receipt(at: receipted)
        _ = try fixture.store.accept(
            fixture.welcome([
                HeldOrigin(
                    origin: origin.id, sequence: receipted, head: receipt.head, receipt: receipt,
                    backedUp: backedUp)
            ]), now: AgentFixture.start)
    }

    private func prune(_ fixture: AgentFixture, day: Int64, limit: Int = 3) throws -> PruneStep {
        var total = PruneStep()
        repeat {
            let retention = RetentionForms.retention(on: AgentPruningTests.start + day)
            total.add(try fixture.store.prune(retention, limit: limit))
        } while !total.isComplete
        try fixture.store.scrub()
        return total
    }

    private func key(_ form: String, _ day: Int64, _ person: String) -> RecordKey {
        RecordKey(form: form, values: [.integer(day), .text(Array(person.utf8))])
    }

    @Test(arguments: StoreFlavour.allCases)
    func valuesGoAfterTheirDaysBehindReceiptAndBackup(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        for day in Int64(0)..<4 {
            try write(
                fixture, day: day,
                ["a", "b"].map {
                    RetentionForms.draft(
                        "walk", day: 20_000, "\($0)\(day)", track: "TRACK-\($0)\(day)",
                        note: "NOTE-\($0)\(day)"
                    )
                })
        }
        let whole = try fixture.store.journal(lane: .routine, after: 0, limit: 100)
        #expect(try prune(fixture, day: 100) == PruneStep.complete)
        try arrive(fixture, receipted: 6, backedUp: 0)
        #expect(try prune(fixture, day: 100) == PruneStep.complete)
        try arrive(fixture, receipted: 6, backedUp: 5)
        // Authored on the days 0, 0, 1, 1, 2: ten days after the first, nothing is over yet.
        #expect(try prune(fixture, day: 10) == PruneStep.complete)
        #expect(try fixture.origin().floor == 1)
        #expect(try prune(fixture, day: 12).trimmed == 4)
        #expect(try prune(fixture, day: 12).trimmed == 0)
        let state = try #require(try fixture.store.record(key("walk", 20_000, "a0")))
        #expect(state.siblings[0].assignments.map(\.value) == [.text("fine"), .notStated, .text("NOTE-a0")])
        let later = try #require(try fixture.store.record(key("walk", 20_000, "a2")))
        #expect(later.siblings[0].assignments[1].value == .text("TRACK-a2"))
        let origin = try fixture.origin()
        #expect(origin.floor == 5 && origin.headBelow == whole[3].head && origin.head == whole[7].head)
        // Everything from the floor on can still be sent, and chains.
        let batch = try #require(
            try fixture.store.batch(of: origin.id, after: 4, maximumVersions: 9, maximumBytes: 1 << 20))
        #expect(batch.before == ShortDigest(whole[3].head) && batch.count == 4)
        #expect((0..<4).map { batch.version(at: $0) } == whole[4...].map(\.version))
        // The sixth is receipted, and in no backup: it stays, as do those that have not arrived.
        #expect(try prune(fixture, day: 1_000).trimmed == 5)
        #expect(try fixture.origin().floor == 6)
        let left = try fixture.store.journal(lane: .routine, after: 5, limit: 9)
        #expect(left.map(\.version) == whole[5...].map(\.version))
        #expect(
            try fixture.store.oldestWithoutBackup() == AgentFixture.start + 2 * RetentionForms.day)
    }

    @Test(arguments: StoreFlavour.allCases)
    func saltsOfDaysThatAreOverGoAlongWithWhatComesLate(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        let drafts = (0..<6).map {
            RetentionForms.draft("walk", day: 20_000, "p\($0)", track: "T\($0)", note: "N\($0)")
        }
        try write(fixture, day: 0, Array(drafts[0..<3]))
        try write(fixture, day: 0, Array(drafts[3..<6]))
        try arrive(fixture, receipted: 3, backedUp: 3)
        #expect(try prune(fixture, day: 80).trimmed == 3)
        let origin = try fixture.origin().id
        let batch = try #require(
            try fixture.store.batch(of: origin, after: 3, maximumVersions: 9, maximumBytes: 1 << 20))
        // The hub may have destroyed them meanwhile.
        #expect(batch.salts.map(\.retentionClass).sorted() == [0, 1, 2])
        let before = try fixture.store.heads(of: origin, at: [3]).entries.first?.head
        let walk = try JournalChain(hashing: TestCrypto.hashing).walk(
            batch.rows, origin: batch.origin, first: 4, from: try #require(before)
        ) { day, wanted in
            batch.salts.first { $0.day == day && $0.retentionClass == wanted }?.salt
        }
        #expect(walk.heads.last.map { ShortDigest($0) } == batch.after)
    }

    @Test(arguments: StoreFlavour.allCases)
    func recordsGoWholeWithTheirDeletes(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        let start = AgentPruningTests.start
        try write(fixture, day: 0, [RetentionForms.draft("visit", day: start, "x", track: "T")])
        let seen = try #require(try fixture.store.record(key("visit", start, "x"))).seen
        try write(
            fixture, day: 1,
            [
                RetentionForms.draft("visit", day: start, "x", context: seen, isDelete: true),
                RetentionForms.draft("visit", day: start + 5, "y"),
            ])
        try arrive(fixture, receipted: 3, backedUp: 1)
        // The delete is in no backup: it stays, and with it all that it is about.
        #expect(try prune(fixture, day: 31).records == 0)
        #expect(try fixture.store.versions(of: key("visit", start, "x")).count == 2)
        try arrive(fixture, receipted: 3, backedUp: 3)
        #expect(try prune(fixture, day: 30).records == 0)
        let step = try prune(fixture, day: 31)
        #expect(step.records == 1 && step.removed == 2)
        #expect(try fixture.store.versions(of: key("visit", start, "x")).isEmpty)
        #expect(try fixture.store.record(key("visit", start, "x")) == nil)
        #expect(try fixture.store.record(key("visit", start + 5, "y")) != nil)
        #expect(try fixture.origin().floor == 3)
        // What is written then goes on with the chain.
        try write(fixture, day: 31, [RetentionForms.draft("visit", day: start + 31, "z")])
        let rest = try batches(of: fixture.store, after: 2) { 1 }
        let end = try fixture.origin()
        #expect(rest.map(\.last) == [3, 4])
        #expect(rest.first?.before == ShortDigest(end.headBelow) && rest.last?.after == ShortDigest(end.head))
    }

    @Test(arguments: StoreFlavour.allCases)
    func whatImportsRememberGoesToo(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        let draft = RetentionForms.draft("walk", day: 20_000, "p", track: "T", note: "N")
        let print = TestCrypto.hashing([1])
        try fixture.store.write(clock: fixture.clock()) { transaction in
            try transaction.author(draft)
            try transaction.remember(print, of: draft.key)
            try transaction.rememberImport(from: "sheet", draft.key, draft.assignments)
        }
        try arrive(fixture, receipted: 1, backedUp: 1)
        #expect(try prune(fixture, day: 11).trimmed == 1)
        try fixture.store.write(clock: fixture.clock()) { transaction in
            #expect(try !transaction.isKnown(print, of: draft.key))
            let memory = try transaction.imported(from: "sheet", draft.key)
            #expect(memory?.map(\.value) == [.text("fine"), .notStated, .text("N")])
        }
    }

    @Test func nothingOfItStandsInTheFiles() throws {
        let fixture = try AgentFixture(.sqlite)
        for round in 0..<40 {
            try write(
                fixture, day: 0,
                (0..<5).map {
                    RetentionForms.draft(
                        round % 2 == 0 ? "walk" : "visit", day: AgentPruningTests.start, "p\(round)-\($0)",
                        track: "GONE-TRACK-\(round)-\($0)", note: "STAYS-NOTE-\(round)-\($0)")
                })
        }
        try arrive(fixture, receipted: 200, backedUp: 200)
        #expect(try prune(fixture, day: 11, limit: 30).trimmed == 200)
        #expect(try fixture.files(contain: "GONE-TRACK") == [])
        #expect(try fixture.files(contain: "STAYS-NOTE") != [])
    }
}

extension PruneStep {
    static var complete: PruneStep {
        var step = PruneStep()
        step.isComplete = true
        return step
    }
}

extension AgentFixture {
    /// The store's files in which these bytes stand.
    func files(contain text: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { name in
            guard !name.contains("ballast") else { return false }
            let content = try Data(contentsOf: URL(fileURLWithPath: folder.path + "/" + name))
            return content.range(of: Data(text.utf8)) != nil
        }
    }
}
