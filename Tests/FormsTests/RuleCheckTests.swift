import FoundationEssentials
import SyncCore
import Testing

@testable import Forms

/// A rule with a mistake is refused with its place before it travels.
struct RuleCheckTests {
    private func form(_ change: (inout FormDefinition) -> Void) throws -> FormDefinition {
        var form = try #require(FormCatalog.builtIn[BuiltIn.concern])
        change(&form)
        return form
    }

    private func faults(_ change: (inout WatchRule) -> Void, of id: String) throws -> [String] {
        let form = try form { form in
            var watches = form.watches ?? []
            if let index = watches.firstIndex(where: { $0.id == id }) { change(&watches[index]) }
            form.watches = watches
        }
        return form.ruleFaults(in: .builtIn).map { "\($0.rule) \($0.member) \($0.code.rawValue)" }
    }

    @Test func whatIsShippedHasNoFault() {
        for form in FormCatalog.builtIn.definitions {
            #expect(form.ruleFaults(in: .builtIn).isEmpty, "\(form.form)")
        }
    }

    @Test func eachMistakeIsNamedWithItsPlace() throws {
        #expect(try faults({ $0.of = "chek-in" }, of: "missing-report") == ["missing-report of unknown_form"])
        #expect(
            try faults({ $0.missing?.after = "25:99" }, of: "missing-report")
                == ["missing-report missing.after unknown_setting"])
        #expect(
            try faults({ $0.beside?.finds[0].field = "temprature" }, of: "zero-beside-findings")
                == ["zero-beside-findings beside.finds.temprature unknown_field"])
        #expect(
            try faults({ $0.beside?.any[0].equals = "NONE" }, of: "zero-beside-findings")
                == ["zero-beside-findings beside.any.kind bad_condition"])
        #expect(
            try faults({ $0.beside?.form = "nothing" }, of: "zero-beside-findings")
                == ["zero-beside-findings beside.form unknown_form"])
        #expect(
            try faults({ $0.differs = ["n_key_region"] }, of: "counts-differ")
                == ["counts-differ differs.n_key_region not_computed"])
        #expect(try faults({ $0.of = "check-in" }, of: "duty-gap") == ["duty-gap of no_post"])
        #expect(
            try faults({ $0.gap?.ahead = "soon" }, of: "duty-gap") == ["duty-gap gap.ahead unknown_setting"])
        #expect(
            try faults({ $0.gap?.never = "soon" }, of: "duty-gap") == ["duty-gap gap.never unknown_setting"])
        #expect(
            try faults({ $0.tell?[1].after = "later" }, of: "unattended")
                == ["unattended tell.2.after unknown_setting"])
        #expect(try faults({ $0.level = "loud" }, of: "duty-gap") == ["duty-gap level bad_level"])
        #expect(try faults({ $0.id = "duty-gap" }, of: "unattended") == ["duty-gap id twice"])
        #expect(try faults({ $0.gap = nil }, of: "duty-gap") == ["duty-gap  one_of"])
    }

    @Test func whatContradictsItselfIsNoForm() throws {
        let beside = FormCatalog.builtIn[BuiltIn.concern]?.watches?[2].beside
        let form = try form { $0.watches?[0].beside = beside }
        #expect(throws: FormDefinitionError.self) { try form.check() }
        let bare = try self.form { form in form.fields.removeAll { $0.name == "facts" } }
        #expect(throws: FormDefinitionError.self) { try bare.check() }
    }

    /// What is named and not there does not take the other rules along.
    @Test func aCatalogLeavesOutWhatItCannotEvaluate() throws {
        let form = try form { $0.watches?[0].of = "chek-in" }
        let forms = FormCatalog(
            FormCatalog.builtIn.definitions.map { $0.form == BuiltIn.concern ? form : $0 })
        let catalog = try CompiledCatalog(forms, settings: Settings(), zone: .fixed(hours: 8))
        #expect(!catalog.watches.contains { $0.id == "missing-check-in" })
        #expect(catalog.watches.contains { $0.id == "missing-report" })
    }
}
