import SyncCore
import Testing

@testable import Forms

struct FormCheckTests {
    static let good = """
        {"form": "task", "revision": 1, "labels": {"en": "Task", "zh": "任务"},
         "keys": [{"name": "unit", "type": "unit", "labels": {"en": "unit", "zh": "单位"}}],
         "fields": [
          {"id": 1, "name": "state", "type": "choice", "labels": {"en": "state", "zh": "状态"},
           "choices": ["open", "done"], "policy": "latest", "retentionClass": 0, "personal": false},
          {"id": 2, "name": "count", "type": "integer", "labels": {"en": "count", "zh": "数"},
           "computed": {"people": "register"}, "policy": "latest", "retentionClass": 0, "personal": false}],
         "writers": ["branch"]}
        """

    static func check(
        _ text: String, catalog: FormCatalog = .builtIn
    ) -> Result<FormDefinition, DefinitionMistakes> {
        FormCheck.check(
            Array(text.utf8), catalog: catalog, settings: Settings(), zone: .fixed(hours: 8))
    }

    /// A revision far ahead could never be followed by another.
    @Test func aRevisionFarAheadIsRefused() throws {
        let source = try #require(FormCatalog.builtInSources.first { $0.form == BuiltIn.checkIn })
        let text = String(decoding: source.json, as: UTF8.self)
        let now = try #require(FormCatalog.builtIn[BuiltIn.checkIn]).revision
        func revised(_ revision: UInt32) -> String {
            text.replacing("\"revision\": \(now),", with: "\"revision\": \(revision),")
        }
        #expect(throws: Never.self) { _ = try Self.check(revised(now + 1)).get() }
        for revision in [now + 1_001, UInt32(Int32.max)] {
            guard case .failure(let found) = Self.check(revised(revision)) else {
                Issue.record("\(revision) is taken")
                continue
            }
            #expect(found.mistakes.map(\.code) == [.outOfBounds])
            #expect(found.mistakes.first?.allowed == ["\(now + 1)", "\(now + 1_000)"])
        }
    }

    @Test func everyShippedFormIsWithoutMistakes() throws {
        for source in FormCatalog.builtInSources {
            let found = FormCheck.check(
                source.json, catalog: .builtIn, settings: Settings(), zone: .fixed(hours: 8))
            #expect(throws: Never.self) { _ = try found.get() }
        }
        _ = try Self.check(Self.good).get()
    }

