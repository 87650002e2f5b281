import Forms
import Foundation
import SQLiteStore
import SyncCore
import SyncWire
import Testing

@testable import SyncStore

/// A branch's machine: its key and its disk, both of which can be copied.
final class Branch {
    let kind: HubKind
    let number: UInt8
    let folder = HubFolder()
    private(set) var store: any AgentStore
    /// Refusals with which its sessions ended, oldest first.
    private(set) var endings: [RefusalCode] = []
    private var seed: UInt64

    private static func means(_ number: UInt8, seed: UInt64) -> AgentMeans {
        var random = HubRandom(state: seed)
        return AgentMeans(
            hashing: HubFake.hashing, signing: HubFake.signing(key(number)), verifying: HubFake.verifying,
            random: { Token16(using: &random) })
    }

    static func key(_ number: UInt8) -> [UInt8] { [4, number] + [UInt8](repeating: number, count: 63) }

    /// Joined, as a device of `unit`.
    init(_ kind: HubKind, _ number: UInt8, unit: String, at world: IdentityWorld) throws {
        self.kind = kind
        self.number = number
        seed = UInt64(number) * 7_001
        let means = Branch.means(number, seed: seed)
        switch kind {
        case .memory: store = MemoryAgentStore(means: means)
        case .sqlite: store = try SQLiteAgentStore(folder: folder.path, mode: .create, means: means)
        }
        let hubKey = HubFake.means(seed: 1).signing.publicKey
        let secret = Token16(high: 42, low: UInt64(number))
        try world.hub.invite(
            Invitation(
                secretHash: HubFake.hashing(secret.bytes), unit: unit, isTrusted: true,
                expires: world.now + 1_000), now: world.now)
        _ = try world.hub.join(
            Join(secret: secret, replica: secret, label: "Device \(number)", clock: world.now),
            publicKey: Branch.key(number), now: world.now
        ).get()
        try store.configure(
            AgentConfiguration(
                replica: secret, address: "hub.example:7710", hub: HubFake.hashing(hubKey),
                hubPublicKey: hubKey, unit: unit, unitName: unit, hubName: "Hub", settings: []))
    }

    /// The same disk in another machine, or a backup of it.
    init(copyOf other: Branch, seed: UInt64) throws {
        kind = other.kind
        number = other.number
        self.seed = seed
        let means = Branch.means(number, seed: seed)
        if let memory = other.store as? MemoryAgentStore {
            let copy = MemoryAgentStore(means: means)
            copy.restore(memory.snapshot)
            store = copy
        } else {
            try FileManager.default.copyItem(atPath: other.folder.path, toPath: folder.path)
            store = try SQLiteAgentStore(folder: folder.path, mode: .open, means: means)
        }
    }

    @discardableResult
    func write(_ drafts: Draft..., at world: IdentityWorld) throws -> [Dot] {
        try store.write(clock: AuthoringClock(now: world.now, isTrusted: true)) { transaction in
            try drafts.map { try transaction.author($0) }
        }
    }

    /// A version that has been shown what stands here of the record.
    func edit(_ draft: Draft, at world: IdentityWorld) throws {
        var draft = draft
        draft.context = try store.record(draft.key)?.seen ?? .empty
        try write(draft, at: world)
    }

    /// A session whose link breaks when the first batch of `lane` is on its way.
    func sync(_ world: IdentityWorld, cutBefore lane: Lane) throws {
        var line = Line(self, world, cutBefore: lane)
        if let ending = try line.run() { endings.append(ending.code) }
        #expect(!line.isDrained)
    }

    /// One session after the other until both sides are drained.
    func sync(_ world: IdentityWorld) throws {
        for _ in 0..<6 {
            var line = Line(self, world)
            let ending = try line.run()
            if line.isDrained { return }
            endings.append(try #require(ending).code)
        }
        Issue.record("no end of sessions: \(endings)")
    }

    /// One session of a revoked device, which the hub ends.
    ///
    /// - Parameter losingWelcome: nothing of what the hub says gets through from its Welcome on.
    func handOver(_ world: IdentityWorld, losingWelcome: Bool = false) throws -> RefusalCode? {
        var line = Line(self, world)
        line.losesWelcome = losingWelcome
        return try line.run()?.code
    }

    var queued: UInt64 {
        get throws { try Lane.allCases.reduce(0) { $0 + (try store.status(of: $1).queued) } }
    }
}

/// A hub that can be put back, and the branches' way to it.
final class IdentityWorld {
    let kind: HubKind
    private let forms: FormCatalog
    private(set) var world: HubWorld
    private(set) var hub: any HubStore
    private var folders: [HubFolder] = []
    var now: Milliseconds
    var random = HubRandom(state: 11)

