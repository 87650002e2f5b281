import Foundation
import Testing

@testable import sync_sim

/// The conversations in `Protocol/scenarios`, replayed and compared line by line. With
/// `ROLLCALL_REWRITE_SCENARIOS=1` they are written anew.
@Suite struct ScenarioTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Protocol/scenarios").standardized

    @Test(arguments: Script.all.map(\.name))
    func theConversationIsAsItIsWritten(name: String) throws {
        let script = try #require(Script.all.first { $0.name == name })
        let told = try script.told()
        let file = ScenarioTests.folder.appendingPathComponent("\(name).txt")
        if ProcessInfo.processInfo.environment["ROLLCALL_REWRITE_SCENARIOS"] == "1" {
            try Data(told.utf8).write(to: file)
        }
        let written = String(decoding: (try? Data(contentsOf: file)) ?? Data(), as: UTF8.self)
        let pairs = zip(written.split(separator: "\n"), told.split(separator: "\n"))
        if let first = pairs.first(where: { $0.0 != $0.1 }) {
            Issue.record("\(name).txt says \(first.0)\n and now it is \(first.1)")
        }
        #expect(written.utf8.count == told.utf8.count, "\(name).txt is shorter or longer")
        #expect(!told.contains("WRONG"))
    }

    @Test func everyFileIsATold() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: ScenarioTests.folder.path)
        #expect(Set(files) == Set(Script.all.map { $0.name + ".txt" } + ["README.md"]))
    }
}
