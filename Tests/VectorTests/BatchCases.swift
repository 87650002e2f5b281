import SyncCore

/// Batch frames in several shapes. Heads and signatures are made up; `journals.json` has batches that chain.
enum BatchCases {
    private static let origin = MessageCases.origin
    private static let head = MessageCases.head

    private static func batch(
        _ versions: [Version], first: UInt64 = 7, salts: [SaltGrant] = [], seals: [UInt64] = []
    ) -> Message {
        .batch(
            VersionBatch(
                origin: origin, first: first, headBefore: head, headAfter: .zero, salts: salts,
                seals: seals.map { Seal(sequence: $0, signature: MessageCases.signature) },
                rows: VersionColumns(versions)))
    }

    private static func checkIns(_ count: Int) -> [Version] {
        (0..<count).map { (row: Int) -> Version in
            let person = "20200\(101 + row)"
            let unscaled = Int64(3_650 + row % 4 * 10)
            var fields: [(FieldID, Value)] = [(1, .decimal(unscaled: unscaled, scale: 2))]
            fields.append((2, .boolean(row == 5)))
            fields.append((3, row % 3 == 0 ? .notStated : .text(person)))
            return MessageCases.version(UInt64(row), person, fields)
        }
    }

    private static func salt(_ day: Int32, _ retentionClass: UInt8) -> SaltGrant {
        SaltGrant(day: day, retentionClass: retentionClass, salt: MessageCases.token)
    }

    private static func mixed() -> [Version] {
        var context = Context.empty
        context.includePrefix(Dot(origin: origin, sequence: 6))
        context.includePrefix(Dot(origin: MessageCases.second, sequence: 40))
        context.includeSingle(Dot(origin: MessageCases.second, sequence: 42))
        return [
            RowCases.version(
                key: [.integer(18_295), .text("T001")], form: "check-in", context: context,
                author: "T001", [(1, .decimal(unscaled: 3_810, scale: 2)), (4, .list([Array("咳嗽".utf8)]))]),
            RowCases.version(
                key: [.text("fever"), .integer(18_295), .text("T001")], form: "alert", revision: 2,
                [(1, .text("T001")), (2, .integer(1))]),
            RowCases.version(
                key: [.integer(18_295), .text("T001")], form: "check-in", context: context, delete: true,
                trusted: false, stated: 1_580_687_000_000, []),
            RowCases.version(
                key: [.integer(18_295), .text("T001")], form: "check-in", revision: 3, context: context,
                authoredDot: Dot(origin: MessageCases.second, sequence: 41), [(1, .integer(38))]),
        ]
    }

    @Sendable static func file() throws -> [(String, JSON)] {
        let limit: UInt64 = 1 << 62
        return [
            (
                "valid",
                .cases([
                    try FrameCase.valid(
                        "one-check-in", "a lone version with its salt and its seal",
                        batch(checkIns(1), first: 1, salts: [salt(18_295, 1)], seals: [1])),
                    try FrameCase.valid(
                        "twelve-check-ins", "columns at work",
                        batch(checkIns(12), salts: [salt(18_295, 1)], seals: [18])),
                    try FrameCase.valid(
                        "forms-contexts-and-a-delete",
                        "two forms, three revisions, a context with a dot beyond its vector, an authored dot",
                        batch(mixed(), salts: [salt(18_295, 0), salt(18_295, 2)], seals: [7, 8, 10])),
                    try FrameCase.valid(
                        "without-salts-and-seals", "both come in other batches", batch(checkIns(2))),
                    try FrameCase.valid(
                        "days-of-salts", "the lowest and the highest number of 32 bits; one class twice",
                        batch(checkIns(1), salts: [salt(.min, 0), salt(.max, 0), salt(-1, 254)])),
                    try FrameCase.valid(
                        "last-sequence-at-its-limit", "2^62 - 1 and 2^62",
                        batch(checkIns(2), first: limit - 1, seals: [limit])),
                    try FrameCase.valid(
                        "most-versions", "8,192",
                        Bytes.frame(
                            16,
                            BatchDefects.one.with("first", [1]).with("count", Bytes.varint(8_192)).with(
                                "rows", RowParts.rows(8_192).bytes
                            ).bytes)),
                ])
            ),
            ("invalid", .cases(BatchDefects.all)),
        ]
    }
}

