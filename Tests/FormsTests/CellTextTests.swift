import Forms
import Testing

/// What a spreadsheet program would take for a formula is written so that it does not, and reads back as it
/// was.
@Suite struct CellTextTests {
    private static func read(_ cell: String) -> String {
        String(decoding: CellText.unguarded(Array(cell.utf8)[...]), as: UTF8.self)
    }

    @Test(arguments: [
        "=1+1", "+86 138", "-5", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠x", "=", "'=1",
        "''@x",
        "'''-",
    ])
    func whatLooksLikeAFormulaIsGuarded(text: String) {
        #expect(CellText.guarded(text) == "'" + text)
        #expect(Self.read(CellText.guarded(text)) == text)
    }

    @Test(arguments: ["", "36.5", "a=1", " =1", "'", "''", "'quoted'", "it's", "张三", "''a=1", "。", "“=”"])
    func whatDoesNotIsLeftAlone(text: String) {
        #expect(CellText.guarded(text) == text)
        #expect(Self.read(text) == text)
    }

    /// Any bytes come back, whatever they are.
    @Test func everyShortTextComesBack() {
        let letters = ["'", "=", "-", "@", "\t", "\r", "\n", "＝", "a", " ", "\"", ","]
        for first in letters {
            for second in letters {
                for third in letters {
                    for text in [first, first + second, first + second + third] {
                        let cell = CellText.guarded(text)
                        #expect(Self.read(cell) == text)
                        #expect(!["=", "+", "-", "@", "\t", "\r", "\n"].contains { cell.hasPrefix($0) })
                    }
                }
            }
        }
    }
}
