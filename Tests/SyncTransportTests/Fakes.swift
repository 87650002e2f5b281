import SyncCore
import SyncTransport
import Synchronization

/// A branch's journal of made-up versions, with what the hub has receipted.
final class FakeBranch: AgentSessionHost {
    struct State {
        var last: [Lane: UInt64] = [:]
        var receipted: [Lane: UInt64] = [:]
        var drained = 0
        var failure: (any Error)?
        /// What storing the next page of the feed throws, and what it waits for before it does.
        var feedFailure: (any Error)?
        var beforeFeedFails: (@Sendable () async -> Void)?
        /// The feed's positions that were stored.
        var fed: [UInt64] = []
    }

    static let epoch = Token16(high: 7, low: 7)
    let state: Mutex<State>
    let base: UInt64

    init(urgent: UInt64 = 0, routine: UInt64 = 0, base: UInt64 = 10) {
        self.base = base
        state = Mutex(State(last: [.urgent: urgent, .routine: routine]))
    }

    func origin(_ lane: Lane) -> OriginID { base + UInt64(lane.rawValue) }
    func lane(_ origin: OriginID) -> Lane { origin == base ? .urgent : .routine }
    func receipted(_ lane: Lane) -> UInt64 { state.withLock { $0.receipted[lane] ?? 0 } }

    func opened() async throws -> (Hello, [AgentSession.LaneOrigin]) {
        let state = self.state.withLock { $0 }
        if let failure = state.failure { throw failure }
        let hello = Hello(
            replica: Token16(high: 1, low: base), origins: [], capabilities: [], dictionaries: [], clock: 1,
            sessionToken: .zero, feed: .beginning, urgent: Backlog(), routine: Backlog(), program: "test")
        return (
            hello,
            Lane.allCases.map {
                AgentSession.LaneOrigin(
                    lane: $0, origin: origin($0), last: state.last[$0] ?? 0,
                    receipted: state.receipted[$0] ?? 0)
            }
        )
    }

    func store(_ welcome: Welcome) async throws -> AgentSession.WelcomeAnswer {
        .goOn(
            Lane.allCases.map { lane in
                AgentSession.Resume(
                    origin: origin(lane),
                    behind: welcome.held.first { $0.origin == origin(lane) }?.sequence ?? 0,
                    receipted: receipted(lane))
            })
    }

    func heads(of origin: OriginID, at sequences: [UInt64]) async throws -> Heads {
        Heads(origin: origin, entries: [])
    }

    func heal(_ points: [ForkPoint], after welcome: Welcome) async throws {}

    func load(
        _ origin: OriginID, after: UInt64, maximumVersions: Int, maximumBytes: Int
    ) async throws -> VersionBatch? {
        let last = min(state.withLock { $0.last[lane(origin)] ?? 0 }, after + UInt64(maximumVersions))
        guard last > after else { return nil }
        return FakeBranch.batch(origin: origin, sequences: (after + 1)...last)
    }

    static func batch(origin: OriginID, sequences: ClosedRange<UInt64>) -> VersionBatch {
        let versions = sequences.map { sequence in
            Version(
                dot: Dot(origin: origin, sequence: sequence),
                key: RecordKey(form: "thing", values: [.integer(Int64(sequence))]), formRevision: 1,
                authored: 1_000 + Int64(sequence), stated: 1_000, firstCreated: 1_000,
                assignments: [
                    Assignment(field: 1, retentionClass: 0, value: .text("value \(sequence &* 7_919)"))
                ])
        }
        return VersionBatch(
            origin: origin, first: sequences.lowerBound, headBefore: .zero, headAfter: .zero, salts: [],
            seals: [Seal(sequence: sequences.upperBound, signature: Array(repeating: 1, count: 64))],
            rows: VersionColumns(versions))
    }

    func store(_ receipts: [Receipt]) async throws {
        state.withLock { state in
            for receipt in receipts {
                let lane = lane(receipt.origin)
                state.receipted[lane] = max(state.receipted[lane] ?? 0, receipt.sequence)
            }
        }
    }

    func store(_ feed: Feed) async throws -> Bool {
        if let failure = state.withLock({ $0.feedFailure.take() }) {
            await state.withLock { $0.beforeFeedFails }?()
            throw failure
        }
        return state.withLock { state in
            state.fed.append(feed.token.position)
            return true
        }
    }

    func store(_ mark: Mark) async throws -> Bool { false }
    func store(_ hole: Hole) async throws {}
    func drained() async { state.withLock { $0.drained += 1 } }
}

