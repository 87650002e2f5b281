import SyncCore

/// Bytes read as choices: what a target is to do next, and with which values. Ends when they do.
struct ByteSource {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

    var isEmpty: Bool { bytes.isEmpty }

    mutating func byte() -> UInt8 { bytes.popFirst() ?? 0 }

    /// Below `bound`.
    mutating func choice(_ bound: Int) -> Int { Int(byte()) % bound }
    mutating func flag() -> Bool { byte() & 1 == 1 }

    /// Mostly small; now and then at an end of what `limit` allows.
    mutating func number(upTo limit: UInt64 = .max) -> UInt64 {
        let first = byte()
        switch first {
        case 0...199: return min(limit, UInt64(first % 20))
        case 200...229: return limit - min(limit, UInt64(first - 200))
        default: return min(limit, (0..<8).reduce(0) { word, _ in word << 8 | UInt64(byte()) })
        }
    }

    mutating func head() -> Digest { Digest(words: (0, 0, 0, UInt64(byte() % 4))) }
    mutating func token() -> Token16 { Token16(high: 0, low: UInt64(byte() % 4)) }
    /// One of four origins.
    mutating func origin() -> OriginID { UInt64(byte() % 4) + 1 }
    mutating func lane() -> Lane { flag() ? .urgent : .routine }
}

extension ByteSource {
    mutating func list<Item>(upTo limit: Int, _ item: (inout ByteSource) -> Item) -> [Item] {
        (0..<choice(limit + 1)).map { _ in item(&self) }
    }

    mutating func refuse() -> Refuse {
        Refuse(RefusalCode(rawValue: UInt16(byte())), retryAfter: UInt32(byte()))
    }

    mutating func feedToken() -> FeedToken {
        FeedToken(epoch: token(), position: number(), hash: ShortDigest(head()))
    }

    mutating func receipt() -> Receipt {
        Receipt(origin: origin(), sequence: number(upTo: Limits.sequence), head: head(), signature: [])
    }

    mutating func hole(in origin: OriginID? = nil) -> Hole {
        var receipt = receipt()
        if let origin { receipt.origin = origin }
        return Hole(
            sequence: number(upTo: receipt.sequence), head: head(), receipt: receipt, epoch: token())
    }

    mutating func batch() -> VersionBatch {
        let origin = origin()
        let count = UInt64(choice(4)) + 1
        let first = max(1, number(upTo: Limits.sequence - count))
        let versions = (0..<count).map { offset in
            Version(
                dot: Dot(origin: origin, sequence: first + offset),
                key: RecordKey(form: "f", values: [.integer(Int64(offset))]), formRevision: 1,
                authored: 0, stated: 0, firstCreated: 0, assignments: [])
        }
        return VersionBatch(
            origin: origin, first: first, headBefore: head(), headAfter: head(), salts: [],
            seals: flag() ? [Seal(sequence: first + count - 1, signature: [])] : [],
            rows: VersionColumns(versions))
    }

    mutating func hello() -> Hello {
        let origins = list(upTo: 4) { source in
            OriginHead(
                claim: OriginClaim(lane: source.lane(), nonce: source.token()),
                sequence: source.number(upTo: Limits.sequence), head: ShortDigest(source.head()),
                receipted: source.number(upTo: Limits.sequence), isClosed: source.flag())
        }
        return Hello(
            replica: token(), origins: origins, capabilities: capabilities(), dictionaries: [],
            clock: Int64(byte()),
            sessionToken: token(), epoch: token(), feed: feedToken(),
            urgent: Backlog(count: number(), oldestAge: number()),
            routine: Backlog(count: number(), oldestAge: number()), program: "")
    }

    /// - Parameter held: the hub's answer for each origin of a Hello; nil makes some up.
    mutating func welcome(held: [HeldOrigin]? = nil) -> Welcome {
        let held =
            held
            ?? list(upTo: 4) { source in
                HeldOrigin(
                    origin: source.origin(), sequence: source.number(upTo: Limits.sequence),
                    head: source.head(), receipt: source.flag() ? source.receipt() : nil)
            }
        return Welcome(
            epoch: token(), sessionToken: token(), isTokenUnknown: choice(8) == 0, held: held,
            urgentWindow: UInt32(truncatingIfNeeded: number()),
            routineWindow: UInt32(truncatingIfNeeded: number()),
            maximumBatch: UInt32(truncatingIfNeeded: number()), clock: 0, capabilities: capabilities(),
            dictionary: 0,
            settings: [])
    }

    /// Now and then the one that makes a session of questions.
    mutating func capabilities() -> [String] {
        choice(6) == 0 ? [ReconcileSession.capability] : []
    }

    mutating func joined() -> Joined {
        Joined(
            state: flag() ? .active : .pending, confirmation: UInt32(byte()), unit: "", unitName: "",
            hubName: "", clock: 0, settings: [])
    }

