import Forms
import Foundation
import LinkKit
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport
import Testing

@testable import Aggregator

/// A store that is put in the place of another, cut off anywhere; and a folder that is lost.
@Suite struct RestoreTests {
    private struct Cut: Error {}

    /// A child that another test starts has the lock as well, until it has become its program.
    static func unlocked<Result>(_ body: () throws -> Result) async throws -> Result {
        var result: Result?
        _ = try await eventually {
            do {
                result = try body()
                return true
            } catch let error as StoreError where error.code == .inUse {
                return false
            }
        }
        return try #require(result)
    }

    private static func names(_ folder: HubFolder) async throws -> [String] {
        try await unlocked { try folder.open().auditLog().entries.map(\.event) }
    }

    /// A hub with a backup, a later entry that is only in its log, and the folder as it lay then.
    private static func prepared(_ place: Place) throws -> (folder: HubFolder, backup: String) {
        let folder = HubFolder(path: place.path("hub"))
        try folder.create(name: "Hub", settings: .init())
        let backup = place.path("backup.sqlite")
        try folder.open().backUp(to: backup, now: 1)
        // As if the program had been killed: the log is full and was not taken in.
        let alive = try folder.open()
        try alive.record(act: "exported", detail: "only in the log", now: 2)
        let copy = HubFolder(path: place.path("copy"))
        try FileManager.default.copyItem(atPath: folder.path, toPath: copy.path)
        withExtendedLifetime(alive) {}
        return (copy, backup)
    }

    /// `serve` as the one who comes next: it has the lock itself while it opens.
    private func serve(_ folder: HubFolder, in place: Place) async throws {
        let port = try Loopback.freePort()
        let hub = try place.start(
            "aggregator", ["serve", "--data", folder.path, "--listen", "127.0.0.1:\(port)"])
        #expect(try await eventually { hub.remarks.contains("listening on") }, "\(hub.remarks)")
        _ = try await hub.stop()
    }

    /// Killed before the new store was ready: nothing was replaced, and nothing of it stays.
    @Test func whatAKilledRestoreHadBegunGoesAway() async throws {
        let place = try Place()
        let (folder, backup) = try Self.prepared(place)
        let work = folder.path + "/restoring"
        for next in ["status", "serve", "restore"] {
            try FileManager.default.createDirectory(atPath: work, withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: backup, toPath: work + "/store.sqlite")
            switch next {
            case "serve": try await serve(folder, in: place)
            case "restore": try await place.run("aggregator", ["restore", backup, "--data", folder.path])
            default: try await place.run("aggregator", ["status", "--data", folder.path])
            }
            #expect(!FileManager.default.fileExists(atPath: work), "\(next)")
        }
    }

    @Test func aBackupThatIsDamagedIsNamed() async throws {
        let place = try Place()
        let (folder, backup) = try Self.prepared(place)
        let whole = try #require(FileManager.default.contents(atPath: backup))
        for (name, bytes) in [
            ("head.sqlite", Data(repeating: 7, count: 4_096) + whole.dropFirst(4_096)),
            ("middle.sqlite", whole.prefix(8_192) + Data(repeating: 7, count: whole.count - 8_192)),
            ("short.sqlite", whole.prefix(whole.count / 2)), ("empty.sqlite", Data()),
        ] {
            let file = place.path(name)
            try bytes.write(to: URL(filePath: file))
            for data in [folder.path, place.path("none-" + name)] {
                let refused = try await place.run(
                    "aggregator", ["restore", file, "--data", data], expecting: [66])
                #expect(refused.remarks.contains(file), "\(refused.remarks)")
                #expect(!refused.remarks.contains("restoring"), "\(refused.remarks)")
            }
        }
        #expect(try await Self.names(folder).last == "exported")
    }

    @Test func whoeverComesNextFinishesARestoreThatWasCutOff() async throws {
        let place = try Place()
        let (template, backup) = try Self.prepared(place)
        var moves = 0
        while true {
            let folder = HubFolder(path: place.path("cut\(moves)"))
            try FileManager.default.copyItem(atPath: template.path, toPath: folder.path)
            #expect(FileManager.default.fileExists(atPath: folder.path + "/store.sqlite-wal"))
            var left = moves
            var isCut = false
            do {
                try await Self.unlocked {
                    _ = try folder.restore(from: backup, now: 77) { from, to in
                        if left == 0 { throw Cut() }
                        left -= 1
                        try HubFolder.moveFile(from, to)
                    }
                }
            } catch is Cut {
                isCut = true
            }
            if moves.isMultiple(of: 2) {
                try await serve(folder, in: place)
            }
            let events = try await Self.names(folder)
            if moves == 0 {
                #expect(events.last == "exported", "nothing had happened yet")
            } else {
                #expect(events.last == "restored" && !events.contains("exported"))
                let kept = HubFolder(path: folder.path + "/replaced-77")
                try FileManager.default.copyItem(
                    atPath: folder.path + "/hub.key", toPath: kept.path + "/hub.key")
                #expect(try await Self.names(kept).last == "exported", "with its log")
            }
            let rest = try FileManager.default.contentsOfDirectory(atPath: folder.path)
            #expect(!rest.contains { $0.hasPrefix("restor") })
            if !isCut { break }
            moves += 1
        }
        #expect(moves > 4)
    }
}
