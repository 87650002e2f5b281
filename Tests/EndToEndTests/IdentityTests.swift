import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import Testing

@testable import BranchAgent

/// Folders that are wiped, restored or copied, and a hub that is put back: with the real programs.
@Suite struct IdentityTests {
    /// What `status` and `sync` tell scripts about the store's past.
    private struct Told: Decodable {
        struct Note: Decodable {
            var kind: String
            var versions: Int
        }

        var identity: [Note]
    }

    private struct Device: Decodable {
        var id: Int
        var stores: Int
    }

    /// A committee and one branch; entries are check-ins of people with a temperature each.
    private final class Story {
        let centre: Hub
        let place: Place
        private let day: String
        private let dayNumber: Int32
        /// Temperatures by person.
        private(set) var entries: [String: String] = [:]

        init() async throws {
            place = try Place()
            centre = try await Hub(in: place, name: "Test committee")
            let sheets = [
                "units": "unit_id,unit_name,unit_type,parent_id,line\nC0,Committee,committee,,party\n"
                    + "B01,Branch,branch,C0,party\n",
                "people": "person_id,name,unit_id\n"
                    + (1...40).map { "P\($0),Person \($0),B01\n" }.joined(),
            ]
            for kind in ["units", "people"] {
                let file = place.path(kind + ".csv")
                try sheets[kind]?.write(toFile: file, atomically: true, encoding: .utf8)
                try await centre.hub("import", kind, file)
            }
            let now = Date(timeIntervalSinceNow: 8 * 3_600)
            day = String(now.ISO8601Format().prefix(10))
            dayNumber = Int32(now.timeIntervalSince1970 / 86_400)
            try await centre.open()
        }

        /// Somebody types at the branch.
        func add(_ name: String, _ person: String, _ more: String...) async throws {
            let temperature = "36.\(10 + entries.count)"
            let fields = ["day=\(day)", "person=\(person)", "temperature=\(temperature)"] + more
            try await place.run(
                "branch-agent", ["add", "check-in"] + fields + ["--data", centre.data(name)])
            entries[person] = temperature
        }

        func copy(_ name: String, to other: String) throws {
            try? FileManager.default.removeItem(atPath: centre.data(other))
            try FileManager.default.copyItem(atPath: centre.data(name), toPath: centre.data(other))
        }

        func told(_ name: String) async throws -> Told {
            try await centre.branch(name, "status", "--json").json()
        }

