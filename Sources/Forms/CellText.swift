public import SyncCore

/// Reads what people write in cells and on the command line. All of it works on UTF-8 bytes and returns nil
/// for what it cannot read.
public enum CellText {
    /// Without spaces, tabs, line breaks, no-break and ideographic spaces at both ends.
    public static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var rest = text
        while let width = blankWidth(rest, atEnd: false) { rest = rest.dropFirst(width) }
        while let width = blankWidth(rest, atEnd: true) { rest = rest.dropLast(width) }
        return rest
    }

    /// With which a spreadsheet program takes a cell for a formula, also in Chinese input.
    private static let formulas: [[UInt8]] =
        [[0x09], [0x0a], [0x0d]] + ["=", "+", "-", "@", "＝", "＋", "－", "＠"].map { Array($0.utf8) }
    private static let apostrophe: UInt8 = 0x27

    private static func isFormula(behindApostrophes text: some Collection<UInt8>) -> Bool {
        let rest = text.drop { $0 == apostrophe }
        return formulas.contains { rest.starts(with: $0) }
    }

    /// What is written into a sheet so that no spreadsheet program takes it for a formula: an apostrophe goes
    /// before it, which those programs read as *text follows*.
    public static func guarded(_ text: String) -> String {
        isFormula(behindApostrophes: text.utf8) ? "'" + text : text
    }

    /// What a cell says that was written so; the same bytes as before, whatever they were.
    public static func unguarded(_ cell: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        cell.first == apostrophe && isFormula(behindApostrophes: cell) ? cell.dropFirst() : cell
    }

    /// `2020-02-03`, `2020/2/3`, `2020.2.3` or `2020年2月3日`.
    public static func date(_ text: ArraySlice<UInt8>) -> Int32? {
        var reader = CellReader(trimmed(text))
        guard let day = date(&reader), reader.isAtEnd else { return nil }
        return day
    }

    /// A date and a time of day, as milliseconds of a local clock: `2020-02-03 08:31:00`, `2020/2/3 8:31`,
    /// `2020-02-03T08:31:00`. A date alone is not a time.
    public static func localTime(_ text: ArraySlice<UInt8>) -> Milliseconds? {
        var reader = CellReader(trimmed(text))
        guard let day = date(&reader) else { return nil }
        if !reader.take(0x54) {
            guard reader.take(0x20) else { return nil }
            while reader.take(0x20) {}
        }
        guard let time = timeOfDay(&reader), reader.isAtEnd else { return nil }
        return Milliseconds(day) * 86_400_000 + time
    }

    /// A moment: a local time, or one in UTC as exports write it, with a `Z` behind it.
    public static func time(_ text: ArraySlice<UInt8>, in zone: LocalZone) -> Milliseconds? {
        let text = trimmed(text)
        if text.last == 0x5a { return localTime(text.dropLast()) }
        return localTime(text).map { zone.time(fromLocal: $0) }
    }

    /// `8:31`, `08:31:00` or `08:31:00.250`, as milliseconds since midnight.
    public static func timeOfDay(_ text: ArraySlice<UInt8>) -> Milliseconds? {
        var reader = CellReader(trimmed(text))
        guard let time = timeOfDay(&reader), reader.isAtEnd else { return nil }
        return time
    }

    private static let yes = ["true", "t", "yes", "y", "1", "是", "有"].map { Array($0.utf8) }
    private static let no = ["false", "f", "no", "n", "0", "否", "无", "無"].map { Array($0.utf8) }

    /// Yes or no as sheets write it, in any case.
    public static func boolean(_ text: ArraySlice<UInt8>) -> Bool? {
        let word = trimmed(text).map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
        if yes.contains(word) { return true }
        return no.contains(word) ? false : nil
    }

    /// A decimal number, exactly: nil when it has more digits after the point than `scale`, zeros apart.
    public static func decimal(_ text: ArraySlice<UInt8>, scale: UInt8) -> Int64? {
        var rest = trimmed(text)
        let isNegative = rest.first == 0x2d
        if isNegative || rest.first == 0x2b { rest = rest.dropFirst() }
        var value: Int64 = 0
        var digits = 0
        var decimals: Int?
        for byte in rest {
            if byte == 0x2e, decimals == nil {
                decimals = 0
                continue
            }
            guard (0x30...0x39).contains(byte) else { return nil }
            digits += 1
            if let known = decimals {
                guard known < Int(scale) || byte == 0x30 else { return nil }
                if known >= Int(scale) { continue }
                decimals = known + 1
            }
            guard let next = appended(Int64(byte - 0x30), to: value) else { return nil }
            value = next
        }
        guard digits > 0, rest.last != 0x2e else { return nil }
        for _ in (decimals ?? 0)..<max(Int(scale), decimals ?? 0) {
            guard let next = appended(0, to: value) else { return nil }
            value = next
        }
        return isNegative ? -value : value
    }

    /// `unscaled` / 10^`scale` with all its digits, such as `36.50`.
    public static func text(decimal unscaled: Int64, scale: UInt8) -> String {
        let digits = String(unscaled.magnitude)
        let padded = String(repeating: "0", count: max(0, Int(scale) + 1 - digits.count)) + digits
        let sign = unscaled < 0 ? "-" : ""
        guard scale > 0 else { return sign + padded }
        return sign + padded.dropLast(Int(scale)) + "." + padded.suffix(Int(scale))
    }

    private static func appended(_ digit: Int64, to value: Int64) -> Int64? {
        let (tenfold, tooLarge) = value.multipliedReportingOverflow(by: 10)
        let (sum, overflow) = tenfold.addingReportingOverflow(digit)
        return tooLarge || overflow ? nil : sum
    }

    private static func date(_ reader: inout CellReader) -> Int32? {
        guard let year = reader.number(digits: 4...4) else { return nil }
        if reader.take("年") {
            guard let month = reader.number(digits: 1...2), reader.take("月"),
                let day = reader.number(digits: 1...2)
            else { return nil }
            _ = reader.take("日") || reader.take("号")
            return CivilDay.day(year: year, month: month, day: day)
        }
        for separator: UInt8 in [0x2d, 0x2f, 0x2e] where reader.take(separator) {
            guard let month = reader.number(digits: 1...2), reader.take(separator),
                let day = reader.number(digits: 1...2)
            else { return nil }
            return CivilDay.day(year: year, month: month, day: day)
        }
        return nil
    }

    private static func timeOfDay(_ reader: inout CellReader) -> Milliseconds? {
        guard let hour = reader.number(digits: 1...2), reader.take(0x3a),
            let minute = reader.number(digits: 2...2), hour < 24, minute < 60
        else { return nil }
        var milliseconds = (hour * 60 + minute) * 60_000
        guard reader.take(0x3a) else { return Milliseconds(milliseconds) }
        guard let second = reader.number(digits: 2...2), second < 60 else { return nil }
        milliseconds += second * 1000
        if reader.take(0x2e) {
            guard let fraction = reader.number(digits: 3...3) else { return nil }
            milliseconds += fraction
        }
        return Milliseconds(milliseconds)
    }

    /// How many bytes of blank stand at the front or at the end; nil when none does.
    private static func blankWidth(_ text: ArraySlice<UInt8>, atEnd: Bool) -> Int? {
        guard let edge = atEnd ? text.last : text.first else { return nil }
        if edge == 0x20 || (0x09...0x0d).contains(edge) { return 1 }
        guard edge >= 0x80 else { return nil }
        for blank: [UInt8] in [[0xe3, 0x80, 0x80], [0xc2, 0xa0], [0xef, 0xbb, 0xbf]]
        where atEnd ? text.suffix(blank.count).elementsEqual(blank) : text.starts(with: blank) {
            return blank.count
        }
        return nil
    }
}

/// A place within a cell.
private struct CellReader {
    private var rest: ArraySlice<UInt8>

    init(_ text: ArraySlice<UInt8>) { rest = text }

    var isAtEnd: Bool { rest.isEmpty }

    mutating func take(_ byte: UInt8) -> Bool {
        guard rest.first == byte else { return false }
        rest = rest.dropFirst()
        return true
    }

    mutating func take(_ text: String) -> Bool {
        guard rest.starts(with: text.utf8) else { return false }
        rest = rest.dropFirst(text.utf8.count)
        return true
    }

    /// A run of digits whose length lies in `digits` (at most 4).
    mutating func number(digits: ClosedRange<Int>) -> Int? {
        var value = 0
        var count = 0
        while count < digits.upperBound, let byte = rest.first, (0x30...0x39).contains(byte) {
            value = value * 10 + Int(byte - 0x30)
            count += 1
            rest = rest.dropFirst()
        }
        return digits.contains(count) ? value : nil
    }
}
