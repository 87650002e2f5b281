import Console
import Foundation
import Glibc
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// Putting a store back from a backup.
extension HubFolder {
    /// What came of it.
    struct Restored {
        /// What the restored store was told; nil where there is no hub.key to tell it anything with.
        var restoration: SQLiteHubStore.Restoration?
        /// Where the store lies that was here before.
        var kept: String?
    }

    /// - Parameter move: renames a file; another one in tests.
    func restore(
        from file: String, now: Milliseconds, move: Move = HubFolder.moveFile
    ) throws -> Restored {
        guard FileManager.default.isReadableFile(atPath: file) else {
            _ = try Files.read(file)
            throw StoreError(.notAStore, file)
        }
        let isNew = try isWithoutKeyAndStore()
        if isNew { try DatabaseFolder.make(path) }
        let key = isNew ? nil : try self.key()
        let lock = try SessionLock(folder: path)
        defer { withExtendedLifetime(lock) {} }
        try settleRestore()
        let work = HubFolder(path: path + "/restoring", actor: actor)
        try? FileManager.default.removeItem(atPath: work.path)
        defer { try? FileManager.default.removeItem(atPath: work.path) }
        try DatabaseFolder.make(work.path)
        do {
            try FileManager.default.copyItem(atPath: file, toPath: work.path + "/store.sqlite")
        } catch {
            throw StoreError(.diskFull, "copying the backup")
        }
        guard let key else {
            _ = try SQLiteHubStore(readingFrom: work.path, means: try meansWithoutKey())
            try Files.write([], to: work.path + "/" + HubFolder.untold)
            return Restored(restoration: nil, kept: try takeOver(work, now: now, move))
        }
        try keepRevocationsOfReplaced(key)
        let restoration = try work.begin(
            with: key, keys: try keptKeys(), revoked: try revocations(), now: now)
        return Restored(restoration: restoration, kept: try takeOver(work, now: now, move))
    }

    /// A folder of which nothing is left: only the backup is at hand, and perhaps a recovery key.
    private func isWithoutKeyAndStore() throws -> Bool {
        let manager = FileManager.default
        guard manager.fileExists(atPath: path) else { return true }
        // What may have been saved of it.
        let known = ["hub.keys", "revocations.jsonl", "session.lock", "restoring", AuditEndFile.name]
        return try manager.contentsOfDirectory(atPath: path).allSatisfy { name in
            known.contains { $0 == name } || name.hasPrefix("hub.key.")
        }
    }

    /// Beside a store that was put back without hub.key: it has not been told.
    static let untold = "store.untold"

    /// Tells a store that was put back without hub.key, once there is one.
    func tellRestored(_ store: SQLiteHubStore) throws {
        let mark = path + "/" + HubFolder.untold
        guard FileManager.default.fileExists(atPath: mark) else { return }
        store.keepAuditEnd()
        _ = try store.restored(revoked: try revocations(), now: HubFolder.milliseconds())
        unlink(mark)
        try sync(path)
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

    // MARK: - One store in the place of another

    typealias Move = (_ from: String, _ to: String) throws -> Void

    static func moveFile(_ from: String, _ to: String) throws {
        guard Glibc.rename(from, to) == 0 else {
            throw StoreError(.inputOutput, "moving", file: from, systemError: errno)
        }
    }

    private static let parts = [
        "store.sqlite", "store.sqlite-wal", "store.sqlite-shm", AuditEndFile.name, untold,
    ]

    /// How far a restored store has come, as its folder's name begins. Once it has the first of these names
    /// it takes the place of the one here, whoever has to see to that.
    private enum Stage: String, CaseIterable {
        /// What was here goes away, to be kept.
        case takingAway = "restored-1-"
        /// The new one comes in; nothing of what was here is here any more.
        case puttingIn = "restored-2-"
    }

    /// Puts the store of `work` in the place of the one here, which is kept.
    private func takeOver(_ work: HubFolder, now: Milliseconds, _ move: Move) throws -> String? {
        for name in HubFolder.parts where FileManager.default.fileExists(atPath: work.path + "/" + name) {
            try sync(work.path + "/" + name)
        }
        try sync(work.path)
        try move(work.path, path + "/\(Stage.takingAway.rawValue)\(now)")
        try sync(path)
        return try settleRestore(move)
    }

    private func unfinishedRestore() throws -> (stage: Stage, number: String)? {
        // Whoever opens the store says better than this what a folder is that cannot be read.
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        for stage in Stage.allCases {
            if let name = names.first(where: { $0.hasPrefix(stage.rawValue) }) {
                return (stage, String(name.dropFirst(stage.rawValue.count)))
            }
        }
        return nil
    }

    /// Before anything is opened: the stores may lie in parts.
    ///
    /// - Throws: `StoreError(.inUse)` while the restore is under way.
    func settleUnfinishedRestore() throws {
        guard FileManager.default.fileExists(atPath: path), try unfinishedRestore() != nil else { return }
        let lock = try SessionLock(folder: path)
        defer { withExtendedLifetime(lock) {} }
        try settleRestore()
    }

    /// Brings a restore to its end that was cut off when the restored store was ready. A store never lies
    /// beside another one's log: what was here is away before anything new comes.
    ///
    /// Whoever calls it holds the folder's lock.
    ///
    /// - Returns: where the store lies that was here before.
    @discardableResult
    func settleRestore(_ move: Move = HubFolder.moveFile) throws -> String? {
        guard let (stage, number) = try unfinishedRestore() else { return nil }
        let manager = FileManager.default
        let kept = path + "/replaced-\(number)"
        let second = path + "/" + Stage.puttingIn.rawValue + number
        if stage == .takingAway {
            // Also what a restoring of another program has left: its log would be taken for the new store's.
            let there = HubFolder.parts.filter { manager.fileExists(atPath: path + "/" + $0) }
            if !there.isEmpty { try DatabaseFolder.make(kept) }
            for name in there.reversed() { try move(path + "/" + name, kept + "/" + name) }
            for folder in there.isEmpty ? [path] : [kept, path] { try sync(folder) }
            try move(path + "/" + Stage.takingAway.rawValue + number, second)
            try sync(path)
        }
        for name in HubFolder.parts.reversed() where manager.fileExists(atPath: second + "/" + name) {
            try move(second + "/" + name, path + "/" + name)
        }
        // What was moved must be in its new place before it is gone from the old one.
        for folder in [path, second] { try sync(folder) }
        try manager.removeItem(atPath: second)
        return manager.fileExists(atPath: kept) ? kept : nil
    }

    /// A folder, or a file.
    func sync(_ path: String) throws {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        defer { close(descriptor) }
        guard descriptor >= 0, fsync(descriptor) == 0 else {
            throw StoreError(.inputOutput, "syncing", file: path, systemError: errno)
        }
    }
}
