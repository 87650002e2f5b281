/// What a text must look like: literal characters, classes, counts, and anchors. There are no groups and no
/// alternatives, so that matching takes a step a character and place, whatever is matched.
///
/// `^` and `$` bind to the text's ends; `.` is any character, `\d` a digit, `[a-z_]` and `[^0-9]` are
/// classes; `?`, `*`, `+`, `{2}`, `{2,}` and `{2,4}` say how often.
struct TextPattern: Sendable, Hashable {
    private enum Class: Sendable, Hashable {
        case any
        case ranges([ClosedRange<UInt32>], isInverted: Bool)

        func holds(_ scalar: UInt32) -> Bool {
            switch self {
            case .any: true
            case .ranges(let ranges, let isInverted):
                ranges.contains { $0.contains(scalar) } != isInverted
            }
        }
    }

    /// One character; one that may be left out, or may come again.
    private struct Place: Sendable, Hashable {
        var characters: Class
        var isOptional = false
        var repeats = false
    }

    static let placeLimit = 256
    private var places: [Place] = []
    private var isAtStart = false
    private var isAtEnd = false

    /// Nil when it is no pattern, or has more than ``placeLimit`` places.
    init?(_ text: String) {
        var rest = Array(text.unicodeScalars)[...]
        if rest.first == "^" {
            isAtStart = true
            rest.removeFirst()
        }
        while let next = rest.first {
            if next == "$", rest.count == 1 {
                isAtEnd = true
                return
            }
            guard let found = TextPattern.characters(&rest), let counts = TextPattern.counts(&rest),
                places.count + max(counts.least, counts.most ?? counts.least + 1) <= TextPattern.placeLimit
            else { return nil }
            for _ in 0..<counts.least { places.append(Place(characters: found)) }
            guard let most = counts.most else {
                places.append(Place(characters: found, isOptional: true, repeats: true))
                continue
            }
            for _ in counts.least..<most { places.append(Place(characters: found, isOptional: true)) }
        }
    }

    func matches(_ text: String) -> Bool {
        var active = [Bool](repeating: false, count: places.count + 1)
        enter(0, &active)
        for scalar in text.unicodeScalars {
            if active[places.count], !isAtEnd { return true }
            var next = [Bool](repeating: false, count: places.count + 1)
            for index in places.indices where active[index] && places[index].characters.holds(scalar.value) {
                enter(places[index].repeats ? index : index + 1, &next)
            }
            if !isAtStart { enter(0, &next) }
            active = next
        }
        return active[places.count]
    }

    /// A place, and those behind it that need no character.
    private func enter(_ index: Int, _ active: inout [Bool]) {
        var index = index
        while !active[index] {
            active[index] = true
            guard index < places.count, places[index].isOptional else { return }
            index += 1
        }
    }

    private static let digits: ClosedRange<UInt32> = 0x30...0x39

    private static func characters(_ rest: inout ArraySlice<Unicode.Scalar>) -> Class? {
        guard let first = rest.popFirst() else { return nil }
        switch first {
        case ".": return .any
        case "\\":
            guard let next = rest.popFirst() else { return nil }
            if next == "d" { return .ranges([digits], isInverted: false) }
            let isLetter = next.properties.isAlphabetic || digits.contains(next.value)
            return isLetter ? nil : .ranges([next.value...next.value], isInverted: false)
        case "[": return bracket(&rest)
        case "^", "$", "(", ")", "|", "*", "+", "?", "{", "}", "]": return nil
        default: return .ranges([first.value...first.value], isInverted: false)
        }
    }

    private static func bracket(_ rest: inout ArraySlice<Unicode.Scalar>) -> Class? {
        var ranges: [ClosedRange<UInt32>] = []
        let isInverted = rest.first == "^"
        if isInverted { rest.removeFirst() }
        while let next = rest.popFirst() {
            if next == "]" { return ranges.isEmpty ? nil : .ranges(ranges, isInverted: isInverted) }
            var low = next
            if next == "\\" {
                guard let escaped = rest.popFirst() else { return nil }
                if escaped == "d" {
                    ranges.append(digits)
                    continue
                }
                low = escaped
            }
            guard rest.first == "-", let high = rest.dropFirst().first, high != "]" else {
                ranges.append(low.value...low.value)
                continue
            }
            rest = rest.dropFirst(2)
            guard low.value <= high.value else { return nil }
            ranges.append(low.value...high.value)
        }
        return nil
    }

    private static func counts(_ rest: inout ArraySlice<Unicode.Scalar>) -> (least: Int, most: Int?)? {
        switch rest.first {
        case "?":
            rest.removeFirst()
            return (0, 1)
        case "*":
            rest.removeFirst()
            return (0, nil)
        case "+":
            rest.removeFirst()
            return (1, nil)
        case "{":
            rest.removeFirst()
            guard let end = rest.firstIndex(of: "}") else { return nil }
            let inside = String(String.UnicodeScalarView(rest[..<end]))
            rest = rest[rest.index(after: end)...]
            let parts = inside.split(separator: ",", omittingEmptySubsequences: false)
            guard (1...2).contains(parts.count), let least = Int(parts[0]), (0...placeLimit).contains(least)
            else { return nil }
            if parts.count == 1 { return (least, least) }
            if parts[1].isEmpty { return (least, nil) }
            guard let most = Int(parts[1]), (least...placeLimit).contains(most) else { return nil }
            return (least, most)
        default: return (1, 1)
        }
    }
}
