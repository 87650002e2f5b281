import SyncCore

@testable import SyncWire

/// Rows parts: every encoding of section 7, whether the reference writer chooses it or not.
enum RowCases {
    static func valid(_ name: String, _ shows: String, _ bytes: [UInt8]) throws -> Case {
        let told = Meaning.rows(try RowsCodec.decode(bytes))
        let isReference = try isWritten(bytes, told)
        return Case(
            name, shows,
            [("writer", isReference ? "reference" : "any"), ("bytes", .hex(bytes)), ("rows", told)])
    }

    /// Whether the reference writer makes these bytes of the rows. Thousands of rows that are told once are
    /// not tried.
    static func isWritten(_ bytes: [UInt8], _ told: JSON) throws -> Bool {
        told["each"].isNull && RowsCodec.encode(Reading.rows(told)) == bytes
    }

    private static func valid(_ name: String, _ shows: String, _ parts: Parts) throws -> Case {
        try valid(name, shows, parts.bytes)
    }

    /// As the reference writer writes them.
    private static func written(_ name: String, _ shows: String, _ versions: [Version]) throws -> Case {
        try valid(name, shows, RowsCodec.encode(VersionColumns(versions)))
    }

    static func version(
        key: [Value] = [.integer(7)], form: String = "f", revision: UInt32 = 1, context: Context = .empty,
        delete: Bool = false, trusted: Bool = true, authored: Milliseconds = 1_580_688_000_000,
        stated: Milliseconds? = nil, created: Milliseconds? = nil, author: String = "",
        authoredDot: Dot? = nil, _ fields: [(FieldID, Value)]
    ) -> Version {
        Version(
            dot: Dot(origin: 1, sequence: 1), key: RecordKey(form: form, values: key), formRevision: revision,
            context: context, isDelete: delete, clockTrusted: trusted, authored: authored,
            stated: stated ?? authored, firstCreated: created ?? stated ?? authored,
            author: Array(author.utf8), authoredDot: authoredDot,
            assignments: fields.map { Assignment(field: $0.0, retentionClass: 0, value: $0.1) })
    }

    @Sendable static func file() throws -> [(String, JSON)] {
        [
            (
                "valid",
                .cases(
                    try whole() + integers() + indexes() + dictionaries() + columns() + contexts() + limits())
            ),
            ("invalid", .cases(RowDefects.all)),
        ]
    }

    private static func fivePeople() -> [Version] {
        (0..<5).map { (row: Int) -> Version in
            let person = "20200\(101 + row)"
            let time: Milliseconds = 1_580_688_000_000 + Int64(row) * 45_000
            let temperature = Value.decimal(unscaled: Int64(3_650 + row * 10), scale: 2)
            var fields: [(FieldID, Value)] = [(1, temperature), (2, .boolean(row == 3))]
            fields.append((3, row == 4 ? .notStated : .text("校内")))
            return version(
                key: [.integer(18_295), .text(person)], form: "check-in", authored: time,
                stated: time - 1_000, author: person, fields)
        }
    }

