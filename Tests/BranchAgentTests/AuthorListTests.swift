import Console
import Foundation
import SyncCore
import Testing

@testable import BranchAgent

/// Who writes on a shared machine. Whoever calls `author` here types what `pin` returns.
@Suite struct AuthorListTests {
    private let place = AuthorPlace()
    private let now: Milliseconds = 1_600_000_000_000
    private var folder: AgentFolder { AgentFolder(path: place.path) }

    private func name(_ name: String, _ pin: String) throws {
        let hash = try PINHash(pin, random: Token16(high: 1, low: 2))
        try AuthorList.change(folder) { $0.authors.append(AuthorList.Author(name: name, pin: hash)) }
    }

    private func write(as name: String, _ pin: String, after time: Milliseconds = 0) throws -> String {
        String(
            decoding: try AuthorList.author(name, in: folder, now: now + time) { pin }, as: UTF8.self)
    }

    private func status(_ body: () throws -> Void) -> Console.ExitStatus? {
        do {
            try body()
            return nil
        } catch {
            return (error as? Failure)?.status
        }
    }

    @Test func whileNobodyIsNamedNobodyIsAsked() throws {
        let author = try AuthorList.author("T001", in: folder, now: now) {
            Issue.record("asked")
            return ""
        }
        #expect(author == Array("T001".utf8))
        #expect(!FileManager.default.fileExists(atPath: place.path + "/authors.json"))
    }

    @Test func theNameAndItsPINAreNeeded() throws {
        try name("Li", "4711")
        try name("Wang", "0815")
        #expect(try write(as: "Li", "4711") == "Li")
        #expect(status { _ = try write(as: "", "4711") } == .usage)
        #expect(status { _ = try write(as: "Li", "0815") } == .notAllowed)
        #expect(status { _ = try write(as: "li", "4711") } == .notAllowed)
        #expect(try write(as: "Wang", "0815") == "Wang")
        let file = place.path + "/authors.json"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(text.contains("Wang") && !text.contains("0815") && !text.contains("4711"))
        let rights = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions]
        #expect(rights as? Int == 0o600)
    }

    @Test func afterFiveWrongOnesANameIsClosedForLongerAndLonger() throws {
        try name("Li", "4711")
        try name("Wang", "0815")
        var time: Milliseconds = 0
        for _ in 0..<5 { #expect(status { _ = try write(as: "Li", "0000", after: time) } == .notAllowed) }
        for wait in [Milliseconds(60_000), 120_000, 240_000] {
            // Also the right one is not looked at, and no try is counted.
            #expect(status { _ = try write(as: "Li", "4711", after: time + wait - 1) } == .notAllowed)
            time += wait
            #expect(status { _ = try write(as: "Li", "0000", after: time) } == .notAllowed)
        }
        #expect(try write(as: "Wang", "0815", after: time) == "Wang")
        time += 480_000
        #expect(try write(as: "Li", "4711", after: time) == "Li")
        // And from the beginning.
        #expect(status { _ = try write(as: "Li", "0000", after: time) } == .notAllowed)
        #expect(try write(as: "Li", "4711", after: time) == "Li")
        #expect(AuthorList.wait(after: 1_000) == AuthorList.longestWait)
        // A clock that was far ahead then closes nobody out for ever.
        for _ in 0..<5 {
            #expect(status { _ = try write(as: "Li", "0000", after: 1 << 40) } == .notAllowed)
        }
        #expect(try write(as: "Li", "4711", after: time) == "Li")
    }

    /// Whoever ends the program before it has answered has tried all the same.
    @Test func aTryCountsBeforeItIsLookedAt() throws {
        try name("Li", "4711")
        for _ in 0..<5 {
            _ = try? AuthorList.author("Li", in: folder, now: now) { "0000" }
        }
        let list = try AuthorList.read(folder)
        #expect(list.authors.first?.failures == 5)
        #expect(list.authors.first.map { $0.closedUntil > now } == true)
    }

    @Test func namesCanBeToldApart() throws {
        try name("Li", "4711")
        try name("Jos\u{E9}", "4711")
        let list = try AuthorList.read(folder)
        for alike in ["li", "LI", "\u{FF2C}\u{FF49}", "L\u{ED}"] { #expect(list.alike(alike) == "Li") }
        #expect(list.alike("Jose\u{301}") == "Jos\u{E9}")
        #expect(list.alike("Li") == nil && list.alike("Lin") == nil)
        for name in ["Li", "李明", "Anna Maria", "O'Neil"] { #expect(AuthorList.isName(name)) }
        for name in ["", " Li", "Li ", "Li\u{200B}", "\u{202E}iL", "L\u{7}i", "L\ni"] {
            #expect(!AuthorList.isName(name))
        }
        #expect(!AuthorList.isName(String(repeating: "x", count: 65)))
    }

    @Test func aListThatDoesNotReadOpensNothing() throws {
        try Data("{\"authors\": [".utf8).write(to: URL(filePath: place.path + "/authors.json"))
        #expect(status { _ = try write(as: "Li", "4711") } == .noInput)
    }
}

/// A folder that goes with the test.
private final class AuthorPlace: Sendable {
    let path = FileManager.default.temporaryDirectory.appending(path: "rollcall-\(UUID().uuidString)").path

    init() {
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
