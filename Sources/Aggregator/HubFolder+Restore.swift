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
        let work = HubFolder(path: workPath, actor: actor)
        defer { try? FileManager.default.removeItem(atPath: work.path) }
        try DatabaseFolder.make(work.path)
        do {
            try FileManager.default.copyItem(atPath: file, toPath: work.path + "/store.sqlite")
        } catch let error as CocoaError where error.code == .fileWriteOutOfSpace {
            throw StoreError(.diskFull, "copying the backup")
        } catch {
            throw StoreError(.inputOutput, "copying the backup", file: file)
        }
        guard let key else {
            try work.naming(file) {
                _ = try SQLiteHubStore(readingFrom: work.path, means: try meansWithoutKey())
            }
            try Files.write([], to: work.path + "/" + HubFolder.untold)
            return Restored(restoration: nil, kept: try takeOver(work, now: now, move))
        }
        try keepRevocationsOfReplaced(key)
        let restoration = try work.naming(file) { try work.begin(with: key, in: self, now: now) }
        return Restored(restoration: restoration, kept: try takeOver(work, now: now, move))
    }

    /// What is wrong with the copy here is wrong with the file that it was made of.
    private func naming<Result>(_ file: String, _ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch var error as StoreError where error.file.hasPrefix(path + "/") && !error.isOfRoom {
            error.file = file
            throw error
        }
    }

    /// A folder of which nothing is left: only the backup is at hand, and perhaps a recovery key. Another
    /// backup may have been put there already.
    private func isWithoutKeyAndStore() throws -> Bool {
        let manager = FileManager.default
        guard manager.fileExists(atPath: path) else { return true }
        if !keyFile.isThere, manager.fileExists(atPath: path + "/" + HubFolder.untold) { return true }
        // What may have been saved of it.
        let known = [
            "hub.keys", "revocations.jsonl", RevocationEnd.name, "session.lock", "restoring",
            AuditEndFile.name,
        ]
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
        try settleUnread(in: store, isPutBack: true)
        unlink(mark)
        try sync(path)
    }

    private func begin(
        with key: DeviceKey, in hub: HubFolder, now: Milliseconds
    ) throws -> SQLiteHubStore.Restoration {
        let store = try SQLiteHubStore(folder: path, means: try means(key, keys: try hub.keptKeys()))
        guard try store.isOpenedWithOwnKey() else {
            throw Failure(
                .noInput,
                Words(
                    "this backup is of another hub than the hub.key here; nothing was changed",
                    zh: "此备份与本目录的 hub.key 不属于同一汇总端；未作任何改动"))
        }
        // The backup's log ends earlier than the one that is kept here, and is to: it begins anew there.
        store.keepAuditEnd()
        let unread = try hub.settleUnread(knownTo: store, isPutBack: true)
        let restoration = try store.restored(revoked: try hub.revocations(), now: now)
        try hub.note(unread, in: store)
        return restoration
    }

    /// What only the store knows that is to be replaced would be forgotten with it. One that cannot be read
    /// any more tells nothing.
    private func keepRevocationsOfReplaced(_ key: DeviceKey) throws {
        guard let replaced = try? SQLiteHubStore(readingFrom: path, means: try means(key)),
            let known = try? replaced.revocations()
        else { return }
        let kept = Set(try revocations().map(\.publicKey))
        for revocation in known where !kept.contains(revocation.publicKey) { try keep(revocation) }
        // Of a store that has forgotten nothing no line is needed that does not read.
        guard (try? replaced.isAuditEndLost()) == false, (try? replaced.areRevocationsDoubted()) == false
        else { return }
        _ = try settleUnread(knownTo: replaced, isPutBack: false)
        try settleRevocationsEnd()
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
        guard FileManager.default.fileExists(atPath: path) else { return }
        if try unfinishedRestore() == nil {
            // One that never came to replace anything, unless it is under way.
            guard FileManager.default.fileExists(atPath: workPath), let lock = try? SessionLock(folder: path)
            else { return }
            defer { withExtendedLifetime(lock) {} }
            return try FileManager.default.removeItem(atPath: workPath)
        }
        let lock = try SessionLock(folder: path)
        defer { withExtendedLifetime(lock) {} }
        try settleRestore()
    }

    /// Where a backup is made ready.
    private var workPath: String { path + "/restoring" }

    /// Brings a restore to its end that was cut off when the restored store was ready. A store never lies
    /// beside another one's log: what was here is away before anything new comes.
    ///
    /// Whoever calls it holds the folder's lock.
    ///
    /// - Returns: where the store lies that was here before.
    @discardableResult
    func settleRestore(_ move: Move = HubFolder.moveFile) throws -> String? {
        let manager = FileManager.default
        guard let (stage, number) = try unfinishedRestore() else {
            if manager.fileExists(atPath: workPath) { try manager.removeItem(atPath: workPath) }
            return nil
        }
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