        /// Every entry is at the hub, once, and none is in conflict.
        func expectAll(at location: SourceLocation = #_sourceLocation) async throws {
            let lines = try await centre.export("check-in").output.split(separator: "\n")
            for (person, temperature) in entries {
                let rows = lines.filter { $0.split(separator: ",").contains(Substring(person)) }
                #expect(rows.count == 1, "\(person)", sourceLocation: location)
                #expect(
                    rows.first?.contains(temperature) == true, "\(person) \(temperature)",
                    sourceLocation: location)
            }
            let hub = try SQLiteHubStore(readingFrom: place.path("hub"))
            for person in entries.keys {
                let key = RecordKey(
                    form: "check-in", values: [.integer(Int64(dayNumber)), .text(person)])
                #expect(try hub.versions(of: key).count == 1, "\(person)", sourceLocation: location)
            }
        }
    }

    @Test func aFolderRestoredFromABackup() async throws {
        let story = try await Story()
        try await story.centre.join("B01", as: "a")
        try await story.add("a", "P1")
        try await story.centre.sync("a")
        try await story.add("a", "P2")
        try story.copy("a", to: "backup")
        try await story.centre.sync("a")
        try await story.add("a", "P3")
        try await story.centre.sync("a")
        // The disk breaks, and the backup takes its place.
        try story.copy("backup", to: "a")
        try await story.add("a", "P4")
        let said = try await story.centre.branch("a", "sync")
        #expect(said.output.contains("restored from a backup or copied (code 217)"))
        try await story.expectAll()
        let told = try await story.told("a").identity
        #expect(told.map(\.kind) == ["renewed"] && told.first?.versions == 1)
        #expect(try await story.centre.branch("a", "status").output.contains("nothing is lost"))
        #expect(try await story.centre.hub("devices").output.contains("device 1 came with a folder"))
        try await story.add("a", "P5")
        #expect(try await story.centre.sync("a").sessions == 1)
        try await story.expectAll()
        try await story.centre.close()
        #expect(story.centre.log.contains("restored from a backup, or copied"))
    }

    @Test(arguments: [false, true])
    func aCopiedFolderOfWhichBothRun(haveWritten: Bool) async throws {
        let story = try await Story()
        try await story.centre.join("B01", as: "a")
        try await story.add("a", "P1")
        try await story.centre.sync("a")
        if haveWritten { try await story.add("a", "P2") }
        try story.copy("a", to: "b")
        if haveWritten {
            try await story.add("a", "P3")
            try await story.add("b", "P4")
        }
        for name in ["a", "b", "a", "b", "a", "b"] {
            #expect(try await story.centre.sync(name).drained)
        }
        try await story.expectAll()
        for (index, name) in ["b", "a", "b", "a"].enumerated() {
            try await story.add(name, "P\(10 + index)")
            #expect(try await story.centre.sync(name).sessions == 1)
        }
        try await story.expectAll()
        let kinds = try await story.told("a").identity + story.told("b").identity
        #expect(kinds.map(\.kind) == ["renewed"])
        let devices: [Device] = try await story.centre.hub("devices", "--json").json()
        #expect(devices.map(\.stores) == [2])
        #expect(
            try await story.centre.hub("devices").output.contains("runs on 2 machines"))
        try await story.centre.close()
    }

    /// Both are connected all the time.
    @Test func copiesThatBothServe() async throws {
        let story = try await Story()
        try await story.centre.join("B01", as: "a")
        try await story.add("a", "P1")
        try await story.centre.sync("a")
        try story.copy("a", to: "b")
        let both = [try story.centre.start("a", "serve"), try story.centre.start("b", "serve")]
        for (index, name) in ["a", "b", "b", "a"].enumerated() {
            try await story.add(name, "P\(2 + index)")
        }
        let centre = story.centre
        let haveCome = try await eventually {
            let a = try await centre.status("a")
            let b = try await centre.status("b")
            return a.queued == 0 && b.queued == 0
        }
        #expect(haveCome)
        for program in both { _ = try await program.stop() }
        try await story.expectAll()
        let kinds = try await story.told("a").identity + story.told("b").identity
        #expect(kinds.map(\.kind) == ["renewed"])
        try await story.centre.close()
    }

    @Test func aWipedMachineThatJoinsAgain() async throws {
        let story = try await Story()
        try await story.centre.join("B01", as: "a")
        try await story.add("a", "P1")
        try await story.centre.sync("a")
        try FileManager.default.removeItem(atPath: story.centre.data("a"))
        try await story.centre.join("B01", as: "a")
        try await story.add("a", "P2")
        #expect(try await story.centre.sync("a").drained)
        try await story.expectAll()
        #expect(try await story.told("a").identity.isEmpty)
        let devices: [Device] = try await story.centre.hub("devices", "--json").json()
        #expect(devices.count == 2)
        try await story.centre.close()
    }

    @Test func aHubRestoredFromYesterdaysBackupTwice() async throws {
        let story = try await Story()
        for name in ["a", "b"] { try await story.centre.join("B01", as: name) }
        try await story.add("a", "P1")
        try await story.centre.sync("a")
        let unused = try await story.centre.invite("B01")
        let backup = story.place.path("backup.sqlite")
        try await story.centre.hub("backup", backup)
        let again = try await story.centre.hub("backup", backup, expecting: [64])
        #expect(again.remarks.contains("there already"))
        try await story.centre.hub("restore", backup, expecting: [4])
        for round in 1...2 {
            try await story.add("a", "P\(round * 10)")
            try await story.add("b", "P\(round * 10 + 1)")
            try await story.centre.sync("a")
            try await story.centre.sync("b")
            try await story.centre.close()
            let said = try await story.centre.hub("restore", backup).remarks
            #expect(said.contains("1 unused join codes are void"))
            try await story.centre.open()
            try await story.add("b", "P\(round * 10 + 2)")
            for name in ["b", "a"] { #expect(try await story.centre.sync(name).sessions == 1) }
            try await story.expectAll()
            let told = try await story.told("a").identity
            #expect(told.count == round && told.allSatisfy { $0.kind == "hub_put_back" })
        }
        try await story.centre.branch("c", "join", unused, expecting: [3])
        let devices = try await story.centre.hub("devices").output
        #expect(devices.contains("this hub was restored from a backup"))
        try await story.centre.close()
    }

    /// The branch's folder was restored since the backup was made: what it wrote before that is at the hub
    /// only under names that it has closed.
    @Test(arguments: [false, true])
    func aHubPutBackToBeforeABranchWasRestored(isTold: Bool) async throws {
        let story = try await Story()
        try await story.centre.join("B01", as: "a")
        try await story.centre.sync("a")
        let backup = story.place.path("backup.sqlite")
        try await story.centre.hub("backup", backup)
        for person in ["P1", "P2", "P3"] { try await story.add("a", person) }
        try await story.centre.sync("a")
        try story.copy("a", to: "copy")
        for _ in 0..<2 { try await story.centre.sync("a") }
        try story.copy("copy", to: "a")
        try await story.add("a", "P4")
        #expect(try await story.centre.sync("a").drained)
        #expect(try await story.told("a").identity.map(\.kind) == ["renewed"])
        try await story.expectAll()
        try await story.centre.close()
        let store = story.place.path("hub") + "/store.sqlite"
        if isTold {
            try await story.centre.hub("restore", backup)
        } else {
            for name in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: store + name) }
            try FileManager.default.copyItem(atPath: backup, toPath: store)
        }
        try await story.centre.open()
        try await story.add("a", "P5")
        #expect(try await story.centre.sync("a").sessions == 1)
        try await story.expectAll()
        #expect(try await story.told("a").identity.map(\.kind) == ["hub_put_back", "renewed"])
        #expect(try await story.centre.status("a").queued == 0)
        try await story.add("a", "P6")
        #expect(try await story.centre.sync("a").sessions == 1)
        try await story.expectAll()
        try await story.centre.close()
    }

    /// The branch has let go of what it wrote first; a later backup of the hub held that, and an earlier one
    /// is put back.
    @Test func aHubPutBackToBeforeWhatABranchStillKeeps() async throws {
        let story = try await Story()
        try await story.centre.join("B01", as: "a")
        try await story.centre.sync("a")
        let backup = story.place.path("backup.sqlite")
        try await story.centre.hub("backup", backup)
        for person in ["P1", "P2", "P3"] { try await story.add("a", person, "track=by train") }
        try await story.centre.sync("a")
        try await story.centre.hub("backup", story.place.path("later.sqlite"))
        try await story.centre.sync("a")
        let today = Int32(Date.now.timeIntervalSince1970 / 86_400)
        do {
            let store = try AgentFolder(path: story.centre.data("a")).open().store
            let step = try store.prune(Retention(.builtIn, today: today + 1_000), limit: 1_000)
            #expect(step.trimmed == 3)
            #expect(try store.origins().map(\.floor) == [1, 4])
        }
        try await story.centre.close()
        try await story.centre.hub("restore", backup)
        try await story.centre.open()
        try await story.add("a", "P4")
        let said = try await story.centre.branch("a", "sync")
        #expect(said.output.contains("cannot be sent again"))
        let told = try await story.told("a").identity
        #expect(told.map(\.kind) == ["given_back", "hole"] && told.map(\.versions) == [3, 3])
        // All that may be kept is there again, and counts once; only the tracks are gone.
        let rows = try await story.centre.export("check-in").output.split(separator: "\n")
        for person in ["P1", "P2", "P3", "P4"] {
            #expect(rows.count { $0.contains(person) } == 1, "\(person)")
        }
        #expect(!rows.contains { $0.contains("by train") })
        let compared = try await story.place.run(
            "sync-inspect", ["reconcile", "--data", story.centre.data("a")])
        #expect(compared.output.contains("both ends hold the same"))
        #expect(compared.output.contains("put back once to before 3 entries"))
        #expect(try await story.centre.hub("devices").output.contains("cannot send again 3 entries"))
        try await story.add("a", "P5")
        #expect(try await story.centre.sync("a").sessions == 1)
        #expect(try await story.centre.status("a").queued == 0)
        #expect(try await story.told("a").identity.count == 2)
        try await story.centre.close()
        #expect(story.centre.log.contains("hole_passed"))
    }

    /// Killed between taking the old store away and putting the new one in its place; a log lies about.
    @Test func aRestoringThatWasCutOff() async throws {
        let story = try await Story()
        try await story.centre.join("B01", as: "a")
        try await story.add("a", "P1")
        try await story.centre.sync("a")
        let backup = story.place.path("backup.sqlite")
        try await story.centre.hub("backup", backup)
        try await story.centre.close()
        let folder = story.place.path("hub")
        let log = Data("a log of another store".utf8)
        try FileManager.default.moveItem(atPath: folder + "/store.sqlite", toPath: folder + "/moved")
        try log.write(to: URL(filePath: folder + "/store.sqlite-wal"))
        try await story.centre.hub("restore", backup)
        let kept = try FileManager.default.subpathsOfDirectory(atPath: folder).filter {
            $0.hasPrefix("replaced-") && $0.hasSuffix("store.sqlite-wal")
        }
        let found = try kept.map { try Data(contentsOf: URL(filePath: folder + "/" + $0)) }
        #expect(found == [log])
        try await story.centre.open()
        try await story.add("a", "P2")
        #expect(try await story.centre.sync("a").drained)
        try await story.expectAll()
        try await story.centre.close()
    }

    /// A disk image is put back and the program started on it: nobody has told the hub.
    @Test func aHubsDiskPutBackWithoutAWord() async throws {
        let story = try await Story()
        for name in ["a", "b"] { try await story.centre.join("B01", as: name) }
        try await story.add("a", "P1")
        try await story.centre.sync("a")
        try await story.centre.sync("b")
        try await story.centre.close()
        let hub = story.place.path("hub")
        let image = story.place.path("image")
        try FileManager.default.copyItem(atPath: hub, toPath: image)
        try await story.centre.open()
        try await story.add("a", "P2")
        try await story.add("b", "P3")
        for name in ["a", "b", "a", "b"] { try await story.centre.sync(name) }
        try await story.centre.close()
        try FileManager.default.removeItem(atPath: hub)
        try FileManager.default.copyItem(atPath: image, toPath: hub)
        try await story.centre.open()
        try await story.add("b", "P4")
        for name in ["b", "a", "b"] { #expect(try await story.centre.sync(name).drained) }
        try await story.expectAll()
        #expect(try await story.told("a").identity.map(\.kind) == ["hub_put_back"])
        // It came before the other had sent again what it held of it.
        #expect(Set(try await story.told("b").identity.map(\.kind)) == ["hub_put_back", "forgotten"])
        let devices = try await story.centre.hub("devices").output
        #expect(devices.contains("without `aggregator restore`"))
        try await story.centre.close()
    }
}
