/// Rows parts with one thing wrong.
enum RowDefects {
    private static func constant(_ value: Int64) -> [UInt8] { RowParts.constant(value) }
    private static func plain(_ texts: [String]) -> [UInt8] { RowParts.plain(texts) }

    private static func defect(_ name: String, _ shows: String, _ bytes: [UInt8], _ code: Int64) -> Case {
        Case(name, shows, [("bytes", .hex(bytes)), ("code", .number(code))])
    }

    private static func one(
        _ name: String, _ shows: String, _ part: String, _ bytes: [UInt8], _ code: Int64 = 100
    )
        -> Case
    {
        defect(name, shows, RowParts.one.with(part, bytes).bytes, code)
    }

    private static func four(
        _ name: String, _ shows: String, _ part: String, _ bytes: [UInt8], _ code: Int64 = 100
    ) -> Case {
        defect(name, shows, RowParts.four.with(part, bytes).bytes, code)
    }

    /// The field's column of four rows.
    private static func column(
        _ name: String, _ shows: String, kind: UInt8 = 1, presence: [UInt8] = [0, 2], _ values: [UInt8],
        _ code: Int64 = 100
    ) -> Case {
        four(name, shows, "field", RowParts.field(1, kind, presence: presence, values), code)
    }

    static var all: [Case] { heads + sequences + dictionaries + contexts + groups + columns + followed }

    private static let heads: [Case] = [
        defect("rows-missing", "not even their number", [], 100),
        defect("rows-missing-byte", "the last byte is missing", Array(RowParts.one.bytes.dropLast()), 100),
        one("trailing-bytes", "a byte is left over", "more", [0]),
        defect("trailing-bytes-behind-none", "for 0 rows nothing follows", [0, 0], 100),
        defect("too-many-rows", "8,193", RowParts.rows(8_193).bytes, 107),
        one("authored-too-late", "2^53 + 1", "authored", constant(1 << 53 + 1), 107),
        one("authored-too-early", "-2^53 - 1", "authored", constant(-(1 << 53) - 1), 107),
        one("stated-too-late", "2^53 + 1", "stated", constant(1 << 53 + 1), 107),
        one("first-created-too-early", "as a difference", "first created", [5] + constant(-(1 << 54)), 107),
        one("flag-8", "a bit that has no meaning", "flags", [0, 8]),
        one("flag-64", "a bit that has no meaning", "flags", [0, 64]),
        one("author-too-long", "257 bytes", "authors", plain([String(repeating: "a", count: 257)]), 107),
        one("author-not-utf8", "authors are texts", "authors", RowParts.plain([[0xff]])),
        one("more-authors-than-rows", "two authors of one row", "authors", plain(["a", "b"])),
        one("no-author", "a row needs one, if only an empty one", "authors", [0]),
        one("author-out-of-range", "1, where there is one", "author", [0, 1]),
        one(
            "authored-dot-missing", "the flag says that there is one, and no place does", "flags", [0, 4]),
    ]