    private static func whole() throws -> [Case] {
        let person = Value.text("T001")
        return [
            try valid("none", "no row is one byte", [0]),
            try valid("one", "one row, one key, one field", RowParts.one),
            try written(
                "check-ins", "five people, their temperatures and symptoms",
                fivePeople()),
            try written(
                "every-kind-of-value", "as keys and as fields",
                [
                    version(
                        key: [.integer(-1), .decimal(unscaled: -5, scale: 1), person, .list([[0x61], []])],
                        [
                            (1, .integer(.min)), (2, .integer(.max)),
                            (3, .decimal(unscaled: .max, scale: 18)), (4, .decimal(unscaled: 0, scale: 0)),
                            (5, .text("")), (6, .list([])), (7, .list([[]])), (65_535, .notStated),
                        ])
                ]),
            try written(
                "texts-are-bytes", "composed and decomposed é, a character beyond 16 bits, NUL: four texts",
                ["\u{e9}", "e\u{301}", "\u{1f321}", "\u{0}"].map { version([(1, .text($0))]) }),
            try written(
                "flags", "delete, clock untrusted, both, authored dot",
                [
                    version(delete: true, []), version(trusted: false, [(1, .integer(1))]),
                    version(delete: true, trusted: false, []),
                    version(authoredDot: Dot(origin: 9, sequence: 1 << 62), [(1, .integer(2))]),
                ]),
            try valid(
                "after-hole", "a row of a feed behind a version that is held back",
                RowParts.two.with("flags", [1, 0, 128])),
            try written(
                "forms-and-revisions", "three groups whose rows come in turn",
                [("f", 1), ("g", 1), ("f", 2), ("g", 1), ("f", 1)].enumerated().map { row, group in
                    version(
                        key: [.integer(Int64(row))], form: group.0, revision: group.1,
                        [(1, .integer(Int64(row) * 3))])
                }),
            try written(
                "several-columns-of-a-field",
                "an integer, a text, and decimals of two scales under one field",
                [
                    version([(1, .integer(5))]), version([(1, .text("5"))]),
                    version([(1, .decimal(unscaled: 50, scale: 1))]),
                    version([(1, .decimal(unscaled: 500, scale: 2))]), version([(1, .notStated)]),
                    version([]),
                ]),
        ]
    }

    /// The field's values in each encoding, for four rows.
    private static func integers() throws -> [Case] {
        func column(_ name: String, _ shows: String, _ bytes: [UInt8]) throws -> Case {
            try valid(
                "integers-\(name)", shows,
                RowParts.four.with("field", RowParts.field(1, 1, bytes)))
        }
        func stated(_ name: String, _ shows: String, _ bytes: [UInt8]) throws -> Case {
            try valid(
                "difference-\(name)", shows,
                RowParts.four.with("authored", RowParts.deltas([100, 200, 300, 400])).with(
                    "stated", [5] + bytes))
        }
        let z = Bytes.zigzag
        return [
            try column("constant", "the same for all", [0] + z(-3)),
            try column("offsets", "35, 37, 36, 35", [1] + z(35) + [1, 0, 2, 1, 0]),
            try column(
                "offsets-with-factor", "a factor of 500", [1] + z(-1_000) + Bytes.varint(500) + [3, 0, 1, 2]),
            try column("deltas", "10, 11, 9, 9", [2] + z(10) + [1] + z(1) + z(-2) + z(0)),
            try column(
                "deltas-with-factor", "a factor of 60,000",
                [2] + z(0) + Bytes.varint(60_000) + z(1) + z(2) + z(-1)),
            try column("runs", "7, 7, 7, 5", [3] + z(7) + [2] + z(-2) + [0]),
            try column("runs-of-the-same", "two runs may say the same", [3] + z(7) + [1] + z(0) + [1]),
            try column("packed", "three bits each, lowest bit first", [6] + z(5) + [1, 3, 0xb8, 0x0a]),
            try column(
                "packed-deltas", "10, 0, 0, 20: steps of ten, of which the least is -1",
                [7] + z(10) + [10] + z(-1) + [2, 0x34]),
            try column(
                "packed-in-56-bits", "the widest; arithmetic modulo 2^64",
                [6] + z(.max) + [1, 56] + Bytes.zeros(27) + [0xff]),
            try column("planes", "one byte each", [4] + z(-1) + [1, 1, 0, 255, 16, 3]),
            try column(
                "planes-of-two-bytes", "all low bytes, then all high bytes; a factor of 10",
                [4] + z(0) + [10, 2, 1, 2, 3, 4, 0, 1, 0, 255]),
            try column(
                "planes-of-eight-bytes", "the widest; arithmetic modulo 2^64",
                [4] + z(-1) + [1, 8] + [0, 1, 255, 2] + Bytes.zeros(24) + [0, 128, 0, 127]),
            try column(
                "offsets-around-the-end", "arithmetic modulo 2^64: the last wraps to -2^63",
                [1] + z(.max) + [1, 0, 0, 0, 1]),
            try column(
                "deltas-around-the-end", "from -2^63 down to 2^63 - 1",
                [2] + z(.min) + [1] + z(-1) + z(0) + z(0)),
            try column(
                "highest-factor", "2^62, and a number of 64 bits",
                [1] + z(0) + Bytes.varint(1 << 62) + [0, 1, 3] + Bytes.varint(.max)),
            try stated("constant", "60 less, each", [0] + z(-60)),
            try stated("offsets", "40, 30, 10, 20 less", [1] + z(-40) + [10, 0, 1, 3, 2]),
            try stated("deltas", "1, 2, 3, 4 less", [2] + z(-1) + [1] + z(-1) + z(-1) + z(-1)),
            try stated("runs", "the same, then 5 less", [3] + z(0) + [2] + z(-5) + [0]),
            try stated("packed", "3, 2, 1, 0 less", [6] + z(-3) + [1, 2, 0xe4]),
            try stated("planes", "3, 2, 1, 0 less", [4] + z(-3) + [1, 1, 0, 1, 2, 3]),
            try valid(
                "times-without-difference", "stated and first created with numbers of their own",
                RowParts.four.with("stated", RowParts.deltas([5, 6, 7, 8])).with(
                    "first created", RowParts.constant(-1))),
            try valid(
                "first-created-differs-from-stated", "its reference is the stated time",
                RowParts.four.with("stated", RowParts.deltas([5, 6, 7, 8])).with(
                    "first created", [5] + RowParts.constant(-1))),
            try valid(
                "earliest-and-latest-time", "2^53 milliseconds to either side",
                RowParts.two.with("authored", RowParts.deltas([-(1 << 53), 1 << 53]))),
        ]
    }

