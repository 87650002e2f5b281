import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// A hub's data folder: the store, the key beside it, the lock of the server that runs on it.
struct HubFolder {
    let path: String
    /// Who works with it, for the audit log; empty for a hub that serves, and for who only reads.
    var actor = ""

    var keyFile: KeyFile { KeyFile("hub.key", in: path) }

    static func milliseconds() -> Milliseconds { Milliseconds(Date().timeIntervalSince1970 * 1_000) }

    /// Makes folder, key and store; refuses a folder that has a store already.
    func create(name: String, settings: Settings) throws {
        guard TimeZone(identifier: settings.timeZone) != nil else {
            throw Failure(
                .usage,
                Words(
                    "unknown time zone \(settings.timeZone); write an IANA name such as Asia/Shanghai (the "
                        + "package tzdata has them)",
                    zh: "未知的时区 \(settings.timeZone)；请写 IANA 名称，例如 Asia/Shanghai（由 tzdata 软件包提供）"))
        }
        try Files.requireEntry(path)
        try DatabaseFolder.make(path)
        try keyFile.refuseStoreWithoutKey()
        let key =
            try keyFile.isThere ? DeviceKey.load(from: keyFile.path) : DeviceKey.create(at: keyFile.path)
        // Of a store that is gone.
        if !FileManager.default.fileExists(atPath: path + "/store.sqlite") { AuditEndFile(in: path).remove() }
        let store = try SQLiteHubStore.create(
            folder: path, name: name, settings: settings, means: try means(key))
        try store.record(act: "initialized", detail: name, now: HubFolder.milliseconds())
    }

    func key() throws -> DeviceKey {
        try Files.requireEntry(path)
        guard !FileManager.default.fileExists(atPath: path + "/device.key") else {
            throw Failure(
                .noInput,
                Words(
                    "\(path) is a branch's folder; name the hub's with --data",
                    zh: "\(path) 是支部的目录；请用 --data 指定汇总端的目录"))
        }
        try settleUnfinishedRestore()
        try settleKeysIfIdle()
        try keyFile.refuseStoreWithoutKey()
        guard keyFile.isThere else { throw StoreError(.notAStore, path) }
        return try DeviceKey.load(from: keyFile.path)
    }

    func open() throws -> SQLiteHubStore {
        let store = try SQLiteHubStore(folder: path, means: try means(try key()))
        guard try store.isOpenedWithOwnKey() else {
            throw Failure(
                .noInput,
                Words(
                    "the hub.key in \(path) is not this store's present one. Put the right key, and hub.keys "
                        + "where there is one, back from a backup: branches believe no other. Nothing was "
                        + "changed here",
                    zh: "\(path) 中的 hub.key 不是该数据现用的密钥。请从备份恢复正确的 hub.key（若有 hub.keys 也一并恢复）："
                        + "各支部只认此密钥。此处未作任何改动"))
        }
        try tellRestored(store)
        try settleUnread(in: store, isPutBack: false)
        try noteKeys(of: store)
        RecordText.read(by: try store.forms())
        return store
    }

    /// A second look at a store that is open already; it cannot write.
    func openForReading() throws -> SQLiteHubStore {
        try SQLiteHubStore(readingFrom: path, means: try means(try key()))
    }

    /// For who only looks whether there is a store at all.
    func meansWithoutKey() throws -> HubMeans {
        HubMeans(
            hashing: .sha256, verifying: .p256,
            signing: Signing(publicKey: []) { [keyFile] _ in throw KeyError(.missing, keyFile.path) },
            zone: { LocalZone(identifier: $0) }, random: Token16.random)
    }

    /// - Parameter keys: those of another folder than this one.
    func means(_ key: DeviceKey, keys: HubKeyring? = nil) throws -> HubMeans {
        HubMeans(
            hashing: .sha256, verifying: .p256, signing: Signing(key),
            zone: { LocalZone(identifier: $0) }, random: Token16.random, actor: actor,
            auditEnd: AuditEndFile(in: path).keeper, keys: try keys ?? keptKeys())
    }
}
