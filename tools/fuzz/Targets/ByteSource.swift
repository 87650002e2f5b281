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
        FeedToken(epoch: token(), position: number(), hash: head())
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
                sequence: source.number(upTo: Limits.sequence), head: source.head(),
                receipted: source.number(upTo: Limits.sequence), isClosed: source.flag())
        }
        return Hello(
            replica: token(), origins: origins, capabilities: [], dictionaries: [], clock: Int64(byte()),
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
            maximumBatch: UInt32(truncatingIfNeeded: number()), clock: 0, capabilities: [], dictionary: 0,
            settings: [])
    }

    mutating func feed() -> Feed {
        Feed(lane: lane(), settings: flag() ? [0x7b, 0x7d] : [], token: feedToken())
    }

    mutating func heads() -> Heads {
        Heads(
            origin: origin(),
            entries: list(upTo: 5) { source in
                Heads.Entry(
                    sequence: source.number(upTo: Limits.sequence), head: source.flag() ? source.head() : nil)
            })
    }

    /// Any message at all, in the wrong direction as well.
    mutating func message() -> Message {
        switch choice(19) {
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
        default: .unknown(type: byte())
        }
    }
}
