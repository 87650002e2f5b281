import Forms
import SyncCore
import SyncStore
import SyncWire

/// A branch: its store, which lasts, and its program, which dies and comes back.
final class SimAgent {
    let number: Int
    /// Whose key it has: its own number, or that of the branch whose store it was copied from.
    let device: Int
    unowned let world: World
    let disk: any AgentDisk
    /// Own clock minus true time.
    var clockOffset: Milliseconds = 0
    /// The context of a record as it was opened, until it is saved, and the replica that it was taken under.
    var opened: [Int: (context: Context, replica: Token16?)] = [:]

    var session: AgentSession?
    var link: SimLink?
    private var calls: CallLine
    private var events: [AgentSession.Event] = []
    private var isHandling = false
    private var ticksAt: UInt64?
    private var stays = false
    private var backoff = Backoff()
    var numbers: Numbers
    private(set) var isDrained = false
    /// There was no room for a page of the feed in this session.
    private var lacksRoom = false
    private(set) var batchesSent = 0
    private(set) var lastEnding: Refuse?
    /// When its last Hello was made, by its clock.
    private var asked: Milliseconds = 0
    /// How often it has opened new origins.
    private(set) var heals = 0
    /// Urgent versions that are on their way, and since when.
    private var urgent: [(sequence: UInt64, since: UInt64)] = []

    init(_ number: Int, device: Int? = nil, in world: World, seed: UInt64) throws {
        self.number = number
        self.device = device ?? number
        self.world = world
        numbers = Numbers(seed: seed)
        disk = try world.makeAgentDisk(device ?? number, seed: seed)
        calls = CallLine(world, seed: seed ^ 0x5A5A)
    }

    var store: any AgentStore { disk.store }
    /// Older or newer, as its device is.
    var isOld: Bool { world.scenario.isOld(device) }
    /// Each time that its disk is put back somebody else goes on with it, as far as names go.
    var author: String { generation == 0 ? "a\(number)" : "a\(number).\(generation)" }
    private var generation = 0
    /// The hub that this session speaks to has not been put back since.
    var isHubTheSame: Bool { hubLife == world.hub.lives }
    private var hubLife = 0
    private var backup: AgentImage?
    var clock: Milliseconds { world.time + clockOffset }
    var isConnected: Bool { session != nil }

    // MARK: - Connecting

    func connect(stays: Bool) throws {
        self.stays = stays
        guard session == nil else { return }
        guard calls.isIdle else {
            // What the last session asked of the store is still being done.
            world.timeline.plan(in: 50) { [self] in
                if !isConnected { try connect(stays: self.stays) }
            }
            return
        }
        calls = CallLine(world, seed: numbers.next())
        guard world.hub.isUp else { return comeBack() }
        let link = SimLink(world, agent: number, using: &numbers)
        session = AgentSession(goal: stays ? .stay : .drain, sendsAhead: !isOld && numbers.isOne(in: 2))
        lacksRoom = false
        isDrained = false
        self.link = link
        let end = SimLink.End.agent.rawValue
        link.received[end] = { [unowned self, unowned link] message, _ in
            guard self.link === link else { return }
            if case .welcome = message { link.acceptInStream(at: .agent) }
            if case .ping(let ping) = message, ping.isReply, world.plant == .pingForPong {
                _ = try link.send(.ping(Ping(isReply: false, token: 0)), compress: false, from: .agent)
            }
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
            hubLife = world.hub.lives
            try world.hub.accept(link)
            ask { [self] in .opened(hello: try hello(), origins: try laneOrigins()) }
        }
    }

    private func hello() throws -> Hello {
        asked = clock
        return try store.hello(now: asked, program: isOld ? "sim 1" : "sim 2")
    }

    private func laneOrigins() throws -> [AgentSession.LaneOrigin] {
        try store.laneOrigins().map {
            var origin = $0
            if world.plant == .lanesSwapped { origin.lane = origin.lane == .urgent ? .routine : .urgent }
            return origin
        }
    }

    private func ended() {
        if let link { judgeUrgent(over: link) { _ in true } }
        session = nil
        link = nil
        calls.finish()
        events = []
        ticksAt = nil
        comeBack()
    }

    private func comeBack() {
        guard stays else { return }
        let wait = backoff.failed(retryAfter: lastEnding?.retryAfter ?? 0, using: &numbers)
        world.timeline.plan(in: wait) { [self] in
            if stays, session == nil { try connect(stays: true) }
        }
    }

