import SyncCore

/// Every type of message but Batch, which has a file of its own.
enum MessageCases {
    static let token = Token16(high: 0x0102_0304_0506_0708, low: 0x090a_0b0c_0d0e_0f10)
    static let other = Token16(high: 0xf1f2_f3f4_f5f6_f7f8, low: 0xf9fa_fbfc_fdfe_ff00)
    static let head = Digest(
        words: (
            0x1011_1213_1415_1617, 0x1819_1a1b_1c1d_1e1f, 0x2021_2223_2425_2627, 0x2829_2a2b_2c2d_2e2f
        ))
    static let origin: OriginID = 0xa1a2_a3a4_a5a6_a7a8
    static let second: OriginID = 0xb1b2_b3b4_b5b6_b7b8
    static let signature = (0..<64).map { UInt8(0x40 + $0) }
    static let clock: Milliseconds = 1_580_688_000_000
    static let feedToken = FeedToken(epoch: token, position: 70_000, hash: ShortDigest(head), step: 3)

    static let hello = Hello(
        replica: token,
        origins: [
            OriginHead(claim: OriginClaim(lane: .urgent, nonce: other), sequence: 0, head: ShortDigest(head)),
            OriginHead(
                claim: OriginClaim(lane: .routine, nonce: token), sequence: 300, head: ShortDigest(head),
                receipted: 200),
            OriginHead(
                claim: OriginClaim(lane: .routine, nonce: other), sequence: 9, head: ShortDigest(head),
                receipted: 9,
                isClosed: true),
        ], capabilities: ["a", "more-words"], dictionaries: [0, 4_294_967_295], clock: clock,
        sessionToken: other, epoch: token, feed: feedToken, urgent: Backlog(count: 1, oldestAge: 2_000),
        routine: Backlog(count: .max, oldestAge: 60_000), program: "branch-agent 1")

