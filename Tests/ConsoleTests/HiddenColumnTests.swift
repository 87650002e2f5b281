import Forms
import Testing

@testable import Console

/// A column of a field that the form hides by now is none that somebody mistyped.
struct HiddenColumnTests {
    @Test func isSaidToBeHiddenAndIsNoSuggestion() throws {
        var form = try #require(FormCatalog.builtIn[BuiltIn.checkIn])
        let place = try #require(form.fields.firstIndex { $0.name == "remark" })
        #expect(!SheetLayout.isHidden("remark", in: form))
        #expect(SheetLayout.suggestion(for: "remrk", in: form) == "remark")
        form.fields[place].hidden = true
        for heading in ["remark", "备注"] {
            #expect(SheetLayout.isHidden(heading, in: form))
            #expect(SheetLayout.suggestion(for: heading, in: form) == nil)
        }
        #expect(SheetLayout.suggestion(for: "remrk", in: form) == nil)
        #expect(!SheetLayout.isHidden("temperature", in: form))
    }
}
