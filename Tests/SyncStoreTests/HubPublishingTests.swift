import Forms
import Foundation
import SyncCore
import SyncStore
import Testing

@testable import SQLiteStore

/// Forms and boards that the centre publishes, in the store that serves and in those beside it.
@Suite struct HubPublishingTests {
    private static let clock = AuthoringClock(now: HubWorld.morning, isTrusted: true)

    private static func form(_ revision: Int, _ more: String = "") -> PublishedDefinition {
        let json = """
            {"form": "task", "revision": \(revision), "labels": {"en": "Task", "zh": "任务"},
             "keys": [{"name": "unit", "type": "unit", "labels": {"en": "unit", "zh": "单位"}}],
             "fields": [{"id": 1, "name": "state", "type": "text", "labels": {"en": "state", "zh": "状态"},
              "policy": "latest", "retentionClass": 0, "personal": false}\(more)],
             "writers": ["branch", "centre"]}
            """
        return PublishedDefinition(
            kind: .form, name: "task", revision: Int64(revision), json: Array(json.utf8), author: "Li")
    }

    private static let second = form(
        2,
        """
        , {"id": 2, "name": "until", "type": "date", "labels": {"en": "until", "zh": "期限"}, "since": 2,
           "policy": "latest", "retentionClass": 0, "personal": false}
        """)

    private static func key(_ unit: String) -> RecordKey {
        RecordKey(form: "task", values: [.text(Array(unit.utf8))])
    }

    private static func write(_ unit: String, _ fields: [(FieldID, Value)], in store: SQLiteHubStore) throws {
        try store.write(clock: clock) { transaction in
            _ = try transaction.author(
                Draft(
                    lane: .routine, key: key(unit), formRevision: UInt32(fields.count), context: .empty,
                    assignments: fields.map { Assignment(field: $0, retentionClass: 0, value: $1) }))
        }
    }

    private struct Planned: Error {}

    @Test func whoeverHasTheStoreOpenWorksWithWhatWasPublished() throws {
        let folder = HubFolder()
        let serving = try SQLiteHubStore.create(
            folder: folder.path, name: "Hub", settings: Settings(), means: HubFake.means(seed: 1))
        let beside = try SQLiteHubStore(folder: folder.path, means: HubFake.means(seed: 2))
        let reader = try SQLiteHubStore(readingFrom: folder.path, means: HubFake.means(seed: 3))
        #expect(try serving.forms()["task"] == nil)
        try beside.publish(Self.form(1), clock: Self.clock)
        for store in [serving, beside, reader] { #expect(try store.forms()["task"]?.revision == 1) }
        try Self.write("B1", [(1, .text([0x61]))], in: serving)
        try beside.publish(Self.second, clock: Self.clock)
        try Self.write("B2", [(1, .text([0x62])), (2, .integer(18_000))], in: serving)
        for store in [serving, beside, reader] {
            #expect(try store.forms()["task"]?.revision == 2 && store.forms().earlier.count == 1)
            #expect(try store.effective(Self.key("B1"))?[1] == .text([0x61]))
            #expect(try store.effective(Self.key("B2"))?[2] == .integer(18_000))
            #expect(try store.published().map(\.revision) == [1, 2])
        }
        let again = try SQLiteHubStore(folder: folder.path, means: HubFake.means(seed: 4))
        #expect(try again.forms()["task"]?.revision == 2)
        #expect(try again.effective(Self.key("B2"))?[2] == .integer(18_000))
    }

    /// The committee's own revision of a form that the program brings along.
    private static func revised(_ name: String) throws -> PublishedDefinition {
        var form = try #require(FormCatalog.builtIn[name])
        form.revision += 1
        let column = """
            {"id": 60, "name": "added_here", "type": "text", "labels": {"en": "Added", "zh": "新增"},
             "policy": "latest", "retentionClass": 0, "personal": false, "since": \(form.revision)}
            """
        form.fields.append(try JSONDecoder().decode(FieldDefinition.self, from: Data(column.utf8)))
        return PublishedDefinition(
            kind: .form, name: name, revision: Int64(form.revision),
            json: Array(try JSONEncoder().encode(form)))
    }

    @Test(arguments: FormCatalog.builtIn.definitions.map(\.form).filter { $0 != BuiltIn.definition })
    func aFormOfTheProgramIsRevised(_ name: String) throws {
        let folder = HubFolder()
        let revised = try Self.revised(name)
        do {
            let store = try SQLiteHubStore.create(
                folder: folder.path, name: "Hub", settings: Settings(), means: HubFake.means(seed: 1))
            try store.publish(revised, clock: Self.clock)
            #expect(try store.forms()[name]?.revision == UInt32(revised.revision))
        }
        let again = try SQLiteHubStore(folder: folder.path, means: HubFake.means(seed: 2))
        let reader = try SQLiteHubStore(readingFrom: folder.path, means: HubFake.means(seed: 3))
        for store in [again, reader] {
            #expect(try store.forms()[name]?.revision == UInt32(revised.revision))
            #expect(try store.forms()[name]?.fields.last?.name == "added_here")
            #expect(try store.forms().earlier.map(\.form) == [name])
        }
    }

    @Test func whatWasNotCommittedIsNotThere() throws {
        let folder = HubFolder()
        let store = try SQLiteHubStore.create(
            folder: folder.path, name: "Hub", settings: Settings(), means: HubFake.means(seed: 1))
        #expect(throws: Planned.self) {
            try store.write(clock: Self.clock) { transaction in
                let key = RecordKey(
                    form: BuiltIn.definition,
                    values: [.text(Array("form".utf8)), .text(Array("task".utf8)), .integer(1)])
                try transaction.author(
                    Draft(
                        lane: .routine, key: key, formRevision: 1, context: .empty,
                        assignments: [
                            Assignment(
                                field: BuiltIn.definitionText, retentionClass: 0,
                                value: .text(Self.form(1).json))
                        ]))
                throw Planned()
            }
        }
        #expect(try store.forms()["task"] == nil && store.published().isEmpty)
        try store.publish(Self.form(1), clock: Self.clock)
        try Self.write("B1", [(1, .text([0x61]))], in: store)
        #expect(try store.effective(Self.key("B1")) != nil)
    }
}
