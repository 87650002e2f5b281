import Foundation
import SyncCore
import SyncStore
import Testing

@testable import Console

/// Every code that a person can meet has words in both languages that say what to do.
@Suite struct MessageTests {
    static let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()

    static func hasChinese(_ text: some StringProtocol) -> Bool {
        text.unicodeScalars.contains { (0x4e00...0x9fff).contains($0.value) }
    }

    /// Both languages there, each in its own script, and a next step: more than one clause.
    private func expectWords(_ words: Words, _ what: String, next: Bool = true) {
        #expect(words.en.utf8.count > 10 && !MessageTests.hasChinese(words.en), "\(what): \(words.en)")
        #expect(MessageTests.hasChinese(words.zh), "\(what): \(words.zh)")
        guard next else { return }
        #expect(words.en.contains { ";,.:".contains($0) }, "no next step, \(what): \(words.en)")
        #expect(words.zh.contains { "；，。：".contains($0) }, "no next step, \(what): \(words.zh)")
    }

    static func codes(in file: String, _ pattern: Regex<(Substring, Substring)>) throws -> [String] {
        let text = try String(contentsOf: sources.appending(path: file), encoding: .utf8)
        return text.matches(of: pattern).map { String($0.1) }
    }

    @Test func refusals() throws {
        let codes = try MessageTests.codes(
            in: "Sources/SyncCore/Messages.swift", /RefusalCode\(rawValue: (\d+)\)/)
        try #require(codes.count > 20)
        for code in codes.compactMap({ UInt16($0) }) + [999] {
            let refuse = Refuse(RefusalCode(rawValue: code), words: "SAID \u{1b}[2J")
            let words = RefusalWords.words(for: refuse)
            expectWords(words, "refusal \(code)")
            #expect(words.en.contains("\(code)") && words.zh.contains("\(code)"))
            #expect(!words.en.contains("\u{1b}") && !words.zh.contains("\u{1b}"))
            // What the peer says in English stands in Chinese words only as what it is.
            #expect(!words.zh.contains("SAID") || words.zh.contains("技术信息：SAID"))
        }
        let pending = RefusalWords.words(for: Refuse(.pendingDevice), confirmation: "012345")
        #expect(pending.en.contains("012345") && pending.zh.contains("012345"))
    }

    @Test func reasons() throws {
        var codes = try MessageTests.codes(
            in: "Sources/Forms/Finding.swift", /public static let \w+ = "(\w+)"/)
        try #require(codes.count > 20)
        codes += try MessageTests.codes(in: "Protocol/GLOSSARY.md", /\n\| `(\w+)` \|/)
        codes += ["temperature_not_a_number", "temperature_out_of_range", "no_such_reason"]
        for code in Set(codes).sorted() {
            let words = ReasonWords.words(for: code)
            expectWords(words, "reason \(code)")
            let isKnown = code != "no_such_reason"
            #expect(words.en.contains("ask the centre, and tell them") != isKnown, "\(code)")
        }
    }

    @Test(arguments: StoreError.Code.allCases)
    func storeErrors(code: StoreError.Code) {
        expectWords(StoreWords.words(for: StoreError(code, "CONTEXT")), "store error \(code)")
        for number in [Int32(0), EACCES, EPERM, EROFS, EIO, ENOSPC, EISDIR, ELOOP, 12_345] {
            let error = StoreError(code, "CONTEXT", file: "/a/ballast", systemError: number)
            expectWords(StoreWords.words(for: error), "store error \(code) \(number)")
        }
    }

    @Test func keyErrors() {
        let reasons: [KeyError.Reason] = [
            .missing, .alreadyExists, .tooOpen(mode: 0o644), .unreadable, .system(EACCES), .system(EIO),
            .system(ENOSPC), .system(12_345),
        ]
        for name in ["device.key", "hub.key"] {
            for reason in reasons {
                let failure = KeyWords.failure(for: KeyError(reason, "folder/" + name))
                expectWords(failure.message, "\(name) \(reason)")
                #expect(failure.message.en.contains("folder/" + name))
                #expect(failure.message.zh.contains("folder/" + name))
                #expect(failure.status != .software)
            }
        }
    }

    @Test(arguments: SheetError.Code.allCases)
    func sheetErrors(code: SheetError.Code) {
        expectWords(SheetError(code, subject: "S", file: "f.csv").words, "sheet error \(code)")
    }

    @Test func statusesAreDistinct() {
        let all: [Console.ExitStatus] = [
            .done, .someRefused, .unreachable, .refusedByHub, .storeInUse, .diskFull, .usage, .noInput,
            .software, .diskFailed, .interrupted,
        ]
        #expect(Set(all.map(\.rawValue)).count == all.count)
    }

    @Test func whatTheParserSaysInChinese() {
        let lines = [
            ("Error: Unknown option '--dat'. Did you mean '--data'?", "错误：没有选项“--dat”；是否想写“--data”？"),
            ("Error: Unknown option '--x'", "错误：没有选项“--x”"),
            ("Error: Missing expected argument '--data <data>'", "错误：缺少“--data <data>”"),
            ("Error: Missing value for '--data <data>'", "错误：“--data <data>”后面缺少值"),
            ("Error: Unexpected argument 'a'", "错误：多余的参数“a”"),
            (
                "Error: The value 'x' is invalid for '--limit <limit>'",
                "错误：“x”不能用作“--limit <limit>”的值"
            ), ("USAGE: aggregator <subcommand>", "用法：aggregator <命令>"),
            ("  See 'aggregator --help' for more information.", "  用“aggregator --help”查看详细说明。"),
        ]
        for (english, chinese) in lines {
            #expect(ParserWords.text(english, in: .chinese) == chinese)
            #expect(ParserWords.text(english, in: .english) == english)
        }
    }

    @Test(
        arguments: [
            ("ad", "add"), ("stauts", "status"), ("improt", "import"), ("tempreture", "temperature"),
            ("xyzzy", nil), ("", nil),
        ] as [(String, String?)])
    func whatWasMeant(typed: String, meant: String?) {
        let known = ["add", "import", "sync", "status", "temperature"]
        #expect(Typo.closest(to: typed, among: known) == meant)
    }

    /// Nothing that the audit log keeps is told by its code alone.
    @Test func everyActHasWords() throws {
        let sources = try #require(
            FileManager.default.enumerator(
                at: MessageTests.sources.appending(path: "Sources"), includingPropertiesForKeys: nil))
        var events = Set(IdentityAudit.all + [RefusedAttempt.event, IdentityAudit.backedUp])
        let pattern = try Regex(#"(?:\bact\(|\bact: |\baudit\(|options\.run\()\s*"([a-z_]+)""#)
        for case let file as URL in sources where file.pathExtension == "swift" {
            let text = try String(contentsOf: file, encoding: .utf8)
            for match in text.matches(of: pattern) {
                events.insert(match.output[1].substring.map(String.init) ?? "")
            }
        }
        #expect(
            events.count >= 20 && events.isSuperset(of: ["alert_taken", "revoked", "joined", "exported"]))
        for event in events.sorted() {
            let words = AuditWords.words(for: event)
            #expect(MessageTests.hasChinese(words.zh) && !words.en.contains("_"), "\(event)")
        }
    }
}