    private static func indexes() throws -> [Case] {
        func authors(_ name: String, _ shows: String, _ bytes: [UInt8]) throws -> Case {
            try valid(
                "index-\(name)", shows,
                RowParts.four.with("authors", RowParts.plain(["ann", "bo", "cy"])).with("author", bytes))
        }
        func flags(_ name: String, _ shows: String, _ bytes: [UInt8]) throws -> Case {
            try valid("bytes-\(name)", shows, RowParts.four.with("flags", bytes))
        }
        let many: [UInt8] = [3] + (0..<258).map { UInt8($0 & 255) } + (0..<258).map { UInt8($0 >> 8) }
        return [
            try authors("constant", "cy, four times", [0, 2]),
            try authors("bytes", "ann, bo, ann, cy", [1, 0, 1, 0, 2]),
            try authors("runs", "bo twice, ann twice", [2, 1, 1, 0, 1]),
            try authors("packed", "two bits each: 2, 1, 0, 0", [4, 2, 6]),
            try authors("pairs", "low bytes, then high bytes", [3, 2, 1, 0, 0, 0, 0, 0, 0]),
            try valid(
                "index-pairs-above-255", "258 entries, each used once",
                RowParts.rows(258).with(
                    "key",
                    [3, 0] + Bytes.varint(258) + [1, 10, 3] + Bytes.text("p") + [0, 2] + Bytes.zigzag(0) + [1]
                        + [UInt8](repeating: 2, count: 257) + many)),
            try flags("constant", "clock untrusted, four times", [0, 2]),
            try flags("plain", "in turn", [1, 0, 2, 0, 2]),
            try flags("runs", "one untrusted, then three that are not", [2, 2, 0, 0, 2]),
        ]
    }

