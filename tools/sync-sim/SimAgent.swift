import Forms
import SyncCore
import SyncStore

/// A branch: its store, which lasts, and its program, which dies and comes back.
final class SimAgent {
    let number: Int
    let world: World
    let store: MemoryAgentStore
    let means: AgentMeans
    /// Own clock minus true time.
    var clockOffset: Milliseconds = 0
    var failsNextWrite = false
    /// The context of a record as it was opened, until it is saved.
    private var opened: [Int: Context] = [:]

    private var session: AgentSession?
    private(set) var link: SimLink?
    private var calls: CallLine
    private var events: [AgentSession.Event] = []
    private var isHandling = false
    private var ticksAt: UInt64?
    private var stays = false
    private var backoff = Backoff()
    private var numbers: Numbers
    private(set) var isDrained = false
    private(set) var batchesSent = 0
    private(set) var lastEnding: Refuse?

    init(_ number: Int, in world: World, seed: UInt64) {
        self.number = number
        self.world = world
        numbers = Numbers(seed: seed)
        var random = Numbers(seed: seed ^ 0xA5A5)
        means = AgentMeans(
            hashing: SimKeys.hashing, signing: SimKeys.signing(number + 1), verifying: SimKeys.verifying,
            random: { Token16(using: &random) })
        store = MemoryAgentStore(means: means)
        calls = CallLine(world, seed: seed ^ 0x5A5A)
    }

    var clock: Milliseconds { world.time + clockOffset }
    var isConnected: Bool { session != nil }

    // MARK: - People

    func open(_ record: Int) throws {
        let shown = try store.record(world.key(record))
        opened[record] = shown?.seen ?? .empty
        world.ledger.shown(agent: number, record, try store.versions(of: world.key(record)).map(\.dot))
    }

    func save(_ record: Int, fields: UInt8, isUrgent: Bool, isDelete: Bool = false) throws {
        if opened[record] == nil { try open(record) }
        var context: Context = opened[record].take() ?? .empty
        if world.plant == .contextAtSave { context = try store.record(world.key(record))?.seen ?? .empty }
        let exists = try store.record(world.key(record)).map { !$0.isEmpty } ?? false
        let draft = world.draft(
            record, fields: exists ? fields : 7, context: context, lane: isUrgent ? .urgent : .routine,
            isDelete: isDelete, author: "a\(number)", using: &numbers)
        let last = try store.contact().lastHubTime
        if failsNextWrite {
            failsNextWrite = false
            return
        }
        let dot = try store.write(clock: AuthoringClock(now: clock, lastHubTime: last)) {
            try $0.author(draft)
        }
        guard let version = try store.versions(of: draft.key).first(where: { $0.dot == dot }) else {
            return world.complain("agent \(number): what was saved is not there")
        }
        world.ledger.acknowledged(version, record: record, agent: number)
        var lasts: [Lane: UInt64] = [:]
        for origin in try store.origins() { lasts[origin.claim.lane] = origin.sequence }
        if session != nil { try handle(.appended(lasts)) }
    }

    // MARK: - Connecting

    func connect(stays: Bool) throws {
        self.stays = stays
        guard session == nil else { return }
        let link = SimLink(world, agent: number, using: &numbers)
        guard world.hub.isUp else { return comeBack() }
        session = AgentSession(goal: stays ? .stay : .drain)
        isDrained = false
        self.link = link
        let end = SimLink.End.agent.rawValue
        link.received[end] = { [unowned self, unowned link] message, _ in
            guard self.link === link else { return }
            if case .welcome = message { link.acceptInStream(at: .agent) }
            try handle(.received(message))
        }
        link.failed[end] = { [unowned self, unowned link] refuse in
            guard self.link === link else { return }
            _ = try link.send(.close(refuse), compress: false, from: .agent)
            try link.finish(.agent)
        }
        link.writable[end] = { [unowned self, unowned link] flag in
            if self.link === link { try handle(.writable(flag)) }
        }
        link.closed[end] = { [unowned self, unowned link] in
            if self.link === link { ended() }
        }
        // TCP, TLS and the preambles.
        world.timeline.plan(in: 3 * link.delay) { [self] in
            guard self.link === link, !link.isOver[end] else { return }
            try world.hub.accept(link)
            ask { [self] in
                let hello = try store.hello(now: clock, program: "sim")
                let origins = try store.origins().map {
                    AgentSession.LaneOrigin(
                        lane: $0.claim.lane, origin: $0.id, last: $0.sequence, receipted: $0.receipted)
                }
                return .opened(hello: hello, origins: origins)
            }
        }
    }

    private func ended() {
        session = nil
        link = nil
        calls.drop()
        calls = CallLine(world, seed: numbers.next())
        events = []
        ticksAt = nil
        comeBack()
    }

