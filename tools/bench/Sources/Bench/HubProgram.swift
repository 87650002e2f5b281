import Foundation

/// The real programs, as they were built beside this one.
enum Programs {
    static func path(_ name: String) throws -> String {
        let own = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent().path
        let folder = ProcessInfo.processInfo.environment["ROLLCALL_PROGRAMS"] ?? own
        let path = folder + "/" + name
        guard FileManager.default.isExecutableFile(atPath: path) else {
            throw Skipped("there is no \(name) in \(folder)")
        }
        return path
    }

    /// - Parameter core: where it runs; nil leaves it to the system.
    static func process(_ name: String, _ arguments: [String], core: Int?) throws -> Process {
        let process = Process()
        let program = try path(name)
        let taskset = "/usr/bin/taskset"
        if let core, FileManager.default.isExecutableFile(atPath: taskset) {
            process.executableURL = URL(fileURLWithPath: taskset)
            process.arguments = ["-c", "\(core)", program] + arguments
        } else {
            process.executableURL = URL(fileURLWithPath: program)
            process.arguments = arguments
        }
        return process
    }

    /// Runs a program to its end.
    ///
    /// - Returns: what it wrote to the standard output.
    @discardableResult static func run(_ name: String, _ arguments: String...) throws -> String {
        let process = try process(name, arguments, core: nil)
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            throw BenchError("\(name) \(arguments.first ?? "") ended with \(process.terminationStatus)")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// `aggregator serve` as a child of this process.
final class HubProgram {
    let port: Int
    private let process: Process

    /// Returns once it listens.
    init(folder: String, port: Int, core: Int?) throws {
        self.port = port
        process = try Programs.process(
            "aggregator", ["serve", "--data", folder, "--listen", "127.0.0.1:\(port)"], core: core)
        let remarks = Pipe()
        process.standardError = remarks
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        var said = ""
        while !said.contains("listening on") {
            let more = remarks.fileHandleForReading.availableData
            guard !more.isEmpty else { throw BenchError("the hub does not come up: \(said)") }
            said += String(decoding: more, as: UTF8.self)
        }
        // What it says later must not fill the pipe.
        remarks.fileHandleForReading.readabilityHandler = {
            // At the end it would be called again and again.
            if $0.availableData.isEmpty { $0.readabilityHandler = nil }
        }
    }

    /// Ends it, and returns once it is gone.
    func stop() {
        process.terminate()
        process.waitUntilExit()
    }

    /// Seconds of processor time so far, of all its threads; nil where the system does not say.
    var processorSeconds: Double? { ProcessFacts(process.processIdentifier).processorSeconds }

    /// Bytes of memory that it holds now, and the most that it held; nil where the system does not say.
    var memory: (now: Double, most: Double)? { ProcessFacts(process.processIdentifier).memory }

    /// A port that nobody uses now.
    static func freePort() throws -> Int {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let code = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 ? getsockname(socket, $0, &length) : -1
            }
        }
        guard code == 0 else { throw BenchError("there is no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
