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

    private var keyPath: String { path + "/hub.key" }

    static func milliseconds() -> Milliseconds { Milliseconds(Date().timeIntervalSince1970 * 1_000) }

    /// Makes folder, key and store; refuses a folder that has a store already.
    func create(name: String, settings: Settings) throws {
        guard TimeZone(identifier: settings.timeZone) != nil else {
            throw Failure(
                .usage, Words("unknown time zone \(settings.timeZone)", zh: "未知的时区 \(settings.timeZone)"))
        }
        try Files.makePrivateFolder(path)
        let key =
            try FileManager.default.fileExists(atPath: keyPath)
            ? DeviceKey.load(from: keyPath) : DeviceKey.create(at: keyPath)
        _ = try SQLiteHubStore.create(folder: path, name: name, settings: settings, means: means(key))
    }

    func key() throws -> DeviceKey {
        guard FileManager.default.fileExists(atPath: keyPath) else { throw StoreError(.notAStore, path) }
        return try DeviceKey.load(from: keyPath)
    }

    func open() throws -> SQLiteHubStore {
        try SQLiteHubStore(folder: path, means: means(try key()))
    }

    private func means(_ key: DeviceKey) -> HubMeans {
        HubMeans(
            hashing: .sha256, verifying: .p256, signing: Signing(key),
            zone: { LocalZone(identifier: $0) }, random: Token16.random)
    }
}
