import Foundation
import Testing

/// How a program ended and what it printed.
struct Outcome: Sendable {
    /// The exit code; -9 when a signal 9 ended it.
    var code: Int32
    var output: String
    var remarks: String

    func json<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try JSONDecoder().decode(type, from: Data(output.utf8))
    }
}

/// A program that runs. Its output goes to files, so that nothing blocks on a full pipe.
final class Running {
    private let child: Child
    private let files: (output: URL, remarks: URL)

    /// Where the package's programs lie: beside the tests, or where `ROLLCALL_PROGRAMS` says.
    static let folder =
        ProcessInfo.processInfo.environment["ROLLCALL_PROGRAMS"].map { URL(filePath: $0) }
        ?? URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()

    /// What sanitizers are told, where the programs were built with one: see `tools/sanitize`.
    private static let ofSanitizers = ProcessInfo.processInfo.environment.filter {
        ["TSAN_OPTIONS", "ASAN_OPTIONS", "SWIFT_BACKTRACE"].contains($0.key)
    }

    /// - Parameter prefix: what the program is run through.
    init(
        _ program: String, _ arguments: [String], in folder: URL, environment: [String: String] = [:],
        through prefix: [String] = []
    ) throws {
        let name = "\(program.split(separator: "/").last ?? "")-\(UUID().uuidString)"
        files = (folder.appending(path: "\(name).out"), folder.appending(path: "\(name).err"))
        for file in [files.output, files.remarks] { try Data().write(to: file) }
        let path = program.hasPrefix("/") ? program : Running.folder.appending(path: program).path
        child = try Child(
            prefix + [path] + arguments,
            environment: ["LANG": "C", "PATH": "/usr/bin:/bin", "TMPDIR": folder.path]
                .merging(Running.ofSanitizers) { $1 }.merging(environment) { $1 },
            output: files.output.path, remarks: files.remarks.path)
    }

    var isRunning: Bool { child.isRunning }
    var remarks: String { (try? String(contentsOf: files.remarks, encoding: .utf8)) ?? "" }

    /// The most memory that it has had at one time, bytes; nil where the system does not tell, or when it
    /// has ended.
    var peakMemory: Int? { memory("VmHWM:") }

    /// The memory that it has now, bytes.
    var memory: Int? { memory("VmRSS:") }

    private func memory(_ name: String) -> Int? {
        let file = "/proc/\(child.identifier)/status"
        guard let text = try? String(contentsOfFile: file, encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name) })
        else { return nil }
        return line.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }.first.map { $0 * 1_024 }
    }

    /// Sockets that it has open now, the one that it listens on among them.
    var sockets: Int {
        let folder = "/proc/\(child.identifier)/fd"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.count { name in
            let target = try? FileManager.default.destinationOfSymbolicLink(atPath: folder + "/" + name)
            return target?.hasPrefix("socket:") ?? false
        }
    }

    func kill() { child.send(SIGKILL) }

    /// As ctrl-C does.
    func interrupt() { child.send(SIGINT) }

    /// Waits for the end; a program that takes longer than `limit` is killed. Only one that hangs takes that
    /// long, also on a busy machine.
    func end(within limit: Duration = .seconds(180)) async throws -> Outcome {
        let inTime = try await eventually(within: limit) { !child.isRunning }
        if !inTime {
            Issue.record("\(child.words) did not end within \(limit)")
            kill()
            _ = try await eventually { !child.isRunning }
        }
        return Outcome(
            code: child.code ?? -1, output: try String(contentsOf: files.output, encoding: .utf8),
            remarks: remarks)
    }

    /// Asks it to stop.
    func terminate() { child.send(SIGTERM) }

    /// Stands still while `body` runs.
    func whileHalted(_ body: () async throws -> Void) async throws {
        child.send(SIGSTOP)
        defer { child.send(SIGCONT) }
        try await body()
    }

    /// Asks it to stop, and waits.
    func stop() async throws -> Outcome {
        terminate()
        return try await end()
    }
}

/// Looks at `condition` until it holds; false when it does not within `limit`.
func eventually(
    within limit: Duration = .seconds(90), _ condition: () async throws -> Bool
) async throws -> Bool {
    let end = ContinuousClock.now + limit
    while ContinuousClock.now < end {
        if try await condition() { return true }
        try await Task.sleep(for: .milliseconds(5))
    }
    return try await condition()
}

/// A folder of its own that goes with the test.
final class Place: Sendable {
    let folder: URL
    /// Where some of its folders are disks of their own.
    let disks: SmallDisks?

    /// - Parameter disks: megabytes by name.
    init(disks: [String: Int] = [:]) throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "rollcall-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        self.folder = folder
        let sizes = disks.map { (folder.appending(path: $0.key).path, $0.value) }
        self.disks =
            disks.isEmpty ? nil : SmallDisks(Dictionary(sizes, uniquingKeysWith: { first, _ in first }))
    }

    deinit {
        disks?.leave()
        try? FileManager.default.removeItem(at: folder)
    }

    func path(_ name: String) -> String { folder.appending(path: name).path }

    /// - Parameter prefix: what the program is run through.
    func start(
        _ program: String, _ arguments: [String], environment: [String: String] = [:],
        through prefix: [String] = []
    ) throws -> Running {
        try Running(
            program, arguments, in: folder, environment: environment,
            through: (disks?.prefix ?? []) + prefix)
    }

    /// Runs a program to its end, which must come with one of `codes`.
    @discardableResult func run(
        _ program: String, _ arguments: [String], expecting codes: Set<Int32> = [0],
        environment: [String: String] = [:], at location: SourceLocation = #_sourceLocation
    ) async throws -> Outcome {
        let outcome = try await start(program, arguments, environment: environment).end()
        if !codes.contains(outcome.code) {
            let remarks = outcome.remarks.suffix(600)
            Issue.record(
                "\(program) \(arguments.prefix(3)) ended with \(outcome.code): \(remarks)",
                sourceLocation: location)
        }
        return outcome
    }
}
