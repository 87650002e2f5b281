import SyncCore

/// A branch's session between a hub that says anything in any order and a store that answers when it likes.
struct AgentSessionRun {
    private enum Question {
        case load(Lane, of: OriginID, after: UInt64, versions: Int)
        case welcome(Welcome)
        case receipts([Receipt])
        case feed(FeedToken)
        case heads(OriginID, [UInt64])
        case heal
        case mark
    }

    private var source: ByteSource
    private var session: AgentSession
    private var now: UInt64 = 1
    private var questions: [Question] = []
    private var origins: [AgentSession.LaneOrigin] = []
    /// Highest sequence that the store believes to be receipted, by origin.
    private var believed: [OriginID: UInt64] = [:]
    private var unwritten: Lane?
    private var hasEnded = false

    init(_ source: ByteSource) {
        self.source = source
        session = AgentSession(goal: self.source.flag() ? .drain : .stay)
    }

    mutating func go() {
        let closed = (0..<source.choice(4)).map { _ in source.flag() ? Lane.urgent : .routine }
        origins = (closed + [.urgent, .routine]).enumerated().map { index, lane in
            let last = source.number(upTo: 1 << 20)
            return AgentSession.LaneOrigin(
                lane: lane, origin: UInt64(index) + 1, last: last, receipted: source.number(upTo: last),
                isClosed: index < closed.count)
        }
        for origin in origins { believed[origin.origin] = origin.receipted }
        feed(.opened(hello: source.hello(), origins: origins))
        while !source.isEmpty {
            switch source.choice(9) {
            case 0, 1, 2: feed(.received(source.message()))
            case 3: feed(.received(.welcome(source.welcome(held: held()))))
            case 4:
                now += source.number(upTo: 100_000)
                feed(.tick)
            case 5: append()
            case 6: written()
            case 7 where source.choice(16) == 0: feed(.failed(source.refuse()))
            case 7: feed(.writable(source.flag()))
            default: answer()
            }
        }
    }

    private mutating func held() -> [HeldOrigin] {
        origins.map { origin in
            HeldOrigin(
                origin: origin.origin, sequence: source.number(upTo: origin.last), head: source.head(),
                receipt: nil)
        }
    }

    private mutating func append() {
        let index = origins.count - 2 + source.choice(2)
        origins[index].last += source.number(upTo: 1_000)
        feed(.appended([origins[index].lane: origins[index].last]))
    }

    private mutating func written() {
        guard let lane = unwritten else { return }
        unwritten = nil
        feed(
            source.choice(4) == 0
                ? .batchWithheld(lane) : .batchWritten(lane, bytes: Int(source.number(upTo: 1 << 18))))
    }

    private mutating func answer() {
        guard !questions.isEmpty else { return }
        switch questions.removeFirst() {
        case .load(let lane, let id, let after, let versions):
            guard let origin = origins.first(where: { $0.origin == id }), origin.last > after else {
                return feed(.loaded(lane, nil))
            }
            let count = min(UInt64(max(1, versions)), origin.last - after, UInt64(source.choice(8)) + 1)
            feed(.loaded(lane, batch(origin.origin, after, count)))
        case .welcome(let welcome):
            if source.choice(6) == 0 {
                let partings = origins.map {
                    Parting(origin: $0.origin, common: 0, limit: source.number(upTo: $0.last))
                }
                return feed(.parted(partings))
            }
            let resumes = origins.map { origin in
                let behind = min(
                    origin.last, welcome.held.first { $0.origin == origin.origin }?.sequence ?? 0)
                let receipted = min(behind, believed[origin.origin] ?? 0)
                believed[origin.origin] = receipted
                var resume = AgentSession.Resume(
                    origin: origin.origin, behind: behind, receipted: receipted)
                if behind < origin.last, source.choice(6) == 0 {
                    resume.hole = source.hole(in: origin.origin)
                    resume.hole?.sequence = behind + 1 + source.number(upTo: origin.last - behind - 1)
                }
                return resume
            }
            feed(.welcomeStored(resumes))
        case .receipts(let receipts):
            let own = receipts.filter { receipt in
                origins.contains { $0.origin == receipt.origin && $0.last >= receipt.sequence }
            }
            for receipt in own {
                believed[receipt.origin] = max(believed[receipt.origin] ?? 0, receipt.sequence)
            }
            feed(.receiptsStored(own))
        case .feed(let token): feed(.feedStored(token))
        case .heads(let origin, let places):
            let entries = places.map { Heads.Entry(sequence: $0, head: source.flag() ? source.head() : nil) }
            feed(.headsLoaded(Heads(origin: origin, entries: entries)))
        case .heal: feed(.healed)
        case .mark: feed(.markStored(isRenewed: source.choice(8) == 0))
        }
    }

    private func batch(_ origin: OriginID, _ after: UInt64, _ count: UInt64) -> VersionBatch {
        let versions = (1...count).map { offset in
            Version(
                dot: Dot(origin: origin, sequence: after + offset),
                key: RecordKey(form: "f", values: [.integer(Int64(offset))]), formRevision: 1,
                authored: 0, stated: 0, firstCreated: 0, assignments: [])
        }
        return VersionBatch(
            origin: origin, first: after + 1, headBefore: .zero, headAfter: .zero, salts: [],
            seals: [Seal(sequence: after + count, signature: [])], rows: VersionColumns(versions))
    }

    private mutating func feed(_ event: AgentSession.Event) {
        let actions = session.handle(event, now: now)
        check(!hasEnded || actions.isEmpty, "nothing comes after the end")
        for (index, action) in actions.enumerated() {
            switch action {
            case .send(.batch(let batch), _):
                check(unwritten == nil, "one batch at a time is being written")
                unwritten = origins.first { $0.origin == batch.origin }?.lane
                check(unwritten != nil, "only own versions are sent")
            case .send: break
            case .load(let lane, let origin, let after, let versions, _):
                let isLoading = questions.contains { if case .load = $0 { true } else { false } }
                check(!isLoading, "one batch at a time is loaded")
                questions.append(.load(lane, of: origin, after: after, versions: versions))
            case .storeWelcome(let welcome): questions.append(.welcome(welcome))
            case .storeReceipts(let receipts), .storeEarlyReceipts(let receipts):
                questions.append(.receipts(receipts))
            case .storeFeed(let feed): questions.append(.feed(feed.token))
            case .storeHole(let hole):
                believed[hole.origin] = max(believed[hole.origin] ?? 0, hole.sequence)
            case .storeMark: questions.append(.mark)
            case .loadHeads(let origin, let places): questions.append(.heads(origin, places))
            case .heal: questions.append(.heal)
            case .drained:
                for origin in origins {
                    check(believed[origin.origin] == origin.last, "drained is when all is receipted")
                }
            case .end:
                check(index == actions.count - 1, "the end comes last")
                hasEnded = true
            }
        }
        check(!hasEnded || session.deadline == nil, "a session that is over wants no tick")
    }
}
