import SyncCore
import Testing

@testable import Forms

struct FormCatalogTests {
    @Test func everyBuiltInFormDecodesAndCompiles() throws {
        for source in FormCatalog.builtInSources {
            let definition = try FormCatalog.decode(source.json)
            #expect(definition.form == source.form)
            _ = try CompiledForm(definition, settings: Settings(), zone: .fixed(hours: 8))
        }
        #expect(FormCatalog.builtIn.definitions.count == 7)
        #expect(FormCatalog.builtIn["no-such-form"] == nil)
    }

    @Test func fieldsThatProgramsReadAreWhereTheyExpectThem() {
        let expected: [(String, FieldID, String)] = [
            (BuiltIn.dailyReport, BuiltIn.reportKind, "kind"), (BuiltIn.alert, BuiltIn.alertFacts, "facts"),
            (BuiltIn.alert, BuiltIn.alertStatus, "status"), (BuiltIn.unit, BuiltIn.unitName, "name"),
            (BuiltIn.unit, BuiltIn.unitType, "type"), (BuiltIn.unit, BuiltIn.unitParent, "parent"),
            (BuiltIn.unit, BuiltIn.unitLine, "line"), (BuiltIn.membership, BuiltIn.membershipUnit, "unit"),
            (BuiltIn.excuse, BuiltIn.excuseTo, "to"),
        ]
        for (form, id, name) in expected {
            #expect(FormCatalog.builtIn[form]?.field(id)?.name == name)
        }
    }

    @Test func aDayComesFirstInEveryKey() {
        for definition in FormCatalog.builtIn.definitions where definition.keyIndex("day") != nil {
            #expect(definition.keyIndex("day") == 0)
        }
    }

    @Test func definitionsThatContradictThemselvesAreRefused() throws {
        var definition = try #require(FormCatalog.builtIn[BuiltIn.checkIn])
        definition.fields[1].id = 1
        #expect(throws: FormDefinitionError.self) {
            try CompiledForm(definition, settings: Settings(), zone: .fixed(hours: 8))
        }
        var settings = Settings()
        settings.temperatureAlert = "warm"
        #expect(throws: FormDefinitionError.self) {
            try CompiledCatalog(settings: settings, zone: .fixed(hours: 8))
        }
    }
}
