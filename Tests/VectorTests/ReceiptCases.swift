import SyncCore

/// What a hub signs and counts: receipts, the arrival log, Mark's sum.
enum ReceiptCases {
    private static func receipt(
        _ name: String, _ shows: String, _ journal: JournalCases.Journal, _ sequence: UInt64, epoch: Token16
    ) throws -> Case {
        let receipt = Receipt(
            origin: journal.origin, sequence: sequence, head: journal.head(sequence),
            time: 1_580_700_000_000 + Int64(sequence))
        let statement = receipt.statement(hub: try TestKey.hub.fingerprint(), epoch: epoch)
        return Case(
            name, shows,
            [
                ("key", "hub"), ("epoch", .hex(epoch.bytes)), ("origin", Meaning.origin(receipt.origin)),
                ("sequence", Meaning.number(sequence)), ("head", .hex(receipt.head.bytes)),
                ("time", .number(receipt.time)),
                ("statement", .hex(statement)), ("signature", .hex(try TestKey.hub.sign(statement))),
            ])
    }

    private static func changed(_ good: Case, _ name: String, _ shows: String, _ part: String, _ value: JSON)
        -> Case
    {
        var bad = good
        (bad.name, bad.shows) = (name, shows)
        // The statement would say too much: who checks has to make it.
        bad.content = good.content.filter { $0.0 != "statement" }.map { $0.0 == part ? ($0.0, value) : $0 }
        return bad
    }

    private static func signature(_ good: Case) -> [UInt8] { good.json.bytes("signature") }

    @Sendable static func file() throws -> [(String, JSON)] {
        let routine = try JournalCases.routine()
        let urgent = try JournalCases.urgent()
        let epoch = MessageCases.token
        let good = try receipt("routine", "versions 1 to 7 of the routine journal", routine, 7, epoch: epoch)
        var flipped = signature(good)
        flipped[63] ^= 1
        let valid = [
            good, try receipt("routine-to-3", "the same journal, earlier", routine, 3, epoch: epoch),
            try receipt("urgent", "the urgent journal", urgent, 1, epoch: epoch),
            try receipt("next-epoch", "another life of the hub", routine, 7, epoch: MessageCases.other),
        ]
        let invalid = [
            changed(good, "signature-off-by-one-bit", "the last bit flipped", "signature", .hex(flipped)),
            changed(
                good, "another-epoch", "signed in another epoch", "epoch", .hex(MessageCases.other.bytes)),
            changed(good, "another-sequence", "signed for 7", "sequence", "6"),
            changed(good, "another-head", "signed for another head", "head", .hex(routine.head(6).bytes)),
            changed(good, "another-time", "signed a millisecond earlier", "time", .number(1_580_700_000_008)),
            changed(
                good, "another-origin", "signed for another origin", "origin", Meaning.origin(urgent.origin)),
            changed(good, "another-key", "not signed by this key", "key", "agent"),
            changed(good, "zeros", "64 zero bytes are no signature", "signature", .hex(Bytes.zeros(64))),
        ]
        return [
            ("keys", .array(try TestKey.all.map { try $0.json() })), ("valid", .cases(valid)),
            ("invalid", .cases(invalid)), ("arrivalLog", .array(arrivals(routine, urgent))),
            ("marks", .cases(marks(routine, urgent))),
        ]
    }

    private static func arrivals(_ routine: JournalCases.Journal, _ urgent: JournalCases.Journal) -> [JSON] {
        var hash = Digest.zero
        return [(UInt64(1), routine, UInt64(1)...3), (2, urgent, 1...1), (3, routine, 4...7)].map {
            position, journal, range in
            hash = ArrivalLog.next(
                hash, position: position, origin: journal.origin, first: range.lowerBound,
                last: range.upperBound, head: journal.head(range.upperBound), hashing: TestKey.hashing)
            return [
                "position": Meaning.number(position), "origin": Meaning.origin(journal.origin),
                "first": Meaning.number(range.lowerBound), "last": Meaning.number(range.upperBound),
                "head": .hex(journal.head(range.upperBound).bytes), "hash": .hex(hash.bytes),
            ]
        }
    }

    private static func marks(_ routine: JournalCases.Journal, _ urgent: JournalCases.Journal) -> [Case] {
        func mark(_ name: String, _ shows: String, _ dots: [Dot]) -> Case {
            let sum = dots.reduce(UInt64(0)) { $0 &+ Mark.term(of: $1) }
            return Case(
                name, shows,
                [
                    ("dots", .array(dots.map(Meaning.dot))), ("count", Meaning.number(UInt64(dots.count))),
                    ("sum", .hex(Bytes.word(sum))),
                ])
        }
        let dots = [routine, urgent].flatMap { journal in
            (1...UInt64(journal.hashed.count)).map { Dot(origin: journal.origin, sequence: $0) }
        }
        return [
            mark("nothing", "an empty scope", []), mark("one", "one version", Array(dots.prefix(1))),
            mark("all", "all versions of both journals; the order does not matter", dots),
            mark(
                "largest", "all sums and products are taken modulo 2^64",
                [Dot(origin: .max, sequence: 1 << 62), Dot(origin: 1, sequence: 1)]),
        ]
    }
}