    /// The program dies: nothing but the store is left of it.
    func crash() throws {
        opened = [:]
        stays = false
        if let link {
            link.vanish(.agent, using: &numbers)
            ended()
        }
        calls.drop()
        try disk.crash(using: &numbers)
    }

    // MARK: - Loss of identity

    func backUp() throws { backup = try disk.image() }

    /// The disk is made what it was at the last backup; what it alone knew since then is gone.
    func restore() throws {
        guard let backup else { return }
        try crash()
        try disk.become(backup)
        generation += 1
        world.suspects.insert(device)
        world.ledger.forget { saved in
            saved.author == number && !world.watch.isDurable(saved.version)
                && (try? store.versions(of: saved.version.key).contains(saved.version)) != true
        }
    }

    /// Goes on as a copy of another, with everything that it holds.
    func become(_ other: SimAgent) throws {
        try disk.become(other.disk.image())
        world.suspects.insert(device)
        let record = numbers.below(Scenario.records)
        for number in 0..<3 {
            let (wait, fields) = (UInt64(numbers.below(60_000)), UInt8(1 << numbers.below(7)))
            world.timeline.plan(in: wait) { [self] in
                try save(
                    record + number < Scenario.records ? record + number : 0, fields: fields, isUrgent: false)
            }
        }
        let stays = numbers.isOne(in: 2)
        world.timeline.plan(in: UInt64(numbers.below(60_000))) { [self] in try connect(stays: stays) }
    }

    /// Takes out what may be kept no longer.
    func prune() throws {
        if world.plant == .pruneNothing { return }
        do {
            while try !disk.write({ try $0.prune(world.retention, limit: 4) }).isComplete {}
        } catch let error as StoreError where error.code == .diskFull {
            return
        } catch let error as StoreError where error.code == .syncFailed {
            try crash()
        }
    }

    func leave() throws {
        stays = false
        try link?.finish(.agent)
    }

    // MARK: - Urgent versions

    /// An urgent version was saved.
    func expectArrival(through sequence: UInt64) {
        if session?.isOpen == true { urgent.append((sequence, world.timeline.now)) }
    }

    /// The hub has committed a batch that came over this link.
    func arrived(_ batch: VersionBatch, over link: SimLink) throws {
        guard self.link === link, !urgent.isEmpty,
            try store.origins().contains(where: { $0.claim.lane == .urgent && $0.id == batch.origin })
        else { return }
        judgeUrgent(over: link) { $0 <= batch.last }
    }

    private func judgeUrgent(over link: SimLink, where isOver: (UInt64) -> Bool) {
        for waiting in urgent where isOver(waiting.sequence) && !link.isTouched {
            world.watch.urgent(self, took: world.timeline.now - waiting.since, over: link)
        }
        urgent.removeAll { isOver($0.sequence) }
    }

    // MARK: - The session

