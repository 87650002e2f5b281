import SyncCore

/// Journals of two origins: canonical bytes, digests, chains, salts, seals, and batches that carry them.
enum JournalCases {
    static let token = MessageCases.token
    static let claim = OriginClaim(
        lane: .routine, nonce: Token16(high: 0x1111_2222_3333_4444, low: 0x5555_6666_7777_8888))
    static let urgentClaim = OriginClaim(lane: .urgent, nonce: .zero)

    /// A journal with everything that there is to know about it.
    struct Journal {
        var name: String
        var claim: OriginClaim
        var derivation: Digest
        var versions: [Version]
        var salts: [SaltGrant]
        var heads: [Digest]
        /// For each version what its classes hash, and its canonical bytes.
        var hashed: [(classes: [[UInt8]], canonical: [UInt8])]
        var seals: [Seal]

        var origin: OriginID { derivation.originID }

        func head(_ sequence: UInt64) -> Digest { sequence == 0 ? derivation : heads[Int(sequence) - 1] }

        func statement(_ sequence: UInt64) -> [UInt8] {
            SealStatement.bytes(origin: origin, sequence: sequence, head: head(sequence))
        }

        /// - Parameter salts: those of the journal that lie in the batch, unless given.
        func batch(_ range: ClosedRange<UInt64>, salts: [SaltGrant]? = nil, seals: [Seal]? = nil)
            -> VersionBatch
        {
            VersionBatch(
                origin: origin, first: range.lowerBound, headBefore: head(range.lowerBound - 1),
                headAfter: head(range.upperBound), salts: salts ?? self.salts,
                seals: seals ?? self.seals.filter { range.contains($0.sequence) },
                rows: VersionColumns(versions[(Int(range.lowerBound) - 1)..<Int(range.upperBound)]))
        }
    }

    static func journal(
        _ name: String, _ claim: OriginClaim, salts: [SaltGrant], seals: [UInt64],
        _ make: (OriginID) -> [Version]
    ) throws -> Journal {
        let derivation = claim.derivation(publicKey: try TestKey.agent.publicKey(), hashing: TestKey.hashing)
        var journal = Journal(
            name: name, claim: claim, derivation: derivation, versions: make(derivation.originID),
            salts: salts,
            heads: [], hashed: [], seals: [])
        let chain = JournalChain(hashing: TestKey.hashing)
        func salt(_ day: Int32, _ retentionClass: RetentionClass) -> Token16? {
            salts.first { $0.day == day && $0.retentionClass == retentionClass }?.salt
        }
        journal.heads = try chain.walk(
            VersionColumns(journal.versions), origin: journal.origin, first: 1, from: derivation, salt: salt
        ).heads
        journal.hashed = try journal.versions.map { version in
            let preimage = try chain.preimage(of: version, salt: salt)
            return (preimage.classes.map(\.bytes), preimage.body)
        }
        journal.seals = try seals.map {
            Seal(sequence: $0, signature: try TestKey.agent.sign(journal.statement($0)))
        }
        return journal
    }

    private static func salt(_ day: Int32, _ retentionClass: UInt8, _ byte: UInt64) -> SaltGrant {
        SaltGrant(
            day: day, retentionClass: retentionClass,
            salt: Token16(high: byte * 0x0101_0101_0101_0101, low: byte * 0x0101_0101_0101_0101 + 1))
    }

