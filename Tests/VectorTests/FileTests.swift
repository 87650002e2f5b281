import Foundation
import Testing

/// The files hold the cases defined here. With `ROLLCALL_REWRITE_VECTORS=1` they are written anew.
@Suite struct FileTests {
    @Test(arguments: VectorFile.all)
    func holdsWhatIsDefined(file: VectorFile) throws {
        let text = try file.text
        if ProcessInfo.processInfo.environment["ROLLCALL_REWRITE_VECTORS"] == "1" {
            try Data(text.utf8).write(to: file.url)
        }
        let isTheSame = try Data(contentsOf: file.url) == Data(text.utf8)
        #expect(
            isTheSame,
            "\(file.name).json differs; look at why, then ROLLCALL_REWRITE_VECTORS=1 writes it anew")
    }

    @Test func everyFileIsDefined() throws {
        let stored = try FileManager.default.contentsOfDirectory(atPath: VectorFile.folder.path)
            .filter { $0.hasSuffix(".json") }.sorted()
        #expect(stored == VectorFile.all.map { "\($0.name).json" }.sorted())
    }

    @Test(arguments: VectorFile.all)
    func everyNameStandsOnce(file: VectorFile) throws {
        for (part, cases) in try VectorFile.stored(file.name).members {
            let names = cases.items.map(\.["name"].string).filter { !$0.isEmpty }
            #expect(Set(names).count == names.count, "\(file.name), \(part)")
        }
    }

    /// The page about the files names the members of every message.
    @Test func thePageNamesTheMembersOfMessages() throws {
        let page = try String(contentsOf: VectorFile.folder.appending(path: "README.md"), encoding: .utf8)
        var told: [String: Set<String>] = [:]
        for row in page.matches(of: /\n\| ((?:`[A-Z]\w+`(?:, )?)+) \| (.*) \|/) {
            let plain = row.2.replacing(/\([^)]*\)/, with: "")
            let members = Set(plain.matches(of: /`(\w+)`/).map { String($0.1) })
            for name in row.1.matches(of: /`(\w+)`/) { told[String(name.1)] = members }
        }
        var found: [String: Set<String>] = [:]
        let cases = try ["messages", "batches"].flatMap { try VectorFile.stored($0)["valid"].items }
        for item in cases.flatMap({ $0["messages"].items }) {
            let names = item.members.map(\.key)
            if names.contains("unknown") { continue }
            found[item["type"].string, default: []].formUnion(names.filter { $0 != "type" })
        }
        #expect(found.count == 18)
        #expect(told == found)
    }
}
