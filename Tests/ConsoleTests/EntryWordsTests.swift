import Forms
import SyncCore
import Testing

@testable import Console

/// What somebody is told whose entry is refused: which field, why, and what is expected.
@Suite struct EntryWordsTests {
    private func refusal(_ form: String, _ pairs: [(name: String, value: String)]) throws -> Words {
        let compiled = try CompiledForm(
            #require(FormCatalog.builtIn[form]), settings: Settings(), zone: .fixed(hours: 8))
        let read = try SheetEntry.read(pairs, form: compiled, now: 1_580_000_000_000)
        guard case .failure(let refused) = read, let error = refused.errors.first else {
            Issue.record("it was taken")
            return Words("", zh: "")
        }
        return SheetMessages.words(for: error, form: compiled, settings: Settings())
    }

    @Test func aTimeInAKeyThatIsNone() throws {
        let words = try refusal(
            BuiltIn.dutyShift,
            [
                ("unit", "C0"), ("from", "2020-01-26 25:00"), ("place", "1"), ("to", "2020-01-27 08:00"),
                ("person", "T1"),
            ])
        #expect(words.en.contains("2020-01-26 25:00") && words.en.contains("not a time"))
        #expect(words.zh.contains("不是有效时间"))
        let place = try refusal(
            BuiltIn.dutyShift,
            [
                ("unit", "C0"), ("from", "2020-01-26 08:00"), ("place", "x"), ("to", "2020-01-27 08:00"),
                ("person", "T1"),
            ])
        #expect(place.en.contains("whole number") && place.zh.contains("整数"))
    }

    @Test func aFieldThatIsWantingIsNamed() throws {
        let words = try refusal(
            BuiltIn.dailyReport, [("day", "2020-01-26"), ("unit", "B1"), ("n_register", "3")])
        #expect(words.en.contains("kind is missing") && words.en.contains("ZERO, CASES"))
        #expect(words.zh.contains("报告类型") && words.zh.contains("kind"))
    }

    @Test func aCountIsAWholeNumber() throws {
        let words = try refusal(
            BuiltIn.dailyReport,
            [("day", "2020-01-26"), ("unit", "B1"), ("kind", "ZERO"), ("n_register", "x")])
        #expect(words.en.contains("whole number") && words.en.contains("12") && !words.en.contains("36.5"))
    }

    @Test func kindsOfPartsAreToldInChinese() throws {
        for kind in ["text", "number", "true or false", "list", "object", "value"] {
            let mistake = DefinitionMistake(
                .wrongType, "personal", at: JSONNode.Place(line: 1, column: 2), allowed: [kind])
            let words = DefinitionWords.line(mistake, in: "f.json")
            #expect(words.en.contains("must be a \(kind)"))
            #expect(!words.zh.contains(kind) && words.zh.contains("应为"))
        }
    }

    /// Fields are called in Chinese by their labels, with the name under which they are typed.
    @Test func fieldsAreCalledByTheirLabels() throws {
        let masking = Masking(forms: .builtIn, unmask: true)
        let name = masking.shownName(of: 1, in: BuiltIn.checkIn)
        #expect(name.contains("temperature"))
        #expect(masking.shownName(of: 99, in: BuiltIn.checkIn) == "field 99")
    }

    /// Details of the audit log are told in Chinese, as far as the program itself wrote them.
    @Test(arguments: [
        ("units units.csv: 12 rows taken, 0 unchanged, 1 refused", "units units.csv：接受 12 行，未变 0 行，拒绝 1 行"),
        ("active; from 127.0.0.1", "已生效；来自 127.0.0.1"),
        (
            "check-in: 4 trimmed, 2 removed; alert: 0 trimmed, 1 removed",
            "check-in：清空 4 条，删除 2 条；alert：清空 0 条，删除 1 条"
        ),
        ("form visit, revision 2", "表单 visit 第 2 版"), ("B04, trusted", "B04，免确认"),
        ("lost laptop", "lost laptop"),
    ])
    func detailsOfTheAuditLog(detail: String, zh: String) {
        let words = AuditDetail.words(detail, of: "")
        #expect(words.zh == zh && words.en == detail)
    }
}