/// Batches with one thing wrong before their rows.
enum BatchDefects {
    private static let grant = Bytes.zigzag(18_295) + [0] + MessageCases.token.bytes
    private static let signature = Bytes.counted(MessageCases.signature)

    static let one = Parts([
        ("origin", Bytes.word(MessageCases.origin)), ("first", [7]), ("count", [1]),
        ("before", Bytes.word(MessageCases.head.words.0)), ("after", Bytes.word(MessageCases.head.words.0)),
        ("salts", [0]),
        ("seals", [0]), ("rows", RowParts.one.bytes), ("end", []),
    ])

    private static let two = one.with("count", [2]).with("rows", RowParts.two.bytes)

    private static func defect(_ name: String, _ shows: String, _ payload: [UInt8], _ code: Int64 = 100)
        -> Case
    {
        FrameCase.invalid(name, shows, Bytes.frame(16, payload), code)
    }

    private static func defect(
        _ name: String, _ shows: String, _ part: String, _ bytes: [UInt8], _ code: Int64 = 100
    ) -> Case {
        defect(name, shows, two.with(part, bytes).bytes, code)
    }

    static let all: [Case] = [
        defect("origin-zero", "0 names no origin", "origin", Bytes.zeros(8)),
        defect("sequence-zero", "versions are counted from 1", "first", [0]),
        defect("first-above-its-limit", "2^62 + 1", "first", Bytes.varint(1 << 62 + 1), 107),
        defect("last-above-its-limit", "2^62 and one more", "first", Bytes.varint(1 << 62), 107),
        defect("no-versions", "a batch has at least one", one.with("count", [0]).with("rows", [0]).bytes),
        defect(
            "too-many-versions", "8,193; the count is enough", one.endingAt("count", Bytes.varint(8_193)), 107
        ),
        defect("too-many-salts", "257; the count is enough", one.endingAt("salts", Bytes.varint(257)), 107),
        defect(
            "more-salts-than-bytes", "256 are said, and none is there",
            one.endingAt("salts", Bytes.varint(256))),
        defect(
            "salt-day-above-32-bits", "2^31", "salts",
            [1] + Bytes.zigzag(1 << 31) + [0] + MessageCases.token.bytes),
        defect(
            "salt-day-below-32-bits", "-2^31 - 1", "salts",
            [1] + Bytes.zigzag(-(1 << 31) - 1) + [0] + MessageCases.token.bytes),
        defect("salt-twice", "two salts of one day and class", "salts", [2] + grant + grant),
        defect("too-many-seals", "257; the count is enough", one.endingAt("seals", Bytes.varint(257)), 107),
        defect("seal-behind-the-batch", "the third of two versions", "seals", [1, 2] + signature),
        defect(
            "seals-unsorted", "the second before the first", "seals", [2, 1] + signature + [0] + signature),
        defect("seals-repeated", "the first twice", "seals", [2, 0] + signature + [0] + signature),
        defect("seal-without-signature", "64 bytes", "seals", [1, 0, 0]),
        defect(
            "seal-of-63-bytes", "64 bytes", "seals",
            [1, 0] + Bytes.counted(Array(MessageCases.signature.dropLast()))),
        defect(
            "seal-of-65-bytes", "64 bytes", "seals", [1, 0] + Bytes.counted(MessageCases.signature + [0]), 107
        ),
        defect("fewer-rows-than-count", "one row for two versions", "rows", RowParts.one.bytes),
        defect("more-rows-than-count", "four rows for two versions", "rows", RowParts.four.bytes),
        defect("no-rows", "none for two versions", "rows", [0]),
        defect(
            "after-hole", "that flag belongs to feeds", "rows",
            RowParts.two.with("flags", [1, 0, 128]).bytes),
        defect("trailing-bytes", "a byte behind the rows", "end", [0]),
        defect(
            "broken-rows", "what rows.json calls invalid is so in a batch", "rows",
            RowParts.two.with("count", [1]).bytes),
    ]
}
