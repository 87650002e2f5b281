import SyncCore
import Testing

/// Both machines back to back, with tiny hosts, over a line that is cut anywhere.
@Suite struct SessionPairTests {
    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
            return mixed ^ (mixed >> 31)
        }
    }

    /// What lasts over connections.
    struct World {
        var last: [Lane: UInt64]
        var believed: [Lane: UInt64] = [.urgent: 0, .routine: 0]
        /// Every sequence that the hub has taken, per lane, in order.
        var journal: [Lane: [UInt64]] = [.urgent: [], .routine: []]
        var position: UInt64 = 0
        /// A seal stands at every sequence that this divides, and at the last one.
        var sealEvery: UInt64 = 7
    }

    static func origin(_ lane: Lane) -> OriginID { 100 + UInt64(lane.rawValue) }
    static func lane(_ origin: OriginID) -> Lane { origin == 100 ? .urgent : .routine }

    static func batch(_ lane: Lane, _ range: ClosedRange<UInt64>, _ world: World) -> VersionBatch {
        let versions = range.map {
            Version(
                dot: Dot(origin: origin(lane), sequence: $0),
                key: RecordKey(form: "f", values: [.integer(1)]),
                formRevision: 1, authored: 0, stated: 0, firstCreated: 0, assignments: [])
        }
        let seals = range.filter { $0 % world.sealEvery == 0 || $0 == world.last[lane] }
        return VersionBatch(
            origin: origin(lane), first: range.lowerBound, headBefore: .zero, headAfter: .zero, salts: [],
            seals: seals.map { Seal(sequence: $0, signature: []) }, rows: VersionColumns(versions))
    }

    static let welcome = Welcome(
        epoch: .zero, sessionToken: .zero, held: [], urgentWindow: 4_096, routineWindow: 8_192,
        maximumBatch: 50, clock: 0, capabilities: [], dictionary: 0, settings: [])

    /// One connection; cut after `cut` deliveries.
    ///
    /// - Returns: whether it ended drained.
    static func connect(_ world: inout World, cut: Int, using generator: inout Generator) -> Bool {
        var line = Line(world: world)
        var steps = 0
        while !line.isOver, steps < cut, line.step(using: &generator) { steps += 1 }
        world = line.world
        return line.isDrained
    }

    /// Both machines, what waits for each of them, and what is on its way.
    struct Line {
        var world: World
        var isDrained = false
        var isOver = false
        private var agent = AgentSession(goal: .drain)
        private var hub = HubSession()
        private var now: UInt64 = 1_000
        private var down: [Message] = []
        private var up: [(message: Message, bytes: Int)] = []
        private var agentEvents: [AgentSession.Event]
        private var hubEvents: [HubSession.Event] = [.opened]

        init(world: World) {
            self.world = world
            let hello = Hello(
                replica: .zero, origins: [], capabilities: [], dictionaries: [], clock: 0,
                sessionToken: .zero,
                feed: .beginning, urgent: Backlog(), routine: Backlog(), program: "")
            let origins = Lane.allCases.map { lane in
                AgentSession.LaneOrigin(
                    lane: lane, origin: SessionPairTests.origin(lane), last: world.last[lane] ?? 0,
                    receipted: world.believed[lane] ?? 0)
            }
            agentEvents = [.opened(hello: hello, origins: origins)]
        }

        /// Delivers one thing, drawn from all that could come next; false when nothing is left.
        mutating func step(using generator: inout Generator) -> Bool {
            now += 1
            var choices: [Int] = []
            if !agentEvents.isEmpty { choices.append(0) }
            if !hubEvents.isEmpty { choices.append(1) }
            if !up.isEmpty { choices.append(2) }
            if !down.isEmpty { choices.append(3) }
            switch choices.randomElement(using: &generator) {
            case 0: carryOut(agent.handle(agentEvents.removeFirst(), now: now))
            case 1: carryOut(hub.handle(hubEvents.removeFirst(), now: now))
            case 2:
                let (message, bytes) = up.removeFirst()
                carryOut(hub.handle(.received(message, wireBytes: bytes), now: now))
            case 3: carryOut(agent.handle(.received(down.removeFirst()), now: now))
            default: return false
            }
            return true
        }

        private mutating func carryOut(_ actions: [AgentSession.Action]) {
            for action in actions {
                switch action {
                case .send(let message, _): send(message)
                case .load(let lane, _, let after, let versions, _):
                    let last = min(world.last[lane] ?? 0, after + UInt64(versions))
                    let batch = last > after ? SessionPairTests.batch(lane, (after + 1)...last, world) : nil
                    agentEvents.append(.loaded(lane, batch))
                case .storeWelcome(let welcome):
                    believe(welcome.held.compactMap(\.receipt))
                    let resumes = welcome.held.map {
                        AgentSession.Resume(
                            origin: $0.origin, behind: $0.sequence,
                            receipted: world.believed[SessionPairTests.lane($0.origin)] ?? 0)
                    }
                    agentEvents.append(.welcomeStored(resumes))
                case .storeReceipts(let receipts), .storeEarlyReceipts(let receipts):
                    believe(receipts)
                    agentEvents.append(.receiptsStored(receipts))
                case .storeFeed(let feed): agentEvents.append(.feedStored(feed.token))
                case .storeMark: agentEvents.append(.markStored(isRenewed: false))
                case .storeHole, .loadHeads, .heal: break
                case .drained: isDrained = true
                case .end: isOver = true
                }
            }
        }

        private mutating func send(_ message: Message) {
            guard case .batch(let batch) = message else { return up.append((message, 50)) }
            let bytes = 100 + 40 * batch.count
            up.append((message, bytes))
            carryOut(agent.handle(.batchWritten(SessionPairTests.lane(batch.origin), bytes: bytes), now: now))
        }

        private mutating func believe(_ receipts: [Receipt]) {
            for receipt in receipts {
                let lane = SessionPairTests.lane(receipt.origin)
                world.believed[lane] = max(world.believed[lane] ?? 0, receipt.sequence)
            }
        }

        private mutating func carryOut(_ actions: [HubSession.Action]) {
            for action in actions {
                switch action {
                case .send(let message, _): down.append(message)
                case .admit: hubEvents.append(.admitted(.success(greeting())))
                case .join, .confirmFeed, .loadHeads, .answer, .pass, .end: break
                case .ingest(let batch): hubEvents.append(.ingested(SessionPairTests.ingest(batch, &world)))
                case .loadFeed:
                    let mark = Mark(position: world.position, count: 0, sum: 0)
                    hubEvents.append(.feedLoaded(.complete(mark)))
                }
            }
        }

        private func greeting() -> HubSession.Greeting {
            var welcome = SessionPairTests.welcome
            welcome.held = Lane.allCases.map { lane in
                let held = world.journal[lane]?.last ?? 0
                return HeldOrigin(
                    origin: SessionPairTests.origin(lane), sequence: held, head: .zero,
                    receipt: SessionPairTests.receipt(lane, held, world))
            }
            return HubSession.Greeting(welcome: welcome, feed: .beginning)
        }
    }

    static func receipt(_ lane: Lane, _ held: UInt64, _ world: World) -> Receipt? {
        let sealed = held == world.last[lane] ? held : held / world.sealEvery * world.sealEvery
        return sealed > 0 ? Receipt(origin: origin(lane), sequence: sealed, head: .zero) : nil
    }

    static func ingest(_ batch: VersionBatch, _ world: inout World) -> HubSession.Outcome {
        let lane = lane(batch.origin)
        let last = world.journal[lane]?.last ?? 0
        guard batch.first <= last + 1 else { return .gap(Gap(origin: batch.origin, wanted: last + 1)) }
        if batch.last > last {
            world.journal[lane, default: []] += (last + 1)...batch.last
            world.position += 1
        }
        let held = max(last, batch.last)
        let receipt = Self.receipt(lane, held, world)
        return .held(receipt: receipt, position: world.position)
    }

    @Test(arguments: 0..<60)
    func endsDrainedWhereverTheLineIsCut(seed: Int) {
        var generator = Generator(state: UInt64(seed))
        // Some worlds have tails without a seal that are larger than any window.
        var world = World(last: [.urgent: UInt64.random(in: 0...90, using: &generator), .routine: 900])
        world.sealEvery = [1, 7, 400, 10_000][seed % 4]
        var cut = 1
        var isDrained = false
        for _ in 0..<80 where !isDrained {
            isDrained = SessionPairTests.connect(&world, cut: cut, using: &generator)
            cut += Int.random(in: 0...12, using: &generator)
        }
        if !isDrained { isDrained = SessionPairTests.connect(&world, cut: 100_000, using: &generator) }
        #expect(isDrained, "seed \(seed)")
        for lane in Lane.allCases {
            let last = world.last[lane] ?? 0
            #expect(world.journal[lane] == (last == 0 ? [] : Array(1...last)), "seed \(seed)")
            #expect(world.believed[lane] == last, "seed \(seed)")
        }
    }

    @Test func aHubThatWasRestoredGetsAgainWhatItHadReceipted() {
        var generator = Generator(state: 1)
        var world = World(last: [.urgent: 20, .routine: 100])
        world.believed = [.urgent: 10, .routine: 100]
        world.journal = [.urgent: [1, 2, 3], .routine: Array(1...40)]
        #expect(SessionPairTests.connect(&world, cut: 100_000, using: &generator))
        #expect(world.journal[.urgent] == Array(1...20))
        #expect(world.journal[.routine] == Array(1...100))
    }
}
