import Console
import SyncCore
import Testing

@Suite struct WordsTests {
    @Test func whatAPeerSaysCannotSteerATerminal() {
        let words = RefusalWords.words(for: Refuse(.limitExceeded, words: "\u{1b}[31mred\nsecond line"))
        #expect(!words.en.unicodeScalars.contains { $0.value < 0x20 })
        #expect(words.en.contains("red"))
    }

    @Test(arguments: [
        ("zh_CN.UTF-8", Language.chinese), ("en_US.UTF-8", .english), ("C", .english), ("", .english),
    ])
    func theLanguageFollowsTheLocale(locale: String, language: Language) {
        #expect(Language(environment: ["LANG": locale]) == language)
        #expect(
            Language(environment: ["LANG": "en", "LC_ALL": locale]) == (locale.isEmpty ? .english : language))
    }

    @Test func columnsAlignAlsoWithWideCharacters() {
        var table = TextTable(["a", "b"])
        table.add(["单位", "1"])
        #expect(table.lines() == ["a     b", "单位  1"])
    }
}
