import SyncCore
import SyncWire

enum JoinCodeCases {
    private static let alphabet = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private static let body = Parts([
        ("version", [1]), ("expires", Bytes.word(1_580_774_400_000)),
        ("secret", (1...16).map { UInt8($0) }),
        ("hub", (0..<32).map { (byte: Int) -> UInt8 in UInt8(0xe0 + byte % 16) }),
        ("unit", Bytes.text("GDUT/6")), ("address", Bytes.text("hub.example.org:7400")),
    ])

    private static func base64(_ bytes: [UInt8]) -> String {
        var bits: [UInt8] = []
        for byte in bytes {
            for bit in 0..<8 { bits.append(byte >> UInt8(7 - bit) & 1) }
        }
        while bits.count % 6 != 0 { bits.append(0) }
        let letters = stride(from: 0, to: bits.count, by: 6).map { start -> UInt8 in
            var letter = 0
            for bit in bits[start..<(start + 6)] { letter = letter * 2 + Int(bit) }
            return alphabet[letter]
        }
        return String(decoding: letters, as: UTF8.self)
    }

    private static func code(_ bytes: [UInt8], crc: UInt32? = nil) -> String {
        "rc1-" + base64(bytes + Bytes.u32(crc ?? Bytes.crc(bytes)))
    }

    private static func valid(_ name: String, _ shows: String, _ text: String) -> Case {
        let code = JoinCode(text: text)
        let meaning: JSON = [
            "expires": .number(code?.expires ?? 0), "secret": .hex(code?.secret.bytes ?? []),
            "hub": .hex(code?.hub.bytes ?? []), "unit": .string(code?.unit ?? ""),
            "address": .string(code?.address ?? ""),
        ]
        return Case(
            name, shows,
            [
                ("writer", code?.text == text ? "reference" : "any"), ("text", .string(text)),
                ("meaning", meaning),
            ])
    }

    private static func invalid(_ name: String, _ shows: String, _ text: String) -> Case {
        Case(name, shows, [("text", .string(text))])
    }

    @Sendable static func file() -> [(String, JSON)] {
        let good = code(body.bytes)
        let two = body.with("unit", Bytes.text("GDUT")).bytes
        let spare = code(two)
        return [
            (
                "valid",
                .cases([
                    valid("ordinary", "a code for one unit", good),
                    valid(
                        "pasted-with-spaces", "spaces and line ends are left out",
                        " \(good.prefix(40))\n \(good.dropFirst(40))\r\n"),
                    valid("spare-bits", "the last letter has bits to spare, which are 0", spare),
                    valid(
                        "texts-in-chinese", "unit and address are UTF-8, each at most 255 bytes",
                        code(body.with("unit", Bytes.text("广东工业大学/计算机")).bytes)),
                    valid(
                        "before-1970", "the time is a signed number in eight bytes",
                        code(body.with("expires", Bytes.word(UInt64(bitPattern: -1))).bytes)),
                ])
            ),
            (
                "invalid",
                .cases([
                    invalid("another-prefix", "not a join code", "rc2-" + good.dropFirst(4)),
                    invalid("a-letter-missing", "the last letter is missing", String(good.dropLast())),
                    invalid("a-letter-too-many", "one letter more", good + "A"),
                    invalid(
                        "a-letter-wrong", "the CRC shows it",
                        String(good.prefix(20)) + (good.dropFirst(20).first == "A" ? "B" : "A")
                            + good.dropFirst(21)),
                    invalid(
                        "not-in-the-alphabet", "+ is base64, and not base64url", "rc1-+" + good.dropFirst(5)),
                    invalid(
                        "spare-bits-set", "another spelling of the same bytes",
                        String(spare.dropLast()) + spareSet(spare)),
                    invalid("wrong-crc", "the CRC is of other bytes", code(body.bytes, crc: 7)),
                    invalid(
                        "version-two", "the first byte is the version",
                        code(body.with("version", [2]).bytes)),
                    invalid(
                        "unit-not-utf8", "texts are UTF-8", code(body.with("unit", [1, 0xff]).bytes)),
                    invalid(
                        "text-cut-off", "the address is shorter than its length says",
                        code(Array(body.bytes.dropLast()))),
                    invalid("bytes-left-over", "a byte behind the address", code(body.bytes + [0])),
                    invalid("empty", "nothing at all", ""),
                ])
            ),
        ]
    }

    /// The last letter with its lowest bit set, which is to spare.
    private static func spareSet(_ code: String) -> String {
        let last = code.utf8.last.flatMap { alphabet.firstIndex(of: $0) } ?? 0
        return String(decoding: [alphabet[last | 1]], as: UTF8.self)
    }
}
