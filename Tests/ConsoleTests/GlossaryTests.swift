import Foundation
import Testing

@testable import Console
@testable import Forms

/// The reasons that people read in `Protocol/GLOSSARY.md` are those of the code, each in the table to which
/// it belongs.
@Suite struct GlossaryTests {
    private static let kept: Set<String> = ["delivered_before", "taken_by_phone"]
    private static let sheets: Set<String> = [
        "malformed_row", "NAME_not_a_number", "listed_twice", "not_a_choice", "out_of_range",
    ]

    private func rows(_ head: String) throws -> [(reason: String, words: String)] {
        let text = try String(
            contentsOf: MessageTests.sources.appending(path: "Protocol/GLOSSARY.md"), encoding: .utf8)
        let table = try #require(text.split(separator: "| \(head) | meaning |\n").last)
        return table.split(separator: "\n\n", maxSplits: 1)[0].matches(
            of: /\| `(\w+)` \| (.*) \|/
        ).map { (String($0.1), String($0.2)) }
    }

    private func sources(in folder: String) throws -> String {
        let root = MessageTests.sources.appending(path: folder)
        let names = try FileManager.default.contentsOfDirectory(atPath: root.path).filter {
            $0.hasSuffix(".swift")
        }
        return try names.sorted().map {
            try String(contentsOf: root.appending(path: $0), encoding: .utf8)
        }.joined()
    }

    @Test func everyReasonOfTheCodeIsThereAndNoOther() throws {
        let constants = try MessageTests.codes(
            in: "Sources/Forms/Finding.swift", /public static let \w+ = "(\w+)"/)
        let made = try MessageTests.codes(in: "Sources/Forms/Finding.swift", /"(_\w+)"/).map { "NAME" + $0 }
        let places = try MessageTests.codes(in: "Sources/SyncStore/HubMeans.swift", /"(\w+_unit)"/)
        let forms = FormCatalog.builtIn.definitions.flatMap { definition in
            definition.fields.compactMap(\.unreadable) + [definition.day?.beforeReason].compactMap { $0 }
        }
        let sheets = ["Import", "Row", "Units", "People", "Changes", "Excuses"]
        let register = try sheets.flatMap {
            try MessageTests.codes(in: "Sources/Aggregator/Register\($0).swift", /reason: "(\w+)"/)
        }
        try #require(constants.count > 25 && made.count == 2 && !forms.isEmpty && !register.isEmpty)
        let known = Set(constants + made + places + forms + register)
        let travel = Set(try rows("reason").map(\.reason))
        #expect(travel == known.subtracting(Self.kept).subtracting(Self.sheets))
        #expect(Set(try rows("kept by the agent").map(\.reason)) == Self.kept)
        #expect(Set(try rows("of sheets alone").map(\.reason)) == Self.sheets)
        #expect(known.isSuperset(of: Self.kept.union(Self.sheets)))
    }

    /// What the code only notes is called a note, and nothing else is.
    @Test func notesAreCalledSo() throws {
        let validation = try sources(in: "Sources/Forms")
        let hub = try sources(in: "Sources/SQLiteStore")
        let constants = try MessageTests.codes(
            in: "Sources/Forms/Finding.swift", /public static let (\w+) = "\w+"/)
        let values = try MessageTests.codes(
            in: "Sources/Forms/Finding.swift", /public static let \w+ = "(\w+)"/)
        let named = Dictionary(uniqueKeysWithValues: zip(constants, values))
        let noted =
            validation.matches(of: /report\.note\(\w+, Reason\.(\w+)/).map { String($0.1) }
            + hub.matches(of: /\.noted, Reason\.(\w+)/).map { String($0.1) }
        let places = ["unknown_person", "not_on_register", "unknown_unit", "outside_unit"]
        let notes = Set(noted.compactMap { named[$0] } + places)
        try #require(notes.count == 8)
        let called = try rows("reason").filter { $0.words.contains("(a note") }.map(\.reason)
        #expect(Set(called) == notes)
    }

    /// The section of the specification that says what is judged names no reason that is not explained, and
    /// leaves none out.
    @Test func whatIsJudgedIsExplained() throws {
        let text = try String(
            contentsOf: MessageTests.sources.appending(path: "Protocol/SPEC.md"), encoding: .utf8)
        let section = try #require(text.split(separator: "\n## 22. ").last)
        let known = try rows("reason").map(\.reason)
        let elsewhere: Set<String> = [
            "recorded_before_day", "submitted_before_day", "bad_symptom_value", "bad_text", "held_already",
            "revoked_device", "trap",
        ]
        for reason in known where !elsewhere.contains(reason) {
            #expect(section.contains("`\(reason)`"), "\(reason)")
        }
    }

    /// A bundle for whoever helps shows all of them as they are.
    @Test func bundlesKnowThem() throws {
        let bundle = try sources(in: "tools/sync-inspect")
        for reason in try rows("reason").map(\.reason) + Self.kept + Self.sheets {
            let name = reason.replacing("NAME", with: "temperature")
            #expect(bundle.contains("\"\(name)\""), "\(name)")
        }
    }
}
