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
        var agent = AgentSession(goal: .drain)
        var hub = HubSession()
        var now: UInt64 = 1_000
        var down: [Message] = []
        var up: [(Message, Int)] = []
        var agentEvents: [AgentSession.Event] = []
        var hubEvents: [HubSession.Event] = [.opened]
        var isDrained = false
        var isOver = false
        var steps = 0
        let hello = Hello(
            replica: .zero, origins: [], capabilities: [], dictionaries: [], clock: 0, sessionToken: .zero,
            feed: .beginning, urgent: Backlog(), routine: Backlog(), program: "")
        agentEvents.append(
            .opened(
                hello: hello,
                origins: Lane.allCases.map { lane in
                    AgentSession.LaneOrigin(
                        lane: lane, origin: origin(lane), last: world.last[lane] ?? 0,
                        receipted: world.believed[lane] ?? 0)
                }))
        while !isOver, steps < cut {
            steps += 1
            now += 1
            var choices: [Int] = []
            if !agentEvents.isEmpty { choices.append(0) }
            if !hubEvents.isEmpty { choices.append(1) }
            if !up.isEmpty { choices.append(2) }
            if !down.isEmpty { choices.append(3) }
            guard let choice = choices.randomElement(using: &generator) else { break }
            var agentActions: [AgentSession.Action] = []
            var hubActions: [HubSession.Action] = []
            switch choice {
            case 0: agentActions = agent.handle(agentEvents.removeFirst(), now: now)
            case 1: hubActions = hub.handle(hubEvents.removeFirst(), now: now)
            case 2:
                let (message, bytes) = up.removeFirst()
                hubActions = hub.handle(.received(message, wireBytes: bytes), now: now)
            default: agentActions = agent.handle(.received(down.removeFirst()), now: now)
            }
            while !agentActions.isEmpty {
                switch agentActions.removeFirst() {
                case .send(let message, _):
                    var bytes = 50
                    if case .batch(let batch) = message {
                        bytes = 100 + 40 * batch.count
                        agentActions += agent.handle(
                            .batchWritten(lane(batch.origin), bytes: bytes), now: now)
                    }
                    up.append((message, bytes))
                case .load(let lane, let after, let versions, _):
                    let last = min(world.last[lane] ?? 0, after + UInt64(versions))
                    agentEvents.append(
                        .loaded(lane, last > after ? batch(lane, (after + 1)...last, world) : nil))
                case .storeWelcome(let welcome):
                    for receipt in welcome.held.compactMap(\.receipt) {
                        let lane = lane(receipt.origin)
                        world.believed[lane] = max(world.believed[lane] ?? 0, receipt.sequence)
                    }
                    agentEvents.append(
                        .welcomeStored(
                            welcome.held.map {
                                AgentSession.Resume(
                                    origin: $0.origin, behind: $0.sequence,
                                    receipted: world.believed[lane($0.origin)] ?? 0)
                            }))
                case .storeReceipts(let receipts):
                    for receipt in receipts {
                        let lane = lane(receipt.origin)
                        world.believed[lane] = max(world.believed[lane] ?? 0, receipt.sequence)
                    }
                    agentEvents.append(.receiptsStored(receipts))
                case .storeFeed(let feed): agentEvents.append(.feedStored(feed.token))
                case .storeMark: break
                case .drained: isDrained = true
                case .end: isOver = true
                }
            }
            for action in hubActions {
                switch action {
                case .send(let message, _): down.append(message)
                case .admit:
                    var welcome = Self.welcome
                    welcome.held = Lane.allCases.map { lane in
                        let held = world.journal[lane]?.last ?? 0
                        return HeldOrigin(
                            origin: origin(lane), sequence: held, head: .zero,
                            receipt: receipt(lane, held, world))
                    }
                    hubEvents.append(.admitted(.success(.init(welcome: welcome, feed: .beginning))))
                case .join, .confirmFeed: break
                case .ingest(let batch): hubEvents.append(.ingested(ingest(batch, &world)))
                case .loadFeed:
                    hubEvents.append(
                        .feedLoaded(.complete(Mark(position: world.position, count: 0, sum: 0))))
                case .end: break
                }
            }
        }
        return isDrained
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