    mutating func verdict() -> Verdict {
        Verdict(
            dot: Dot(origin: origin(), sequence: number(upTo: Limits.sequence)),
            kind: Verdict.Kind(rawValue: byte() % 4 + 1) ?? .noted, reason: "r", field: FieldID(byte()))
    }

    mutating func scopeChange() -> ScopeChange {
        ScopeChange(kind: flag() ? .enter : .leave, subject: "person", id: [byte()])
    }

    mutating func feed() -> Feed {
        Feed(
            lane: lane(), settings: flag() ? [0x7b, 0x7d] : [], scope: list(upTo: 2) { $0.scopeChange() },
            verdicts: list(upTo: 2) { $0.verdict() }, token: feedToken())
    }

    mutating func heads() -> Heads {
        Heads(
            origin: origin(),
            entries: list(upTo: 5) { source in
                Heads.Entry(
                    sequence: source.number(upTo: Limits.sequence), head: source.flag() ? source.head() : nil)
            })
    }

    /// One of a few places.
    mutating func place() -> (form: [UInt8], day: Int32?, unit: [UInt8]) {
        ([0x66 + byte() % 2], flag() ? Int32(choice(40)) : nil, flag() ? [0x75] : [])
    }

    mutating func path() -> TallyPath {
        let (form, day, unit) = place()
        switch choice(5) {
        case 0: return .all
        case 1: return .period(form: form, period: Int32(choice(3)) - 1)
        case 2: return .day(form: form, day: day)
        case 3: return .unit(form: form, day: day, unit: unit)
        default:
            let depth = UInt8(choice(Int(TallyPath.deepest))) + 1
            let bits = 6 * UInt64(depth)
            return .bucket(
                form: form, day: day, unit: unit, depth: depth, prefix: number(upTo: 1 << bits - 1))
        }
    }

    mutating func question() -> TallyQuestion {
        TallyQuestion(
            position: number(),
            own: list(upTo: 2) { Dot(origin: $0.origin(), sequence: $0.number(upTo: Limits.sequence)) },
            paths: list(upTo: 3) { $0.path() })
    }

    /// - Parameter paths: what was asked; nil makes some up.
    mutating func answer(to paths: [TallyPath]? = nil) -> TallyAnswer {
        let paths = paths ?? list(upTo: 3) { $0.path() }
        let parts = paths.map { path -> TallyAnswer.Part in
            guard flag() else {
                let records = list(upTo: 3) { source in
                    TallyRecord(
                        key: [1, source.byte()], print: source.number(),
                        flags: TallyFlags(rawValue: source.byte()))
                }
                return TallyAnswer.Part(path: path, content: .records(records), isCut: flag())
            }
            let groups = list(upTo: 4) { source in
                let (form, day, unit) = source.place()
                let place = TallyPlace(form: path.form.isEmpty ? form : path.form, day: day, unit: unit)
                let child = path.child(place, hash: source.number()) ?? source.path()
                let tally = Tally(count: source.number(), sum: source.number(), moving: source.number())
                return TallyGroup(path: source.choice(8) == 0 ? source.path() : child, tally: tally)
            }
            return TallyAnswer.Part(path: path, content: .groups(groups), isCut: flag())
        }
        return TallyAnswer(position: number(), today: Int32(byte()), parts: parts)
    }

    mutating func listing() -> TallyListing {
        var groups: [TallyListing.Group] = []
        for _ in 0..<choice(4) {
            let (form, day, unit) = place()
            let entries = list(upTo: 5) { source in
                TallyListing.Entry(
                    RecordPrint(hash: source.number(), print: source.number()),
                    flags: TallyFlags(rawValue: source.byte()))
            }
            let place = TallyPlace(form: form, day: day, unit: unit)
            guard !groups.contains(where: { $0.place == place }) else { continue }
            groups.append(TallyListing.Group(place: place, entries: entries))
        }
        return TallyListing(groups)
    }

    /// Any message at all, in the wrong direction as well.
    mutating func message() -> Message {
        switch choice(22) {
        case 0: .hello(hello())
        case 1: .join(Join(secret: token(), replica: token(), label: "", clock: 0))
        case 2, 3, 4: .batch(batch())
        case 5: .receipt(ReceiptFrame(receipts: list(upTo: 3) { $0.receipt() }, position: number()))
        case 6, 7: .feed(feed())
        case 8: .feedAck(feedToken())
        case 9: .mark(Mark(position: number(), count: number(), sum: number()))
        case 10: .heads(heads())
        case 11: .fork(Fork(origin: origin(), sequence: number(upTo: Limits.sequence), head: head()))
        case 12: .gap(Gap(origin: origin(), wanted: number(upTo: Limits.sequence)))
        case 13: .ping(Ping(isReply: flag(), token: number()))
        case 14: .close(refuse())
        case 15: .refuse(refuse())
        case 16: .welcome(welcome())
        case 17: .hole(hole())
        case 18: .joined(joined())
        case 19: .ask(question())
        case 20: .tally(answer())
        default: .unknown(type: byte())
        }
    }
}