    static func routine() throws -> Journal {
        try journal(
            "routine", claim,
            salts: [
                salt(18_295, 0, 1), salt(18_295, 1, 2), salt(18_295, 9, 3), salt(-1, 0, 4),
                salt(18_296, 1, 5),
            ],
            seals: [3, 7]
        ) { origin in
            var context = Context.empty
            context.includePrefix(Dot(origin: origin, sequence: 2))
            context.includePrefix(Dot(origin: .max, sequence: 1 << 62))
            context.includeSingle(Dot(origin: origin, sequence: 4))
            let key: [Value] = [.integer(18_295), .text("T001")]
            func version(
                _ sequence: UInt64, _ key: [Value], form: String = "check-in", revision: UInt32 = 1,
                at time: Milliseconds = MessageCases.clock, context: Context = .empty, delete: Bool = false,
                trusted: Bool = true, author: String = "", authoredDot: Dot? = nil, _ fields: [Assignment]
            ) -> Version {
                Version(
                    dot: Dot(origin: origin, sequence: sequence), key: RecordKey(form: form, values: key),
                    formRevision: revision, context: context, isDelete: delete, clockTrusted: trusted,
                    authored: time + Int64(sequence), stated: time, firstCreated: time - 60_000,
                    author: Array(author.utf8), authoredDot: authoredDot, assignments: fields)
            }
            func set(_ field: FieldID, _ value: Value, _ retentionClass: UInt8 = 1) -> Assignment {
                Assignment(field: field, retentionClass: retentionClass, value: value)
            }
            return [
                version(
                    1, key, author: "T001",
                    [set(1, .decimal(unscaled: 3_650, scale: 2)), set(2, .integer(0)), set(3, .text("校内"))]),
                version(
                    2, [.integer(18_295), .text("T002")],
                    [set(1, .notStated), set(4, .list([Array("a".utf8), []]), 9)]),
                version(
                    3, key, context: context, trusted: false,
                    [
                        set(1, .decimal(unscaled: 3_810, scale: 2), 0), set(2, .integer(-1), 9),
                        set(3, .text(""), 0),
                    ]),
                version(4, key, context: context, delete: true, []),
                version(5, key, at: -86_400_000 / 2, [set(7, .integer(.min), 0)]),
                version(
                    6, [.text("T001")], form: "person", revision: 300, at: MessageCases.clock + 86_400_000,
                    authoredDot: Dot(origin: 9, sequence: 1 << 62), [set(65_535, .integer(.max))]),
                version(7, [], form: "f", at: MessageCases.clock + 86_400_000, [set(1, .text("e\u{301}"))]),
            ]
        }
    }

    static func urgent() throws -> Journal {
        try journal("urgent", urgentClaim, salts: [salt(18_295, 0, 6)], seals: [1]) { origin in
            [
                Version(
                    dot: Dot(origin: origin, sequence: 1),
                    key: RecordKey(form: "alert", values: [.text("fever"), .text("T001")]), formRevision: 1,
                    authored: MessageCases.clock, stated: MessageCases.clock,
                    firstCreated: MessageCases.clock,
                    assignments: [Assignment(field: 1, retentionClass: 0, value: .boolean(true))])
            ]
        }
    }

    private static func json(_ journal: Journal) throws -> JSON {
        let versions = journal.versions.enumerated().map { row, version -> JSON in
            let (classes, canonical) = journal.hashed[row]
            return [
                "version": Meaning.version(version, named: true), "classes": .array(classes.map { .hex($0) }),
                "canonical": .hex(canonical), "digest": .hex(TestKey.hashing(canonical).bytes),
                "head": .hex(journal.heads[row].bytes),
            ]
        }
        return [
            "name": .string(journal.name), "key": "agent", "lane": Meaning.lane(journal.claim.lane),
            "nonce": .hex(journal.claim.nonce.bytes), "derivation": .hex(journal.derivation.bytes),
            "origin": Meaning.origin(journal.origin), "salts": .array(journal.salts.map(Meaning.salt)),
            "versions": .array(versions),
            "seals": .array(
                journal.seals.map {
                    [
                        "sequence": Meaning.number($0.sequence),
                        "statement": .hex(journal.statement($0.sequence)), "signature": .hex($0.signature),
                    ]
                }),
        ]
    }

    /// - Parameter held: sequences that the hub has of the journal before the batch comes.
    private static func answer(
        _ name: String, _ shows: String, _ journal: Journal, held: UInt64, _ batch: VersionBatch,
        _ answer: JSON
    ) throws -> Case {
        Case(
            name, shows,
            [
                ("journal", .string(journal.name)), ("held", Meaning.number(held)),
                ("bytes", .hex(try FrameCase.written([.batch(batch)]))), ("answer", answer),
            ])
    }

