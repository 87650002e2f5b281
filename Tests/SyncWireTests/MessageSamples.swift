import SyncCore

extension Samples {
    static func token(_ random: inout SeededGenerator) -> Token16 { Token16(using: &random) }

    static func digest(_ random: inout SeededGenerator) -> Digest {
        Digest(words: (random.next(), random.next(), random.next(), random.next()))
    }

    static func feedToken(_ random: inout SeededGenerator) -> FeedToken {
        FeedToken(epoch: token(&random), position: random.next(), hash: ShortDigest(digest(&random)))
    }

    static func signature(_ random: inout SeededGenerator) -> [UInt8] {
        (0..<64).map { _ in UInt8(random.number(0...255)) }
    }

    static func receipt(_ random: inout SeededGenerator) -> Receipt {
        Receipt(origin: 5, sequence: 1 << 40, head: digest(&random), signature: signature(&random))
    }

    static func batch(_ count: Int, _ random: inout SeededGenerator) -> VersionBatch {
        VersionBatch(
            origin: 77, first: 9, headBefore: digest(&random), headAfter: digest(&random),
            salts: [SaltGrant(day: -3, retentionClass: 2, salt: token(&random))],
            seals: [
                Seal(sequence: 9, signature: signature(&random)),
                Seal(sequence: 8 + UInt64(count), signature: signature(&random)),
            ], rows: VersionColumns(versions(count, &random)))
    }

    /// One message of every type, with everything optional once there and once not.
    static func messages(seed: UInt64) -> [Message] {
        var random = SeededGenerator(seed: seed)
        let refuse = Refuse(.overloaded, retryAfter: 30, words: "满 full")
        let feed = Feed(
            lane: .urgent, forms: [Array("{}".utf8)], settings: [1, 2],
            scope: [ScopeChange(kind: .leave, subject: "person", id: Array("2017010062".utf8))],
            versions: FeedVersions(
                dots: (0..<5).map { _ in dot(&random) }, rows: VersionColumns(versions(5, &random))),
            verdicts: [Verdict(dot: dot(&random), kind: .noted, reason: "unknown_person", field: 7)],
            token: feedToken(&random))
        return [
            .join(Join(secret: token(&random), replica: token(&random), label: "书记的电脑", clock: -5)),
            .joined(
                Joined(
                    state: .pending, confirmation: 123_456, unit: "B02", unitName: "二班", hubName: "hub",
                    clock: 1_580_000_000_000, settings: Array("{}".utf8))),
            .hello(
                Hello(
                    replica: token(&random),
                    origins: [
                        OriginHead(
                            claim: OriginClaim(lane: .routine, nonce: token(&random)), sequence: 4,
                            head: ShortDigest(digest(&random)))
                    ], capabilities: ["a", "b"], dictionaries: [0, 3], clock: 7, sessionToken: token(&random),
                    feed: feedToken(&random), urgent: Backlog(count: 1, oldestAge: 2), routine: Backlog(),
                    program: "branch-agent 1")),
            .welcome(
                Welcome(
                    epoch: token(&random), sessionToken: token(&random),
                    held: [
                        HeldOrigin(origin: 1, sequence: 0, head: digest(&random), receipt: nil),
                        HeldOrigin(origin: 5, sequence: 9, head: digest(&random), receipt: receipt(&random)),
                    ], urgentWindow: 1, routineWindow: 2, maximumBatch: 400, clock: 7, capabilities: [],
                    dictionary: 0, settings: [])),
            .refuse(refuse), .close(refuse), .batch(batch(12, &random)),
            .receipt(ReceiptFrame(receipts: [receipt(&random)], position: 300)),
            .feed(feed), .feed(Feed(lane: .routine, token: .beginning)), .feedAck(feedToken(&random)),
            .mark(Mark(position: .max, count: 3, sum: .max)),
            .heads(
                Heads(origin: 3, entries: [.init(sequence: 5, head: nil), .init(sequence: 6, head: .zero)])),
            .fork(Fork(origin: 3, sequence: 5, head: digest(&random))), .gap(Gap(origin: 3, wanted: 1)),
            .ping(Ping(isReply: true, token: .max)), .ask(question(&random)), .tally(tally(&random)),
        ]
    }

    static let paths: [TallyPath] = {
        let form = Array("check-in".utf8)
        let unit = Array("计/6".utf8)
        return [
            .all, .period(form: form, period: -1), .day(form: form, day: 18_295), .day(form: form, day: nil),
            .unit(form: form, day: 18_295, unit: unit), .unit(form: form, day: nil, unit: []),
            .bucket(form: form, day: nil, unit: unit, depth: 1, prefix: 63),
            .bucket(form: form, day: -4, unit: unit, depth: TallyPath.deepest, prefix: 1 << 60 - 1),
        ]
    }()

    static func question(_ random: inout SeededGenerator) -> TallyQuestion {
        TallyQuestion(
            position: random.next(), own: [Dot(origin: 3, sequence: 1 << 62)],
            paths: Array(paths.dropFirst()))
    }

    static func tally(_ random: inout SeededGenerator) -> TallyAnswer {
        let place = TallyPlace(form: Array("check-in".utf8), day: 18_295, unit: Array("计/6".utf8))
        let parts = paths.dropLast().map { path -> TallyAnswer.Part in
            let group = place.inside(path).map {
                TallyGroup(path: $0, tally: Tally(count: 3, sum: random.next(), moving: 1))
            }
            return TallyAnswer.Part(
                path: path, content: .groups([group].compactMap { $0 }), isCut: random.next() % 2 == 0)
        }
        let records = (0..<3).map { number in
            TallyRecord(
                key: [UInt8(number)], print: random.next(), flags: TallyFlags(rawValue: UInt8(number)))
        }
        return TallyAnswer(
            position: random.next(), today: -7,
            parts: parts + [TallyAnswer.Part(path: paths[7], content: .records(records))])
    }
}

extension TallyPlace {
    /// The child of `path` that a record here, or one like it, would lie in.
    fileprivate func inside(_ path: TallyPath) -> TallyPath? {
        guard let days = path.days else {
            return path.child(TallyPlace(form: form, day: path == .all ? day : nil, unit: unit), hash: .max)
        }
        return path.child(TallyPlace(form: form, day: days.lowerBound, unit: unit), hash: .max)
    }
}

extension Message {
    /// Without the bytes that a batch keeps as it came.
    var bare: Message {
        guard case .batch(var batch) = self else { return self }
        batch.encodedRows = []
        return .batch(batch)
    }
}
