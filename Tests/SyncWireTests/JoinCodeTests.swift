import SyncCore
import SyncWire
import Testing

/// Codes as people copy, dictate and mistype them.
@Suite struct JoinCodeTests {
    private func code(unit: String = "B01", address: String = "hub.example:7710") -> JoinCode {
        JoinCode(
            address: address, hub: Digest(words: (1, 2, 3, .max)), unit: unit,
            secret: Token16(high: 5, low: 6), expires: 1_790_000_000_000)
    }

    @Test func aCodeComesBackWhateverItsLength() {
        for extra in 0..<6 {
            let code = code(unit: "支部" + String(repeating: "x", count: extra))
            #expect(JoinCode(text: code.text) == code)
            #expect(
                JoinCode(text: "  " + code.text.prefix(40) + "\n " + code.text.dropFirst(40) + "\r\n") == code
            )
        }
    }

    @Test func aCharacterTooManyTooFewOrWrongIsNoticed() {
        for extra in 0..<3 {
            let text = code(unit: "B" + String(repeating: "x", count: extra)).text
            for more in ["A", "x", "_", "=", "AA", "AAAA"] { #expect(JoinCode(text: text + more) == nil) }
            for length in 0..<text.count { #expect(JoinCode(text: String(text.prefix(length))) == nil) }
            let characters = Array(text)
            for place in characters.indices {
                for wrong in "Ab9-" where characters[place] != wrong {
                    var changed = characters
                    changed[place] = wrong
                    #expect(JoinCode(text: String(changed)) == nil)
                }
            }
        }
    }
}