    private static func dictionaries() throws -> [Case] {
        func texts(_ name: String, _ shows: String, _ bytes: [UInt8], count: UInt64 = 4) throws -> Case {
            try valid(
                "dictionary-\(name)", shows,
                RowParts.rows(count).with("field", RowParts.field(1, 3, [0] + bytes + [1, 0, 1, 2, 3])))
        }
        let four: [UInt8] = [4]
        return [
            try texts(
                "plain", "lengths as an integer sequence, then the bytes",
                RowParts.plain(["a", "", "bcd", "校"])),
            try texts(
                "plain-constant-length", "all of two bytes",
                four + [0, 0] + Bytes.zigzag(2) + Array("aabbccdd".utf8)),
            try texts("equal-entries", "two entries may be equal", RowParts.plain(["a", "a", "b", "b"])),
            try texts(
                "numbered", "p007 to p010",
                four + [1, 10, 3] + Bytes.text("p") + [0] + RowParts.deltas([7, 8, 9, 10])),
            try texts(
                "numbered-base-16", "0ab, 0cd, 00f, 100; digits in lower case",
                four + [1, 16, 3] + [0, 0] + [1] + Bytes.zigzag(0) + [1] + Bytes.varint(0xab)
                    + Bytes.varint(0xcd) + [15] + Bytes.varint(0x100)),
            try texts(
                "numbered-with-exceptions", "the first and the third entry are exceptions",
                four + [1, 10, 2] + Bytes.text("no ") + [2] + RowParts.deltas([0, 2]) + [0] + Bytes.zigzag(2)
                    + Array("xxyy".utf8) + RowParts.deltas([99, 0])),
            try texts(
                "numbered-last-is-exception", "the exception is the last entry",
                four + [1, 10, 1] + [0] + [1] + RowParts.constant(3) + RowParts.constant(0)
                    + RowParts.deltas([1, 2, 3])),
            try texts(
                "numbered-all-exceptions", "nothing is numbered at all",
                four + [1, 10, 1, 0, 4] + RowParts.deltas([0, 1, 2, 3]) + RowParts.constant(1)
                    + Array("abcd".utf8)),
            try texts(
                "numbered-18-digits", "the most of base 10",
                four + [1, 10, 18, 0, 0] + [1] + Bytes.zigzag(0) + [1, 0, 1, 2]
                    + Bytes.varint(999_999_999_999_999_999)),
            try texts(
                "numbered-15-digits", "the most of base 16",
                four + [1, 16, 15, 0, 0] + [1] + Bytes.zigzag(0) + [1, 0, 1, 2] + Bytes.varint(1 << 60 - 1)),
            try valid(
                "dictionary-of-lists", "none, one, two, and an empty text",
                RowParts.four.with(
                    "field",
                    RowParts.field(
                        1, 4,
                        [0] + RowParts.plain([[], ["a"], ["b", "校内"], [""]].map(RowParts.list))
                            + [1, 0, 1, 2, 3]))),
        ]
    }

    /// A key column with the texts a, b, a, b, and a field that goes by it.
    static func followed(_ values: [UInt8], kind: UInt8 = 3, presence: [UInt8] = [0, 2]) -> Parts {
        RowParts.four.with("key", [3, 0] + RowParts.plain(["a", "b"]) + [1, 0, 1, 0, 1])
            .with("field", RowParts.field(1, kind, presence: presence, values))
    }

    /// Key texts b, a, b, a, of which a was written first.
    static func aligned(_ values: [UInt8]) -> Parts {
        followed(values).with("key", [3, 1] + RowParts.plain(["a", "b"]) + [1, 1, 0, 1, 0])
    }

