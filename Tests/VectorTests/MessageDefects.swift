import SyncCore

@testable import SyncWire

/// Messages with one thing wrong.
enum MessageDefects {
    private static let token = MessageCases.token.bytes
    private static let head = MessageCases.head.bytes
    private static let origin = Bytes.word(MessageCases.origin)

    private static func long(_ count: Int) -> [UInt8] {
        Bytes.counted([UInt8](repeating: 0x77, count: count))
    }

    private static func number(_ value: UInt64) -> [UInt8] { Bytes.varint(value) }

    private static func defect(
        _ type: UInt8, _ name: String, _ shows: String, _ payload: [UInt8], _ code: Int64
    ) -> Case {
        FrameCase.invalid(
            name, shows, Bytes.frame(type, payload, flags: MessageType.isCritical(type) ? 1 : 0), code)
    }

    /// Each message with its last byte missing, and with one more.
    static func lengths(_ messages: [(String, String, Message)]) -> [Case] {
        messages.filter { !$0.0.hasSuffix("-limit") && !$0.0.hasSuffix("-limits") }.flatMap {
            name, _, message in
            let encoded = MessageCodec.encode(message)
            return [
                defect(
                    encoded.type, "\(name)-missing-byte", "the last byte is missing",
                    Array(encoded.payload.dropLast()), 100),
                defect(
                    encoded.type, "\(name)-trailing-byte", "a byte is left over", encoded.payload + [0],
                    100),
            ]
        }
    }

    static let numbers: [Case] = [
        defect(23, "varint-not-minimal", "1 as 81 00", origin + [0x81, 0], 100),
        defect(23, "varint-zero-in-two-bytes", "0 as 80 00", origin + [0x80, 0], 100),
        defect(
            23, "varint-above-64-bits", "the tenth byte is 2",
            origin + [UInt8](repeating: 0xff, count: 9) + [2], 100),
        defect(
            23, "varint-of-eleven-bytes", "ten bytes hold 64 bits",
            origin + [UInt8](repeating: 0x80, count: 10) + [1], 100),
        defect(23, "varint-cut-off", "the last byte has bit 7 set", origin + [0x80], 100),
        defect(23, "origin-zero", "0 names no origin", Bytes.zeros(8) + [1], 100),
        defect(23, "sequence-above-its-limit", "2^62 + 1", origin + number(1 << 62 + 1), 107),
        defect(24, "flag-two", "a flag is 0 or 1", [2] + Bytes.word(1), 100),
        defect(25, "text-not-utf8", "a byte that no text has", [0, 0, 1, 0xff], 100),
        defect(25, "text-cut-within-a-character", "two of three bytes", [0, 0, 2, 0xe4, 0xb8], 100),
        defect(25, "text-overlong", "NUL as C0 80", [0, 0, 2, 0xc0, 0x80], 100),
        defect(25, "text-overlong-three-bytes", "U+07FF as E0 9F BF", [0, 0, 3, 0xe0, 0x9f, 0xbf], 100),
        defect(25, "text-surrogate", "U+D800", [0, 0, 3, 0xed, 0xa0, 0x80], 100),
        defect(25, "text-above-unicode", "U+110000", [0, 0, 4, 0xf4, 0x90, 0x80, 0x80], 100),
        defect(25, "text-bare-continuation", "a second byte without a first", [0, 0, 1, 0x80], 100),
        defect(
            25, "text-longer-than-what-is-left", "5 bytes are said, 3 are there", [0, 0, 5, 97, 98, 99], 100),
    ]

    private static let join = Parts([
        ("secret", token), ("replica", token), ("label", Bytes.text("a")), ("clock", Bytes.zigzag(0)),
    ])

    private static let joined = Parts([
        ("state", [1]), ("confirmation", [5]), ("unit", Bytes.text("u")), ("unit name", Bytes.text("n")),
        ("hub name", Bytes.text("h")), ("clock", Bytes.zigzag(0)), ("settings", [0]),
    ])