    private static let sequences: [Case] = {
        let z = Bytes.zigzag
        return [
            column("integers-unknown-encoding", "8", [8] + z(0)),
            column("difference-without-reference", "a field has none", [5, 0] + z(0)),
            one("difference-of-authored", "the authored times have no reference", "authored", [5, 0, 0]),
            one("difference-of-a-difference", "the inner id is another than 5", "stated", [5, 5, 0, 0]),
            column("offsets-factor-zero", "a factor is at least 1", [1] + z(0) + [0, 1, 2, 3, 4]),
            column(
                "offsets-factor-too-large", "2^62 + 1",
                [1] + z(0) + Bytes.varint(1 << 62 + 1) + [0, 0, 0, 0]),
            column("deltas-factor-zero", "a factor is at least 1", [2] + z(0) + [0] + z(1) + z(1) + z(1)),
            column("packed-factor-zero", "a factor is at least 1", [6] + z(0) + [0, 1, 5]),
            column("packed-width-zero", "1 to 56", [6] + z(0) + [1, 0, 0]),
            column("packed-width-57", "1 to 56", [6] + z(0) + [1, 57] + Bytes.zeros(29)),
            column("packed-bits-behind-the-last", "zeros to the byte's end", [6] + z(0) + [1, 1, 0x10]),
            column(
                "packed-deltas-bits-behind-the-last", "three steps of two bits",
                [7] + z(0) + [1] + z(0) + [2, 0x40]),
            column("planes-factor-zero", "a factor is at least 1", [4] + z(0) + [0, 1, 1, 2, 3, 4]),
            column("planes-width-zero", "1 to 8", [4] + z(0) + [1, 0]),
            column("planes-width-nine", "1 to 8", [4] + z(0) + [1, 9] + Bytes.zeros(36)),
            column("integer-run-past-the-end", "a run of five, where four are wanted", [3] + z(7) + [4]),
            column(
                "integer-run-of-2-to-the-64", "the longest run that can be written",
                [3] + z(7) + Bytes.varint(.max)),
            column("integers-cut-off", "three of four", [1] + z(0) + [1, 1, 2, 3]),
            column("integer-not-minimal", "1 as 82 00", [0, 0x82, 0]),
            four("index-unknown-encoding", "5", "author", [5, 0]),
            four("index-run-past-the-end", "a run of five", "author", [2, 0, 4]),
            four("index-out-of-range", "a byte names entry 1 of 1", "author", [1, 0, 0, 1, 0]),
            four("index-out-of-range-in-a-run", "a run names entry 1 of 1", "author", [2, 0, 2, 1, 0]),
            four(
                "index-out-of-range-in-pairs", "a pair names entry 256 of 1", "author",
                [3, 0, 0, 0, 0, 0, 1, 0, 0]),
            four("index-out-of-range-packed", "a number names entry 1 of 1", "author", [4, 1, 4]),
            four("index-packed-width-zero", "1 to 56", "author", [4, 0]),
            four("index-packed-bits-behind-the-last", "zeros to the byte's end", "author", [4, 1, 0x10]),
            four("index-above-32-bits", "2^32", "author", [0] + Bytes.varint(1 << 32)),
            four("bytes-unknown-encoding", "3", "flags", [3, 0, 0, 0, 0]),
            four("bytes-run-past-the-end", "a run of five", "flags", [2, 0, 4]),
        ]
    }()

    private static func dictionary(_ name: String, _ shows: String, _ bytes: [UInt8], _ code: Int64 = 100)
        -> Case
    {
        column("dictionary-\(name)", shows, kind: 3, [0] + bytes + [0, 0], code)
    }

    private static let dictionaries: [Case] = [
        dictionary("unknown-encoding", "2", [1, 2, 0, 0]),
        dictionary("more-entries-than-rows", "five for four rows", plain(["a", "b", "c", "d", "e"])),
        dictionary("empty-but-used", "no entry, and the rows name entry 0", [0]),
        dictionary("entry-too-long", "65,536 bytes", [1, 0, 0] + Bytes.zigzag(65_536), 107),
        dictionary("negative-length", "-1", [1, 0, 0] + Bytes.zigzag(-1)),
        dictionary("bytes-missing", "entries longer than what is left", [1, 0, 0] + Bytes.zigzag(60_000)),
        dictionary("not-utf8", "a byte that no text has", RowParts.plain([[0xff]])),
        dictionary(
            "split-character", "two entries that are UTF-8 only together", RowParts.plain([[0xc3], [0xa9]])),
        dictionary("base-2", "10 or 16", [1, 1, 2, 3, 0, 0, 0, 0]),
        dictionary("no-digits", "at least 1", [1, 1, 10, 0, 0, 0, 0, 0]),
        dictionary("19-digits", "at most 18 for base 10", [1, 1, 10, 19, 0, 0, 0, 0]),
        dictionary("16-digits", "at most 15 for base 16", [1, 1, 16, 16, 0, 0, 0, 0]),
        dictionary(
            "prefix-too-long", "513 bytes",
            [1, 1, 10, 1] + Bytes.counted([UInt8](repeating: 0x70, count: 513)) + [0, 0, 0], 107),
        dictionary("number-too-large", "10 in one digit", [1, 1, 10, 1, 0, 0, 0] + Bytes.zigzag(10)),
        dictionary("number-negative", "-1", [1, 1, 10, 1, 0, 0, 0] + Bytes.zigzag(-1)),
        dictionary(
            "number-needs-ten-hex-digits", "16 in one digit", [1, 1, 16, 1, 0, 0, 0] + Bytes.zigzag(16)),
        dictionary("more-exceptions-than-entries", "two of one", [1, 1, 10, 1, 0, 2, 0, 0, 0, 2, 97, 98]),
        dictionary(
            "exceptions-unsorted", "places 1, 0",
            [3, 1, 10, 1, 0, 2] + RowParts.deltas([1, 0]) + constant(1) + [97, 98] + constant(5)),
        dictionary(
            "exceptions-repeated", "place 0 twice",
            [3, 1, 10, 1, 0, 2] + constant(0) + constant(1) + [97, 98] + constant(5)),
        dictionary(
            "exception-out-of-range", "place 3 of 3",
            [3, 1, 10, 1, 0, 1] + constant(3) + constant(1) + [97] + constant(5)),
        dictionary("prefix-not-utf8", "prefix and digits are a text", [1, 1, 10, 1, 1, 0xff, 0, 0, 0]),
        defect(
            "too-much-text", "8,192 numbered entries of 513 bytes",
            RowParts.rows(8_192).with(
                "field",
                RowParts.field(
                    1, 3,
                    [0] + Bytes.varint(8_192) + [1, 10, 1]
                        + Bytes.counted([UInt8](repeating: 0x70, count: 512)) + [0, 0, 0, 0, 0])
            ).bytes, 107),
        column("list-cut-off", "one item is said", kind: 4, [0] + RowParts.plain([[1]]) + [0, 0]),
        column(
            "list-left-over", "a byte behind the items", kind: 4, [0] + RowParts.plain([[0, 0]]) + [0, 0]),
        column("list-not-utf8", "items are texts", kind: 4, [0] + RowParts.plain([[1, 1, 0xff]]) + [0, 0]),
        column(
            "list-not-minimal", "the count 1 as 81 00", kind: 4,
            [0] + RowParts.plain([[0x81, 0, 0]]) + [0, 0]),
        column(
            "list-without-bytes", "an entry has at least its count", kind: 4,
            [0] + RowParts.plain([[UInt8]()]) + [0, 0]),
    ]

