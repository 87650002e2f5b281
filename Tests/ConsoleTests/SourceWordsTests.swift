import Foundation
import Testing

/// Reads the sources: a text that people read stands there in both languages.
@Suite struct SourceWordsTests {
    private static let folders = [
        "Sources/Console", "Sources/BranchAgent", "Sources/Aggregator", "tools/sync-inspect",
    ]

    private static func files() throws -> [(name: String, text: String)] {
        var files: [(String, String)] = []
        for folder in folders {
            let root = MessageTests.sources.appending(path: folder)
            let names = try #require(FileManager.default.enumerator(atPath: root.path)).compactMap {
                $0 as? String
            }
            for name in names.sorted() where name.hasSuffix(".swift") {
                let text = try String(contentsOf: root.appending(path: name), encoding: .utf8)
                files.append((folder + "/" + name, text))
            }
        }
        return files
    }

    /// The arguments of each call of `name`, from its bracket to the one that closes it; strings are jumped
    /// over with what is interpolated in them.
    private static func calls(of name: String, in text: String) -> [Substring] {
        var calls: [Substring] = []
        var from = text.startIndex
        while let found = text.range(of: name + "(", range: from..<text.endIndex) {
            from = found.upperBound
            if let before = text[..<found.lowerBound].last, before.isLetter || before == "." { continue }
            if let end = closing(text, from: found.upperBound) { calls.append(text[found.upperBound..<end]) }
        }
        return calls
    }

    private static func closing(_ text: String, from start: String.Index) -> String.Index? {
        var depth = 1
        var at = start
        // How deep each open string's interpolation began; nil while inside of the string's own text.
        var strings: [Int] = []
        var isText = false
        while at < text.endIndex {
            let letter = text[at]
            let next = text.index(after: at)
            if isText {
                if letter == "\\", next < text.endIndex {
                    if text[next] == "(" {
                        isText = false
                        strings.append(depth)
                        depth += 1
                    }
                    at = text.index(after: next)
                    continue
                }
                if letter == "\"" { isText = false }
            } else if letter == "\"" {
                isText = true
            } else if letter == "(" {
                depth += 1
            } else if letter == ")" {
                depth -= 1
                if depth == 0 { return at }
                if depth == strings.last {
                    strings.removeLast()
                    isText = true
                }
            }
            at = next
        }
        return nil
    }

    /// The text of the literals alone, without what is interpolated.
    private static func literals(_ code: Substring) -> String {
        let bare = code.replacing(/\\\((?:[^()"]|\([^()]*\)|"[^"]*")*\)/, with: "")
        return bare.matches(of: /"([^"]*)"/).map { String($0.1) }.joined(separator: " ")
    }

    @Test func wordsAreThereInBothLanguages() throws {
        var count = 0
        for (name, text) in try SourceWordsTests.files() {
            for call in ["Words", "ArgumentHelp"].flatMap({ SourceWordsTests.calls(of: $0, in: text) }) {
                guard let cut = call.range(of: "zh:") else { continue }
                count += 1
                let english = SourceWordsTests.literals(call[..<cut.lowerBound])
                let chinese = SourceWordsTests.literals(call[cut.upperBound...])
                let place = "\(name): \(call.prefix(90))"
                #expect(!MessageTests.hasChinese(english), "Chinese in the English words, \(place)")
                let isWorded = english.contains { $0.isLetter }
                #expect(isWorded == chinese.contains { $0.isLetter }, "one language only, \(place)")
                if isWorded { #expect(MessageTests.hasChinese(chinese), "no Chinese, \(place)") }
            }
        }
        #expect(count > 300, "found only \(count)")
    }

    /// What may stand in Chinese texts as it is: names of things that are typed so, and of standards.
    private static let names: Set<String> = [
        "Rollcall", "Markdown", "report", "OPERATING.md", "CSV", "GBK", "HOST", "PORT", "IANA", "JSON",
        "TLS",
        "SHA", "UTC",
        "UTF",
        "YYYY-MM-DD",
        "Asia",
        "Shanghai", "JOIN", "LEAVE", "MOVE", "hub.example", "address",
        // Commands of this or other programs, and signals from the keyboard.
        "aggregator", "branch-agent", "sync-inspect", "chattr", "chmod", "ctrl-C", "tzdata", "init", "invite",
        "join", "confirm", "devices", "serve", "status", "add", "import", "sync", "queue", "vector",
        "revoke", "release",
        "backup", "purge", "retire", "restore", "edit", "delete", "history", "conflicts", "list", "show",
        "resolve",
        "undo", "verify", "proof", "carry", "author", "remove", "PIN", "key", "rotate", "recovery", "audit",
        "FILE",
        "FILE.answer",
        // What may be taken of answers; the Chinese word stands beside it.
        "latest", "earliest", "highest", "lowest", "keep", "record",
        "coverage", "digest", "reconcile", "DIR", "branches", "capture", "doctor", "estimate", "explain",
        "quarantine", "release", "session",
        // Units of memory, and a frame's name.
        "KiB", "MiB", "Welcome",
        // Forms, their fields, sheets and settings.
        "check-in", "day", "temperature", "fever", "unit", "unit_id", "to_unit", "from_unit",
        "effective_date", "parent_id", "settings", "forms", "publish", "export",
        "units", "people", "register-changes",
        "excused", "alert", "daily-report",
        "party", "checkInCutoff", "reportCutoff", "temperatureMinimum", "temperatureMaximum",
        "temperatureAlert", "answerMinutes", "attendMinutes", "arrivalMinutes", "dutyAheadHours", "hospital",
        "duty-shift", "alerts", "entryWindowDays", "firstDay", "lastDay",
        // Parts of definitions, as they are written in a form's or board's file.
        "isTrue", "atLeast", "equals", "boolean", "integer", "choice", "multi-choice", "person", "checked-in",
        "late", "facts", "open", "taken", "closed", "taken_by", "rule", "rules", "post", "role", "duty",
        // What `vector compare` answers; the Chinese word stands beside it.
        "equal", "greater", "lesser", "concurrent",
        // Files.
        "ballast", "trap.marker", "device.key", "hub.key", "hub.keys", "store.sqlite", "audit.head",
        "revocations.jsonl",
    ]

    @Test func chineseTextsAreChinese() throws {
        var count = 0
        for (name, text) in try SourceWordsTests.files() {
            for call in ["Words", "ArgumentHelp"].flatMap({ SourceWordsTests.calls(of: $0, in: text) }) {
                guard let cut = call.range(of: "zh:") else { continue }
                count += 1
                let chinese = SourceWordsTests.literals(call[cut.upperBound...])
                    .replacing(/--[a-z-]+/, with: " ")
                for match in chinese.matches(of: /[A-Za-z][A-Za-z._-]*[A-Za-z]/) where match.output.count > 2
                {
                    let word = String(match.output)
                    #expect(SourceWordsTests.names.contains(word), "\(name): \(word) in \(chinese)")
                }
            }
        }
        #expect(count > 300, "found only \(count)")
    }

    /// Help, results and remarks go through words of both languages, never a bare literal.
    @Test func nothingIsSaidInOneLanguage() throws {
        let bare = [
            "help: \"", "abstract: \"", "discussion: \"", "ValidationError(\"", "Output.remark(\"",
            // The log that a person watches: `Logger.say` takes words.
            "logger.trace(", "logger.debug(", "logger.info(", "logger.notice(", "logger.warning(",
            "logger.error(", "logger.critical(", "logger.log(",
        ]
        for (name, text) in try SourceWordsTests.files() {
            for start in bare { #expect(!text.contains(start), "\(name): \(start)") }
            for call in SourceWordsTests.calls(of: "Output.line", in: text) where call.hasPrefix("\"") {
                let letters = SourceWordsTests.literals(call).contains { $0.isLetter }
                #expect(!letters, "\(name): Output.line(\(call))")
            }
        }
    }

    /// One word for one thing: see Protocol/GLOSSARY.md.
    @Test func noSecondWordForWhatTheGlossaryNames() throws {
        let chinese = ["分支", "服务器", "服务端", "客户端", "上传", "同步点", "收据", "回条", "信封", "主键"]
        let english = [" server ", " client ", "upload", "receipt slip", "primary key"]
        for (name, text) in try SourceWordsTests.files() {
            for call in SourceWordsTests.calls(of: "Words", in: text) {
                let said = SourceWordsTests.literals(call)
                for word in chinese + english {
                    #expect(!said.lowercased().contains(word), "\(name): \(word) in \(call.prefix(90))")
                }
            }
        }
    }
}
