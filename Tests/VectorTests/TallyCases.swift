import SyncCore

@testable import SyncWire

/// Ask and Tally, and the prints that they carry.
enum TallyCases {
    private static let form = Array("check-in".utf8)
    private static let unit = Array("计/6".utf8)
    private static let question = TallyQuestion(
        position: 70_000, own: [Dot(origin: MessageCases.origin, sequence: 300)], paths: [.all])

    private static let parts: [TallyAnswer.Part] = [
        .init(
            path: .period(form: form, period: 571),
            content: .groups([
                TallyGroup(
                    path: .day(form: form, day: 18_290), tally: Tally(count: 300, sum: .max, moving: 1)),
                TallyGroup(path: .day(form: form, day: 18_303), tally: Tally(count: 1, sum: 7)),
            ])),
        .init(
            path: .day(form: form, day: 18_290),
            content: .groups([
                TallyGroup(
                    path: .unit(form: form, day: 18_290, unit: []), tally: Tally(count: 2, sum: 9)),
                TallyGroup(
                    path: .unit(form: form, day: 18_290, unit: unit), tally: Tally(count: 298, sum: 1)),
            ])),
        .init(
            path: .unit(form: form, day: 18_290, unit: unit),
            content: .groups([
                TallyGroup(
                    path: .bucket(form: form, day: 18_290, unit: unit, depth: 1, prefix: 63),
                    tally: Tally(count: 298, sum: 1))
            ]), isCut: true),
        .init(
            path: .bucket(form: form, day: 18_290, unit: unit, depth: 1, prefix: 63),
            content: .records([
                TallyRecord(
                    key: Canonical.encode(key: [.integer(18_290), .text("T001")]),
                    print: 0x0102_0304_0506_0708, flags: [.moving, .altered]),
                TallyRecord(key: Canonical.encode(key: [.integer(18_290), .text("T002")]), print: 5),
            ])),
    ]

    static let messages: [(String, String, Message)] = [
        ("ask", "for all there is", .ask(question)),
        (
            "ask-for-parts", "one path of each kind, and a form without a day",
            .ask(
                TallyQuestion(
                    position: 0, own: [],
                    paths: [
                        .period(form: form, period: -1), .day(form: form, day: 18_290),
                        .day(form: Array("person".utf8), day: nil),
                        .unit(form: Array("person".utf8), day: nil, unit: unit),
                        .bucket(form: form, day: -5, unit: [], depth: 10, prefix: 1 << 60 - 1),
                    ]))
        ),
        (
            "tally-of-all", "by form and 32 days; a form without a day",
            .tally(
                TallyAnswer(
                    position: 70_001, today: 18_300,
                    parts: [
                        .init(
                            path: .all,
                            content: .groups([
                                TallyGroup(
                                    path: .period(form: form, period: 571),
                                    tally: Tally(count: 12_000, sum: 0xf1f2_f3f4_f5f6_f7f8)),
                                TallyGroup(
                                    path: .day(form: Array("person".utf8), day: nil),
                                    tally: Tally(count: 0, sum: 0, moving: 12)),
                            ]))
                    ]))
        ),
        (
            "tally-of-parts", "days, units, buckets and records; one part is cut",
            .tally(TallyAnswer(position: .max, today: -1, parts: parts))
        ),
        ("tally-of-nothing", "no parts", .tally(TallyAnswer(position: 0, today: 0, parts: []))),
    ]

    private static func defect(
        _ type: UInt8, _ name: String, _ shows: String, _ payload: [UInt8], _ code: Int64
    ) -> Case {
        FrameCase.invalid(name, shows, Bytes.frame(type, payload, flags: 0), code)
    }

    private static let day = Bytes.text("f") + [1] + Bytes.zigzag(5)

    private static func asked(_ paths: [UInt8]) -> [UInt8] { [0, 0] + paths }

    /// An answer of one part.
    private static func told(_ part: [UInt8]) -> [UInt8] { [0, 0, 1] + part }