    private static func context(_ name: String, _ shows: String, _ parts: Parts, _ code: Int64 = 100) -> Case
    {
        defect("context-\(name)", shows, parts.bytes, code)
    }

    private static let contexts: [Case] = {
        let good = RowParts.context(origins: [5, 6], vector: 2, dots: 0, places: [0, 1], sequences: [3, 4])
        let dots = RowParts.context(origins: [5, 6], vector: 0, dots: 2, places: [0, 1], sequences: [3, 4])
        let mixed = RowParts.context(
            origins: [5, 6], vector: 1, dots: 1, places: [0, 0], sequences: [3, 4])
        let table = { (origins: [UInt64]) in [UInt8(origins.count)] + origins.flatMap(Bytes.word) }
        return [
            context("origins-unsorted", "6 before 5", good.with("origins", table([6, 5]))),
            context("origins-repeated", "5 twice", good.with("origins", table([5, 5]))),
            context("origin-zero", "0 names no origin", good.with("origins", table([0, 5]))),
            context(
                "origins-cut-off", "more origins than bytes", good.with("origins", [100] + Bytes.word(5))),
            context(
                "too-many-origins", "65,537; the count is enough",
                Parts([("all", RowParts.one.endingAt("origins", Bytes.varint(65_537)))]), 107),
            context("more-contexts-than-rows", "two for one row", good.with("contexts", [2])),
            context("too-many-contexts", "8,193", good.with("contexts", Bytes.varint(8_193)), 107),
            context("index-out-of-range", "context 2 of 1", good.with("context", [0, 2])),
            context(
                "index-without-contexts", "context 1, and there is none",
                RowParts.one.with("context", [0, 1])),
            context(
                "empty", "neither vector nor dots",
                RowParts.one.with("contexts", [1]).with("vector lengths", [0, 0])
                    .with("dot lengths", [0, 0])),
            context(
                "vector-too-long", "1,025 entries", good.with("vector lengths", [0] + Bytes.varint(1_025)),
                107),
            context("too-many-dots", "1,025 dots", good.with("dot lengths", [0] + Bytes.varint(1_025)), 107),
            context(
                "too-many-entries", "65 contexts of 1,009 entries: 65,585",
                Parts([
                    (
                        "all",
                        RowParts.rows(65).endingAt(
                            "contexts", [65, 0] + Bytes.varint(1_009) + [0, 0, 0, 0, 0, 2])
                    )
                ]), 107),
            context("vector-unsorted", "6 before 5", good.with("places", [1, 1, 0])),
            context("vector-repeated", "5 twice", good.with("places", [1, 0, 0])),
            context("dots-unsorted", "(6, 3) before (5, 4)", dots.with("places", [1, 1, 0])),
            context(
                "dots-of-one-origin-unsorted", "(5, 4) before (5, 3)",
                dots.with("places", [1, 0, 0]).with("sequences", RowParts.deltas([4, 3]))),
            context(
                "dots-repeated", "(5, 3) twice",
                dots.with("places", [1, 0, 0]).with("sequences", constant(3))),
            context(
                "dot-within-vector", "the vector has 5 up to 3, the dot is (5, 3)",
                mixed.with("sequences", constant(3))),
            context("place-out-of-range", "origin 2 of 2", good.with("places", [1, 0, 2])),
            context("sequence-zero", "a vector entry of 0", good.with("sequences", RowParts.deltas([3, 0]))),
            context("sequence-negative", "-1", good.with("sequences", RowParts.deltas([3, -1]))),
            context(
                "sequence-above-its-limit", "2^62 + 1",
                good.with("sequences", RowParts.deltas([3, 1 << 62 + 1])), 107),
            context(
                "authored-dot-sequence-zero", "versions are counted from 1",
                RowParts.one.with("flags", [0, 4]).with("origins", table([5])).with("places", [0, 0]).with(
                    "sequences", constant(0))),
        ]
    }()

