import Foundation
import Testing

/// The built program, as a script runs it.
@Suite struct ProgramTests {
    struct Run {
        var status: Int32
        var out: String
        var err: String
    }

    static var program: URL {
        let beside = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let places = [beside, root.appending(path: ".build/debug")].map { $0.appending(path: "sync-inspect") }
        return places.first { FileManager.default.isExecutableFile(atPath: $0.path) } ?? places[0]
    }

    /// What programs are given to run with, and how a sanitizer that they are built with is to behave.
    static func environment(_ own: [String: String]) -> [String: String] {
        ProcessInfo.processInfo.environment
            .filter { ["TSAN_OPTIONS", "ASAN_OPTIONS", "SWIFT_BACKTRACE"].contains($0.key) }
            .merging(own) { $1 }
    }

    static func run(_ arguments: [String], locale: String = "C.UTF-8") throws -> Run {
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.environment = environment(["LC_ALL": locale])
        let (out, err) = (Pipe(), Pipe())
        process.standardOutput = out
        process.standardError = err
        try process.run()
        let outBytes = out.fileHandleForReading.readDataToEndOfFile()
        let errBytes = err.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Run(
            status: process.terminationStatus, out: String(decoding: outBytes, as: UTF8.self),
            err: String(decoding: errBytes, as: UTF8.self))
    }

    @Test(arguments: [
        ("{42:1}", "{42:2}", "lesser"), ("{42:2}", "{42:1}", "greater"), ("{}", "{}", "equal"),
        ("{1:1}", "{2:1}", "concurrent"), ("{0:9}", "{7:0}", "equal"), ("{2:1,1:1}", "{1:1,2:1}", "equal"),
    ])
    func compares(first: String, second: String, result: String) throws {
        let json = try ProgramTests.run(["vector", "compare", first, second, "--json"])
        #expect(json.status == 0)
        #expect(json.out == "{\"result\":\"\(result)\"}\n")
        #expect(try ProgramTests.run(["vector", "compare", first, second]).out == "\(result)\n")
    }

    @Test func mergesOverTheFullRange() throws {
        let run = try ProgramTests.run(
            ["vector", "merge", "{18446744073709551615:18446744073709551615, 7:1}", "{7:2}", "--json"])
        #expect(run.status == 0)
        #expect(run.out == "{\"result\":[[7,2],[18446744073709551615,18446744073709551615]]}\n")
        #expect(run.err == "note: the first vector: the ids were sorted\n")
        #expect(try ProgramTests.run(["vector", "merge", "{}", "{}", "--json"]).out == "{\"result\":[]}\n")
        #expect(try ProgramTests.run(["vector", "merge", "{2:1}", "{1:1}"]).out == "{1:1, 2:1}\n")
    }

    @Test func whatCannotBeReadEndsWithItsCode() throws {
        let junk = try ProgramTests.run(["vector", "compare", "{1:1}", "{1:18446744073709551616}", "--json"])
        #expect(junk.status == 64)
        #expect(junk.out.isEmpty)
        #expect(junk.err.contains("second vector, character 4"))
        #expect(try ProgramTests.run(["vector", "compare", "{1:1}"]).status == 64)
        let missing = try ProgramTests.run(["queue", "--data", "/nowhere/at/all"], locale: "zh_CN.UTF-8")
        #expect(missing.status == 66)
        #expect(missing.err.contains("没有"))
        #expect(try ProgramTests.run(["record", "check-in", "1", "--data", "/nowhere"]).status == 66)
        #expect(try ProgramTests.run(["batch", "--data", "/nowhere"]).status == 66)
        #expect(try ProgramTests.run(["batch", "/nowhere/batch.bin"]).status == 66)
    }

    @Test func aClosedPipeEndsItQuietly() throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = [
            "-c", "{ sleep 0; \"$1\" vector merge '{1:1}' '{}'; echo \"status $?\" >&2; } | exec 0<&-", "sh",
            ProgramTests.program.path,
        ]
        let err = Pipe()
        process.standardError = err
        try process.run()
        let said = String(decoding: err.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(said == "status 0\n")
    }
}
