import SyncCore

/// Batches of one stream, and what those before them leave to them.
enum MemoryCases {
    private static func plain(_ texts: [String]) -> [UInt8] { RowParts.plain(texts) }

    /// A batch frame of rows with one text key and one field of the kind; nothing in it is said by a writer.
    private static func batch(
        _ count: Int, key: [UInt8], keyKind: UInt8 = 3, field: [UInt8], kind: UInt8 = 3,
        presence: [UInt8] = [0, 2], fresh: Bool = false, isPlain: Bool = false
    ) -> [UInt8] {
        let rows = RowParts.rows(UInt64(count)).with("key", [keyKind] + key)
            .with("field", RowParts.field(1, kind, presence: presence, field)).bytes
        let head = Bytes.word(MessageCases.origin) + [1] + Bytes.varint(UInt64(count))
        let payload = head + Bytes.zeros(16) + [0, 0] + rows
        return isPlain ? Bytes.frame(16, payload) : FrameCases.stored(16, payload, fresh: fresh)
    }

    /// A group of a shape that is remembered; `field` begins with the presence where the shape has none.
    private static func shaped(
        _ number: UInt8, _ count: Int, key: [UInt8], field: [UInt8], isPlain: Bool = false
    ) -> [UInt8] {
        let rows = RowParts.rows(UInt64(count)).with("form", [0]).with("revision", [number])
            .with("keys", []).with("key", key).with("fields", []).with("field", field).bytes
        let payload =
            Bytes.word(MessageCases.origin) + [1] + Bytes.varint(UInt64(count)) + Bytes.zeros(16) + [0, 0]
            + rows
        return isPlain ? Bytes.frame(16, payload) : FrameCases.stored(16, payload)
    }

    /// Keys p and q; the field says x for p and y for q.
    private static let first = batch(
        3, key: [3] + plain(["p", "q"]) + [1, 1, 0, 1], field: [4, 0, 2] + plain(["x", "y"]) + [0, 0],
        fresh: true)
    /// Row by row: q, whose y is known; r, who is new, with z; p, who has y now.
    private static let second = batch(
        3, key: [3] + plain(["r"]) + [1, 1, 2, 0], field: [4, 0, 0] + plain(["z"]) + [1, 0, 1, 3])
    /// p, as it was last.
    private static let third = batch(2, key: [3, 0, 0, 0], field: [4, 0, 0, 0, 0, 0])
    private static let alone = batch(
        1, key: [0] + plain(["s"]) + [0, 0], field: [2, 0, 2] + plain(["v"]) + [0, 0])
    private static let numbers = RowParts.constant(5)

    static var valid: [(String, String, [UInt8])] {
        let lists = RowParts.plain([["k"], ["l"]].map(RowParts.list))
        return [
            (
                "a-stream-remembers", "keys, and what went with them, in three batches",
                first + second + third
            ),
            (
                "rows-that-stand-alone-between", "they leave nothing, in the stream or beside it",
                first + alone
                    + batch(
                        1, key: [0] + plain(["p"]) + [0, 0], field: [0] + plain(["w"]) + [0, 0], isPlain: true
                    )
                    + second + third
            ),
            ("a-fresh-context-remembers-nothing", "the same numbers anew", first + second + first + second),
            (
                "firsts-of-known-keys",
                "q and p had nothing yet: they come up before r, who is new, though r stands between them",
                batch(2, key: [3] + plain(["p", "q"]) + [1, 0, 1], field: numbers, kind: 1, fresh: true)
                    + batch(
                        3, key: [3] + plain(["r"]) + [1, 1, 2, 0],
                        field: [4, 0, 2] + plain(["of q", "of p", "of r"]) + [0, 0])
            ),
            (
                "mode-1-once", "the key's text is an entry from then on: code 2 names it",
                batch(1, key: [3] + plain(["p"]) + [0, 0], field: [4, 0, 1, 0, 0, 0], fresh: true)
                    + batch(2, key: [3] + plain(["q"]) + [1, 0, 1], field: [4, 0, 1, 0, 1, 0, 2])
            ),
            (
                "lists-as-keys", "a list is a key like a text",
                batch(
                    2, key: [3] + lists + [1, 0, 1], keyKind: 4, field: [4, 0, 2] + lists + [0, 0], kind: 4,
                    fresh: true)
                    + batch(2, key: [3, 0, 1, 1, 0], keyKind: 4, field: [4, 0, 0, 0, 0, 0], kind: 4)
            ),
            (
                "a-shape-said-once", "form, revision and what the columns are, by number",
                first + shaped(0, 2, key: [3, 0, 0, 0], field: [4, 0, 0, 0, 0, 0])
            ),
            (
                "unchanged", "one byte: as the keys had it last, and as p has it since",
                first + batch(2, key: [3, 0, 1, 0, 1], field: [5])
                    + batch(1, key: [3, 0, 0, 0], field: [4, 0, 0, 0, 0, 3])
                    + shaped(0, 2, key: [3, 0, 1, 0, 1], field: [5])
            ),
            (
                "a-shape-without-presence", "its rows differed, so each batch says it",
                batch(
                    2, key: [3] + plain(["p"]) + [0, 0], field: numbers, kind: 1, presence: [1, 2, 0],
                    fresh: true) + shaped(0, 2, key: [3, 0, 0, 0], field: [1, 0, 2] + numbers)
                    + shaped(0, 2, key: [3, 0, 0, 0], field: [0, 1])
            ),
            (
                "no-shape-without-a-recalled-key", "shape 0 is the second batch's",
                batch(1, key: [0] + plain(["p"]) + [0, 0], field: numbers, kind: 1, fresh: true)
                    + batch(1, key: [3] + plain(["p"]) + [0, 0], field: [4, 0, 1, 0, 0, 0])
                    + shaped(0, 1, key: [3, 0, 0, 0], field: [4, 0, 0, 0, 0, 0])
            ),
            (
                "a-shape-is-said-anew", "and remembered anew, under another number",
                first + second + shaped(1, 2, key: [3, 0, 0, 0], field: [4, 0, 0, 0, 0, 0])
            ),
        ]
    }

