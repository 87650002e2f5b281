import Foundation
import SyncCore
import Testing

@testable import Forms

/// `Protocol/forms/schema.json` says of a form what the check before publishing says, and nothing else.
@Suite struct SchemaTests {
    private typealias Object = [String: Any]

    private static func schema() throws -> Object {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: root.appending(path: "Protocol/forms/schema.json"))
        return try #require(try JSONSerialization.jsonObject(with: data) as? Object)
    }

    @Test func theSchemaHoldsWhatTheCheckHolds() throws {
        let root = try Self.schema()
        let definitions = try #require(root["$defs"] as? Object)
        var found: [String] = []
        var places = 0
        func compare(_ shape: DefinitionShape, _ given: Any?, _ place: String) {
            places += 1
            var schema = given as? Object ?? [:]
            if let name = (schema["$ref"] as? String)?.dropFirst("#/$defs/".count) {
                schema = definitions[String(name)] as? Object ?? [:]
            }
            func expect(_ holds: Bool, _ what: String) { if !holds { found.append("\(place): \(what)") } }
            func number(_ name: String) -> Int? { schema[name] as? Int }
            switch shape {
            case .text, .shortText:
                expect(schema["type"] as? String == "string" && number("minLength") == 1, "a text")
                if case .shortText(let most) = shape { expect(number("maxLength") == most, "maxLength") }
            case .number(let range):
                expect(schema["type"] as? String == "integer", "a number")
                expect(number("minimum") == range.lowerBound, "minimum")
                expect(number("maximum") == range.upperBound, "maximum")
            case .boolean: expect(schema["type"] as? String == "boolean", "a boolean")
            case .word(let words): expect(Set(schema["enum"] as? [String] ?? []) == Set(words), "enum")
            case .list(let item, let counts):
                expect(number("minItems") ?? 0 == counts.lowerBound, "minItems")
                expect(number("maxItems") == counts.upperBound, "maxItems")
                compare(item, schema["items"], place + "[]")
            case .object(let members):
                let properties = schema["properties"] as? Object ?? [:]
                let required = Set(schema["required"] as? [String] ?? [])
                expect(schema["additionalProperties"] as? Bool == false, "additionalProperties")
                expect(Set(properties.keys) == Set(members.map(\.name)), "names")
                expect(required == Set(members.filter(\.isRequired).map(\.name)), "required")
                for member in members {
                    compare(member.shape, properties[member.name], "\(place)/\(member.name)")
                }
            case .map(let value): compare(value, schema["additionalProperties"], place + "/*")
            case .anything: expect(schema["type"] == nil, "anything")
            }
        }
        compare(FormCheck.shape, root, "form")
        #expect(places > 100)
        #expect(found.isEmpty, "\(found)")
    }

    @Test func noClassLiesAboveThoseOfRows() throws {
        let text = FormCheckTests.good.replacing(
            "\"latest\", \"retentionClass\": 0", with: "\"latest\", \"retentionClass\": 255",
            maxReplacements: 1)
        #expect(throws: FormDefinitionError.self) {
            try FormCatalog.builtIn.adding(try FormCatalog.decode(Array(text.utf8)))
        }
        let most = text.replacing("255", with: "254")
        _ = try FormCheckTests.check(most).get()
    }

    /// A verdict holds 64 bytes of reason; with more of it no device could read its feed any more.
    @Test func aReasonThatAFormBringsFitsAVerdict() throws {
        let name = String(repeating: "n", count: Limits.formNameBytes)
        let text = FormCheckTests.good.replacing("\"count\"", with: "\"\(name)\"").replacing(
            "\"computed\": {\"people\": \"register\"}", with: "\"minimum\": \"0\"")
        let form = try CompiledForm(
            try FormCheckTests.check(text).get(), settings: Settings(), zone: .fixed(hours: 8))
        let version = Version(
            dot: Dot(origin: 1, sequence: 1),
            key: RecordKey(form: "task", values: [.text(Array("B1".utf8))]), formRevision: 1, authored: 0,
            stated: 0, firstCreated: 0,
            assignments: [Assignment(field: 2, retentionClass: 0, value: .integer(-1))])
        let reasons = form.findings(of: version).filter(\.isRefusal).map(\.reason)
        #expect(reasons == [name.prefix(51) + "_out_of_range"])
        #expect(Reason.cut(String(repeating: "度", count: 22)) == String(repeating: "度", count: 21))
        for (longest, isTaken) in [(Limits.reasonBytes, true), (Limits.reasonBytes + 1, false)] {
            let reason = String(repeating: "r", count: longest)
            let brought = FormCheckTests.good.replacing(
                "\"choices\"", with: "\"unreadable\": \"\(reason)\", \"choices\"")
            #expect(((try? FormCheckTests.check(brought).get()) != nil) == isTaken)
        }
    }
}