    private static let hello = Parts([
        ("replica", token), ("origins", [1]), ("lane", [1]), ("nonce", token), ("last", [5]),
        ("head", Array(head.prefix(8))),
        ("receipted", [5]), ("capabilities", [0]), ("dictionaries", [0]), ("clock", Bytes.zigzag(0)),
        ("session", token), ("epoch", token), ("feed", token + [0, 0] + head.prefix(8)), ("urgent", [0, 0]),
        ("routine", [0, 0]), ("program", [0]),
    ])

    private static let welcome = Parts([
        ("epoch", token), ("session", token), ("token unknown", [0]), ("held", [1]), ("origin", origin),
        ("sequence", [5]),
        ("head", head), ("has receipt", [1]), ("receipt", origin + [5] + head + [0]), ("signature", [0]),
        ("backed up", [0]), ("urgent window", [1]), ("routine window", [1]), ("largest batch", [1]),
        ("clock", Bytes.zigzag(0)), ("capabilities", [0]), ("dictionary", [0]), ("settings", [0]),
    ])

    static let connecting: [Case] = [
        defect(1, "label-too-long", "65 bytes", join.with("label", long(65)).bytes, 107),
        defect(
            1, "time-too-late", "2^53 + 1 milliseconds",
            join.with("clock", Bytes.zigzag(1 << 53 + 1)).bytes, 107),
        defect(
            1, "time-too-early", "-2^53 - 1 milliseconds",
            join.with("clock", Bytes.zigzag(-(1 << 53) - 1)).bytes, 107),
        defect(2, "joined-state-zero", "1 or 2", joined.with("state", [0]).bytes, 100),
        defect(2, "joined-state-three", "1 or 2", joined.with("state", [3]).bytes, 100),
        defect(
            2, "confirmation-of-seven-digits", "1,000,000",
            joined.with("confirmation", number(1_000_000)).bytes, 100),
        defect(2, "unit-too-long", "513 bytes", joined.with("unit", long(513)).bytes, 107),
        defect(2, "unit-name-too-long", "1,025 bytes", joined.with("unit name", long(1_025)).bytes, 107),
        defect(2, "hub-name-too-long", "1,025 bytes", joined.with("hub name", long(1_025)).bytes, 107),
        defect(
            2, "settings-too-long", "65,537 bytes; the length is enough",
            joined.endingAt("settings", number(65_537)), 107),
        defect(
            3, "too-many-origins", "449; the count is enough", hello.endingAt("origins", number(449)), 107),
        defect(
            3, "more-origins-than-bytes", "448 are said, and none is there",
            hello.endingAt("origins", number(448)), 100),
        defect(3, "lane-four", "0 to 3", hello.with("lane", [4]).bytes, 100),
        defect(
            3, "hello-sequence-above-its-limit", "2^62 + 1", hello.with("last", number(1 << 62 + 1)).bytes,
            107),
        defect(
            3, "hello-receipted-above-its-limit", "2^62 + 1",
            hello.with("receipted", number(1 << 62 + 1)).bytes, 107),
        defect(
            3, "too-many-capabilities", "65", hello.with("capabilities", [65] + Bytes.zeros(65)).bytes, 107),
        defect(
            3, "capability-too-long", "65 bytes", hello.with("capabilities", [1] + long(65)).bytes, 107),
        defect(
            3, "too-many-dictionaries", "17", hello.with("dictionaries", [17] + Bytes.zeros(17)).bytes, 107),
        defect(
            3, "dictionary-id-above-32-bits", "2^32",
            hello.with("dictionaries", [1] + number(1 << 32)).bytes, 100),
        defect(3, "program-too-long", "65 bytes", hello.with("program", long(65)).bytes, 107),
        defect(
            4, "too-many-held-origins", "449; the count is enough", welcome.endingAt("held", number(449)),
            107),
        defect(4, "token-unknown-two", "a flag is 0 or 1", welcome.with("token unknown", [2]).bytes, 100),
        defect(
            4, "backed-up-above-its-limit", "2^62 + 1", welcome.with("backed up", number(1 << 62 + 1)).bytes,
            107),
        defect(4, "held-origin-zero", "0 names no origin", welcome.with("origin", Bytes.zeros(8)).bytes, 100),
        defect(4, "has-receipt-two", "a flag is 0 or 1", welcome.with("has receipt", [2]).bytes, 100),
        defect(
            4, "window-above-32-bits", "2^32", welcome.with("urgent window", number(1 << 32)).bytes, 100),
        defect(
            4, "routine-window-above-32-bits", "2^32",
            welcome.with("routine window", number(1 << 32)).bytes, 100),
        defect(
            4, "largest-batch-above-32-bits", "2^32", welcome.with("largest batch", number(1 << 32)).bytes,
            100),
        defect(
            4, "welcome-dictionary-above-32-bits", "2^32", welcome.with("dictionary", number(1 << 32)).bytes,
            100),
        defect(
            4, "welcome-settings-too-long", "65,537 bytes; the length is enough",
            welcome.endingAt("settings", number(65_537)), 107),
        defect(5, "code-above-16-bits", "65,536", number(65_536) + [0, 0], 100),
        defect(5, "wait-above-32-bits", "2^32 seconds", [100] + number(1 << 32) + [0], 100),
        defect(5, "words-too-long", "1,025 bytes", [100, 0] + long(1_025), 107),
        defect(25, "close-words-too-long", "1,025 bytes", [100, 0] + long(1_025), 107),
    ]