    /// 2,048 keys, which is all that a column remembers.
    private static var full: [UInt8] {
        let count = Limits.memoryEntries
        let places =
            (0..<count).map { UInt8(truncatingIfNeeded: $0) }
            + (0..<count).map { UInt8(truncatingIfNeeded: $0 >> 8) }
        let dictionary =
            Bytes.varint(UInt64(count)) + [1, 10, 4] + Bytes.text("p") + [0]
            + RowParts.deltas((0..<Int64(count)).map { $0 })
        return batch(count, key: [3] + dictionary + [3] + places, field: numbers, kind: 1, fresh: true)
    }

    static var invalid: [Case] {
        func defect(_ name: String, _ shows: String, _ bytes: [UInt8], before: Int64 = 1) -> Case {
            FrameCase.invalid(name, shows, bytes, 100, before: before)
        }
        func key(_ name: String, _ shows: String, _ key: [UInt8]) -> Case {
            defect(name, shows, first + batch(1, key: key, field: numbers, kind: 1))
        }
        func field(
            _ name: String, _ shows: String, key: [UInt8] = [3, 0, 0, 0], kind: UInt8 = 3, _ field: [UInt8]
        ) -> Case {
            defect(name, shows, first + batch(1, key: key, field: field, kind: kind))
        }
        let new: [UInt8] = [3] + plain(["r"]) + [0, 2]
        return [
            defect(
                "recalled-beside-the-stream", "a plain frame knows nothing of what the stream remembers",
                first
                    + batch(1, key: [3, 0, 0, 0], field: numbers, kind: 1, isPlain: true)),
            defect(
                "shape-beside-the-stream", "a plain frame knows no shape",
                first + shaped(0, 1, key: [0] + plain(["p"]) + [0, 0], field: numbers, isPlain: true)),
            defect(
                "shape-not-known", "shape 1, where there is one",
                first + shaped(1, 1, key: [3, 0, 0, 0], field: [4, 0, 0, 0, 0, 0])),
            defect(
                "shape-forgotten-with-the-stream", "a fresh context knows none",
                first + batch(1, key: [0] + plain(["p"]) + [0, 0], field: numbers, kind: 1, fresh: true)
                    + shaped(0, 1, key: [3] + plain(["p"]) + [0, 0], field: [4, 0, 1, 0, 0, 0]), before: 2),
            field("unchanged-nothing-to-follow", "r is new", key: new, [5]),
            field(
                "unchanged-behind-a-key-that-stands-alone", "no key is recalled",
                key: [0] + plain(["p"]) + [0, 0], [5]),
            defect(
                "unchanged-beside-the-stream", "a plain frame remembers nothing",
                first + batch(1, key: [0] + plain(["p"]) + [0, 0], field: [5], isPlain: true)),
            key("recalled-not-known", "entry 2, where there are two", [3, 0, 0, 2]),
            key("recalled-own-entry-unused", "all own entries must come up", [3] + plain(["r"]) + [0, 0]),
            field("recalled-field", "only keys are recalled", [3, 0, 0, 0]),
            field(
                "resumed-behind-a-key-that-stands-alone", "the key is recalled in the same batch",
                key: [0] + plain(["p"]) + [0, 0], [4, 0, 0, 0, 0, 0]),
            field("resumed-nothing-to-follow", "r is new, and mode 0", key: new, [4, 0, 0, 0, 0, 0]),
            field("resumed-not-known", "code 4 names entry 2 of 2", [4, 0, 0, 0, 0, 4]),
            field("resumed-code-out-of-range", "code 5 for one row and two entries", [4, 0, 0, 0, 0, 5]),
            field(
                "resumed-own-entry-unused", "all own entries must come up",
                [4, 0, 0] + plain(["z"]) + [0, 0]),
            field("resumed-first-unused", "p has one already", [4, 0, 2] + plain(["z"]) + [0, 0]),
            field("resumed-mode-three", "0, 1 or 2", [4, 0, 3, 0, 0, 0]),
            field(
                "resumed-of-another-kind", "what was said as texts is not known as lists", kind: 4,
                [4, 0, 0, 0, 0, 0]),
            defect(
                "forgotten-with-the-stream", "a fresh context remembers nothing",
                first + batch(1, key: [3, 0, 0, 0], field: numbers, kind: 1, fresh: true)),
            defect(
                "more-than-is-remembered", "the 2,049th key of a column is not known to the batch after it",
                full + batch(1, key: [3] + plain(["n"]) + [0] + Bytes.varint(2_048), field: numbers, kind: 1)
                    + batch(1, key: [3, 0, 0] + Bytes.varint(2_048), field: numbers, kind: 1), before: 2),
        ]
    }
}