    @Sendable static func file() throws -> [(String, JSON)] {
        let routine = try routine()
        let urgent = try urgent()
        return [
            ("keys", .array(try TestKey.all.map { try $0.json() })),
            ("journals", [try json(routine), try json(urgent)]),
            ("batches", .cases(try taken(routine, urgent) + refused(routine))),
        ]
    }

    private static func taken(_ routine: Journal, _ urgent: Journal) throws -> [Case] {
        let day = routine.salts.filter { $0.day == 18_295 }
        return [
            try answer(
                "whole-journal", "all seven versions, five salts, two seals", routine, held: 0,
                routine.batch(1...7), ["taken": true, "sealed": "7"]),
            try answer(
                "up-to-a-seal", "the first three, with the salts that they need", routine, held: 0,
                routine.batch(1...3, salts: day), ["taken": true, "sealed": "3"]),
            try answer(
                "goes-on-without-salts", "a version whose salts came before, and that assigns nothing",
                routine,
                held: 3, routine.batch(4...4, salts: []), ["taken": true, "sealed": nil]),
            try answer(
                "urgent", "the other lane", urgent, held: 0, urgent.batch(1...1),
                ["taken": true, "sealed": "1"]),
            try answer(
                "held-already", "the hub has it: nothing changes", routine, held: 7,
                routine.batch(1...3, salts: day),
                ["held": true]),
        ]
    }

    private static func refused(_ routine: Journal) throws -> [Case] {
        var otherBefore = routine.batch(4...7)
        otherBefore.before = ShortDigest(routine.head(2))
        var otherAfter = routine.batch(1...7)
        otherAfter.after = ShortDigest(routine.head(6))
        var otherContent = routine.versions
        otherContent[1].firstCreated += 1
        var changed = routine.batch(1...7)
        changed.rows = VersionColumns(otherContent)
        var otherSalt = routine.batch(1...7)
        otherSalt.salts[1].salt.low ^= 1
        var flipped = routine.seals
        flipped[1].signature[40] ^= 1
        var swapped = routine.seals
        swapped[1].signature = routine.seals[0].signature
        let zero = [Seal(sequence: 7, signature: Bytes.zeros(64))]
        return [
            try answer(
                "gap", "version 3 is wanted", routine, held: 2, routine.batch(4...7), ["gap": "3"]),
            try answer(
                "fork-head-before", "the head before is that of an earlier version", routine, held: 3,
                otherBefore,
                ["fork": ["sequence": "3", "head": .hex(routine.head(3).bytes)]]),
            try answer(
                "fork-head-after", "the head after is that of an earlier version", routine, held: 0,
                otherAfter,
                ["fork": ["sequence": "0", "head": .hex(routine.derivation.bytes)]]),
            try answer(
                "fork-content", "a version says something else than its digest", routine, held: 0, changed,
                ["fork": ["sequence": "0", "head": .hex(routine.derivation.bytes)]]),
            try answer(
                "fork-salt", "a salt is not the one that was hashed", routine, held: 0, otherSalt,
                ["fork": ["sequence": "0", "head": .hex(routine.derivation.bytes)]]),
            try answer(
                "salt-missing", "no salt of class 9", routine, held: 0,
                routine.batch(1...7, salts: routine.salts.filter { $0.retentionClass != 9 }), ["code": 209]),
            try answer(
                "forged-seal", "a bit of the signature flipped", routine, held: 0,
                routine.batch(1...7, seals: flipped), ["code": 208]),
            try answer(
                "seal-of-another-sequence", "the signature of the first seal under the second", routine,
                held: 0,
                routine.batch(1...7, seals: swapped), ["code": 208]),
            try answer(
                "seal-of-zeros", "64 zero bytes are no signature", routine, held: 0,
                routine.batch(1...7, seals: zero), ["code": 208]),
        ]
    }
}