    private static func columns() throws -> [Case] {
        try [
            try valid(
                "text-plain", "entries in the order of use",
                followed([0] + RowParts.plain(["x", "y"]) + [1, 0, 1, 1, 0])),
            try valid(
                "text-plain-any-order", "entries in any order, one of them unused",
                followed([0] + RowParts.plain(["x", "y", "z"]) + [1, 2, 0, 0, 2])),
            try valid(
                "text-sorted", "entries sorted by bytes, numbered anew by the reader",
                followed([1] + RowParts.plain(["x", "y", "z"]) + [1, 2, 0, 1, 2])),
            try valid(
                "followed-mode-0", "two own entries, then what the key had last",
                followed([2, 0, 0] + RowParts.plain(["x", "y"]) + [1, 1, 1, 0, 0])),
            try valid(
                "followed-mode-1", "the key's own text, for both keys; no own entry",
                followed([2, 0, 1, 0, 0, 0])),
            try valid(
                "followed-mode-1-with-own", "own entry, key's own text, entry 0 again, last of the key",
                followed([2, 0, 1] + RowParts.plain(["x"]) + [1, 1, 0, 0, 2])),
            try valid(
                "followed-mode-2", "what each key has first, in the order of the key's entries: y, x, y, x",
                aligned([2, 0, 2] + RowParts.plain(["x", "y"]) + [0, 0])),
            try valid(
                "followed-mode-2-with-own",
                "a begins with x, in front; the other own entry comes up: y, x, y, y",
                aligned([2, 0, 2] + RowParts.plain(["x", "y"]) + [1, 1, 0, 0, 2])),
            try valid(
                "followed-entry-by-number", "code 3 is the entry that came up second",
                followed([2, 0, 0] + RowParts.plain(["x", "y"]) + [1, 1, 1, 3, 2])),
            try valid(
                "followed-rows-with-a-value", "rows without a value do not count: key a, key b, key b",
                followed([2, 0, 1, 0, 0, 0], presence: [1, 2, 2, 0, 2])),
        ] + followedByOthers()
    }

    private static func followedByOthers() throws -> [Case] {
        let listKey: [UInt8] = [4, 0] + RowParts.plain([["k"], ["l"]].map(RowParts.list)) + [1, 0, 1, 0, 1]
        return [
            try valid(
                "followed-by-a-key", "the second key goes by the first",
                RowParts.four.with("keys", [2]).with(
                    "key",
                    [3, 0] + RowParts.plain(["a", "b"]) + [1, 0, 1, 0, 1] + [3, 2, 0, 0]
                        + RowParts.plain(["x", "y"]) + [1, 1, 1, 0, 0])),
            try valid(
                "lists-followed", "a list column goes by a key of texts",
                followed(
                    [2, 0, 0] + RowParts.plain([["x"], []].map(RowParts.list)) + [1, 1, 1, 0, 0], kind: 4)),
            try valid(
                "followed-key-of-lists", "a text column goes by a key of lists",
                followed([2, 0, 0] + RowParts.plain(["x", "y"]) + [1, 1, 1, 0, 0]).with("key", listKey)),
            try written(
                "list-like-its-key",
                "lists that repeat a key of lists, and a text with the bytes of such a list",
                ["a", "b", "a", "b"].map { (item: String) -> Version in
                    let list = Value.list([Array(item.utf8)])
                    return version(key: [list], [(1, list), (2, .text("\u{1}\u{1}" + item))])
                }),
            try valid(
                "presence", "left alone, not stated, a value, a value",
                RowParts.four.with(
                    "field", RowParts.field(1, 1, presence: [1, 0, 1, 2, 2], RowParts.constant(5)))),
            try valid(
                "presence-no-value", "no row has one: the column ends behind its presence",
                RowParts.four.with("field", RowParts.field(1, 3, presence: [0, 1], []))),
            try valid(
                "presence-runs", "runs of presence",
                RowParts.four.with(
                    "field", RowParts.field(1, 1, presence: [2, 0, 2, 2, 0], RowParts.constant(5)))),
            try valid(
                "columns-of-one-field", "text and list, and one class after another",
                RowParts.four.with("fields", [3]).with(
                    "field",
                    RowParts.field(1, 1, class: 0, presence: [1, 2, 0, 0, 0], RowParts.constant(5))
                        + RowParts.field(1, 1, class: 254, presence: [1, 0, 2, 0, 0], RowParts.constant(6))
                        + RowParts.field(
                            1, 3, presence: [1, 0, 0, 1, 2], [0] + RowParts.plain(["x"]) + [0, 0]))),
        ]
    }

