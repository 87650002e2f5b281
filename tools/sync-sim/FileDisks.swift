import FaultKit
import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncStore

/// A folder with a store on SQLite, on a disk that fails as it is told: the same store as in the programs.
final class FileDisk {
    let folder: String
    private let faults: FaultDisk

    init() throws {
        let shared = "/dev/shm"
        let parent =
            FileManager.default.isWritableFile(atPath: shared)
            ? shared : FileManager.default.temporaryDirectory.path
        folder = parent + "/sync-sim-\(UUID().uuidString)"
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        faults = FaultDisk(folder: folder)
    }

    deinit {
        faults.leave()
        try? FileManager.default.removeItem(atPath: folder)
    }

    func fill(after writes: Int) {
        let effect = writes % 2 == 0 ? Fault.Effect.noRoom : .short
        faults.arm(Fault(kind: .write, number: writes + 1, effect: effect, aftermath: .goesOn))
    }

    /// The next sync fails, and then the power goes: what is left of the write is left to chance.
    func failNextSync() { faults.arm(Fault(kind: .sync, number: 1, aftermath: .dies)) }

    func heal() { faults.arm(nil) }

    /// Nobody has the store open. Of what was not synced some is lost when the power went.
    func crash(using numbers: inout Numbers) throws {
        let isPowerGone = numbers.isOne(in: 2)
        guard isPowerGone || faults.isMet else { return }
        faults.die()
        try faults.powerCut(using: &numbers)
    }

    /// The files as they lie there; nobody has them open.
    func image() throws -> [String: Data] {
        var image: [String: Data] = [:]
        for name in try names() {
            image[name] = try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name))
        }
        return image
    }

    func become(_ image: [String: Data]) throws {
        for name in try names() { try FileManager.default.removeItem(atPath: folder + "/" + name) }
        for (name, data) in image {
            let isMade = FileManager.default.createFile(
                atPath: folder + "/" + name, contents: data, attributes: [.posixPermissions: 0o600])
            guard isMade else { throw StoreError(.inputOutput, "a simulated disk", file: name) }
        }
    }

    /// What belongs to the database: the shared memory is made anew, and so is the ballast.
    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder)
            .filter { $0.hasPrefix("store.sqlite") && !$0.hasSuffix("-shm") }.sorted()
    }
}

final class FileAgentDisk: AgentDisk {
    private let disk: FileDisk
    private let open: (String) throws -> SQLiteAgentStore
    private var opened: SQLiteAgentStore?

    init(means: AgentMeans) throws {
        disk = try FileDisk()
        open = { try SQLiteAgentStore(folder: $0, means: means) }
        opened = try open(disk.folder)
    }

    var store: any AgentStore {
        guard let opened else { preconditionFailure("the store is being opened") }
        return opened
    }

    func fill(after writes: Int) { disk.fill(after: writes) }
    func failNextSync(_ kind: FailingSync) { disk.failNextSync() }
    func heal() { disk.heal() }
    func write<Result>(_ body: (any AgentStore) throws -> Result) throws -> Result { try body(store) }

    func crash(using numbers: inout Numbers) throws {
        opened = nil
        try disk.crash(using: &numbers)
        opened = try open(disk.folder)
    }

    func image() throws -> AgentImage {
        opened = nil
        let files = try disk.image()
        opened = try open(disk.folder)
        return .files(files)
    }

    func become(_ image: AgentImage) throws {
        guard case .files(let files) = image else { return }
        opened = nil
        try disk.become(files)
        opened = try open(disk.folder)
    }
}

final class FileHubDisk: HubDisk {
    private let disk: FileDisk
    private let means: HubMeans
    private var opened: SQLiteHubStore?

    init(means: HubMeans) throws {
        self.means = means
        disk = try FileDisk()
        opened = try SQLiteHubStore.create(
            folder: disk.folder, name: "Centre", settings: Settings(), means: means)
    }

    private var sqlite: SQLiteHubStore {
        guard let opened else { preconditionFailure("the store is being opened") }
        return opened
    }

    var store: any HubStore { sqlite }
    func fill(after writes: Int) { disk.fill(after: writes) }
    func failNextSync(_ kind: FailingSync) { disk.failNextSync() }
    func heal() { disk.heal() }
    func write<Result>(_ body: (any HubStore) throws -> Result) throws -> Result { try body(store) }

    func crash(using numbers: inout Numbers) throws {
        opened = nil
        try disk.crash(using: &numbers)
        opened = try SQLiteHubStore(folder: disk.folder, means: means)
    }

    func image(now: Milliseconds) throws -> HubImage {
        let path = disk.folder + ".backup"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try sqlite.backUp(to: path, now: now)
        return .files(["store.sqlite": try Data(contentsOf: URL(fileURLWithPath: path))])
    }

    func become(_ image: HubImage, isTold: Bool, now: Milliseconds) throws {
        guard case .files(let files) = image else { return }
        opened = nil
        try disk.become(files)
        let store = try SQLiteHubStore(folder: disk.folder, means: means)
        if isTold { _ = try store.restored(revoked: [], now: now) }
        opened = store
    }

    func quarantined() throws -> Set<Dot> { Set(try sqlite.quarantined().map(\.dot)) }

    func held(_ origin: OriginID) throws -> UInt64 {
        try sqlite.journals().first { $0.origin == origin }?.held ?? 0
    }

    func arrivals() throws -> [MemoryHubStore.Arrival] {
        try sqlite.journals().flatMap { journal in
            var arrivals: [MemoryHubStore.Arrival] = []
            var next: UInt64 = 1
            func head(_ sequence: UInt64) throws -> Digest {
                guard let head = try sqlite.head(of: journal.origin, at: sequence) else {
                    throw StoreError(.corrupt, "no head at \(sequence)")
                }
                return head
            }
            while next <= journal.held {
                guard let batch = try sqlite.segment(of: journal.origin, holding: next) else {
                    // In a hole.
                    next += 1
                    continue
                }
                arrivals.append(
                    MemoryHubStore.Arrival(
                        batch: batch, before: try head(batch.first - 1), after: try head(batch.last),
                        lane: journal.lane, device: journal.device))
                next = batch.last + 1
            }
            return arrivals
        }
    }
}
