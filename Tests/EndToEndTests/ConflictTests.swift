import Foundation
import Testing

/// Two devices of one branch write the same record without a link, with the real programs.
@Suite struct ConflictTests {
    private struct Added: Decodable { var key: String }

    private struct List: Decodable {
        struct Row: Decodable {
            var form: String
            var key: [String]
            var unit: String?
            var fields: [String]
            var since: String
            var shown: String
        }
        var conflicts: [Row]
        var count: Int
    }

    private struct Shown: Decodable {
        struct Question: Decodable {
            struct Answer: Decodable {
                struct Said: Decodable {
                    var field: String
                    var value: String?
                }
                struct Author: Decodable {
                    var version: String
                    var device: String?
                }
                var number: Int
                var inForce: Bool
                var delete: Bool
                var values: [Said]
                var versions: [Author]
            }
            var name: String
            var answers: [Answer]
        }
        var shown: String
        var conflicts: [Question]
    }

    private struct Decided: Decodable {
        var versions: [String]
        var decided: [String]
        var open: [String]
    }

    private struct Many: Decodable {
        var records: Int
        var written: Bool
        var shown: String
        var runs: [String]
        var decided: [Decided]
    }

    private struct Undone: Decodable {
        var undone: Int
        var left: Int
        var open: Int
    }

    private struct Record: Decodable {
        struct Field: Decodable {
            var name: String
            var value: String?
        }
        struct Version: Decodable {
            struct Assigned: Decodable {
                var name: String
                var outcome: String
                var by: [String]
            }
            var dot: String
            var device: String?
            var settled: [String]
            var assigns: [Assigned]
        }
        var exists: Bool
        var conflict: Bool
        var fields: [Field]
        var versions: [Version]

        subscript(field: String) -> String? { fields.first { $0.name == field }?.value }
    }

    /// A hub with one branch, two of its devices, and a check-in of today that both have.
    private final class World {
        let hub: Hub
        let people: Int
        private(set) var day = ""

        init(people: Int = 1) async throws {
            let place = try Place()
            self.people = people
            hub = try await Hub(in: place, name: "Test")
            try Data("unit_id,unit_name\nB1,Branch one\n".utf8).write(
                to: place.folder.appending(path: "u.csv"))
            let rows = (1...people).map { "P\($0),Name \($0),B1\n" }.joined()
            try Data(("person_id,name,unit_id\n" + rows).utf8).write(
                to: place.folder.appending(path: "p.csv"))
            try await hub.hub("import", "units", place.path("u.csv"))
            try await hub.hub("import", "people", place.path("p.csv"))
            try await hub.open()
            for name in ["a", "b"] { try await hub.join("B1", as: name) }
            for person in 1...people {
                let added: Added = try await hub.branch(
                    "a", "add", "check-in", "person=P\(person)", "temperature=36.1", "--json"
                ).json()
                day = String(added.key.split(separator: " ")[0])
            }
            try await exchange()
        }

        /// Everybody sends, and fetches what the others sent.
        func expectAudited(_ decided: [String]) async throws {
            let log = try await AuditTests.Log.read(hub)
            #expect(log.details("decided") == decided && log.intact)
        }

        func exchange() async throws {
            for name in ["a", "b", "a", "b"] { _ = try await hub.sync(name) }
        }

        @discardableResult func edit(
            _ name: String, _ fields: String..., person: Int = 1, expecting codes: Set<Int32> = [0],
            at location: SourceLocation = #_sourceLocation
        ) async throws -> Outcome {
            try await hub.place.run(
                "branch-agent",
                ["edit", "check-in", "day=\(day)", "person=P\(person)"] + fields
                    + ["--data", hub.data(name)], expecting: codes, at: location)
        }

        private func program(_ name: String) -> (program: String, data: String) {
            name == "hub" ? ("aggregator", hub.place.path("hub")) : ("branch-agent", hub.data(name))
        }

        func conflicts(
            _ name: String, _ arguments: String..., expecting codes: Set<Int32> = [0],
            at location: SourceLocation = #_sourceLocation
        ) async throws -> Outcome {
            let (program, data) = program(name)
            return try await hub.place.run(
                program, ["conflicts"] + arguments + ["--json", "--data", data], expecting: codes,
                at: location)
        }

        func list(_ name: String) async throws -> List { try await conflicts(name, "list").json() }

        func show(_ name: String, person: Int = 1) async throws -> Shown {
            try await conflicts(
                name, "show", "check-in", day, "P\(person)", "--unmask", "--reason", "a test"
            ).json()
        }

        func record(_ name: String, person: Int = 1) async throws -> Record {
            let (program, data) = program(name)
            return try await hub.place.run(
                program,
                [
                    "history", "check-in", day, "P\(person)", "--unmask", "--reason", "test", "--json",
                    "--data", data,
                ]
            ).json()
        }