    init(_ kind: HubKind, forms: FormCatalog = .builtIn) throws {
        self.kind = kind
        self.forms = forms
        world = try HubWorld(kind, seed: 1, forms: forms)
        hub = world.store
        now = world.now
    }

    /// The hub's disk as it is now, for ``putBack(_:)``.
    func image() throws -> (any HubStore, HubFolder?) {
        if let memory = hub as? MemoryHubStore {
            return (try copy(memory, seed: 50), nil)
        }
        let folder = HubFolder()
        let from = folders.last?.path ?? world.folder.path
        try FileManager.default.copyItem(atPath: from, toPath: folder.path)
        return (try SQLiteHubStore(folder: folder.path, means: HubFake.means(seed: 60, forms: forms)), folder)
    }

    private func copy(_ store: MemoryHubStore, seed: UInt64) throws -> MemoryHubStore {
        let copy = try MemoryHubStore(
            name: "Hub", settings: Settings(), means: HubFake.means(seed: seed, forms: forms))
        copy.restore(store.snapshot)
        return copy
    }

    /// The hub goes on from an image, which may be taken again.
    func putBack(_ image: (any HubStore, HubFolder?), seed: UInt64) throws {
        if let memory = image.0 as? MemoryHubStore {
            hub = try copy(memory, seed: seed)
        } else if let from = image.1 {
            let folder = HubFolder()
            try FileManager.default.copyItem(atPath: from.path, toPath: folder.path)
            folders.append(folder)
            hub = try SQLiteHubStore(
                folder: folder.path, means: HubFake.means(seed: seed, forms: forms))
        }
    }

    /// Tells the hub that it was restored: another epoch begins.
    func tellRestored() throws {
        if let memory = hub as? MemoryHubStore { return memory.restored() }
        _ = try (hub as? SQLiteHubStore)?.restored(revoked: [], now: now)
    }

    func revoke(_ branch: Branch) throws {
        let device = try #require(try hub.devices().first { $0.label == "Device \(branch.number)" })
        _ = try hub.revoke(device.id, reason: "lost", now: now)
    }

    func backUp() throws {
        if let memory = hub as? MemoryHubStore { return memory.noteBackup() }
        let folder = HubFolder()
        folders.append(folder)
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: true)
        try (hub as? SQLiteHubStore)?.backUp(to: folder.path + "/backup", now: now)
    }

    func value(_ person: String, _ field: FieldID = 14) throws -> Value? {
        try hub.effective(HubWorld.key(person))?[field]
    }

    /// How often a check-in of `person` was taken under some name.
    func versions(_ person: String) throws -> [Version] { try hub.versions(of: HubWorld.key(person)) }
}

/// Both session machines over real stores; what one sends the other has at once.
struct Line {
    private let branch: Branch
    private let world: IdentityWorld
    private let cut: Lane?
    /// Nothing gets through any more; what had gone before still does what it does.
    private var isCut = false
    /// The hub's Welcome does not get through, nor does what it says behind it.
    var losesWelcome = false
    private var isDeaf = false
    private var agent = AgentSession(goal: .drain)
    private var hub = HubSession()
    private var agentEvents: [AgentSession.Event] = []
    private var hubEvents: [HubSession.Event] = [.opened]
    private var session: SessionRef?
    private var clock: UInt64 = 1_000
    private(set) var isDrained = false
    private var ending: Refuse??

    init(_ branch: Branch, _ world: IdentityWorld, cutBefore cut: Lane? = nil) {
        self.branch = branch
        self.world = world
        self.cut = cut
    }

    mutating func run() throws -> Refuse? {
        world.now += 1_000
        let origins = try branch.store.laneOrigins()
        let hello = try branch.store.hello(now: world.now, program: "test")
        agentEvents = [.opened(hello: hello, origins: origins)]
        for _ in 0..<20_000 {
            clock += 1
            if !agentEvents.isEmpty {
                try carryOut(agent.handle(agentEvents.removeFirst(), now: clock))
            } else if !hubEvents.isEmpty {
                try carryOut(hub.handle(hubEvents.removeFirst(), now: clock))
            } else if isCut || isDeaf {
                return nil
            } else {
                break
            }
            if let ending { return ending }
        }
        Issue.record("a session without an end")
        return nil
    }