    private func comeBack() {
        guard stays else { return }
        let wait = backoff.failed(using: &numbers)
        world.timeline.plan(in: wait) { [self] in
            if stays, session == nil { try connect(stays: true) }
        }
    }

    /// The program dies: nothing but the store is left of it.
    func crash() {
        opened = [:]
        stays = false
        guard let link else { return }
        link.vanish(.agent, using: &numbers)
        ended()
    }

    func leave() throws {
        stays = false
        try link?.finish(.agent)
    }

    // MARK: - The session

    private func handle(_ event: AgentSession.Event) throws {
        events.append(event)
        guard !isHandling else { return }
        isHandling = true
        defer { isHandling = false }
        var next = 0
        while next < events.count, session != nil {
            let event = events[next]
            next += 1
            let actions = session?.handle(event, now: world.timeline.now) ?? []
            world.trace("agent \(number)", event, actions)
            for action in actions { try perform(action) }
        }
        events = []
        wake()
    }

    private func wake() {
        guard let deadline = session?.deadline, ticksAt.map({ deadline < $0 }) ?? true, let link else {
            return
        }
        ticksAt = deadline
        world.timeline.plan(in: deadline - min(deadline, world.timeline.now) + 1) { [self] in
            guard self.link === link else { return }
            ticksAt = nil
            try handle(.tick)
        }
    }

    private func perform(_ action: AgentSession.Action) throws {
        switch action {
        case .send(let message, let compress): try send(message, compress)
        case .load(let lane, let after, let versions, let bytes):
            ask { [self] in
                .loaded(
                    lane,
                    try store.batch(lane: lane, after: after, maximumVersions: versions, maximumBytes: bytes))
            }
        case .storeWelcome(let welcome):
            backoff.succeeded()
            askWriting { [self] in
                let partings = try store.partings(welcome)
                if !partings.isEmpty { return .parted(partings) }
                let behind = try store.accept(welcome, now: clock)
                try world.checkReceipts(of: self)
                return .welcomeStored(
                    try store.origins().map {
                        AgentSession.Resume(
                            origin: $0.id, behind: behind[$0.id] ?? 0, receipted: $0.receipted)
                    })
            }
        case .loadHeads(let origin, let sequences):
            ask { [self] in .headsLoaded(try store.heads(of: origin, at: sequences)) }
        case .heal(let points, let welcome):
            askWriting { [self] in
                try store.heal(points, after: welcome, now: clock)
                return .healed
            }
        case .storeReceipts(let receipts):
            askWriting { [self] in
                try store.accept(receipts, now: clock)
                try world.checkReceipts(of: self)
                return .receiptsStored(receipts)
            }
        case .storeEarlyReceipts(let receipts):
            askWriting { [self] in
                do {
                    try store.accept(receipts, now: clock)
                    try world.checkReceipts(of: self)
                    return .receiptsStored(receipts)
                } catch is Refuse {
                    return .receiptsStored([])
                }
            }
        case .storeFeed(let feed):
            askWriting { [self] in
                try store.apply(feed, now: clock)
                return .feedStored(feed.token)
            }
        case .storeMark(let mark):
            askWriting { [self] in
                try store.note(mark)
                return nil
            }
        case .drained: isDrained = true
        case .end(let refuse):
            lastEnding = refuse
            try link?.finish(.agent)
        }
    }

    private func send(_ message: Message, _ compress: Bool) throws {
        guard let link else { return }
        if case .ping(let ping) = message, ping.isReply, !link.isWritable(.agent) { return }
        guard case .batch(let batch) = message else {
            _ = try link.send(message, compress: compress, from: .agent)
            return
        }
        let lane: Lane = session?.lane(of: batch.origin) ?? .routine
        let limit = compress ? Int.max : Limits.urgentBeforeWelcome
        guard let bytes = try link.send(message, compress: compress, from: .agent, limit: limit) else {
            events.append(.batchWithheld(lane))
            return
        }
        batchesSent += 1
        events.append(.batchWritten(lane, bytes: bytes))
    }

    // MARK: - The store

    private func askWriting(_ body: @escaping () throws -> AgentSession.Event?) {
        ask { [self] in
            if failsNextWrite {
                failsNextWrite = false
                throw StoreError(.diskFull, "simulated")
            }
            return try body()
        }
    }

    private func ask(_ body: @escaping () throws -> AgentSession.Event?) {
        calls.add { [self] in
            do {
                let event = try body()
                return event.map { event in { [self] in try handle(event) } }
            } catch let refuse as Refuse {
                return { [self] in
                    world.refusals.append((number, refuse))
                    try handle(.failed(refuse))
                }
            } catch let error as StoreError where error.code == .diskFull {
                return { [self] in
                    try handle(.failed(Refuse(.shuttingDown, words: "the branch's store cannot go on")))
                }
            }
        }
    }
}
