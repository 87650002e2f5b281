import Forms
import SyncCore
import SyncStore

/// The centre: its store, which lasts, and its program, which dies and comes back.
final class SimHub {
    /// One connection that the hub's program holds.
    private final class Peer {
        let link: SimLink
        var session = HubSession()
        var calls: CallLine
        var events: [HubSession.Event] = []
        var isHandling = false
        var ticksAt: UInt64?
        var ref: SessionRef?
        var inWork: [(place: Int, outcome: HubSession.Outcome?)] = []
        var nextPlace = 0

        init(_ link: SimLink, calls: CallLine) {
            self.link = link
            self.calls = calls
        }
    }

    let world: World
    let store: MemoryHubStore
    private(set) var isUp = true
    var clockOffset: Milliseconds = 0
    var failsNextWrite = false
    private var peers: [Peer] = []
    private var waiting: [(peer: Peer, place: Int, submission: Submission)] = []
    private var isCommitPlanned = false
    private var numbers: Numbers
    /// Durable here: what receipts may speak of.
    private(set) var durable: [OriginID: UInt64] = [:]

    init(in world: World, seed: UInt64) throws {
        self.world = world
        numbers = Numbers(seed: seed)
        var random = Numbers(seed: seed ^ 0xA5A5)
        store = try MemoryHubStore(
            name: "Centre", settings: Settings(),
            means: HubMeans(
                hashing: SimKeys.hashing, verifying: SimKeys.verifying, signing: SimKeys.signing(0),
                zone: { _ in .fixed(hours: 8) }, random: { Token16(using: &random) }))
    }

    var clock: Milliseconds { world.time + clockOffset }
    var connections: Int { peers.count }

    func write(_ body: (any HubTransaction) throws -> Void) throws {
        try store.write(clock: AuthoringClock(now: clock, isTrusted: true), body)
        try logMoved()
    }

    // MARK: - Life and death

    func crash() {
        guard isUp else { return }
        isUp = false
        for peer in peers {
            peer.calls.drop()
            peer.link.vanish(.hub, using: &numbers)
        }
        peers = []
        waiting = []
        isCommitPlanned = false
        world.timeline.plan(in: UInt64(numbers.logarithmic(below: 30_000))) { [self] in isUp = true }
    }

    func comeUp() { isUp = true }

    // MARK: - Connections

    func accept(_ link: SimLink) throws {
        let end = SimLink.End.hub.rawValue
        guard isUp else {
            link.vanish(.hub, using: &numbers)
            return
        }
        let peer = Peer(link, calls: CallLine(world, seed: numbers.next()))
        peers.append(peer)
        link.received[end] = { [unowned self, unowned peer] message, bytes in
            try handle(.received(message, wireBytes: bytes), of: peer)
        }
        link.failed[end] = { [unowned self, unowned peer] refuse in try handle(.failed(refuse), of: peer) }
        link.writable[end] = { [unowned self, unowned peer] flag in try handle(.writable(flag), of: peer) }
        link.closed[end] = { [unowned self, unowned peer] in remove(peer) }
        try handle(.opened, of: peer)
    }

    private func remove(_ peer: Peer) {
        peer.calls.drop()
        peers.removeAll { $0 === peer }
    }

    private func handle(_ event: HubSession.Event, of peer: Peer) throws {
        peer.events.append(event)
        guard !peer.isHandling, peers.contains(where: { $0 === peer }) else { return }
        peer.isHandling = true
        defer { peer.isHandling = false }
        var next = 0
        while next < peer.events.count {
            let event = peer.events[next]
            next += 1
            let actions = peer.session.handle(event, now: world.timeline.now)
            world.trace("hub, agent \(peer.link.agent)", event, actions)
            for action in actions { try perform(action, of: peer) }
        }
        peer.events = []
        if peer.session.isOpen { peer.link.acceptInStream(at: .hub) }
        wake(peer)
    }

    private func wake(_ peer: Peer) {
        guard let deadline = peer.session.deadline, peer.ticksAt.map({ deadline < $0 }) ?? true else {
            return
        }
        peer.ticksAt = deadline
        world.timeline.plan(in: deadline - min(deadline, world.timeline.now) + 1) { [self] in
            guard peers.contains(where: { $0 === peer }) else { return }
            peer.ticksAt = nil
            try handle(.tick, of: peer)
        }
    }