    private static func contexts() throws -> [Case] {
        let vector = VersionVector(canonical: [.init(origin: 5, count: 7), .init(origin: .max, count: 1)])
        let both = vector.flatMap {
            Context(canonical: $0, dots: [Dot(origin: 5, sequence: 9), Dot(origin: 6, sequence: 1)])
        }
        let dots = Context(canonical: VersionVector(), dots: [Dot(origin: 5, sequence: 1 << 62)])
        let plain = Context(canonical: vector ?? VersionVector(), dots: []) ?? .empty
        let several: [Context] = [.empty, plain, both ?? .empty, dots ?? .empty, both ?? .empty]
        return [
            try written(
                "contexts", "none, a vector, a vector and dots, dots alone, and one twice",
                several.map { (context: Context) -> Version in version(context: context, [(1, .integer(1))]) }
            ),
            try written(
                "context-and-authored-dots", "they share one table of origins",
                [
                    version(context: both ?? .empty, authoredDot: Dot(origin: 4, sequence: 8), []),
                    version(authoredDot: Dot(origin: 5, sequence: 9), []),
                ]),
            try valid(
                "unused-context", "a context that no row has",
                RowParts.context(origins: [5], vector: 1, dots: 0, places: [0], sequences: [3]).with(
                    "context", [0, 0])),
            try valid(
                "unused-origin", "an origin that nothing names",
                RowParts.one.with("origins", [1] + Bytes.word(5))),
        ]
    }

    private static func limits() throws -> [Case] {
        let many = (1...256).map { RowParts.field(UInt64($0), 1, RowParts.constant(5)) }
        func prefixed(_ length: Int) -> Parts {
            RowParts.rows(8_192).with(
                "field",
                RowParts.field(
                    1, 3,
                    [0] + Bytes.varint(8_192) + [1, 10, 1]
                        + Bytes.counted([UInt8](repeating: 0x70, count: length)) + [0, 0, 0, 0, 0]))
        }
        return [
            try valid("no-keys", "a group without a key", RowParts.one.with("keys", [0]).with("key", [])),
            try valid(
                "no-fields", "a group without a field", RowParts.one.with("fields", [0]).with("field", [])),
            try valid("most-rows", "8,192, all the same", RowParts.rows(8_192)),
            try valid(
                "most-fields", "256 columns",
                RowParts.one.with("fields", Bytes.varint(256)).with("field", many.flatMap { $0 })),
            try valid(
                "most-keys", "8 columns",
                RowParts.one.with("keys", [8]).with("key", (0..<8).flatMap { _ in [1, 0, 0] })),
            try valid(
                "most-cells", "8,192 rows times 128 columns: 2^20",
                RowParts.rows(8_192).with("keys", [0]).with("key", []).with("fields", Bytes.varint(128)).with(
                    "field", many.prefix(128).flatMap { $0 })),
            try valid("most-text", "8,192 numbered entries of 512 bytes: 4 MiB", prefixed(511)),
            try valid(
                "longest-form-and-author", "64 and 256 bytes, revision 2^32 - 1",
                RowParts.one.with("form", Bytes.text(String(repeating: "f", count: 64))).with(
                    "revision", Bytes.varint(4_294_967_295)
                ).with("authors", RowParts.plain([String(repeating: "a", count: 256)]))),
            try valid(
                "highest-field-and-class", "field 65,535, class 254",
                RowParts.one.with(
                    "field", RowParts.field(65_535, 2, scale: 18, class: 254, RowParts.constant(1)))),
            try valid(
                "most-groups", "64 groups of one row",
                RowParts.rows(64).with("groups", [64]).with("group", [1] + (0..<64)).with("form", []).with(
                    "revision", []
                ).with("keys", []).with("key", []).with("fields", []).with("field", []).with(
                    "more", (0..<64).flatMap { Bytes.text("f") + [$0] + [0, 0] })),
        ]
    }
}