    private static let groups: [Case] = [
        one("no-group", "at least 1", "groups", [0]),
        one("more-groups-than-rows", "two for one row", "groups", [2]),
        one("too-many-groups", "65", "groups", [65], 107),
        one("group-out-of-range", "group 1 of 1", "group", [0, 1]),
        defect(
            "group-without-rows", "two groups, and all rows in the first",
            RowParts.two.with("groups", [2]).bytes, 100),
        one("form-without-name", "at least one byte", "form", [0]),
        one("form-name-too-long", "65 bytes", "form", Bytes.text(String(repeating: "f", count: 65)), 107),
        one("form-name-not-utf8", "a form's name is text", "form", [1, 0xff]),
        one("revision-above-32-bits", "2^32", "revision", Bytes.varint(1 << 32)),
        one("too-many-keys", "9", "keys", [9], 107),
        one("too-many-fields", "257", "fields", Bytes.varint(257), 107),
        defect(
            "too-many-cells", "8,192 rows times 129 columns",
            RowParts.rows(8_192).with("keys", [0]).with("key", []).with("fields", Bytes.varint(129)).with(
                "field", (1...129).flatMap { RowParts.field($0, 1, constant(5)) }
            ).bytes, 107),
    ]

    private static let columns: [Case] = [
        one("key-kind-zero", "1 to 4", "key", [0] + constant(7)),
        one("key-kind-five", "1 to 4", "key", [5] + constant(7)),
        one("field-kind-zero", "1 to 4", "field", RowParts.field(1, 0, constant(5))),
        one("field-kind-five", "1 to 4", "field", RowParts.field(1, 5, constant(5))),
        one("scale-too-large", "19", "field", RowParts.field(1, 2, scale: 19, constant(5))),
        one("key-scale-too-large", "19", "key", [2, 19] + constant(7)),
        one("field-zero", "0 is the record's existence", "field", RowParts.field(0, 1, constant(5))),
        one("field-above-16-bits", "65,536", "field", RowParts.field(65_536, 1, constant(5))),
        one("class-255", "at most 254", "field", RowParts.field(1, 1, class: 255, constant(5))),
        one("presence-three", "0 to 2", "field", RowParts.field(1, 1, presence: [0, 3], constant(5))),
        one("presence-four", "0 to 2", "field", RowParts.field(1, 1, presence: [0, 4], constant(5))),
        one("text-unknown-encoding", "3", "field", RowParts.field(1, 3, [3] + plain(["x"]) + [0, 0])),
        pair(
            "fields-unsorted", "2 before 1", RowParts.field(2, 1, constant(5)),
            RowParts.field(1, 1, constant(5))),
        pair(
            "duplicate-field-column", "the same column twice",
            RowParts.field(1, 1, presence: [1, 2, 0], constant(5)),
            RowParts.field(1, 1, presence: [1, 0, 2], constant(5))),
        pair(
            "kinds-of-a-field-unsorted", "text before integer",
            RowParts.field(1, 3, presence: [1, 2, 0], [0] + plain(["x"]) + [0, 0]),
            RowParts.field(1, 1, presence: [1, 0, 2], constant(5))),
        pair(
            "scales-of-a-field-unsorted", "2 before 1",
            RowParts.field(1, 2, scale: 2, presence: [1, 2, 0], constant(5)),
            RowParts.field(1, 2, scale: 1, presence: [1, 0, 2], constant(5))),
        pair(
            "classes-of-a-field-unsorted", "1 before 0",
            RowParts.field(1, 1, class: 1, presence: [1, 2, 0], constant(5)),
            RowParts.field(1, 1, class: 0, presence: [1, 0, 2], constant(5))),
        pair(
            "field-assigned-twice-in-a-row", "an integer and a text in the second row",
            RowParts.field(1, 1, presence: [1, 2, 2], constant(5)),
            RowParts.field(1, 3, presence: [1, 0, 2], [0] + plain(["x"]) + [0, 0])),
        pair(
            "field-assigned-twice-everywhere", "two columns with a value in every row",
            RowParts.field(1, 1, constant(5)), RowParts.field(1, 3, [0] + plain(["x"]) + [0, 0])),
        pair(
            "field-unstated-and-stated-in-a-row", "not stated assigns as well",
            RowParts.field(1, 1, presence: [1, 2, 1], constant(5)),
            RowParts.field(1, 3, presence: [1, 0, 2], [0] + plain(["x"]) + [0, 0])),
    ]