    private func perform(_ action: HubSession.Action, of peer: Peer) throws {
        switch action {
        case .send(let message, let compress):
            if case .ping(let ping) = message, ping.isReply, !peer.link.isWritable(.hub) { return }
            _ = try peer.link.send(message, compress: compress, from: .hub)
        case .admit(let hello): ask(peer) { [self] in .admitted(try admit(hello, peer)) }
        case .join: world.complain("a Join that nobody sent")
        case .ingest(let batch): ingest(batch, of: peer)
        case .loadFeed(let token, let items):
            ask(peer) { [self] in
                guard let ref = peer.ref else { throw Refuse(.wrongOrder) }
                if let page = store.feed(for: ref, after: token, maximumItems: items) {
                    return .feedLoaded(.page(page))
                }
                return .feedLoaded(.complete(store.mark(for: ref)))
            }
        case .answer: world.complain("a question that nobody asked")
        case .confirmFeed(let token):
            ask(peer) { [self] in
                if let ref = peer.ref { store.confirmFeed(token, of: ref) }
                return nil
            }
        case .loadHeads(let question):
            ask(peer) { [self] in
                guard let ref = peer.ref else { throw Refuse(.wrongOrder) }
                return .headsLoaded(try store.heads(question, for: ref))
            }
        case .end: try peer.link.finish(.hub)
        }
    }

    private func admit(_ hello: Hello, _ peer: Peer) throws -> Result<HubSession.Greeting, Refuse> {
        let result = try store.admit(
            hello, publicKey: SimKeys.key(peer.link.agent + 1), sessionToken: Token16(using: &numbers),
            now: clock)
        switch result {
        case .failure(let refuse):
            world.refusals.append((peer.link.agent, refuse))
            return .failure(refuse)
        case .success(let admission):
            let older = peers.filter {
                $0 !== peer && admission.session.number > 0 && $0.ref?.replica == admission.session.replica
            }
            peer.ref = admission.session
            for other in older {
                try handle(.failed(Refuse(.replaced, words: "a newer connection took over")), of: other)
            }
            return .success(HubSession.Greeting(welcome: admission.welcome, feed: admission.feed))
        }
    }

    private func ask(_ peer: Peer, _ body: @escaping () throws -> HubSession.Event?) {
        peer.calls.add { [self] in
            do {
                let event = try body()
                return event.map { event in { [self] in try handle(event, of: peer) } }
            } catch let refuse as Refuse {
                return { [self] in try handle(.failed(refuse), of: peer) }
            }
        }
    }

    // MARK: - Group commit

    private func ingest(_ batch: VersionBatch, of peer: Peer) {
        guard let ref = peer.ref else { return }
        let place = peer.nextPlace
        peer.nextPlace += 1
        peer.inWork.append((place, nil))
        waiting.append((peer, place, Submission(session: ref, batch: batch)))
        if world.plant == .receiptBeforeCommit { promise(batch, peer, place) }
        guard !isCommitPlanned else { return }
        isCommitPlanned = true
        world.timeline.plan(in: UInt64(numbers.below(20))) { [self] in try commit() }
    }

    private func commit() throws {
        isCommitPlanned = false
        guard isUp, !waiting.isEmpty else { return }
        let taken = waiting
        waiting = []
        let outcomes: [HubSession.Outcome]
        if failsNextWrite {
            failsNextWrite = false
            outcomes = taken.map { _ in .refused(Refuse(.diskFull, retryAfter: 1, words: "simulated")) }
        } else {
            outcomes = try store.ingest(taken.map(\.submission), now: clock).map { outcome in
                switch outcome {
                case .held(let receipt, let position): .held(receipt: receipt, position: position)
                case .gap(let gap): .gap(gap)
                case .fork(let fork): .fork(fork)
                case .refused(let refuse): .refused(refuse)
                }
            }
        }
        for (item, outcome) in zip(taken, outcomes) {
            if case .held = outcome { note(item.submission.batch) }
        }
        // The answers come when the disk has said that it has everything.
        world.timeline.plan(in: UInt64(numbers.logarithmic(below: 50))) { [self] in
            guard isUp else { return }
            for (item, outcome) in zip(taken, outcomes) { try answer(item.peer, item.place, outcome) }
            try logMoved()
        }
    }

    /// The planted bug: says that something has arrived which is still on its way to the disk.
    private func promise(_ batch: VersionBatch, _ peer: Peer, _ place: Int) {
        guard let seal = batch.seals.last, seal.sequence == batch.last else { return }
        var receipt = Receipt(origin: batch.origin, sequence: batch.last, head: batch.headAfter)
        let signing = SimKeys.signing(0)
        let statement = receipt.statement(hub: SimKeys.hashing(signing.publicKey), epoch: store.epoch)
        receipt.signature = (try? signing.sign(statement)) ?? []
        let outcome = HubSession.Outcome.held(receipt: receipt, position: 0)
        world.timeline.plan(in: 1) { [self] in try answer(peer, place, outcome) }
    }

    private func note(_ batch: VersionBatch) {
        durable[batch.origin] = max(durable[batch.origin] ?? 0, batch.last)
    }

    private func answer(_ peer: Peer, _ place: Int, _ outcome: HubSession.Outcome) throws {
        guard let index = peer.inWork.firstIndex(where: { $0.place == place }) else { return }
        peer.inWork[index].outcome = outcome
        while let first = peer.inWork.first, let outcome = first.outcome {
            peer.inWork.removeFirst()
            try handle(.ingested(outcome), of: peer)
        }
    }

    private func logMoved() throws {
        for peer in peers where peer.session.isOpen { try handle(.logMoved, of: peer) }
    }
}