    static let welcome = Welcome(
        epoch: token, sessionToken: other,
        held: [
            HeldOrigin(origin: origin, sequence: 0, head: head, receipt: nil),
            HeldOrigin(
                origin: second, sequence: 300, head: head,
                receipt: Receipt(
                    origin: second, sequence: 299, head: head, time: 1_580_700_000_001, signature: signature),
                backedUp: 200),
        ], urgentWindow: 65_536, routineWindow: 4_294_967_295, maximumBatch: 0, clock: -1,
        capabilities: ["a"], dictionary: 0, settings: Array(#"{"lateAfter": "10:00"}"#.utf8))

    static func version(
        _ sequence: UInt64, _ person: String, _ fields: [(FieldID, Value)], origin: OriginID = origin,
        context: Context = .empty
    ) -> Version {
        Version(
            dot: Dot(origin: origin, sequence: sequence),
            key: RecordKey(form: "check-in", values: [.integer(18_295), .text(person)]), formRevision: 1,
            context: context, authored: clock + Int64(clamping: sequence % 1_000) * 1_000, stated: clock,
            firstCreated: clock,
            assignments: fields.map { Assignment(field: $0.0, retentionClass: 1, value: $0.1) })
    }

    static let feed: Feed = {
        let versions = [
            version(4, "T001", [(1, .decimal(unscaled: 3_650, scale: 2))]),
            version(1, "T002", [(1, .decimal(unscaled: 3_730, scale: 2))], origin: second),
            version(6, "T001", [(2, .text("校内"))]),
        ]
        return Feed(
            lane: .urgent, forms: [Array(#"{"form": "check-in"}"#.utf8)], settings: Array("{}".utf8),
            scope: [
                ScopeChange(kind: .enter, subject: "person", id: Array("T001".utf8)),
                ScopeChange(kind: .leave, subject: "unit", id: Array("GDUT/6".utf8)),
                ScopeChange(
                    kind: .leave, subject: "person", id: Array("T002".utf8),
                    kept: [-719_162 ... -1, 18_290...18_299, .max ... .max]),
            ],
            versions: FeedVersions(
                dots: versions.map(\.dot), rows: VersionColumns(versions) { $0 == 2 }),
            verdicts: [
                Verdict(dot: Dot(origin: origin, sequence: 1), kind: .quarantined, reason: "missing_key"),
                Verdict(
                    dot: Dot(origin: origin, sequence: 2), kind: .noted, reason: "unknown_person",
                    field: 65_535),
                Verdict(dot: Dot(origin: origin, sequence: 3), kind: .released, reason: ""),
                Verdict(
                    dot: Dot(origin: second, sequence: 1 << 62), kind: .heldAlready, reason: "held",
                    field: 1),
            ], token: feedToken)
    }()

    private static func words(_ count: Int) -> String { String(repeating: "w", count: count) }

    private static let connecting: [(String, String, Message)] = [
        (
            "join", "a new device",
            .join(Join(secret: token, replica: other, label: "library 图书馆", clock: clock))
        ),
        (
            "join-limits", "the longest label, the earliest time",
            .join(Join(secret: .zero, replica: .zero, label: words(64), clock: -(1 << 53)))
        ),
        (
            "joined-active", "taken at once",
            .joined(
                Joined(
                    state: .active, confirmation: 0, unit: "GDUT/6", unitName: "计算机学院", hubName: "GDUT",
                    clock: clock, settings: Array("{}".utf8)))
        ),
        (
            "joined-limits", "pending; the highest confirmation, the longest unit, the latest time",
            .joined(
                Joined(
                    state: .pending, confirmation: 999_999, unit: words(512), unitName: words(1_024),
                    hubName: "", clock: 1 << 53, settings: []))
        ),
        ("hello", "two origins and one that is closed, backlog in both lanes", .hello(hello)),
        (
            "hello-of-a-new-replica", "nothing known yet: all zero, all empty",
            .hello(
                Hello(
                    replica: token, origins: [], capabilities: [], dictionaries: [], clock: 0,
                    sessionToken: .zero, feed: .beginning, urgent: Backlog(), routine: Backlog(),
                    program: ""))
        ),
        (
            "hello-limits", "the highest sequence, 64 capabilities, one of 64 bytes, 16 dictionaries",
            .hello(
                Hello(
                    replica: token,
                    origins: [
                        OriginHead(
                            claim: OriginClaim(lane: .routine, nonce: .zero), sequence: 1 << 62, head: .zero,
                            receipted: 1 << 62)
                    ], capabilities: [words(64)] + Array(repeating: "", count: 63),
                    dictionaries: (0..<16).map { $0 }, clock: 0, sessionToken: .zero, feed: .beginning,
                    urgent: Backlog(), routine: Backlog(), program: words(64)))
        ),
        ("welcome", "an origin that is new and one with a receipt", .welcome(welcome)),
        (
            "welcome-to-a-copy", "the session token was another's, nothing is held",
            .welcome(
                Welcome(
                    epoch: token, sessionToken: .zero, isTokenUnknown: true, held: [], urgentWindow: 1,
                    routineWindow: 1, maximumBatch: 1, clock: 0, capabilities: [], dictionary: 0,
                    settings: []))
        ),
        (
            "refuse", "for load, with a time to come back",
            .refuse(Refuse(.overloaded, retryAfter: 30, words: "busy; 请稍后再试"))
        ),
        (
            "refuse-limits", "the highest code, the longest wait, the longest words",
            .refuse(
                Refuse(RefusalCode(rawValue: 65_535), retryAfter: 4_294_967_295, words: words(1_024)))
        ),
        ("close", "done", .close(Refuse(.done))),
    ]

    private static let working: [(String, String, Message)] = [
        (
            "receipt", "one signed, one not",
            .receipt(
                ReceiptFrame(
                    receipts: [
                        Receipt(
                            origin: origin, sequence: 8, head: head, time: 1_580_700_000_002,
                            signature: signature),
                        Receipt(origin: second, sequence: 1 << 62, head: head),
                    ], position: 129))
        ),
        (
            "receipt-of-nothing", "no receipt, the highest position",
            .receipt(ReceiptFrame(receipts: [], position: .max))
        ),
        ("feed", "everything that a feed may carry; the last row is after a hole", .feed(feed)),
        ("feed-empty", "nothing but the token", .feed(Feed(lane: .routine, token: .beginning))),
        ("feed-ack", "the token that was committed", .feedAck(feedToken)),
        ("mark", "position, count and sum", .mark(Mark(position: 129, count: 1_000, sum: .max))),
        (
            "heads", "asks for one head and tells another; sequence 0 is before the first version",
            .heads(
                Heads(
                    origin: origin,
                    entries: [.init(sequence: 0, head: nil), .init(sequence: 128, head: head)]))
        ),
        (
            "heads-limit", "64 entries",
            .heads(
                Heads(
                    origin: origin, entries: (0..<64).map { .init(sequence: $0 % 100, head: nil) }))
        ),
        ("fork", "another head", .fork(Fork(origin: origin, sequence: 7, head: head))),
        ("gap", "wanted: 300", .gap(Gap(origin: origin, wanted: 300))),
        (
            "gap-limit", "the highest sequence, the highest origin",
            .gap(Gap(origin: .max, wanted: 1 << 62))
        ),
        (
            "hole", "what the hub lacks through 300 is not kept any more; its receipt reached to 301",
            .hole(
                Hole(
                    sequence: 300, head: head,
                    receipt: Receipt(
                        origin: second, sequence: 301, head: head, time: -1, signature: signature),
                    epoch: token))
        ),
        ("ping", "a question", .ping(Ping(isReply: false, token: 0x0102_0304_0506_0708))),
        ("ping-answer", "the answer gives the token back", .ping(Ping(isReply: true, token: .max))),
    ]

    /// Feeds whose bytes the reference writer would choose otherwise.
    private static func feedsAnyWriter() throws -> [Case] {
        [
            try FrameCase.valid(
                "feed-with-unused-origin", "an origin that no version names",
                Bytes.frame(
                    18, MessageDefects.feed.with("origins", [2] + Bytes.word(5) + Bytes.word(9)).bytes)),
            try FrameCase.valid(
                "feed-highest-sequence", "sequences as deltas, up to 2^62",
                Bytes.frame(
                    18,
                    MessageDefects.feed.with(
                        "sequences", [2] + Bytes.zigzag(1) + [1] + Bytes.zigzag(1 << 62 - 1)
                    ).with("count", [2]).with("places", [1, 0, 0]).with("rows", RowParts.two.bytes).bytes)),
        ]
    }

    @Sendable static func file() throws -> [(String, JSON)] {
        let valid = try (connecting + working + TallyCases.messages).map {
            try FrameCase.valid($0.0, $0.1, $0.2)
        }
        return [
            ("valid", .cases(try valid + feedsAnyWriter())),
            (
                "invalid",
                .cases(
                    MessageDefects.lengths(connecting + working + TallyCases.messages)
                        + MessageDefects.numbers
                        + MessageDefects.connecting + MessageDefects.working + MessageDefects.feeds
                        + TallyCases.defects)
            ),
        ]
    }
}
