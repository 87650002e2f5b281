import SQLiteStore
import SyncCore
import SyncStore
import Testing

private struct Interrupted: Error {}

@Suite struct AgentJournalTests {
    @Test(arguments: StoreFlavour.allCases)
    func whatWasWrittenIsThereAfterReopening(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.author(0..<5)
        let versions = try fixture.store.versions(of: checkIn(3).key)
        let store: any AgentStore = flavour == .sqlite ? try fixture.another() : fixture.store
        #expect(try store.versions(of: checkIn(3).key) == versions)
        #expect(versions.count == 1)
        #expect(try store.record(checkIn(3).key)?.siblings == versions)
        #expect(try store.configuration() == fixture.configuration)
        #expect(try store.origins() == fixture.store.origins())
        #expect(try store.records(form: "check-in", after: nil, limit: 100).map(\.key.values).count == 5)
    }

    @Test(arguments: StoreFlavour.allCases)
    func aTransactionThatThrowsLeavesNothing(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.author(0..<2)
        let before = try fixture.origin()
        #expect(throws: Interrupted.self) {
            try fixture.store.write(clock: fixture.clock(5)) { transaction in
                try transaction.author(checkIn(7))
                try transaction.remember(.zero, of: checkIn(7).key)
                throw Interrupted()
            }
        }
        #expect(try fixture.origin() == before)
        #expect(try fixture.store.record(checkIn(7).key) == nil)
        #expect(
            try fixture.store.write(clock: fixture.clock()) { try $0.isKnown(.zero, of: checkIn(7).key) }
                == false)
        try fixture.author(2..<3)
        #expect(try fixture.origin().sequence == 3)
    }

    @Test(arguments: StoreFlavour.allCases)
    func lanesHaveJournalsOfTheirOwnWithoutGaps(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        try fixture.store.write(clock: fixture.clock()) { transaction in
            for person in 0..<20 {
                try transaction.author(checkIn(person, lane: person % 4 == 0 ? .urgent : .routine))
            }
        }
        #expect(try fixture.origin(.urgent).sequence == 5)
        #expect(try fixture.origin(.routine).sequence == 15)
        let journal = try fixture.store.journal(lane: .routine, after: 0, limit: 100)
        #expect(journal.map(\.version.dot.sequence) == Array(1...15))
        #expect(journal.last?.head == (try fixture.origin(.routine).head))
        #expect(try fixture.origin(.urgent).id != 0)
        #expect(try fixture.store.batch(of: 1, after: 0, maximumVersions: 9, maximumBytes: 9) == nil)
    }

    @Test(arguments: StoreFlavour.allCases)
    func authoredTimesNeverFall(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        for (person, offset) in [0, 5_000, -60_000, 1_000, -90 * 86_400_000, 9_000].enumerated() {
            try fixture.author(person..<(person + 1), offset: Milliseconds(offset))
        }
        let versions = try fixture.store.journal(lane: .routine, after: 0, limit: 9).map(\.version)
        #expect(versions.map { $0.authored - AgentFixture.start } == [0, 5_000, 5_000, 5_000, 5_000, 9_000])
        // A clock that fell by three months cannot say when this was written.
        #expect(versions.map(\.clockTrusted) == [true, true, true, true, false, true])
    }

    @Test(arguments: StoreFlavour.allCases)
    func theFirstCreatedTimeIsTheLeast(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        var draft = checkIn(1)
        draft.stated = AgentFixture.start - 3_600_000
        try fixture.store.write(clock: fixture.clock()) { _ = try $0.author(draft) }
        draft.stated = AgentFixture.start + 3_600_000
        draft.context = try #require(try fixture.store.record(draft.key)).seen
        try fixture.store.write(clock: fixture.clock()) { _ = try $0.author(draft) }
        let state = try #require(try fixture.store.record(draft.key))
        #expect(state.siblings.count == 1)
        #expect(state.siblings.first?.firstCreated == AgentFixture.start - 3_600_000)
    }

    @Test(arguments: StoreFlavour.allCases)
    func importMemoryAndPrintsStay(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        let key = checkIn(1).key
        let print = TestCrypto.hashing([1])
        let cells =
            checkIn(5).assignments
            + [
                Assignment(
                    field: 300, retentionClass: 2, value: .list([Array("a".utf8), [], Array("b".utf8)]))
            ]
        try fixture.store.write(clock: fixture.clock()) { transaction in
            try transaction.remember(print, of: key)
            try transaction.remember(print, of: key)
            try transaction.rememberImport(from: "check-in/monday.csv", key, cells)
        }
        let known = try fixture.store.write(clock: fixture.clock()) { transaction in
            [try transaction.isKnown(print, of: key), try transaction.isKnown(print, of: checkIn(2).key)]
        }
        let imported = try fixture.store.write(clock: fixture.clock()) { transaction in
            [
                try transaction.imported(from: "check-in/monday.csv", key),
                try transaction.imported(from: "check-in/tuesday.csv", key),
            ]
        }
        #expect(known == [true, false])
        #expect(imported == [cells, nil])
    }

    @Test(arguments: StoreFlavour.allCases)
    func whatBreaksABoundIsRefusedWhenWritten(_ flavour: StoreFlavour) throws {
        let fixture = try AgentFixture(flavour)
        var draft = checkIn(1)
        draft.assignments[0].value = .text([UInt8](repeating: 65, count: Limits.valueBytes + 1))
        let error = #expect(throws: StoreError.self) {
            try fixture.store.write(clock: fixture.clock()) { _ = try $0.author(draft) }
        }
        #expect(error?.code == .tooLarge)
        #expect(try fixture.origin().sequence == 0)
    }

    @Test func twoProcessesKeepOneGaplessChain() throws {
        let fixture = try AgentFixture(.sqlite)
        let other = try fixture.another()
        for round in 0..<12 {
            let store: any AgentStore = round % 2 == 0 ? fixture.store : other
            try store.write(clock: fixture.clock(Milliseconds(round))) { transaction in
                for person in 0...(round % 3) {
                    try transaction.author(checkIn(round * 10 + person, day: 20_000 + Int64(round / 5)))
                }
            }
        }
        let origin = try fixture.origin()
        #expect(origin.sequence == 24)
        #expect(try other.origins() == fixture.store.origins())
        try verify(
            batches(of: other) { 5 }, origin: origin, publicKey: fixture.device.publicKey)
    }

    @Test func aFolderOfAnotherKindIsNotOpened() throws {
        let fixture = try AgentFixture(.sqlite)
        let missing = #expect(throws: StoreError.self) {
            _ = try SQLiteAgentStore(
                folder: fixture.folder.path + "/nothing", mode: .open, means: fixture.means)
        }
        #expect(missing?.code == .notAStore)
        let existing = #expect(throws: StoreError.self) {
            _ = try SQLiteAgentStore(folder: fixture.folder.path, mode: .create, means: fixture.means)
        }
        #expect(existing?.code == .alreadyExists)
        try fixture.author(0..<3)
        #expect(try SQLiteAgentStore(readingFrom: fixture.folder.path).status(of: .routine).versions == 3)
    }

    @Test func aSecondSessionIsKeptOut() throws {
        let fixture = try AgentFixture(.sqlite)
        var lock: SessionLock? = try SessionLock(folder: fixture.folder.path)
        let error = #expect(throws: StoreError.self) { _ = try SessionLock(folder: fixture.folder.path) }
        #expect(error?.code == .inUse)
        withExtendedLifetime(lock) {}
        lock = nil
        _ = try SessionLock(folder: fixture.folder.path)
    }
}
