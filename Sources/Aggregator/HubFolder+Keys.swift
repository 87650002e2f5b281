import Console
import Foundation
import Glibc
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// The hub's keys: `hub.key` is the present one, `hub.keys` says by which others it came to be believed, and
/// `hub.key.1` and so on are former ones, with which files are opened that branches closed before they knew.
extension HubFolder {
    private var keysPath: String { path + "/hub.keys" }
    private var nextPath: String { path + "/hub.key.next" }

    /// Nil for a hub that never changed its key.
    func keptKeys() throws -> HubKeyring? {
        guard FileManager.default.fileExists(atPath: keysPath) else { return nil }
        guard let keys = HubKeyring(encoded: try Files.read(keysPath)), keys.holds(.sha256, .p256) else {
            throw Failure(
                .noInput,
                Words(
                    "\(keysPath) is damaged; put it back from where hub.key is kept. Nothing was changed "
                        + "here",
                    zh: "\(keysPath) 已损坏；请从 hub.key 的备份处一并恢复。此处未作任何改动"))
        }
        return keys
    }

    /// The newest first.
    func formerKeys() throws -> [DeviceKey] {
        try formerPaths().reversed().map { try DeviceKey.load(from: $0) }
    }

    private func formerPaths() -> [String] {
        (1...Limits.hubKeys).map { "\(keyFile.path).\($0)" }
            .filter { FileManager.default.fileExists(atPath: $0) }
    }

    // MARK: - Changing

    /// Makes a new key, which the present one blesses, or the recovery key where that is given.
    ///
    /// - Parameter recovery: where the recovery key lies; nil for the hub's own.
    func rotate(recovery: String?) throws -> HubKeyring {
        let lock = try SessionLock(folder: path)
        defer { withExtendedLifetime(lock) {} }
        try settleRestore()
        try settleKeys()
        // The store knows which key is the present one; without one there is nothing to ask it with.
        let signer = try recovery.map { try recoveryKey(at: $0) } ?? presentKey()
        var keys = try knownKeys(signer)
        unlink(nextPath)
        let next = try DeviceKey.create(at: nextPath)
        do {
            try bless(.key, next, with: signer, &keys)
        } catch {
            unlink(nextPath)
            throw error
        }
        try keep(keys)
        try settleKeys()
        try noteOwnChange()
        return keys
    }

    /// Makes the key that can bless a new one when the hub's own is lost.
    func makeRecovery(at file: String) throws -> HubKeyring {
        let lock = try SessionLock(folder: path)
        defer { withExtendedLifetime(lock) {} }
        try settleRestore()
        try settleKeys()
        func folder(_ path: String) -> String { URL(filePath: path).resolvingSymlinksInPath().path }
        guard folder(URL(filePath: file).deletingLastPathComponent().path) != folder(path) else {
            throw Failure(
                .usage,
                Words(
                    "the recovery key does not belong beside hub.key, with which it would be lost: name a "
                        + "place away from \(path); nothing was changed",
                    zh: "恢复密钥不能与 hub.key 放在一起（会一同遗失）：请指定 \(path) 之外的位置；未作任何改动"))
        }
        let own = try presentKey()
        var keys = try knownKeys(own)
        let recovery = try recoveryKey(at: file, isNew: true)
        do {
            try bless(.recovery, recovery, with: own, &keys)
            try keep(keys)
        } catch {
            unlink(file)
            throw error
        }
        try noteOwnChange()
        return keys
    }

    private func recoveryKey(at file: String, isNew: Bool = false) throws -> DeviceKey {
        do {
            return try isNew ? DeviceKey.create(at: file) : DeviceKey.load(from: file)
        } catch let error {
            if case .system(let number) = error.reason, [ENOSPC, EDQUOT].contains(number) { throw error }
            let name = Output.printable(file)
            throw Failure(
                .noInput,
                isNew
                    ? Words(
                        "the recovery key could not be written to \(name): something stands there "
                            + "already, or the place cannot be written; nothing was changed",
                        zh: "无法把恢复密钥写入 \(name)：该处已有文件，或无法写入；未作任何改动")
                    : Words(
                        "\(name) holds no recovery key that can be read: it is missing, damaged, or "
                            + "others may read it (`chmod 600`); nothing was changed",
                        zh: "无法从 \(name) 读取恢复密钥：文件不存在、已损坏，或他人可读（请运行 chmod 600）；未作任何改动"))
        }
    }

    /// Where the file is lost, the store knows.
    private func knownKeys(_ own: DeviceKey) throws -> HubKeyring {
        if let kept = try keptKeys() { return kept }
        return try SQLiteHubStore(readingFrom: path, means: try means(own)).keys
    }