    private static func receipt(
        signature: [UInt8], origin: [UInt8] = origin, sequence: UInt64 = 5, time: Int64 = 0
    )
        -> [UInt8]
    {
        [1] + origin + number(sequence) + head + Bytes.zigzag(time) + signature + [9]
    }

    static let working: [Case] = [
        defect(17, "too-many-receipts", "449; the count is enough", number(449), 107),
        defect(
            17, "receipt-origin-zero", "0 names no origin", receipt(signature: [0], origin: Bytes.zeros(8)),
            100),
        defect(
            17, "receipt-sequence-above-its-limit", "2^62 + 1",
            receipt(signature: [0], sequence: 1 << 62 + 1), 107),
        defect(
            17, "receipt-time-too-late", "2^53 + 1 milliseconds", receipt(signature: [0], time: 1 << 53 + 1),
            107),
        defect(17, "signature-of-63-bytes", "64 bytes or none", receipt(signature: long(63)), 100),
        defect(17, "signature-of-65-bytes", "64 bytes or none", receipt(signature: long(65)), 107),
        defect(
            21, "too-many-heads", "65; the count is enough", origin + number(65), 107),
        defect(
            21, "more-heads-than-bytes", "64 are said, and none is there", origin + number(64), 100),
        defect(21, "has-head-two", "a flag is 0 or 1", origin + [1, 5, 2] + head, 100),
        defect(21, "heads-origin-zero", "0 names no origin", Bytes.zeros(8) + [0], 100),
        defect(
            21, "heads-sequence-above-its-limit", "2^62 + 1", origin + [1] + number(1 << 62 + 1) + [0], 107),
        defect(22, "fork-origin-zero", "0 names no origin", Bytes.zeros(8) + [5] + head, 100),
        defect(22, "fork-sequence-above-its-limit", "2^62 + 1", origin + number(1 << 62 + 1) + head, 107),
    ]

    /// One row of one origin, a scope change and a verdict.
    static let feed = Parts([
        ("lane", [0]), ("token", token + [5, 0] + head.prefix(8)), ("forms", [0]), ("settings", [0]),
        ("scope", [1]),
        ("scope kind", [2]), ("subject", Bytes.text("person")), ("id", Bytes.text("T001")),
        ("kept", [1] + Bytes.zigzag(5) + [2]),
        ("verdicts", [1]), ("verdict origin", origin), ("verdict sequence", [1]), ("verdict kind", [1]),
        ("field", [0]), ("reason", [0]), ("origins", [1] + Bytes.word(5)), ("count", [1]),
        ("places", [0, 0]),
        ("sequences", [0] + Bytes.zigzag(7)), ("rows", RowParts.one.bytes),
    ])

