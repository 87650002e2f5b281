import Crypto
import SyncCore
import SyncTransport
import SyncWire

/// Versions that are read out as digits, from the device `agent` to the hub `hub`.
enum SpokenCases {
    static func seal(own: TestKey) throws -> SpokenSeal {
        try SpokenSeal(
            device: TestKey.agent.publicKey(), hub: TestKey.hub.publicKey(),
            own: DeviceKey(try P256.Signing.PrivateKey(rawRepresentation: own.secret)))
    }

    private static let origin: OriginID = 0x0102_0304_0506_0708

    private static func field(_ number: FieldID, _ value: Value, class: RetentionClass = 0) -> Assignment {
        Assignment(field: number, retentionClass: `class`, value: value)
    }

    private static func text(_ text: String) -> Value { .text(Array(text.utf8)) }

    private static let alert = Version(
        dot: Dot(origin: origin, sequence: 3),
        key: RecordKey(form: "alert", values: [text("S0512"), .integer(18_295), text("symptoms")]),
        formRevision: 1, context: .empty, isDelete: false, clockTrusted: true, authored: 1_580_698_800_000,
        stated: 1_580_698_800_000, firstCreated: 1_580_698_800_000, author: [], authoredDot: nil,
        assignments: [field(1, text("open")), field(2, text("temperature=38.2 fever"), class: 1)])

    private static var corrected: Version {
        let seen = [VersionVector.Entry(origin: origin, count: 3)]
        return Version(
            dot: Dot(origin: origin, sequence: 4), key: alert.key, formRevision: 2,
            context: VersionVector(canonical: seen).flatMap {
                Context(canonical: $0, dots: [Dot(origin: 9, sequence: 7)])
            } ?? .empty,
            isDelete: false, clockTrusted: false, authored: 1_580_702_400_000, stated: 1_580_702_000_000,
            firstCreated: 1_580_698_800_000, author: Array("护士".utf8), authoredDot: nil,
            assignments: [
                field(1, text("taken")), field(3, .notStated), field(4, .integer(-5)),
                field(5, .decimal(unscaled: 3_650, scale: 2)),
                field(6, .list([Array("fever".utf8), Array("0070".utf8)])),
            ])
    }

    private static var deleted: Version {
        Version(
            dot: Dot(origin: origin, sequence: 5), key: alert.key, formRevision: 1, context: .empty,
            isDelete: true, clockTrusted: true, authored: -1, stated: -1, firstCreated: -1, author: [],
            authoredDot: nil, assignments: [])
    }

    private static func valid(_ name: String, _ shows: String, _ version: Version) throws -> Case {
        let most = Limits.spokenBytes - SpokenSeal.overhead
        guard let body = SpokenEntry.encode(version, maximum: most) else { throw Unspeakable() }
        let closed = try seal(own: .agent).close(body)
        return Case(
            name, shows,
            [
                ("version", Meaning.version(version, named: true)), ("body", .hex(body)),
                ("bytes", .hex(closed.bytes)),
                ("lines", .array(SpokenText.lines(closed.bytes).map { .string($0) })),
                ("answer", .string(closed.answer.text)),
            ])
    }

    private struct Unspeakable: Error {}

    private static func body(_ name: String, _ shows: String, _ change: (inout [UInt8]) -> Void) throws
        -> Case
    {
        guard var body = SpokenEntry.encode(alert, maximum: Limits.spokenBytes) else { throw Unspeakable() }
        change(&body)
        return Case(name, shows, [("body", .hex(body))])
    }

    @Sendable static func file() throws -> [(String, JSON)] {
        guard let body = SpokenEntry.encode(alert, maximum: Limits.spokenBytes) else { throw Unspeakable() }
        let good = try seal(own: .agent).close(body).bytes
        func bytes(_ name: String, _ shows: String, _ change: (inout [UInt8]) -> Void) -> Case {
            var bytes = good
            change(&bytes)
            return Case(name, shows, [("bytes", .hex(bytes))])
        }
        func line(_ name: String, _ shows: String, _ text: String) -> Case {
            Case(name, shows, [("line", .string(text))])
        }
        let first = SpokenText.lines(good)[0]
        let end = first.index(before: first.endIndex)
        return [
            ("keys", .array(try TestKey.all.map { try $0.json() })),
            (
                "valid",
                .cases([
                    try valid("alert", "words and numbers are said shorter than texts", alert),
                    try valid(
                        "corrected", "every flag but delete, every kind, and what its author had seen",
                        corrected),
                    try valid("deleted", "before 1970, with no fields", deleted),
                ])
            ),
            (
                "invalidLines",
                .cases([
                    line("a-digit-wrong", "the check does not hold", first[..<end] + wrong(first[end])),
                    line("a-digit-missing", "there is no line of so many", String(first[..<end])),
                    line(
                        "a-letter", "letters are no digits",
                        first.replacing(" ", with: " O ", maxReplacements: 1)),
                ])
            ),
            (
                "invalidBytes",
                .cases([
                    bytes("tag-altered", "not closed by this device for this hub") { $0[3] ^= 1 },
                    bytes("body-altered", "the tag is of another body") { $0[$0.count - 1] ^= 1 },
                    bytes("of-another-device", "the two bytes of another key") { $0[1] ^= 1 },
                    bytes("number-wrong", "the first byte is the number of bytes") { $0[0] += 1 },
                    bytes("cut-off", "a byte is missing") { $0.removeLast() },
                ])
            ),
            (
                "invalidBodies",
                .cases([
                    try self.body("unknown-flag", "flags above 32 are 0") { $0[0] |= 64 },
                    try self.body("origin-zero", "no origin is 0") {
                        $0.replaceSubrange(1...8, with: [UInt8](repeating: 0, count: 8))
                    },
                    try self.body("sequence-zero", "sequences count from 1") { $0[9] = 0 },
                    try self.body("left-over", "a byte behind the fields") { $0.append(0) },
                    try self.body("cut-off", "the last field is not whole") { $0.removeLast() },
                    try self.body("word-unknown", "the form is word 13, which there is not") {
                        $0[formPlace] = 13 << 2 | 1
                    },
                    try self.body("form-empty", "a form has a name") { $0[formPlace] = 0 },
                    try self.body("form-cut-off", "the form has 40 bytes, and fewer follow") {
                        $0[formPlace] = 40 << 2
                    },
                ])
            ),
        ]
    }

    /// Behind flags, first name (nine bytes) and authored time (six).
    private static let formPlace = 16

    private static func wrong(_ digit: Character) -> String { digit == "0" ? "1" : "0" }
}
