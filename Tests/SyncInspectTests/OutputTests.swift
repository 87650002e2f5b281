import ArgumentParser
import Console
import Foundation
import SyncStore
import Testing

@testable import sync_inspect

/// How the program behaves on pipes and terminals, and what `Protocol/INSPECT.md` promises to scripts.
@Suite struct OutputTests {
    private static let page = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Protocol/INSPECT.md")

    /// A row of the page's tables: its cells, without the vertical bars.
    private static func rows() throws -> [[String]] {
        try String(contentsOf: page, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("|") }
            .map { line in
                line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            }
    }

    /// What stands in a cell in backticks.
    private static func names(_ cell: String) -> Set<String> {
        let parts = cell.split(separator: "`", omittingEmptySubsequences: false)
        return Set(parts.enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) })
    }

    /// A command line for each verb and store, with the code that it ends with there.
    private static func lines(_ fixed: FixedWorld) throws -> [(verb: String, words: [String], code: Int32)] {
        let branch = ["--data", fixed.world.branch]
        let hub = ["--data", fixed.world.centre]
        let record = ["check-in", "2020-02-03", "T004"]
        let talk = fixed.world.root + "/talk.transcript"
        let fixture = try #require(
            try fixed.world.origin().map { try CaptureTalkFixture(fixed.world, $0) })
        let head = #"{"transcript":1,"side":"agent","program":"test","began":0,"masked":false}"#
        let broken = #"{"connection":2,"ms":0,"from":"agent","broken":"no frame"}"#
        try Data(([head] + fixture.whole + [broken]).joined(separator: "\n").utf8).write(
            to: URL(filePath: talk))
        let digest = fixed.world.root + "/hub.digest"
        _ = try ProgramTests.run(["digest", "--unit", "B02", "-o", digest] + hub)
        let origin = try fixed.world.origin().map { String($0.id, radix: 16) } ?? ""
        let certificate = fixed.world.root + "/sent.proof"
        let fingerprint = try HelpExampleTests.evidence(to: certificate)
        let bundle = ["bundle", "--offline", "-o", fixed.world.root + "/help.json"]
        return [
            ("queue", ["queue"] + branch, 0), ("queue", ["queue"] + hub, 0),
            ("record", ["record"] + record + branch, 0), ("record", ["record"] + record + hub, 0),
            ("explain", ["explain"] + record + branch, 0), ("explain", ["explain"] + record + hub, 0),
            ("conflicts", ["conflicts"] + branch, 0), ("conflicts", ["conflicts"] + hub, 0),
            ("quarantine", ["quarantine"] + branch, 0), ("quarantine", ["quarantine"] + hub, 0),
            ("branches", ["branches"] + hub, 0), ("session", ["session"] + branch, 0),
            ("session", ["session"] + hub, 0), ("estimate", ["estimate"] + branch, 0),
            ("doctor", ["doctor", "--offline"] + branch, 1), ("doctor", ["doctor", "--offline"] + hub, 1),
            ("batch", ["batch"] + branch, 0),
            ("batch", ["batch", "--origin", origin, "--hexdump"] + branch, 0),
            ("batch", ["batch", "ff"], 66), ("capture", ["capture", "--hexdump", talk], 1),
            ("bundle", bundle + branch, 0),
            ("verify", ["verify", fixed.world.branch, fixed.world.centre], 0),
            ("verify", ["verify", certificate, "--hub", fingerprint], 0),
            ("reconcile", ["reconcile", "--digest", digest] + branch, 0),
            ("reconcile", ["reconcile"] + branch, 2),
            ("vector", ["vector", "compare", "{1:1}", "{2:1}"], 0),
            ("vector", ["vector", "merge", "{1:1}", "{2:1}"], 0),
        ]
    }

    /// Members of what these stores have not: damage, proofs, journals of several stores, other programs.
    private static let rare: [String: Set<String>] = [
        "queue": damage, "explain": damage, "quarantine": damage, "session": damage, "estimate": damage,
        "record": damage.union(["authoredDot", "names"]), "conflicts": damage.union(["unit"]),
        "branches": damage.union(["version"]), "batch": ["device", "inflated", "segments"],
        "verify": [
            "delete", "dot", "values", "part", "form", "author", "stated", "key", "first", "clockTrusted",
            "receipted", "entries", "authored",
        ],
        "reconcile": [
            "to", "isAltered", "wire", "bytesDown", "what", "hash", "bytesUp", "key", "day", "from",
            "questions",
        ],
    ]
    private static let damage: Set = ["part", "detail"]

    /// The names of all members, but for maps that are named by what is in the store.
    private static func members(_ value: Any, _ found: inout Set<String>) {
        let byName: Set = ["lanes", "forms", "totals", "outcomes", "values"]
        if let map = value as? [String: Any] {
            for (name, inner) in map {
                found.insert(name)
                if byName.contains(name), let inner = inner as? [String: Any] {
                    for each in inner.values { members(each, &found) }
                } else {
                    members(inner, &found)
                }
            }
        }
        for each in value as? [Any] ?? [] { members(each, &found) }
    }

    /// Whatever a verb prints for scripts is on the page, and ends with a code that is there.
    @Test func whatScriptsReadIsDocumented() throws {
        let fixed = try FixedWorld()
        let rows = try OutputTests.rows()
        let codes = Set(
            rows.flatMap { $0[0].split(separator: ",") }.compactMap {
                Int32($0.trimmingCharacters(in: .whitespaces))
            })
        #expect(codes.isSuperset(of: [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 64, 66, 70]))
        for code in codes { #expect(ExitStatus(rawValue: code) != nil, "\(code)") }
        var documented: [String: Set<String>] = [:]
        for row in rows where row.count > 1 {
            for verb in OutputTests.names(row[0]) {
                documented[verb, default: []].formUnion(OutputTests.names(row[1]))
            }
        }
        var seen: [String: Set<String>] = [:]
        for (verb, words, code) in try OutputTests.lines(fixed) {
            let run = try ProgramTests.run(words + ["--json"])
            #expect(run.status == code, "\(words): \(run.status) \(run.err)")
            #expect(codes.contains(run.status))
            guard !run.out.isEmpty else { continue }
            #expect(run.out.split(separator: "\n").count == 1 && !run.out.contains("\u{1b}"))
            var found: Set<String> = []
            OutputTests.members(try JSONSerialization.jsonObject(with: Data(run.out.utf8)), &found)
            seen[verb, default: []].formUnion(found)
        }
        for command in SyncInspectCommand.configuration.subcommands {
            let verb = try #require(command.configuration.commandName)
            if verb == "digest" { continue }
            let (known, found) = (documented[verb] ?? [], seen[verb] ?? [])
            #expect(found.subtracting(known).isEmpty, "\(verb): \(found.subtracting(known).sorted()) lack")
            let never = known.subtracting(found).subtracting(OutputTests.rare[verb] ?? [])
            #expect(never.isEmpty, "\(verb): \(never.sorted()) never come")
        }
    }

    /// Nobody reads: the work is done all the same, and nothing is said about it.
    @Test func aClosedPipeIsQuiet() throws {
        let fixed = try FixedWorld()
        for (_, words, code) in try OutputTests.lines(fixed) {
            for more in [[], ["--json"]] {
                let process = Process()
                process.executableURL = ProgramTests.program
                process.arguments = words + more
                process.environment = ProgramTests.environment(["LC_ALL": "C.UTF-8"])
                let (out, err) = (Pipe(), Pipe())
                try out.fileHandleForReading.close()
                process.standardOutput = out
                process.standardError = err
                try process.run()
                let said = String(decoding: err.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
                process.waitUntilExit()
                #expect(process.terminationReason == .exit && process.terminationStatus == code, "\(words)")
                for word in ["pipe", "unexpected", "rror"] {
                    #expect(!said.contains(word), "\(words): \(said)")
                }
            }
        }
    }

    private static let terminal = "/usr/bin/script"

    /// Runs a verb on a terminal; what it wrote there.
    private func onTerminal(_ words: [String], _ environment: [String: String]) throws -> String {
        let process = Process()
        process.executableURL = URL(filePath: OutputTests.terminal)
        let line = ([ProgramTests.program.path] + words).map { "'\($0)'" }.joined(separator: " ")
        process.arguments = ["-qec", line, "/dev/null"]
        process.environment = ProgramTests.environment(["LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"])
            .merging(environment) { $1 }
        let out = Pipe()
        process.standardOutput = out
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let bytes = out.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: terminal), "there is no `script` here"))
    func coloursOnATerminalOnly() throws {
        let fixed = try FixedWorld()
        let doctor = ["doctor", "--offline", "--data", fixed.world.branch]
        #expect(try onTerminal(doctor, ["TERM": "xterm"]).contains("\u{1b}[31m[!!]\u{1b}[0m"))
        #expect(try !onTerminal(doctor, ["TERM": "xterm", "NO_COLOR": "1"]).contains("\u{1b}"))
        #expect(try !onTerminal(doctor, ["TERM": "dumb"]).contains("\u{1b}"))
        #expect(try !onTerminal(doctor + ["--json"], ["TERM": "xterm"]).contains("\u{1b}"))
        let run = try ProgramTests.run(doctor)
        #expect(run.out.contains("[!!]") && !run.out.contains("\u{1b}"))
    }
}