    @Test(arguments: [
        ("\"task\"", "\"Task 1\"", "bad_name", 1), ("\"revision\": 1", "\"revision\": 0", "out_of_bounds", 1),
        ("\"keys\"", "\"key\"", "unknown_name", 2), ("\"unit\", \"type\"", "\"state\", \"type\"", "twice", 4),
        ("\"type\": \"unit\"", "\"type\": \"units\"", "not_allowed", 2),
        ("\"id\": 2", "\"id\": 1", "twice", 6),
        ("\"id\": 1", "\"id\": 3", "out_of_bounds", 6),
        ("\"choices\": [\"open\", \"done\"], ", "", "missing", 4),
        ("\"id\": 1", "\"id\": \"1\"", "wrong_type", 4), ("\"zh\": \"数\"", "\"zh\": \"\"", "missing", 6),
        ("\"computed\"", "\"scale\": 2, \"computed\"", "not_for_type", 7),
        ("\"writers\": [\"branch\"]", "\"writers\": [\"nobody\"]", "not_allowed", 8),
        ("\"people\": \"register\"", "\"people\": \"register\", \"any\": []", "out_of_bounds", 7),
        ("\"choices\"", "\"hidden\": true, \"required\": true, \"choices\"", "hidden_required", 5),
        (
            "\"choices\"", "\"requiredIf\": [{\"field\": \"cuont\", \"equals\": \"1\"}], \"choices\"",
            "no_such_field", 5
        ),
        (
            "\"open\", \"done\"],", "\"open\"], \"choiceLabels\": {\"x\": {\"en\": \"a\", \"zh\": \"b\"}},",
            "not_allowed", 5
        ),
        ("[\"branch\"]}", "[\"branch\"]", "not_json", 8),
        ("\"form\": \"task\"", "\"form\": \"alert\"", "frozen", 1),
    ])
    func names(what: String, instead: String, code: String, line: Int) {
        let text = Self.good.replacing(what, with: instead, maxReplacements: 1)
        #expect(text != Self.good)
        guard case .failure(let found) = Self.check(text) else {
            Issue.record("\(instead) is taken")
            return
        }
        #expect(
            found.mistakes.contains { $0.code.rawValue == code && $0.place.line == line }, "\(found.mistakes)"
        )
    }

    @Test func allMistakesAreNamedAtOnceInTheOrderOfTheFile() throws {
        let text = Self.good.replacing("\"labels\"", with: "\"lables\"")
        guard case .failure(let found) = Self.check(text) else { throw DefinitionMistakes([]) }
        #expect(found.mistakes.count == 8, "a name that is not known, and one that is missing, four times")
        #expect(found.mistakes == DefinitionMistakes(found.mistakes).mistakes)
    }

    /// Two rules that are wrong in several ways: each with its line, what stands there and what may.
    @Test func whatIsWrongWithRulesIsNamedAtOnce() throws {
        let rules = """
            "rules": [
             {"id": "a", "raise": "allert", "any": [{"field": "staet", "equals": "open"}]},
             {"id": "b", "raise": "alert", "any": [{"field": "state", "atLeast": "1"}],
              "tell": [{"who": "duty", "after": "soon"}]}],
            "keys"
            """
        let text = Self.good.replacing("\"keys\"", with: rules, maxReplacements: 1)
        guard case .failure(let found) = Self.check(text) else { throw DefinitionMistakes([]) }
        let codes = Set(found.mistakes.map(\.code.rawValue))
        #expect(codes.isSuperset(of: ["not_allowed", "no_such_field", "bad_condition", "bad_keys"]))
        let form = try #require(found.mistakes.first { $0.subject == "allert" })
        #expect(form.allowed.contains("alert") && form.place.line == 3)
        let field = try #require(found.mistakes.first { $0.subject == "staet" })
        #expect(field.allowed.contains("state") && field.place.line == 3)
        let span = try #require(found.mistakes.first { $0.subject == "soon" })
        #expect(span.allowed.contains("answerMinutes") && span.place.line == 5)
        #expect(!found.mistakes.contains { $0.code == .refused }, "\(found.mistakes)")
    }

    @Test func nothingMakesItTrap() {
        let bytes = Array(Self.good.utf8)
        for cut in stride(from: 0, to: bytes.count, by: 7) {
            for extra: [UInt8] in [[], [0xff], Array("{[\"\\u12".utf8), Array(repeating: 0x5b, count: 500)] {
                let broken = Array(bytes[..<cut]) + extra
                _ = FormCheck.check(
                    broken, catalog: .builtIn, settings: Settings(), zone: .fixed(hours: 8))
            }
        }
    }

    @Test func aVersionIsJudgedByTheRevisionThatItWasWrittenUnder() throws {
        var first = try Self.check(Self.good).get()
        var second = first
        second.revision = 2
        second.fields[0].required = true
        let catalog = try FormCatalog([first]).adding(second)
        let compiled = try CompiledCatalog(catalog, settings: Settings(), zone: .fixed(hours: 8))
        func findings(_ revision: UInt32) -> [String] {
            let version = Version(
                dot: Dot(origin: 1, sequence: 1),
                key: RecordKey(form: "task", values: [.text(Array("B1".utf8))]),
                formRevision: revision, authored: 0, stated: 0, firstCreated: 0,
                assignments: [Assignment(field: 2, retentionClass: 0, value: .integer(1))])
            return compiled.findings(of: VersionColumns(CollectionOfOne(version))).filter(\.isRefusal).map(
                \.reason)
        }
        #expect(findings(1).isEmpty && findings(2) == [Reason.missingValue])
        first.revision = 7
        #expect(findings(7) == [Reason.missingValue], "one that is not known goes by the highest")
    }

    @Test func whatIsRequiredInSomeCasesIsAskedForThere() throws {
        let text = Self.good.replacing(
            "\"computed\": {\"people\": \"register\"}",
            with: "\"requiredIf\": [{\"field\": \"state\", \"equals\": \"done\"}]")
        let form = try CompiledForm(
            try Self.check(text).get(), settings: Settings(), zone: .fixed(hours: 8))
        func reasons(_ state: Value?, _ count: Value?, isNew: Bool = true) -> [String] {
            var context = Context.empty
            if !isNew { context.includePrefix(Dot(origin: 9, sequence: 1)) }
            let given: [(FieldID, Value?)] = [(1, state), (2, count)]
            let version = Version(
                dot: Dot(origin: 1, sequence: 1),
                key: RecordKey(form: "task", values: [.text(Array("B1".utf8))]),
                formRevision: 1, context: context, authored: 0, stated: 0, firstCreated: 0,
                assignments: given.compactMap { field, value in
                    value.map { Assignment(field: field, retentionClass: 0, value: $0) }
                })
            return form.findings(of: version).filter(\.isRefusal).map(\.reason)
        }
        let (open, done) = (Value.text(Array("open".utf8)), Value.text(Array("done".utf8)))
        #expect(reasons(open, .notStated).isEmpty && reasons(done, .integer(2)).isEmpty)
        #expect(reasons(done, .notStated) == [Reason.missingValue])
        #expect(reasons(done, nil) == [Reason.missingValue])
        #expect(reasons(done, nil, isNew: false).isEmpty, "what it leaves alone may be there")
        #expect(reasons(done, .notStated, isNew: false) == [Reason.missingValue])
    }

    /// What is wrong with the shape hides nothing of what is wrong with the rules.
    @Test func mistakesOfAllKindsAreToldAtOnce() {
        let text = Self.good.replacing(
            "\"writers\"",
            with: "\"rules\": [{\"id\": \"r\", \"raise\": \"nothing\", \"any\": [{\"field\": \"state\", "
                + "\"equals\": \"open\"}]}], \"colour\": \"red\", \"writers\"")
        guard case .failure(let found) = Self.check(text) else {
            Issue.record("it is taken")
            return
        }
        #expect(Set(found.mistakes.map(\.code)) == [.unknownName, .notAllowed])
        #expect(found.mistakes.contains { $0.subject == "colour" })
        #expect(found.mistakes.contains { $0.subject == "nothing" })
    }
}
