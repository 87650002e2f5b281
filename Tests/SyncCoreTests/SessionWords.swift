import SyncCore

/// What a session does, in short words, so that tables can say what must come.
func words(_ actions: [AgentSession.Action]) -> String {
    actions.map { action in
        switch action {
        case .send(let message, _): word(message)
        case .load(let lane, _, let after, _, _): "load \(lane) \(after)"
        case .storeWelcome: "storeWelcome"
        case .loadHeads(_, let places): "loadHeads \(places.first ?? 0)-\(places.last ?? 0)"
        case .heal(let points, _): "heal " + points.map { "\($0.sequence)" }.joined(separator: " ")
        case .storeReceipts: "storeReceipts"
        case .storeEarlyReceipts: "storeEarlyReceipts"
        case .storeHole(let hole): "storeHole \(hole.sequence)"
        case .storeFeed: "storeFeed"
        case .storeMark: "storeMark"
        case .drained: "drained"
        case .end(let refuse): refuse.map { "end \($0.code.rawValue)" } ?? "end"
        }
    }.joined(separator: ", ")
}

func words(_ actions: [HubSession.Action]) -> String {
    actions.map { action in
        switch action {
        case .send(let message, _): word(message)
        case .admit: "admit"
        case .join: "join"
        case .ingest(let batch): "ingest \(batch.first)-\(batch.last)"
        case .pass(let hole): "pass \(hole.sequence)"
        case .loadFeed(let token, _): "loadFeed \(token.position)"
        case .confirmFeed(let token): "confirmFeed \(token.position)"
        case .loadHeads: "loadHeads"
        case .answer(let question): "answer \(question.paths.count)"
        case .end(let refuse): refuse.map { "end \($0.code.rawValue)" } ?? "end"
        }
    }.joined(separator: ", ")
}

func words(_ actions: [ReconcileSession.Action]) -> String {
    actions.map { action in
        switch action {
        case .send(let message, _): word(message)
        case .look: "look"
        case .end(let refuse): refuse.map { "end \($0.code.rawValue)" } ?? "end"
        }
    }.joined(separator: ", ")
}

private func word(_ message: Message) -> String {
    switch message {
    case .close(let refuse): "close \(refuse.code.rawValue)"
    case .refuse(let refuse): "refuse \(refuse.code.rawValue)"
    case .ping(let ping): ping.isReply ? "pong" : "ping"
    case .batch(let batch): "batch \(batch.first)-\(batch.last)"
    case .feedAck(let token): "feedAck \(token.position)"
    case .gap(let gap): "gap \(gap.wanted)"
    case .hole(let hole): "hole \(hole.sequence)"
    case .hello: "hello"
    case .welcome: "welcome"
    case .joined: "joined"
    case .receipt: "receipt"
    case .feed: "feed"
    case .mark: "mark"
    case .fork: "fork"
    case .heads: "heads"
    case .join: "join"
    case .ask(let question): "ask \(question.paths.count)"
    case .tally: "tally"
    case .unknown: "unknown"
    }
}

/// One message of each kind, and what sessions need around them.
enum Talk {
    static let epoch = Token16(high: 3, low: 4)
    static let urgent: OriginID = 100
    static let routine: OriginID = 101

    static func hello(urgent: UInt64 = 0, routine: UInt64 = 0) -> Hello {
        Hello(
            replica: .zero,
            origins: [
                OriginHead(
                    claim: OriginClaim(lane: .urgent, nonce: .zero), sequence: urgent, head: .zero),
                OriginHead(
                    claim: OriginClaim(lane: .routine, nonce: .zero), sequence: routine, head: .zero),
            ], capabilities: [], dictionaries: [], clock: 0, sessionToken: .zero, feed: .beginning,
            urgent: Backlog(), routine: Backlog(), program: "test")
    }

    static func origins(urgent: UInt64 = 0, routine: UInt64 = 0) -> [AgentSession.LaneOrigin] {
        [
            AgentSession.LaneOrigin(lane: .urgent, origin: Talk.urgent, last: urgent, receipted: 0),
            AgentSession.LaneOrigin(lane: .routine, origin: Talk.routine, last: routine, receipted: 0),
        ]
    }

