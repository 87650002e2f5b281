import SyncCore

/// Bytes as lines of decimal digits that are read out over the telephone and typed in at the other end. Each
/// line has a number and check digits, so that the one that was misheard is named. `Protocol/SPEC.md`, "Read
/// out", is the authority.
public enum SpokenText {
    /// Bytes of a full line, and the digits that so many bytes take.
    static let lineBytes = 7
    static let digits = [0, 3, 5, 8, 10, 13, 15, 17]
    /// Digits of a full line: its number, the bytes, the check.
    public static let lineDigits = 21
    private static let group = 3

    /// - Parameter bytes: 1 to `Limits.spokenBytes`; the first says how many they are.
    public static func lines(_ bytes: [UInt8]) -> [String] {
        stride(from: 0, to: bytes.count, by: lineBytes).map { start in
            let part = bytes[start..<min(start + lineBytes, bytes.count)]
            let value = part.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let number = UInt64(start / lineBytes + 1)
            return text(decimal(number, 2) + decimal(value, digits[part.count]))
        }
    }

    /// Digits with their check, in groups.
    static func text(_ body: [UInt8]) -> String {
        let all = body + decimal(check(body), 2)
        var text = ""
        for (place, digit) in all.enumerated() {
            if place > 0 && place % group == 0 { text += " " }
            text += "\(digit)"
        }
        return text
    }

    /// ISO 7064, MOD 97-10: finds each digit that is another, and each two neighbours that changed places.
    private static func check(_ body: [UInt8]) -> UInt64 { 98 - remainder(body + [0, 0]) }

    private static func remainder(_ digits: [UInt8]) -> UInt64 {
        digits.reduce(UInt64(0)) { ($0 * 10 + UInt64($1)) % 97 }
    }

    private static func decimal(_ value: UInt64, _ count: Int) -> [UInt8] {
        let text = String(value).utf8.map { $0 - 0x30 }
        return [UInt8](repeating: 0, count: max(0, count - text.count)) + text
    }

    /// What a person has typed as digits: spaces, hyphens and dots between them do not count, digits of an
    /// input method's full width do.
    ///
    /// - Returns: nil with something else among them.
    static func digits(in text: some StringProtocol) -> [UInt8]? {
        var digits: [UInt8] = []
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x30...0x39: digits.append(UInt8(scalar.value - 0x30))
            case 0xff10...0xff19: digits.append(UInt8(scalar.value - 0xff10))
            case 0x09, 0x0d, 0x20, 0x2c, 0x2d, 0x2e, 0x3000, 0xfeff: continue
            default: return nil
            }
            if digits.count > 2 * lineDigits { return nil }
        }
        return digits
    }

    /// - Returns: the digits before the check; nil where it does not hold.
    static func checked(_ digits: [UInt8]) -> ArraySlice<UInt8>? {
        guard digits.count > 2, remainder(digits) == 1 else { return nil }
        let check = digits.suffix(2).reduce(0) { $0 * 10 + $1 }
        return (2...98).contains(check) ? digits.dropLast(2) : nil
    }
}

extension SpokenText {
    /// Why a line was not taken.
    public enum Fault: Error, Sendable, Hashable {
        /// Something that is no digit.
        case notDigits
        /// Digits are missing or too many.
        case length(digits: Int)
        /// The check does not hold: a digit is wrong, or two changed places.
        case check
    }

    /// Puts lines together as they are typed, in whatever order. A line that comes again replaces the one
    /// before.
    public struct Reader: Sendable {
        private var lines: [Int: ArraySlice<UInt8>] = [:]

        public init() {}

        /// Takes a line; one without digits is left out.
        ///
        /// - Returns: the line's number, nil for one that is left out.
        public mutating func take(_ line: some StringProtocol) throws(Fault) -> Int? {
            guard let digits = SpokenText.digits(in: line) else { throw .notDigits }
            if digits.isEmpty { return nil }
            guard digits.count <= lineDigits, SpokenText.digits.contains(digits.count - 4), digits.count > 4
            else { throw .length(digits: digits.count) }
            guard let body = checked(digits) else { throw .check }
            let number = Int(body[0]) * 10 + Int(body[1])
            guard (1...Limits.spokenBytes / lineBytes).contains(number) else { throw .check }
            if number == 1, total(of: body.dropFirst(2)) == nil { throw .check }
            lines[number] = body.dropFirst(2)
            return number
        }

        /// Of all lines, as the first one says; nil before that was taken.
        private var total: Int? { lines[1].flatMap(total) }

        private func total(of first: ArraySlice<UInt8>) -> Int? {
            guard let bytes = SpokenText.bytes(first), let total = bytes.first.map({ Int($0) }) else {
                return nil
            }
            return total >= bytes.count && total <= Limits.spokenBytes
                && (bytes.count == lineBytes || total == bytes.count) ? total : nil
        }

        /// The numbers of lines that are still wanted, the ones that cannot be right among them.
        public var missing: [Int] {
            guard let total else { return [1] }
            return (1...(total + lineBytes - 1) / lineBytes).filter { number in
                let count = min(lineBytes, total - (number - 1) * lineBytes)
                return lines[number].flatMap(SpokenText.bytes)?.count != count
            }
        }

        /// All bytes once no line is missing.
        public var bytes: [UInt8]? {
            guard let total, missing.isEmpty else { return nil }
            return (1...(total + lineBytes - 1) / lineBytes)
                .flatMap { lines[$0].flatMap(SpokenText.bytes) ?? [] }
        }
    }

    /// The bytes that so many digits stand for; nil where the number is too great for them.
    private static func bytes(_ body: ArraySlice<UInt8>) -> [UInt8]? {
        guard let count = digits.firstIndex(of: body.count) else { return nil }
        let value = body.reduce(UInt64(0)) { $0 * 10 + UInt64($1) }
        guard value >> (8 * UInt64(count)) == 0 else { return nil }
        return (0..<count).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * (count - 1 - $0))) }
    }
}

/// What the centre reads back: ten digits that only the hub can know, and their check.
public struct SpokenAnswer: Sendable, Hashable {
    private static let modulus: UInt64 = 10_000_000_000
    /// Below 10^10.
    public let number: UInt64

    /// - Parameter bits: what both ends compute; only the last ten decimal digits count.
    public init(_ bits: UInt64) { number = bits % SpokenAnswer.modulus }

    public var text: String {
        let digits = String(number).utf8.map { $0 - 0x30 }
        return SpokenText.text([UInt8](repeating: 0, count: 10 - digits.count) + digits)
    }

    /// Reads an answer as it was typed; nil when a digit is wrong or missing.
    public init?(text: some StringProtocol) {
        guard let digits = SpokenText.digits(in: text), digits.count == 12,
            let body = SpokenText.checked(digits)
        else { return nil }
        self.init(body.reduce(UInt64(0)) { $0 * 10 + UInt64($1) })
    }
}
