import Console
import SyncCore

/// A version vector as people type it: `{id:count, ...}`.
///
/// Ids and counts are decimal over the full range of UInt64, ids also hexadecimal with `0x`. Any order,
/// repeated ids and zeros are taken and put right; what was put right stands in ``notes``.
struct VectorText {
    private(set) var vector: VersionVector
    /// What was not canonical; empty when everything was.
    private(set) var notes: [Words]

    /// - Throws: ``VectorTextError`` with the place of the first thing that is wrong.
    init(_ text: String) throws {
        var parser = VectorParser(text)
        let entries = try parser.parse()
        vector = VersionVector(normalizing: entries)
        notes = VectorText.notes(on: entries)
    }

    private static func notes(on entries: [VersionVector.Entry]) -> [Words] {
        var notes: [Words] = []
        if entries.contains(where: { $0.origin == 0 }) {
            notes.append(Words("id 0 names no origin and was left out", zh: "编号 0 不是来源，已略去"))
        }
        if entries.contains(where: { $0.origin != 0 && $0.count == 0 }) {
            notes.append(Words("entries with count 0 were left out", zh: "计数为 0 的条目已略去"))
        }
        let ids = entries.map(\.origin)
        let sorted = ids.sorted()
        if ids != sorted { notes.append(Words("the ids were sorted", zh: "编号已排序")) }
        if zip(sorted, sorted.dropFirst()).contains(where: { $0 == $1 && $0 != 0 }) {
            notes.append(
                Words("of a repeated id the highest count was kept", zh: "重复的编号保留了最大的计数"))
        }
        return notes
    }

    /// The canonical spelling.
    static func text(_ vector: VersionVector) -> String {
        "{" + vector.entries.map { "\($0.origin):\($0.count)" }.joined(separator: ", ") + "}"
    }
}

/// What cannot be read as a vector, and where.
struct VectorTextError: Error, Equatable {
    /// Counted from 1, in characters of the text as bytes.
    var place: Int
    var words: Words
}

private struct VectorParser {
    private let bytes: [UInt8]
    private var at = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    mutating func parse() throws -> [VersionVector.Entry] {
        try take(0x7b, Words("a vector begins with {", zh: "向量以 { 开始"))
        var entries: [VersionVector.Entry] = []
        if !takeIfThere(0x7d) {
            repeat {
                let origin = try number(Words("an id is expected", zh: "此处应为编号"), hexadecimal: true)
                try take(0x3a, Words("a colon and a count are expected", zh: "此处应为冒号和计数"))
                let count = try number(Words("a count is expected", zh: "此处应为计数"), hexadecimal: false)
                entries.append(VersionVector.Entry(origin: origin, count: count))
            } while takeIfThere(0x2c)
            try take(0x7d, Words("a comma or } is expected", zh: "此处应为逗号或 }"))
        }
        skipBlanks()
        guard at == bytes.count else {
            throw error(Words("nothing may follow the }", zh: "} 之后不应再有内容"))
        }
        return entries
    }

    private func error(_ words: Words) -> VectorTextError { VectorTextError(place: at + 1, words: words) }

    private mutating func skipBlanks() {
        while at < bytes.count, bytes[at] == 0x20 || (0x09...0x0d).contains(bytes[at]) { at += 1 }
    }

    private mutating func takeIfThere(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard at < bytes.count, bytes[at] == byte else { return false }
        at += 1
        return true
    }

    private mutating func take(_ byte: UInt8, _ words: Words) throws {
        guard takeIfThere(byte) else { throw error(words) }
    }

    private mutating func number(_ words: Words, hexadecimal: Bool) throws -> UInt64 {
        skipBlanks()
        let start = at
        var base: UInt64 = 10
        if hexadecimal, at + 1 < bytes.count, bytes[at] == 0x30, bytes[at + 1] | 0x20 == 0x78 {
            base = 16
            at += 2
        }
        var value: UInt64 = 0
        var digits = 0
        while at < bytes.count, let digit = VectorParser.digit(bytes[at]), digit < base {
            let (product, tooLarge) = value.multipliedReportingOverflow(by: base)
            let (sum, overflow) = product.addingReportingOverflow(digit)
            if tooLarge || overflow {
                at = start
                throw error(
                    Words(
                        "the number is above 18446744073709551615", zh: "数字大于 18446744073709551615"))
            }
            value = sum
            digits += 1
            at += 1
        }
        guard digits > 0 else { throw error(words) }
        return value
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case 0x30...0x39: UInt64(byte - 0x30)
        case 0x41...0x46: UInt64(byte - 0x41 + 10)
        case 0x61...0x66: UInt64(byte - 0x61 + 10)
        default: nil
        }
    }
}