    func handle(_ event: AgentSession.Event) throws {
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
            world.transcript?.agent(self, event, actions)
            for action in actions { try perform(action) }
        }
        events = []
        wake()
    }

    private func wake() {
        guard world.plant != .deafToTime else { return }
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
        case .load(let lane, let origin, let after, let versions, let bytes):
            ask { [self] in
                .loaded(lane, try load(origin, after: after, versions: versions, bytes: bytes))
            }
        case .storeWelcome(let welcome): storeWelcome(welcome)
        case .loadHeads(let origin, let sequences):
            ask { [self] in .headsLoaded(try store.heads(of: origin, at: sequences)) }
        case .heal(let points, let welcome):
            askWriting { [self] store in
                heals += 1
                _ = try store.heal(points, after: welcome, now: clock)
                return .healed
            }
        case .storeReceipts(let receipts): storeReceipts(receipts, isEarly: false)
        case .storeEarlyReceipts(let receipts): storeReceipts(receipts, isEarly: true)
        case .storeFeed(let feed): storeFeed(feed)
        case .storeMark(let mark):
            askWriting { [self] store in
                if lacksRoom, world.plant != .passOverPage { return .markStored(isRenewed: false) }
                let news = try store.note(mark, now: clock)
                try world.watch.marked(mark, at: self, session: link.flatMap(world.hub.session))
                return .markStored(isRenewed: news.contains { $0.kind == .givenBack })
            }
        case .storeHole(let hole):
            askWriting { [self] store in
                try store.note(hole, now: clock)
                return nil
            }
        case .drained:
            isDrained = true
            if world.plant == .starveUrgent { try tellUrgent() }
        case .end(let refuse):
            lastEnding = refuse
            try link?.finish(.agent)
        }
    }

    private func storeWelcome(_ welcome: Welcome) {
        backoff.succeeded()
        let link = link
        askWriting { [self] store in
            let partings = try store.partings(welcome)
            if !partings.isEmpty { return .parted(partings) }
            var resumes = try store.accept(welcome, asked: asked, now: clock)
            if world.plant == .resumeFromStart { for index in resumes.indices { resumes[index].behind = 0 } }
            try world.watch.receipts(of: self)
            let origins = try store.origins()
            if self.link === link, let lane = origins.first(where: { $0.claim.lane == .urgent }),
                try world.hub.disk.held(lane.id) < lane.sequence
            {
                urgent.append((lane.sequence, world.timeline.now))
            }
            return .welcomeStored(resumes)
        }
    }

    private func storeReceipts(_ receipts: [Receipt], isEarly: Bool) {
        askWriting { [self] store in
            do {
                try store.accept(receipts, now: clock)
            } catch is Refuse where isEarly {
                return .receiptsStored([])
            }
            try world.watch.receipts(of: self)
            return .receiptsStored(receipts)
        }
    }

    private func storeFeed(_ feed: Feed) {
        var feed = feed
        if world.plant == .dropLastOfPage, feed.versions.count > 1 {
            let kept = (0..<(feed.versions.count - 1)).map { feed.versions.version(at: $0) }
            feed.versions = FeedVersions(dots: kept.map(\.dot), rows: VersionColumns(kept))
        }
        if world.plant == .tokenBeforeApply {
            let token = Feed(lane: feed.lane, token: feed.token)
            askWriting { [self] store in
                try store.apply(token, now: clock)
                return nil
            }
        }
        let page = feed
        askWriting { [self] store in
            // Once something was left out, what follows must not be taken: the token says everything before.
            if lacksRoom, world.plant != .passOverPage { return nil }
            do {
                try store.apply(page, now: clock)
            } catch let error as StoreError where error.code == .diskFull {
                lacksRoom = true
                return nil
            }
            return .feedStored(page.token)
        }
    }

    /// As the branch's program does: of versions that take too much as columns, fewer.
    private func load(
        _ origin: OriginID, after: UInt64, versions: Int, bytes: Int
    ) throws -> VersionBatch? {
        var versions = versions
        while true {
            guard
                var batch = try store.batch(
                    of: origin, after: after, maximumVersions: versions,
                    maximumBytes: Limits.framePayload / 2)
            else { return nil }
            guard let fewer = batch.encodeRows(into: bytes) else { return batch }
            versions = fewer
        }
    }

    private func send(_ message: Message, _ compress: Bool) throws {
        guard let link else { return }
        if case .ping(let ping) = message, ping.isReply, !link.isWritable(.agent) { return }
        guard case .batch(var batch) = message else {
            _ = try link.send(message, compress: compress, from: .agent)
            return
        }
        let lane: Lane = session?.lane(of: batch.origin) ?? .routine
        if world.plant == .reversedInLane, batch.count > 1 {
            batch.rows = VersionColumns((0..<batch.count).reversed().map { batch.version(at: $0) })
            batch.encodedRows = []
        }
        let limit = session?.isOpen ?? true ? Int.max : session?.earlyRoom ?? 0
        guard let bytes = try link.send(.batch(batch), compress: compress, from: .agent, limit: limit) else {
            events.append(.batchWithheld(lane))
            return
        }
        batchesSent += 1
        events.append(.batchWritten(lane, bytes: bytes))
    }

    // MARK: - The store

    private func askWriting(_ body: @escaping (any AgentStore) throws -> AgentSession.Event?) {
        ask { [self] in try disk.write(body) }
    }

    private func ask(_ body: @escaping () throws -> AgentSession.Event?) {
        let calls = self.calls
        calls.add { [self] in
            do {
                let event = try body()
                return event.map { event in { [self] in try handle(event) } }
            } catch let refuse as Refuse {
                calls.fail()
                return { [self] in
                    world.refusals.append((number, refuse))
                    try handle(.failed(refuse))
                }
            } catch let error as StoreError where error.code == .diskFull {
                calls.fail()
                return { [self] in
                    try handle(.failed(Refuse(.shuttingDown, words: "the branch's store cannot go on")))
                }
            } catch let error as StoreError where error.code == .syncFailed {
                try crash()
                return nil
            }
        }
    }
}
