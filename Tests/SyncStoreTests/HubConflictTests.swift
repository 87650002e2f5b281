import Forms
import SQLiteStore
import SyncCore
import SyncStore
import Testing

/// What a hub's store knows of records in question: the contract of every store.
@Suite struct HubConflictTests {
    private static let rules = FormCatalog.builtIn["check-in"]?.mergeRules ?? .latest

    /// Two devices of one unit, and some people about whom both wrote something else.
    private static func crowd(
        _ kind: HubKind, people: [String] = ["p1", "p2", "p3"]
    ) throws -> (world: HubWorld, one: HubDevice, two: HubDevice) {
        let world = try HubWorld(kind)
        let one = try HubDevice(world, unit: "B1", number: 1)
        let two = try HubDevice(world, unit: "B1", number: 2)
        try one.send(people.map { HubWorld.checkIn($0, temperature: 3_650, at: 8) })
        try two.send(people.map { HubWorld.checkIn($0, temperature: 3_790, at: 9) })
        return (world, one, two)
    }

    private func names(_ world: HubWorld, after: RecordKey? = nil, limit: Int = 100) throws -> [String] {
        let from = after.map { Canonical.encode(key: $0.values) }
        return try world.store.conflicts(form: "check-in", after: from, limit: limit)
            .compactMap { $0.key.values.last?.string }
    }

