import SyncCore

extension Meaning {
    static func message(_ message: Message) -> JSON {
        switch message {
        case .join(let join):
            [
                "type": "Join", "secret": token(join.secret), "replica": token(join.replica),
                "label": .string(join.label), "clock": .number(join.clock),
            ]
        case .joined(let joined): self.joined(joined)
        case .hello(let hello): self.hello(hello)
        case .welcome(let welcome): self.welcome(welcome)
        case .refuse(let refuse): self.refuse(refuse, "Refuse")
        case .close(let refuse): self.refuse(refuse, "Close")
        case .batch(let batch): self.batch(batch)
        case .receipt(let frame):
            [
                "type": "Receipt", "receipts": .array(frame.receipts.map(receipt)),
                "position": number(frame.position),
            ]
        case .feed(let feed): self.feed(feed)
        case .feedAck(let token): ["type": "FeedAck", "token": feedToken(token)]
        case .mark(let mark):
            [
                "type": "Mark", "position": number(mark.position), "count": number(mark.count),
                "sum": .hex(Bytes.word(mark.sum)),
            ]
        case .heads(let heads):
            [
                "type": "Heads", "origin": origin(heads.origin),
                "entries": .array(
                    heads.entries.map {
                        ["sequence": number($0.sequence), "head": $0.head.map(digest) ?? .null]
                    }),
            ]
        case .fork(let fork):
            [
                "type": "Fork", "origin": origin(fork.origin), "sequence": number(fork.sequence),
                "head": digest(fork.head),
            ]
        case .gap(let gap): ["type": "Gap", "origin": origin(gap.origin), "wanted": number(gap.wanted)]
        case .hole(let hole):
            [
                "type": "Hole", "sequence": number(hole.sequence), "head": digest(hole.head),
                "receipt": receipt(hole.receipt), "epoch": token(hole.epoch),
            ]
        case .ping(let ping):
            ["type": "Ping", "answer": .bool(ping.isReply), "token": .hex(Bytes.word(ping.token))]
        case .ask(let question): ask(question)
        case .tally(let answer): tally(answer)
        case .unknown(let type): ["type": .number(Int64(type)), "unknown": true]
        }
    }

    private static func joined(_ joined: Joined) -> JSON {
        [
            "type": "Joined", "state": joined.state == .active ? "active" : "pending",
            "confirmation": .number(Int64(joined.confirmation)), "unit": .string(joined.unit),
            "unitName": .string(joined.unitName), "hubName": .string(joined.hubName),
            "clock": .number(joined.clock), "settings": .hex(joined.settings),
        ]
    }

    private static func hello(_ hello: Hello) -> JSON {
        [
            "type": "Hello", "replica": token(hello.replica),
            "origins": .array(
                hello.origins.map {
                    [
                        "lane": lane($0.claim.lane), "nonce": token($0.claim.nonce),
                        "closed": .bool($0.isClosed), "last": number($0.sequence),
                        "head": .string($0.head.description), "receipted": number($0.receipted),
                    ]
                }),
            "capabilities": .array(hello.capabilities.map { .string($0) }),
            "dictionaries": .array(hello.dictionaries.map { .number(Int64($0)) }),
            "clock": .number(hello.clock), "sessionToken": token(hello.sessionToken),
            "epoch": token(hello.epoch),
            "feed": feedToken(hello.feed), "urgent": backlog(hello.urgent),
            "routine": backlog(hello.routine),
            "program": .string(hello.program), "settings": .hex(Bytes.word(hello.settings)),
        ]
    }

    private static func welcome(_ welcome: Welcome) -> JSON {
        [
            "type": "Welcome", "epoch": token(welcome.epoch), "sessionToken": token(welcome.sessionToken),
            "tokenUnknown": .bool(welcome.isTokenUnknown),
            "held": .array(
                welcome.held.map {
                    [
                        "origin": origin($0.origin), "sequence": number($0.sequence),
                        "head": digest($0.head), "receipt": $0.receipt.map(receipt) ?? .null,
                        "backedUp": number($0.backedUp),
                    ]
                }),
            "urgentWindow": .number(Int64(welcome.urgentWindow)),
            "routineWindow": .number(Int64(welcome.routineWindow)),
            "largestBatch": .number(Int64(welcome.maximumBatch)), "clock": .number(welcome.clock),
            "capabilities": .array(welcome.capabilities.map { .string($0) }),
            "dictionary": .number(Int64(welcome.dictionary)), "settings": .hex(welcome.settings),
        ]
    }

    private static func refuse(_ refuse: Refuse, _ type: String) -> JSON {
        [
            "type": .string(type), "code": .number(Int64(refuse.code.rawValue)),
            "retryAfter": .number(Int64(refuse.retryAfter)), "words": .string(refuse.words),
        ]
    }

    static func salt(_ grant: SaltGrant) -> JSON {
        [
            "day": .number(Int64(grant.day)), "class": .number(Int64(grant.retentionClass)),
            "salt": token(grant.salt),
        ]
    }

    private static func batch(_ batch: VersionBatch) -> JSON {
        [
            "type": "Batch", "origin": origin(batch.origin), "first": number(batch.first),
            "before": .string(batch.before.description), "after": .string(batch.after.description),
            "salts": .array(batch.salts.map(salt)),
            "seals": .array(
                batch.seals.map { ["sequence": number($0.sequence), "signature": .hex($0.signature)] }),
            "rows": rows(batch.rows),
        ]
    }

    private static func feed(_ feed: Feed) -> JSON {
        [
            "type": "Feed", "lane": lane(feed.lane), "token": feedToken(feed.token),
            "forms": .array(feed.forms.map { .hex($0) }), "settings": .hex(feed.settings),
            "scope": .array(
                feed.scope.map {
                    [
                        "kind": $0.kind == .enter ? "enter" : "leave", "subject": .string($0.subject),
                        "id": text($0.id),
                        "kept": .array(
                            $0.kept.map {
                                [.number(Int64($0.lowerBound)), .number(Int64($0.upperBound))]
                            }),
                    ]
                }),
            "verdicts": .array(
                feed.verdicts.map {
                    [
                        "dot": dot($0.dot), "kind": .number(Int64($0.kind.rawValue)),
                        "field": .number(Int64($0.field)), "reason": .string($0.reason),
                    ]
                }),
            "rows": rows(feed.versions.rows, dots: feed.versions.dots),
        ]
    }

    static func lane(_ lane: Lane) -> JSON { lane == .urgent ? "urgent" : "routine" }

    static func receipt(_ receipt: Receipt) -> JSON {
        [
            "origin": origin(receipt.origin), "sequence": number(receipt.sequence),
            "head": digest(receipt.head), "time": .number(receipt.time),
            "signature": .hex(receipt.signature),
        ]
    }

    private static func feedToken(_ token: FeedToken) -> JSON {
        [
            "epoch": self.token(token.epoch), "position": number(token.position),
            "step": number(token.step), "hash": .string(token.hash.description),
        ]
    }

    private static func backlog(_ backlog: Backlog) -> JSON {
        ["count": number(backlog.count), "oldestAge": number(backlog.oldestAge)]
    }
}
