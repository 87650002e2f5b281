import SyncCore

enum PreambleCases {
    private static func preamble(_ lowest: UInt16, _ highest: UInt16, magic: String = "ROLLCALL") -> JSON {
        .hex(
            Array(magic.utf8) + Bytes.word(UInt64(lowest)).suffix(2) + Bytes.word(UInt64(highest)).suffix(2))
    }

    private static func spoken(_ lowest: Int64, _ highest: Int64) -> JSON {
        [.number(lowest), .number(highest)]
    }

    private static func valid(
        _ name: String, _ shows: String, ours: (Int64, Int64), theirs: (UInt16, UInt16), version: Int64
    ) -> Case {
        Case(
            name, shows,
            [
                ("spoken", spoken(ours.0, ours.1)), ("bytes", preamble(theirs.0, theirs.1)),
                ("version", .number(version)),
            ])
    }

    private static func invalid(
        _ name: String, _ shows: String, ours: (Int64, Int64) = (1, 1), _ bytes: JSON, code: Int64
    ) -> Case {
        Case(
            name, shows, [("spoken", spoken(ours.0, ours.1)), ("bytes", bytes), ("code", .number(code))])
    }

    @Sendable static func file() -> [(String, JSON)] {
        [
            (
                "valid",
                .cases([
                    valid(
                        "version-1", "what this version sends", ours: (1, 1), theirs: (1, 1), version: 1),
                    valid(
                        "newer-peer", "the peer speaks 1 to 9: the lower of the two highest is 1",
                        ours: (1, 1), theirs: (1, 9), version: 1),
                    valid(
                        "older-peer", "the peer's highest is the lower one", ours: (1, 3), theirs: (1, 2),
                        version: 2),
                    valid(
                        "overlapping", "the ranges overlap in 2 and 3", ours: (1, 3), theirs: (2, 9),
                        version: 3),
                    valid(
                        "highest-number", "versions fill 16 bits", ours: (1, 65_535),
                        theirs: (65_535, 65_535), version: 65_535),
                ])
            ),
            (
                "invalid",
                .cases([
                    invalid(
                        "another-magic", "a web browser", .hex(Array("GET / HTTP/1".utf8)), code: 110),
                    invalid(
                        "magic-in-lower-case", "one bit of the magic differs",
                        preamble(1, 1, magic: "rOLLCALL"), code: 110),
                    invalid(
                        "magic-wrong-at-its-end", "the last byte of the magic differs",
                        preamble(1, 1, magic: "ROLLCALM"), code: 110),
                    invalid("lowest-version-zero", "there is no version 0", preamble(0, 1), code: 110),
                    invalid(
                        "range-upside-down", "the highest lies below the lowest", preamble(2, 1), code: 110),
                    invalid(
                        "peer-too-old", "the peer's highest lies below our lowest", ours: (2, 3),
                        preamble(1, 1), code: 111),
                    invalid(
                        "peer-too-new", "the peer's lowest lies above our highest", ours: (1, 3),
                        preamble(4, 5), code: 112),
                ])
            ),
        ]
    }
}