    @Test(arguments: HubKind.allCases) func recordsInQuestionAreListedInKeyOrder(kind: HubKind) throws {
        let (world, one, _) = try Self.crowd(kind)
        try one.send([HubWorld.checkIn("p4")])
        #expect(try names(world) == ["p1", "p2", "p3"])
        #expect(try names(world, limit: 2) == ["p1", "p2"])
        #expect(try names(world, after: HubWorld.key("p2")) == ["p3"])
        #expect(try world.store.conflicts(form: "alert", after: nil, limit: 9).isEmpty)
        #expect(try world.store.conflictCount() == 3)
        let state = try #require(
            try world.store.conflicts(form: "check-in", after: nil, limit: 1).first?.state)
        #expect(try world.store.record(HubWorld.key("p1")) == state)
        #expect(state.conflicts(under: Self.rules).map(\.fields) == [[1]])
    }

    @Test(arguments: HubKind.allCases) func aDecisionTakesARecordFromTheList(kind: HubKind) throws {
        let (world, one, two) = try Self.crowd(kind)
        let dots = try world.centre { transaction -> [Dot] in
            let state = try #require(try transaction.record(HubWorld.key("p2")))
            let option = try #require(state.conflicts(under: Self.rules).first?.options.last)
            return try state.edits(option.assignments, settling: [1], under: Self.rules).map { edit in
                try transaction.author(
                    Draft(
                        lane: .routine, key: HubWorld.key("p2"), formRevision: 1, context: edit.context,
                        stated: HubWorld.local(10), assignments: edit.assignments))
            }
        }
        #expect(try names(world) == ["p1", "p3"])
        #expect(try world.store.effective(HubWorld.key("p2"))?[1] == .decimal(unscaled: 3_650, scale: 2))
        let versions = try world.store.versions(of: HubWorld.key("p2"))
        let history = History(versions, under: Self.rules)
        #expect(history.lastSettlement?.version.dot == dots.first)
        // It comes down to both devices, and each of them comes to the same.
        for device in [one, two] {
            var state = RecordState()
            let fed = try device.drain().versions.filter { $0.key == HubWorld.key("p2") }
            for version in versions where version.dot.origin == device.origin() { state.merge(version) }
            for version in fed { state.merge(version) }
            #expect(!state.effective(under: Self.rules).hasConflict)
            #expect(state.effective(under: Self.rules)[1] == .decimal(unscaled: 3_650, scale: 2))
        }
        // Somebody who had seen nothing writes once more.
        try one.send([HubWorld.checkIn("p2", temperature: 3_600, at: 11)])
        #expect(try names(world) == ["p1", "p2", "p3"])
    }

    @Test(arguments: HubKind.allCases) func aDeleteBesideAnEditIsListedToo(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let one = try HubDevice(world, unit: "B1", number: 1)
        let two = try HubDevice(world, unit: "B1", number: 2)
        try one.send([HubWorld.checkIn("p1", at: 8)])
        let seen = try world.centre { try $0.context(of: HubWorld.key("p1")) }
        let delete = HubWorld.draft(
            "check-in", HubWorld.key("p1").values, [:], context: seen, stated: HubWorld.local(9),
            isDelete: true)
        try two.send([delete])
        #expect(try world.store.conflictCount() == 0, "a record that is gone is in no question")
        let edit = HubWorld.draft(
            "check-in", HubWorld.key("p1").values, [14: .text("there")], context: seen,
            stated: HubWorld.local(10))
        try one.send([edit])
        #expect(try names(world) == ["p1"])
        #expect(try world.line("B1").checkedIn == 1)
        try world.centre { transaction in
            let state = try #require(try transaction.record(HubWorld.key("p1")))
            var final = delete
            final.context = state.seen
            final.stated = HubWorld.local(11)
            try transaction.author(final)
        }
        #expect(try names(world).isEmpty)
        #expect(try world.line("B1").checkedIn == 0)
    }

    @Test(arguments: HubKind.allCases) func whoWroteAndWhereItCountsIsKnown(kind: HubKind) throws {
        let (world, one, two) = try Self.crowd(kind, people: ["p1", "p4"])
        #expect(try world.store.device(of: one.origin())?.id == one.session.device)
        #expect(try world.store.device(of: two.origin())?.unit == "B1")
        #expect(try world.store.device(of: 12_345) == nil)
        #expect(try world.store.unit(of: HubWorld.key("p1")) == "B1")
        #expect(try world.store.unit(of: HubWorld.key("p4")) == "B2")
        #expect(try world.store.unit(of: HubWorld.key("p6")) == nil)
        #expect(try world.store.unit(of: HubWorld.key("nobody")) == nil)
        let report = RecordKey(form: "daily-report", values: [.integer(1), .text("B3")])
        #expect(try world.store.unit(of: report) == "B3")
        let foreign = try #require(
            try world.store.versions(of: HubWorld.key("p4")).first { $0.dot.origin == one.origin() })
        #expect(try world.store.verdicts(on: foreign.dot).map(\.reason) == ["outside_unit"])
    }

    @Test(arguments: HubKind.allCases) func aTornMergeGroupIsHeldBack(kind: HubKind) throws {
        let world = try HubWorld(kind)
        let device = try HubDevice(world, unit: "B1", number: 1)
        let key: [Value] = [.integer(Int64(HubWorld.day)), .text("symptoms"), .text("p1")]
        let whole: [FieldID: Value] = [1: .notStated, 2: .text("open"), 3: .notStated]
        try device.send([HubWorld.draft("alert", key, whole, stated: HubWorld.local(8))])
        let record = RecordKey(form: "alert", values: key)
        let seen = try world.centre { try $0.context(of: record) }
        try device.send([
            HubWorld.draft("alert", key, [3: .text("p2")], context: seen, stated: HubWorld.local(9))
        ])
        #expect(try device.drain().verdicts.map(\.reason) == ["partial_group"])
        #expect(try world.store.effective(record)?[3] == .notStated)
        let both: [FieldID: Value] = [2: .text("taken"), 3: .text("p2")]
        try device.send([HubWorld.draft("alert", key, both, context: seen, stated: HubWorld.local(9))])
        #expect(try world.store.effective(record)?[3] == .text("p2"))
    }

    @Test func theListSurvivesReopening() throws {
        let (world, _, _) = try Self.crowd(.sqlite)
        #expect(try world.reopened().conflictCount() == 3)
    }

    @Test func aHubRefusesARevisionThatChangesWhatIsFrozen() throws {
        let world = try HubWorld(.sqlite)
        var means = HubFake.means(seed: 3)
        var forms = FormCatalog.builtIn.definitions
        let index = try #require(forms.firstIndex { $0.form == "check-in" })
        forms[index].revision = 2
        forms[index].fields[0].policy = "highest"
        means.forms = FormCatalog(forms)
        #expect(throws: FormDefinitionError.self) {
            try SQLiteHubStore(folder: world.folder.path, means: means)
        }
        forms[index].fields[0].policy = "latest"
        var field = forms[index].fields[13]
        (field.id, field.name, field.since) = (20, "ward", 2)
        forms[index].fields.append(field)
        means.forms = FormCatalog(forms)
        _ = try SQLiteHubStore(folder: world.folder.path, means: means)
        // An older program must not write where a newer one has been.
        #expect { try world.reopened() } throws: { ($0 as? StoreError)?.code == .tooNew }
    }
}
