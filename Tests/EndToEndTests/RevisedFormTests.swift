import Foundation
import Testing

/// A committee revises the forms that the programs bring along, or switches one off, and works on.
@Suite(.timeLimit(.minutes(5))) struct RevisedFormTests {
    /// The next revision of a form as the hub has it, changed by `change`, published.
    private func revise(
        _ form: String, at centre: Centre, _ change: (inout [String: Any]) throws -> Void
    ) async throws {
        let shown = try await centre.hub("forms", "show", form, "--json").output
        var definition = try #require(
            try JSONSerialization.jsonObject(with: Data(shown.utf8)) as? [String: Any])
        let revision = try #require(definition["revision"] as? Int) + 1
        definition["revision"] = revision
        try change(&definition)
        let path = centre.place.path("\(form)-\(revision).json")
        try JSONSerialization.data(withJSONObject: definition).write(to: URL(filePath: path))
        try await centre.place.run(
            "aggregator", ["forms", "check", path, "--data", centre.place.path("hub")])
        try await centre.hub("forms", "publish", path, "--as", "Li")
    }

    private func field(_ name: String, since revision: Int) -> [String: Any] {
        [
            "id": 40, "name": name, "type": "boolean", "labels": ["en": "Mask", "zh": "口罩"],
            "policy": "latest", "retentionClass": 0, "personal": false, "since": revision,
        ]
    }

    @Test func theProgramsOwnFormsAreRevisedAndSwitchedOff() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B01")
        try await centre.sync("B01")
        try await revise("check-in", at: centre) { form in
            let revision = try #require(form["revision"] as? Int)
            var fields = try #require(form["fields"] as? [[String: Any]])
            fields.append(field("masked", since: revision))
            form["fields"] = fields
        }
        // A rule on time of its own, in the form that the program raises such things in.
        try await revise("concern", at: centre) { form in
            var watches = try #require(form["watches"] as? [[String: Any]])
            var more = try #require(watches.first { $0["id"] as? String == "missing-report" })
            more["id"] = "missing-report-again"
            watches.append(more)
            form["watches"] = watches
        }
        try await revise("test-call", at: centre) { $0["writers"] = [String]() }

        // Written before the branch heard of it, under the revision that it knows.
        let day = centre.college.days[3]
        let person = try #require(
            try College.lines(centre.college.folder + "/people.csv").first { $0.contains(",B01,") }?
                .split(separator: ",").first.map(String.init))
        let record = ("day=\(day)", "person=\(person)")
        try await centre.branch("B01", "add", "check-in", record.0, record.1, "temperature=36.5")
        try await centre.close()
        try await centre.open()
        for verb in [["status"], ["alerts", "list"], ["boards", "list"], ["forms", "list"]] {
            let said = try await centre.place.run(
                "aggregator", verb + ["--data", centre.place.path("hub")], expecting: [0])
            #expect(!said.remarks.contains("newer"), "\(verb): \(said.remarks)")
        }
        try await centre.sync("B01")
        try await centre.branch("B01", "add", "check-in", record.0, record.1, "masked=yes")
        try await centre.sync("B01")
        let rows = try await centre.export("check-in").output.split(whereSeparator: \.isNewline)
        let heading = try #require(rows.first).split(separator: ",", omittingEmptySubsequences: false)
        let cells = try #require(rows.last).split(separator: ",", omittingEmptySubsequences: false)
        #expect(rows.count == 2)
        #expect(zip(heading, cells).contains { $0 == "masked" && $1 == "true" })
        #expect(zip(heading, cells).contains { $0 == "temperature" && $1.hasPrefix("36.5") })
        let off = try await centre.place.run(
            "aggregator",
            [
                "add", "test-call", "unit=B01", "at=\(day) 09:00", "reached=yes", "--data",
                centre.place.path("hub"),
            ],
            expecting: [64])
        #expect(off.remarks.contains("test-call"))
        let doctor = try await centre.place.run(
            "sync-inspect", ["doctor", "--data", centre.place.path("hub")], expecting: [0])
        #expect(!doctor.remarks.contains("newer"))
        try await centre.close()
    }
}