    static let defects: [Case] = [
        defect(26, "ask-for-nothing", "at least one path", asked([0]), 100),
        defect(26, "too-many-paths", "33; the count is enough", asked([33]), 107),
        defect(26, "ask-too-many-origins", "513; the count is enough", [0] + Bytes.varint(513), 107),
        defect(
            26, "ask-origin-zero", "0 names no origin", [0, 1] + Bytes.zeros(8) + [1, 1, 0], 100),
        defect(26, "ask-all-beside-others", "all stands by itself", asked([2, 0, 2] + day), 100),
        defect(26, "ask-twice", "each path once", asked([2, 2] + day + [2] + day), 100),
        defect(26, "path-level-five", "0 to 4", asked([1, 5] + day), 100),
        defect(26, "path-without-a-form", "a form has a name", asked([1, 2, 0, 0]), 100),
        defect(
            26, "path-form-too-long", "65 bytes",
            asked([1, 1] + Bytes.text(String(repeating: "f", count: 65))),
            107),
        defect(26, "path-has-day-two", "a flag is 0 or 1", asked([1, 2] + Bytes.text("f") + [2]), 100),
        defect(
            26, "path-day-above-32-bits", "2^31",
            asked([1, 2] + Bytes.text("f") + [1] + Bytes.zigzag(1 << 31)), 100),
        defect(
            26, "path-unit-too-long", "513 bytes",
            asked([1, 3] + day + Bytes.text(String(repeating: "u", count: 513))), 107),
        defect(26, "bucket-depth-zero", "1 to 10", asked([1, 4] + day + [0, 0, 0]), 100),
        defect(26, "bucket-depth-eleven", "1 to 10", asked([1, 4] + day + [0, 11, 0]), 100),
        defect(26, "bucket-prefix-too-large", "64 at depth 1", asked([1, 4] + day + [0, 1, 64]), 100),
        defect(27, "too-many-parts", "33; the count is enough", [0, 0, 33], 107),
        defect(27, "part-kind-two", "groups or records", told([2] + day + [0, 2, 0]), 100),
        defect(
            27, "too-many-groups", "4,097; the count is enough",
            told([2] + day + [0, 0] + Bytes.varint(4_097)),
            107),
        defect(27, "too-many-records", "65; the count is enough", told([2] + day + [0, 1, 65]), 107),
        defect(
            27, "group-of-another-period", "day 5 is none of the second period's",
            told(
                [1] + Bytes.text("f") + Bytes.zigzag(1) + [0, 0, 1] + Bytes.zigzag(5) + [1] + Bytes.word(1)
                    + [0]), 100),
        defect(
            27, "group-bucket-sixty-four", "six bits",
            told([3] + day + [0, 0, 0, 1, 64, 1] + Bytes.word(1) + [0]), 100),
        defect(
            27, "record-flag-four", "flags 1 and 2",
            told([3] + day + [0, 0, 1, 1, 1, 0] + Bytes.word(1) + [4]), 100),
        defect(
            27, "record-key-too-long", "513 bytes; the length is enough",
            told([3] + day + [0, 0, 1, 1] + Bytes.varint(513) + Bytes.zeros(20)), 107),
    ]

    // MARK: - Prints

    private static func prints(_ name: String, _ shows: String, _ versions: [Version]) -> Case {
        var state = RecordState()
        for version in versions { state.merge(version) }
        let key = versions.first?.key ?? RecordKey(form: "", values: [])
        let print = RecordPrint(form: Array(key.form.utf8), key: Canonical.encode(key: key.values), state)
        return Case(
            name, shows,
            [
                ("versions", .array(versions.map { Meaning.version($0, named: true) })),
                ("record", .hex(Bytes.word(print.hash))), ("print", .hex(Bytes.word(print.print))),
            ])
    }

    private static var correction: [Version] {
        let first = MessageCases.version(
            1, "T001", [(1, .decimal(unscaled: 3_650, scale: 2)), (2, .text("校内")), (3, .notStated)])
        var seen = Context.empty
        seen.includePrefix(first.dot)
        let second = MessageCases.version(
            2, "T001", [(1, .decimal(unscaled: 3_730, scale: 2))], origin: MessageCases.second, context: seen)
        return [first, second]
    }

    @Sendable static func file() -> [(String, JSON)] {
        var deleted = correction[0]
        deleted.isDelete = true
        deleted.assignments = []
        deleted.clockTrusted = false
        deleted.author = Array("书记".utf8)
        var lists = correction[0]
        lists.assignments = [
            Assignment(field: 7, retentionClass: 0, value: .list([Array("a".utf8), []])),
            Assignment(field: 300, retentionClass: 2, value: .integer(-1)),
        ]
        return [
            (
                "valid",
                .cases([
                    prints("one-version", "a decimal, a text, and a field not stated", [correction[0]]),
                    prints(
                        "correction", "each version counts with the fields that it still holds", correction),
                    prints(
                        "covered", "what is covered does not count: the same as the second version alone",
                        [MessageCases.version(9, "T001", [(1, .integer(1))])].flatMap { first -> [Version] in
                            var seen = Context.empty
                            seen.includePrefix(first.dot)
                            return [
                                first,
                                MessageCases.version(
                                    10, "T001", [(1, .integer(2))], origin: MessageCases.second, context: seen
                                ),
                            ]
                        }),
                    prints("deleted", "a delete, an author, an untrusted clock", [deleted]),
                    prints("lists", "a list with an empty item, a field above 255", [lists]),
                ])
            )
        ]
    }
}