    private func bless(
        _ kind: HubKeyring.Entry.Kind, _ key: DeviceKey, with signer: DeviceKey, _ keys: inout HubKeyring
    ) throws {
        do {
            try keys.bless(
                kind, key.publicKey, at: HubFolder.milliseconds(), with: Signing(signer), hashing: .sha256)
        } catch HubKeyringDefect.tooMany {
            let count = keys.entries.count
            throw Failure(
                .usage,
                count < Limits.hubKeys
                    ? Words(
                        "this hub has changed its keys \(count) times; of the \(Limits.hubKeys) changes that "
                            + "branches believe the last ones are kept for the day when hub.key is lost. "
                            + "They "
                            + "are made with `--recovery`; `aggregator key recovery FILE` makes that key",
                        zh: "本汇总端已更换密钥 \(count) 次；各支部最多认可 \(Limits.hubKeys) 次，"
                            + "最后几次留待 hub.key 丢失时使用，须用 --recovery 更换；"
                            + "恢复密钥可用 aggregator key recovery FILE 生成")
                    : Words(
                        "this hub has changed its keys \(Limits.hubKeys) times, and no branch would believe "
                            + "one more; make a new hub",
                        zh: "本汇总端已更换密钥 \(Limits.hubKeys) 次，各支部不会再认可更多；请新建汇总端"))
        } catch HubKeyringDefect.unblessed {
            throw Failure(
                .noInput,
                Words(
                    "this is not the recovery key of this hub's store, nor its present key; nothing was "
                        + "changed. A store from a backup that was made before `key recovery` does not know "
                        + "the recovery key: take a later backup",
                    zh: "此处的数据不认识该密钥：既非恢复密钥，也非现用密钥；未作任何改动。"
                        + "若数据来自 key recovery 之前的备份，则不认识该恢复密钥：请改用之后的备份"))
        }
    }

    private func presentKey() throws -> DeviceKey {
        _ = try open()
        return try key()
    }

    /// Writes down what was changed and is not in the audit log: the program that changed it was killed, or
    /// there was no room.
    func noteKeys(of store: SQLiteHubStore) throws {
        guard !store.keys.entries.isEmpty else { return }
        do {
            try writeDown(store)
        } catch let error as StoreError where error.isOfRoom || error.code == .inUse {
            // Whoever comes next tries again.
        }
    }

    private func writeDown(_ store: SQLiteHubStore) throws {
        for entry in store.keys.entries {
            let print = Hashing.sha256(entry.key).short
            let event = entry.kind == .key ? "key_rotated" : "recovery_key"
            if try store.hasRecorded(act: event, beginningWith: print) { continue }
            let how = entry.isByRecovery ? "the recovery key" : "the key before"
            try store.record(
                act: event, detail: "\(print), blessed by \(how)", now: HubFolder.milliseconds())
        }
    }

    /// What has been done stays done, also when there is no room to write it down.
    private func noteOwnChange() throws {
        do {
            try writeDown(try open())
        } catch let error as StoreError where error.isOfRoom {
            throw Failure(
                .diskFull,
                Words(
                    "the keys have changed, and keep what was made; only the audit log has no entry of it, "
                        + "since the disk is full. Do not run it again: make room, and start `serve`",
                    zh: "密钥已更换，请保留已生成的文件；只因磁盘已满，审计日志未能记录。请勿再次运行：清出空间后启动 serve"))
        }
    }

    /// Unless a change of keys is under way.
    func settleKeysIfIdle() throws {
        guard FileManager.default.fileExists(atPath: nextPath), let lock = try? SessionLock(folder: path)
        else { return }
        try settleKeys()
        withExtendedLifetime(lock) {}
    }

    /// Brings a change of keys to its end that was cut off, or undoes it: what `hub.keys` says is the truth.
    ///
    /// Whoever calls it holds the folder's lock.
    func settleKeys() throws {
        guard FileManager.default.fileExists(atPath: nextPath) else { return }
        let next = try DeviceKey.load(from: nextPath)
        guard try keptKeys()?.current == next.publicKey else {
            unlink(nextPath)
            return
        }
        if keyFile.isThere {
            let number = formerPaths().count + 1
            try move(keyFile.path, to: "\(keyFile.path).\(number)")
        }
        try move(nextPath, to: keyFile.path)
        try sync(path)
    }

    private func move(_ from: String, to: String) throws {
        guard rename(from, to) == 0 else {
            throw StoreError(.inputOutput, "moving", file: from, systemError: errno)
        }
    }

    private func unwritten(_ file: String, _ number: Int32) -> StoreError {
        StoreError(
            [ENOSPC, EDQUOT].contains(number) ? .diskFull : .inputOutput, "writing", file: file,
            systemError: number)
    }

    private func keep(_ keys: HubKeyring) throws {
        let draft = keysPath + ".new"
        unlink(draft)
        let file = Glibc.open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw unwritten(draft, errno)
        }
        let bytes = keys.encoded
        let count = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
        let isKept = count == bytes.count && fsync(file) == 0
        let number = errno
        close(file)
        guard isKept else {
            unlink(draft)
            throw unwritten(draft, count >= 0 && count < bytes.count ? ENOSPC : number)
        }
        try move(draft, to: keysPath)
        try sync(path)
    }
}