    private mutating func carryOut(_ actions: [AgentSession.Action]) throws {
        let store = branch.store
        for action in actions {
            do {
                switch action {
                case .send(let message, _):
                    var lane: Lane?
                    if case .batch(let batch) = message { lane = agent.lane(of: batch.origin) ?? .routine }
                    if let lane, lane == cut { isCut = true }
                    if isCut { return }
                    hubEvents.append(.received(message, wireBytes: 100))
                    if let lane {
                        agentEvents.append(.batchWritten(lane, bytes: 100))
                    }
                case .load(let lane, let origin, let after, let versions, let bytes):
                    agentEvents.append(
                        .loaded(
                            lane,
                            try store.batch(
                                of: origin, after: after, maximumVersions: versions, maximumBytes: bytes)))
                case .storeWelcome(let welcome):
                    let partings = try store.partings(welcome)
                    if !partings.isEmpty {
                        agentEvents.append(.parted(partings))
                        continue
                    }
                    agentEvents.append(.welcomeStored(try store.accept(welcome, now: world.now)))
                case .loadHeads(let origin, let places):
                    agentEvents.append(.headsLoaded(try store.heads(of: origin, at: places)))
                case .heal(let points, let welcome):
                    try store.heal(points, after: welcome, now: world.now)
                    agentEvents.append(.healed)
                case .storeReceipts(let receipts), .storeEarlyReceipts(let receipts):
                    try store.accept(receipts, now: world.now)
                    agentEvents.append(.receiptsStored(receipts))
                case .storeFeed(let feed):
                    try store.apply(feed, now: world.now)
                    agentEvents.append(.feedStored(feed.token))
                case .storeHole(let hole): try store.note(hole, now: world.now)
                case .storeMark(let mark):
                    let news = try store.note(mark, now: world.now)
                    agentEvents.append(.markStored(isRenewed: news.contains { $0.kind == .givenBack }))
                case .drained: isDrained = true
                case .end(let refuse): ending = .some(refuse)
                }
            } catch let refuse as Refuse {
                agentEvents.append(.failed(refuse))
            }
        }
    }

    private mutating func carryOut(_ actions: [HubSession.Action]) throws {
        for action in actions {
            switch action {
            case .send(let message, _):
                if losesWelcome, case .welcome = message { isDeaf = true }
                if !isDeaf { agentEvents.append(.received(message)) }
            case .admit(let hello):
                let result = try world.hub.admit(
                    hello, publicKey: Branch.key(branch.number), sessionToken: Token16(using: &world.random),
                    now: world.now)
                session = try? result.get().session
                hubEvents.append(
                    .admitted(
                        result.map { admission in
                            var greeting = HubSession.Greeting(
                                welcome: admission.welcome, feed: admission.feed)
                            if admission.session.isSurrender { greeting.farewell = .revoked }
                            return greeting
                        }))
            case .ingest(let batch):
                guard let session else { continue }
                // As it comes from the wire.
                var batch = batch
                batch.encodedRows = RowsCodec.encode(batch.rows)
                let outcome = try world.hub.ingest(
                    [Submission(session: session, batch: batch)], now: world.now)[0]
                hubEvents.append(.ingested(outcome))
            case .pass(let hole):
                guard let session else { continue }
                let outcome = try world.hub.pass(hole, for: session, now: world.now)
                hubEvents.append(.ingested(outcome))
            case .loadFeed(let token, let items):
                guard let session else { continue }
                if let page = try world.hub.feed(for: session, after: token, maximumItems: items) {
                    hubEvents.append(.feedLoaded(.page(page)))
                } else {
                    hubEvents.append(.feedLoaded(.complete(try world.hub.mark(for: session))))
                }
            case .answer: break
            case .confirmFeed(let token):
                if let session { try world.hub.confirmFeed(token, of: session) }
            case .loadHeads(let question):
                if let session {
                    hubEvents.append(.headsLoaded(try world.hub.heads(question, for: session)))
                }
            case .join, .end: break
            }
        }
    }
}