        /// All three say the same of a field, and nothing is in question.
        func expectAgreement(
            on field: String, _ value: String?, person: Int = 1,
            at location: SourceLocation = #_sourceLocation
        ) async throws {
            for name in ["hub", "a", "b"] {
                let record = try await record(name, person: person)
                #expect(record[field] == value, "\(name)", sourceLocation: location)
                #expect(!record.conflict, "\(name)", sourceLocation: location)
            }
        }
    }

    @Test func aConflictShowsEverywhereIsDecidedOnceAndTakenBack() async throws {
        let world = try await World()
        try await world.edit("a", "temperature=36.5")
        try await world.edit("b", "temperature=36.9", "remark=said b")
        try await world.exchange()
        for name in ["hub", "a", "b"] {
            let list = try await world.list(name)
            #expect(list.count == 1 && list.conflicts.map(\.fields) == [["temperature"]], "\(name)")
            #expect(list.conflicts.first?.unit == "B1")
            let answers = try await world.show(name).conflicts.flatMap(\.answers)
            #expect(answers.map { $0.values.first?.value } == ["36.90", "36.50"], "\(name)")
            #expect(answers.map(\.inForce) == [true, false])
        }
        let mine = try await world.show("a").conflicts[0].answers[1].versions[0]
        #expect(mine.device == "this device")

        // Editing another field leaves it; editing the field asks.
        try await world.edit("a", "remark=said a")
        let refused = try await world.edit("a", "temperature=37.0", expecting: [64])
        #expect(refused.remarks.contains("--shown"))
        try await world.exchange()
        for name in ["hub", "a", "b"] { #expect(try await world.list(name).count == 1, "\(name)") }
        #expect(try await world.record("hub")["remark"] == "said a")

        // Decided at the centre.
        let shown = try await world.show("hub").shown
        _ = try await world.conflicts(
            "hub", "resolve", "check-in", world.day, "P1", "--take", "2", expecting: [64])
        _ = try await world.conflicts(
            "hub", "resolve", "check-in", world.day, "P1", "--take", "2", "--shown", "00000000",
            expecting: [1])
        let decided: Decided = try await world.conflicts(
            "hub", "resolve", "check-in", world.day, "P1", "--take", "2", "--shown", shown
        ).json()
        #expect(decided.decided == ["temperature"] && decided.open.isEmpty)
        #expect(try await world.list("hub").count == 0)
        try await world.expectAudited(["1 record: check-in \(world.day) P1"])
        try await world.exchange()
        try await world.expectAgreement(on: "temperature", "36.50")
        let history = try await world.record("b")
        let decision = try #require(history.versions.first { decided.versions.contains($0.dot) })
        #expect(decision.settled == ["temperature"])
        #expect(
            history.versions.filter { version in
                version.assigns.contains { $0.name == "temperature" && $0.by == decided.versions }
            }.count == 2)
        // Taken back, and once only.
        _ = try await world.conflicts("hub", "undo", "check-in", world.day, "P1")
        try await world.exchange()
        for name in ["hub", "a", "b"] {
            let answers = try await world.show(name).conflicts.flatMap(\.answers)
            #expect(answers.map { $0.values.first?.value } == ["36.90", "36.50"], "\(name)")
        }
        let again = try await world.conflicts("a", "undo", "check-in", world.day, "P1", expecting: [1])
        #expect(again.remarks.contains("in question already"))

        // Decided at a branch, with another value; then by an edit that was shown it.
        let code = try await world.show("b").shown
        _ = try await world.conflicts(
            "b", "resolve", "check-in", world.day, "P1", "--set", "temperature=36.7", "--shown", code)
        try await world.exchange()
        try await world.expectAgreement(on: "temperature", "36.70")
        try await world.edit("a", "temperature=36.2")
        try await world.edit("b", "temperature=36.3")
        try await world.exchange()
        try await world.edit("a", "temperature=36.4", "--shown", try await world.show("a").shown)
        try await world.exchange()
        try await world.expectAgreement(on: "temperature", "36.40")
        try await world.hub.close()
    }

    @Test func aBranchThatIsConnectedLearnsOfADecisionByItself() async throws {
        let world = try await World()
        try await world.edit("a", "temperature=36.5")
        try await world.edit("b", "temperature=36.9")
        try await world.exchange()
        #expect(try await world.list("a").count == 1)
        let serve = try world.hub.start("a", "serve")
        #expect(try await eventually { try await world.hub.status("a").lastContact != nil })
        let shown = try await world.show("hub").shown
        _ = try await world.conflicts(
            "hub", "resolve", "check-in", world.day, "P1", "--take", "latest", "--shown", shown)
        #expect(try await eventually { try await world.list("a").count == 0 })
        #expect(try await world.record("a")["temperature"] == "36.90")
        #expect(try await serve.stop().code == 0)
        try await world.hub.close()
    }

