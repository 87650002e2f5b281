import ArgumentParser
import Console
import Foundation
import SyncCore
import SyncStore
import SyncTransport
import Testing

@testable import sync_inspect

/// Every example that the help gives is a command line that works.
@Suite struct HelpExampleTests {
    private static let verbs = SyncInspectCommand.configuration.subcommands

    /// What stands for the words in capitals.
    private static func words(
        _ example: Substring, _ fixed: FixedWorld, _ verb: String, fingerprint: String
    ) -> [String] {
        let isOfHub = ["branches", "digest"].contains(verb)
        return example.split(separator: " ").dropFirst().map { word in
            let word = String(word.filter { $0 != "'" })
            switch word {
            case "DIR": return isOfHub ? fixed.world.centre : fixed.world.branch
            case "FINGERPRINT": return fingerprint
            case "B03": return "B02"
            case "b03.digest", "help.json", "sent.proof", "session.transcript":
                return fixed.world.root + "/" + word
            default: return word
            }
        }
    }

    /// A certificate of the vectors, and the fingerprint of the hub that it is for.
    static func evidence(to path: String) throws -> String {
        let vectors = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Protocol/vectors/certificates.json")
        let all = try JSONSerialization.jsonObject(with: try Data(contentsOf: vectors)) as? [String: Any]
        let first = try #require((all?["valid"] as? [[String: Any]])?.first?["certificate"])
        let bytes = try JSONSerialization.data(withJSONObject: first)
        try bytes.write(to: URL(filePath: path))
        let file = try #require(CertificateFile.read(Array(bytes)))
        return try #require(file.certificate(hashing: .sha256)).hub.identity(.sha256).description
    }

    @Test func examplesRun() throws {
        let fixed = try FixedWorld()
        let fingerprint = try HelpExampleTests.evidence(to: fixed.world.root + "/sent.proof")
        // A vector is one word for the shell.
        var count = 0
        for verb in HelpExampleTests.verbs {
            let name = try #require(verb.configuration.commandName)
            let discussion = verb.configuration.discussion
            let start = try #require(discussion.range(of: "Example: "), "\(name) has no example")
            for example in discussion[start.upperBound...].split(separator: ";") {
                let text = example.drop { $0 == " " }
                var words = HelpExampleTests.words(text, fixed, name, fingerprint: fingerprint)
                if name == "vector" { words = ["vector", "compare", "{42:1}", "{42:2}"] }
                if name == "capture" {
                    let line = #"{"transcript":1,"side":"agent","program":"x","began":0,"masked":true}"#
                    try Data((line + "\n").utf8).write(
                        to: URL(filePath: fixed.world.root + "/session.transcript"))
                }
                if name == "batch" {
                    let origin = try #require(try fixed.world.origin())
                    words = words.map {
                        $0 == "0363c431212fe9d4" ? String(origin.id, radix: 16) : $0
                    }
                }
                let run = try ProgramTests.run(words)
                // Nobody answers at the address of these stores, and what waits there is old.
                let others: [String: Int32] = ["reconcile": 2, "doctor": 1]
                #expect(run.status == others[name] ?? 0, "\(text): \(run.status) \(run.err)")
                count += 1
            }
        }
        #expect(count >= HelpExampleTests.verbs.count)
    }

    /// Text for people is there in both languages, and without colours where nobody watches.
    @Test func chineseTextIsChinese() throws {
        let fixed = try FixedWorld()
        for verb in ["session", "quarantine", "conflicts", "estimate"] {
            let run = try ProgramTests.run([verb, "--data", fixed.world.branch], locale: "zh_CN.UTF-8")
            #expect(run.status == 0)
            #expect(
                run.out.unicodeScalars.contains { (0x4e00...0x9fff).contains($0.value) }, "\(verb)")
            #expect(!run.out.contains("\u{1b}"))
        }
    }

    /// Whoever closes the pipe early ends nothing with an error.
    @Test func aClosedPipeIsQuiet() throws {
        let fixed = try FixedWorld()
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        let program = ProgramTests.program.path
        shell.arguments = [
            "-c",
            "'\(program)' doctor --offline --data '\(fixed.world.branch)' 2>err | head -1 >/dev/null; "
                + "cat err",
        ]
        shell.currentDirectoryURL = URL(filePath: fixed.world.root)
        shell.environment = ProgramTests.environment([
            "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin",
        ])
        let out = Pipe()
        shell.standardOutput = out
        try shell.run()
        let said = out.fileHandleForReading.readDataToEndOfFile()
        shell.waitUntilExit()
        #expect(said.isEmpty, "\(String(decoding: said, as: UTF8.self))")
    }
}
