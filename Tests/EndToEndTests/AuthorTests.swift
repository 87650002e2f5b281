import Foundation
import Testing

/// Several people at one laptop, with the programs themselves.
struct AuthorTests {
    /// What is typed goes to the program's standard input.
    private func run(
        _ centre: Centre, typing lines: [String], _ arguments: String..., expecting code: Int32 = 0,
        language: String = "C", at location: SourceLocation = #_sourceLocation
    ) async throws -> Outcome {
        let words = lines.map { "'\($0)'" }.joined(separator: " ")
        let outcome = try await centre.place.start(
            "branch-agent", arguments + ["--data", centre.data("B04")], environment: ["LANG": language],
            through: ["/bin/sh", "-c", "printf '%s\\n' \(words) | \"$0\" \"$@\""]
        ).end()
        #expect(outcome.code == code, "\(outcome.remarks)", sourceLocation: location)
        return outcome
    }

    @Test func whoWritesShowsWhoTheyAreAndTheNameGoesUp() async throws {
        let centre = try await Centre()
        try await centre.open()
        try await centre.join("B04")
        let person = "person=" + centre.college.words("mistyped_person")
        let key = ["check-in", centre.college.words("last_day"), centre.college.words("mistyped_person")]
        let day = "day=" + key[1]
        _ = try await run(centre, typing: ["4711", "4711"], "author", "add", "Li")
        let different = try await run(
            centre, typing: ["4711", "0815", "0816"], "author", "add", "Wang", "--by", "Li", expecting: 64)
        #expect(different.remarks.contains("the two PINs differ"))
        _ = try await run(
            centre, typing: ["0000", "0815", "0815"], "author", "add", "Wang", "--by", "Li", expecting: 77)
        _ = try await run(
            centre, typing: ["4711", "0815", "0815"], "author", "add", "Wang", "--by", "Li")
        _ = try await run(
            centre, typing: ["0815", "9999", "9999"], "author", "add", "Li", "--by", "Wang", expecting: 77)
        _ = try await run(
            centre, typing: ["0815", "0816", "0816"], "author", "add", "Wang", "--by", "Wang")
        _ = try await run(
            centre, typing: ["0816", "0815", "0815"], "author", "add", "Wang", "--by", "Wang")
        let nobody = try await run(
            centre, typing: ["4711"], "add", "check-in", person, day, "temperature=36.5", expecting: 64)
        #expect(nobody.remarks.contains("say who you are with --by"))
        let wrong = try await run(
            centre, typing: ["0815"], "add", "check-in", person, day, "temperature=36.5", "--by", "Li",
            expecting: 77, language: "zh_CN.UTF-8")
        #expect(wrong.remarks.contains("PIN 不正确"))
        let silent = try await centre.place.run(
            "branch-agent",
            ["add", "check-in", person, day, "temperature=36.5", "--by", "Li", "--data", centre.data("B04")],
            expecting: [64])
        #expect(silent.remarks.contains("the PIN is asked for"))
        _ = try await run(
            centre, typing: ["4711"], "add", "check-in", person, day, "temperature=36.5", "--by", "Li")
        let shown = try await run(
            centre, typing: ["0815"], "edit", "check-in", person, day, "temperature=36.6", "--by", "Wang")
        #expect(shown.output.contains("saved"))
        try await centre.sync("B04")
        let history = try await centre.hub(
            "history", key[0], key[1], key[2], "--unmask", "--reason", "test")
        #expect(history.output.contains("Li") && history.output.contains("Wang"))
        let list = try await centre.branch("B04", "author", "list")
        #expect(list.output == "Li\nWang\n")
        _ = try await run(centre, typing: ["0815"], "author", "remove", "Li", "--by", "Wang")
        _ = try await run(
            centre, typing: ["4711"], "delete", key[0], key[1], key[2], "--by", "Li", expecting: 77)
        _ = try await run(centre, typing: ["0815"], "delete", key[0], key[1], key[2], "--by", "Wang")
        #expect(try await centre.status("B04").queued == 1)
    }
}