    /// What `show` says to type can be typed.
    @Test func theHintNamesEachFieldInQuestion() async throws {
        let world = try await World(people: 1)
        for (branch, values) in [("a", ["36.4", "one"]), ("b", ["36.9", "two"])] {
            try await world.edit(branch, "temperature=\(values[0])", "remark=\(values[1])")
        }
        try await world.exchange()
        let folder = world.hub.place.path("hub")
        let said = try await world.hub.place.run(
            "aggregator", ["conflicts", "show", "check-in", world.day, "P1", "--data", folder]
        ).output
        #expect(!said.contains("36.4") && !said.contains("one"), "masked: \(said)")
        let hint = try #require(said.split(separator: "\n").last { $0.contains("--take") })
        let words = hint.split(separator: " ").map { String($0).replacing("=N", with: "=1") }
        let verb = try #require(words.firstIndex(of: "conflicts"))
        _ = try await world.hub.place.run("aggregator", Array(words[verb...]))
        #expect(try await world.list("hub").count == 0)
        let log = try await AuditTests.Log.read(world.hub)
        #expect(log.details("unmasked").isEmpty, "what is masked is not written down")
        let bare = try await world.hub.hub(
            "conflicts", "show", "check-in", world.day, "P1", "--unmask", expecting: [64])
        #expect(bare.remarks.contains("--reason") && bare.output.isEmpty)
        try await world.hub.hub(
            "conflicts", "show", "check-in", world.day, "P1", "--unmask", "--reason", "to decide")
        let looked = try await AuditTests.Log.read(world.hub).details("unmasked")
        #expect(looked == ["conflict check-in \(world.day) P1: to decide"])
        try await world.hub.close()
    }

    @Test func manyAlikeAreDecidedAtOnce() async throws {
        let world = try await World(people: 4)
        for person in 1...4 {
            try await world.edit("a", "temperature=36.\(person)5", person: person)
            try await world.edit("b", person == 4 ? "remark=other" : "temperature=36.05", person: person)
        }
        try await world.exchange()
        let arguments = ["--all", "--form", "check-in", "--field", "temperature", "--take", "highest"]
        func resolve(_ more: String..., expecting codes: Set<Int32> = [0]) async throws -> Outcome {
            try await world.hub.place.run(
                "aggregator",
                ["conflicts", "resolve"] + arguments + more + [
                    "--json", "--data", world.hub.place.path("hub"),
                ],
                expecting: codes)
        }
        let plan: Many = try await resolve().json()
        #expect(plan.records == 3 && !plan.written)
        #expect(try await world.list("hub").count == 3, "nothing was changed yet")
        _ = try await resolve("--shown", "12345678", expecting: [1])
        // The code stands for this decision, not for another about the same records.
        _ = try await world.hub.place.run(
            "aggregator",
            ["conflicts", "resolve", "--all", "--form", "check-in", "--take", "latest"]
                + ["--shown", plan.shown, "--data", world.hub.place.path("hub")], expecting: [1])
        let done: Many = try await resolve("--shown", plan.shown).json()
        #expect(done.written && done.decided.count == 3)
        #expect(try await world.list("hub").count == 0)
        try await world.exchange()
        for person in 1...4 {
            try await world.expectAgreement(on: "temperature", "36.\(person)5", person: person)
        }
        // All of it is taken back, but for a record that somebody has corrected since.
        try await world.edit("b", "temperature=36.8", person: 2)
        try await world.exchange()
        let runs = done.runs.flatMap { ["--run", $0] }
        func undo(_ more: String...) async throws -> Undone {
            try await world.hub.place.run(
                "aggregator",
                ["conflicts", "undo"] + runs + more + ["--json", "--data", world.hub.place.path("hub")]
            ).json()
        }
        let undone = try await undo()
        #expect(undone.undone == 2 && undone.left == 1 && undone.open == 0)
        let again = try await undo()
        #expect(again.undone == 0 && again.left == 1 && again.open == 2, "once only")
        try await world.exchange()
        for name in ["hub", "a", "b"] { #expect(try await world.list(name).count == 2, "\(name)") }
        try await world.expectAgreement(on: "temperature", "36.80", person: 2)
        try await world.hub.close()
    }

    @Test func aDeleteBesideAnEditIsKeptOrDone() async throws {
        let world = try await World(people: 2)
        for person in 1...2 {
            try await world.hub.branch("a", "delete", "check-in", world.day, "P\(person)")
            try await world.edit("b", "remark=there", person: person)
        }
        try await world.exchange()
        for name in ["hub", "a", "b"] {
            #expect(
                try await world.list(name).conflicts.map(\.fields) == [["record"], ["record"]], "\(name)")
        }
        for (person, choice) in [(1, "keep"), (2, "delete")] {
            let code = try await world.show("b", person: person).shown
            _ = try await world.conflicts(
                "b", "resolve", "check-in", world.day, "P\(person)", "--take", choice, "--shown", code)
        }
        try await world.exchange()
        for name in ["hub", "a", "b"] {
            #expect(try await world.list(name).count == 0, "\(name)")
            #expect(try await world.record(name, person: 1).exists, "\(name)")
            #expect(try await !world.record(name, person: 2).exists, "\(name)")
        }
        try await world.hub.close()
    }
}