    /// Two field columns of two rows.
    private static func pair(_ name: String, _ shows: String, _ first: [UInt8], _ second: [UInt8]) -> Case {
        defect(name, shows, RowParts.two.with("fields", [2]).with("field", first + second).bytes, 100)
    }

    private static func follow(_ name: String, _ shows: String, kind: UInt8 = 3, _ values: [UInt8]) -> Case {
        defect("followed-\(name)", shows, RowCases.followed(values, kind: kind).bytes, 100)
    }

    private static let followed: [Case] = {
        let lists = RowParts.plain([["k"], ["l"]].map(RowParts.list))
        return [
            follow("key-out-of-range", "key 1 of 1", [2, 1, 1, 0, 0, 0]),
            one(
                "followed-key-of-integers", "a key of texts or lists", "field",
                RowParts.field(1, 3, [2, 0, 0, 0, 0, 0])),
            one("followed-itself", "an earlier key", "key", [3, 2, 0, 1, 0, 0, 0]),
            one("recalled-alone", "there is no stream that remembers", "key", [3, 3, 0, 0, 0]),
            follow("resumed-alone", "there is no stream that remembers", [4, 0, 1, 0, 0, 0]),
            follow("mode-three", "0, 1 or 2", [2, 0, 3, 0, 0, 0]),
            follow("firsts-run-out", "two keys begin with code 0", [2, 0, 2] + plain(["x"]) + [0, 0]),
            follow(
                "first-unused", "two keys begin with code 0, and there are three own entries",
                [2, 0, 2] + plain(["x", "y", "z"]) + [0, 0]),
            follow("nothing-to-follow", "code 0 in mode 0, and the key had none before", [2, 0, 0, 0, 0, 0]),
            follow("mode-1-of-lists", "a key's text is no list", kind: 4, [2, 0, 1, 0, 0, 0]),
            defect(
                "followed-mode-1-by-lists", "a key's list is no text",
                RowCases.followed([2, 0, 1, 0, 0, 0]).with("key", [4, 0] + lists + [1, 0, 1, 0, 1]).bytes, 100
            ),
            follow(
                "own-entries-run-out", "code 1, and there is one own entry",
                [2, 0, 0] + plain(["x"]) + [0, 1]),
            follow("own-entry-unused", "all own entries must come up", [2, 0, 1] + plain(["x"]) + [0, 0]),
            follow(
                "entry-to-come", "code 3 names an entry that has not come up",
                [2, 0, 0] + plain(["x"]) + [1, 1, 3, 0, 0]),
            follow("code-out-of-range", "code 6 for four rows", [2, 0, 0] + plain(["x"]) + [1, 1, 6, 0, 0]),
        ]
    }()
}
