import Console
import Foundation
import Glibc
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// Putting a store back from a backup.
extension HubFolder {
    /// - Returns: what the restored store was told, and where the store lies that was here before.
    func restore(
        from file: String, now: Milliseconds
    ) throws -> (restoration: SQLiteHubStore.Restoration, kept: String?) {
        let key = try self.key()
        guard FileManager.default.isReadableFile(atPath: file) else {
            _ = try Files.read(file)
            throw StoreError(.notAStore, file)
        }
        let lock = try SessionLock(folder: path)
        defer { withExtendedLifetime(lock) {} }
        let work = HubFolder(path: path + "/restoring", actor: actor)
        try? FileManager.default.removeItem(atPath: work.path)
        defer { try? FileManager.default.removeItem(atPath: work.path) }
        try DatabaseFolder.make(work.path)
        do {
            try FileManager.default.copyItem(atPath: file, toPath: work.path + "/store.sqlite")
        } catch {
            throw StoreError(.diskFull, "copying the backup")
        }
        try keepRevocationsOfReplaced(key)
        let restoration = try work.begin(
            with: key, keys: try keptKeys(), revoked: try revocations(), now: now)
        return (restoration, try takeOver(work, now: now))
    }

    private func begin(
        with key: DeviceKey, keys: HubKeyring?, revoked: [Revocation], now: Milliseconds
    ) throws -> SQLiteHubStore.Restoration {
        let store = try SQLiteHubStore(folder: path, means: try means(key, keys: keys))
        guard try store.isOpenedWithOwnKey() else {
            throw Failure(
                .noInput,
                Words(
                    "this backup is of another hub than the hub.key here; nothing was changed",
                    zh: "此备份与本目录的 hub.key 不属于同一汇总端；未作任何改动"))
        }
        // The backup's log ends earlier than the one that is kept here, and is to: it begins anew there.
        store.keepAuditEnd()
        return try store.restored(revoked: revoked, now: now)
    }

    /// What only the store knows that is to be replaced would be forgotten with it. One that cannot be read
    /// any more tells nothing.
    private func keepRevocationsOfReplaced(_ key: DeviceKey) throws {
        guard let replaced = try? SQLiteHubStore(readingFrom: path, means: try means(key)),
            let known = try? replaced.revocations()
        else { return }
        let kept = Set(try revocations().map(\.publicKey))
        for revocation in known where !kept.contains(revocation.publicKey) { try keep(revocation) }
    }

    /// Puts the store of `work` in the place of the one here, which is kept.
    private func takeOver(_ work: HubFolder, now: Milliseconds) throws -> String? {
        let kept = path + "/replaced-\(now)"
        let manager = FileManager.default
        let parts = ["store.sqlite", "store.sqlite-wal", "store.sqlite-shm", AuditEndFile.name]
        // Also what a restoring that was cut off has left: its log would be taken for the new store's.
        let isThere = parts.contains { manager.fileExists(atPath: path + "/" + $0) }
        if isThere { try DatabaseFolder.make(kept) }
        func move(_ name: String, from: String, to: String) throws {
            guard manager.fileExists(atPath: from + "/" + name) else { return }
            guard rename(from + "/" + name, to + "/" + name) == 0 else {
                throw StoreError(
                    .inputOutput, "moving", file: from + "/" + name, systemError: errno)
            }
        }
        // The log first: beside another store's it would be taken for that one's.
        for name in parts.reversed() where isThere { try move(name, from: path, to: kept) }
        for name in parts.reversed() { try move(name, from: work.path, to: path) }
        // What was moved must be in its new place before it is gone from the old one.
        for folder in isThere ? [kept, path, work.path] : [path, work.path] { try sync(folder) }
        return isThere ? kept : nil
    }

    func sync(_ folder: String) throws {
        let descriptor = Glibc.open(folder, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            throw StoreError(.inputOutput, "syncing", file: folder, systemError: errno)
        }
    }
}
