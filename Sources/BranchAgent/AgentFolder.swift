import Console
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore
import SyncTransport

/// A branch's data folder: the store, the device's key beside it, the lock of the session that runs on it.
struct AgentFolder {
    let path: String

    private var keyFile: KeyFile { KeyFile("device.key", in: path) }

    static func milliseconds() -> Milliseconds { Milliseconds(Date().timeIntervalSince1970 * 1_000) }

    /// Loads the device's key, or makes it the first time. A join whose answer was lost goes on with the same
    /// key.
    func keyForJoining() throws -> DeviceKey {
        try DatabaseFolder.make(path)
        try keyFile.refuseStoreWithoutKey()
        return keyFile.isThere
            ? try DeviceKey.load(from: keyFile.path) : try DeviceKey.create(at: keyFile.path)
    }

    /// Leaves nothing behind in a hub's folder.
    func refuseForeignStore() throws {
        try Files.requireEntry(path)
        guard FileManager.default.fileExists(atPath: path + "/hub.key") else { return }
        throw Failure(
            .usage,
            Words(
                "\(path) is a hub's folder; a branch needs one of its own, name it with --data",
                zh: "\(path) 是汇总端的目录；支部须另用目录，请用 --data 指定"))
    }

    func key() throws -> DeviceKey {
        try refuseForeignStore()
        try keyFile.refuseStoreWithoutKey()
        guard keyFile.isThere else { throw StoreError(.notAStore, path) }
        return try DeviceKey.load(from: keyFile.path)
    }

    func create(_ key: DeviceKey) throws -> SQLiteAgentStore {
        try withOwn(key, SQLiteAgentStore(folder: path, mode: .openOrCreate, means: means(key)))
    }

    /// Opens a store whose device has joined.
    func open() throws -> (store: SQLiteAgentStore, configuration: AgentConfiguration) {
        let key = try key()
        let store = try withOwn(key, SQLiteAgentStore(folder: path, mode: .open, means: means(key)))
        guard let configuration = try store.configuration() else {
            throw StoreError(.notJoined, path)
        }
        return (store, configuration)
    }

    /// What another key seals no hub would ever take, so nothing may be written under it.
    private func withOwn(_ key: DeviceKey, _ store: SQLiteAgentStore) throws -> SQLiteAgentStore {
        let isOwn = try store.origins().allSatisfy {
            $0.derivation == $0.claim.derivation(publicKey: key.publicKey, hashing: .sha256)
        }
        guard !isOwn else { return store }
        throw Failure(
            .noInput,
            Words(
                "the device.key in \(path) is not the one that this store was made with. Put the right key "
                    + "back from a backup; nothing was changed here",
                zh: "\(path) 中的 device.key 不是创建该数据时的密钥。请从备份恢复正确的密钥；此处未作任何改动"))
    }

    private func means(_ key: DeviceKey) -> AgentMeans {
        AgentMeans(hashing: .sha256, signing: Signing(key), verifying: .p256, random: Token16.random)
    }
}

/// What the branch's store and settings give to whoever writes records.
struct AgentContext {
    let folder: AgentFolder
    let store: SQLiteAgentStore
    let configuration: AgentConfiguration
    let settings: Settings
    let forms: CompiledCatalog

    init(_ folder: AgentFolder) throws {
        self.folder = folder
        (store, configuration) = try folder.open()
        settings =
            configuration.settings.isEmpty
            ? Settings() : try JSONDecoder().decode(Settings.self, from: Data(configuration.settings))
        guard let zone = LocalZone(identifier: settings.timeZone) else {
            throw Failure(
                .noInput,
                Words(
                    "this machine does not know the time zone \(settings.timeZone); install the package "
                        + "tzdata",
                    zh: "本机不认识时区 \(settings.timeZone)；请安装 tzdata"))
        }
        let catalog = try AgentContext.catalog(of: store)
        RecordText.read(by: catalog)
        // The hub has compiled both before it gave them out.
        forms = CompiledCatalog(unchecked: catalog, settings: settings, zone: zone)
    }

    /// The built-in forms and what the centre published. What is no revision of the form that it names is
    /// left out, and said.
    static func catalog(of store: any AgentStore) throws -> FormCatalog {
        var catalog = FormCatalog.builtIn
        for json in try store.forms() {
            do {
                catalog = try catalog.adding(try FormCatalog.decode(json))
            } catch let error as FormDefinitionError {
                Output.remark(Program.failure(for: error).message)
            } catch is DecodingError {
                Output.remark(
                    Words(
                        "a form that the centre published does not read; update this program",
                        zh: "中心发布的一份表单无法读取；请升级本程序"))
            }
        }
        return catalog
    }

    /// The program has written and is about to end: nobody is kept waiting while its store is tidied up.
    func leaveOpen() { store.leaveOpen() }

    /// A form that a branch writes.
    func form(_ name: String) throws -> CompiledForm {
        guard let form = try forms.form(name) else { throw SheetError(.unknownForm, subject: name) }
        guard form.definition.isWritable(by: .branch) else {
            throw Failure(
                .usage,
                Words(
                    "\(name) is written by the centre only; ask them to change it",
                    zh: "\(name) 只能由中心填写；请联系中心修改"))
        }
        return form
    }

    /// Whether the hub said, when it was last asked, that this device is let in no more.
    func isRevoked() throws -> Bool {
        try store.contact().lastFailure == "\(RefusalCode.revokedDevice.rawValue)"
    }

    /// The clock, and whether it lies where the last contact with the hub allows.
    func clock() throws -> AuthoringClock {
        AuthoringClock(now: AgentFolder.milliseconds(), lastHubTime: try store.contact().lastHubTime)
    }
}