/// A hub that holds origins in memory.
final class FakeHub: HubService {
    struct State {
        /// Every sequence taken, per origin, in order.
        var journal: [OriginID: [UInt64]] = [:]
        var batches = 0
        var position: UInt64 = 0
        /// Pages of one verdict each that are fed.
        var pages: UInt64 = 0
        /// Everything that there is to feed has been handed out.
        var hasFed = false
        var keys: [[UInt8]] = []
        /// What came before anybody could be asked.
        var refused: [(code: RefusalCode?, words: String)] = []
        var open = 0
        var closed = 0
        /// Bytes of batches that are being taken in, now and at most, and whether they wait for somebody.
        var inWork = 0
        var mostInWork = 0
        var isHolding = false
        var held: [CheckedContinuation<Void, Never>] = []
    }

    let state = Mutex(State())

    func connection(
        _ caller: Caller, moved: @escaping @Sendable () -> Void,
        close: @escaping @Sendable (Refuse) -> Void
    ) -> any HubConnectionHost {
        state.withLock {
            $0.keys.append(caller.publicKey)
            $0.open += 1
        }
        return Connection(hub: self)
    }

    func refused(_ code: RefusalCode?, _ words: String, _ caller: Caller) {
        state.withLock { $0.refused.append((code, words)) }
    }

    /// Lets everything be taken in that waits.
    func release() {
        let held = state.withLock { state in
            state.isHolding = false
            defer { state.held = [] }
            return state.held
        }
        for waiting in held { waiting.resume() }
    }

    final class Connection: HubConnectionHost {
        let hub: FakeHub
        init(hub: FakeHub) { self.hub = hub }

        func admit(_ hello: Hello) async -> Result<HubSession.Greeting, Refuse> {
            let held = hub.state.withLock { state in
                state.journal.sorted { $0.key < $1.key }.map {
                    HeldOrigin(origin: $0.key, sequence: $0.value.last ?? 0, head: .zero, receipt: nil)
                }
            }
            return .success(
                HubSession.Greeting(
                    welcome: Welcome(
                        epoch: FakeBranch.epoch, sessionToken: Token16(high: 1, low: 2), held: held,
                        urgentWindow: 65_536, routineWindow: 262_144, maximumBatch: 1_000, clock: 1,
                        capabilities: [], dictionary: 0, settings: []),
                    feed: .beginning))
        }

        func join(_ join: Join) async -> Result<Joined, Refuse> {
            guard join.secret == Token16(high: 5, low: 5) else { return .failure(Refuse(.codeUnknown)) }
            return .success(
                Joined(
                    state: .active, confirmation: 0, unit: "A1", unitName: "A1", hubName: "hub", clock: 1,
                    settings: []))
        }

        func ingest(_ batch: VersionBatch) async -> HubSession.Outcome {
            let bytes = batch.rows.footprint + batch.encodedRows.count
            hub.state.withLock {
                $0.inWork += bytes
                $0.mostInWork = max($0.mostInWork, $0.inWork)
            }
            await withCheckedContinuation { waiting in
                let isHolding = hub.state.withLock { state in
                    if state.isHolding { state.held.append(waiting) }
                    return state.isHolding
                }
                if !isHolding { waiting.resume() }
            }
            return hub.state.withLock { state in
                state.inWork -= bytes
                let last = state.journal[batch.origin]?.last ?? 0
                guard batch.first <= last + 1 else {
                    return .gap(Gap(origin: batch.origin, wanted: last + 1))
                }
                if batch.last > last {
                    state.journal[batch.origin, default: []] += (last + 1)...batch.last
                    state.position += 1
                }
                state.batches += 1
                return .held(
                    receipt: Receipt(
                        origin: batch.origin, sequence: max(last, batch.last), head: .zero,
                        signature: Array(repeating: 2, count: 64)),
                    position: state.position)
            }
        }

        func pass(_ hole: Hole) async -> HubSession.Outcome { .refused(Refuse(.protocolError)) }

        func feed(after: FeedToken, maximumItems: Int) async throws -> HubSession.FeedPage {
            let (position, pages) = hub.state.withLock { ($0.position, $0.pages) }
            guard after.position >= pages else {
                let verdict = Verdict(dot: Dot(origin: 10, sequence: 1), kind: .noted, reason: "none")
                let token = FeedToken(epoch: FakeBranch.epoch, position: after.position + 1, hash: .zero)
                return .page(Feed(lane: .routine, verdicts: [verdict], token: token))
            }
            hub.state.withLock { $0.hasFed = true }
            return .complete(Mark(position: position, count: 0, sum: 0))
        }

        func heads(_ question: Heads) async throws -> Heads { question }
        func confirm(_ token: FeedToken) async {}
        func closed(_ end: ConnectionEnd) async { hub.state.withLock { $0.closed += 1 } }
    }
}
