import Foundation
import SyncCore
import SyncStore

/// How a disk fails that cannot say whether something is on it.
enum FailingSync: Hashable {
    /// The write is there all the same.
    case written
    case lost
}

/// A branch's disk with its store.
protocol AgentDisk: AnyObject {
    var store: any AgentStore { get }
    /// The disk is full once so many more writes are done; whatever fails, there is room again afterwards.
    func fill(after writes: Int)
    func failNextSync(_ kind: FailingSync)
    /// No more faults.
    func heal()
    /// Works on the store; what was armed happens.
    func write<Result>(_ body: (any AgentStore) throws -> Result) throws -> Result
    /// The program is gone, or the power: what was not synced may be lost. The store is opened anew.
    func crash(using numbers: inout Numbers) throws
    /// What is on the disk, which no program uses just now.
    func image() throws -> AgentImage
    func become(_ image: AgentImage) throws
}

/// What is on a branch's disk at some moment.
enum AgentImage {
    case memory(MemoryAgentStore.Snapshot)
    case files([String: Data])
}

/// The hub's disk with its store.
protocol HubDisk: AnyObject {
    var store: any HubStore { get }
    func fill(after writes: Int)
    func failNextSync(_ kind: FailingSync)
    func heal()
    func write<Result>(_ body: (any HubStore) throws -> Result) throws -> Result
    func crash(using numbers: inout Numbers) throws
    /// What is kept whole and does not count.
    func quarantined() throws -> Set<Dot>
    /// How much of an origin's journal is durable.
    func held(_ origin: OriginID) throws -> UInt64
    /// Every batch that came; those of an origin in their order.
    func arrivals() throws -> [MemoryHubStore.Arrival]
    /// Backs up the store, which knows from then on how far it is backed up.
    func image(now: Milliseconds) throws -> HubImage
    /// Puts that back; told so, the store begins another epoch.
    func become(_ image: HubImage, isTold: Bool, now: Milliseconds) throws
}

/// A backup of the hub's store.
enum HubImage {
    case memory(MemoryHubStore.Snapshot)
    case files([String: Data])
}

final class MemoryAgentDisk: AgentDisk {
    let memory: MemoryAgentStore
    private var failing: FailingSync?

    init(_ memory: MemoryAgentStore) { self.memory = memory }

    var store: any AgentStore { memory }
    func fill(after writes: Int) { memory.rowsUntilFull = writes }
    func failNextSync(_ kind: FailingSync) { failing = kind }

    func heal() {
        failing = nil
        memory.rowsUntilFull = nil
    }

    func write<Result>(_ body: (any AgentStore) throws -> Result) throws -> Result {
        guard let kind = failing else { return try body(memory) }
        failing = nil
        if kind == .written { _ = try body(memory) }
        throw StoreError(.syncFailed, "simulated")
    }

    /// Each transaction is there whole or not at all.
    func crash(using numbers: inout Numbers) {}
    func image() -> AgentImage { .memory(memory.snapshot) }

    func become(_ image: AgentImage) {
        if case .memory(let snapshot) = image { memory.restore(snapshot) }
    }
}

final class MemoryHubDisk: HubDisk {
    let memory: MemoryHubStore
    private var failing: FailingSync?
    private var isFull = false

    init(_ memory: MemoryHubStore) { self.memory = memory }

    var store: any HubStore { memory }
    func fill(after writes: Int) { isFull = true }
    func failNextSync(_ kind: FailingSync) { failing = kind }

    func heal() {
        failing = nil
        isFull = false
    }

    func write<Result>(_ body: (any HubStore) throws -> Result) throws -> Result {
        if isFull {
            isFull = false
            throw StoreError(.diskFull, "simulated")
        }
        guard let kind = failing else { return try body(memory) }
        failing = nil
        if kind == .written { _ = try body(memory) }
        throw StoreError(.syncFailed, "simulated")
    }

    func crash(using numbers: inout Numbers) { memory.serveAnew() }
    func image(now: Milliseconds) throws -> HubImage {
        let image = HubImage.memory(memory.snapshot)
        try write { _ in memory.noteBackup() }
        return image
    }

    func become(_ image: HubImage, isTold: Bool, now: Milliseconds) throws {
        guard case .memory(let snapshot) = image else { return }
        memory.restore(snapshot)
        memory.serveAnew()
        if isTold { memory.restored() }
    }

    func quarantined() -> Set<Dot> { memory.quarantined }
    func held(_ origin: OriginID) -> UInt64 { memory.held(origin) }
    func arrivals() -> [MemoryHubStore.Arrival] { memory.arrivals }
}