    private static func feed(_ name: String, _ shows: String, _ part: String, _ bytes: [UInt8], _ code: Int64)
        -> Case
    {
        defect(18, name, shows, feed.with(part, bytes).bytes, code)
    }

    private static func feedEnds(_ name: String, _ shows: String, _ part: String, _ count: UInt64) -> Case {
        defect(18, name, shows + "; the number is enough", feed.endingAt(part, number(count)), 107)
    }

    static let feeds: [Case] = [
        feed("feed-lane-two", "0 or 1", "lane", [2], 100),
        feedEnds("too-many-forms", "8,193", "forms", 8_193),
        defect(
            18, "form-definition-too-long", "262,145 bytes; the length is enough",
            feed.endingAt("forms", [1] + number(262_145)), 107),
        feedEnds("feed-settings-too-long", "65,537 bytes", "settings", 65_537),
        feedEnds("too-many-scope-changes", "8,193", "scope", 8_193),
        feed("scope-kind-zero", "1 or 2", "scope kind", [0], 100),
        feed("scope-kind-three", "1 or 2", "scope kind", [3], 100),
        feed("scope-subject-too-long", "65 bytes", "subject", long(65), 107),
        feed("scope-id-too-long", "513 bytes", "id", long(513), 107),
        feed("scope-id-not-utf8", "ids are text", "id", [1, 0xff], 100),
        feed("scope-enter-keeps-days", "only a leave keeps days", "scope kind", [1], 100),
        feedEnds("too-many-kept-ranges", "257", "kept", 257),
        feed(
            "kept-ranges-overlap", "a day in two", "kept", [2] + Bytes.zigzag(5) + [2, 14, 0], 100),
        feed(
            "kept-range-beyond-days", "past the last day", "kept",
            [1] + Bytes.zigzag(1 << 31 - 1) + [1], 100),
        feedEnds("too-many-verdicts", "8,193", "verdicts", 8_193),
        feed("verdict-origin-zero", "0 names no origin", "verdict origin", Bytes.zeros(8), 100),
        feed("verdict-sequence-zero", "versions are counted from 1", "verdict sequence", [0], 100),
        feed(
            "verdict-sequence-above-its-limit", "2^62 + 1", "verdict sequence", number(1 << 62 + 1), 107),
        feed("verdict-kind-zero", "1 to 4", "verdict kind", [0], 100),
        feed("verdict-kind-five", "1 to 4", "verdict kind", [5], 100),
        feed("verdict-field-above-16-bits", "65,536", "field", number(65_536), 100),
        feed("reason-too-long", "65 bytes", "reason", long(65), 107),
        feedEnds("too-many-feed-origins", "8,193", "origins", 8_193),
        feed("feed-origin-zero", "0 names no origin", "origins", [1] + Bytes.zeros(8), 100),
        feed("feed-origins-unsorted", "9 before 5", "origins", [2] + Bytes.word(9) + Bytes.word(5), 100),
        feed("feed-origins-repeated", "5 twice", "origins", [2] + Bytes.word(5) + Bytes.word(5), 100),
        feedEnds("too-many-feed-versions", "8,193", "count", 8_193),
        feed("feed-place-out-of-range", "1, where there is one origin", "places", [0, 1], 100),
        feed("feed-sequence-zero", "versions are counted from 1", "sequences", [0, 0], 100),
        feed("feed-sequence-negative", "-1", "sequences", [0] + Bytes.zigzag(-1), 100),
        feed(
            "feed-sequence-above-its-limit", "2^62 + 1", "sequences", [0] + Bytes.zigzag(1 << 62 + 1), 107),
        feed("fewer-rows-than-dots", "no row for one dot", "rows", [0], 100),
        feed("more-rows-than-dots", "two rows for one dot", "rows", RowParts.two.bytes, 100),
    ]
}
