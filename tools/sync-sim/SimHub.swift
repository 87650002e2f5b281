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

    unowned let world: World
    let disk: any HubDisk
    private(set) var isUp = true
    var clockOffset: Milliseconds = 0
    /// Until then it has as much as it can take.
    var isCrowdedUntil: UInt64 = 0
    /// Its clock when something last came into the journal: scopes are those of that day.
    private(set) var lastWrite: Milliseconds = 0
    private var position: UInt64 = 0
    private var peers: [Peer] = []
    private var waiting: [(peer: Peer, place: Int, submission: Submission)] = []
    private var isCommitPlanned = false
    private var numbers: Numbers
    /// The latest two, the newer one last.
    private var backups: [HubImage] = []
    /// How far each journal has ever been backed up.
    private var everBackedUp: [OriginID: UInt64] = [:]
    /// Devices that are revoked: kept outside the store.
    private var revoked: Set<Int> = []
    /// Counts how often it was put back.
    private(set) var lives = 0
    /// The newest session of each replica.
    private var newest: [Int64: UInt64] = [:]
    /// Verdicts that were sent once, for the planted bug.
    private var told: Set<Verdict> = []

    init(in world: World, seed: UInt64) throws {
        self.world = world
        numbers = Numbers(seed: seed)
        disk = try world.makeHubDisk(seed: seed)
    }

    /// The store, where it lies in memory.
    var memory: MemoryHubStore? { (disk as? MemoryHubDisk)?.memory }
    var clock: Milliseconds { world.time + clockOffset }
    var connections: Int { peers.count }

    func write(_ body: (any HubTransaction) throws -> Void) throws {
        let clock = AuthoringClock(now: clock, isTrusted: true)
        try disk.write { try $0.write(clock: clock, body) }
        try noteWrite()
        try logMoved()
    }

    private func noteWrite() throws {
        let position = try disk.store.logPosition()
        if position != self.position { lastWrite = clock }
        self.position = position
    }

    func session(of link: SimLink) -> SessionRef? { peers.first { $0.link === link }?.ref }

    // MARK: - Life and death

    func crash() throws {
        guard isUp else { return }
        isUp = false
        for peer in peers {
            peer.calls.drop()
            peer.link.vanish(.hub, using: &numbers)
        }
        peers = []
        waiting = []
        isCommitPlanned = false
        try disk.crash(using: &numbers)
        try noteWrite()
        world.timeline.plan(in: UInt64(numbers.logarithmic(below: 30_000))) { [self] in isUp = true }
    }

    func comeUp() { isUp = true }

    func backUp() throws {
        try work {
            backups = backups.suffix(1) + [try disk.image(now: clock)]
            for agent in world.agents {
                for origin in try agent.store.origins() + agent.store.closedOrigins() {
                    everBackedUp[origin.id] = max(backedUp(origin.id), try disk.held(origin.id))
                }
            }
        }
    }

    func backedUp(_ origin: OriginID) -> UInt64 { everBackedUp[origin] ?? 0 }

    /// Takes out what may be kept no longer.
    func purge() throws {
        try work {
            var total = Purge()
            while !total.isComplete {
                total.add(try disk.write { try $0.purge(now: world.time, limit: 4) })
            }
            try disk.write { try $0.finish(total, now: world.time) }
        }
    }

    /// What the centre's people do, as far as its disk lets them.
    private func work(_ body: () throws -> Void) throws {
        guard isUp else { return }
        do {
            try body()
        } catch let error as StoreError where error.code == .diskFull {
            return
        } catch let error as StoreError where error.code == .syncFailed {
            try crash()
        }
    }

    /// - Returns: false when the centre's program is not there.
    func revoke(_ device: Int) throws -> Bool {
        guard isUp else { return false }
        revoked.insert(device)
        try revokeAll()
        for peer in peers where world.agents[peer.link.agent].device == device {
            try handle(.failed(.revoked), of: peer)
        }
        return true
    }

    /// What the store has forgotten, or could not take.
    private func revokeAll() throws {
        disk.heal()
        for device in revoked.sorted() {
            guard let known = try known(device), known.state != .revoked else { continue }
            _ = try disk.write { try $0.revoke(known.id, reason: "lost", now: clock) }
        }
    }

    private func known(_ device: Int) throws -> DeviceInfo? {
        let fingerprint = SimKeys.hashing(SimKeys.key(device + 1))
        return try disk.store.devices().first { $0.fingerprint == fingerprint }
    }

    /// Everything that came from a device.
    func versions(of device: Int) throws -> [Version] {
        guard let id = try known(device)?.id else { return [] }
        return try disk.arrivals().filter { $0.device == id }.flatMap { arrival in
            (0..<arrival.batch.count).map { arrival.batch.version(at: $0) }
        }
    }

    /// The disk is made what it was at the last backup, or at the one before. What the centre alone wrote
    /// since then is gone.
    func restore(isTold: Bool, isOlder: Bool = false) throws {
        guard let backup = isOlder ? backups.first : backups.last else { return }
        try crash()
        try disk.become(backup, isTold: isTold, now: clock)
        try revokeAll()
        newest = [:]
        lives += 1
        try noteWrite()
        try world.hubWasPutBack()
    }

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
        link.writable[end] = { [unowned self, unowned peer] flag in
            try handle(.writable(flag), of: peer)
        }
        link.closed[end] = { [unowned self, unowned peer] in remove(peer) }
        try handle(.opened, of: peer)
    }

    private func remove(_ peer: Peer) {
        peer.calls.finish()
        peers.removeAll { $0 === peer }
    }

    private func holds(_ peer: Peer) -> Bool { peers.contains { $0 === peer } }

    private func handle(_ event: HubSession.Event, of peer: Peer) throws {
        peer.events.append(event)
        guard !peer.isHandling, holds(peer) else { return }
        peer.isHandling = true
        defer { peer.isHandling = false }
        var next = 0
        while next < peer.events.count {
            let event = peer.events[next]
            next += 1
            let actions = peer.session.handle(event, now: world.timeline.now)
            world.trace("hub, agent \(peer.link.agent)", event, actions)
            world.transcript?.hub(peer.link.agent, event, actions)
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
            guard holds(peer) else { return }
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
        case .ingest(let batch): try ingest(batch, of: peer)
        case .pass(let hole): try pass(hole, of: peer)
        case .loadFeed(let token, let items):
            ask(peer) { [self] in .feedLoaded(try feedPage(after: token, items, of: peer)) }
        case .answer: world.complain("a question that nobody asked")
        case .confirmFeed(let token):
            ask(peer) { [self] in
                if let ref = peer.ref { try disk.write { try $0.confirmFeed(token, of: ref) } }
                return nil
            }
        case .loadHeads(let question):
            ask(peer) { [self] in
                guard let ref = peer.ref else { throw Refuse(.wrongOrder) }
                return .headsLoaded(try disk.store.heads(question, for: ref))
            }
        case .end: try peer.link.finish(.hub)
        }
    }

    private func feedPage(
        after token: FeedToken, _ items: Int, of peer: Peer
    ) throws -> HubSession.FeedPage {
        guard let ref = peer.ref else { throw Refuse(.wrongOrder) }
        // Pages are small here, so that connections break between them.
        let bound = 1 << numbers.below(5)
        guard var page = try disk.store.feed(for: ref, after: token, maximumItems: min(items, bound)) else {
            return .complete(try disk.store.mark(for: ref))
        }
        switch world.plant {
        case .positionBeforeCommit: page.token.position += UInt64(waiting.count)
        case .markTooEarly where numbers.isOne(in: 4): return .complete(try disk.store.mark(for: ref))
        case .verdictOnce: page.verdicts.removeAll { !told.insert($0).inserted }
        default: break
        }
        return .page(page)
    }

    private func admit(_ hello: Hello, _ peer: Peer) throws -> Result<HubSession.Greeting, Refuse> {
        let token = Token16(using: &numbers)
        let key = SimKeys.key(world.agents[peer.link.agent].device + 1)
        let result = try disk.write {
            try $0.admit(hello, publicKey: key, sessionToken: token, now: clock)
        }
        switch result {
        case .failure(let refuse):
            world.refusals.append((peer.link.agent, refuse))
            return .failure(refuse)
        case .success(var admission):
            let older = peers.filter {
                $0 !== peer && admission.session.number > 0 && $0.ref?.replica == admission.session.replica
            }
            peer.ref = admission.session
            if admission.session.number > 0 { newest[admission.session.replica] = admission.session.number }
            if world.plant == .receiptForGap { try receiptClaims(of: hello, in: &admission.welcome) }
            for other in older where world.plant != .sessionUnchecked {
                try handle(.failed(Refuse(.replaced, words: "a newer connection took over")), of: other)
            }
            let isCrowded = world.timeline.now < isCrowdedUntil
            return .success(
                HubSession.Greeting(
                    welcome: admission.welcome, feed: admission.feed,
                    overload: isCrowded ? Refuse(.overloaded, retryAfter: 5) : nil,
                    farewell: admission.session.isSurrender ? .revoked : nil))
        }
    }

    /// The planted bug: believes the branch's own word for what has arrived.
    private func receiptClaims(of hello: Hello, in welcome: inout Welcome) throws {
        for (index, claim) in zip(welcome.held.indices, hello.origins) where claim.sequence > 0 {
            let origin = welcome.held[index].origin
            welcome.held[index].receipt = try receipt(
                Receipt(
                    origin: origin, sequence: claim.sequence, head: head(of: origin, at: claim.sequence)))
        }
    }

    private func receipt(_ unsigned: Receipt) throws -> Receipt {
        var receipt = unsigned
        let signing = SimKeys.signing(0)
        receipt.signature = try signing.sign(
            receipt.statement(hub: SimKeys.hashing(signing.publicKey), epoch: try disk.store.epoch))
        return receipt
    }

    private func ask(_ peer: Peer, _ body: @escaping () throws -> HubSession.Event?) {
        peer.calls.add { [self] in
            do {
                let event = try body()
                return event.map { event in { [self] in try handle(event, of: peer) } }
            } catch let refuse as Refuse {
                return { [self] in try handle(.failed(refuse), of: peer) }
            } catch let error as StoreError where error.code == .diskFull {
                let refuse = Refuse(.diskFull, retryAfter: 1, words: "simulated")
                return { [self] in try handle(.failed(refuse), of: peer) }
            } catch let error as StoreError where error.code == .syncFailed {
                try crash()
                return nil
            }
        }
    }

    // MARK: - Group commit

    private func ingest(_ batch: VersionBatch, of peer: Peer) throws {
        guard let ref = peer.ref else { return }
        let place = peer.nextPlace
        peer.nextPlace += 1
        peer.inWork.append((place, nil))
        waiting.append((peer, place, Submission(session: ref, batch: batch)))
        if world.plant == .receiptBeforeCommit { try promise(batch, peer, place) }
        guard !isCommitPlanned else { return }
        isCommitPlanned = true
        world.timeline.plan(in: UInt64(numbers.below(20))) { [self] in try commit() }
    }

    private func pass(_ hole: Hole, of peer: Peer) throws {
        guard let ref = peer.ref else { return }
        let place = peer.nextPlace
        peer.nextPlace += 1
        peer.inWork.append((place, nil))
        world.timeline.plan(in: UInt64(numbers.below(20))) { [self] in
            guard isUp else { return }
            let held = try disk.held(hole.origin)
            var outcome = HubSession.Outcome.refused(Refuse(.diskFull, retryAfter: 1, words: "simulated"))
            try work { outcome = try disk.write { try $0.pass(hole, for: ref, now: clock) } }
            if case .held = outcome { world.passed(hole, behind: held) }
            let told = outcome
            world.timeline.plan(in: UInt64(numbers.logarithmic(below: 50))) { [self] in
                if isUp { try answer(peer, place, told) }
            }
        }
    }

    private func commit() throws {
        isCommitPlanned = false
        guard isUp, !waiting.isEmpty else { return }
        let taken = waiting
        waiting = []
        let before = memory?.logLength
        let outcomes: [HubSession.Outcome]
        do {
            outcomes = try disk.write { try $0.ingest(taken.map(\.submission), now: clock) }
        } catch let error as StoreError where error.code == .diskFull {
            outcomes = try taken.map { try refusal(of: $0.submission.batch) }
        } catch let error as StoreError where error.code == .syncFailed {
            return try crash()
        }
        try noteWrite()
        for (item, outcome) in zip(taken, outcomes) {
            guard case .held = outcome else { continue }
            let link = item.peer.link
            try world.agents[link.agent].arrived(item.submission.batch, over: link)
            guard let before, let memory, memory.isFresh(item.submission.batch, after: before) else {
                continue
            }
            let session = item.submission.session
            world.watch.wrote(session, newest: newest[session.replica] ?? 0)
        }
        // The answers come when the disk has said that it has everything.
        world.timeline.plan(in: UInt64(numbers.logarithmic(below: 50))) { [self] in
            guard isUp else { return }
            for (item, outcome) in zip(taken, outcomes) { try answer(item.peer, item.place, outcome) }
            try logMoved()
        }
    }

    private func refusal(of batch: VersionBatch) throws -> HubSession.Outcome {
        guard world.plant == .lieInReceipt else {
            return .refused(Refuse(.diskFull, retryAfter: 1, words: "simulated"))
        }
        let receipt = try receipt(
            Receipt(origin: batch.origin, sequence: batch.last, head: head(of: batch.origin, at: batch.last)))
        return .held(receipt: receipt, position: 0)
    }

    /// The head that a planted bug puts into a receipt: what an honest hub would have found out by then.
    private func head(of origin: OriginID, at sequence: UInt64) -> Digest {
        for agent in world.agents {
            if let told = try? agent.store.heads(of: origin, at: [sequence]),
                let head = told.entries.first?.head
            {
                return head
            }
        }
        return .zero
    }

    /// The planted bug: says that something has arrived which is still on its way to the disk.
    private func promise(_ batch: VersionBatch, _ peer: Peer, _ place: Int) throws {
        guard let seal = batch.seals.last, seal.sequence == batch.last else { return }
        let receipt = try receipt(
            Receipt(origin: batch.origin, sequence: batch.last, head: head(of: batch.origin, at: batch.last)))
        let outcome = HubSession.Outcome.held(receipt: receipt, position: 0)
        world.timeline.plan(in: 1) { [self] in try answer(peer, place, outcome) }
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
