import Foundation
import LinkKit
import Testing

/// Every command of the handbook, in its order, in both languages.
@Suite(.timeLimit(.minutes(5))) struct HandbookTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    private static func commands(_ file: String) throws -> [String] {
        try String(contentsOf: root.appending(path: file), encoding: .utf8)
            .split(separator: "\n").filter { $0.hasPrefix("    ") }
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }

    @Test func bothLanguagesShowTheSameCommands() throws {
        let english = try Self.commands("HANDBOOK.md")
        #expect(english.count > 40)
        #expect(try Self.commands("HANDBOOK.zh.md") == english)
        #expect(english.allSatisfy { $0.hasPrefix("aggregator ") || $0.hasPrefix("branch-agent ") })
    }

    /// A section or a task: its heading's depth, whether there is text in it, and how many commands.
    private struct Section: Equatable {
        var depth: Int
        var hasText = false
        var commands = 0
    }

    private static func isChinese(_ text: some StringProtocol) -> Bool {
        text.unicodeScalars.contains { (0x4e00...0x9fff).contains($0.value) }
    }

    private static func sections(_ text: String, isChinese chinese: Bool) -> [Section] {
        var sections: [Section] = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("#") || line.hasPrefix("**") {
                sections.append(
                    Section(depth: line.prefix { $0 == "#" }.count, hasText: isChinese(line) == chinese))
            } else if line.hasPrefix("    ") {
                sections[sections.count - 1].commands += 1
            } else if isChinese(line) == chinese {
                sections[sections.count - 1].hasText = true
            }
        }
        return sections
    }

    /// Section by section: a heading, a text and the same commands in each language.
    @Test func everySectionStandsInBothLanguages() throws {
        func read(_ file: String) throws -> String {
            try String(contentsOf: Self.root.appending(path: file), encoding: .utf8)
        }
        let english = Self.sections(try read("HANDBOOK.md"), isChinese: false)
        let chinese = try read("HANDBOOK.zh.md")
        #expect(english.count > 20 && english.allSatisfy(\.hasText))
        #expect(Self.sections(chinese, isChinese: true) == english)
        // Without the text of one of its tasks it is another.
        var lines = chinese.split(separator: "\n", omittingEmptySubsequences: false)
        let task = try #require(lines.lastIndex { $0.hasPrefix("**") })
        while task < lines.count, !lines[task].hasPrefix("    "), !lines[task].isEmpty {
            lines.remove(at: task)
        }
        #expect(Self.sections(lines.joined(separator: "\n"), isChinese: true) != english)
    }

    /// The words of a command line, quotes taken off.
    private static func words(_ line: String) -> [String] {
        var words: [String] = []
        for (index, part) in line.split(separator: "\"", omittingEmptySubsequences: false).enumerated() {
            if index % 2 == 1 {
                words.append(String(part))
            } else {
                words += part.split(separator: " ").map(String.init)
            }
        }
        return words
    }

    /// A day on which the branch has nothing to report, but for somebody who comes later.
    private static func day(_ college: College) throws -> String {
        try #require(college.days.first { college.expected[$0]?["B04"]?.flagged == 0 })
    }

    private static func prepare(_ college: College, in place: Place) throws {
        let copied = [
            "units.csv", "people.csv", "register_changes.csv", "excused.csv",
            "checkins/B04/" + (try day(college)) + ".csv",
        ]
        for name in copied {
            let to = name.hasPrefix("checkins") ? "monday.csv" : name
            try FileManager.default.copyItem(atPath: college.folder + "/" + name, toPath: place.path(to))
        }
        for (name, text) in [
            ("home-visit.json", OwnFormTests.first), ("visits.json", OwnFormTests.board),
            ("wake.sh", "#!/bin/sh\necho \"$1 $2 $3 $4 $ROLLCALL_STEP\" >> \"$(dirname \"$0\")/woken\"\n"),
        ] {
            try Data(text.utf8).write(to: URL(filePath: place.path(name)))
        }
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: place.path("wake.sh"))
    }

    @Test(arguments: ["C", "zh_CN.UTF-8"]) func everyCommandDoesWhatItSays(language: String) async throws {
        let place = try Place()
        let college = try await College.make(in: place)
        try Self.prepare(college, in: place)
        let day = try Self.day(college)
        let people = try College.lines(college.folder + "/people.csv").filter { $0.contains(",B04,") }
        let persons = people.compactMap { $0.split(separator: ",").first.map(String.init) }
        let port = "\(try Loopback.freePort())"
        var told = [
            "2020-02-03": day, "2020-02-04": try Self.after(day), "T0101": persons[0], "T0102": persons[1],
            "127.0.0.1:7710": "127.0.0.1:" + port,
        ]
        var server: Running?
        for line in try Self.commands("HANDBOOK.md") {
            // Longest first, and each place once: what is put in must not be taken for something to replace.
            var words = Self.words(line).map { word in Self.replacing(told, in: word) }
            for index in words.indices
            where ["hub", "branch"].contains(words[index]) && words[index - 1] == "--data" {
                words[index] = place.path(words[index])
            }
            for index in words.indices.dropFirst()
            where [".csv", ".json", ".rcl", ".sqlite", ".sh"].contains(where: words[index].hasSuffix) {
                words[index] = place.path(words[index])
            }
            let program = words.removeFirst()
            if words[0] == "serve" {
                let started = try place.start(program, words, environment: ["LANG": language])
                server = started
                #expect(try await eventually { started.remarks.contains(port) })
                continue
            }
            let isShown = words[0] == "report" && words.contains("--zero") && !words.contains("--shown")
            let outcome = try await place.run(
                program, words, expecting: isShown ? [64] : [0], environment: ["LANG": language])
            if words.starts(with: ["alerts", "list"]), told["1a2b3c4d"] == nil {
                let listed = outcome.output.split(separator: "\n").first { $0.contains(persons[1]) }
                told["1a2b3c4d"] = String(try #require(listed?.prefix(8)))
            }
            if words[0] == "invite" { told["CODE"] = outcome.output.trimmingCharacters(in: .newlines) }
            if words[0] == "join" {
                let digits = (outcome.output + outcome.remarks).matches(of: /[0-9]{6}/).first
                told["123456"] = String(try #require(digits?.output))
            }
            if isShown {
                told["SHOWN"] = String(try #require(outcome.output.matches(of: /[0-9a-f]{8}/).last?.output))
            }
        }
        _ = try await server?.stop()
        let woken = try String(contentsOfFile: place.path("woken"), encoding: .utf8)
        let called = try #require(woken.split(separator: "\n").first?.split(separator: " "))
        #expect(called.count == 5 && called[0].count == 8 && called[2] == "urgent" && called[4] == "1")
    }

    private static func replacing(_ told: [String: String], in word: String) -> String {
        var parts = [(text: word, isFixed: false)]
        for key in told.keys.sorted(by: { ($1.count, $0) < ($0.count, $1) }) {
            parts = parts.flatMap { part -> [(text: String, isFixed: Bool)] in
                if part.isFixed { return [part] }
                var found: [(text: String, isFixed: Bool)] = []
                for piece in part.text.components(separatedBy: key) {
                    if !found.isEmpty { found.append((told[key] ?? "", true)) }
                    found.append((piece, false))
                }
                return found
            }
        }
        return parts.map(\.text).joined()
    }

    private static func after(_ day: String) throws -> String {
        let date = try Date(day, strategy: .iso8601.year().month().day())
        return date.addingTimeInterval(86_400).formatted(.iso8601.year().month().day())
    }
}
