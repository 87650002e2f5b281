import Testing

@testable import Forms

struct TextPatternTests {
    @Test(arguments: [
        ("^\\d{6}$", "330782", true), ("^\\d{6}$", "33078", false), ("^\\d{6}$", "3307821", false),
        ("\\d{6}", "x330782y", true), ("^a", "ba", false), ("a$", "ba", true), ("a$", "ab", false),
        ("^[a-c_-]+$", "a-c_b", true), ("^[a-c]+$", "abd", false), ("^[^0-9]*$", "abc", true),
        ("^[^0-9]*$", "ab1", false), ("^a?b*c+$", "cc", true), ("^a?b*c+$", "abbc", true),
        ("^a?b*c+$", "aac", false), ("^.{2,3}$", "医院", true), ("^.{2,3}$", "医", false),
        ("^.{2,}$", "abcdef", true), ("^\\.$", ".", true), ("^\\.$", "x", false), ("", "", true),
        ("^$", "", true), ("^$", "x", false), ("a*", "", true), ("^[\\d]+$", "12", true),
    ])
    func matches(pattern: String, text: String, holds: Bool) throws {
        #expect(try #require(TextPattern(pattern)).matches(text) == holds, "\(pattern) on \(text)")
    }

    @Test(arguments: [
        "(a)", "a|b", "[a", "[z-a]", "a{", "a{3,2}", "a{999}", "*", "[]", "\\w", "a{1,2}{300}", "\\",
        "a{200}b{200}",
    ])
    func refuses(pattern: String) { #expect(TextPattern(pattern) == nil) }

    @Test func takesAStepForEachCharacterWhateverIsMatched() throws {
        let pattern = try #require(TextPattern("^a*a*a*a*a*a*a*a*a*a*b$"))
        #expect(!pattern.matches(String(repeating: "a", count: 5_000)))
    }
}