    static func welcome(
        urgent: UInt64 = 0, routine: UInt64 = 0, window: UInt32 = 65_536, maximumBatch: UInt32 = 1_000
    ) -> Welcome {
        Welcome(
            epoch: epoch, sessionToken: .zero,
            held: [
                HeldOrigin(origin: Talk.urgent, sequence: urgent, head: .zero, receipt: nil),
                HeldOrigin(origin: Talk.routine, sequence: routine, head: .zero, receipt: nil),
            ], urgentWindow: window, routineWindow: window, maximumBatch: maximumBatch, clock: 0,
            capabilities: [], dictionary: 0, settings: [])
    }

    /// - Parameter isSealed: with a seal at its end.
    static func batch(_ origin: OriginID, _ range: ClosedRange<UInt64>, isSealed: Bool = true) -> VersionBatch
    {
        let versions = range.map {
            Version(
                dot: Dot(origin: origin, sequence: $0), key: RecordKey(form: "f", values: [.integer(1)]),
                formRevision: 1, authored: 0, stated: 0, firstCreated: 0, assignments: [])
        }
        return VersionBatch(
            origin: origin, first: range.lowerBound, headBefore: .zero, headAfter: .zero, salts: [],
            seals: isSealed ? [Seal(sequence: range.upperBound, signature: [])] : [],
            rows: VersionColumns(versions))
    }

    static func receipt(_ origin: OriginID, _ sequence: UInt64, position: UInt64 = 1) -> Message {
        .receipt(
            ReceiptFrame(
                receipts: [Receipt(origin: origin, sequence: sequence, head: .zero)], position: position))
    }

    static func token(_ position: UInt64, epoch: Token16 = Talk.epoch) -> FeedToken {
        FeedToken(epoch: epoch, position: position, hash: .zero)
    }

    /// - Parameter isEmpty: it only moves the token on.
    static func feed(_ position: UInt64, epoch: Token16 = Talk.epoch, isEmpty: Bool = false) -> Message {
        let verdict = Verdict(
            dot: Dot(origin: Talk.urgent, sequence: 1), kind: .noted, reason: "late")
        return .feed(
            Feed(lane: .routine, verdicts: isEmpty ? [] : [verdict], token: token(position, epoch: epoch)))
    }

    static func hole(_ origin: OriginID, _ sequence: UInt64) -> Hole {
        Hole(
            sequence: sequence, head: .zero,
            receipt: Receipt(origin: origin, sequence: sequence, head: .zero), epoch: .zero)
    }

    static func mark(_ position: UInt64) -> Message { .mark(Mark(position: position, count: 0, sum: 0)) }
    static let question = Message.ping(Ping(isReply: false, token: 9))
    static let pong = Message.ping(Ping(isReply: true, token: 9))
    static let join = Message.join(Join(secret: .zero, replica: .zero, label: "", clock: 0))
    static let joined = Joined(
        state: .active, confirmation: 0, unit: "", unitName: "", hubName: "", clock: 0, settings: [])

    /// Every message there is, by name.
    static let all: [(name: String, message: Message)] = [
        ("join", join), ("joined", .joined(joined)), ("hello", .hello(hello())),
        ("welcome", .welcome(welcome())), ("refuse", .refuse(Refuse(.overloaded, retryAfter: 5))),
        ("batch", .batch(batch(urgent, 1...3))), ("receipt", receipt(urgent, 3)), ("feed", feed(1)),
        ("feedAck", .feedAck(token(1))), ("mark", mark(0)),
        ("heads", .heads(Heads(origin: urgent, entries: []))),
        ("fork", .fork(Fork(origin: urgent, sequence: 0, head: .zero))),
        ("gap", .gap(Gap(origin: urgent, wanted: 1))), ("hole", .hole(hole(urgent, 3))),
        ("question", question), ("pong", pong),
        ("done", .close(Refuse(.done))), ("close", .close(Refuse(.limitExceeded))),
        ("ask", .ask(TallyQuestion(position: 0, own: [], paths: [.all]))),
        ("tally", .tally(TallyAnswer(position: 0, today: 0, parts: []))),
        ("unknown", .unknown(type: 99)),
    ]
}
