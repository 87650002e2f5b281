import Foundation
import LinkKit

/// The real programs in a folder of their own: a hub that serves, and branches.
final class RealPrograms {
    /// Where they lie: where `ROLLCALL_PROGRAMS` says, or beside this one.
    static let folder =
        ProcessInfo.processInfo.environment["ROLLCALL_PROGRAMS"].map { URL(filePath: $0) }
        ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()

    struct Sync: Decodable {
        var drained: Bool
        var sessions: Int
        var batches: Int
        var bytesUp: Int
        var bytesDown: Int
    }

    private struct Status: Decodable {
        struct Lane: Decodable { var recordsQueued: Int }

        var lanes: [String: Lane]
    }

    let path: String
    let port: UInt16
    private var hub: Process?

    /// - Throws: `Skipped` when the programs are not there.
    init() throws {
        for name in ["aggregator", "branch-agent", "make-college"]
        where !FileManager.default.isExecutableFile(atPath: RealPrograms.folder.appending(path: name).path) {
            throw Skipped("there is no program \(name) in \(RealPrograms.folder.path)")
        }
        path = try Bench.makeFolder()
        port = try Loopback.freePort()
        try run("aggregator", ["init", "--name", "bench", "--data", data("hub")])
    }

    deinit {
        close()
        try? FileManager.default.removeItem(atPath: path)
    }

    func data(_ name: String) -> String { path + "/" + name }

    // MARK: - Running

    /// Starts a program whose output goes to a file; what it prints is read from there when it has ended.
    func start(_ name: String, _ arguments: [String], output: String) throws -> Process {
        let process = Process()
        process.executableURL = RealPrograms.folder.appending(path: name)
        process.arguments = arguments
        process.environment = ["LANG": "C", "PATH": "/usr/bin:/bin", "TMPDIR": path]
        for file in [output, output + ".err"] {
            _ = FileManager.default.createFile(atPath: file, contents: nil)
        }
        process.standardOutput = FileHandle(forWritingAtPath: output)
        process.standardError = FileHandle(forWritingAtPath: output + ".err")
        process.standardInput = FileHandle.nullDevice
        try process.run()
        return process
    }

    /// - Returns: what it printed.
    @discardableResult func run(
        _ name: String, _ arguments: [String], codes: Set<Int32> = [0]
    ) throws -> Data {
        let output = path + "/output-\(UUID().uuidString)"
        let process = try start(name, arguments, output: output)
        process.waitUntilExit()
        let printed = try Data(contentsOf: URL(filePath: output))
        let remarks = (try? String(contentsOfFile: output + ".err", encoding: .utf8)) ?? ""
        for file in [output, output + ".err"] { try? FileManager.default.removeItem(atPath: file) }
        let code = process.terminationStatus
        guard codes.contains(code) else {
            throw BenchError("\(name) \(arguments.prefix(2)) ended with \(code): \(remarks.suffix(300))")
        }
        return printed
    }

    // MARK: - Hub

    func open() throws {
        let output = path + "/hub.log"
        hub = try start(
            "aggregator", ["serve", "--data", data("hub"), "--listen", "127.0.0.1:\(port)"], output: output)
        let end = ContinuousClock.now + .seconds(30)
        while ContinuousClock.now < end {
            let log = (try? String(contentsOfFile: output + ".err", encoding: .utf8)) ?? ""
            if log.contains("listening on") { return }
            usleep(20_000)
        }
        throw BenchError("the hub does not come up")
    }

    func close() {
        guard let hub else { return }
        self.hub = nil
        hub.terminate()
        hub.waitUntilExit()
    }

    /// A hub with one unit, B01.
    func enterUnit() throws {
        let sheet = path + "/units.csv"
        let text = """
            unit_id,unit_name,unit_type,parent_id,line
            C000,Committee,committee,,party
            B01,First,branch,C000,party

            """
        try text.write(toFile: sheet, atomically: false, encoding: .utf8)
        try importAtHub("units", sheet)
    }

    /// People of that unit.
    func enterPeople(_ ids: [String]) throws {
        let sheet = path + "/people.csv"
        let text = "person_id,name,unit_id\n" + ids.map { "\($0),Example \($0.suffix(3)),B01\n" }.joined()
        try text.write(toFile: sheet, atomically: false, encoding: .utf8)
        try importAtHub("people", sheet)
    }

    func importAtHub(_ kind: String, _ sheet: String) throws {
        try run("aggregator", ["import", kind, sheet, "--data", data("hub")], codes: [0, 1])
    }

    // MARK: - Branches

    /// - Parameter port: that of a link to the hub.
    func join(_ unit: String, as name: String, through port: UInt16? = nil) throws {
        let code = try run(
            "aggregator",
            [
                "invite", unit, "--trusted", "--address", "127.0.0.1:\(port ?? self.port)", "--data",
                data("hub"),
            ])
        let words = String(decoding: code, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        try run("branch-agent", ["join", words, "--data", data(name)])
    }

    /// From now on the branch connects there.
    func reroute(_ name: String, to port: UInt16) throws {
        try run("branch-agent", ["address", "127.0.0.1:\(port)", "--data", data(name)])
    }

    /// Rows that are refused are none of ours.
    func importSheets(_ sheets: [String], of name: String) throws {
        try run(
            "branch-agent", ["import", "check-in"] + sheets + ["--data", data(name), "--json"], codes: [0, 1])
    }

    func add(_ words: [String], to name: String) throws {
        try run("branch-agent", ["add"] + words + ["--data", data(name)])
    }

    func sync(_ name: String) throws -> Sync {
        let printed = try run("branch-agent", ["sync", "--json", "--data", data(name)])
        return try JSONDecoder().decode(Sync.self, from: printed)
    }

    /// Versions that wait for their receipt.
    func queued(_ lane: String, of name: String) throws -> Int {
        let printed = try run("branch-agent", ["status", "--json", "--data", data(name)])
        return try JSONDecoder().decode(Status.self, from: printed).lanes[lane]?.recordsQueued ?? 0
    }
}
