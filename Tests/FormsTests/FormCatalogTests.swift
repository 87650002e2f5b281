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
        #expect(FormCatalog.builtIn.definitions.count == 13)
        #expect(FormCatalog.builtIn["no-such-form"] == nil)
    }

    /// Who enters one record needs its form alone: a fault of another stands in nobody's way there, and is
    /// named where the other is asked for.
    @Test func aFormIsCompiledWhenItIsAskedFor() throws {
        let checkIn = try #require(FormCatalog.builtIn[BuiltIn.checkIn])
        var broken = try #require(FormCatalog.builtIn[BuiltIn.dailyReport])
        broken.keys = []
        let catalog = FormCatalog([broken, checkIn])
        let fault = FormDefinitionError(form: BuiltIn.dailyReport, subject: "keys", code: .badKeys)
        #expect(throws: fault) {
            _ = try CompiledCatalog(catalog, settings: Settings(), zone: .fixed(hours: 8))
        }
        let forms = CompiledCatalog(unchecked: catalog, settings: Settings(), zone: .fixed(hours: 8))
        #expect(try forms.form(BuiltIn.checkIn)?.definition == checkIn)
        #expect(forms[BuiltIn.dailyReport] == nil)
        #expect(throws: fault) { _ = try forms.form(BuiltIn.dailyReport) }
        #expect(try forms.form("no-such-form") == nil)
        #expect(forms.forms.map(\.definition.form) == [BuiltIn.checkIn])
    }

    /// A store keeps the revisions that it has seen, and opens with no other of the same number: what changes
    /// in a form of the program after it was first used is another revision.
    @Test func whatShipsUnderARevisionStaysAsItIs() throws {
        for source in FormCatalog.builtInSources {
            let definition = try FormCatalog.decode(source.json)
            let print = source.json.reduce(UInt64(0xcbf2_9ce4_8422_2325)) {
                ($0 ^ UInt64($1)) &* 0x100_0000_01b3
            }
            let known = Self.shipped[definition.form]
            #expect(
                known?.revision == definition.revision && known?.print == print,
                "\(definition.form) \(definition.revision) is 0x\(String(print, radix: 16)): a new revision?"
            )
        }
    }

    /// FNV-1a of the file of each form, by its revision.
    private static let shipped: [String: (revision: UInt32, print: UInt64)] = [
        "alert": (2, 0xa378_07f7_5c4a_4181),
        "appointment": (2, 0x5f51_f0bc_0ff7_49e4),
        "check-in": (1, 0xc0a2_a950_d46c_113b),
        "concern": (2, 0x33c8_c3b3_f84f_f4f1),
        "daily-report": (1, 0xbb85_630c_ca85_cc8b),
        "definition": (1, 0x3965_7e53_f1ca_5398),
        "duty-shift": (2, 0x4d1b_0566_2ba3_7a50),
        "excuse": (1, 0x2a3d_a079_f4a9_94ab),
        "membership": (1, 0x1951_81a5_f908_6af0),
        "person": (1, 0x8228_0252_7385_4e44),
        "placement": (1, 0x4e7a_16cc_0c44_cd6e),
        "test-call": (1, 0x852f_63ea_2391_1422),
        "unit": (1, 0x4a1f_c48e_b267_228c),
    ]

    @Test func fieldsThatProgramsReadAreWhereTheyExpectThem() {
        let expected: [(String, FieldID, String)] = [
            (BuiltIn.dailyReport, BuiltIn.reportKind, "kind"), (BuiltIn.alert, BuiltIn.alertFacts, "facts"),
            (BuiltIn.alert, BuiltIn.alertStatus, "status"), (BuiltIn.unit, BuiltIn.unitName, "name"),
            (BuiltIn.unit, BuiltIn.unitType, "type"), (BuiltIn.unit, BuiltIn.unitParent, "parent"),
            (BuiltIn.unit, BuiltIn.unitLine, "line"), (BuiltIn.membership, BuiltIn.membershipUnit, "unit"),
            (BuiltIn.excuse, BuiltIn.excuseTo, "to"), (BuiltIn.placement, BuiltIn.placementParent, "parent"),
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

    static func revised(_ change: (inout FormDefinition) -> Void) throws -> FormDefinition {
        var definition = try #require(FormCatalog.builtIn[BuiltIn.checkIn])
        definition.revision += 1
        change(&definition)
        return definition
    }

    @Test func aRevisionMayAddLabelsChoicesChecksAndFields() throws {
        let known = try #require(FormCatalog.builtIn[BuiltIn.checkIn])
        let revision = try Self.revised { form in
            form.fields[0].labels.en = "body temperature"
            form.fields[0].required = true
            form.fields[13].hidden = true
            var field = form.fields[13]
            (field.id, field.name, field.since, field.hidden) = (40, "taken_with", 2, nil)
            form.fields.append(field)
            (field.id, field.name) = (41, "taken_at")
            form.fields.append(field)
            form.groups = [["taken_with", "taken_at"]]
        }
        try revision.check(succeeding: known)
        let catalog = try FormCatalog.builtIn.adding(revision)
        #expect(catalog[BuiltIn.checkIn]?.revision == 2)
        #expect(try catalog.adding(known)[BuiltIn.checkIn]?.revision == 2, "the older one changes nothing")
        let rules = revision.mergeRules
        #expect(rules.group(of: 41, at: 2) == [40, 41])
        #expect(rules.group(of: 41, at: 1) == [41], "revision 1 does not know the field")
    }

    @Test func whatIsFrozenStaysAsItIs() throws {
        let known = try #require(FormCatalog.builtIn[BuiltIn.checkIn])
        let changes: [(subject: String, change: (inout FormDefinition) -> Void)] = [
            ("keys", { $0.keys.removeLast() }), ("day", { $0.keys[0].type = .text }),
            ("person", { $0.keys[1].name = "who" }), ("keys", { $0.day = nil }),
            ("temperature", { $0.fields[0].policy = "highest" }), ("fever", { $0.fields[1].type = .text }),
            ("temperature", { $0.fields[0].scale = 1 }), ("cough", { $0.fields.remove(at: 3) }),
            ("temperature", { $0.fields[0].name = "warmth" }), ("fever", { $0.fields[1].id = 60 }),
            ("remark", { $0.fields[13].retentionClass = 1 }), ("remark", { $0.fields[13].since = 2 }),
            ("fever", { $0.fields[1].personal = false }),
            ("retentionDays 1", { $0.retentionDays?["1"] = 61 }),
            ("retentionDays 0", { $0.retentionDays?["0"] = 61 }),
            ("fever", { $0.groups = [["fever", "cough"]] }),
            (
                "revision 1",
                {
                    $0.revision = 1
                    $0.fields[0].labels.en = "warmth"
                }
            ),
            (
                "extra",
                {
                    var field = $0.fields[13]
                    (field.id, field.name) = (40, "extra")
                    $0.fields.append(field)
                }
            ),
        ]
        for (subject, change) in changes {
            let revision = try Self.revised(change)
            let expected = FormDefinitionError(form: BuiltIn.checkIn, subject: subject, code: .frozen)
            #expect(throws: expected) { try revision.check(succeeding: known) }
            #expect(throws: expected) { _ = try FormCatalog.builtIn.adding(revision) }
        }
        let alert = try #require(FormCatalog.builtIn[BuiltIn.alert])
        var revision = alert
        revision.revision += 1
        revision.groups = nil
        #expect(throws: FormDefinitionError.self) { try revision.check(succeeding: alert) }
        revision.groups = alert.groups
        revision.fields[1].choices = ["open", "closed"]
        #expect(
            throws: FormDefinitionError(form: BuiltIn.alert, subject: "status: taken", code: .frozen)
        ) { try revision.check(succeeding: alert) }
    }

    @Test func mergeGroupsThatWouldTearAreRefused() throws {
        let groups: [[[String]]] = [
            [["temperature"]], [["temperature", "nothing"]], [["temperature", "region"]],
            [["fever", "cough"], ["cough", "headache"]], [[]],
        ]
        for group in groups {
            let definition = try Self.revised { $0.groups = group }
            #expect(throws: FormDefinitionError.self) { try definition.check() }
        }
        let other = try Self.revised {
            $0.groups = [["temperature", "fever"]]
            $0.fields[1].policy = "any"
        }
        #expect(throws: FormDefinitionError(form: BuiltIn.checkIn, subject: "fever", code: .badGroup)) {
            try other.check()
        }
    }

    @Test func aVersionAssignsAllOfAMergeGroupOrNothing() throws {
        let alert = try #require(FormCatalog.builtIn[BuiltIn.alert])
        let form = try CompiledForm(alert, settings: Settings(), zone: .fixed(hours: 8))
        func reasons(_ fields: [FieldID: Value]) -> [String] {
            var context = Context.empty
            context.includePrefix(Dot(origin: 2, sequence: 1))
            let version = Version(
                dot: Dot(origin: 1, sequence: 1),
                key: RecordKey(form: "alert", values: [.integer(18_295), .text("r"), .text("T1")]),
                formRevision: 1, context: context, authored: 0, stated: 0, firstCreated: 0,
                assignments: fields.keys.sorted().map { id in
                    Assignment(
                        field: id, retentionClass: alert.field(id)?.retentionClass ?? 0,
                        value: fields[id] ?? .notStated)
                })
            return form.findings(of: version).filter(\.isRefusal).map(\.reason)
        }
        #expect(reasons([2: .text("taken")]) == [Reason.partialGroup])
        #expect(reasons([3: .text("T2")]) == [Reason.partialGroup])
        #expect(reasons([2: .text("taken"), 3: .text("T2")]).isEmpty)
        #expect(reasons([4: .text("well")]).isEmpty)
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

/// The end of what is kept.
@Suite struct RetentionDefinitionTests {
    /// Otherwise nothing would tell when a value is over whose author's clock was wrong.
    @Test(arguments: ["0", "1"])
    func whatEndsNeedsADayInTheKey(name: String) throws {
        var form = try #require(FormCatalog.builtIn[BuiltIn.person])
        #expect(throws: Never.self) { try form.check() }
        form.retentionDays = [name: 30]
        #expect(
            throws: FormDefinitionError(form: form.form, subject: "retentionDays \(name)", code: .badBound)
        ) { try form.check() }
    }
}
