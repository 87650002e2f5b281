import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import Testing

@testable import Aggregator

/// A list of revocations that is damaged lets nobody in whom it may have named.
@Suite(.timeLimit(.minutes(6))) struct RevocationFileTests {
    /// A hub with a device that was revoked after a backup; who it is, and its line.
    private static func revoked() async throws -> (crowd: Crowd, backup: String, file: Data) {
        let crowd = try await Crowd(branches: 2, persons: 1, days: 1)
        try await crowd.open()
        for unit in ["B000", "B001"] { try await crowd.join(unit) }
        try await crowd.checkIn("B000", "S000000", "36.6")
        #expect(try await crowd.sync("B000").drained)
        let backup = crowd.place.path("backup.sqlite")
        try await crowd.hub("backup", backup)
        try await crowd.hub("revoke", "1", "--reason", "lost")
        try await crowd.close()
        let file = try #require(
            FileManager.default.contents(atPath: crowd.place.path("hub/revocations.jsonl")))
        return (crowd, backup, file)
    }

    /// As the hub writes it: nobody else may read it.
    private static func write(_ bytes: Data, to path: String) throws {
        try bytes.write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }

    /// Restores into a folder that has nothing but the key and this list.
    private static func restored(
        _ crowd: Crowd, _ backup: String, _ list: Data, _ name: String
    ) async throws -> (state: DeviceInfo.State?, isDoubted: Bool) {
        let folder = HubFolder(path: crowd.place.path(name))
        defer { try? FileManager.default.removeItem(atPath: folder.path) }
        try DatabaseFolder.make(folder.path)
        try FileManager.default.copyItem(
            atPath: crowd.place.path("hub/hub.key"), toPath: folder.path + "/hub.key")
        try write(list, to: folder.path + "/revocations.jsonl")
        return try await RestoreTests.unlocked {
            _ = try folder.restore(from: backup, now: 77)
            let store = try folder.open()
            return (try store.devices().first?.state, try store.areRevocationsDoubted())
        }
    }

    /// One byte is another: the device is recognised all the same. The file ends anywhere: it is, or nobody
    /// is let in.
    @Test func whateverByteOfALineIsDamaged() async throws {
        let (crowd, backup, file) = try await Self.revoked()
        for offset in stride(from: 1, to: file.count - 1, by: 5) {
            var damaged = file
            damaged[offset] ^= 1
            let found = try await Self.restored(crowd, backup, damaged, "flip")
            #expect(found.state == .revoked && !found.isDoubted, "byte \(offset)")
        }
        for end in stride(from: 2, to: file.count - 1, by: 9) {
            let found = try await Self.restored(crowd, backup, file.prefix(end), "cut")
            #expect(found.state == .revoked || found.isDoubted, "cut at \(end)")
        }
        let noise = try await Self.restored(crowd, backup, Data("noise\n".utf8), "noise")
        #expect(noise.state == .active && noise.isDoubted)
        let whole = try await Self.restored(crowd, backup, file, "whole")
        #expect(whole.state == .revoked && !whole.isDoubted)
        let empty = try await Self.restored(crowd, backup, Data(), "empty")
        #expect(empty.state == .active && !empty.isDoubted, "nobody had been revoked")
    }

    /// Two were revoked after the backup, and the store is lost: whatever is left of the list, nobody is let
    /// in of whom it may have told.
    @Test func aListOfWhichAPartIsGone() async throws {
        let (crowd, backup, _) = try await Self.revoked()
        try await crowd.hub("revoke", "2", "--reason", "lost as well")
        let path = crowd.place.path("hub")
        let file = try #require(FileManager.default.contents(atPath: path + "/revocations.jsonl"))
        let end = try #require(FileManager.default.contents(atPath: path + "/revocations.end"))
        let lines = file.split(separator: UInt8(ascii: "\n")).map { Data($0 + [UInt8(ascii: "\n")]) }
        try #require(lines.count == 2)
        func found(
            _ list: Data?, end: Data = end
        ) async throws -> (states: [DeviceInfo.State], isDoubted: Bool) {
            let folder = HubFolder(path: crowd.place.path("part"))
            defer { try? FileManager.default.removeItem(atPath: folder.path) }
            try DatabaseFolder.make(folder.path)
            try FileManager.default.copyItem(atPath: path + "/hub.key", toPath: folder.path + "/hub.key")
            if let list { try Self.write(list, to: folder.path + "/revocations.jsonl") }
            try Self.write(end, to: folder.path + "/revocations.end")
            return try await RestoreTests.unlocked {
                _ = try folder.restore(from: backup, now: 77)
                let store = try folder.open()
                return (try store.devices().map(\.state), try store.areRevocationsDoubted())
            }
        }
        let whole = try await found(file)
        #expect(whole.states == [.revoked, .revoked] && !whole.isDoubted)
        let another = try await found(lines[1] + lines[0])
        #expect(another.states == [.revoked, .revoked] && another.isDoubted, "not in the order of the end")
        for (name, list) in [
            ("cut in the first line", lines[0].prefix(lines[0].count / 2)), ("first only", lines[0]),
            ("second only", lines[1]), ("empty", Data()), ("the first twice", lines[0] + lines[0]),
        ] as [(String, Data)] {
            let left = try await found(list)
            #expect(left.isDoubted, "\(name)")
            if !list.isEmpty { #expect(left.states.contains(.revoked), "\(name)") }
        }
        #expect(try await found(nil).isDoubted, "the whole file is gone")
        for (name, list) in [("whole", file), ("first only", lines[0])] {
            #expect(try await found(list, end: Data()).isDoubted, "\(name), and an end that tells nothing")
        }
        // As an editor of another system leaves it.
        let text = String(decoding: file, as: UTF8.self)
        for changed in [
            "\u{feff}" + text, text.replacing("\n", with: "\r\n"),
            "\u{feff}" + text.replacing("\n", with: "\r\n"),
        ] {
            let read = try await found(Data(changed.utf8))
            #expect(read.states == [.revoked, .revoked] && !read.isDoubted)
        }
    }

    /// A person has compared; then, what is there is the whole list.
    @Test func aListThatLacksSomeHoldsUntilAPersonHasCompared() async throws {
        let (crowd, backup, _) = try await Self.revoked()
        let path = crowd.place.path("hub")
        for name in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm", "revocations.jsonl"] {
            try? FileManager.default.removeItem(atPath: path + "/" + name)
        }
        #expect(try await crowd.hub("restore", backup).remarks.contains("--settled"))
        try await crowd.place.run(
            "aggregator", ["serve", "--listen", "127.0.0.1:\(crowd.port)", "--data", path], expecting: [66])
        // Another one is revoked meanwhile: the list still lacks the first.
        try await crowd.hub("revoke", "2", "--reason", "lost as well")
        #expect(try await crowd.hub("devices").output.contains("revoke --settled"))
        try await crowd.hub("revoke", "1", "--reason", "lost, as the list on paper says")
        #expect(try await crowd.hub("devices").output.contains("revoke --settled"))
        try await crowd.hub("revoke", "--settled", "--reason", "compared")
        try await crowd.open()
        try await crowd.branch("B000", "sync", expecting: [3])
        try await crowd.close()
        #expect(try HubFolder(path: path).lostRevocations() == 0)
        let log = try await AuditTests.Log.read(crowd)
        #expect(log.details("revocations_settled").first?.contains("are gone: compared") == true)
    }

    /// The store knows whom it has revoked: the list is made anew, and the line set aside.
    @Test func besideAStoreThatHasForgottenNothing() async throws {
        let (crowd, backup, file) = try await Self.revoked()
        let path = crowd.place.path("hub/revocations.jsonl")
        try (Data("noise\n".utf8) + file.dropLast(40)).write(to: URL(filePath: path))
        try await crowd.open()
        #expect(try await crowd.sync("B001").drained)
        try await crowd.branch("B000", "sync", expecting: [3])
        try await crowd.close()
        let folder = HubFolder(path: crowd.place.path("hub"))
        #expect(try folder.unreadableRevocations() == 0)
        #expect(try folder.revocations().count == 1)
        let left = try #require(FileManager.default.contents(atPath: path))
        #expect(String(decoding: left, as: UTF8.self).hasPrefix("#oise\n"), "nothing is thrown away")
        let log = try await AuditTests.Log.read(crowd)
        #expect(log.intact && log.details("revocations_mended").count == 1)
        // A restore asks the store that it replaces, and needs no line that does not read.
        try (Data("noise\n".utf8)).write(to: URL(filePath: path))
        let said = try await crowd.hub("restore", backup).remarks
        #expect(!said.contains("--settled"))
        try await crowd.open()
        try await crowd.branch("B000", "sync", expecting: [3])
        try await crowd.close()
    }

    @Test(arguments: [true, false])
    func aHubThatCannotTellWhomItHadRevokedTakesNothing(isRestored: Bool) async throws {
        let (crowd, backup, _) = try await Self.revoked()
        let (place, files) = (crowd.place, FileManager.default)
        for name in ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm"] {
            try? files.removeItem(atPath: place.path("hub/" + name))
        }
        let path = place.path("hub/revocations.jsonl")
        try Data("{\"at\":17".utf8).write(to: URL(filePath: path))
        if isRestored {
            #expect(try await crowd.hub("restore", backup).remarks.contains("--settled"))
        } else {
            // Somebody copies the file back with no word to the hub, and looks at it.
            try files.copyItem(atPath: backup, toPath: place.path("hub/store.sqlite"))
            try await crowd.hub("status")
        }
        try await crowd.checkIn("B001", "S001000", "36.6")
        let carried = place.path("b.carried")
        try await crowd.branch("B001", "carry", carried)
        try await place.run(
            "aggregator", ["serve", "--listen", "127.0.0.1:\(crowd.port)", "--data", place.path("hub")],
            expecting: [66])
        try await crowd.hub("import", "--carried", carried, expecting: [66])
        #expect(try await crowd.hub("devices").output.contains("revoke --settled"))
        try await crowd.hub("revoke", "1", "--reason", "lost, as the list on paper says")
        try await crowd.hub("revoke", "--settled", expecting: [64])
        try await crowd.hub("revoke", "1", "--settled", "--reason", "both", expecting: [64])
        try await crowd.hub("revoke", expecting: [64])
        try await crowd.hub("revoke", "--settled", "--reason", "compared with the list on paper")
        #expect(!(try await crowd.hub("devices").output.contains("--settled")))
        try await crowd.open()
        #expect(try await crowd.sync("B001").drained)
        try await crowd.branch("B000", "sync", expecting: [3])
        try await crowd.close()
        let log = try await AuditTests.Log.read(crowd, expecting: isRestored ? [0] : [7])
        #expect(log.details("revocations_settled").count == 1)
        #expect(try HubFolder(path: place.path("hub")).unreadableRevocations() == 0)
    }
}
